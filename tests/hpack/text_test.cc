// Copying, comparing and Huffman-coding texts of every length, within exactly the room that is
// asked for.
#include "hpack/text.h"

#include <gtest/gtest.h>

#include <memory>

#include "hpack/huffman.h"
#include "tests/hpack/hpack_testing.h"

namespace h2::tests {
namespace {

// Buffers of exact size, so that a sanitizer sees a step outside.
std::unique_ptr<char[]> copy_of(std::string_view text) {
  auto copy = std::make_unique<char[]>(text.size());
  std::copy(text.begin(), text.end(), copy.get());
  return copy;
}

TEST(Text, CopiesEveryLengthWhole) {
  for (std::size_t length = 0; length < 100; ++length) {
    std::string text(length, '\0');
    for (std::size_t i = 0; i < length; ++i) text[i] = static_cast<char>('!' + i % 90);
    const auto from = copy_of(text);
    const auto to = std::make_unique<char[]>(length);
    hpack::copy_text(to.get(), {from.get(), length});
    EXPECT_EQ(std::string_view(to.get(), length), text);
  }
}

TEST(Text, SeesADifferenceInEveryPlace) {
  for (std::size_t length = 0; length < 100; ++length) {
    const std::string text(length, 'a');
    const auto one = copy_of(text);
    const auto two = copy_of(text);
    EXPECT_TRUE(hpack::equal_text({one.get(), length}, {two.get(), length}));
    EXPECT_FALSE(hpack::equal_text({one.get(), length}, text + "a"));
    for (std::size_t i = 0; i < length; ++i) {
      two[i] = 'b';
      EXPECT_FALSE(hpack::equal_text({one.get(), length}, {two.get(), length}))
          << length << " at " << i;
      two[i] = 'a';
    }
  }
}

TEST(Huffman, OnePassAgreesWithTwoAndGivesUpWhereItIsNotShorter) {
  std::mt19937 random(17);
  for (int round = 0; round < 20'000; ++round) {
    std::string text(random() % 60, '\0');
    const auto kind = random() % 3;
    for (char& c : text) {
      c = static_cast<char>(kind == 0   ? random() % 256
                            : kind == 1 ? 32 + random() % 95
                                        : 'a' + random() % 26);
    }
    ByteString expected(hpack::huffman_encoded_size(text));
    hpack::huffman_encode(text, expected.data());
    const std::size_t room = hpack::huffman_encode_room(text.size());
    const auto to = std::make_unique<std::uint8_t[]>(room);
    const std::uint8_t* const end = hpack::huffman_encode_if_shorter(text, to.get());
    ASSERT_EQ(end != nullptr, expected.size() < text.size()) << "round " << round;
    if (end != nullptr) {
      ASSERT_EQ(ByteString(static_cast<const std::uint8_t*>(to.get()), end), expected);
    }
    // Decoding stays within its room, on whatever input.
    const std::string decoded_room(hpack::huffman_decode_room(expected.size()), '\0');
    const auto plain = copy_of(decoded_room);
    const auto length = hpack::huffman_decode(expected, plain.get());
    ASSERT_TRUE(length);
    ASSERT_EQ(std::string_view(plain.get(), *length), text);
    const auto noise = copy_of(std::string(hpack::huffman_decode_room(text.size()), '\0'));
    (void)hpack::huffman_decode(as_bytes(text), noise.get()).has_value();
  }
}

}  // namespace
}  // namespace h2::tests
