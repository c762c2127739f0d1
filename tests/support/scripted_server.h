// A server in this process for tests: one thread, a free port of 127.0.0.1, cleartext or TLS, and
// either an HTTP/2 connection (h2::Connection as the server) whose events the test handles, or raw
// bytes at the test's command.
//
//   ScriptedServer server(ScriptedServer::echo());
//   client.post(server.url("/x"), body, "text/plain");
//
// Handlers run on the server's thread, one at a time. Not for production.
#ifndef H2_TESTS_SUPPORT_SCRIPTED_SERVER_H_
#define H2_TESTS_SUPPORT_SCRIPTED_SERVER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "h2core/connection.h"
#include "tests/support/frame_script.h"

namespace h2::tests {

// A self-signed certificate and its key, PEM.
struct TestCertificate {
  std::string certificate;
  std::string key;
};
// For the DNS name `name`, and 127.0.0.1 if the name is "localhost"; valid now, or long expired.
TestCertificate make_test_certificate(const std::string& name = "localhost", bool expired = false);

// One accepted connection, as handlers see it.
class ServedConnection {
 public:
  virtual ~ServedConnection() = default;
  // 0 for the first accepted connection, and so on.
  virtual int index() const = 0;
  // Not for raw servers.
  virtual Connection& http2() = 0;
  // Bytes that go out after what is queued, whatever the protocol says.
  virtual void write_raw(std::string_view bytes) = 0;
  // Closes once all output is written; with an RST of TCP if `abruptly`.
  virtual void close(bool abruptly = false) = 0;
};

// A request that a handler of whole requests sees.
struct ServedRequest {
  StreamId id;
  Fields fields;
  std::string body;
  bool complete = false;
  // The value of a field; "" if it is not there.
  std::string field(std::string_view name) const;
};
struct ServedAnswer {
  int status = 200;
  Fields fields{};
  std::string body{};
  Fields trailers{};
};

class ScriptedServer {
 public:
  // Each event of each connection (HTTP/2 is spoken by the server itself).
  using OnEvent = std::function<void(ServedConnection&, const Event&)>;
  // Raw: called when a connection stands, and whenever bytes have come; `received` is all so far.
  using OnBytes = std::function<void(ServedConnection&, std::string_view received)>;
  using Answer = std::function<ServedAnswer(const ServedRequest&)>;

  struct Options {
    OnEvent on_event{};
    OnBytes on_bytes{};                    // set: the server is raw
    const TestCertificate* tls = nullptr;  // null: cleartext. Copied.
    std::string alpn = "h2";               // what is chosen if offered; empty: no answer
    Config config = Config::server();
  };
  explicit ScriptedServer(Options options);
  ~ScriptedServer();
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  // Answers each request once it is complete. Bodies are acknowledged as they come.
  static Options answering(Answer answer);
  // Sends each request's body back as it comes, or, for a request without one, "METHOD PATH".
  static Options echo();
  // Raw: once `after` bytes have come, sends `bytes` and closes (or not).
  static Options sending(std::string bytes, std::size_t after = 24, bool then_close = true);

  std::uint16_t port() const { return port_; }
  // "http://127.0.0.1:PORT/path", or "https://localhost:PORT/path".
  std::string url(std::string_view path) const;
  int connections() const { return accepted_; }
  // Runs on the server's thread with each open connection.
  void each_connection(std::function<void(ServedConnection&)> action);

 private:
  struct Served;
  void run();

  Options options_;
  TestCertificate tls_;
  std::shared_ptr<void> tls_context_;
  int listener_ = -1;
  int wake_[2] = {-1, -1};
  std::uint16_t port_ = 0;
  std::atomic<int> accepted_{0};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::vector<std::function<void(ServedConnection&)>> actions_;  // guarded by mutex_
  std::vector<std::unique_ptr<Served>> served_;
  std::thread thread_;
};

}  // namespace h2::tests

#endif  // H2_TESTS_SUPPORT_SCRIPTED_SERVER_H_
