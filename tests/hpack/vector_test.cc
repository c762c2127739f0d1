// The array whose growth may fail.
#include "hpack/vector.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/support/counting_memory.h"

namespace h2::tests {
namespace {

TEST(Vector, GrowsAndKeepsItsItems) {
  CountingMemory memory;
  {
    Vector<int> items(memory);
    for (int i = 0; i < 1'000; ++i) ASSERT_TRUE(items.push_back(i));
    ASSERT_EQ(items.size(), 1'000U);
    for (int i = 0; i < 1'000; ++i) ASSERT_EQ(items[static_cast<std::size_t>(i)], i);
    EXPECT_EQ(items.back(), 999);
    EXPECT_LT(memory.allocations, 12U);  // it doubles
  }
  EXPECT_EQ(memory.in_use, 0U);
  EXPECT_EQ(memory.mismatches, 0U);
}

TEST(Vector, ItemsThatOwnSomethingAreMovedAndDestroyed) {
  CountingMemory memory;
  const auto shared = std::make_shared<int>(7);
  {
    Vector<std::shared_ptr<int>> items(memory);
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(items.push_back(shared));
    EXPECT_EQ(shared.use_count(), 51);
    items.erase_front(20);
    EXPECT_EQ(items.size(), 30U);
    EXPECT_EQ(shared.use_count(), 31);
    items.pop_back();
    EXPECT_EQ(shared.use_count(), 30);
    ASSERT_TRUE(items.resize(10));
    EXPECT_EQ(shared.use_count(), 11);
    Vector<std::shared_ptr<int>> other(std::move(items));
    EXPECT_EQ(shared.use_count(), 11);
    other.clear();
    EXPECT_EQ(shared.use_count(), 1);
  }
  EXPECT_EQ(memory.in_use, 0U);
  EXPECT_EQ(memory.mismatches, 0U);
}

TEST(Vector, RefusedGrowthChangesNothing) {
  CountingMemory memory;
  Vector<std::string> items(memory);
  ASSERT_TRUE(items.reserve(2));
  ASSERT_TRUE(items.push_back("one"));
  ASSERT_TRUE(items.push_back("two"));
  memory.fail_at = memory.allocations + 1;
  memory.fail_after = true;
  EXPECT_FALSE(items.push_back("three"));
  EXPECT_FALSE(items.reserve(100));
  EXPECT_FALSE(items.resize(100));
  ASSERT_EQ(items.size(), 2U);
  EXPECT_EQ(items[0], "one");
  EXPECT_EQ(items[1], "two");
}

TEST(Vector, SizesThatCannotBeAreRefusedWithoutAsking) {
  CountingMemory memory;
  Vector<std::uint64_t> items(memory);
  EXPECT_FALSE(items.reserve(static_cast<std::size_t>(-1) / 8));
  EXPECT_EQ(memory.allocations, 0U);
}

TEST(Vector, ClearKeepsTheMemoryAndReleaseGivesItBack) {
  CountingMemory memory;
  Vector<char> text(memory);
  ASSERT_TRUE(text.append("hello", 5));
  const std::size_t capacity = text.capacity();
  text.clear();
  EXPECT_TRUE(text.empty());
  EXPECT_EQ(text.capacity(), capacity);
  EXPECT_GT(memory.in_use, 0U);
  text.release();
  EXPECT_EQ(memory.in_use, 0U);
  ASSERT_TRUE(text.append("again", 5));
  EXPECT_EQ(std::string(text.begin(), text.end()), "again");
}

TEST(Vector, AssignmentTakesOverAndFreesWhatWasThere) {
  CountingMemory memory;
  {
    Vector<int> a(memory);
    Vector<int> b(memory);
    ASSERT_TRUE(a.resize(10));
    ASSERT_TRUE(b.resize(20));
    b[19] = 5;
    a = std::move(b);
    EXPECT_EQ(a.size(), 20U);
    EXPECT_EQ(a[19], 5);
  }
  EXPECT_EQ(memory.in_use, 0U);
  EXPECT_EQ(memory.mismatches, 0U);
}

TEST(Vector, EraseFrontMovesTheRest) {
  Vector<int> items(default_memory());
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(items.push_back(i));
  items.erase_front(0);
  EXPECT_EQ(items.size(), 5U);
  items.erase_front(3);
  ASSERT_EQ(items.size(), 2U);
  EXPECT_EQ(items[0], 3);
  items.erase_front(2);
  EXPECT_TRUE(items.empty());
}

}  // namespace
}  // namespace h2::tests
