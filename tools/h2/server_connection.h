// One socket of the server: TLS or cleartext beneath, ServerStreams above, and the timeouts of
// both. Part of tools/h2/server.h's inside.
#ifndef H2_TOOLS_H2_SERVER_CONNECTION_H_
#define H2_TOOLS_H2_SERVER_CONNECTION_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "tools/h2/server_shared.h"
#include "tools/h2/server_streams.h"
#include "transport/byte_stream.h"
#include "transport/tls_stream.h"

namespace h2::inline v0::tools {

class ServerConnection {
 public:
  // Takes over `fd`, a connected socket.
  ServerConnection(int fd, ServerShared& shared, Time now);
  ~ServerConnection();
  ServerConnection(const ServerConnection&) = delete;
  ServerConnection& operator=(const ServerConnection&) = delete;

  int fd() const { return fd_; }
  // The socket is readable, writable or broken, as far as epoll's `events` say. `scratch` is memory
  // for one read.
  void on_ready(std::uint32_t events, std::span<std::uint8_t> scratch, Time now);
  void on_time(std::span<std::uint8_t> scratch, Time now);
  // What epoll is to wait for.
  std::uint32_t wanted_events() const;
  Time next_deadline() const;
  // The socket can be closed.
  bool finished() const { return phase_ == Phase::kFinished; }

  // Graceful end, in two steps.
  void begin_drain(Time now);
  // Ends everything now; what the socket takes at once is still written.
  void cut(Time now);

  // What epoll was told last, and when the loop's timer is set; for the loop's use.
  std::uint32_t registered_events = 0;
  Time timer = Time::never();

 private:
  enum class Phase : std::uint8_t {
    kHandshake,  // TLS
    kOpen,
    kLingering,  // HTTP/2 is over, the socket stays open on purpose
    kClosing,    // our side of the socket is shut; waiting for the peer's end
    kFinished,
  };

  void pump(bool readable, std::span<std::uint8_t> scratch, Time now);
  void go_on_with_handshake();
  bool can_read() const;
  // Whether reading again makes sense.
  bool read_stream(std::span<std::uint8_t> scratch, Time now);
  void process(Bytes bytes, Time now);
  void lose(Time now);
  void flush(Time now);
  // Writes once; whether it makes sense to go on.
  bool write_stream(std::size_t& budget, Time now);
  void settle(Time now);
  void begin_closing(Time now);
  bool output_waits() const;

  int fd_;  // owned by stream_
  ServerShared& shared_;
  ServerStreams streams_;
  std::unique_ptr<transport::ByteStream> stream_;
  transport::TlsStream* tls_ = nullptr;  // the same, in a handshake
  Phase phase_ = Phase::kOpen;
  std::vector<std::uint8_t> unread_;  // what the connection did not take yet
  bool handshake_writes_ = false;
  bool input_left_ = false;  // the stream has more than one turn took
  bool draining_ = false;
  Time opened_;
  Time last_progress_;                  // bytes in, or bytes out
  Time stalled_since_ = Time::never();  // output waits, and none of it was taken since
  Time phase_ends_ = Time::never();     // of kLingering and kClosing
  std::uint64_t bytes_received_ = 0;
  std::uint64_t bytes_sent_ = 0;
};

}  // namespace h2::inline v0::tools

#endif  // H2_TOOLS_H2_SERVER_CONNECTION_H_
