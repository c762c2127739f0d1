// Rules of RFC 9113 and RFC 7541 that no other test states; docs/rfc9113_map.md says which test
// proves which rule.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "h2core/frame_encoder.h"
#include "tests/support/event_log.h"

namespace h2::tests {
namespace {

constexpr EndStream kYes = EndStream::kYes;
constexpr StreamId kOne{1};

Config pushing() {
  Config config = Config::client();
  config.enable_push = true;
  return config;
}

// A server that has a request on stream 1.
void start_with_request(Driven& server, std::initializer_list<Setting> settings = {}) {
  start(server, settings);
  server.feed(FrameScript().headers(1, get(), kEnd)).drain().forget();
}

// ---- what goes out

void expect_defined_bits_only(const WireOutput& out) {
  const std::map<FrameType, unsigned> defined = {
      {FrameType::kData, kFlagEndStream | kFlagPadded},
      {FrameType::kHeaders, kFlagEndStream | kFlagEndHeaders | kFlagPadded | kFlagPriority},
      {FrameType::kPriority, 0},
      {FrameType::kRstStream, 0},
      {FrameType::kSettings, kFlagAck},
      {FrameType::kPushPromise, kFlagEndHeaders | kFlagPadded},
      {FrameType::kPing, kFlagAck},
      {FrameType::kGoAway, 0},
      {FrameType::kWindowUpdate, 0},
      {FrameType::kContinuation, kFlagEndHeaders},
  };
  for (const WireFrame& frame : out.frames) {
    SCOPED_TRACE(to_string(frame));
    const auto at = defined.find(static_cast<FrameType>(frame.type));
    ASSERT_NE(at, defined.end());
    EXPECT_EQ(frame.flags & ~at->second, 0U);
    EXPECT_EQ(frame.stream >> 31, 0U);
    if (frame.is(FrameType::kGoAway) || frame.is(FrameType::kWindowUpdate) ||
        frame.is(FrameType::kPushPromise)) {
      EXPECT_EQ(frame.u32(0) >> 31, 0U) << "reserved";
    }
  }
}

TEST(Rules, FramesGoOutWithDefinedFlagsOnlyAndWithoutReservedBits) {
  Config config = pushing();
  config.connection_window_size = 1'000'000;
  Driven client(Role::kClient, config);
  Driven server(Role::kServer);
  const auto carry = [](Driven& from, Driven& to) {
    from.drain();
    std::string bytes;
    bytes.swap(from.out);
    to.feed(bytes_of(bytes));
    expect_defined_bits_only(read_frames(bytes));
    return read_frames(bytes).frames;
  };
  std::vector<WireFrame> sent;
  const auto exchange = [&] {
    for (Driven* from : {&client, &server}) {
      for (WireFrame& frame : carry(*from, from == &client ? server : client)) {
        sent.push_back(std::move(frame));
      }
    }
  };
  exchange();
  ASSERT_EQ(client.send(1, post("/", {{"x-long", std::string(40'000, '\\')}})), Errc::kNone);
  ASSERT_TRUE(client.conn.send_data_copy(kOne, bytes_of("body"), EndStream::kNo));
  ASSERT_EQ(client.send(1, {{"x-sum", "1"}}, kYes), Errc::kNone);
  ASSERT_EQ(client.send(3, get(), kYes), Errc::kNone);
  ASSERT_TRUE(client.conn.ping(PingData{'1', '2', '3', '4', '5', '6', '7', '8'}, client.now));
  exchange();
  const Fields promised = get("/style.css");
  ASSERT_TRUE(server.conn.push_stream(kOne, views_of(promised)));
  ASSERT_EQ(server.send(2, response_fields(200), kYes), Errc::kNone);
  ASSERT_EQ(server.send(1, response_fields(200), kYes), Errc::kNone);
  exchange();
  ASSERT_TRUE(client.conn.reset_stream(StreamId{3}));
  server.conn.notify_shutdown();
  client.conn.close_connection();
  exchange();
  for (const FrameType type :
       {FrameType::kData, FrameType::kHeaders, FrameType::kRstStream, FrameType::kSettings,
        FrameType::kPushPromise, FrameType::kPing, FrameType::kGoAway, FrameType::kWindowUpdate,
        FrameType::kContinuation}) {
    EXPECT_TRUE(std::any_of(sent.begin(), sent.end(), [&](const WireFrame& frame) {
      return frame.is(type);
    })) << h2::to_string(type);
  }
  EXPECT_FALSE(client.conn.error().has_value()) << client.text();
  EXPECT_FALSE(server.conn.error().has_value()) << server.text();
}

TEST(Rules, PaddingGoesOutAsZeros) {
  const Frame frames[] = {
      DataFrame{kOne, false, bytes_of("data"), 0},
      HeadersFrame{kOne, false, true, std::nullopt, bytes_of("data")},
      PushPromiseFrame{kOne, StreamId{2}, true, bytes_of("data")},
  };
  for (const Frame& frame : frames) {
    Vector<std::uint8_t> out(default_memory());
    ASSERT_TRUE(encode_frame(frame, std::uint8_t{200}, out));
    ASSERT_GT(out.size(), 200U);
    const std::string tail(out.end() - 200, out.end());
    EXPECT_EQ(tail, std::string(200, '\0'));
    EXPECT_EQ(out[9], 200U) << "the pad length";
  }
}

TEST(Rules, ASmallerTableIsSignalledAtTheStartOfTheNextBlock) {
  Driven server(Role::kServer);
  start(server);
  server.feed(FrameScript().headers(1, get(), kEnd).headers(3, get(), kEnd));
  const Fields fields = response_fields(200, {{"x-name", "some value"}});
  ASSERT_EQ(server.send(1, fields, kYes), Errc::kNone);
  server.feed(FrameScript().settings({{SettingCode::kHeaderTableSize, 0}}));
  ASSERT_EQ(server.send(3, fields, kYes), Errc::kNone);
  server.drain();
  const WireOutput out = server.frames();
  ASSERT_NE(out.find(FrameType::kHeaders, 3), nullptr);
  EXPECT_EQ(out.find(FrameType::kHeaders, 3)->payload.at(0), '\x20');
  EXPECT_GT(out.find(FrameType::kHeaders, 3)->payload.size(), 10U) << "no index into the table";
}

TEST(Rules, NothingMoreIsSentOnAStreamThatThePeerReset) {
  Driven server(Role::kServer);
  start_with_request(server, {{SettingCode::kInitialWindowSize, 10}});
  ASSERT_EQ(server.send(1, response_fields(200)), Errc::kNone);
  const std::string body(1'000, 'b');
  ASSERT_TRUE(server.conn.send_data(kOne, bytes_of(body), EndStream::kNo));
  server.drain();
  ASSERT_EQ(server.frames().body(1).size(), 10U);
  server.forget();
  server.feed(FrameScript().rst(1).window_update(1, 5'000));
  server.feed(FrameScript().settings({{SettingCode::kInitialWindowSize, 50'000}}));
  EXPECT_FALSE(server.conn.send_data_copy(kOne, bytes_of("more"), kYes));
  EXPECT_NE(server.send(1, {{"t", "1"}}, kYes), Errc::kNone);
  EXPECT_TRUE(server.conn.reset_stream(kOne));
  EXPECT_FALSE(server.conn.increment_flow_control_window(1'000, kOne));
  server.drain();
  for (const WireFrame& frame : server.frames().frames) EXPECT_NE(frame.stream, 1U);
}

TEST(Rules, AServerNeverEnablesPush) {
  Config config = Config::server();
  config.enable_push = true;
  Driven server(Role::kServer, config);
  server.drain();
  const WireFrame settings = server.frames().frames.at(0);
  for (std::size_t at = 0; at + 6 <= settings.payload.size(); at += 6) {
    EXPECT_NE(settings.payload[at + 1], '\2') << "SETTINGS_ENABLE_PUSH";
  }
  const Setting enable{SettingCode::kEnablePush, 1};
  EXPECT_FALSE(server.conn.update_settings({&enable, 1}, server.now));
}

// ---- push

TEST(Rules, PushedResponsesWaitForTheClientsLimit) {
  Driven server(Role::kServer);
  start_with_request(server, {{SettingCode::kMaxConcurrentStreams, 1}});
  const Fields promised = get("/a");
  ASSERT_TRUE(server.conn.push_stream(kOne, views_of(promised)));
  ASSERT_TRUE(server.conn.push_stream(kOne, views_of(promised)));
  ASSERT_EQ(server.send(2, response_fields(200)), Errc::kNone);
  EXPECT_EQ(server.send(4, response_fields(200)), Errc::kTooManyStreams);
  ASSERT_TRUE(server.conn.end_stream(StreamId{2}));
  EXPECT_EQ(server.send(4, response_fields(200)), Errc::kNone);
}

TEST(Rules, AReservedStreamCarriesNothingBeforeItsHeaders) {
  Driven server(Role::kServer);
  start_with_request(server);
  const Fields promised = get("/a");
  ASSERT_TRUE(server.conn.push_stream(kOne, views_of(promised)));
  server.drain().forget();
  EXPECT_FALSE(server.conn.send_data_copy(StreamId{2}, bytes_of("x"), kYes));
  EXPECT_NE(server.send(2, response_fields(103)), Errc::kNone);
  EXPECT_FALSE(server.conn.push_stream(StreamId{2}, views_of(promised)));
  EXPECT_FALSE(server.conn.increment_flow_control_window(1, StreamId{2}));
  EXPECT_FALSE(server.conn.set_local_window_size(100'000, StreamId{2}));
  server.drain();
  EXPECT_EQ(server.out, "");
  EXPECT_EQ(server.send(2, response_fields(200), kYes), Errc::kNone);
}

TEST(Rules, APromiseThatIsNoWholeRequestIsRefusedBeforeAnyByte) {
  Driven server(Role::kServer);
  start_with_request(server);
  const Fields cases[] = {{{":method", "GET"}},
                          get("/", {{"te", "gzip"}}),
                          get("", {}),
                          get("/", {{"host", "other.org"}})};
  for (const Fields& fields : cases) {
    EXPECT_FALSE(server.conn.push_stream(kOne, views_of(fields)));
  }
  EXPECT_FALSE(server.conn.want_write());
  const Fields good = get();
  const auto id = server.conn.push_stream(kOne, views_of(good));
  ASSERT_TRUE(id);
  EXPECT_EQ(id->value, 2U) << "the identifier was not used up";
}

TEST(Rules, NothingIsPromisedAfterTheClientsGoAway) {
  Driven server(Role::kServer);
  start_with_request(server);
  server.feed(FrameScript().goaway(0));
  const Fields promised = get("/a");
  const auto id = server.conn.push_stream(kOne, views_of(promised));
  ASSERT_FALSE(id);
  EXPECT_EQ(id.error().cause, Errc::kConnectionClosed);
}

TEST(Rules, APromiseOfAnUnsafeMethodOrOfContentIsAStreamError) {
  const Fields cases[] = {post("/"),
                          request_fields("DELETE", "/"),
                          get("/", {{"content-length", "5"}}),
                          {{":method", "GET"}}};
  for (const Fields& fields : cases) {
    Driven client(Role::kClient, pushing());
    start(client);
    ASSERT_EQ(client.send(1, get(), kYes), Errc::kNone);
    client.drain().forget();
    client.feed(FrameScript().push_promise(1, 2, fields)).drain();
    EXPECT_EQ(to_string(client.frames()), "RST_STREAM stream=2 code=PROTOCOL_ERROR\n");
    EXPECT_EQ(client.count("PushedStreamReceived"), 0U);
    EXPECT_FALSE(client.conn.error().has_value());
  }
}

TEST(Rules, NothingMayInterruptAPromise) {
  const std::string promise = std::string("\0\0\0\2", 4) + plain_block(get());
  const FrameScript begun = FrameScript().frame(FrameType::kPushPromise, 0, 1, promise);
  struct Case {
    FrameScript script;
    Errc cause;
  };
  const Case cases[] = {
      {FrameScript().raw(begun.str()).continuation(1, "", true), Errc::kNone},
      {FrameScript().raw(begun.str()).ping(), Errc::kInterleavedHeaderBlock},
      {FrameScript().raw(begun.str()).continuation(2, "", true), Errc::kInterleavedHeaderBlock},
      {FrameScript().raw(begun.str()).frame(0x42, 0, 1, ""), Errc::kInterleavedHeaderBlock},
  };
  for (const Case& c : cases) {
    Driven client(Role::kClient, pushing());
    start(client);
    ASSERT_EQ(client.send(1, get(), kYes), Errc::kNone);
    client.feed(c.script);
    EXPECT_EQ(client.count("PushedStreamReceived"), c.cause == Errc::kNone ? 1U : 0U);
    ASSERT_EQ(client.conn.error().has_value(), c.cause != Errc::kNone);
    if (c.cause != Errc::kNone) {
      EXPECT_EQ(client.conn.error()->code, ErrorCode::kProtocolError);
      EXPECT_EQ(client.conn.error()->cause, c.cause);
    }
  }
}

TEST(Rules, PaddingOfAPromiseMayNotReachIntoTheIdentifier) {
  const std::string payload = std::string("\x03\0\0\0\2", 5) + "ab";
  Driven client(Role::kClient, pushing());
  start(client);
  ASSERT_EQ(client.send(1, get(), kYes), Errc::kNone);
  client.feed(
      FrameScript().frame(FrameType::kPushPromise, kFlagPadded | kFlagEndHeaders, 1, payload));
  ASSERT_TRUE(client.conn.error().has_value());
  EXPECT_EQ(client.conn.error()->code, ErrorCode::kProtocolError);
  EXPECT_EQ(client.conn.error()->cause, Errc::kPaddingTooLong);
}

// ---- single rules

TEST(Rules, PriorityOfWrongLengthOnAnIdleStreamIsNotAnsweredByRstStream) {
  Driven server(Role::kServer);
  start(server);
  server.feed(FrameScript().frame(FrameType::kPriority, 0, 5, "abcd")).drain();
  ASSERT_TRUE(server.conn.error().has_value());
  EXPECT_EQ(server.conn.error()->code, ErrorCode::kFrameSizeError);
  EXPECT_EQ(server.frames().count(FrameType::kRstStream), 0U);
}

TEST(Rules, AnUnknownCodeOfGoAwayIsReportedAndNothingElse) {
  Driven client(Role::kClient, Config::client());
  start(client);
  ASSERT_EQ(client.send(1, get(), kYes), Errc::kNone);
  client.drain().forget();
  client.feed(FrameScript().goaway(1, static_cast<ErrorCode>(0xfefefefe)));
  client.feed(FrameScript().headers(1, response_fields(200), kEnd)).drain();
  EXPECT_TRUE(client.has("ConnectionTerminated last=1")) << client.text();
  EXPECT_TRUE(client.has("ResponseReceived stream=1 status=200 end")) << client.text();
  EXPECT_FALSE(client.conn.error().has_value());
  EXPECT_EQ(client.out, "");
}

TEST(Rules, OnlySafeRequestsWithoutContentArePromised) {
  Driven server(Role::kServer);
  start_with_request(server);
  const Fields posted = post("/a");
  const auto refused = server.conn.push_stream(kOne, views_of(posted));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().cause, Errc::kPseudoFieldInvalid);
  const Fields with_content = get("/a", {{"content-length", "5"}});
  const auto long_one = server.conn.push_stream(kOne, views_of(with_content));
  ASSERT_FALSE(long_one);
  EXPECT_EQ(long_one.error().cause, Errc::kContentLengthInvalid);
  EXPECT_FALSE(server.conn.want_write());
  const Fields head = request_fields("HEAD", "/a", {{"content-length", "0"}});
  EXPECT_TRUE(server.conn.push_stream(kOne, views_of(head)));
}

TEST(Rules, APromiseOnAStreamThatIsOverIsAProtocolError) {
  Driven client(Role::kClient, pushing());
  start(client);
  ASSERT_EQ(client.send(1, get(), kYes), Errc::kNone);
  client.feed(FrameScript().headers(1, response_fields(200), kEnd));
  client.feed(FrameScript().push_promise(1, 2, get("/a")));
  ASSERT_TRUE(client.conn.error());
  EXPECT_EQ(client.conn.error()->code, ErrorCode::kProtocolError);
}

TEST(Rules, APromiseOnAConnectedStreamIsAStreamError) {
  const Fields connect{{":method", "CONNECT"}, {":authority", "example.org:443"}};
  Driven client(Role::kClient, pushing());
  start(client);
  ASSERT_EQ(client.send(1, connect), Errc::kNone);
  client.feed(FrameScript().headers(1, response_fields(200)));
  client.drain().forget();
  client.feed(FrameScript().push_promise(1, 2, get("/a"))).drain();
  EXPECT_EQ(to_string(client.frames()),
            "RST_STREAM stream=1 code=PROTOCOL_ERROR\nRST_STREAM stream=2 code=REFUSED_STREAM\n");
  EXPECT_FALSE(client.conn.error());
  Driven server(Role::kServer);
  start(server);
  server.feed(FrameScript().headers(1, connect));
  ASSERT_EQ(server.send(1, response_fields(200)), Errc::kNone);
  const Fields promised = get("/a");
  const auto refused = server.conn.push_stream(kOne, views_of(promised));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().cause, Errc::kWrongPhase);
}

TEST(Rules, TeIsForRequestsOnly) {
  Driven server(Role::kServer);
  start_with_request(server);
  EXPECT_EQ(server.send(1, response_fields(200, {{"te", "trailers"}}), kYes),
            Errc::kFieldConnectionSpecific);
  EXPECT_EQ(server.send(1, response_fields(200)), Errc::kNone);
  Driven client(Role::kClient, Config::client());
  start(client);
  ASSERT_EQ(client.send(1, get(), kYes), Errc::kNone);
  ASSERT_EQ(client.send(3, get(), kYes), Errc::kNone);
  client.drain().forget();
  client
      .feed(FrameScript()
                .headers(1, response_fields(200, {{"te", "trailers"}}), kEnd)
                .headers(3, response_fields(200))
                .headers(3, {{"te", "trailers"}}, kEnd))
      .drain();
  EXPECT_EQ(to_string(client.frames()),
            "RST_STREAM stream=1 code=PROTOCOL_ERROR\nRST_STREAM stream=3 code=PROTOCOL_ERROR\n");
}

TEST(Rules, HeadersOnAConnectedStreamAreAStreamError) {
  const Fields connect{{":method", "CONNECT"}, {":authority", "example.org:443"}};
  Driven client(Role::kClient, Config::client());
  start(client);
  ASSERT_EQ(client.send(1, connect), Errc::kNone);
  client.feed(FrameScript().headers(1, response_fields(200)));
  client.drain().forget();
  client.feed(FrameScript().headers(1, {{"t", "1"}}, kEnd)).drain();
  EXPECT_EQ(to_string(client.frames()), "RST_STREAM stream=1 code=PROTOCOL_ERROR\n");
  EXPECT_FALSE(client.conn.error().has_value());

  Driven server(Role::kServer);
  start(server);
  server.feed(FrameScript().headers(1, connect));
  ASSERT_EQ(server.send(1, response_fields(200)), Errc::kNone);
  server.drain().forget();
  EXPECT_NE(server.send(1, {{"t", "1"}}, kYes), Errc::kNone);
  server.feed(FrameScript().headers(1, {{"t", "1"}}, kEnd)).drain();
  EXPECT_EQ(to_string(server.frames()), "RST_STREAM stream=1 code=PROTOCOL_ERROR\n");
  EXPECT_FALSE(server.conn.error().has_value());
}

TEST(Rules, APeersFirstSettingsAreAnsweredAfterOurOwn) {
  for (const Role role : {Role::kClient, Role::kServer}) {
    Driven driven(role, role == Role::kClient ? Config::client() : Config::server());
    if (role == Role::kClient) {
      driven.feed(FrameScript().server_start());
    } else {
      driven.feed(FrameScript().client_start());
    }
    driven.drain();
    std::vector<unsigned> flags;
    for (const WireFrame& frame : driven.frames().frames) {
      if (frame.is(FrameType::kSettings)) flags.push_back(frame.flags);
    }
    EXPECT_EQ(flags, (std::vector<unsigned>{0, kFlagAck}));
  }
}

TEST(Rules, FramesExemptFromFlowControlAreTakenWhileTheWindowsAreFull) {
  Config config = Config::server();
  config.connection_credit = ConnectionCredit::kOnConsumption;
  Driven server(Role::kServer, config);
  start(server);
  FrameScript script;
  script.headers(1, post());
  for (int i = 0; i < 4; ++i) script.data(1, std::string(16'383, 'x'));
  script.data(1, "abc");
  server.feed(script).drain().forget();
  ASSERT_EQ(server.conn.remote_flow_control_window(kConnectionStream), 0);
  server.feed(FrameScript()
                  .ping()
                  .settings({})
                  .window_update(0, 10)
                  .priority(1, 0)
                  .headers(3, get(), kEnd)
                  .headers(1, {{"x-sum", "1"}}, kEnd)
                  .rst(3));
  EXPECT_EQ(server.count("PingReceived"), 1U) << server.text();
  EXPECT_EQ(server.count("RemoteSettingsChanged"), 1U);
  EXPECT_EQ(server.count("WindowUpdated"), 1U);
  EXPECT_EQ(server.count("RequestReceived stream=3"), 1U);
  EXPECT_EQ(server.count("TrailersReceived stream=1"), 1U);
  EXPECT_EQ(server.count("StreamReset stream=3"), 1U);
  EXPECT_FALSE(server.conn.error().has_value());
}

TEST(Rules, TheDynamicTableMayHoldTheSameFieldTwice) {
  const std::string entry("\x40\x01\x61\x01\x62", 5);  // a: b, with indexing (RFC 7541 §6.2.1)
  Driven server(Role::kServer);
  start(server);
  server.feed(
      FrameScript().headers_block(1, plain_block(get()) + entry + entry + "\xbe\xbf", kEnd));
  EXPECT_TRUE(server.has("RequestReceived stream=1 end")) << server.text();
  EXPECT_NE(server.text().find("a: b; a: b; a: b; a: b; }"), std::string::npos) << server.text();
}

}  // namespace
}  // namespace h2::tests
