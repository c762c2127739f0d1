// Copying and comparing short texts in line. Tested by tests/hpack/text_test.cc.
#ifndef H2_HPACK_TEXT_H_
#define H2_HPACK_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace h2::inline v0::hpack {

// Copies `text` to `to`, which does not overlap it. Field names and most values are short, for
// which a call of memcpy costs more than the copying: two moves that may overlap each other do.
[[gnu::always_inline]] inline void copy_text(char* to, std::string_view text) {
  const char* from = text.data();
  const std::size_t n = text.size();
  if (n > 32) {
    std::memcpy(to, from, n);
  } else if (n >= 16) {
    char head[16];
    char tail[16];
    std::memcpy(head, from, 16);
    std::memcpy(tail, from + n - 16, 16);
    std::memcpy(to, head, 16);
    std::memcpy(to + n - 16, tail, 16);
  } else if (n >= 8) {
    std::uint64_t head = 0;
    std::uint64_t tail = 0;
    std::memcpy(&head, from, 8);
    std::memcpy(&tail, from + n - 8, 8);
    std::memcpy(to, &head, 8);
    std::memcpy(to + n - 8, &tail, 8);
  } else if (n >= 4) {
    std::uint32_t head = 0;
    std::uint32_t tail = 0;
    std::memcpy(&head, from, 4);
    std::memcpy(&tail, from + n - 4, 4);
    std::memcpy(to, &head, 4);
    std::memcpy(to + n - 4, &tail, 4);
  } else if (n > 0) {
    const char first = from[0];
    const char middle = from[n / 2];
    const char last = from[n - 1];
    to[0] = first;
    to[n / 2] = middle;
    to[n - 1] = last;
  }
}

[[gnu::always_inline]] inline bool equal_text(std::string_view a, std::string_view b) {
  const std::size_t n = a.size();
  if (n != b.size()) return false;
  const auto word = [](const char* from) {
    std::uint64_t value = 0;
    std::memcpy(&value, from, 8);
    return value;
  };
  const auto half = [](const char* from) {
    std::uint32_t value = 0;
    std::memcpy(&value, from, 4);
    return value;
  };
  const char* p = a.data();
  const char* q = b.data();
  if (n > 32) return std::memcmp(p, q, n) == 0;
  if (n >= 16) {
    return ((word(p) ^ word(q)) | (word(p + 8) ^ word(q + 8)) |
            (word(p + n - 16) ^ word(q + n - 16)) | (word(p + n - 8) ^ word(q + n - 8))) == 0;
  }
  if (n >= 8) return ((word(p) ^ word(q)) | (word(p + n - 8) ^ word(q + n - 8))) == 0;
  if (n >= 4) return ((half(p) ^ half(q)) | (half(p + n - 4) ^ half(q + n - 4))) == 0;
  return n == 0 || (p[0] == q[0] && p[n / 2] == q[n / 2] && p[n - 1] == q[n - 1]);
}

}  // namespace h2::inline v0::hpack

#endif  // H2_HPACK_TEXT_H_
