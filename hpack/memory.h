// Where memory comes from: a resource that may refuse and never throws.
#ifndef H2_HPACK_MEMORY_H_
#define H2_HPACK_MEMORY_H_

#include <cstddef>

namespace h2::inline v0 {

// Hands out and takes back memory. Used by one connection's thread at a time unless shared by the
// user.
class MemoryResource {
 public:
  virtual ~MemoryResource() = default;
  // `bytes` (> 0) aligned to `alignment` (a power of two), or null.
  virtual void* allocate(std::size_t bytes, std::size_t alignment) noexcept = 0;
  // Takes back what allocate gave, with the same sizes.
  virtual void deallocate(void* memory, std::size_t bytes, std::size_t alignment) noexcept = 0;
};

// The heap (nothrow operator new). Thread-safe, without state.
MemoryResource& default_memory() noexcept;

}  // namespace h2::inline v0

#endif  // H2_HPACK_MEMORY_H_
