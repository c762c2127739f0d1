// For tests: two ByteStreams joined in memory, which can be told to deliver in small pieces, to
// take little, to fail and to be cut; and a clock that stands still. Tested by
// tests/transport/memory_stream_test.cc.
#ifndef H2_TRANSPORT_MEMORY_STREAM_H_
#define H2_TRANSPORT_MEMORY_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "transport/byte_stream.h"
#include "transport/clock.h"

namespace h2::inline v0::transport {

// A clock that moves when told. Thread-safe.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Time start = Time{0}) : now_(start) {}
  Time now() const override;
  // Moves on and wakes the waits of memory streams that use this clock.
  void advance(Duration by);

  // Calls `listener` after each advance, until the token is gone.
  std::shared_ptr<void> on_advance(std::function<void()> listener);

 private:
  mutable std::mutex mutex_;
  Time now_;
  std::vector<std::weak_ptr<std::function<void()>>> listeners_;
};

struct MemoryStreamOptions {
  // For deadlines; must outlive the streams. With a ManualClock waits end only by data, wake() or
  // advance().
  Clock* clock = &system_clock();
  std::size_t capacity = std::size_t{1}
                         << 20;  // bytes under way in one direction; a full one blocks the writer
  std::size_t max_read = std::numeric_limits<std::size_t>::max();   // per try_read
  std::size_t max_write = std::numeric_limits<std::size_t>::max();  // per try_write
  std::string alpn{};                                               // what info() says
};

// One end. Both ends may be used by different threads, and one end as ByteStream allows.
class MemoryStream final : public ByteStream {
 public:
  ~MemoryStream() override;
  Result<IoResult, TransportError> try_read(std::span<std::uint8_t> buffer) override;
  Result<IoResult, TransportError> try_write(std::span<const Bytes> pieces) override;
  Result<Ready, TransportError> wait(bool want_read, bool want_write, Deadline deadline) override;
  void wake() noexcept override;
  void shutdown_write() noexcept override;
  void close() noexcept override;
  const StreamInfo& info() const override { return info_; }

  // ---- knobs; any thread ----
  // How much one try_read gives and one try_write takes from now on; 0: would block always.
  void set_max_read(std::size_t n);
  void set_max_write(std::size_t n);
  // After `n` more bytes were written by this end, the rest is taken and dropped, and the peer
  // reads `then`.
  enum class Cut : std::uint8_t { kEnd, kReset };
  void cut_after(std::size_t n, Cut then);
  // Both ends: try_ calls fail with kReset now; bytes under way are lost.
  void reset();
  // Bytes written by the peer that this end has not read.
  std::size_t readable_bytes() const;

 private:
  friend std::pair<std::unique_ptr<MemoryStream>, std::unique_ptr<MemoryStream>> make_memory_pair(
      const MemoryStreamOptions& options);
  struct Shared;
  MemoryStream(std::shared_ptr<Shared> shared, std::size_t side,
               const MemoryStreamOptions& options);
  std::shared_ptr<Shared> shared_;
  std::size_t side_;
  Clock* clock_;
  std::shared_ptr<void> subscription_;
  StreamInfo info_;
};

std::pair<std::unique_ptr<MemoryStream>, std::unique_ptr<MemoryStream>> make_memory_pair(
    const MemoryStreamOptions& options = {});

}  // namespace h2::inline v0::transport

#endif  // H2_TRANSPORT_MEMORY_STREAM_H_
