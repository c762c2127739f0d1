// How a connection starts, and SETTINGS (RFC 9113 §3.4, §6.5).
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <type_traits>

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

TEST(Settings, DeadlinesCountFromTheInstantThatTheConnectionWasMadeAt) {
  static_assert(!std::is_constructible_v<Connection, Role, const Config&>,
                "without an instant, a clock that is not near zero would be past each deadline");
  const Time day = Time{} + seconds(86'400);
  Connection conn(Role::kClient, Config::client(), day);
  EXPECT_EQ(conn.next_deadline(), day + seconds(10));
  EXPECT_TRUE(conn.on_time(day + seconds(1)).empty());
  EXPECT_FALSE(conn.error().has_value());
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

// ---- which of our values the peer is held to (RFC 9113 §6.5.3)

FrameScript requests(std::uint32_t first, std::uint32_t count) {
  FrameScript script;
  for (std::uint32_t i = 0; i < count; ++i) script.headers(first + 2 * i, get(), kEnd);
  return script;
}

TEST(OwnSettings, MoreStreamsAreAllowedAsSoonAsThatIsSent) {
  Driven server(Role::kServer);
  start(server);
  const Setting more{SettingCode::kMaxConcurrentStreams, 300};
  ASSERT_TRUE(server.conn.update_settings({&more, 1}, server.now));
  server.drain().forget();
  server.feed(requests(1, 300)).drain();
  EXPECT_EQ(server.count("RequestReceived"), 300U);
  server.feed(requests(601, 1)).drain();
  EXPECT_EQ(server.frames().count(FrameType::kRstStream), 1U);
}

TEST(OwnSettings, FewerStreamsAreEnforcedWhenThePeerHasAcknowledged) {
  Driven server(Role::kServer);
  start(server);
  const Setting fewer{SettingCode::kMaxConcurrentStreams, 10};
  ASSERT_TRUE(server.conn.update_settings({&fewer, 1}, server.now));
  server.drain().forget();
  server.feed(requests(1, 20)).drain();
  EXPECT_EQ(server.count("RequestReceived"), 20U);
  server.feed(FrameScript().settings_ack()).feed(requests(41, 1)).drain();
  EXPECT_EQ(server.count("RequestReceived"), 20U);
  EXPECT_EQ(server.frames().count(FrameType::kRstStream, 41), 1U);
}

TEST(OwnSettings, AValueLoweredAndRaisedAgainIsNotEnforcedInBetween) {
  Driven server(Role::kServer);
  start(server);
  const Setting fewer{SettingCode::kMaxConcurrentStreams, 10};
  const Setting more{SettingCode::kMaxConcurrentStreams, 50};
  ASSERT_TRUE(server.conn.update_settings({&fewer, 1}, server.now));
  ASSERT_TRUE(server.conn.update_settings({&more, 1}, server.now));
  server.drain().forget();
  // The peer has seen the second SETTINGS when it opens these; their acknowledgement comes later.
  server.feed(FrameScript().settings_ack()).feed(requests(1, 50)).drain();
  EXPECT_EQ(server.count("RequestReceived"), 50U);
  server.feed(FrameScript().settings_ack()).feed(requests(101, 1)).drain();
  EXPECT_EQ(server.count("RequestReceived"), 50U);
}

TEST(OwnSettings, LargerSectionsAreAllowedAsSoonAsThatIsSent) {
  Driven server(Role::kServer);
  start(server);
  const Setting larger{SettingCode::kMaxHeaderListSize, 300'000};
  ASSERT_TRUE(server.conn.update_settings({&larger, 1}, server.now));
  server.drain().forget();
  Fields fields = get();
  for (int i = 0; i < 200; ++i) fields.emplace_back("x", std::string(1'000, 'v'));
  server.feed(FrameScript().headers_in_pieces(1, fields, kEnd, 16'384)).drain();
  EXPECT_EQ(server.count("RequestReceived"), 1U) << server.text();
  // One string may be as long as all of them together.
  server.feed(FrameScript().headers_in_pieces(3, get("/", {{"x", std::string(200'000, 'v')}}), kEnd,
                                              16'384));
  EXPECT_EQ(server.count("RequestReceived"), 2U) << server.text();
}

TEST(OwnSettings, SmallerSectionsAreEnforcedWhenThePeerHasAcknowledged) {
  Driven server(Role::kServer);
  start(server);
  const Setting smaller{SettingCode::kMaxHeaderListSize, 1'000};
  ASSERT_TRUE(server.conn.update_settings({&smaller, 1}, server.now));
  server.drain().forget();
  const Fields fields = get("/", {{"x", std::string(1'200, 'v')}});
  server.feed(FrameScript().headers(1, fields, kEnd)).drain();
  EXPECT_EQ(server.count("RequestReceived"), 1U) << server.text();
  server.feed(FrameScript().settings_ack().headers(3, fields, kEnd)).drain();
  EXPECT_EQ(server.count("RequestReceived"), 1U) << server.text();
  ASSERT_NE(server.frames().find(FrameType::kHeaders, 3), nullptr) << "431";
  server.feed(FrameScript().headers(5, get("/", {{"x", std::string(15'000, 'v')}}), kEnd));
  ASSERT_TRUE(server.conn.error().has_value());
  EXPECT_EQ(server.conn.error()->cause, Errc::kHeaderListTooLarge);
}

TEST(OwnSettings, PushMayBeAllowedAndForbiddenLater) {
  Driven client(Role::kClient, Config::client());
  start(client);
  const Setting allow{SettingCode::kEnablePush, 1};
  const Setting forbid{SettingCode::kEnablePush, 0};
  ASSERT_EQ(client.send(1, get(), EndStream::kYes), Errc::kNone);
  ASSERT_TRUE(client.conn.update_settings({&allow, 1}, client.now));
  client.drain();
  client.feed(FrameScript().settings_ack().push_promise(1, 2, get("/a")));
  EXPECT_EQ(client.count("PushedStreamReceived"), 1U) << client.text();
  ASSERT_TRUE(client.conn.update_settings({&forbid, 1}, client.now));
  client.drain().feed(FrameScript().push_promise(1, 4, get("/b")));
  EXPECT_EQ(client.count("PushedStreamReceived"), 2U) << "it may not know yet";
  client.feed(FrameScript().settings_ack().push_promise(1, 6, get("/c")));
  ASSERT_TRUE(client.conn.error().has_value());
  EXPECT_EQ(client.conn.error()->cause, Errc::kPushNotAllowed);
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
