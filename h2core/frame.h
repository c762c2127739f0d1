// Frames as data: the nine-byte header, the types, and one complete struct per type (RFC 9113 §4.1,
// §6; RFC 7838 §4, RFC 8336 §2, RFC 9218 §7.1). Tested by tests/h2core/frame_decoder_test.cc and
// frame_encoder_test.cc.
#ifndef H2_H2CORE_FRAME_H_
#define H2_H2CORE_FRAME_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "h2core/error_code.h"
#include "h2core/settings.h"
#include "h2core/stream_id.h"
#include "hpack/bytes.h"

namespace h2::inline v0 {

// A frame's type on the wire; others exist and are skipped (RFC 9113 §4.1).
enum class FrameType : std::uint8_t {
  kData = 0x0,
  kHeaders = 0x1,
  kPriority = 0x2,
  kRstStream = 0x3,
  kSettings = 0x4,
  kPushPromise = 0x5,
  kPing = 0x6,
  kGoAway = 0x7,
  kWindowUpdate = 0x8,
  kContinuation = 0x9,
  kAltSvc = 0xa,           // RFC 7838 §4
  kOrigin = 0xc,           // RFC 8336 §2
  kPriorityUpdate = 0x10,  // RFC 9218 §7.1
};

// Whether the type is one of those that this library acts on; others can be sent and received as
// extension frames (RFC 9113 §5.5).
constexpr bool is_known(FrameType type) {
  return type <= FrameType::kAltSvc || type == FrameType::kOrigin ||
         type == FrameType::kPriorityUpdate;
}

// The name as the RFC spells it, such as "WINDOW_UPDATE"; "UNKNOWN" for other types.
std::string_view to_string(FrameType type);

inline constexpr std::uint8_t kFlagEndStream = 0x1;   // DATA, HEADERS
inline constexpr std::uint8_t kFlagAck = 0x1;         // SETTINGS, PING
inline constexpr std::uint8_t kFlagEndHeaders = 0x4;  // HEADERS, PUSH_PROMISE, CONTINUATION
inline constexpr std::uint8_t kFlagPadded = 0x8;      // DATA, HEADERS, PUSH_PROMISE
inline constexpr std::uint8_t kFlagPriority = 0x20;   // HEADERS

inline constexpr std::size_t kFrameHeaderSize = 9;

// What a client sends before its first frame (RFC 9113 §3.4).
inline constexpr std::string_view kClientPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// The header of every frame (RFC 9113 §4.1). The reserved bit is ignored on receipt and sent as 0.
struct FrameHeader {
  std::uint32_t length = 0;  // of the payload, 24 bits
  FrameType type{};
  std::uint8_t flags = 0;
  StreamId stream_id;
  bool has(std::uint8_t flag) const { return (flags & flag) != 0; }
  friend bool operator==(const FrameHeader&, const FrameHeader&) = default;
};

// The deprecated priority fields, parsed and otherwise ignored (RFC 9113 §5.3.2).
struct PriorityFields {
  bool exclusive = false;
  StreamId dependency;
  std::uint8_t weight = 0;  // on the wire: one less than the weight
  friend bool operator==(const PriorityFields&, const PriorityFields&) = default;
};

// Views in frames point into the payload that was decoded.
struct DataFrame {
  StreamId stream_id;
  bool end_stream = false;
  Bytes data;
  std::uint32_t flow_controlled_length = 0;  // the whole payload, padding included
};
struct HeadersFrame {
  StreamId stream_id;
  bool end_stream = false;
  bool end_headers = false;
  std::optional<PriorityFields> priority;
  Bytes fragment;
};
struct PriorityFrame {
  StreamId stream_id;
  PriorityFields priority;
};
struct RstStreamFrame {
  StreamId stream_id;
  ErrorCode error_code{};
};
struct SettingsFrame {
  bool ack = false;
  Bytes entries;  // six bytes each; see setting_at
  std::size_t count() const { return entries.size() / 6; }
};
struct PushPromiseFrame {
  StreamId stream_id;
  StreamId promised_stream_id;
  bool end_headers = false;
  Bytes fragment;
};
struct PingFrame {
  bool ack = false;
  std::array<std::uint8_t, 8> data{};
};
struct GoAwayFrame {
  StreamId last_stream_id;
  ErrorCode error_code{};
  Bytes additional_data;
};
struct WindowUpdateFrame {
  StreamId stream_id;
  std::uint32_t increment =
      0;  // 0 is an error that depends on the stream; the connection judges it
};
struct ContinuationFrame {
  StreamId stream_id;
  bool end_headers = false;
  Bytes fragment;
};
// An alternative service for `origin`, or for the stream's origin (RFC 7838 §4).
struct AltSvcFrame {
  StreamId stream_id;
  Bytes origin;
  Bytes field_value;
};
// The origins that a server says it speaks for (RFC 8336 §2.1).
struct OriginFrame {
  FrameHeader header;
  Bytes entries;  // each: two bytes of length, then the origin
};
// A client's wish about the priority of a response (RFC 9218 §7.1).
struct PriorityUpdateFrame {
  StreamId prioritized_stream_id;
  Bytes field_value;
};
// A frame of a type that is not among FrameType's, or whose payload makes no sense of a type that
// is to be ignored then (RFC 9113 §4.1).
struct UnknownFrame {
  FrameHeader header;
  Bytes payload;
};

using Frame =
    std::variant<DataFrame, HeadersFrame, PriorityFrame, RstStreamFrame, SettingsFrame,
                 PushPromiseFrame, PingFrame, GoAwayFrame, WindowUpdateFrame, ContinuationFrame,
                 AltSvcFrame, OriginFrame, PriorityUpdateFrame, UnknownFrame>;

}  // namespace h2::inline v0

#endif  // H2_H2CORE_FRAME_H_
