// Names of stream states. See stream_state.h.
#include "h2core/stream_state.h"

namespace h2::inline v0 {

std::string_view to_string(StreamState state) {
  switch (state) {
    case StreamState::kIdle:
      return "idle";
    case StreamState::kReservedLocal:
      return "reserved_local";
    case StreamState::kReservedRemote:
      return "reserved_remote";
    case StreamState::kOpen:
      return "open";
    case StreamState::kHalfClosedLocal:
      return "half_closed_local";
    case StreamState::kHalfClosedRemote:
      return "half_closed_remote";
    case StreamState::kClosedByEndStream:
      return "closed_by_end_stream";
    case StreamState::kClosedByLocalReset:
      return "closed_by_local_reset";
    case StreamState::kClosedByPeerReset:
      return "closed_by_peer_reset";
    case StreamState::kClosedByGoAway:
      return "closed_by_goaway";
    case StreamState::kClosed:
      return "closed";
  }
  return "unknown";
}

}  // namespace h2::inline v0
