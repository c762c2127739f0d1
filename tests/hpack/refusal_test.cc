// Memory that is refused at any moment of a long exchange, and what is given back afterwards.
#include <gtest/gtest.h>

#include "hpack/decoder.h"
#include "hpack/encoder.h"
#include "tests/hpack/hpack_testing.h"
#include "tests/support/counting_memory.h"

namespace h2::tests {
namespace {

// Blocks that make every buffer grow: new names, values of all lengths, a table that fills and
// wraps.
OwnedFields fields_of(std::uint32_t seed) {
  std::mt19937 random(seed);
  OwnedFields fields = {{":method", "GET"}, {":path", "/" + std::to_string(seed)}, {"", ""}};
  for (std::size_t i = 0; i < 12; ++i) {
    std::string value(random() % (i == 0 ? 3'000 : 120), '\0');
    for (char& c : value) c = static_cast<char>('a' + random() % 26);
    fields.push_back({"x-" + std::to_string(random() % 40), value, random() % 8 == 0});
  }
  return fields;
}

// Whether all of an exchange went through; every other end of it must be a clean refusal.
bool exchange(CountingMemory& memory) {
  hpack::Encoder encoder({.memory = &memory});
  hpack::Decoder decoder({.memory = &memory});
  Vector<std::uint8_t> block(memory);
  hpack::FieldList list(memory);
  for (std::uint32_t seed = 0; seed < 25; ++seed) {
    const OwnedFields fields = fields_of(seed);
    block.clear();
    list.clear();
    if (!encoder.encode(views(fields), block)) return false;
    const Bytes bytes(block.data(), block.size());
    const std::size_t cut = seed * 37 % bytes.size();  // so that instructions are carried over
    for (const bool last : {false, true}) {
      const auto decoded =
          decoder.decode(last ? bytes.subspan(cut) : bytes.first(cut),
                         last ? hpack::EndOfBlock::kYes : hpack::EndOfBlock::kNo, list);
      if (!decoded) {
        EXPECT_EQ(decoded.error(), hpack::DecodeError::kOutOfMemory) << "seed " << seed;
        EXPECT_EQ(decoder.decode({}, hpack::EndOfBlock::kYes, list).error(),
                  hpack::DecodeError::kOutOfMemory);
        return false;
      }
    }
    EXPECT_EQ(owned(list), fields) << "seed " << seed;
  }
  return true;
}

TEST(RefusedMemory, EndsAnExchangeCleanlyAtEveryAllocation) {
  CountingMemory counting;
  ASSERT_TRUE(exchange(counting));
  EXPECT_EQ(counting.in_use, 0U);
  EXPECT_EQ(counting.mismatches, 0U);
  ASSERT_GT(counting.allocations, 20U);
  for (const bool for_good : {false, true}) {
    for (std::uint64_t n = 1; n <= counting.allocations; ++n) {
      CountingMemory memory;
      memory.fail_at = n;
      memory.fail_after = for_good;
      EXPECT_FALSE(exchange(memory)) << "allocation " << n;
      EXPECT_GT(memory.failures, 0U);
      EXPECT_EQ(memory.in_use, 0U) << "allocation " << n;
      EXPECT_EQ(memory.mismatches, 0U) << "allocation " << n;
    }
  }
}

TEST(RefusedMemory, NothingIsAskedForBeforeTheFirstBlock) {
  CountingMemory memory;
  const hpack::Encoder encoder({.memory = &memory});
  const hpack::Decoder decoder({.memory = &memory});
  EXPECT_EQ(memory.allocations, 0U);
}

TEST(FieldsView, FindsByNameAndByTokenWithinItsRun) {
  hpack::FieldList list(default_memory());
  ASSERT_TRUE(list.append({"host", "outside", false, hpack::Token::kHost}));
  ASSERT_TRUE(list.append({"accept", "first", false, hpack::Token::kAccept}));
  ASSERT_TRUE(list.append({"accept", "second", false, hpack::Token::kAccept}));
  const hpack::FieldsView view{&list, 1, 2};
  EXPECT_EQ(view.size(), 2U);
  EXPECT_FALSE(view.empty());
  EXPECT_EQ(view[1].value, "second");
  EXPECT_EQ(view.find("accept"), "first");
  EXPECT_EQ(view.find(hpack::Token::kAccept), "first");
  EXPECT_EQ(view.find("host"), std::nullopt);
  EXPECT_EQ(view.find(hpack::Token::kHost), std::nullopt);
  std::size_t seen = 0;
  for (const hpack::HeaderField field : view) seen += field.value.size();
  EXPECT_EQ(seen, 11U);
  EXPECT_EQ(list.counted_size(), 3U * 32 + 4 + 7 + 6 + 5 + 6 + 6);
}

}  // namespace
}  // namespace h2::tests
