// The driver against a server in this process: threads, deadlines, and every way in which a
// connection can end.
#include "transport/driver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "h2core/connection.h"
#include "tests/support/frame_script.h"
#include "tests/support/scripted_server.h"
#include "transport/address.h"
#include "transport/memory_stream.h"
#include "transport/tcp_stream.h"

namespace h2::transport {
namespace {

using hpack::HeaderField;
using ::testing::HasSubstr;
using tests::Fields;
using tests::FrameScript;
using tests::ScriptedServer;
using tests::ServedAnswer;
using tests::ServedConnection;
using tests::ServedRequest;

constexpr Duration kLong = seconds(60);        // a bound for what must happen, never reached
constexpr Duration kShort = milliseconds(20);  // for what must not happen

std::string pattern(std::size_t size, unsigned seed = 1) {
  std::string out(size, '\0');
  std::uint32_t x = seed * 2'654'435'761U + 1;
  for (char& c : out) {
    x = x * 1'664'525U + 1'013'904'223U;
    c = static_cast<char>(x >> 24);
  }
  return out;
}

std::vector<HeaderField> views(const Fields& fields) {
  std::vector<HeaderField> out;
  for (const auto& [name, value] : fields) {
    HeaderField field;
    field.name = name;
    field.value = value;
    out.push_back(field);
  }
  return out;
}

class DriverTest : public ::testing::Test {
 protected:
  void serve(ScriptedServer::Options options) {
    server_ = std::make_unique<ScriptedServer>(std::move(options));
  }
  std::unique_ptr<Driver> connect(const Config& config = Driver::client_config()) {
    return std::make_unique<Driver>(connect_to(server_->port()), config, clock());
  }
  static std::unique_ptr<ByteStream> connect_to(std::uint16_t port) {
    return std::move(
        TcpStream::connect(*Address::from_literal("127.0.0.1", port), in(kLong)).value());
  }
  static Clock& clock() { return system_clock(); }
  static Time in(Duration duration) { return clock().now() + duration; }

  static ClientStream get(Driver& driver, const std::string& path) {
    const Fields fields = tests::get(path);
    auto stream = driver.open(views(fields), EndStream::kYes);
    EXPECT_TRUE(stream);
    return stream ? std::move(*stream) : ClientStream();
  }
  static ClientStream post(Driver& driver, const std::string& path) {
    const Fields fields = tests::post(path);
    auto stream = driver.open(views(fields), EndStream::kNo);
    EXPECT_TRUE(stream);
    return stream ? std::move(*stream) : ClientStream();
  }
  static void queue(ClientStream& stream, std::string body) {
    auto owner = std::make_shared<const std::string>(std::move(body));
    const auto sent = stream.send_data(owner, as_bytes(*owner), EndStream::kYes);
    ASSERT_TRUE(sent);
    EXPECT_EQ(*sent, ClientStream::Sent::kQueued);
  }
  // The whole body, or "ERROR ...".
  static std::string body_of(ClientStream& stream) {
    std::string out;
    while (true) {
      const auto chunk = stream.read_chunk(in(kLong));
      if (!chunk) return "ERROR after " + std::to_string(out.size());
      if (chunk->empty()) return out;
      out += as_string_view(chunk->bytes());
    }
  }
  // The error that waiting for the headers ends with.
  static DriverError failure_of(ClientStream& stream) {
    const auto head = stream.wait_headers(in(kLong));
    EXPECT_FALSE(head);
    return head ? DriverError{} : head.error();
  }

  std::unique_ptr<ScriptedServer> server_;
};

const std::string kStart = FrameScript().server_start().settings_ack().str();
const Fields kOk = tests::response_fields(200);

// ---- exchanging
// ------------------------------------------------------------------------------------

TEST_F(DriverTest, GetsAResponse) {
  serve(ScriptedServer::answering([](const ServedRequest& r) {
    return ServedAnswer{
        200, {{"content-type", "text/plain"}}, "you asked for " + r.field(":path"), {}};
  }));
  const auto driver = connect();
  ClientStream stream = get(*driver, "/x");
  const auto head = stream.wait_headers(in(kLong));
  ASSERT_TRUE(head);
  EXPECT_EQ((*head)->status, 200);
  EXPECT_EQ((*head)->fields.get("Content-Type"), "text/plain");
  EXPECT_EQ(body_of(stream), "you asked for /x");
  EXPECT_TRUE(stream.trailers().empty());
}

TEST_F(DriverTest, PostsAMegabyteAndGetsItBack) {
  serve(ScriptedServer::echo());
  const auto driver = connect();
  const std::string body = pattern(1'000'000);
  ClientStream stream = post(*driver, "/");
  queue(stream, body);
  EXPECT_TRUE(body_of(stream) == body);
}

TEST_F(DriverTest, OneThreadSendsAndReceivesMoreThanAllWindows) {
  serve(ScriptedServer::echo());
  const auto driver = connect();
  const std::string body = pattern(12'000'000);
  ClientStream stream = post(*driver, "/");
  queue(stream, body);
  EXPECT_TRUE(body_of(stream) == body);
}

TEST_F(DriverTest, CopiedPiecesWaitForRoom) {
  serve(ScriptedServer::answering([](const ServedRequest& r) {
    return ServedAnswer{200, {}, std::to_string(r.body.size()), {}};
  }));
  const auto driver = connect();
  ClientStream stream = post(*driver, "/");
  const std::string piece = pattern(300'000);
  for (int i = 0; i < 10; ++i) {
    const auto sent =
        stream.send_data(as_bytes(piece), i == 9 ? EndStream::kYes : EndStream::kNo, in(kLong));
    ASSERT_TRUE(sent);
  }
  EXPECT_EQ(body_of(stream), "3000000");
}

TEST_F(DriverTest, SmallReadsGiveTheSameBytes) {
  serve(ScriptedServer::echo());
  const auto driver = connect();
  const std::string body = pattern(100'000);
  ClientStream stream = post(*driver, "/");
  queue(stream, body);
  std::string got;
  std::uint8_t buffer[777];
  while (true) {
    const auto n = stream.read(buffer, in(kLong));
    ASSERT_TRUE(n);
    if (*n == 0) break;
    got.append(reinterpret_cast<const char*>(buffer), *n);
  }
  EXPECT_TRUE(got == body);
}

TEST_F(DriverTest, TinyDataFramesAreJoined) {
  FrameScript script;
  script.raw(kStart).headers(1, kOk);
  for (int i = 0; i < 300; ++i) script.data(1, "ab");
  script.data(1, "", tests::kEnd);
  serve(ScriptedServer::sending(script.str(), 60, false));
  const auto driver = connect();
  ClientStream stream = get(*driver, "/");
  std::string expected;
  for (int i = 0; i < 300; ++i) expected += "ab";
  EXPECT_EQ(body_of(stream), expected);
}

TEST_F(DriverTest, TrailersAndInformationalResponsesArrive) {
  serve(ScriptedServer::sending(FrameScript()
                                    .raw(kStart)
                                    .headers(1, tests::response_fields(103, {{"link", "</a>"}}))
                                    .headers(1, kOk)
                                    .data(1, "body")
                                    .headers(1, {{"checksum", "77"}}, tests::kEnd)
                                    .str(),
                                60, false));
  const auto driver = connect();
  ClientStream stream = get(*driver, "/");
  ASSERT_TRUE(stream.wait_headers(in(kLong)));
  const auto informational = stream.take_informational();
  ASSERT_EQ(informational.size(), 1u);
  EXPECT_EQ(informational[0].status, 103);
  EXPECT_EQ(informational[0].fields.get("link"), "</a>");
  EXPECT_TRUE(stream.take_informational().empty());
  EXPECT_EQ(body_of(stream), "body");
  EXPECT_EQ(stream.trailers().get("checksum"), "77");
}

TEST_F(DriverTest, RequestTrailersAreSent) {
  std::atomic<bool> seen{false};
  auto options = ScriptedServer::answering([](const ServedRequest&) { return ServedAnswer{}; });
  options.on_event = [&, answer = options.on_event](ServedConnection& peer, const Event& event) {
    if (const auto* t = std::get_if<TrailersReceived>(&event)) seen = t->fields.find("sum") == "5";
    answer(peer, event);
  };
  serve(std::move(options));
  const auto driver = connect();
  ClientStream stream = post(*driver, "/");
  ASSERT_TRUE(stream.send_data(as_bytes("hello"), EndStream::kNo, in(kLong)));
  const Fields trailers{{"sum", "5"}};
  ASSERT_TRUE(stream.send_trailers(views(trailers)));
  ASSERT_TRUE(stream.wait_headers(in(kLong)));
  EXPECT_TRUE(seen);
}

TEST_F(DriverTest, PingMeasuresARoundTrip) {
  serve(ScriptedServer::echo());
  const auto driver = connect();
  const auto round_trip = driver->ping(in(kLong));
  ASSERT_TRUE(round_trip);
  EXPECT_GT(*round_trip, Duration{});
}

TEST_F(DriverTest, StatsCount) {
  serve(ScriptedServer::echo());
  const auto driver = connect();
  {
    ClientStream stream = get(*driver, "/");
    EXPECT_EQ(driver->active_streams(), 1u);
    EXPECT_EQ(body_of(stream), "GET /");
  }
  const DriverStats stats = driver->stats();
  EXPECT_EQ(stats.streams_opened, 1u);
  EXPECT_EQ(stats.streams_closed, 1u);
  EXPECT_EQ(stats.stream_errors, 0u);
  EXPECT_EQ(driver->active_streams(), 0u);
  EXPECT_GE(stats.frames_received, 4u);  // SETTINGS, its ACK, HEADERS, DATA
  EXPECT_GE(stats.frames_sent, 3u);
  EXPECT_GT(stats.bytes_received, 36u);
  EXPECT_GT(stats.bytes_sent, 51u);
}

// ---- threads
// -----------------------------------------------------------------------------------------

TEST_F(DriverTest, SixtyFourThreadsShareAConnection) {
  serve(ScriptedServer::echo());
  const auto driver = connect();
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 64; ++t) {
    threads.emplace_back([&, t] {
      for (unsigned i = 0; i < 50; ++i) {
        if (i % 5 == 0) {
          const std::string body = pattern(1 + (t * 50 + i) % 40'000, t * 50 + i);
          ClientStream stream = post(*driver, "/");
          queue(stream, body);
          if (body_of(stream) == body) ++good;
        } else {
          const std::string path = "/" + std::to_string(t) + "/" + std::to_string(i);
          ClientStream stream = get(*driver, path);
          if (body_of(stream) == "GET " + path) ++good;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 64 * 50);
  EXPECT_EQ(server_->connections(), 1);
  EXPECT_EQ(driver->stats().streams_closed, 64u * 50u);
}

TEST_F(DriverTest, AStreamThatNobodyReadsStallsNoOther) {
  const std::string big = pattern(3'000'000);  // more than a stream's window
  serve(ScriptedServer::answering([&](const ServedRequest&) {
    return ServedAnswer{200, {}, big, {}};
  }));
  const auto driver = connect();
  ClientStream slow = get(*driver, "/slow");
  ASSERT_TRUE(slow.wait_headers(in(kLong)));
  for (int i = 0; i < 8; ++i) {
    ClientStream stream = get(*driver, "/fast");
    EXPECT_TRUE(body_of(stream) == big) << i;
  }
  EXPECT_TRUE(body_of(slow) == big);
}

// The leader's own response comes first; the follower's must still be read by somebody.
TEST_F(DriverTest, ALeaderThatLeavesHandsOn) {
  std::mutex mutex;
  std::vector<StreamId> waiting;
  auto options = ScriptedServer::answering([&](const ServedRequest& r) {
    const std::lock_guard lock(mutex);
    waiting.push_back(r.id);
    return ServedAnswer{0, {}, {}, {}};
  });
  serve(std::move(options));
  const auto driver = connect();
  const auto arrived = [&](std::size_t n) {
    while (true) {
      {
        const std::lock_guard lock(mutex);
        if (waiting.size() >= n) return;
      }
      std::this_thread::yield();
    }
  };
  const auto answer = [&](std::uint32_t id) {
    server_->each_connection([id](ServedConnection& peer) {
      const Fields fields = tests::response_fields(200 + static_cast<int>(id));
      (void)peer.http2().send_headers(StreamId{id}, views(fields), EndStream::kYes);
    });
  };
  std::vector<std::thread> threads;
  std::vector<int> statuses(4);
  for (std::size_t i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      ClientStream stream = get(*driver, "/");
      const auto head = stream.wait_headers(in(kLong));
      if (head) statuses[i] = (*head)->status;
    });
    arrived(i + 1);
  }
  for (std::uint32_t id = 1; id <= 7; id += 2)
    answer(id);  // in the order of asking: each leader leaves first
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(statuses, ::testing::UnorderedElementsAre(201, 203, 205, 207));
}

TEST_F(DriverTest, ALeaderThatTimesOutHandsOn) {
  serve(ScriptedServer::answering([](const ServedRequest& r) {
    return ServedAnswer{r.field(":path") == "/never" ? 0 : 200, {}, {}, {}};
  }));
  const auto driver = connect();
  std::thread impatient([&] {
    ClientStream stream = get(*driver, "/never");
    const auto head = stream.wait_headers(in(kShort));
    ASSERT_FALSE(head);
    EXPECT_EQ(head.error().kind, DriverError::Kind::kTimedOut);
  });
  for (int i = 0; i < 50; ++i) {
    ClientStream stream = get(*driver, "/now");
    EXPECT_TRUE(stream.wait_headers(in(kLong)));
  }
  impatient.join();
}

TEST_F(DriverTest, ResetFromAnotherThreadEndsTheWait) {
  serve(ScriptedServer::answering([](const ServedRequest&) {
    return ServedAnswer{0, {}, {}, {}};
  }));
  const auto driver = connect();
  ClientStream stream = get(*driver, "/");
  std::thread other([&] { stream.reset(); });
  const DriverError e = failure_of(stream);
  other.join();
  EXPECT_EQ(e.kind, DriverError::Kind::kStream);
  EXPECT_EQ(e.code, ErrorCode::kCancel);
  EXPECT_FALSE(e.reset_by);
}

TEST_F(DriverTest, TerminateEndsAllWaits) {
  serve(ScriptedServer::answering([](const ServedRequest&) {
    return ServedAnswer{0, {}, {}, {}};
  }));
  const auto driver = connect();
  std::vector<std::thread> threads;
  std::atomic<int> ready{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      ClientStream stream = get(*driver, "/");
      ++ready;
      EXPECT_EQ(failure_of(stream).kind, DriverError::Kind::kConnection);
    });
  }
  while (ready < 4) std::this_thread::yield();
  driver->terminate();
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(driver->alive());
}

// ---- deadlines
// ------------------------------------------------------------------------------------------

TEST_F(DriverTest, DeadlinesHoldForHeadersAndPing) {
  serve(ScriptedServer::sending(kStart, 60, false));
  const auto driver = connect();
  ClientStream stream = get(*driver, "/");
  const auto head = stream.wait_headers(in(kShort));
  ASSERT_FALSE(head);
  EXPECT_EQ(head.error().kind, DriverError::Kind::kTimedOut);
  const auto ping = driver->ping(in(kShort));
  ASSERT_FALSE(ping);
  EXPECT_EQ(ping.error().kind, DriverError::Kind::kTimedOut);
  EXPECT_TRUE(driver->alive());
}

TEST_F(DriverTest, DeadlineHoldsInTheMiddleOfABody) {
  serve(ScriptedServer::sending(FrameScript().raw(kStart).headers(1, kOk).data(1, "part").str(), 60,
                                false));
  const auto driver = connect();
  ClientStream stream = get(*driver, "/");
  std::uint8_t buffer[16];
  const auto first = stream.read(buffer, in(kLong));
  ASSERT_TRUE(first);
  EXPECT_EQ(*first, 4u);
  const auto second = stream.read(buffer, in(kShort));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, DriverError::Kind::kTimedOut);
}

TEST_F(DriverTest, DeadlineHoldsWhileThePeerTakesNoBody) {
  serve(ScriptedServer::sending(kStart, 60, false));  // windows of 65,535 bytes, never raised
  const auto driver = connect();
  ClientStream stream = post(*driver, "/");
  const std::string body = pattern(2'000'000);
  const auto sent = stream.send_data(as_bytes(body), EndStream::kYes, in(kShort));
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().kind, DriverError::Kind::kTimedOut);
}

// ---- how connections end
// --------------------------------------------------------------------------------

TEST_F(DriverTest, ServerThatClosesAtOnce) {
  serve(ScriptedServer::sending("", 1));
  const auto driver = connect();
  ClientStream stream = get(*driver, "/");
  const DriverError e = failure_of(stream);
  EXPECT_EQ(e.kind, DriverError::Kind::kConnection);
  EXPECT_EQ(e.cause, Errc::kConnectionLost);
  EXPECT_FALSE(driver->alive());
  const auto again = driver->open(views(tests::get()), EndStream::kYes);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, DriverError::Kind::kNotOpen);
  EXPECT_EQ(again.error().processed, Processed::kNo);
}

TEST_F(DriverTest, ServerThatClosesMidFrameAndMidHeaders) {
  struct {
    std::string bytes;
    Errc cause;
  } const cases[] = {
      {kStart + FrameScript().frame_header(5, 1, 4, 1).str(), Errc::kLostInFrame},
      {kStart + FrameScript().headers_block(1, tests::plain_block(kOk), tests::kOpen, false).str(),
       Errc::kLostInFieldBlock},
  };
  for (const auto& c : cases) {
    serve(ScriptedServer::sending(c.bytes, 60));
    const auto driver = connect();
    ClientStream stream = get(*driver, "/");
    EXPECT_EQ(failure_of(stream).cause, c.cause);
  }
}

TEST_F(DriverTest, ServerThatClosesMidBodyGivesWhatCameFirst) {
  serve(ScriptedServer::sending(FrameScript().raw(kStart).headers(1, kOk).data(1, "partial").str(),
                                60));
  const auto driver = connect();
  ClientStream stream = get(*driver, "/");
  EXPECT_TRUE(stream.wait_headers(in(kLong)));
  EXPECT_EQ(body_of(stream), "ERROR after 7");
}

TEST_F(DriverTest, ServerThatResetsTheTcpConnection) {
  ScriptedServer::Options options;
  options.on_bytes = [](ServedConnection& peer, std::string_view received) {
    if (received.size() > 60) peer.close(true);
  };
  serve(std::move(options));
  const auto driver = connect();
  ClientStream stream = get(*driver, "/");
  const DriverError e = failure_of(stream);
  EXPECT_EQ(e.kind, DriverError::Kind::kConnection);
  EXPECT_TRUE(e.io.has_value());
}

TEST_F(DriverTest, GoAwayBelowTheRequestMeansNotProcessed) {
  serve(ScriptedServer::sending(
      FrameScript().raw(kStart).goaway(0, ErrorCode::kEnhanceYourCalm, "calm down").str(), 60,
      false));
  const auto driver = connect();
  ClientStream stream = get(*driver, "/");
  const DriverError e = failure_of(stream);
  EXPECT_EQ(e.kind, DriverError::Kind::kStream);
  EXPECT_EQ(e.reset_by, ResetBy::kGoAway);
  EXPECT_EQ(e.processed, Processed::kNo);
  ASSERT_TRUE(e.goaway);
  EXPECT_EQ(e.goaway->code, ErrorCode::kEnhanceYourCalm);
  EXPECT_EQ(e.goaway->debug_data, "calm down");
  EXPECT_FALSE(driver->accepts_new_streams());
}

TEST_F(DriverTest, AfterGoAwayOpenRequestsFinish) {
  serve(ScriptedServer::sending(
      FrameScript().raw(kStart).goaway(1).headers(1, kOk).data(1, "done", tests::kEnd).str(), 60));
  const auto driver = connect();
  ClientStream stream = get(*driver, "/");
  EXPECT_EQ(body_of(stream), "done");
  EXPECT_FALSE(driver->accepts_new_streams());
}

TEST_F(DriverTest, RefusedStreamIsNotProcessed) {
  serve(ScriptedServer::sending(FrameScript().raw(kStart).rst(1, ErrorCode::kRefusedStream).str(),
                                60, false));
  const auto driver = connect();
  ClientStream stream = get(*driver, "/");
  const DriverError e = failure_of(stream);
  EXPECT_EQ(e.reset_by, ResetBy::kPeer);
  EXPECT_EQ(e.code, ErrorCode::kRefusedStream);
  EXPECT_EQ(e.processed, Processed::kNo);
  EXPECT_TRUE(driver->accepts_new_streams());
  EXPECT_EQ(driver->stats().stream_errors, 1u);
}

TEST_F(DriverTest, ResetMidBodyEndsThatStreamOnly) {
  serve(ScriptedServer::sending(FrameScript()
                                    .raw(kStart)
                                    .headers(1, kOk)
                                    .data(1, "part")
                                    .rst(1, ErrorCode::kInternalError)
                                    .headers(3, kOk, tests::kEnd)
                                    .str(),
                                90, false));
  const auto driver = connect();
  ClientStream one = get(*driver, "/");
  ClientStream two = get(*driver, "/");
  EXPECT_EQ(body_of(one), "ERROR after 4");
  EXPECT_EQ(body_of(two), "");
}

TEST_F(DriverTest, AnEarlyResponseStopsTheUpload) {
  serve(ScriptedServer::sending(FrameScript()
                                    .raw(kStart)
                                    .headers(1, tests::response_fields(413))
                                    .data(1, "too large", tests::kEnd)
                                    .rst(1, ErrorCode::kNoError)
                                    .str(),
                                60, false));
  const auto driver = connect();
  ClientStream stream = post(*driver, "/");
  const std::string piece = pattern(100'000);
  auto sent = stream.send_data(as_bytes(piece), EndStream::kNo, in(kLong));
  while (sent && *sent == ClientStream::Sent::kQueued)
    sent = stream.send_data(as_bytes(piece), EndStream::kNo, in(kLong));
  ASSERT_TRUE(sent);
  const auto head = stream.wait_headers(in(kLong));
  ASSERT_TRUE(head);
  EXPECT_EQ((*head)->status, 413);
  EXPECT_EQ(body_of(stream), "too large");
}

TEST_F(DriverTest, PeerThatIsNotHttp2IsQuoted) {
  serve(ScriptedServer::sending("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"));
  const auto driver = connect();
  ClientStream stream = get(*driver, "/");
  const DriverError e = failure_of(stream);
  EXPECT_EQ(e.cause, Errc::kNotHttp2);
  EXPECT_THAT(e.excerpt, HasSubstr("HTTP/1.1 400"));
}

TEST_F(DriverTest, BrokenProtocolEndsTheConnectionWithItsCode) {
  std::mutex mutex;
  std::string received;
  auto options =
      ScriptedServer::sending(FrameScript().raw(kStart).window_update(0, 0).str(), 60, false);
  options.on_bytes = [&, send = options.on_bytes](ServedConnection& peer, std::string_view bytes) {
    {
      const std::lock_guard lock(mutex);
      received = bytes;
    }
    send(peer, bytes);
  };
  serve(std::move(options));
  {
    const auto driver = connect();
    ClientStream stream = get(*driver, "/");
    const DriverError e = failure_of(stream);
    EXPECT_EQ(e.kind, DriverError::Kind::kConnection);
    EXPECT_EQ(e.code, ErrorCode::kProtocolError);
    EXPECT_EQ(e.cause, Errc::kWindowIncrementZero);
  }
  // The peer is told why (RFC 9113 §5.4.1).
  while (true) {
    const std::lock_guard lock(mutex);
    const tests::WireOutput output = tests::read_frames(received);
    if (const auto* goaway = output.find(FrameType::kGoAway)) {
      EXPECT_EQ(goaway->u32(4), static_cast<std::uint32_t>(ErrorCode::kProtocolError));
      break;
    }
    std::this_thread::yield();
  }
}

TEST_F(DriverTest, InvalidFieldIsTheCallersMistake) {
  serve(ScriptedServer::echo());
  const auto driver = connect();
  const Fields bad = tests::get("/", {{"te", "gzip"}});
  const auto stream = driver->open(views(bad), EndStream::kYes);
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().kind, DriverError::Kind::kUsage);
  EXPECT_EQ(stream.error().cause, Errc::kFieldConnectionSpecific);
  ClientStream good = get(*driver, "/");
  EXPECT_EQ(body_of(good), "GET /");
}

// ---- idle connections
// -----------------------------------------------------------------------------------

TEST_F(DriverTest, AGoAwayThatCameWhileIdleIsSeenByPumping) {
  serve(ScriptedServer::echo());
  const auto driver = connect();
  {
    ClientStream stream = get(*driver, "/");
    EXPECT_EQ(body_of(stream), "GET /");
  }
  std::atomic<bool> closed{false};
  server_->each_connection([&](ServedConnection& peer) {
    peer.http2().close_connection();
    closed = true;
  });
  EXPECT_TRUE(driver->accepts_new_streams());  // nobody has looked
  while (!closed) std::this_thread::yield();
  while (driver->accepts_new_streams()) driver->pump_nonblocking();
  EXPECT_FALSE(driver->accepts_new_streams());
}

TEST_F(DriverTest, AFullServerQueuesRequestsInOrder) {
  auto options = ScriptedServer::answering([](const ServedRequest& r) {
    return ServedAnswer{200, {}, r.field(":path"), {}};
  });
  options.config.max_concurrent_streams = 1;
  serve(std::move(options));
  const auto driver = connect();
  ASSERT_TRUE(driver->ping(in(kLong)));  // its SETTINGS have come
  EXPECT_EQ(driver->max_streams(), 1u);
  std::vector<ClientStream> streams;
  for (int i = 0; i < 20; ++i) streams.push_back(get(*driver, "/" + std::to_string(i)));
  for (int i = 0; i < 20; ++i) {
    ClientStream& stream = streams[static_cast<std::size_t>(i)];
    EXPECT_EQ(body_of(stream), "/" + std::to_string(i));
    stream = ClientStream();
  }
}

TEST_F(DriverTest, CloseWaitsForOpenStreams) {
  serve(ScriptedServer::echo());
  const auto driver = connect();
  std::thread closer;
  {
    ClientStream stream = get(*driver, "/");
    closer = std::thread([&] { EXPECT_TRUE(driver->close(in(kLong))); });
    EXPECT_EQ(body_of(stream), "GET /");
  }
  closer.join();
  EXPECT_FALSE(driver->alive());
}

TEST_F(DriverTest, ADroppedStreamIsResetAndTheConnectionGoesOn) {
  const std::string big = pattern(3'000'000);
  serve(ScriptedServer::answering([&](const ServedRequest&) {
    return ServedAnswer{200, {}, big, {}};
  }));
  const auto driver = connect();
  for (int i = 0; i < 40; ++i) {
    ClientStream stream = get(*driver, "/");
    ASSERT_TRUE(stream.wait_headers(in(kLong)));
  }
  ClientStream stream = get(*driver, "/");
  EXPECT_TRUE(body_of(stream) == big);
}

// ---- a stream in memory that gives and takes little
// ---------------------------------------------------------

// An echo server at the other end of a stream in memory, on a thread of its own.
class MemoryEcho {
 public:
  explicit MemoryEcho(std::unique_ptr<MemoryStream> stream)
      : stream_(std::move(stream)), thread_([this] { run(); }) {}
  ~MemoryEcho() {
    stop_ = true;
    stream_->wake();
    thread_.join();
  }

 private:
  void run() {
    Connection conn(Role::kServer, Config::server(), system_clock().now());
    const ScriptedServer::OnEvent echo = ScriptedServer::echo().on_event;
    Peer peer(conn);
    std::vector<std::uint8_t> unread;
    std::vector<std::uint8_t> buffer(4'096);
    while (!stop_) {
      while (conn.want_write()) {
        const auto wrote = stream_->try_write(conn.data_to_send());
        if (!wrote || wrote->would_block()) break;
        conn.mark_sent(wrote->bytes);
      }
      if (unread.empty()) {
        if (!stream_->wait(true, conn.want_write(), Time::never())) return;
        const auto got = stream_->try_read(buffer);
        if (!got || got->end()) return;
        unread.assign(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(got->bytes));
      } else if (!conn.want_read()) {
        if (!stream_->wait(false, true, Time::never())) return;
      }
      while (!unread.empty() && conn.want_read()) {
        const Received received = conn.receive_data(unread, system_clock().now());
        for (const Event& event : received.events) echo(peer, event);
        unread.erase(unread.begin(),
                     unread.begin() + static_cast<std::ptrdiff_t>(received.consumed));
      }
    }
  }
  struct Peer final : ServedConnection {
    explicit Peer(Connection& c) : conn(c) {}
    int index() const override { return 0; }
    Connection& http2() override { return conn; }
    void write_raw(std::string_view) override {}
    void close(bool) override {}
    Connection& conn;
  };

  std::unique_ptr<MemoryStream> stream_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

TEST_F(DriverTest, AnySplittingOfTheByteStreamGivesTheSame) {
  struct Pace {
    std::size_t read;
    std::size_t write;
    std::size_t capacity;
    std::size_t body;
  };
  for (const Pace pace :
       {Pace{1, 1, 1'000'000, 3'000}, Pace{7, 1'000'000, 64, 20'000},
        Pace{1'000'000, 13, 100, 20'000}, Pace{100'000, 100'000, 1'000'000, 2'000'000}}) {
    MemoryStreamOptions options;
    options.max_read = pace.read;
    options.max_write = pace.write;
    options.capacity = pace.capacity;
    auto [ours, theirs] = make_memory_pair(options);
    const MemoryEcho echo(std::move(theirs));
    Driver driver(std::move(ours), Driver::client_config(), clock());
    const std::string body = pattern(pace.body);
    std::vector<std::thread> threads;
    std::atomic<int> good{0};
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        ClientStream stream = post(driver, "/");
        queue(stream, body);
        if (body_of(stream) == body) ++good;
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(good, 4);
  }
}

}  // namespace
}  // namespace h2::transport
