// One socket of the server: TLS or cleartext beneath, ServerStreams above, and the timeouts of both.
// Part of tools/h2/server.h's inside.
#ifndef H2_TOOLS_H2_SERVER_CONNECTION_H_
#define H2_TOOLS_H2_SERVER_CONNECTION_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "tools/h2/server_shared.h"
#include "tools/h2/server_streams.h"

namespace h2::inline v0::tools {

class ServerConnection {
 public:
  // Takes over `fd`, which is non-blocking.
  ServerConnection(int fd, ServerShared& shared, Time now);
  ~ServerConnection();
  ServerConnection(const ServerConnection&) = delete;
  ServerConnection& operator=(const ServerConnection&) = delete;

  int fd() const { return fd_; }
  // The socket is readable, writable or broken, as far as epoll's `events` say. `scratch` is memory for one read.
  void on_ready(std::uint32_t events, std::span<std::uint8_t> scratch, Time now);
  void on_time(Time now);
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

  void read_socket(std::span<std::uint8_t> scratch, Time now);
  void take_bytes(Bytes bytes, Time now);
  void take_tls(Bytes bytes, Time now);
  void finish_handshake(Time now);
  void process(Bytes bytes, Time now);
  void lose(Time now);
  void flush(Time now);
  bool flush_plain(std::size_t& budget, Time now);
  bool flush_tls(std::size_t& budget, Time now);
  bool send_sealed(Time now);
  void settle(Time now);
  void begin_closing(Time now);
  bool output_waits() const;

  int fd_;
  ServerShared& shared_;
  ServerStreams streams_;
  std::unique_ptr<transport::TlsEngine> tls_;
  Phase phase_;
  std::vector<std::uint8_t> unread_;  // plaintext that the connection did not take yet
  bool peer_ended_ = false;           // no more bytes will come
  bool draining_ = false;
  bool preface_seen_ = false;
  Time opened_;
  Time last_progress_;  // bytes in, or bytes out
  Time last_written_;
  Time phase_ends_ = Time::never();  // of kLingering and kClosing
  std::uint64_t bytes_received_ = 0;
  std::uint64_t bytes_sent_ = 0;
};

}  // namespace h2::inline v0::tools

#endif  // H2_TOOLS_H2_SERVER_CONNECTION_H_
