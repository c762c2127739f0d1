// The Huffman code for strings (RFC 7541 §5.2, Appendix B). Tested by tests/hpack/codec_test.cc.
#ifndef H2_HPACK_HUFFMAN_H_
#define H2_HPACK_HUFFMAN_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "hpack/bytes.h"
#include "hpack/decode_error.h"
#include "hpack/result.h"

namespace h2::inline v0::hpack {

// How many bytes the text takes when encoded.
std::size_t huffman_encoded_size(std::string_view text) noexcept;

// Encodes into `to`, which has room for huffman_encoded_size(text) bytes; returns the end of what
// was written.
std::uint8_t* huffman_encode(std::string_view text, std::uint8_t* to) noexcept;

// The same if the result is shorter than the text, in one pass; null if not. `to` has
// huffman_encode_room(text.size()) bytes, which are written over in either case.
std::uint8_t* huffman_encode_if_shorter(std::string_view text, std::uint8_t* to) noexcept;
constexpr std::size_t huffman_encode_room(std::size_t size) { return size + 24; }

// Room that huffman_decode needs for `encoded_size` bytes of input.
constexpr std::size_t huffman_decode_room(std::size_t encoded_size) {
  return encoded_size * 8 / 5 + 2;
}

// Decodes into `to`, which has huffman_decode_room(encoded.size()) bytes; returns the length of the
// text.
Result<std::size_t, DecodeError> huffman_decode(Bytes encoded, char* to) noexcept;

}  // namespace h2::inline v0::hpack

#endif  // H2_HPACK_HUFFMAN_H_
