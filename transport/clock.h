// The clock of the transport: monotonic time behind an interface, so that tests can say what time
// it is. Tested by tests/transport/memory_stream_test.cc.
#ifndef H2_TRANSPORT_CLOCK_H_
#define H2_TRANSPORT_CLOCK_H_

#include "h2core/time.h"

namespace h2::inline v0::transport {

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  // Never goes backwards.
  virtual Time now() const = 0;
};

// CLOCK_MONOTONIC. Lives for the whole program.
Clock& system_clock();

}  // namespace h2::inline v0::transport

#endif  // H2_TRANSPORT_CLOCK_H_
