// Looking into a connection: why a stream does not move, counters, budget, times.
#include "h2core/inspection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <string_view>

#include "tests/support/event_log.h"
#include "tests/support/frame_script.h"

namespace h2::tests {
namespace {

constexpr EndStream kNo = EndStream::kNo;
constexpr EndStream kYes = EndStream::kYes;
using S = SendingWaitsFor;
using R = ReceivingWaitsFor;

// A source that has nothing until it is told to end.
class EmptySource final : public BodySource {
 public:
  Read read(std::span<std::uint8_t>) noexcept override {
    return {0, ended ? State::kEnd : State::kMore};
  }
  bool ended = false;
};

class WhyOfAClient : public ::testing::Test {
 protected:
  // A request whose body goes on.
  void open(std::uint32_t id, EndStream end = kNo) {
    ASSERT_EQ(client_.send(id, get(), end), Errc::kNone);
    client_.drain();
  }
  Why why(std::uint32_t id) const { return client_.conn.why(StreamId{id}); }

  Driven client_{Role::kClient, Config::client()};
};

TEST_F(WhyOfAClient, StreamsThatAreNotThereAreNamedSo) {
  start(client_);
  EXPECT_EQ(why(1), (Why{S::kNoStream, R::kNoStream}));
  open(1, kYes);
  client_.feed(FrameScript().headers(1, response_fields(200), kEnd));
  EXPECT_EQ(why(1), (Why{S::kNoStream, R::kNoStream})) << "it is over";
}

TEST_F(WhyOfAClient, ARequestWithoutBodyWaitsForTheResponse) {
  start(client_);
  open(1, kYes);
  EXPECT_EQ(why(1), (Why{S::kEnded, R::kHeaders}));
  client_.feed(FrameScript().headers(1, response_fields(200)));
  EXPECT_EQ(why(1), (Why{S::kEnded, R::kPeer}));
}

TEST_F(WhyOfAClient, AnOpenRequestWaitsForTheApplication) {
  start(client_);
  open(1);
  EXPECT_EQ(why(1).sending, S::kApplication);
}

TEST_F(WhyOfAClient, ARequestOverTheLimitIsQueued) {
  start(client_, {{SettingCode::kMaxConcurrentStreams, 1}});
  open(1);
  open(3);
  EXPECT_EQ(why(3), (Why{S::kStreamLimit, R::kStreamLimit}));
  client_.feed(FrameScript().settings({{SettingCode::kMaxConcurrentStreams, 2}}));
  EXPECT_EQ(why(3), (Why{S::kApplication, R::kHeaders}));
}

TEST_F(WhyOfAClient, ABodyOverTheStreamsWindowWaitsForIt) {
  start(client_, {{SettingCode::kInitialWindowSize, 10}});
  open(1);
  const std::string body(11, 'b');
  ASSERT_TRUE(client_.conn.send_data(StreamId{1}, bytes_of(body), kYes));
  client_.drain();
  EXPECT_EQ(why(1).sending, S::kStreamWindow);
  client_.feed(FrameScript().window_update(1, 1));
  EXPECT_EQ(why(1).sending, S::kNothing);
  client_.drain();
  EXPECT_EQ(why(1).sending, S::kEnded);
}

TEST_F(WhyOfAClient, ABodyOverTheConnectionsWindowWaitsForIt) {
  start(client_, {{SettingCode::kInitialWindowSize, 1'000'000}});
  open(1);
  const std::string body(65'536, 'b');
  ASSERT_TRUE(client_.conn.send_data(StreamId{1}, bytes_of(body), kYes));
  client_.drain();
  EXPECT_EQ(why(1).sending, S::kConnectionWindow);
  client_.feed(FrameScript().window_update(0, 1));
  EXPECT_EQ(why(1).sending, S::kNothing);
}

TEST_F(WhyOfAClient, ASourceWithoutBytesIsWaitedForUntilItIsResumed) {
  start(client_);
  open(1);
  EmptySource source;
  ASSERT_TRUE(client_.conn.send_body(StreamId{1}, source, kYes));
  EXPECT_EQ(why(1).sending, S::kNothing) << "it was not asked yet";
  client_.drain();
  EXPECT_EQ(why(1).sending, S::kBodySource);
  source.ended = true;
  ASSERT_TRUE(client_.conn.resume_body(StreamId{1}));
  EXPECT_EQ(why(1).sending, S::kNothing);
  client_.drain();
  EXPECT_EQ(why(1).sending, S::kEnded);
}

TEST(Why, OutputThatIsNotWrittenHoldsBodiesBack) {
  Config config = Config::client();
  config.max_output_batch = 20'000;
  Driven client(Role::kClient, config);
  start(client);
  ASSERT_EQ(client.send(1, get()), Errc::kNone);
  const std::string body(60'000, 'b');
  ASSERT_TRUE(client.conn.send_data(StreamId{1}, bytes_of(body), kYes));
  EXPECT_EQ(client.conn.why(StreamId{1}).sending, S::kNothing);
  (void)client.conn.data_to_send();
  EXPECT_EQ(client.conn.why(StreamId{1}).sending, S::kOutput);
  client.drain();
  EXPECT_EQ(client.conn.why(StreamId{1}).sending, S::kEnded);
}

TEST_F(WhyOfAClient, WhatWasNotAcknowledgedLeavesThePeerNoCredit) {
  Config config = Config::client();
  config.initial_window_size = 10;
  Driven client(Role::kClient, config);
  start(client);
  ASSERT_EQ(client.send(1, get(), kYes), Errc::kNone);
  client.feed(FrameScript().headers(1, response_fields(200)).data(1, "0123456789"));
  EXPECT_EQ(client.conn.why(StreamId{1}).receiving, R::kStreamCredit);
  ASSERT_TRUE(client.conn.acknowledge_received_data(10, StreamId{1}));
  EXPECT_EQ(client.conn.why(StreamId{1}).receiving, R::kPeer);
}

TEST(Why, TheConnectionsCreditCanBeWhatIsMissing) {
  Config config = Config::client();
  config.initial_window_size = 100'000;
  config.connection_window_size = 65'535;
  config.connection_credit = ConnectionCredit::kOnConsumption;
  Driven client(Role::kClient, config);
  start(client);
  ASSERT_EQ(client.send(1, get(), kYes), Errc::kNone);
  FrameScript script;
  script.headers(1, response_fields(200));
  for (int i = 0; i < 4; ++i) script.data(1, std::string(i < 3 ? 16'384 : 16'383, 'd'));
  client.feed(script);
  EXPECT_EQ(client.conn.why(StreamId{1}).receiving, R::kConnectionCredit);
  ASSERT_TRUE(client.conn.acknowledge_received_data(65'535, StreamId{1}));
  EXPECT_EQ(client.conn.why(StreamId{1}).receiving, R::kPeer);
}

TEST(Why, AnswersThatWaitStopInput) {
  Config config = Config::server();
  config.pause_input_at_answers = 2;
  Driven server(Role::kServer, config);
  start(server);
  server.feed(FrameScript().headers(1, get()));
  EXPECT_EQ(server.conn.why(StreamId{1}), (Why{S::kHeaders, R::kPeer}));
  (void)server.conn.receive_data(FrameScript().ping("12345678").ping("abcdefgh").bytes(),
                                 server.now);
  EXPECT_EQ(server.conn.why(StreamId{1}).receiving, R::kMarkSent);
  server.drain();
  EXPECT_EQ(server.conn.why(StreamId{1}).receiving, R::kPeer);
}

TEST(Why, AHeldStreamWaitsForItsRelease) {
  Driven server(Role::kServer, Config::server());
  start(server);
  server.feed(FrameScript().headers(1, get()).rst(1, ErrorCode::kCancel));
  EXPECT_EQ(server.conn.why(StreamId{1}), (Why{S::kRelease, R::kRelease}));
  server.conn.release_stream(StreamId{1});
  EXPECT_EQ(server.conn.why(StreamId{1}), (Why{S::kNoStream, R::kNoStream}));
}

TEST(Why, EachReasonHasItsOwnPhrase) {
  std::set<std::string_view> phrases;
  for (int i = 0; i <= static_cast<int>(S::kOutput); ++i) phrases.insert(describe(S(i)));
  EXPECT_EQ(phrases.size(), static_cast<std::size_t>(S::kOutput) + 1);
  phrases.clear();
  for (int i = 0; i <= static_cast<int>(R::kConnectionCredit); ++i) phrases.insert(describe(R(i)));
  EXPECT_EQ(phrases.size(), static_cast<std::size_t>(R::kConnectionCredit) + 1);
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < kAbuseCauses; ++i) names.insert(to_string(AbuseCause(i)));
  EXPECT_EQ(names.size(), kAbuseCauses);
  EXPECT_FALSE(names.contains("unknown"));
}

TEST(Inspection, FramesAreCountedByTypeAndDirection) {
  Driven server(Role::kServer, Config::server());
  start(server);
  const std::uint64_t settings = server.conn.frames_received()[FrameType::kSettings];
  EXPECT_EQ(settings, 2U) << "the peer's, and its acknowledgement of ours";
  server.feed(FrameScript().headers(1, get()).data(1, "a").data(1, "b", kEnd).ping("12345678"));
  ASSERT_EQ(server.send(1, response_fields(200), kYes), Errc::kNone);
  server.drain();
  const FrameCounts in = server.conn.frames_received();
  EXPECT_EQ(in[FrameType::kHeaders], 1U);
  EXPECT_EQ(in[FrameType::kData], 2U);
  EXPECT_EQ(in[FrameType::kPing], 1U);
  EXPECT_EQ(in.unknown(), 0U);
  EXPECT_EQ(in.total(), settings + 4 + in[FrameType::kWindowUpdate]);
  const FrameCounts out = server.conn.frames_sent();
  EXPECT_EQ(out[FrameType::kHeaders], 1U);
  EXPECT_EQ(out[FrameType::kPing], 1U);
  EXPECT_EQ(out[FrameType::kData], 0U);
  server.feed(FrameScript().frame(0xef, 0, 0, "x").frame(0x20, 0, 0, "y"));
  EXPECT_EQ(server.conn.frames_received().unknown(), 2U);
}

TEST(Inspection, FieldCountersKnowTheTables) {
  Driven client(Role::kClient, Config::client());
  start(client);
  ASSERT_EQ(client.send(1,
                        {{":method", "GET"},
                         {":scheme", "https"},
                         {":authority", "a.test"},
                         {":path", "/"},
                         {"x-a", "b"}},
                        kYes),
            Errc::kNone);
  const HpackCounts sent = client.conn.fields_sent();
  EXPECT_EQ(sent.table_entries, 2U);
  EXPECT_EQ(sent.table_size, 10U + 6 + 32 + 3 + 1 + 32);
  EXPECT_GT(sent.plain, sent.wire);
  EXPECT_EQ(client.conn.fields_received().table_entries, 0U);
}

TEST(Inspection, BudgetSaysWhatItWentTo) {
  Driven server(Role::kServer, Config::server());
  start(server);
  const AbuseReport before = server.conn.abuse();
  EXPECT_EQ(before.left, before.budget);
  server.feed(FrameScript().ping("12345678").ping("12345678").priority(1, 0));
  const AbuseReport after = server.conn.abuse();
  EXPECT_EQ(after[AbuseCause::kPing], 20U);
  EXPECT_EQ(after[AbuseCause::kIgnoredFrame], 5U);
  EXPECT_EQ(after.left, after.budget - 25);
  EXPECT_EQ(after.costliest(), AbuseCause::kPing);
}

TEST(Inspection, GoAwayForAbuseNamesWhatCostMost) {
  Config config = Config::server();
  config.abuse_budget = 100;
  config.abuse_budget_per_stream = 0;
  Driven server(Role::kServer, config);
  start(server);
  FrameScript script;
  for (int i = 0; i < 20; ++i) script.ping("12345678");
  server.feed(script).drain();
  EXPECT_THAT(server.out, ::testing::HasSubstr("abuse: ping"));
  EXPECT_LT(server.conn.abuse().left, 0);
}

TEST(Inspection, SettingsAreKnownAsSentAndAsAcknowledged) {
  Driven client(Role::kClient, Config::client());
  start(client);
  EXPECT_EQ(client.conn.unacknowledged_settings(), 0U);
  const Setting smaller[] = {{SettingCode::kInitialWindowSize, 1'000}};
  ASSERT_TRUE(client.conn.update_settings(smaller, client.now));
  EXPECT_EQ(client.conn.unacknowledged_settings(), 1U);
  EXPECT_EQ(client.conn.announced_settings().initial_window_size, 1'000U);
  EXPECT_NE(client.conn.local_settings().initial_window_size, 1'000U);
  client.feed(FrameScript().settings_ack());
  EXPECT_EQ(client.conn.unacknowledged_settings(), 0U);
  EXPECT_EQ(client.conn.local_settings().initial_window_size, 1'000U);
}

TEST(Inspection, TimesAreThoseOfTheCalls) {
  const Time begin{1'000};
  Driven client(Role::kClient, Config::client(), begin);
  EXPECT_FALSE(client.conn.last_peer_activity());
  EXPECT_FALSE(client.conn.round_trip_time());
  client.now = begin + milliseconds(30);
  client.feed(FrameScript().server_start().settings_ack());
  EXPECT_EQ(client.conn.last_peer_activity(), begin + milliseconds(30));
  EXPECT_EQ(client.conn.round_trip_time(), milliseconds(30));
  const PingData data = {'0', '1', '2', '3', '4', '5', '6', '7'};
  ASSERT_TRUE(client.conn.ping(data, client.now));
  client.now = client.now + milliseconds(7);
  client.feed(FrameScript().ping_ack("01234567"));
  EXPECT_EQ(client.conn.round_trip_time(), milliseconds(7));
  const Time last = client.now;
  client.now = client.now + seconds(5);
  client.feed(Bytes());
  EXPECT_EQ(client.conn.last_peer_activity(), last) << "no bytes, no activity";
}

}  // namespace
}  // namespace h2::tests
