// h2::Client against other people's servers, and ours. Each test is one thing tried with one
// server, over TLS with ALPN or in cleartext with prior knowledge; all servers that the chosen
// tests need start together. What a server cannot do is listed at the top.
#include <gtest/gtest.h>

#include <atomic>
#include <compare>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "client/client.h"
#include "tests/interop/outcome.h"
#include "tests/interop/servers.h"

namespace h2::testing {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20U;
using Variant = ServerSetup::Variant;

constexpr auto kNotOffered = KnownOutcome::Kind::kNotOffered;
constexpr auto kPeersFault = KnownOutcome::Kind::kPeersFault;
constexpr auto kRemark = KnownOutcome::Kind::kRemark;
constexpr KnownOutcome kKnown[] = {
    {"h2o", "trailers", kNotOffered, "no trailers came",
     "as a proxy it drops trailers, which RFC 9110 §6.5.1 allows"},
    {"lighttpd", "trailers", kPeersFault, "characters that are not allowed",
     "as a proxy it makes header fields of trailers, with a CR at the end of their values; RFC "
     "9113 "
     "§8.2.1: no field value may have one"},
    {"varnish", "trailers", kPeersFault, "no trailers came|status 503|could not receive",
     "as a proxy it takes the back end's trailers for garbage, and fails or not, as it comes; RFC "
     "9112 "
     "§7.1.2: trailers may follow the last chunk"},
    {"hypercorn", "trailers", kNotOffered, "no trailers came",
     "this version has no way for an application to send them"},

    {"nghttpd", "103", kNotOffered, "status 404", "it serves files only"},
    {"nginx", "103", kPeersFault, "no response from",
     "as a proxy it takes the back end's 103 for the final response and waits for its end; RFC "
     "9110 "
     "§15.2: it must forward 1xx responses"},
    {"h2o", "103", kPeersFault, "no 103 came",
     "as a proxy it drops the back end's 103; RFC 9110 §15.2: it must forward 1xx responses"},
    {"varnish", "103", kPeersFault, "status 503",
     "as a proxy it takes the back end's 103 for an error; RFC 9110 §15.2: it must forward 1xx "
     "responses"},
    {"hypercorn", "103", kNotOffered, "no 103 came",
     "this version has no way for an application to send it"},

    {"nginx", "100-continue", kPeersFault, "no 100 came",
     "it ignores the expectation in HTTP/2; RFC 9110 §10.1.1: 100 or a final status must come"},
    {"h2o", "100-continue", kPeersFault, "no 100 came",
     "it ignores the expectation in HTTP/2; RFC 9110 §10.1.1: 100 or a final status must come"},
    {"hypercorn", "100-continue", kPeersFault, "no 100 came",
     "it ignores the expectation in HTTP/2; RFC 9110 §10.1.1: 100 or a final status must come"},

    {"hypercorn", "early response", kPeersFault, "^$|the connection was closed",
     "it closes the connection when DATA comes for a stream it has answered; RFC 9113 §5.1: in "
     "half-closed (local) any frame may come"},

    {"nghttpd", "drain", kNotOffered, "status 404", "it has no graceful end"},
    {"varnish", "drain", kNotOffered, "it has no signal for this", "it has no graceful end"},
    {"caddy", "drain", kNotOffered, "the connection was closed|status 502",
     "Go's h2c takes connections out of the server's hands, so that its end cuts them",
     "cleartext"},
    {"go", "drain", kNotOffered, "the connection was closed",
     "Go's h2c takes connections out of the server's hands, so that its end cuts them",
     "cleartext"},

    {"h2o", "one stream", kNotOffered, "its SETTINGS", "the limit cannot be set"},
    {"caddy", "one stream", kNotOffered, "its SETTINGS", "the limit cannot be set"},
    {"lighttpd", "one stream", kNotOffered, "its SETTINGS", "the limit is always 8"},
    {"python_h2", "one stream", kRemark, "",
     "tried after a first request: python-h2 ends the connection with PROTOCOL_ERROR when more "
     "streams are opened before its SETTINGS have arrived; RFC 9113 §5.1.2: that is a stream "
     "error"},
    {"hypercorn", "one stream", kRemark, "",
     "tried after a first request: python-h2 ends the connection with PROTOCOL_ERROR when more "
     "streams are opened before its SETTINGS have arrived; RFC 9113 §5.1.2: that is a stream "
     "error"},
};

// ---- the servers
// ---------------------------------------------------------------------------------------------

struct Where {
  const ServerKind* kind;
  Security security;
  auto operator<=>(const Where&) const = default;
};

std::string name_of(const Where& where) {
  return std::string(where.kind->name) + "_" + std::string(to_string(where.security));
}

[[maybe_unused]] void PrintTo(const Where& where, std::ostream* out) { *out << name_of(where); }

// The servers that several tests share. Those of all chosen tests are launched at once.
class Shared : public ::testing::Environment {
 public:
  void SetUp() override {
    const ::testing::UnitTest& all = *::testing::UnitTest::GetInstance();
    for (const ServerKind& kind : server_kinds()) {
      for (const Security security : {Security::kTls, Security::kCleartext}) {
        if (chosen(all, "/" + name_of({&kind, security})) && !version_of(kind).empty())
          server(kind, security);
      }
    }
  }
  void TearDown() override { servers_.clear(); }

  WebServer& server(const ServerKind& kind, Security security) {
    auto& entry = servers_[{&kind, security}];
    if (!entry) {
      entry = std::make_unique<WebServer>(kind, ServerSetup{.security = security});
      entry->launch();
    }
    return *entry;
  }

  static Shared& get() {
    static Shared* const shared = new Shared;  // GoogleTest deletes it
    return *shared;
  }

 private:
  static bool chosen(const ::testing::UnitTest& all, const std::string& suffix) {
    for (int i = 0; i < all.total_test_suite_count(); ++i) {
      const ::testing::TestSuite& suite = *all.GetTestSuite(i);
      for (int j = 0; j < suite.total_test_count(); ++j) {
        const ::testing::TestInfo& test = *suite.GetTestInfo(j);
        if (test.should_run() && std::string_view(test.name()).ends_with(suffix)) return true;
      }
    }
    return false;
  }

  std::map<Where, std::unique_ptr<WebServer>> servers_;
};

const ::testing::Environment* const kShared = ::testing::AddGlobalTestEnvironment(&Shared::get());

class ClientInterop : public ::testing::TestWithParam<Where> {
 protected:
  void SetUp() override { H2_REQUIRE_SERVER(kind()); }

  const ServerKind& kind() const { return *GetParam().kind; }
  Security security() const { return GetParam().security; }
  WebServer& shared() {
    WebServer& server = Shared::get().server(kind(), security());
    server.wait_ready();
    used_ = &server;
    return server;
  }
  std::unique_ptr<WebServer> own(Variant variant) {
    auto server = std::make_unique<WebServer>(kind(), ServerSetup{security(), variant});
    server->launch();
    server->wait_ready();
    used_ = server.get();
    return server;
  }
  static ClientOptions options(const WebServer& server) {
    ClientOptions options;
    options.ca_file = server.certificate().certificate;
    options.http2_prior_knowledge = true;
    options.timeout = seconds(60);
    return options;
  }
  void done(std::string_view what, const std::string& problem) {
    SCOPED_TRACE("the server wrote:\n" + used_->log());
    conclude({"client", kind().name, kind().title, version_of(kind()), to_string(security()), what},
             problem, kKnown);
  }

 private:
  WebServer* used_ = nullptr;
};

// ---- what is wrong with a response; "" is nothing
// ---------------------------------------------------------------------------------------------

using Answer = Result<Response, client::Error>;

std::string problem_of(const Answer& answer, int status = 200) {
  if (!answer) return answer.error().message();
  if (answer->info.http_version != "2") return "the version is " + answer->info.http_version;
  if (answer->info.scheme == "https" && answer->info.alpn != "h2")
    return "ALPN is " + answer->info.alpn;
  if (answer->status != status) return "status " + std::to_string(answer->status);
  return {};
}

std::string problem_of(const Answer& answer, const std::string& body) {
  std::string problem = problem_of(answer);
  if (problem.empty() && answer->body != body)
    problem = "a body of " + std::to_string(answer->body.size()) + " bytes instead of " +
              std::to_string(body.size());
  return problem;
}

// Runs `count` requests at once, one thread each, and returns the first problem; puts the number
// of connections they opened into *connections.
template <class Ask>
std::string at_once(std::size_t count, const Ask& ask, int* connections) {
  std::vector<std::optional<Answer>> answers(count);
  std::vector<std::string> problems(count);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      std::string expected;
      answers[i] = ask(i, &expected);
      problems[i] = problem_of(*answers[i], expected);
    });
  }
  for (std::thread& thread : threads) thread.join();
  *connections = 0;
  std::string problem;
  for (std::size_t i = 0; i < count; ++i) {
    if (*answers[i]) *connections += (*answers[i])->info.connections_opened;
    if (problem.empty() && !problems[i].empty())
      problem = "request " + std::to_string(i) + ": " + problems[i];
  }
  return problem;
}

std::string one_connection(std::string problem, int connections) {
  if (problem.empty() && connections != 1)
    problem = std::to_string(connections) + " connections instead of one";
  return problem;
}

// What the tests want to know of a connection's frames.
struct Seen {
  std::atomic<std::uint32_t> limit{0};     // the peer's SETTINGS_MAX_CONCURRENT_STREAMS
  std::atomic<std::uint32_t> requests{0};  // sent
};

class SeeingTrace final : public FrameTrace {
 public:
  explicit SeeingTrace(Seen& seen) : seen_(seen) {}
  void on_frame(Direction direction, const FrameHeader& header, Bytes payload) noexcept override {
    if (direction == Direction::kSent && header.type == FrameType::kHeaders) ++seen_.requests;
    if (direction != Direction::kReceived || header.type != FrameType::kSettings) return;
    for (; payload.size() >= 6; payload = payload.subspan(6)) {
      constexpr unsigned kMaxConcurrentStreams = 3;  // RFC 9113 §6.5.2
      if ((unsigned{payload[0]} << 8U | payload[1]) != kMaxConcurrentStreams) continue;
      seen_.limit = std::uint32_t{payload[2]} << 24U | std::uint32_t{payload[3]} << 16U |
                    std::uint32_t{payload[4]} << 8U | payload[5];
    }
  }
  void on_field(Direction, StreamId, const hpack::HeaderField&) noexcept override {}

 private:
  Seen& seen_;
};

ClientOptions seeing(ClientOptions options, Seen& seen) {
  options.frame_trace = [&](std::string_view) { return std::make_unique<SeeingTrace>(seen); };
  return options;
}

// ---- what is tried
// ---------------------------------------------------------------------------------------------

TEST_P(ClientInterop, Get) {
  WebServer& server = shared();
  const Client client(options(server));
  done("GET", problem_of(client.get(server.origin() + "/small"), Site::small()));
}

TEST_P(ClientInterop, Head) {
  WebServer& server = shared();
  Request request;
  request.method = "HEAD";
  request.url = server.origin() + "/small";
  const Answer answer = Client(options(server)).request(request);
  std::string problem = problem_of(answer, std::string());
  if (problem.empty() && answer->header("content-length") != std::to_string(Site::kSmallSize))
    problem = "content-length is '" + std::string(answer->header("content-length")) + "'";
  done("HEAD", problem);
}

TEST_P(ClientInterop, PostedMebibyteComesBack) {
  WebServer& server = shared();
  const std::string bytes = make_bytes(kMiB, 3);
  const Client client(options(server));
  done(
      "POST 1 MiB",
      problem_of(client.post(server.origin() + "/echo", bytes, "application/octet-stream"), bytes));
}

TEST_P(ClientInterop, HundredAtOnceUseOneConnection) {
  WebServer& server = shared();
  const Client client(options(server));
  int connections = 0;
  const std::string problem = at_once(
      100,
      [&](std::size_t i, std::string* expected) {
        *expected = Site::file(i);
        return client.get(server.origin() + "/f" + std::to_string(i));
      },
      &connections);
  done("100 at once", one_connection(problem, connections));
}

TEST_P(ClientInterop, FiftyMebibytesArriveUnchanged) {
  WebServer& server = shared();
  const Answer answer = Client(options(server)).get(server.origin() + "/large");
  std::string problem = problem_of(answer);
  if (problem.empty() && sha256_hex(answer->body) != Site::get().large_hash())
    problem = "another SHA-256, of " + std::to_string(answer->body.size()) + " bytes";
  done("50 MiB", problem);
}

TEST_P(ClientInterop, TrailersArrive) {
  WebServer& server = shared();
  // A server of files alone sends them after any body.
  const bool files_only = kind().name == "nghttpd";
  const Answer answer =
      Client(options(server)).get(server.origin() + (files_only ? "/small" : "/trailers"));
  std::string problem = problem_of(answer);
  if (problem.empty() && answer->trailers.get("x-note") != "sent after the body")
    problem = "no trailers came";
  done("trailers", problem);
}

TEST_P(ClientInterop, EarlyHintsArrive) {
  WebServer& server = shared();
  ClientOptions patient = options(server);
  if (kind().name == "nginx") patient.timeout = seconds(2);  // the response never ends
  const Answer answer = Client(patient).get(server.origin() + "/early-hints");
  std::string problem = problem_of(answer);
  if (problem.empty()) {
    problem = "no 103 came";
    for (const client::Informational& one : answer->informational) {
      if (one.status == 103 && one.headers.get("link").starts_with("</style.css>")) problem.clear();
    }
  }
  done("103", problem);
}

TEST_P(ClientInterop, BodyWaitsForContinue) {
  WebServer& server = shared();
  ClientOptions patient = options(server);
  patient.expect_continue_timeout = seconds(2);  // then it is sent all the same
  const std::string bytes = make_bytes(100'000, 4);
  Request request;
  request.method = "POST";
  request.url = server.origin() + "/echo";
  request.headers.add("expect", "100-continue");
  request.body = bytes;
  const Answer answer = Client(patient).request(request);
  std::string problem = problem_of(answer, bytes);
  if (problem.empty() && (answer->informational.empty() || answer->informational[0].status != 100))
    problem = "no 100 came";
  done("100-continue", problem);
}

// The answer comes while the body is on its way; the connection is as good as before.
TEST_P(ClientInterop, AnswerBeforeTheBodyWasSentIsTaken) {
  // nghttpd answers requests before their bodies, if it is told to, and echoes POST and PUT.
  const bool files_only = kind().name == "nghttpd";
  const auto early = files_only ? own(Variant::kEarly) : nullptr;
  WebServer& server = files_only ? *early : shared();
  const Client client(options(server));
  Request request;
  request.method = files_only ? "PATCH" : "POST";
  request.url = server.origin() + (files_only ? "/missing" : "/early/403");
  request.body = make_bytes(4 * kMiB, 5);
  const Answer answer = client.request(request);
  std::string problem = problem_of(answer, files_only ? 404 : 403);
  if (problem.empty()) problem = problem_of(client.get(server.origin() + "/small"), Site::small());
  done("early response", problem);
}

TEST_P(ClientInterop, ServerThatRestartsIsFoundAgain) {
  const auto server = own(Variant::kPlain);
  const Client client(options(*server));
  const auto get = [&] { return client.get(server->origin() + "/small"); };
  std::string problem = problem_of(get(), Site::small());
  for (int i = 0; i < 2 && problem.empty(); ++i) {
    ASSERT_TRUE(server->restart());
    const Answer answer = get();
    problem = problem_of(answer, Site::small());
    if (problem.empty() && answer->info.connections_opened != 1) problem = "no new connection";
  }
  done("restart", problem);
}

// Five requests are under way when the server is told to end: they are answered.
TEST_P(ClientInterop, DrainingServerFinishesWhatIsUnderWay) {
  const auto server = own(Variant::kPlain);
  Seen seen;
  const Client client(seeing(options(*server), seen));
  // The connection stands, and its settings are known, before the five begin.
  std::string problem = problem_of(client.get(server->origin() + "/small"), Site::small());
  if (problem.empty()) {
    int connections = 0;
    std::thread ending([&] {
      // All are sent; the server gets some time to take them up.
      while (seen.requests < 6) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      std::this_thread::sleep_for(std::chrono::milliseconds(300));
      server->drain();
    });
    problem = at_once(
        5,
        [&](std::size_t, std::string* expected) {
          *expected = "after 1000 ms\n";
          return client.get(server->origin() + "/delay/1000");
        },
        &connections);
    ending.join();
    if (problem.empty() && kind().drain_signal == 0) problem = "it has no signal for this";
    // What comes afterwards has nobody to talk to, and says so.
    if (problem.empty()) {
      const Answer late = client.get(server->origin() + "/small");
      if (late) {
        problem = "it serves on";
      } else if (late.error().processed != Processed::kNo) {
        problem = "afterwards: " + late.error().message();
      }
    }
  }
  done("drain", problem);
}

TEST_P(ClientInterop, ServerThatTakesOneStreamAtATimeServesTwenty) {
  const auto server = own(Variant::kOneStream);
  Seen seen;
  const Client client(seeing(options(*server), seen));
  std::string problem;
  int connections = 0;
  // The twenty come first, before the limit can be known; see kKnown for the exceptions.
  if (kind().name == "python_h2" || kind().name == "hypercorn") {
    problem = problem_of(client.get(server->origin() + "/small"), Site::small());
    connections = 1;
  }
  if (problem.empty()) {
    int opened = 0;
    problem = at_once(
        20,
        [&](std::size_t i, std::string* expected) {
          *expected = Site::file(i);
          return client.get(server->origin() + "/f" + std::to_string(i));
        },
        &opened);
    connections += opened;
  }
  problem = one_connection(problem, connections);
  if (problem.empty() && seen.limit != 1)
    problem = "its SETTINGS allow " + std::to_string(seen.limit) + " streams";
  done("one stream", problem);
}

// nginx ends each connection after ten requests, also when more are on their way: no request is
// lost.
TEST(ClientToRecyclingNginx, HundredAndTwentyRequestsAreAnswered) {
  const ServerKind& nginx = *find_server("nginx");
  H2_REQUIRE_SERVER(nginx);
  WebServer server(nginx, {Security::kTls, Variant::kRecycling});
  server.launch();
  ASSERT_TRUE(server.wait_ready());
  ClientOptions options;
  options.ca_file = server.certificate().certificate;
  options.timeout = seconds(60);
  const Client client(options);
  std::atomic<int> connections{0};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < 12; ++i) {
    threads.emplace_back([&, i] {
      for (int j = 0; j < 10; ++j) {
        const Answer answer = client.get(server.origin() + "/f" + std::to_string(i));
        EXPECT_EQ(problem_of(answer, Site::file(i)), "");
        if (answer) connections += answer->info.connections_opened;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GE(connections, 12);
}

std::vector<Where> everywhere() {
  std::vector<Where> all;
  for (const ServerKind& kind : server_kinds()) {
    for (const Security security : {Security::kTls, Security::kCleartext})
      all.push_back({&kind, security});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(, ClientInterop, ::testing::ValuesIn(everywhere()),
                         [](const ::testing::TestParamInfo<Where>& param) {
                           return name_of(param.param);
                         });

}  // namespace
}  // namespace h2::testing
