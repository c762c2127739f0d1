// From bytes to frames (RFC 9113 §4.1, §6). Tested by tests/h2core/frame_decoder_test.cc.
#ifndef H2_H2CORE_FRAME_DECODER_H_
#define H2_H2CORE_FRAME_DECODER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "h2core/error.h"
#include "h2core/frame.h"
#include "hpack/result.h"

namespace h2::inline v0 {

// What is wrong with a frame by itself.
struct FrameError {
  enum class Scope : std::uint8_t { kConnection, kStream };
  Scope scope = Scope::kConnection;
  ErrorCode code = ErrorCode::kNoError;
  Errc cause = Errc::kNone;
  friend bool operator==(const FrameError&, const FrameError&) = default;
};

// RFC 9113 §4.1; the reserved bit is dropped.
FrameHeader read_frame_header(std::span<const std::uint8_t, kFrameHeaderSize> bytes);

// What can be told from the header alone: a length above `max_frame_size` or not that of the type
// (RFC 9113 §4.2), a frame of a stream on stream 0 or the reverse (RFC 9113 §6.1 to §6.10).
std::optional<FrameError> check_frame_header(const FrameHeader& header,
                                             std::uint32_t max_frame_size);

// Decodes a frame whose header passed check_frame_header, or failed it with scope kStream (which is
// then told again). `payload` has header.length bytes; views in the frame point into it.
Result<Frame, FrameError> decode_frame(const FrameHeader& header, Bytes payload);

// The `i`th parameter, i < frame.count().
Setting setting_at(const SettingsFrame& frame, std::size_t i);

}  // namespace h2::inline v0

#endif  // H2_H2CORE_FRAME_DECODER_H_
