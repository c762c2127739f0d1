// What goes beyond RFC 9113, and the ways in and out that take several steps: priorities (RFC
// 9218), ALTSVC (RFC 7838), ORIGIN (RFC 8336), extension frames, HTTP/1.1 Upgrade, graceful
// shutdown. See connection_impl.h.
#include <algorithm>
#include <cstring>

#include "h2core/connection_impl.h"

namespace h2::inline v0 {

namespace {

// Of streams that are not started; more are forgotten, whatever the stream limit is.
constexpr std::size_t kMostEarlyPriorities = 1'024;
// The PING of shutdown(); nothing but its answer depends on what it says.
constexpr PingData kShutdownPing{'s', 'h', 'u', 't', 'd', 'o', 'w', 'n'};

Unexpected<UsageError> usage(Errc cause) { return unexpected(UsageError{cause}); }

bool in_range(Priority priority) { return priority.urgency <= Priority::kBackground; }

}  // namespace

// ---- priorities (RFC 9218)
// ------------------------------------------------------------------------

void Connection::Impl::reprioritize(Index slot, Priority priority) {
  Stream& stream = streams_[slot];
  if (stream.priority == priority) return;
  const bool ready = stream.ready;
  scheduler_.remove(streams_, slot);
  stream.priority = priority;
  if (ready) scheduler_.add(streams_, slot);
}

Result<void, UsageError> Connection::Impl::change_priority(StreamId id, Priority priority,
                                                           PeerSignals signals) {
  if (error_ || ended_) return usage(Errc::kConnectionClosed);
  if (!in_range(priority)) return usage(Errc::kValueOutOfRange);
  const Index slot = slot_of(id);
  if (slot == kNoIndex) return usage(Errc::kStreamUnknown);
  streams_[slot].priority_fixed = signals == PeerSignals::kIgnore;
  reprioritize(slot, priority);
  return {};
}

Result<void, UsageError> Connection::Impl::send_priority_update(StreamId id, Priority priority) {
  if (error_ || ended_) return usage(Errc::kConnectionClosed);
  if (role_ == Role::kServer) return usage(Errc::kWrongRole);
  if (!in_range(priority)) return usage(Errc::kValueOutOfRange);
  // > if the settings parameter was absent, it SHOULD stop sending PRIORITY_UPDATE (RFC 9218
  // §2.1.1)
  if (remote_settings_received_ && !remote_.no_rfc7540_priorities) {
    return usage(Errc::kPriorityNotOffered);
  }
  const Index slot = slot_of(id);
  if (slot == kNoIndex) {
    if (id.is_connection() || !(knows_highest(id) || map_.ended(id))) {
      return usage(Errc::kStreamUnknown);
    }
    return {};
  }
  Stream& stream = streams_[slot];
  reprioritize(slot, priority);
  // A queued request is idle to the server, and may not count against its limit yet (RFC 9218
  // §7.1).
  if (stream.queued) {
    stream.announce_priority = true;
  } else {
    write_priority_update(id, priority);
  }
  return {};
}

void Connection::Impl::write_priority_update(StreamId id, Priority priority) {
  const PriorityText text(priority);
  std::uint8_t payload[4 + 8];
  write_u32(payload, id.value);
  const std::size_t size = 4 + text.view().copy(reinterpret_cast<char*>(payload + 4), 8);
  write_frame({static_cast<std::uint32_t>(size), FrameType::kPriorityUpdate, 0, kConnectionStream},
              {payload, size});
}

Result<void, UsageError> Connection::Impl::prioritize(StreamId id, const PriorityFields& fields) {
  if (error_ || ended_) return usage(Errc::kConnectionClosed);
  if (role_ == Role::kServer) return usage(Errc::kWrongRole);
  if (id.is_connection() || id.value > StreamId::kMax || fields.dependency == id ||
      fields.dependency.value > StreamId::kMax) {
    return usage(Errc::kValueOutOfRange);
  }
  std::uint8_t payload[5];
  write_u32(payload, fields.dependency.value | (fields.exclusive ? 0x80000000U : 0U));
  payload[4] = fields.weight;
  if (!write_frame({5, FrameType::kPriority, 0, id}, payload)) return usage(Errc::kOutOfMemory);
  return {};
}

// RFC 9218 §7.1.
void Connection::Impl::handle(const PriorityUpdateFrame& frame) {
  const StreamId id = frame.prioritized_stream_id;
  if (role_ == Role::kClient || id.is_connection()) {
    return fail(ErrorCode::kProtocolError, Errc::kPriorityUpdateInvalid);
  }
  const Index slot = slot_of(id);
  const bool idle = slot == kNoIndex && !knows_highest(id);
  if (idle && id.is_server_initiated()) {
    return fail(ErrorCode::kProtocolError, Errc::kPriorityUpdateInvalid);
  }
  if (!charge(AbuseCause::kPriorityUpdate, cost::kPriorityUpdate)) return;
  // What cannot be read is of no account, and nor is what comes for a stream that is over.
  PriorityParameters said;
  if (!parse_priority(as_string_view(frame.field_value), said)) return;
  const Priority priority = said.over({});
  if (idle) {
    if (ignored_after_goaway(id)) return;
    keep_early_priority(id, priority);
    if (error_) return;
  } else if (slot == kNoIndex || streams_[slot].closing) {
    return;
  } else if (!streams_[slot].priority_fixed) {
    reprioritize(slot, priority);
  }
  report(PriorityUpdated{id, priority});
}

// > Servers SHOULD buffer the most recently received PRIORITY_UPDATE frame and apply it once the
// > referenced stream is opened. (RFC 9218 §7)
void Connection::Impl::keep_early_priority(StreamId id, Priority priority) {
  for (EarlyPriority& early : early_priorities_) {
    if (early.id == id) {
      early.priority = priority;
      return;
    }
  }
  // The limit binds the client once it knows it.
  const std::size_t most = limits_.max_concurrent_streams;
  if (early_priorities_.size() + active_remote_ - held_remote_ >= most && sent_settings_.empty()) {
    return fail(ErrorCode::kProtocolError, Errc::kPriorityUpdateInvalid);
  }
  if (early_priorities_.size() < kMostEarlyPriorities) {
    (void)early_priorities_.push_back({id, priority});
  }
}

// What was said of a stream that starts now; streams below it will never be started.
Priority Connection::Impl::take_early_priority(StreamId id, Priority otherwise) {
  std::size_t kept = 0;
  for (const EarlyPriority early : early_priorities_) {
    if (early.id == id) otherwise = early.priority;
    if (early.id > id) early_priorities_[kept++] = early;
  }
  while (early_priorities_.size() > kept) early_priorities_.pop_back();
  return otherwise;
}

// ---- ALTSVC, ORIGIN, other frames
// -----------------------------------------------------------------

Result<void, UsageError> Connection::Impl::send_alt_svc(StreamId id, std::string_view origin,
                                                        std::string_view field_value) {
  if (error_ || ended_) return usage(Errc::kConnectionClosed);
  if (role_ == Role::kClient) return usage(Errc::kWrongRole);
  if (id.is_connection() ? origin.empty() : slot_of(id) == kNoIndex) {
    return usage(id.is_connection() ? Errc::kValueOutOfRange : Errc::kStreamUnknown);
  }
  const std::size_t size = 2 + origin.size() + field_value.size();
  if (origin.size() > 0xffff || size > remote_.max_frame_size) return usage(Errc::kValueOutOfRange);
  std::uint8_t* to = output_.reserve(kFrameHeaderSize + size);
  if (to == nullptr) return usage(Errc::kOutOfMemory);
  const FrameHeader header{static_cast<std::uint32_t>(size), FrameType::kAltSvc, 0, id};
  write_frame_header(to, header);
  std::uint8_t* payload = to + kFrameHeaderSize;
  payload[0] = static_cast<std::uint8_t>(origin.size() >> 8);
  payload[1] = static_cast<std::uint8_t>(origin.size());
  (void)std::copy(origin.begin(), origin.end(), payload + 2);
  (void)std::copy(field_value.begin(), field_value.end(), payload + 2 + origin.size());
  if (!output_.commit(kFrameHeaderSize + size)) return usage(Errc::kOutOfMemory);
  trace_sent(header, {payload, size});
  return {};
}

Result<void, UsageError> Connection::Impl::send_origins(std::span<const std::string_view> origins) {
  if (error_ || ended_) return usage(Errc::kConnectionClosed);
  if (role_ == Role::kClient) return usage(Errc::kWrongRole);
  std::size_t size = 0;
  for (const std::string_view origin : origins) {
    if (origin.size() > 0xffff) return usage(Errc::kValueOutOfRange);
    size += 2 + origin.size();
  }
  if (size > remote_.max_frame_size) return usage(Errc::kValueOutOfRange);
  std::uint8_t* to = output_.reserve(kFrameHeaderSize + size);
  if (to == nullptr) return usage(Errc::kOutOfMemory);
  const FrameHeader header{static_cast<std::uint32_t>(size), FrameType::kOrigin, 0,
                           kConnectionStream};
  write_frame_header(to, header);
  std::uint8_t* at = to + kFrameHeaderSize;
  for (const std::string_view origin : origins) {
    *at++ = static_cast<std::uint8_t>(origin.size() >> 8);
    *at++ = static_cast<std::uint8_t>(origin.size());
    at = std::copy(origin.begin(), origin.end(), at);
  }
  if (!output_.commit(kFrameHeaderSize + size)) return usage(Errc::kOutOfMemory);
  trace_sent(header, {to + kFrameHeaderSize, size});
  return {};
}

Result<void, UsageError> Connection::Impl::send_extension(std::uint8_t type, std::uint8_t flags,
                                                          StreamId id, Bytes payload) {
  if (error_ || ended_) return usage(Errc::kConnectionClosed);
  if (is_known(static_cast<FrameType>(type)) || payload.size() > remote_.max_frame_size ||
      id.value > StreamId::kMax) {
    return usage(Errc::kValueOutOfRange);
  }
  const FrameHeader header{static_cast<std::uint32_t>(payload.size()), static_cast<FrameType>(type),
                           flags, id};
  if (!settle_frame(header, payload)) return usage(Errc::kOutOfMemory);
  trace_sent(header, payload);
  return {};
}

// > A device acting as a server MUST ignore it. (RFC 7838 §4)
void Connection::Impl::handle(const AltSvcFrame& frame) {
  if (!charge(AbuseCause::kIgnoredFrame, cost::kIgnoredFrame)) return;
  const bool valid = frame.stream_id.is_connection() != frame.origin.empty();
  if (role_ == Role::kServer || !valid) return;
  if (!frame.stream_id.is_connection() && slot_of(frame.stream_id) == kNoIndex) return;
  report(AlternativeServiceAvailable{frame.stream_id, as_string_view(frame.origin),
                                     as_string_view(frame.field_value)});
}

// RFC 8336 §2.2.
void Connection::Impl::handle(const OriginFrame& frame) {
  if (!charge(AbuseCause::kIgnoredFrame, cost::kIgnoredFrame)) return;
  constexpr std::uint8_t kMeaningUnknown = 0xf;
  const bool heeded = role_ == Role::kClient && config_.accept_origins &&
                      frame.header.stream_id.is_connection() && !frame.header.has(kMeaningUnknown);
  if (heeded) report(OriginsReceived{OriginsView(frame.entries)});
}

// > Implementations MUST ignore unknown or unsupported values in all extensible protocol elements.
// (RFC 9113 §5.5)
void Connection::Impl::handle(const UnknownFrame& frame) {
  const auto type = static_cast<std::uint8_t>(frame.header.type);
  if (!config_.extension_frames.has(type) || is_known(frame.header.type)) {
    charge(AbuseCause::kIgnoredFrame, cost::kIgnoredFrame);
    return;
  }
  report(ExtensionFrameReceived{type, frame.header.flags, frame.header.stream_id, frame.payload});
}

// ---- HTTP/1.1 Upgrade (RFC 7540 §3.2)
// -------------------------------------------------------------

Http2Settings Connection::Impl::http2_settings() const {
  std::uint8_t payload[6 * kMostInitialSettings];
  Setting list[kMostInitialSettings];
  const std::size_t count = initial_settings(list);
  for (std::size_t i = 0; i < count; ++i) write_setting(payload + 6 * i, list[i]);
  return encode_http2_settings({payload, 6 * count});
}

Result<void, UsageError> Connection::Impl::start_upgraded(std::string_view method,
                                                          std::string_view settings) {
  if (error_ || ended_) return usage(Errc::kConnectionClosed);
  if (begun_) return usage(Errc::kWrongPhase);
  if (role_ == Role::kServer) {
    std::uint8_t payload[6 * Http2Settings::kMost];
    const auto size = decode_http2_settings(settings, payload);
    if (!size) return usage(Errc::kValueOutOfRange);
    const SettingsFrame frame{false, Bytes(payload, *size)};
    for (std::size_t i = 0; i < frame.count(); ++i) {
      if (check_setting(Role::kClient, setting_at(frame, i)).code != ErrorCode::kNoError) {
        return usage(Errc::kValueOutOfRange);
      }
    }
    for (std::size_t i = 0; i < frame.count(); ++i) {
      const Setting setting = setting_at(frame, i);
      remote_.apply(setting);
      if (setting.code == SettingCode::kHeaderTableSize) {
        encoder_.set_peer_max_table_size(setting.value);
      }
    }
  }
  constexpr StreamId kFirst{1};
  Stream stream;
  stream.id = kFirst;
  stream.seen = stream.counted = true;
  stream.request_is_head = method == "HEAD";
  stream.send_window = FlowWindow(remote_.initial_window_size);
  stream.receive_window = ReceiveWindow(local_.initial_window_size);
  stream.opened_at = now_;
  if (role_ == Role::kClient) {
    stream.state = StreamState::kHalfClosedLocal;
    stream.send_phase = MessagePhase::kEnded;
    stream.send_ended = true;
  } else {
    stream.state = StreamState::kHalfClosedRemote;
    stream.receive_phase = MessagePhase::kEnded;
  }
  const Index slot = add_stream(stream);
  if (slot == kNoIndex || !map_.insert(kFirst, slot)) {
    forget_slot(slot);
    return usage(Errc::kOutOfMemory);
  }
  begun_ = true;
  if (role_ == Role::kClient) {
    highest_local_ = highest_submitted_ = kFirst;
    ++active_local_;
  } else {
    highest_remote_ = kFirst;
    ++active_remote_;
  }
  return {};
}

// ---- graceful shutdown (RFC 9113 §6.8)
// ------------------------------------------------------------

void Connection::Impl::shutdown(Duration grace, Time now) {
  if (error_ || ended_ || goaway_sent_ || !shutdown_deadline_.is_never()) return;
  now_ = std::max(now_, now);
  if (role_ == Role::kClient) return close_connection(ErrorCode::kNoError, {});
  notify_shutdown();
  shutdown_deadline_ = now_ + grace;
  if (sent_pings_.push_back(SentPing{kShutdownPing, now_, true})) write_ping(kShutdownPing, false);
}

}  // namespace h2::inline v0
