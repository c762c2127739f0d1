// From host names to addresses. Tested by tests/transport/resolver_test.cc.
#ifndef H2_TRANSPORT_RESOLVER_H_
#define H2_TRANSPORT_RESOLVER_H_

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "hpack/result.h"
#include "transport/address.h"
#include "transport/deadline.h"
#include "transport/error.h"
#include "transport/system_calls.h"

namespace h2::inline v0::transport {

// Thread-safe.
class Resolver {
 public:
  virtual ~Resolver() = default;
  // The addresses of `host` with `port`, at least one, in the order in which to try them. Numeric
  // literals (IPv6 with or without brackets) are themselves. Errors: kNameNotFound, kResolveFailed,
  // kTimedOut, kBadAddress (not a host name).
  virtual Result<std::vector<Address>, TransportError> resolve(std::string_view host,
                                                               std::uint16_t port,
                                                               Deadline deadline) = 0;
};

// c-ares: the system's hosts file and name servers, A and AAAA side by side, no thread, deadlines
// that hold. localhost and names below it are the loopback addresses (RFC 6761 §6.3).
std::unique_ptr<Resolver> make_resolver(const IoEnvironment& environment = {});

}  // namespace h2::inline v0::transport

#endif  // H2_TRANSPORT_RESOLVER_H_
