// The monotonic clock. See clock.h.
#include "transport/clock.h"

#include <time.h>

namespace h2::inline v0::transport {

namespace {

class MonotonicClock final : public Clock {
 public:
  Time now() const override {
    timespec ts{};
    ::clock_gettime(CLOCK_MONOTONIC, &ts);
    return Time{std::int64_t{ts.tv_sec} * 1'000'000'000 + ts.tv_nsec};
  }
};

}  // namespace

Clock& system_clock() {
  static MonotonicClock real;
  return real;
}

}  // namespace h2::inline v0::transport
