// One HTTP/2 connection in memory, for both roles: bytes in, events out; calls in, bytes out (RFC
// 9113).
//
//   h2::Connection conn(h2::Role::kClient, h2::Config::client(), now);   // its preface is queued
//   auto id = conn.get_next_available_stream_id();
//   conn.send_headers(*id, fields, h2::EndStream::kYes);
//   for (h2::Bytes piece : conn.data_to_send()) n += write(piece);
//   conn.mark_sent(n);
//   auto [consumed, events] = conn.receive_data(bytes, now);
//   for (const h2::Event& e : events) std::visit(h2::overloaded{...}, e);
//
// A loop needs no more than want_read(), want_write(), next_deadline() -> on_time(now), and done().
// Not thread-safe; performs no I/O, reads no clock, throws nothing and needs no exceptions.
// Tested by tests/h2core/connection_*_test.cc.
#ifndef H2_H2CORE_CONNECTION_H_
#define H2_H2CORE_CONNECTION_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "h2core/body_source.h"
#include "h2core/config.h"
#include "h2core/error.h"
#include "h2core/event.h"
#include "h2core/frame.h"
#include "h2core/inspection.h"
#include "h2core/priority.h"
#include "h2core/settings.h"
#include "h2core/stream_id.h"
#include "h2core/stream_state.h"
#include "h2core/time.h"
#include "h2core/upgrade.h"
#include "hpack/bytes.h"
#include "hpack/header_field.h"
#include "hpack/result.h"

namespace h2::inline v0 {

using hpack::HeaderField;

// What receive_data did. `events` and all views in it live until the next receive_data.
struct Received {
  // Bytes taken from the front of the input. Fewer than given: the connection has paused (many
  // frames in one call, answers waiting to be sent, or memory); come back with the rest, at once if
  // want_read() says so, else after mark_sent.
  std::size_t consumed = 0;
  std::span<const Event> events;
};

// Streams of this connection, by who started them (RFC 9113 §5.1.2).
struct StreamCounts {
  std::uint32_t active_local = 0;   // ours, open or half-closed, slots held included
  std::uint32_t active_remote = 0;  // the peer's
  std::uint32_t queued = 0;         // requests waiting for the peer's limit
  std::uint32_t reserved = 0;       // promised and not begun
};

// Field bytes before and after compression, in one direction (RFC 7541).
struct HpackCounts {
  std::uint64_t plain = 0;          // names + values
  std::uint64_t wire = 0;           // field block bytes
  std::uint32_t table_size = 0;     // of the dynamic table now (RFC 7541 §4.1)
  std::uint32_t table_entries = 0;  // in it now
};

// Whether what the peer says of a stream's priority goes on to count.
enum class PeerSignals : bool { kFollow, kIgnore };

class Connection {
 public:
  // Queues the preface and SETTINGS. `now` is what the first deadlines are counted from, so it
  // comes from the same clock as all later instants. `config.memory`, `config.trace`
  // and `config.record` must outlive the connection. If memory is refused, the connection is born
  // failed: done() is true and every call returns an error.
  Connection(Role role, const Config& config, Time now);
  ~Connection();
  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&& other) noexcept;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // ---- bytes ------------------------------------------------------------------------------------

  // Takes bytes from the peer, in any pieces. Never fails: the peer's errors are events (RFC 9113
  // §5.4).
  Received receive_data(Bytes bytes, Time now);
  // The byte stream has ended (FIN, error). Unless no streams are open and no frame is cut:
  // ConnectionFailed with Errc::kConnectionLost (kLostInFrame, kLostInFieldBlock), then a
  // StreamReset for each open stream. Output is dropped, so that bodies are released: no write of
  // pieces that data_to_send gave may be under way any more.
  std::span<const Event> receive_end(Time now);
  // Events that calls other than receive_data gave rise to (BodyReleased after mark_sent, ends of
  // streams after terminate). They are also part of the next receive_data's events, if not taken
  // here first. The span lives until the next poll_events, receive_data, receive_end or on_time.
  std::span<const Event> poll_events();

  // The output so far, as pieces to be written in order; empty: none. Pieces stay where they are
  // until mark_sent passes them, also while other calls add output behind them.
  std::span<const Bytes> data_to_send();
  // The first `n` bytes of the output were written. Precondition: n is at most what data_to_send
  // gave.
  void mark_sent(std::size_t n);

  // Whether receive_data would take input now. False while answers wait (mark_sent re-arms it) and
  // after the end.
  bool want_read() const;
  // Whether data_to_send would give something.
  bool want_write() const;
  // When on_time wants to be called, or Time::never().
  Time next_deadline() const;
  // Lets time pass: deadlines (settings acknowledgement, preface). Events as in receive_data.
  std::span<const Event> on_time(Time now);
  // Nothing more to read or write: the byte stream can be closed.
  bool done() const;

  // ---- HTTP/1.1 Upgrade (RFC 7540 §3.2; RFC 9113 §3.1 has given it up)
  // ---------------------------

  // Client: the value of HTTP2-Settings for the HTTP/1.1 request: the settings that this connection
  // was made with (RFC 7540 §3.2.1).
  Http2Settings http2_settings() const;
  // The first call on a connection that begins behind a 101 response: the HTTP/1.1 request is
  // stream 1, complete in the client's direction. `method` is the request's, as the response to
  // HEAD has no content. Server: `http2_settings` is the value of the request's HTTP2-Settings;
  // kValueOutOfRange: it is none, and the request is to be answered by HTTP/1.1. kWrongPhase: not
  // the first call.
  Result<void, UsageError> initiate_upgrade_connection(std::string_view method,
                                                       std::string_view http2_settings = {});

  // ---- messages ---------------------------------------------------------------------------------

  // The identifier that the next request (or push) of ours takes; does not reserve it.
  // kStreamIdUnavailable when 2^31-1 has been used (RFC 9113 §5.1.1).
  Result<StreamId, UsageError> get_next_available_stream_id() const;
  // Makes the next stream of ours take `id`, which is of our parity and above all used ones; those
  // left out count as closed (RFC 9113 §5.1.1).
  Result<void, UsageError> set_next_stream_id(StreamId id);
  // How many identifiers there are for new streams of ours.
  std::uint32_t stream_ids_left() const;
  // Sends a field section: a client's request or trailers; a server's 1xx, response or trailers:
  // which it is follows from the stream's phase (RFC 9113 §8.1). A request over the peer's stream
  // limit waits in a queue, first in, first out. Fields are copied or encoded before the call
  // returns. Field names are lower case already; what RFC 9113 §8.2 and §8.3 forbid is refused with
  // kField… or kPseudo… errors.
  Result<void, UsageError> send_headers(StreamId id, std::span<const HeaderField> fields,
                                        EndStream end_stream);
  // Queues `data` (any size; split by the core) after what was queued before. The bytes are
  // referred to and must stay until BodyReleased{id, tag}, which comes when they were sent or can
  // no longer be.
  Result<void, UsageError> send_data(StreamId id, Bytes data, EndStream end_stream,
                                     BodyTag tag = 0);
  // Like send_data, but the bytes are copied before the call returns and no BodyReleased is
  // reported.
  Result<void, UsageError> send_data_copy(StreamId id, Bytes data, EndStream end_stream);
  // Attaches a source that is asked for bytes as windows allow; after what was queued before. With
  // kNo, the stream stays open after the source's end (for trailers or more data).
  Result<void, UsageError> send_body(StreamId id, BodySource& source, EndStream end_stream,
                                     BodyTag tag = 0);
  // Asks a source again that had no bytes ready.
  Result<void, UsageError> resume_body(StreamId id);
  // Ends our side: an empty DATA with END_STREAM after what is queued.
  Result<void, UsageError> end_stream(StreamId id);
  // Ends the stream at once (RFC 9113 §6.4); queued output of it is dropped, frames begun are
  // finished. A request still queued vanishes without a trace. Resetting a stream that is already
  // closed is no error.
  Result<void, UsageError> reset_stream(StreamId id, ErrorCode code = ErrorCode::kCancel);
  // The application has no more work for this stream: its slot may be reused (see
  // Config::hold_reset_streams). Harmless on streams that are gone.
  void release_stream(StreamId id);
  // A number of the application's that goes with the stream, 0 at first; set on a stream that is
  // not there: kStreamUnknown.
  Result<void, UsageError> set_stream_tag(StreamId id, std::uint64_t tag);
  std::uint64_t stream_tag(StreamId id) const;
  // Server: promises a response to `fields` and gives the new stream's identifier (RFC 9113 §8.4).
  Result<StreamId, UsageError> push_stream(StreamId parent, std::span<const HeaderField> fields);

  // ---- flow control (RFC 9113 §5.2)
  // ----------------------------------------------------------------

  // `size` bytes of DATA of that stream were used: returns their credit, coalesced into
  // WINDOW_UPDATEs. More than was received and not yet acknowledged is kValueOutOfRange. Streams
  // already gone are no error.
  Result<void, UsageError> acknowledge_received_data(std::uint32_t size, StreamId id);
  // Raises a window at once by a WINDOW_UPDATE; stream 0 is the connection's.
  Result<void, UsageError> increment_flow_control_window(std::uint32_t increment, StreamId id);
  // Makes the whole window of a stream or the connection (0) `size` bytes: what is missing is given
  // by WINDOW_UPDATE at once, what is too much is kept back of later credit.
  Result<void, UsageError> set_local_window_size(std::uint32_t size, StreamId id);
  // What may be sent now: the lesser of stream and connection window; may be negative (RFC 9113
  // §6.9.2).
  std::int64_t local_flow_control_window(StreamId id) const;
  // What the peer may send now.
  std::int64_t remote_flow_control_window(StreamId id) const;
  // The whole window that the peer was given, whatever of it is used: of a stream, or of the
  // connection (0). 0 for streams that are not there.
  std::int64_t receive_window_size(StreamId id) const;

  // ---- priorities (RFC 9218) --------------------------------------------------------------------
  // DATA goes out by urgency; within one urgency, bodies that are not incremental go one after the
  // other by their identifiers, and others take turns with them. A stream has the priority that its
  // request's priority field says, with what the response's says on top; else urgency 3, in turns.

  // Client: tells the server another priority for a response by PRIORITY_UPDATE, and puts our own
  // body in the same order. Of a request that is queued it is told when it goes out.
  // kPriorityNotOffered: the server does not follow it. Streams that are gone are no error.
  Result<void, UsageError> send_priority_update(StreamId id, Priority priority);
  // Changes the order in which we send, and tells nobody.
  Result<void, UsageError> change_priority(StreamId id, Priority priority,
                                           PeerSignals signals = PeerSignals::kFollow);
  // The default for streams that are not there.
  Priority priority(StreamId id) const;
  // Client: sends a PRIORITY frame of the scheme that RFC 9113 §5.3.2 deprecates; for servers that
  // know no other. Nothing here follows it. kValueOutOfRange: the stream depends on itself.
  Result<void, UsageError> prioritize(StreamId id, const PriorityFields& fields);

  // ---- extensions (RFC 9113 §5.5) ---------------------------------------------------------------

  // Server: an alternative service for an origin such as "https://example.com", or for a stream's
  // (RFC 7838 §4). kValueOutOfRange: the origin is empty, or the frame would be too long.
  Result<void, UsageError> advertise_alternative_service(std::string_view field_value,
                                                         std::string_view origin);
  Result<void, UsageError> advertise_alternative_service(std::string_view field_value, StreamId id);
  // Server: the origins that clients may use this connection for (RFC 8336 §2). Not on connections
  // without TLS. kValueOutOfRange: an origin of more than 65,535 bytes, or a frame that is too
  // long.
  Result<void, UsageError> send_origins(std::span<const std::string_view> origins);
  // A frame of any type that FrameType does not name. kValueOutOfRange: it does, or the payload is
  // longer than the peer's MAX_FRAME_SIZE (RFC 9113 §4.2).
  Result<void, UsageError> send_extension_frame(std::uint8_t type, std::uint8_t flags, StreamId id,
                                                Bytes payload);

  // ---- connection
  // ----------------------------------------------------------------------------------

  // Sends SETTINGS; they count once acknowledged (RFC 9113 §6.5.3), but the peer is not held any
  // more to a lower number of streams, a smaller field section or no push, as it may use what it
  // was sent before its acknowledgement is here. kValueOutOfRange names a bad value.
  Result<void, UsageError> update_settings(std::span<const Setting> settings, Time now);
  // Sends PING (RFC 9113 §6.7).
  Result<void, UsageError> ping(const PingData& data, Time now);
  // Shuts down so that no request is lost: says so as notify_shutdown does, and a round trip later
  // (measured by a PING), or after `grace`, says the last stream as close_connection does (RFC 9113
  // §6.8). A client closes at once. Harmless if it is under way.
  void shutdown(Duration grace, Time now);
  // Sends GOAWAY with kNoError and 2^31-1 as the last stream: the warning step of a graceful
  // shutdown (RFC 9113 §6.8). Follow it by close_connection a round trip later. Servers only
  // matter; harmless on clients.
  void notify_shutdown();
  // Sends GOAWAY with the last stream that was processed; no new streams in either direction, open
  // ones may finish; done() is true when they have.
  void close_connection(ErrorCode code = ErrorCode::kNoError, Bytes additional_data = {});
  // Ends everything at once: what is in the output already goes out, then GOAWAY, then nothing.
  // Open streams end with StreamReset.
  void terminate(ErrorCode code, Bytes additional_data = {});

  // ---- looking in: const, O(1) but for streams(), no side effects
  // --------------------------------------------------

  Role role() const;
  const Settings& local_settings() const;   // in force, that is acknowledged
  const Settings& remote_settings() const;  // the peer's
  bool remote_settings_received() const;
  StreamCounts stream_counts() const;
  // kIdle for identifiers not used yet, kClosed for those gone.
  StreamState stream_state(StreamId id) const;
  // Bytes of that stream handed over and not yet put into the output (a source counts as 1).
  std::uint64_t queued_data(StreamId id) const;
  // Whether new requests of ours are still possible: no GOAWAY either way, no failure, identifiers
  // left.
  bool accepts_new_streams() const;
  StreamId highest_remote_stream_id() const;
  StreamId highest_local_stream_id() const;  // queued requests included
  // The error that ended the connection, if one did.
  std::optional<ConnectionError> error() const;
  // Never above Config::memory_limit.
  std::size_t memory_in_use() const;
  // Frames taken from the peer, and frames put into the output.
  FrameCounts frames_received() const;
  FrameCounts frames_sent() const;
  HpackCounts fields_received() const;
  HpackCounts fields_sent() const;
  // Our settings as last sent; local_settings() are those of them that the peer has acknowledged.
  const Settings& announced_settings() const;
  // SETTINGS frames of ours that wait for their acknowledgement (RFC 9113 §6.5.3).
  std::size_t unacknowledged_settings() const;
  // The abuse budget, and what it went to (see docs/limits.md). As of the last instant seen.
  AbuseReport abuse() const;
  // The instant of the last receive_data that brought bytes; none: there was none yet.
  std::optional<Time> last_peer_activity() const;
  // How long the peer took for its last acknowledgement of a PING or SETTINGS of ours, counted from
  // the call that queued it; none: nothing was acknowledged yet.
  std::optional<Duration> round_trip_time() const;
  // What the two sides of a stream wait for: the answer to "why does nothing move?".
  Why why(StreamId id) const;
  // Writes the identifiers of the streams that are there (open, half-closed, reserved, queued,
  // held) to the front of `out`, in no order, as far as it has room. How many there are. Takes time
  // for each stream that there ever was at once.
  std::size_t streams(std::span<StreamId> out) const;

 private:
  class Impl;
  Impl* impl_;
  MemoryResource* memory_;
};

}  // namespace h2::inline v0

#endif  // H2_H2CORE_CONNECTION_H_
