// A server in this process for tests of the `h2` program: it listens on a free port of 127.0.0.1,
// in cleartext or over TLS, and does with each connection what the test says. Not for production:
// one thread per connection, blocking.
#ifndef H2_TESTS_TOOLS_LOOPBACK_SERVER_H_
#define H2_TESTS_TOOLS_LOOPBACK_SERVER_H_

#include <openssl/ssl.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace h2::inline v0::testing {

// How to speak TLS.
struct LoopbackTls {
  std::string certificate_file;
  std::string key_file;
  std::string alpn = "h2";  // what is chosen if the client offers it; empty: no ALPN answer
};

// One accepted connection.
class LoopbackStream {
 public:
  LoopbackStream(int fd, SSL_CTX* context);
  ~LoopbackStream();
  LoopbackStream(const LoopbackStream&) = delete;
  LoopbackStream& operator=(const LoopbackStream&) = delete;

  // Whether the connection (and its handshake) succeeded.
  bool ok() const { return ok_; }
  // What comes next, at most 64 KiB; empty at the end.
  std::string read();
  // Reads until `n` bytes have come in all since the start, or the end.
  void read_until(std::size_t n);
  // Reads until the peer closes.
  void read_to_end();
  void write(std::string_view bytes);
  // Closes so that the peer sees a reset instead of an orderly end.
  void reset();

 private:
  int fd_;
  SSL* ssl_ = nullptr;
  bool ok_ = true;
  std::size_t received_ = 0;
};

// Listens from its construction to its end.
class LoopbackServer {
 public:
  using Handler = std::function<void(LoopbackStream&)>;
  explicit LoopbackServer(Handler handler, const std::optional<LoopbackTls>& tls = std::nullopt);
  ~LoopbackServer();
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;

  std::uint16_t port() const { return port_; }
  // "http://127.0.0.1:PORT", or "https://localhost:PORT".
  std::string origin() const;
  int connections() const { return connections_; }

 private:
  void accept_all();

  Handler handler_;
  std::unique_ptr<std::string> alpn_;
  std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_{0};
  std::thread acceptor_;
  std::mutex mutex_;
  std::vector<int> open_;  // descriptors to be shut down at the end
  std::vector<std::thread> workers_;
};

// A frame's bytes (RFC 9113 §4.1); `length` may lie about the payload.
std::string frame_bytes(int type, int flags, std::uint32_t stream, std::string_view payload,
                        std::optional<std::uint32_t> length = std::nullopt);

// What a request was, and what to answer.
struct LoopbackRequest {
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;
  std::string field(std::string_view name) const;
};
struct LoopbackResponse {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> fields{};
  std::string body{};
};

// A handler that speaks HTTP/2 properly and answers each request once it is complete.
LoopbackServer::Handler answer_requests(
    std::function<LoopbackResponse(const LoopbackRequest&)> answer);

}  // namespace h2::inline v0::testing

#endif  // H2_TESTS_TOOLS_LOOPBACK_SERVER_H_
