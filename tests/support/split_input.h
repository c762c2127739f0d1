// Ways to cut one byte string into pieces: whole, byte by byte, at one point, at seeded random
// points.
#ifndef H2_TESTS_SUPPORT_SPLIT_INPUT_H_
#define H2_TESTS_SUPPORT_SPLIT_INPUT_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace h2::tests {

// One way to cut. `name` says which, for messages of failed tests.
struct Split {
  std::string name;
  std::vector<std::size_t> sizes;  // of the pieces, in order; their sum is the length of the input
};

inline Split split_whole(std::size_t length) {
  Split split{"whole", {}};
  if (length > 0) split.sizes.push_back(length);
  return split;
}

inline Split split_bytes(std::size_t length) {
  return {"byte by byte", std::vector<std::size_t>(length, 1)};
}

inline Split split_at(std::size_t length, std::size_t point) {
  Split split{"at " + std::to_string(point), {}};
  if (point > 0) split.sizes.push_back(std::min(point, length));
  if (point < length) split.sizes.push_back(length - point);
  return split;
}

inline Split split_random(std::size_t length, std::uint64_t seed) {
  Split split{"random, seed " + std::to_string(seed), {}};
  std::uint64_t state = seed * 0x9e3779b97f4a7c15U + 1;
  std::size_t rest = length;
  while (rest > 0) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    const std::size_t most = std::size_t{1} << (state % 10);
    const std::size_t size = std::min(rest, 1 + static_cast<std::size_t>((state >> 16) % most));
    split.sizes.push_back(size);
    rest -= size;
  }
  return split;
}

// Whole, byte by byte, and `randoms` random ones; short inputs also at each single point.
inline std::vector<Split> all_splits(std::size_t length, std::uint64_t randoms = 8,
                                     std::size_t every_point_below = 0) {
  std::vector<Split> splits{split_whole(length), split_bytes(length)};
  for (std::uint64_t seed = 1; seed <= randoms; ++seed)
    splits.push_back(split_random(length, seed));
  if (length < every_point_below) {
    for (std::size_t point = 1; point < length; ++point) splits.push_back(split_at(length, point));
  }
  return splits;
}

}  // namespace h2::tests

#endif  // H2_TESTS_SUPPORT_SPLIT_INPUT_H_
