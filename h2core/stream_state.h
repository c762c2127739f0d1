// The life of a stream as a table (RFC 9113 §5.1). Tested, cell by cell, by
// tests/h2core/stream_state_test.cc.
#ifndef H2_H2CORE_STREAM_STATE_H_
#define H2_H2CORE_STREAM_STATE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "h2core/error.h"

namespace h2::inline v0 {

// RFC 9113 §5.1. How a stream closed is a state of its own, as the verdict on late frames depends
// on it.
enum class StreamState : std::uint8_t {
  kIdle,
  kReservedLocal,
  kReservedRemote,
  kOpen,
  kHalfClosedLocal,
  kHalfClosedRemote,
  kClosedByEndStream,  // both sides ended; also: reset by us, and the peer is known to have seen it
  kClosedByLocalReset,  // we reset it; frames of the peer may still be in flight
  kClosedByPeerReset,
  kClosedByGoAway,  // above the last stream of the peer's GOAWAY
  kClosed,          // long ago, or skipped
};
inline constexpr std::size_t kStreamStates = 11;

// The state's name in snake_case, such as "half_closed_local"; static storage.
std::string_view to_string(StreamState state);

// What can happen to a stream. CONTINUATION belongs to the frame that it continues.
enum class StreamInput : std::uint8_t {
  kSendHeaders,
  kSendHeadersEndStream,
  kSendData,
  kSendDataEndStream,
  kSendPushPromise,  // on this stream, promising another
  kSendRstStream,
  kSendWindowUpdate,
  kReceiveHeaders,
  kReceiveHeadersEndStream,
  kReceiveData,
  kReceiveDataEndStream,
  kReceivePushPromise,
  kReceiveRstStream,
  kReceiveWindowUpdate,
  kReceivePriority,
};
inline constexpr std::size_t kStreamInputs = 15;

// What becomes of an input.
enum class Verdict : std::uint8_t {
  kAccept,       // the stream goes on to `next`
  kIgnore,       // processed as far as the connection needs it (HPACK, flow control), then dropped
  kStreamError,  // the peer's mistake
  kConnectionError,  // the peer's mistake
  kUsageError,       // the caller's mistake; of the send inputs only
};

struct Cell {
  Verdict verdict = Verdict::kIgnore;
  StreamState next = StreamState::kIdle;
  ErrorCode code = ErrorCode::kNoError;
  Errc cause = Errc::kNone;
};

namespace stream_table {

struct Row {
  StreamState state;
  StreamInput input;
  Cell cell;
};

constexpr Cell go(StreamState next) {
  return {Verdict::kAccept, next, ErrorCode::kNoError, Errc::kNone};
}
constexpr Cell ignore() { return {}; }
constexpr Cell stream_error(Errc cause) {
  return {Verdict::kStreamError, StreamState::kClosedByLocalReset, ErrorCode::kStreamClosed, cause};
}
constexpr Cell connection_error(ErrorCode code, Errc cause) {
  return {Verdict::kConnectionError, StreamState::kClosed, code, cause};
}
constexpr Cell usage(Errc cause) {
  return {Verdict::kUsageError, StreamState::kIdle, ErrorCode::kNoError, cause};
}

using I = StreamInput;
using S = StreamState;

inline constexpr Cell kIdleError =
    connection_error(ErrorCode::kProtocolError, Errc::kFrameOnIdleStream);
inline constexpr Cell kClosedError =
    connection_error(ErrorCode::kStreamClosed, Errc::kFrameOnClosedStream);

// clang-format off
inline constexpr Row kRows[] = {
    // idle: HEADERS opens it; anything but HEADERS and PRIORITY is a connection error of type PROTOCOL_ERROR.
    {S::kIdle, I::kSendHeaders, go(S::kOpen)},
    {S::kIdle, I::kSendHeadersEndStream, go(S::kHalfClosedLocal)},
    {S::kIdle, I::kSendData, usage(Errc::kStreamUnknown)},
    {S::kIdle, I::kSendDataEndStream, usage(Errc::kStreamUnknown)},
    {S::kIdle, I::kSendPushPromise, usage(Errc::kStreamUnknown)},
    {S::kIdle, I::kSendRstStream, usage(Errc::kStreamUnknown)},
    {S::kIdle, I::kSendWindowUpdate, usage(Errc::kStreamUnknown)},
    {S::kIdle, I::kReceiveHeaders, go(S::kOpen)},
    {S::kIdle, I::kReceiveHeadersEndStream, go(S::kHalfClosedRemote)},
    {S::kIdle, I::kReceiveData, kIdleError},
    {S::kIdle, I::kReceiveDataEndStream, kIdleError},
    {S::kIdle, I::kReceivePushPromise, kIdleError},
    {S::kIdle, I::kReceiveRstStream, kIdleError},
    {S::kIdle, I::kReceiveWindowUpdate, kIdleError},
    {S::kIdle, I::kReceivePriority, ignore()},

    // reserved (local): we promised it; we may send HEADERS or RST_STREAM, and receive RST_STREAM,
    // WINDOW_UPDATE and PRIORITY.
    {S::kReservedLocal, I::kSendHeaders, go(S::kHalfClosedRemote)},
    {S::kReservedLocal, I::kSendHeadersEndStream, go(S::kClosedByEndStream)},
    {S::kReservedLocal, I::kSendData, usage(Errc::kDataBeforeHeaders)},
    {S::kReservedLocal, I::kSendDataEndStream, usage(Errc::kDataBeforeHeaders)},
    {S::kReservedLocal, I::kSendPushPromise, usage(Errc::kWrongPhase)},
    {S::kReservedLocal, I::kSendRstStream, go(S::kClosedByLocalReset)},
    {S::kReservedLocal, I::kSendWindowUpdate, usage(Errc::kWrongPhase)},
    {S::kReservedLocal, I::kReceiveHeaders, kIdleError},
    {S::kReservedLocal, I::kReceiveHeadersEndStream, kIdleError},
    {S::kReservedLocal, I::kReceiveData, kIdleError},
    {S::kReservedLocal, I::kReceiveDataEndStream, kIdleError},
    {S::kReservedLocal, I::kReceivePushPromise, kIdleError},
    {S::kReservedLocal, I::kReceiveRstStream, go(S::kClosedByPeerReset)},
    {S::kReservedLocal, I::kReceiveWindowUpdate, go(S::kReservedLocal)},
    {S::kReservedLocal, I::kReceivePriority, ignore()},

    // reserved (remote): the peer promised it; HEADERS begins the response.
    {S::kReservedRemote, I::kSendHeaders, usage(Errc::kWrongRole)},
    {S::kReservedRemote, I::kSendHeadersEndStream, usage(Errc::kWrongRole)},
    {S::kReservedRemote, I::kSendData, usage(Errc::kWrongRole)},
    {S::kReservedRemote, I::kSendDataEndStream, usage(Errc::kWrongRole)},
    {S::kReservedRemote, I::kSendPushPromise, usage(Errc::kWrongRole)},
    {S::kReservedRemote, I::kSendRstStream, go(S::kClosedByLocalReset)},
    {S::kReservedRemote, I::kSendWindowUpdate, go(S::kReservedRemote)},
    {S::kReservedRemote, I::kReceiveHeaders, go(S::kHalfClosedLocal)},
    {S::kReservedRemote, I::kReceiveHeadersEndStream, go(S::kClosedByEndStream)},
    {S::kReservedRemote, I::kReceiveData, kIdleError},
    {S::kReservedRemote, I::kReceiveDataEndStream, kIdleError},
    {S::kReservedRemote, I::kReceivePushPromise, kIdleError},
    {S::kReservedRemote, I::kReceiveRstStream, go(S::kClosedByPeerReset)},
    {S::kReservedRemote, I::kReceiveWindowUpdate, kIdleError},
    {S::kReservedRemote, I::kReceivePriority, ignore()},

    // open: everything, in both directions.
    {S::kOpen, I::kSendHeaders, go(S::kOpen)},
    {S::kOpen, I::kSendHeadersEndStream, go(S::kHalfClosedLocal)},
    {S::kOpen, I::kSendData, go(S::kOpen)},
    {S::kOpen, I::kSendDataEndStream, go(S::kHalfClosedLocal)},
    {S::kOpen, I::kSendPushPromise, go(S::kOpen)},
    {S::kOpen, I::kSendRstStream, go(S::kClosedByLocalReset)},
    {S::kOpen, I::kSendWindowUpdate, go(S::kOpen)},
    {S::kOpen, I::kReceiveHeaders, go(S::kOpen)},
    {S::kOpen, I::kReceiveHeadersEndStream, go(S::kHalfClosedRemote)},
    {S::kOpen, I::kReceiveData, go(S::kOpen)},
    {S::kOpen, I::kReceiveDataEndStream, go(S::kHalfClosedRemote)},
    {S::kOpen, I::kReceivePushPromise, go(S::kOpen)},
    {S::kOpen, I::kReceiveRstStream, go(S::kClosedByPeerReset)},
    {S::kOpen, I::kReceiveWindowUpdate, go(S::kOpen)},
    {S::kOpen, I::kReceivePriority, ignore()},

    // half-closed (local): we have ended; the peer may send anything.
    {S::kHalfClosedLocal, I::kSendHeaders, usage(Errc::kStreamClosedLocally)},
    {S::kHalfClosedLocal, I::kSendHeadersEndStream, usage(Errc::kStreamClosedLocally)},
    {S::kHalfClosedLocal, I::kSendData, usage(Errc::kStreamClosedLocally)},
    {S::kHalfClosedLocal, I::kSendDataEndStream, usage(Errc::kStreamClosedLocally)},
    {S::kHalfClosedLocal, I::kSendPushPromise, usage(Errc::kStreamClosedLocally)},
    {S::kHalfClosedLocal, I::kSendRstStream, go(S::kClosedByLocalReset)},
    {S::kHalfClosedLocal, I::kSendWindowUpdate, go(S::kHalfClosedLocal)},
    {S::kHalfClosedLocal, I::kReceiveHeaders, go(S::kHalfClosedLocal)},
    {S::kHalfClosedLocal, I::kReceiveHeadersEndStream, go(S::kClosedByEndStream)},
    {S::kHalfClosedLocal, I::kReceiveData, go(S::kHalfClosedLocal)},
    {S::kHalfClosedLocal, I::kReceiveDataEndStream, go(S::kClosedByEndStream)},
    {S::kHalfClosedLocal, I::kReceivePushPromise, go(S::kHalfClosedLocal)},
    {S::kHalfClosedLocal, I::kReceiveRstStream, go(S::kClosedByPeerReset)},
    {S::kHalfClosedLocal, I::kReceiveWindowUpdate, go(S::kHalfClosedLocal)},
    {S::kHalfClosedLocal, I::kReceivePriority, ignore()},

    // half-closed (remote): the peer has ended; more from it is a stream error of type STREAM_CLOSED.
    {S::kHalfClosedRemote, I::kSendHeaders, go(S::kHalfClosedRemote)},
    {S::kHalfClosedRemote, I::kSendHeadersEndStream, go(S::kClosedByEndStream)},
    {S::kHalfClosedRemote, I::kSendData, go(S::kHalfClosedRemote)},
    {S::kHalfClosedRemote, I::kSendDataEndStream, go(S::kClosedByEndStream)},
    {S::kHalfClosedRemote, I::kSendPushPromise, go(S::kHalfClosedRemote)},
    {S::kHalfClosedRemote, I::kSendRstStream, go(S::kClosedByLocalReset)},
    {S::kHalfClosedRemote, I::kSendWindowUpdate, usage(Errc::kWrongPhase)},
    {S::kHalfClosedRemote, I::kReceiveHeaders, stream_error(Errc::kFrameOnHalfClosedStream)},
    {S::kHalfClosedRemote, I::kReceiveHeadersEndStream, stream_error(Errc::kFrameOnHalfClosedStream)},
    {S::kHalfClosedRemote, I::kReceiveData, stream_error(Errc::kFrameOnHalfClosedStream)},
    {S::kHalfClosedRemote, I::kReceiveDataEndStream, stream_error(Errc::kFrameOnHalfClosedStream)},
    // RFC 9113 §6.6: PUSH_PROMISE on a stream neither "open" nor "half-closed (local)".
    {S::kHalfClosedRemote, I::kReceivePushPromise,
     connection_error(ErrorCode::kProtocolError, Errc::kFrameOnHalfClosedStream)},
    {S::kHalfClosedRemote, I::kReceiveRstStream, go(S::kClosedByPeerReset)},
    {S::kHalfClosedRemote, I::kReceiveWindowUpdate, go(S::kHalfClosedRemote)},
    {S::kHalfClosedRemote, I::kReceivePriority, ignore()},
};
// clang-format on

// The closed states have one shape: nothing can be sent; RST_STREAM and WINDOW_UPDATE may have been
// in flight and are ignored; DATA, HEADERS and PUSH_PROMISE depend on how it closed.
constexpr Cell closed_cell(StreamState state, StreamInput input) {
  switch (input) {
    case I::kSendHeaders:
    case I::kSendHeadersEndStream:
    case I::kSendData:
    case I::kSendDataEndStream:
    case I::kSendPushPromise:
    case I::kSendRstStream:
    case I::kSendWindowUpdate:
      return usage(Errc::kStreamClosedLocally);
    case I::kReceiveRstStream:
    case I::kReceiveWindowUpdate:
    case I::kReceivePriority:
      return ignore();
    case I::kReceiveHeaders:
    case I::kReceiveHeadersEndStream:
    case I::kReceiveData:
    case I::kReceiveDataEndStream:
    case I::kReceivePushPromise:
      break;
  }
  switch (state) {
    case S::kClosedByEndStream:
    case S::kClosedByPeerReset:
      return kClosedError;
    case S::kClosedByLocalReset:  // > MUST minimally process and then discard any frames it
                                  // receives
    case S::kClosedByGoAway:
    case S::kClosed:  // > can perform this minimal processing for all streams that are in the
                      // "closed" state
    default:
      return ignore();
  }
}

using Table = std::array<std::array<Cell, kStreamInputs>, kStreamStates>;

constexpr bool is_closed(StreamState state) { return state >= StreamState::kClosedByEndStream; }

constexpr Table make() {
  Table table{};
  for (const Row& row : kRows) {
    table[static_cast<std::size_t>(row.state)][static_cast<std::size_t>(row.input)] = row.cell;
  }
  for (std::size_t s = 0; s < kStreamStates; ++s) {
    if (!is_closed(static_cast<StreamState>(s))) continue;
    for (std::size_t i = 0; i < kStreamInputs; ++i) {
      table[s][i] = closed_cell(static_cast<StreamState>(s), static_cast<StreamInput>(i));
    }
  }
  return table;
}

// Cells of the states that are not closed which no row, or more than one, sets.
constexpr std::size_t badly_set_cells() {
  std::array<std::array<int, kStreamInputs>, kStreamStates> times{};
  for (const Row& row : kRows) {
    ++times[static_cast<std::size_t>(row.state)][static_cast<std::size_t>(row.input)];
  }
  std::size_t bad = 0;
  for (std::size_t s = 0; s < kStreamStates; ++s) {
    const int wanted = is_closed(static_cast<StreamState>(s)) ? 0 : 1;
    for (const int n : times[s]) bad += n == wanted ? 0 : 1;
  }
  return bad;
}
static_assert(badly_set_cells() == 0, "the stream table sets each cell exactly once");

inline constexpr Table kTable = make();

}  // namespace stream_table

// The verdict on an input in a state. Total: there is a cell for every pair.
constexpr const Cell& transition(StreamState state, StreamInput input) {
  return stream_table::kTable[static_cast<std::size_t>(state)][static_cast<std::size_t>(input)];
}

}  // namespace h2::inline v0

#endif  // H2_H2CORE_STREAM_STATE_H_
