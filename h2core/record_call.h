// How Connection writes its calls down; see recorder.h for the format and for how to add a call.
// Inside of //h2core. Needs no memory: a record is gone through twice, once to count its bytes and
// once to write them. Tested by tests/h2core/recorder_test.cc.
#ifndef H2_H2CORE_RECORD_CALL_H_
#define H2_H2CORE_RECORD_CALL_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

#include "h2core/body_source.h"
#include "h2core/connection.h"
#include "h2core/error.h"
#include "h2core/event.h"
#include "h2core/frame.h"
#include "h2core/output_queue.h"
#include "h2core/padding.h"
#include "h2core/priority.h"
#include "h2core/recorder.h"
#include "h2core/settings.h"
#include "h2core/stream_id.h"
#include "h2core/time.h"
#include "hpack/bytes.h"
#include "hpack/header_field.h"
#include "hpack/result.h"

namespace h2::inline v0 {

// Writes the parts of one record to a sink, or with none counts their bytes.
class RecordWriter {
 public:
  explicit RecordWriter(RecordSink* sink) : sink_(sink) {}

  void byte(std::uint8_t value) { raw({&value, 1}); }
  void varint(std::uint64_t value);
  void bytes(Bytes value) {
    varint(value.size());
    raw(value);
  }
  // Without their number.
  void raw(Bytes value);
  // What is still held back goes out.
  void flush();
  std::size_t counted() const { return counted_; }

 private:
  RecordSink* sink_;
  std::size_t counted_ = 0;
  std::size_t held_ = 0;
  std::uint8_t buffer_[240] = {};
};

// The first bytes of the output, which mark_sent is about to pass.
struct SentOutput {
  const OutputQueue& output;
  std::size_t size;
};

// ---- arguments
// ----------------------------------------------------------------------------------

template <class T>
requires std::is_unsigned_v<T>
void put(RecordWriter& to, T value) { to.varint(value); }
void put(RecordWriter& to, Time value);
inline void put(RecordWriter& to, StreamId value) { to.varint(value.value); }
inline void put(RecordWriter& to, EndStream value) { to.varint(value == EndStream::kYes ? 1 : 0); }
inline void put(RecordWriter& to, ErrorCode value) { to.varint(static_cast<std::uint32_t>(value)); }
inline void put(RecordWriter& to, Bytes value) { to.bytes(value); }
inline void put(RecordWriter& to, const PingData& value) { to.bytes(value); }
inline void put(RecordWriter& to, std::string_view value) { to.bytes(as_bytes(value)); }
inline void put(RecordWriter& to, Duration value) { put(to, Time{value.ns}); }
inline void put(RecordWriter& to, PeerSignals value) {
  to.varint(value == PeerSignals::kIgnore ? 1 : 0);
}
inline void put(RecordWriter& to, Priority value) {
  to.varint(value.urgency);
  to.varint(value.incremental ? 1 : 0);
}
inline void put(RecordWriter& to, const PriorityFields& value) {
  to.varint(value.exclusive ? 1 : 0);
  to.varint(value.dependency.value);
  to.varint(value.weight);
}
inline void put(RecordWriter& to, std::span<const std::string_view> texts) {
  to.varint(texts.size());
  for (const std::string_view text : texts) to.bytes(as_bytes(text));
}
void put(RecordWriter& to, std::span<const HeaderField> fields);
void put(RecordWriter& to, std::span<const Setting> settings);
void put(RecordWriter& to, const SentOutput& sent);

// ---- results
// ------------------------------------------------------------------------------------

// Events as a result holds them: their number, their kinds, and a hash of all that they say.
struct EventsDigest {
  explicit EventsDigest(std::span<const Event> given);
  std::span<const Event> events;
  std::uint64_t hash;
};

void put_result(RecordWriter& to, const EventsDigest& digest);
inline void put_result(RecordWriter& to, const Result<void, UsageError>& result) {
  to.varint(result ? 0 : static_cast<std::uint16_t>(result.error().cause));
}
inline void put_result(RecordWriter& to, const Result<StreamId, UsageError>& result) {
  to.varint(result ? 0 : static_cast<std::uint16_t>(result.error().cause));
  to.varint(result ? result->value : 0);
}
void put_result(RecordWriter& to, std::span<const Bytes> pieces);

// What a result is before it is gone through twice.
template <class T>
const T& prepared(const T& result) {
  return result;
}
inline EventsDigest prepared(std::span<const Event> events) { return EventsDigest(events); }

struct ReceivedDigest {
  std::size_t consumed;
  EventsDigest events;
};
inline ReceivedDigest prepared(const Received& received) {
  return {received.consumed, EventsDigest(received.events)};
}
inline void put_result(RecordWriter& to, const ReceivedDigest& digest) {
  to.varint(digest.consumed);
  put_result(to, digest.events);
}

// ---- records
// ------------------------------------------------------------------------------------

template <class Write>
void write_record(RecordSink& sink, RecordKind kind, const Write& write) {
  RecordWriter count(nullptr);
  write(count);
  RecordWriter to(&sink);
  to.byte(static_cast<std::uint8_t>(kind));
  to.varint(count.counted());
  write(to);
  to.flush();
}

void record_begin(RecordSink& sink, Role role, const Config& config, Time now);
void record_end(RecordSink& sink);

// Does `action`, and with a sink writes down the call with its arguments before and the result
// after.
template <class Action, class... Arguments>
auto recorded(RecordSink* sink, RecordKind kind, const Action& action,
              const Arguments&... arguments) -> decltype(action()) {
  if (sink == nullptr) return action();
  write_record(*sink, kind, [&](RecordWriter& to) { (put(to, arguments), ...); });
  if constexpr (std::is_void_v<decltype(action())>) {
    action();
    write_record(*sink, RecordKind::kResult, [](RecordWriter&) {});
  } else {
    auto result = action();
    const auto& digest = prepared(result);
    write_record(*sink, RecordKind::kResult, [&](RecordWriter& to) { put_result(to, digest); });
    return result;
  }
}

// Asks a source, and with a sink writes down what it gave.
BodySource::Read recorded_read(RecordSink* sink, StreamId id, BodySource& source,
                               std::span<std::uint8_t> buffer);
// The same for a padding policy, whose answer is at most `most`.
std::uint32_t recorded_padding(RecordSink* sink, PaddingPolicy& policy, FrameType type,
                               std::size_t payload, std::uint32_t most);

}  // namespace h2::inline v0

#endif  // H2_H2CORE_RECORD_CALL_H_
