// The owned list of header fields.
#include "transport/headers.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace h2::transport {
namespace {

std::string text(const Headers& headers) {
  std::string out;
  for (const hpack::HeaderField field : headers)
    out += std::string(field.name) + "=" + std::string(field.value) + ";";
  return out;
}

TEST(Headers, KeepsOrderAndRepetitionsAndLowersNames) {
  Headers headers{{"B", "1"}, {"a", "X"}};
  headers.add("b", "2");
  EXPECT_EQ(text(headers), "b=1;a=X;b=2;");
  EXPECT_EQ(headers.size(), 3u);
  EXPECT_EQ(headers.text_size(), 6u);
}

TEST(Headers, FindsWithoutRegardToCase) {
  const Headers headers{{"Content-Type", "text/plain"}, {"x-empty", ""}};
  EXPECT_EQ(headers.find("CONTENT-TYPE"), "text/plain");
  EXPECT_EQ(headers.get("content-type"), "text/plain");
  EXPECT_TRUE(headers.contains("X-Empty"));
  EXPECT_EQ(headers.find("x-empty"), "");
  EXPECT_FALSE(headers.find("content"));
  EXPECT_EQ(headers.get("none"), "");
}

TEST(Headers, SetReplacesAllAndRemoveRemovesAll) {
  Headers headers{{"a", "1"}, {"b", "2"}, {"A", "3"}};
  headers.set("a", "4");
  EXPECT_EQ(text(headers), "b=2;a=4;");
  headers.remove("B");
  EXPECT_EQ(text(headers), "a=4;");
  headers.remove("a");
  EXPECT_TRUE(headers.empty());
}

TEST(Headers, CopiesAreIndependent) {
  Headers one{{"a", "1"}};
  Headers two = one;
  two.add("b", "2", true);
  EXPECT_EQ(text(one), "a=1;");
  EXPECT_TRUE(two[1].sensitive);
  const Headers three = std::move(two);
  EXPECT_EQ(text(three), "a=1;b=2;");
}

}  // namespace
}  // namespace h2::transport
