// The static table of RFC 7541 §A. Tested by tests/hpack/codec_test.cc.
#ifndef H2_HPACK_STATIC_TABLE_H_
#define H2_HPACK_STATIC_TABLE_H_

#include <array>
#include <cstdint>
#include <string_view>

#include "hpack/token.h"

namespace h2::inline v0::hpack {

struct StaticEntry {
  std::string_view name;
  std::string_view value;
  Token token;
};

inline constexpr std::uint32_t kStaticEntries = 61;

// By index, 1 to 61; index 0 is not used (RFC 7541 §2.3.3).
extern const StaticEntry kStaticTable[62];

// One annotation for each entry, by index (see Decoder::Config).
using StaticAnnotations = std::array<std::uint32_t, kStaticEntries + 1>;

// By token: the first index with that name; 0: none.
extern const std::array<std::uint8_t, kTokens> kStaticNameIndex;
inline std::uint32_t static_name_index(Token token) noexcept {
  const auto i = static_cast<std::size_t>(token);
  return i < kTokens ? kStaticNameIndex[i] : 0;
}

}  // namespace h2::inline v0::hpack

#endif  // H2_HPACK_STATIC_TABLE_H_
