// Fields that are changed on their way: cookie crumbs, fields to be sent that can be mended,
// received ones that are dropped (RFC 9113 §8.2).
#include <gtest/gtest.h>

#include <string>

#include "h2core/connection.h"
#include "hpack/decoder.h"
#include "tests/support/event_log.h"
#include "tests/support/frame_script.h"

namespace h2::tests {
namespace {

constexpr auto kYes = EndStream::kYes;

// The fields of the first HEADERS frame in the output.
Fields fields_sent(Driven& end) {
  const WireOutput output = end.drain().frames();
  const WireFrame* frame = output.find(FrameType::kHeaders);
  if (frame == nullptr) return {};
  hpack::Decoder decoder({});
  hpack::FieldList list(default_memory());
  EXPECT_TRUE(decoder.decode(bytes_of(frame->payload), hpack::EndOfBlock::kYes, list));
  Fields fields;
  for (std::size_t i = 0; i < list.size(); ++i) {
    fields.emplace_back(list[i].name, list[i].value);
  }
  return fields;
}

// ---- cookies (RFC 9113 §8.2.3)
// --------------------------------------------------------------------

TEST(Cookies, CrumbsAreJoinedInTheirOrder) {
  Driven server(Role::kServer, Config::server());
  start(server);
  server.feed(FrameScript().headers(1,
                                    get("/", {{"cookie", "a=1"},
                                              {"x-between", "y"},
                                              {"cookie", "b=2"},
                                              {"cookie", "c=3"},
                                              {"x-last", "z"}}),
                                    kEnd));
  EXPECT_NE(server.text().find("cookie: a=1; b=2; c=3; x-between: y; x-last: z; }"),
            std::string::npos)
      << server.text();
}

TEST(Cookies, AreLeftAloneIfNotToBeNormalized) {
  Config config = Config::server();
  config.normalize_inbound_headers = false;
  Driven server(Role::kServer, config);
  start(server);
  server.feed(FrameScript().headers(1, get("/", {{"cookie", "a=1"}, {"cookie", "b=2"}}), kEnd));
  EXPECT_NE(server.text().find("cookie: a=1; cookie: b=2;"), std::string::npos) << server.text();
}

TEST(Cookies, OneSecretCrumbMakesTheWholeSecret) {
  Driven server(Role::kServer, Config::server());
  start(server);
  bool sensitive = false;
  server.on_event = [&](Connection&, const Event& event) {
    if (const auto* request = std::get_if<RequestReceived>(&event)) {
      for (const HeaderField field : request->fields) {
        if (field.name == "cookie") sensitive = field.sensitive;
      }
    }
  };
  // The second one is a literal that is never indexed (RFC 7541 §6.2.3): name index 32.
  std::string block = plain_block(get("/", {{"cookie", "a=1"}}));
  block += std::string("\x1f\x11\x03", 3) + "b=2";
  server.feed(FrameScript().headers_block(1, block, kEnd));
  EXPECT_NE(server.text().find("cookie: a=1; b=2;"), std::string::npos) << server.text();
  EXPECT_TRUE(sensitive);
}

TEST(Cookies, ManyRequestsInOneCallKeepTheirOwn) {
  Driven server(Role::kServer, Config::server());
  start(server);
  FrameScript script;
  for (std::uint32_t id = 1; id < 40; id += 2) {
    const std::string n = std::to_string(id);
    script.headers(id, get("/" + n, {{"cookie", "a=" + n}, {"cookie", "b=" + n}, {"x", n}}), kEnd);
  }
  server.feed(script);
  for (std::uint32_t id = 1; id < 40; id += 2) {
    const std::string n = std::to_string(id);
    EXPECT_NE(server.text().find(":path: /" + n + "; "), std::string::npos);
    EXPECT_NE(server.text().find("cookie: a=" + n + "; b=" + n + "; x: " + n + "; }"),
              std::string::npos)
        << server.text();
  }
}

TEST(Cookies, AreSplitIfAskedFor) {
  Config config = Config::client();
  config.split_outbound_cookies = true;
  Driven client(Role::kClient, config);
  start(client);
  ASSERT_EQ(client.send(1, get("/", {{"cookie", "a=1; b=2;c=3; d"}, {"x", "y"}}), kYes),
            Errc::kNone);
  const Fields sent = fields_sent(client);
  const Fields crumbs(sent.begin() + 4, sent.end());
  EXPECT_EQ(crumbs,
            (Fields{{"cookie", "a=1"}, {"cookie", "b=2;c=3"}, {"cookie", "d"}, {"x", "y"}}));
}

TEST(Cookies, AreSplitOnTheWayThroughTheQueueToo) {
  Config config = Config::client();
  config.split_outbound_cookies = true;
  config.encoder_table_size = 0;  // the second block is read without the first
  Driven client(Role::kClient, config);
  start(client, {{SettingCode::kMaxConcurrentStreams, 1}});
  ASSERT_EQ(client.send(1, get(), kYes), Errc::kNone);
  ASSERT_EQ(client.send(3, get("/", {{"cookie", "a=1; b=2"}}), kYes), Errc::kNone);
  client.drain().forget().feed(FrameScript().headers(1, response_fields(200), kEnd));
  const Fields sent = fields_sent(client);
  ASSERT_EQ(sent.size(), 6U);
  EXPECT_EQ(sent[5].second, "b=2");
}

// ---- fields to be sent (RFC 9113 §8.2.1, §8.2.2)
// --------------------------------------------------

TEST(Normalization, MendsWhatApplicationsOftenSay) {
  Driven client(Role::kClient, Config::client());
  start(client);
  const Fields fields = get("/", {{"User-Agent", "  me\t"},
                                  {"Connection", "keep-alive, X-Gone"},
                                  {"keep-alive", "1"},
                                  {"Transfer-Encoding", "chunked"},
                                  {"Upgrade", "h2c"},
                                  {"Proxy-Connection", "close"},
                                  {"HTTP2-Settings", "AAMAAABk"},
                                  {"X-Empty", "   "},
                                  {"te", "trailers"}});
  ASSERT_EQ(client.send(1, fields, kYes), Errc::kNone);
  const Fields sent = fields_sent(client);
  const Fields rest(sent.begin() + 4, sent.end());
  EXPECT_EQ(rest, (Fields{{"user-agent", "me"}, {"x-empty", ""}, {"te", "trailers"}}));
}

TEST(Normalization, AppliesToResponsesTrailersAndPromises) {
  Driven server(Role::kServer, Config::server());
  start(server, {{SettingCode::kEnablePush, 1}});
  server.feed(FrameScript().headers(1, get(), kEnd));
  const Fields promised = get("/", {{"X-Push", "1"}});
  ASSERT_TRUE(server.conn.push_stream(StreamId{1}, views_of(promised)));
  ASSERT_EQ(server.send(1, response_fields(200, {{"Server", "x "}, {"connection", "close"}})),
            Errc::kNone);
  ASSERT_EQ(server.send(1, {{"Grpc-Status", "0"}}, kYes), Errc::kNone);
  EXPECT_EQ(fields_sent(server), response_fields(200, {{"server", "x"}}));
}

TEST(Normalization, DoesNotMendWhatWouldChangeTheMessage) {
  Driven client(Role::kClient, Config::client());
  start(client);
  EXPECT_EQ(client.send(1, get("/", {{"a", "b\r\nc: d"}}), kYes), Errc::kFieldValueInvalid);
  EXPECT_EQ(client.send(1, get("/", {{"a b", "c"}}), kYes), Errc::kFieldNameInvalid);
  EXPECT_EQ(client.send(1, get("/", {{"te", "gzip"}}), kYes), Errc::kFieldConnectionSpecific);
  EXPECT_EQ(client.send(1, get("/", {{"", "c"}}), kYes), Errc::kFieldNameInvalid);
  EXPECT_FALSE(client.conn.want_write());
}

TEST(Normalization, WithoutValidationNothingIsRefused) {
  Config config = Config::client();
  config.validate_outbound_headers = false;
  config.normalize_outbound_headers = false;
  Driven client(Role::kClient, config);
  start(client);
  ASSERT_EQ(client.send(1, get("/", {{"Upper", " x"}}), kYes), Errc::kNone);
  EXPECT_EQ(fields_sent(client).back(), (std::pair<std::string, std::string>{"Upper", " x"}));
}

// ---- received fields
// ------------------------------------------------------------------------------

TEST(Lenient, DropsFieldsThatMayNotBeThere) {
  Config config = Config::server();
  config.validate_inbound_headers = FieldValidation::kLenient;
  Driven server(Role::kServer, config);
  start(server);
  const Fields fields = get(
      "/", {{"Upper", "1"}, {"good", "2"}, {"bad", "a\rb"}, {"connection", "x"}, {"last", "3"}});
  server.feed(FrameScript().headers(1, fields, kEnd));
  EXPECT_TRUE(server.has("RequestReceived stream=1")) << server.text();
  EXPECT_NE(server.text().find("good: 2; last: 3; }"), std::string::npos) << server.text();
}

TEST(Lenient, StillRefusesWhatMakesAMessageAmbiguous) {
  Config config = Config::server();
  config.validate_inbound_headers = FieldValidation::kLenient;
  Driven server(Role::kServer, config);
  start(server);
  server.feed(FrameScript()
                  .headers(1, get("/", {{"content-length", "1"}, {"content-length", "2"}}), kEnd)
                  .headers(3, get("/", {{"host", "other.example"}}), kEnd)
                  .headers(5, {{":method", "GET"}}, kEnd));
  EXPECT_EQ(server.count("RequestReceived"), 0U) << server.text();
  EXPECT_EQ(server.drain().frames().count(FrameType::kRstStream), 3U);
}

}  // namespace
}  // namespace h2::tests
