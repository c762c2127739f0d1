// Ends of streams and of connections (RFC 9113 §5.4, §6.4, §6.8).
#include <gtest/gtest.h>

#include <string>

#include "tests/support/event_log.h"

namespace h2::tests {
namespace {

constexpr EndStream kYes = EndStream::kYes;
constexpr StreamId kOne{1};

TEST(Reset, ByUsSendsOneFrameAndIsNotReported) {
  Driven client(Role::kClient, Config::client());
  start(client);
  ASSERT_EQ(client.send(1, get(), kYes), Errc::kNone);
  client.drain().forget();
  ASSERT_TRUE(client.conn.reset_stream(kOne, ErrorCode::kCancel));
  EXPECT_TRUE(client.conn.reset_stream(kOne)) << "closed already: no error";
  client.drain();
  EXPECT_EQ(to_string(client.frames()), "RST_STREAM stream=1 code=CANCEL\n");
  EXPECT_EQ(client.text(), "");
  EXPECT_EQ(client.conn.stream_counts().active_local, 0U);
  EXPECT_TRUE(is_over(client.conn.stream_state(kOne)));
}

TEST(Reset, OfAStreamThatNeverWasIsAMistake) {
  Driven client(Role::kClient, Config::client());
  start(client);
  EXPECT_FALSE(client.conn.reset_stream(StreamId{9}));
  EXPECT_FALSE(client.conn.reset_stream(kConnectionStream));
  EXPECT_FALSE(client.conn.want_write());
}

TEST(Reset, ByThePeerIsReportedWithItsCode) {
  Driven client(Role::kClient, Config::client());
  start(client);
  for (const std::uint32_t id : {1U, 3U, 5U}) ASSERT_EQ(client.send(id, post()), Errc::kNone);
  client.drain().forget();
  client.feed(FrameScript()
                  .rst(1, ErrorCode::kCancel)
                  .rst(3, ErrorCode::kRefusedStream)
                  .rst(5, static_cast<ErrorCode>(0x1234)));
  EXPECT_TRUE(client.has(
      "StreamReset stream=1 by=peer code=CANCEL(8) cause=reset_by_peer processed=unknown"))
      << client.text();
  EXPECT_TRUE(client.has(
      "StreamReset stream=3 by=peer code=REFUSED_STREAM(7) cause=refused_by_peer processed=no"))
      << client.text();
  EXPECT_TRUE(client.has("StreamReset stream=5 by=peer code=UNKNOWN_ERROR(4660)")) << client.text();
  client.drain();
  EXPECT_EQ(client.out, "") << "a reset is not answered";
  EXPECT_FALSE(client.conn.send_data_copy(kOne, bytes_of("x"), kYes));
}

TEST(Reset, WithNoErrorAfterTheResponseIsQuiet) {
  Driven client(Role::kClient, Config::client());
  start(client);
  ASSERT_EQ(client.send(1, post()), Errc::kNone);
  const std::string body(200'000, 'x');
  ASSERT_TRUE(client.conn.send_data(kOne, bytes_of(body), kYes, 4));
  client.drain();
  client.feed(FrameScript().headers(1, response_fields(413), kEnd).rst(1, ErrorCode::kNoError));
  client.drain();
  EXPECT_TRUE(client.has("ResponseReceived stream=1 status=413 end")) << client.text();
  EXPECT_EQ(client.count("BodyReleased stream=1 tag=4 incomplete"), 1U) << client.text();
  EXPECT_FALSE(client.conn.error().has_value());
  EXPECT_EQ(client.conn.stream_counts().active_local, 0U);
}

TEST(Reset, DropsWhatIsQueuedAndFinishesTheFrameBegun) {
  Driven client(Role::kClient, Config::client());
  start(client);
  ASSERT_EQ(client.send(1, post()), Errc::kNone);
  const std::string body(60'000, 'x');
  ASSERT_TRUE(client.conn.send_data(kOne, bytes_of(body), kYes, 4));
  const auto pieces = client.conn.data_to_send();
  std::string joined;
  for (const Bytes piece : pieces) joined += view(piece);
  const std::size_t headers = 9 + read_frames(joined).frames.at(0).payload.size();
  const std::size_t n = headers + 9 + 1'000;  // in the midst of the first DATA frame
  client.out += joined.substr(0, n);
  client.conn.mark_sent(n);
  ASSERT_TRUE(client.conn.reset_stream(kOne));
  client.drain();
  const WireOutput out = client.frames();
  EXPECT_EQ(out.rest, "");
  ASSERT_NE(out.find(FrameType::kRstStream, 1), nullptr) << to_string(out);
  EXPECT_EQ(out.frames.back().type, static_cast<std::uint8_t>(FrameType::kRstStream));
  EXPECT_EQ(out.body(1), body.substr(0, out.body(1).size()));
  EXPECT_GE(out.body(1).size(), 1'000U);
  EXPECT_EQ(client.count("BodyReleased stream=1 tag=4"), 1U) << client.text();
}

TEST(Reset, HeldStreamsKeepTheirSlotsUntilReleased) {
  Config config = Config::server();
  config.max_concurrent_streams = 2;
  Driven server(Role::kServer, config);
  start(server);
  server.feed(FrameScript().headers(1, get(), kEnd).rst(1).headers(3, get(), kEnd).rst(3));
  EXPECT_EQ(server.conn.stream_counts().active_remote, 2U);
  server.feed(FrameScript().headers(5, get(), kEnd)).drain();
  EXPECT_EQ(server.count("RequestReceived"), 2U) << server.text();
  ASSERT_NE(server.frames().find(FrameType::kRstStream, 5), nullptr);
  EXPECT_EQ(server.frames().find(FrameType::kRstStream, 5)->u32(0),
            static_cast<std::uint32_t>(ErrorCode::kRefusedStream));
  server.conn.release_stream(kOne);
  server.conn.release_stream(kOne);
  server.conn.release_stream(StreamId{77});
  EXPECT_EQ(server.conn.stream_counts().active_remote, 1U);
  server.feed(FrameScript().headers(7, get(), kEnd));
  EXPECT_EQ(server.count("RequestReceived stream=7"), 1U) << server.text();
}

TEST(Reset, WithoutHoldingTheSlotIsFreeAtOnce) {
  Config config = Config::server();
  config.hold_reset_streams = false;
  config.max_concurrent_streams = 1;
  Driven server(Role::kServer, config);
  start(server);
  server.feed(FrameScript().headers(1, get(), kEnd).rst(1).headers(3, get(), kEnd));
  EXPECT_EQ(server.count("RequestReceived"), 2U);
  EXPECT_EQ(server.conn.stream_counts().active_remote, 1U);
}

TEST(Reset, RapidResetReachesTheApplicationAFewTimesOnly) {
  Driven server(Role::kServer);
  start(server);
  for (std::uint32_t id = 1; id < 4'001; id += 2) {
    server.feed(FrameScript().headers(id, get(), kEnd).rst(id));
    server.drain();
  }
  EXPECT_LE(server.count("RequestReceived"), 250U);
  ASSERT_TRUE(server.conn.error().has_value());
  EXPECT_EQ(server.conn.error()->code, ErrorCode::kEnhanceYourCalm);
}

TEST(Reset, ByOurDoingIsChargedLikeTheirs) {
  Driven server(Role::kServer);
  start(server);
  for (std::uint32_t id = 1; id < 4'001; id += 2) {
    server.feed(FrameScript().headers(id, get(), kEnd).window_update(id, 0));
    server.conn.release_stream(StreamId{id});
    server.drain();
  }
  EXPECT_LE(server.count("RequestReceived"), 250U);
  ASSERT_TRUE(server.conn.error().has_value());
  EXPECT_EQ(server.conn.error()->code, ErrorCode::kEnhanceYourCalm);
}

TEST(Reset, OfManyStreamsByUsCostsThePeerNothing) {
  Driven client(Role::kClient, Config::client());
  start(client);
  for (std::uint32_t id = 1; id < 20'001; id += 2) {
    ASSERT_EQ(client.send(id, get(), kYes), Errc::kNone);
    client.drain();
    ASSERT_TRUE(client.conn.reset_stream(StreamId{id}));
    client.drain().forget();
    client
        .feed(FrameScript()
                  .headers(id, response_fields(200))
                  .data(id, "in flight")
                  .data(id, "", kEnd))
        .drain();
    ASSERT_FALSE(client.conn.error().has_value()) << "after " << id;
    ASSERT_EQ(client.text(), "");
  }
  EXPECT_EQ(client.conn.stream_counts().active_local, 0U);
}

TEST(GoAway, LetsOpenStreamsFinishAndRefusesNewOnes) {
  Driven client(Role::kClient, Config::client());
  start(client);
  for (const std::uint32_t id : {1U, 3U, 5U}) ASSERT_EQ(client.send(id, get(), kYes), Errc::kNone);
  client.drain().forget();
  client.feed(FrameScript().goaway(3, ErrorCode::kNoError, "maintenance"));
  EXPECT_EQ(
      client.text(),
      "ConnectionTerminated last=3 code=NO_ERROR(0) debug=maintenance\n"
      "StreamReset stream=5 by=goaway code=REFUSED_STREAM(7) cause=refused_by_peer processed=no\n");
  EXPECT_FALSE(client.conn.accepts_new_streams());
  EXPECT_EQ(client.send(7, get(), kYes), Errc::kConnectionClosed);
  EXPECT_FALSE(client.conn.done());
  client.feed(FrameScript()
                  .headers(1, response_fields(200))
                  .data(1, "abc", kEnd)
                  .headers(3, response_fields(200), kEnd));
  EXPECT_TRUE(client.has("DataReceived stream=1 length=3")) << client.text();
  EXPECT_TRUE(client.has("ResponseReceived stream=3 status=200 end")) << client.text();
  client.drain();
  EXPECT_TRUE(client.conn.done());
}

TEST(GoAway, InTwoStepsLosesNothing) {
  Driven client(Role::kClient, Config::client());
  start(client);
  ASSERT_EQ(client.send(1, get(), kYes), Errc::kNone);
  ASSERT_EQ(client.send(3, get(), kYes), Errc::kNone);
  client.drain().forget();
  client.feed(FrameScript().goaway(0x7fffffff));
  EXPECT_EQ(client.count("StreamReset"), 0U);
  client.feed(FrameScript().goaway(1));
  EXPECT_EQ(client.count("StreamReset"), 1U);
  EXPECT_TRUE(client.has("StreamReset stream=3 by=goaway"));
  client.feed(FrameScript().headers(1, response_fields(200), kEnd)).end();
  EXPECT_TRUE(client.has("ResponseReceived stream=1"));
  EXPECT_FALSE(client.has("ConnectionFailed")) << client.text();
}

TEST(GoAway, QueuedRequestsAreReportedAsNotProcessed) {
  Driven client(Role::kClient, Config::client());
  start(client, {{SettingCode::kMaxConcurrentStreams, 1}});
  ASSERT_EQ(client.send(1, get(), kYes), Errc::kNone);
  ASSERT_EQ(client.send(3, post()), Errc::kNone);
  ASSERT_TRUE(client.conn.send_data(StreamId{3}, bytes_of("body"), kYes, 5));
  client.drain().forget();
  client.feed(FrameScript().goaway(1)).drain();
  EXPECT_TRUE(client.has("StreamReset stream=3 by=goaway")) << client.text();
  EXPECT_NE(client.text().find("processed=no"), std::string::npos);
  EXPECT_EQ(client.count("BodyReleased stream=3 tag=5 incomplete"), 1U) << client.text();
  EXPECT_EQ(client.conn.stream_counts().queued, 0U);
}

TEST(GoAway, OfAClientDoesNotEndItsOwnRequests) {
  Driven server(Role::kServer);
  start(server);
  server.feed(FrameScript().headers(1, get(), kEnd).goaway(0));
  EXPECT_FALSE(server.has("StreamReset")) << server.text();
  ASSERT_EQ(server.send(1, response_fields(200), kYes), Errc::kNone);
  server.drain();
  EXPECT_NE(server.frames().find(FrameType::kHeaders, 1), nullptr);
}

TEST(GoAway, OfOursComesInTwoStepsAndThenDone) {
  Driven server(Role::kServer);
  start(server);
  server.feed(FrameScript().headers(1, get(), kEnd));
  server.conn.notify_shutdown();
  server.drain();
  EXPECT_EQ(to_string(server.frames()), "GOAWAY stream=0 last=2147483647 code=NO_ERROR\n");
  server.feed(FrameScript().headers(3, get(), kEnd));
  EXPECT_TRUE(server.has("RequestReceived stream=3")) << "was on its way";
  server.forget();
  server.conn.close_connection();
  server.drain();
  EXPECT_EQ(to_string(server.frames()), "GOAWAY stream=0 last=3 code=NO_ERROR\n");
  server.forget();
  server.feed(FrameScript().headers(5, get(), kEnd)).drain();
  EXPECT_EQ(server.count("RequestReceived"), 0U);
  EXPECT_FALSE(server.conn.error().has_value());
  EXPECT_FALSE(server.conn.done());
  for (const std::uint32_t id : {1U, 3U})
    ASSERT_EQ(server.send(id, response_fields(200), kYes), Errc::kNone);
  EXPECT_FALSE(server.conn.done()) << "there is output";
  server.drain();
  EXPECT_TRUE(server.conn.done());
}

TEST(GoAway, ALaterOneOfOursNeverRaisesTheLastStream) {
  enum class Then : std::uint8_t { kTerminate, kFail };
  for (const Then then : {Then::kTerminate, Then::kFail}) {
    Driven server(Role::kServer);
    start(server);
    server.feed(FrameScript().headers(1, get(), kEnd));
    server.conn.close_connection();
    server.feed(FrameScript().headers(3, get(), kEnd));
    if (then == Then::kTerminate) {
      server.conn.terminate(ErrorCode::kNoError);
    } else {
      server.feed(FrameScript().window_update(0, 0));
    }
    server.drain();
    std::vector<std::uint32_t> last;
    for (const WireFrame& frame : server.frames().frames) {
      if (frame.is(FrameType::kGoAway)) last.push_back(frame.u32(0));
    }
    EXPECT_EQ(last, (std::vector<std::uint32_t>{1, 1}));
  }
}

TEST(GoAway, EverythingOnARequestThatCameTooLateIsIgnored) {
  Driven server(Role::kServer);
  start(server);
  server.feed(FrameScript().headers(1, get(), kEnd));
  server.conn.close_connection();
  server.drain().forget();
  const std::string part(16'000, 'x');
  FrameScript late;
  late.headers(3, post()).headers(5, post());
  for (int i = 0; i < 3; ++i) late.data(3, part);
  late.window_update(3, 10).headers(3, {{"x-sum", "1"}}, kEnd).rst(5);
  server.feed(late).drain();
  EXPECT_EQ(server.text(), "");
  EXPECT_EQ(server.frames().count(FrameType::kRstStream), 0U);
  EXPECT_EQ(server.frames().count(FrameType::kGoAway), 0U);
  EXPECT_NE(server.frames().find(FrameType::kWindowUpdate, 0), nullptr) << "the credit comes back";
  ASSERT_EQ(server.send(1, response_fields(200), kYes), Errc::kNone);
  EXPECT_FALSE(server.drain().conn.error().has_value());
  EXPECT_TRUE(server.conn.done());
}

TEST(Reset, AHeldStreamIsNotReportedASecondTime) {
  Driven server(Role::kServer);
  start(server);
  server.feed(FrameScript().headers(1, get(), kEnd).rst(1));
  server.feed(FrameScript().frame(FrameType::kPriority, 0, 1, "1234")).drain();
  EXPECT_EQ(server.count("StreamReset stream=1"), 1U) << server.text();
  EXPECT_EQ(to_string(server.frames()), "RST_STREAM stream=1 code=FRAME_SIZE_ERROR\n");
  EXPECT_EQ(server.conn.stream_counts().active_remote, 1U);
  server.conn.release_stream(StreamId{1});
  EXPECT_EQ(server.conn.stream_counts().active_remote, 0U);
}

TEST(Reset, WhatWasSentBeforeMayComeAfterTheAnswerToALaterPing) {
  Driven client(Role::kClient, Config::client());
  start(client);
  ASSERT_EQ(client.send(1, get(), kYes), Errc::kNone);
  client.feed(FrameScript().headers(1, response_fields(200)));
  ASSERT_TRUE(client.conn.reset_stream(StreamId{1}));
  ASSERT_TRUE(client.conn.ping(PingData{'1', '2', '3', '4', '5', '6', '7', '8'}, client.now));
  client.drain();
  client.feed(FrameScript().ping_ack("12345678").data(1, "abc").headers(1, {{"t", "1"}}, kEnd));
  EXPECT_FALSE(client.conn.error().has_value()) << client.text();
}

TEST(Reset, NothingOfTheStreamMayComeAfterTheAnswerToLaterSettings) {
  Driven client(Role::kClient, Config::client());
  start(client);
  ASSERT_EQ(client.send(1, get(), kYes), Errc::kNone);
  client.feed(FrameScript().headers(1, response_fields(200)));
  ASSERT_TRUE(client.conn.reset_stream(StreamId{1}));
  ASSERT_TRUE(client.conn.update_settings({}, client.now));
  client.drain();
  client.feed(FrameScript().data(1, "abc").settings_ack());
  EXPECT_FALSE(client.conn.error().has_value()) << client.text();
  client.feed(FrameScript().data(1, "abc"));
  ASSERT_TRUE(client.conn.error().has_value());
  EXPECT_EQ(client.conn.error()->cause, Errc::kFrameOnClosedStream);
}

TEST(Reset, TrailersOnAStreamForgottenMeanwhileAreIgnored) {
  Driven server(Role::kServer);
  start(server);
  server.feed(FrameScript().headers(1, post()));
  ASSERT_TRUE(server.conn.reset_stream(StreamId{1}));
  server.on_event = [](Connection& conn, const Event& event) {
    if (const auto* request = std::get_if<RequestReceived>(&event)) {
      const Fields fields = response_fields(200);
      (void)conn.send_headers(request->stream_id, views_of(fields), kYes);
    }
  };
  for (std::uint32_t id = 3; id < 2'503; id += 2) {
    server.feed(FrameScript().headers(id, get(), kEnd)).drain();
  }
  server.forget();
  server.feed(FrameScript().data(1, "x").headers(1, {{"x-sum", "1"}}, kEnd));
  EXPECT_EQ(server.text(), "");
  EXPECT_FALSE(server.conn.error().has_value());
  // One that was never opened and cannot have been forgotten is still an error.
  server.feed(FrameScript().headers(2'600 + 1, get(), kEnd).headers(2'555, get(), kEnd));
  ASSERT_TRUE(server.conn.error().has_value());
  EXPECT_EQ(server.conn.error()->cause, Errc::kStreamIdNotIncreasing);
}

TEST(GoAway, TheCompressionStaysInStepWithIgnoredRequests) {
  Driven client(Role::kClient, Config::client());
  Driven server(Role::kServer);
  start(client);
  start(server);
  ASSERT_EQ(client.send(1, get(), kYes), Errc::kNone);
  ASSERT_EQ(client.send(3, get("/", {{"x-a", "1"}}), kYes), Errc::kNone);
  client.drain();
  const std::size_t first = 9 + client.frames().frames[0].payload.size();
  server.feed(bytes_of(client.out).first(first));
  server.conn.close_connection();
  server.feed(bytes_of(client.out).subspan(first));
  ASSERT_EQ(server.send(1, response_fields(200)), Errc::kNone);
  client.forget();
  EXPECT_FALSE(server.conn.error().has_value()) << server.text();
}

TEST(Terminate, EndsEverythingAtOnce) {
  Driven server(Role::kServer);
  start(server);
  server.feed(FrameScript().headers(1, get(), kEnd).headers(3, get(), kEnd));
  const std::string body(100'000, 'x');
  ASSERT_EQ(server.send(1, response_fields(200)), Errc::kNone);
  ASSERT_TRUE(server.conn.send_data(kOne, bytes_of(body), kYes, 11));
  server.forget();
  server.conn.terminate(ErrorCode::kInternalError, bytes_of("sorry"));
  server.drain();
  const WireOutput out = server.frames();
  ASSERT_FALSE(out.frames.empty());
  EXPECT_TRUE(out.frames.back().is(FrameType::kGoAway)) << to_string(out);
  EXPECT_EQ(out.frames.back().u32(0), 3U);
  EXPECT_EQ(out.frames.back().u32(4), static_cast<std::uint32_t>(ErrorCode::kInternalError));
  EXPECT_EQ(out.frames.back().payload.substr(8), "sorry");
  EXPECT_EQ(server.count("StreamReset stream=1 by=connection"), 1U) << server.text();
  EXPECT_EQ(server.count("StreamReset stream=3 by=connection"), 1U) << server.text();
  EXPECT_EQ(server.count("BodyReleased stream=1 tag=11 incomplete"), 1U) << server.text();
  EXPECT_TRUE(server.conn.done());
  EXPECT_EQ(server.send(3, response_fields(200), kYes), Errc::kConnectionClosed);
}

TEST(End, WithStreamsOpenFailsThem) {
  Driven client(Role::kClient, Config::client());
  start(client);
  ASSERT_EQ(client.send(1, get(), kYes), Errc::kNone);
  client.drain().forget();
  client.end();
  EXPECT_EQ(client.count("StreamReset stream=1 by=connection"), 1U) << client.text();
  EXPECT_EQ(client.count("ConnectionFailed"), 1U) << client.text();
  EXPECT_NE(client.text().find("cause=connection_lost"), std::string::npos);
  EXPECT_TRUE(client.conn.done());
}

TEST(End, WithNothingOpenIsClean) {
  for (const Role role : {Role::kClient, Role::kServer}) {
    Driven driven(role);
    start(driven);
    driven.end();
    EXPECT_EQ(driven.text(), "");
    EXPECT_FALSE(driven.conn.error().has_value());
    EXPECT_TRUE(driven.conn.done());
    EXPECT_FALSE(driven.conn.want_read());
    driven.end();
    EXPECT_EQ(driven.text(), "");
  }
}

TEST(End, InTheMidstOfAFrameLosesItsStream) {
  const std::string bytes =
      FrameScript().headers(1, response_fields(200)).data(1, "hello", kEnd).str();
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    Driven client(Role::kClient, Config::client());
    start(client);
    ASSERT_EQ(client.send(1, get(), kYes), Errc::kNone);
    client.drain().forget();
    client.feed(bytes_of(bytes).first(n)).end();
    EXPECT_EQ(client.count("StreamReset stream=1 by=connection"), 1U) << n << "\n" << client.text();
    EXPECT_EQ(client.count("ConnectionFailed"), 1U) << n;
  }
}

}  // namespace
}  // namespace h2::tests
