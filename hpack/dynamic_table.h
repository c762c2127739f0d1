// The dynamic table (RFC 7541 §2.3.2, §4): a ring of entries over a ring of bytes; nothing is
// allocated per entry. Tested by tests/hpack/codec_test.cc.
#ifndef H2_HPACK_DYNAMIC_TABLE_H_
#define H2_HPACK_DYNAMIC_TABLE_H_

#include <cstddef>
#include <cstdint>

#include "hpack/header_field.h"
#include "hpack/vector.h"

namespace h2::inline v0::hpack {

// Memory grows with use, up to twice max_size for the bytes. Not thread-safe.
class DynamicTable {
 public:
  DynamicTable(MemoryResource& memory, std::uint32_t max_size)
      : entries_(memory), bytes_(memory), max_size_(max_size) {}

  // Entries, the newest being number 0.
  std::uint32_t count() const { return count_; }
  // The field's views live until the next insert or set_max_size.
  HeaderField entry(std::uint32_t number) const {
    const Entry& e = at(number);
    const char* text = bytes_.data() + e.begin;
    return {{text, e.name}, {text + e.name, e.value}, false, e.token, e.annotation};
  }
  // RFC 7541 §4.1.
  std::uint32_t size() const { return size_; }
  std::uint32_t max_size() const { return max_size_; }
  // Entries inserted since the beginning: the newest has this number less one.
  std::uint32_t inserted() const { return inserted_; }

  // RFC 7541 §4.3.
  void set_max_size(std::uint32_t max_size);

  enum class Inserted : std::uint8_t { kYes, kTooLarge, kOutOfMemory };
  // RFC 7541 §4.4; a field larger than the table empties it and is not inserted (kTooLarge). The
  // field's name may be a view into this table; its value may not. The sensitive mark is not kept.
  Inserted insert(const HeaderField& field);

 private:
  struct Entry {
    std::uint32_t begin;
    std::uint32_t name;
    std::uint32_t value;
    std::uint32_t annotation;
    Token token;
  };

  Entry& at(std::uint32_t number) {
    return entries_[(first_ + count_ - 1 - number) & (entries_.size() - 1)];
  }
  const Entry& at(std::uint32_t number) const {
    return entries_[(first_ + count_ - 1 - number) & (entries_.size() - 1)];
  }
  void evict_down_to(std::uint32_t size);
  bool place(std::uint32_t length, std::uint32_t& begin) const;
  bool make_room(std::uint32_t length);
  bool grow_entries();

  Vector<Entry> entries_;  // a ring; the size is a power of two
  Vector<char> bytes_;     // a ring; no entry wraps around
  std::uint32_t first_ = 0;
  std::uint32_t count_ = 0;
  std::uint32_t cursor_ = 0;  // the end of the newest entry
  std::uint32_t size_ = 0;
  std::uint32_t max_size_;
  std::uint32_t inserted_ = 0;
};

}  // namespace h2::inline v0::hpack

#endif  // H2_HPACK_DYNAMIC_TABLE_H_
