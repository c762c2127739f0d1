// What a connection knows of one stream, and of each body queued on it (RFC 9113 §5).
#ifndef H2_H2CORE_STREAM_H_
#define H2_H2CORE_STREAM_H_

#include <cstdint>

#include "h2core/body_source.h"
#include "h2core/event.h"
#include "h2core/field_section.h"
#include "h2core/flow_window.h"
#include "h2core/message_phase.h"
#include "h2core/priority.h"
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
  Priority priority = kShared;
  bool queued : 1 = false;   // a request that waits for the peer's limit
  bool counted : 1 = false;  // counts against a stream limit
  bool held : 1 = false;     // ended early; keeps its slot until released
  bool closing : 1 = false;  // is being closed, or held
  bool seen : 1 = false;     // the application knows of it
  bool ready : 1 = false;    // in the list of streams that may send DATA
  bool request_is_head : 1 = false;
  bool request_is_connect : 1 = false;
  bool send_ended : 1 = false;         // the end of our side was queued
  bool final_sent : 1 = false;         // a server's final response has been sent
  bool priority_fixed : 1 = false;     // the peer's signals do not change the priority any more
  bool announce_priority : 1 = false;  // of a queued request: PRIORITY_UPDATE follows its HEADERS
  std::uint16_t informational = 0;
  FlowWindow send_window{0};
  ReceiveWindow receive_window{0};
  Time opened_at;              // of a stream of the peer's
  std::uint64_t head_end = 0;  // of a request of ours: the output's offset behind its field section
  BodyLength body_length;
  std::uint64_t tag = 0;   // the application's
  Index first = kNoIndex;  // Outgoing queue
  Index last = kNoIndex;
  Index next_ready = kNoIndex;  // Scheduler
  Index previous_ready = kNoIndex;

  // Where the peer says nothing of priorities, bandwidth is shared: RFC 9218 §4 would have it one
  // by one, but for peers that know the scheme.
  static constexpr Priority kShared{Priority::kDefaultUrgency, true};
};

}  // namespace h2::inline v0

#endif  // H2_H2CORE_STREAM_H_
