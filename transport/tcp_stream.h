// A ByteStream over a TCP socket (or any stream socket). Non-blocking, poll() to wait, an eventfd
// to be woken. Tested by tests/transport/tcp_stream_test.cc and faults_test.cc.
#ifndef H2_TRANSPORT_TCP_STREAM_H_
#define H2_TRANSPORT_TCP_STREAM_H_

#include <atomic>
#include <memory>
#include <span>
#include <string>

#include "h2core/time.h"
#include "transport/address.h"
#include "transport/byte_stream.h"
#include "transport/system_calls.h"

namespace h2::inline v0::transport {

// Set on each socket; a socket that is not TCP ignores them.
struct TcpOptions {
  bool no_delay = true;                   // TCP_NODELAY
  Duration keepalive_idle = seconds(15);  // also the interval between probes; zero: no keepalive
  int keepalive_probes = 3;
  Duration user_timeout = seconds(
      30);  // TCP_USER_TIMEOUT: unacknowledged data this old ends the connection; zero: kernel's
};

class TcpStream final : public ByteStream {
 public:
  // Takes ownership of a connected stream socket and makes it non-blocking. `environment` must
  // outlive it.
  explicit TcpStream(int fd, const TcpOptions& options = {}, const IoEnvironment& environment = {});
  ~TcpStream() override;

  // Connects to one address; blocks until done or the deadline. For several addresses use a Dialer.
  static Result<std::unique_ptr<TcpStream>, TransportError> connect(
      const Address& address, Deadline deadline, const TcpOptions& options = {},
      const IoEnvironment& environment = {});

  Result<IoResult, TransportError> try_read(std::span<std::uint8_t> buffer) override;
  Result<IoResult, TransportError> try_write(std::span<const Bytes> pieces) override;
  Result<Ready, TransportError> wait(bool want_read, bool want_write, Deadline deadline) override;
  void wake() noexcept override;
  void shutdown_write() noexcept override;
  void close() noexcept override;
  int descriptor() const override { return fd_; }
  const StreamInfo& info() const override { return info_; }

 private:
  TransportError closed_error(Phase phase) const;

  IoEnvironment environment_;
  int fd_;
  std::atomic<int> wake_fd_{-1};  // made by the first wait()
  std::atomic<bool> woken_{false};
  StreamInfo info_;
};

}  // namespace h2::inline v0::transport

#endif  // H2_TRANSPORT_TCP_STREAM_H_
