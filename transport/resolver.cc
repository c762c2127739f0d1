// Names by c-ares. See resolver.h.
#include "transport/resolver.h"

#include <ares.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <mutex>
#include <string>

#include "transport/tcp_connect.h"

namespace h2::inline v0::transport {

namespace {

struct Lookup {
  bool done = false;
  int status = ARES_ENODATA;
  std::vector<Address> addresses;
};

void on_done(void* arg, int status, int /*timeouts*/, ares_addrinfo* info) {
  auto* lookup = static_cast<Lookup*>(arg);
  lookup->done = true;
  lookup->status = status;
  if (info == nullptr) return;
  for (const ares_addrinfo_node* node = info->nodes; node != nullptr; node = node->ai_next) {
    if (node->ai_family != AF_INET && node->ai_family != AF_INET6) continue;
    lookup->addresses.emplace_back(node->ai_addr, static_cast<socklen_t>(node->ai_addrlen));
  }
  ares_freeaddrinfo(info);
}

// Whether `name` is `domain` or below it, without regard to case.
bool is_below(std::string_view name, std::string_view domain) {
  if (!name.empty() && name.back() == '.') name.remove_suffix(1);
  if (name.size() < domain.size()) return false;
  const std::string_view end = name.substr(name.size() - domain.size());
  const bool same = std::equal(end.begin(), end.end(), domain.begin(), [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == b;
  });
  return same && (name.size() == domain.size() || name[name.size() - domain.size() - 1] == '.');
}

bool is_plausible(std::string_view host) {
  // 253 characters and perhaps a dot at the end (RFC 1035 §2.3.4); the rest is the name servers' to
  // judge.
  return !host.empty() && host.size() <= 254 && std::all_of(host.begin(), host.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte > 0x20 && byte != 0x7f && c != '/' && c != ':' && c != '[' && c != ']' && c != '@';
  });
}

class AresResolver final : public Resolver {
 public:
  explicit AresResolver(const IoEnvironment& environment) : environment_(environment) {
    static std::once_flag once;
    std::call_once(once, [] { (void)ares_library_init(ARES_LIB_INIT_ALL); });
  }

  Result<std::vector<Address>, TransportError> resolve(std::string_view host, std::uint16_t port,
                                                       Deadline deadline) override {
    if (auto literal = Address::from_literal(host, port)) return std::vector<Address>{*literal};
    if (!is_plausible(host)) return failure(TransportErrc::kBadAddress, host, {});
    if (is_below(host, "localhost")) {
      return std::vector<Address>{*Address::from_literal("::1", port),
                                  *Address::from_literal("127.0.0.1", port)};
    }
    if (is_below(host, "invalid"))
      return failure(TransportErrc::kNameNotFound, host, {});  // RFC 6761 §6.4
    return ask(std::string(host), port, deadline);
  }

 private:
  static Unexpected<TransportError> failure(TransportErrc code, std::string_view host,
                                            std::string detail) {
    return unexpected(
        TransportError{Phase::kResolve, code, 0, std::string(host), std::move(detail)});
  }

  Result<std::vector<Address>, TransportError> ask(const std::string& host, std::uint16_t port,
                                                   Deadline deadline) {
    ares_channel channel = nullptr;
    ares_options options{};
    char lookups[] = "fb";  // the hosts file, then the name servers
    options.lookups = lookups;
    if (const int status = ares_init_options(&channel, &options, ARES_OPT_LOOKUPS);
        status != ARES_SUCCESS) {
      return failure(TransportErrc::kResolveFailed, host, ares_strerror(status));
    }
    Lookup lookup;
    ares_addrinfo_hints hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    ares_getaddrinfo(channel, host.c_str(), nullptr, &hints, &on_done, &lookup);
    bool in_time = true;
    while (!lookup.done && in_time) in_time = turn(channel, deadline);
    ares_destroy(channel);  // calls on_done if it was not yet
    if (!in_time) return failure(TransportErrc::kTimedOut, host, {});
    if (lookup.status == ARES_ENOTFOUND || lookup.status == ARES_ENODATA) {
      return failure(TransportErrc::kNameNotFound, host, {});
    }
    if (lookup.status == ARES_EBADNAME) return failure(TransportErrc::kBadAddress, host, {});
    if (lookup.status != ARES_SUCCESS)
      return failure(TransportErrc::kResolveFailed, host, ares_strerror(lookup.status));
    if (lookup.addresses.empty()) return failure(TransportErrc::kNameNotFound, host, {});
    for (Address& address : lookup.addresses) address = address.with_port(port);
    return std::move(lookup.addresses);
  }

  // One wait for the name servers; false if the deadline passed.
  bool turn(ares_channel channel, Deadline deadline) {
    const Time now = environment_.clock->now();
    if (deadline <= now) return false;
    std::array<ares_socket_t, ARES_GETSOCK_MAXNUM> sockets{};
    const auto mask =
        static_cast<unsigned>(ares_getsock(channel, sockets.data(), ARES_GETSOCK_MAXNUM));
    std::array<pollfd, ARES_GETSOCK_MAXNUM> fds{};
    nfds_t count = 0;
    for (unsigned i = 0; i < sockets.size(); ++i) {
      const bool readable = (mask & (1U << i)) != 0;
      const bool writable = (mask & (1U << (i + ARES_GETSOCK_MAXNUM))) != 0;
      if (!readable && !writable) continue;
      fds[count].fd = sockets[i];
      fds[count].events = static_cast<short>((readable ? POLLIN : 0) | (writable ? POLLOUT : 0));
      ++count;
    }
    timeval longest{1, 0};
    timeval soon{};
    const timeval* left = ares_timeout(channel, &longest, &soon);
    const Time until = now + seconds(left->tv_sec) + microseconds(left->tv_usec);
    const int ready = poll_until(environment_, fds.data(), count, earlier(deadline, until));
    if (ready <= 0) {
      ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);  // its own time-outs
      return true;
    }
    for (nfds_t i = 0; i < count; ++i) {
      if (fds[i].revents == 0) continue;
      const bool failed = (fds[i].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
      ares_process_fd(channel,
                      failed || (fds[i].revents & POLLIN) != 0 ? fds[i].fd : ARES_SOCKET_BAD,
                      (fds[i].revents & POLLOUT) != 0 ? fds[i].fd : ARES_SOCKET_BAD);
    }
    return true;
  }

  IoEnvironment environment_;
};

}  // namespace

std::unique_ptr<Resolver> make_resolver(const IoEnvironment& environment) {
  return std::make_unique<AresResolver>(environment);
}

}  // namespace h2::inline v0::transport
