// What can be seen of a connection from outside: counters, what the abuse budget went to, and why a
// stream does not move. Tested by tests/h2core/inspection_test.cc.
#ifndef H2_H2CORE_INSPECTION_H_
#define H2_H2CORE_INSPECTION_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "h2core/frame.h"

namespace h2::inline v0 {

// Numbers of frames in one direction, by type (RFC 9113 §6; RFC 7838 §4, RFC 8336 §2, RFC 9218
// §7.1).
class FrameCounts {
 public:
  std::uint64_t operator[](FrameType type) const { return counts_[place(type)]; }
  // Of all types that are not among FrameType's.
  std::uint64_t unknown() const { return counts_[kUnknown]; }
  std::uint64_t total() const {
    std::uint64_t sum = 0;
    for (const std::uint64_t count : counts_) sum += count;
    return sum;
  }
  void add(FrameType type) { ++counts_[place(type)]; }

 private:
  static constexpr std::size_t kUnknown = 13;
  static std::size_t place(FrameType type) {
    if (type <= FrameType::kAltSvc) return static_cast<std::size_t>(type);
    if (type == FrameType::kOrigin) return 11;
    return type == FrameType::kPriorityUpdate ? 12 : kUnknown;
  }
  std::array<std::uint64_t, kUnknown + 1> counts_{};
};

// What a peer does that costs us and does it no good (RFC 9113 §10.5); docs/limits.md has the
// costs.
enum class AbuseCause : std::uint8_t {
  kPing,
  kSettings,
  kIgnoredFrame,  // PRIORITY, and types that are not known
  kEmptyData,
  kWindowUpdate,
  kReset,  // of the peer's before our response, or of ours for its stream errors
  kRefusedStream,
  kSmallContinuation,
  kUnsolicitedAck,
  kClosedStream,  // frames on streams that ended long ago
  kRepeatedGoAway,
  kPriorityUpdate,
};
inline constexpr std::size_t kAbuseCauses = 12;

// The cause's name in snake_case; static storage.
std::string_view to_string(AbuseCause cause) noexcept;

// The abuse budget.
struct AbuseReport {
  std::int64_t budget = 0;  // tokens when full
  std::int64_t left = 0;    // tokens; below 0: that ended the connection
  // Tokens spent since the connection was made, whatever was earned back.
  std::array<std::uint64_t, kAbuseCauses> spent{};

  std::uint64_t operator[](AbuseCause cause) const {
    return spent[static_cast<std::size_t>(cause)];
  }
  // The cause that cost most; the first of equals.
  AbuseCause costliest() const;
};

// What our side of a stream waits for.
enum class SendingWaitsFor : std::uint8_t {
  kNothing,           // its bytes come with the next data_to_send
  kNoStream,          // there is no such stream, or it is over
  kEnded,             // all was put into the output, its end included
  kRelease,           // it ended early and is held until release_stream
  kStreamLimit,       // the request is queued: the peer allows no more streams (RFC 9113 §5.1.2)
  kHeaders,           // the application, which has not sent the field section yet
  kApplication,       // the application, which has neither queued more nor ended our side
  kBodySource,        // a BodySource that had no bytes; see resume_body
  kStreamWindow,      // the peer's WINDOW_UPDATE for this stream (RFC 9113 §6.9)
  kConnectionWindow,  // the peer's WINDOW_UPDATE for the connection
  kOutput,            // the output is full (Config::max_output_batch); see mark_sent
};

// What the peer's side of a stream waits for.
enum class ReceivingWaitsFor : std::uint8_t {
  kNoStream,
  kEnded,         // all has come, its end included
  kRelease,       // it ended early and is held until release_stream
  kStreamLimit,   // our request, which has not been sent
  kMarkSent,      // answers wait to be written, so that input is not taken (want_read() is false)
  kHeaders,       // the peer, whose field section has not come
  kPeer,          // the peer, which may send and does not
  kStreamCredit,  // us: the peer has used up the stream's window; see acknowledge_received_data
  kConnectionCredit,  // us: the peer has used up the connection's window
};

struct Why {
  SendingWaitsFor sending = SendingWaitsFor::kNoStream;
  ReceivingWaitsFor receiving = ReceivingWaitsFor::kNoStream;
  friend bool operator==(const Why&, const Why&) = default;
};

// A phrase for people, such as "the peer's window for this stream is used up"; static storage.
std::string_view describe(SendingWaitsFor reason) noexcept;
std::string_view describe(ReceivingWaitsFor reason) noexcept;

}  // namespace h2::inline v0

#endif  // H2_H2CORE_INSPECTION_H_
