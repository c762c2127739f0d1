// The life of a connection, and what can be seen of it. See connection.h.
#include "h2core/connection.h"

#include <algorithm>
#include <new>
#include <utility>

#include "h2core/connection_impl.h"
#include "h2core/record_call.h"

namespace h2::inline v0 {

namespace {

// A peer that gives up all that it may have open has done no more than reload a page.
std::uint32_t abuse_budget(const Config& config, std::uint32_t max_streams) {
  const std::uint64_t by_streams = std::uint64_t{config.abuse_budget_per_stream} *
                                   std::min(max_streams, cost::kMostBudgetStreams);
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(
      std::max<std::uint64_t>(config.abuse_budget, by_streams), kUnlimited));
}

// Longer strings are beyond what a section may come to before it ends the connection.
std::uint32_t longest_string(std::uint32_t max_header_list_size) {
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(2 * std::uint64_t{max_header_list_size}, kUnlimited));
}

}  // namespace

Connection::Impl::Impl(Role role, const Config& config, MemoryResource& memory, Time now)
    : role_(role),
      config_(config),
      memory_(memory, config.memory_limit - std::min(config.memory_limit, sizeof(Impl))),
      trace_(config.trace),
      announced_limits_{config.max_concurrent_streams, config.max_header_list_size,
                        config.enable_push},
      limits_(announced_limits_),
      sent_settings_(memory_),
      sent_pings_(memory_),
      decoder_({.memory = &memory_,
                .max_table_size = 4'096,
                .max_list_size = config.max_header_list_size,
                .max_fields = config.max_header_fields,
                .max_string = longest_string(config.max_header_list_size),
                .classify = strict() ? &classify_field : nullptr,
                .static_annotations = strict() ? &kStaticFieldFaults : nullptr}),
      encoder_({.memory = &memory_,
                .max_table_size = config.encoder_table_size,
                .hash_seed = config.hash_seed}),
      fields_(memory_),
      block_(memory_),
      output_(memory_),
      streams_(memory_),
      outgoing_(memory_),
      map_(memory_, config.hash_seed),
      request_queue_(memory_),
      early_priorities_(memory_),
      mended_bytes_(memory_),
      mended_(memory_),
      ledger_(abuse_budget(config, config.max_concurrent_streams), config.abuse_refill_per_second,
              now),
      carry_(memory_),
      last_carry_(memory_),
      changed_(memory_),
      now_(now),
      preface_deadline_(now + config.settings_timeout),
      events_(memory_),
      pending_(memory_),
      polled_(memory_) {}

Connection::Impl::~Impl() = default;

// The preface of either side ends with its SETTINGS (RFC 9113 §3.4).
void Connection::Impl::begin() {
  if (role_ == Role::kClient && !output_.append(as_bytes(kClientPreface))) return out_of_memory();
  Setting list[kMostInitialSettings];
  const std::size_t count = initial_settings(list);
  if (!set_aside()) return out_of_memory();
  if (auto sent = update_settings({list, count}, now_); !sent) {
    return fail(ErrorCode::kInternalError, sent.error().cause);
  }
  if (config_.connection_window_size > kDefaultWindowSize) {
    (void)increment_window(config_.connection_window_size - kDefaultWindowSize, kConnectionStream);
  }
}

std::size_t Connection::Impl::initial_settings(
    std::span<Setting, kMostInitialSettings> list) const {
  std::size_t count = 0;
  const auto announce = [&](SettingCode code, std::uint32_t value, bool worth_saying) {
    if (worth_saying) list[count++] = Setting{code, value};
  };
  const Settings initial;
  announce(SettingCode::kHeaderTableSize, config_.header_table_size,
           config_.header_table_size != initial.header_table_size);
  announce(SettingCode::kEnablePush, config_.enable_push ? 1 : 0, role_ == Role::kClient);
  announce(SettingCode::kMaxConcurrentStreams, config_.max_concurrent_streams,
           role_ == Role::kServer || config_.enable_push);
  announce(SettingCode::kInitialWindowSize, config_.initial_window_size,
           config_.initial_window_size != initial.initial_window_size);
  announce(SettingCode::kMaxFrameSize, config_.max_frame_size,
           config_.max_frame_size != initial.max_frame_size);
  announce(SettingCode::kMaxHeaderListSize, config_.max_header_list_size, true);
  announce(SettingCode::kEnableConnectProtocol, 1,
           config_.enable_connect_protocol && role_ == Role::kServer);
  announce(SettingCode::kNoRfc7540Priorities, 1, config_.no_rfc7540_priorities);
  return count;
}

bool Connection::Impl::set_aside(std::size_t more) {
  constexpr std::size_t kMargin = 512;
  const std::size_t events = std::max(events_.capacity(), pending_.capacity()) + more +
                             streams_.live() + outgoing_.live() + 2;
  return memory_.set_aside(kMargin + events * sizeof(Event));
}

bool Connection::Impl::low_on_memory() const {
  const std::size_t limit = memory_.limit();
  return output_.answers() > 0 && memory_.in_use() + memory_.set_aside() > limit - limit / 8;
}

// What was kept back for the ends of streams and bodies is used now, in one piece.
void Connection::Impl::make_room_for_ends() {
  memory_.use_set_aside();
  Vector<Event>& to = receiving_ ? events_ : pending_;
  (void)to.reserve(to.size() + streams_.live() + outgoing_.live() + 2);
}

std::span<const Event> Connection::Impl::poll_events() {
  polled_.clear();
  if (!pending_.empty()) std::swap(polled_, pending_);
  while (unreported_ != kNoIndex) {
    const Index index = unreported_;
    const Outgoing& out = outgoing_[index];
    if (!polled_.push_back(BodyReleased{out.stream_id, out.tag, out.complete})) break;
    unreported_ = out.next;
    discard_outgoing(index);
  }
  return {polled_.data(), polled_.size()};
}

bool Connection::Impl::report(const Event& event) {
  Vector<Event>& to = receiving_ ? events_ : pending_;
  const bool grows = to.size() == to.capacity() && !error_ && !ended_;
  if ((!grows || set_aside(std::max<std::size_t>(to.capacity(), 16))) && to.push_back(event)) {
    return true;
  }
  // The end of a stream is told again by the end of the connection, if that has not come yet.
  const bool over = error_ || ended_;
  out_of_memory();
  return (over || std::holds_alternative<BodyReleased>(event)) && to.push_back(event);
}

std::span<const Bytes> Connection::Impl::data_to_send() {
  fill_output();
  return output_.pieces();
}

void Connection::Impl::mark_sent(std::size_t n) { output_.mark_sent(n, *this); }

bool Connection::Impl::want_read() const {
  return !error_ && !ended_ && output_.answers() < config_.pause_input_at_answers &&
         !low_on_memory();
}

bool Connection::Impl::want_write() const {
  if (ended_) return false;
  return !output_.empty() || (!error_ && !scheduler_.empty() && send_window_.available() > 0);
}

Time Connection::Impl::next_deadline() const {
  if (error_ || ended_) return Time::never();
  Time next = settings_seen_ ? Time::never() : preface_deadline_;
  if (!sent_settings_.empty())
    next = std::min(next, sent_settings_[0].at + config_.settings_timeout);
  return std::min(next, shutdown_deadline_);
}

std::span<const Event> Connection::Impl::on_time(Time now) {
  now_ = std::max(now_, now);
  ledger_.advance(now_);
  if (!error_ && !ended_) {
    if (!settings_seen_ && now_ >= preface_deadline_) {
      fail(ErrorCode::kSettingsTimeout, Errc::kPrefaceTimeout);
    } else if (!sent_settings_.empty() && now_ >= sent_settings_[0].at + config_.settings_timeout) {
      fail(ErrorCode::kSettingsTimeout, Errc::kSettingsTimeout);  // RFC 9113 §6.5.3
    } else if (now_ >= shutdown_deadline_) {
      close_connection(ErrorCode::kNoError, {});
    }
  }
  return poll_events();
}

bool Connection::Impl::done() const {
  if (ended_) return true;
  if (error_) return output_.empty();
  const bool last_one = goaway_sent_ || (goaway_received_ && role_ == Role::kClient);
  return last_one && streams_.live() == held_ && output_.empty();
}

std::span<const Event> Connection::Impl::receive_end(Time now) {
  now_ = std::max(now_, now);
  if (ended_) return poll_events();
  ended_ = true;
  const Errc cause = !carry_.empty()                        ? Errc::kLostInFrame
                     : incoming_.kind != Block::Kind::kNone ? Errc::kLostInFieldBlock
                                                            : Errc::kConnectionLost;
  const bool clean = streams_.live() == held_ && cause == Errc::kConnectionLost && settings_seen_;
  if (!clean && !error_) {
    make_room_for_ends();
    error_ = ConnectionError{ErrorCode::kNoError, cause};
    report(ConnectionFailed{*error_, {}});
    end_all_streams(ResetBy::kConnection, ErrorCode::kNoError, cause);
  }
  output_.drop_all(*this);
  return poll_events();
}

// ---- ends
// ---------------------------------------------------------------------------------------------

// RFC 9113 §5.4.1.
void Connection::Impl::fail(ErrorCode code, Errc cause, Bytes excerpt) {
  if (error_) return;
  make_room_for_ends();
  error_ = ConnectionError{code, cause};
  const std::size_t kept = std::min(excerpt.size(), sizeof excerpt_);
  std::copy_n(excerpt.begin(), kept, excerpt_);
  if (!ended_) {
    // The rule's name is the debug data; for abuse, what cost most, too.
    char text[64];
    std::size_t size = 0;
    const auto add = [&](std::string_view part) {
      size += part.copy(text + size, sizeof text - size);
    };
    add(to_string(cause));
    if (cause == Errc::kAbuse) {
      add(": ");
      add(to_string(ledger_.report().costliest()));
    }
    write_goaway(last_processed(), code, as_bytes(std::string_view(text, size)));
  }
  report(ConnectionFailed{*error_, {excerpt_, kept}});
  end_all_streams(ResetBy::kConnection, code, cause);
}

// Whether the peer acted on a stream's request; `refused`: the peer says that it did not.
Processed Connection::Impl::processed(const Stream& stream, bool refused) const {
  if (stream.queued) return Processed::kNo;
  const bool client = role_ == Role::kClient;
  // RFC 9113 §8.7: who has answered may not say so.
  if (client && stream.receive_phase != MessagePhase::kExpectHeaders) return Processed::kYes;
  if (refused && (client || stream.id.is_initiated_by(role_))) return Processed::kNo;
  // Without its end, a field section cannot be acted on (RFC 9113 §4.3). After an error of ours the
  // output still goes out; only when the byte stream is gone is what is left never sent.
  if (ended_ && output_.sent_offset() < stream.head_end) return Processed::kNo;
  return Processed::kUnknown;
}

void Connection::Impl::end_all_streams(ResetBy by, ErrorCode code, Errc cause) {
  for (Index slot = 0; slot < streams_.capacity(); ++slot) {
    const Stream& stream = streams_[slot];
    if (stream.id.value == 0 || stream.held || stream.closing) continue;
    if (stream.seen) {
      report(StreamReset{stream.id, by, code, cause, processed(stream, false)});
    }
    close_stream(slot, StreamState::kClosedByLocalReset);
  }
}

// RFC 9113 §5.4.2. On streams that are gone, or never were, only the frame is answered.
void Connection::Impl::fail_stream(StreamId id, ErrorCode code, Errc cause) {
  if (error_) return;
  const Index slot = slot_of(id);
  if (slot == kNoIndex && !knows_highest(id)) {
    // RST_STREAM may not be sent for an idle stream (RFC 9113 §6.4): the error is the connection's
    // then.
    return fail(code, cause);
  }
  // Until it has acknowledged our limit, the peer cannot know better.
  const bool unaware = cause == Errc::kTooManyStreams && !sent_settings_.empty();
  if (cause != Errc::kBodyFailed && !unaware && !charge(AbuseCause::kReset, cost::kReset)) return;
  write_rst_stream(id, code);
  note_answer();
  if (slot == kNoIndex || error_) return;
  Stream& stream = streams_[slot];
  if (stream.closing) return;  // its end was reported; only its slot is held
  if (stream.seen) {
    report(StreamReset{id, ResetBy::kLocalError, code, cause, processed(stream, false)});
    stream.held = config_.hold_reset_streams && role_ == Role::kServer && !stream.send_ended;
  }
  close_stream(slot, StreamState::kClosedByLocalReset);
}

void Connection::Impl::close_if_ended(Stream& stream) {
  if (stream.state != StreamState::kClosedByEndStream) return;
  ledger_.refund(cost::kRefundStream);
  close_stream(slot_of(stream.id), StreamState::kClosedByEndStream);
}

void Connection::Impl::close_stream(Index slot, StreamState how) {
  Stream& stream = streams_[slot];
  // What is done below may run out of memory, which ends all streams, this one included.
  if (stream.closing) return;
  stream.closing = true;
  if (stream.queued) --queued_requests_;
  if (stream.state == StreamState::kReservedLocal || stream.state == StreamState::kReservedRemote) {
    --reserved_;
  }
  leave_ready(slot);
  drop_queue(stream);
  // What the application has not used: a stream that ended well is still to be read, any other is
  // not.
  const std::uint32_t unused = stream.receive_window.unacknowledged();
  if (config_.connection_credit == ConnectionCredit::kOnConsumption && unused > 0) {
    if (how == StreamState::kClosedByEndStream) {
      unacknowledged_ += unused;
    } else if (!error_) {
      credit_connection(unused);
    }
  }
  if (stream.queued) {
    map_.erase(stream.id);  // the peer never knew
    tidy_request_queue();
  } else if (stream.held) {
    stream.state = how;
    ++held_;
    if (!stream.id.is_initiated_by(role_)) ++held_remote_;
    return;
  } else {
    map_.end(stream.id, how, epoch_);
  }
  free_slot(slot);
}

void Connection::Impl::free_slot(Index slot) {
  const Stream& stream = streams_[slot];
  const bool ours = stream.id.is_initiated_by(role_);
  if (stream.counted) --(ours ? active_local_ : active_remote_);
  streams_[slot] = Stream{};
  streams_.remove(slot);
  if (ours && queued_requests_ > 0) open_queued_requests();
}

void Connection::Impl::forget_slot(Index slot) {
  if (slot == kNoIndex) return;
  streams_[slot] = Stream{};
  streams_.remove(slot);
}

Result<void, UsageError> Connection::Impl::reset_stream(StreamId id, ErrorCode code) {
  if (error_ || ended_) return unexpected(UsageError{Errc::kConnectionClosed});
  const Index slot = slot_of(id);
  if (slot == kNoIndex) {
    const bool submitted = id.is_initiated_by(role_) && id <= highest_submitted_;
    if (id.is_connection() || !(knows_highest(id) || submitted)) {
      return unexpected(UsageError{Errc::kStreamUnknown});
    }
    return {};
  }
  Stream& stream = streams_[slot];
  if (stream.held) {
    release_stream(id);
    return {};
  }
  if (!stream.queued) write_rst_stream(id, code);
  close_stream(slot, StreamState::kClosedByLocalReset);
  return {};
}

void Connection::Impl::release_stream(StreamId id) {
  const Index slot = slot_of(id);
  if (slot == kNoIndex || !streams_[slot].held) return;
  --held_;
  if (!id.is_initiated_by(role_)) --held_remote_;
  map_.end(id, streams_[slot].state, epoch_);
  free_slot(slot);
}

// ---- flow control
// --------------------------------------------------------------------------------------

Result<void, UsageError> Connection::Impl::acknowledge(std::uint32_t size, StreamId id) {
  if (error_ || ended_) return {};
  const bool on_consumption = config_.connection_credit == ConnectionCredit::kOnConsumption;
  const Index slot = slot_of(id);
  if (slot == kNoIndex || streams_[slot].held) {
    if (id.is_connection() || !(knows_highest(id) || slot != kNoIndex)) {
      return unexpected(UsageError{Errc::kStreamUnknown});
    }
    const auto part = static_cast<std::uint32_t>(std::min<std::uint64_t>(size, unacknowledged_));
    unacknowledged_ -= part;
    if (on_consumption) credit_connection(part);
    return {};
  }
  Stream& stream = streams_[slot];
  if (size > stream.receive_window.unacknowledged()) {
    return unexpected(UsageError{Errc::kValueOutOfRange});
  }
  credit_stream(stream, size);
  if (on_consumption) credit_connection(size);
  return {};
}

Result<void, UsageError> Connection::Impl::increment_window(std::uint32_t increment, StreamId id) {
  if (error_ || ended_) return unexpected(UsageError{Errc::kConnectionClosed});
  if (increment == 0 || increment > kMaxWindowSize) {
    return unexpected(UsageError{Errc::kValueOutOfRange});
  }
  ReceiveWindow* window = &receive_window_;
  if (!id.is_connection()) {
    const Index slot = slot_of(id);
    if (slot == kNoIndex || streams_[slot].held)
      return unexpected(UsageError{Errc::kStreamUnknown});
    // Neither before its request nor in reserved(local) may WINDOW_UPDATE be sent (RFC 9113 §5.1).
    if (streams_[slot].queued || streams_[slot].state == StreamState::kReservedLocal) {
      return unexpected(UsageError{Errc::kWrongPhase});
    }
    window = &streams_[slot].receive_window;
    // What SETTINGS of ours will add is on its way (RFC 9113 §6.9.2).
    const std::int64_t coming =
        std::int64_t{announced_.initial_window_size} - std::int64_t{local_.initial_window_size};
    if (window->size() + coming + increment > kMaxWindowSize) {
      return unexpected(UsageError{Errc::kValueOutOfRange});
    }
  }
  if (!window->grow(increment)) return unexpected(UsageError{Errc::kValueOutOfRange});
  write_window_update(id, increment);
  return {};
}

Result<void, UsageError> Connection::Impl::set_window_size(std::uint32_t size, StreamId id) {
  if (error_ || ended_) return unexpected(UsageError{Errc::kConnectionClosed});
  if (size > kMaxWindowSize) return unexpected(UsageError{Errc::kValueOutOfRange});
  const Index slot = slot_of(id);
  if (!id.is_connection() && (slot == kNoIndex || streams_[slot].held)) {
    return unexpected(UsageError{Errc::kStreamUnknown});
  }
  if (slot != kNoIndex && streams_[slot].queued) return unexpected(UsageError{Errc::kWrongPhase});
  ReceiveWindow& window = id.is_connection() ? receive_window_ : streams_[slot].receive_window;
  const std::int64_t more = std::int64_t{size} - window.size();
  if (more > 0) return increment_window(static_cast<std::uint32_t>(more), id);
  window.shrink(static_cast<std::uint32_t>(-more));
  return {};
}

std::int64_t Connection::Impl::send_window(StreamId id) const {
  if (id.is_connection()) return send_window_.available();
  const Index slot = slot_of(id);
  if (slot == kNoIndex) return 0;
  return std::min(send_window_.available(), streams_[slot].send_window.available());
}

std::int64_t Connection::Impl::receive_window(StreamId id) const {
  if (id.is_connection()) return receive_window_.available();
  const Index slot = slot_of(id);
  if (slot == kNoIndex) return 0;
  return std::min(receive_window_.available(), streams_[slot].receive_window.available());
}

// ---- connection
// ------------------------------------------------------------------------------------------

SendingWaitsFor Connection::Impl::why_sending(const Stream& stream) const {
  if (stream.queued) return SendingWaitsFor::kStreamLimit;
  if (stream.first == kNoIndex) {
    if (stream.send_phase == MessagePhase::kEnded || stream.send_ended)
      return SendingWaitsFor::kEnded;
    return stream.send_phase == MessagePhase::kExpectHeaders ? SendingWaitsFor::kHeaders
                                                             : SendingWaitsFor::kApplication;
  }
  if (outgoing_[stream.first].waiting) return SendingWaitsFor::kBodySource;
  if (stream.send_window.available() <= 0) return SendingWaitsFor::kStreamWindow;
  if (send_window_.available() <= 0) return SendingWaitsFor::kConnectionWindow;
  if (output_.size() >= config_.max_output_batch) return SendingWaitsFor::kOutput;
  return SendingWaitsFor::kNothing;
}

ReceivingWaitsFor Connection::Impl::why_receiving(const Stream& stream) const {
  if (stream.queued) return ReceivingWaitsFor::kStreamLimit;
  if (stream.receive_phase == MessagePhase::kEnded) return ReceivingWaitsFor::kEnded;
  if (!want_read()) return ReceivingWaitsFor::kMarkSent;
  if (stream.receive_phase == MessagePhase::kExpectHeaders) return ReceivingWaitsFor::kHeaders;
  if (stream.receive_window.available() <= 0) return ReceivingWaitsFor::kStreamCredit;
  if (receive_window_.available() <= 0) return ReceivingWaitsFor::kConnectionCredit;
  return ReceivingWaitsFor::kPeer;
}

Why Connection::Impl::why(StreamId id) const {
  const Index slot = slot_of(id);
  if (slot == kNoIndex) return {};
  const Stream& stream = streams_[slot];
  if (stream.held) return {SendingWaitsFor::kRelease, ReceivingWaitsFor::kRelease};
  return {why_sending(stream), why_receiving(stream)};
}

// Whether a stream's window, raised before, would exceed 2^31-1 by such a setting (RFC 9113
// §6.9.2).
bool Connection::Impl::overflows(std::uint32_t initial_window_size) const {
  const std::int64_t delta =
      std::int64_t{initial_window_size} - std::int64_t{local_.initial_window_size};
  for (Index slot = 0; delta > 0 && slot < streams_.capacity(); ++slot) {
    const Stream& stream = streams_[slot];
    const bool receives =
        stream.state == StreamState::kOpen || stream.state == StreamState::kHalfClosedLocal;
    if (stream.id.value == 0 || stream.closing || stream.queued || !receives) continue;
    if (stream.receive_window.size() + delta > kMaxWindowSize) return true;
  }
  return false;
}

Result<void, UsageError> Connection::Impl::update_settings(std::span<const Setting> settings,
                                                           Time now) {
  if (error_ || ended_) return unexpected(UsageError{Errc::kConnectionClosed});
  constexpr std::size_t kMostAtOnce = 16;
  if (settings.size() > kMostAtOnce) return unexpected(UsageError{Errc::kValueOutOfRange});
  Settings next = announced_;
  Limits next_limits = announced_limits_;
  std::uint8_t payload[6 * kMostAtOnce];
  for (std::size_t i = 0; i < settings.size(); ++i) {
    if (check_setting(role_, settings[i]).code != ErrorCode::kNoError) {
      return unexpected(UsageError{Errc::kValueOutOfRange});
    }
    if (settings[i].code == SettingCode::kInitialWindowSize && overflows(settings[i].value)) {
      return unexpected(UsageError{Errc::kValueOutOfRange});
    }
    next.apply(settings[i]);
    next_limits.apply(settings[i]);
    // RFC 8441 §3: once 1, it may not be 0. RFC 9218 §2.1: only the first SETTINGS may say it.
    const bool fixed = (settings[i].code == SettingCode::kEnableConnectProtocol &&
                        announced_.enable_connect_protocol && settings[i].value == 0) ||
                       (settings[i].code == SettingCode::kNoRfc7540Priorities && epoch_ > 0 &&
                        announced_.no_rfc7540_priorities != (settings[i].value != 0));
    if (fixed) return unexpected(UsageError{Errc::kValueOutOfRange});
    write_setting(payload + 6 * i, settings[i]);
  }
  now_ = std::max(now_, now);
  if (!sent_settings_.push_back(SentSettings{next, next_limits, now_, epoch_ + 1})) {
    return unexpected(UsageError{Errc::kOutOfMemory});
  }
  announced_ = next;
  announced_limits_ = next_limits;
  Limits raised = limits_;
  raised.raise_to(next_limits);
  enforce(raised);
  ++epoch_;
  const auto length = static_cast<std::uint32_t>(6 * settings.size());
  if (!write_frame({length, FrameType::kSettings, 0, kConnectionStream}, {payload, length})) {
    return unexpected(UsageError{Errc::kOutOfMemory});
  }
  return {};
}

void Connection::Impl::Limits::apply(Setting setting) {
  if (setting.code == SettingCode::kMaxConcurrentStreams) max_concurrent_streams = setting.value;
  if (setting.code == SettingCode::kMaxHeaderListSize) max_header_list_size = setting.value;
  if (setting.code == SettingCode::kEnablePush) enable_push = setting.value != 0;
}

void Connection::Impl::Limits::raise_to(const Limits& other) {
  max_concurrent_streams = std::max(max_concurrent_streams, other.max_concurrent_streams);
  max_header_list_size = std::max(max_header_list_size, other.max_header_list_size);
  enable_push = enable_push || other.enable_push;
}

void Connection::Impl::enforce(const Limits& limits) {
  if (limits.max_header_list_size != limits_.max_header_list_size) {
    decoder_.set_max_list_size(limits.max_header_list_size,
                               longest_string(limits.max_header_list_size));
  }
  if (limits.max_concurrent_streams != limits_.max_concurrent_streams) {
    ledger_.set_budget(abuse_budget(config_, limits.max_concurrent_streams));
  }
  limits_ = limits;
}

Result<void, UsageError> Connection::Impl::ping(const PingData& data, Time now) {
  if (error_ || ended_) return unexpected(UsageError{Errc::kConnectionClosed});
  now_ = std::max(now_, now);
  if (!sent_pings_.push_back(SentPing{data, now_})) {
    return unexpected(UsageError{Errc::kOutOfMemory});
  }
  write_ping(data, false);
  return {};
}

void Connection::Impl::notify_shutdown() {
  if (error_ || ended_ || goaway_sent_) return;
  write_goaway(StreamId{StreamId::kMax}, ErrorCode::kNoError, {});
}

void Connection::Impl::close_connection(ErrorCode code, Bytes additional_data) {
  if (error_ || ended_ || goaway_sent_) return;
  goaway_sent_ = true;
  shutdown_deadline_ = Time::never();
  goaway_last_ = highest_remote_;
  write_goaway(goaway_last_, code, additional_data);
  // What has not gone out will not: the peer was told that we are leaving.
  for (Index slot = 0; slot < streams_.capacity() && queued_requests_ > 0; ++slot) {
    if (!streams_[slot].queued) continue;
    report(StreamReset{streams_[slot].id, ResetBy::kConnection, code, Errc::kConnectionClosed,
                       Processed::kNo});
    close_stream(slot, StreamState::kClosedByLocalReset);
  }
}

void Connection::Impl::terminate(ErrorCode code, Bytes additional_data) {
  if (error_ || ended_) return;
  make_room_for_ends();
  error_ = ConnectionError{code, Errc::kConnectionClosed};
  write_goaway(last_processed(), code, additional_data);
  end_all_streams(ResetBy::kConnection, code, Errc::kConnectionClosed);
}

StreamCounts Connection::Impl::counts() const {
  return {active_local_, active_remote_, queued_requests_, reserved_};
}

StreamState Connection::Impl::stream_state(StreamId id) const {
  if (const Index slot = slot_of(id); slot != kNoIndex) return streams_[slot].state;
  if (const auto how = map_.ended(id)) return *how;
  const bool used = id.is_initiated_by(role_) ? id <= highest_submitted_ : id <= highest_remote_;
  return used ? StreamState::kClosed : StreamState::kIdle;
}

std::uint64_t Connection::Impl::queued_data(StreamId id) const {
  const Index slot = slot_of(id);
  std::uint64_t sum = 0;
  if (slot == kNoIndex) return sum;
  for (Index at = streams_[slot].first; at != kNoIndex; at = outgoing_[at].next) {
    sum += outgoing_[at].kind == Outgoing::Kind::kSource ? 1 : outgoing_[at].rest.size();
  }
  return sum;
}

Result<void, UsageError> Connection::Impl::set_next_stream_id(StreamId id) {
  if (error_ || ended_) return unexpected(UsageError{Errc::kConnectionClosed});
  if (!id.is_initiated_by(role_) || id.value > StreamId::kMax || id <= highest_submitted_) {
    return unexpected(UsageError{Errc::kStreamIdUnavailable});
  }
  // Identifiers below are skipped, so that there is no stream that they could name.
  first_stream_id_ = id;
  return {};
}

Result<void, UsageError> Connection::Impl::set_stream_tag(StreamId id, std::uint64_t tag) {
  if (error_ || ended_) return unexpected(UsageError{Errc::kConnectionClosed});
  const Index slot = slot_of(id);
  if (slot == kNoIndex) return unexpected(UsageError{Errc::kStreamUnknown});
  streams_[slot].tag = tag;
  return {};
}

std::size_t Connection::Impl::streams(std::span<StreamId> out) const {
  std::size_t count = 0;
  for (Index slot = 0; slot < streams_.capacity(); ++slot) {
    const StreamId id = streams_[slot].id;
    if (id.value == 0) continue;
    if (count < out.size()) out[count] = id;
    ++count;
  }
  return count;
}

bool Connection::Impl::accepts_new_streams() const {
  return !error_ && !ended_ && !closing() && next_stream_id().has_value();
}

// ---- Connection: the impl behind a pointer, each call written down if Config::record says so
// --------------------------------------------------------------

namespace {

const Settings kNoSettings;

Unexpected<UsageError> closed() { return unexpected(UsageError{Errc::kOutOfMemory}); }

}  // namespace

Connection::Connection(Role role, const Config& config, Time now)
    : impl_(nullptr), memory_(config.memory != nullptr ? config.memory : &default_memory()) {
  if (config.record != nullptr) record_begin(*config.record, role, config, now);
  void* raw = memory_->allocate(sizeof(Impl), alignof(Impl));
  if (raw == nullptr) return;
  impl_ = new (raw) Impl(role, config, *memory_, now);
  impl_->begin();
}

Connection::~Connection() {
  if (impl_ == nullptr) return;
  if (RecordSink* const sink = impl_->config_.record; sink != nullptr) record_end(*sink);
  impl_->~Impl();
  memory_->deallocate(impl_, sizeof(Impl), alignof(Impl));
}

Connection::Connection(Connection&& other) noexcept
    : impl_(std::exchange(other.impl_, nullptr)), memory_(other.memory_) {}

Connection& Connection::operator=(Connection&& other) noexcept {
  std::swap(impl_, other.impl_);
  std::swap(memory_, other.memory_);
  return *this;
}

Received Connection::receive_data(Bytes bytes, Time now) {
  if (impl_ == nullptr) return {bytes.size(), {}};
  return recorded(
      impl_->config_.record, RecordKind::kReceiveData,
      [&] { return impl_->receive_data(bytes, now); }, bytes, now);
}
std::span<const Event> Connection::receive_end(Time now) {
  if (impl_ == nullptr) return {};
  return recorded(
      impl_->config_.record, RecordKind::kReceiveEnd, [&] { return impl_->receive_end(now); }, now);
}
std::span<const Event> Connection::poll_events() {
  if (impl_ == nullptr) return {};
  return recorded(impl_->config_.record, RecordKind::kPollEvents,
                  [&] { return impl_->poll_events(); });
}
std::span<const Bytes> Connection::data_to_send() {
  if (impl_ == nullptr) return {};
  return recorded(impl_->config_.record, RecordKind::kDataToSend,
                  [&] { return impl_->data_to_send(); });
}
void Connection::mark_sent(std::size_t n) {
  if (impl_ == nullptr) return;
  recorded(
      impl_->config_.record, RecordKind::kMarkSent, [&] { impl_->mark_sent(n); },
      SentOutput{impl_->output_, n});
}
bool Connection::want_read() const { return impl_ != nullptr && impl_->want_read(); }
bool Connection::want_write() const { return impl_ != nullptr && impl_->want_write(); }
Time Connection::next_deadline() const {
  return impl_ == nullptr ? Time::never() : impl_->next_deadline();
}
std::span<const Event> Connection::on_time(Time now) {
  if (impl_ == nullptr) return {};
  return recorded(
      impl_->config_.record, RecordKind::kOnTime, [&] { return impl_->on_time(now); }, now);
}
bool Connection::done() const { return impl_ == nullptr || impl_->done(); }

Result<StreamId, UsageError> Connection::get_next_available_stream_id() const {
  if (impl_ == nullptr) return closed();
  return impl_->next_stream_id();
}
Result<void, UsageError> Connection::send_headers(StreamId id, std::span<const HeaderField> fields,
                                                  EndStream end_stream) {
  if (impl_ == nullptr) return closed();
  return recorded(
      impl_->config_.record, RecordKind::kSendHeaders,
      [&] { return impl_->send_headers(id, fields, end_stream); }, id, fields, end_stream);
}
Result<void, UsageError> Connection::send_data(StreamId id, Bytes data, EndStream end_stream,
                                               BodyTag tag) {
  if (impl_ == nullptr) return closed();
  return recorded(
      impl_->config_.record, RecordKind::kSendData,
      [&] { return impl_->send_span(id, data, end_stream, tag); }, id, data, end_stream, tag);
}
Result<void, UsageError> Connection::send_data_copy(StreamId id, Bytes data, EndStream end_stream) {
  if (impl_ == nullptr) return closed();
  return recorded(
      impl_->config_.record, RecordKind::kSendDataCopy,
      [&] { return impl_->send_copy(id, data, end_stream); }, id, data, end_stream);
}
Result<void, UsageError> Connection::send_body(StreamId id, BodySource& source,
                                               EndStream end_stream, BodyTag tag) {
  if (impl_ == nullptr) return closed();
  return recorded(
      impl_->config_.record, RecordKind::kSendBody,
      [&] { return impl_->send_source(id, source, end_stream, tag); }, id, end_stream, tag);
}
Result<void, UsageError> Connection::resume_body(StreamId id) {
  if (impl_ == nullptr) return closed();
  return recorded(
      impl_->config_.record, RecordKind::kResumeBody, [&] { return impl_->resume_body(id); }, id);
}
Result<void, UsageError> Connection::end_stream(StreamId id) {
  if (impl_ == nullptr) return closed();
  return recorded(
      impl_->config_.record, RecordKind::kEndStream, [&] { return impl_->end_stream(id); }, id);
}
Result<void, UsageError> Connection::reset_stream(StreamId id, ErrorCode code) {
  if (impl_ == nullptr) return closed();
  return recorded(
      impl_->config_.record, RecordKind::kResetStream,
      [&] { return impl_->reset_stream(id, code); }, id, code);
}
void Connection::release_stream(StreamId id) {
  if (impl_ == nullptr) return;
  recorded(
      impl_->config_.record, RecordKind::kReleaseStream, [&] { impl_->release_stream(id); }, id);
}
Result<StreamId, UsageError> Connection::push_stream(StreamId parent,
                                                     std::span<const HeaderField> fields) {
  if (impl_ == nullptr) return closed();
  return recorded(
      impl_->config_.record, RecordKind::kPushStream,
      [&] { return impl_->push_stream(parent, fields); }, parent, fields);
}

Http2Settings Connection::http2_settings() const {
  return impl_ == nullptr ? Http2Settings{} : impl_->http2_settings();
}
Result<void, UsageError> Connection::initiate_upgrade_connection(std::string_view method,
                                                                 std::string_view http2_settings) {
  if (impl_ == nullptr) return closed();
  return recorded(
      impl_->config_.record, RecordKind::kInitiateUpgradeConnection,
      [&] { return impl_->start_upgraded(method, http2_settings); }, method, http2_settings);
}
Result<void, UsageError> Connection::set_next_stream_id(StreamId id) {
  if (impl_ == nullptr) return closed();
  return recorded(
      impl_->config_.record, RecordKind::kSetNextStreamId,
      [&] { return impl_->set_next_stream_id(id); }, id);
}
std::uint32_t Connection::stream_ids_left() const {
  if (impl_ == nullptr) return 0;
  const auto next = impl_->next_stream_id();
  return next ? (StreamId::kMax - next->value) / 2 + 1 : 0;
}
Result<void, UsageError> Connection::set_stream_tag(StreamId id, std::uint64_t tag) {
  if (impl_ == nullptr) return closed();
  return recorded(
      impl_->config_.record, RecordKind::kSetStreamTag,
      [&] { return impl_->set_stream_tag(id, tag); }, id, tag);
}
std::uint64_t Connection::stream_tag(StreamId id) const {
  const Index slot = impl_ == nullptr ? kNoIndex : impl_->slot_of(id);
  return slot == kNoIndex ? 0 : impl_->streams_[slot].tag;
}
Result<void, UsageError> Connection::send_priority_update(StreamId id, Priority priority) {
  if (impl_ == nullptr) return closed();
  return recorded(
      impl_->config_.record, RecordKind::kSendPriorityUpdate,
      [&] { return impl_->send_priority_update(id, priority); }, id, priority);
}
Result<void, UsageError> Connection::change_priority(StreamId id, Priority priority,
                                                     PeerSignals signals) {
  if (impl_ == nullptr) return closed();
  return recorded(
      impl_->config_.record, RecordKind::kChangePriority,
      [&] { return impl_->change_priority(id, priority, signals); }, id, priority, signals);
}
Priority Connection::priority(StreamId id) const {
  const Index slot = impl_ == nullptr ? kNoIndex : impl_->slot_of(id);
  return slot == kNoIndex ? Priority{} : impl_->streams_[slot].priority;
}
Result<void, UsageError> Connection::prioritize(StreamId id, const PriorityFields& fields) {
  if (impl_ == nullptr) return closed();
  return recorded(
      impl_->config_.record, RecordKind::kPrioritize, [&] { return impl_->prioritize(id, fields); },
      id, fields);
}
Result<void, UsageError> Connection::advertise_alternative_service(std::string_view field_value,
                                                                   std::string_view origin) {
  if (impl_ == nullptr) return closed();
  return recorded(
      impl_->config_.record, RecordKind::kAdvertiseAlternativeService,
      [&] { return impl_->send_alt_svc(kConnectionStream, origin, field_value); }, field_value,
      origin);
}
Result<void, UsageError> Connection::advertise_alternative_service(std::string_view field_value,
                                                                   StreamId id) {
  if (impl_ == nullptr) return closed();
  if (id.is_connection()) return unexpected(UsageError{Errc::kStreamUnknown});
  return recorded(
      impl_->config_.record, RecordKind::kAdvertiseOnStream,
      [&] { return impl_->send_alt_svc(id, {}, field_value); }, field_value, id);
}
Result<void, UsageError> Connection::send_origins(std::span<const std::string_view> origins) {
  if (impl_ == nullptr) return closed();
  return recorded(
      impl_->config_.record, RecordKind::kSendOrigins, [&] { return impl_->send_origins(origins); },
      origins);
}
Result<void, UsageError> Connection::send_extension_frame(std::uint8_t type, std::uint8_t flags,
                                                          StreamId id, Bytes payload) {
  if (impl_ == nullptr) return closed();
  return recorded(
      impl_->config_.record, RecordKind::kSendExtensionFrame,
      [&] { return impl_->send_extension(type, flags, id, payload); }, type, flags, id, payload);
}

Result<void, UsageError> Connection::acknowledge_received_data(std::uint32_t size, StreamId id) {
  if (impl_ == nullptr) return closed();
  return recorded(
      impl_->config_.record, RecordKind::kAcknowledgeReceivedData,
      [&] { return impl_->acknowledge(size, id); }, size, id);
}
Result<void, UsageError> Connection::increment_flow_control_window(std::uint32_t increment,
                                                                   StreamId id) {
  if (impl_ == nullptr) return closed();
  return recorded(
      impl_->config_.record, RecordKind::kIncrementFlowControlWindow,
      [&] { return impl_->increment_window(increment, id); }, increment, id);
}
Result<void, UsageError> Connection::set_local_window_size(std::uint32_t size, StreamId id) {
  if (impl_ == nullptr) return closed();
  return recorded(
      impl_->config_.record, RecordKind::kSetLocalWindowSize,
      [&] { return impl_->set_window_size(size, id); }, size, id);
}
std::int64_t Connection::local_flow_control_window(StreamId id) const {
  return impl_ == nullptr ? 0 : impl_->send_window(id);
}
std::int64_t Connection::receive_window_size(StreamId id) const {
  if (impl_ == nullptr) return 0;
  if (id.is_connection()) return impl_->receive_window_.size();
  const Index slot = impl_->slot_of(id);
  return slot == kNoIndex ? 0 : impl_->streams_[slot].receive_window.size();
}
std::int64_t Connection::remote_flow_control_window(StreamId id) const {
  return impl_ == nullptr ? 0 : impl_->receive_window(id);
}

Result<void, UsageError> Connection::update_settings(std::span<const Setting> settings, Time now) {
  if (impl_ == nullptr) return closed();
  return recorded(
      impl_->config_.record, RecordKind::kUpdateSettings,
      [&] { return impl_->update_settings(settings, now); }, settings, now);
}
Result<void, UsageError> Connection::ping(const PingData& data, Time now) {
  if (impl_ == nullptr) return closed();
  return recorded(
      impl_->config_.record, RecordKind::kPing, [&] { return impl_->ping(data, now); }, data, now);
}
void Connection::shutdown(Duration grace, Time now) {
  if (impl_ == nullptr) return;
  recorded(
      impl_->config_.record, RecordKind::kShutdown, [&] { impl_->shutdown(grace, now); }, grace,
      now);
}
void Connection::notify_shutdown() {
  if (impl_ == nullptr) return;
  recorded(impl_->config_.record, RecordKind::kNotifyShutdown, [&] { impl_->notify_shutdown(); });
}
void Connection::close_connection(ErrorCode code, Bytes additional_data) {
  if (impl_ == nullptr) return;
  recorded(
      impl_->config_.record, RecordKind::kCloseConnection,
      [&] { impl_->close_connection(code, additional_data); }, code, additional_data);
}
void Connection::terminate(ErrorCode code, Bytes additional_data) {
  if (impl_ == nullptr) return;
  recorded(
      impl_->config_.record, RecordKind::kTerminate,
      [&] { impl_->terminate(code, additional_data); }, code, additional_data);
}

Role Connection::role() const { return impl_ == nullptr ? Role::kClient : impl_->role_; }
const Settings& Connection::local_settings() const {
  return impl_ == nullptr ? kNoSettings : impl_->local_;
}
const Settings& Connection::remote_settings() const {
  return impl_ == nullptr ? kNoSettings : impl_->remote_;
}
bool Connection::remote_settings_received() const {
  return impl_ != nullptr && impl_->remote_settings_received_;
}
StreamCounts Connection::stream_counts() const {
  return impl_ == nullptr ? StreamCounts{} : impl_->counts();
}
StreamState Connection::stream_state(StreamId id) const {
  return impl_ == nullptr ? StreamState::kClosed : impl_->stream_state(id);
}
std::uint64_t Connection::queued_data(StreamId id) const {
  return impl_ == nullptr ? 0 : impl_->queued_data(id);
}
bool Connection::accepts_new_streams() const {
  return impl_ != nullptr && impl_->accepts_new_streams();
}
StreamId Connection::highest_remote_stream_id() const {
  return impl_ == nullptr ? StreamId{} : impl_->highest_remote_;
}
StreamId Connection::highest_local_stream_id() const {
  return impl_ == nullptr ? StreamId{} : impl_->highest_submitted_;
}
std::optional<ConnectionError> Connection::error() const {
  if (impl_ == nullptr) return ConnectionError{ErrorCode::kInternalError, Errc::kOutOfMemory};
  return impl_->error_;
}
std::size_t Connection::memory_in_use() const {
  return impl_ == nullptr ? 0 : sizeof(Impl) + impl_->memory_.in_use();
}
FrameCounts Connection::frames_received() const {
  return impl_ == nullptr ? FrameCounts{} : impl_->frames_received_;
}
FrameCounts Connection::frames_sent() const {
  return impl_ == nullptr ? FrameCounts{} : impl_->frames_sent_;
}
HpackCounts Connection::fields_received() const {
  if (impl_ == nullptr) return {};
  HpackCounts counts = impl_->fields_received_;
  counts.table_size = impl_->decoder_.table().size();
  counts.table_entries = impl_->decoder_.table().count();
  return counts;
}
HpackCounts Connection::fields_sent() const {
  if (impl_ == nullptr) return {};
  HpackCounts counts = impl_->fields_sent_;
  counts.table_size = impl_->encoder_.table().size();
  counts.table_entries = impl_->encoder_.table().count();
  return counts;
}
const Settings& Connection::announced_settings() const {
  return impl_ == nullptr ? kNoSettings : impl_->announced_;
}
std::size_t Connection::unacknowledged_settings() const {
  return impl_ == nullptr ? 0 : impl_->sent_settings_.size();
}
AbuseReport Connection::abuse() const {
  return impl_ == nullptr ? AbuseReport{} : impl_->ledger_.report();
}
std::optional<Time> Connection::last_peer_activity() const {
  return impl_ == nullptr ? std::nullopt : impl_->last_peer_activity_;
}
std::optional<Duration> Connection::round_trip_time() const {
  return impl_ == nullptr ? std::nullopt : impl_->round_trip_time_;
}
Why Connection::why(StreamId id) const { return impl_ == nullptr ? Why{} : impl_->why(id); }
std::size_t Connection::streams(std::span<StreamId> out) const {
  return impl_ == nullptr ? 0 : impl_->streams(out);
}

}  // namespace h2::inline v0
