// Requests and responses, their order, limits and queue (RFC 9113 §5.1, §8.1).
#include <gtest/gtest.h>

#include <string>

#include "tests/support/event_log.h"

namespace h2::tests {
namespace {

constexpr EndStream kYes = EndStream::kYes;
constexpr EndStream kNo = EndStream::kNo;

TEST(Headers, ARequestIsReportedWithItsFieldsInOrder) {
  Driven server(Role::kServer);
  start(server);
  server.feed(FrameScript().headers(1, get("/x?y=1", {{"b", "2"}, {"a", "1"}, {"b", "3"}}), kEnd));
  EXPECT_EQ(server.text(),
            "RequestReceived stream=1 end {:method: GET; :scheme: https; :path: /x?y=1; "
            ":authority: example.org; b: 2; a: 1; "
            "b: 3; }\n");
  EXPECT_EQ(server.conn.stream_state(StreamId{1}), StreamState::kHalfClosedRemote);
  EXPECT_EQ(server.conn.stream_counts().active_remote, 1U);
}

TEST(Headers, ARequestAndItsResponseGoBothWays) {
  Driven client(Role::kClient, Config::client());
  Driven server(Role::kServer);
  start(client);
  start(server);
  ASSERT_EQ(client.send(1, get("/", {{"accept", "*/*"}}), kYes), Errc::kNone);
  EXPECT_EQ(client.conn.stream_state(StreamId{1}), StreamState::kHalfClosedLocal);
  client.drain();
  server.feed(bytes_of(client.out));
  EXPECT_TRUE(server.has("RequestReceived stream=1 end")) << server.text();
  ASSERT_EQ(server.send(1, response_fields(204, {{"server", "x"}}), kYes), Errc::kNone);
  server.drain();
  client.feed(bytes_of(server.out));
  EXPECT_TRUE(client.has("ResponseReceived stream=1 status=204 end {:status: 204; server: x; }"))
      << client.text();
  EXPECT_TRUE(is_over(client.conn.stream_state(StreamId{1})));
  EXPECT_EQ(client.conn.stream_counts().active_local, 0U);
  EXPECT_EQ(server.conn.stream_counts().active_remote, 0U);
}

TEST(Headers, ASectionLargerThanAFrameIsContinuedBothWays) {
  Config config = Config::server();
  config.max_header_list_size = 200'000;
  Driven server(Role::kServer, config);
  Driven client(Role::kClient, Config::client());
  start(server);
  start(client);
  Fields fields = get();
  for (int i = 0; i < 20; ++i)
    fields.emplace_back("x-" + std::to_string(i), std::string(4'000, static_cast<char>('A' + i)));
  ASSERT_EQ(client.send(1, fields, kYes), Errc::kNone);
  client.drain();
  const WireOutput out = client.frames();
  EXPECT_EQ(out.count(FrameType::kHeaders), 1U);
  EXPECT_GE(out.count(FrameType::kContinuation), 2U);
  for (const WireFrame& frame : out.frames) EXPECT_LE(frame.payload.size(), 16'384U);
  EXPECT_EQ(out.frames.back().flags & kFlagEndHeaders, kFlagEndHeaders);
  server.feed(bytes_of(client.out));
  Fields seen;
  ASSERT_EQ(server.count("RequestReceived"), 1U) << server.text();
  std::string expected = "RequestReceived stream=1 end {";
  for (const auto& field : fields) expected += field.first + ": " + field.second + "; ";
  EXPECT_EQ(server.log.at(0), expected + "}");
}

TEST(Headers, WrongIdentifiersAreRefused) {
  Driven client(Role::kClient, Config::client());
  start(client);
  EXPECT_NE(client.send(2, get(), kYes), Errc::kNone);
  EXPECT_NE(client.send(0, get(), kYes), Errc::kNone);
  ASSERT_EQ(client.send(5, get(), kYes), Errc::kNone) << "skipped identifiers are legal";
  EXPECT_NE(client.send(3, get(), kYes), Errc::kNone);
  const auto next = client.conn.get_next_available_stream_id();
  ASSERT_TRUE(next);
  EXPECT_EQ(next->value, 7U);
}

TEST(Headers, IdentifiersRunOut) {
  Driven client(Role::kClient, Config::client());
  start(client);
  ASSERT_EQ(client.send(0x7fffffffU, get(), kYes), Errc::kNone);
  const auto next = client.conn.get_next_available_stream_id();
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().cause, Errc::kStreamIdUnavailable);
  EXPECT_FALSE(client.conn.accepts_new_streams());
}

// What cannot be mended, or may not be.
Config not_mending() {
  Config config = Config::client();
  config.normalize_outbound_headers = false;
  return config;
}

TEST(Headers, WhatHttpForbidsIsRefusedBeforeAnyByte) {
  Driven client(Role::kClient, not_mending());
  start(client);
  const auto refused = [&](const Fields& fields) { return client.send(1, fields, kYes); };
  EXPECT_EQ(refused(get("/", {{"Upper", "x"}})), Errc::kFieldNameInvalid);
  EXPECT_EQ(refused(get("/", {{"a", "b\r\nc: d"}})), Errc::kFieldValueInvalid);
  EXPECT_EQ(refused(get("/", {{"connection", "close"}})), Errc::kFieldConnectionSpecific);
  EXPECT_EQ(refused(get("/a b")), Errc::kPseudoFieldInvalid);
  EXPECT_EQ(refused({{":method", "GET"}}), Errc::kPseudoFieldMissing);
  EXPECT_EQ(refused({}), Errc::kPseudoFieldMissing);
  EXPECT_FALSE(client.conn.want_write());
  EXPECT_EQ(client.conn.stream_state(StreamId{1}), StreamState::kIdle);
  EXPECT_EQ(refused(get()), Errc::kNone) << "the identifier was not used up";
}

TEST(Headers, ARefusedSectionLeavesTheCompressionIntact) {
  Driven client(Role::kClient, not_mending());
  Driven server(Role::kServer);
  start(client);
  start(server);
  EXPECT_NE(client.send(1, get("/", {{"x-one", "1"}, {"Bad", "2"}}), kYes), Errc::kNone);
  EXPECT_EQ(client.send(1, get("/", {{"x-one", "1"}}), kYes), Errc::kNone);
  EXPECT_EQ(client.send(3, get("/", {{"x-one", "1"}}), kYes), Errc::kNone);
  client.drain();
  server.feed(bytes_of(client.out));
  EXPECT_EQ(server.count("RequestReceived"), 2U) << server.text();
  EXPECT_NE(server.text().find("x-one: 1"), std::string::npos);
}

TEST(Headers, RolesAndPhasesAreKept) {
  Driven server(Role::kServer);
  start(server);
  EXPECT_NE(server.send(1, response_fields(200), kYes), Errc::kNone) << "no such stream";
  EXPECT_NE(server.send(2, get(), kYes), Errc::kNone) << "a server does not ask";
  server.feed(FrameScript().headers(1, get(), kEnd));
  const Bytes body = bytes_of("x");
  const auto early = server.conn.send_data(StreamId{1}, body, kYes);
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().cause, Errc::kDataBeforeHeaders);
  EXPECT_EQ(server.send(1, response_fields(100), kYes), Errc::kInformationalEndsStream);
  EXPECT_EQ(server.send(1, response_fields(200), kYes), Errc::kNone);
  EXPECT_NE(server.send(1, response_fields(200), kYes), Errc::kNone);
  const auto late = server.conn.send_data(StreamId{1}, body, kYes);
  ASSERT_FALSE(late);
}

TEST(Headers, RequestsOverThePeersLimitWaitInOrder) {
  Driven client(Role::kClient, Config::client());
  start(client, {{SettingCode::kMaxConcurrentStreams, 2}});
  for (const std::uint32_t id : {1U, 3U, 5U, 7U})
    ASSERT_EQ(client.send(id, get("/" + std::to_string(id)), kYes), Errc::kNone);
  EXPECT_EQ(client.conn.stream_counts().active_local, 2U);
  EXPECT_EQ(client.conn.stream_counts().queued, 2U);
  client.drain();
  EXPECT_EQ(client.frames().count(FrameType::kHeaders), 2U);
  client.forget();
  client.feed(FrameScript().headers(3, response_fields(200), kEnd)).drain();
  EXPECT_EQ(client.frames().count(FrameType::kHeaders), 1U);
  EXPECT_NE(client.frames().find(FrameType::kHeaders, 5), nullptr);
  client.feed(FrameScript().settings({{SettingCode::kMaxConcurrentStreams, 10}})).drain();
  EXPECT_NE(client.frames().find(FrameType::kHeaders, 7), nullptr);
  EXPECT_EQ(client.conn.stream_counts().queued, 0U);
  EXPECT_EQ(client.conn.stream_counts().active_local, 3U);
}

TEST(Headers, ACancelledQueuedRequestLeavesNoTrace) {
  Driven client(Role::kClient, Config::client());
  Driven other(Role::kClient, Config::client());
  for (Driven* d : {&client, &other}) {
    start(*d, {{SettingCode::kMaxConcurrentStreams, 1}});
    ASSERT_EQ(d->send(1, get("/1"), kYes), Errc::kNone);
  }
  ASSERT_EQ(client.send(3, post("/secret", {{"x-secret", "yes"}})), Errc::kNone);
  const std::string body(3'000, 'b');
  ASSERT_TRUE(client.conn.send_data(StreamId{3}, bytes_of(body), kYes, 33));
  ASSERT_TRUE(client.conn.reset_stream(StreamId{3}));
  client.drain();
  EXPECT_EQ(client.count("BodyReleased stream=3 tag=33 incomplete"), 1U) << client.text();
  for (Driven* d : {&client, &other}) {
    ASSERT_EQ(d->send(5, get("/5"), kYes), Errc::kNone);
    d->feed(FrameScript().headers(1, response_fields(200), kEnd)).drain();
  }
  EXPECT_EQ(client.out, other.out);
  EXPECT_EQ(client.frames().count(FrameType::kRstStream), 0U);
  EXPECT_TRUE(is_over(client.conn.stream_state(StreamId{3})));
}

TEST(Headers, AQueuedRequestKeepsItsBodyAndTrailers) {
  Driven client(Role::kClient, Config::client());
  start(client, {{SettingCode::kMaxConcurrentStreams, 1}});
  ASSERT_EQ(client.send(1, get(), kYes), Errc::kNone);
  ASSERT_EQ(client.send(3, post()), Errc::kNone);
  ASSERT_TRUE(client.conn.send_data_copy(StreamId{3}, bytes_of("hello"), kNo));
  ASSERT_EQ(client.send(3, {{"t", "1"}}, kYes), Errc::kNone);
  client.drain().forget();
  client.feed(FrameScript().headers(1, response_fields(200), kEnd)).drain();
  const WireOutput out = client.frames();
  EXPECT_EQ(out.count(FrameType::kHeaders, 3), 2U) << to_string(out);
  EXPECT_EQ(out.body(3), "hello");
  EXPECT_EQ(out.frames.back().flags, kFlagEndHeaders | kFlagEndStream);
}

TEST(Headers, TheQueueIsBounded) {
  Config config = Config::client();
  config.max_queued_requests = 3;
  Driven client(Role::kClient, config);
  start(client, {{SettingCode::kMaxConcurrentStreams, 0}});
  for (const std::uint32_t id : {1U, 3U, 5U}) ASSERT_EQ(client.send(id, get(), kYes), Errc::kNone);
  EXPECT_EQ(client.send(7, get(), kYes), Errc::kQueueFull);
  EXPECT_EQ(client.conn.stream_counts().queued, 3U);
}

TEST(Headers, BeforeThePeersSettingsTheAssumedLimitCounts) {
  Config config = Config::client();
  config.assumed_max_concurrent_streams = 2;
  Driven client(Role::kClient, config);
  for (const std::uint32_t id : {1U, 3U, 5U}) ASSERT_EQ(client.send(id, get(), kYes), Errc::kNone);
  client.drain();
  EXPECT_EQ(client.frames().count(FrameType::kHeaders), 2U);
  client.feed(FrameScript().server_start()).drain();
  EXPECT_EQ(client.frames().count(FrameType::kHeaders), 3U);
}

TEST(Headers, SensitiveFieldsAreNeverIndexed) {
  Driven client(Role::kClient, Config::client());
  start(client);
  for (const std::uint32_t id : {1U, 3U}) {
    ASSERT_EQ(client.send(id, get("/", {{"authorization", "Basic c2VjcmV0OnNlY3JldA=="}}), kYes),
              Errc::kNone);
  }
  client.drain();
  const WireOutput out = client.frames();
  ASSERT_EQ(out.count(FrameType::kHeaders), 2U);
  // Had it been indexed, the second block would name it by one byte.
  EXPECT_GT(out.find(FrameType::kHeaders, 3)->payload.size(), 15U);
}

TEST(Headers, ConnectIsATunnel) {
  Driven client(Role::kClient, Config::client());
  start(client);
  ASSERT_EQ(client.send(1, {{":method", "CONNECT"}, {":authority", "example.org:443"}}),
            Errc::kNone);
  client.feed(FrameScript().headers(1, response_fields(200)).data(1, "abc"));
  EXPECT_TRUE(client.has("ResponseReceived stream=1 status=200")) << client.text();
  EXPECT_TRUE(client.has("DataReceived stream=1 length=3")) << client.text();
  EXPECT_TRUE(client.conn.send_data_copy(StreamId{1}, bytes_of("xyz"), kYes));
}

TEST(Headers, StaticEntriesAreJudgedLikeLiterals) {
  const std::string transfer_encoding(1, static_cast<char>(0x80 | 57));
  const std::string content_length(1, static_cast<char>(0x80 | 28));
  Driven server(Role::kServer);
  start(server);
  server.feed(FrameScript()
                  .headers_block(1, plain_block(get()) + transfer_encoding, kEnd)
                  .headers_block(3, plain_block(get()) + content_length, kEnd)
                  .headers_block(5, plain_block(post()) + content_length +
                                        plain_block({{"content-length", "5"}}))
                  .headers_block(7, plain_block(get()) + "\x90", kEnd));
  EXPECT_EQ(server.count("RequestReceived"), 1U) << server.text();
  EXPECT_EQ(server.count("RequestReceived stream=7"), 1U) << "accept-encoding: gzip, deflate";
  server.drain();
  for (const std::uint32_t id : {1U, 3U, 5U}) {
    EXPECT_EQ(server.frames().count(FrameType::kRstStream, id), 1U) << id;
  }
  Driven client(Role::kClient, Config::client());
  start(client);
  ASSERT_EQ(client.send(1, get(), kYes), Errc::kNone);
  client.feed(FrameScript().headers_block(1, "\x88" + transfer_encoding, kEnd));
  EXPECT_EQ(client.count("ResponseReceived"), 0U);
  EXPECT_EQ(client.count("StreamReset stream=1 by=local-error"), 1U) << client.text();
}

Config not_validating(Config config) {
  config.validate_inbound_headers = FieldValidation::kOff;
  config.validate_outbound_headers = false;
  return config;
}

TEST(ValidationOff, StillKnowsWhatTheResponseToHeadLacks) {
  Driven client(Role::kClient, not_validating(Config::client()));
  start(client);
  ASSERT_EQ(client.send(1, request_fields("HEAD", "/"), kYes), Errc::kNone);
  client.feed(FrameScript().headers(1, response_fields(200, {{"content-length", "1000"}}), kEnd));
  EXPECT_TRUE(client.has("ResponseReceived stream=1 status=200 end")) << client.text();
}

TEST(ValidationOff, StillKnowsATunnelAtBothEnds) {
  const Fields connect{{":method", "CONNECT"}, {":authority", "example.org:443"}};
  Driven client(Role::kClient, not_validating(Config::client()));
  start(client);
  ASSERT_EQ(client.send(1, connect), Errc::kNone);
  client.feed(
      FrameScript().headers(1, response_fields(200, {{"content-length", "0"}})).data(1, "abc"));
  EXPECT_TRUE(client.has("DataReceived stream=1 length=3")) << client.text();
  Driven server(Role::kServer, not_validating(Config::server()));
  start(server);
  server.feed(FrameScript().headers(1, connect));
  ASSERT_EQ(server.send(1, response_fields(200)), Errc::kNone);
  // A tunnel has no trailers.
  EXPECT_EQ(server.send(1, {{"t", "1"}}, kYes), Errc::kWrongPhase);
}

TEST(ValidationOff, TakesAndSendsWhatIsForbidden) {
  const Fields odd = get("/", {{"Upper", " value "}, {"connection", "close"}});
  Driven client(Role::kClient, not_validating(Config::client()));
  start(client);
  EXPECT_EQ(client.send(1, odd, kYes), Errc::kNone);
  Driven server(Role::kServer, not_validating(Config::server()));
  start(server);
  server.feed(
      FrameScript().headers(1, odd, kEnd).headers_block(3, plain_block(odd) + "\xb9", kEnd));
  EXPECT_EQ(server.count("RequestReceived"), 2U) << server.text();
}

}  // namespace
}  // namespace h2::tests
