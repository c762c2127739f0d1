// What other RFCs add to RFC 9113: extended CONNECT (RFC 8441), ALTSVC (RFC 7838), ORIGIN (RFC
// 8336), frames of other types, and settings of other codes.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "h2core/connection.h"
#include "h2core/error.h"
#include "tests/support/event_log.h"
#include "tests/support/frame_script.h"

namespace h2::tests {
namespace {

constexpr auto kYes = EndStream::kYes;

Errc cause(const Result<void, UsageError>& result) {
  return result ? Errc::kNone : result.error().cause;
}

const Fields kWebSocket{{":method", "CONNECT"},        {":protocol", "websocket"},
                        {":scheme", "https"},          {":path", "/chat"},
                        {":authority", "example.org"}, {"sec-websocket-version", "13"}};

// ---- extended CONNECT (RFC 8441)
// ------------------------------------------------------------------

TEST(ExtendedConnect, CarriesATunnelBothWays) {
  Config config = Config::server();
  config.enable_connect_protocol = true;
  Driven server(Role::kServer, config);
  start(server);
  EXPECT_TRUE(server.conn.announced_settings().enable_connect_protocol);
  server.feed(FrameScript().headers(1, kWebSocket));
  EXPECT_TRUE(server.has("RequestReceived stream=1")) << server.text();
  EXPECT_NE(server.text().find(":protocol: websocket"), std::string::npos);
  ASSERT_EQ(server.send(1, response_fields(200)), Errc::kNone);
  server.feed(FrameScript().data(1, "from the client"));
  ASSERT_TRUE(server.conn.send_data_copy(StreamId{1}, bytes_of("from the server"), EndStream::kNo));
  EXPECT_TRUE(server.has("DataReceived stream=1 length=15"));
  EXPECT_EQ(server.drain().frames().body(1), "from the server");
  // A tunnel has no trailers (RFC 9113 §8.5).
  EXPECT_EQ(server.send(1, {{"t", "1"}}, kYes), Errc::kWrongPhase);

  Driven client(Role::kClient, Config::client());
  start(client, {{SettingCode::kEnableConnectProtocol, 1}});
  ASSERT_EQ(client.send(1, kWebSocket), Errc::kNone);
  client.feed(FrameScript().headers(1, response_fields(200)).data(1, "x"));
  EXPECT_TRUE(client.has("DataReceived stream=1 length=1")) << client.text();
  ASSERT_TRUE(client.conn.send_data_copy(StreamId{1}, bytes_of("y"), kYes));
  EXPECT_EQ(client.drain().frames().body(1), "y");
}

TEST(ExtendedConnect, IsRefusedWhereItWasNotOffered) {
  Driven client(Role::kClient, Config::client());
  start(client);
  EXPECT_EQ(client.send(1, kWebSocket), Errc::kExtendedConnectNotOffered);
  Driven server(Role::kServer, Config::server());
  start(server);
  server.feed(FrameScript().headers(1, kWebSocket));
  EXPECT_TRUE(server.has("StreamReset") ||
              server.drain().frames().count(FrameType::kRstStream) == 1);
  EXPECT_EQ(server.count("RequestReceived"), 0U);
}

TEST(ExtendedConnect, CanBeUsedBeforeTheServerHasTheAcknowledgement) {
  Config config = Config::server();
  config.enable_connect_protocol = true;
  Driven server(Role::kServer, config);
  server.feed(FrameScript().client_start().headers(1, kWebSocket));
  EXPECT_TRUE(server.has("RequestReceived stream=1")) << server.text();
}

TEST(ExtendedConnect, CannotBeTakenBack) {
  Driven client(Role::kClient, Config::client());
  start(client, {{SettingCode::kEnableConnectProtocol, 1}});
  client.feed(FrameScript().settings({{SettingCode::kEnableConnectProtocol, 0}}));
  ASSERT_TRUE(client.conn.error());
  EXPECT_EQ(client.conn.error()->code, ErrorCode::kProtocolError);
  Config config = Config::server();
  config.enable_connect_protocol = true;
  Driven server(Role::kServer, config);
  start(server);
  const Setting off[] = {{SettingCode::kEnableConnectProtocol, 0}};
  EXPECT_EQ(cause(server.conn.update_settings(off, server.now)), Errc::kValueOutOfRange);
}

// ---- settings
// -------------------------------------------------------------------------------------

TEST(OtherSettings, AreToldAndOtherwiseIgnored) {
  Driven client(Role::kClient, Config::client());
  client.feed(FrameScript().server_start(
      {{static_cast<SettingCode>(0x7), 1}, {static_cast<SettingCode>(0xf0f0), 4'000'000'000U}}));
  EXPECT_TRUE(client.has("RemoteSettingsChanged 7=1 61680=4000000000")) << client.text();
  EXPECT_EQ(client.conn.remote_settings(), Settings{});
  const Setting ours[] = {{static_cast<SettingCode>(0xf0f0), 7}};
  ASSERT_TRUE(client.conn.update_settings(ours, client.now));
  client.out.clear();
  const WireOutput output = client.drain().frames();
  const WireFrame* frame = output.find(FrameType::kSettings);
  ASSERT_NE(frame, nullptr);
  EXPECT_EQ(output.frames.back().payload, std::string("\xf0\xf0\0\0\0\7", 6));
}

// ---- ALTSVC (RFC 7838)
// ----------------------------------------------------------------------------

std::string alt_svc(std::string_view origin, std::string_view value) {
  std::string payload{static_cast<char>(origin.size() >> 8), static_cast<char>(origin.size())};
  return payload.append(origin).append(value);
}

TEST(AltSvc, IsReportedForAnOriginAndForAStream) {
  Driven client(Role::kClient, Config::client());
  start(client);
  ASSERT_EQ(client.send(1, get(), kYes), Errc::kNone);
  client.feed(FrameScript()
                  .frame(FrameType::kAltSvc, 0, 0, alt_svc("https://example.org", "h2=\":8443\""))
                  .frame(FrameType::kAltSvc, 0, 1, alt_svc("", "clear")));
  EXPECT_TRUE(client.has(
      "AlternativeServiceAvailable stream=0 origin=https://example.org value=h2=\":8443\""))
      << client.text();
  EXPECT_TRUE(client.has("AlternativeServiceAvailable stream=1 origin= value=clear"));
}

TEST(AltSvc, ThatMakesNoSenseIsIgnored) {
  const std::string cut(
      "\0\x9"
      "ab",
      4);
  for (const Role role : {Role::kClient, Role::kServer}) {
    Driven end(role, role == Role::kClient ? Config::client() : Config::server());
    start(end);
    if (role == Role::kClient) {
      ASSERT_EQ(end.send(1, get(), kYes), Errc::kNone);
    } else {
      end.feed(FrameScript().headers(1, get(), kEnd));
      // > A device acting as a server MUST ignore it. (RFC 7838 §4)
      end.feed(
          FrameScript().frame(FrameType::kAltSvc, 0, 0, alt_svc("https://a.example", "clear")));
    }
    end.feed(FrameScript()
                 .frame(FrameType::kAltSvc, 0, 0, alt_svc("", "clear"))
                 .frame(FrameType::kAltSvc, 0, 1, alt_svc("https://a.example", "clear"))
                 .frame(FrameType::kAltSvc, 0, 99, alt_svc("", "clear"))
                 .frame(FrameType::kAltSvc, 0, 0, cut)
                 .frame(FrameType::kAltSvc, 0, 0, "x")
                 .frame(FrameType::kAltSvc, 0, 0, ""));
    EXPECT_EQ(end.count("AlternativeServiceAvailable"), 0U) << end.text();
    EXPECT_FALSE(end.conn.error());
    EXPECT_GT(end.conn.abuse()[AbuseCause::kIgnoredFrame], 0U);
  }
}

TEST(AltSvc, IsSentByServers) {
  Driven server(Role::kServer, Config::server());
  start(server);
  server.feed(FrameScript().headers(1, get(), kEnd));
  ASSERT_TRUE(server.conn.advertise_alternative_service("h2=\":1\"", "https://example.org"));
  ASSERT_TRUE(server.conn.advertise_alternative_service("h2=\":2\"", StreamId{1}));
  const WireOutput output = server.drain().frames();
  ASSERT_EQ(output.frames.size(), 2U);
  EXPECT_EQ(output.frames[0].payload, alt_svc("https://example.org", "h2=\":1\""));
  EXPECT_EQ(output.frames[0].stream, 0U);
  EXPECT_EQ(output.frames[1].payload, alt_svc("", "h2=\":2\""));
  EXPECT_EQ(output.frames[1].stream, 1U);
  EXPECT_EQ(server.conn.frames_sent()[FrameType::kAltSvc], 2U);
  EXPECT_EQ(cause(server.conn.advertise_alternative_service("x", "")), Errc::kValueOutOfRange);
  EXPECT_EQ(cause(server.conn.advertise_alternative_service("x", StreamId{3})),
            Errc::kStreamUnknown);
  EXPECT_EQ(cause(server.conn.advertise_alternative_service("x", StreamId{0})),
            Errc::kStreamUnknown);
  EXPECT_EQ(cause(server.conn.advertise_alternative_service(std::string(16'384, 'x'), "o")),
            Errc::kValueOutOfRange);
  Driven client(Role::kClient, Config::client());
  start(client);
  EXPECT_EQ(cause(client.conn.advertise_alternative_service("x", "https://a")), Errc::kWrongRole);
}

// ---- ORIGIN (RFC 8336)
// ----------------------------------------------------------------------------

std::string entries(const std::vector<std::string>& origins) {
  std::string payload;
  for (const std::string& origin : origins) {
    payload += {static_cast<char>(origin.size() >> 8), static_cast<char>(origin.size())};
    payload += origin;
  }
  return payload;
}

TEST(Origins, AreReportedAsFarAsTheyAreOrigins) {
  Driven client(Role::kClient, Config::client());
  start(client);
  const std::vector<std::string> origins{"https://a.example", "",
                                         "nonsense",          "https://b.example:8443",
                                         "https://",          "https://c.example/path",
                                         "HTTPS://d.example", "https://e.example:99999",
                                         "https://*.example", "https://[2001:db8::1]:443",
                                         "https://f.example:"};
  client.feed(FrameScript().frame(FrameType::kOrigin, 0, 0, entries(origins)));
  EXPECT_EQ(client.log.back(),
            "OriginsReceived https://a.example https://b.example:8443 https://[2001:db8::1]:443");
  // What is cut off ends the list.
  client.feed(FrameScript().frame(FrameType::kOrigin, 0, 0,
                                  entries({"https://a.example"}) + std::string("\0\x50https", 7)));
  EXPECT_EQ(client.log.back(), "OriginsReceived https://a.example");
  client.feed(FrameScript().frame(FrameType::kOrigin, 0, 0, ""));
  EXPECT_EQ(client.log.back(), "OriginsReceived");
}

TEST(Origins, AreIgnoredWhereTheyMayNotCount) {
  const std::string payload = entries({"https://a.example"});
  const auto ignored = [&](Role role, const Config& config, std::uint8_t flags,
                           std::uint32_t stream) {
    Driven end(role, config);
    start(end);
    end.feed(FrameScript().frame(FrameType::kOrigin, flags, stream, payload));
    EXPECT_FALSE(end.conn.error());
    return end.count("OriginsReceived") == 0;
  };
  EXPECT_TRUE(ignored(Role::kServer, Config::server(), 0, 0));
  EXPECT_TRUE(ignored(Role::kClient, Config::client(), 0, 1));
  for (const int flag : {1, 2, 4, 8}) {
    EXPECT_TRUE(ignored(Role::kClient, Config::client(), static_cast<std::uint8_t>(flag), 0))
        << flag;
  }
  EXPECT_FALSE(ignored(Role::kClient, Config::client(), 0xf0, 0));
  Config cleartext = Config::client();
  cleartext.accept_origins = false;
  EXPECT_TRUE(ignored(Role::kClient, cleartext, 0, 0));
}

TEST(Origins, AreSentByServers) {
  Driven server(Role::kServer, Config::server());
  start(server);
  const std::string_view origins[] = {"https://a.example", "https://b.example"};
  ASSERT_TRUE(server.conn.send_origins(origins));
  ASSERT_TRUE(server.conn.send_origins({}));
  const WireOutput output = server.drain().frames();
  ASSERT_EQ(output.frames.size(), 2U);
  EXPECT_TRUE(output.frames[0].is(FrameType::kOrigin));
  EXPECT_EQ(output.frames[0].payload, entries({"https://a.example", "https://b.example"}));
  EXPECT_EQ(output.frames[1].payload, "");
  const std::string huge(65'536, 'x');
  const std::string_view too_long[] = {huge};
  EXPECT_EQ(cause(server.conn.send_origins(too_long)), Errc::kValueOutOfRange);
  const std::string large(16'384, 'x');
  const std::string_view too_large[] = {large};
  EXPECT_EQ(cause(server.conn.send_origins(too_large)), Errc::kValueOutOfRange);
  Driven client(Role::kClient, Config::client());
  start(client);
  EXPECT_EQ(cause(client.conn.send_origins(origins)), Errc::kWrongRole);
}

// ---- other frames (RFC 9113 §5.5)
// -----------------------------------------------------------------

TEST(ExtensionFrames, AreReportedIfAskedFor) {
  for (const Role role : {Role::kClient, Role::kServer}) {
    Config config = role == Role::kClient ? Config::client() : Config::server();
    config.extension_frames.add(0xf3);
    config.extension_frames.add(0xff);
    Driven end(role, config);
    start(end);
    end.feed(FrameScript()
                 .frame(0xf3, 0x5a, 0, "first")
                 .frame(0xf4, 0, 0, "nobody asked")
                 .frame(0xff, 0, 7, ""));
    EXPECT_EQ(end.count("ExtensionFrameReceived"), 2U) << end.text();
    EXPECT_TRUE(end.has("ExtensionFrameReceived type=243 flags=90 stream=0 payload=first"));
    EXPECT_TRUE(end.has("ExtensionFrameReceived type=255 flags=0 stream=7 payload="));
    EXPECT_EQ(end.conn.frames_received().unknown(), 3U);
    // Only the one that nobody asked for costs something.
    EXPECT_EQ(end.conn.abuse()[AbuseCause::kIgnoredFrame], 5U);
  }
}

TEST(ExtensionFrames, CanBeSentByBothRoles) {
  for (const Role role : {Role::kClient, Role::kServer}) {
    Driven end(role, role == Role::kClient ? Config::client() : Config::server());
    start(end);
    ASSERT_TRUE(end.conn.send_extension_frame(0x42, 0x81, StreamId{5}, bytes_of("payload")));
    const WireOutput output = end.drain().frames();
    ASSERT_EQ(output.frames.size(), 1U);
    EXPECT_EQ(output.frames[0].type, 0x42);
    EXPECT_EQ(output.frames[0].flags, 0x81);
    EXPECT_EQ(output.frames[0].stream, 5U);
    EXPECT_EQ(output.frames[0].payload, "payload");
    for (const FrameType known :
         {FrameType::kData, FrameType::kSettings, FrameType::kContinuation, FrameType::kAltSvc,
          FrameType::kOrigin, FrameType::kPriorityUpdate}) {
      EXPECT_EQ(cause(end.conn.send_extension_frame(static_cast<std::uint8_t>(known), 0, {}, {})),
                Errc::kValueOutOfRange);
    }
    EXPECT_EQ(cause(end.conn.send_extension_frame(0x42, 0, {}, bytes_of(std::string(16'385, 'x')))),
              Errc::kValueOutOfRange);
    EXPECT_EQ(cause(end.conn.send_extension_frame(0x42, 0, StreamId{0x80000001U}, {})),
              Errc::kValueOutOfRange);
  }
}

TEST(ExtensionFrames, MayNotInterruptAFieldBlock) {
  Config config = Config::server();
  config.extension_frames.add(0xf3);
  Driven server(Role::kServer, config);
  start(server);
  server.feed(FrameScript().headers_block(1, "\x82", kEnd, false).frame(0xf3, 0, 0, ""));
  ASSERT_TRUE(server.conn.error());
  EXPECT_EQ(server.conn.error()->cause, Errc::kInterleavedHeaderBlock);
}

}  // namespace
}  // namespace h2::tests
