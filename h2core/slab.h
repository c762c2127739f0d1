// Objects that are used again and never move to another index. Tested by
// tests/h2core/stream_map_test.cc.
#ifndef H2_H2CORE_SLAB_H_
#define H2_H2CORE_SLAB_H_

#include <cstddef>
#include <cstdint>
#include <utility>

#include "hpack/memory.h"
#include "hpack/vector.h"

namespace h2::inline v0 {

// Growing moves the objects in memory, so references live until the next add(); indexes live until
// remove().
template <class T>
class Slab {
 public:
  static constexpr std::uint32_t kNone = 0xffffffffU;

  explicit Slab(MemoryResource& memory) : items_(memory), free_(memory) {}

  // The index of a slot holding `item`, or kNone when memory is refused.
  std::uint32_t add(T item) {
    if (!free_.empty()) {
      const std::uint32_t index = free_.back();
      free_.pop_back();
      items_[index] = std::move(item);
      ++live_;
      return index;
    }
    // A slot in the free list for every item, so that remove() cannot fail.
    if (items_.size() == items_.capacity()) {
      const std::size_t wanted = items_.capacity() < 4 ? 4 : items_.capacity() * 2;
      if (!free_.reserve(wanted) || !items_.reserve(wanted)) return kNone;
    }
    if (!items_.push_back(std::move(item))) return kNone;
    ++live_;
    return static_cast<std::uint32_t>(items_.size() - 1);
  }
  // An index to be filled in place, with whatever a removed object left there; kNone: none is free.
  std::uint32_t reuse() {
    if (free_.empty()) return kNone;
    const std::uint32_t index = free_.back();
    free_.pop_back();
    ++live_;
    return index;
  }
  void remove(std::uint32_t index) {
    --live_;
    (void)free_.push_back(index);
  }
  T& operator[](std::uint32_t index) { return items_[index]; }
  const T& operator[](std::uint32_t index) const { return items_[index]; }
  std::size_t live() const { return live_; }
  std::size_t capacity() const { return items_.size(); }

 private:
  Vector<T> items_;
  Vector<std::uint32_t> free_;
  std::size_t live_ = 0;
};

}  // namespace h2::inline v0

#endif  // H2_H2CORE_SLAB_H_
