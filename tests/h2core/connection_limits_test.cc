// Memory and the limits that keep it (docs/limits.md, RFC 9113 §10.5).
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "h2core/testing/link.h"
#include "tests/support/counting_memory.h"
#include "tests/support/event_log.h"

namespace h2::tests {
namespace {

constexpr EndStream kYes = EndStream::kYes;
constexpr EndStream kNo = EndStream::kNo;

struct Pair {
  CountingMemory client_memory;
  CountingMemory server_memory;
  std::unique_ptr<Connection> client;
  std::unique_ptr<Connection> server;
  std::unique_ptr<h2::testing::Link> link;
  std::vector<HeaderField> response;
  std::vector<HeaderField> trailers;
  Fields response_storage =
      response_fields(200, {{"content-type", "text/plain"}, {"server", "test"}});
  Fields trailer_storage{{"x-sum", "1234"}};
  std::string body = std::string(3'000, 'r');
  std::uint64_t responses = 0;

  Pair() {
    Config client_config = Config::client();
    client_config.memory = &client_memory;
    Config server_config = Config::server();
    server_config.memory = &server_memory;
    init(client_config, server_config);
  }
  explicit Pair(std::uint64_t fail_client_at, std::uint64_t fail_server_at, bool after) {
    client_memory.fail_at = fail_client_at;
    server_memory.fail_at = fail_server_at;
    client_memory.fail_after = server_memory.fail_after = after;
    Config client_config = Config::client();
    client_config.memory = &client_memory;
    Config server_config = Config::server();
    server_config.memory = &server_memory;
    init(client_config, server_config);
  }
  void init(const Config& client_config, const Config& server_config) {
    client = std::make_unique<Connection>(Role::kClient, client_config, Time{});
    server = std::make_unique<Connection>(Role::kServer, server_config, Time{});
    link = std::make_unique<h2::testing::Link>(*client, *server);
    response = views_of(response_storage);
    trailers = views_of(trailer_storage);
    link->on_server_event([this](Connection& conn, const Event& event) {
      if (const auto* request = std::get_if<RequestReceived>(&event)) {
        (void)conn.send_headers(request->stream_id, response, kNo);
        (void)conn.send_data(request->stream_id, bytes_of(body), kNo, 1);
        (void)conn.send_data_copy(request->stream_id, bytes_of("short"), kNo);
        (void)conn.send_headers(request->stream_id, trailers, kYes);
      } else if (const auto* data = std::get_if<DataReceived>(&event)) {
        (void)conn.acknowledge_received_data(static_cast<std::uint32_t>(data->data.size()),
                                             data->stream_id);
      }
    });
    link->on_client_event([this](Connection& conn, const Event& event) {
      if (std::holds_alternative<TrailersReceived>(event)) ++responses;
      if (const auto* data = std::get_if<DataReceived>(&event)) {
        (void)conn.acknowledge_received_data(static_cast<std::uint32_t>(data->data.size()),
                                             data->stream_id);
      }
    });
  }
  bool request(const std::vector<HeaderField>& fields) {
    const auto id = client->get_next_available_stream_id();
    if (!id) return false;
    if (!client->send_headers(*id, fields, kNo)) return false;
    (void)client->send_data(*id, bytes_of(body), kNo, 2);
    (void)client->send_data_copy(*id, bytes_of("short"), kYes);
    return link->run_until_idle();
  }
};

TEST(Memory, NothingIsAllocatedPerRequestAfterWarmUp) {
  Pair pair;
  const Fields storage = post("/path", {{"accept", "*/*"}, {"user-agent", "test"}});
  const std::vector<HeaderField> fields = views_of(storage);
  // The streams that ended last are remembered, up to a number; until then their table grows.
  for (int i = 0; i < 2'000; ++i) ASSERT_TRUE(pair.request(fields));
  const std::uint64_t client_before = pair.client_memory.allocations;
  const std::uint64_t server_before = pair.server_memory.allocations;
  for (int i = 0; i < 1'000; ++i) ASSERT_TRUE(pair.request(fields));
  EXPECT_EQ(pair.client_memory.allocations - client_before, 0U);
  EXPECT_EQ(pair.server_memory.allocations - server_before, 0U);
  EXPECT_EQ(pair.responses, 3'000U);
}

TEST(Memory, AllIsGivenBackInTheSizesThatWereTaken) {
  Pair pair;
  const Fields storage = post();
  ASSERT_TRUE(pair.request(views_of(storage)));
  EXPECT_GT(pair.client->memory_in_use(), 0U);
  pair.link.reset();
  pair.client.reset();
  pair.server.reset();
  EXPECT_EQ(pair.client_memory.in_use, 0U);
  EXPECT_EQ(pair.server_memory.in_use, 0U);
  EXPECT_EQ(pair.client_memory.mismatches, 0U);
  EXPECT_EQ(pair.server_memory.mismatches, 0U);
}

TEST(Memory, AnIdleConnectionIsSmall) {
  Pair pair;
  ASSERT_TRUE(pair.link->run_until_idle());
  EXPECT_LE(pair.client->memory_in_use(), 24U * 1'024);
  EXPECT_LE(pair.server->memory_in_use(), 24U * 1'024);
}

// The Nth allocation fails, for each N: the connection ends in order, or goes on unharmed.
TEST(Memory, AnyAllocationMayFail) {
  const Fields storage = post("/path", {{"accept", "*/*"}, {"x-large", std::string(20'000, 'l')}});
  const std::vector<HeaderField> fields = views_of(storage);
  for (const bool after : {false, true}) {
    for (const bool at_client : {true, false}) {
      bool failed_once = true;
      int runs = 0;
      for (std::uint64_t n = 1; failed_once && n < 5'000; ++n, ++runs) {
        SCOPED_TRACE("allocation " + std::to_string(n) +
                     (at_client ? " of the client" : " of the server"));
        const std::uint64_t never = std::numeric_limits<std::uint64_t>::max();
        Pair pair(at_client ? n : never, at_client ? never : n, after);
        CountingMemory& memory = at_client ? pair.client_memory : pair.server_memory;
        Connection& conn = at_client ? *pair.client : *pair.server;
        for (int i = 0; i < 3; ++i) (void)pair.request(fields);
        conn.close_connection();
        ASSERT_TRUE(pair.link->run_until_idle());
        ASSERT_TRUE(pair.link->run_for(seconds(60)));
        failed_once = memory.failures > 0;
        if (conn.error().has_value()) {
          EXPECT_EQ(h2::to_string(conn.error()->cause), h2::to_string(Errc::kOutOfMemory));
          EXPECT_TRUE(conn.done());
        }
        pair.link.reset();
        pair.client.reset();
        pair.server.reset();
        ASSERT_EQ(memory.in_use, 0U);
        ASSERT_EQ(memory.mismatches, 0U);
      }
      EXPECT_FALSE(failed_once) << "not all allocations were tried";
      EXPECT_GT(runs, 5);
    }
  }
}

TEST(Memory, AConnectionWithoutMemoryIsBornFailed) {
  CountingMemory memory;
  memory.fail_at = 1;
  memory.fail_after = true;
  Config config = Config::client();
  config.memory = &memory;
  Connection conn(Role::kClient, config, Time{});
  EXPECT_TRUE(conn.done());
  EXPECT_FALSE(conn.want_read());
  EXPECT_FALSE(conn.want_write());
  ASSERT_TRUE(conn.error().has_value());
  EXPECT_EQ(conn.error()->cause, Errc::kOutOfMemory);
  EXPECT_TRUE(conn.data_to_send().empty());
  EXPECT_FALSE(conn.get_next_available_stream_id());
  const Fields storage = get();
  EXPECT_FALSE(conn.send_headers(StreamId{1}, views_of(storage), kYes));
  const Received received = conn.receive_data(bytes_of("abc"), Time{});
  EXPECT_EQ(received.consumed, 3U);
  EXPECT_TRUE(conn.receive_end(Time{}).empty());
  EXPECT_TRUE(conn.poll_events().empty());
  EXPECT_TRUE(conn.on_time(Time{}).empty());
  EXPECT_TRUE(conn.next_deadline().is_never());
  conn.close_connection();
  conn.terminate(ErrorCode::kNoError);
  conn.notify_shutdown();
  conn.release_stream(StreamId{1});
  conn.mark_sent(0);
  EXPECT_FALSE(conn.ping({}, Time{}));
  EXPECT_FALSE(conn.accepts_new_streams());
  EXPECT_EQ(conn.local_settings(), Settings{});
  Connection moved(std::move(conn));
  EXPECT_TRUE(moved.done());
}

TEST(Memory, TheLimitHolds) {
  CountingMemory memory;
  Config config = Config::server();
  config.memory = &memory;
  config.memory_limit = 256 * 1'024;
  {
    Driven server(Role::kServer, config);
    start(server);
    FrameScript large;
    const Fields fields = get("/", {{"x", std::string(60'000, 'y')}});
    for (std::uint32_t id = 1; id < 200; id += 2) {
      server.feed(FrameScript().headers_in_pieces(id, fields, kEnd, 16'000));
    }
    EXPECT_LE(memory.peak, config.memory_limit);
    EXPECT_LE(server.conn.memory_in_use(), config.memory_limit);
  }
  EXPECT_EQ(memory.in_use, 0U);
}

TEST(Limits, InputWaitsWhileAnswersAreNotRead) {
  Driven server(Role::kServer);
  start(server);
  const FrameScript pings = FrameScript().repeat(900, FrameScript().ping());
  const Received received = server.conn.receive_data(pings.bytes(), server.now);
  EXPECT_LT(received.consumed, pings.bytes().size());
  EXPECT_LE(received.consumed, 130U * 17U);
  EXPECT_FALSE(server.conn.want_read());
  EXPECT_EQ(server.conn.receive_data(pings.bytes().subspan(received.consumed), server.now).consumed,
            0U);
  server.drain();
  EXPECT_TRUE(server.conn.want_read());
  server.feed(pings.bytes().subspan(received.consumed)).drain();
  EXPECT_EQ(server.frames().count(FrameType::kPing), 900U);
}

TEST(Limits, OurOwnDataDoesNotStopInput) {
  Driven client(Role::kClient, Config::client());
  start(client, {{SettingCode::kInitialWindowSize, 0x7fffffff}});
  client.feed(FrameScript().window_update(0, 0x7fff0000 - 65'535));
  const std::string body(10'000'000, 'x');
  ASSERT_EQ(client.send(1, post()), Errc::kNone);
  ASSERT_TRUE(client.conn.send_data(StreamId{1}, bytes_of(body), kYes));
  (void)client.conn.data_to_send();
  EXPECT_TRUE(client.conn.want_read());
  client.feed(FrameScript().headers(1, response_fields(200)).data(1, "early"));
  EXPECT_TRUE(client.has("DataReceived stream=1 length=5"));
  EXPECT_LE(client.conn.memory_in_use(), 200'000U) << "the body is not copied";
}

TEST(Limits, OneCallHandlesABoundedNumberOfFrames) {
  Config config = Config::client();
  config.max_frames_per_call = 10;
  Driven client(Role::kClient, config);
  start(client);
  const FrameScript updates = FrameScript().repeat(25, FrameScript().window_update(0, 1));
  Bytes rest = updates.bytes();
  int calls = 0;
  while (!rest.empty() && calls < 10) {
    const Received received = client.conn.receive_data(rest, client.now);
    EXPECT_LE(received.events.size(), 10U);
    rest = rest.subspan(received.consumed);
    EXPECT_TRUE(client.conn.want_read());
    ++calls;
  }
  EXPECT_EQ(calls, 3);
}

TEST(Limits, AnOversizedSectionIsRefusedAndTheConnectionLives) {
  Config config = Config::server();
  config.max_header_list_size = 1'000;
  Driven server(Role::kServer, config);
  start(server);
  server.feed(FrameScript().headers(1, get("/", {{"x", std::string(1'200, 'y')}}), kEnd)).drain();
  EXPECT_EQ(server.count("RequestReceived"), 0U);
  const WireOutput out = server.frames();
  ASSERT_NE(out.find(FrameType::kHeaders, 1), nullptr) << to_string(out);
  EXPECT_NE(out.find(FrameType::kHeaders, 1)->payload.find("431"), std::string::npos)
      << "status 431";
  EXPECT_FALSE(server.conn.error().has_value());
  server.feed(FrameScript().headers(3, get(), kEnd));
  EXPECT_EQ(server.count("RequestReceived stream=3"), 1U) << server.text();
}

TEST(Limits, ASectionFarBeyondTheLimitEndsTheConnection) {
  Config config = Config::server();
  config.max_header_list_size = 1'000;
  Driven server(Role::kServer, config);
  start(server);
  server
      .feed(FrameScript().headers_in_pieces(1, get("/", {{"x", std::string(40'000, 'y')}}), kEnd,
                                            16'000))
      .drain();
  ASSERT_TRUE(server.conn.error().has_value());
  EXPECT_EQ(server.conn.error()->code, ErrorCode::kEnhanceYourCalm);
}

TEST(Limits, AnHpackBombIsRefusedAndCheap) {
  CountingMemory memory;
  Config config = Config::server();
  config.memory = &memory;
  Driven server(Role::kServer, config);
  start(server);
  std::string block = plain_block(get());
  block +=
      std::string("\x40\x01x\x7f\xa1\x1e", 6);  // a literal with indexing, value of 4,000 bytes
  block += std::string(4'000, 'v');
  block += std::string(10'000, '\xbe');  // the newest entry, 10,000 times: 40 MB
  server.feed(FrameScript().headers_block(1, block, kEnd)).drain();
  EXPECT_EQ(server.count("RequestReceived"), 0U) << server.text();
  EXPECT_LE(memory.peak, 1U << 20);
}

TEST(Limits, TimeRefillsTheBudget) {
  Driven server(Role::kServer);
  start(server);
  for (int second = 0; second < 100; ++second) {
    server.feed(FrameScript().repeat(30, FrameScript().ping())).drain();
    server.now = server.now + seconds(1);
  }
  EXPECT_FALSE(server.conn.error().has_value());
}

TEST(Limits, HonestTrafficIsNotMistakenForAnAttack) {
  // 10,000 messages of 600 bytes in one stream, and as many unary requests of 20 bytes, no time
  // passing.
  Driven server(Role::kServer);
  start(server);
  server.on_event = [](Connection& conn, const Event& event) {
    if (const auto* data = std::get_if<DataReceived>(&event)) {
      (void)conn.acknowledge_received_data(static_cast<std::uint32_t>(data->data.size()),
                                           data->stream_id);
      if (data->end_stream == kYes) {
        const Fields fields = response_fields(200);
        (void)conn.send_headers(data->stream_id, views_of(fields), kYes);
      }
    }
  };
  server.feed(FrameScript().headers(1, post()));
  for (int i = 0; i < 10'000; ++i) {
    server.feed(FrameScript().data(1, std::string(600, 'm'))).drain();
    server.forget();
  }
  for (std::uint32_t id = 3; id < 20'003; id += 2) {
    server.feed(FrameScript().headers(id, post()).data(id, "twenty bytes of data", kEnd)).drain();
    server.forget();
  }
  EXPECT_FALSE(server.conn.error().has_value());
  EXPECT_EQ(server.conn.stream_counts().active_remote, 1U);
}

TEST(Limits, PageLoadsWithManyCancelsAreNotMistakenForAnAttack) {
  Driven server(Role::kServer);
  start(server);
  server.on_event = [](Connection& conn, const Event& event) {
    if (const auto* request = std::get_if<RequestReceived>(&event)) {
      const Fields fields = response_fields(200);
      (void)conn.send_headers(request->stream_id, views_of(fields), kNo);
    } else if (const auto* reset = std::get_if<StreamReset>(&event)) {
      conn.release_stream(reset->stream_id);
    }
  };
  std::uint32_t id = 1;
  for (int page = 0; page < 100; ++page) {
    FrameScript load;
    for (std::uint32_t i = 0; i < 100; ++i) load.headers(id + 2 * i, get(), kEnd);
    server.feed(load).drain();
    FrameScript cancel;
    for (std::uint32_t i = 0; i < 60; ++i) cancel.rst(id + 2 * i);
    server.feed(cancel);
    for (std::uint32_t i = 60; i < 100; ++i)
      ASSERT_TRUE(server.conn.end_stream(StreamId{id + 2 * i}));
    server.drain().forget();
    id += 200;
    server.now = server.now + seconds(3);
    ASSERT_FALSE(server.conn.error().has_value()) << "page " << page;
  }
}

TEST(Limits, RequestsQueuedAndCancelledLeaveNothingBehind) {
  for (const bool one_waits : {false, true}) {
    SCOPED_TRACE(one_waits ? "another request waits all the time" : "nothing else waits");
    Driven client(Role::kClient, Config::client());
    start(client, {{SettingCode::kMaxConcurrentStreams, 1}});
    ASSERT_EQ(client.send(1, get(), kYes), Errc::kNone);
    std::uint32_t id = 3;
    if (one_waits) {
      ASSERT_EQ(client.send(id, get("/waiting"), kYes), Errc::kNone);
      id += 2;
    }
    std::size_t before = 0;
    for (int i = 0; i < 20'000; ++i, id += 2) {
      ASSERT_EQ(client.send(id, get(), kYes), Errc::kNone);
      ASSERT_TRUE(client.conn.reset_stream(StreamId{id}));
      if (i == 1'000) before = client.conn.memory_in_use();
    }
    EXPECT_EQ(client.conn.memory_in_use(), before);
    ASSERT_EQ(client.send(id, get("/last"), kYes), Errc::kNone);
    client.drain().forget();
    client.feed(FrameScript().headers(1, response_fields(200), kEnd)).drain();
    if (one_waits) client.feed(FrameScript().headers(3, response_fields(200), kEnd)).drain();
    EXPECT_NE(client.frames().find(FrameType::kHeaders, id), nullptr) << "comes last";
    EXPECT_EQ(client.frames().count(FrameType::kHeaders), one_waits ? 2U : 1U);
  }
}

TEST(Limits, ManyQueuedRequestsAreCancelledInAnyOrderAndTheRestGoesOut) {
  Driven client(Role::kClient, Config::client());
  start(client, {{SettingCode::kMaxConcurrentStreams, 1}});
  ASSERT_EQ(client.send(1, get(), kYes), Errc::kNone);
  for (std::uint32_t id = 3; id <= 2'001; id += 2) {
    ASSERT_EQ(client.send(id, get(), kYes), Errc::kNone);
  }
  // All but each hundredth, from the middle outwards.
  for (std::uint32_t k = 0; k < 1'000; ++k) {
    const std::uint32_t at = k % 2 == 0 ? 500 + k / 2 : 499 - k / 2;
    if (at % 100 == 7) continue;
    ASSERT_TRUE(client.conn.reset_stream(StreamId{3 + 2 * at}));
  }
  client.drain().forget();
  EXPECT_EQ(client.conn.stream_counts().queued, 10U);
  std::uint32_t open = 1;
  for (std::uint32_t at = 7; at < 1'000; at += 100) {
    client.feed(FrameScript().headers(open, response_fields(200), kEnd)).drain();
    open = 3 + 2 * at;
    EXPECT_EQ(client.frames().frames.back().stream, open);
  }
  EXPECT_EQ(client.frames().count(FrameType::kHeaders), 10U);
}

TEST(Memory, BodiesAreReleasedAlsoWhenTheLimitLeavesNoRoomForEvents) {
  for (std::size_t limit = 61'000; limit < 150'000; limit += 3'000) {
    SCOPED_TRACE(limit);
    Config config = Config::server();
    config.memory_limit = limit;
    Driven server(Role::kServer, config);
    start(server);
    const std::string body(5'000, 'b');
    std::size_t held = 0;
    std::size_t released = 0;
    server.on_event = [&](Connection& conn, const Event& event) {
      if (const auto* request = std::get_if<RequestReceived>(&event)) {
        const Fields fields = response_fields(200);
        (void)conn.send_headers(request->stream_id, views_of(fields), kNo);
        for (int i = 0; i < 3; ++i) {
          if (conn.send_data(request->stream_id, bytes_of(body), kNo, held)) ++held;
        }
      } else if (std::holds_alternative<BodyReleased>(event)) {
        ++released;
      }
    };
    FrameScript requests;
    for (std::uint32_t id = 1; id < 200; id += 2) requests.headers(id, get(), kEnd);
    server.feed(requests);
    server.end().drain();
    EXPECT_GT(held, 0U);
    EXPECT_EQ(released, held);
  }
}

TEST(Memory, BodiesAreReleasedWhenMemoryIsThereAgain) {
  CountingMemory memory;
  Config config = Config::server();
  config.memory = &memory;
  Driven server(Role::kServer, config);
  start(server);
  server.feed(FrameScript().headers(1, get(), kEnd));
  ASSERT_EQ(server.send(1, response_fields(200)), Errc::kNone);
  const std::string body(5'000, 'b');
  for (BodyTag tag = 0; tag < 100; ++tag) {
    ASSERT_TRUE(server.conn.send_data(StreamId{1}, bytes_of(body), kNo, tag));
  }
  memory.fail_at = memory.allocations + 1;
  memory.fail_after = true;
  ASSERT_TRUE(server.conn.reset_stream(StreamId{1}));
  server.drain();
  EXPECT_LT(server.count("BodyReleased"), 100U);
  memory.fail_after = false;
  server.drain();
  EXPECT_EQ(server.count("BodyReleased"), 100U);
}

}  // namespace
}  // namespace h2::tests
