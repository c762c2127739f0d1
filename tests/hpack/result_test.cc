// A value or an error.
#include "hpack/result.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace h2::tests {
namespace {

enum class Fault { kSmall, kLarge };

Result<int, Fault> half(int number) {
  if (number % 2 != 0) return unexpected(Fault::kSmall);
  return number / 2;
}

TEST(Result, HoldsAValue) {
  auto result = half(8);
  ASSERT_TRUE(result.has_value());
  EXPECT_TRUE(static_cast<bool>(result));
  EXPECT_EQ(*result, 4);
  EXPECT_EQ(result.value_or(-1), 4);
  *result = 5;
  EXPECT_EQ(result.value(), 5);
}

TEST(Result, HoldsAnError) {
  const auto result = half(7);
  EXPECT_FALSE(result.has_value());
  EXPECT_FALSE(static_cast<bool>(result));
  EXPECT_EQ(result.error(), Fault::kSmall);
  EXPECT_EQ(result.value_or(-1), -1);
}

TEST(Result, ValueOfAnErrorThrowsWhatItIs) {
  const auto result = half(7);
  try {
    (void)result.value();
    FAIL() << "nothing was thrown";
  } catch (const BadResultAccess<Fault>& thrown) {
    EXPECT_EQ(thrown.error(), Fault::kSmall);
    EXPECT_STRNE(thrown.what(), "");
  }
}

TEST(Result, ValueMayBeMoveOnlyAndIsMovedOut) {
  Result<std::unique_ptr<int>, Fault> result(std::make_unique<int>(3));
  EXPECT_EQ(**result, 3);
  const std::unique_ptr<int> taken = *std::move(result);
  EXPECT_EQ(*taken, 3);
}

TEST(Result, ArrowReachesTheValue) {
  const Result<std::string, Fault> result(std::string("text"));
  EXPECT_EQ(result->size(), 4U);
}

TEST(Result, ValueAndErrorMayBeOfOneType) {
  const Result<int, int> good(1);
  const Result<int, int> bad(unexpected(1));
  EXPECT_TRUE(good);
  EXPECT_FALSE(bad);
}

TEST(Result, OfVoidIsSuccessOrAnError) {
  const Result<void, Fault> good;
  EXPECT_TRUE(good);
  EXPECT_NO_THROW(good.value());
  const Result<void, Fault> bad(unexpected(Fault::kLarge));
  EXPECT_FALSE(bad);
  EXPECT_EQ(bad.error(), Fault::kLarge);
  EXPECT_THROW(bad.value(), BadResultAccess<Fault>);
}

}  // namespace
}  // namespace h2::tests
