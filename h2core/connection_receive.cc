// Frames in: from the peer's bytes to events (RFC 9113 §4, §5, §6, §8). See connection_impl.h.
#include <algorithm>
#include <cstring>

#include "h2core/connection_impl.h"

namespace h2::inline v0 {

namespace {

// Field blocks may be this much longer on the wire than the list they are allowed to make.
constexpr std::uint64_t kBlockSlack = 16'384;
constexpr std::size_t kKeptDebugData = 256;

}  // namespace

// ---- bytes to frames
// --------------------------------------------------------------------------------

Received Connection::Impl::receive_data(Bytes bytes, Time now) {
  now_ = std::max(now_, now);
  if (!bytes.empty()) {
    last_peer_activity_ = now_;
    begun_ = true;
  }
  ledger_.advance(now_);
  events_.clear();
  if (!pending_.empty()) std::swap(events_, pending_);
  // A field block that is not complete yet keeps its fields; all others were views of the last
  // call.
  fields_.keep_from(incoming_.kind == Block::Kind::kNone ? fields_.size() : incoming_.first_field);
  incoming_.first_field = 0;
  changed_.clear();
  frames_this_call_ = 0;

  receiving_ = true;
  const std::size_t consumed = consume(bytes);
  receiving_ = false;
  return {consumed, {events_.data(), events_.size()}};
}

std::size_t Connection::Impl::consume(Bytes bytes) {
  const std::size_t given = bytes.size();
  // After an error nothing of the peer's is looked at any more (RFC 9113 §5.4.1).
  if (error_ || ended_) return given;
  if (!preface_done_) {
    bytes = bytes.subspan(consume_preface(bytes));
    if (error_) return given;
    if (!preface_done_) return given - bytes.size();
  }
  while (!bytes.empty() || carry_.size() >= kFrameHeaderSize) {
    if (!carry_.empty()) {
      // Finish the frame that began in an earlier input.
      // While input waits, a header is left incomplete: what is not taken shows that there is more
      // to do.
      if (carry_.size() < kFrameHeaderSize && paused()) break;
      if (!carry_more(bytes, kFrameHeaderSize)) break;
      const FrameHeader header =
          read_frame_header(std::span<const std::uint8_t, 9>(carry_.data(), 9));
      if (carry_.size() == kFrameHeaderSize && !header_acceptable(header, {carry_.data(), 9}))
        return given;
      if (paused(header)) break;
      if (!carry_more(bytes, kFrameHeaderSize + header.length)) break;
      std::swap(carry_, last_carry_);
      carry_.clear();
      handle_frame(header, Bytes(last_carry_.data(), last_carry_.size()).subspan(kFrameHeaderSize));
    } else {
      if (bytes.size() < kFrameHeaderSize) {
        carry_more(bytes, kFrameHeaderSize);
        break;
      }
      const FrameHeader header = read_frame_header(bytes.first<kFrameHeaderSize>());
      if (!header_acceptable(header, bytes)) return given;
      if (paused(header)) break;
      const std::size_t whole = kFrameHeaderSize + header.length;
      if (bytes.size() < whole) {
        if (!carry_more(bytes, whole) && error_) return given;
        break;
      }
      handle_frame(header, bytes.subspan(kFrameHeaderSize, header.length));
      bytes = bytes.subspan(whole);
    }
    if (error_) return given;
  }
  return error_ ? given : given - bytes.size();
}

// Moves input into carry_ until it holds `wanted` bytes; false: not there yet (or no memory:
// failed).
bool Connection::Impl::carry_more(Bytes& bytes, std::size_t wanted) {
  const std::size_t missing = wanted > carry_.size() ? wanted - carry_.size() : 0;
  const std::size_t part = std::min(missing, bytes.size());
  if (part > 0 && !carry_.append(bytes.data(), part)) {
    out_of_memory();
    return false;
  }
  bytes = bytes.subspan(part);
  return part == missing;
}

// RFC 9113 §3.4: a client begins with 24 fixed bytes; a server begins with its SETTINGS.
std::size_t Connection::Impl::consume_preface(Bytes bytes) {
  if (role_ == Role::kClient) {
    preface_done_ = true;
    return 0;
  }
  const std::size_t part = std::min(kClientPreface.size() - preface_seen_, bytes.size());
  for (std::size_t i = 0; i < part; ++i) {
    if (bytes[i] == static_cast<std::uint8_t>(kClientPreface[preface_seen_ + i])) continue;
    fail(ErrorCode::kProtocolError, Errc::kBadPreface, bytes);
    return bytes.size();
  }
  preface_seen_ += part;
  preface_done_ = preface_seen_ == kClientPreface.size();
  return part;
}

// What can be judged from the first nine bytes is judged before any of the payload is kept.
bool Connection::Impl::header_acceptable(const FrameHeader& header, Bytes start) {
  if (!settings_seen_ && (header.type != FrameType::kSettings || header.has(kFlagAck))) {
    // RFC 9113 §3.4: the first frame is SETTINGS. A client says what came instead, as it is often
    // HTTP/1.1.
    const bool looks_like_text =
        role_ == Role::kClient && start.size() >= 4 && std::memcmp(start.data(), "HTTP", 4) == 0;
    fail(ErrorCode::kProtocolError,
         looks_like_text || header.length > local_.max_frame_size ? Errc::kNotHttp2
                                                                  : Errc::kFirstFrameNotSettings,
         start);
    return false;
  }
  if (auto wrong = check_frame_header(header, local_.max_frame_size);
      wrong && wrong->scope == FrameError::Scope::kConnection) {
    fail(wrong->code, wrong->cause);
    return false;
  }
  const bool in_block = incoming_.kind != Block::Kind::kNone;
  const bool continues = header.type == FrameType::kContinuation;
  if (in_block && (!continues || header.stream_id != incoming_.stream_id)) {
    // > a field block MUST be transmitted as a contiguous sequence of frames (RFC 9113 §4.3)
    fail(ErrorCode::kProtocolError, Errc::kInterleavedHeaderBlock);
    return false;
  }
  if (!in_block && continues) {
    fail(ErrorCode::kProtocolError, Errc::kUnexpectedContinuation);
    return false;
  }
  return true;
}

// Whether the frame has to wait for a later call.
bool Connection::Impl::paused() const {
  return frames_this_call_ >= config_.max_frames_per_call ||
         output_.answers() >= config_.pause_input_at_answers || low_on_memory();
}

bool Connection::Impl::paused(const FrameHeader& header) const {
  if (paused()) return true;
  // Views of this call's settings may not move; what does not fit beside them comes in the next
  // call.
  return header.type == FrameType::kSettings && !changed_.empty() &&
         changed_.capacity() - changed_.size() < header.length / 6;
}

void Connection::Impl::handle_frame(const FrameHeader& header, Bytes payload) {
  ++frames_this_call_;
  frames_received_.add(header.type);
  settings_seen_ = true;
  if (trace_ != nullptr) trace_->on_frame(Direction::kReceived, header, payload);
  auto frame = decode_frame(header, payload);
  if (!frame) {
    const FrameError& wrong = frame.error();
    if (wrong.scope == FrameError::Scope::kConnection) return fail(wrong.code, wrong.cause);
    return fail_stream(header.stream_id, wrong.code, wrong.cause);
  }
  std::visit([this](const auto& f) { handle(f); }, *frame);
}

// ---- verdicts
// ---------------------------------------------------------------------------------------

// Whether the stream has been used, so that it is closed if it is not there any more.
bool Connection::Impl::knows_highest(StreamId id) const {
  return id.is_initiated_by(role_) ? id <= highest_local_ : id <= highest_remote_;
}

const Cell& Connection::Impl::judge(StreamId id, StreamInput input) const {
  if (const Index slot = slot_of(id); slot != kNoIndex) {
    const Stream& stream = streams_[slot];
    // A request that waits for the peer's limit does not exist for the peer (RFC 9113 §5.1).
    return transition(stream.queued ? StreamState::kIdle : stream.state, input);
  }
  if (const auto how = map_.ended(id)) return transition(*how, input);
  return transition(knows_highest(id) ? StreamState::kClosed : StreamState::kIdle, input);
}

// Applies an input to a live stream; false: the frame is not to be acted on.
bool Connection::Impl::receive_state(Stream& stream, StreamInput input) {
  const Cell& cell = judge(stream.id, input);
  switch (cell.verdict) {
    case Verdict::kAccept:
      stream.state = cell.next;
      return true;
    case Verdict::kIgnore:
      return false;
    case Verdict::kStreamError:
      fail_stream(stream.id, cell.code, cell.cause);
      return false;
    case Verdict::kConnectionError:
    case Verdict::kUsageError:
      fail(cell.code, cell.cause);
      return false;
  }
  return false;
}

bool Connection::Impl::receive_phase(Stream& stream, MessageInput input) {
  const PhaseCell& cell = transition(stream.receive_phase, input);
  if (cell.verdict == Verdict::kAccept) {
    stream.receive_phase = cell.next;
    return true;
  }
  fail_stream(stream.id, ErrorCode::kProtocolError, cell.cause);
  return false;
}

bool Connection::Impl::charge(AbuseCause cause, std::uint32_t tokens) {
  if (ledger_.spend(cause, tokens)) return true;
  fail(ErrorCode::kEnhanceYourCalm, Errc::kAbuse);
  return false;
}

// ---- HEADERS, PUSH_PROMISE, CONTINUATION (RFC 9113 §6.2, §6.6, §6.10)
// -----------------------------------

void Connection::Impl::handle(const HeadersFrame& frame) {
  incoming_ = Block{};
  incoming_.stream_id = frame.stream_id;
  incoming_.end_stream = frame.end_stream;
  incoming_.first_field = static_cast<std::uint32_t>(fields_.size());
  const StreamInput input =
      frame.end_stream ? StreamInput::kReceiveHeadersEndStream : StreamInput::kReceiveHeaders;

  if (slot_of(frame.stream_id) == kNoIndex) {
    incoming_.kind = open_remote_stream(frame);
  } else if (streams_[slot_of(frame.stream_id)].queued) {
    return fail(ErrorCode::kProtocolError, Errc::kFrameOnIdleStream);  // it has not been sent yet
  } else {
    // The state moves when the block is complete; here it is only asked.
    const Cell& cell = judge(frame.stream_id, input);
    incoming_.kind =
        cell.verdict == Verdict::kAccept ? Block::Kind::kMessage : Block::Kind::kDiscard;
    if (cell.verdict == Verdict::kConnectionError) fail(cell.code, cell.cause);
    if (cell.verdict == Verdict::kStreamError) fail_stream(frame.stream_id, cell.code, cell.cause);
  }
  if (error_) return;
  decode_fragment(frame.fragment, frame.end_headers);
}

// HEADERS on a stream that is not there: a request, or a frame on a closed or idle stream.
Connection::Impl::Block::Kind Connection::Impl::open_remote_stream(const HeadersFrame& frame) {
  const StreamId id = frame.stream_id;
  // After our GOAWAY new streams and all that comes on them, trailers included, are ignored, but
  // their blocks keep HPACK in step (RFC 9113 §6.8).
  if (role_ == Role::kServer && ignored_after_goaway(id)) {
    highest_remote_ = std::max(highest_remote_, id);
    return Block::Kind::kDiscard;
  }
  if (id.is_initiated_by(role_) || knows_highest(id)) {
    const Cell& cell = judge(id, frame.end_stream ? StreamInput::kReceiveHeadersEndStream
                                                  : StreamInput::kReceiveHeaders);
    const bool never_seen = !map_.ended(id) && !id.is_initiated_by(role_);
    if (id.is_initiated_by(role_) && !knows_highest(id)) {
      fail(ErrorCode::kProtocolError,
           role_ == Role::kServer ? Errc::kStreamIdWrongParity : Errc::kFrameOnIdleStream);
    } else if (never_seen && role_ == Role::kServer && !map_.may_have_forgotten(id)) {
      // > The identifier of a newly established stream MUST be numerically greater than all streams
      // that > the initiating endpoint has opened or reserved. (RFC 9113 §5.1.1)
      fail(ErrorCode::kProtocolError, Errc::kStreamIdNotIncreasing);
    } else if (cell.verdict == Verdict::kIgnore) {
      // A stream so old that how it ended is not known any more, or one that was never opened.
      if (never_seen && role_ == Role::kServer)
        charge(AbuseCause::kClosedStream, cost::kClosedStreamFrame);
      return Block::Kind::kDiscard;
    } else if (cell.verdict == Verdict::kStreamError) {
      fail_stream(id, cell.code, cell.cause);
    } else {
      fail(cell.verdict == Verdict::kConnectionError ? cell.code : ErrorCode::kStreamClosed,
           cell.verdict == Verdict::kConnectionError ? cell.cause : Errc::kFrameOnClosedStream);
    }
    return Block::Kind::kDiscard;
  }
  if (role_ == Role::kClient || !id.is_client_initiated()) {
    // A server starts streams by PUSH_PROMISE only, and a client uses odd identifiers (RFC 9113
    // §5.1.1).
    fail(ErrorCode::kProtocolError,
         role_ == Role::kClient ? Errc::kFrameOnIdleStream : Errc::kStreamIdWrongParity);
    return Block::Kind::kDiscard;
  }
  highest_remote_ = id;
  const std::uint32_t limit = limits_.max_concurrent_streams;
  Stream stream;
  stream.id = id;
  stream.receive_window = ReceiveWindow(local_.initial_window_size);
  stream.send_window = FlowWindow(remote_.initial_window_size);
  const Index slot = add_stream(stream);
  if (slot == kNoIndex) return refuse_stream(id);
  if (!map_.insert(id, slot)) {
    forget_slot(slot);
    return refuse_stream(id);
  }
  streams_[slot].counted = true;
  streams_[slot].opened_at = now_;
  ++active_remote_;
  if (active_remote_ > limit) {
    // RFC 9113 §5.1.2: a stream error, and REFUSED_STREAM lets the peer try again.
    // Until it has acknowledged our limit, the peer cannot know better. Nor does it see that slots
    // are held whose streams it has reset; that costs little, as it is told so by each refusal.
    const bool held = active_remote_ - held_remote_ <= limit;
    if (sent_settings_.empty() &&
        !charge(AbuseCause::kRefusedStream, held ? cost::kRefusedForHeld : cost::kRefusedStream))
      return Block::Kind::kDiscard;
    streams_[slot].state = StreamState::kOpen;
    write_rst_stream(id, ErrorCode::kRefusedStream);
    note_answer();
    close_stream(slot, StreamState::kClosedByLocalReset);
    return Block::Kind::kDiscard;
  }
  return Block::Kind::kMessage;
}

// There is no memory for another stream: the peer may try again (RFC 9113 §8.7).
Connection::Impl::Block::Kind Connection::Impl::refuse_stream(StreamId id) {
  write_rst_stream(id, ErrorCode::kRefusedStream);
  note_answer();
  if (!error_ && map_.insert(id, 0)) {
    map_.end(id, StreamState::kClosedByLocalReset, epoch_);
  } else {
    out_of_memory();
  }
  return Block::Kind::kDiscard;
}

void Connection::Impl::handle(const PushPromiseFrame& frame) {
  incoming_ = Block{};
  incoming_.stream_id = frame.stream_id;
  incoming_.promised_id = frame.promised_stream_id;
  incoming_.first_field = static_cast<std::uint32_t>(fields_.size());
  incoming_.kind = Block::Kind::kPush;
  if (role_ == Role::kServer) return fail(ErrorCode::kProtocolError, Errc::kPushNotAllowed);
  // RFC 9113 §6.6: only while the peer may not know yet that push is off can it be no error.
  if (!local_.enable_push && !limits_.enable_push) {
    return fail(ErrorCode::kProtocolError, Errc::kPushNotAllowed);
  }
  const Cell& cell = judge(frame.stream_id, StreamInput::kReceivePushPromise);
  // RFC 9113 §6.6: on a stream that is neither open nor half-closed(local).
  if (cell.verdict == Verdict::kConnectionError) return fail(ErrorCode::kProtocolError, cell.cause);
  const StreamId promised = frame.promised_stream_id;
  if (!promised.is_server_initiated() || promised <= highest_remote_) {
    return fail(ErrorCode::kProtocolError, Errc::kPushedStreamInvalid);
  }
  highest_remote_ = promised;
  // > Frame types other than DATA or stream management frames ... MUST NOT be sent on a connected
  // stream > and MUST be treated as a stream error (RFC 9113 §8.5)
  const Index parent = slot_of(frame.stream_id);
  const bool connected =
      parent != kNoIndex && streams_[parent].receive_phase == MessagePhase::kTunnel;
  if (connected) {
    fail_stream(frame.stream_id, ErrorCode::kProtocolError, Errc::kPushNotAllowed);
    if (error_) return;
  }
  const bool unwanted = connected || !limits_.enable_push || cell.verdict != Verdict::kAccept ||
                        goaway_sent_ || reserved_ >= config_.max_reserved_streams;
  if (unwanted) {
    incoming_.kind = Block::Kind::kDiscard;
    write_rst_stream(promised, ErrorCode::kRefusedStream);
    note_answer();
    if (!map_.insert(promised, 0)) return out_of_memory();
    map_.end(promised, StreamState::kClosedByLocalReset, epoch_);
  }
  decode_fragment(frame.fragment, frame.end_headers);
}

void Connection::Impl::handle(const ContinuationFrame& frame) {
  if (++incoming_.continuations > config_.max_continuations) {
    return fail(ErrorCode::kEnhanceYourCalm, Errc::kTooManyContinuations);
  }
  if (!frame.end_headers && frame.fragment.size() < cost::kSmallContinuationBytes &&
      !charge(AbuseCause::kSmallContinuation, cost::kSmallContinuation)) {
    return;
  }
  decode_fragment(frame.fragment, frame.end_headers);
}

void Connection::Impl::decode_fragment(Bytes fragment, bool end_headers) {
  incoming_.wire += fragment.size();
  fields_received_.wire += fragment.size();
  if (incoming_.wire > limits_.max_header_list_size + kBlockSlack) {
    return fail(ErrorCode::kEnhanceYourCalm, Errc::kHeaderListTooLarge);
  }
  auto decoded = decoder_.decode(
      fragment, end_headers ? hpack::EndOfBlock::kYes : hpack::EndOfBlock::kNo, fields_);
  if (!decoded) {
    if (decoded.error() == hpack::DecodeError::kOutOfMemory) return out_of_memory();
    if (decoded.error() == hpack::DecodeError::kStringTooLong) {
      return fail(ErrorCode::kEnhanceYourCalm, Errc::kHeaderListTooLarge);
    }
    return fail(ErrorCode::kCompressionError, Errc::kCompressionFailed);
  }
  if (decoder_.counted_size() > 2 * std::uint64_t{limits_.max_header_list_size}) {
    return fail(ErrorCode::kEnhanceYourCalm, Errc::kHeaderListTooLarge);
  }
  if (end_headers) finish_block();
}

void Connection::Impl::finish_block() {
  const Block block = incoming_;
  incoming_ = Block{};
  const FieldsView fields{&fields_, block.first_field,
                          static_cast<std::uint32_t>(fields_.size()) - block.first_field};
  // The decoder counts 32 bytes more for each field (RFC 7541 §4.1).
  fields_received_.plain += decoder_.counted_size() - 32 * decoder_.field_count();
  if (trace_ != nullptr) {
    for (const HeaderField field : fields) {
      trace_->on_field(Direction::kReceived, block.stream_id, field);
    }
  }
  if (block.kind == Block::Kind::kPush) return finish_push(block, fields);
  if (block.kind == Block::Kind::kMessage) finish_message(block, fields);
}

void Connection::Impl::finish_message(const Block& block, FieldsView fields) {
  const Index slot = slot_of(block.stream_id);
  if (slot == kNoIndex) return;
  Stream& stream = streams_[slot];
  const StreamInput input =
      block.end_stream ? StreamInput::kReceiveHeadersEndStream : StreamInput::kReceiveHeaders;
  // A pushed response begins: it counts against the limit from now on (RFC 9113 §5.1.2).
  if (stream.state == StreamState::kReservedRemote) {
    if (active_remote_ >= limits_.max_concurrent_streams) {
      return fail_stream(stream.id, ErrorCode::kRefusedStream, Errc::kTooManyStreams);
    }
    --reserved_;
    stream.counted = true;
    ++active_remote_;
  }
  if (!receive_state(stream, input)) return;
  if (config_.validate_inbound_headers == FieldValidation::kLenient) {
    fields_.remove_if(block.first_field, [](const HeaderField& field) {
      const Errc fault = static_cast<Errc>(field.annotation);
      return fault == Errc::kFieldNameInvalid || fault == Errc::kFieldValueInvalid ||
             fault == Errc::kFieldConnectionSpecific;
    });
    fields.count = static_cast<std::uint32_t>(fields_.size()) - block.first_field;
  }
  if (decoder_.list_truncated() && !refuse_large_section(stream)) return;
  if (stream.receive_phase != MessagePhase::kExpectHeaders)
    return finish_trailers(stream, block, fields);
  if (role_ == Role::kServer) return finish_request(stream, block, fields);
  finish_response(stream, block, fields);
}

// RFC 9113 §10.5.1: a section above the limit. A server answers 431 by itself, a client gives up.
bool Connection::Impl::refuse_large_section(Stream& stream) {
  const StreamId id = stream.id;
  if (role_ == Role::kServer && !stream.seen) {
    static constexpr HeaderField kStatus431{":status", "431", false, hpack::Token::kStatus, 0};
    if (!write_section(FrameType::kHeaders, id, kFlagEndStream, {}, {&kStatus431, 1})) return false;
    note_answer();
    stream.send_ended = true;
    if (!charge(AbuseCause::kReset, cost::kReset)) return false;
    if (stream.state == StreamState::kHalfClosedRemote) {
      close_stream(slot_of(id), StreamState::kClosedByEndStream);
      return false;
    }
    // RFC 9113 §8.1: the rest of the request is not wanted.
    write_rst_stream(id, ErrorCode::kNoError);
    close_stream(slot_of(id), StreamState::kClosedByLocalReset);
    return false;
  }
  fail_stream(id, ErrorCode::kEnhanceYourCalm, Errc::kHeaderListTooLarge);
  return false;
}

void Connection::Impl::finish_request(Stream& stream, const Block& block, FieldsView fields) {
  // Announced is enough: the client may use it before its acknowledgement is here (RFC 8441 §3).
  const SectionInfo info = check_request(fields, announced_.enable_connect_protocol);
  if (strict() && info.fault != Errc::kNone) {
    return fail_stream(stream.id, ErrorCode::kProtocolError, info.fault);
  }
  stream.request_is_head = info.is_head;
  stream.request_is_connect = info.is_connect;
  if (!receive_phase(stream, block.end_stream ? MessageInput::kFinalSectionEndStream
                                              : MessageInput::kFinalSection)) {
    return;
  }
  stream.body_length.expect(info.content_length);
  if (block.end_stream && !stream.body_length.complete()) {
    return fail_stream(stream.id, ErrorCode::kProtocolError, Errc::kContentLengthMismatch);
  }
  if (info.cookies > 1 && config_.normalize_inbound_headers) {
    // > these MUST be concatenated into a single octet string (RFC 9113 §8.2.3)
    if (!fields_.join(block.first_field, hpack::Token::kCookie, "; ")) return out_of_memory();
    fields.count = static_cast<std::uint32_t>(fields_.size()) - block.first_field;
  }
  if (info.priority) stream.priority = info.priority->over({});
  if (!early_priorities_.empty()) {
    stream.priority = take_early_priority(stream.id, stream.priority);
  }
  stream.seen = true;
  report(RequestReceived{stream.id, fields, block.end_stream ? EndStream::kYes : EndStream::kNo});
}

void Connection::Impl::finish_response(Stream& stream, const Block& block, FieldsView fields) {
  const SectionInfo info = check_response(fields);
  if (info.fault != Errc::kNone && (strict() || info.status == 0)) {
    return fail_stream(stream.id, ErrorCode::kProtocolError, info.fault);
  }
  if (info.status / 100 == 1) {
    if (info.status == 101) {
      return fail_stream(stream.id, ErrorCode::kProtocolError, Errc::kSwitchingProtocols);
    }
    if (block.end_stream) {
      return fail_stream(stream.id, ErrorCode::kProtocolError, Errc::kInformationalEndsStream);
    }
    if (++stream.informational > config_.max_informational) {
      return fail_stream(stream.id, ErrorCode::kEnhanceYourCalm, Errc::kTooManyInformational);
    }
    if (!receive_phase(stream, MessageInput::kInformationalSection)) return;
    report(InformationalResponseReceived{stream.id, info.status, fields});
    return;
  }
  if (!receive_phase(stream, block.end_stream ? MessageInput::kFinalSectionEndStream
                                              : MessageInput::kFinalSection)) {
    return;
  }
  if (stream.request_is_connect && info.status / 100 == 2 && !block.end_stream) {
    stream.receive_phase = MessagePhase::kTunnel;  // RFC 9113 §8.5
    if (stream.send_phase == MessagePhase::kBody) stream.send_phase = MessagePhase::kTunnel;
  } else if (stream.request_is_head || info.status == 204 || info.status == 304) {
    stream.body_length.expect_none();  // RFC 9113 §8.1.1: content-length may be there, content not
  } else {
    stream.body_length.expect(info.content_length);
  }
  if (block.end_stream && !stream.body_length.complete()) {
    return fail_stream(stream.id, ErrorCode::kProtocolError, Errc::kContentLengthMismatch);
  }
  report(ResponseReceived{stream.id, info.status, fields,
                          block.end_stream ? EndStream::kYes : EndStream::kNo});
  if (block.end_stream) close_if_ended(stream);
}

void Connection::Impl::finish_trailers(Stream& stream, const Block& block, FieldsView fields) {
  if (!receive_phase(
          stream, block.end_stream ? MessageInput::kTrailersEndStream : MessageInput::kTrailers)) {
    return;
  }
  if (strict()) {
    if (const SectionInfo info = check_trailers(fields); info.fault != Errc::kNone) {
      return fail_stream(stream.id, ErrorCode::kProtocolError, info.fault);
    }
  }
  if (!stream.body_length.complete()) {
    return fail_stream(stream.id, ErrorCode::kProtocolError, Errc::kContentLengthMismatch);
  }
  report(TrailersReceived{stream.id, fields});
  close_if_ended(stream);
}

void Connection::Impl::finish_push(const Block& block, FieldsView fields) {
  SectionInfo info = check_request(fields, false);
  if (!strict()) info.fault = Errc::kNone;
  if (strict()) {
    if (info.fault == Errc::kNone) info.fault = check_promise(info);
  }
  Stream stream;
  stream.id = block.promised_id;
  stream.state = StreamState::kReservedRemote;
  stream.receive_window = ReceiveWindow(local_.initial_window_size);
  stream.send_window = FlowWindow(remote_.initial_window_size);
  stream.request_is_head = info.is_head;
  stream.send_ended = true;
  const Index slot = add_stream(stream);
  if (slot == kNoIndex || !map_.insert(block.promised_id, slot)) {
    forget_slot(slot);
    return out_of_memory();
  }
  ++reserved_;
  // RFC 9113 §8.4: a promised request that is malformed, or truncated, is a stream error.
  if (decoder_.list_truncated()) info.fault = Errc::kHeaderListTooLarge;
  if (info.fault != Errc::kNone) {
    return fail_stream(block.promised_id, ErrorCode::kProtocolError, info.fault);
  }
  streams_[slot].seen = true;
  report(PushedStreamReceived{block.stream_id, block.promised_id, fields});
}

// ---- DATA (RFC 9113 §6.1, §6.9)
// ---------------------------------------------------------------------------

void Connection::Impl::handle(const DataFrame& frame) {
  const std::uint32_t length = frame.flow_controlled_length;
  // > A receiver that receives a flow-controlled frame MUST always account for its contribution
  // against the > connection flow-control window, unless the receiver treats this as a connection
  // error (RFC 9113 §6.9)
  if (!receive_window_.receive(length)) {
    return fail(ErrorCode::kFlowControlError, Errc::kWindowExceeded);
  }
  const StreamInput input =
      frame.end_stream ? StreamInput::kReceiveDataEndStream : StreamInput::kReceiveData;
  const Cell& cell = judge(frame.stream_id, input);
  const Index slot = slot_of(frame.stream_id);
  if (cell.verdict != Verdict::kAccept || slot == kNoIndex) {
    if (cell.verdict == Verdict::kConnectionError) return fail(cell.code, cell.cause);
    credit_connection(length);
    if (cell.verdict == Verdict::kStreamError) fail_stream(frame.stream_id, cell.code, cell.cause);
    return;
  }
  Stream& stream = streams_[slot];
  const auto data_length = static_cast<std::uint32_t>(frame.data.size());
  const std::uint32_t padding = length - data_length;
  const bool on_receipt = config_.connection_credit == ConnectionCredit::kOnReceipt;
  if (!stream.receive_window.receive(length)) {
    credit_connection(length);
    return fail_stream(frame.stream_id, ErrorCode::kFlowControlError, Errc::kWindowExceeded);
  }
  const auto refuse = [&](ErrorCode code, Errc cause) {
    // Nobody will use these bytes; close_stream is not to return their credit a second time.
    (void)stream.receive_window.acknowledge(length);
    credit_connection(length);
    fail_stream(frame.stream_id, code, cause);
  };
  const PhaseCell& phase = transition(
      stream.receive_phase, frame.end_stream ? MessageInput::kDataEndStream : MessageInput::kData);
  if (phase.verdict != Verdict::kAccept) return refuse(ErrorCode::kProtocolError, phase.cause);
  if (!stream.body_length.add(data_length)) {
    return refuse(ErrorCode::kProtocolError, stream.body_length.forbidden()
                                                 ? Errc::kBodyNotAllowed
                                                 : Errc::kContentLengthMismatch);
  }
  if (frame.end_stream && !stream.body_length.complete()) {
    return refuse(ErrorCode::kProtocolError, Errc::kContentLengthMismatch);
  }
  stream.receive_phase = phase.next;
  stream.state = cell.next;
  // Padding has been used the moment it arrives.
  credit_connection(on_receipt ? length : padding);
  credit_stream(stream, padding);
  if (error_) return;  // no memory for the credit
  if (data_length >= cost::kUsefulDataBytes) ledger_.refund(cost::kRefundData);
  if (data_length > 0) {
    free_empty_data_.earn(1);
  } else if (!frame.end_stream) {
    if (!free_empty_data_.take()) charge(AbuseCause::kEmptyData, cost::kEmptyData);
    return;
  }
  report(DataReceived{stream.id, frame.data, length,
                      frame.end_stream ? EndStream::kYes : EndStream::kNo});
  if (frame.end_stream) close_if_ended(stream);
}

void Connection::Impl::credit_connection(std::uint32_t bytes) {
  if (bytes == 0) return;
  if (const std::uint32_t increment = receive_window_.acknowledge(bytes); increment > 0) {
    write_window_update(kConnectionStream, increment);
  }
}

void Connection::Impl::credit_stream(Stream& stream, std::uint32_t bytes) {
  const std::uint32_t increment = stream.receive_window.acknowledge(bytes);
  // The window of a side that has ended is of no use to the peer.
  const bool open =
      stream.state == StreamState::kOpen || stream.state == StreamState::kHalfClosedLocal;
  if (increment > 0 && open) write_window_update(stream.id, increment);
}

// ---- the other frames
// -------------------------------------------------------------------------------------

// RFC 9113 §5.3.2: the deprecated priority scheme; understood, not followed.
void Connection::Impl::handle(const PriorityFrame&) {
  charge(AbuseCause::kIgnoredFrame, cost::kIgnoredFrame);
}

// RFC 9113 §6.4.
void Connection::Impl::handle(const RstStreamFrame& frame) {
  const Cell& cell = judge(frame.stream_id, StreamInput::kReceiveRstStream);
  if (cell.verdict == Verdict::kConnectionError) return fail(cell.code, cell.cause);
  const Index slot = slot_of(frame.stream_id);
  if (slot == kNoIndex || cell.verdict != Verdict::kAccept) return;
  Stream& stream = streams_[slot];
  const bool wasted = role_ == Role::kServer && !stream.final_sent;
  const bool lasted = now_ - stream.opened_at >= cost::kLasting;
  if (wasted && !charge(AbuseCause::kReset, lasted ? cost::kLateReset : cost::kReset)) return;
  // RFC 9113 §8.1: a server that has sent all of its response asks so not to be sent the rest of
  // the request. A client that says NO_ERROR has lost interest, as with any other code.
  const bool received_all = role_ == Role::kClient &&
                            stream.receive_phase == MessagePhase::kEnded &&
                            frame.error_code == ErrorCode::kNoError;
  if (!received_all && stream.seen) {
    const bool refused = frame.error_code == ErrorCode::kRefusedStream;
    report(StreamReset{frame.stream_id, ResetBy::kPeer, frame.error_code,
                       refused ? Errc::kRefusedByPeer : Errc::kResetByPeer,
                       processed(stream, refused)});
  }
  stream.held =
      config_.hold_reset_streams && role_ == Role::kServer && stream.seen && !stream.send_ended;
  close_stream(slot, StreamState::kClosedByPeerReset);
}

// RFC 9113 §6.5.
void Connection::Impl::handle(const SettingsFrame& frame) {
  if (frame.ack) return handle_settings_ack();
  if (frame.count() > config_.max_settings_entries) {
    return fail(ErrorCode::kEnhanceYourCalm, Errc::kTooManySettings);
  }
  // Every value is checked before any is taken over.
  for (std::size_t i = 0; i < frame.count(); ++i) {
    const Setting setting = setting_at(frame, i);
    const ConnectionError wrong = check_setting(peer_of(role_), setting);
    if (wrong.code != ErrorCode::kNoError) return fail(wrong);
    // RFC 8441 §3, RFC 9218 §2.1: what cannot be taken back.
    const bool taken_back =
        (setting.code == SettingCode::kEnableConnectProtocol && remote_.enable_connect_protocol &&
         setting.value == 0) ||
        (setting.code == SettingCode::kNoRfc7540Priorities && settings_frames_ > 0 &&
         remote_.no_rfc7540_priorities != (setting.value != 0));
    if (taken_back) return fail(ErrorCode::kProtocolError, Errc::kSettingsValueInvalid);
  }
  ++settings_frames_;
  const std::size_t first = changed_.size();
  if (!changed_.reserve(
          std::max<std::size_t>(first + frame.count(), config_.max_settings_entries))) {
    return out_of_memory();
  }
  const Settings before = remote_;
  for (std::size_t i = 0; i < frame.count(); ++i) {
    const Setting setting = setting_at(frame, i);
    if (setting.code == SettingCode::kHeaderTableSize)
      encoder_.set_peer_max_table_size(setting.value);
    remote_.apply(setting);
    (void)changed_.push_back(setting);
  }
  const bool first_settings = !remote_settings_received_;
  remote_settings_received_ = true;
  std::uint32_t tokens =
      cost::kSettings + cost::kSettingsEntry * static_cast<std::uint32_t>(frame.count());
  if (remote_.initial_window_size != before.initial_window_size) {
    // The streams that the peer knows of: how many requests of ours wait is not its doing.
    tokens += active_local_ + active_remote_;
    apply_remote_initial_window(before.initial_window_size, remote_.initial_window_size);
    if (error_) return;
  }
  if (!first_settings && !charge(AbuseCause::kSettings, tokens)) return;
  write_settings_ack();
  note_answer();
  report(RemoteSettingsChanged{{changed_.data() + first, changed_.size() - first}});
  open_queued_requests();
}

// RFC 9113 §6.9.2: the difference applies to every stream's window, which may become negative.
void Connection::Impl::apply_remote_initial_window(std::uint32_t before, std::uint32_t after) {
  const std::int64_t delta = std::int64_t{after} - std::int64_t{before};
  for (Index slot = 0; slot < streams_.capacity(); ++slot) {
    Stream& stream = streams_[slot];
    if (stream.id.value == 0 || stream.closing) continue;
    if (!stream.send_window.adjust(delta)) {
      return fail(ErrorCode::kFlowControlError, Errc::kWindowOverflow);
    }
    if (delta > 0) make_ready(slot);
  }
}

// RFC 9113 §6.5.3: our oldest outstanding SETTINGS are in force now.
void Connection::Impl::handle_settings_ack() {
  if (sent_settings_.empty()) {
    charge(AbuseCause::kUnsolicitedAck, cost::kUnsolicitedSettingsAck);
    return;
  }
  const SentSettings sent = sent_settings_[0];
  sent_settings_.erase_front(1);
  round_trip_time_ = now_ - sent.at;
  const std::int64_t delta =
      std::int64_t{sent.values.initial_window_size} - std::int64_t{local_.initial_window_size};
  local_ = sent.values;
  // The peer may know of what was sent since, too.
  Limits in_force = sent.limits;
  for (const SentSettings& later : sent_settings_) in_force.raise_to(later.limits);
  enforce(in_force);
  decoder_.set_max_table_size(local_.header_table_size);
  if (delta != 0) {
    for (Index slot = 0; slot < streams_.capacity(); ++slot) {
      if (streams_[slot].id.value == 0) continue;
      streams_[slot].receive_window.adjust(delta);
      // Credit that was too little to be announced may be all that a smaller window has.
      credit_stream(streams_[slot], 0);
    }
  }
  // Frames come in the order they were sent in, and these SETTINGS were handled after our resets.
  map_.forget_resets_before(sent.epoch);
  report(SettingsAcknowledged{local_});
}

// RFC 9113 §6.7.
void Connection::Impl::handle(const PingFrame& frame) {
  if (!frame.ack) {
    if (!free_pings_.take() && !charge(AbuseCause::kPing, cost::kPing)) return;
    write_ping(frame.data, true);
    note_answer();
    report(PingReceived{frame.data});
    return;
  }
  for (std::size_t i = 0; i < sent_pings_.size(); ++i) {
    if (sent_pings_[i].data != frame.data) continue;
    const SentPing sent = sent_pings_[i];
    for (std::size_t k = i + 1; k < sent_pings_.size(); ++k) sent_pings_[k - 1] = sent_pings_[k];
    sent_pings_.pop_back();
    // What was sent before on streams that we reset may still come: an acknowledgement of PING goes
    // before everything else (RFC 9113 §6.7).
    round_trip_time_ = now_ - sent.at;
    if (sent.ours) return close_connection(ErrorCode::kNoError, {});
    report(PingAckReceived{frame.data, *round_trip_time_});
    return;
  }
  charge(AbuseCause::kUnsolicitedAck, cost::kUnsolicitedPingAck);
}

// RFC 9113 §6.8.
void Connection::Impl::handle(const GoAwayFrame& frame) {
  if (++goaways_received_ > cost::kGoAwaysFree &&
      !charge(AbuseCause::kRepeatedGoAway, cost::kRepeatedGoAway))
    return;
  // > Endpoints MUST NOT increase the value they send in the last stream identifier (RFC 9113 §6.8)
  if (goaway_received_ && frame.last_stream_id > peer_goaway_last_) {
    return fail(ErrorCode::kProtocolError, Errc::kGoAwayLastStreamRaised);
  }
  goaway_received_ = true;
  peer_goaway_last_ = frame.last_stream_id;
  report(ConnectionTerminated{
      frame.error_code, frame.last_stream_id,
      frame.additional_data.first(std::min(frame.additional_data.size(), kKeptDebugData))});
  // Our streams above the last one were not and will not be processed.
  for (Index slot = 0; slot < streams_.capacity(); ++slot) {
    const Stream& stream = streams_[slot];
    if (stream.id.value == 0 || stream.closing || !stream.id.is_initiated_by(role_)) continue;
    if (!stream.queued && stream.id <= frame.last_stream_id) continue;
    if (stream.seen) {
      report(StreamReset{stream.id, ResetBy::kGoAway, ErrorCode::kRefusedStream,
                         Errc::kRefusedByPeer, processed(stream, true)});
    }
    close_stream(slot, StreamState::kClosedByGoAway);
  }
}

// RFC 9113 §6.9.
void Connection::Impl::handle(const WindowUpdateFrame& frame) {
  if (!free_window_updates_.take() && !charge(AbuseCause::kWindowUpdate, cost::kWindowUpdate))
    return;
  if (frame.stream_id.is_connection()) {
    // > A receiver MUST treat the receipt of a WINDOW_UPDATE frame with a flow-control window
    // increment > of 0 as a stream error ... errors on the connection flow-control window MUST be
    // treated as a > connection error (RFC 9113 §6.9)
    if (frame.increment == 0) return fail(ErrorCode::kProtocolError, Errc::kWindowIncrementZero);
    if (!send_window_.expand(frame.increment)) {
      return fail(ErrorCode::kFlowControlError, Errc::kWindowOverflow);
    }
    report(WindowUpdated{kConnectionStream, frame.increment});
    return;
  }
  const Cell& cell = judge(frame.stream_id, StreamInput::kReceiveWindowUpdate);
  if (cell.verdict == Verdict::kConnectionError) return fail(cell.code, cell.cause);
  const Index slot = slot_of(frame.stream_id);
  if (cell.verdict == Verdict::kAccept && slot != kNoIndex) {
    return handle_window_update(streams_[slot], frame.increment);
  }
  if (!map_.ended(frame.stream_id) && !ignored_after_goaway(frame.stream_id)) {
    charge(AbuseCause::kClosedStream, cost::kClosedStreamFrame);
  }
}

void Connection::Impl::handle_window_update(Stream& stream, std::uint32_t increment) {
  if (increment == 0) {
    return fail_stream(stream.id, ErrorCode::kProtocolError, Errc::kWindowIncrementZero);
  }
  if (!stream.send_window.expand(increment)) {
    return fail_stream(stream.id, ErrorCode::kFlowControlError, Errc::kWindowOverflow);
  }
  make_ready(slot_of(stream.id));
  if (stream.seen) report(WindowUpdated{stream.id, increment});
}

}  // namespace h2::inline v0
