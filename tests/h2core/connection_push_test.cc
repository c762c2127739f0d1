// Server push (RFC 9113 §6.6, §8.4).
#include <gtest/gtest.h>

#include <string>

#include "tests/support/event_log.h"

namespace h2::tests {
namespace {

constexpr EndStream kYes = EndStream::kYes;

Config pushing() {
  Config config = Config::client();
  config.enable_push = true;
  return config;
}

TEST(Push, GoesFromServerToClient) {
  Driven client(Role::kClient, pushing());
  Driven server(Role::kServer);
  start(client);
  start(server);
  ASSERT_EQ(client.send(1, get(), kYes), Errc::kNone);
  client.drain();
  server.feed(bytes_of(client.out));
  const Fields promised = get("/style.css");
  const auto id = server.conn.push_stream(StreamId{1}, views_of(promised));
  ASSERT_TRUE(id);
  EXPECT_EQ(id->value, 2U);
  EXPECT_EQ(server.conn.stream_state(*id), StreamState::kReservedLocal);
  ASSERT_EQ(server.send(2, response_fields(200)), Errc::kNone);
  ASSERT_TRUE(server.conn.send_data_copy(*id, bytes_of("css"), kYes));
  ASSERT_EQ(server.send(1, response_fields(200), kYes), Errc::kNone);
  server.drain();
  client.feed(bytes_of(server.out));
  EXPECT_TRUE(client.has(
      "PushedStreamReceived stream=1 promised=2 {:method: GET; :scheme: https; :path: /style.css;"))
      << client.text();
  EXPECT_TRUE(client.has("ResponseReceived stream=2 status=200 {")) << client.text();
  EXPECT_TRUE(client.has("DataReceived stream=2 length=3")) << client.text();
  EXPECT_TRUE(client.has("ResponseReceived stream=1 status=200 end")) << client.text();
  EXPECT_EQ(client.conn.stream_counts().active_remote, 0U);
  EXPECT_EQ(client.conn.stream_counts().reserved, 0U);
  EXPECT_EQ(server.conn.stream_counts().active_local, 0U);
}

TEST(Push, IsRefusedWhereThePeerDisabledIt) {
  Driven server(Role::kServer);
  start(server, {{SettingCode::kEnablePush, 0}});
  server.feed(FrameScript().headers(1, get(), kEnd));
  const Fields promised = get();
  const auto id = server.conn.push_stream(StreamId{1}, views_of(promised));
  ASSERT_FALSE(id);
  EXPECT_EQ(id.error().cause, Errc::kPushDisabledByPeer);
  EXPECT_FALSE(server.conn.want_write());
}

TEST(Push, IsNotForClients) {
  Driven client(Role::kClient, pushing());
  start(client);
  ASSERT_EQ(client.send(1, get(), kYes), Errc::kNone);
  const Fields promised = get();
  const auto id = client.conn.push_stream(StreamId{1}, views_of(promised));
  ASSERT_FALSE(id);
  EXPECT_EQ(id.error().cause, Errc::kWrongRole);
}

TEST(Push, NeedsAnOpenParent) {
  Driven server(Role::kServer);
  start(server);
  const Fields promised = get();
  EXPECT_FALSE(server.conn.push_stream(StreamId{1}, views_of(promised)));
  server.feed(FrameScript().headers(1, get(), kEnd));
  ASSERT_EQ(server.send(1, response_fields(200), kYes), Errc::kNone);
  EXPECT_FALSE(server.conn.push_stream(StreamId{1}, views_of(promised)));
}

TEST(Push, PromisesAreCapped) {
  Driven client(Role::kClient, pushing());
  start(client);
  ASSERT_EQ(client.send(1, get(), kYes), Errc::kNone);
  client.drain().forget();
  for (std::uint32_t id = 2; id <= 40; id += 2)
    client.feed(FrameScript().push_promise(1, id, get()));
  client.drain();
  EXPECT_EQ(client.count("PushedStreamReceived"), 16U);
  EXPECT_EQ(client.frames().count(FrameType::kRstStream), 4U) << to_string(client.frames());
  EXPECT_EQ(client.conn.stream_counts().reserved, 16U);
  EXPECT_FALSE(client.conn.error().has_value());
}

TEST(Push, ResponsesAreBoundByTheStreamsThatWeAllow) {
  Config config = pushing();
  config.max_concurrent_streams = 5;
  Driven client(Role::kClient, config);
  start(client);
  ASSERT_EQ(client.send(1, get(), kYes), Errc::kNone);
  client.drain().forget();
  for (std::uint32_t id = 2; id <= 20; id += 2) {
    client.feed(FrameScript().push_promise(1, id, get()).headers(id, response_fields(200)));
    client.feed(FrameScript().data(id, "x"));
  }
  client.drain();
  EXPECT_EQ(client.conn.stream_counts().active_remote, 5U);
  EXPECT_EQ(client.conn.stream_counts().reserved, 0U);
  EXPECT_EQ(client.count("ResponseReceived"), 5U) << client.text();
  EXPECT_EQ(client.count("DataReceived"), 5U) << client.text();
  EXPECT_EQ(client.count("StreamReset"), 5U) << client.text();
  for (std::uint32_t id = 12; id <= 20; id += 2) {
    const WireOutput out = client.frames();
    const WireFrame* rst = out.find(FrameType::kRstStream, id);
    ASSERT_NE(rst, nullptr) << id;
    EXPECT_EQ(rst->u32(0), static_cast<std::uint32_t>(ErrorCode::kRefusedStream));
  }
  client.feed(FrameScript().data(2, "", kEnd).push_promise(1, 22, get()));
  client.feed(FrameScript().headers(22, response_fields(200), kEnd));
  EXPECT_EQ(client.count("ResponseReceived stream=22"), 1U) << "one has ended";
}

TEST(Push, APromiseCanBeRefusedByTheCaller) {
  Driven client(Role::kClient, pushing());
  start(client);
  ASSERT_EQ(client.send(1, get(), kYes), Errc::kNone);
  client.feed(FrameScript().push_promise(1, 2, get()));
  client.drain().forget();
  ASSERT_TRUE(client.conn.reset_stream(StreamId{2}));
  client.feed(FrameScript().headers(2, response_fields(200)).data(2, "x", kEnd)).drain();
  EXPECT_EQ(client.text(), "");
  EXPECT_EQ(to_string(client.frames()), "RST_STREAM stream=2 code=CANCEL\n");
}

TEST(Push, BadPromisesAreErrors) {
  struct Case {
    const char* name;
    FrameScript script;
    ErrorCode code;
  };
  const Case cases[] = {
      {"odd identifier", FrameScript().push_promise(1, 3, get()), ErrorCode::kProtocolError},
      {"identifier 0", FrameScript().push_promise(1, 0, get()), ErrorCode::kProtocolError},
      {"not increasing", FrameScript().push_promise(1, 4, get()).push_promise(1, 2, get()),
       ErrorCode::kProtocolError},
      {"on an idle stream", FrameScript().push_promise(7, 2, get()), ErrorCode::kProtocolError},
      {"on an ended stream",
       FrameScript().headers(1, response_fields(200), kEnd).push_promise(1, 2, get()),
       ErrorCode::kNoError},
      {"DATA on a reserved stream", FrameScript().push_promise(1, 2, get()).data(2, "x"),
       ErrorCode::kProtocolError},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Driven client(Role::kClient, pushing());
    start(client);
    ASSERT_EQ(client.send(1, get(), kYes), Errc::kNone);
    client.feed(c.script).drain();
    ASSERT_TRUE(client.conn.error().has_value()) << client.text();
    if (c.code != ErrorCode::kNoError) {
      EXPECT_EQ(client.conn.error()->code, c.code);
    }
  }
}

TEST(Push, AMalformedPromiseResetsThePromisedStreamOnly) {
  Driven client(Role::kClient, pushing());
  start(client);
  ASSERT_EQ(client.send(1, get(), kYes), Errc::kNone);
  client.drain().forget();
  client.feed(FrameScript().push_promise(1, 2, {{":method", "GET"}}));
  client.feed(FrameScript().push_promise(1, 4, post("/", {{"content-length", "5"}}))).drain();
  EXPECT_EQ(client.count("PushedStreamReceived"), 0U) << client.text();
  EXPECT_NE(client.frames().find(FrameType::kRstStream, 2), nullptr);
  EXPECT_NE(client.frames().find(FrameType::kRstStream, 4), nullptr) << "a push has no body";
  EXPECT_EQ(client.frames().find(FrameType::kRstStream, 1), nullptr);
  EXPECT_FALSE(client.conn.error().has_value());
}

TEST(Push, OnAStreamThatWeResetIsDecodedAndRefused) {
  Driven client(Role::kClient, pushing());
  start(client);
  ASSERT_EQ(client.send(1, get(), kYes), Errc::kNone);
  client.drain();
  ASSERT_TRUE(client.conn.reset_stream(StreamId{1}));
  client.drain().forget();
  client.feed(FrameScript().push_promise(1, 2, get())).drain();
  EXPECT_FALSE(client.conn.error().has_value()) << client.text();
  EXPECT_EQ(client.count("PushedStreamReceived"), 0U);
  EXPECT_NE(client.frames().find(FrameType::kRstStream, 2), nullptr);
}

}  // namespace
}  // namespace h2::tests
