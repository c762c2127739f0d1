// The tables and bars of `h2 demo`.
#include "tools/h2/demo_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

namespace h2::tools {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

DemoRow row(std::uint32_t id, std::int64_t begin, std::int64_t head, std::int64_t end) {
  DemoRow r;
  r.stream_id = id;
  r.method = "GET";
  r.path = "/bytes/1000000000000000000";
  r.status = 200;
  r.body = 123'456'789;
  r.begin = Time{} + milliseconds(begin);
  r.head = Time{} + milliseconds(head);
  r.end = Time{} + milliseconds(end);
  return r;
}

TEST(DemoReport, NumbersAreShort) {
  EXPECT_EQ(group_digits(0), "0");
  EXPECT_EQ(group_digits(999), "999");
  EXPECT_EQ(group_digits(1000), "1,000");
  EXPECT_EQ(group_digits(1'234'567), "1,234,567");
  EXPECT_EQ(short_bytes(999), "999 B");
  EXPECT_EQ(short_bytes(1'500), "1.5 kB");
  EXPECT_EQ(short_bytes(999'999), "1.0 MB");
  EXPECT_EQ(short_bytes(23'400'000), "23 MB");
  EXPECT_EQ(short_span(microseconds(850)), "850 us");
  EXPECT_EQ(short_span(microseconds(12'340)), "12.3 ms");
  EXPECT_EQ(short_span(milliseconds(1'500)), "1.50 s");
}

TEST(DemoReport, BarsStandWhereTheTimeWas) {
  const std::string text =
      draw_waterfall({row(1, 0, 26, 52), row(3, 26, 52, 104)}, 40, Colour::kNo);
  const auto all = lines(text);
  ASSERT_EQ(all.size(), 3U);
  EXPECT_THAT(all[1], HasSubstr("|-------------==============                         |"));
  EXPECT_THAT(all[2], HasSubstr("|             -------------==========================|"));
}

TEST(DemoReport, LinesFitAHundredColumns) {
  std::vector<DemoRow> rows;
  for (std::uint32_t i = 0; i < 300; ++i)
    rows.push_back(row(1'000'001 + 2 * i, i, i + 5, i + 7 + i % 50));
  for (const std::string& line : lines(draw_waterfall(rows, 300, Colour::kNo)))
    EXPECT_LE(line.size(), 101U) << line;
  FrameTotals totals;
  const FrameHeader header{16'000'000, FrameType::kData, 0, StreamId{1}};
  for (int i = 0; i < 1000; ++i) totals.add(Direction::kSent, header, {});
  for (const std::string& line : lines(draw_frames(totals, Colour::kNo)))
    EXPECT_LE(line.size(), 100U) << line;
  std::vector<Setting> settings(8, Setting{SettingCode::kEnableConnectProtocol, 4'000'000'000U});
  const auto wrapped = lines(std::string(17, ' ') + draw_settings(settings, 17));
  EXPECT_GT(wrapped.size(), 1U);
  for (const std::string& line : wrapped) EXPECT_LE(line.size(), 100U) << line;
}

TEST(DemoReport, OfManyTheLongestAreShown) {
  std::vector<DemoRow> rows;
  for (std::uint32_t i = 0; i < 100; ++i) rows.push_back(row(2 * i + 1, 0, 1, i == 50 ? 1000 : 2));
  const auto all = lines(draw_waterfall(rows, 40, Colour::kNo));
  EXPECT_EQ(all.size(), 41U);
  EXPECT_THAT(all[0], HasSubstr("40 of 100"));
  EXPECT_EQ(
      std::count_if(all.begin(), all.end(),
                    [](const std::string& l) { return l.find("   101 GET") != std::string::npos; }),
      1);
}

TEST(DemoReport, ColoursOnlyWhenAllowed) {
  EXPECT_THAT(draw_waterfall({row(1, 0, 1, 2)}, 40, Colour::kNo), Not(HasSubstr("\033")));
  EXPECT_THAT(draw_waterfall({row(1, 0, 1, 2)}, 40, Colour::kYes), HasSubstr("\033[32m="));
}

TEST(DemoReport, FramesAndSettingsAreCounted) {
  FrameTotals totals;
  const std::uint8_t settings[] = {0, 4, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0};
  totals.add(Direction::kSent, {12, FrameType::kSettings, 0, StreamId{}}, settings);
  totals.add(Direction::kSent, {0, FrameType::kSettings, kFlagAck, StreamId{}}, {});
  totals.add(Direction::kReceived, {5, static_cast<FrameType>(0xfe), 0, StreamId{}}, {});
  EXPECT_EQ(totals.count(Direction::kSent, 4).frames, 2U);
  EXPECT_EQ(totals.count(Direction::kSent, 4).bytes, 30U);
  EXPECT_EQ(totals.count(Direction::kReceived, FrameTotals::kTypes - 1).bytes, 14U);
  EXPECT_EQ(draw_settings(totals.settings(Direction::kSent), 0),
            "INITIAL_WINDOW_SIZE 65,536; ENABLE_PUSH 0");
}

}  // namespace
}  // namespace h2::tools
