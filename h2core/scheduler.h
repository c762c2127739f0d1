// Whose turn it is to send DATA: by urgency, and within one urgency one after the other or in turns
// (RFC 9218 §10). Tested by tests/h2core/priority_test.cc.
#ifndef H2_H2CORE_SCHEDULER_H_
#define H2_H2CORE_SCHEDULER_H_

#include <bit>
#include <cstdint>

#include "h2core/slab.h"
#include "h2core/stream.h"

namespace h2::inline v0 {

// Lists of the streams that may send now, linked through the streams themselves. All operations
// take constant time, but that a stream which is not incremental walks past those of the same
// urgency with higher identifiers, of which there are none as a rule.
class Scheduler {
 public:
  bool empty() const { return urgencies_ == 0; }

  // Puts a stream that is not in a list into its own.
  void add(Slab<Stream>& streams, Index slot) {
    Stream& stream = streams[slot];
    Queue& queue = queue_of(stream);
    // > Non-incremental responses of the same urgency SHOULD be served by prioritizing bandwidth
    // > allocation in ascending order of the stream ID (RFC 9218 §10)
    Index before = queue.last;
    if (!stream.priority.incremental) {
      while (before != kNoIndex && streams[before].id > stream.id)
        before = streams[before].previous_ready;
    }
    const Index after = before == kNoIndex ? queue.first : streams[before].next_ready;
    stream.ready = true;
    stream.previous_ready = before;
    stream.next_ready = after;
    (before == kNoIndex ? queue.first : streams[before].next_ready) = slot;
    (after == kNoIndex ? queue.last : streams[after].previous_ready) = slot;
    urgencies_ = static_cast<std::uint8_t>(urgencies_ | 1U << stream.priority.urgency);
  }

  // Takes a stream off its list; harmless if it is on none.
  void remove(Slab<Stream>& streams, Index slot) {
    Stream& stream = streams[slot];
    if (!stream.ready) return;
    Queue& queue = queue_of(stream);
    const Index before = stream.previous_ready;
    const Index after = stream.next_ready;
    (before == kNoIndex ? queue.first : streams[before].next_ready) = after;
    (after == kNoIndex ? queue.last : streams[after].previous_ready) = before;
    stream.ready = false;
    stream.next_ready = stream.previous_ready = kNoIndex;
    const Queue* both = queues_[stream.priority.urgency];
    if (both[0].first == kNoIndex && both[1].first == kNoIndex) {
      urgencies_ = static_cast<std::uint8_t>(urgencies_ & ~(1U << stream.priority.urgency));
    }
  }

  // The stream that may send one frame now. If it may send more, it is taken off and added again,
  // which moves an incremental one behind the others. Not to be called when empty().
  Index next() {
    const unsigned urgency = static_cast<unsigned>(std::countr_zero(urgencies_));
    const Queue* both = queues_[urgency];
    // Where there are both, the sequence and those in turns alternate, so that neither starves.
    const unsigned bit = 1U << urgency;
    const bool turn = (turns_ & bit) != 0;
    turns_ = static_cast<std::uint8_t>(turns_ ^ bit);
    const Index preferred = both[turn ? 1 : 0].first;
    return preferred != kNoIndex ? preferred : both[turn ? 0 : 1].first;
  }

 private:
  struct Queue {
    Index first = kNoIndex;
    Index last = kNoIndex;
  };
  Queue& queue_of(const Stream& stream) {
    return queues_[stream.priority.urgency][stream.priority.incremental ? 1 : 0];
  }

  Queue queues_[8][2];          // by urgency and incremental
  std::uint8_t urgencies_ = 0;  // those with streams, as bits
  std::uint8_t turns_ = 0;      // by urgency: whose turn it is
};

}  // namespace h2::inline v0

#endif  // H2_H2CORE_SCHEDULER_H_
