// What a Connection reports: one complete struct per kind, in a variant to be visited without a
// catch-all arm. Views (fields, data) live until the next receive_data on the same connection; no
// other call invalidates them. Tested by tests/h2core/connection_*_test.cc.
#ifndef H2_H2CORE_EVENT_H_
#define H2_H2CORE_EVENT_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

#include "h2core/error.h"
#include "h2core/priority.h"
#include "h2core/settings.h"
#include "h2core/stream_id.h"
#include "h2core/time.h"
#include "hpack/bytes.h"
#include "hpack/field_list.h"

namespace h2::inline v0 {

using hpack::FieldsView;

// Whether a frame ends its side of the stream (RFC 9113 §5.1).
enum class EndStream : bool { kNo, kYes };

// Whether the peer acted on a stream's request (RFC 9113 §8.7); kNo means that a retry is safe.
enum class Processed : std::uint8_t {
  // Certainly not: the peer says so (REFUSED_STREAM, or a GOAWAY below the stream), or the request
  // never went out whole: it was still queued, or the byte stream ended before mark_sent had passed
  // its field section.
  kNo,
  // It did: a valid final response has begun to come, whatever the peer said later. A 1xx response
  // is not enough: 100 says only that the request was not rejected yet (RFC 9110 §15.2.1).
  kYes,
  // It may have. Also what a server is told of its clients' requests, as it knows best itself.
  kUnknown,
};

// The eight opaque bytes of a PING (RFC 9113 §6.7).
using PingData = std::array<std::uint8_t, 8>;

// Names one body handed to send_data or send_body; chosen by the caller, returned in BodyReleased.
using BodyTag = std::uint64_t;

// Server: a request's header section, complete and valid (RFC 9113 §8.3.1).
struct RequestReceived {
  StreamId stream_id;
  FieldsView fields;
  EndStream end_stream{};
};

// Client: the final response's header section (RFC 9113 §8.3.2). The status is 200 to 999; what is
// above 599 is to be taken for a server's error (RFC 9110 §15).
struct ResponseReceived {
  StreamId stream_id;
  int status = 0;
  FieldsView fields;
  EndStream end_stream{};
};

// Client: a 1xx response (RFC 9113 §8.1); the final one is still to come.
struct InformationalResponseReceived {
  StreamId stream_id;
  int status = 0;
  FieldsView fields;
};

// The trailer section; the peer's side of the stream has ended (RFC 9113 §8.1).
struct TrailersReceived {
  StreamId stream_id;
  FieldsView fields;
};

// One DATA frame (RFC 9113 §6.1). Return its credit with acknowledge_received_data when the bytes
// have been used; `flow_controlled_length` is the credit that the frame took, padding included (the
// padding's share is returned by the core itself, so acknowledge data.size()).
struct DataReceived {
  StreamId stream_id;
  Bytes data;
  std::uint32_t flow_controlled_length = 0;
  EndStream end_stream{};
};

// Why a stream ended before both sides finished it.
enum class ResetBy : std::uint8_t {
  kPeer,        // RST_STREAM (RFC 9113 §6.4)
  kLocalError,  // the peer broke a rule or a limit on it; we sent RST_STREAM (RFC 9113 §5.4.2)
  kGoAway,      // above the last stream of the peer's GOAWAY (RFC 9113 §6.8)
  kConnection,  // the connection failed or was lost
};

// A stream ended abnormally; nothing more is reported for it except BodyReleased. A stream that the
// caller resets itself is not reported.
struct StreamReset {
  StreamId stream_id;
  ResetBy by{};
  ErrorCode error_code{};  // the peer's code, or ours
  Errc cause{};
  Processed processed{};
};

// Client: the peer promises a response to `fields` on `promised_stream_id` (RFC 9113 §8.4).
struct PushedStreamReceived {
  StreamId parent_stream_id;
  StreamId promised_stream_id;
  FieldsView fields;
};

// The caller's memory of one body is no longer referred to (RFC-free: see send_data).
struct BodyReleased {
  StreamId stream_id;
  BodyTag tag = 0;
  // All of it went out; else the stream or the connection ended first.
  bool complete = false;
};

// The stream may send more than before; `delta` bytes were added to its window, or to the
// connection's (stream 0) (RFC 9113 §6.9). Bodies handed to the core go on by themselves.
struct WindowUpdated {
  StreamId stream_id;
  std::uint32_t delta = 0;
};

// The peer's SETTINGS, applied and acknowledged (RFC 9113 §6.5). The span lives until the next
// receive_data.
struct RemoteSettingsChanged {
  std::span<const Setting> changed;
};

// The peer acknowledged our oldest outstanding SETTINGS; they are in force now (RFC 9113 §6.5.3).
struct SettingsAcknowledged {
  Settings in_force;
};

// A PING that the core has answered (RFC 9113 §6.7).
struct PingReceived {
  PingData data{};
};

// The answer to our PING; `round_trip` is measured between the instants passed to ping and
// receive_data.
struct PingAckReceived {
  PingData data{};
  Duration round_trip;
};

// The peer's GOAWAY (RFC 9113 §6.8). Streams up to `last_stream_id` may finish; our streams above
// it are reported as StreamReset right after this event, with Processed::kNo unless their response
// had begun.
struct ConnectionTerminated {
  ErrorCode error_code{};
  StreamId last_stream_id;
  Bytes additional_data;  // at most 256 bytes are kept
};

// Server: the client's PRIORITY_UPDATE, which the order of sending follows from now on (RFC 9218
// §7.1). The stream may be one that the client has not started yet.
struct PriorityUpdated {
  StreamId stream_id;
  Priority priority;
};

// Client: the server knows another way to reach an origin (RFC 7838 §4). On a stream, `origin` is
// empty and the stream's origin is meant; on stream 0 it is up to the application to ignore origins
// that the server does not speak for. `field_value` has the form of the Alt-Svc field (RFC 7838
// §3).
struct AlternativeServiceAvailable {
  StreamId stream_id;
  std::string_view origin;
  std::string_view field_value;
};

// Origins as an ORIGIN frame lists them, such as "https://example.com"; iterating gives
// string_views. What is no ASCII serialization of an origin is passed over (RFC 8336 §2.2).
class OriginsView {
 public:
  // `entries`: the payload of an ORIGIN frame (RFC 8336 §2.1).
  explicit OriginsView(Bytes entries) : entries_(entries) {}

  class Iterator {
   public:
    using value_type = std::string_view;
    using reference = std::string_view;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::input_iterator_tag;

    Iterator() = default;
    explicit Iterator(Bytes rest) : rest_(rest) { next(); }
    std::string_view operator*() const { return origin_; }
    Iterator& operator++() {
      next();
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      next();
      return before;
    }
    friend bool operator==(const Iterator& a, const Iterator& b) {
      return a.origin_.data() == b.origin_.data();
    }

   private:
    void next();

    Bytes rest_;
    std::string_view origin_;  // null: the end
  };

  Iterator begin() const { return Iterator(entries_); }
  Iterator end() const { return {}; }

 private:
  Bytes entries_;
};

// Client: origins that the server speaks for on this connection (RFC 8336 §2); to be added to those
// of earlier frames. Its first one, even if empty, says that there are no others but the one that
// was dialled.
struct OriginsReceived {
  OriginsView origins;
};

// A frame of a type in Config::extension_frames (RFC 9113 §5.5).
struct ExtensionFrameReceived {
  std::uint8_t type = 0;
  std::uint8_t flags = 0;
  StreamId stream_id;
  Bytes payload;
};

// The peer broke the protocol, or the byte stream was lost; nothing follows but the ends of
// streams.
struct ConnectionFailed {
  ConnectionError error;
  // For Errc::kNotHttp2 and kBadPreface: what came instead, at most 64 bytes.
  Bytes excerpt;
};

using Event =
    std::variant<RequestReceived, ResponseReceived, InformationalResponseReceived, TrailersReceived,
                 DataReceived, StreamReset, PushedStreamReceived, BodyReleased, WindowUpdated,
                 RemoteSettingsChanged, SettingsAcknowledged, PingReceived, PingAckReceived,
                 ConnectionTerminated, PriorityUpdated, AlternativeServiceAvailable,
                 OriginsReceived, ExtensionFrameReceived, ConnectionFailed>;

// Joins lambdas into one visitor: std::visit(overloaded{...}, event).
template <class... Ts>
struct overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
overloaded(Ts...) -> overloaded<Ts...>;

}  // namespace h2::inline v0

#endif  // H2_H2CORE_EVENT_H_
