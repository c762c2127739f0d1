// What can go wrong between us and a peer's bytes: names, connections, TLS, system calls.
//
// A TransportError says in which phase it happened, why, with whom, and as a sentence for people.
// It is a value; the functions of this folder return it in a Result and do not throw it.
// Tested by tests/transport/error_test.cc.
#ifndef H2_TRANSPORT_ERROR_H_
#define H2_TRANSPORT_ERROR_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace h2::inline v0::transport {

// What was being done.
enum class Phase : std::uint8_t {
  kConfigure,  // reading certificates, keys and options; no peer involved
  kResolve,    // looking up a name
  kConnect,    // establishing the TCP connection
  kListen,     // binding or listening
  kAccept,     // accepting a connection
  kTls,        // the TLS handshake
  kSend,
  kReceive,
  kWait,  // waiting for readiness
};

// Why it failed.
enum class TransportErrc : std::uint8_t {
  kNameNotFound,          // the name does not exist, or has no address
  kResolveFailed,         // name servers failed or did not answer; trying later may help
  kRefused,               // nobody listens there
  kUnreachable,           // no route to the host or network, or no such local address
  kTimedOut,              // the deadline passed, or the kernel gave the connection up
  kReset,                 // the peer (or something between) reset the connection
  kClosed,                // this end is closed already
  kTruncated,             // the connection ended without TLS close_notify (RFC 8446 §6.1)
  kTlsHandshake,          // the peers did not agree, or one broke the protocol
  kTlsProtocol,           // after the handshake: a fatal alert or a record that does not verify
  kTlsAlpn,               // no application protocol in common (RFC 7301 §3.2)
  kCertificateUntrusted,  // no path to a trusted root, or an unusable certificate
  kCertificateExpired,
  kCertificateNotYetValid,
  kCertificateWrongHost,  // the certificate is for other names
  kCertificateRequired,   // the server wants a client certificate and got none that it accepts
  kBadCaFile,
  kBadCertificateFile,
  kBadKeyFile,
  kBadConfiguration,  // another option makes no sense
  kBadAddress,        // an address or host name that cannot be parsed
  kAddressInUse,
  kCancelled,
  kSystem,  // another system call error, see sys_errno
};

// A few words for each, such as "connection refused". Static storage.
std::string_view describe(TransportErrc code);
std::string_view describe(Phase phase);

struct TransportError {
  Phase phase{};
  TransportErrc code{};
  int sys_errno = 0;     // 0 if no system call's error is behind it
  std::string peer{};    // "example.com:443 (192.0.2.1:443)", an address, a file's path, or empty
  std::string detail{};  // more about the cause, such as what the TLS library said; may be empty

  // A sentence with phase, peer and cause: "Connecting to example.com:443 failed: connection
  // refused."
  std::string message() const;
};

// The error behind an errno value.
TransportError system_error(Phase phase, int sys_errno, std::string_view peer = {});

}  // namespace h2::inline v0::transport

#endif  // H2_TRANSPORT_ERROR_H_
