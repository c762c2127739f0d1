// Prefixed integers (RFC 7541 §5.1). Tested by tests/hpack/codec_test.cc.
#ifndef H2_HPACK_INTEGER_H_
#define H2_HPACK_INTEGER_H_

#include <cstddef>
#include <cstdint>

#include "hpack/bytes.h"

namespace h2::inline v0::hpack {

enum class IntegerStatus : std::uint8_t {
  kDone,
  kIncomplete,  // the bytes end inside the integer
  kTooLong,     // more than five continuation octets
  kOverflow,    // above 2^32-1
};

struct DecodedInteger {
  IntegerStatus status = IntegerStatus::kDone;
  std::uint32_t value = 0;
  std::size_t length = 0;  // bytes used, when done
};

// The integer whose prefix is the low `prefix_bits` (1 to 8) of the first byte. `bytes` is not
// empty.
inline DecodedInteger decode_integer(Bytes bytes, unsigned prefix_bits) {
  const std::uint32_t max = (1U << prefix_bits) - 1;
  std::uint64_t value = bytes[0] & max;
  if (value < max) return {IntegerStatus::kDone, static_cast<std::uint32_t>(value), 1};
  constexpr std::size_t kMaxContinuation = 5;
  for (std::size_t i = 1; i <= kMaxContinuation; ++i) {
    if (i == bytes.size()) return {IntegerStatus::kIncomplete, 0, 0};
    value += std::uint64_t{bytes[i] & 0x7fU} << (7 * (i - 1));
    if (value > 0xffffffffU) return {IntegerStatus::kOverflow, 0, 0};
    if ((bytes[i] & 0x80U) == 0)
      return {IntegerStatus::kDone, static_cast<std::uint32_t>(value), i + 1};
  }
  return {IntegerStatus::kTooLong, 0, 0};
}

inline constexpr std::size_t kMaxIntegerLength = 6;

// Writes an integer under the bits `first` (those above the prefix) and returns its length, at most
// kMaxIntegerLength; `to` has room for that.
inline std::size_t encode_integer(std::uint8_t* to, std::uint8_t first, unsigned prefix_bits,
                                  std::uint32_t value) {
  const std::uint32_t max = (1U << prefix_bits) - 1;
  if (value < max) {
    to[0] = static_cast<std::uint8_t>(first | value);
    return 1;
  }
  to[0] = static_cast<std::uint8_t>(first | max);
  value -= max;
  std::size_t length = 1;
  for (; value >= 0x80; value >>= 7) to[length++] = static_cast<std::uint8_t>(value | 0x80U);
  to[length++] = static_cast<std::uint8_t>(value);
  return length;
}

}  // namespace h2::inline v0::hpack

#endif  // H2_HPACK_INTEGER_H_
