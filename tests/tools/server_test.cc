// The server over loopback, in cleartext: routes, limits, flow control, two connections, the drain.
#include "tools/h2/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <nlohmann/json.hpp>

#include "h2core/frame_trace.h"
#include "tests/interop/peer.h"
#include "tests/tools/raw_client.h"
#include "tools/h2/serve_bodies.h"

namespace h2::tools {
namespace {

using testing::Answer;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Pairs;
using testing::RawClient;

std::unique_ptr<Server> start(ServerOptions options = {}) {
  options.tls = false;
  auto server = Server::start(options);
  EXPECT_TRUE(server.has_value()) << (server ? "" : server.error());
  return server ? std::move(*server) : nullptr;
}

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  fill_pattern(0, {reinterpret_cast<std::uint8_t*>(text.data()), size});
  return text;
}

class ServerRoutes : public ::testing::Test {
 protected:
  std::unique_ptr<Server> server_ = start();
  RawClient client_{server_->port()};
};

TEST_F(ServerRoutes, RootExplainsItself) {
  const Answer& a = client_.get("/");
  EXPECT_EQ(a.status, 200);
  EXPECT_EQ(a.field("content-type"), "text/html; charset=utf-8");
  EXPECT_EQ(a.field("content-length"), std::to_string(a.body.size()));
  EXPECT_GT(a.body.size(), 2'000U);
  for (const char* route : {"/bytes/N", "/echo", "/delay/MS", "/status/N", "/headers", "/trailers",
                            "/early-hints", "/early/N", "/drip/N/MS", "/hold"}) {
    EXPECT_THAT(a.body, HasSubstr(route));
  }
  EXPECT_NE(a.field("date"), "");
}

TEST_F(ServerRoutes, BytesAreThePattern) {
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, std::size_t{65'536}, std::size_t{3'000'001}}) {
    const Answer& a = client_.get("/bytes/" + std::to_string(size));
    EXPECT_EQ(a.status, 200);
    EXPECT_EQ(a.field("content-length"), std::to_string(size));
    EXPECT_TRUE(a.body == pattern(size)) << size << " " << a.body.size();
  }
}

TEST_F(ServerRoutes, QueryIsNoPartOfTheRoute) {
  EXPECT_EQ(client_.get("/bytes/5?x=/").body, pattern(5));
}

TEST_F(ServerRoutes, BadNumbersAreNamed) {
  for (const char* path : {"/bytes/ten", "/bytes/", "/bytes/-1", "/bytes/99999999999999999999",
                           "/delay/x", "/delay/99999999", "/status/99", "/status/600",
                           "/status/101", "/status/2x", "/early/x", "/early/103", "/drip/1/x", "/drip/x/1", "/drip/5"}) {
    const Answer& a = client_.get(path);
    EXPECT_EQ(a.status, 400) << path;
    EXPECT_THAT(a.body, HasSubstr("' is not a ")) << path;
  }
  EXPECT_THAT(client_.get("/bytes/ten").body, HasSubstr("'ten'"));
  EXPECT_THAT(client_.get("/drip/5/soon").body, HasSubstr("'soon'"));
}

TEST_F(ServerRoutes, UnknownPathIsNotFound) {
  const Answer& a = client_.get("/nowhere?x");
  EXPECT_EQ(a.status, 404);
  EXPECT_THAT(a.body, HasSubstr("'/nowhere'"));
  EXPECT_EQ(client_.get("/bytes").status, 404);
  EXPECT_EQ(client_.get("/echo/x").status, 404);
}

TEST_F(ServerRoutes, MethodsWithoutSenseAreRefused) {
  for (const char* path : {"/", "/bytes/5", "/trailers", "/drip/1/1"}) {
    const Answer& a = client_.fetch("POST", path, {}, "body");
    EXPECT_EQ(a.status, 405) << path;
    EXPECT_EQ(a.field("allow"), "GET, HEAD") << path;
  }
  EXPECT_EQ(client_.fetch("OPTIONS", "/echo").status, 405);
  EXPECT_EQ(client_.fetch("TRACE", "/").status, 405);
}

TEST_F(ServerRoutes, EchoGivesBodyAndType) {
  const Answer& a = client_.fetch("POST", "/echo", {{"content-type", "text/x"}}, "some body");
  EXPECT_EQ(a.status, 200);
  EXPECT_EQ(a.body, "some body");
  EXPECT_EQ(a.field("content-type"), "text/x");
  EXPECT_EQ(a.field("content-length"), "9");
  EXPECT_EQ(client_.fetch("PUT", "/echo").body, "");
}

TEST_F(ServerRoutes, EchoOfTwentyMebibytesIsUnchanged) {
  const std::string body = testing::make_bytes(std::size_t{20} << 20U, 5);
  const Answer& a = client_.fetch("POST", "/echo", {}, body);
  EXPECT_EQ(a.status, 200);
  EXPECT_TRUE(a.body == body) << a.body.size();
}

TEST_F(ServerRoutes, StatusIsGivenBack) {
  for (const int status : {200, 201, 206, 302, 404, 418, 500, 599}) {
    const Answer& a = client_.get("/status/" + std::to_string(status));
    EXPECT_EQ(a.status, status);
    EXPECT_EQ(a.body, "status " + std::to_string(status) + "\n");
  }
  for (const int status : {204, 205, 304}) {
    const Answer& a = client_.get("/status/" + std::to_string(status));
    EXPECT_EQ(a.status, status);
    EXPECT_EQ(a.body, "");
    EXPECT_EQ(a.field("content-length"), "");
  }
}

TEST_F(ServerRoutes, HeadersAreJsonInOrder) {
  const Answer& a =
      client_.get("/headers?q",
                  {{"x-one", "1"}, {"x-two", "\"quoted\""}, {"x-one", "again"}, {"x-raw", "\xff"}});
  EXPECT_EQ(a.field("content-type"), "application/json");
  const auto json = nlohmann::json::parse(a.body);
  const auto& fields = json.at("fields");
  ASSERT_EQ(fields.size(), 8U);
  EXPECT_EQ(fields[0].at("name"), ":method");
  EXPECT_EQ(fields[3].at("value"), "/headers?q");
  EXPECT_EQ(fields[5].at("value"), "\"quoted\"");
  EXPECT_EQ(fields[6].at("name"), "x-one");
  EXPECT_EQ(fields[6].at("value"), "again");
}

TEST_F(ServerRoutes, TrailersFollowTheBody) {
  const Answer& a = client_.get("/trailers");
  EXPECT_EQ(a.body, "trailer fields follow this line\n");
  EXPECT_EQ(a.trailers, (Pairs{{"x-body-lines", "1"}, {"x-note", "sent after the body"}}));
  EXPECT_EQ(client_.fetch("HEAD", "/trailers").trailers, Pairs{});
}

TEST_F(ServerRoutes, EarlyHintsComeBeforeTheAnswer) {
  const Answer& a = client_.get("/early-hints");
  EXPECT_THAT(a.informational, ElementsAre(103));
  EXPECT_EQ(a.status, 200);
  EXPECT_NE(a.body, "");
}

TEST_F(ServerRoutes, DelayComesAfterWhatNeedsNone) {
  const std::uint32_t slow = client_.start("GET", "/delay/50");
  const std::uint32_t fast = client_.start("GET", "/bytes/10");
  client_.wait(fast);
  EXPECT_FALSE(client_.answer(slow).over());
  EXPECT_EQ(client_.wait(slow).body, "after 50 ms\n");
}

TEST_F(ServerRoutes, DripComesByteByByte) {
  const Answer& a = client_.get("/drip/5/2");
  EXPECT_EQ(a.body, pattern(5));
  EXPECT_EQ(a.field("content-length"), "5");
  EXPECT_GE(a.data_frames, 5);
  EXPECT_EQ(client_.get("/drip/2000/0").body, pattern(2000));
  EXPECT_EQ(client_.get("/drip/0/5").body, "");
}

TEST_F(ServerRoutes, HeadHasTheFieldsAndNoBody) {
  for (const char* path : {"/", "/bytes/1000", "/status/404", "/headers", "/trailers", "/drip/3/1",
                           "/delay/1", "/echo"}) {
    const Answer& head = client_.fetch("HEAD", path);
    EXPECT_TRUE(head.ended) << path;
    EXPECT_EQ(head.body, "") << path;
    EXPECT_NE(head.status, 0) << path;
    EXPECT_NE(head.field("content-type"), "") << path;
  }
  EXPECT_EQ(client_.fetch("HEAD", "/bytes/1000").field("content-length"), "1000");
}

TEST_F(ServerRoutes, HoldAnswersNothingAndOthersGoOn) {
  const std::uint32_t held = client_.start("POST", "/hold", {}, EndStream::kNo);
  client_.send(held, std::string(100'000, 'x'), EndStream::kNo);
  EXPECT_EQ(client_.fetch("POST", "/echo", {}, "meanwhile").body, "meanwhile");
  EXPECT_FALSE(client_.answer(held).over());
  EXPECT_EQ(client_.answer(held).status, 0);
  client_.reset(held);
  EXPECT_EQ(client_.get("/bytes/1").status, 200);
}

TEST_F(ServerRoutes, ExpectContinueIsAnsweredWith100) {
  const std::uint32_t id =
      client_.start("POST", "/echo", {{"expect", "100-Continue"}}, EndStream::kNo);
  ASSERT_TRUE(client_.until([&] { return !client_.answer(id).informational.empty(); }));
  client_.send(id, "now");
  EXPECT_EQ(client_.wait(id).body, "now");
  EXPECT_THAT(client_.answer(id).informational, ElementsAre(100));
}

TEST_F(ServerRoutes, ExpectContinueIsNotGivenForWhatFailsAnyway) {
  const std::uint32_t id =
      client_.start("POST", "/nowhere", {{"expect", "100-continue"}}, EndStream::kNo);
  const Answer& a = client_.wait(id);
  EXPECT_EQ(a.status, 404);
  EXPECT_THAT(a.informational, ElementsAre());
}

TEST_F(ServerRoutes, HundredsOfRequestsAtOnceAreAnswered) {
  std::vector<std::uint32_t> ids;
  for (int i = 0; i < 500; ++i)
    ids.push_back(client_.start("GET", "/bytes/" + std::to_string(i * 10)));
  for (int i = 0; i < 500; ++i)
    EXPECT_EQ(client_.wait(ids[static_cast<std::size_t>(i)]).body.size(),
              static_cast<std::size_t>(i) * 10);
  EXPECT_EQ(server_->stats().requests, 500U);
}

TEST_F(ServerRoutes, TwoConnectionsAreServedTogether) {
  RawClient other(server_->port());
  const std::uint32_t first = client_.start("POST", "/echo", {}, EndStream::kNo);
  client_.send(first, "one, ", EndStream::kNo);
  client_.write_only();
  EXPECT_EQ(other.fetch("POST", "/echo", {}, "other").body, "other");
  client_.send(first, "two");
  EXPECT_EQ(client_.wait(first).body, "one, two");
  EXPECT_EQ(server_->stats().connections, 2U);
}

// Remembers the codes of RST_STREAM frames that come: after a complete response the core reports
// none.
class ResetTrace final : public FrameTrace {
 public:
  void on_frame(Direction direction, const FrameHeader& header, Bytes payload) noexcept override {
    if (direction == Direction::kReceived && header.type == FrameType::kRstStream)
      codes[header.stream_id.value] = payload[3];
  }
  void on_field(Direction, StreamId, const HeaderField&) noexcept override {}
  std::map<std::uint32_t, int> codes;
};

TEST(ServerLimits, LongBodyIsRefusedAndStopped) {
  ServerOptions options;
  options.max_body = 1000;
  const auto server = start(options);
  ResetTrace trace;
  Config config = RawClient::big_windows();
  config.trace = &trace;
  RawClient client(server->port(), config);
  EXPECT_EQ(client.fetch("POST", "/echo", {}, std::string(1000, 'x')).status, 200);
  // Without a content-length: stopped when it has become too long.
  const std::uint32_t id = client.start("POST", "/echo", {}, EndStream::kNo);
  client.send(id, std::string(1001, 'x'), EndStream::kNo);
  ASSERT_TRUE(client.until([&] { return trace.codes.contains(id); }));
  EXPECT_EQ(client.answer(id).status, 413);
  EXPECT_TRUE(client.answer(id).ended);
  EXPECT_EQ(trace.codes[id], 0);  // NO_ERROR
  // With one: at once.
  const std::uint32_t announced =
      client.start("POST", "/echo", {{"content-length", "1001"}}, EndStream::kNo);
  ASSERT_TRUE(client.until([&] { return trace.codes.contains(announced); }));
  EXPECT_EQ(client.answer(announced).status, 413);
  EXPECT_EQ(client.get("/bytes/3").status, 200);
}

TEST(ServerLimits, EarlyAnswerDoesNotWaitForTheRequestAndStopsIt) {
  const auto server = start();
  ResetTrace trace;
  Config config = RawClient::big_windows();
  config.trace = &trace;
  RawClient client(server->port(), config);
  const std::uint32_t id = client.start("POST", "/early/403", {}, EndStream::kNo);
  ASSERT_TRUE(client.until([&] { return trace.codes.contains(id); }));
  EXPECT_EQ(client.answer(id).status, 403);
  EXPECT_EQ(client.answer(id).body, "status 403\n");
  EXPECT_TRUE(client.answer(id).ended);
  EXPECT_EQ(trace.codes[id], 0);  // NO_ERROR
  EXPECT_EQ(client.get("/early/200").status, 200);
}

TEST(ServerLimits, ClientThatNeverReadsCostsNoMemory) {
  const auto server = start();
  Config config = RawClient::big_windows();
  RawClient client(server->port(), config);
  client.read_bodies(false);
  for (int i = 0; i < 20; ++i) client.start("GET", "/bytes/1000000000000");
  client.write_only();
  // Another client is served meanwhile; what is buffered for the first is bounded by the socket.
  RawClient other(server->port());
  EXPECT_EQ(other.get("/bytes/1000000").body.size(), 1'000'000U);
  const std::uint64_t sent = server->stats().bytes_sent;
  EXPECT_LT(sent, std::uint64_t{64} << 20U);
  EXPECT_EQ(server->stats().most_buffered, 0U);
}

TEST(ServerLimits, UploadsHeldAreBoundedAndAllFinish) {
  ServerOptions options;
  options.max_buffered = 1U << 20U;
  const auto server = start(options);
  {
    RawClient client(server->port());
    const std::string body = testing::make_bytes(2U << 20U, 9);
    std::vector<std::uint32_t> ids;
    for (int i = 0; i < 10; ++i) {
      ids.push_back(client.start("POST", "/echo", {}, EndStream::kNo));
      client.send(ids.back(), body);
    }
    for (const std::uint32_t id : ids) EXPECT_TRUE(client.wait(id).body == body) << id;
  }
  server->stop();
  // The budget, one body over it, and a window for each of the others.
  EXPECT_LT(server->stats().most_buffered, (1U << 20U) + (2U << 20U) + 10U * (256U << 10U));
}

TEST(ServerFiles, AreServedBesideTheRoutes) {
  const testing::ScratchDir dir;
  dir.write("page.html", "<p>hello");
  dir.write("big.bin", testing::make_bytes(3'000'000, 4));
  ASSERT_EQ(::mkdir(dir.file("sub").c_str(), 0755), 0);
  dir.write("sub/index.html", "the index");
  ASSERT_EQ(::mkdir(dir.file("bytes").c_str(), 0755), 0);
  dir.write("bytes/7", "a file");
  ServerOptions options;
  options.directory = dir.path();
  const auto server = start(options);
  RawClient client(server->port());

  const Answer& page = client.get("/page.html");
  EXPECT_EQ(page.body, "<p>hello");
  EXPECT_EQ(page.field("content-type"), "text/html; charset=utf-8");
  const std::string modified = page.field("last-modified");
  EXPECT_NE(modified, "");
  EXPECT_TRUE(client.get("/big.bin").body == testing::make_bytes(3'000'000, 4));
  EXPECT_EQ(client.get("/bytes/7").body, "a file");
  EXPECT_EQ(client.get("/bytes/8").body, pattern(8));
  EXPECT_EQ(client.get("/sub/").body, "the index");
  EXPECT_EQ(client.get("/sub").status, 301);
  EXPECT_EQ(client.get("/sub").field("location"), "./sub/");
  EXPECT_EQ(client.get("//sub").field("location"), "./sub/");
  EXPECT_THAT(client.get("/").body, HasSubstr("page.html"));
  EXPECT_EQ(client.get("/missing").status, 404);
  EXPECT_EQ(client.get("/../../../../etc/passwd").status, 404);
  EXPECT_EQ(client.get("/%2e%2e/%2e%2e/etc/passwd").status, 404);
  EXPECT_EQ(client.fetch("POST", "/page.html", {}, "x").status, 405);
  EXPECT_EQ(client.fetch("POST", "/echo", {}, "x").body, "x");
  EXPECT_EQ(client.fetch("HEAD", "/page.html").field("content-length"), "8");
  EXPECT_EQ(client.get("/page.html", {{"if-modified-since", modified}}).status, 304);
  EXPECT_EQ(
      client.get("/page.html", {{"if-modified-since", "Sun, 06 Nov 1994 08:49:37 GMT"}}).status,
      200);
}

TEST(ServerFiles, RangesArePartial) {
  const testing::ScratchDir dir;
  dir.write("ten.txt", "0123456789");
  ServerOptions options;
  options.directory = dir.path();
  const auto server = start(options);
  RawClient client(server->port());
  const Answer& part = client.get("/ten.txt", {{"range", "bytes=2-4"}});
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body, "234");
  EXPECT_EQ(part.field("content-range"), "bytes 2-4/10");
  EXPECT_EQ(part.field("content-length"), "3");
  const Answer& beyond = client.get("/ten.txt", {{"range", "bytes=10-"}});
  EXPECT_EQ(beyond.status, 416);
  EXPECT_EQ(beyond.field("content-range"), "bytes */10");
  EXPECT_EQ(client.get("/ten.txt", {{"range", "bytes=1-2,4-5"}}).status, 200);
  EXPECT_EQ(
      client
          .get("/ten.txt", {{"range", "bytes=1-2"}, {"if-range", "Sun, 06 Nov 1994 08:49:37 GMT"}})
          .status,
      200);
  EXPECT_EQ(client.fetch("HEAD", "/ten.txt", {{"range", "bytes=1-2"}}).field("content-length"),
            "10");
}

TEST(ServerDrain, OpenStreamsFinishAfterTwoGoaways) {
  const auto server = start();
  RawClient client(server->port());
  const std::uint32_t id = client.start("POST", "/echo", {}, EndStream::kNo);
  client.send(id, "before, ", EndStream::kNo);
  client.get("/bytes/1");  // the server has seen the upload's stream
  server->begin_stop();
  ASSERT_TRUE(client.until([&] { return client.goaways().size() == 2; }));
  EXPECT_THAT(client.goaways(), ElementsAre(StreamId::kMax, id + 2));
  client.send(id, "after");
  EXPECT_EQ(client.wait(id).body, "before, after");
  client.until([] { return false; });
  EXPECT_TRUE(client.closed());
  EXPECT_TRUE(server->wait_stopped(seconds(20)));
}

TEST(ServerDrain, RequestSentBeforeTheFirstGoawayArrivedIsServed) {
  const auto server = start();
  RawClient client(server->port());
  client.get("/bytes/1");
  server->begin_stop();
  // The client has not read the warning when it sends this.
  const std::uint32_t late = client.start("GET", "/bytes/5");
  EXPECT_EQ(client.wait(late).body, pattern(5));
  EXPECT_TRUE(server->wait_stopped(seconds(20)));
}

TEST(ServerDrain, StreamsThatDoNotFinishAreCutOff) {
  ServerOptions options;
  options.drain_timeout = milliseconds(50);
  const auto server = start(options);
  RawClient client(server->port());
  const std::uint32_t id = client.start("GET", "/hold");
  client.get("/bytes/1");
  server->begin_stop();
  client.until([] { return false; });
  EXPECT_TRUE(client.closed());
  EXPECT_FALSE(client.answer(id).ended);
  EXPECT_TRUE(server->wait_stopped(seconds(20)));
}

TEST(ServerDrain, SecondStopEndsAtOnce) {
  ServerOptions options;
  options.drain_timeout = seconds(3600);
  const auto server = start(options);
  RawClient client(server->port());
  client.start("GET", "/hold");
  client.get("/bytes/1");
  server->begin_stop();
  server->stop_now();
  EXPECT_TRUE(server->wait_stopped(seconds(20)));
}

TEST(ServerDrain, NobodyCanConnectAfterwards) {
  const auto server = start();
  server->stop();
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(server->port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_NE(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::close(fd);
}

TEST(ServerDrain, LingerKeepsTheSocketOpenAfterGoaway) {
  ServerOptions options;
  options.linger = milliseconds(300);
  const auto server = start(options);
  RawClient client(server->port());
  client.get("/bytes/1");
  server->begin_stop();
  ASSERT_TRUE(client.until([&] { return client.goaways().size() == 2; }));
  EXPECT_EQ(server->stats().active, 1U);
  EXPECT_FALSE(client.closed());
  client.until([] { return false; });
  EXPECT_TRUE(client.closed());
  EXPECT_TRUE(server->wait_stopped(seconds(20)));
}

TEST(ServerTimeouts, ConnectionWithoutPrefaceIsClosed) {
  ServerOptions options;
  options.handshake_timeout = milliseconds(20);
  const auto server = start(options);
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(server->port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  char buffer[1024];
  while (::recv(fd, buffer, sizeof buffer, 0) > 0) {
  }
  ::close(fd);
}

TEST(ServerTimeouts, IdleConnectionGetsGoaway) {
  ServerOptions options;
  options.idle_timeout = milliseconds(30);
  const auto server = start(options);
  RawClient client(server->port());
  const std::uint32_t id = client.start("GET", "/delay/100");  // not idle while a stream is open
  EXPECT_EQ(client.wait(id).status, 200);
  client.until([] { return false; });
  EXPECT_TRUE(client.closed());
  EXPECT_THAT(client.goaways(), ElementsAre(id));
}

TEST(ServerThreads, AllServe) {
  ServerOptions options;
  options.threads = 3;
  const auto server = start(options);
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 12; ++i) {
    clients.push_back(std::make_unique<RawClient>(server->port()));
    EXPECT_EQ(clients.back()->get("/bytes/100").body, pattern(100));
  }
  EXPECT_EQ(server->stats().connections, 12U);
}

TEST(ServerStart, ProblemsAreNamed) {
  ServerOptions options;
  options.tls = false;
  options.address = "nonsense";
  auto server = Server::start(options);
  ASSERT_FALSE(server.has_value());
  EXPECT_THAT(server.error(), HasSubstr("'nonsense'"));

  const auto first = start();
  options.address = "127.0.0.1";
  options.port = first->port();
  server = Server::start(options);
  ASSERT_FALSE(server.has_value());
  EXPECT_THAT(server.error(), HasSubstr(std::to_string(first->port())));
  EXPECT_THAT(server.error(), HasSubstr("in use"));
}

}  // namespace
}  // namespace h2::tools
