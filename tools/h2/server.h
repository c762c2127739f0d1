// The HTTP/2 server of `h2 serve` and `h2 demo`: N threads, each with an epoll loop of its own, no
// thread per connection. Tested by tests/tools/server_test.cc and server_tls_test.cc.
#ifndef H2_TOOLS_H2_SERVER_H_
#define H2_TOOLS_H2_SERVER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "h2core/config.h"
#include "h2core/connection.h"
#include "h2core/frame_trace.h"
#include "h2core/recorder.h"
#include "h2core/time.h"
#include "hpack/result.h"

namespace h2::inline v0::tools {

// What became of one connection.
struct ConnectionReport {
  std::string tls_version;  // empty in cleartext, like the next two
  std::string cipher;
  std::string alpn;
  Settings ours;
  Settings theirs;
  HpackCounts fields_received;
  HpackCounts fields_sent;
  std::uint64_t requests = 0;
  std::uint64_t bytes_received = 0;  // on the socket, TLS included
  std::uint64_t bytes_sent = 0;
  std::size_t most_buffered = 0;  // bytes of request bodies held at one time
};

// What watches one connection; null: nothing does.
struct ServerObservers {
  std::unique_ptr<FrameTrace> trace;
  std::unique_ptr<RecordSink> record;
};

struct ServerOptions {
  std::string address = "127.0.0.1";  // a numeric IPv4 or IPv6 address
  std::uint16_t port = 0;             // 0: any free one
  bool tls = true;
  std::string
      certificate_file;  // PEM; empty: a pair that names localhost, 127.0.0.1 and ::1 is made
  std::string key_file;
  std::string directory;  // empty: no files
  unsigned threads = 1;
  std::uint64_t max_body = std::uint64_t{64} << 20U;  // of one request
  // Bodies held per connection above which no more credit is given but to the oldest upload.
  std::uint64_t max_buffered = std::uint64_t{64} << 20U;
  std::size_t max_connections = 4096;        // per thread; others are closed at once
  Duration linger{};                         // how long the socket stays open after GOAWAY
  Duration handshake_timeout = seconds(10);  // for TLS and the client's preface
  Duration idle_timeout = seconds(60);       // without a stream, or without taking any output
  Duration drain_timeout = seconds(5);       // for open streams, after a stop
  // Windows and limits; role, seed, trace and record are set by the server.
  Config config = default_config();
  // Sees the frames of all connections, from all threads. Must outlive the server. Null: none.
  FrameTrace* trace = nullptr;
  // Makes what watches each new connection, on its loop's thread; where it gives a trace, that
  // takes the place of `trace`. May be empty.
  std::function<ServerObservers()> observe;
  // Called on a loop's thread whenever a connection has ended. May be empty.
  std::function<void(const ConnectionReport&)> on_connection_end;

  static Config default_config();
};

// Sums over all connections since the start.
struct ServerStats {
  std::uint64_t connections = 0;
  std::uint64_t requests = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t most_buffered = 0;  // by one connection
  std::uint64_t active = 0;         // connections open now
};

// Runs from start() until stop(), or its destruction (which ends all at once).
class Server {
 public:
  // Listens and starts the threads; else a sentence with address, phase and cause.
  static Result<std::unique_ptr<Server>, std::string> start(const ServerOptions& options);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::uint16_t port() const;
  // "https://127.0.0.1:PORT", or "http://..."; an IPv6 address is in brackets.
  std::string origin() const;
  // What a client must trust; empty in cleartext.
  const std::string& certificate_pem() const;
  ServerStats stats() const;

  // Begins to drain: no new connections, two GOAWAYs (RFC 9113 §6.8), streams finish. Returns at
  // once; may be called from any thread, more than once.
  void begin_stop();
  // Waits until all loops have ended; for `most` at longest. Whether they have.
  bool wait_stopped(Duration most);
  // A descriptor that becomes readable once all loops have ended.
  int stopped_fd() const;
  // begin_stop and wait; what has not finished after the drain timeout is cut off.
  void stop();
  // Ends all connections at once.
  void stop_now();

 private:
  struct State;
  explicit Server(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace h2::inline v0::tools

#endif  // H2_TOOLS_H2_SERVER_H_
