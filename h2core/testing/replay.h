// Captures of connections (h2core/recorder.h): reading them, and running them again.
//
//   h2::testing::ReplayReport report = h2::testing::replay(capture);
//   EXPECT_EQ(report.outcome, h2::testing::ReplayReport::Outcome::kIdentical) << report.message();
//
// A replay makes the recorded calls on a new Connection that is recorded itself, and compares the
// two records: bytes of output, results, events. So what happened once in production happens again
// in a test, as often as wanted and without a network. Not thread-safe; tested by
// tests/h2core/recorder_test.cc.
#ifndef H2_H2CORE_TESTING_REPLAY_H_
#define H2_H2CORE_TESTING_REPLAY_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "h2core/connection.h"
#include "h2core/event.h"
#include "h2core/frame_trace.h"
#include "h2core/recorder.h"
#include "h2core/time.h"
#include "hpack/bytes.h"

namespace h2::inline v0::testing {

// The name of an alternative of Event by its index, such as "DataReceived"; "unknown" beyond.
std::string_view event_name(std::size_t index);

// Whether the bytes begin as a capture does, of this or another version of the format.
bool is_capture(Bytes bytes);

// One record; `payload` is a view of the capture.
struct CapturedRecord {
  std::uint64_t number = 0;  // from 0
  std::size_t offset = 0;    // of its kind, in the capture
  RecordKind kind{};
  Bytes payload;
};

// Goes through a capture record by record. The capture must outlive the reader.
class CaptureReader {
 public:
  explicit CaptureReader(Bytes capture);

  enum class Step : std::uint8_t {
    kRecord,   // record() is the next one
    kEnd,      // there is no more
    kCut,      // the last record is not whole; problem() says so
    kCorrupt,  // problem() says what is wrong
  };
  Step next();
  const CapturedRecord& record() const { return record_; }
  // Where the next record begins; after kCut and kCorrupt where the trouble begins.
  std::size_t offset() const { return at_; }
  const std::string& problem() const { return problem_; }

 private:
  friend class Player;
  // Of records without the magic, for comparing.
  CaptureReader(Bytes records, std::size_t at) : capture_(records), at_(at) {}
  Step stop(Step step, std::string problem);

  Bytes capture_;
  std::size_t at_ = 0;
  std::uint64_t next_number_ = 0;
  CapturedRecord record_;
  std::string problem_;
};

// What a kBegin or a call was given; only the members that it has are set. Views are of the
// capture.
struct CapturedCall {
  RecordKind kind{};
  Role role{};        // kBegin
  Config config;      // kBegin
  bool pads = false;  // kBegin: there was a PaddingPolicy
  std::optional<Time> now;
  StreamId stream_id;
  EndStream end_stream{};
  Bytes data;  // received, sent, or additional
  BodyTag tag = 0;
  std::vector<HeaderField> fields;
  std::vector<Setting> settings;
  std::uint64_t size = 0;  // mark_sent, acknowledge_received_data, increment_flow_control_window
  PingData ping{};
  ErrorCode code{};
  std::string_view text;                // method, field value
  std::string_view other_text;          // http2_settings, origin
  std::vector<std::string_view> texts;  // send_origins
  Priority priority;
  PriorityFields priority_fields;  // prioritize
  PeerSignals signals{};           // change_priority
  std::uint8_t type = 0;           // send_extension_frame
  std::uint8_t flags = 0;          // send_extension_frame
  Duration grace;                  // shutdown
};
// None if the payload is not that of its kind; `problem` then says why.
std::optional<CapturedCall> decode_call(const CapturedRecord& record, std::string& problem);

// What a kResult says of a call.
struct CapturedResult {
  Errc refused = Errc::kNone;
  StreamId stream_id;               // push_stream
  std::uint64_t size = 0;           // consumed by receive_data, or offered by data_to_send
  std::vector<std::size_t> events;  // indexes in Event
  std::uint64_t events_hash = 0;
};
std::optional<CapturedResult> decode_result(RecordKind call, Bytes payload);

// What a source gave.
struct CapturedRead {
  StreamId stream_id;
  std::uint64_t room = 0;
  BodySource::State state{};
  Bytes data;
};
std::optional<CapturedRead> decode_read(Bytes payload);

// One line without contents of fields and bodies, such as "send_data stream=1 length=10
// end_stream". `call` is the call that a kResult belongs to.
std::string describe(const CapturedRecord& record, RecordKind call = RecordKind::kBegin);

struct ReplayOptions {
  // Sees the frames of the replay. May be null.
  FrameTrace* trace = nullptr;
  // Called after each call whose record agreed. May be empty.
  std::function<void(const CapturedCall& call, const Connection& connection)> after_call;
  // Called once with the connection as the last call left it, however the replay ended. May be
  // empty.
  std::function<void(const Connection& connection)> at_end;
};

// What a replay came to.
struct ReplayReport {
  enum class Outcome : std::uint8_t {
    kIdentical,  // as far as the capture goes
    kDifferent,  // `record` and `offset` say where, `recorded` and `came` what
    kCorrupt,    // not a capture, or broken at `offset`; `problem` says how
  };
  Outcome outcome = Outcome::kIdentical;
  // The capture has its end. Without it, it was cut (by a crash, say) at `offset`, which is no
  // error: the replay did what was left.
  bool complete = false;

  std::uint64_t calls = 0;  // that agreed
  std::uint64_t events = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;

  std::uint64_t record = 0;
  std::size_t offset = 0;
  std::string recorded;
  std::string came;
  std::string problem;

  // One sentence for people.
  std::string message() const;
};

// Runs a capture. Any bytes are safe to be given.
ReplayReport replay(Bytes capture, const ReplayOptions& options = {});

}  // namespace h2::inline v0::testing

#endif  // H2_H2CORE_TESTING_REPLAY_H_
