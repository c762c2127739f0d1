// Events as one line of text each, complete (fields, hash of data, codes), for comparing runs; and
// a driver that feeds a Connection in pieces and keeps what it says.
#ifndef H2_TESTS_SUPPORT_EVENT_LOG_H_
#define H2_TESTS_SUPPORT_EVENT_LOG_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "h2core/connection.h"
#include "tests/support/frame_script.h"
#include "tests/support/split_input.h"

namespace h2::tests {

// FNV-1a over the bytes.
std::uint64_t hash_bytes(std::string_view bytes, std::uint64_t hash = 0xcbf29ce484222325U);

std::string to_string(const FieldsView& fields);
std::string to_string(const Event& event);

// Fields as owned pairs, out of an event or for a call.
Fields copy_fields(const FieldsView& fields);
inline std::string_view view(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline Bytes bytes_of(std::string_view s) {
  return Bytes(reinterpret_cast<const std::uint8_t*>(s.data()), s.size());
}

// Owned Fields as the array that send_headers takes; lives as long as `fields`.
std::vector<HeaderField> views_of(const Fields& fields);

// Whether a stream has ended, in whatever way.
inline bool is_over(StreamState state) {
  return state != StreamState::kIdle && state != StreamState::kReservedLocal &&
         state != StreamState::kReservedRemote && state != StreamState::kOpen &&
         state != StreamState::kHalfClosedLocal && state != StreamState::kHalfClosedRemote;
}

// A Connection, and what came out of it.
class Driven {
 public:
  explicit Driven(Role role, Config config = {}, Time start = {})
      : conn(role, config, start), now(start) {}

  // Feeds bytes, all of them where the connection lets it, and keeps the events. Output is taken
  // only where the connection waits for that. What is not taken stays in `unread`.
  Driven& feed(Bytes bytes);
  Driven& feed(const FrameScript& script) { return feed(script.bytes()); }
  Driven& feed(Bytes bytes, const Split& split);
  // Takes all output into `out`.
  Driven& drain();
  Driven& end();
  // Moves the clock and keeps on_time's events, if its deadline has come.
  Driven& wait(Duration duration);

  // Sends fields; the test fails at the caller through the returned error.
  Errc send(std::uint32_t stream, const Fields& fields, EndStream end = EndStream::kNo);

  // Output so far, read back.
  WireOutput frames() const { return read_frames(out); }
  // Forgets events and output so far.
  Driven& forget();
  // How many lines begin with `prefix`.
  std::size_t count(std::string_view prefix) const;
  bool has(std::string_view prefix) const { return count(prefix) > 0; }
  std::string text() const;

  Connection conn;
  Time now;
  std::vector<std::string> log;
  std::string out;
  std::string unread;
  // Called with each event, after it was logged.
  std::function<void(Connection&, const Event&)> on_event;

 private:
  void keep(std::span<const Event> events);
};

// A server or client past its start: the peer's preface and SETTINGS, and acknowledgement of ours,
// were fed; output so far was drained and forgotten.
Driven& start(Driven& driven, std::initializer_list<Setting> peer_settings = {});

}  // namespace h2::tests

#endif  // H2_TESTS_SUPPORT_EVENT_LOG_H_
