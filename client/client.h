// An HTTP/2 client that blocks, for any number of threads (RFC 9113, RFC 9110).
//
//   h2::Client client;
//   auto response = client.get("https://example.com/");
//   if (!response) { std::cerr << response.error().message() << '\n'; return 1; }
//   std::cout << response->status << ' ' << response->header("content-type") << '\n' <<
//   response->body;
//
// Requests to one origin (scheme, host, port) share one connection, which is made by the first of
// them and replaced when it takes no new requests any more. There is no background thread. Tested
// by tests/client/client_test.cc.
#ifndef H2_CLIENT_CLIENT_H_
#define H2_CLIENT_CLIENT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/error.h"
#include "client/request.h"
#include "client/response.h"
#include "h2core/frame_trace.h"
#include "h2core/recorder.h"
#include "hpack/result.h"
#include "transport/clock.h"
#include "transport/dialer.h"
#include "transport/driver.h"

namespace h2::inline v0::client {

// What watches one connection; null: nothing does.
struct ConnectionObservers {
  std::unique_ptr<FrameTrace> trace;
  std::unique_ptr<RecordSink> record;
};

struct ClientOptions {
  // ---- TLS
  bool verify = true;     // the server's certificate and its name
  std::string ca_file;    // PEM; empty: the system's roots
  std::string cert_file;  // PEM: the client's certificate, and its key
  std::string key_file;
  std::vector<std::string> alpn = {"h2"};  // what is offered (RFC 9113 §3.2)

  // ---- connections
  // Speak HTTP/2 to http:// URLs at once, without asking (RFC 9113 §3.3). Without it, they are
  // refused.
  bool http2_prior_knowledge = false;
  // Connects to `address` (numeric) for this host and port instead of looking the name up. Several
  // entries for one host and port are several addresses.
  struct Resolve {
    std::string host;
    std::uint16_t port = 0;
    std::string address;
  };
  std::vector<Resolve> resolve;

  // ---- time; a request can have its own
  Duration connect_timeout = seconds(10);  // name, connection and TLS together
  std::optional<Duration> timeout;         // the whole request; none: no limit
  // How long a body that was announced with "expect: 100-continue" waits for the server's word.
  Duration expect_continue_timeout = seconds(1);

  // ---- requests
  std::string user_agent = "h2cpp/0.1";  // empty: none is sent
  // Of requests that the server certainly did not act on (RFC 9113 §8.7). A request that meets a
  // connection just when the server ends it in good order moves on to the next; that counts as
  // none.
  int max_retries = 1;

  // ---- for programs that look closer; all must outlive the client and its responses
  transport::Dialer* dialer = nullptr;  // null: TCP and TLS
  transport::Clock* clock = nullptr;    // null: the system's
  // Makes the trace of each new connection to `host_port`; null: none.
  std::function<std::unique_ptr<FrameTrace>(std::string_view host_port)> frame_trace;
  // The same for both a trace and a record of what the connection does (h2core/recorder.h). May be
  // empty; where it gives a trace, frame_trace is not asked.
  std::function<ConnectionObservers(std::string_view host_port)> observe;
  // The HTTP/2 settings of new connections; `memory`, `hash_seed`, `trace` and
  // `record` are the client's own.
  Config http2 = transport::Driver::client_config();
};

// A handle: cheap to copy, all copies are the same client. Thread-safe.
class Client {
 public:
  explicit Client(ClientOptions options = {});

  // These wait for the whole response. Any status is a response and no error.
  Result<Response, Error> get(std::string_view url) const;
  Result<Response, Error> post(std::string_view url, std::string body,
                               std::string_view content_type) const;
  Result<Response, Error> request(Request request) const;
  // Waits for the response's header section; the body is read from what is returned.
  Result<ResponseStream, Error> open(Request request) const;

  // Ends the connections that nobody uses now.
  void close_idle() const;

  struct Impl;

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace h2::inline v0::client

namespace h2::inline v0 {
using client::Client;
using client::ClientOptions;
using client::Request;
using client::Response;
}  // namespace h2::inline v0

#endif  // H2_CLIENT_CLIENT_H_
