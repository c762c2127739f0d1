// From stream identifiers to slots, and what is remembered of streams that are gone (RFC 9113
// §5.1.1).
//
// A flat table with open addressing. Streams that ended stay in it for a while as bare states, so
// that frames still in flight get the right verdict; the oldest are forgotten first. Tested by
// tests/h2core/stream_map_test.cc.
#ifndef H2_H2CORE_STREAM_MAP_H_
#define H2_H2CORE_STREAM_MAP_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "h2core/stream_id.h"
#include "h2core/stream_state.h"
#include "hpack/memory.h"
#include "hpack/vector.h"

namespace h2::inline v0 {

class StreamMap {
 public:
  static constexpr std::uint32_t kNone = 0xffffffffU;
  static constexpr std::size_t kMaxRemembered = 1024;

  StreamMap(MemoryResource& memory, std::uint64_t seed);

  // The slot of a live stream, or kNone.
  std::uint32_t find(StreamId id) const {
    if (used_ == 0 || id.value == 0) return kNone;
    const Entry& entry = table_[position(id.value)];
    return entry.id == 0 || entry.slot >= kEnded ? kNone : entry.slot;
  }
  // How a stream ended that is still remembered.
  std::optional<StreamState> ended(StreamId id) const {
    if (used_ == 0 || id.value == 0) return std::nullopt;
    const Entry& entry = table_[position(id.value)];
    if (entry.id == 0 || entry.slot < kEnded) return std::nullopt;
    return static_cast<StreamState>(entry.slot - kEnded);
  }
  // Adds a live stream; false: no memory.
  [[nodiscard]] bool insert(StreamId id, std::uint32_t slot);
  // Removes a live stream without a trace.
  void erase(StreamId id);
  // Whether the stream may have ended so long ago that it is not remembered any more.
  bool may_have_forgotten(StreamId id) const { return id.value <= forgotten_[id.value & 1U]; }
  // Turns a live stream into a remembered one. `epoch` tells when (see forget_resets_before).
  void end(StreamId id, StreamState how, std::uint32_t epoch);
  // Streams that we reset in an epoch before `epoch`: the peer has acknowledged SETTINGS that we
  // sent after the reset, so nothing of it can be in flight any more (RFC 9113 §5.1).
  void forget_resets_before(std::uint32_t epoch);

  std::size_t size() const { return used_; }

 private:
  struct Entry {
    std::uint32_t id = 0;  // 0: empty
    std::uint32_t slot = 0;
  };
  struct Ended {
    std::uint32_t id = 0;
    std::uint32_t epoch = 0;
  };
  // Slots from here on are states of streams that ended.
  static constexpr std::uint32_t kEnded = 0xffffff00U;

  std::size_t home(std::uint32_t id) const {
    // Identifiers ascend by two; a seeded multiplication spreads them.
    const std::uint64_t mixed = (id ^ (seed_ >> 32)) * (seed_ | 0x9e3779b97f4a7c15U);
    return static_cast<std::size_t>(mixed >> 32) & (table_.size() - 1);
  }
  // Of its entry, or of the empty one where it would go.
  std::size_t position(std::uint32_t id) const {
    std::size_t at = home(id);
    while (table_[at].id != 0 && table_[at].id != id) at = (at + 1) & (table_.size() - 1);
    return at;
  }
  void remove_at(std::size_t at);
  bool grow();
  void forget_oldest();

  Vector<Entry> table_;
  Vector<Ended> ended_;  // a ring
  std::size_t ended_begin_ = 0;
  std::size_t ended_count_ = 0;
  std::size_t used_ = 0;
  std::uint32_t forgotten_[2] = {};  // the highest even and odd identifier forgotten
  std::uint64_t seed_;
};

}  // namespace h2::inline v0

#endif  // H2_H2CORE_STREAM_MAP_H_
