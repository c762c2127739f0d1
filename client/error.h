// How a request fails: one typed error, with a sentence for people. Tested by
// tests/client/client_test.cc.
#ifndef H2_CLIENT_ERROR_H_
#define H2_CLIENT_ERROR_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "client/transfer.h"
#include "h2core/error.h"
#include "h2core/event.h"
#include "transport/error.h"

namespace h2::inline v0::client {

// What the client was doing.
enum class Phase : std::uint8_t {
  kRequest,  // reading what was asked for
  kResolve,  // looking up the host
  kConnect,  // opening the connection
  kTls,      // the handshake, and agreeing on HTTP/2
  kSend,     // sending the request
  kWait,     // waiting for the response
  kReceive,  // receiving the body
};

// What went wrong.
enum class ErrorKind : std::uint8_t {
  kUrl,             // the URL cannot be used
  kRequest,         // the request itself is not valid: a field, a method
  kUnsupported,     // this client does not do that (yet)
  kResolve,         // the host's name has no address
  kConnect,         // no address could be connected to
  kTls,             // the handshake failed, certificates included
  kAlpn,            // the server did not agree to HTTP/2 (RFC 9113 §3.2)
  kProtocol,        // the server broke HTTP/2, or does not speak it
  kStreamReset,     // the server ended this request (RFC 9113 §6.4, §6.8)
  kConnectionLost,  // the connection ended, or was ended by the server
  kTimeout,         // a deadline passed
  kRequestBody,     // the source of the request's body failed
  kCancelled,       // by the user
};

std::string_view to_string(Phase phase);
std::string_view to_string(ErrorKind kind);

// Why there is no (complete) response. A value; keeps nothing alive.
class Error {
 public:
  ErrorKind kind{};
  Phase phase{};
  std::string host;    // "example.com:443"; empty if the URL could not be read
  std::string detail;  // the cause, a phrase without host and phase
  // What HTTP/2 says about it, if it does: a code of RFC 9113 §7 and the rule that was broken.
  std::optional<ErrorCode> code;
  Errc cause = Errc::kNone;
  // Whether the server acted on the request; kNo: sending it again is safe (RFC 9113 §8.7).
  Processed processed = Processed::kUnknown;
  // What the transport said, if the cause is there.
  std::optional<transport::TransportError> transport;
  // What is known of the transfer, up to its failure.
  TransferInfo info;

  // One sentence without a full stop that names host, phase and cause:
  // "connecting to localhost:81 failed: connection refused".
  std::string message() const;
};

}  // namespace h2::inline v0::client

#endif  // H2_CLIENT_ERROR_H_
