// Names of decoding errors. See decode_error.h.
#include "hpack/decode_error.h"

namespace h2::inline v0::hpack {

std::string_view to_string(DecodeError error) noexcept {
  switch (error) {
    case DecodeError::kIntegerTooLong:
      return "integer_too_long";
    case DecodeError::kIntegerOverflow:
      return "integer_overflow";
    case DecodeError::kTruncatedBlock:
      return "truncated_block";
    case DecodeError::kIndexZero:
      return "index_zero";
    case DecodeError::kIndexOutOfRange:
      return "index_out_of_range";
    case DecodeError::kHuffmanEos:
      return "huffman_eos";
    case DecodeError::kHuffmanPaddingTooLong:
      return "huffman_padding_too_long";
    case DecodeError::kHuffmanPaddingNotOnes:
      return "huffman_padding_not_ones";
    case DecodeError::kStringTooLong:
      return "string_too_long";
    case DecodeError::kSizeUpdateAboveLimit:
      return "size_update_above_limit";
    case DecodeError::kSizeUpdateNotAtStart:
      return "size_update_not_at_start";
    case DecodeError::kTooManySizeUpdates:
      return "too_many_size_updates";
    case DecodeError::kMissingSizeUpdate:
      return "missing_size_update";
    case DecodeError::kOutOfMemory:
      return "out_of_memory";
  }
  return "unknown";
}

}  // namespace h2::inline v0::hpack
