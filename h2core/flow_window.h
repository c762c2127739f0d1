// Flow-control windows (RFC 9113 §5.2, §6.9), for both levels and both directions.
// Tested by tests/h2core/flow_window_test.cc.
#ifndef H2_H2CORE_FLOW_WINDOW_H_
#define H2_H2CORE_FLOW_WINDOW_H_

#include <algorithm>
#include <cstdint>

#include "h2core/settings.h"

namespace h2::inline v0 {

// What one side may still send. May be negative after INITIAL_WINDOW_SIZE has shrunk (RFC 9113
// §6.9.2).
class FlowWindow {
 public:
  explicit FlowWindow(std::uint32_t initial) : available_(static_cast<std::int32_t>(initial)) {}

  std::int64_t available() const { return available_; }
  // Takes `bytes` that were sent; false, and nothing taken: the window is smaller.
  bool consume(std::uint32_t bytes) {
    if (bytes > available() && bytes > 0) return false;
    available_ -= static_cast<std::int32_t>(bytes);
    return true;
  }
  // WINDOW_UPDATE; false, and nothing added: it would exceed 2^31-1 (RFC 9113 §6.9.1).
  bool expand(std::uint32_t bytes) { return adjust(bytes); }
  // A change of INITIAL_WINDOW_SIZE by `delta`; false, and nothing changed: it would exceed 2^31-1.
  bool adjust(std::int64_t delta) {
    if (available() + delta > std::int64_t{kMaxWindowSize}) return false;
    available_ = static_cast<std::int32_t>(available() + delta);
    return true;
  }

 private:
  std::int32_t available_;  // never below -(2^31-1): only INITIAL_WINDOW_SIZE makes it negative
};

// What we have allowed the peer to send, and what of it is to be given back. The bytes of a window
// are at any time in one of three places: the peer may send them (available), they were received
// and not used (unacknowledged), or they were used and wait to be worth a WINDOW_UPDATE (pending).
class ReceiveWindow {
 public:
  explicit ReceiveWindow(std::uint32_t size) : size_(size), available_(size) {}

  std::int64_t available() const { return available_; }
  std::uint32_t unacknowledged() const { return unacknowledged_; }
  std::int64_t size() const { return size_; }

  // DATA arrived; false: more than was allowed.
  bool receive(std::uint32_t bytes) {
    if (bytes > available_ && bytes > 0) return false;
    available_ -= bytes;
    unacknowledged_ += bytes;
    return true;
  }
  // `bytes` (at most unacknowledged) were used. Returns the WINDOW_UPDATE increment to be sent now,
  // or 0: credit is saved up until it comes to half of the window.
  std::uint32_t acknowledge(std::uint32_t bytes) {
    unacknowledged_ -= bytes;
    pending_ += static_cast<std::int32_t>(bytes);
    if (pending_ <= 0 || std::int64_t{pending_} * 2 < size_) return 0;
    const auto increment = static_cast<std::uint32_t>(pending_);
    available_ += increment;
    pending_ = 0;
    return increment;
  }
  // Makes the window larger at once, by a WINDOW_UPDATE of `bytes`; false: above 2^31-1.
  bool grow(std::uint32_t bytes) {
    if (std::max(size_, available_) + bytes > std::int64_t{kMaxWindowSize}) return false;
    size_ += bytes;
    available_ += bytes;
    return true;
  }
  // Makes the window smaller by `bytes` (at most its size): so much credit is kept back.
  void shrink(std::uint32_t bytes) {
    size_ -= bytes;
    pending_ -= static_cast<std::int32_t>(bytes);
  }
  // Our INITIAL_WINDOW_SIZE changed by `delta` and the peer knows (RFC 9113 §6.9.2).
  void adjust(std::int64_t delta) {
    size_ += delta;
    available_ += delta;
  }

 private:
  // While SETTINGS are on their way these may be above 2^31-1 for a moment, as later ones lower
  // them again.
  std::int64_t size_;
  std::int64_t available_;
  std::int32_t pending_ = 0;  // negative: credit that is kept back
  std::uint32_t unacknowledged_ = 0;
};

}  // namespace h2::inline v0

#endif  // H2_H2CORE_FLOW_WINDOW_H_
