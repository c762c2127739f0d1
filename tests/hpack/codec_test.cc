// Integers, Huffman code, tokens and tables.
#include <gtest/gtest.h>

#include "hpack/huffman.h"
#include "hpack/huffman_table.h"
#include "hpack/integer.h"
#include "hpack/static_table.h"
#include "tests/hpack/hpack_testing.h"

namespace h2::tests {
namespace {

using hpack::DecodeError;
using hpack::DynamicTable;
using hpack::IntegerStatus;
using hpack::Token;

// RFC 7541 C.1.1 to C.1.3.
TEST(Integer, EncodesTheExamplesOfC1) {
  std::uint8_t bytes[hpack::kMaxIntegerLength];
  ASSERT_EQ(hpack::encode_integer(bytes, 0, 5, 10), 1U);
  EXPECT_EQ(bytes[0], 0x0a);
  ASSERT_EQ(hpack::encode_integer(bytes, 0, 5, 1337), 3U);
  EXPECT_EQ(to_hex({bytes, 3}), "1f9a0a");
  ASSERT_EQ(hpack::encode_integer(bytes, 0, 8, 42), 1U);
  EXPECT_EQ(bytes[0], 0x2a);
}

TEST(Integer, EveryPrefixCarriesEveryBoundary) {
  for (unsigned prefix = 1; prefix <= 8; ++prefix) {
    const std::uint32_t max = (1U << prefix) - 1;
    for (const std::uint32_t value : {0U, 1U, max - 1, max, max + 1, max + 127, max + 128, 16'383U,
                                      16'384U, 0x7fffffffU, 0xfffffffeU, 0xffffffffU}) {
      std::uint8_t bytes[hpack::kMaxIntegerLength];
      const std::size_t length = hpack::encode_integer(bytes, 0, prefix, value);
      const auto decoded = hpack::decode_integer({bytes, length}, prefix);
      EXPECT_EQ(decoded.status, IntegerStatus::kDone);
      EXPECT_EQ(decoded.value, value) << "prefix " << prefix;
      EXPECT_EQ(decoded.length, length);
      if (length > 1) {
        EXPECT_EQ(hpack::decode_integer({bytes, length - 1}, prefix).status,
                  IntegerStatus::kIncomplete);
      }
    }
  }
}

TEST(Integer, OverflowAndLengthAreToldApart) {
  EXPECT_EQ(hpack::decode_integer(from_hex("ffffffffff7f"), 8).status, IntegerStatus::kOverflow);
  EXPECT_EQ(hpack::decode_integer(from_hex("ff808080808000"), 8).status, IntegerStatus::kTooLong);
  EXPECT_EQ(hpack::decode_integer(from_hex("ff8080808000"), 8).value,
            255U);  // zeros in front are allowed
}

std::string huffman_encoded(std::string_view text) {
  ByteString bytes(hpack::huffman_encoded_size(text));
  EXPECT_EQ(hpack::huffman_encode(text, bytes.data()), bytes.data() + bytes.size());
  return {bytes.begin(), bytes.end()};
}

Result<std::string, DecodeError> huffman_decoded(Bytes bytes) {
  std::string text(hpack::huffman_decode_room(bytes.size()), '\0');
  const auto length = hpack::huffman_decode(bytes, text.data());
  if (!length) return unexpected(length.error());
  text.resize(*length);
  return text;
}

TEST(Huffman, EverySymbolAloneAndBesideEveryOther) {
  for (int a = 0; a < 256; ++a) {
    for (int b = -1; b < 256; ++b) {
      std::string text(1, static_cast<char>(a));
      if (b >= 0) text += static_cast<char>(b);
      const auto decoded = huffman_decoded(as_bytes(huffman_encoded(text)));
      ASSERT_TRUE(decoded) << a << " " << b;
      ASSERT_EQ(*decoded, text);
    }
  }
}

TEST(Huffman, RandomTextsSurvive) {
  std::mt19937 random(5);
  for (int round = 0; round < 2'000; ++round) {
    std::string text(random() % 300, '\0');
    const bool readable = random() % 2 == 0;
    for (char& c : text) c = static_cast<char>(readable ? 32 + random() % 95 : random() % 256);
    const auto decoded = huffman_decoded(as_bytes(huffman_encoded(text)));
    ASSERT_TRUE(decoded);
    ASSERT_EQ(*decoded, text);
  }
}

TEST(Huffman, CodeIsPrefixFreeAndFillsTheTree) {
  double sum = 0;
  for (const hpack::HuffmanCode& code : hpack::kHuffmanCodes)
    sum += 1.0 / static_cast<double>(1U << code.bits);
  EXPECT_EQ(sum, 1.0);
}

TEST(Huffman, FaultsAreToldApartWhereverTheyStand) {
  for (std::size_t length = 0; length < 40; ++length) {
    // 'a' (00011) eight at a time is a whole number of octets.
    const std::string good = huffman_encoded(std::string(length * 8, 'a'));
    EXPECT_TRUE(huffman_decoded(as_bytes(good)));
    const auto with = [&](std::string_view hex) {
      std::string bytes = good;
      for (const std::uint8_t b : from_hex(hex)) bytes += static_cast<char>(b);
      return huffman_decoded(as_bytes(bytes)).error();
    };
    EXPECT_EQ(with("ff"), DecodeError::kHuffmanPaddingTooLong);
    EXPECT_EQ(with("ffff"), DecodeError::kHuffmanPaddingTooLong);
    EXPECT_EQ(with("ffffff"), DecodeError::kHuffmanPaddingTooLong);
    EXPECT_EQ(with("fffffffc"), DecodeError::kHuffmanEos);
    EXPECT_EQ(with("ffffffff"), DecodeError::kHuffmanEos);
    EXPECT_EQ(with("18"), DecodeError::kHuffmanPaddingNotOnes);
    EXPECT_EQ(with("fe"), DecodeError::kHuffmanPaddingNotOnes);
  }
}

TEST(Token, EveryNameIsFoundAndNothingElse) {
  for (int i = 0; i <= static_cast<int>(Token::kPriority); ++i) {
    const auto token = static_cast<Token>(i);
    const std::string name(hpack::token_name(token));
    EXPECT_EQ(hpack::lookup_token(name), token);
    EXPECT_EQ(hpack::lookup_token(name + "x"), Token::kNone);
    EXPECT_EQ(hpack::lookup_token(name.substr(1)), Token::kNone) << name;
  }
  EXPECT_EQ(hpack::lookup_token(""), Token::kNone);
  EXPECT_EQ(hpack::lookup_token("Host"), Token::kNone);
}

TEST(StaticTable, TokensNamesAndFirstIndexesAgree) {
  for (std::uint32_t i = 1; i <= hpack::kStaticEntries; ++i) {
    const hpack::StaticEntry& entry = hpack::kStaticTable[i];
    EXPECT_EQ(hpack::lookup_token(entry.name), entry.token);
    const std::uint32_t first = hpack::static_name_index(entry.token);
    EXPECT_EQ(hpack::kStaticTable[first].name, entry.name);
    EXPECT_LE(first, i);
  }
  EXPECT_EQ(hpack::static_name_index(Token::kConnection), 0U);
  EXPECT_EQ(hpack::kStaticTable[61].name, "www-authenticate");
}

// A plain model: newest first.
TEST(DynamicTable, AgreesWithAListUnderRandomUse) {
  std::mt19937 random(11);
  for (int run = 0; run < 50; ++run) {
    std::uint32_t max = 4'096;
    DynamicTable table(default_memory(), max);
    std::vector<OwnedField> model;
    std::size_t size = 0;
    const auto evict = [&](std::size_t down_to) {
      while (size > down_to) {
        size -= model.back().view().size();
        model.pop_back();
      }
    };
    for (int step = 0; step < 400; ++step) {
      if (random() % 20 == 0) {
        max = random() % 2 == 0 ? static_cast<std::uint32_t>(random() % 8'192) : 4'096;
        table.set_max_size(max);
        evict(max);
      } else {
        OwnedField field;
        field.name = !model.empty() && random() % 3 == 0
                         ? model[random() % model.size()].name
                         : std::string(random() % 40, static_cast<char>('a' + random() % 26));
        field.value = std::string(random() % (random() % 10 == 0 ? 3'000 : 90),
                                  static_cast<char>('a' + random() % 26));
        // Half of the time the name is a view into the table itself.
        hpack::HeaderField view = field.view();
        for (std::uint32_t i = 0; i < table.count() && random() % 2 == 0; ++i) {
          if (table.entry(i).name == view.name) view.name = table.entry(i).name;
        }
        const auto inserted = table.insert(view);
        if (field.view().size() > max) {
          EXPECT_EQ(inserted, DynamicTable::Inserted::kTooLarge);
          evict(0);
        } else {
          ASSERT_EQ(inserted, DynamicTable::Inserted::kYes);
          evict(max - field.view().size());
          size += field.view().size();
          model.insert(model.begin(), field);
        }
      }
      ASSERT_EQ(table.count(), model.size());
      ASSERT_EQ(table.size(), size);
      for (std::uint32_t i = 0; i < table.count(); ++i) {
        ASSERT_EQ(table.entry(i).name, model[i].name) << "run " << run << " step " << step;
        ASSERT_EQ(table.entry(i).value, model[i].value) << "run " << run << " step " << step;
      }
    }
  }
}

// Where the oldest entry begins at the cursor, the ring of bytes is either full or empty.
TEST(DynamicTable, EntriesWithoutBytesDoNotFillIt) {
  for (std::uint32_t before = 0; before < 60; ++before) {
    DynamicTable table(default_memory(), 160);
    for (std::uint32_t i = 0; i < before; ++i) {
      ASSERT_EQ(table.insert({"name", std::string(i % 9, 'v')}), DynamicTable::Inserted::kYes);
    }
    for (int i = 0; i < 6; ++i) ASSERT_EQ(table.insert({"", ""}), DynamicTable::Inserted::kYes);
    EXPECT_EQ(table.count(), 5U);
    EXPECT_EQ(table.size(), 160U);
    for (std::uint32_t i = 0; i < 20; ++i) {
      const std::string value(i * 6 % 60, static_cast<char>('a' + i));
      ASSERT_EQ(table.insert({"n", value}), DynamicTable::Inserted::kYes) << before;
      EXPECT_EQ(table.entry(0).value, value);
      ASSERT_EQ(table.insert({"", ""}), DynamicTable::Inserted::kYes) << before;
      EXPECT_EQ(table.entry(1).value, value);
    }
  }
}

TEST(FieldList, KeepFromMovesTheRestToTheFront) {
  hpack::FieldList list(default_memory());
  for (const char* name : {"a", "bb", "ccc", "dddd"}) ASSERT_TRUE(list.append({name, "value"}));
  list.keep_from(2);
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0].name, "ccc");
  EXPECT_EQ(list[1].value, "value");
  list.keep_from(5);
  EXPECT_TRUE(list.empty());
}

}  // namespace
}  // namespace h2::tests
