// `h2 demo`: a server and a client in one process share one connection over TLS, and what happened
// is shown. Tested by tests/tools/verbs_test.cc.
#include <sys/mman.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <latch>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "client/client.h"
#include "tools/h2/demo_report.h"
#include "tools/h2/serve_bodies.h"
#include "tools/h2/server.h"
#include "tools/h2/verbs.h"

namespace h2::inline v0::tools {

namespace {

// Threads beyond this many make nothing livelier; more requests than threads take turns.
constexpr unsigned kMostThreads = 256;
constexpr std::size_t kLines = 40;

Time now() {
  return Time{std::chrono::duration_cast<std::chrono::nanoseconds>(
                  std::chrono::steady_clock::now().time_since_epoch())
                  .count()};
}

// Passes frames of the client's connection on to the totals.
class DemoTrace final : public FrameTrace {
 public:
  explicit DemoTrace(FrameTotals& totals) : totals_(totals) {}
  void on_frame(Direction direction, const FrameHeader& header, Bytes payload) noexcept override {
    totals_.add(direction, header, payload);
  }
  void on_field(Direction, StreamId, const hpack::HeaderField&) noexcept override {}

 private:
  FrameTotals& totals_;
};

// A file in memory with a name, for options that take a file.
class MemoryFile {
 public:
  explicit MemoryFile(const std::string& contents) : fd_(::memfd_create("h2-demo", MFD_CLOEXEC)) {
    if (fd_ >= 0 &&
        ::write(fd_, contents.data(), contents.size()) != static_cast<ssize_t>(contents.size())) {
      std::cerr << "h2 demo: cannot write a file in memory\n";
    }
  }
  ~MemoryFile() { ::close(fd_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  fill_pattern(0, {reinterpret_cast<std::uint8_t*>(text.data()), size});
  return text;
}

// One request and what must come back.
struct DemoTask {
  std::string method = "GET";
  std::string path;
  std::string body;
  int status = 200;
  std::optional<std::string> expected;  // the whole body; none: see `json`
  bool json = false;                    // the body lists the request's fields
  bool trailers = false;
};

DemoTask bytes_task(std::size_t size) {
  DemoTask task;
  task.path = "/bytes/" + std::to_string(size);
  task.expected = pattern(size);
  return task;
}

DemoTask make_task(std::size_t i) {
  DemoTask task;
  switch (i % 10) {
    case 0:
      return bytes_task(100);
    case 1:
      return bytes_task(16'000 + i);
    case 2:
      task.path = "/headers";
      task.json = true;
      return task;
    case 3:
      return bytes_task(200'000);
    case 4: {
      const std::string ms = std::to_string(10 + i % 50);
      task.path = "/delay/" + ms;
      task.expected = "after " + ms + " ms\n";
      return task;
    }
    case 5:
      return bytes_task(1'000'000);
    case 6:
      task.path = "/status/404";
      task.status = 404;
      task.expected = "status 404\n";
      return task;
    case 7:
      task.method = "POST";
      task.path = "/echo";
      task.body = pattern(30'000);
      task.expected = task.body;
      return task;
    case 8:
      task.path = "/trailers";
      task.trailers = true;
      task.expected = "trailer fields follow this line\n";
      return task;
    default:
      task.path = "/drip/8/5";
      task.expected = pattern(8);
      return task;
  }
}

struct DemoResult {
  DemoRow row;
  std::string problem;  // empty: the response was right
  client::TransferInfo info;
};

std::string judge(const DemoTask& task, const client::Response& response) {
  if (response.status != task.status) {
    return "status " + std::to_string(response.status) + " instead of " +
           std::to_string(task.status);
  }
  if (task.expected && response.body.size() != task.expected->size()) {
    return std::to_string(response.body.size()) + " bytes instead of " +
           std::to_string(task.expected->size());
  }
  if (task.expected && response.body != *task.expected) return "the body is not what was sent";
  if (task.trailers && response.trailers.get("x-note").empty()) return "the trailers are missing";
  if (task.json) {
    const auto json = nlohmann::json::parse(response.body, nullptr, false);
    if (json.is_discarded() || !json.contains("fields"))
      return "the body is not the JSON that was due";
  }
  return {};
}

DemoResult perform(const Client& client, const std::string& origin, const DemoTask& task) {
  DemoResult result;
  result.row.method = task.method;
  result.row.path = task.path;
  Request request;
  request.method = task.method;
  request.url = origin + task.path;
  request.body = task.body;
  request.timeout = seconds(60);
  request.headers.add("accept", "*/*");
  if (!task.body.empty()) request.headers.add("content-type", "text/plain");
  result.row.begin = now();
  auto stream = client.open(std::move(request));
  result.row.head = result.row.end = now();
  if (!stream) {
    result.problem = stream.error().message();
    return result;
  }
  auto response = stream->collect();
  result.row.end = now();
  result.info = stream->info();
  result.row.stream_id = result.info.stream_id;
  result.row.status = stream->status();
  result.row.body = result.info.body_bytes_received;
  result.problem = response ? judge(task, *response) : response.error().message();
  return result;
}

// All requests, as many at once as there are threads.
std::vector<DemoResult> perform_all(const Client& client, const std::string& origin,
                                    std::size_t count) {
  std::vector<DemoResult> results(count);
  const auto threads = static_cast<unsigned>(std::min<std::size_t>(count, kMostThreads));
  std::latch ready(threads);
  std::atomic<std::size_t> next{0};
  std::vector<std::thread> workers;
  for (unsigned t = 0; t < threads; ++t) {
    workers.emplace_back([&] {
      ready.arrive_and_wait();
      for (std::size_t i = next++; i < count; i = next++)
        results[i] = perform(client, origin, make_task(i));
    });
  }
  for (std::thread& worker : workers) worker.join();
  return results;
}

std::string saved(const HpackCounts& counts) {
  const double share = counts.plain == 0 ? 0
                                         : 100.0 - 100.0 * static_cast<double>(counts.wire) /
                                                       static_cast<double>(counts.plain);
  char text[128];
  std::snprintf(text, sizeof text, "%s bytes of names and values in %s (%.0f%% saved)",
                group_digits(counts.plain).c_str(), group_digits(counts.wire).c_str(), share);
  return text;
}

struct DemoFacts {
  std::string origin;
  std::vector<DemoResult> results;
  ConnectionReport connection;
  std::uint64_t connections = 0;
  Duration time;
};

std::size_t print_report(const DemoFacts& facts, const FrameTotals& totals, Colour colour) {
  std::vector<DemoRow> rows;
  std::uint64_t body = 0;
  std::size_t wrong = 0;
  for (const DemoResult& result : facts.results) {
    rows.push_back(result.row);
    body += result.row.body;
    if (!result.problem.empty()) ++wrong;
  }
  const std::size_t count = rows.size();
  const double seconds_taken = std::max(1e-9, static_cast<double>(facts.time.ns) / 1e9);
  std::cout << "h2 demo: " << count << " requests from "
            << std::min<std::size_t>(count, kMostThreads) << " threads at once, "
            << facts.connections
            << (facts.connections == 1 ? " connection to " : " connections to ") << facts.origin
            << "\n\n"
            << "  Negotiated     " << facts.connection.tls_version << ", "
            << facts.connection.cipher << ", ALPN " << facts.connection.alpn
            << "; certificate verified\n"
            << "  Client said    " << draw_settings(totals.settings(Direction::kSent), 17) << "\n"
            << "  Server said    " << draw_settings(totals.settings(Direction::kReceived), 17)
            << "\n\n"
            << draw_frames(totals, colour) << "\n"
            << "  Header fields  to server: " << saved(facts.connection.fields_received) << "\n"
            << "  (HPACK)        to client: " << saved(facts.connection.fields_sent) << "\n\n"
            << draw_waterfall(rows, kLines, colour) << "\n";
  std::cout << "  Throughput     " << short_bytes(body) << " of bodies in "
            << short_span(facts.time) << ": "
            << short_bytes(static_cast<std::uint64_t>(static_cast<double>(body) / seconds_taken))
            << "/s, "
            << group_digits(static_cast<std::uint64_t>(static_cast<double>(count) / seconds_taken))
            << " requests/s\n"
            << "  Checked        " << count - wrong << " of " << count
            << " responses had the right status, length and contents\n";
  for (const DemoResult& result : facts.results) {
    if (!result.problem.empty()) {
      std::cout << "  WRONG          " << result.row.method << " " << result.row.path << ": "
                << result.problem << "\n";
    }
  }
  return wrong;
}

}  // namespace

int run_demo(int argc, char** argv) {
  CLI::App app(
      "Runs a server and a client that share one connection over TLS, and shows what went over it.",
      "h2 demo");
  std::size_t requests = 100;
  bool no_color = false;
  app.add_option("-n,--requests", requests, "How many requests")
      ->capture_default_str()
      ->check(CLI::Range(1, 100'000));
  app.add_flag("--no-color", no_color, "No colours, also on a terminal");
  if (const int status = parse_command_line(app, argc, argv); status >= 0) return status;
  const bool colours =
      !no_color && ::isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr;

  DemoFacts facts;
  std::mutex mutex;
  ServerOptions options;
  options.config.max_concurrent_streams = kMostThreads;
  options.on_connection_end = [&](const ConnectionReport& report) {
    const std::lock_guard lock(mutex);
    if (report.requests >= facts.connection.requests) facts.connection = report;
  };
  auto server = Server::start(options);
  if (!server) {
    std::cerr << "h2 demo: starting the server failed: " << server.error() << '\n';
    return kExitFailed;
  }
  facts.origin = (*server)->origin();

  FrameTotals totals;
  {
    const MemoryFile roots((*server)->certificate_pem());
    ClientOptions client_options;
    client_options.ca_file = roots.path();
    client_options.frame_trace = [&totals](std::string_view) {
      return std::make_unique<DemoTrace>(totals);
    };
    const Client client(client_options);
    const Time begin = now();
    facts.results = perform_all(client, facts.origin, requests);
    facts.time = now() - begin;
  }
  (*server)->stop();
  facts.connections = (*server)->stats().connections;
  const std::lock_guard lock(mutex);
  return print_report(facts, totals, colours ? Colour::kYes : Colour::kNo) == 0 ? kExitOk
                                                                                : kExitFailed;
}

}  // namespace h2::inline v0::tools
