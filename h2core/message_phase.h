// The order of field sections and content in one direction of a stream, as a table (RFC 9113 §8.1).
// Tested, cell by cell, by tests/h2core/message_phase_test.cc.
#ifndef H2_H2CORE_MESSAGE_PHASE_H_
#define H2_H2CORE_MESSAGE_PHASE_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "h2core/error.h"
#include "h2core/stream_state.h"

namespace h2::inline v0 {

enum class MessagePhase : std::uint8_t {
  kExpectHeaders,  // 1xx may come, then the request or the final response
  kBody,           // content, then possibly trailers
  kTunnel,         // after CONNECT succeeded: content only (RFC 9113 §8.5)
  kEnded,
};
inline constexpr std::size_t kMessagePhases = 4;

enum class MessageInput : std::uint8_t {
  kInformationalSection,
  kFinalSection,
  kFinalSectionEndStream,
  kData,
  kDataEndStream,
  kTrailers,
  kTrailersEndStream,
};
inline constexpr std::size_t kMessageInputs = 7;

struct PhaseCell {
  Verdict verdict = Verdict::kStreamError;
  MessagePhase next = MessagePhase::kEnded;
  Errc cause = Errc::kNone;
};

namespace phase_table {

constexpr PhaseCell go(MessagePhase next) { return {Verdict::kAccept, next, Errc::kNone}; }
constexpr PhaseCell error(Errc cause) {
  return {Verdict::kStreamError, MessagePhase::kEnded, cause};
}

// clang-format off
inline constexpr std::array<std::array<PhaseCell, kMessageInputs>, kMessagePhases> kTable{{
    // kExpectHeaders
    {{go(MessagePhase::kExpectHeaders), go(MessagePhase::kBody), go(MessagePhase::kEnded),
      error(Errc::kDataBeforeHeaders), error(Errc::kDataBeforeHeaders),
      error(Errc::kWrongPhase), error(Errc::kWrongPhase)}},
    // kBody: a second section is trailers, which end the stream
    {{error(Errc::kTrailersWithoutEndStream), error(Errc::kTrailersWithoutEndStream), error(Errc::kWrongPhase),
      go(MessagePhase::kBody), go(MessagePhase::kEnded),
      error(Errc::kTrailersWithoutEndStream), go(MessagePhase::kEnded)}},
    // kTunnel
    {{error(Errc::kConnectMalformed), error(Errc::kConnectMalformed), error(Errc::kConnectMalformed),
      go(MessagePhase::kTunnel), go(MessagePhase::kEnded),
      error(Errc::kConnectMalformed), error(Errc::kConnectMalformed)}},
    // kEnded
    {{error(Errc::kFrameOnHalfClosedStream), error(Errc::kFrameOnHalfClosedStream),
      error(Errc::kFrameOnHalfClosedStream), error(Errc::kFrameOnHalfClosedStream),
      error(Errc::kFrameOnHalfClosedStream), error(Errc::kFrameOnHalfClosedStream),
      error(Errc::kFrameOnHalfClosedStream)}},
}};
// clang-format on

}  // namespace phase_table

// The verdict on an input in a phase; kAccept or kStreamError.
constexpr const PhaseCell& transition(MessagePhase phase, MessageInput input) {
  return phase_table::kTable[static_cast<std::size_t>(phase)][static_cast<std::size_t>(input)];
}

}  // namespace h2::inline v0

#endif  // H2_H2CORE_MESSAGE_PHASE_H_
