// Frames out: from calls to bytes (RFC 9113 §4, §5, §6, §8). See connection_impl.h.
#include <algorithm>
#include <cstring>
#include <utility>

#include "h2core/connection_impl.h"

namespace h2::inline v0 {

namespace {

constexpr std::size_t kKeptOwnedBytes = 16'384;

Unexpected<UsageError> usage(Errc cause) { return unexpected(UsageError{cause}); }

}  // namespace

// ---- field sections
// -----------------------------------------------------------------------------------

Result<StreamId, UsageError> Connection::Impl::next_stream_id() const {
  const std::uint32_t first = role_ == Role::kClient ? 1 : 2;
  const std::uint32_t last = highest_submitted_.value;
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
  if (id.value > StreamId::kMax) return usage(Errc::kStreamIdUnavailable);
  return start_request(id, fields, end);
}

// Identifiers are given in the order of submission and requests go out in that order, so that an
// identifier can be fixed now although its HEADERS may have to wait (RFC 9113 §5.1.1, §5.1.2).
Result<void, UsageError> Connection::Impl::start_request(StreamId id,
                                                         std::span<const HeaderField> fields,
                                                         EndStream end) {
  if (closing()) return usage(Errc::kConnectionClosed);
  const SectionInfo info = check_request(fields, remote_.enable_connect_protocol);
  if (strict() && info.fault != Errc::kNone) return usage(info.fault);
  const bool wait = queued_requests_ > 0 || !may_open_stream();
  if (wait && queued_requests_ >= config_.max_queued_requests) return usage(Errc::kQueueFull);

  Stream fresh;
  fresh.id = id;
  fresh.seen = true;
  fresh.request_is_head = info.is_head;
  fresh.request_is_connect = info.is_connect;
  fresh.send_window = FlowWindow(remote_.initial_window_size);
  fresh.receive_window = ReceiveWindow(local_.initial_window_size);
  const Index slot = streams_.add(fresh);
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
    if (strict()) {
      if (const SectionInfo info = check_trailers(fields); info.fault != Errc::kNone) {
        return usage(info.fault);
      }
    }
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
  const SectionInfo info = check_response(fields);
  if (info.fault != Errc::kNone && (strict() || info.status == 0)) return usage(info.fault);
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
  if (of.held || of.send_ended || !parent.is_client_initiated()) return usage(Errc::kWrongPhase);
  const SectionInfo info = check_request(fields, false);
  if (strict() && info.fault != Errc::kNone) return usage(info.fault);
  auto id = next_stream_id();
  if (!id) return id;
  Stream fresh;
  fresh.id = *id;
  fresh.state = StreamState::kReservedLocal;
  fresh.seen = true;
  fresh.request_is_head = info.is_head;
  fresh.send_window = FlowWindow(remote_.initial_window_size);
  fresh.receive_phase = MessagePhase::kEnded;
  const Index promised = streams_.add(fresh);
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
  for (const HeaderField& field : fields) {
    if (!add_to_block(field)) return false;
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
    FrameHeader header{
        static_cast<std::uint32_t>(prefix + part), type,
        static_cast<std::uint8_t>((type == first ? flags : 0) | (last ? kFlagEndHeaders : 0)), id};
    std::uint8_t* out = output_.reserve(kFrameHeaderSize + prefix + part);
    if (out == nullptr) {
      out_of_memory();
      return false;
    }
    write_frame_header(out, header);
    if (prefix > 0) std::memcpy(out + kFrameHeaderSize, promise, prefix);
    if (part > 0) std::memcpy(out + kFrameHeaderSize + prefix, rest.data(), part);
    if (!output_.commit(kFrameHeaderSize + prefix + part)) {
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
  return stream.first == kNoIndex && !stream.queued && ready_first_ == kNoIndex &&
         size <= remote_.max_frame_size && size <= config_.max_output_batch &&
         output_.size() < config_.max_output_batch && bytes <= send_window_.available() &&
         bytes <= stream.send_window.available();
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
  stream.ready = true;
  stream.next_ready = kNoIndex;
  if (ready_first_ == kNoIndex) {
    ready_first_ = slot;
  } else {
    streams_[ready_last_].next_ready = slot;
  }
  ready_last_ = slot;
}

void Connection::Impl::leave_ready(Index slot) {
  if (!streams_[slot].ready) return;
  Index before = kNoIndex;
  for (Index at = ready_first_; at != slot; at = streams_[at].next_ready) before = at;
  const Index after = streams_[slot].next_ready;
  (before == kNoIndex ? ready_first_ : streams_[before].next_ready) = after;
  if (ready_last_ == slot) ready_last_ = before;
  streams_[slot].ready = false;
  streams_[slot].next_ready = kNoIndex;
}

// One frame per stream and turn, while there is connection window and room in the batch.
void Connection::Impl::fill_output() {
  while (ready_first_ != kNoIndex && !error_ && send_window_.available() > 0 &&
         output_.size() < config_.max_output_batch) {
    const Index slot = ready_first_;
    leave_ready(slot);
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
  const auto room =
      static_cast<std::size_t>(std::min<std::int64_t>(window, remote_.max_frame_size));
  const bool written = out.kind == Outgoing::Kind::kSource
                           ? write_from_source(stream, out, room)
                           : write_from_bytes(stream, out, index, room);
  // The stream may be gone by now (its end was sent, or its source failed).
  if (written && streams_[slot].first != kNoIndex) advance_queue(slot);
}

// False: nothing more to be done for this stream now.
bool Connection::Impl::write_from_bytes(Stream& stream, Outgoing& out, Index index,
                                        std::size_t room) {
  const Bytes part = out.rest.first(std::min(out.rest.size(), room));
  const bool last = part.size() == out.rest.size();
  const bool ends = last && out.end_stream;
  const FrameHeader header{static_cast<std::uint32_t>(part.size()), FrameType::kData,
                           ends ? kFlagEndStream : std::uint8_t{0}, stream.id};
  const bool copy = part.size() < config_.copy_below;
  std::uint8_t* to = output_.reserve(kFrameHeaderSize + (copy ? part.size() : 0));
  if (to == nullptr) {
    out_of_memory();
    return false;
  }
  write_frame_header(to, header);
  if (copy) std::memcpy(to + kFrameHeaderSize, part.data(), part.size());
  if (!output_.commit(kFrameHeaderSize + (copy ? part.size() : 0)) ||
      (!copy && !output_.refer(part, index))) {
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
  room = std::min<std::size_t>(room, kMinMaxFrameSize);
  std::uint8_t* to = output_.reserve(kFrameHeaderSize + room);
  if (to == nullptr) {
    out_of_memory();
    return false;
  }
  const BodySource::Read read = out.source->read({to + kFrameHeaderSize, room});
  const std::size_t length = std::min(read.length, room);
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
    const FrameHeader header{static_cast<std::uint32_t>(length), FrameType::kData,
                             ends ? kFlagEndStream : std::uint8_t{0}, stream.id};
    write_frame_header(to, header);
    if (!output_.commit(kFrameHeaderSize + length)) {
      out_of_memory();
      return false;
    }
    sent_data(stream, header, {to + kFrameHeaderSize, length});
  }
  if (!last) return true;
  out.complete = true;
  pop_outgoing(stream);
  return finish_data(stream, ends);
}

// A DATA frame whose bytes are copied, also the empty one that only ends the stream.
bool Connection::Impl::write_small_data(Stream& stream, Bytes data, bool ends) {
  if (data.empty() && !ends) return true;
  const FrameHeader header{static_cast<std::uint32_t>(data.size()), FrameType::kData,
                           ends ? kFlagEndStream : std::uint8_t{0}, stream.id};
  std::uint8_t* to = output_.reserve(kFrameHeaderSize + data.size());
  if (to == nullptr) {
    out_of_memory();
    return false;
  }
  write_frame_header(to, header);
  if (!data.empty()) std::memcpy(to + kFrameHeaderSize, data.data(), data.size());
  if (!output_.commit(kFrameHeaderSize + data.size())) {
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
