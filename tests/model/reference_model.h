// A small, slow, separately written model of one side of an HTTP/2 connection (RFC 9113 §5, §6,
// §8): stream states, message phases, windows, limits, settings, GOAWAY, resets, pushes.
//
// It is told of each call of the application and each frame of the peer, before the real Connection
// is, and says what has to follow: whether the call succeeds, which frames and events must come
// out. What the protocol leaves to the sender (when DATA goes out, when credit is returned) it does
// not foretell: it follows the frames that were sent, judges whether they were allowed, and says
// after each step whether something was held back that could have gone out. Tested by
// tests/model/model_test.cc.
#ifndef H2_TESTS_MODEL_REFERENCE_MODEL_H_
#define H2_TESTS_MODEL_REFERENCE_MODEL_H_

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "h2core/error.h"
#include "h2core/frame.h"
#include "h2core/settings.h"

namespace h2::tests::model {

// What both sides of a run begin with; plain numbers.
struct Setup {
  bool server = false;  // the role of the connection under test
  std::uint32_t window = 65'535;
  std::uint32_t connection_window = 65'535;
  std::uint32_t streams = 100;
  bool push = false;
  bool on_consumption = false;  // Config::connection_credit
  bool hold = true;             // Config::hold_reset_streams
  std::uint32_t batch = 65'536;
  std::uint32_t copy_below = 1'024;
  std::uint32_t pause_at = 128;
  std::uint32_t queue = 4;          // Config::max_queued_requests
  std::uint32_t reserved = 3;       // Config::max_reserved_streams
  std::uint32_t informational = 3;  // Config::max_informational
  std::uint32_t assumed_streams = 2;
  std::uint32_t list_size = 0;  // SETTINGS_MAX_HEADER_LIST_SIZE; 0: that of the role
  bool together = false;        // frames of the peer arrive several at once
  // The peer's first SETTINGS.
  std::uint32_t peer_window = 65'535;
  std::uint32_t peer_streams = 100;
  std::uint32_t peer_table = 4'096;
  std::uint32_t most_fields() const {
    if (list_size > 0) return list_size;
    return server ? 65'536 : 131'072;
  }
  friend bool operator==(const Setup&, const Setup&) = default;
};

// What the model has to know of a field section.
struct Message {
  enum class Kind : std::uint8_t { kRequest, kResponse, kTrailers };
  Kind kind = Kind::kRequest;
  bool malformed = false;
  bool too_large = false;  // above our SETTINGS_MAX_HEADER_LIST_SIZE, and not twice that
  bool head = false;
  bool safe = false;  // GET or HEAD
  bool connect = false;
  int status = 0;
  std::optional<std::uint64_t> content_length;
  std::uint64_t hash = 0;  // of all its fields
};

// A frame of the peer's.
struct PeerFrame {
  FrameType type{};
  std::uint32_t stream = 0;
  // The nine header bytes, or the payload's layout, break a rule: a connection error of that code.
  std::optional<ErrorCode> broken;
  bool end_stream = false;
  bool end_headers = true;
  bool ack = false;
  std::uint32_t length = 0;       // of DATA, padding included
  std::uint32_t data_length = 0;  // without
  Message message;                // of the frame that ends the block
  std::uint32_t promised = 0;
  std::uint32_t value = 0;  // increment, error code, or last stream
  std::uint32_t code = 0;   // of GOAWAY
  std::uint64_t opaque = 0;
  std::vector<Setting> settings;
};

// A frame that the connection wrote; CONTINUATION is joined to what it continues.
struct OutFrame {
  FrameType type{};
  std::uint32_t stream = 0;
  bool end = false;
  bool ack = false;
  std::uint32_t length = 0;  // of DATA
  std::uint32_t value = 0;   // increment, error code, last stream, or promised stream
  std::uint32_t code = 0;    // of GOAWAY
  std::uint64_t hash = 0;    // of the fields, or the eight bytes of PING
  std::vector<Setting> settings = {};
  friend bool operator==(const OutFrame&, const OutFrame&) = default;
};
std::string to_string(const OutFrame& frame);

// An event, without BodyReleased (which the runner accounts for).
struct Seen {
  enum class Kind : std::uint8_t {
    kRequest,
    kResponse,
    kInformational,
    kTrailers,
    kData,
    kReset,
    kPush,
    kWindow,
    kSettings,
    kSettingsAcked,
    kPing,
    kPingAck,
    kTerminated,
    kFailed,
  };
  Kind kind{};
  std::uint32_t stream = 0;
  bool end = false;
  // Status, length, increment, promised or last stream, number of settings; of kReset: ResetBy.
  std::uint64_t a = 0;
  std::uint64_t b = 0;  // error code; of kData the length with padding
  std::uint64_t hash = 0;
  friend bool operator==(const Seen&, const Seen&) = default;
};
std::string to_string(const Seen& seen);

// What a call must return; without a cause any error will do.
struct Expected {
  bool ok = true;
  std::optional<Errc> cause;
  static Expected good() { return {}; }
  static Expected bad(std::optional<Errc> cause = {}) { return {false, cause}; }
};

// What a test of the machinery makes the model get wrong.
enum class ModelFault : std::uint8_t {
  kNone,
  kCountsStreamTwice,
  kForgetsPadding,
  kKeepsWindowOnSettings,
};

// A body that gives what it has been given (see BodySource).
struct Source {
  std::uint64_t ready = 0;  // bytes that it has now
  bool last = false;        // nothing follows these
  bool finished = false;    // it has said so
  bool fails = false;       // an error follows these
  bool failed = false;      // it has said so
};

enum class State : std::uint8_t {
  kIdle,
  kReservedLocal,
  kReservedRemote,
  kOpen,
  kHalfClosedLocal,
  kHalfClosedRemote,
  kClosed,
};

class ReferenceModel {
 public:
  enum class How : std::uint8_t { kEnded, kLocalReset, kPeerReset, kGoAway, kCancelled };
  enum class Phase : std::uint8_t { kHeaders, kBody, kTunnel, kDone };
  // What frames of the peer on a stream meet.
  enum class Place : std::uint8_t { kIdle, kLive, kIgnored, kClosed };
  // The bytes of a window given to the peer: it may send `available`, has sent `unread` that the
  // application still has, and `unreturned` may be given back.
  struct Window {
    std::int64_t size = 0;
    std::int64_t available = 0;
    std::int64_t unread = 0;
    std::int64_t unreturned = 0;
  };
  struct Item {
    enum class Kind : std::uint8_t { kBytes, kSource, kTrailers };
    Kind kind = Kind::kBytes;
    std::uint64_t left = 0;
    bool end = false;
    std::uint64_t hash = 0;
    std::shared_ptr<const Source> source = nullptr;
    std::uint64_t tag = 0;
    std::uint64_t sent = 0;
  };
  struct Stream {
    std::uint32_t id = 0;
    State state = State::kIdle;
    How how = How::kEnded;  // of a held one
    bool queued = false;    // a request that waits for the peer's limit
    bool seen = false;      // the application knows of it
    bool counted = false;
    bool held = false;
    bool head = false;
    bool connect = false;
    bool end_given = false;  // the application has ended our side
    bool end_sent = false;
    Phase receive = Phase::kHeaders;
    Phase send = Phase::kHeaders;
    std::optional<std::uint64_t> body_expected;
    std::uint64_t body = 0;
    std::uint32_t informational = 0;
    std::int64_t send_window = 0;
    Window window;
    std::uint64_t request_hash = 0;  // of a queued one
    bool request_end = false;
    std::deque<Item> items;
  };
  struct Gone {
    How how = How::kEnded;
    std::uint64_t settings_sent = 0;  // by then
    bool seen = false;
  };
  struct Counts {
    std::uint32_t active_local = 0;
    std::uint32_t active_remote = 0;
    std::uint32_t queued = 0;
    std::uint32_t reserved = 0;
  };

  // `refusal` is the hash of the fields that answer a request that is too large.
  explicit ReferenceModel(const Setup& setup, std::uint64_t refusal,
                          ModelFault fault = ModelFault::kNone);

  // ---- calls of the application: what they must return ------------------------------------------
  Expected send_headers(std::uint32_t id, const Message& message, bool end);
  // `copied`: send_data_copy, for which no data and no end is nothing at all.
  Expected send_data(std::uint32_t id, std::uint64_t size, bool end, bool copied,
                     std::uint64_t tag);
  Expected send_source(std::uint32_t id, std::shared_ptr<const Source> source, bool end,
                       std::uint64_t tag);
  Expected resume(std::uint32_t id);
  // The source has `bytes` more.
  void feed(std::uint32_t id, const Source& source, std::uint64_t bytes);
  Expected reset(std::uint32_t id, std::uint32_t code);
  void release(std::uint32_t id);
  Expected push(std::uint32_t parent, const Message& message);
  Expected acknowledge(std::uint32_t id, std::uint32_t size);
  Expected increment(std::uint32_t id, std::uint32_t size);
  Expected update_settings(const std::vector<Setting>& settings);
  Expected ping(std::uint64_t opaque);
  void notify_shutdown();
  void close(std::uint32_t code);
  void terminate(std::uint32_t code);

  // ---- the peer ---------------------------------------------------------------------------------
  void receive(const PeerFrame& frame);
  void receive_end();

  // ---- what the connection did; a text says what was wrong with it ------------------------------
  std::optional<std::string> on_output(const OutFrame& frame);
  std::optional<std::string> on_event(const Seen& seen);
  // `room`: the output has room for more DATA.
  std::optional<std::string> end_of_step(bool room);

  // ---- looking in -------------------------------------------------------------------------------
  Counts counts() const;
  bool failed() const { return failed_; }
  bool closing() const { return goaway_sent_ || goaway_received_; }
  bool settings_received() const { return remote_received_; }
  const Stream* find(std::uint32_t id) const;
  Place place(std::uint32_t id) const;
  bool ours(std::uint32_t id) const { return id != 0 && (id % 2 == 0) == setup_.server; }
  // The body that the last DATA frame was cut from, and where.
  std::uint64_t data_tag() const { return data_tag_; }
  std::uint64_t data_offset() const { return data_offset_; }
  const std::map<std::uint32_t, Stream>& live() const { return live_; }
  const std::map<std::uint32_t, Gone>& gone() const { return gone_; }
  std::uint32_t highest_remote() const { return highest_remote_; }
  std::uint32_t highest_submitted() const { return highest_submitted_; }
  std::uint32_t next_local() const;
  std::int64_t connection_send_window() const { return send_window_; }
  const Window& connection_window() const { return window_; }
  std::size_t unacknowledged() const { return pending_.size(); }
  const Settings& local() const { return local_; }
  const Settings& announced() const { return announced_; }
  const Settings& remote() const { return remote_; }
  bool block_open() const { return block_.open; }
  std::uint32_t block_stream() const { return block_.stream; }
  std::uint32_t stream_limit() const;  // that the peer is held to
  bool push_allowed() const;
  const std::vector<std::uint64_t>& pings() const { return pings_; }
  // The most that the peer may take a window of ours to be once it has processed all that was sent.
  std::int64_t window_in_flight(const Window& window, bool connection) const;

 private:
  struct Block {
    enum class Kind : std::uint8_t { kMessage, kPush, kDiscard };
    bool open = false;
    Kind kind = Kind::kDiscard;
    std::uint32_t stream = 0;
    std::uint32_t promised = 0;
    bool end = false;
  };
  struct Sent {
    Settings values;
    std::uint32_t streams = 0;
    bool push = false;
  };

  Stream* at(std::uint32_t id);
  bool used(std::uint32_t id) const;
  std::uint32_t limit_for_us() const;
  void send_settings(const std::vector<Setting>& settings);

  void must(OutFrame frame) { required_.push_back(std::move(frame)); }
  void tell(const Seen& seen) { expected_.push_back(seen); }
  void fail(ErrorCode code);
  void stream_error(std::uint32_t id, ErrorCode code);
  void close_stream(Stream& stream, How how);
  void drop(std::uint32_t id, How how);
  void end_all(std::uint32_t by, std::uint32_t code);
  void reset_event(const Stream& stream, std::uint32_t by, std::uint32_t code);
  std::uint32_t last_processed() const;
  void peer_ended(Stream& stream);
  void we_ended(Stream& stream);
  void return_to_connection(std::int64_t bytes);

  void on_headers(const PeerFrame& frame);
  void on_push(const PeerFrame& frame);
  void on_data(const PeerFrame& frame);
  void on_reset(const PeerFrame& frame);
  void on_settings(const PeerFrame& frame);
  void on_settings_ack();
  void on_goaway(const PeerFrame& frame);
  void on_window_update(const PeerFrame& frame);
  void finish_block(const Message& message);
  void finish_message(const Block& block, const Message& message);
  void finish_push(const Block& block, const Message& message);
  void refuse_large(Stream& stream);
  bool head_complete(Stream& stream, const Message& message, bool end);

  std::optional<std::string> on_data_sent(const OutFrame& frame);
  std::optional<std::string> on_headers_sent(const OutFrame& frame);
  std::optional<std::string> on_credit_sent(const OutFrame& frame);
  static void skip_empty(Stream& stream);

  const Setup setup_;
  const std::uint64_t refusal_;
  const ModelFault fault_;
  std::map<std::uint32_t, Stream> live_;
  std::map<std::uint32_t, Gone> gone_;
  std::deque<std::uint32_t> queue_;  // requests over the peer's limit

  Settings local_;  // acknowledged
  Settings announced_;
  Settings remote_;
  bool remote_received_ = false;
  std::deque<Sent> pending_;  // not acknowledged
  Sent in_force_;             // limits, by acknowledgement
  std::uint64_t settings_sent_ = 0;
  std::uint64_t settings_acked_ = 0;
  std::vector<std::uint64_t> pings_;

  std::int64_t send_window_ = 65'535;
  Window window_;
  std::int64_t orphaned_ = 0;  // unread data of streams that ended well

  std::uint32_t highest_remote_ = 0;
  std::uint32_t highest_local_ = 0;
  std::uint32_t highest_submitted_ = 0;
  bool goaway_sent_ = false;
  std::uint32_t goaway_last_ = 0;
  bool goaway_received_ = false;
  std::uint32_t peer_goaway_last_ = 0;
  bool failed_ = false;
  Block block_;
  std::uint64_t data_tag_ = 0;
  std::uint64_t data_offset_ = 0;

  std::deque<OutFrame> required_;
  std::deque<Seen> expected_;
};

}  // namespace h2::tests::model

#endif  // H2_TESTS_MODEL_REFERENCE_MODEL_H_
