// Listening sockets. See listener.h.
#include "transport/listener.h"

#include <netinet/in.h>
#include <sys/eventfd.h>

#include <array>
#include <cerrno>

namespace h2::inline v0::transport {

Listener::Listener(int fd, int wake_fd, const ListenOptions& options,
                   const IoEnvironment& environment)
    : environment_(environment), options_(options), fd_(fd), wake_fd_(wake_fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  if (environment_.calls->getsockname(fd_, address, &length) == 0)
    address_ = Address(address, length);
}

Listener::~Listener() {
  (void)environment_.calls->close(fd_);
  (void)environment_.calls->close(wake_fd_);
}

Result<std::unique_ptr<Listener>, TransportError> Listener::listen(
    std::string_view host, std::uint16_t port, const ListenOptions& options,
    const IoEnvironment& environment) {
  SystemCalls& calls = *environment.calls;
  const std::string_view literal = host.empty() ? "::" : host == "localhost" ? "127.0.0.1" : host;
  const std::string name = std::string(host) + ":" + std::to_string(port);
  const auto address = Address::from_literal(literal, port);
  if (!address)
    return unexpected(TransportError{Phase::kListen, TransportErrc::kBadAddress, 0, name, {}});
  const int fd = calls.socket(address->family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return unexpected(system_error(Phase::kListen, errno, name));
  const auto set = [&](int level, int option, int value) {
    (void)calls.setsockopt(fd, level, option, &value, sizeof value);
  };
  set(SOL_SOCKET, SO_REUSEADDR, 1);
  if (options.reuse_port) set(SOL_SOCKET, SO_REUSEPORT, 1);
  if (host.empty()) set(IPPROTO_IPV6, IPV6_V6ONLY, 0);
  if (calls.bind(fd, address->data(), address->size()) != 0 ||
      calls.listen(fd, options.backlog) != 0) {
    const int error = errno;
    (void)calls.close(fd);
    return unexpected(system_error(Phase::kListen, error, name));
  }
  const int wake_fd = calls.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (wake_fd < 0) {
    const int error = errno;
    (void)calls.close(fd);
    return unexpected(system_error(Phase::kListen, error, name));
  }
  return std::unique_ptr<Listener>(new Listener(fd, wake_fd, options, environment));
}

Result<std::unique_ptr<TcpStream>, TransportError> Listener::try_accept() {
  for (;;) {
    const int fd = environment_.calls->accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) return std::make_unique<TcpStream>(fd, options_.tcp, environment_);
    if (errno == EAGAIN || errno == EWOULDBLOCK) return std::unique_ptr<TcpStream>();
    // What belongs to a connection that died in the queue is not the listener's trouble
    // (accept(2)).
    const bool connection_died = errno == EINTR || errno == ECONNABORTED || errno == EPROTO ||
                                 errno == ENETDOWN || errno == EHOSTUNREACH || errno == ENETUNREACH;
    if (!connection_died)
      return unexpected(system_error(Phase::kAccept, errno, address_.to_string()));
  }
}

Result<std::unique_ptr<TcpStream>, TransportError> Listener::accept(Deadline deadline) {
  for (;;) {
    auto accepted = try_accept();
    if (!accepted || *accepted != nullptr) return accepted;
    std::array<pollfd, 2> fds{{{fd_, POLLIN, 0}, {wake_fd_, POLLIN, 0}}};
    const int count = environment_.calls->poll(fds.data(), fds.size(),
                                               poll_timeout(deadline, environment_.clock->now()));
    if (count < 0 && errno != EINTR) {
      return unexpected(system_error(Phase::kAccept, errno, address_.to_string()));
    }
    if (count == 0 && environment_.clock->now() >= deadline) {
      return unexpected(
          TransportError{Phase::kAccept, TransportErrc::kTimedOut, 0, address_.to_string(), {}});
    }
    if (count > 0 && (fds[1].revents & POLLIN) != 0) {
      std::uint64_t times = 0;
      (void)environment_.calls->read(wake_fd_, &times, sizeof times);
      return unexpected(
          TransportError{Phase::kAccept, TransportErrc::kCancelled, 0, address_.to_string(), {}});
    }
  }
}

void Listener::wake() noexcept {
  const std::uint64_t one = 1;
  (void)environment_.calls->write(wake_fd_, &one, sizeof one);
}

}  // namespace h2::inline v0::transport
