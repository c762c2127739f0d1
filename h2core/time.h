// Time as data: an instant and a span, in nanoseconds from an arbitrary start.
//
// The core has no clock. Whoever drives a Connection reads a monotonic clock of their own and
// passes the instant in; the core compares instants and tells the next one at which it wants to be
// called. Tested by tests/h2core/time_test.cc.
#ifndef H2_H2CORE_TIME_H_
#define H2_H2CORE_TIME_H_

#include <compare>
#include <cstdint>
#include <limits>

namespace h2::inline v0 {

// A span of time in nanoseconds; may be negative.
struct Duration {
  std::int64_t ns = 0;

  friend constexpr auto operator<=>(Duration, Duration) = default;
  friend constexpr Duration operator+(Duration a, Duration b) { return {a.ns + b.ns}; }
  friend constexpr Duration operator-(Duration a, Duration b) { return {a.ns - b.ns}; }
  friend constexpr Duration operator*(Duration a, std::int64_t k) { return {a.ns * k}; }
  friend constexpr Duration operator/(Duration a, std::int64_t k) { return {a.ns / k}; }
};

constexpr Duration nanoseconds(std::int64_t n) { return {n}; }
constexpr Duration microseconds(std::int64_t n) { return {n * 1'000}; }
constexpr Duration milliseconds(std::int64_t n) { return {n * 1'000'000}; }
constexpr Duration seconds(std::int64_t n) { return {n * 1'000'000'000}; }

// An instant: nanoseconds from an arbitrary, fixed start. Instants given to one Connection must not
// go backwards; an earlier instant is taken as the latest one seen.
struct Time {
  std::int64_t ns = 0;

  // Later than every instant: "no deadline".
  static constexpr Time never() { return {std::numeric_limits<std::int64_t>::max()}; }
  constexpr bool is_never() const { return ns == std::numeric_limits<std::int64_t>::max(); }

  friend constexpr auto operator<=>(Time, Time) = default;
  // Saturates at never(), so that "now + a very long time" is no deadline and not the past.
  friend constexpr Time operator+(Time t, Duration d) {
    if (t.is_never()) return t;
    if (d.ns > 0 && t.ns > std::numeric_limits<std::int64_t>::max() - d.ns) return never();
    return {t.ns + d.ns};
  }
  // Saturates too: instants may be further apart than a Duration can say.
  friend constexpr Duration operator-(Time a, Time b) {
    constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
    constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
    if (b.ns < 0 && a.ns > most + b.ns) return {most};
    if (b.ns > 0 && a.ns < least + b.ns) return {least};
    return {a.ns - b.ns};
  }
};

}  // namespace h2::inline v0

#endif  // H2_H2CORE_TIME_H_
