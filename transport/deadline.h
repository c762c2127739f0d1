// Deadlines: an instant on the clock in use, after which a call gives up. Absolute, so that one
// deadline can cover several steps. Tested by tests/transport/tcp_stream_test.cc.
#ifndef H2_TRANSPORT_DEADLINE_H_
#define H2_TRANSPORT_DEADLINE_H_

#include <limits>

#include "h2core/time.h"
#include "transport/clock.h"

namespace h2::inline v0::transport {

// Time::never() for none.
using Deadline = Time;

inline Deadline deadline_after(const Clock& clock, Duration duration) {
  return clock.now() + duration;
}

inline Deadline earlier(Deadline a, Deadline b) { return a < b ? a : b; }

// What poll() takes for "until deadline": milliseconds, rounded up so that it never wakes too
// early; 0 if the deadline has passed; -1 for never.
inline int poll_timeout(Deadline deadline, Time now) {
  if (deadline.is_never()) return -1;
  if (deadline <= now) return 0;
  const Duration left = deadline - now;
  const auto ms = left.ns / 1'000'000 + (left.ns % 1'000'000 != 0 ? 1 : 0);
  return ms > std::numeric_limits<int>::max() ? std::numeric_limits<int>::max()
                                              : static_cast<int>(ms);
}

}  // namespace h2::inline v0::transport

#endif  // H2_TRANSPORT_DEADLINE_H_
