// Every way in which a header block can be wrong (RFC 7541).
#ifndef H2_HPACK_DECODE_ERROR_H_
#define H2_HPACK_DECODE_ERROR_H_

#include <cstdint>
#include <string_view>

namespace h2::inline v0::hpack {

enum class DecodeError : std::uint8_t {
  kIntegerTooLong,         // more than five continuation octets (RFC 7541 §5.1)
  kIntegerOverflow,        // above 2^32-1 (RFC 7541 §5.1)
  kTruncatedBlock,         // the block ends inside an instruction
  kIndexZero,              // (RFC 7541 §6.1)
  kIndexOutOfRange,        // (RFC 7541 §2.3.3)
  kHuffmanEos,             // EOS inside a string (RFC 7541 §5.2)
  kHuffmanPaddingTooLong,  // more than seven bits (RFC 7541 §5.2)
  kHuffmanPaddingNotOnes,  // (RFC 7541 §5.2)
  kStringTooLong,          // above Decoder::Config::max_string
  kSizeUpdateAboveLimit,   // (RFC 7541 §6.3)
  kSizeUpdateNotAtStart,   // (RFC 7541 §4.2)
  kTooManySizeUpdates,     // more than two at one start (RFC 7541 §4.2)
  kMissingSizeUpdate,      // our limit was lowered and the block does not begin with an update (RFC
                           // 7541 §4.2)
  kOutOfMemory,
};

// The error's name in snake_case; static storage.
std::string_view to_string(DecodeError error) noexcept;

}  // namespace h2::inline v0::hpack

#endif  // H2_HPACK_DECODE_ERROR_H_
