// A memory resource that counts, checks that sizes match, and fails when told to.
#ifndef H2_TESTS_SUPPORT_COUNTING_MEMORY_H_
#define H2_TESTS_SUPPORT_COUNTING_MEMORY_H_

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <map>

#include "hpack/memory.h"

namespace h2::tests {

class CountingMemory final : public MemoryResource {
 public:
  void* allocate(std::size_t bytes, std::size_t alignment) noexcept override {
    ++allocations;
    if (allocations == fail_at || (fail_after && allocations >= fail_at)) {
      ++failures;
      return nullptr;
    }
    if (alignment < sizeof(void*)) alignment = sizeof(void*);
    void* memory = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
    in_use += bytes;
    if (in_use > peak) peak = in_use;
    live_[memory] = bytes;
    return memory;
  }
  void deallocate(void* memory, std::size_t bytes, std::size_t alignment) noexcept override {
    (void)alignment;
    const auto found = live_.find(memory);
    if (found == live_.end() || found->second != bytes) {
      ++mismatches;
      return;
    }
    live_.erase(found);
    in_use -= bytes;
    std::free(memory);
  }

  std::uint64_t allocations = 0;
  std::uint64_t failures = 0;
  std::uint64_t mismatches = 0;  // deallocations of what was not allocated so
  std::size_t in_use = 0;
  std::size_t peak = 0;
  // The number, counted from 1, of the allocation that fails; with fail_after, all from there on.
  std::uint64_t fail_at = std::numeric_limits<std::uint64_t>::max();
  bool fail_after = false;

 private:
  std::map<void*, std::size_t> live_;
};

}  // namespace h2::tests

#endif  // H2_TESTS_SUPPORT_COUNTING_MEMORY_H_
