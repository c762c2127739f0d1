// Joins one byte stream and one client h2::Connection into something that blocks, with deadlines,
// and that many threads can use at once (RFC 9113).
//
//   Driver driver(std::move(stream), Driver::client_config(), clock);
//   auto exchange = driver.open(fields, EndStream::kYes);
//   auto head = exchange->wait_headers(deadline);
//   while (auto n = exchange->read(buffer, deadline)) { if (*n == 0) break; ... }
//
// There is no background thread. Whoever waits for something of its own reads the socket for all
// (the leader) and hands that on when it has what it wanted; the others sleep until their stream
// has news or they are to lead. Writing is a second token: one thread at a time writes what all
// have queued. One mutex guards the Connection and the streams' inboxes; it is never held across a
// call of the byte stream that could wait, nor while waiting. Tested by
// tests/transport/driver_test.cc.
#ifndef H2_TRANSPORT_DRIVER_H_
#define H2_TRANSPORT_DRIVER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "h2core/config.h"
#include "h2core/error.h"
#include "h2core/event.h"
#include "h2core/inspection.h"
#include "h2core/time.h"
#include "hpack/bytes.h"
#include "hpack/header_field.h"
#include "hpack/result.h"
#include "transport/byte_stream.h"
#include "transport/clock.h"
#include "transport/error.h"
#include "transport/headers.h"

namespace h2::inline v0::transport {

// A GOAWAY that the peer sent (RFC 9113 §6.8).
struct GoAway {
  ErrorCode code{};
  StreamId last_stream_id;
  std::string debug_data;  // the peer's bytes as they came
};

// Why an operation on a Driver failed.
struct DriverError {
  enum class Kind : std::uint8_t {
    kTimedOut,    // the deadline passed; the stream goes on, and the call may be repeated
    kStream,      // this stream ended abnormally; others go on
    kConnection,  // the connection failed or was lost, and all streams with it
    kNotOpen,     // the connection takes no new streams (any more)
    kUsage,       // the call does not fit the stream's state
  };
  Kind kind{};
  Errc cause = Errc::kNone;              // the rule behind it; kNone if none is
  ErrorCode code = ErrorCode::kNoError;  // as sent or received in RST_STREAM or GOAWAY
  std::optional<ResetBy> reset_by{};     // for kStream and kConnection: who ended the stream
  Processed processed =
      Processed::kUnknown;  // kNo: nobody acted on the request, a retry is safe (RFC 9113 §8.7)
  std::optional<TransportError> io{};  // what the byte stream said, if that was the cause
  std::optional<GoAway> goaway{};      // the peer's GOAWAY, if one came
  std::string excerpt{};               // for Errc::kNotHttp2: the peer's first bytes, at most 64
  Why why{};                           // for kTimedOut on a stream: what its sides were waiting for
};

// A piece of a body. Keeps the memory beneath alive; a view into the buffer that the socket was
// read into where that saves a copy. Movable; one thread at a time.
class BodyChunk {
 public:
  BodyChunk() = default;
  ~BodyChunk();
  BodyChunk(BodyChunk&& other) noexcept;
  BodyChunk& operator=(BodyChunk&& other) noexcept;
  BodyChunk(const BodyChunk&) = delete;
  BodyChunk& operator=(const BodyChunk&) = delete;

  // Lives as long as the chunk.
  Bytes bytes() const { return bytes_; }
  bool empty() const { return bytes_.empty(); }

 private:
  friend class Driver;
  friend class ClientStream;
  struct Slab;
  Slab* slab_ = nullptr;  // counted
  Bytes bytes_;
};

// A response's header section, final or informational.
struct ResponseHead {
  int status = 0;
  Headers fields;  // with pseudo-fields left out
  Time at;         // when it was received
};

struct DriverStats {
  std::uint64_t bytes_received = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t frames_received = 0;
  std::uint64_t frames_sent = 0;
  std::uint64_t reads = 0;   // calls of the byte stream that gave bytes
  std::uint64_t writes = 0;  // calls of the byte stream that took bytes
  std::uint64_t streams_opened = 0;
  std::uint64_t streams_closed = 0;  // released by their users
  std::uint64_t stream_errors = 0;   // ended abnormally
};

class Driver;

// One request and its response. One thread uses it at a time, except cancel(). May not outlive its
// Driver. Destroying it before both sides have ended resets the stream (CANCEL).
class ClientStream {
 public:
  ClientStream() = default;
  ~ClientStream();
  ClientStream(ClientStream&& other) noexcept;
  ClientStream& operator=(ClientStream&& other) noexcept;

  explicit operator bool() const { return record_ != nullptr; }
  StreamId id() const;

  // What send_data did.
  enum class Sent : std::uint8_t {
    kQueued,
    kNotWanted,  // the response ended already, or the peer asked to stop (RFC 9113 §8.1): send no
                 // more
  };
  // Queues bytes without copying them; `owner` keeps them alive until they are sent or no longer
  // needed, and is dropped on any thread. Never waits: look at send_room() to bound the memory.
  Result<Sent, DriverError> send_data(std::shared_ptr<const void> owner, Bytes data, EndStream end);
  // Copies bytes and queues them; waits for room while more than kSendRoom bytes are queued. On a
  // timeout, nothing was queued of this call's remaining bytes: the stream should be reset.
  Result<Sent, DriverError> send_data(Bytes data, EndStream end, Time deadline);
  // Ends the request with trailers, after what is queued (RFC 9113 §8.1).
  Result<Sent, DriverError> send_trailers(std::span<const hpack::HeaderField> fields);

  // What to wait for, and what is so: a set of these.
  enum Ready : unsigned {
    kHeadersReady = 1,        // the final header section has come
    kInformationalReady = 2,  // a 1xx response has come and was not taken
    kBodyReady = 4,           // part of the body has come, or its end
    kSendReady = 8,           // send_data has room, or is not wanted any more
  };
  // Waits until one of `wanted` is so, and tells which are. An error of the stream is returned once
  // nothing that came before it is left to be taken.
  Result<unsigned, DriverError> wait(unsigned wanted, Time deadline);

  // Waits for the final header section. The reference lives as long as the stream. 1xx responses
  // are kept for take_informational.
  Result<const ResponseHead*, DriverError> wait_headers(Time deadline);
  std::vector<ResponseHead> take_informational();
  // Waits for body bytes and copies some into `buffer`; 0: the body has ended (or the buffer is
  // empty). What is copied counts as used: its credit goes back to the peer.
  Result<std::size_t, DriverError> read(std::span<std::uint8_t> buffer, Time deadline);
  // Like read without the copy; an empty chunk: the body has ended. The chunk counts as used.
  Result<BodyChunk, DriverError> read_chunk(Time deadline);
  // The trailer section; empty if there was none or the body has not ended yet. Lives as long as
  // the stream.
  const Headers& trailers() const;

  // Ends the stream at once (RFC 9113 §6.4). What waits on it gives up with kStream.
  void reset(ErrorCode code = ErrorCode::kCancel);

 private:
  friend class Driver;
  struct Record;
  ClientStream(Driver* driver, std::shared_ptr<Record> record);
  void drop();
  Result<bool, DriverError> next_chunk(Time deadline);

  Driver* driver_ = nullptr;
  std::shared_ptr<Record> record_;
  BodyChunk current_;               // being read
  std::size_t unacknowledged_ = 0;  // used and not yet told to the connection
};

class Driver {
 public:
  // Bytes queued and unsent per stream above which send_data waits.
  static constexpr std::size_t kSendRoom = 256 * 1024;

  // Config::client() with windows for throughput: 1 MiB per stream, 16 MiB for the connection,
  // which is credited on receipt so that a slow reader stalls nobody else. Give it a random
  // hash_seed.
  static Config client_config();

  // `clock`, and what `config` refers to, must outlive the driver. Sends nothing yet: the preface
  // goes out with the first request.
  Driver(std::unique_ptr<ByteStream> stream, const Config& config, Clock& clock);
  // Ends the connection (GOAWAY as far as the socket takes it). No stream and no call may be left.
  ~Driver();
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  // Sends a request's header section (pseudo-fields first, RFC 9113 §8.3.1). Never waits: over the
  // peer's stream limit it is queued.
  Result<ClientStream, DriverError> open(std::span<const hpack::HeaderField> fields, EndStream end);
  // Sends PING and waits for the answer: the round trip time (RFC 9113 §6.7).
  Result<Duration, DriverError> ping(Time deadline);

  // Reads and writes what goes without waiting, so that a GOAWAY, a PING or a close that came while
  // nobody was looking is seen. Returns at once if another thread leads.
  void pump_nonblocking();

  // Takes no new streams and says so to the peer; waits until the open ones have ended, then closes
  // the byte stream. Precondition for success: other threads, or nobody, use the open streams.
  Result<void, DriverError> close(Time deadline);
  // Ends all at once; what waits gives up.
  void terminate(ErrorCode code = ErrorCode::kCancel);

  // Whether bytes can still be exchanged.
  bool alive() const;
  // Whether open() can succeed: alive, no GOAWAY either way, identifiers left (RFC 9113 §6.8).
  bool accepts_new_streams() const;
  // Streams in use, queued ones included, and how many the peer allows at once.
  std::uint32_t active_streams() const;
  std::uint32_t max_streams() const;
  DriverStats stats() const;
  // The peer's GOAWAY, if one came.
  std::optional<GoAway> goaway() const;

 private:
  friend class ClientStream;
  friend class BodyChunk;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace h2::inline v0::transport

#endif  // H2_TRANSPORT_DRIVER_H_
