// From "host and port" to an established stream: names, addresses, TCP, TLS, ALPN, under one
// deadline. Tested by tests/transport/dialer_test.cc.
#ifndef H2_TRANSPORT_DIALER_H_
#define H2_TRANSPORT_DIALER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "h2core/time.h"
#include "hpack/result.h"
#include "transport/address.h"
#include "transport/byte_stream.h"
#include "transport/deadline.h"
#include "transport/error.h"
#include "transport/resolver.h"
#include "transport/system_calls.h"
#include "transport/tcp_stream.h"
#include "transport/tls.h"

namespace h2::inline v0::transport {

// "Connect there instead": names and ports compare with the target's.
struct ResolveOverride {
  std::string host{};         // without regard to case
  std::uint16_t port = 0;     // 0: any
  std::string address{};      // an IP literal
  std::uint16_t to_port = 0;  // 0: the target's
};

struct DialTarget {
  std::string host{};  // a name or an IP literal, IPv6 with or without brackets
  std::uint16_t port = 0;
  std::shared_ptr<const TlsContext> tls{};  // nullptr: cleartext
  std::string
      server_name{};  // instead of host for SNI and the check of the certificate; empty: host
  std::vector<ResolveOverride> overrides{};  // all that match are tried, and nothing else
};

// Instants on the dialer's clock; equal neighbours where a step was not needed.
struct DialTimings {
  Time started;
  Time resolved;
  Time connected;
  Time secured;
};

struct Dialed {
  std::unique_ptr<ByteStream> stream{};
  std::string alpn{};            // as in stream->info(); empty if none was agreed
  std::string remote_address{};  // as in stream->info()
  StreamInfo info{};
  DialTimings timings{};
};

// Thread-safe.
class Dialer {
 public:
  virtual ~Dialer() = default;
  virtual Result<Dialed, TransportError> dial(const DialTarget& target, Deadline deadline) = 0;
};

struct DialerOptions {
  TcpOptions tcp{};
  // How long an address is tried alone before the next is tried beside it (RFC 8305 §5).
  Duration attempt_delay = milliseconds(250);
};

// Resolves, tries addresses by Happy Eyeballs (families in turns, the first connection wins, RFC
// 8305 §4 and §5), then TLS. `resolver` nullptr: make_resolver(environment).
std::unique_ptr<Dialer> make_dialer(const DialerOptions& options = {},
                                    std::shared_ptr<Resolver> resolver = nullptr,
                                    const IoEnvironment& environment = {});

}  // namespace h2::inline v0::transport

#endif  // H2_TRANSPORT_DIALER_H_
