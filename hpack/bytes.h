// Views of bytes.
#ifndef H2_HPACK_BYTES_H_
#define H2_HPACK_BYTES_H_

#include <cstdint>
#include <span>
#include <string_view>

namespace h2::inline v0 {

// Bytes that somebody else owns; each use says for how long.
using Bytes = std::span<const std::uint8_t>;

// The same memory under the other type.
inline Bytes as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_string_view(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace h2::inline v0

#endif  // H2_HPACK_BYTES_H_
