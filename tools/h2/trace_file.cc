// The trace of connections as JSON texts. See trace_file.h.
#include "tools/h2/trace_file.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <map>
#include <optional>
#include <vector>

#include "h2core/frame.h"
#include "h2core/stream_state.h"
#include "h2core/testing/replay.h"
#include "tools/h2/frame_json.h"

namespace h2::inline v0::tools {

namespace {

using Json = nlohmann::ordered_json;

// What is known of one connection, from its frames (FrameTrace) and its results (RecordSink). Used
// by one thread at a time, as the connection is.
class Watched {
 public:
  Watched(TraceFile& file, std::string group, std::string_view peer)
      : file_(file), group_(std::move(group)) {
    Json data;
    data["vantage_point"] = file.role() == Role::kClient ? "client" : "server";
    if (!peer.empty()) data["peer"] = text_json(peer);
    file_.write(group_, file_.now(), "connectivity:connection_started", std::move(data));
  }
  ~Watched() {
    flush();
    file_.write(group_, file_.now(), "connectivity:connection_closed", Json::object());
  }
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;

  void frame(Direction direction, const FrameHeader& header, Bytes payload) {
    flush();
    const bool sent = direction == Direction::kSent;
    at_ = file_.now();
    name_ = sent ? "http2:frame_created" : "http2:frame_parsed";
    frame_ = frame_json(header, payload);
    follow(sent, header, payload);
  }
  void field(const hpack::HeaderField& field) {
    if (frame_) (*frame_)["fields"].push_back(field_json(field, file_.show_secrets()));
  }
  // A frame waits for its fields until something else comes.
  void flush() {
    if (frame_) {
      Json data;
      data["frame"] = std::move(*frame_);
      file_.write(group_, at_, name_, std::move(data));
      frame_.reset();
    }
    for (Json& change : changes_)
      file_.write(group_, at_, "http2:stream_state_updated", std::move(change));
    changes_.clear();
  }
  void result(RecordKind call, const testing::CapturedResult& result) {
    flush();
    if (result.refused != Errc::kNone) {
      Json data;
      data["call"] = to_string(call);
      data["cause"] = to_string(result.refused);
      file_.write(group_, file_.now(), "h2cpp:call_refused", std::move(data));
    }
    for (const std::size_t index : result.events) {
      Json data;
      data["event"] = testing::event_name(index);
      data["call"] = to_string(call);
      file_.write(group_, file_.now(), "h2cpp:event_reported", std::move(data));
    }
  }

 private:
  // The frame's effect on its stream, by the core's own table (RFC 9113 §5.1).
  void follow(bool sent, const FrameHeader& header, Bytes payload) {
    const bool end = header.has(kFlagEndStream);
    std::optional<StreamInput> input;
    switch (header.type) {
      case FrameType::kHeaders:
        input = sent ? (end ? StreamInput::kSendHeadersEndStream : StreamInput::kSendHeaders)
                     : (end ? StreamInput::kReceiveHeadersEndStream : StreamInput::kReceiveHeaders);
        break;
      case FrameType::kData:
        input = sent ? (end ? StreamInput::kSendDataEndStream : StreamInput::kSendData)
                     : (end ? StreamInput::kReceiveDataEndStream : StreamInput::kReceiveData);
        break;
      case FrameType::kRstStream:
        input = sent ? StreamInput::kSendRstStream : StreamInput::kReceiveRstStream;
        break;
      case FrameType::kPushPromise:
        if (payload.size() == header.length && payload.size() >= 4 && !header.has(kFlagPadded)) {
          std::uint32_t id = 0;
          for (std::size_t i = 0; i < 4; ++i) id = (id << 8) | payload[i];
          change({id & StreamId::kMax},
                 sent ? StreamState::kReservedLocal : StreamState::kReservedRemote);
        }
        return;
      default:
        return;
    }
    if (header.stream_id.is_connection()) return;
    StreamState before = state(header.stream_id);
    // A promise of ours was traced without the stream that it named.
    if (before == StreamState::kIdle && header.stream_id.is_server_initiated() && sent &&
        file_.role() == Role::kServer) {
      change(header.stream_id, StreamState::kReservedLocal);
      before = StreamState::kReservedLocal;
    }
    const Cell& cell = transition(before, *input);
    if (cell.verdict == Verdict::kAccept) change(header.stream_id, cell.next);
  }
  StreamState state(StreamId id) const {
    if (const auto found = states_.find(id); found != states_.end()) return found->second;
    return id <= highest_[id.value & 1] ? StreamState::kClosed : StreamState::kIdle;
  }
  void change(StreamId id, StreamState next) {
    const StreamState before = state(id);
    if (before == next) return;
    Json data;
    data["stream_id"] = id.value;
    data["old"] = to_string(before);
    data["new"] = to_string(next);
    changes_.push_back(std::move(data));
    highest_[id.value & 1] = std::max(highest_[id.value & 1], id);
    if (next >= StreamState::kClosedByEndStream) {
      states_.erase(id);
    } else {
      states_[id] = next;
    }
  }

  TraceFile& file_;
  const std::string group_;
  double at_ = 0;  // of frame_
  std::string_view name_;
  std::optional<Json> frame_;
  std::vector<Json> changes_;
  std::map<StreamId, StreamState> states_;  // of those that are not closed
  StreamId highest_[2];                     // by parity
};

class WatchedFrames final : public FrameTrace {
 public:
  explicit WatchedFrames(std::shared_ptr<Watched> watched) : watched_(std::move(watched)) {}
  void on_frame(Direction direction, const FrameHeader& header, Bytes payload) noexcept override {
    watched_->frame(direction, header, payload);
  }
  void on_field(Direction, StreamId, const hpack::HeaderField& field) noexcept override {
    watched_->field(field);
  }

 private:
  std::shared_ptr<Watched> watched_;
};

// Reads records as they come, and of their contents only the results'.
class WatchedCalls final : public RecordSink {
 public:
  explicit WatchedCalls(std::shared_ptr<Watched> watched) : watched_(std::move(watched)) {}

  void write(Bytes bytes) noexcept override {
    while (!bytes.empty()) {
      if (skip_ > 0) {
        const std::size_t part = std::min(skip_, bytes.size());
        skip_ -= part;
        bytes = bytes.subspan(part);
        continue;
      }
      record_.push_back(bytes[0]);
      bytes = bytes.subspan(1);
      read();
    }
  }

 private:
  void read() {
    std::size_t length = 0;
    std::size_t at = 1;
    for (unsigned shift = 0; at < record_.size(); shift += 7) {
      const std::uint8_t one = record_[at++];
      length |= std::size_t{one & 0x7fU} << shift;
      if (one < 0x80) {
        whole(static_cast<RecordKind>(record_[0]), at, length);
        return;
      }
    }
  }
  // The head of a record is there; `at` is where its payload begins.
  void whole(RecordKind kind, std::size_t at, std::size_t length) {
    if (kind == RecordKind::kResult) {
      if (record_.size() - at < length) return;
      if (const auto result = testing::decode_result(call_, Bytes(record_).subspan(at)))
        watched_->result(call_, *result);
    } else {
      if (is_call(kind)) call_ = kind;
      skip_ = length;
    }
    record_.clear();
  }

  std::shared_ptr<Watched> watched_;
  std::size_t skip_ = kRecordMagic.size();
  std::vector<std::uint8_t> record_;
  RecordKind call_{};
};

}  // namespace

Result<std::unique_ptr<TraceFile>, std::string> TraceFile::open(const std::string& path,
                                                                std::string_view title, Role role,
                                                                bool show_secrets) {
  auto file = create_private_file(path);
  if (!file) return unexpected(file.error());
  std::unique_ptr<TraceFile> trace(new TraceFile(std::move(*file), path, role, show_secrets));
  Json head;
  head["qlog_version"] = "0.3";
  head["qlog_format"] = "JSON-SEQ";
  head["title"] = title;
  head["trace"]["vantage_point"]["type"] = role == Role::kClient ? "client" : "server";
  head["trace"]["common_fields"]["protocol_type"] = Json::array({"HTTP2"});
  head["trace"]["common_fields"]["time_format"] = "relative";
  head["trace"]["common_fields"]["reference_time"] =
      std::chrono::duration_cast<std::chrono::milliseconds>(
          std::chrono::system_clock::now().time_since_epoch())
          .count();
  const std::lock_guard lock(trace->mutex_);
  trace->put(head);
  return trace;
}

Observers TraceFile::watch(std::string_view peer) {
  std::string group;
  {
    const std::lock_guard lock(mutex_);
    group = std::to_string(++connections_);
  }
  auto watched = std::make_shared<Watched>(*this, std::move(group), peer);
  return {std::make_unique<WatchedFrames>(watched), std::make_unique<WatchedCalls>(watched)};
}

double TraceFile::now() const {
  const double ms =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start_).count();
  return std::round(ms * 1'000) / 1'000;
}

void TraceFile::write(const std::string& group, double ms, std::string_view name, Json data) {
  Json text;
  text["time"] = ms;
  text["name"] = name;
  text["group_id"] = group;
  text["data"] = std::move(data);
  const std::lock_guard lock(mutex_);
  put(text);
}

void TraceFile::put(const Json& text) {
  const std::string line = "\x1e" + json_line(text) + "\n";
  Bytes rest = as_bytes(line);
  while (file_ != nullptr && !rest.empty()) {
    const ssize_t n = ::write(file_->fd(), rest.data(), rest.size());
    if (n >= 0) {
      rest = rest.subspan(static_cast<std::size_t>(n));
    } else if (errno != EINTR) {
      std::fprintf(stderr, "h2: --trace: writing %s failed: %s; the trace ends here\n",
                   path_.c_str(), std::strerror(errno));
      file_.reset();
    }
  }
}

}  // namespace h2::inline v0::tools
