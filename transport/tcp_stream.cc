// TCP as a byte stream. See tcp_stream.h.
#include "transport/tcp_stream.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>

namespace h2::inline v0::transport {

namespace {

constexpr std::size_t kMostPieces = 64;

bool is_would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

// Not every socket is TCP (pairs in tests), so that failures here are no errors.
void set_options(int fd, const TcpOptions& options, SystemCalls& calls) {
  const auto set = [&](int level, int name, int value) {
    (void)calls.setsockopt(fd, level, name, &value, sizeof value);
  };
  if (options.no_delay) set(IPPROTO_TCP, TCP_NODELAY, 1);
  if (options.keepalive_idle.ns > 0) {
    const int idle =
        static_cast<int>(std::max<std::int64_t>(1, options.keepalive_idle.ns / 1'000'000'000));
    set(SOL_SOCKET, SO_KEEPALIVE, 1);
    set(IPPROTO_TCP, TCP_KEEPIDLE, idle);
    set(IPPROTO_TCP, TCP_KEEPINTVL, idle);
    set(IPPROTO_TCP, TCP_KEEPCNT, options.keepalive_probes);
  }
  if (options.user_timeout.ns > 0) {
    set(IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(options.user_timeout.ns / 1'000'000));
  }
}

std::string name_of(int fd, SystemCalls& calls, bool peer) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  const int done =
      peer ? calls.getpeername(fd, address, &length) : calls.getsockname(fd, address, &length);
  if (done != 0 || (storage.ss_family != AF_INET && storage.ss_family != AF_INET6)) return {};
  return Address(address, length).to_string();
}

}  // namespace

TcpStream::TcpStream(int fd, const TcpOptions& options, const IoEnvironment& environment)
    : environment_(environment), fd_(fd) {
  const int flags = ::fcntl(fd_, F_GETFL, 0);
  if (flags >= 0) (void)::fcntl(fd_, F_SETFL, flags | O_NONBLOCK);
  set_options(fd_, options, *environment_.calls);
  info_.peer_address = name_of(fd_, *environment_.calls, true);
  info_.local_address = name_of(fd_, *environment_.calls, false);
}

TcpStream::~TcpStream() {
  close();
  if (const int fd = wake_fd_.load(); fd >= 0) (void)environment_.calls->close(fd);
}

Result<std::unique_ptr<TcpStream>, TransportError> TcpStream::connect(
    const Address& address, Deadline deadline, const TcpOptions& options,
    const IoEnvironment& environment) {
  SystemCalls& calls = *environment.calls;
  const std::string peer = address.to_string();
  const int fd = calls.socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return unexpected(system_error(Phase::kConnect, errno, peer));
  const auto fail = [&](int error) {
    (void)calls.close(fd);
    return unexpected(system_error(Phase::kConnect, error, peer));
  };
  if (calls.connect(fd, address.data(), address.size()) != 0 && errno != EINPROGRESS &&
      errno != EINTR) {
    return fail(errno);
  }
  for (;;) {
    pollfd waiting{fd, POLLOUT, 0};
    const int ready = calls.poll(&waiting, 1, poll_timeout(deadline, environment.clock->now()));
    if (ready > 0) break;
    if (ready < 0 && errno != EINTR) return fail(errno);
    if (ready == 0) return fail(ETIMEDOUT);
  }
  int error = 0;
  socklen_t length = sizeof error;
  if (calls.getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0) error = errno;
  if (error != 0) return fail(error);
  return std::make_unique<TcpStream>(fd, options, environment);
}

TransportError TcpStream::closed_error(Phase phase) const {
  return {phase, TransportErrc::kClosed, 0, info_.peer_address, {}};
}

Result<IoResult, TransportError> TcpStream::try_read(std::span<std::uint8_t> buffer) {
  if (fd_ < 0) return unexpected(closed_error(Phase::kReceive));
  if (buffer.empty()) return IoResult::of(0);
  for (;;) {
    const ssize_t n = environment_.calls->recv(fd_, buffer.data(), buffer.size(), 0);
    if (n > 0) return IoResult::of(static_cast<std::size_t>(n));
    if (n == 0) return IoResult::at_end();
    if (errno == EINTR) continue;
    if (is_would_block(errno)) return IoResult::wants_to_read();
    return unexpected(system_error(Phase::kReceive, errno, info_.peer_address));
  }
}

Result<IoResult, TransportError> TcpStream::try_write(std::span<const Bytes> pieces) {
  if (fd_ < 0) return unexpected(closed_error(Phase::kSend));
  std::array<iovec, kMostPieces> parts;
  std::size_t count = 0;
  for (const Bytes piece : pieces) {
    if (count == parts.size()) break;
    if (!piece.empty())
      parts[count++] = iovec{const_cast<std::uint8_t*>(piece.data()), piece.size()};
  }
  if (count == 0) return IoResult::of(0);
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = count;
  for (;;) {
    // MSG_NOSIGNAL: a broken pipe is an error and no signal.
    const ssize_t n = environment_.calls->sendmsg(fd_, &message, MSG_NOSIGNAL);
    if (n > 0) return IoResult::of(static_cast<std::size_t>(n));
    // A kernel that takes nothing without saying why would be asked for ever.
    if (n == 0) return unexpected(system_error(Phase::kSend, EPIPE, info_.peer_address));
    if (errno == EINTR) continue;
    if (is_would_block(errno)) return IoResult::wants_to_write();
    return unexpected(system_error(Phase::kSend, errno, info_.peer_address));
  }
}

Result<Ready, TransportError> TcpStream::wait(bool want_read, bool want_write, Deadline deadline) {
  if (fd_ < 0) return unexpected(closed_error(Phase::kWait));
  SystemCalls& calls = *environment_.calls;
  if (wake_fd_.load() < 0) {
    const int fd = calls.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fd < 0) return unexpected(system_error(Phase::kWait, errno, info_.peer_address));
    wake_fd_.store(fd);
  }
  // A wake() that came before there was a descriptor is seen here; a later one writes to it.
  if (woken_.exchange(false)) return Ready{false, false, true, false};
  const short wanted = static_cast<short>((want_read ? POLLIN : 0) | (want_write ? POLLOUT : 0));
  for (;;) {
    std::array<pollfd, 2> fds{{{wanted != 0 ? fd_ : -1, wanted, 0}, {wake_fd_.load(), POLLIN, 0}}};
    const int count =
        calls.poll(fds.data(), fds.size(), poll_timeout(deadline, environment_.clock->now()));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return unexpected(system_error(Phase::kWait, errno, info_.peer_address));
    Ready ready;
    const bool trouble = (fds[0].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
    ready.readable = want_read && (trouble || (fds[0].revents & POLLIN) != 0);
    ready.writable = want_write && (trouble || (fds[0].revents & POLLOUT) != 0);
    if ((fds[1].revents & POLLIN) != 0) {
      std::uint64_t times = 0;
      (void)calls.read(wake_fd_.load(), &times, sizeof times);
      // False if an earlier wait() saw the flag already: one wake() ends one wait().
      ready.woken = woken_.exchange(false);
    }
    if (ready.readable || ready.writable || ready.woken) return ready;
    if (environment_.clock->now() < deadline) continue;
    ready.timed_out = true;
    return ready;
  }
}

void TcpStream::wake() noexcept {
  woken_.store(true);
  const std::uint64_t one = 1;
  if (const int fd = wake_fd_.load(); fd >= 0)
    (void)environment_.calls->write(fd, &one, sizeof one);
}

void TcpStream::shutdown_write() noexcept {
  if (fd_ >= 0) (void)environment_.calls->shutdown(fd_, SHUT_WR);
}

void TcpStream::close() noexcept {
  if (fd_ >= 0) (void)environment_.calls->close(fd_);
  fd_ = -1;
}

}  // namespace h2::inline v0::transport
