// Streams in memory. See memory_stream.h.
#include "transport/memory_stream.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <optional>

namespace h2::inline v0::transport {

// ---- clock
// ----------------------------------------------------------------------------------------------

Time ManualClock::now() const {
  const std::lock_guard lock(mutex_);
  return now_;
}

void ManualClock::advance(Duration by) {
  std::vector<std::shared_ptr<std::function<void()>>> listeners;
  {
    const std::lock_guard lock(mutex_);
    now_ = now_ + by;
    for (const auto& weak : listeners_) {
      if (auto one = weak.lock()) listeners.push_back(std::move(one));
    }
  }
  for (const auto& one : listeners) (*one)();
}

std::shared_ptr<void> ManualClock::on_advance(std::function<void()> listener) {
  auto token = std::make_shared<std::function<void()>>(std::move(listener));
  const std::lock_guard lock(mutex_);
  std::erase_if(listeners_, [](const auto& weak) { return weak.expired(); });
  listeners_.push_back(token);
  return token;
}

// ---- streams
// --------------------------------------------------------------------------------------------

namespace {

// What one end writes and the other reads.
struct Direction {
  std::vector<std::uint8_t> bytes;
  std::size_t begin = 0;
  bool ended = false;     // nothing comes after the bytes
  bool broken = false;    // an error comes after the bytes
  bool dropping = false;  // cut: what is written is lost
  std::optional<std::size_t> cut_after;
  MemoryStream::Cut cut = MemoryStream::Cut::kEnd;

  std::size_t size() const { return bytes.size() - begin; }

  void end_by_cut() {
    dropping = true;
    (cut == MemoryStream::Cut::kEnd ? ended : broken) = true;
  }

  void append(Bytes more) {
    if (!dropping && cut_after) {
      const std::size_t n = std::min(*cut_after, more.size());
      *cut_after -= n;
      more = more.first(n);
    }
    if (!dropping) {
      if (begin == bytes.size()) {
        bytes.clear();
        begin = 0;
      }
      bytes.insert(bytes.end(), more.begin(), more.end());
    }
    if (cut_after && *cut_after == 0) end_by_cut();
  }
};

struct End {
  std::size_t max_read = 0;
  std::size_t max_write = 0;
  bool woken = false;
  bool closed = false;
};

}  // namespace

struct MemoryStream::Shared {
  mutable std::mutex mutex;
  std::condition_variable changed;
  std::array<Direction, 2> written;  // by the end of that index
  std::array<End, 2> ends;
  std::size_t capacity = 0;
  bool reset = false;

  template <class Change>
  void update(Change change) {
    {
      const std::lock_guard lock(mutex);
      change();
    }
    changed.notify_all();
  }
};

MemoryStream::MemoryStream(std::shared_ptr<Shared> shared, std::size_t side,
                           const MemoryStreamOptions& options)
    : shared_(std::move(shared)), side_(side), clock_(options.clock) {
  info_.alpn = options.alpn;
  info_.local_address = side == 0 ? "memory:0" : "memory:1";
  info_.peer_address = side == 0 ? "memory:1" : "memory:0";
  if (auto* manual = dynamic_cast<ManualClock*>(clock_)) {
    const std::weak_ptr<Shared> weak = shared_;
    subscription_ = manual->on_advance([weak] {
      if (const auto alive = weak.lock()) alive->update([] {});
    });
  }
}

MemoryStream::~MemoryStream() { close(); }

Result<IoResult, TransportError> MemoryStream::try_read(std::span<std::uint8_t> buffer) {
  std::size_t n = 0;
  {
    const std::lock_guard lock(shared_->mutex);
    Direction& in = shared_->written[1 - side_];
    const End& end = shared_->ends[side_];
    if (end.closed)
      return unexpected(
          TransportError{Phase::kReceive, TransportErrc::kClosed, 0, info_.peer_address, {}});
    if (shared_->reset)
      return unexpected(
          TransportError{Phase::kReceive, TransportErrc::kReset, 0, info_.peer_address, {}});
    if (buffer.empty()) return IoResult::of(0);
    if (in.size() == 0) {
      if (in.broken)
        return unexpected(
            TransportError{Phase::kReceive, TransportErrc::kReset, 0, info_.peer_address, {}});
      if (in.ended) return IoResult::at_end();
      return IoResult::wants_to_read();
    }
    n = std::min({buffer.size(), in.size(), end.max_read});
    if (n == 0) return IoResult::wants_to_read();
    std::copy_n(in.bytes.begin() + static_cast<std::ptrdiff_t>(in.begin), n, buffer.begin());
    in.begin += n;
  }
  shared_->changed.notify_all();
  return IoResult::of(n);
}

Result<IoResult, TransportError> MemoryStream::try_write(std::span<const Bytes> pieces) {
  std::size_t n = 0;
  {
    const std::lock_guard lock(shared_->mutex);
    Direction& out = shared_->written[side_];
    const End& end = shared_->ends[side_];
    if (end.closed)
      return unexpected(
          TransportError{Phase::kSend, TransportErrc::kClosed, 0, info_.peer_address, {}});
    const bool cut_end = out.dropping && !shared_->reset;
    if (shared_->reset || shared_->ends[1 - side_].closed || (out.ended && !cut_end)) {
      return unexpected(
          TransportError{Phase::kSend, TransportErrc::kReset, 0, info_.peer_address, {}});
    }
    std::size_t room =
        std::min(shared_->capacity - std::min(shared_->capacity, out.size()), end.max_write);
    std::size_t offered = 0;
    for (const Bytes piece : pieces) {
      offered += piece.size();
      const std::size_t part = std::min(piece.size(), room);
      if (part > 0) out.append(piece.first(part));
      room -= part;
      n += part;
    }
    if (n == 0 && offered > 0) return IoResult::wants_to_write();
  }
  shared_->changed.notify_all();
  return IoResult::of(n);
}

Result<Ready, TransportError> MemoryStream::wait(bool want_read, bool want_write,
                                                 Deadline deadline) {
  Shared& shared = *shared_;
  std::unique_lock lock(shared.mutex);
  const bool manual = dynamic_cast<ManualClock*>(clock_) != nullptr;
  for (;;) {
    End& end = shared.ends[side_];
    if (end.closed)
      return unexpected(
          TransportError{Phase::kWait, TransportErrc::kClosed, 0, info_.peer_address, {}});
    const Direction& in = shared.written[1 - side_];
    const Direction& out = shared.written[side_];
    const bool over = shared.reset || shared.ends[1 - side_].closed;
    Ready ready;
    ready.readable =
        want_read && (shared.reset || (in.size() > 0 ? end.max_read > 0 : in.ended || in.broken));
    ready.writable = want_write && (over || (out.size() < shared.capacity && end.max_write > 0));
    ready.woken = std::exchange(end.woken, false);
    if (ready.readable || ready.writable || ready.woken) return ready;
    const Time now = clock_->now();
    if (deadline <= now) {
      ready.timed_out = true;
      return ready;
    }
    if (manual || deadline.is_never()) {
      shared.changed.wait(lock);
    } else {
      // The calendar's clock, as thread sanitizers know no other for this; the loop above looks at
      // ours.
      const Duration left = std::min(deadline - now, seconds(60));
      shared.changed.wait_until(
          lock, std::chrono::system_clock::now() + std::chrono::nanoseconds(left.ns));
    }
  }
}

void MemoryStream::wake() noexcept {
  shared_->update([&] { shared_->ends[side_].woken = true; });
}

void MemoryStream::shutdown_write() noexcept {
  shared_->update([&] { shared_->written[side_].ended = true; });
}

void MemoryStream::close() noexcept {
  shared_->update([&] {
    shared_->ends[side_].closed = true;
    shared_->written[side_].ended = true;
  });
}

void MemoryStream::set_max_read(std::size_t n) {
  shared_->update([&] { shared_->ends[side_].max_read = n; });
}

void MemoryStream::set_max_write(std::size_t n) {
  shared_->update([&] { shared_->ends[side_].max_write = n; });
}

void MemoryStream::cut_after(std::size_t n, Cut then) {
  shared_->update([&] {
    Direction& out = shared_->written[side_];
    out.cut = then;
    out.cut_after = n;
    if (n == 0) out.end_by_cut();
  });
}

void MemoryStream::reset() {
  shared_->update([&] { shared_->reset = true; });
}

std::size_t MemoryStream::readable_bytes() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->written[1 - side_].size();
}

std::pair<std::unique_ptr<MemoryStream>, std::unique_ptr<MemoryStream>> make_memory_pair(
    const MemoryStreamOptions& options) {
  auto shared = std::make_shared<MemoryStream::Shared>();
  shared->capacity = options.capacity;
  for (End& end : shared->ends) {
    end.max_read = options.max_read;
    end.max_write = options.max_write;
  }
  return {std::unique_ptr<MemoryStream>(new MemoryStream(shared, 0, options)),
          std::unique_ptr<MemoryStream>(new MemoryStream(shared, 1, options))};
}

}  // namespace h2::inline v0::transport
