// Dialing. See dialer.h.
#include "transport/dialer.h"

#include <algorithm>
#include <cctype>
#include <string_view>
#include <utility>

#include "transport/tcp_connect.h"
#include "transport/tls_stream.h"

namespace h2::inline v0::transport {

namespace {

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) ==
           std::tolower(static_cast<unsigned char>(y));
  });
}

// Families in turns, beginning with that of the first address (RFC 8305 §4).
std::vector<Address> interleaved(const std::vector<Address>& addresses) {
  std::vector<Address> first;
  std::vector<Address> second;
  for (const Address& address : addresses) {
    (address.family() == addresses.front().family() ? first : second).push_back(address);
  }
  std::vector<Address> order;
  for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
    if (i < first.size()) order.push_back(first[i]);
    if (i < second.size()) order.push_back(second[i]);
  }
  return order;
}

std::string name_of(const DialTarget& target) {
  const bool bare_v6 = target.host.find(':') != std::string::npos && target.host.front() != '[';
  return (bare_v6 ? "[" + target.host + "]" : target.host) + ":" + std::to_string(target.port);
}

class DefaultDialer final : public Dialer {
 public:
  DefaultDialer(const DialerOptions& options, std::shared_ptr<Resolver> resolver,
                const IoEnvironment& environment)
      : options_(options), resolver_(std::move(resolver)), environment_(environment) {}

  Result<Dialed, TransportError> dial(const DialTarget& target, Deadline deadline) override {
    Dialed dialed;
    dialed.timings.started = environment_.clock->now();
    auto addresses = addresses_of(target, deadline);
    if (!addresses) return unexpected(std::move(addresses).error());
    dialed.timings.resolved = environment_.clock->now();

    const std::string name = name_of(target);
    auto fd = connect_first(interleaved(*addresses), options_.attempt_delay, deadline, name,
                            environment_);
    if (!fd) return unexpected(std::move(fd).error());
    auto tcp = std::make_unique<TcpStream>(*fd, options_.tcp, environment_);
    dialed.timings.connected = environment_.clock->now();

    if (target.tls) {
      auto tls = TlsStream::client(std::move(tcp), target.tls,
                                   target.server_name.empty() ? target.host : target.server_name);
      if (!tls) return unexpected(std::move(tls).error());
      if (auto done = (*tls)->handshake(deadline); !done)
        return unexpected(std::move(done).error());
      dialed.stream = std::move(*tls);
    } else {
      dialed.stream = std::move(tcp);
    }
    dialed.timings.secured = target.tls ? environment_.clock->now() : dialed.timings.connected;
    dialed.info = dialed.stream->info();
    dialed.alpn = dialed.info.alpn;
    dialed.remote_address = dialed.info.peer_address;
    return dialed;
  }

 private:
  Result<std::vector<Address>, TransportError> addresses_of(const DialTarget& target,
                                                            Deadline deadline) {
    std::vector<Address> found;
    for (const ResolveOverride& one : target.overrides) {
      if (!same_name(one.host, target.host) || (one.port != 0 && one.port != target.port)) continue;
      const auto address =
          Address::from_literal(one.address, one.to_port != 0 ? one.to_port : target.port);
      if (!address) {
        return unexpected(TransportError{Phase::kResolve, TransportErrc::kBadAddress, 0,
                                         one.address, "override for " + one.host});
      }
      found.push_back(*address);
    }
    if (!found.empty()) return found;
    auto resolved = resolver_->resolve(target.host, target.port, deadline);
    if (resolved && resolved->empty()) {
      return unexpected(
          TransportError{Phase::kResolve, TransportErrc::kNameNotFound, 0, target.host, {}});
    }
    return resolved;
  }

  DialerOptions options_;
  std::shared_ptr<Resolver> resolver_;
  IoEnvironment environment_;
};

}  // namespace

std::unique_ptr<Dialer> make_dialer(const DialerOptions& options,
                                    std::shared_ptr<Resolver> resolver,
                                    const IoEnvironment& environment) {
  if (!resolver) resolver = make_resolver(environment);
  return std::make_unique<DefaultDialer>(options, std::move(resolver), environment);
}

}  // namespace h2::inline v0::transport
