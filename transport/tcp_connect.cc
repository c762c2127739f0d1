// Happy Eyeballs. See tcp_connect.h.
#include "transport/tcp_connect.h"

#include <cerrno>
#include <optional>
#include <vector>

namespace h2::inline v0::transport {

int poll_until(const IoEnvironment& environment, pollfd* fds, nfds_t count, Deadline deadline) {
  for (;;) {
    const int ready =
        environment.calls->poll(fds, count, poll_timeout(deadline, environment.clock->now()));
    if (ready > 0) return ready;
    if (ready < 0 && errno != EINTR) return ready;
    if (ready == 0 && deadline <= environment.clock->now()) return 0;
  }
}

namespace {

// How much an error says: a host that refuses is more news than an address family that this machine
// lacks.
int weight(TransportErrc code) {
  switch (code) {
    case TransportErrc::kUnreachable:
      return 0;
    case TransportErrc::kTimedOut:
      return 2;
    case TransportErrc::kRefused:
      return 3;
    default:
      return 1;
  }
}

class Attempts {
 public:
  Attempts(std::string_view target, const IoEnvironment& environment)
      : target_(target), environment_(environment) {}
  ~Attempts() {
    for (const pollfd& one : pending_) (void)environment_.calls->close(one.fd);
  }
  Attempts(const Attempts&) = delete;
  Attempts& operator=(const Attempts&) = delete;

  bool idle() const { return pending_.empty(); }

  // The socket if it is connected at once.
  std::optional<int> begin(const Address& address) {
    const int fd =
        environment_.calls->socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
      failed(errno, address);
      return std::nullopt;
    }
    // An interrupted connect goes on by itself.
    const int result = environment_.calls->connect(fd, address.data(), address.size());
    if (result == 0) return fd;
    if (errno != EINPROGRESS && errno != EINTR) {
      failed(errno, address);
      (void)environment_.calls->close(fd);
      return std::nullopt;
    }
    pending_.push_back(pollfd{fd, POLLOUT, 0});
    addresses_.push_back(address);
    return std::nullopt;
  }

  // Waits until `until`; the first socket that is connected, if any.
  Result<std::optional<int>, TransportError> wait(Time until) {
    const int ready = poll_until(environment_, pending_.data(), pending_.size(), until);
    if (ready < 0) return unexpected(system_error(Phase::kConnect, errno, target_));
    for (std::size_t i = 0; ready > 0 && i < pending_.size();) {
      if (pending_[i].revents == 0) {
        ++i;
        continue;
      }
      int error = 0;
      socklen_t length = sizeof error;
      const int fd = pending_[i].fd;
      if (environment_.calls->getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
        error = errno;
      const Address address = addresses_[i];
      pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(i));
      addresses_.erase(addresses_.begin() + static_cast<std::ptrdiff_t>(i));
      if (error == 0) return std::optional<int>(fd);
      failed(error, address);
      (void)environment_.calls->close(fd);
    }
    return std::optional<int>();
  }

  TransportError timed_out() const {
    std::string detail;
    for (const Address& address : addresses_)
      detail += (detail.empty() ? "no answer from " : ", ") + address.to_string();
    return TransportError{Phase::kConnect, TransportErrc::kTimedOut, 0, target_, detail};
  }

  TransportError worst(std::size_t tried) {
    if (!error_)
      return TransportError{Phase::kConnect, TransportErrc::kNameNotFound, 0, target_,
                            "no address to try"};
    if (tried > 1) error_->detail = "the most telling of " + std::to_string(tried) + " addresses";
    return *error_;
  }

 private:
  void failed(int error, const Address& address) {
    const std::string text = address.to_string();
    TransportError now = system_error(Phase::kConnect, error,
                                      text == target_ ? target_ : target_ + " (" + text + ")");
    if (!error_ || weight(now.code) > weight(error_->code)) error_ = std::move(now);
  }

  std::string target_;
  const IoEnvironment& environment_;
  std::vector<pollfd> pending_;
  std::vector<Address> addresses_;  // beside pending_
  std::optional<TransportError> error_;
};

}  // namespace

Result<int, TransportError> connect_first(std::span<const Address> addresses, Duration delay,
                                          Deadline deadline, std::string_view target,
                                          const IoEnvironment& environment) {
  Attempts attempts(target, environment);
  std::size_t next = 0;
  Time next_start = environment.clock->now();
  for (;;) {
    const Time now = environment.clock->now();
    if (deadline <= now) return unexpected(attempts.timed_out());
    if (next < addresses.size() && (attempts.idle() || next_start <= now)) {
      next_start = now + delay;
      if (const auto fd = attempts.begin(addresses[next++])) return *fd;
      continue;
    }
    if (attempts.idle()) return unexpected(attempts.worst(addresses.size()));
    const auto connected =
        attempts.wait(next < addresses.size() ? earlier(deadline, next_start) : deadline);
    if (!connected) return unexpected(connected.error());
    if (*connected) return **connected;
  }
}

}  // namespace h2::inline v0::transport
