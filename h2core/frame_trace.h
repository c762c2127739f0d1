// The optional hook that sees each frame of a connection, in and out.
#ifndef H2_H2CORE_FRAME_TRACE_H_
#define H2_H2CORE_FRAME_TRACE_H_

#include <cstdint>

#include "h2core/frame.h"
#include "hpack/header_field.h"

namespace h2::inline v0 {

enum class Direction : std::uint8_t { kReceived, kSent };

// Called from within the connection's calls; may not call back into it. Views live for the call
// only.
class FrameTrace {
 public:
  virtual ~FrameTrace() = default;
  // A frame was received whole, or put into the output. For HEADERS, PUSH_PROMISE and CONTINUATION
  // the payload is the field block fragment as on the wire; for DATA sent from the caller's memory
  // or a source, `payload` is the data without padding.
  virtual void on_frame(Direction direction, const FrameHeader& header, Bytes payload) noexcept = 0;
  // One field of the section whose block ended with the frame just reported (after on_frame), in
  // order.
  virtual void on_field(Direction direction, StreamId stream_id,
                        const hpack::HeaderField& field) noexcept = 0;
};

}  // namespace h2::inline v0

#endif  // H2_H2CORE_FRAME_TRACE_H_
