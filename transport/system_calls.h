// The seam to the operating system's sockets: everything that this folder asks of the kernel goes
// through here, so that tests can inject interrupted calls, short writes and failures. Each
// function is the system call of its name, with its return value and errno. Callers retry EINTR.
// Tested by tests/transport/faults_test.cc.
#ifndef H2_TRANSPORT_SYSTEM_CALLS_H_
#define H2_TRANSPORT_SYSTEM_CALLS_H_

#include <poll.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>

#include "transport/clock.h"

namespace h2::inline v0::transport {

// Thread-safe. The functions are those of the kernel unless overridden.
class SystemCalls {
 public:
  virtual ~SystemCalls() = default;
  virtual int socket(int domain, int type, int protocol);
  virtual int connect(int fd, const sockaddr* address, socklen_t length);
  virtual int bind(int fd, const sockaddr* address, socklen_t length);
  virtual int listen(int fd, int backlog);
  virtual int accept4(int fd, sockaddr* address, socklen_t* length, int flags);
  virtual ssize_t recv(int fd, void* buffer, std::size_t size, int flags);
  virtual ssize_t sendmsg(int fd, const msghdr* message, int flags);
  virtual int poll(pollfd* fds, nfds_t count, int timeout_ms);
  virtual int close(int fd);
  virtual int shutdown(int fd, int how);
  virtual int getsockopt(int fd, int level, int name, void* value, socklen_t* length);
  virtual int setsockopt(int fd, int level, int name, const void* value, socklen_t length);
  virtual int getsockname(int fd, sockaddr* address, socklen_t* length);
  virtual int getpeername(int fd, sockaddr* address, socklen_t* length);
  virtual int eventfd(unsigned value, int flags);
  virtual ssize_t read(int fd, void* buffer, std::size_t size);
  virtual ssize_t write(int fd, const void* buffer, std::size_t size);
};

// The kernel's. Lives for the whole program.
SystemCalls& system_calls();

// What sockets are made of; both must outlive whatever was given them.
struct IoEnvironment {
  SystemCalls* calls = &system_calls();
  Clock* clock = &system_clock();
};

}  // namespace h2::inline v0::transport

#endif  // H2_TRANSPORT_SYSTEM_CALLS_H_
