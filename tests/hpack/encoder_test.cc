// Encoding: what is indexed, what never is, size updates, and that decoding gives back what went
// in.
#include "hpack/encoder.h"

#include <gtest/gtest.h>

#include "tests/hpack/hpack_testing.h"
#include "tests/support/counting_memory.h"

namespace h2::tests {
namespace {

using hpack::Encoder;
using hpack::HuffmanPolicy;

ByteString encode(Encoder& encoder, const OwnedFields& fields) {
  Vector<std::uint8_t> block(default_memory());
  EXPECT_TRUE(encoder.encode(views(fields), block));
  return {block.begin(), block.end()};
}

TEST(Encoder, SecondTimeIsAnIndex) {
  Encoder encoder({});
  const OwnedFields fields = {{"x-name", "some value"}, {"user-agent", "test"}};
  EXPECT_GT(encode(encoder, fields).size(), 10U);
  EXPECT_EQ(to_hex(encode(encoder, fields)), "bfbe");
}

TEST(Encoder, SecretsAreNeverIndexedWhoeverMarksThem) {
  const std::string long_cookie(20, 'c');
  const std::string short_cookie(19, 'c');
  SplitDecoder decoder;
  Encoder encoder({.huffman = HuffmanPolicy::kNever});
  const OwnedFields fields = {{"authorization", "x"},   {"proxy-authorization", "x"},
                              {"cookie", short_cookie}, {"x-key", "x", true},
                              {"cookie", long_cookie},  {":method", "GET", true}};
  for (int time = 0; time < 2; ++time) {
    const auto outcome = decoder.decode(encode(encoder, fields));
    ASSERT_EQ(outcome.fields.size(), 6U);
    EXPECT_TRUE(outcome.fields[0].sensitive);
    EXPECT_TRUE(outcome.fields[1].sensitive);
    EXPECT_TRUE(outcome.fields[2].sensitive);
    EXPECT_TRUE(outcome.fields[3].sensitive);
    EXPECT_FALSE(outcome.fields[4].sensitive);
    EXPECT_TRUE(outcome.fields[5].sensitive);
  }
  EXPECT_EQ(encoder.table().count(), 1U);  // the long cookie
}

TEST(Encoder, ValuesThatHardlyComeTwiceAreNotIndexed) {
  Encoder encoder({});
  encode(encoder, {{":path", "/a/b"},
                   {"content-length", "17"},
                   {"etag", "abc"},
                   {"location", "/x"},
                   {"set-cookie", "a=b"}});
  EXPECT_EQ(encoder.table().count(), 0U);
}

TEST(Encoder, HuffmanIsUsedWhereItIsShorter) {
  const auto size = [](HuffmanPolicy policy, const char* value) {
    Encoder encoder({.huffman = policy});
    return encode(encoder, {{"x-name", value}}).size();
  };
  EXPECT_LT(size(HuffmanPolicy::kShorter, "aaaaaaaaaa"), size(HuffmanPolicy::kNever, "aaaaaaaaaa"));
  EXPECT_GT(size(HuffmanPolicy::kAlways, "\\\\\\\\\\\\"),
            size(HuffmanPolicy::kShorter, "\\\\\\\\\\\\"));
}

TEST(Encoder, LimitLoweredAndRaisedBetweenBlocksSignalsBoth) {
  Encoder encoder({});
  encoder.set_peer_max_table_size(100);
  encoder.set_peer_max_table_size(3'000);
  EXPECT_EQ(to_hex(encode(encoder, {{":method", "GET"}})), "3f453f991782");
  EXPECT_EQ(to_hex(encode(encoder, {{":method", "GET"}})), "82");
}

TEST(Encoder, PeerLimitAboveOurCapChangesNothing) {
  Encoder encoder({});
  encoder.set_peer_max_table_size(0xffffffffU);
  EXPECT_EQ(to_hex(encode(encoder, {{":method", "GET"}})), "82");
  EXPECT_EQ(encoder.table().max_size(), 4'096U);
}

TEST(Encoder, SmallCapIsSignalledInTheFirstBlock) {
  Encoder encoder({.max_table_size = 0});
  EXPECT_EQ(to_hex(encode(encoder, {{":method", "GET"}})), "2082");
}

TEST(Encoder, RandomListsUnderRandomTableSizesComeBackAsTheyWere) {
  for (std::uint32_t seed = 0; seed < 60; ++seed) {
    std::mt19937 random(seed);
    Encoder encoder({.max_table_size = 16'384, .hash_seed = seed});
    SplitDecoder decoder({.max_table_size = 16'384, .max_list_size = 1 << 20});
    for (int block = 0; block < 40; ++block) {
      if (random() % 4 == 0) {
        // What SETTINGS and its acknowledgement do: both ends change between two blocks.
        const auto size =
            static_cast<std::uint32_t>(random() % 2 == 0 ? random() % 300 : random() % 16'384);
        decoder.set_max_table_size(size);
        encoder.set_peer_max_table_size(size);
      }
      OwnedFields fields;
      const std::size_t count = random() % 30;
      for (std::size_t i = 0; i < count; ++i) {
        static const char* const kNames[] = {":path", "cookie", "x-a",
                                             "x-b",   "accept", "server",
                                             "etag",  "x-long", "content-length"};
        std::string value(random() % (random() % 20 == 0 ? 2'000 : 30), '\0');
        for (char& c : value)
          c = static_cast<char>(random() % 5 == 0 ? random() % 256 : 'a' + random() % 4);
        fields.push_back({kNames[random() % 9], value, random() % 10 == 0});
      }
      const auto outcome = decoder.decode(encode(encoder, fields));
      ASSERT_EQ(outcome.error, std::nullopt) << "seed " << seed << " block " << block;
      ASSERT_EQ(outcome.fields.size(), fields.size());
      for (std::size_t i = 0; i < fields.size(); ++i) {
        ASSERT_EQ(outcome.fields[i].name, fields[i].name) << "seed " << seed;
        ASSERT_EQ(outcome.fields[i].value, fields[i].value) << "seed " << seed;
        if (fields[i].sensitive) {
          ASSERT_TRUE(outcome.fields[i].sensitive) << "seed " << seed;
        }
      }
      ASSERT_EQ(encoder.table().size(), decoder.table().size()) << "seed " << seed;
      ASSERT_EQ(encoder.table().count(), decoder.table().count());
    }
  }
}

TEST(Encoder, SteadyStateAllocatesNothing) {
  CountingMemory memory;
  Encoder encoder({.memory = &memory});
  hpack::Decoder decoder({.memory = &memory});
  Vector<std::uint8_t> block(memory);
  hpack::FieldList list(memory);
  std::uint64_t after_warm_up = 0;
  for (int i = 0; i < 4'000; ++i) {
    if (i == 1'000) after_warm_up = memory.allocations;
    const std::string changing = "value " + std::to_string(i);
    const hpack::HeaderField fields[] = {
        {":method", "GET"}, {":path", changing}, {"x-changing", changing}, {"x-same", "same"}};
    block.clear();
    list.clear();
    ASSERT_TRUE(encoder.encode(fields, block));
    ASSERT_TRUE(decoder.decode({block.data(), block.size()}, hpack::EndOfBlock::kYes, list));
    ASSERT_EQ(list.size(), 4U);
  }
  EXPECT_EQ(memory.allocations, after_warm_up);
  EXPECT_EQ(memory.mismatches, 0U);
}

TEST(Encoder, RefusedMemoryIsToldAtEveryAllocation) {
  for (std::uint64_t n = 1; n < 100; ++n) {
    CountingMemory memory;
    memory.fail_at = n;
    Encoder encoder({.memory = &memory});
    Vector<std::uint8_t> block(memory);
    const OwnedFields fields = {{"x-name", "some value"}, {"x-other", "some other value"}};
    if (encoder.encode(views(fields), block)) {
      EXPECT_GT(n, 3U);
      return;
    }
    EXPECT_EQ(memory.failures, 1U);
  }
  FAIL() << "never succeeded";
}

}  // namespace
}  // namespace h2::tests
