// Words for errors; see error.h.
#include "client/error.h"

namespace h2::inline v0::client {

std::string_view to_string(Phase phase) {
  switch (phase) {
    case Phase::kRequest:
      return "request";
    case Phase::kResolve:
      return "resolve";
    case Phase::kConnect:
      return "connect";
    case Phase::kTls:
      return "tls";
    case Phase::kSend:
      return "send";
    case Phase::kWait:
      return "wait";
    case Phase::kReceive:
      return "receive";
  }
  return "unknown";
}

std::string_view to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kUrl:
      return "url";
    case ErrorKind::kRequest:
      return "request";
    case ErrorKind::kUnsupported:
      return "unsupported";
    case ErrorKind::kResolve:
      return "resolve";
    case ErrorKind::kConnect:
      return "connect";
    case ErrorKind::kTls:
      return "tls";
    case ErrorKind::kAlpn:
      return "alpn";
    case ErrorKind::kProtocol:
      return "protocol";
    case ErrorKind::kStreamReset:
      return "stream_reset";
    case ErrorKind::kConnectionLost:
      return "connection_lost";
    case ErrorKind::kTimeout:
      return "timeout";
    case ErrorKind::kRequestBody:
      return "request_body";
    case ErrorKind::kCancelled:
      return "cancelled";
  }
  return "unknown";
}

std::string Error::message() const {
  if (host.empty()) return detail;
  const std::string why = ": " + detail;
  switch (phase) {
    case Phase::kRequest:
      return "the request to " + host + " cannot be made" + why;
    case Phase::kResolve:
      return "could not resolve host " + host + why;
    case Phase::kConnect:
      return "could not connect to " + host + why;
    case Phase::kTls:
      return "TLS with " + host + " failed" + why;
    case Phase::kSend:
      return "could not send the request to " + host + why;
    case Phase::kWait:
      return "no response from " + host + why;
    case Phase::kReceive:
      return "could not receive the whole body from " + host + why;
  }
  return host + why;
}

}  // namespace h2::inline v0::client
