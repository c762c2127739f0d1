// A std::pmr::memory_resource as a MemoryResource. Only where exceptions are enabled, as std::pmr
// throws. Tested by tests/hpack/pmr_memory_test.cc.
#ifndef H2_HPACK_PMR_MEMORY_H_
#define H2_HPACK_PMR_MEMORY_H_

#if defined(__cpp_exceptions)

#include <cstddef>
#include <memory_resource>

#include "hpack/memory.h"

namespace h2::inline v0 {

// Passes requests on; an exception of the resource beneath, std::bad_alloc or another, becomes
// null. As thread-safe as that resource, which must outlive this one.
class PmrMemory final : public MemoryResource {
 public:
  explicit PmrMemory(std::pmr::memory_resource& beneath) : beneath_(&beneath) {}

  void* allocate(std::size_t bytes, std::size_t alignment) noexcept override {
    try {
      return beneath_->allocate(bytes, alignment);
    } catch (...) {
      return nullptr;
    }
  }
  void deallocate(void* memory, std::size_t bytes, std::size_t alignment) noexcept override {
    beneath_->deallocate(memory, bytes, alignment);
  }

 private:
  std::pmr::memory_resource* beneath_;
};

}  // namespace h2::inline v0

#endif  // defined(__cpp_exceptions)

#endif  // H2_HPACK_PMR_MEMORY_H_
