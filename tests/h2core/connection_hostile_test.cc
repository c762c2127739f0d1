// Each hostile case has exactly the answer that its row says, however the bytes are split.
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>

#include "tests/h2core/hostile_cases.h"

namespace h2::tests {
namespace {

// What a case came to.
std::string run(const HostileCase& hostile, const Split* split, std::string* out) {
  const auto driven = prepare(hostile);
  if (split == nullptr) {
    driven->feed(hostile.script);
  } else {
    driven->feed(hostile.script.bytes(), *split);
  }
  driven->drain();
  *out = driven->out;
  return driven->text();
}

TEST(HostileCases, HaveNamesOfTheirOwn) {
  std::set<std::string> names;
  for (const HostileCase& hostile : hostile_cases()) {
    EXPECT_TRUE(names.insert(hostile.name).second) << hostile.name;
  }
}

void check(const HostileCase& hostile) {
  const auto driven = prepare(hostile);
  ASSERT_FALSE(driven->conn.error().has_value()) << "the preparation failed";
  driven->feed(hostile.script).drain();
  const WireOutput frames = driven->frames();
  const std::string what = driven->text() + to_string(frames);
  const Expected& expected = hostile.expected;
  if (expected.scope == Scope::kConnection) {
    EXPECT_EQ(driven->count("ConnectionFailed"), 1U) << what;
    ASSERT_TRUE(driven->conn.error().has_value()) << what;
    EXPECT_EQ(h2::to_string(driven->conn.error()->code), h2::to_string(expected.code)) << what;
    if (expected.cause != Errc::kNone) {
      EXPECT_EQ(h2::to_string(driven->conn.error()->cause), h2::to_string(expected.cause)) << what;
    }
    EXPECT_TRUE(driven->conn.done()) << what;
    EXPECT_FALSE(driven->conn.want_read()) << what;
    const WireFrame* goaway = frames.find(FrameType::kGoAway);
    if (goaway != nullptr) {
      EXPECT_EQ(goaway->u32(4), static_cast<std::uint32_t>(expected.code)) << what;
      EXPECT_EQ(goaway, &frames.frames.back()) << what;
    } else {
      EXPECT_TRUE(expected.cause == Errc::kBadPreface || expected.cause == Errc::kNotHttp2) << what;
    }
    return;
  }
  EXPECT_FALSE(driven->conn.error().has_value()) << what;
  EXPECT_EQ(frames.count(FrameType::kGoAway), 0U) << what;
  EXPECT_TRUE(driven->unread.empty()) << what;
  if (expected.scope == Scope::kStream) {
    EXPECT_EQ(frames.count(FrameType::kRstStream), 1U) << what;
    const WireFrame* rst = frames.find(FrameType::kRstStream, expected.stream);
    // A server may answer an oversized field section with 431 before it resets the stream.
    ASSERT_NE(rst, nullptr) << what;
    if (expected.code != ErrorCode::kNoError) {
      EXPECT_EQ(h2::to_string(static_cast<ErrorCode>(rst->u32(0))), h2::to_string(expected.code))
          << what;
    }
    for (const std::string& line : driven->log) {
      if (line.rfind("StreamReset", 0) != 0) continue;
      EXPECT_NE(line.find(" stream=" + std::to_string(expected.stream) + " by=local-error"),
                std::string::npos)
          << what;
      if (expected.cause != Errc::kNone) {
        EXPECT_NE(line.find(" cause=" + std::string(h2::to_string(expected.cause)) + " "),
                  std::string::npos)
            << what;
      }
    }
  } else {
    EXPECT_EQ(frames.count(FrameType::kRstStream), 0U) << what;
    for (const std::string& line : driven->log) {
      if (line.rfind("StreamReset", 0) == 0) {
        EXPECT_EQ(line.find("local-error"), std::string::npos) << what;
      }
    }
  }
  // The connection lives: it answers.
  driven->now = driven->now + seconds(100);
  driven->forget();
  if (hostile.from_first_byte) driven->feed(FrameScript().settings_ack());
  driven->feed(FrameScript().ping("still ok")).drain();
  const WireOutput answers = driven->frames();
  const WireFrame* ack = answers.find(FrameType::kPing);
  ASSERT_NE(ack, nullptr) << what;
  EXPECT_EQ(ack->payload, "still ok") << what;
  EXPECT_EQ(ack->flags, kFlagAck) << what;
}

TEST(HostileCases, HaveTheExactScopeCodeAndCause) {
  for (const HostileCase& hostile : hostile_cases()) {
    SCOPED_TRACE(hostile.name);
    check(hostile);
  }
}

TEST(HostileCases, GiveTheSameEventsAndOutputUnderAllSplits) {
  for (const HostileCase& hostile : hostile_cases()) {
    SCOPED_TRACE(hostile.name);
    std::string out;
    const std::string events = run(hostile, nullptr, &out);
    const std::size_t length = hostile.script.str().size();
    for (const Split& split : all_splits(length, length > 5'000 ? 3 : 8, 160)) {
      std::string split_out;
      const std::string split_events = run(hostile, &split, &split_out);
      ASSERT_EQ(split_events, events) << split.name;
      ASSERT_EQ(to_string(read_frames(split_out)), to_string(read_frames(out))) << split.name;
      ASSERT_EQ(split_out, out) << split.name;
    }
  }
}

TEST(HostileCases, LeaveAnInertConnectionBehind) {
  const FrameScript more = FrameScript()
                               .headers(901, get(), kEnd)
                               .ping()
                               .settings({})
                               .window_update(0, 5)
                               .data(901, "x")
                               .rst(1)
                               .goaway(0);
  for (const HostileCase& hostile : hostile_cases()) {
    if (hostile.expected.scope != Scope::kConnection) continue;
    SCOPED_TRACE(hostile.name);
    const auto driven = prepare(hostile);
    driven->feed(hostile.script).drain();
    driven->forget();
    driven->unread.clear();
    const Received received = driven->conn.receive_data(more.bytes(), driven->now);
    EXPECT_EQ(received.consumed, more.bytes().size());
    EXPECT_TRUE(received.events.empty());
    driven->drain();
    EXPECT_EQ(driven->out, "");
    EXPECT_TRUE(driven->conn.receive_end(driven->now).empty());
    EXPECT_TRUE(driven->conn.done());
    EXPECT_TRUE(driven->conn.next_deadline().is_never());
    EXPECT_NE(driven->send(903, get(), EndStream::kYes), Errc::kNone);
  }
}

}  // namespace
}  // namespace h2::tests
