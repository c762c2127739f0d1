// How a client's connection ends towards the peer: GOAWAY, then the end of the bytes (RFC 9113
// §5.4.1, §6.8, §9.1).
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "tests/support/frame_script.h"
#include "tests/transport/transport_testing.h"
#include "transport/clock.h"
#include "transport/driver.h"
#include "transport/memory_stream.h"

namespace h2::inline v0::transport {
namespace {

using tests::FrameScript;

struct Ends {
  std::unique_ptr<Driver> driver;
  std::unique_ptr<ByteStream> peer;
};

// A driver whose peer has said what starts a connection, and `more`.
Ends connected(const FrameScript& more = {}) {
  auto [ours, theirs] = make_memory_pair();
  Ends ends{std::make_unique<Driver>(std::move(ours), Driver::client_config(), system_clock()),
            std::move(theirs)};
  EXPECT_TRUE(
      write_all(*ends.peer, FrameScript().server_start().settings_ack().str() + more.str()));
  ends.driver->pump_nonblocking();
  return ends;
}

TEST(DriverEnd, AnIdleConnectionSaysGoAwayAndCloses) {
  Ends ends = connected();
  EXPECT_TRUE(ends.driver->alive());
  ends.driver.reset();
  const auto all = read_all(*ends.peer);  // up to the end
  ASSERT_TRUE(all);
  const tests::WireOutput out = tests::read_frames(*all);
  ASSERT_FALSE(out.frames.empty());
  EXPECT_TRUE(out.frames.back().is(FrameType::kGoAway)) << to_string(out);
  EXPECT_EQ(out.frames.back().u32(4), static_cast<std::uint32_t>(ErrorCode::kNoError));
}

TEST(DriverEnd, ABrokenRuleIsToldAndTheByteStreamIsClosed) {
  Ends ends = connected(FrameScript().window_update(0, 0));
  EXPECT_FALSE(ends.driver->alive());
  const auto all = read_all(*ends.peer);  // up to the end, with the driver still there
  ASSERT_TRUE(all);
  const tests::WireOutput out = tests::read_frames(*all);
  ASSERT_FALSE(out.frames.empty());
  EXPECT_TRUE(out.frames.back().is(FrameType::kGoAway)) << to_string(out);
  EXPECT_EQ(out.frames.back().u32(4), static_cast<std::uint32_t>(ErrorCode::kProtocolError));
}

}  // namespace
}  // namespace h2::inline v0::transport
