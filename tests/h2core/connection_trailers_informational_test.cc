// 1xx responses, trailers, and the phases of a message (RFC 9113 §8.1).
#include <gtest/gtest.h>

#include <string>

#include "tests/support/event_log.h"

namespace h2::tests {
namespace {

constexpr EndStream kYes = EndStream::kYes;
constexpr EndStream kNo = EndStream::kNo;
constexpr StreamId kOne{1};

TEST(Informational, ComesBeforeTheResponse) {
  Driven client(Role::kClient, Config::client());
  Driven server(Role::kServer);
  start(client);
  start(server);
  ASSERT_EQ(client.send(1, post("/", {{"expect", "100-continue"}})), Errc::kNone);
  client.drain();
  server.feed(bytes_of(client.out));
  ASSERT_EQ(server.send(1, response_fields(100)), Errc::kNone);
  ASSERT_EQ(server.send(1, response_fields(103, {{"link", "</a>"}})), Errc::kNone);
  ASSERT_EQ(server.send(1, response_fields(200)), Errc::kNone);
  EXPECT_NE(server.send(1, response_fields(103)), Errc::kNone)
      << "too late for an informational response";
  ASSERT_TRUE(server.conn.end_stream(kOne));
  server.drain();
  client.feed(bytes_of(server.out));
  EXPECT_EQ(client.text(),
            "InformationalResponseReceived stream=1 status=100 {:status: 100; }\n"
            "InformationalResponseReceived stream=1 status=103 {:status: 103; link: </a>; }\n"
            "ResponseReceived stream=1 status=200 {:status: 200; }\n"
            "DataReceived stream=1 length=0 credit=0 hash=cbf29ce484222325 end\n");
}

TEST(Informational, Status101CannotBeSent) {
  Driven server(Role::kServer);
  start(server);
  server.feed(FrameScript().headers(1, get(), kEnd));
  EXPECT_NE(server.send(1, response_fields(101)), Errc::kNone);
  EXPECT_EQ(server.send(1, response_fields(200), kYes), Errc::kNone);
}

TEST(Trailers, EndARequest) {
  Driven client(Role::kClient, Config::client());
  Driven server(Role::kServer);
  start(client);
  start(server);
  const std::string body(2'000, 'b');
  ASSERT_EQ(client.send(1, post()), Errc::kNone);
  ASSERT_TRUE(client.conn.send_data(kOne, bytes_of(body), kNo, 3));
  ASSERT_EQ(client.send(1, {{"x-sum", "12"}}, kYes), Errc::kNone);
  EXPECT_FALSE(client.conn.send_data_copy(kOne, bytes_of("x"), kYes));
  EXPECT_NE(client.send(1, {{"x-sum", "12"}}, kYes), Errc::kNone);
  client.drain();
  server.feed(bytes_of(client.out));
  EXPECT_EQ(server.log.back(), "TrailersReceived stream=1 {x-sum: 12; }") << server.text();
  EXPECT_EQ(server.conn.stream_state(kOne), StreamState::kHalfClosedRemote);
  EXPECT_EQ(client.count("BodyReleased stream=1 tag=3 complete"), 1U);
}

TEST(Trailers, WaitForTheBodyBeforeThem) {
  Driven client(Role::kClient, Config::client());
  start(client, {{SettingCode::kInitialWindowSize, 10}});
  const std::string body(100, 'b');
  ASSERT_EQ(client.send(1, post()), Errc::kNone);
  ASSERT_TRUE(client.conn.send_data(kOne, bytes_of(body), kNo));
  ASSERT_EQ(client.send(1, {{"t", "1"}}, kYes), Errc::kNone);
  client.drain();
  EXPECT_EQ(client.frames().count(FrameType::kHeaders), 1U);
  client.feed(FrameScript().window_update(1, 90)).drain();
  EXPECT_EQ(client.frames().count(FrameType::kHeaders), 2U);
  EXPECT_EQ(client.frames().body(1), body);
  EXPECT_TRUE(client.frames().frames.back().is(FrameType::kHeaders));
}

TEST(Trailers, WithoutABody) {
  Driven server(Role::kServer);
  start(server);
  server.feed(FrameScript().headers(1, get(), kEnd));
  ASSERT_EQ(server.send(1, response_fields(200)), Errc::kNone);
  ASSERT_EQ(server.send(1, {{"grpc-status", "5"}}, kYes), Errc::kNone);
  server.drain();
  EXPECT_EQ(server.frames().count(FrameType::kHeaders), 2U);
  EXPECT_TRUE(is_over(server.conn.stream_state(kOne)));
}

TEST(Trailers, BadOnesAreRefused) {
  Config config = Config::client();
  config.normalize_outbound_headers = false;
  Driven client(Role::kClient, config);
  start(client);
  ASSERT_EQ(client.send(1, post()), Errc::kNone);
  EXPECT_NE(client.send(1, {{"t", "1"}}, kNo), Errc::kNone);
  EXPECT_NE(client.send(1, {{":path", "/"}}, kYes), Errc::kNone);
  EXPECT_NE(client.send(1, {{"connection", "close"}}, kYes), Errc::kNone);
  EXPECT_EQ(client.send(1, {{"t", "1"}}, kYes), Errc::kNone);
}

TEST(Trailers, UnwiseOnesAreReportedAllTheSame) {
  Driven client(Role::kClient, Config::client());
  start(client);
  ASSERT_EQ(client.send(1, get(), kYes), Errc::kNone);
  client.feed(FrameScript()
                  .headers(1, response_fields(200))
                  .data(1, "abc")
                  .headers(1, {{"grpc-status", "0"}, {"content-type", "application/grpc"}}, kEnd));
  EXPECT_TRUE(
      client.has("TrailersReceived stream=1 {grpc-status: 0; content-type: application/grpc; }"))
      << client.text();
  EXPECT_EQ(client.count("StreamReset"), 0U);
}

TEST(Messages, AServersEarlyAnswerMayEndBeforeTheRequest) {
  Driven server(Role::kServer);
  start(server);
  server.feed(FrameScript().headers(1, post()).data(1, "part"));
  ASSERT_EQ(server.send(1, response_fields(413), kYes), Errc::kNone);
  server.drain();
  EXPECT_EQ(server.conn.stream_state(kOne), StreamState::kHalfClosedLocal);
  server.feed(FrameScript().data(1, "rest", kEnd));
  EXPECT_TRUE(server.has("DataReceived stream=1 length=4 credit=4")) << server.text();
  EXPECT_TRUE(is_over(server.conn.stream_state(kOne)));
  EXPECT_EQ(server.conn.stream_counts().active_remote, 0U);
}

TEST(Messages, AClientsBodyGoesOnAfterAnEarlyAnswer) {
  Driven client(Role::kClient, Config::client());
  start(client);
  ASSERT_EQ(client.send(1, post()), Errc::kNone);
  client.feed(FrameScript().headers(1, response_fields(200)).data(1, "x", kEnd));
  EXPECT_EQ(client.conn.stream_state(kOne), StreamState::kHalfClosedRemote);
  EXPECT_TRUE(client.conn.send_data_copy(kOne, bytes_of("rest"), kYes));
  client.drain();
  EXPECT_EQ(client.frames().body(1), "rest");
  EXPECT_TRUE(is_over(client.conn.stream_state(kOne)));
}

TEST(Messages, ResponsesToHeadHaveNoBody) {
  Driven client(Role::kClient, Config::client());
  start(client);
  ASSERT_EQ(client.send(1, request_fields("HEAD", "/"), kYes), Errc::kNone);
  client.feed(FrameScript().headers(1, response_fields(200, {{"content-length", "1000"}}), kEnd));
  EXPECT_TRUE(client.has("ResponseReceived stream=1 status=200 end")) << client.text();
}

}  // namespace
}  // namespace h2::tests
