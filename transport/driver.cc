// The driver's two tokens (leader and writer), inboxes and buffers; see driver.h for the idea.
#include "transport/driver.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <new>
#include <unordered_map>

#include "h2core/connection.h"

namespace h2::inline v0::transport {

namespace {

// A read asks for at least kLeastRead bytes; what is left of a buffer serves further reads, so that
// many small reads do not each hold a buffer.
constexpr std::size_t kSlabSize = 128 * 1024;
constexpr std::size_t kLeastRead = 64 * 1024;
// DATA shorter than this is copied, so that a few bytes nobody reads do not hold a whole buffer.
constexpr std::size_t kCopyBelow = 4'096;
constexpr std::size_t kMostPieces = 64;  // per write
constexpr int kMostIdleReads = 64;       // of one pump_nonblocking

using Lock = std::unique_lock<std::mutex>;

}  // namespace

// ---- buffers
// ---------------------------------------------------------------------------------------

struct BodyChunk::Slab {
  std::atomic<std::uint32_t> references{1};
  std::size_t capacity = 0;
  std::size_t used = 0;
  bool own = false;  // holds copies, not what a socket was read into

  std::uint8_t* data() { return reinterpret_cast<std::uint8_t*>(this + 1); }

  static Slab* make(std::size_t capacity) {
    void* memory = ::operator new(sizeof(Slab) + capacity);
    Slab* slab = new (memory) Slab;
    slab->capacity = capacity;
    return slab;
  }
  void retain() { references.fetch_add(1, std::memory_order_relaxed); }
  void release() {
    if (references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    this->~Slab();
    ::operator delete(static_cast<void*>(this));
  }
  // Whether the caller's reference is the last one.
  bool unshared() const { return references.load(std::memory_order_acquire) == 1; }
};

BodyChunk::~BodyChunk() {
  if (slab_ != nullptr) slab_->release();
}

BodyChunk::BodyChunk(BodyChunk&& other) noexcept
    : slab_(std::exchange(other.slab_, nullptr)), bytes_(std::exchange(other.bytes_, {})) {}

BodyChunk& BodyChunk::operator=(BodyChunk&& other) noexcept {
  if (this != &other) {
    if (slab_ != nullptr) slab_->release();
    slab_ = std::exchange(other.slab_, nullptr);
    bytes_ = std::exchange(other.bytes_, {});
  }
  return *this;
}

// ---- state
// -------------------------------------------------------------------------------------------

// A thread that sleeps until its stream has news, or until it is to lead. On that thread's stack.
struct Waiter {
  std::condition_variable wake;
  bool signaled = false;
  Waiter* previous = nullptr;
  Waiter* next = nullptr;
};

// A stream's inbox. Guarded by the driver's mutex; `head` and `trailers` are left alone once they
// are there.
struct ClientStream::Record {
  StreamId id;
  std::vector<ResponseHead> informational;
  std::optional<ResponseHead> head;
  std::vector<BodyChunk> body;  // from body_first on
  std::size_t body_first = 0;
  Headers trailers;
  bool ended = false;       // the response is complete
  bool reset_here = false;  // by its user
  ErrorCode reset_code{};
  std::optional<StreamReset> failure;
  std::size_t unsent = 0;    // bytes handed to the connection and not yet released
  Waiter* waiter = nullptr;  // whoever waits on this stream, unless it leads

  bool has_body() const { return body_first < body.size(); }
  bool over() const { return failure.has_value() || reset_here; }
};

struct Driver::Impl {
  using Record = ClientStream::Record;
  using Slab = BodyChunk::Slab;

  Impl(std::unique_ptr<ByteStream> byte_stream, const Config& config, Clock& a_clock)
      : stream(std::move(byte_stream)),
        clock(a_clock),
        conn(Role::kClient, config, a_clock.now()) {}
  ~Impl() {
    if (slab != nullptr) slab->release();
  }

  template <class Condition>
  bool pump_until(Lock& lock, Record* record, Time deadline, Condition done);
  void lead(Lock& lock, Record* record, Time deadline, bool may_wait);
  void follow(Lock& lock, Record* record, Time deadline);
  void hand_on();
  void flush(Lock& lock);
  void discard_output();
  void take_input();
  void input_ended();
  void settle(Lock& lock);
  void dispatch(std::span<const Event> events);
  void add_body(Record& record, Bytes data);
  void end_stream(const StreamReset& reset);
  Record* find(StreamId id);
  void signal(Record& record);
  void signal_all();
  void wake_leader();
  bool accepts() const { return !dead && !write_failed && conn.accepts_new_streams(); }
  DriverError error_of(const Record* record) const;
  DriverError usage(Errc cause) const;

  std::unique_ptr<ByteStream> stream;
  Clock& clock;
  mutable std::mutex mutex;
  Connection conn;  // guarded by mutex, like all below

  bool leading = false;        // a thread has the leader's token
  bool leader_waits = false;   // it is inside a call of the byte stream
  bool leader_reads = false;   // ... and waits for input
  bool leader_writes = false;  // ... and for room
  Record* leader_record = nullptr;
  Waiter* followers = nullptr;  // a ring; the front one has waited longest
  bool writing = false;         // a thread has the writer's token
  bool write_blocked = false;   // the byte stream takes nothing now
  bool write_failed = false;    // nor ever again; what came before is still read
  bool dead = false;            // nothing more to read or write
  bool closed = false;          // the byte stream is closed

  // Touched by the leader only: the buffer that is read into, and what of it the connection has not
  // taken yet.
  Slab* slab = nullptr;
  std::size_t input_begin = 0;
  std::size_t input_end = 0;
  bool more_likely = false;  // the last read filled its buffer

  std::unordered_map<std::uint32_t, std::shared_ptr<Record>> records;
  struct Body {
    StreamId id;
    std::size_t size = 0;
    std::shared_ptr<const void> owner;
  };
  std::unordered_map<BodyTag, Body> bodies;  // handed to the connection
  BodyTag last_tag = 0;
  struct Ping {
    std::uint64_t number = 0;
    std::optional<Duration> round_trip;
  };
  std::vector<Ping> pings;
  std::uint64_t last_ping = 0;

  std::optional<TransportError> io_error;
  std::optional<GoAway> goaway;
  std::string excerpt;
  DriverStats counts;
};

// ---- errors
// -----------------------------------------------------------------------------------------

DriverError Driver::Impl::usage(Errc cause) const {
  DriverError e;
  e.kind = DriverError::Kind::kUsage;
  e.cause = cause;
  e.processed = Processed::kNo;
  return e;
}

// Why `record` (or, if null, the connection) cannot go on.
DriverError Driver::Impl::error_of(const Record* record) const {
  DriverError e;
  e.goaway = goaway;
  if (record != nullptr && record->reset_here) {
    e.kind = DriverError::Kind::kStream;
    e.code = record->reset_code;
    return e;
  }
  if (record != nullptr && record->failure && record->failure->by != ResetBy::kConnection) {
    e.kind = DriverError::Kind::kStream;
    e.cause = record->failure->cause;
    e.code = record->failure->error_code;
    e.reset_by = record->failure->by;
    e.processed = record->failure->processed;
    return e;
  }
  e.kind = DriverError::Kind::kConnection;
  e.reset_by = ResetBy::kConnection;
  if (record != nullptr && record->failure) e.processed = record->failure->processed;
  if (const auto error = conn.error()) {
    e.cause = error->cause;
    e.code = error->code;
  } else if (record != nullptr && record->failure) {
    e.cause = record->failure->cause;
    e.code = record->failure->error_code;
  } else {
    e.cause = Errc::kConnectionClosed;
  }
  e.io = io_error;
  e.excerpt = excerpt;
  return e;
}

// ---- waiting
// ------------------------------------------------------------------------------------------

void Driver::Impl::wake_leader() {
  if (leader_waits) stream->wake();
}

void Driver::Impl::signal(Record& record) {
  if (record.waiter != nullptr) {
    record.waiter->signaled = true;
    record.waiter->wake.notify_one();
  } else if (leader_record == &record) {
    wake_leader();
  }
}

void Driver::Impl::signal_all() {
  if (Waiter* waiter = followers) {
    do {
      waiter->signaled = true;
      waiter->wake.notify_one();
      waiter = waiter->next;
    } while (waiter != followers);
  }
  wake_leader();
}

// If nobody leads, whoever has waited longest is to.
void Driver::Impl::hand_on() {
  if (leading || followers == nullptr) return;
  followers->signaled = true;
  followers->wake.notify_one();
}

void Driver::Impl::follow(Lock& lock, Record* record, Time deadline) {
  Waiter self;
  if (followers == nullptr) {
    followers = self.next = self.previous = &self;
  } else {
    self.next = followers;
    self.previous = followers->previous;
    self.previous->next = self.next->previous = &self;
  }
  if (record != nullptr) record->waiter = &self;

  const auto signaled = [&] { return self.signaled; };
  if (deadline.is_never()) {
    self.wake.wait(lock, signaled);
  } else {
    const Duration left = deadline - clock.now();
    self.wake.wait_for(lock, std::chrono::nanoseconds(left.ns), signaled);
  }

  if (record != nullptr) record->waiter = nullptr;
  if (self.next == &self) {
    followers = nullptr;
  } else {
    self.previous->next = self.next;
    self.next->previous = self.previous;
    if (followers == &self) followers = self.next;
  }
}

// Reads, writes and sleeps until `done` or the deadline; what `done` says at the end. A driver that
// is dead ends the wait whatever `done` says.
template <class Condition>
bool Driver::Impl::pump_until(Lock& lock, Record* record, Time deadline, Condition done) {
  bool result = false;
  while (true) {
    flush(lock);
    result = done();
    if (result || dead) break;
    if (!deadline.is_never() && clock.now() >= deadline) break;
    if (leading) {
      follow(lock, record, deadline);
    } else {
      leading = true;
      lead(lock, record, deadline, true);
      leading = false;
    }
  }
  hand_on();
  settle(lock);
  return result;
}

// One turn of the leader: waits for the byte stream, reads once, tells everybody.
void Driver::Impl::lead(Lock& lock, Record* record, Time deadline, bool may_wait) {
  if (input_begin < input_end && conn.want_read()) return take_input();

  const bool read = input_begin == input_end && conn.want_read();
  if (write_failed) may_wait = false;  // only what has come already is still of interest
  if (read && (slab == nullptr || slab->capacity - slab->used < kLeastRead)) {
    if (slab != nullptr && slab->unshared()) {
      slab->used = 0;
    } else {
      Slab* fresh = Slab::make(kSlabSize);
      if (slab != nullptr) slab->release();
      slab = fresh;
    }
  } else if (read && slab->unshared()) {
    slab->used = 0;
  }
  const bool write = write_blocked;
  const Time until = std::min(deadline, conn.next_deadline());
  leader_reads = read;
  leader_writes = write;
  leader_record = record;
  leader_waits = true;
  lock.unlock();

  std::optional<TransportError> broken;
  std::size_t got = 0;
  bool ended = false;
  bool writable = false;
  const std::span<std::uint8_t> room =
      read ? std::span<std::uint8_t>(slab->data() + slab->used, slab->capacity - slab->used)
           : std::span<std::uint8_t>();
  // False: nothing came.
  const auto try_read = [&] {
    const auto in = stream->try_read(room);
    if (!in) {
      broken = in.error();
    } else {
      got = in->bytes;
      ended = in->end();
    }
    return broken || ended || got > 0;
  };
  if (!(read && (more_likely || !may_wait) && try_read()) && may_wait) {
    const auto ready = stream->wait(read, write, until);
    if (!ready) {
      broken = ready.error();
    } else {
      writable = ready->writable;
      // Also when the time is up: what has come is looked at before a deadline is held against the
      // peer.
      if (read && (ready->readable || ready->timed_out)) try_read();
    }
  }

  lock.lock();
  leader_waits = false;
  leader_record = nullptr;
  if (writable || !may_wait) write_blocked = false;
  more_likely = read && got == room.size();
  if (broken || ended) {
    if (broken) io_error = broken;
    return input_ended();
  }
  if (got > 0) {
    ++counts.reads;
    counts.bytes_received += got;
    input_begin = slab->used;
    slab->used += got;
    input_end = slab->used;
    return take_input();
  }
  if (write_failed) return input_ended();
  if (const Time now = clock.now(); now >= conn.next_deadline()) dispatch(conn.on_time(now));
}

void Driver::Impl::take_input() {
  const Time now = clock.now();
  while (input_begin < input_end && conn.want_read()) {
    const Received received =
        conn.receive_data(Bytes(slab->data() + input_begin, input_end - input_begin), now);
    input_begin += received.consumed;
    dispatch(received.events);
    if (received.consumed == 0 && received.events.empty()) break;
  }
  if (conn.error()) input_begin = input_end;  // nothing more will be taken
}

void Driver::Impl::input_ended() {
  dispatch(conn.receive_end(clock.now()));
  dead = true;
  signal_all();
}

// Notices that all is over, and closes the byte stream once no thread is inside it.
void Driver::Impl::settle(Lock& lock) {
  if (!dead && conn.done()) {
    dead = true;
    signal_all();
  }
  if (!dead || closed || writing || leading) return;
  closed = true;
  lock.unlock();
  stream->close();
  lock.lock();
}

// ---- writing
// --------------------------------------------------------------------------------------------

void Driver::Impl::flush(Lock& lock) {
  dispatch(conn.poll_events());
  while (!dead && !writing && !write_blocked && conn.want_write()) {
    if (write_failed) {
      discard_output();
      break;
    }
    std::array<Bytes, kMostPieces> pieces;
    const std::span<const Bytes> all = conn.data_to_send();
    const std::size_t count = std::min(all.size(), pieces.size());
    if (count == 0) break;
    std::copy_n(all.begin(), count, pieces.begin());

    writing = true;
    lock.unlock();
    const auto out = stream->try_write(std::span<const Bytes>(pieces.data(), count));
    lock.lock();
    writing = false;

    if (!out) {
      write_failed = true;
      if (!io_error) io_error = out.error();
      discard_output();
      wake_leader();  // it is not to wait any more
      break;
    }
    if (out->would_block()) {
      write_blocked = true;
      if (leader_waits && !leader_writes) stream->wake();
      break;
    }
    ++counts.writes;
    counts.bytes_sent += out->bytes;
    conn.mark_sent(out->bytes);
    dispatch(conn.poll_events());
    if (leader_waits && !leader_reads && conn.want_read()) stream->wake();
  }
  settle(lock);
}

// The byte stream takes nothing any more: lets the connection think that it did, so that it goes on
// reading.
void Driver::Impl::discard_output() {
  while (conn.want_write()) {
    std::size_t size = 0;
    for (const Bytes piece : conn.data_to_send()) size += piece.size();
    if (size == 0) break;
    conn.mark_sent(size);
    dispatch(conn.poll_events());
  }
}

// ---- events
// -----------------------------------------------------------------------------------------------

ClientStream::Record* Driver::Impl::find(StreamId id) {
  const auto found = records.find(id.value);
  return found == records.end() ? nullptr : found->second.get();
}

void Driver::Impl::add_body(Record& record, Bytes data) {
  if (data.empty()) return;
  const std::uint8_t* begin = slab == nullptr ? nullptr : slab->data();
  const bool inside = begin != nullptr && data.data() >= begin &&
                      data.data() + data.size() <= begin + slab->capacity;
  BodyChunk chunk;
  if (inside && data.size() >= kCopyBelow) {
    slab->retain();
    chunk.slab_ = slab;
    chunk.bytes_ = data;
  } else {
    if (record.has_body()) {
      BodyChunk& last = record.body.back();
      Slab* own = last.slab_;
      if (own->own && own->used + data.size() <= own->capacity) {
        std::memcpy(own->data() + own->used, data.data(), data.size());
        own->used += data.size();
        last.bytes_ = Bytes(last.bytes_.data(), last.bytes_.size() + data.size());
        return;
      }
    }
    // The first small piece is often the only one; after that, room for some more.
    chunk.slab_ = Slab::make(record.has_body() ? std::max(data.size(), kCopyBelow) : data.size());
    chunk.slab_->own = true;
    std::memcpy(chunk.slab_->data(), data.data(), data.size());
    chunk.slab_->used = data.size();
    chunk.bytes_ = Bytes(chunk.slab_->data(), data.size());
  }
  record.body.push_back(std::move(chunk));
}

void Driver::Impl::end_stream(const StreamReset& reset) {
  Record* record = find(reset.stream_id);
  if (record == nullptr || record->over()) return;
  // After a complete response, a reset only says that the rest of the request is not wanted (RFC
  // 9113 §8.1).
  record->failure = reset;
  if (!record->ended) ++counts.stream_errors;
  signal(*record);
}

void Driver::Impl::dispatch(std::span<const Event> events) {
  if (events.empty()) return;
  const auto copy_fields = [](const FieldsView& fields) {
    Headers out;
    for (const hpack::HeaderField field : fields) {
      if (!field.name.starts_with(':')) out.add(field.name, field.value, field.sensitive);
    }
    return out;
  };
  const Time now = clock.now();
  for (const Event& event : events) {
    std::visit(
        overloaded{
            [&](const ResponseReceived& e) {
              Record* record = find(e.stream_id);
              if (record == nullptr) return;
              record->head = ResponseHead{e.status, copy_fields(e.fields), now};
              if (e.end_stream == EndStream::kYes) record->ended = true;
              signal(*record);
            },
            [&](const InformationalResponseReceived& e) {
              Record* record = find(e.stream_id);
              if (record == nullptr) return;
              record->informational.push_back(ResponseHead{e.status, copy_fields(e.fields), now});
              signal(*record);
            },
            [&](const TrailersReceived& e) {
              Record* record = find(e.stream_id);
              if (record == nullptr) return;
              record->trailers = copy_fields(e.fields);
              record->ended = true;
              signal(*record);
            },
            [&](const DataReceived& e) {
              Record* record = find(e.stream_id);
              if (record == nullptr || record->reset_here) {
                (void)conn.acknowledge_received_data(static_cast<std::uint32_t>(e.data.size()),
                                                     e.stream_id);
                return;
              }
              add_body(*record, e.data);
              if (e.end_stream == EndStream::kYes) record->ended = true;
              signal(*record);
            },
            [&](const StreamReset& e) { end_stream(e); },
            [&](const PushedStreamReceived& e) {
              (void)conn.reset_stream(e.promised_stream_id, ErrorCode::kRefusedStream);
              conn.release_stream(e.promised_stream_id);
            },
            [&](const BodyReleased& e) {
              const auto found = bodies.find(e.tag);
              if (found == bodies.end()) return;
              if (Record* record = find(found->second.id)) {
                record->unsent -= std::min(record->unsent, found->second.size);
                signal(*record);
              }
              bodies.erase(found);
            },
            [&](const PingAckReceived& e) {
              std::uint64_t number = 0;
              std::memcpy(&number, e.data.data(), sizeof number);
              for (Ping& ping : pings) {
                if (ping.number != number) continue;
                ping.round_trip = e.round_trip;
                signal_all();
              }
            },
            [&](const ConnectionTerminated& e) {
              goaway = GoAway{e.error_code, e.last_stream_id,
                              std::string(as_string_view(e.additional_data))};
            },
            [&](const ConnectionFailed& e) { excerpt = std::string(as_string_view(e.excerpt)); },
            // Bodies go on by themselves; settings and pings are the connection's business;
            // requests do not come to a client; the transport has no use for the rest.
            [](const WindowUpdated&) {},
            [](const RemoteSettingsChanged&) {},
            [](const SettingsAcknowledged&) {},
            [](const PingReceived&) {},
            [](const RequestReceived&) {},
            [](const PriorityUpdated&) {},
            [](const AlternativeServiceAvailable&) {},
            [](const OriginsReceived&) {},
            [](const ExtensionFrameReceived&) {},
        },
        event);
  }
}

// ---- the driver
// ---------------------------------------------------------------------------------------------

Config Driver::client_config() {
  Config config = Config::client();
  config.initial_window_size = 1u << 20;
  config.connection_window_size = 16u << 20;
  config.connection_credit = ConnectionCredit::kOnReceipt;
  return config;
}

Driver::Driver(std::unique_ptr<ByteStream> stream, const Config& config, Clock& clock)
    : impl_(std::make_unique<Impl>(std::move(stream), config, clock)) {}

Driver::~Driver() {
  Lock lock(impl_->mutex);
  if (!impl_->dead) {
    impl_->conn.close_connection();
    impl_->flush(lock);
  }
  impl_->dead = true;
  impl_->settle(lock);
}

Result<ClientStream, DriverError> Driver::open(std::span<const hpack::HeaderField> fields,
                                               EndStream end) {
  Impl& d = *impl_;
  Lock lock(d.mutex);
  const auto not_open = [&] {
    DriverError e = d.error_of(nullptr);
    e.kind = DriverError::Kind::kNotOpen;
    e.processed = Processed::kNo;
    return e;
  };
  if (!d.accepts()) return unexpected(not_open());
  const auto id = d.conn.get_next_available_stream_id();
  if (!id) return unexpected(not_open());
  if (const auto sent = d.conn.send_headers(*id, fields, end); !sent)
    return unexpected(sent.error().cause == Errc::kConnectionClosed ? not_open()
                                                                    : d.usage(sent.error().cause));
  auto record = std::make_shared<ClientStream::Record>();
  record->id = *id;
  d.records.emplace(id->value, record);
  ++d.counts.streams_opened;
  ClientStream stream(this, std::move(record));
  // A request with a body goes out with the body's beginning, or when its user waits.
  if (end == EndStream::kYes) d.flush(lock);
  return stream;
}

Result<Duration, DriverError> Driver::ping(Time deadline) {
  Impl& d = *impl_;
  Lock lock(d.mutex);
  const std::uint64_t number = ++d.last_ping;
  PingData data{};
  std::memcpy(data.data(), &number, sizeof number);
  if (d.dead) return unexpected(d.error_of(nullptr));
  if (const auto sent = d.conn.ping(data, d.clock.now()); !sent) {
    DriverError e = d.error_of(nullptr);
    e.kind = DriverError::Kind::kNotOpen;
    return unexpected(e);
  }
  d.pings.push_back({number, {}});
  const auto mine = [&] {
    return std::find_if(d.pings.begin(), d.pings.end(),
                        [&](const auto& p) { return p.number == number; });
  };
  d.pump_until(lock, nullptr, deadline, [&] { return mine()->round_trip.has_value(); });
  const std::optional<Duration> round_trip = mine()->round_trip;
  d.pings.erase(mine());
  if (round_trip) return *round_trip;
  if (d.dead) return unexpected(d.error_of(nullptr));
  DriverError e;
  e.kind = DriverError::Kind::kTimedOut;
  return unexpected(e);
}

void Driver::pump_nonblocking() {
  Impl& d = *impl_;
  Lock lock(d.mutex);
  if (d.dead || d.leading) return;
  d.leading = true;
  for (int i = 0; i < kMostIdleReads && !d.dead; ++i) {
    const std::uint64_t before = d.counts.reads;
    const bool pending = d.input_begin < d.input_end;
    d.lead(lock, nullptr, Time::never(), false);
    d.flush(lock);
    if (d.counts.reads == before && !pending) break;
  }
  d.leading = false;
  d.hand_on();
  d.settle(lock);
}

Result<void, DriverError> Driver::close(Time deadline) {
  Impl& d = *impl_;
  Lock lock(d.mutex);
  if (d.dead) return {};
  d.conn.close_connection();
  if (d.pump_until(lock, nullptr, deadline, [&] { return d.conn.done(); }) || d.dead) return {};
  DriverError e;
  e.kind = DriverError::Kind::kTimedOut;
  return unexpected(e);
}

void Driver::terminate(ErrorCode code) {
  Impl& d = *impl_;
  Lock lock(d.mutex);
  if (d.dead) return;
  d.conn.terminate(code);
  d.flush(lock);
  d.dead = true;
  d.signal_all();
  d.settle(lock);
}

bool Driver::alive() const {
  const Lock lock(impl_->mutex);
  return !impl_->dead && !impl_->write_failed;
}

bool Driver::accepts_new_streams() const {
  const Lock lock(impl_->mutex);
  return impl_->accepts();
}

std::uint32_t Driver::active_streams() const {
  const Lock lock(impl_->mutex);
  return static_cast<std::uint32_t>(impl_->records.size());
}

std::uint32_t Driver::max_streams() const {
  const Lock lock(impl_->mutex);
  return impl_->conn.remote_settings().max_concurrent_streams;
}

DriverStats Driver::stats() const {
  const Lock lock(impl_->mutex);
  DriverStats out = impl_->counts;
  out.frames_received = impl_->conn.frames_received().total();
  out.frames_sent = impl_->conn.frames_sent().total();
  return out;
}

std::optional<GoAway> Driver::goaway() const {
  const Lock lock(impl_->mutex);
  return impl_->goaway;
}

// ---- a stream
// ---------------------------------------------------------------------------------------------------

ClientStream::ClientStream(Driver* driver, std::shared_ptr<Record> record)
    : driver_(driver), record_(std::move(record)) {}

ClientStream::ClientStream(ClientStream&& other) noexcept
    : driver_(std::exchange(other.driver_, nullptr)),
      record_(std::move(other.record_)),
      current_(std::move(other.current_)),
      unacknowledged_(std::exchange(other.unacknowledged_, 0)) {}

ClientStream& ClientStream::operator=(ClientStream&& other) noexcept {
  if (this != &other) {
    drop();
    driver_ = std::exchange(other.driver_, nullptr);
    record_ = std::move(other.record_);
    current_ = std::move(other.current_);
    unacknowledged_ = std::exchange(other.unacknowledged_, 0);
  }
  return *this;
}

ClientStream::~ClientStream() { drop(); }

void ClientStream::drop() {
  if (record_ == nullptr) return;
  Driver::Impl& d = *driver_->impl_;
  Lock lock(d.mutex);
  const std::shared_ptr<Record> record = std::move(record_);
  record_ = nullptr;
  if (!d.dead) {
    std::size_t unread = unacknowledged_ + current_.bytes().size();
    for (std::size_t i = record->body_first; i < record->body.size(); ++i)
      unread += record->body[i].bytes().size();
    if (unread > 0)
      (void)d.conn.acknowledge_received_data(static_cast<std::uint32_t>(unread), record->id);
    if (d.conn.stream_state(record->id) != StreamState::kClosed)
      (void)d.conn.reset_stream(record->id);
    d.conn.release_stream(record->id);
  }
  d.records.erase(record->id.value);
  ++d.counts.streams_closed;
  d.flush(lock);
  current_ = {};
  unacknowledged_ = 0;
}

StreamId ClientStream::id() const { return record_->id; }

Result<ClientStream::Sent, DriverError> ClientStream::send_data(std::shared_ptr<const void> owner,
                                                                Bytes data, EndStream end) {
  Driver::Impl& d = *driver_->impl_;
  Lock lock(d.mutex);
  if (record_->ended) return Sent::kNotWanted;
  if (record_->over() || d.dead) return unexpected(d.error_of(record_.get()));
  Result<void, UsageError> sent;
  if (data.empty()) {
    if (end == EndStream::kYes) sent = d.conn.end_stream(record_->id);
  } else {
    const BodyTag tag = ++d.last_tag;
    d.bodies.emplace(tag, Driver::Impl::Body{record_->id, data.size(), std::move(owner)});
    sent = d.conn.send_data(record_->id, data, end, tag);
    if (sent) {
      record_->unsent += data.size();
    } else {
      d.bodies.erase(tag);
    }
  }
  if (!sent) return unexpected(d.usage(sent.error().cause));
  d.flush(lock);
  return Sent::kQueued;
}

Result<ClientStream::Sent, DriverError> ClientStream::send_data(Bytes data, EndStream end,
                                                                Time deadline) {
  constexpr std::size_t kPiece = 64 * 1024;
  do {
    const auto ready = wait(kSendReady, deadline);
    if (!ready) return unexpected(ready.error());
    const Bytes piece = data.first(std::min(data.size(), kPiece));
    data = data.subspan(piece.size());
    auto copy = std::make_shared<std::vector<std::uint8_t>>(piece.begin(), piece.end());
    const Bytes view(*copy);
    const auto sent = send_data(std::move(copy), view, data.empty() ? end : EndStream::kNo);
    if (!sent || *sent == Sent::kNotWanted) return sent;
  } while (!data.empty());
  return Sent::kQueued;
}

Result<ClientStream::Sent, DriverError> ClientStream::send_trailers(
    std::span<const hpack::HeaderField> fields) {
  Driver::Impl& d = *driver_->impl_;
  Lock lock(d.mutex);
  if (record_->ended) return Sent::kNotWanted;
  if (record_->over() || d.dead) return unexpected(d.error_of(record_.get()));
  if (const auto sent = d.conn.send_headers(record_->id, fields, EndStream::kYes); !sent)
    return unexpected(d.usage(sent.error().cause));
  d.flush(lock);
  return Sent::kQueued;
}

Result<unsigned, DriverError> ClientStream::wait(unsigned wanted, Time deadline) {
  Driver::Impl& d = *driver_->impl_;
  Record& r = *record_;
  Lock lock(d.mutex);
  const auto ready = [&] {
    unsigned is = 0;
    if (r.head) is |= kHeadersReady;
    if (!r.informational.empty()) is |= kInformationalReady;
    if (r.has_body() || r.ended || !current_.empty()) is |= kBodyReady;
    if (r.unsent < Driver::kSendRoom || r.ended) is |= kSendReady;
    return is & wanted;
  };
  // What was used gives its credit back before this thread may sleep.
  if (unacknowledged_ > 0 && !d.dead) {
    (void)d.conn.acknowledge_received_data(static_cast<std::uint32_t>(unacknowledged_), r.id);
    unacknowledged_ = 0;
  }
  if (const unsigned now = ready(); now != 0) {
    d.flush(lock);
    return now;
  }
  if (!r.over() && !d.dead)
    d.pump_until(lock, &r, deadline, [&] { return ready() != 0 || r.over(); });
  if (const unsigned now = ready(); now != 0) return now;
  if (r.over() || d.dead) return unexpected(d.error_of(&r));
  DriverError e;
  e.kind = DriverError::Kind::kTimedOut;
  e.why = d.conn.why(r.id);
  return unexpected(e);
}

Result<const ResponseHead*, DriverError> ClientStream::wait_headers(Time deadline) {
  const auto ready = wait(kHeadersReady, deadline);
  if (!ready) return unexpected(ready.error());
  return &*record_->head;
}

std::vector<ResponseHead> ClientStream::take_informational() {
  const Lock lock(driver_->impl_->mutex);
  return std::exchange(record_->informational, {});
}

// Makes current_ the next piece of the body; false: the body has ended.
Result<bool, DriverError> ClientStream::next_chunk(Time deadline) {
  if (!current_.empty()) return true;
  const auto ready = wait(kBodyReady, deadline);
  if (!ready) return unexpected(ready.error());
  Record& r = *record_;
  const Lock lock(driver_->impl_->mutex);
  if (!r.has_body()) return false;
  current_ = std::move(r.body[r.body_first++]);
  if (!r.has_body()) {
    r.body.clear();
    r.body_first = 0;
  }
  return true;
}

Result<std::size_t, DriverError> ClientStream::read(std::span<std::uint8_t> buffer, Time deadline) {
  if (buffer.empty()) return std::size_t{0};
  const auto more = next_chunk(deadline);
  if (!more) return unexpected(more.error());
  if (!*more) return std::size_t{0};
  const std::size_t n = std::min(buffer.size(), current_.bytes_.size());
  std::memcpy(buffer.data(), current_.bytes_.data(), n);
  current_.bytes_ = current_.bytes_.subspan(n);
  unacknowledged_ += n;
  if (current_.bytes_.empty()) current_ = {};
  return n;
}

Result<BodyChunk, DriverError> ClientStream::read_chunk(Time deadline) {
  const auto more = next_chunk(deadline);
  if (!more) return unexpected(more.error());
  unacknowledged_ += current_.bytes_.size();
  return std::move(current_);
}

const Headers& ClientStream::trailers() const {
  static const Headers kNone;
  const Lock lock(driver_->impl_->mutex);
  return record_->ended ? record_->trailers : kNone;
}

void ClientStream::reset(ErrorCode code) {
  Driver::Impl& d = *driver_->impl_;
  Lock lock(d.mutex);
  Record& r = *record_;
  if (r.over() || d.dead) return;
  (void)d.conn.reset_stream(r.id, code);
  r.reset_here = true;
  r.reset_code = code;
  d.signal(r);
  d.flush(lock);
}

}  // namespace h2::inline v0::transport
