// The inside of Connection, split by direction: connection.cc (life, looking in),
// connection_receive.cc (frames in), connection_send.cc (frames out). See connection.h for what it
// promises.
#ifndef H2_H2CORE_CONNECTION_IMPL_H_
#define H2_H2CORE_CONNECTION_IMPL_H_

#include <optional>

#include "h2core/abuse_ledger.h"
#include "h2core/connection.h"
#include "h2core/field_section.h"
#include "h2core/frame.h"
#include "h2core/frame_decoder.h"
#include "h2core/frame_encoder.h"
#include "h2core/frame_trace.h"
#include "h2core/limited_memory.h"
#include "h2core/output_queue.h"
#include "h2core/padding.h"
#include "h2core/scheduler.h"
#include "h2core/slab.h"
#include "h2core/stream.h"
#include "h2core/stream_map.h"
#include "hpack/decoder.h"
#include "hpack/encoder.h"

namespace h2::inline v0 {

class Connection::Impl final : public PieceOwner {
 public:
  Impl(Role role, const Config& config, MemoryResource& memory, Time now);
  ~Impl();

  // ---- what Connection forwards to; see there --------------------------------------------------
  void begin();
  Received receive_data(Bytes bytes, Time now);
  std::span<const Event> receive_end(Time now);
  std::span<const Event> poll_events();
  std::span<const Bytes> data_to_send();
  void mark_sent(std::size_t n);
  bool want_read() const;
  bool want_write() const;
  Time next_deadline() const;
  std::span<const Event> on_time(Time now);
  bool done() const;

  Result<StreamId, UsageError> next_stream_id() const;
  Result<void, UsageError> send_headers(StreamId id, std::span<const HeaderField> fields,
                                        EndStream end);
  Result<void, UsageError> send_span(StreamId id, Bytes data, EndStream end, BodyTag tag);
  Result<void, UsageError> send_copy(StreamId id, Bytes data, EndStream end);
  Result<void, UsageError> send_source(StreamId id, BodySource& source, EndStream end, BodyTag tag);
  Result<void, UsageError> resume_body(StreamId id);
  Result<void, UsageError> end_stream(StreamId id);
  Result<void, UsageError> reset_stream(StreamId id, ErrorCode code);
  void release_stream(StreamId id);
  Result<StreamId, UsageError> push_stream(StreamId parent, std::span<const HeaderField> fields);

  static constexpr std::size_t kMostInitialSettings = 8;
  // What the first SETTINGS frame says; returns how many.
  std::size_t initial_settings(std::span<Setting, kMostInitialSettings> list) const;
  Http2Settings http2_settings() const;
  Result<void, UsageError> start_upgraded(std::string_view method, std::string_view settings);
  Result<void, UsageError> set_next_stream_id(StreamId id);
  Result<void, UsageError> set_stream_tag(StreamId id, std::uint64_t tag);
  Result<void, UsageError> send_priority_update(StreamId id, Priority priority);
  Result<void, UsageError> change_priority(StreamId id, Priority priority, PeerSignals signals);
  Result<void, UsageError> prioritize(StreamId id, const PriorityFields& fields);
  Result<void, UsageError> send_alt_svc(StreamId id, std::string_view origin,
                                        std::string_view field_value);
  Result<void, UsageError> send_origins(std::span<const std::string_view> origins);
  Result<void, UsageError> send_extension(std::uint8_t type, std::uint8_t flags, StreamId id,
                                          Bytes payload);

  Result<void, UsageError> acknowledge(std::uint32_t size, StreamId id);
  Result<void, UsageError> increment_window(std::uint32_t increment, StreamId id);
  Result<void, UsageError> set_window_size(std::uint32_t size, StreamId id);
  std::int64_t send_window(StreamId id) const;
  std::int64_t receive_window(StreamId id) const;

  Result<void, UsageError> update_settings(std::span<const Setting> settings, Time now);
  Result<void, UsageError> ping(const PingData& data, Time now);
  void shutdown(Duration grace, Time now);
  void notify_shutdown();
  void close_connection(ErrorCode code, Bytes additional_data);
  void terminate(ErrorCode code, Bytes additional_data);

  StreamCounts counts() const;
  StreamState stream_state(StreamId id) const;
  std::uint64_t queued_data(StreamId id) const;
  bool accepts_new_streams() const;
  std::size_t streams(std::span<StreamId> out) const;

  void on_piece_sent(std::uint32_t owner, std::size_t bytes) noexcept override;

 private:
  friend class Connection;

  // Why a field block is being decoded, and what becomes of it.
  struct Block {
    enum class Kind : std::uint8_t { kNone, kMessage, kPush, kDiscard };
    Kind kind = Kind::kNone;
    StreamId stream_id;    // the frame's
    StreamId promised_id;  // of kPush
    bool end_stream = false;
    std::uint32_t first_field = 0;  // in fields_
    std::uint32_t continuations = 0;
    std::uint64_t wire = 0;
  };
  struct SentPing {
    PingData data;
    Time at;
    bool ours = false;  // of shutdown(); the application knows nothing of it
  };
  // What a client said of a stream that it has not started (RFC 9218 §7).
  struct EarlyPriority {
    StreamId id;
    Priority priority;
  };
  // What we hold the peer to of our SETTINGS, and from the first byte on, announced or not. Raised
  // when a higher value is sent, lowered when a lower one is acknowledged (RFC 9113 §6.5.3).
  struct Limits {
    std::uint32_t max_concurrent_streams;
    std::uint32_t max_header_list_size;
    bool enable_push;

    void apply(Setting setting);
    void raise_to(const Limits& other);
  };
  struct SentSettings {
    Settings values;
    Limits limits;
    Time at;
    std::uint32_t epoch;
  };

  // ---- receiving (connection_receive.cc)
  // ----------------------------------------------------------
  std::size_t consume(Bytes bytes);
  std::size_t consume_preface(Bytes bytes);
  bool carry_more(Bytes& bytes, std::size_t wanted);
  bool header_acceptable(const FrameHeader& header, Bytes start);
  bool paused() const;
  bool paused(const FrameHeader& header) const;
  void handle_frame(const FrameHeader& header, Bytes payload);
  void handle(const DataFrame& frame);
  void handle(const HeadersFrame& frame);
  void handle(const PriorityFrame& frame);
  void handle(const RstStreamFrame& frame);
  void handle(const SettingsFrame& frame);
  void handle(const PushPromiseFrame& frame);
  void handle(const PingFrame& frame);
  void handle(const GoAwayFrame& frame);
  void handle(const WindowUpdateFrame& frame);
  void handle(const ContinuationFrame& frame);
  void handle(const AltSvcFrame& frame);
  void handle(const OriginFrame& frame);
  void handle(const PriorityUpdateFrame& frame);
  void handle(const UnknownFrame& frame);
  void handle_settings_ack();
  void handle_window_update(Stream& stream, std::uint32_t increment);
  Block::Kind open_remote_stream(const HeadersFrame& frame);
  void decode_fragment(Bytes fragment, bool end_headers);
  void finish_block();
  void finish_message(const Block& block, FieldsView fields);
  void finish_request(Stream& stream, const Block& block, FieldsView fields);
  void finish_response(Stream& stream, const Block& block, FieldsView fields);
  void finish_trailers(Stream& stream, const Block& block, FieldsView fields);
  void finish_push(const Block& block, FieldsView fields);
  bool refuse_large_section(Stream& stream);
  Block::Kind refuse_stream(StreamId id);
  void keep_early_priority(StreamId id, Priority priority);
  Priority take_early_priority(StreamId id, Priority otherwise);
  bool receive_phase(Stream& stream, MessageInput input);
  bool receive_state(Stream& stream, StreamInput input);
  const Cell& judge(StreamId id, StreamInput input) const;
  void apply_remote_initial_window(std::uint32_t before, std::uint32_t after);
  void credit_connection(std::uint32_t bytes);
  void credit_stream(Stream& stream, std::uint32_t bytes);
  bool charge(AbuseCause cause, std::uint32_t tokens);
  void enforce(const Limits& limits);
  bool overflows(std::uint32_t initial_window_size) const;

  // ---- ends of streams and of the connection
  // ------------------------------------------------------
  void fail(ErrorCode code, Errc cause, Bytes excerpt = {});
  void fail(const ConnectionError& error) { fail(error.code, error.cause); }
  void fail_stream(StreamId id, ErrorCode code, Errc cause);
  void out_of_memory() { fail(ErrorCode::kInternalError, Errc::kOutOfMemory); }
  // Memory is kept back for what has to be told if there is no other left: the ends of the
  // connection, of streams and of bodies. False: there is not enough.
  [[nodiscard]] bool set_aside(std::size_t more = 0);
  // Hardly any left, where writing the output may free some.
  bool low_on_memory() const;
  void make_room_for_ends();
  // The stream is over on both sides: its queue is dropped and, unless held, its slot becomes free.
  void close_stream(Index slot, StreamState how);
  void close_if_ended(Stream& stream);
  Processed processed(const Stream& stream, bool refused) const;
  void end_all_streams(ResetBy by, ErrorCode code, Errc cause);
  void free_slot(Index slot);
  // Takes back a slot that never came into use, or kNoIndex.
  void forget_slot(Index slot);
  // False: there was no memory, and the connection has failed by that.
  bool report(const Event& event);
  SendingWaitsFor why_sending(const Stream& stream) const;
  ReceivingWaitsFor why_receiving(const Stream& stream) const;
  Why why(StreamId id) const;
  Index slot_of(StreamId id) const { return map_.find(id); }
  bool knows_highest(StreamId id) const;

  // ---- sending (connection_send.cc)
  // --------------------------------------------------------------
  Result<void, UsageError> start_request(StreamId id, std::span<const HeaderField> fields,
                                         EndStream end);
  Result<void, UsageError> send_section(Stream& stream, std::span<const HeaderField> fields,
                                        EndStream end);
  void open_local(Stream& stream);
  void advance_message(Stream& stream, bool end);
  bool may_open_stream() const;
  void open_queued_requests();
  void tidy_request_queue();
  bool pack_fields(std::span<const HeaderField> fields, Vector<std::uint8_t>& into);
  Index add_stream(const Stream& stream);
  // Judges fields to be sent by `check`, mended first if they can be and may be; then `fields` are
  // the mended ones.
  template <class Check>
  SectionInfo checked(std::span<const HeaderField>& fields, Check check);
  bool mend(std::span<const HeaderField>& fields);
  void reprioritize(Index slot, Priority priority);
  bool write_packed_section(StreamId id, Bytes packed, bool end_stream);
  bool write_section(FrameType first, StreamId id, std::uint8_t flags, StreamId promised,
                     std::span<const HeaderField> fields);
  bool begin_block();
  bool add_to_block(const HeaderField& field);
  bool add_one_to_block(const HeaderField& field);
  bool write_block(FrameType first, StreamId id, std::uint8_t flags, StreamId promised);

  Result<Index, UsageError> sending_slot(StreamId id);
  Result<void, UsageError> queue_body(Index slot, Index outgoing, bool ends);
  bool fits_now(const Stream& stream, std::size_t size) const;
  Index new_outgoing(Outgoing::Kind kind, StreamId id);
  void discard_outgoing(Index index);
  void release_outgoing(Index index);
  void enqueue(Stream& stream, Index index);
  void pop_outgoing(Stream& stream);
  void drop_queue(Stream& stream);
  void advance_queue(Index slot);

  void make_ready(Index slot);
  void leave_ready(Index slot) { scheduler_.remove(streams_, slot); }
  void fill_output();
  void write_data(Index slot);
  bool write_from_bytes(Stream& stream, Outgoing& out, Index index, std::size_t room);
  bool write_from_source(Stream& stream, Outgoing& out, std::size_t room);
  bool write_small_data(Stream& stream, Bytes data, bool ends);
  std::uint32_t pad(FrameType type, std::size_t payload, std::size_t room) const;
  std::uint8_t* begin_data(FrameHeader& header, std::uint32_t padding, std::size_t copied);
  bool finish_padding(std::uint32_t padding);
  void sent_data(Stream& stream, const FrameHeader& header, Bytes data);
  bool finish_data(Stream& stream, bool ends);
  void end_sending(Stream& stream);

  bool write_frame(const FrameHeader& header, Bytes payload);
  bool settle_frame(const FrameHeader& header, Bytes payload);
  void write_settings_ack();
  void write_ping(const PingData& data, bool ack);
  void write_rst_stream(StreamId id, ErrorCode code);
  void write_window_update(StreamId id, std::uint32_t increment);
  void write_priority_update(StreamId id, Priority priority);
  void write_goaway(StreamId last, ErrorCode code, Bytes additional_data);
  void note_answer();
  void trace_sent(const FrameHeader& header, Bytes payload);

  // The last stream for a GOAWAY: never above that of an earlier one, as the peer may have sent the
  // streams above it again elsewhere (RFC 9113 §6.8).
  StreamId last_processed() const {
    return goaway_sent_ ? std::min(goaway_last_, highest_remote_) : highest_remote_;
  }
  // Streams of the peer's that our GOAWAY says will not be processed.
  bool ignored_after_goaway(StreamId id) const {
    return goaway_sent_ && id > goaway_last_ && !id.is_initiated_by(role_);
  }
  // Whether faults of received field sections matter. What a section says is looked at in any case.
  bool strict() const { return config_.validate_inbound_headers != FieldValidation::kOff; }
  bool closing() const { return goaway_sent_ || goaway_received_; }

  const Role role_;
  const Config config_;
  LimitedMemory memory_;
  FrameTrace* const trace_;

  Settings local_;      // ours, acknowledged
  Settings announced_;  // ours, as last sent
  Limits announced_limits_;
  Limits limits_;  // in force
  Settings remote_;
  bool remote_settings_received_ = false;
  std::uint32_t settings_frames_ = 0;  // of the peer's, without acknowledgements
  Vector<SentSettings> sent_settings_;
  Vector<SentPing> sent_pings_;
  std::uint32_t epoch_ = 0;  // rises with each SETTINGS of ours

  hpack::Decoder decoder_;
  hpack::Encoder encoder_;
  hpack::FieldList fields_;     // of this call's events, and of the block in the making
  Vector<std::uint8_t> block_;  // an encoded field block on its way out
  Block incoming_;

  OutputQueue output_;
  Slab<Stream> streams_;
  Slab<Outgoing> outgoing_;
  StreamMap map_;
  // Requests over the peer's limit, first in, first out, and some that were cancelled meanwhile.
  Vector<StreamId> request_queue_;
  std::size_t request_queue_begin_ = 0;
  Index unreported_ = kNoIndex;  // Outgoing that are released, for whose event there was no memory
  Scheduler scheduler_;
  Vector<EarlyPriority> early_priorities_;
  hpack::FieldList mended_bytes_;  // of fields to be sent, mended
  Vector<HeaderField> mended_;

  FlowWindow send_window_{kDefaultWindowSize};
  ReceiveWindow receive_window_{kDefaultWindowSize};
  AbuseLedger ledger_;
  // What the peer may send without charge, as it follows from what was sent.
  Allowance free_window_updates_{cost::kWindowUpdatesPerData, cost::kMostFreeWindowUpdates};
  Allowance free_pings_{0, cost::kMostFreePings};
  Allowance free_empty_data_{0, cost::kMostFreeEmptyData};
  std::uint32_t goaways_received_ = 0;

  StreamId highest_remote_;
  StreamId highest_local_;      // of our streams that the peer may know of
  StreamId highest_submitted_;  // of our streams, queued requests included
  StreamId first_stream_id_;    // that the application wants next; 0: the next one
  std::uint32_t active_local_ = 0;
  std::uint32_t active_remote_ = 0;
  std::uint32_t reserved_ = 0;
  std::uint32_t queued_requests_ = 0;
  std::uint32_t held_ = 0;         // streams that ended and keep their slot
  std::uint32_t held_remote_ = 0;  // those of them that the peer started
  // DATA of streams that are gone, received and not acknowledged
  // (ConnectionCredit::kOnConsumption).
  std::uint64_t unacknowledged_ = 0;

  std::size_t preface_seen_ = 0;  // of the client's 24 bytes, in a server
  bool preface_done_ = false;
  bool settings_seen_ = false;       // the peer's first frame was SETTINGS
  Vector<std::uint8_t> carry_;       // the start of a frame that has not arrived whole
  Vector<std::uint8_t> last_carry_;  // the one that this call's events may view
  std::uint32_t frames_this_call_ = 0;
  std::uint8_t excerpt_[64] = {};
  Vector<Setting> changed_;  // what this call's RemoteSettingsChanged view

  Time shutdown_deadline_ = Time::never();
  bool begun_ = false;  // something was received, or a stream was made
  bool goaway_sent_ = false;
  bool goaway_received_ = false;
  StreamId goaway_last_;  // of the last GOAWAY sent
  StreamId peer_goaway_last_{StreamId::kMax};
  std::optional<ConnectionError> error_;
  bool ended_ = false;  // the byte stream is gone

  Time now_;
  Time preface_deadline_;
  bool receiving_ = false;  // events go to events_, else to pending_
  Vector<Event> events_;
  Vector<Event> pending_;
  Vector<Event> polled_;

  FrameCounts frames_received_;
  FrameCounts frames_sent_;
  std::optional<Time> last_peer_activity_;
  std::optional<Duration> round_trip_time_;
  HpackCounts fields_received_;
  HpackCounts fields_sent_;
};

}  // namespace h2::inline v0

#endif  // H2_H2CORE_CONNECTION_IMPL_H_
