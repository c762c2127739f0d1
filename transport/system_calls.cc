// The kernel's calls. See system_calls.h.
#include "transport/system_calls.h"

#include <sys/eventfd.h>
#include <unistd.h>

namespace h2::inline v0::transport {

int SystemCalls::socket(int domain, int type, int protocol) {
  return ::socket(domain, type, protocol);
}
int SystemCalls::connect(int fd, const sockaddr* address, socklen_t length) {
  return ::connect(fd, address, length);
}
int SystemCalls::bind(int fd, const sockaddr* address, socklen_t length) {
  return ::bind(fd, address, length);
}
int SystemCalls::listen(int fd, int backlog) { return ::listen(fd, backlog); }
int SystemCalls::accept4(int fd, sockaddr* address, socklen_t* length, int flags) {
  return ::accept4(fd, address, length, flags);
}
ssize_t SystemCalls::recv(int fd, void* buffer, std::size_t size, int flags) {
  return ::recv(fd, buffer, size, flags);
}
ssize_t SystemCalls::sendmsg(int fd, const msghdr* message, int flags) {
  return ::sendmsg(fd, message, flags);
}
int SystemCalls::poll(pollfd* fds, nfds_t count, int timeout_ms) {
  return ::poll(fds, count, timeout_ms);
}
int SystemCalls::close(int fd) { return ::close(fd); }
int SystemCalls::shutdown(int fd, int how) { return ::shutdown(fd, how); }
int SystemCalls::getsockopt(int fd, int level, int name, void* value, socklen_t* length) {
  return ::getsockopt(fd, level, name, value, length);
}
int SystemCalls::setsockopt(int fd, int level, int name, const void* value, socklen_t length) {
  return ::setsockopt(fd, level, name, value, length);
}
int SystemCalls::getsockname(int fd, sockaddr* address, socklen_t* length) {
  return ::getsockname(fd, address, length);
}
int SystemCalls::getpeername(int fd, sockaddr* address, socklen_t* length) {
  return ::getpeername(fd, address, length);
}
int SystemCalls::eventfd(unsigned value, int flags) { return ::eventfd(value, flags); }
ssize_t SystemCalls::read(int fd, void* buffer, std::size_t size) {
  return ::read(fd, buffer, size);
}
ssize_t SystemCalls::write(int fd, const void* buffer, std::size_t size) {
  return ::write(fd, buffer, size);
}

SystemCalls& system_calls() {
  static SystemCalls kernel;
  return kernel;
}

}  // namespace h2::inline v0::transport
