// How large the windows are that the peer may fill (RFC 9113 §5.2): policies beside the core, which
// itself only keeps the windows that it was given.
//
//   h2::AdaptiveWindows windows;                          // one for each connection
//   for (const h2::Event& event : conn.receive_data(bytes, now).events) {
//     windows.on_event(conn, event, now);                 // before the event is handled
//     ...
//   }
//
// A window bounds both throughput (a window per round trip, and no more) and memory (a window of
// bytes that were received and not used). Returning credit for what was used stays the
// application's business: acknowledge_received_data. Tested by tests/h2core/window_policy_test.cc.
#ifndef H2_H2CORE_WINDOW_POLICY_H_
#define H2_H2CORE_WINDOW_POLICY_H_

#include <cstdint>
#include <optional>

#include "h2core/connection.h"
#include "h2core/event.h"
#include "h2core/time.h"

namespace h2::inline v0 {

// Write your own by deriving from it. One object serves one connection. Not thread-safe.
class WindowPolicy {
 public:
  virtual ~WindowPolicy() = default;
  // To be called with each event of the connection, before it is handled. May send PING, SETTINGS
  // and WINDOW_UPDATE on it; what the connection refuses is left for another time.
  virtual void on_event(Connection& connection, const Event& event, Time now) noexcept = 0;
};

// Leaves the windows as Config made them.
class FixedWindows final : public WindowPolicy {
 public:
  void on_event(Connection&, const Event&, Time) noexcept override {}
};

// Makes the windows as large as the path needs: while data comes, it measures by PING how much
// arrives within a round trip. If that is most of a window, the window is what holds the peer back,
// and grows; until a larger one brings no higher rate, or `most` is reached. All streams have
// windows of that size, by SETTINGS_INITIAL_WINDOW_SIZE (RFC 9113 §6.9.2), and so has the
// connection. Windows never shrink: what `most` allows is what the peer may one day make us hold.
//
// As credit is returned by halves of a window, a path is full once the window is twice its
// bandwidth-delay product.
class AdaptiveWindows final : public WindowPolicy {
 public:
  struct Options {
    std::uint32_t most = 16U << 20U;  // bytes; at most 2^31-1
  };

  AdaptiveWindows() = default;
  explicit AdaptiveWindows(const Options& options) : options_(options) {}

  void on_event(Connection& connection, const Event& event, Time now) noexcept override;

  // What streams and connection have been given; none before the first data came.
  std::optional<std::uint32_t> window() const { return window_; }
  // The shortest round trip seen.
  std::optional<Duration> round_trip_time() const { return shortest_; }

 private:
  void on_data(Connection& connection, std::uint32_t bytes, Time now) noexcept;
  void on_sample(Connection& connection, Duration round_trip, Time now) noexcept;
  bool grow(Connection& connection, Time now) noexcept;

  Options options_;
  std::optional<std::uint32_t> window_;
  std::optional<Duration> shortest_;
  bool sampling_ = false;        // a PING is under way
  bool settling_ = false;        // the peer does not know of the last growth yet
  std::uint64_t sample_ = 0;     // bytes since it was sent
  std::uint64_t best_rate_ = 0;  // bytes per second
  Time next_sample_;             // not before
  Duration pause_;               // after a sample that changed nothing
};

}  // namespace h2::inline v0

#endif  // H2_H2CORE_WINDOW_POLICY_H_
