// Numbers, durations and sizes of command lines and paths.
#include "tools/h2/serve_numbers.h"

#include <gtest/gtest.h>

namespace h2::tools {
namespace {

TEST(ServeNumbers, NumberIsDigitsOnly) {
  EXPECT_EQ(parse_number("0"), 0U);
  EXPECT_EQ(parse_number("18446744073709551615"), ~std::uint64_t{0});
  EXPECT_EQ(parse_number("7", 7), 7U);
  for (const char* text : {"", "-1", "+1", " 1", "1 ", "1x", "0x1", "18446744073709551616"}) {
    EXPECT_EQ(parse_number(text), std::nullopt) << text;
  }
  EXPECT_EQ(parse_number("8", 7), std::nullopt);
}

TEST(ServeNumbers, DurationHasAUnitOrIsSeconds) {
  EXPECT_EQ(parse_span("500ms"), milliseconds(500));
  EXPECT_EQ(parse_span("2s"), seconds(2));
  EXPECT_EQ(parse_span("2"), seconds(2));
  EXPECT_EQ(parse_span("1.5s"), milliseconds(1500));
  EXPECT_EQ(parse_span("1m"), seconds(60));
  EXPECT_EQ(parse_span("0"), Duration{});
  for (const char* text : {"", "s", "-1s", "1h", "1.2.3s", ".5s", "2 s", "99999999999s"}) {
    EXPECT_EQ(parse_span(text), std::nullopt) << text;
  }
}

TEST(ServeNumbers, SizeUnitsArePowersOf1024) {
  EXPECT_EQ(parse_size("1000"), 1000U);
  EXPECT_EQ(parse_size("64K"), 65'536U);
  EXPECT_EQ(parse_size("1M"), 1U << 20U);
  EXPECT_EQ(parse_size("2g"), std::uint64_t{2} << 30U);
  for (const char* text : {"", "K", "1T", "1KB", "18446744073709551615K"}) {
    EXPECT_EQ(parse_size(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace h2::tools
