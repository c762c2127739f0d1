// Bodies that are made as they are read.
#include "tools/h2/serve_bodies.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

namespace h2::tools {
namespace {

std::string read_all(BodySource& body, std::size_t piece) {
  std::string all;
  for (;;) {
    std::vector<std::uint8_t> buffer(piece);
    const BodySource::Read read = body.read(buffer);
    all.append(reinterpret_cast<const char*>(buffer.data()), read.length);
    if (read.state == BodySource::State::kEnd) return all;
    if (read.state == BodySource::State::kError) return all + " ERROR";
    if (read.length == 0) return all + " NOTHING";
  }
}

std::string pattern(std::uint64_t offset, std::size_t size) {
  std::string text(size, '\0');
  fill_pattern(offset, {reinterpret_cast<std::uint8_t*>(text.data()), size});
  return text;
}

TEST(ServeBodies, PatternLinesBeginWithTheirOffset) {
  const std::string lines = pattern(0, 128);
  EXPECT_EQ(lines.substr(0, 16), "000000000000000 ");
  EXPECT_EQ(lines[63], '\n');
  EXPECT_EQ(lines.substr(64, 16), "000000000000064 ");
  EXPECT_EQ(pattern(std::uint64_t{64} * 1'000'000'000'000, 15), "064000000000000");
}

TEST(ServeBodies, PatternIsTheSameFromAnyOffset) {
  const std::string whole = pattern(0, 1000);
  for (std::size_t at = 0; at < 200; ++at) EXPECT_EQ(pattern(at, 300), whole.substr(at, 300)) << at;
}

TEST(ServeBodies, PatternBodyIsTheSameInAnyPieces) {
  for (const std::size_t piece : {1U, 7U, 64U, 100U, 5000U}) {
    PatternBody body(4097);
    EXPECT_EQ(read_all(body, piece), pattern(0, 4097)) << piece;
  }
}

TEST(ServeBodies, DripGivesWhatWasAllowed) {
  DripBody body(3);
  std::uint8_t buffer[10];
  EXPECT_EQ(body.read(buffer).length, 0U);
  EXPECT_TRUE(body.allow_one());
  EXPECT_EQ(body.read(buffer).length, 1U);
  EXPECT_EQ(body.read(buffer).length, 0U);
  EXPECT_TRUE(body.allow_one());
  EXPECT_FALSE(body.allow_one());
  const BodySource::Read last = body.read(buffer);
  EXPECT_EQ(last.length, 2U);
  EXPECT_EQ(last.state, BodySource::State::kEnd);
}

TEST(ServeBodies, FileThatBecameShorterIsAnError) {
  std::FILE* file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  std::fputs("0123456789", file);
  std::fflush(file);
  FileBody whole(::dup(fileno(file)), 2, 5);
  EXPECT_EQ(read_all(whole, 3), "23456");
  FileBody longer(::dup(fileno(file)), 2, 50);
  EXPECT_EQ(read_all(longer, 100), "23456789 ERROR");
  std::fclose(file);
}

}  // namespace
}  // namespace h2::tools
