// Padding of DATA, HEADERS and PUSH_PROMISE, which hides how long they are (RFC 9113 §6.1, §10.7).
// Tested by tests/h2core/padding_test.cc.
#ifndef H2_H2CORE_PADDING_H_
#define H2_H2CORE_PADDING_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "h2core/frame.h"

namespace h2::inline v0 {

// Asked for each frame that can be padded; set by Config::padding. May not call back into the
// connection. Padding of DATA takes its share of the windows (RFC 9113 §6.1).
class PaddingPolicy {
 public:
  static constexpr std::uint32_t kMost = 256;

  virtual ~PaddingPolicy() = default;
  // The bytes to add to a frame whose payload is `payload` bytes long, those of the Pad Length
  // field included: 0 for none, 1 for the field alone, at most `most` (256, or less where frame
  // size or windows leave no more). What is above `most` is taken for `most`.
  virtual std::uint32_t padding(FrameType type, std::size_t payload,
                                std::uint32_t most) noexcept = 0;
};

// The same number of bytes for each frame.
class FixedPadding final : public PaddingPolicy {
 public:
  explicit FixedPadding(std::uint32_t bytes) : bytes_(bytes) {}
  std::uint32_t padding(FrameType, std::size_t, std::uint32_t most) noexcept override {
    return std::min(bytes_, most);
  }

 private:
  std::uint32_t bytes_;
};

// Lengths that are multiples of `block` bytes (1 to 256), as far as there is room.
class PadToMultiple final : public PaddingPolicy {
 public:
  explicit PadToMultiple(std::uint32_t block)
      : block_(std::clamp<std::uint32_t>(block, 1, kMost)) {}
  std::uint32_t padding(FrameType, std::size_t payload, std::uint32_t most) noexcept override {
    const auto over = static_cast<std::uint32_t>(payload % block_);
    return over == 0 ? 0 : std::min(block_ - over, most);
  }

 private:
  std::uint32_t block_;
};

}  // namespace h2::inline v0

#endif  // H2_H2CORE_PADDING_H_
