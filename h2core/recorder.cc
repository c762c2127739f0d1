// Records as bytes; see recorder.h for the format and record_call.h for who writes them.
#include "h2core/recorder.h"

#include <algorithm>
#include <cstring>
#include <variant>

#include "h2core/record_call.h"

namespace h2::inline v0 {

namespace {

// FNV-1a over what events say, number by number and byte by byte.
class EventHash {
 public:
  std::uint64_t result() const { return hash_; }

  void number(std::uint64_t value) {
    for (unsigned i = 0; i < 8; ++i) octet(static_cast<std::uint8_t>(value >> (8 * i)));
  }
  void bytes(Bytes value) {
    number(value.size());
    for (const std::uint8_t one : value) octet(one);
  }
  void operator()(const RequestReceived& e) {
    add(e.stream_id, e.end_stream);
    fields(e.fields);
  }
  void operator()(const ResponseReceived& e) {
    add(e.stream_id, e.status, e.end_stream);
    fields(e.fields);
  }
  void operator()(const InformationalResponseReceived& e) {
    add(e.stream_id, e.status);
    fields(e.fields);
  }
  void operator()(const TrailersReceived& e) {
    add(e.stream_id);
    fields(e.fields);
  }
  void operator()(const DataReceived& e) {
    add(e.stream_id, e.flow_controlled_length, e.end_stream);
    bytes(e.data);
  }
  void operator()(const StreamReset& e) {
    add(e.stream_id, e.by, e.error_code, e.cause, e.processed);
  }
  void operator()(const PushedStreamReceived& e) {
    add(e.parent_stream_id, e.promised_stream_id);
    fields(e.fields);
  }
  void operator()(const BodyReleased& e) { add(e.stream_id, e.tag, e.complete); }
  void operator()(const WindowUpdated& e) { add(e.stream_id, e.delta); }
  void operator()(const RemoteSettingsChanged& e) {
    number(e.changed.size());
    for (const Setting& setting : e.changed) add(setting.code, setting.value);
  }
  void operator()(const SettingsAcknowledged& e) {
    const Settings& s = e.in_force;
    add(s.header_table_size, s.enable_push, s.max_concurrent_streams, s.initial_window_size,
        s.max_frame_size, s.max_header_list_size, s.enable_connect_protocol,
        s.no_rfc7540_priorities);
  }
  void operator()(const PingReceived& e) { bytes(e.data); }
  void operator()(const PingAckReceived& e) {
    bytes(e.data);
    add(e.round_trip.ns);
  }
  void operator()(const ConnectionTerminated& e) {
    add(e.error_code, e.last_stream_id);
    bytes(e.additional_data);
  }
  void operator()(const PriorityUpdated& e) {
    add(e.stream_id, e.priority.urgency, e.priority.incremental);
  }
  void operator()(const AlternativeServiceAvailable& e) {
    add(e.stream_id);
    bytes(as_bytes(e.origin));
    bytes(as_bytes(e.field_value));
  }
  void operator()(const OriginsReceived& e) {
    for (const std::string_view origin : e.origins) bytes(as_bytes(origin));
  }
  void operator()(const ExtensionFrameReceived& e) {
    add(e.type, e.flags, e.stream_id);
    bytes(e.payload);
  }
  void operator()(const ConnectionFailed& e) {
    add(e.error.code, e.error.cause);
    bytes(e.excerpt);
  }

 private:
  void octet(std::uint8_t value) {
    hash_ ^= value;
    hash_ *= 0x100000001b3U;
  }
  template <class... Values>
  void add(const Values&... values) {
    (one(values), ...);
  }
  template <class T>
  void one(const T& value) {
    if constexpr (std::is_same_v<T, StreamId>) {
      number(value.value);
    } else {
      number(static_cast<std::uint64_t>(value));
    }
  }
  void fields(const FieldsView& view) {
    number(view.size());
    for (const HeaderField field : view) {
      bytes(as_bytes(field.name));
      bytes(as_bytes(field.value));
      number(field.sensitive ? 1 : 0);
    }
  }

  std::uint64_t hash_ = 0xcbf29ce484222325U;
};

std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}

}  // namespace

std::string_view to_string(RecordKind kind) {
  switch (kind) {
    case RecordKind::kBegin:
      return "begin";
    case RecordKind::kResult:
      return "result";
    case RecordKind::kBodyRead:
      return "body_read";
    case RecordKind::kEnd:
      return "end";
    case RecordKind::kReceiveData:
      return "receive_data";
    case RecordKind::kReceiveEnd:
      return "receive_end";
    case RecordKind::kPollEvents:
      return "poll_events";
    case RecordKind::kDataToSend:
      return "data_to_send";
    case RecordKind::kMarkSent:
      return "mark_sent";
    case RecordKind::kOnTime:
      return "on_time";
    case RecordKind::kSendHeaders:
      return "send_headers";
    case RecordKind::kSendData:
      return "send_data";
    case RecordKind::kSendDataCopy:
      return "send_data_copy";
    case RecordKind::kSendBody:
      return "send_body";
    case RecordKind::kResumeBody:
      return "resume_body";
    case RecordKind::kEndStream:
      return "end_stream";
    case RecordKind::kResetStream:
      return "reset_stream";
    case RecordKind::kReleaseStream:
      return "release_stream";
    case RecordKind::kPushStream:
      return "push_stream";
    case RecordKind::kAcknowledgeReceivedData:
      return "acknowledge_received_data";
    case RecordKind::kIncrementFlowControlWindow:
      return "increment_flow_control_window";
    case RecordKind::kUpdateSettings:
      return "update_settings";
    case RecordKind::kPing:
      return "ping";
    case RecordKind::kNotifyShutdown:
      return "notify_shutdown";
    case RecordKind::kCloseConnection:
      return "close_connection";
    case RecordKind::kTerminate:
      return "terminate";
    case RecordKind::kInitiateUpgradeConnection:
      return "initiate_upgrade_connection";
    case RecordKind::kSetNextStreamId:
      return "set_next_stream_id";
    case RecordKind::kSetStreamTag:
      return "set_stream_tag";
    case RecordKind::kSetLocalWindowSize:
      return "set_local_window_size";
    case RecordKind::kSendPriorityUpdate:
      return "send_priority_update";
    case RecordKind::kChangePriority:
      return "change_priority";
    case RecordKind::kPrioritize:
      return "prioritize";
    case RecordKind::kAdvertiseAlternativeService:
      return "advertise_alternative_service";
    case RecordKind::kAdvertiseOnStream:
      return "advertise_alternative_service on a stream";
    case RecordKind::kSendOrigins:
      return "send_origins";
    case RecordKind::kSendExtensionFrame:
      return "send_extension_frame";
    case RecordKind::kShutdown:
      return "shutdown";
    case RecordKind::kPadding:
      return "padding";
  }
  return "unknown";
}

// ---- writing
// ------------------------------------------------------------------------------------

void RecordWriter::varint(std::uint64_t value) {
  while (value >= 0x80) {
    byte(static_cast<std::uint8_t>(value | 0x80));
    value >>= 7;
  }
  byte(static_cast<std::uint8_t>(value));
}

void RecordWriter::raw(Bytes value) {
  counted_ += value.size();
  if (sink_ == nullptr || value.empty()) return;
  if (value.size() > sizeof buffer_ - held_) {
    flush();
    if (value.size() > sizeof buffer_) return sink_->write(value);
  }
  std::memcpy(buffer_ + held_, value.data(), value.size());
  held_ += value.size();
}

void RecordWriter::flush() {
  if (sink_ != nullptr && held_ > 0) sink_->write({buffer_, held_});
  held_ = 0;
}

void put(RecordWriter& to, Time value) { to.varint(zigzag(value.ns)); }

void put(RecordWriter& to, std::span<const HeaderField> fields) {
  to.varint(fields.size());
  for (const HeaderField& field : fields) {
    to.bytes(as_bytes(field.name));
    to.bytes(as_bytes(field.value));
    to.byte(field.sensitive ? 1 : 0);
  }
}

void put(RecordWriter& to, std::span<const Setting> settings) {
  to.varint(settings.size());
  for (const Setting& setting : settings) {
    to.varint(static_cast<std::uint16_t>(setting.code));
    to.varint(setting.value);
  }
}

void put(RecordWriter& to, const SentOutput& sent) {
  const std::size_t size = std::min(sent.size, sent.output.size());
  to.varint(size);
  sent.output.visit_first(size, [&to](Bytes piece) { to.raw(piece); });
}

EventsDigest::EventsDigest(std::span<const Event> given) : events(given), hash(0) {
  EventHash sum;
  for (const Event& event : events) {
    sum.number(event.index());
    std::visit(sum, event);
  }
  hash = sum.result();
}

void put_result(RecordWriter& to, const EventsDigest& digest) {
  to.varint(digest.events.size());
  if (digest.events.empty()) return;
  for (const Event& event : digest.events) to.byte(static_cast<std::uint8_t>(event.index()));
  for (unsigned i = 0; i < 8; ++i) to.byte(static_cast<std::uint8_t>(digest.hash >> (8 * i)));
}

void put_result(RecordWriter& to, std::span<const Bytes> pieces) {
  std::uint64_t sum = 0;
  for (const Bytes piece : pieces) sum += piece.size();
  to.varint(sum);
}

void record_begin(RecordSink& sink, Role role, const Config& config, Time now) {
  sink.write(as_bytes(kRecordMagic));
  write_record(sink, RecordKind::kBegin, [&](RecordWriter& to) {
    to.byte(role == Role::kClient ? 0 : 1);
    put(to, now);
    visit_config(config, [&to](unsigned number, std::string_view, const auto& value) {
      to.varint(number);
      to.varint(static_cast<std::uint64_t>(value));
    });
    to.varint(kPaddingNumber);
    to.varint(config.padding != nullptr ? 1 : 0);
  });
}

void record_end(RecordSink& sink) {
  write_record(sink, RecordKind::kEnd, [](RecordWriter&) {});
}

BodySource::Read recorded_read(RecordSink* sink, StreamId id, BodySource& source,
                               std::span<std::uint8_t> buffer) {
  const BodySource::Read read = source.read(buffer);
  if (sink == nullptr) return read;
  write_record(*sink, RecordKind::kBodyRead, [&](RecordWriter& to) {
    to.varint(id.value);
    to.varint(buffer.size());
    to.byte(static_cast<std::uint8_t>(read.state));
    to.bytes(buffer.first(std::min(read.length, buffer.size())));
  });
  return read;
}

std::uint32_t recorded_padding(RecordSink* sink, PaddingPolicy& policy, FrameType type,
                               std::size_t payload, std::uint32_t most) {
  const std::uint32_t padding = std::min(policy.padding(type, payload, most), most);
  if (sink != nullptr) {
    write_record(*sink, RecordKind::kPadding, [&](RecordWriter& to) { to.varint(padding); });
  }
  return padding;
}

}  // namespace h2::inline v0
