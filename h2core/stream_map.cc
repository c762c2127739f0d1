// The table of streams. See stream_map.h.
#include "h2core/stream_map.h"

namespace h2::inline v0 {

StreamMap::StreamMap(MemoryResource& memory, std::uint64_t seed)
    : table_(memory), ended_(memory), seed_(seed | 1U) {}

bool StreamMap::grow() {
  const std::size_t wanted = table_.empty() ? 8 : table_.size() * 2;
  Vector<Entry> old = static_cast<Vector<Entry>&&>(table_);
  Vector<Entry> bigger(old.memory());
  if (!bigger.resize(wanted)) {
    table_ = static_cast<Vector<Entry>&&>(old);
    return false;
  }
  table_ = static_cast<Vector<Entry>&&>(bigger);
  for (const Entry& entry : old) {
    if (entry.id != 0) table_[position(entry.id)] = entry;
  }
  return true;
}

bool StreamMap::insert(StreamId id, std::uint32_t slot) {
  if ((used_ + 1) * 2 > table_.size() && !grow()) return false;
  table_[position(id.value)] = Entry{id.value, slot};
  ++used_;
  return true;
}

// Deletion by shifting back, so that there are no markers to clean up.
void StreamMap::remove_at(std::size_t at) {
  const std::size_t mask = table_.size() - 1;
  std::size_t hole = at;
  for (std::size_t next = (hole + 1) & mask; table_[next].id != 0; next = (next + 1) & mask) {
    const std::size_t wanted = home(table_[next].id);
    if (((next - wanted) & mask) >= ((next - hole) & mask)) {
      table_[hole] = table_[next];
      hole = next;
    }
  }
  table_[hole] = Entry{};
  --used_;
}

void StreamMap::erase(StreamId id) {
  if (used_ == 0) return;
  const std::size_t at = position(id.value);
  if (table_[at].id != 0) remove_at(at);
}

void StreamMap::forget_oldest() {
  const Ended& oldest = ended_[ended_begin_];
  if (oldest.id != 0) {
    std::uint32_t& highest = forgotten_[oldest.id & 1U];
    if (oldest.id > highest) highest = oldest.id;
    const std::size_t at = position(oldest.id);
    if (table_[at].id != 0 && table_[at].slot >= kEnded) remove_at(at);
  }
  ended_begin_ = (ended_begin_ + 1) % ended_.size();
  --ended_count_;
}

void StreamMap::end(StreamId id, StreamState how, std::uint32_t epoch) {
  if (ended_count_ == ended_.size()) {
    if (ended_.size() < kMaxRemembered) {
      // Unroll the ring and double it; without memory the oldest is forgotten instead.
      const std::size_t wanted = ended_.empty() ? 16 : ended_.size() * 2;
      Vector<Ended> bigger(ended_.memory());
      if (bigger.resize(wanted)) {
        for (std::size_t i = 0; i < ended_count_; ++i) {
          bigger[i] = ended_[(ended_begin_ + i) % ended_.size()];
        }
        ended_ = static_cast<Vector<Ended>&&>(bigger);
        ended_begin_ = 0;
      }
    }
    if (ended_.empty()) {
      std::uint32_t& highest = forgotten_[id.value & 1U];
      if (id.value > highest) highest = id.value;
      return erase(id);
    }
    if (ended_count_ == ended_.size()) forget_oldest();
  }
  table_[position(id.value)].slot = kEnded + static_cast<std::uint32_t>(how);
  ended_[(ended_begin_ + ended_count_) % ended_.size()] = Ended{id.value, epoch};
  ++ended_count_;
}

void StreamMap::forget_resets_before(std::uint32_t epoch) {
  for (std::size_t i = 0; i < ended_count_; ++i) {
    Ended& past = ended_[(ended_begin_ + i) % ended_.size()];
    if (past.id == 0 || past.epoch >= epoch) continue;
    Entry& entry = table_[position(past.id)];
    if (entry.slot != kEnded + static_cast<std::uint32_t>(StreamState::kClosedByLocalReset))
      continue;
    entry.slot = kEnded + static_cast<std::uint32_t>(StreamState::kClosedByEndStream);
  }
}

}  // namespace h2::inline v0
