// From frames to bytes (RFC 9113 §4.1, §6). Tested by tests/h2core/frame_encoder_test.cc.
#ifndef H2_H2CORE_FRAME_ENCODER_H_
#define H2_H2CORE_FRAME_ENCODER_H_

#include <cstdint>

#include "h2core/frame.h"
#include "hpack/vector.h"

namespace h2::inline v0 {

// Writes the nine bytes of a header to `to`.
inline void write_frame_header(std::uint8_t* to, const FrameHeader& header) {
  to[0] = static_cast<std::uint8_t>(header.length >> 16);
  to[1] = static_cast<std::uint8_t>(header.length >> 8);
  to[2] = static_cast<std::uint8_t>(header.length);
  to[3] = static_cast<std::uint8_t>(header.type);
  to[4] = header.flags;
  to[5] = static_cast<std::uint8_t>(header.stream_id.value >> 24);
  to[6] = static_cast<std::uint8_t>(header.stream_id.value >> 16);
  to[7] = static_cast<std::uint8_t>(header.stream_id.value >> 8);
  to[8] = static_cast<std::uint8_t>(header.stream_id.value);
}

// Writes a number big-endian, as all numbers in frames are (RFC 9113 §2.2).
inline void write_u32(std::uint8_t* to, std::uint32_t value) {
  to[0] = static_cast<std::uint8_t>(value >> 24);
  to[1] = static_cast<std::uint8_t>(value >> 16);
  to[2] = static_cast<std::uint8_t>(value >> 8);
  to[3] = static_cast<std::uint8_t>(value);
}

// Writes the six bytes of a parameter in a SETTINGS frame (RFC 9113 §6.5.1).
inline void write_setting(std::uint8_t* to, Setting setting) {
  const auto code = static_cast<std::uint16_t>(setting.code);
  to[0] = static_cast<std::uint8_t>(code >> 8);
  to[1] = static_cast<std::uint8_t>(code);
  write_u32(to + 2, setting.value);
}

// Appends any frame to `out`, lawful or not, for tools and tests. DATA, HEADERS and PUSH_PROMISE
// get `padding` (0 to 255) bytes of padding if it is given. False: no memory, `out` is as it was.
[[nodiscard]] bool encode_frame(const Frame& frame, std::optional<std::uint8_t> padding,
                                Vector<std::uint8_t>& out);

}  // namespace h2::inline v0

#endif  // H2_H2CORE_FRAME_ENCODER_H_
