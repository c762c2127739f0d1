// Connections that begin behind an HTTP/1.1 Upgrade (RFC 7540 §3.2).
#include "h2core/upgrade.h"

#include <gtest/gtest.h>

#include <string>

#include "h2core/connection.h"
#include "h2core/testing/link.h"
#include "tests/support/event_log.h"
#include "tests/support/frame_script.h"

namespace h2::tests {
namespace {

constexpr auto kYes = EndStream::kYes;

Errc cause(const Result<void, UsageError>& result) {
  return result ? Errc::kNone : result.error().cause;
}

TEST(Http2Settings, SurvivesTheWayThere) {
  for (std::size_t entries = 0; entries <= Http2Settings::kMost; ++entries) {
    std::string payload;
    for (std::size_t i = 0; i < entries * 6; ++i) payload += static_cast<char>(i * 37 + entries);
    const Http2Settings text = encode_http2_settings(bytes_of(payload));
    std::uint8_t back[6 * Http2Settings::kMost];
    const auto size = decode_http2_settings(text.view(), back);
    ASSERT_TRUE(size) << entries;
    EXPECT_EQ(view(Bytes(back, *size)), payload);
  }
  EXPECT_EQ(encode_http2_settings(bytes_of(std::string_view("\0\3\0\0\0\144\0\4\0\0\377\377", 12)))
                .view(),
            "AAMAAABkAAQAAP__");
}

TEST(Http2Settings, OthersAreRefused) {
  std::uint8_t payload[6 * Http2Settings::kMost];
  for (const std::string_view text : {"A", "AAMAAAB", "AAMAAABk!AQAAP__", "AAMAAABkAAQAAP/+",
                                      "AAM AABk", "AAMAAABkAA", "AAMAAABkAAQAAP_"}) {
    EXPECT_FALSE(decode_http2_settings(text, payload)) << text;
  }
  const std::string too_long(8 * Http2Settings::kMost + 8, 'A');
  EXPECT_FALSE(decode_http2_settings(too_long, payload));
  EXPECT_TRUE(decode_http2_settings("AAMAAABkAAQAAP__==", payload));
}

TEST(Upgrade, TheResponseComesOnStreamOne) {
  Config config = Config::client();
  config.initial_window_size = 200'000;
  Connection client(Role::kClient, config, Time{});
  const Http2Settings settings = client.http2_settings();
  ASSERT_TRUE(client.initiate_upgrade_connection("GET"));
  Connection server(Role::kServer, Config::server(), Time{});
  ASSERT_TRUE(server.initiate_upgrade_connection("GET", settings.view()));
  // What the field says holds before the preface comes.
  EXPECT_EQ(server.remote_settings().initial_window_size, 200'000U);
  EXPECT_EQ(server.stream_state(StreamId{1}), StreamState::kHalfClosedRemote);
  EXPECT_EQ(client.stream_state(StreamId{1}), StreamState::kHalfClosedLocal);
  EXPECT_EQ(server.stream_counts().active_remote, 1U);
  EXPECT_EQ(client.stream_counts().active_local, 1U);

  const Fields ok = response_fields(200);
  ASSERT_TRUE(server.send_headers(StreamId{1}, views_of(ok), EndStream::kNo));
  const std::string body(150'000, 'b');
  ASSERT_TRUE(server.send_data(StreamId{1}, bytes_of(body), kYes));
  std::size_t received = 0;
  bool ended = false;
  int status = 0;
  testing::Link link(client, server);
  link.on_client_event([&](Connection& conn, const Event& event) {
    if (const auto* response = std::get_if<ResponseReceived>(&event)) status = response->status;
    if (const auto* data = std::get_if<DataReceived>(&event)) {
      received += data->data.size();
      ended = data->end_stream == kYes;
      EXPECT_TRUE(conn.acknowledge_received_data(static_cast<std::uint32_t>(data->data.size()),
                                                 data->stream_id));
    }
  });
  bool second = false;
  link.on_server_event([&](Connection&, const Event& event) {
    if (const auto* request = std::get_if<RequestReceived>(&event)) {
      second = request->stream_id == StreamId{3};
    }
  });
  // The next request takes the next identifier.
  ASSERT_EQ(client.get_next_available_stream_id()->value, 3U);
  const Fields next = get("/next");
  ASSERT_TRUE(client.send_headers(StreamId{3}, views_of(next), kYes));
  ASSERT_TRUE(link.run_until_idle());
  EXPECT_EQ(status, 200);
  EXPECT_EQ(received, body.size());
  EXPECT_TRUE(ended);
  EXPECT_TRUE(second);
  EXPECT_EQ(client.stream_counts().active_local, 1U);
  EXPECT_EQ(server.unacknowledged_settings(), 0U);
}

TEST(Upgrade, TheResponseToHeadHasNoContent) {
  Driven client(Role::kClient, Config::client());
  ASSERT_TRUE(client.conn.initiate_upgrade_connection("HEAD"));
  client.feed(FrameScript().server_start().headers(
      1, response_fields(200, {{"content-length", "9"}}), kEnd));
  EXPECT_TRUE(client.has("ResponseReceived stream=1 status=200 end")) << client.text();
}

TEST(Upgrade, TheClientStillSendsItsPreface) {
  Driven server(Role::kServer, Config::server());
  ASSERT_TRUE(server.conn.initiate_upgrade_connection("GET", ""));
  server.feed(FrameScript().headers(3, get(), kEnd));
  ASSERT_TRUE(server.conn.error());
  EXPECT_EQ(server.conn.error()->cause, Errc::kBadPreface);
  Driven good(Role::kServer, Config::server());
  ASSERT_TRUE(good.conn.initiate_upgrade_connection("GET", ""));
  good.feed(FrameScript().client_start().headers(3, get(), kEnd));
  EXPECT_TRUE(good.has("RequestReceived stream=3"));
  // Stream 1 is complete in the client's direction (RFC 9113 §5.1).
  good.feed(FrameScript().data(1, "more"));
  EXPECT_EQ(good.drain().frames().count(FrameType::kRstStream, 1), 1U);
}

TEST(Upgrade, WrongUseIsRefusedAndChangesNothing) {
  Driven server(Role::kServer, Config::server());
  EXPECT_EQ(cause(server.conn.initiate_upgrade_connection("GET", "A")), Errc::kValueOutOfRange);
  // INITIAL_WINDOW_SIZE above 2^31-1.
  const std::string_view bad("\0\4\x80\0\0\0", 6);
  EXPECT_EQ(cause(server.conn.initiate_upgrade_connection(
                "GET", encode_http2_settings(bytes_of(bad)).view())),
            Errc::kValueOutOfRange);
  EXPECT_EQ(server.conn.stream_state(StreamId{1}), StreamState::kIdle);
  start(server);
  EXPECT_EQ(cause(server.conn.initiate_upgrade_connection("GET", "")), Errc::kWrongPhase);
  Driven client(Role::kClient, Config::client());
  ASSERT_EQ(client.send(1, get(), kYes), Errc::kNone);
  EXPECT_EQ(cause(client.conn.initiate_upgrade_connection("GET")), Errc::kWrongPhase);
  Driven twice(Role::kClient, Config::client());
  ASSERT_TRUE(twice.conn.initiate_upgrade_connection("GET"));
  EXPECT_EQ(cause(twice.conn.initiate_upgrade_connection("GET")), Errc::kWrongPhase);
}

}  // namespace
}  // namespace h2::tests
