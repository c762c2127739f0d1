// A memory resource that passes on to another and refuses above a limit (Config::memory_limit),
// with a part of it set aside for what has to be told at the end.
#ifndef H2_H2CORE_LIMITED_MEMORY_H_
#define H2_H2CORE_LIMITED_MEMORY_H_

#include <algorithm>
#include <cstddef>

#include "hpack/memory.h"

namespace h2::inline v0 {

class LimitedMemory final : public MemoryResource {
 public:
  LimitedMemory(MemoryResource& upstream, std::size_t limit) : upstream_(upstream), limit_(limit) {}

  void* allocate(std::size_t bytes, std::size_t alignment) noexcept override {
    if (bytes > limit_ - in_use_ - std::min(set_aside_, limit_ - in_use_)) return nullptr;
    void* memory = upstream_.allocate(bytes, alignment);
    if (memory != nullptr) in_use_ += bytes;
    return memory;
  }
  void deallocate(void* memory, std::size_t bytes, std::size_t alignment) noexcept override {
    in_use_ -= bytes;
    upstream_.deallocate(memory, bytes, alignment);
  }
  std::size_t in_use() const { return in_use_; }
  std::size_t limit() const { return limit_; }
  std::size_t set_aside() const { return set_aside_; }
  // Sets `bytes` aside in place of what was; false, and nothing changed: there is less left.
  [[nodiscard]] bool set_aside(std::size_t bytes) {
    if (bytes > limit_ - in_use_) return false;
    set_aside_ = bytes;
    return true;
  }
  // What was set aside can be had now.
  void use_set_aside() { set_aside_ = 0; }

 private:
  MemoryResource& upstream_;
  const std::size_t limit_;
  std::size_t in_use_ = 0;  // with set_aside_ never above limit_
  std::size_t set_aside_ = 0;
};

}  // namespace h2::inline v0

#endif  // H2_H2CORE_LIMITED_MEMORY_H_
