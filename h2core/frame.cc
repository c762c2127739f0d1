// Names of frame types. See frame.h.
#include "h2core/frame.h"

namespace h2::inline v0 {

std::string_view to_string(FrameType type) {
  switch (type) {
    case FrameType::kData:
      return "DATA";
    case FrameType::kHeaders:
      return "HEADERS";
    case FrameType::kPriority:
      return "PRIORITY";
    case FrameType::kRstStream:
      return "RST_STREAM";
    case FrameType::kSettings:
      return "SETTINGS";
    case FrameType::kPushPromise:
      return "PUSH_PROMISE";
    case FrameType::kPing:
      return "PING";
    case FrameType::kGoAway:
      return "GOAWAY";
    case FrameType::kWindowUpdate:
      return "WINDOW_UPDATE";
    case FrameType::kContinuation:
      return "CONTINUATION";
    case FrameType::kAltSvc:
      return "ALTSVC";
    case FrameType::kOrigin:
      return "ORIGIN";
    case FrameType::kPriorityUpdate:
      return "PRIORITY_UPDATE";
  }
  return "UNKNOWN";
}

}  // namespace h2::inline v0
