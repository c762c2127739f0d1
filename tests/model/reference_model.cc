// The model of one side of a connection. See reference_model.h.
#include "tests/model/reference_model.h"

#include <algorithm>
#include <utility>

namespace h2::tests::model {

namespace {

constexpr std::int64_t kMostWindow = 0x7fffffff;

// ResetBy by number, as Seen carries it.
constexpr std::uint32_t kByPeer = 0;
constexpr std::uint32_t kByError = 1;
constexpr std::uint32_t kByGoAway = 2;
constexpr std::uint32_t kByConnection = 3;

std::uint32_t number(ErrorCode code) { return static_cast<std::uint32_t>(code); }

// RFC 9113 §6.5.2: what is wrong with a value that a server or client sends.
std::optional<ErrorCode> wrong_setting(bool by_server, const Setting& setting) {
  const std::uint32_t value = setting.value;
  switch (setting.code) {
    case SettingCode::kEnablePush:
      if (value > 1 || (by_server && value == 1)) return ErrorCode::kProtocolError;
      break;
    case SettingCode::kInitialWindowSize:
      if (value > kMostWindow) return ErrorCode::kFlowControlError;
      break;
    case SettingCode::kMaxFrameSize:
      if (value < 16'384 || value > 16'777'215) return ErrorCode::kProtocolError;
      break;
    default:
      break;
  }
  return std::nullopt;
}

void take_over(Settings& settings, const Setting& setting) {
  switch (setting.code) {
    case SettingCode::kHeaderTableSize:
      settings.header_table_size = setting.value;
      break;
    case SettingCode::kEnablePush:
      settings.enable_push = setting.value == 1;
      break;
    case SettingCode::kMaxConcurrentStreams:
      settings.max_concurrent_streams = setting.value;
      break;
    case SettingCode::kInitialWindowSize:
      settings.initial_window_size = setting.value;
      break;
    case SettingCode::kMaxFrameSize:
      settings.max_frame_size = setting.value;
      break;
    case SettingCode::kMaxHeaderListSize:
      settings.max_header_list_size = setting.value;
      break;
    case SettingCode::kNoRfc7540Priorities:
      settings.no_rfc7540_priorities = setting.value != 0;
      break;
    default:
      break;
  }
}

bool complete(const ReferenceModel::Stream& stream) {
  return !stream.body_expected || *stream.body_expected == stream.body;
}

// Whether the peer may still send on it.
bool peer_open(const ReferenceModel::Stream& stream) {
  return !stream.held && (stream.state == State::kOpen || stream.state == State::kHalfClosedLocal);
}

}  // namespace

std::string to_string(const OutFrame& f) {
  std::string out(h2::to_string(f.type));
  out += " stream=" + std::to_string(f.stream);
  if (f.end) out += " end";
  if (f.ack) out += " ack";
  if (f.length > 0) out += " length=" + std::to_string(f.length);
  if (f.value > 0) out += " value=" + std::to_string(f.value);
  if (f.code > 0) out += " code=" + std::to_string(f.code);
  if (f.hash > 0) out += " hash=" + std::to_string(f.hash);
  for (const Setting& s : f.settings)
    out += " " + std::string(h2::to_string(s.code)) + "=" + std::to_string(s.value);
  return out;
}

std::string to_string(const Seen& s) {
  static const char* const names[] = {
      "RequestReceived",      "ResponseReceived", "InformationalResponseReceived",
      "TrailersReceived",     "DataReceived",     "StreamReset",
      "PushedStreamReceived", "WindowUpdated",    "RemoteSettingsChanged",
      "SettingsAcknowledged", "PingReceived",     "PingAckReceived",
      "ConnectionTerminated", "ConnectionFailed"};
  std::string out = names[static_cast<std::size_t>(s.kind)];
  out += " stream=" + std::to_string(s.stream) + " a=" + std::to_string(s.a) +
         " b=" + std::to_string(s.b) + " hash=" + std::to_string(s.hash);
  if (s.end) out += " end";
  return out;
}

ReferenceModel::ReferenceModel(const Setup& setup, std::uint64_t refusal, ModelFault fault)
    : setup_(setup), refusal_(refusal), fault_(fault) {
  in_force_ = {local_, setup.streams, setup.push};
  window_.size = window_.available = 65'535;
  // RFC 9113 §3.4: either side begins with SETTINGS.
  std::vector<Setting> first;
  if (!setup.server) first.push_back({SettingCode::kEnablePush, setup.push ? 1U : 0U});
  if (setup.server || setup.push)
    first.push_back({SettingCode::kMaxConcurrentStreams, setup.streams});
  if (setup.window != 65'535) first.push_back({SettingCode::kInitialWindowSize, setup.window});
  first.push_back({SettingCode::kMaxHeaderListSize, setup.most_fields()});
  if (setup.server) first.push_back({SettingCode::kNoRfc7540Priorities, 1});
  send_settings(first);
  pending_.back().streams = setup.streams;
  pending_.back().push = setup.push;
  if (setup.connection_window > 65'535) (void)increment(0, setup.connection_window - 65'535);
}

// ---- looking up
// -----------------------------------------------------------------------------------

ReferenceModel::Stream* ReferenceModel::at(std::uint32_t id) {
  const auto it = live_.find(id);
  return it == live_.end() ? nullptr : &it->second;
}

const ReferenceModel::Stream* ReferenceModel::find(std::uint32_t id) const {
  const auto it = live_.find(id);
  return it == live_.end() ? nullptr : &it->second;
}

// Whether the peer may know of it; lower ones than those used are closed (RFC 9113 §5.1.1).
bool ReferenceModel::used(std::uint32_t id) const {
  if (id == 0) return false;
  return ours(id) ? id <= highest_local_ : id <= highest_remote_;
}

// What frames on a stream meet (RFC 9113 §5.1). Frames on a stream that we reset may have been in
// flight, until the peer has acknowledged SETTINGS that went after the reset.
ReferenceModel::Place ReferenceModel::place(std::uint32_t id) const {
  if (const Stream* stream = find(id)) {
    if (stream->queued) return Place::kIdle;
    if (!stream->held) return Place::kLive;
    return stream->how == How::kLocalReset ? Place::kIgnored : Place::kClosed;
  }
  const auto it = gone_.find(id);
  if (it == gone_.end() || it->second.how == How::kCancelled) {
    return used(id) ? Place::kIgnored : Place::kIdle;
  }
  switch (it->second.how) {
    case How::kLocalReset:
      return settings_acked_ > it->second.settings_sent ? Place::kClosed : Place::kIgnored;
    case How::kGoAway:
      return Place::kIgnored;
    default:
      return Place::kClosed;
  }
}

std::uint32_t ReferenceModel::next_local() const {
  if (highest_submitted_ == 0) return setup_.server ? 2 : 1;
  return highest_submitted_ + 2;
}

std::uint32_t ReferenceModel::limit_for_us() const {
  return remote_received_ ? remote_.max_concurrent_streams : setup_.assumed_streams;
}

// The peer may use what it was sent as soon as it has it, and knows of nothing lower before it has
// acknowledged it (RFC 9113 §6.5.3).
std::uint32_t ReferenceModel::stream_limit() const {
  std::uint32_t most = in_force_.streams;
  for (const Sent& sent : pending_) most = std::max(most, sent.streams);
  return most;
}

bool ReferenceModel::push_allowed() const {
  return in_force_.push ||
         std::any_of(pending_.begin(), pending_.end(), [](const Sent& sent) { return sent.push; });
}

std::int64_t ReferenceModel::window_in_flight(const Window& window, bool connection) const {
  if (connection) return window.available;
  return window.available + std::int64_t{announced_.initial_window_size} -
         std::int64_t{local_.initial_window_size};
}

ReferenceModel::Counts ReferenceModel::counts() const {
  Counts counts;
  for (const auto& [id, stream] : live_) {
    if (stream.counted) ++(ours(id) ? counts.active_local : counts.active_remote);
    if (!stream.held &&
        (stream.state == State::kReservedLocal || stream.state == State::kReservedRemote)) {
      ++counts.reserved;
    }
  }
  counts.queued = static_cast<std::uint32_t>(queue_.size());
  if (fault_ == ModelFault::kCountsStreamTwice && counts.active_local + counts.active_remote >= 2)
    ++counts.active_local;
  return counts;
}

// ---- ends
// -----------------------------------------------------------------------------------------

std::uint32_t ReferenceModel::last_processed() const {
  return goaway_sent_ ? std::min(goaway_last_, highest_remote_) : highest_remote_;
}

void ReferenceModel::fail(ErrorCode code) {
  if (failed_) return;
  failed_ = true;
  must({.type = FrameType::kGoAway, .value = last_processed(), .code = number(code)});
  tell({.kind = Seen::Kind::kFailed, .b = number(code)});
  end_all(kByConnection, number(code));
}

void ReferenceModel::end_all(std::uint32_t by, std::uint32_t code) {
  failed_ = true;
  while (!live_.empty()) {
    Stream& stream = live_.begin()->second;
    if (stream.held) {
      drop(stream.id, stream.how);
      continue;
    }
    reset_event(stream, by, code);
    close_stream(stream, How::kLocalReset);
  }
}

void ReferenceModel::reset_event(const Stream& stream, std::uint32_t by, std::uint32_t code) {
  if (stream.seen)
    tell({.kind = Seen::Kind::kReset, .stream = stream.id, .end = false, .a = by, .b = code});
}

// RFC 9113 §5.4.2; RST_STREAM may not be sent for an idle stream (RFC 9113 §6.4).
void ReferenceModel::stream_error(std::uint32_t id, ErrorCode code) {
  if (failed_) return;
  Stream* stream = at(id);
  if (stream == nullptr && !used(id)) return fail(code);
  must({.type = FrameType::kRstStream, .stream = id, .value = number(code)});
  if (stream == nullptr || stream->held) return;
  reset_event(*stream, kByError, number(code));
  stream->held = setup_.hold && setup_.server && stream->seen && !stream->end_given;
  close_stream(*stream, How::kLocalReset);
}

// `held` says whether it keeps its slot.
void ReferenceModel::close_stream(Stream& stream, How how) {
  if (setup_.on_consumption) {
    if (how == How::kEnded) {
      orphaned_ += stream.window.unread;
    } else if (!failed_) {
      return_to_connection(stream.window.unread);
    }
  }
  stream.items.clear();
  if (stream.held) {
    stream.how = how;
    return;
  }
  if (stream.queued) {
    queue_.erase(std::find(queue_.begin(), queue_.end(), stream.id));
    how = How::kCancelled;
  }
  drop(stream.id, how);
}

void ReferenceModel::drop(std::uint32_t id, How how) {
  gone_[id] = {how, settings_sent_, live_[id].seen};
  live_.erase(id);
}

void ReferenceModel::peer_ended(Stream& stream) {
  if (stream.state == State::kOpen || stream.state == State::kIdle) {
    stream.state = State::kHalfClosedRemote;
  } else {
    stream.state = State::kClosed;
  }
}

void ReferenceModel::we_ended(Stream& stream) {
  stream.end_given = true;
  stream.end_sent = true;
  stream.send = Phase::kDone;
  if (stream.state == State::kOpen) {
    stream.state = State::kHalfClosedLocal;
  } else {
    stream.state = State::kClosed;
    close_stream(stream, How::kEnded);
  }
}

// ---- calls
// ----------------------------------------------------------------------------------------

Expected ReferenceModel::send_headers(std::uint32_t id, const Message& message, bool end) {
  if (failed_) return Expected::bad(Errc::kConnectionClosed);
  Stream* stream = at(id);
  if (stream == nullptr) {
    if (setup_.server || !ours(id) || id <= highest_submitted_) return Expected::bad();
    if (closing()) return Expected::bad(Errc::kConnectionClosed);
    if (message.kind != Message::Kind::kRequest || message.malformed) return Expected::bad();
    const bool wait = !queue_.empty() || counts().active_local >= limit_for_us();
    if (wait && queue_.size() >= setup_.queue) return Expected::bad(Errc::kQueueFull);
    Stream fresh;
    fresh.id = id;
    fresh.seen = true;
    fresh.head = message.head;
    fresh.connect = message.connect;
    fresh.end_given = end;
    fresh.send_window = remote_.initial_window_size;
    fresh.window.size = fresh.window.available = local_.initial_window_size;
    highest_submitted_ = id;
    if (wait) {
      fresh.queued = true;
      fresh.request_hash = message.hash;
      fresh.request_end = end;
      queue_.push_back(id);
    } else {
      fresh.counted = true;
      fresh.state = end ? State::kHalfClosedLocal : State::kOpen;
      fresh.send = end ? Phase::kDone : Phase::kBody;
      fresh.end_sent = end;
      highest_local_ = id;
      must({.type = FrameType::kHeaders, .stream = id, .end = end, .hash = message.hash});
    }
    live_[id] = fresh;
    return Expected::good();
  }
  if (stream->end_given || stream->held) return Expected::bad(Errc::kStreamClosedLocally);
  if (stream->queued || stream->send != Phase::kHeaders) {
    if (!end) return Expected::bad(Errc::kTrailersWithoutEndStream);
    if (stream->send == Phase::kTunnel) return Expected::bad(Errc::kWrongPhase);
    if (message.kind != Message::Kind::kTrailers || message.malformed) return Expected::bad();
    stream->end_given = true;
    stream->items.push_back({.kind = Item::Kind::kTrailers, .end = true, .hash = message.hash});
    return Expected::good();
  }
  if (!setup_.server) return Expected::bad(Errc::kWrongRole);
  if (message.kind != Message::Kind::kResponse || message.malformed) return Expected::bad();
  if (message.status < 200) {
    if (message.status == 101 || end || stream->state == State::kReservedLocal)
      return Expected::bad();
    must({.type = FrameType::kHeaders, .stream = id, .hash = message.hash});
    return Expected::good();
  }
  if (stream->state == State::kReservedLocal) {
    if (counts().active_local >= limit_for_us()) return Expected::bad(Errc::kTooManyStreams);
    stream->counted = true;
    stream->state = State::kHalfClosedRemote;
  }
  must({.type = FrameType::kHeaders, .stream = id, .end = end, .hash = message.hash});
  stream->send = Phase::kBody;
  if (stream->connect && message.status < 300 && !end) {
    // RFC 9113 §8.5: a tunnel from here.
    stream->send = Phase::kTunnel;
    if (stream->receive == Phase::kBody) stream->receive = Phase::kTunnel;
  }
  if (end) we_ended(*stream);
  return Expected::good();
}

Expected ReferenceModel::send_data(std::uint32_t id, std::uint64_t size, bool end, bool copied,
                                   std::uint64_t tag) {
  if (failed_) return Expected::bad(Errc::kConnectionClosed);
  Stream* stream = at(id);
  if (stream == nullptr) return Expected::bad();
  if (stream->end_given || stream->held) return Expected::bad(Errc::kStreamClosedLocally);
  if (!stream->queued && stream->send == Phase::kHeaders)
    return Expected::bad(Errc::kDataBeforeHeaders);
  if (copied && size == 0 && !end) return Expected::good();
  stream->end_given = end;
  stream->items.push_back({.kind = Item::Kind::kBytes, .left = size, .end = end, .tag = tag});
  return Expected::good();
}

Expected ReferenceModel::send_source(std::uint32_t id, std::shared_ptr<const Source> source,
                                     bool end, std::uint64_t tag) {
  const Expected expected = send_data(id, 0, end, false, tag);
  if (expected.ok) {
    Item& item = at(id)->items.back();
    item.kind = Item::Kind::kSource;
    item.left = source->ready;
    item.source = std::move(source);
  }
  return expected;
}

void ReferenceModel::feed(std::uint32_t id, const Source& source, std::uint64_t bytes) {
  Stream* stream = at(id);
  if (stream == nullptr) return;
  for (Item& item : stream->items) {
    if (item.source.get() == &source) item.left += bytes;
  }
}

Expected ReferenceModel::resume(std::uint32_t id) {
  if (failed_) return Expected::bad(Errc::kConnectionClosed);
  return at(id) == nullptr ? Expected::bad(Errc::kStreamUnknown) : Expected::good();
}

Expected ReferenceModel::reset(std::uint32_t id, std::uint32_t code) {
  if (failed_) return Expected::bad(Errc::kConnectionClosed);
  Stream* stream = at(id);
  if (stream == nullptr) {
    const bool known = used(id) || (ours(id) && id <= highest_submitted_);
    return known ? Expected::good() : Expected::bad(Errc::kStreamUnknown);
  }
  if (stream->held) {
    release(id);
    return Expected::good();
  }
  if (!stream->queued) must({.type = FrameType::kRstStream, .stream = id, .value = code});
  close_stream(*stream, How::kLocalReset);
  return Expected::good();
}

void ReferenceModel::release(std::uint32_t id) {
  if (Stream* stream = at(id); stream != nullptr && stream->held) drop(id, stream->how);
}

Expected ReferenceModel::push(std::uint32_t parent, const Message& message) {
  if (failed_ || closing()) return Expected::bad(Errc::kConnectionClosed);
  if (!setup_.server) return Expected::bad(Errc::kWrongRole);
  if (!remote_.enable_push) return Expected::bad(Errc::kPushDisabledByPeer);
  const Stream* stream = at(parent);
  if (stream == nullptr) return Expected::bad(Errc::kStreamUnknown);
  // RFC 9113 §6.6: the peer's, and open or half-closed (remote).
  if (stream->held || stream->end_given || ours(parent)) return Expected::bad(Errc::kWrongPhase);
  if (stream->send == Phase::kTunnel) return Expected::bad(Errc::kWrongPhase);  // RFC 9113 §8.5
  if (message.kind != Message::Kind::kRequest || message.malformed || !message.safe ||
      message.content_length.value_or(0) > 0) {
    return Expected::bad();
  }
  Stream fresh;
  fresh.id = next_local();
  fresh.state = State::kReservedLocal;
  fresh.seen = true;
  fresh.receive = Phase::kDone;
  fresh.send_window = remote_.initial_window_size;
  highest_submitted_ = highest_local_ = fresh.id;
  must(
      {.type = FrameType::kPushPromise, .stream = parent, .value = fresh.id, .hash = message.hash});
  live_[fresh.id] = fresh;
  return Expected::good();
}

void ReferenceModel::return_to_connection(std::int64_t bytes) {
  window_.unread -= bytes;
  window_.unreturned += bytes;
}

Expected ReferenceModel::acknowledge(std::uint32_t id, std::uint32_t size) {
  if (failed_) return Expected::good();
  Stream* stream = at(id);
  if (stream == nullptr || stream->held) {
    if (stream == nullptr && !used(id)) return Expected::bad(Errc::kStreamUnknown);
    const std::int64_t part = std::min<std::int64_t>(size, orphaned_);
    orphaned_ -= part;
    if (setup_.on_consumption) return_to_connection(part);
    return Expected::good();
  }
  if (size > stream->window.unread) return Expected::bad(Errc::kValueOutOfRange);
  stream->window.unread -= size;
  stream->window.unreturned += size;
  if (setup_.on_consumption) return_to_connection(size);
  return Expected::good();
}

Expected ReferenceModel::increment(std::uint32_t id, std::uint32_t size) {
  if (failed_) return Expected::bad(Errc::kConnectionClosed);
  if (size == 0 || size > kMostWindow) return Expected::bad(Errc::kValueOutOfRange);
  Window* window = &window_;
  std::int64_t in_flight = 0;
  if (id != 0) {
    Stream* stream = at(id);
    if (stream == nullptr || stream->held) return Expected::bad(Errc::kStreamUnknown);
    if (stream->queued) return Expected::bad(Errc::kWrongPhase);
    // > An endpoint MUST NOT send any type of frame other than HEADERS, RST_STREAM, or PRIORITY in
    // this > state. (RFC 9113 §5.1)
    if (stream->state == State::kReservedLocal) return Expected::bad();
    window = &stream->window;
    in_flight = std::max<std::int64_t>(0, window_in_flight(*window, false) - window->available);
  }
  // RFC 9113 §6.9.1: for the peer, too, which may have our SETTINGS before their acknowledgement is
  // here.
  if (window->size + in_flight + size > kMostWindow) return Expected::bad(Errc::kValueOutOfRange);
  window->size += size;
  window->available += size;
  must({.type = FrameType::kWindowUpdate, .stream = id, .value = size});
  return Expected::good();
}

void ReferenceModel::send_settings(const std::vector<Setting>& settings) {
  Sent sent = pending_.empty() ? in_force_ : pending_.back();
  for (const Setting& setting : settings) {
    take_over(announced_, setting);
    if (setting.code == SettingCode::kMaxConcurrentStreams) sent.streams = setting.value;
    if (setting.code == SettingCode::kEnablePush) sent.push = setting.value == 1;
  }
  sent.values = announced_;
  pending_.push_back(sent);
  ++settings_sent_;
  must({.type = FrameType::kSettings, .settings = settings});
}

Expected ReferenceModel::update_settings(const std::vector<Setting>& settings) {
  if (failed_) return Expected::bad(Errc::kConnectionClosed);
  for (const Setting& setting : settings) {
    if (wrong_setting(setup_.server, setting)) return Expected::bad(Errc::kValueOutOfRange);
    if (setting.code != SettingCode::kInitialWindowSize) continue;
    // > MUST treat a change to SETTINGS_INITIAL_WINDOW_SIZE that causes any flow-control window to
    // > exceed the maximum size as a connection error (RFC 9113 §6.9.2): not to be provoked.
    for (const auto& [id, stream] : live_) {
      if (stream.queued || !peer_open(stream)) continue;
      const std::int64_t size = stream.window.size + std::int64_t{setting.value} -
                                std::int64_t{local_.initial_window_size};
      if (size > kMostWindow) return Expected::bad(Errc::kValueOutOfRange);
    }
  }
  send_settings(settings);
  return Expected::good();
}

Expected ReferenceModel::ping(std::uint64_t opaque) {
  if (failed_) return Expected::bad(Errc::kConnectionClosed);
  pings_.push_back(opaque);
  must({.type = FrameType::kPing, .hash = opaque});
  return Expected::good();
}

void ReferenceModel::notify_shutdown() {
  if (failed_ || goaway_sent_) return;
  must({.type = FrameType::kGoAway, .value = static_cast<std::uint32_t>(kMostWindow)});
}

void ReferenceModel::close(std::uint32_t code) {
  if (failed_ || goaway_sent_) return;
  goaway_sent_ = true;
  goaway_last_ = highest_remote_;
  must({.type = FrameType::kGoAway, .value = goaway_last_, .code = code});
  while (!queue_.empty()) {
    Stream& stream = *at(queue_.front());
    reset_event(stream, kByConnection, code);
    close_stream(stream, How::kLocalReset);
  }
}

void ReferenceModel::terminate(std::uint32_t code) {
  if (failed_) return;
  must({.type = FrameType::kGoAway, .value = last_processed(), .code = code});
  end_all(kByConnection, code);
}

// ---- the peer's frames
// ------------------------------------------------------------------------------

void ReferenceModel::receive(const PeerFrame& frame) {
  if (failed_) return;
  if (frame.broken) return fail(*frame.broken);
  const bool continues = frame.type == FrameType::kContinuation;
  // RFC 9113 §4.3, §6.10.
  if (block_.open != continues || (continues && frame.stream != block_.stream))
    return fail(ErrorCode::kProtocolError);
  switch (frame.type) {
    case FrameType::kData:
      return on_data(frame);
    case FrameType::kHeaders:
      return on_headers(frame);
    case FrameType::kRstStream:
      return on_reset(frame);
    case FrameType::kSettings:
      return frame.ack ? on_settings_ack() : on_settings(frame);
    case FrameType::kPushPromise:
      return on_push(frame);
    case FrameType::kPing:
      if (!frame.ack) {
        must({.type = FrameType::kPing, .ack = true, .hash = frame.opaque});
        tell({.kind = Seen::Kind::kPing, .hash = frame.opaque});
      } else if (const auto it = std::find(pings_.begin(), pings_.end(), frame.opaque);
                 it != pings_.end()) {
        pings_.erase(it);
        tell({.kind = Seen::Kind::kPingAck, .hash = frame.opaque});
      }
      return;
    case FrameType::kGoAway:
      return on_goaway(frame);
    case FrameType::kWindowUpdate:
      return on_window_update(frame);
    case FrameType::kContinuation:
      if (frame.end_headers) finish_block(frame.message);
      return;
    case FrameType::kPriority:
    case FrameType::kAltSvc:
    case FrameType::kOrigin:
    case FrameType::kPriorityUpdate:  // none of these is sent
      return;
  }
}

void ReferenceModel::on_headers(const PeerFrame& frame) {
  const std::uint32_t id = frame.stream;
  block_ = {true, Block::Kind::kDiscard, id, 0, frame.end_stream};
  Stream* stream = at(id);
  const bool new_id = setup_.server && id % 2 == 1 && stream == nullptr && gone_.count(id) == 0;
  if (stream != nullptr && stream->queued) {
    fail(ErrorCode::kProtocolError);
  } else if (stream != nullptr && !stream->held) {
    if (stream->state == State::kReservedLocal) {
      fail(ErrorCode::kProtocolError);
    } else if (stream->state == State::kHalfClosedRemote) {
      stream_error(id, ErrorCode::kStreamClosed);
    } else {
      block_.kind = Block::Kind::kMessage;
    }
  } else if (new_id && goaway_sent_ && id > goaway_last_) {
    highest_remote_ = std::max(highest_remote_, id);  // RFC 9113 §6.8: ignored, but for HPACK
  } else if (new_id) {
    if (id <= highest_remote_) {
      fail(ErrorCode::kProtocolError);  // RFC 9113 §5.1.1
    } else {
      highest_remote_ = id;
      if (counts().active_remote >= stream_limit()) {
        must({.type = FrameType::kRstStream,
              .stream = id,
              .value = number(ErrorCode::kRefusedStream)});
        gone_[id] = {How::kLocalReset, settings_sent_, false};
      } else {
        Stream fresh;
        fresh.id = id;
        fresh.counted = true;
        fresh.send_window = remote_.initial_window_size;
        fresh.window.size = fresh.window.available = local_.initial_window_size;
        live_[id] = fresh;
        block_.kind = Block::Kind::kMessage;
      }
    }
  } else {
    switch (place(id)) {
      case Place::kIdle:
        fail(ErrorCode::kProtocolError);
        break;
      case Place::kClosed:
        fail(ErrorCode::kStreamClosed);
        break;
      default:
        break;
    }
  }
  if (!failed_ && frame.end_headers) finish_block(frame.message);
}

void ReferenceModel::finish_block(const Message& message) {
  const Block block = block_;
  block_ = {};
  if (block.kind == Block::Kind::kMessage) finish_message(block, message);
  if (block.kind == Block::Kind::kPush) finish_push(block, message);
}

void ReferenceModel::finish_message(const Block& block, const Message& message) {
  Stream* found = at(block.stream);
  if (found == nullptr || found->held) return;  // reset meanwhile
  Stream& stream = *found;
  if (stream.state == State::kReservedRemote) {
    if (counts().active_remote >= stream_limit())
      return stream_error(stream.id, ErrorCode::kRefusedStream);
    stream.counted = true;
    stream.state = State::kHalfClosedLocal;
  } else if (stream.state == State::kIdle) {
    stream.state = State::kOpen;
  }
  if (block.end) peer_ended(stream);
  if (message.too_large) return refuse_large(stream);
  if (stream.receive != Phase::kHeaders) {
    // RFC 9113 §8.1: trailers, which end the stream.
    const bool good = block.end && stream.receive == Phase::kBody && complete(stream) &&
                      message.kind == Message::Kind::kTrailers && !message.malformed;
    if (!good) return stream_error(stream.id, ErrorCode::kProtocolError);
    stream.receive = Phase::kDone;
    tell({.kind = Seen::Kind::kTrailers, .stream = stream.id, .hash = message.hash});
  } else if (!head_complete(stream, message, block.end)) {
    return;
  }
  if (stream.state == State::kClosed) close_stream(stream, How::kEnded);
}

// RFC 9113 §10.5.1: a server answers 431 to a request that it cannot take.
void ReferenceModel::refuse_large(Stream& stream) {
  if (!setup_.server || stream.seen) return stream_error(stream.id, ErrorCode::kEnhanceYourCalm);
  must({.type = FrameType::kHeaders, .stream = stream.id, .end = true, .hash = refusal_});
  if (stream.state == State::kHalfClosedRemote) return close_stream(stream, How::kEnded);
  // RFC 9113 §8.1: the rest of the request is not wanted.
  must({.type = FrameType::kRstStream, .stream = stream.id});
  close_stream(stream, How::kLocalReset);
}

// A request, an informational or a final response. False: that was an error.
bool ReferenceModel::head_complete(Stream& stream, const Message& message, bool end) {
  const auto wrong = [&](ErrorCode code) {
    stream_error(stream.id, code);
    return false;
  };
  const auto wanted = setup_.server ? Message::Kind::kRequest : Message::Kind::kResponse;
  if (message.kind != wanted || message.malformed) return wrong(ErrorCode::kProtocolError);
  if (!setup_.server && message.status < 200) {
    if (message.status == 101 || end) return wrong(ErrorCode::kProtocolError);
    if (++stream.informational > setup_.informational) return wrong(ErrorCode::kEnhanceYourCalm);
    tell({.kind = Seen::Kind::kInformational,
          .stream = stream.id,
          .a = static_cast<std::uint64_t>(message.status),
          .hash = message.hash});
    return true;
  }
  stream.receive = end ? Phase::kDone : Phase::kBody;
  if (setup_.server) {
    stream.head = message.head;
    stream.connect = message.connect;
    stream.body_expected = message.content_length;
  } else if (stream.connect && message.status < 300 && !end) {
    stream.receive = Phase::kTunnel;
    if (stream.send == Phase::kBody) stream.send = Phase::kTunnel;
  } else if (stream.head || message.status == 204 || message.status == 304) {
    stream.body_expected = 0;
  } else {
    stream.body_expected = message.content_length;
  }
  if (end && !complete(stream)) return wrong(ErrorCode::kProtocolError);
  stream.seen = true;
  tell({.kind = setup_.server ? Seen::Kind::kRequest : Seen::Kind::kResponse,
        .stream = stream.id,
        .end = end,
        .a = static_cast<std::uint64_t>(setup_.server ? 0 : message.status),
        .hash = message.hash});
  return true;
}

// RFC 9113 §6.6, §8.4.
void ReferenceModel::on_push(const PeerFrame& frame) {
  block_ = {true, Block::Kind::kDiscard, frame.stream, frame.promised, false};
  if (setup_.server) return fail(ErrorCode::kProtocolError);
  // An error once the peer has acknowledged that push is off.
  if (!push_allowed() && !local_.enable_push) return fail(ErrorCode::kProtocolError);
  bool tunnel = false;
  bool wanted = push_allowed() && !goaway_sent_ && counts().reserved < setup_.reserved;
  switch (place(frame.stream)) {
    case Place::kIdle:
    case Place::kClosed:
      return fail(ErrorCode::kProtocolError);
    case Place::kIgnored:
      wanted = false;
      break;
    case Place::kLive:
      if (const State state = at(frame.stream)->state;
          state != State::kOpen && state != State::kHalfClosedLocal)
        return fail(ErrorCode::kProtocolError);
      tunnel = at(frame.stream)->receive == Phase::kTunnel;
      break;
  }
  if (frame.promised % 2 != 0 || frame.promised <= highest_remote_)
    return fail(ErrorCode::kProtocolError);
  highest_remote_ = frame.promised;
  if (tunnel) stream_error(frame.stream, ErrorCode::kProtocolError);  // RFC 9113 §8.5
  if (wanted && !tunnel) {
    block_.kind = Block::Kind::kPush;
  } else {
    must({.type = FrameType::kRstStream,
          .stream = frame.promised,
          .value = number(ErrorCode::kRefusedStream)});
    gone_[frame.promised] = {How::kLocalReset, settings_sent_, false};
  }
  if (frame.end_headers) finish_block(frame.message);
}

void ReferenceModel::finish_push(const Block& block, const Message& message) {
  Stream fresh;
  fresh.id = block.promised;
  fresh.state = State::kReservedRemote;
  fresh.head = message.head;
  fresh.end_given = fresh.end_sent = true;
  fresh.send = Phase::kDone;
  fresh.send_window = remote_.initial_window_size;
  fresh.window.size = fresh.window.available = local_.initial_window_size;
  const bool good = message.kind == Message::Kind::kRequest && !message.malformed &&
                    !message.too_large && message.safe && message.content_length.value_or(0) == 0;
  fresh.seen = good;
  live_[fresh.id] = fresh;
  if (!good) return stream_error(fresh.id, ErrorCode::kProtocolError);
  tell({.kind = Seen::Kind::kPush,
        .stream = block.stream,
        .a = block.promised,
        .hash = message.hash});
}

void ReferenceModel::on_data(const PeerFrame& frame) {
  const std::int64_t length = frame.length;
  if (length > 0 && length > window_.available) return fail(ErrorCode::kFlowControlError);
  window_.available -= length;
  window_.unread += length;
  const std::uint32_t id = frame.stream;
  switch (place(id)) {
    case Place::kIdle:
      return fail(ErrorCode::kProtocolError);
    case Place::kClosed:
      return fail(ErrorCode::kStreamClosed);
    case Place::kIgnored:
      return return_to_connection(length);
    case Place::kLive:
      break;
  }
  Stream& stream = *at(id);
  if (stream.state == State::kReservedLocal || stream.state == State::kReservedRemote)
    return fail(ErrorCode::kProtocolError);
  const auto refuse = [&](ErrorCode code) {
    return_to_connection(length);
    stream_error(id, code);
  };
  if (stream.state == State::kHalfClosedRemote) return refuse(ErrorCode::kStreamClosed);
  if (length > 0 && length > stream.window.available) return refuse(ErrorCode::kFlowControlError);
  if (stream.receive == Phase::kHeaders) return refuse(ErrorCode::kProtocolError);
  stream.body += frame.data_length;
  const bool too_much = stream.body_expected && stream.body > *stream.body_expected;
  if (too_much || (frame.end_stream && !complete(stream))) return refuse(ErrorCode::kProtocolError);
  const std::int64_t padding = length - frame.data_length;
  stream.window.available -= length;
  stream.window.unread += frame.data_length;
  if (fault_ != ModelFault::kForgetsPadding) stream.window.unreturned += padding;
  return_to_connection(setup_.on_consumption ? padding : length);
  if (frame.end_stream) {
    stream.receive = Phase::kDone;
    peer_ended(stream);
  }
  if (frame.data_length > 0 || frame.end_stream) {
    tell({.kind = Seen::Kind::kData,
          .stream = id,
          .end = frame.end_stream,
          .a = frame.data_length,
          .b = frame.length});
  }
  if (stream.state == State::kClosed) close_stream(stream, How::kEnded);
}

void ReferenceModel::on_reset(const PeerFrame& frame) {
  switch (place(frame.stream)) {
    case Place::kIdle:
      return fail(ErrorCode::kProtocolError);
    case Place::kClosed:
    case Place::kIgnored:
      return;
    case Place::kLive:
      break;
  }
  Stream& stream = *at(frame.stream);
  // RFC 9113 §8.1: a server that has sent its whole response says so by NO_ERROR.
  const bool quiet = !setup_.server && stream.receive == Phase::kDone && frame.value == 0;
  if (!quiet) reset_event(stream, kByPeer, frame.value);
  stream.held = setup_.hold && setup_.server && stream.seen && !stream.end_given;
  close_stream(stream, How::kPeerReset);
}

void ReferenceModel::on_settings(const PeerFrame& frame) {
  for (const Setting& setting : frame.settings) {
    if (const auto wrong = wrong_setting(!setup_.server, setting)) return fail(*wrong);
  }
  const std::int64_t before = remote_.initial_window_size;
  for (const Setting& setting : frame.settings) take_over(remote_, setting);
  remote_received_ = true;
  const std::int64_t delta = std::int64_t{remote_.initial_window_size} - before;
  if (fault_ == ModelFault::kKeepsWindowOnSettings) {
    must({.type = FrameType::kSettings, .ack = true});
    tell({.kind = Seen::Kind::kSettings, .a = frame.settings.size()});
    return;
  }
  for (auto& [id, stream] : live_) {
    // Of a stream that is over there is no window any more.
    if (!stream.held && stream.send_window + delta > kMostWindow)
      return fail(ErrorCode::kFlowControlError);
    stream.send_window += delta;  // RFC 9113 §6.9.2: it may become negative
  }
  must({.type = FrameType::kSettings, .ack = true});
  tell({.kind = Seen::Kind::kSettings, .a = frame.settings.size()});
}

void ReferenceModel::on_settings_ack() {
  if (pending_.empty()) return;
  in_force_ = pending_.front();
  pending_.pop_front();
  ++settings_acked_;
  const std::int64_t delta =
      std::int64_t{in_force_.values.initial_window_size} - std::int64_t{local_.initial_window_size};
  local_ = in_force_.values;
  for (auto& [id, stream] : live_) {
    stream.window.size += delta;
    stream.window.available += delta;
  }
  tell({.kind = Seen::Kind::kSettingsAcked});
}

void ReferenceModel::on_goaway(const PeerFrame& frame) {
  if (goaway_received_ && frame.value > peer_goaway_last_) return fail(ErrorCode::kProtocolError);
  goaway_received_ = true;
  peer_goaway_last_ = frame.value;
  tell({.kind = Seen::Kind::kTerminated, .a = frame.value, .b = frame.code});
  std::vector<std::uint32_t> above;
  for (const auto& [id, stream] : live_) {
    if (ours(id) && !stream.held && (stream.queued || id > frame.value)) above.push_back(id);
  }
  for (const std::uint32_t id : above) {
    Stream& stream = *at(id);
    reset_event(stream, kByGoAway, number(ErrorCode::kRefusedStream));
    close_stream(stream, How::kGoAway);
  }
}

void ReferenceModel::on_window_update(const PeerFrame& frame) {
  const std::int64_t increment = frame.value;
  if (frame.stream == 0) {
    if (increment == 0) return fail(ErrorCode::kProtocolError);
    if (send_window_ + increment > kMostWindow) return fail(ErrorCode::kFlowControlError);
    send_window_ += increment;
    tell({.kind = Seen::Kind::kWindow, .a = frame.value});
    return;
  }
  switch (place(frame.stream)) {
    case Place::kIdle:
      return fail(ErrorCode::kProtocolError);
    case Place::kClosed:
    case Place::kIgnored:
      return;
    case Place::kLive:
      break;
  }
  Stream& stream = *at(frame.stream);
  if (stream.state == State::kReservedRemote) return fail(ErrorCode::kProtocolError);
  if (increment == 0) return stream_error(stream.id, ErrorCode::kProtocolError);
  if (stream.send_window + increment > kMostWindow)
    return stream_error(stream.id, ErrorCode::kFlowControlError);
  stream.send_window += increment;
  if (stream.seen)
    tell({.kind = Seen::Kind::kWindow, .stream = stream.id, .end = false, .a = frame.value});
}

// The byte stream has ended.
void ReferenceModel::receive_end() {
  if (failed_) return;
  const bool busy =
      std::any_of(live_.begin(), live_.end(), [](const auto& entry) { return !entry.second.held; });
  if (busy || block_.open || !remote_received_) {
    tell({.kind = Seen::Kind::kFailed});
    end_all(kByConnection, 0);
  }
  failed_ = true;
}

// ---- what came out
// --------------------------------------------------------------------------------

std::optional<std::string> ReferenceModel::on_event(const Seen& seen) {
  // The ends of several streams come in any order.
  if (seen.kind == Seen::Kind::kReset) {
    const auto it = std::find(expected_.begin(), expected_.end(), seen);
    if (it == expected_.end()) return "event not expected: " + to_string(seen);
    expected_.erase(it);
    return std::nullopt;
  }
  const auto it = std::find_if(expected_.begin(), expected_.end(),
                               [](const Seen& s) { return s.kind != Seen::Kind::kReset; });
  if (it == expected_.end()) return "event not expected: " + to_string(seen);
  if (*it != seen) return "expected event " + to_string(*it) + ", got " + to_string(seen);
  expected_.erase(it);
  return std::nullopt;
}

std::optional<std::string> ReferenceModel::on_output(const OutFrame& frame) {
  if (!required_.empty() && required_.front() == frame) {
    required_.pop_front();
    return std::nullopt;
  }
  const auto unexpected = [&](const std::string& why) {
    std::string text = "wrote " + to_string(frame) + ": " + why;
    if (!required_.empty()) text += "; due is " + to_string(required_.front());
    return text;
  };
  if (failed_ && required_.empty()) return unexpected("after the end");
  for (const OutFrame& due : required_) {
    if (due.stream == frame.stream && frame.stream != 0 && due.type != FrameType::kWindowUpdate &&
        frame.type != FrameType::kWindowUpdate)
      return unexpected("out of order");
  }
  // A body that cannot go on ends its stream.
  if (Stream* stream = at(frame.stream);
      stream != nullptr && frame.type == FrameType::kRstStream && !stream->items.empty()) {
    skip_empty(*stream);
    const bool failed_body = !stream->items.empty() && stream->items.front().source != nullptr &&
                             stream->items.front().source->failed;
    if (failed_body && frame.value == number(ErrorCode::kInternalError)) {
      reset_event(*stream, kByError, frame.value);
      stream->held = setup_.hold && setup_.server && stream->seen && !stream->end_given;
      close_stream(*stream, How::kLocalReset);
      return std::nullopt;
    }
  }
  std::optional<std::string> wrong = "not asked for";
  if (frame.type == FrameType::kData) wrong = on_data_sent(frame);
  if (frame.type == FrameType::kHeaders) wrong = on_headers_sent(frame);
  if (frame.type == FrameType::kWindowUpdate) wrong = on_credit_sent(frame);
  if (wrong) return unexpected(*wrong);
  return std::nullopt;
}

// Bodies without bytes that do not end the stream put nothing on the wire.
void ReferenceModel::skip_empty(Stream& stream) {
  while (!stream.items.empty()) {
    Item& item = stream.items.front();
    if (item.kind == Item::Kind::kTrailers) return;
    if (item.kind == Item::Kind::kSource) {
      if (!item.source->finished || item.left > 0) return;
    } else if (item.left > 0) {
      return;
    }
    if (item.end) return;
    stream.items.pop_front();
  }
}

std::optional<std::string> ReferenceModel::on_data_sent(const OutFrame& frame) {
  Stream* stream = at(frame.stream);
  if (stream == nullptr || stream->held) return "the stream is not there";
  if (stream->queued) return "the request is still queued";
  if (stream->send != Phase::kBody && stream->send != Phase::kTunnel) return "wrong phase";
  skip_empty(*stream);
  if (stream->items.empty()) return "nothing was queued";
  Item& item = stream->items.front();
  if (item.kind == Item::Kind::kTrailers) return "only trailers are left";
  if (frame.length > item.left) return "more than was queued";
  if (frame.length == 0 && !frame.end) return "an empty frame";
  if (frame.length > remote_.max_frame_size) return "larger than the peer's MAX_FRAME_SIZE";
  if (frame.length > 0 && frame.length > stream->send_window) return "beyond the stream's window";
  if (frame.length > 0 && frame.length > send_window_) return "beyond the connection's window";
  data_tag_ = item.tag;
  data_offset_ = item.sent;
  item.left -= frame.length;
  item.sent += frame.length;
  stream->send_window -= frame.length;
  send_window_ -= frame.length;
  if (!frame.end) return std::nullopt;
  if (!item.end || item.left > 0) return "END_STREAM too early";
  if (item.kind == Item::Kind::kSource && !item.source->finished) return "END_STREAM too early";
  stream->items.clear();
  we_ended(*stream);
  return std::nullopt;
}

std::optional<std::string> ReferenceModel::on_headers_sent(const OutFrame& frame) {
  Stream* stream = at(frame.stream);
  if (stream == nullptr || stream->held) return "the stream is not there";
  if (stream->queued) {
    if (queue_.front() != frame.stream) return "not the first of the queue";
    if (counts().active_local >= limit_for_us()) return "above the peer's MAX_CONCURRENT_STREAMS";
    if (closing()) return "after GOAWAY";
    if (frame.hash != stream->request_hash || frame.end != stream->request_end)
      return "not what was queued";
    queue_.pop_front();
    stream->queued = false;
    stream->counted = true;
    highest_local_ = frame.stream;
    stream->state = frame.end ? State::kHalfClosedLocal : State::kOpen;
    stream->send = frame.end ? Phase::kDone : Phase::kBody;
    stream->end_sent = frame.end;
    return std::nullopt;
  }
  skip_empty(*stream);
  if (stream->items.empty() || stream->items.front().kind != Item::Kind::kTrailers)
    return "no field section was due";
  if (!frame.end || frame.hash != stream->items.front().hash) return "not the trailers";
  stream->items.pop_front();
  we_ended(*stream);
  return std::nullopt;
}

// Credit for bytes that were used (RFC 9113 §6.9.1).
std::optional<std::string> ReferenceModel::on_credit_sent(const OutFrame& frame) {
  Window* window = &window_;
  if (frame.stream != 0) {
    Stream* stream = at(frame.stream);
    if (stream == nullptr || stream->queued || !peer_open(*stream)) {
      // It may have been written before the frame that ended the stream was looked at.
      if (setup_.together && place(frame.stream) != Place::kIdle) return std::nullopt;
      return "the peer has ended";
    }
    window = &stream->window;
  }
  if (frame.value == 0 || frame.value > window->unreturned) return "more credit than was used";
  window->unreturned -= frame.value;
  window->available += frame.value;
  return std::nullopt;
}

std::optional<std::string> ReferenceModel::end_of_step(bool room) {
  if (!required_.empty()) return "not written: " + to_string(required_.front());
  if (!expected_.empty()) return "no event: " + to_string(expected_.front());
  if (failed_) return std::nullopt;
  const auto kept_back = [](const Window& window) {
    return window.unreturned > 0 && window.unreturned * 2 >= window.size;
  };
  if (kept_back(window_)) return "credit of the connection is kept back";
  if (!queue_.empty() && !closing() && counts().active_local < limit_for_us())
    return "the request on stream " + std::to_string(queue_.front()) + " is kept back";
  for (auto& [id, stream] : live_) {
    if (stream.held || stream.queued) continue;
    const std::string name = "stream " + std::to_string(id);
    if (peer_open(stream) && kept_back(stream.window)) return "credit of " + name + " is kept back";
    skip_empty(stream);
    if (stream.items.empty()) continue;
    const Item& item = stream.items.front();
    const bool has_window = stream.send_window > 0 && send_window_ > 0;
    if (item.kind == Item::Kind::kTrailers) return "trailers of " + name + " are kept back";
    if (item.kind == Item::Kind::kSource) {
      if (has_window && room &&
          (item.left > 0 || ((item.source->last || item.source->fails) && !item.source->finished)))
        return "the source of " + name + " is not asked";
      if (item.source->failed) return "the reset of " + name + " is kept back";
      if (item.source->finished && item.left == 0) return "the end of " + name + " is kept back";
    } else if (item.left == 0) {
      return "the end of " + name + " is kept back";
    } else if (has_window && room) {
      return "data of " + name + " are kept back";
    }
  }
  return std::nullopt;
}

}  // namespace h2::tests::model
