// Memory for libnghttp2's sessions, counted.
#ifndef H2_BENCH_NGHTTP2_MEMORY_H_
#define H2_BENCH_NGHTTP2_MEMORY_H_

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace h2::bench {

// Counts what a session asks for: the bytes asked for, without what malloc adds.
class CountingAllocator {
 public:
  CountingAllocator() = default;
  CountingAllocator(const CountingAllocator&) = delete;
  CountingAllocator& operator=(const CountingAllocator&) = delete;

  // Must outlive the sessions that are given it.
  nghttp2_mem* mem() { return &mem_; }
  std::uint64_t allocations = 0;  // calls of malloc, calloc and realloc
  std::size_t in_use = 0;

 private:
  static constexpr std::size_t kHead = 16;  // keeps malloc's alignment; holds the size

  static void* take(std::size_t size, void* self) {
    auto* a = static_cast<CountingAllocator*>(self);
    auto* memory = static_cast<char*>(std::malloc(kHead + size));
    if (memory == nullptr) return nullptr;
    std::memcpy(memory, &size, sizeof size);
    ++a->allocations;
    a->in_use += size;
    return memory + kHead;
  }
  static std::size_t size_of(void* memory) {
    std::size_t size = 0;
    std::memcpy(&size, static_cast<char*>(memory) - kHead, sizeof size);
    return size;
  }
  static void give(void* memory, void* self) {
    if (memory == nullptr) return;
    static_cast<CountingAllocator*>(self)->in_use -= size_of(memory);
    std::free(static_cast<char*>(memory) - kHead);
  }
  static void* take_zeroed(std::size_t count, std::size_t size, void* self) {
    void* memory = take(count * size, self);
    if (memory != nullptr) std::memset(memory, 0, count * size);
    return memory;
  }
  static void* resize(void* memory, std::size_t size, void* self) {
    void* other = take(size, self);
    if (memory != nullptr && other != nullptr) {
      std::memcpy(other, memory, std::min(size, size_of(memory)));
      give(memory, self);
    }
    return other;
  }

  nghttp2_mem mem_ = {this, &take, &give, &take_zeroed, &resize};
};

}  // namespace h2::bench

#endif  // H2_BENCH_NGHTTP2_MEMORY_H_
