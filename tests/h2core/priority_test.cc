// Extensible priorities: the text form, PRIORITY_UPDATE, and the order in which bodies go out (RFC
// 9218).
#include "h2core/priority.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "h2core/connection.h"
#include "tests/support/event_log.h"
#include "tests/support/frame_script.h"

namespace h2::tests {
namespace {

constexpr auto kYes = EndStream::kYes;
constexpr auto kNo = EndStream::kNo;

// ---- the field value
// ------------------------------------------------------------------------------

struct Reading {
  std::string_view text;
  bool readable;
  Priority priority;  // over the defaults
};

TEST(PriorityField, IsReadAsADictionary) {
  const Reading readings[] = {
      {"", true, {3, false}},
      {"u=0", true, {0, false}},
      {"u=7", true, {7, false}},
      {"i", true, {3, true}},
      {"i=?1", true, {3, true}},
      {"i=?0", true, {3, false}},
      {"u=5, i", true, {5, true}},
      {"u=5,i", true, {5, true}},
      {"  i ,\tu=1  ", true, {1, true}},
      {"u=1, u=2", true, {2, false}},  // the last one counts
      {"u=8", true, {3, false}},       // out of range: passed over
      {"u=-1", true, {3, false}},
      {"u=1.0", true, {3, false}},  // of another type
      {"u=?1", true, {3, false}},
      {"u=\"1\"", true, {3, false}},
      {"u", true, {3, false}},
      {"i=1", true, {3, false}},
      {"i=token", true, {3, false}},
      {"u=2;x=1;y, i;z=\"a;b\"", true, {2, true}},
      {"foo=(1 2 \"x\";p=1);q, u=4", true, {4, false}},
      {"foo=:aGVsbG8=:, *bar=*tok/en, u=6", true, {6, false}},
      {"foo=123456789012345, u=6", true, {6, false}},
      {"foo=\"a\\\"b\\\\\", u=6", true, {6, false}},
      {"foo=123456789012.125, u=6", true, {6, false}},
      // No dictionaries.
      {"u=", false, {}},
      {"u=1,", false, {}},
      {",u=1", false, {}},
      {"U=1", false, {}},
      {"u=1 i", false, {}},
      {"u =1", false, {}},
      {"u= 1", false, {}},
      {"u=1;", false, {}},
      {"u=1;=2", false, {}},
      {"x=\"open", false, {}},
      {"x=\"\\n\"", false, {}},
      {"x=\"\x7f\"", false, {}},
      {"x=:open", false, {}},
      {"x=(1 2", false, {}},
      {"x=(1,2)", false, {}},
      {"x=?2", false, {}},
      {"x=1234567890123456", false, {}},
      {"x=1234567890123.1", false, {}},
      {"x=1.2345", false, {}},
      {"x=1.", false, {}},
      {"x=-", false, {}},
      {"x=@1", false, {}},
      {"\xff", false, {}},
  };
  for (const Reading& reading : readings) {
    PriorityParameters said;
    EXPECT_EQ(parse_priority(reading.text, said), reading.readable) << reading.text;
    EXPECT_EQ(said.over({}), reading.readable ? reading.priority : Priority{}) << reading.text;
  }
}

TEST(PriorityField, WhatIsNoDictionaryChangesNothing) {
  PriorityParameters said;
  ASSERT_TRUE(parse_priority("u=1, i", said));
  EXPECT_FALSE(parse_priority("u=5, i=?0, =", said));
  EXPECT_EQ(said.over({}), (Priority{1, true}));
}

TEST(PriorityField, WhatAResponseDoesNotSayStaysAsTheRequestSaid) {
  PriorityParameters said;
  ASSERT_TRUE(parse_priority("u=1", said));
  EXPECT_EQ(said.over({5, true}), (Priority{1, true}));  // the example of RFC 9218 §8
}

TEST(PriorityField, SurvivesTheWayThere) {
  for (std::uint8_t urgency = 0; urgency <= 7; ++urgency) {
    for (const bool incremental : {false, true}) {
      const Priority priority{urgency, incremental};
      PriorityParameters said;
      ASSERT_TRUE(parse_priority(PriorityText(priority).view(), said));
      EXPECT_EQ(said.over({}), priority) << PriorityText(priority).view();
    }
  }
  EXPECT_EQ(PriorityText({}).view(), "");
  EXPECT_EQ(PriorityText({0, true}).view(), "u=0, i");
}

// ---- the order of bodies
// --------------------------------------------------------------------------

// A server with requests on streams 1, 3, 5..., each with the priority field of its place ("-":
// none), answered with bodies of `frames` frames of 1,000 bytes each; returns the order of streams
// on the wire.
class Order {
 public:
  explicit Order(std::vector<std::string> priorities, Config config = Config::server())
      : server_(Role::kServer, with_small_frames(config)) {
    start(server_);
    for (std::uint32_t i = 0; i < priorities.size(); ++i) {
      Fields more;
      if (priorities[i] != "-") more.push_back({"priority", priorities[i]});
      server_.feed(FrameScript().headers(id(i), get("/", more), kEnd));
    }
  }

  static std::uint32_t id(std::uint32_t i) { return 2 * i + 1; }
  Driven& server() { return server_; }

  Order& answer(std::uint32_t stream, std::size_t frames, const Fields& more = {}) {
    bodies_.push_back(std::string(frames * 1'000, 'b'));
    EXPECT_EQ(server_.send(stream, response_fields(200, more)), Errc::kNone);
    EXPECT_TRUE(server_.conn.send_data_copy(StreamId{stream}, bytes_of(bodies_.back()), kYes));
    return *this;
  }

  // Streams in the order of their DATA, as one digit each.
  std::string sent() {
    server_.drain();
    std::string order;
    for (const WireFrame& frame : server_.frames().frames) {
      if (frame.is(FrameType::kData)) order += std::to_string(frame.stream);
    }
    server_.out.clear();
    return order;
  }

 private:
  static Config with_small_frames(Config config) {
    config.max_data_frame_size = 1'000;
    return config;
  }
  Driven server_;
  std::vector<std::string> bodies_;
};

TEST(Scheduler, UrgentBodiesGoFirst) {
  Order order({"u=5", "u=1", "u=3"});
  order.answer(1, 2).answer(3, 2).answer(5, 2);
  EXPECT_EQ(order.sent(), "335511");
}

TEST(Scheduler, BodiesThatAreNotIncrementalGoOneByOneInTheOrderOfTheirRequests) {
  Order order({"u=3", "u=3", "u=3"});
  order.answer(5, 3).answer(1, 3).answer(3, 3);
  EXPECT_EQ(order.sent(), "111333555");
}

TEST(Scheduler, IncrementalBodiesTakeTurns) {
  Order order({"i", "i", "i"});
  order.answer(1, 3).answer(3, 3).answer(5, 3);
  EXPECT_EQ(order.sent(), "135135135");
}

TEST(Scheduler, PeersThatSayNothingGetTheirBodiesInTurns) {
  Order order({"-", "-", "-"});
  order.answer(1, 3).answer(3, 3).answer(5, 3);
  EXPECT_EQ(order.sent(), "135135135");
}

TEST(Scheduler, NeitherKindStarvesTheOther) {
  Order order({"u=3", "u=3, i", "u=3, i"});
  order.answer(1, 4).answer(3, 2).answer(5, 2);
  // The one that is not incremental alternates with those that are.
  EXPECT_EQ(order.sent(), "13151315");
}

TEST(Scheduler, AResponseCanOverrideItsRequest) {
  Order order({"u=5, i", "u=3"});
  order.answer(1, 2, {{"priority", "u=1"}}).answer(3, 2);
  EXPECT_EQ(order.sent(), "1133");
  EXPECT_EQ(order.server().conn.priority(StreamId{1}), Priority{}) << "the stream is gone";
}

TEST(Scheduler, TheApplicationCanChangeTheOrder) {
  Order order({"u=1", "u=1"});
  auto& conn = order.server().conn;
  ASSERT_TRUE(conn.change_priority(StreamId{3}, {0, false}));
  order.answer(1, 2).answer(3, 2);
  EXPECT_EQ(order.sent(), "3311");
}

TEST(Scheduler, ABodyWaitingForItsWindowLetsOthersPass) {
  Config config = Config::server();
  Order order({"u=0", "u=7"}, config);
  // Stream 1 has used its window up after two frames.
  order.server().feed(FrameScript().settings({{SettingCode::kInitialWindowSize, 2'000}}));
  order.answer(1, 3).answer(3, 2);
  EXPECT_EQ(order.sent(), "1133");
  order.server().feed(FrameScript().window_update(1, 5'000));
  EXPECT_EQ(order.sent(), "1");
}

TEST(Scheduler, AnUpdateReordersWhatIsWaiting) {
  Order order({"u=1", "u=2"});
  order.answer(1, 2).answer(3, 2);
  std::string payload("\0\0\0\3u=0", 7);
  order.server().feed(FrameScript().frame(FrameType::kPriorityUpdate, 0, 0, payload));
  EXPECT_TRUE(order.server().has("PriorityUpdated stream=3 urgency=0"));
  EXPECT_EQ(order.sent(), "3311");
}

TEST(Scheduler, EverySequenceOfChangesLeavesTheListsWhole) {
  // Streams join, leave, are reset and change places; in the end all bytes that may go out have
  // gone.
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    std::uint64_t state = seed * 0x9e3779b97f4a7c15U;
    const auto below = [&state](std::uint64_t n) {
      state ^= state << 13;
      state ^= state >> 7;
      state ^= state << 17;
      return state % n;
    };
    Config config = Config::server();
    config.max_data_frame_size = 500;
    config.max_output_batch = 1'500;
    Driven server(Role::kServer, config);
    start(server);
    server.feed(FrameScript().window_update(0, 10'000'000));
    std::vector<std::size_t> sizes(10);
    std::vector<bool> reset(10);
    for (std::uint32_t i = 0; i < 10; ++i) {
      server.feed(FrameScript().headers(2 * i + 1, get(), kEnd));
      ASSERT_EQ(server.send(2 * i + 1, response_fields(200)), Errc::kNone);
      sizes[i] = below(5'000) + 1;
      ASSERT_TRUE(server.conn.send_data_copy(StreamId{2 * i + 1},
                                             bytes_of(std::string(sizes[i], 'x')), kNo));
    }
    for (int step = 0; step < 60; ++step) {
      const auto i = static_cast<std::uint32_t>(below(10));
      const StreamId id{2 * i + 1};
      const Priority priority{static_cast<std::uint8_t>(below(8)), below(2) == 0};
      switch (below(4)) {
        case 0:
          if (!reset[i] && below(4) == 0) {
            ASSERT_TRUE(server.conn.reset_stream(id));
            reset[i] = true;
          }
          break;
        case 1:
          (void)server.conn.data_to_send();
          break;
        default:
          if (!reset[i]) {
            ASSERT_TRUE(server.conn.change_priority(id, priority));
            EXPECT_EQ(server.conn.priority(id), priority);
          }
      }
    }
    server.drain();
    const WireOutput output = server.frames();
    for (std::uint32_t i = 0; i < 10; ++i) {
      if (!reset[i]) {
        EXPECT_EQ(output.body(2 * i + 1).size(), sizes[i]) << "seed " << seed;
      }
    }
  }
}

// ---- PRIORITY_UPDATE
// ------------------------------------------------------------------------------

FrameScript update(std::uint32_t stream, std::string_view value) {
  std::string payload{static_cast<char>(stream >> 24), static_cast<char>(stream >> 16),
                      static_cast<char>(stream >> 8), static_cast<char>(stream)};
  return FrameScript().frame(FrameType::kPriorityUpdate, 0, 0, payload.append(value));
}

TEST(PriorityUpdate, BeforeTheRequestCountsWhenItComes) {
  Driven server(Role::kServer, Config::server());
  start(server);
  server.feed(update(5, "u=1")).feed(update(5, "u=2, i")).feed(update(3, "u=6"));
  EXPECT_TRUE(server.has("PriorityUpdated stream=5 urgency=2 incremental")) << server.text();
  // It overrides the request's field (RFC 9218 §7).
  server.feed(FrameScript().headers(5, get("/", {{"priority", "u=7"}}), kEnd));
  EXPECT_EQ(server.conn.priority(StreamId{5}), (Priority{2, true}));
  // Stream 3 cannot come any more, and what was said of it is forgotten.
  server.feed(FrameScript().headers(7, get(), kEnd));
  EXPECT_EQ(server.conn.priority(StreamId{7}), (Priority{3, true}));
}

TEST(PriorityUpdate, IsIgnoredWhereItCannotBeReadOrComesTooLate) {
  Driven server(Role::kServer, Config::server());
  start(server);
  server.feed(FrameScript().headers(1, get("/", {{"priority", "u=1"}}), kEnd));
  server.feed(update(1, "u=9,,"));
  EXPECT_EQ(server.conn.priority(StreamId{1}), (Priority{1, false}));
  ASSERT_EQ(server.send(1, response_fields(200), kYes), Errc::kNone);
  server.feed(update(1, "u=5"));
  EXPECT_EQ(server.count("PriorityUpdated"), 0U) << server.text();
  EXPECT_FALSE(server.conn.error());
}

TEST(PriorityUpdate, DoesNotChangeWhatTheApplicationHasFixed) {
  Driven server(Role::kServer, Config::server());
  start(server);
  server.feed(FrameScript().headers(1, get(), kEnd));
  ASSERT_TRUE(server.conn.change_priority(StreamId{1}, {6, false}, PeerSignals::kIgnore));
  server.feed(update(1, "u=0"));
  EXPECT_EQ(server.conn.priority(StreamId{1}), (Priority{6, false}));
  ASSERT_TRUE(server.conn.change_priority(StreamId{1}, {6, false}));
  server.feed(update(1, "u=0"));
  EXPECT_EQ(server.conn.priority(StreamId{1}), (Priority{0, false}));
}

TEST(PriorityUpdate, ThatBreaksTheRulesEndsTheConnection) {
  const auto fails = [](Role role, const FrameScript& script, ErrorCode code, Errc cause) {
    Driven end(role, role == Role::kServer ? Config::server() : Config::client());
    start(end);
    end.feed(script);
    ASSERT_TRUE(end.conn.error());
    EXPECT_EQ(end.conn.error()->code, code);
    EXPECT_EQ(end.conn.error()->cause, cause);
  };
  constexpr auto kProtocol = ErrorCode::kProtocolError;
  constexpr auto kInvalid = Errc::kPriorityUpdateInvalid;
  fails(Role::kClient, update(1, "u=1"), kProtocol, kInvalid);
  fails(Role::kServer, update(0, "u=1"), kProtocol, kInvalid);
  fails(Role::kServer, update(2, "u=1"), kProtocol, kInvalid);  // a push that was not promised
  fails(Role::kServer, FrameScript().frame(FrameType::kPriorityUpdate, 0, 3, "\0\0\0\1u=1"),
        kProtocol, Errc::kFrameNotOnStreamZero);
  fails(Role::kServer, FrameScript().frame(FrameType::kPriorityUpdate, 0, 0, "abc"),
        ErrorCode::kFrameSizeError, Errc::kFrameSizeWrong);
  // As many streams as may be open can be spoken of, and no more.
  FrameScript many;
  for (std::uint32_t i = 0; i <= 100; ++i) many.raw(update(2 * i + 1, "u=1").str());
  fails(Role::kServer, many, kProtocol, kInvalid);
}

TEST(PriorityUpdate, ForPushedStreamsIsUnderstood) {
  Driven server(Role::kServer, Config::server());
  start(server, {{SettingCode::kEnablePush, 1}});
  server.feed(FrameScript().headers(1, get(), kEnd));
  const Fields promised = get("/style.css");
  ASSERT_TRUE(server.conn.push_stream(StreamId{1}, views_of(promised)));
  server.feed(update(2, "u=0"));
  EXPECT_EQ(server.conn.priority(StreamId{2}), (Priority{0, false}));
}

TEST(PriorityUpdate, CostsTheAbuseBudget) {
  Config config = Config::server();
  config.abuse_budget_per_stream = 0;
  Driven server(Role::kServer, config);
  start(server);
  server.feed(FrameScript().headers(1, get(), kEnd));
  server.feed(FrameScript().repeat(2'100, update(1, "u=1")));
  ASSERT_TRUE(server.conn.error());
  EXPECT_EQ(server.conn.error()->cause, Errc::kAbuse);
  EXPECT_EQ(server.conn.abuse().costliest(), AbuseCause::kPriorityUpdate);
}

TEST(PriorityUpdate, IsSentByClients) {
  Driven client(Role::kClient, Config::client());
  start(client, {{SettingCode::kNoRfc7540Priorities, 1}});
  ASSERT_EQ(client.send(1, get(), kYes), Errc::kNone);
  client.drain().forget();
  ASSERT_TRUE(client.conn.send_priority_update(StreamId{1}, {1, true}));
  const WireOutput output = client.drain().frames();
  ASSERT_EQ(output.frames.size(), 1U);
  EXPECT_TRUE(output.frames[0].is(FrameType::kPriorityUpdate));
  EXPECT_EQ(output.frames[0].stream, 0U);
  EXPECT_EQ(output.frames[0].payload, std::string("\0\0\0\1u=1, i", 10));
  EXPECT_EQ(client.conn.priority(StreamId{1}), (Priority{1, true}));
}

TEST(PriorityUpdate, OfAQueuedRequestFollowsItsHeaders) {
  Driven client(Role::kClient, Config::client());
  start(client, {{SettingCode::kNoRfc7540Priorities, 1}, {SettingCode::kMaxConcurrentStreams, 1}});
  ASSERT_EQ(client.send(1, get(), kYes), Errc::kNone);
  ASSERT_EQ(client.send(3, get(), kYes), Errc::kNone);
  ASSERT_TRUE(client.conn.send_priority_update(StreamId{3}, {0, false}));
  client.drain();
  EXPECT_EQ(client.frames().count(FrameType::kPriorityUpdate), 0U);
  client.forget().feed(FrameScript().headers(1, response_fields(200), kEnd)).drain();
  const WireOutput output = client.frames();
  ASSERT_EQ(output.frames.size(), 2U) << to_string(output);
  EXPECT_TRUE(output.frames[0].is(FrameType::kHeaders));
  EXPECT_TRUE(output.frames[1].is(FrameType::kPriorityUpdate));
}

TEST(PriorityUpdate, WrongUseIsRefused) {
  Driven client(Role::kClient, Config::client());
  start(client);
  ASSERT_EQ(client.send(1, get(), kYes), Errc::kNone);
  const auto cause = [](const Result<void, UsageError>& result) {
    return result ? Errc::kNone : result.error().cause;
  };
  // Its SETTINGS do not say that the server follows it.
  EXPECT_EQ(cause(client.conn.send_priority_update(StreamId{1}, {})), Errc::kPriorityNotOffered);
  Driven other(Role::kClient, Config::client());
  start(other, {{SettingCode::kNoRfc7540Priorities, 1}});
  EXPECT_EQ(cause(other.conn.send_priority_update(StreamId{1}, {8, false})),
            Errc::kValueOutOfRange);
  EXPECT_EQ(cause(other.conn.send_priority_update(StreamId{1}, {})), Errc::kStreamUnknown);
  EXPECT_EQ(cause(other.conn.send_priority_update(StreamId{0}, {})), Errc::kStreamUnknown);
  EXPECT_EQ(cause(other.conn.change_priority(StreamId{1}, {})), Errc::kStreamUnknown);
  EXPECT_EQ(cause(other.conn.change_priority(StreamId{1}, {9, true})), Errc::kValueOutOfRange);
  Driven server(Role::kServer, Config::server());
  start(server);
  EXPECT_EQ(cause(server.conn.send_priority_update(StreamId{1}, {})), Errc::kWrongRole);
}

// ---- the old scheme
// -------------------------------------------------------------------------------

TEST(OldPriorities, FramesCanBeSentAndAreNotFollowed) {
  Driven client(Role::kClient, Config::client());
  start(client);
  ASSERT_TRUE(client.conn.prioritize(StreamId{3}, {true, StreamId{1}, 200}));
  const WireOutput output = client.drain().frames();
  ASSERT_EQ(output.frames.size(), 1U);
  EXPECT_TRUE(output.frames[0].is(FrameType::kPriority));
  EXPECT_EQ(output.frames[0].stream, 3U);
  EXPECT_EQ(output.frames[0].payload, std::string("\x80\0\0\1\xc8", 5));
  EXPECT_FALSE(client.conn.prioritize(StreamId{3}, {false, StreamId{3}, 0}));
  EXPECT_FALSE(client.conn.prioritize(StreamId{0}, {false, StreamId{3}, 0}));
  Driven server(Role::kServer, Config::server());
  start(server);
  EXPECT_FALSE(server.conn.prioritize(StreamId{3}, {}));
  server.feed(FrameScript().headers(1, get(), kEnd).priority(1, 0, 255));
  EXPECT_EQ(server.conn.priority(StreamId{1}), (Priority{3, true}));
  EXPECT_FALSE(server.conn.error());
}

TEST(OldPriorities, AreDeclinedByServersInTheirFirstSettings) {
  Driven server(Role::kServer, Config::server());
  server.feed(FrameScript().client_start());
  const WireOutput output = server.drain().frames();
  ASSERT_FALSE(output.frames.empty());
  EXPECT_NE(output.frames[0].payload.find(std::string("\0\x9\0\0\0\1", 6)), std::string::npos);
  // Later ones may not change it (RFC 9218 §2.1).
  const Setting change[] = {{SettingCode::kNoRfc7540Priorities, 0}};
  EXPECT_FALSE(server.conn.update_settings(change, server.now));
  Driven client(Role::kClient, Config::client());
  start(client, {{SettingCode::kNoRfc7540Priorities, 1}});
  client.feed(FrameScript().settings({{SettingCode::kNoRfc7540Priorities, 0}}));
  ASSERT_TRUE(client.conn.error());
  EXPECT_EQ(client.conn.error()->cause, Errc::kSettingsValueInvalid);
}

}  // namespace
}  // namespace h2::tests
