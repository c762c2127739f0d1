// Frames out: from calls to bytes (RFC 9113 §4, §5, §6, §8). See connection_impl.h.
#include <algorithm>
#include <cstring>
#include <utility>

#include "h2core/connection_impl.h"
#include "h2core/field_syntax.h"
#include "h2core/record_call.h"

namespace h2::inline v0 {

namespace {

constexpr std::size_t kKeptOwnedBytes = 16'384;

Unexpected<UsageError> usage(Errc cause) { return unexpected(UsageError{cause}); }

}  // namespace

// ---- what is set aside, and fields that are mended
// -----------------------------------------------------

Index Connection::Impl::add_stream(const Stream& stream) {
  const Index slot = streams_.add(stream);
  if (slot != kNoIndex && !set_aside()) {
    forget_slot(slot);
    return kNoIndex;
  }
  return slot;
}

template <class Check>
SectionInfo Connection::Impl::checked(std::span<const HeaderField>& fields, Check check) {
  const bool seen = prepare(fields);
  const SectionInfo info = check(fields, seen);
  const bool mendable = info.fault == Errc::kFieldNameInvalid ||
                        info.fault == Errc::kFieldValueInvalid ||
                        info.fault == Errc::kFieldConnectionSpecific;
  if (!mendable || !config_.normalize_outbound_headers || !mend(fields)) return info;
  return check(fields, false);
}

// Looks names up, and what the encoder's tables have of the fields: once, for all that follows.
// Without memory for that nothing changes, and false is returned.
bool Connection::Impl::prepare(std::span<const HeaderField>& fields) {
  prepared_.clear();
  if (!prepared_.reserve_more(fields.size())) return false;
  for (const HeaderField& given : fields) {
    HeaderField field = given;
    if (field.token == hpack::Token::kNone) field.token = hpack::lookup_token(field.name);
    field.annotation = encoder_.glance(field);
    // Two entries of the static table may not be used whole.
    if (field.annotation < kStaticFieldFaults.size() && kStaticFieldFaults[field.annotation] != 0) {
      field.annotation = 0;
    }
    prepared_.push_back_reserved(field);
  }
  fields = {prepared_.data(), prepared_.size()};
  return true;
}

// Names in lower case, no space around values, no connection-specific fields (RFC 9113 §8.2.1,
// §8.2.2); false: no memory.
bool Connection::Impl::mend(std::span<const HeaderField>& fields) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  std::size_t size = 0;
  for (const HeaderField& field : fields) size += field.name.size() + field.value.size();
  mended_bytes_.clear();
  mended_.clear();
  if (mended_bytes_.room(size) == nullptr) return false;
  for (const HeaderField& field : fields) {
    std::string_view value = field.value;
    while (!value.empty() && blank(value.front())) value.remove_prefix(1);
    while (!value.empty() && blank(value.back())) value.remove_suffix(1);
    char* to = mended_bytes_.room(field.name.size() + value.size());
    if (to == nullptr) return false;
    std::transform(field.name.begin(), field.name.end(), to, [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    });
    std::copy(value.begin(), value.end(), to + field.name.size());
    const std::string_view name(to, field.name.size());
    if (is_connection_specific(name)) continue;
    const hpack::Token token = hpack::lookup_token(name);
    mended_bytes_.commit({name, {to + name.size(), value.size()}, field.sensitive, token, 0});
  }
  for (std::size_t i = 0; i < mended_bytes_.size(); ++i) {
    if (!mended_.push_back(mended_bytes_[i])) return false;
  }
  fields = {mended_.data(), mended_.size()};
  return true;
}

// ---- field sections
// -----------------------------------------------------------------------------------

Result<StreamId, UsageError> Connection::Impl::next_stream_id() const {
  const std::uint32_t first = role_ == Role::kClient ? 1 : 2;
  const std::uint32_t last = highest_submitted_.value;
  if (first_stream_id_.value > last) return first_stream_id_;
  if (last == 0) return StreamId{first};
  if (last > StreamId::kMax - 2) return usage(Errc::kStreamIdUnavailable);
  return StreamId{last + 2};
}

Result<void, UsageError> Connection::Impl::send_headers(StreamId id,
                                                        std::span<const HeaderField> fields,
                                                        EndStream end) {
  if (error_ || ended_) return usage(Errc::kConnectionClosed);
  if (const Index slot = slot_of(id); slot != kNoIndex)
    return send_section(streams_[slot], fields, end);
  if (role_ == Role::kServer || !id.is_client_initiated()) {
    return usage(id.is_initiated_by(role_) || id.is_connection() ? Errc::kWrongRole
                                                                 : Errc::kStreamUnknown);
  }
  if (id <= highest_submitted_) {
    return usage(map_.ended(id) ? Errc::kStreamClosedLocally : Errc::kStreamIdUnavailable);
  }
  if (id.value > StreamId::kMax || id < first_stream_id_) return usage(Errc::kStreamIdUnavailable);
  return start_request(id, fields, end);
}

// Identifiers are given in the order of submission and requests go out in that order, so that an
// identifier can be fixed now although its HEADERS may have to wait (RFC 9113 §5.1.1, §5.1.2).
Result<void, UsageError> Connection::Impl::start_request(StreamId id,
                                                         std::span<const HeaderField> fields,
                                                         EndStream end) {
  if (closing()) return usage(Errc::kConnectionClosed);
  const SectionInfo info = checked(fields, [this](std::span<const HeaderField> all, bool seen) {
    return check_request(all, remote_.enable_connect_protocol, seen);
  });
  if (config_.validate_outbound_headers && info.fault != Errc::kNone) return usage(info.fault);
  const bool wait = queued_requests_ > 0 || !may_open_stream();
  if (wait && queued_requests_ >= config_.max_queued_requests) return usage(Errc::kQueueFull);

  Stream fresh;
  fresh.id = id;
  fresh.seen = true;
  fresh.request_is_head = info.is_head;
  fresh.request_is_connect = info.is_connect;
  if (info.priority) fresh.priority = info.priority->over({});
  fresh.send_window = FlowWindow(remote_.initial_window_size);
  fresh.receive_window = ReceiveWindow(local_.initial_window_size);
  begun_ = true;
  const Index slot = add_stream(fresh);
  if (slot == kNoIndex) return usage(Errc::kOutOfMemory);
  if (!map_.insert(id, slot)) {
    streams_[slot] = Stream{};
    streams_.remove(slot);
    return usage(Errc::kOutOfMemory);
  }
  highest_submitted_ = id;
  Stream& stream = streams_[slot];
  stream.send_ended = end == EndStream::kYes;
  if (wait) {
    const Index head = new_outgoing(Outgoing::Kind::kRequest, id);
    if (head == kNoIndex || !pack_fields(fields, outgoing_[head].owned) ||
        !request_queue_.push_back(id)) {
      if (head != kNoIndex) discard_outgoing(head);
      map_.erase(id);
      streams_[slot] = Stream{};
      streams_.remove(slot);
      return usage(Errc::kOutOfMemory);
    }
    outgoing_[head].end_stream = stream.send_ended;
    enqueue(stream, head);
    stream.queued = true;
    ++queued_requests_;
    return {};
  }
  open_local(stream);
  const std::uint8_t flags = stream.send_ended ? kFlagEndStream : 0;
  if (!write_section(FrameType::kHeaders, id, flags, {}, fields)) return usage(Errc::kOutOfMemory);
  stream.head_end = output_.end_offset();
  advance_message(stream, stream.send_ended);
  return {};
}

// The stream begins to exist for the peer.
void Connection::Impl::open_local(Stream& stream) {
  stream.queued = false;
  stream.counted = true;
  ++active_local_;
  highest_local_ = std::max(highest_local_, stream.id);
}

// Moves state and phase of our side past a request or response head.
void Connection::Impl::advance_message(Stream& stream, bool end) {
  stream.send_phase = transition(stream.send_phase, end ? MessageInput::kFinalSectionEndStream
                                                        : MessageInput::kFinalSection)
                          .next;
  stream.state =
      transition(stream.state, end ? StreamInput::kSendHeadersEndStream : StreamInput::kSendHeaders)
          .next;
  if (end) end_sending(stream);
}

bool Connection::Impl::may_open_stream() const {
  const std::uint32_t limit = remote_settings_received_ ? remote_.max_concurrent_streams
                                                        : config_.assumed_max_concurrent_streams;
  return active_local_ < limit;
}

// 1xx, response and trailers, on a stream that is there.
Result<void, UsageError> Connection::Impl::send_section(Stream& stream,
                                                        std::span<const HeaderField> fields,
                                                        EndStream end) {
  const bool ends = end == EndStream::kYes;
  if (stream.send_ended || stream.held) return usage(Errc::kStreamClosedLocally);
  const bool head_sent = stream.queued || stream.send_phase != MessagePhase::kExpectHeaders;
  if (head_sent) {
    // Trailers: after the body that is queued (RFC 9113 §8.1).
    if (!ends) return usage(Errc::kTrailersWithoutEndStream);
    if (stream.send_phase == MessagePhase::kTunnel) return usage(Errc::kWrongPhase);
    const SectionInfo info =
        checked(fields, [](std::span<const HeaderField> all, bool) { return check_trailers(all); });
    if (config_.validate_outbound_headers && info.fault != Errc::kNone) return usage(info.fault);
    const Index trailers = new_outgoing(Outgoing::Kind::kTrailers, stream.id);
    if (trailers == kNoIndex) return usage(Errc::kOutOfMemory);
    if (!pack_fields(fields, outgoing_[trailers].owned)) {
      discard_outgoing(trailers);
      return usage(Errc::kOutOfMemory);
    }
    outgoing_[trailers].end_stream = true;
    stream.send_ended = true;
    enqueue(stream, trailers);
    advance_queue(slot_of(stream.id));
    return {};
  }
  if (role_ == Role::kClient) return usage(Errc::kWrongRole);
  const SectionInfo info = checked(fields, [](std::span<const HeaderField> all, bool seen) {
    return check_response(all, seen);
  });
  if (info.fault != Errc::kNone && (config_.validate_outbound_headers || info.status == 0)) {
    return usage(info.fault);
  }
  const StreamId id = stream.id;
  if (info.status / 100 == 1) {
    if (info.status == 101) return usage(Errc::kSwitchingProtocols);
    if (ends) return usage(Errc::kInformationalEndsStream);
    if (stream.state == StreamState::kReservedLocal) return usage(Errc::kWrongPhase);
    if (!write_section(FrameType::kHeaders, id, 0, {}, fields)) return usage(Errc::kOutOfMemory);
    return {};
  }
  if (stream.state == StreamState::kReservedLocal) {
    if (!may_open_stream()) return usage(Errc::kTooManyStreams);
    --reserved_;
    open_local(stream);
  }
  stream.final_sent = true;
  stream.send_ended = ends;
  if (info.priority) stream.priority = info.priority->over(stream.priority);  // RFC 9218 §8
  if (!write_section(FrameType::kHeaders, id, ends ? kFlagEndStream : 0, {}, fields)) {
    return usage(Errc::kOutOfMemory);
  }
  if (stream.request_is_connect && info.status / 100 == 2 && !ends) {
    advance_message(stream, false);
    stream.send_phase = MessagePhase::kTunnel;
    if (stream.receive_phase == MessagePhase::kBody) stream.receive_phase = MessagePhase::kTunnel;
    return {};
  }
  advance_message(stream, ends);
  return {};
}

Result<StreamId, UsageError> Connection::Impl::push_stream(StreamId parent,
                                                           std::span<const HeaderField> fields) {
  if (error_ || ended_ || closing()) return usage(Errc::kConnectionClosed);
  if (role_ == Role::kClient) return usage(Errc::kWrongRole);
  if (!remote_.enable_push) return usage(Errc::kPushDisabledByPeer);
  const Index slot = slot_of(parent);
  if (slot == kNoIndex) return usage(Errc::kStreamUnknown);
  const Stream& of = streams_[slot];
  // RFC 9113 §6.6: on a stream of the client's that is open or half-closed(remote).
  // And not on one that is a tunnel (RFC 9113 §8.5).
  if (of.held || of.send_ended || !parent.is_client_initiated() ||
      of.send_phase == MessagePhase::kTunnel) {
    return usage(Errc::kWrongPhase);
  }
  SectionInfo info = checked(fields, [](std::span<const HeaderField> all, bool seen) {
    return check_request(all, false, seen);
  });
  if (info.fault == Errc::kNone) info.fault = check_promise(info);
  if (config_.validate_outbound_headers && info.fault != Errc::kNone) return usage(info.fault);
  auto id = next_stream_id();
  if (!id) return id;
  Stream fresh;
  fresh.id = *id;
  fresh.state = StreamState::kReservedLocal;
  fresh.seen = true;
  fresh.request_is_head = info.is_head;
  fresh.send_window = FlowWindow(remote_.initial_window_size);
  fresh.receive_phase = MessagePhase::kEnded;
  if (info.priority) fresh.priority = info.priority->over({});
  const Index promised = add_stream(fresh);
  if (promised == kNoIndex) return usage(Errc::kOutOfMemory);
  if (!map_.insert(*id, promised)) {
    streams_[promised] = Stream{};
    streams_.remove(promised);
    return usage(Errc::kOutOfMemory);
  }
  highest_submitted_ = highest_local_ = *id;
  ++reserved_;
  if (!write_section(FrameType::kPushPromise, parent, 0, *id, fields))
    return usage(Errc::kOutOfMemory);
  return id;
}

// Fields kept for later: lengths, mark, bytes.
bool Connection::Impl::pack_fields(std::span<const HeaderField> fields,
                                   Vector<std::uint8_t>& into) {
  into.clear();
  for (const HeaderField& field : fields) {
    const std::uint32_t lengths[2] = {static_cast<std::uint32_t>(field.name.size()),
                                      static_cast<std::uint32_t>(field.value.size())};
    std::uint8_t head[9];
    std::memcpy(head, lengths, 8);
    head[8] = field.sensitive ? 1 : 0;
    if (!into.append(head, sizeof head) ||
        !into.append(reinterpret_cast<const std::uint8_t*>(field.name.data()), field.name.size()) ||
        !into.append(reinterpret_cast<const std::uint8_t*>(field.value.data()),
                     field.value.size())) {
      return false;
    }
  }
  return true;
}

bool Connection::Impl::write_packed_section(StreamId id, Bytes packed, bool end_stream) {
  if (!begin_block()) return false;
  while (!packed.empty()) {
    std::uint32_t lengths[2];
    std::memcpy(lengths, packed.data(), 8);
    const bool sensitive = packed[8] != 0;
    const auto* text = reinterpret_cast<const char*>(packed.data() + 9);
    const HeaderField field{{text, lengths[0]}, {text + lengths[0], lengths[1]}, sensitive};
    if (!add_to_block(field)) return false;
    packed = packed.subspan(9 + std::size_t{lengths[0]} + lengths[1]);
  }
  return write_block(FrameType::kHeaders, id, end_stream ? kFlagEndStream : 0, {});
}

bool Connection::Impl::write_section(FrameType first, StreamId id, std::uint8_t flags,
                                     StreamId promised, std::span<const HeaderField> fields) {
  if (!begin_block()) return false;
  const bool prepared = !prepared_.empty() && fields.data() == prepared_.data();
  for (const HeaderField& field : fields) {
    if (prepared && field.annotation != 0 && encoder_.add_seen(field.annotation, block_)) {
      fields_sent_.plain += field.name.size() + field.value.size();
    } else if (!add_to_block(field)) {
      return false;
    }
  }
  if (!write_block(first, id, flags, promised)) return false;
  if (trace_ != nullptr) {
    for (const HeaderField& field : fields) trace_->on_field(Direction::kSent, id, field);
  }
  return true;
}

bool Connection::Impl::begin_block() {
  block_.clear();
  if (encoder_.begin_block(block_)) return true;
  out_of_memory();
  return false;
}

bool Connection::Impl::add_to_block(const HeaderField& field) {
  if (config_.split_outbound_cookies && field.name == "cookie") {
    // RFC 9113 §8.2.3: one field for each pair.
    constexpr std::string_view kSeparator = "; ";
    HeaderField crumb = field;
    for (std::size_t at = crumb.value.find(kSeparator); at != std::string_view::npos;
         at = crumb.value.find(kSeparator)) {
      const std::string_view rest = crumb.value.substr(at + kSeparator.size());
      crumb.value = crumb.value.substr(0, at);
      if (!add_one_to_block(crumb)) return false;
      crumb.value = rest;
    }
    return add_one_to_block(crumb);
  }
  return add_one_to_block(field);
}

bool Connection::Impl::add_one_to_block(const HeaderField& field) {
  fields_sent_.plain += field.name.size() + field.value.size();
  if (encoder_.add(field, block_)) return true;
  out_of_memory();  // the peer's table cannot follow any more
  return false;
}

// Cuts block_ into one frame and as many CONTINUATIONs as it takes (RFC 9113 §4.3).
bool Connection::Impl::write_block(FrameType first, StreamId id, std::uint8_t flags,
                                   StreamId promised) {
  fields_sent_.wire += block_.size();
  Bytes rest(block_.data(), block_.size());
  std::uint8_t promise[4];
  std::size_t prefix = 0;
  if (first == FrameType::kPushPromise) {
    prefix = 4;
    write_u32(promise, promised.value);
  }
  FrameType type = first;
  do {
    const std::size_t part = std::min<std::size_t>(rest.size(), remote_.max_frame_size - prefix);
    const bool last = part == rest.size();
    const std::uint32_t padding =
        type == first ? pad(type, prefix + part, remote_.max_frame_size - prefix - part) : 0;
    const std::size_t length = prefix + part + padding;
    FrameHeader header{
        static_cast<std::uint32_t>(length), type,
        static_cast<std::uint8_t>((type == first ? flags : 0) | (last ? kFlagEndHeaders : 0) |
                                  (padding > 0 ? kFlagPadded : 0)),
        id};
    std::uint8_t* out = output_.reserve(kFrameHeaderSize + length);
    if (out == nullptr) {
      out_of_memory();
      return false;
    }
    write_frame_header(out, header);
    std::uint8_t* to = out + kFrameHeaderSize;
    if (padding > 0) *to++ = static_cast<std::uint8_t>(padding - 1);
    if (prefix > 0) std::memcpy(to, promise, prefix);
    if (part > 0) std::memcpy(to + prefix, rest.data(), part);
    if (padding > 1) std::memset(to + prefix + part, 0, padding - 1);
    if (!output_.commit(kFrameHeaderSize + length)) {
      out_of_memory();
      return false;
    }
    trace_sent(header, rest.first(part));
    rest = rest.subspan(part);
    prefix = 0;
    type = FrameType::kContinuation;
  } while (!rest.empty());
  if (first == FrameType::kHeaders) free_pings_.earn(1);
  return true;
}

// ---- bodies
// ---------------------------------------------------------------------------------------------

Index Connection::Impl::new_outgoing(Outgoing::Kind kind, StreamId id) {
  Index index = outgoing_.reuse();
  if (index == kNoIndex) index = outgoing_.add(Outgoing(memory_));
  if (index == kNoIndex) return kNoIndex;
  Outgoing& out = outgoing_[index];
  out.kind = kind;
  out.end_stream = out.waiting = out.detached = out.complete = false;
  out.stream_id = id;
  out.tag = 0;
  out.rest = {};
  out.source = nullptr;
  out.in_output = 0;
  out.next = kNoIndex;
  out.owned.clear();
  if (!set_aside()) {
    discard_outgoing(index);
    return kNoIndex;
  }
  return index;
}

void Connection::Impl::discard_outgoing(Index index) {
  if (outgoing_[index].owned.capacity() > kKeptOwnedBytes) outgoing_[index].owned.release();
  outgoing_[index].stream_id = {};
  outgoing_.remove(index);
}

// Nobody refers to the body any more: gives the caller's memory back.
void Connection::Impl::release_outgoing(Index index) {
  const BodyReleased released{outgoing_[index].stream_id, outgoing_[index].tag,
                              outgoing_[index].complete};
  const Outgoing::Kind kind = outgoing_[index].kind;
  if ((kind == Outgoing::Kind::kSpan || kind == Outgoing::Kind::kSource) && !report(released)) {
    outgoing_[index].next = std::exchange(unreported_, index);
    return;
  }
  discard_outgoing(index);
}

void Connection::Impl::enqueue(Stream& stream, Index index) {
  if (stream.first == kNoIndex) {
    stream.first = index;
  } else {
    outgoing_[stream.last].next = index;
  }
  stream.last = index;
}

// The stream's slot, if its side of ours may carry more.
Result<Index, UsageError> Connection::Impl::sending_slot(StreamId id) {
  if (error_ || ended_) return usage(Errc::kConnectionClosed);
  const Index slot = slot_of(id);
  if (slot == kNoIndex) {
    return usage(knows_highest(id) ? Errc::kStreamClosedLocally : Errc::kStreamUnknown);
  }
  const Stream& stream = streams_[slot];
  if (stream.send_ended || stream.held) return usage(Errc::kStreamClosedLocally);
  if (!stream.queued && stream.send_phase == MessagePhase::kExpectHeaders) {
    return usage(Errc::kDataBeforeHeaders);
  }
  return slot;
}

// A body that fits at once is written without being queued.
bool Connection::Impl::fits_now(const Stream& stream, std::size_t size) const {
  const auto bytes = static_cast<std::int64_t>(size);
  return stream.first == kNoIndex && !stream.queued && scheduler_.empty() &&
         size <= remote_.max_frame_size && size <= config_.max_data_frame_size &&
         size <= config_.max_output_batch && output_.size() < config_.max_output_batch &&
         bytes <= send_window_.available() && bytes <= stream.send_window.available();
}

Result<void, UsageError> Connection::Impl::send_span(StreamId id, Bytes data, EndStream end,
                                                     BodyTag tag) {
  auto slot = sending_slot(id);
  if (!slot) return unexpected(slot.error());
  Stream& stream = streams_[*slot];
  const bool ends = end == EndStream::kYes;
  if (data.size() < config_.copy_below && fits_now(stream, data.size())) {
    if (!write_small_data(stream, data, ends)) return usage(Errc::kOutOfMemory);
    report(BodyReleased{id, tag, true});
    return {};
  }
  const Index index = new_outgoing(Outgoing::Kind::kSpan, id);
  if (index == kNoIndex) return usage(Errc::kOutOfMemory);
  Outgoing& out = outgoing_[index];
  out.rest = data;
  out.tag = tag;
  return queue_body(*slot, index, ends);
}

Result<void, UsageError> Connection::Impl::send_copy(StreamId id, Bytes data, EndStream end) {
  auto slot = sending_slot(id);
  if (!slot) return unexpected(slot.error());
  Stream& stream = streams_[*slot];
  const bool ends = end == EndStream::kYes;
  if (fits_now(stream, data.size())) {
    if (!write_small_data(stream, data, ends)) return usage(Errc::kOutOfMemory);
    return {};
  }
  if (data.empty() && !ends) return {};
  const Index index = new_outgoing(Outgoing::Kind::kCopy, id);
  if (index == kNoIndex) return usage(Errc::kOutOfMemory);
  Outgoing& out = outgoing_[index];
  if (!out.owned.append(data.data(), data.size())) {
    discard_outgoing(index);
    return usage(Errc::kOutOfMemory);
  }
  out.rest = Bytes(out.owned.data(), out.owned.size());
  return queue_body(*slot, index, ends);
}

Result<void, UsageError> Connection::Impl::send_source(StreamId id, BodySource& source,
                                                       EndStream end, BodyTag tag) {
  auto slot = sending_slot(id);
  if (!slot) return unexpected(slot.error());
  const Index index = new_outgoing(Outgoing::Kind::kSource, id);
  if (index == kNoIndex) return usage(Errc::kOutOfMemory);
  Outgoing& out = outgoing_[index];
  out.source = &source;
  out.tag = tag;
  return queue_body(*slot, index, end == EndStream::kYes);
}

Result<void, UsageError> Connection::Impl::queue_body(Index slot, Index outgoing, bool ends) {
  Stream& stream = streams_[slot];
  outgoing_[outgoing].end_stream = ends;
  stream.send_ended = ends;
  enqueue(stream, outgoing);
  advance_queue(slot);
  return {};
}

Result<void, UsageError> Connection::Impl::end_stream(StreamId id) {
  auto slot = sending_slot(id);
  if (!slot) return unexpected(slot.error());
  return send_copy(id, {}, EndStream::kYes);
}

Result<void, UsageError> Connection::Impl::resume_body(StreamId id) {
  if (error_ || ended_) return usage(Errc::kConnectionClosed);
  const Index slot = slot_of(id);
  if (slot == kNoIndex) return usage(Errc::kStreamUnknown);
  Stream& stream = streams_[slot];
  if (stream.first != kNoIndex) outgoing_[stream.first].waiting = false;
  make_ready(slot);
  return {};
}

// Deals with what needs no window at the head of a stream's queue; then the stream waits for its
// turn.
void Connection::Impl::advance_queue(Index slot) {
  Stream& stream = streams_[slot];
  while (!stream.queued && stream.first != kNoIndex) {
    Outgoing& out = outgoing_[stream.first];
    if (out.kind == Outgoing::Kind::kTrailers) {
      const StreamId id = stream.id;
      if (!write_packed_section(id, Bytes(out.owned.data(), out.owned.size()), true)) return;
      stream.send_phase = MessagePhase::kEnded;
      stream.state = transition(stream.state, StreamInput::kSendHeadersEndStream).next;
      pop_outgoing(stream);
      return end_sending(stream);
    }
    if (out.kind == Outgoing::Kind::kSource || !out.rest.empty()) break;
    const bool ends = out.end_stream;
    out.complete = true;
    pop_outgoing(stream);
    if (ends) {
      write_small_data(stream, {}, true);
      return;
    }
  }
  make_ready(slot);
}

// Takes the head off a stream's queue; it is released now, or when the output has let go of it.
void Connection::Impl::pop_outgoing(Stream& stream) {
  const Index index = stream.first;
  Outgoing& out = outgoing_[index];
  stream.first = out.next;
  if (stream.first == kNoIndex) stream.last = kNoIndex;
  out.next = kNoIndex;
  out.detached = true;
  if (out.in_output == 0) release_outgoing(index);
}

void Connection::Impl::drop_queue(Stream& stream) {
  while (stream.first != kNoIndex) pop_outgoing(stream);
}

void Connection::Impl::on_piece_sent(std::uint32_t owner, std::size_t bytes) noexcept {
  Outgoing& out = outgoing_[owner];
  out.in_output -= bytes;
  if (out.in_output == 0 && out.detached) release_outgoing(owner);
}

// ---- DATA (RFC 9113 §6.1)
// -----------------------------------------------------------------------------------

void Connection::Impl::make_ready(Index slot) {
  Stream& stream = streams_[slot];
  if (stream.ready || stream.queued || stream.first == kNoIndex) return;
  if (stream.send_window.available() <= 0 || outgoing_[stream.first].waiting) return;
  scheduler_.add(streams_, slot);
}

// One frame per turn, while there is connection window and room in the batch.
void Connection::Impl::fill_output() {
  while (!scheduler_.empty() && !error_ && send_window_.available() > 0 &&
         output_.size() < config_.max_output_batch) {
    const Index slot = scheduler_.next();
    scheduler_.remove(streams_, slot);
    write_data(slot);
  }
}

void Connection::Impl::write_data(Index slot) {
  Stream& stream = streams_[slot];
  const Index index = stream.first;
  Outgoing& out = outgoing_[index];
  const std::int64_t window = std::min(stream.send_window.available(), send_window_.available());
  if (window <= 0)
    return;  // a stream's may have become negative since it was ready (RFC 9113 §6.9.2)
  const auto room = static_cast<std::size_t>(std::min<std::int64_t>(
      window, std::min(remote_.max_frame_size, config_.max_data_frame_size)));
  const bool written = out.kind == Outgoing::Kind::kSource
                           ? write_from_source(stream, out, room)
                           : write_from_bytes(stream, out, index, room);
  // The stream may be gone by now (its end was sent, or its source failed).
  if (written && streams_[slot].first != kNoIndex) advance_queue(slot);
}

// How many bytes of padding a frame gets, its Pad Length field included.
std::uint32_t Connection::Impl::pad(FrameType type, std::size_t payload, std::size_t room) const {
  const auto most = static_cast<std::uint32_t>(std::min<std::size_t>(PaddingPolicy::kMost, room));
  if (config_.padding == nullptr || most == 0) return 0;
  return recorded_padding(config_.record, *config_.padding, type, payload, most);
}

// Writes the beginning of a DATA frame with `padding` bytes of it, and gives the place for `copied`
// bytes of its data behind it; null: no memory. They are committed together.
std::uint8_t* Connection::Impl::begin_data(FrameHeader& header, std::uint32_t padding,
                                           std::size_t copied) {
  std::uint8_t* to = output_.reserve(kFrameHeaderSize + (padding > 0 ? 1 : 0) + copied);
  if (to == nullptr) return nullptr;
  header.length += padding;
  if (padding > 0) {
    header.flags |= kFlagPadded;
    to[kFrameHeaderSize] = static_cast<std::uint8_t>(padding - 1);
  }
  write_frame_header(to, header);
  return to + kFrameHeaderSize + (padding > 0 ? 1 : 0);
}

// > Padding octets MUST be set to zero when sending. (RFC 9113 §6.1)
bool Connection::Impl::finish_padding(std::uint32_t padding) {
  if (padding <= 1) return true;
  std::uint8_t* to = output_.reserve(padding - 1);
  if (to == nullptr) return false;
  std::memset(to, 0, padding - 1);
  return output_.commit(padding - 1);
}

// False: nothing more to be done for this stream now.
bool Connection::Impl::write_from_bytes(Stream& stream, Outgoing& out, Index index,
                                        std::size_t room) {
  const Bytes part = out.rest.first(std::min(out.rest.size(), room));
  const bool last = part.size() == out.rest.size();
  const bool ends = last && out.end_stream;
  FrameHeader header{static_cast<std::uint32_t>(part.size()), FrameType::kData,
                     ends ? kFlagEndStream : std::uint8_t{0}, stream.id};
  const bool copy = part.size() < config_.copy_below;
  const std::size_t copied = copy ? part.size() : 0;
  const std::uint32_t padding = pad(FrameType::kData, part.size(), room - part.size());
  std::uint8_t* to = begin_data(header, padding, copied);
  if (to == nullptr) {
    out_of_memory();
    return false;
  }
  if (copy) std::memcpy(to, part.data(), part.size());
  if (!output_.commit(kFrameHeaderSize + (padding > 0 ? 1 : 0) + copied) ||
      (!copy && !output_.refer(part, index)) || !finish_padding(padding)) {
    out_of_memory();
    return false;
  }
  if (!copy) out.in_output += part.size();
  out.rest = out.rest.subspan(part.size());
  sent_data(stream, header, part);
  if (!last) return true;
  out.complete = true;
  pop_outgoing(stream);
  return finish_data(stream, ends);
}

bool Connection::Impl::write_from_source(Stream& stream, Outgoing& out, std::size_t room) {
  const std::size_t most = std::min<std::size_t>(room, kMinMaxFrameSize);
  // Before the Pad Length field there is a place for it, should there be padding.
  const std::size_t before = kFrameHeaderSize + (config_.padding != nullptr ? 1 : 0);
  std::uint8_t* frame = output_.reserve(before + most);
  if (frame == nullptr) {
    out_of_memory();
    return false;
  }
  const BodySource::Read read =
      recorded_read(config_.record, stream.id, *out.source, {frame + before, most});
  const std::size_t length = std::min(read.length, most);
  if (read.state == BodySource::State::kError) {
    fail_stream(stream.id, ErrorCode::kInternalError, Errc::kBodyFailed);
    return false;
  }
  const bool last = read.state == BodySource::State::kEnd;
  const bool ends = last && out.end_stream;
  if (length == 0 && !last) {
    out.waiting = true;
    return false;
  }
  if (length > 0 || ends) {
    FrameHeader header{static_cast<std::uint32_t>(length), FrameType::kData,
                       ends ? kFlagEndStream : std::uint8_t{0}, stream.id};
    const std::uint32_t padding = pad(FrameType::kData, length, room - length);
    // The same place as before, as nothing was committed meanwhile.
    std::uint8_t* to = begin_data(header, padding, length);
    if (to == nullptr) {
      out_of_memory();
      return false;
    }
    if (to != frame + before) std::memmove(to, frame + before, length);
    if (!output_.commit(kFrameHeaderSize + (padding > 0 ? 1 : 0) + length) ||
        !finish_padding(padding)) {
      out_of_memory();
      return false;
    }
    sent_data(stream, header, {to, length});
  }
  if (!last) return true;
  out.complete = true;
  pop_outgoing(stream);
  return finish_data(stream, ends);
}

// A DATA frame whose bytes are copied, also the empty one that only ends the stream.
bool Connection::Impl::write_small_data(Stream& stream, Bytes data, bool ends) {
  if (data.empty() && !ends) return true;
  FrameHeader header{static_cast<std::uint32_t>(data.size()), FrameType::kData,
                     ends ? kFlagEndStream : std::uint8_t{0}, stream.id};
  std::uint32_t padding = 0;
  if (config_.padding != nullptr) {
    const std::int64_t window = std::min({stream.send_window.available(), send_window_.available(),
                                          std::int64_t{remote_.max_frame_size}});
    const std::int64_t room = window - static_cast<std::int64_t>(data.size());
    padding = pad(FrameType::kData, data.size(),
                  static_cast<std::size_t>(std::max<std::int64_t>(room, 0)));
  }
  std::uint8_t* to = begin_data(header, padding, data.size());
  if (to == nullptr) {
    out_of_memory();
    return false;
  }
  if (!data.empty()) std::memcpy(to, data.data(), data.size());
  if (!output_.commit(kFrameHeaderSize + (padding > 0 ? 1 : 0) + data.size()) ||
      !finish_padding(padding)) {
    out_of_memory();
    return false;
  }
  sent_data(stream, header, data);
  finish_data(stream, ends);
  return true;
}

// Accounts for a DATA frame that is in the output.
void Connection::Impl::sent_data(Stream& stream, const FrameHeader& header, Bytes data) {
  (void)send_window_.consume(header.length);
  (void)stream.send_window.consume(header.length);
  // One frame of any size, and each 16 KiB of a larger one.
  const std::uint32_t parts = 1 + (std::max(header.length, 1U) - 1) / kMinMaxFrameSize;
  free_window_updates_.earn(cost::kWindowUpdatesPerData * parts);
  free_pings_.earn(1);
  trace_sent(header, data);
}

bool Connection::Impl::finish_data(Stream& stream, bool ends) {
  if (!ends) return true;
  stream.send_ended = true;
  stream.send_phase = MessagePhase::kEnded;
  stream.state = transition(stream.state, StreamInput::kSendDataEndStream).next;
  end_sending(stream);
  return false;
}

// Our side has ended on the wire.
void Connection::Impl::end_sending(Stream& stream) {
  stream.send_ended = true;
  close_if_ended(stream);
}

// ---- requests over the peer's limit
// ----------------------------------------------------------------------------

void Connection::Impl::open_queued_requests() {
  while (queued_requests_ > 0 && !error_ && !closing() && may_open_stream()) {
    const Index slot = slot_of(request_queue_[request_queue_begin_++]);
    if (slot == kNoIndex) continue;  // cancelled meanwhile
    Stream& stream = streams_[slot];
    --queued_requests_;
    open_local(stream);
    const Index head = stream.first;
    Outgoing& out = outgoing_[head];
    const bool ends = out.end_stream;
    if (!write_packed_section(stream.id, Bytes(out.owned.data(), out.owned.size()), ends)) return;
    stream.head_end = output_.end_offset();
    pop_outgoing(stream);
    if (stream.announce_priority) write_priority_update(stream.id, stream.priority);
    advance_message(stream, ends);
    if (!ends) advance_queue(slot);
  }
  tidy_request_queue();
}

// Drops what has been taken or cancelled when it is most of the queue, so that the queue stays in
// proportion to what waits and each request costs no more than a few moves.
void Connection::Impl::tidy_request_queue() {
  constexpr std::size_t kSlack = 64;
  if (queued_requests_ > 0 && request_queue_.size() <= 2 * std::size_t{queued_requests_} + kSlack) {
    return;
  }
  std::size_t kept = 0;
  for (std::size_t i = request_queue_begin_; i < request_queue_.size() && queued_requests_ > 0;
       ++i) {
    if (slot_of(request_queue_[i]) != kNoIndex) request_queue_[kept++] = request_queue_[i];
  }
  while (request_queue_.size() > kept) request_queue_.pop_back();
  request_queue_begin_ = 0;
}

// ---- single frames
// ---------------------------------------------------------------------------------------------

bool Connection::Impl::write_frame(const FrameHeader& header, Bytes payload) {
  if (!settle_frame(header, payload)) {
    out_of_memory();
    return false;
  }
  trace_sent(header, payload);
  return true;
}

bool Connection::Impl::settle_frame(const FrameHeader& header, Bytes payload) {
  std::uint8_t* to = output_.reserve(kFrameHeaderSize + payload.size());
  if (to == nullptr) return false;
  write_frame_header(to, header);
  if (!payload.empty()) std::memcpy(to + kFrameHeaderSize, payload.data(), payload.size());
  return output_.commit(kFrameHeaderSize + payload.size());
}

void Connection::Impl::write_settings_ack() {
  write_frame({0, FrameType::kSettings, kFlagAck, kConnectionStream}, {});
}

void Connection::Impl::write_ping(const PingData& data, bool ack) {
  write_frame({8, FrameType::kPing, ack ? kFlagAck : std::uint8_t{0}, kConnectionStream}, data);
}

void Connection::Impl::write_rst_stream(StreamId id, ErrorCode code) {
  std::uint8_t payload[4];
  write_u32(payload, static_cast<std::uint32_t>(code));
  write_frame({4, FrameType::kRstStream, 0, id}, payload);
}

void Connection::Impl::write_window_update(StreamId id, std::uint32_t increment) {
  std::uint8_t payload[4];
  write_u32(payload, increment);
  write_frame({4, FrameType::kWindowUpdate, 0, id}, payload);
}

void Connection::Impl::write_goaway(StreamId last, ErrorCode code, Bytes additional_data) {
  std::uint8_t payload[8 + 1024];
  const std::size_t extra = std::min<std::size_t>(additional_data.size(), 1024);
  write_u32(payload, last.value);
  write_u32(payload + 4, static_cast<std::uint32_t>(code));
  if (extra > 0) std::memcpy(payload + 8, additional_data.data(), extra);
  const FrameHeader header{static_cast<std::uint32_t>(8 + extra), FrameType::kGoAway, 0,
                           kConnectionStream};
  // Without memory the connection ends without a word.
  if (settle_frame(header, {payload, 8 + extra})) trace_sent(header, {payload, 8 + extra});
}

void Connection::Impl::note_answer() {
  if (!error_ && !output_.count_answer()) out_of_memory();
}

void Connection::Impl::trace_sent(const FrameHeader& header, Bytes payload) {
  frames_sent_.add(header.type);
  if (trace_ != nullptr) trace_->on_frame(Direction::kSent, header, payload);
}

}  // namespace h2::inline v0
