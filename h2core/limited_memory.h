// A memory resource that passes on to another and refuses above a limit (Config::memory_limit).
#ifndef H2_H2CORE_LIMITED_MEMORY_H_
#define H2_H2CORE_LIMITED_MEMORY_H_

#include <cstddef>

#include "hpack/memory.h"

namespace h2::inline v0 {

class LimitedMemory final : public MemoryResource {
 public:
  LimitedMemory(MemoryResource& upstream, std::size_t limit) : upstream_(upstream), limit_(limit) {}

  void* allocate(std::size_t bytes, std::size_t alignment) noexcept override {
    if (bytes > limit_ - in_use_) return nullptr;
    void* memory = upstream_.allocate(bytes, alignment);
    if (memory != nullptr) in_use_ += bytes;
    return memory;
  }
  void deallocate(void* memory, std::size_t bytes, std::size_t alignment) noexcept override {
    in_use_ -= bytes;
    upstream_.deallocate(memory, bytes, alignment);
  }
  std::size_t in_use() const { return in_use_; }
  // From now on only the resource behind it refuses.
  void lift_limit() { limit_ = static_cast<std::size_t>(-1); }

 private:
  MemoryResource& upstream_;
  std::size_t limit_;
  std::size_t in_use_ = 0;  // never above limit_
};

}  // namespace h2::inline v0

#endif  // H2_H2CORE_LIMITED_MEMORY_H_
