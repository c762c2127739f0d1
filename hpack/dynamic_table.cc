// The dynamic table. See dynamic_table.h.
#include "hpack/dynamic_table.h"

#include <algorithm>
#include <cstring>

#include "hpack/text.h"

namespace h2::inline v0::hpack {

void DynamicTable::evict_down_to(std::uint32_t size) {
  while (size_ > size) {
    const Entry& oldest = at(count_ - 1);
    size_ -= oldest.name + oldest.value + 32;
    first_ = (first_ + 1) & static_cast<std::uint32_t>(entries_.size() - 1);
    --count_;
  }
  if (count_ == 0) cursor_ = 0;
}

void DynamicTable::set_max_size(std::uint32_t max_size) {
  max_size_ = max_size;
  evict_down_to(max_size);
}

// Where `length` bytes fit beside the live ones.
bool DynamicTable::place(std::uint32_t length, std::uint32_t& begin) const {
  const auto room = static_cast<std::uint32_t>(bytes_.size());
  if (count_ == 0) {
    begin = 0;
    return length <= room;
  }
  const std::uint32_t oldest = at(count_ - 1).begin;
  // The live bytes go round the end. Entries may be of no bytes at all, so that where the oldest
  // begins at the cursor the ring may be full or empty.
  const bool wrapped = oldest > cursor_ || (oldest == cursor_ && size_ > 32 * count_);
  if (wrapped) {
    begin = cursor_;
    return cursor_ + length <= oldest;
  }
  if (cursor_ + length <= room) {
    begin = cursor_;
    return true;
  }
  begin = 0;
  return length <= oldest;
}

// A larger ring (or the same, if it is large enough) with the live entries in a row.
bool DynamicTable::make_room(std::uint32_t length) {
  std::size_t live = 0;
  for (std::uint32_t i = 0; i < count_; ++i) live += at(i).name + at(i).value;
  const std::size_t most = std::size_t{max_size_} * 2;
  const std::size_t wanted = std::max(
      {std::min(most, bytes_.size() * 2), std::min<std::size_t>(most, 256), live + length});
  Vector<char> bigger(bytes_.memory());
  if (!bigger.resize_uninitialized(wanted)) return false;
  std::uint32_t to = 0;
  for (std::uint32_t i = count_; i-- > 0;) {
    Entry& e = at(i);
    if (e.name + e.value > 0)
      std::memcpy(bigger.data() + to, bytes_.data() + e.begin, e.name + e.value);
    e.begin = to;
    to += e.name + e.value;
  }
  bytes_ = static_cast<Vector<char>&&>(bigger);
  cursor_ = to;
  return true;
}

bool DynamicTable::grow_entries() {
  Vector<Entry> bigger(entries_.memory());
  if (!bigger.resize(entries_.empty() ? 8 : entries_.size() * 2)) return false;
  for (std::uint32_t i = 0; i < count_; ++i) bigger[i] = at(count_ - 1 - i);
  entries_ = static_cast<Vector<Entry>&&>(bigger);
  first_ = 0;
  return true;
}

DynamicTable::Inserted DynamicTable::insert(const HeaderField& field) {
  if (field.size() > max_size_) {
    evict_down_to(0);
    return Inserted::kTooLarge;
  }
  const auto size = static_cast<std::uint32_t>(field.size());
  const std::uint32_t length = size - 32;
  // A name out of this very table: its bytes stay until they are written over, and writing moves
  // from the lower end, so it is copied by memmove; only a move to a larger ring needs its place
  // again.
  const bool own_name = !bytes_.empty() && field.name.data() >= bytes_.data() &&
                        field.name.data() < bytes_.data() + bytes_.size();
  evict_down_to(max_size_ - size);
  std::uint32_t begin = 0;
  if (!place(length, begin)) {
    // Keep the old bytes alive while the name is read from them.
    Vector<char> kept(bytes_.memory());
    if (own_name) {
      if (!kept.append(field.name.data(), field.name.size())) return Inserted::kOutOfMemory;
    }
    if (!make_room(length) || !place(length, begin)) return Inserted::kOutOfMemory;
    if (count_ == entries_.size() && !grow_entries()) return Inserted::kOutOfMemory;
    if (!field.name.empty()) {
      std::memcpy(bytes_.data() + begin, own_name ? kept.data() : field.name.data(),
                  field.name.size());
    }
  } else {
    if (count_ == entries_.size() && !grow_entries()) return Inserted::kOutOfMemory;
    if (!own_name) {
      copy_text(bytes_.data() + begin, field.name);
    } else if (!field.name.empty()) {
      std::memmove(bytes_.data() + begin, field.name.data(), field.name.size());
    }
  }
  copy_text(bytes_.data() + begin + field.name.size(), field.value);
  ++count_;
  at(0) = Entry{begin, static_cast<std::uint32_t>(field.name.size()),
                static_cast<std::uint32_t>(field.value.size()), field.annotation, field.token};
  cursor_ = begin + length;
  size_ += size;
  ++inserted_;
  return Inserted::kYes;
}

}  // namespace h2::inline v0::hpack
