// Tests of transport/memory_stream.h and clock.h.
#include "transport/memory_stream.h"

#include <gtest/gtest.h>

#include <array>
#include <thread>

#include "tests/transport/transport_testing.h"

namespace h2::inline v0::transport {
namespace {

TEST(Clock, SystemClockDoesNotGoBackwards) {
  const Time first = system_clock().now();
  EXPECT_LE(first, system_clock().now());
  EXPECT_GT(first.ns, 0);
}

TEST(MemoryStream, BytesGoBothWays) {
  auto [a, b] = make_memory_pair();
  ASSERT_TRUE(write_all(*a, "to b"));
  ASSERT_TRUE(write_all(*b, "to a"));
  EXPECT_EQ(read_n(*b, 4).value(), "to b");
  EXPECT_EQ(read_n(*a, 4).value(), "to a");
}

TEST(MemoryStream, KnobsLimitWhatOneCallMoves) {
  auto [a, b] = make_memory_pair({.capacity = 10, .max_read = 2, .max_write = 3});
  std::array<std::uint8_t, 8> buffer{};
  const std::array<Bytes, 2> pieces{as_bytes("ab"), as_bytes("cdef")};
  EXPECT_EQ(a->try_write(pieces).value().bytes, 3U);
  EXPECT_EQ(b->try_read(buffer).value().bytes, 2U);
  a->set_max_write(100);
  EXPECT_EQ(a->try_write(pieces).value().bytes, 6U);
  EXPECT_EQ(b->readable_bytes(), 7U);
  EXPECT_EQ(a->try_write(pieces).value().bytes, 3U);
  EXPECT_TRUE(a->try_write(pieces).value().would_block());
  EXPECT_TRUE(a->wait(false, true, Time{0}).value().timed_out);
}

TEST(MemoryStream, CloseIsTheEndAfterTheBytes) {
  auto [a, b] = make_memory_pair();
  ASSERT_TRUE(write_all(*a, "last"));
  a->close();
  EXPECT_EQ(read_all(*b).value(), "last");
  EXPECT_EQ(write_all(*b, "x").error().code, TransportErrc::kReset);
}

TEST(MemoryStream, CutDropsWhatFollows) {
  auto [a, b] = make_memory_pair();
  a->cut_after(3, MemoryStream::Cut::kEnd);
  ASSERT_TRUE(write_all(*a, "abcdef"));
  ASSERT_TRUE(write_all(*a, "ghi"));
  EXPECT_EQ(read_all(*b).value(), "abc");
}

TEST(MemoryStream, CutByResetIsAnErrorAfterTheBytes) {
  auto [a, b] = make_memory_pair();
  a->cut_after(3, MemoryStream::Cut::kReset);
  ASSERT_TRUE(write_all(*a, "abcdef"));
  EXPECT_EQ(read_n(*b, 3).value(), "abc");
  EXPECT_EQ(read_n(*b, 1).error().code, TransportErrc::kReset);
}

TEST(MemoryStream, ResetFailsBothEnds) {
  auto [a, b] = make_memory_pair();
  a->reset();
  EXPECT_EQ(read_n(*a, 1).error().code, TransportErrc::kReset);
  EXPECT_EQ(write_all(*b, "x").error().code, TransportErrc::kReset);
}

TEST(MemoryStream, WaitIsEndedByBytesAndByWake) {
  auto [a, b] = make_memory_pair();
  MemoryStream& first = *a;
  MemoryStream& second = *b;
  std::thread other([&] {
    (void)write_all(first, "x");
    EXPECT_TRUE(first.wait(true, false, soon()).value().woken);
  });
  EXPECT_TRUE(second.wait(true, false, soon()).value().readable);
  first.wake();
  other.join();
}

TEST(MemoryStream, ManualClockEndsWaitsWhenItReachesTheDeadline) {
  ManualClock clock(Time{100});
  auto [a, b] = make_memory_pair({.clock = &clock});
  MemoryStream& stream = *a;
  std::thread other([&] {
    clock.advance(Duration{5});
    clock.advance(Duration{5});
  });
  EXPECT_TRUE(stream.wait(true, false, Time{110}).value().timed_out);
  EXPECT_EQ(clock.now(), Time{110});
  other.join();
}

}  // namespace
}  // namespace h2::inline v0::transport
