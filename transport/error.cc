// Words for errors. See error.h.
#include "transport/error.h"

#include <cerrno>
#include <system_error>

namespace h2::inline v0::transport {

std::string_view describe(TransportErrc code) {
  switch (code) {
    case TransportErrc::kNameNotFound:
      return "the name does not exist";
    case TransportErrc::kResolveFailed:
      return "the name service failed";
    case TransportErrc::kRefused:
      return "connection refused";
    case TransportErrc::kUnreachable:
      return "no route to the host";
    case TransportErrc::kTimedOut:
      return "timed out";
    case TransportErrc::kReset:
      return "the connection was reset";
    case TransportErrc::kClosed:
      return "this end is closed";
    case TransportErrc::kTruncated:
      return "the connection ended without TLS close_notify";
    case TransportErrc::kTlsHandshake:
      return "the TLS handshake failed";
    case TransportErrc::kTlsProtocol:
      return "the peer broke the TLS protocol";
    case TransportErrc::kTlsAlpn:
      return "no application protocol in common (ALPN)";
    case TransportErrc::kCertificateUntrusted:
      return "the certificate is not trusted";
    case TransportErrc::kCertificateExpired:
      return "the certificate has expired";
    case TransportErrc::kCertificateNotYetValid:
      return "the certificate is not valid yet";
    case TransportErrc::kCertificateWrongHost:
      return "the certificate is for another host";
    case TransportErrc::kCertificateRequired:
      return "the peer wants a client certificate";
    case TransportErrc::kBadCaFile:
      return "the CA certificates cannot be used";
    case TransportErrc::kBadCertificateFile:
      return "the certificate cannot be used";
    case TransportErrc::kBadKeyFile:
      return "the private key cannot be used";
    case TransportErrc::kBadConfiguration:
      return "an option makes no sense";
    case TransportErrc::kBadAddress:
      return "not an address or host name";
    case TransportErrc::kAddressInUse:
      return "the address is in use";
    case TransportErrc::kCancelled:
      return "cancelled";
    case TransportErrc::kSystem:
      return "a system call failed";
  }
  return "unknown error";
}

std::string_view describe(Phase phase) {
  switch (phase) {
    case Phase::kConfigure:
      return "Reading the TLS configuration";
    case Phase::kResolve:
      return "Looking up";
    case Phase::kConnect:
      return "Connecting to";
    case Phase::kListen:
      return "Listening on";
    case Phase::kAccept:
      return "Accepting a connection on";
    case Phase::kTls:
      return "TLS with";
    case Phase::kSend:
      return "Sending to";
    case Phase::kReceive:
      return "Receiving from";
    case Phase::kWait:
      return "Waiting for";
  }
  return "Talking to";
}

std::string TransportError::message() const {
  std::string text(describe(phase));
  if (!peer.empty()) {
    text += phase == Phase::kConfigure ? " (" + peer + ")" : " " + peer;
  } else if (phase != Phase::kConfigure) {
    text += " the peer";
  }
  text += " failed: ";
  text += code == TransportErrc::kSystem && sys_errno != 0
              ? std::generic_category().message(sys_errno)
              : std::string(describe(code));
  if (!detail.empty()) text += " (" + detail + ")";
  return text + ".";
}

TransportError system_error(Phase phase, int sys_errno, std::string_view peer) {
  TransportErrc code = TransportErrc::kSystem;
  switch (sys_errno) {
    case ECONNREFUSED:
      code = TransportErrc::kRefused;
      break;
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EADDRNOTAVAIL:
      code = TransportErrc::kUnreachable;
      break;
    case ETIMEDOUT:
      code = TransportErrc::kTimedOut;
      break;
    case ECONNRESET:
    case EPIPE:
    case ECONNABORTED:
      code = TransportErrc::kReset;
      break;
    case EADDRINUSE:
      code = TransportErrc::kAddressInUse;
      break;
    default:
      break;
  }
  return {phase, code, sys_errno, std::string(peer), {}};
}

}  // namespace h2::inline v0::transport
