// The three kinds of error, and the one list of causes underneath (RFC 9113 §5.4).
//
// ConnectionError and StreamError are the peer's doing: the core answers them itself with GOAWAY or
// RST_STREAM and reports them as events. UsageError is the caller's doing: it is returned to the
// caller, sends nothing and leaves the connection as it was. Tested by tests/h2core/error_test.cc.
#ifndef H2_H2CORE_ERROR_H_
#define H2_H2CORE_ERROR_H_

#include <cstdint>
#include <string_view>

#include "h2core/error_code.h"
#include "h2core/stream_id.h"

namespace h2::inline v0 {

// Why something failed. Each value has a sentence (describe) that names the rule and its section.
enum class Errc : std::uint16_t {
  kNone = 0,

  // Connection level, framing.
  kBadPreface,              // the client's first bytes are not the preface (RFC 9113 §3.4)
  kFirstFrameNotSettings,   // the peer's first frame is not SETTINGS (RFC 9113 §3.4)
  kNotHttp2,                // the server's first bytes look like another protocol (RFC 9113 §3.4)
  kFrameTooLarge,           // longer than our SETTINGS_MAX_FRAME_SIZE (RFC 9113 §4.2)
  kFrameSizeWrong,          // a frame of fixed or minimum length has another (RFC 9113 §4.2)
  kFrameOnStreamZero,       // a stream's frame on stream 0
  kFrameNotOnStreamZero,    // a connection's frame on a stream
  kPaddingTooLong,          // padding as long as the payload or longer (RFC 9113 §6.1)
  kInterleavedHeaderBlock,  // another frame inside a field block (RFC 9113 §4.3)
  kUnexpectedContinuation,  // CONTINUATION without an open field block (RFC 9113 §6.10)
  kCompressionFailed,       // the field block does not decode (RFC 9113 §4.3)

  // Connection level, streams and settings.
  kFrameOnIdleStream,        // (RFC 9113 §5.1)
  kFrameOnClosedStream,      // (RFC 9113 §5.1)
  kFrameOnHalfClosedStream,  // after the peer's END_STREAM (RFC 9113 §5.1)
  kStreamIdWrongParity,      // (RFC 9113 §5.1.1)
  kStreamIdNotIncreasing,    // (RFC 9113 §5.1.1)
  kSettingsValueInvalid,     // (RFC 9113 §6.5.2)
  kSettingsTimeout,          // our SETTINGS were not acknowledged in time (RFC 9113 §6.5.3)
  kPrefaceTimeout,           // the peer's preface did not arrive in time (RFC 9113 §3.4)
  kPushNotAllowed,           // PUSH_PROMISE by a client, or while push is disabled (RFC 9113 §8.4)
  kPushedStreamInvalid,      // promised identifier not usable (RFC 9113 §6.6)
  kGoAwayLastStreamRaised,   // a later GOAWAY raised the last stream (RFC 9113 §6.8)
  kPriorityUpdateInvalid,    // by a server, for stream 0, or for too many streams (RFC 9218 §7.1)

  // Flow control.
  kWindowIncrementZero,  // (RFC 9113 §6.9)
  kWindowOverflow,       // window above 2^31-1 (RFC 9113 §6.9.1)
  kWindowExceeded,       // the peer sent more than we allowed (RFC 9113 §6.9.1)

  // Messages (RFC 9113 §8.1.1: malformed).
  kFieldNameInvalid,           // (RFC 9113 §8.2.1)
  kFieldValueInvalid,          // (RFC 9113 §8.2.1)
  kFieldConnectionSpecific,    // (RFC 9113 §8.2.2)
  kPseudoFieldAfterRegular,    // (RFC 9113 §8.3)
  kPseudoFieldUnknown,         // (RFC 9113 §8.3)
  kPseudoFieldDuplicate,       // (RFC 9113 §8.3)
  kPseudoFieldMissing,         // (RFC 9113 §8.3.1)
  kPseudoFieldInTrailers,      // (RFC 9113 §8.1)
  kFieldNotAllowedInTrailers,  // content-length, or in trailers of ours others (RFC 9110 §6.5.1)
  kPseudoFieldInvalid,  // a value of :method, :path, :scheme, :authority or :status (RFC 9113 §8.3)
  kAuthorityMismatch,   // :authority and host differ (RFC 9113 §8.3.1)
  kConnectMalformed,    // (RFC 9113 §8.5)
  kExtendedConnectNotOffered,  // :protocol without ENABLE_CONNECT_PROTOCOL (RFC 8441 §3)
  kContentLengthInvalid,       // (RFC 9113 §8.1.1)
  kContentLengthMismatch,      // (RFC 9113 §8.1.1)
  kInformationalEndsStream,    // (RFC 9113 §8.1)
  kSwitchingProtocols,         // status 101 (RFC 9113 §8.6)
  kTrailersWithoutEndStream,   // (RFC 9113 §8.1)
  kDataBeforeHeaders,          // (RFC 9113 §8.1)
  kBodyNotAllowed,             // DATA after HEAD, 204 or 304 (RFC 9113 §8.1.1)

  // Limits of our own (docs/limits.md).
  kTooManyStreams,        // above our SETTINGS_MAX_CONCURRENT_STREAMS (RFC 9113 §5.1.2)
  kHeaderListTooLarge,    // above our SETTINGS_MAX_HEADER_LIST_SIZE (RFC 9113 §10.5.1)
  kTooManyContinuations,  // (RFC 9113 §10.5)
  kTooManySettings,       // (RFC 9113 §10.5)
  kTooManyInformational,  // 1xx responses on one stream
  kAbuse,                 // the abuse budget is spent (RFC 9113 §10.5)
  kOutOfMemory,           // the memory resource or Config::memory_limit refused
  kRefusedByPeer,     // REFUSED_STREAM, or above the peer's GOAWAY: not processed (RFC 9113 §8.7)
  kResetByPeer,       // any other RST_STREAM (RFC 9113 §6.4)
  kConnectionLost,    // the byte stream ended with streams open
  kLostInFrame,       // the same, in the middle of a frame
  kLostInFieldBlock,  // the same, in the middle of a field block: CONTINUATION was to come
  kBodyFailed,        // our own BodySource reported an error

  // The caller's mistakes.
  kStreamUnknown,        // no such stream, or long gone
  kStreamClosedLocally,  // our side of the stream is ended or reset already
  kStreamIdUnavailable,  // not the next identifier of our parity, or none is left (RFC 9113 §5.1.1)
  kWrongRole,            // this role may not send that
  kWrongPhase,           // headers, body and trailers in an order that HTTP does not allow
  kConnectionClosed,     // the connection has failed, is closed or takes no new streams
  kValueOutOfRange,      // an argument outside its documented range
  kPushDisabledByPeer,   // (RFC 9113 §8.4)
  kPriorityNotOffered,   // the server's SETTINGS lack NO_RFC7540_PRIORITIES (RFC 9218 §2.1.1)
  kQueueFull,            // Config::max_queued_requests
};

// Whether the cause is the end of the byte stream, wherever it came.
constexpr bool is_connection_lost(Errc cause) {
  return cause == Errc::kConnectionLost || cause == Errc::kLostInFrame ||
         cause == Errc::kLostInFieldBlock;
}

// One sentence about the cause, for people; static storage.
std::string_view describe(Errc cause);
// The cause's name in snake_case, for logs and machines, such as "window_overflow"; static storage.
std::string_view to_string(Errc cause);

// The connection cannot go on. The core has queued GOAWAY with `code` (RFC 9113 §5.4.1).
struct ConnectionError {
  ErrorCode code = ErrorCode::kNoError;
  Errc cause = Errc::kNone;
  friend bool operator==(const ConnectionError&, const ConnectionError&) = default;
};

// One stream cannot go on. The core has queued RST_STREAM with `code` (RFC 9113 §5.4.2).
struct StreamError {
  StreamId stream_id;
  ErrorCode code = ErrorCode::kNoError;
  Errc cause = Errc::kNone;
  friend bool operator==(const StreamError&, const StreamError&) = default;
};

// The caller asked for something that HTTP/2 or the state of things does not allow. Nothing was
// sent, nothing changed.
struct UsageError {
  Errc cause = Errc::kNone;
  friend bool operator==(const UsageError&, const UsageError&) = default;
};

}  // namespace h2::inline v0

#endif  // H2_H2CORE_ERROR_H_
