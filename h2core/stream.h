// What a connection knows of one stream, and of each body queued on it (RFC 9113 §5).
#ifndef H2_H2CORE_STREAM_H_
#define H2_H2CORE_STREAM_H_

#include <cstdint>

#include "h2core/body_source.h"
#include "h2core/event.h"
#include "h2core/field_section.h"
#include "h2core/flow_window.h"
#include "h2core/message_phase.h"
#include "h2core/stream_id.h"
#include "h2core/stream_state.h"
#include "h2core/time.h"
#include "hpack/bytes.h"
#include "hpack/vector.h"

namespace h2::inline v0 {

// An index into one of the connection's slabs; kNoIndex: none.
using Index = std::uint32_t;
inline constexpr Index kNoIndex = 0xffffffffU;

// One thing queued on a stream's sending side.
struct Outgoing {
  enum class Kind : std::uint8_t {
    kSpan,      // the caller's bytes, by reference
    kCopy,      // bytes of our own, in `owned`
    kSource,    // a BodySource
    kTrailers,  // a field section in `owned`, to be encoded when its turn comes
    kRequest,   // a field section in `owned`: the head of a request over the peer's stream limit
  };
  Kind kind = Kind::kSpan;
  bool end_stream = false;  // our side ends after this
  bool waiting = false;     // a source that had nothing
  bool detached = false;    // no longer queued; only pieces in the output refer to it
  bool complete = false;    // all of it was put into the output
  StreamId stream_id;
  BodyTag tag = 0;
  Bytes rest;  // of kSpan and kCopy: what has not been put into the output
  BodySource* source = nullptr;
  std::uint64_t in_output = 0;  // bytes that the output refers to
  Index next = kNoIndex;
  Vector<std::uint8_t> owned;

  explicit Outgoing(MemoryResource& memory) : owned(memory) {}
};

struct Stream {
  StreamId id;
  StreamState state = StreamState::kIdle;
  MessagePhase receive_phase{};
  MessagePhase send_phase{};
  bool queued = false;   // a request that waits for the peer's limit
  bool counted = false;  // counts against a stream limit
  bool held = false;     // ended early; keeps its slot until released
  bool closing = false;  // is being closed, or held
  bool seen = false;     // the application knows of it
  bool ready = false;    // in the list of streams that may send DATA
  bool request_is_head = false;
  bool request_is_connect = false;
  bool send_ended = false;  // the end of our side was queued
  bool final_sent = false;  // a server's final response has been sent
  std::uint32_t informational = 0;
  Time opened_at;              // of a stream of the peer's
  std::uint64_t head_end = 0;  // of a request of ours: the output's offset behind its field section
  FlowWindow send_window{0};
  ReceiveWindow receive_window{0};
  BodyLength body_length;
  Index first = kNoIndex;  // Outgoing queue
  Index last = kNoIndex;
  Index next_ready = kNoIndex;
};

}  // namespace h2::inline v0

#endif  // H2_H2CORE_STREAM_H_
