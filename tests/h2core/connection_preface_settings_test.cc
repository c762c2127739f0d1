// How a connection starts, and SETTINGS (RFC 9113 §3.4, §6.5).
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "tests/support/event_log.h"

namespace h2::tests {
namespace {

TEST(ConnectionStart, ClientSendsPrefaceThenSettings) {
  Driven client(Role::kClient, Config::client());
  EXPECT_TRUE(client.conn.want_write());
  client.drain();
  const WireOutput out = client.frames();
  EXPECT_TRUE(out.preface);
  ASSERT_GE(out.frames.size(), 1U);
  EXPECT_TRUE(out.frames[0].is(FrameType::kSettings));
  EXPECT_EQ(out.frames[0].flags, 0);
  EXPECT_FALSE(client.conn.want_write());
  EXPECT_TRUE(client.conn.want_read());
}

TEST(ConnectionStart, ServerSendsSettingsAtOnceAndNoPreface) {
  Driven server(Role::kServer, Config::server());
  server.drain();
  const WireOutput out = server.frames();
  EXPECT_FALSE(out.preface);
  ASSERT_GE(out.frames.size(), 1U);
  EXPECT_TRUE(out.frames[0].is(FrameType::kSettings));
}

TEST(ConnectionStart, LargerConnectionWindowIsAnnouncedAtOnce) {
  Config config = Config::client();
  config.connection_window_size = 1'000'000;
  Driven client(Role::kClient, config);
  client.drain();
  const WireOutput out = client.frames();
  const WireFrame* update = out.find(FrameType::kWindowUpdate, 0);
  ASSERT_NE(update, nullptr);
  EXPECT_EQ(update->u32(0), 1'000'000U - 65'535U);
}

TEST(ConnectionStart, SettingsOnTheWireAreThoseOfTheConfig) {
  Config config = Config::server();
  config.max_concurrent_streams = 7;
  config.initial_window_size = 12'345;
  config.max_frame_size = 20'000;
  config.max_header_list_size = 54'321;
  config.header_table_size = 1'024;
  Driven server(Role::kServer, config);
  server.drain();
  const WireOutput out = server.frames();
  const WireFrame& settings = out.frames.at(0);
  Settings seen;
  for (std::size_t at = 0; at + 6 <= settings.payload.size(); at += 6) {
    const auto high = static_cast<std::uint8_t>(settings.payload[at]);
    const auto low = static_cast<std::uint8_t>(settings.payload[at + 1]);
    seen.apply({static_cast<SettingCode>((high << 8) | low), settings.u32(at + 2)});
  }
  EXPECT_EQ(seen.max_concurrent_streams, 7U);
  EXPECT_EQ(seen.initial_window_size, 12'345U);
  EXPECT_EQ(seen.max_frame_size, 20'000U);
  EXPECT_EQ(seen.max_header_list_size, 54'321U);
  EXPECT_EQ(seen.header_table_size, 1'024U);
  EXPECT_EQ(server.conn.local_settings().initial_window_size, 65'535U)
      << "in force only once acknowledged";
  server.feed(FrameScript().client_start().settings_ack());
  EXPECT_EQ(server.conn.local_settings().initial_window_size, 12'345U);
  EXPECT_EQ(server.count("SettingsAcknowledged"), 1U);
}

TEST(ConnectionStart, AnotherProtocolIsNamedWithWhatCame) {
  Driven client(Role::kClient, Config::client());
  std::string excerpt;
  client.on_event = [&](Connection&, const Event& event) {
    if (const auto* failed = std::get_if<ConnectionFailed>(&event)) excerpt = view(failed->excerpt);
  };
  client.feed(bytes_of(
      "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n and much more text that follows"));
  EXPECT_EQ(excerpt.substr(0, 24), "HTTP/1.1 400 Bad Request");
  EXPECT_LE(excerpt.size(), 64U);
  ASSERT_TRUE(client.conn.error().has_value());
  EXPECT_EQ(client.conn.error()->cause, Errc::kNotHttp2);
}

TEST(Settings, ThePeersAreAppliedReportedAndAcknowledged) {
  Driven server(Role::kServer);
  server.drain().forget();
  EXPECT_FALSE(server.conn.remote_settings_received());
  server.feed(FrameScript().client_start({{SettingCode::kInitialWindowSize, 1'000},
                                          {static_cast<SettingCode>(0x77), 5},
                                          {SettingCode::kMaxFrameSize, 32'768}}));
  EXPECT_TRUE(server.conn.remote_settings_received());
  EXPECT_EQ(server.conn.remote_settings().initial_window_size, 1'000U);
  EXPECT_EQ(server.conn.remote_settings().max_frame_size, 32'768U);
  EXPECT_TRUE(server.has("RemoteSettingsChanged 4=1000 119=5 5=32768")) << server.text();
  server.drain();
  const WireOutput out = server.frames();
  ASSERT_EQ(out.frames.size(), 1U) << to_string(out);
  EXPECT_TRUE(out.frames[0].is(FrameType::kSettings));
  EXPECT_EQ(out.frames[0].flags, kFlagAck);
  EXPECT_EQ(out.frames[0].payload, "");
}

TEST(Settings, EachFrameIsAcknowledgedOnce) {
  Driven server(Role::kServer);
  start(server);
  server.feed(FrameScript().settings({}).settings({}).settings({})).drain();
  EXPECT_EQ(server.frames().count(FrameType::kSettings), 3U);
}

TEST(Settings, LaterEntriesOfOneFrameWin) {
  Driven server(Role::kServer);
  start(server);
  server.feed(FrameScript().settings(
      {{SettingCode::kMaxFrameSize, 20'000}, {SettingCode::kMaxFrameSize, 30'000}}));
  EXPECT_EQ(server.conn.remote_settings().max_frame_size, 30'000U);
}

TEST(Settings, NothingIsAppliedOfAFrameWithABadEntry) {
  Driven server(Role::kServer);
  start(server);
  server.feed(FrameScript().settings(
      {{SettingCode::kMaxFrameSize, 20'000}, {SettingCode::kEnablePush, 2}}));
  EXPECT_TRUE(server.conn.error().has_value());
  EXPECT_EQ(server.conn.remote_settings().max_frame_size, 16'384U);
}

TEST(Settings, UpdatesCountOnceAcknowledgedInOrder) {
  Driven client(Role::kClient, Config::client());
  start(client);
  const Setting first{SettingCode::kInitialWindowSize, 1'000};
  const Setting second{SettingCode::kInitialWindowSize, 2'000};
  ASSERT_TRUE(client.conn.update_settings({&first, 1}, client.now));
  ASSERT_TRUE(client.conn.update_settings({&second, 1}, client.now));
  client.drain();
  EXPECT_EQ(client.frames().count(FrameType::kSettings), 2U);
  const std::uint32_t before = client.conn.local_settings().initial_window_size;
  EXPECT_NE(before, 1'000U);
  client.feed(FrameScript().settings_ack());
  EXPECT_EQ(client.conn.local_settings().initial_window_size, 1'000U);
  client.feed(FrameScript().settings_ack());
  EXPECT_EQ(client.conn.local_settings().initial_window_size, 2'000U);
}

TEST(Settings, BadValuesAreRefusedAndNothingIsSent) {
  Driven server(Role::kServer);
  start(server);
  const Setting bad[] = {{SettingCode::kMaxFrameSize, 1},
                         {SettingCode::kMaxFrameSize, 1 << 24},
                         {SettingCode::kInitialWindowSize, 0x80000000U},
                         {SettingCode::kEnablePush, 2}};
  for (const Setting& setting : bad) {
    const auto result = server.conn.update_settings({&setting, 1}, server.now);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().cause, Errc::kValueOutOfRange);
  }
  EXPECT_FALSE(server.conn.want_write());
}

TEST(Settings, NotAcknowledgedInTimeIsAnError) {
  Driven client(Role::kClient, Config::client());
  client.drain();
  client.feed(FrameScript().server_start());
  EXPECT_EQ(client.conn.next_deadline(), Time{} + seconds(10));
  client.wait(milliseconds(9'999)).drain();
  EXPECT_FALSE(client.conn.error().has_value());
  client.wait(milliseconds(1)).drain();
  ASSERT_TRUE(client.conn.error().has_value());
  EXPECT_EQ(client.conn.error()->code, ErrorCode::kSettingsTimeout);
  EXPECT_EQ(client.conn.error()->cause, Errc::kSettingsTimeout);
  EXPECT_EQ(client.count("ConnectionFailed"), 1U);
  EXPECT_NE(client.frames().find(FrameType::kGoAway), nullptr);
}

TEST(Settings, APeerThatSaysNothingIsNotWaitedForForEver) {
  for (const Role role : {Role::kClient, Role::kServer}) {
    Driven driven(role);
    driven.drain();
    EXPECT_FALSE(driven.conn.next_deadline().is_never());
    driven.wait(seconds(11)).drain();
    ASSERT_TRUE(driven.conn.error().has_value());
    EXPECT_TRUE(driven.conn.error()->cause == Errc::kPrefaceTimeout ||
                driven.conn.error()->cause == Errc::kSettingsTimeout);
    EXPECT_TRUE(driven.conn.done());
  }
}

TEST(Settings, NoDeadlineIsLeftAfterTheStart) {
  Driven client(Role::kClient, Config::client());
  start(client);
  EXPECT_TRUE(client.conn.next_deadline().is_never());
}

TEST(Ping, IsAnsweredWithTheSameData) {
  Driven server(Role::kServer);
  start(server);
  server.feed(FrameScript().ping("abcdefgh")).drain();
  EXPECT_EQ(server.count("PingReceived"), 1U);
  const WireOutput out = server.frames();
  ASSERT_EQ(out.frames.size(), 1U);
  EXPECT_EQ(out.frames[0].payload, "abcdefgh");
  EXPECT_EQ(out.frames[0].flags, kFlagAck);
}

TEST(Ping, RoundTripIsMeasuredByTheCallersTimes) {
  Driven client(Role::kClient, Config::client(), Time{1'000});
  start(client);
  ASSERT_TRUE(client.conn.ping(PingData{'1', '2', '3', '4', '5', '6', '7', '8'}, client.now));
  client.drain();
  client.now = client.now + milliseconds(42);
  client.feed(FrameScript().ping_ack("12345678"));
  EXPECT_TRUE(client.has("PingAckReceived data=49.50.51.52.53.54.55.56. ns=42000000"))
      << client.text();
}

TEST(Ping, AnswersThatNobodyAskedForAreNotReported) {
  Driven client(Role::kClient, Config::client());
  start(client);
  client.feed(FrameScript().ping_ack("12345678"));
  EXPECT_EQ(client.count("PingAckReceived"), 0U);
  EXPECT_FALSE(client.conn.error().has_value());
}

}  // namespace
}  // namespace h2::tests
