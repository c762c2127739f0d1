// Decoding header blocks: what is taken, what is refused and by which name, and the bounds.
#include "hpack/decoder.h"

#include <gtest/gtest.h>

#include "tests/hpack/hpack_testing.h"
#include "tests/support/counting_memory.h"

namespace h2::tests {
namespace {

using hpack::DecodeError;
using hpack::Decoder;

std::optional<DecodeError> error_of(std::string_view hex) {
  return SplitDecoder().decode(hex).error;
}

TEST(Decoder, EmptyBlockIsAnEmptyList) {
  const auto outcome = SplitDecoder().decode("");
  EXPECT_EQ(outcome.error, std::nullopt);
  EXPECT_TRUE(outcome.fields.empty());
}

TEST(Decoder, IndexZeroIsAnError) { EXPECT_EQ(error_of("80"), DecodeError::kIndexZero); }

TEST(Decoder, IndexBeyondBothTablesIsAnError) {
  EXPECT_EQ(error_of("be"), DecodeError::kIndexOutOfRange);  // 62, and the dynamic table is empty
  EXPECT_EQ(error_of("7e0161"), DecodeError::kIndexOutOfRange);  // the same as a literal's name
  EXPECT_EQ(error_of("ffffffff07"), DecodeError::kIndexOutOfRange);
}

TEST(Decoder, IntegerAboveThirtyTwoBitsIsAnError) {
  EXPECT_EQ(error_of("ffffffffff7f"), DecodeError::kIntegerOverflow);
}

TEST(Decoder, IntegerOfSixContinuationOctetsIsAnError) {
  EXPECT_EQ(error_of("ff808080808000"), DecodeError::kIntegerTooLong);
}

TEST(Decoder, BlockThatEndsInsideAnInstructionIsAnError) {
  EXPECT_EQ(error_of("ff"), DecodeError::kTruncatedBlock);        // an integer
  EXPECT_EQ(error_of("40"), DecodeError::kTruncatedBlock);        // no name
  EXPECT_EQ(error_of("4003"), DecodeError::kTruncatedBlock);      // no octet of the name
  EXPECT_EQ(error_of("400161"), DecodeError::kTruncatedBlock);    // no value
  EXPECT_EQ(error_of("40016102"), DecodeError::kTruncatedBlock);  // no octet of the value
  EXPECT_EQ(error_of("4001610261"), DecodeError::kTruncatedBlock);
}

TEST(Decoder, HuffmanFaultsHaveTheirOwnErrors) {
  EXPECT_EQ(error_of("0084ffffffff00"), DecodeError::kHuffmanEos);
  EXPECT_EQ(error_of("00821fff00"), DecodeError::kHuffmanPaddingTooLong);  // 'a' and eleven ones
  EXPECT_EQ(error_of("00811800"), DecodeError::kHuffmanPaddingNotOnes);    // 'a' and three zeros
}

TEST(Decoder, StringAboveTheLimitIsAnErrorBeforeItsBytesAreThere) {
  Decoder decoder({.max_string = 10});
  hpack::FieldList list(default_memory());
  const ByteString start = from_hex(
      "400161"
      "0b");
  const auto decoded = decoder.decode(start, hpack::EndOfBlock::kNo, list);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error(), DecodeError::kStringTooLong);
}

TEST(Decoder, SizeUpdateAboveOurLimitIsAnError) {
  EXPECT_EQ(error_of("3fe21f"), DecodeError::kSizeUpdateAboveLimit);  // 4,097
  EXPECT_EQ(error_of("3fe11f"), std::nullopt);                        // 4,096
}

TEST(Decoder, SizeUpdateAfterAFieldIsAnError) {
  EXPECT_EQ(error_of("8220"), DecodeError::kSizeUpdateNotAtStart);
}

TEST(Decoder, ThirdSizeUpdateIsAnError) {
  EXPECT_EQ(error_of("2020"), std::nullopt);
  EXPECT_EQ(error_of("202020"), DecodeError::kTooManySizeUpdates);
}

TEST(Decoder, BlockWithoutUpdateAfterTheLimitWasLoweredIsAnError) {
  SplitDecoder decoder;
  decoder.set_max_table_size(100);
  EXPECT_EQ(decoder.decode("82").error, DecodeError::kMissingSizeUpdate);
}

TEST(Decoder, LoweredAndRaisedLimitAsksForTheLowestOnce) {
  SplitDecoder decoder;
  decoder.set_max_table_size(0);
  decoder.set_max_table_size(4096);
  EXPECT_EQ(decoder.decode("203fe11f82").error, std::nullopt);
  SplitDecoder strict;
  strict.set_max_table_size(0);
  strict.set_max_table_size(4096);
  EXPECT_EQ(strict.decode("3fe11f82").error, DecodeError::kMissingSizeUpdate);
}

TEST(Decoder, LimitThatIsNotLoweredAsksForNothing) {
  SplitDecoder decoder;
  decoder.set_max_table_size(8192);
  EXPECT_EQ(decoder.decode("82").error, std::nullopt);
}

TEST(Decoder, StaysFailedAfterAnError) {
  SplitDecoder decoder;
  EXPECT_EQ(decoder.decode("80").error, DecodeError::kIndexZero);
  EXPECT_EQ(decoder.decode("82").error, DecodeError::kIndexZero);
}

TEST(Decoder, FieldsBeyondTheListLimitAreDroppedAndTheTableStaysInStep) {
  SplitDecoder decoder({.max_list_size = 80});
  // a: b and c: d come to 34 each; the third is beyond 80 but enters the table.
  const auto first = decoder.decode("400161016240016301644001650166");
  EXPECT_EQ(first.error, std::nullopt);
  EXPECT_TRUE(first.truncated);
  EXPECT_EQ(first.fields.size(), 2U);
  EXPECT_EQ(first.counted_size, 102U);
  const auto second = decoder.decode("be");
  EXPECT_FALSE(second.truncated);
  EXPECT_EQ(second.fields, (OwnedFields{{"e", "f"}}));
}

TEST(Decoder, AnotherListLimitHoldsFromTheNextBlock) {
  Decoder decoder({.max_list_size = 80, .max_string = 10});
  hpack::FieldList list(default_memory());
  const ByteString three = from_hex("400161016240016301644001650166");
  ASSERT_TRUE(decoder.decode(three, hpack::EndOfBlock::kYes, list));
  EXPECT_TRUE(decoder.list_truncated());
  decoder.set_max_list_size(102, 20);
  list.clear();
  ASSERT_TRUE(decoder.decode(three, hpack::EndOfBlock::kYes, list));
  EXPECT_FALSE(decoder.list_truncated());
  EXPECT_EQ(list.size(), 3U);
  const ByteString eleven = from_hex("0001610b6262626262626262626262");
  EXPECT_TRUE(decoder.decode(eleven, hpack::EndOfBlock::kYes, list));
  decoder.set_max_list_size(68, 10);
  ASSERT_TRUE(decoder.decode(three, hpack::EndOfBlock::kYes, list));
  EXPECT_TRUE(decoder.list_truncated());
  const auto decoded = decoder.decode(eleven, hpack::EndOfBlock::kYes, list);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error(), DecodeError::kStringTooLong);
}

TEST(Decoder, ListOfExactlyTheLimitIsWhole) {
  SplitDecoder decoder({.max_list_size = 68});
  const auto outcome = decoder.decode("40016101624001630164");
  EXPECT_FALSE(outcome.truncated);
  EXPECT_EQ(outcome.fields.size(), 2U);
}

TEST(Decoder, FieldsBeyondTheCountLimitAreDropped) {
  SplitDecoder decoder({.max_fields = 3});
  const auto outcome = decoder.decode("8282828282");
  EXPECT_TRUE(outcome.truncated);
  EXPECT_EQ(outcome.fields.size(), 3U);
}

TEST(Decoder, NeverIndexedMarkIsKept) {
  const auto outcome = SplitDecoder().decode("100870617373776f726406736563726574");
  EXPECT_EQ(outcome.fields, (OwnedFields{{"password", "secret", true}}));
}

TEST(Decoder, FieldLargerThanTheTableEmptiesIt) {
  SplitDecoder decoder({.max_table_size = 64});
  EXPECT_EQ(decoder.decode("4001610162").table_size, 34U);
  const auto outcome = decoder.decode(
      "400161"
      "22" +
      std::string(68, '6'));  // a value of 34 octets: 67
  EXPECT_EQ(outcome.error, std::nullopt);
  EXPECT_EQ(outcome.fields.size(), 1U);
  EXPECT_EQ(outcome.table_size, 0U);
}

TEST(Decoder, EmptyNameAndValueAreAFieldLikeAnother) {
  SplitDecoder decoder;
  const auto outcome = decoder.decode(
      "400000"
      "4001610162"
      "bfbe");
  EXPECT_EQ(outcome.error, std::nullopt);
  EXPECT_EQ(outcome.fields, (OwnedFields{{"", ""}, {"a", "b"}, {"", ""}, {"a", "b"}}));
}

TEST(Decoder, NameOfAnEntryThatItsOwnInsertionEvictsIsKept) {
  SplitDecoder decoder({.max_table_size = 80});
  decoder.decode(
      "4003616263"
      "0131");  // abc: 1 (36)
  // abc (index 62): a value that evicts the entry the name comes from.
  const auto outcome = decoder.decode(
      "7e"
      "0a"
      "32323232323232323232");
  EXPECT_EQ(outcome.fields, (OwnedFields{{"abc", "2222222222"}}));
  EXPECT_EQ(decoder.decode("be").fields, (OwnedFields{{"abc", "2222222222"}}));
}

TEST(Decoder, ClassifiesEachLiteralOnceAndRemembersWhatWasSaid) {
  static int calls = 0;
  calls = 0;
  Decoder decoder({.classify = [](const hpack::HeaderField& field) noexcept {
    ++calls;
    return static_cast<std::uint32_t>(field.value.size());
  }});
  hpack::FieldList list(default_memory());
  ASSERT_TRUE(decoder.decode(from_hex("400161"
                                      "03"
                                      "626262"
                                      "bebe82"),
                             hpack::EndOfBlock::kYes, list));
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(list[0].annotation, 3U);
  EXPECT_EQ(list[2].annotation, 3U);
  EXPECT_EQ(list[3].annotation, 0U);
  EXPECT_EQ(list[3].token, hpack::Token::kMethod);
}

TEST(Decoder, StaticEntriesHaveTheAnnotationsThatWereGiven) {
  static constexpr hpack::StaticAnnotations kAnnotations = [] {
    hpack::StaticAnnotations annotations{};
    annotations[1] = 11;
    annotations[61] = 71;
    return annotations;
  }();
  Decoder decoder(
      {.classify = [](const hpack::HeaderField&) noexcept -> std::uint32_t { return 5; },
       .static_annotations = &kAnnotations});
  hpack::FieldList list(default_memory());
  // 1, 2 and 61 whole; then 61 as a name only.
  ASSERT_TRUE(decoder.decode(from_hex("8182bd7d00"), hpack::EndOfBlock::kYes, list));
  EXPECT_EQ(list[0].annotation, 11U);
  EXPECT_EQ(list[1].annotation, 0U);
  EXPECT_EQ(list[2].annotation, 71U);
  EXPECT_EQ(list[3].annotation, 5U);
}

TEST(Decoder, RefusedMemoryIsAnErrorAtEveryAllocation) {
  const ByteString block =
      from_hex("400a637573746f6d2d6b65790d637573746f6d2d686561646572008825a849e95ba97d7f01618286");
  for (std::uint64_t n = 1; n < 100; ++n) {
    CountingMemory memory;
    memory.fail_at = n;
    Decoder decoder({.memory = &memory});
    hpack::FieldList list(memory);
    const auto decoded = decoder.decode(block, hpack::EndOfBlock::kYes, list);
    if (decoded) {
      EXPECT_GT(n, 1U);
      EXPECT_EQ(list.size(), 4U);
      return;
    }
    EXPECT_EQ(decoded.error(), DecodeError::kOutOfMemory);
  }
  FAIL() << "never succeeded";
}

}  // namespace
}  // namespace h2::tests
