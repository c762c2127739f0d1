// Captures: reading, describing, running again. See replay.h, and h2core/recorder.h for the format.
#include "h2core/testing/replay.h"

#include <algorithm>
#include <array>
#include <deque>
#include <memory>
#include <type_traits>
#include <utility>
#include <variant>

#include "h2core/padding.h"

namespace h2::inline v0::testing {

namespace {

// In the order of Event.
constexpr std::array<std::string_view, 19> kEventNames{"RequestReceived",
                                                       "ResponseReceived",
                                                       "InformationalResponseReceived",
                                                       "TrailersReceived",
                                                       "DataReceived",
                                                       "StreamReset",
                                                       "PushedStreamReceived",
                                                       "BodyReleased",
                                                       "WindowUpdated",
                                                       "RemoteSettingsChanged",
                                                       "SettingsAcknowledged",
                                                       "PingReceived",
                                                       "PingAckReceived",
                                                       "ConnectionTerminated",
                                                       "PriorityUpdated",
                                                       "AlternativeServiceAvailable",
                                                       "OriginsReceived",
                                                       "ExtensionFrameReceived",
                                                       "ConnectionFailed"};
static_assert(kEventNames.size() == std::variant_size_v<Event>,
              "an event was added: name it here, at the end");

// Instants and spans beyond this are not taken from captures: their differences would not fit.
constexpr std::int64_t kMostNanoseconds = std::int64_t{1} << 61;

// Reads a payload from its front. After a failure everything reads as nothing.
class PayloadReader {
 public:
  explicit PayloadReader(Bytes payload) : rest_(payload) {}

  // Everything was there, and nothing is left.
  bool finished() const { return ok_ && rest_.empty(); }
  bool ok() const { return ok_; }
  bool empty() const { return rest_.empty(); }

  std::uint8_t byte() {
    const Bytes one = take(1);
    return one.empty() ? std::uint8_t{0} : one[0];
  }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const std::uint8_t one = byte();
      if (shift == 63 && one > 1) ok_ = false;
      if (!ok_) return 0;
      value |= static_cast<std::uint64_t>(one & 0x7f) << shift;
      if (one < 0x80) return value;
    }
    ok_ = false;
    return 0;
  }
  // A varint that is at most `most`.
  std::uint64_t varint(std::uint64_t most) {
    const std::uint64_t value = varint();
    if (value > most) ok_ = false;
    return ok_ ? value : 0;
  }
  std::uint32_t u32() { return static_cast<std::uint32_t>(varint(0xffffffffU)); }
  Bytes take(std::uint64_t size) {
    if (size > rest_.size()) ok_ = false;
    if (!ok_) return {};
    const Bytes taken = rest_.first(static_cast<std::size_t>(size));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }
  Bytes bytes() { return take(varint()); }
  StreamId stream_id() { return StreamId{u32()}; }
  std::uint8_t u8() { return static_cast<std::uint8_t>(varint(0xff)); }
  std::string_view text() { return as_string_view(bytes()); }
  Priority priority() {
    const std::uint8_t urgency = u8();
    return {urgency, varint(1) != 0};
  }
  EndStream end_stream() { return varint(1) != 0 ? EndStream::kYes : EndStream::kNo; }
  ErrorCode error_code() { return static_cast<ErrorCode>(u32()); }
  Time time() {
    const std::uint64_t folded = varint();
    const auto ns = static_cast<std::int64_t>((folded >> 1) ^ (~(folded & 1) + 1));
    if (ns > kMostNanoseconds || ns < -kMostNanoseconds) ok_ = false;
    return {ok_ ? ns : 0};
  }
  std::vector<HeaderField> fields() {
    const std::uint64_t count = varint(rest_.size() / 3);
    std::vector<HeaderField> list;
    for (std::uint64_t i = 0; ok_ && i < count; ++i) {
      HeaderField field;
      field.name = as_string_view(bytes());
      field.value = as_string_view(bytes());
      field.sensitive = byte() != 0;
      list.push_back(field);
    }
    return list;
  }
  std::vector<Setting> settings() {
    const std::uint64_t count = varint(rest_.size() / 2);
    std::vector<Setting> list;
    for (std::uint64_t i = 0; ok_ && i < count; ++i) {
      const auto code = static_cast<SettingCode>(varint(0xffff));
      list.push_back({code, u32()});
    }
    return list;
  }

 private:
  Bytes rest_;
  bool ok_ = true;
};

// A value of a capture into a member of Config; false: it does not fit.
template <class T>
bool assign(T& member, std::uint64_t value) {
  if constexpr (std::is_same_v<T, FieldValidation>) {
    if (value > static_cast<std::uint64_t>(FieldValidation::kOff)) return false;
  } else if constexpr (std::is_same_v<T, bool> || std::is_enum_v<T>) {
    if (value > 1) return false;
  } else if constexpr (std::is_signed_v<T>) {
    if (value > static_cast<std::uint64_t>(kMostNanoseconds)) return false;
  } else {
    if (value > std::uint64_t{static_cast<T>(-1)}) return false;
  }
  member = static_cast<T>(value);
  return true;
}

// Reads what visit_config wrote. Members that a capture does not have keep their defaults; numbers
// that are not known are passed over. Gives what is wrong, or nothing.
std::string read_config(PayloadReader& from, Config& config, bool& pads) {
  std::string wrong;
  while (from.ok() && !from.empty()) {
    const std::uint64_t number = from.varint();
    const std::uint64_t value = from.varint();
    if (number == kPaddingNumber) pads = value != 0;
    visit_config(config, [&](unsigned known, std::string_view name, auto& member) {
      if (known != number || assign(member, value)) return;
      wrong = "Config::" + std::string(name) + " cannot be " + std::to_string(value);
    });
  }
  if (!wrong.empty()) return wrong;
  // What a Connection takes for granted of its user.
  if (config.max_frame_size < kMinMaxFrameSize || config.max_frame_size > kMaxMaxFrameSize) {
    return "Config::max_frame_size cannot be " + std::to_string(config.max_frame_size);
  }
  if (config.initial_window_size > kMaxWindowSize) {
    return "Config::initial_window_size cannot be " + std::to_string(config.initial_window_size);
  }
  if (config.connection_window_size > kMaxWindowSize) {
    return "Config::connection_window_size cannot be " +
           std::to_string(config.connection_window_size);
  }
  return wrong;
}

std::string hex(Bytes bytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t one : bytes) {
    text += kDigits[one >> 4];
    text += kDigits[one & 15];
  }
  return text;
}

std::string hex(std::uint64_t value) {
  std::array<std::uint8_t, 8> bytes{};
  for (unsigned i = 0; i < 8; ++i) bytes[i] = static_cast<std::uint8_t>(value >> (56 - 8 * i));
  return hex(Bytes(bytes));
}

// "1.000042" seconds.
std::string seconds_text(Time at) {
  const bool negative = at.ns < 0;
  const auto ns = static_cast<std::uint64_t>(negative ? -at.ns : at.ns);
  std::string fraction = std::to_string(ns % 1'000'000'000 / 1'000);
  return (negative ? "-" : "") + std::to_string(ns / 1'000'000'000) + "." +
         std::string(6 - fraction.size(), '0') + fraction;
}

std::string describe_call(const CapturedRecord& record) {
  std::string problem;
  const auto call = decode_call(record, problem);
  std::string text(to_string(record.kind));
  if (!call) return text + " (" + problem + ")";
  if (record.kind == RecordKind::kBegin)
    text += call->role == Role::kClient ? " client" : " server";
  if (call->stream_id.value != 0) text += " stream=" + std::to_string(call->stream_id.value);
  if (call->size != 0) text += " size=" + std::to_string(call->size);
  if (!call->data.empty() && call->kind != RecordKind::kMarkSent)
    text += " length=" + std::to_string(call->data.size());
  if (!call->fields.empty()) text += " fields=" + std::to_string(call->fields.size());
  for (const Setting& setting : call->settings) {
    text += " " + std::string(to_string(setting.code)) + "=" + std::to_string(setting.value);
  }
  switch (record.kind) {
    case RecordKind::kSendData:
    case RecordKind::kSendBody:
      text += " tag=" + std::to_string(call->tag);
      break;
    case RecordKind::kPing:
      text += " data=" + hex(Bytes(call->ping));
      break;
    case RecordKind::kResetStream:
    case RecordKind::kCloseConnection:
    case RecordKind::kTerminate:
      text += " error=" + std::string(to_string(call->code));
      break;
    default:
      break;
  }
  if (call->end_stream == EndStream::kYes) text += " end_stream";
  if (call->now) text += " at " + seconds_text(*call->now);
  return text;
}

std::string describe_result(RecordKind call, Bytes payload) {
  const auto result = decode_result(call, payload);
  if (!result) return "a result that is not one of " + std::string(to_string(call));
  std::string text;
  const auto add = [&text](const std::string& more) { text += (text.empty() ? "" : ", ") + more; };
  if (result->refused != Errc::kNone) add("refused: " + std::string(to_string(result->refused)));
  if (result->stream_id.value != 0) add("stream=" + std::to_string(result->stream_id.value));
  if (call == RecordKind::kReceiveData) add(std::to_string(result->size) + " bytes consumed");
  if (call == RecordKind::kDataToSend) add(std::to_string(result->size) + " bytes to send");
  if (!result->events.empty()) {
    std::string names;
    for (const std::size_t index : result->events) names += " " + std::string(event_name(index));
    add("events:" + names + " (hash " + hex(result->events_hash) + ")");
  } else if (call == RecordKind::kReceiveEnd || call == RecordKind::kPollEvents ||
             call == RecordKind::kOnTime || call == RecordKind::kReceiveData) {
    add("no events");
  }
  return text.empty() ? "ok" : text;
}

std::string describe_read(Bytes payload) {
  const auto read = decode_read(payload);
  if (!read) return "body_read (not readable)";
  static constexpr std::array<std::string_view, 3> kStates{"more", "end", "error"};
  return "body_read stream=" + std::to_string(read->stream_id.value) +
         " room=" + std::to_string(read->room) + " length=" + std::to_string(read->data.size()) +
         " state=" + std::string(kStates[static_cast<std::size_t>(read->state)]);
}

}  // namespace

std::string_view event_name(std::size_t index) {
  return index < kEventNames.size() ? kEventNames[index] : "unknown";
}

bool is_capture(Bytes bytes) {
  const std::string_view family = kRecordMagic.substr(0, kRecordMagic.find(' ') + 1);
  return as_string_view(bytes).substr(0, family.size()) == family;
}

// ---- reading
// ------------------------------------------------------------------------------------

CaptureReader::CaptureReader(Bytes capture) : capture_(capture) {
  if (as_string_view(capture).substr(0, kRecordMagic.size()) == kRecordMagic) {
    at_ = kRecordMagic.size();
  } else if (is_capture(capture)) {
    problem_ = "this version of the format is not known";
  } else {
    problem_ = "not a capture: it does not begin with \"h2cpp-record 1\"";
  }
}

CaptureReader::Step CaptureReader::stop(Step step, std::string problem) {
  problem_ = std::move(problem);
  return step;
}

CaptureReader::Step CaptureReader::next() {
  if (!problem_.empty()) return Step::kCorrupt;
  if (at_ == capture_.size()) return Step::kEnd;
  std::size_t at = at_ + 1;
  std::uint64_t length = 0;
  for (unsigned shift = 0;; shift += 7) {
    if (at == capture_.size()) return stop(Step::kCut, "the last record is cut");
    const std::uint8_t one = capture_[at++];
    if (shift > 56) return stop(Step::kCorrupt, "the length of a record is not a number");
    length |= static_cast<std::uint64_t>(one & 0x7f) << shift;
    if (one < 0x80) break;
  }
  const auto kind = static_cast<RecordKind>(capture_[at_]);
  if (to_string(kind) == "unknown") {
    return stop(Step::kCorrupt, "there is no record of kind " + std::to_string(capture_[at_]));
  }
  if (length > capture_.size() - at) {
    return stop(Step::kCut, "the last record is cut: " + std::to_string(capture_.size() - at) +
                                " of " + std::to_string(length) + " bytes are there");
  }
  record_ = {next_number_++, at_, kind, capture_.subspan(at, static_cast<std::size_t>(length))};
  at_ = at + static_cast<std::size_t>(length);
  return Step::kRecord;
}

std::optional<CapturedCall> decode_call(const CapturedRecord& record, std::string& problem) {
  PayloadReader from(record.payload);
  CapturedCall call;
  call.kind = record.kind;
  switch (record.kind) {
    case RecordKind::kBegin:
      call.role = from.varint(1) == 0 ? Role::kClient : Role::kServer;
      call.now = from.time();
      problem = read_config(from, call.config, call.pads);
      if (!problem.empty()) return std::nullopt;
      break;
    case RecordKind::kReceiveData:
      call.data = from.bytes();
      call.now = from.time();
      break;
    case RecordKind::kReceiveEnd:
    case RecordKind::kOnTime:
      call.now = from.time();
      break;
    case RecordKind::kMarkSent:
      call.size = from.varint();
      call.data = from.take(call.size);
      break;
    case RecordKind::kSendHeaders:
      call.stream_id = from.stream_id();
      call.fields = from.fields();
      call.end_stream = from.end_stream();
      break;
    case RecordKind::kSendData:
      call.stream_id = from.stream_id();
      call.data = from.bytes();
      call.end_stream = from.end_stream();
      call.tag = from.varint();
      break;
    case RecordKind::kSendDataCopy:
      call.stream_id = from.stream_id();
      call.data = from.bytes();
      call.end_stream = from.end_stream();
      break;
    case RecordKind::kSendBody:
      call.stream_id = from.stream_id();
      call.end_stream = from.end_stream();
      call.tag = from.varint();
      break;
    case RecordKind::kResumeBody:
    case RecordKind::kEndStream:
    case RecordKind::kReleaseStream:
      call.stream_id = from.stream_id();
      break;
    case RecordKind::kResetStream:
      call.stream_id = from.stream_id();
      call.code = from.error_code();
      break;
    case RecordKind::kPushStream:
      call.stream_id = from.stream_id();
      call.fields = from.fields();
      break;
    case RecordKind::kAcknowledgeReceivedData:
    case RecordKind::kIncrementFlowControlWindow:
      call.size = from.u32();
      call.stream_id = from.stream_id();
      break;
    case RecordKind::kUpdateSettings:
      call.settings = from.settings();
      call.now = from.time();
      break;
    case RecordKind::kPing: {
      const Bytes data = from.bytes();
      if (data.size() != call.ping.size()) {
        problem = "a ping has 8 bytes";
        return std::nullopt;
      }
      std::copy(data.begin(), data.end(), call.ping.begin());
      call.now = from.time();
      break;
    }
    case RecordKind::kCloseConnection:
    case RecordKind::kTerminate:
      call.code = from.error_code();
      call.data = from.bytes();
      break;
    case RecordKind::kInitiateUpgradeConnection:
      call.text = from.text();
      call.other_text = from.text();
      break;
    case RecordKind::kSetNextStreamId:
      call.stream_id = from.stream_id();
      break;
    case RecordKind::kSetStreamTag:
      call.stream_id = from.stream_id();
      call.tag = from.varint();
      break;
    case RecordKind::kSetLocalWindowSize:
      call.size = from.u32();
      call.stream_id = from.stream_id();
      break;
    case RecordKind::kSendPriorityUpdate:
      call.stream_id = from.stream_id();
      call.priority = from.priority();
      break;
    case RecordKind::kChangePriority:
      call.stream_id = from.stream_id();
      call.priority = from.priority();
      call.signals = from.varint(1) != 0 ? PeerSignals::kIgnore : PeerSignals::kFollow;
      break;
    case RecordKind::kPrioritize:
      call.stream_id = from.stream_id();
      call.priority_fields.exclusive = from.varint(1) != 0;
      call.priority_fields.dependency = from.stream_id();
      call.priority_fields.weight = from.u8();
      break;
    case RecordKind::kAdvertiseAlternativeService:
      call.text = from.text();
      call.other_text = from.text();
      break;
    case RecordKind::kAdvertiseOnStream:
      call.text = from.text();
      call.stream_id = from.stream_id();
      break;
    case RecordKind::kSendOrigins: {
      const std::uint64_t count = from.varint(record.payload.size());
      for (std::uint64_t i = 0; from.ok() && i < count; ++i) call.texts.push_back(from.text());
      break;
    }
    case RecordKind::kSendExtensionFrame:
      call.type = from.u8();
      call.flags = from.u8();
      call.stream_id = from.stream_id();
      call.data = from.bytes();
      break;
    case RecordKind::kShutdown:
      call.grace = Duration{from.time().ns};
      call.now = from.time();
      break;
    case RecordKind::kPollEvents:
    case RecordKind::kDataToSend:
    case RecordKind::kNotifyShutdown:
      break;
    case RecordKind::kResult:
    case RecordKind::kBodyRead:
    case RecordKind::kPadding:
    case RecordKind::kEnd:
      problem = "a call was expected";
      return std::nullopt;
  }
  if (from.finished()) return call;
  problem = "these are not the arguments of " + std::string(to_string(record.kind));
  return std::nullopt;
}

std::optional<CapturedResult> decode_result(RecordKind call, Bytes payload) {
  PayloadReader from(payload);
  CapturedResult result;
  bool events = false;
  switch (call) {
    case RecordKind::kReceiveData:
      result.size = from.varint();
      events = true;
      break;
    case RecordKind::kReceiveEnd:
    case RecordKind::kPollEvents:
    case RecordKind::kOnTime:
      events = true;
      break;
    case RecordKind::kDataToSend:
      result.size = from.varint();
      break;
    case RecordKind::kMarkSent:
    case RecordKind::kReleaseStream:
    case RecordKind::kNotifyShutdown:
    case RecordKind::kCloseConnection:
    case RecordKind::kTerminate:
    case RecordKind::kShutdown:
      break;
    case RecordKind::kPushStream:
      result.refused = static_cast<Errc>(from.varint(0xffff));
      result.stream_id = from.stream_id();
      break;
    default:
      result.refused = static_cast<Errc>(from.varint(0xffff));
      break;
  }
  if (events) {
    const std::uint64_t count = from.varint(payload.size());
    for (std::uint64_t i = 0; from.ok() && i < count; ++i) result.events.push_back(from.byte());
    if (count > 0) {
      for (unsigned i = 0; i < 8; ++i) result.events_hash |= std::uint64_t{from.byte()} << (8 * i);
    }
  }
  if (!from.finished()) return std::nullopt;
  return result;
}

std::optional<CapturedRead> decode_read(Bytes payload) {
  PayloadReader from(payload);
  CapturedRead read;
  read.stream_id = from.stream_id();
  read.room = from.varint();
  const std::uint64_t state = from.varint(2);
  read.state = static_cast<BodySource::State>(state);
  read.data = from.bytes();
  if (!from.finished() || read.data.size() > read.room) return std::nullopt;
  return read;
}

std::string describe(const CapturedRecord& record, RecordKind call) {
  if (record.kind == RecordKind::kResult) return describe_result(call, record.payload);
  if (record.kind == RecordKind::kBodyRead) return describe_read(record.payload);
  if (record.kind == RecordKind::kPadding) return "padding";
  if (record.kind == RecordKind::kEnd) return "end";
  return describe_call(record);
}

// ---- running
// ------------------------------------------------------------------------------------

namespace {

// What the new connection says of itself.
class FreshRecords final : public RecordSink {
 public:
  void write(Bytes bytes) noexcept override { records.append(as_string_view(bytes)); }
  std::string records;
};

// The reads of the call under way, for all sources: they are asked in the order of the capture.
using Reads = std::deque<CapturedRead>;

class ReplayedSource final : public BodySource {
 public:
  explicit ReplayedSource(Reads& reads) : reads_(reads) {}
  Read read(std::span<std::uint8_t> buffer) noexcept override {
    // Asked where it was not asked then: whatever is said, the records differ.
    if (reads_.empty()) return {0, State::kMore};
    const CapturedRead next = reads_.front();
    reads_.pop_front();
    const std::size_t length = std::min(next.data.size(), buffer.size());
    std::copy_n(next.data.begin(), length, buffer.begin());
    return {length, next.state};
  }

 private:
  Reads& reads_;
};

// What the padding policy said during the call under way.
class ReplayedPadding final : public PaddingPolicy {
 public:
  std::uint32_t padding(FrameType, std::size_t, std::uint32_t) noexcept override {
    if (answers.empty()) return 0;
    const std::uint32_t next = answers.front();
    answers.pop_front();
    return next;
  }
  std::deque<std::uint32_t> answers;
};

// Where two strings of bytes part, for people.
std::string around(Bytes bytes, std::size_t at) {
  if (at >= bytes.size()) return "the end";
  return hex(bytes.subspan(at, std::min<std::size_t>(16, bytes.size() - at)));
}

}  // namespace

class Player {
 public:
  Player(Bytes capture, const ReplayOptions& options)
      : capture_(capture), options_(options), reader_(capture) {}

  ReplayReport run() {
    if (begin()) {
      while (play()) {
      }
      if (options_.at_end) options_.at_end(*connection_);
    }
    return std::move(report_);
  }

 private:
  using Step = CaptureReader::Step;

  bool corrupt(std::size_t offset, std::string problem) {
    report_.outcome = ReplayReport::Outcome::kCorrupt;
    report_.offset = offset;
    report_.problem = std::move(problem);
    return false;
  }
  // The capture ends without its end.
  bool cut(const CaptureReader& at) {
    report_.offset = at.offset();
    report_.problem = at.problem();
    return false;
  }

  bool begin() {
    const Step step = reader_.next();
    if (step == Step::kEnd || step == Step::kCut) return cut(reader_);
    if (step == Step::kCorrupt) return corrupt(reader_.offset(), reader_.problem());
    const CapturedRecord& record = reader_.record();
    if (record.kind != RecordKind::kBegin) return corrupt(record.offset, "it does not begin");
    std::string problem;
    auto call = decode_call(record, problem);
    if (!call) return corrupt(record.offset, problem);
    call->config.record = &fresh_;
    call->config.trace = options_.trace;
    if (call->pads) call->config.padding = &padding_;
    connection_ = std::make_unique<Connection>(call->role, call->config, *call->now);
    fresh_.records.clear();
    if (options_.after_call) options_.after_call(*call, *connection_);
    return true;
  }

  // One call; false: it is over.
  bool play() {
    const Step step = reader_.next();
    if (step == Step::kEnd || step == Step::kCut) return cut(reader_);
    if (step == Step::kCorrupt) return corrupt(reader_.offset(), reader_.problem());
    const CapturedRecord record = reader_.record();
    if (record.kind == RecordKind::kEnd) {
      if (!record.payload.empty()) return corrupt(record.offset, "the end is not empty");
      if (reader_.next() != Step::kEnd)
        return corrupt(reader_.offset(), "it goes on after its end");
      report_.complete = true;
      return false;
    }
    std::string problem;
    const auto call = decode_call(record, problem);
    if (!call) return corrupt(record.offset, problem);
    if (call->kind == RecordKind::kBegin) return corrupt(record.offset, "it begins twice");

    // What belongs to the call, as far as it is there.
    reads_.clear();
    padding_.answers.clear();
    CaptureReader ahead = reader_;
    std::optional<CapturedResult> result;
    Step next = ahead.next();
    for (; next == Step::kRecord; next = ahead.next()) {
      const CapturedRecord& part = ahead.record();
      if (part.kind == RecordKind::kResult) {
        result = decode_result(call->kind, part.payload);
        if (!result) {
          return corrupt(part.offset,
                         "this is not a result of " + std::string(to_string(call->kind)));
        }
        break;
      }
      if (part.kind == RecordKind::kPadding) {
        PayloadReader answer(part.payload);
        padding_.answers.push_back(answer.u32());
        if (!answer.finished()) return corrupt(part.offset, "this is not a padding");
        continue;
      }
      const auto read =
          part.kind == RecordKind::kBodyRead ? decode_read(part.payload) : std::nullopt;
      if (!read) {
        return corrupt(part.offset,
                       "the result of " + std::string(to_string(call->kind)) + " was expected");
      }
      reads_.push_back(*read);
    }
    if (next == Step::kCorrupt) return corrupt(ahead.offset(), ahead.problem());

    carry_out(*call);
    if (!same(record, ahead.offset(), result.has_value())) return false;
    if (!result) {
      reader_ = ahead;
      return cut(ahead);
    }
    reader_ = ahead;
    ++report_.calls;
    report_.events += result->events.size();
    if (call->kind == RecordKind::kReceiveData) report_.bytes_in += result->size;
    if (call->kind == RecordKind::kMarkSent) report_.bytes_out += call->size;
    if (options_.after_call) options_.after_call(*call, *connection_);
    return true;
  }

  void carry_out(const CapturedCall& call) {
    Connection& to = *connection_;
    switch (call.kind) {
      case RecordKind::kReceiveData:
        to.receive_data(call.data, *call.now);
        break;
      case RecordKind::kReceiveEnd:
        to.receive_end(*call.now);
        break;
      case RecordKind::kPollEvents:
        to.poll_events();
        break;
      case RecordKind::kDataToSend:
        to.data_to_send();
        break;
      case RecordKind::kMarkSent:
        to.mark_sent(static_cast<std::size_t>(call.size));
        break;
      case RecordKind::kOnTime:
        to.on_time(*call.now);
        break;
      case RecordKind::kSendHeaders:
        (void)to.send_headers(call.stream_id, call.fields, call.end_stream);
        break;
      case RecordKind::kSendData:
        (void)to.send_data(call.stream_id, call.data, call.end_stream, call.tag);
        break;
      case RecordKind::kSendDataCopy:
        (void)to.send_data_copy(call.stream_id, call.data, call.end_stream);
        break;
      case RecordKind::kSendBody:
        sources_.emplace_back(reads_);
        (void)to.send_body(call.stream_id, sources_.back(), call.end_stream, call.tag);
        break;
      case RecordKind::kResumeBody:
        (void)to.resume_body(call.stream_id);
        break;
      case RecordKind::kEndStream:
        (void)to.end_stream(call.stream_id);
        break;
      case RecordKind::kResetStream:
        (void)to.reset_stream(call.stream_id, call.code);
        break;
      case RecordKind::kReleaseStream:
        to.release_stream(call.stream_id);
        break;
      case RecordKind::kPushStream:
        (void)to.push_stream(call.stream_id, call.fields);
        break;
      case RecordKind::kAcknowledgeReceivedData:
        (void)to.acknowledge_received_data(static_cast<std::uint32_t>(call.size), call.stream_id);
        break;
      case RecordKind::kIncrementFlowControlWindow:
        (void)to.increment_flow_control_window(static_cast<std::uint32_t>(call.size),
                                               call.stream_id);
        break;
      case RecordKind::kUpdateSettings:
        (void)to.update_settings(call.settings, *call.now);
        break;
      case RecordKind::kPing:
        (void)to.ping(call.ping, *call.now);
        break;
      case RecordKind::kNotifyShutdown:
        to.notify_shutdown();
        break;
      case RecordKind::kCloseConnection:
        to.close_connection(call.code, call.data);
        break;
      case RecordKind::kTerminate:
        to.terminate(call.code, call.data);
        break;
      case RecordKind::kInitiateUpgradeConnection:
        (void)to.initiate_upgrade_connection(call.text, call.other_text);
        break;
      case RecordKind::kSetNextStreamId:
        (void)to.set_next_stream_id(call.stream_id);
        break;
      case RecordKind::kSetStreamTag:
        (void)to.set_stream_tag(call.stream_id, call.tag);
        break;
      case RecordKind::kSetLocalWindowSize:
        (void)to.set_local_window_size(static_cast<std::uint32_t>(call.size), call.stream_id);
        break;
      case RecordKind::kSendPriorityUpdate:
        (void)to.send_priority_update(call.stream_id, call.priority);
        break;
      case RecordKind::kChangePriority:
        (void)to.change_priority(call.stream_id, call.priority, call.signals);
        break;
      case RecordKind::kPrioritize:
        (void)to.prioritize(call.stream_id, call.priority_fields);
        break;
      case RecordKind::kAdvertiseAlternativeService:
        (void)to.advertise_alternative_service(call.text, call.other_text);
        break;
      case RecordKind::kAdvertiseOnStream:
        (void)to.advertise_alternative_service(call.text, call.stream_id);
        break;
      case RecordKind::kSendOrigins:
        (void)to.send_origins(call.texts);
        break;
      case RecordKind::kSendExtensionFrame:
        (void)to.send_extension_frame(call.type, call.flags, call.stream_id, call.data);
        break;
      case RecordKind::kShutdown:
        to.shutdown(call.grace, *call.now);
        break;
      case RecordKind::kBegin:
      case RecordKind::kResult:
      case RecordKind::kBodyRead:
      case RecordKind::kPadding:
      case RecordKind::kEnd:
        break;  // not calls
    }
  }

  // Compares what was just recorded with the capture from the call's record to `end`. A capture
  // that ends in the middle of the call agrees if it agrees so far.
  bool same(const CapturedRecord& call, std::size_t end, bool whole) {
    const std::string came = std::exchange(fresh_.records, {});
    const Bytes now = as_bytes(came);
    const Bytes then = capture_.subspan(call.offset, end - call.offset);
    if ((whole ? then.size() == now.size() : then.size() <= now.size()) &&
        std::equal(then.begin(), then.end(), now.begin())) {
      return true;
    }
    report_.record = call.number;
    report_.offset = call.offset;
    report_.problem = describe(call);
    report_.recorded = "no more";
    report_.came = "more";
    CaptureReader recorded(capture_.first(end), call.offset);
    CaptureReader fresh(now, 0);
    recorded.next_number_ = call.number;
    while (recorded.next() == Step::kRecord) {
      const CapturedRecord& a = recorded.record();
      const bool there = fresh.next() == Step::kRecord;
      const CapturedRecord& b = fresh.record();
      if (there && a.kind == b.kind &&
          std::equal(a.payload.begin(), a.payload.end(), b.payload.begin(), b.payload.end())) {
        continue;
      }
      report_.record = a.number;
      report_.offset = a.offset;
      tell(call, a, there ? &b : nullptr);
      break;
    }
    report_.outcome = ReplayReport::Outcome::kDifferent;
    return false;
  }

  void tell(const CapturedRecord& call, const CapturedRecord& then, const CapturedRecord* now) {
    report_.problem = describe(call);
    report_.recorded = describe(then, call.kind);
    report_.came = now == nullptr ? "nothing" : describe(*now, call.kind);
    if (now == nullptr || report_.recorded != report_.came) return;
    const auto parted = std::mismatch(then.payload.begin(), then.payload.end(),
                                      now->payload.begin(), now->payload.end());
    const auto at = static_cast<std::size_t>(parted.first - then.payload.begin());
    report_.recorded += ", byte " + std::to_string(at) + " on: " + around(then.payload, at);
    report_.came += ", byte " + std::to_string(at) + " on: " + around(now->payload, at);
  }

  const Bytes capture_;
  const ReplayOptions& options_;
  CaptureReader reader_;
  ReplayReport report_;
  ReplayedPadding padding_;  // before connection_
  Reads reads_;
  std::deque<ReplayedSource> sources_;  // outlive the connection
  FreshRecords fresh_;                  // as well
  std::unique_ptr<Connection> connection_;
};

ReplayReport replay(Bytes capture, const ReplayOptions& options) {
  return Player(capture, options).run();
}

std::string ReplayReport::message() const {
  const std::string done = std::to_string(calls) + " calls, " + std::to_string(bytes_in) +
                           " bytes in, " + std::to_string(bytes_out) + " bytes out, " +
                           std::to_string(events) + " events";
  switch (outcome) {
    case Outcome::kIdentical:
      if (complete) return done + ": identical";
      return done + ": identical; the capture has no end, it stops at byte " +
             std::to_string(offset) + (problem.empty() ? "" : " (" + problem + ")");
    case Outcome::kDifferent:
      return "after " + done + ": record " + std::to_string(record) + " at byte " +
             std::to_string(offset) + " (" + problem + ") differs; recorded: " + recorded +
             "; came: " + came;
    case Outcome::kCorrupt:
      break;
  }
  return "the capture is corrupt at byte " + std::to_string(offset) + ": " + problem;
}

}  // namespace h2::inline v0::testing
