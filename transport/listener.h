// Listens for TCP connections. Tested by tests/transport/tcp_stream_test.cc.
#ifndef H2_TRANSPORT_LISTENER_H_
#define H2_TRANSPORT_LISTENER_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "hpack/result.h"
#include "transport/address.h"
#include "transport/deadline.h"
#include "transport/error.h"
#include "transport/system_calls.h"
#include "transport/tcp_stream.h"

namespace h2::inline v0::transport {

struct ListenOptions {
  int backlog = 1024;
  bool reuse_port = false;  // SO_REUSEPORT: several listeners share the port
  TcpOptions tcp{};         // for the accepted sockets
};

class Listener {
 public:
  // Binds to an IP literal ("127.0.0.1", "::" …; "" for any IPv6 and IPv4 address, "localhost" for
  // 127.0.0.1) and a port, 0 for any free one.
  static Result<std::unique_ptr<Listener>, TransportError> listen(
      std::string_view host, std::uint16_t port, const ListenOptions& options = {},
      const IoEnvironment& environment = {});
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // A connection that is waiting, or nullptr if there is none. Connections that died in the queue
  // are skipped. Out of descriptors is an error (kSystem, EMFILE or ENFILE) after which listening
  // goes on.
  Result<std::unique_ptr<TcpStream>, TransportError> try_accept();
  // Waits for one; kTimedOut, or kCancelled after wake().
  Result<std::unique_ptr<TcpStream>, TransportError> accept(Deadline deadline);
  // Makes the accept() under way, or else the next one, return kCancelled. Any thread.
  void wake() noexcept;

  const Address& address() const { return address_; }  // as bound
  std::uint16_t port() const { return address_.port(); }
  int descriptor() const { return fd_; }

 private:
  Listener(int fd, int wake_fd, const ListenOptions& options, const IoEnvironment& environment);
  IoEnvironment environment_;
  ListenOptions options_;
  int fd_;
  int wake_fd_;
  Address address_;
};

}  // namespace h2::inline v0::transport

#endif  // H2_TRANSPORT_LISTENER_H_
