// The heap as a memory resource. See memory.h.
#include "hpack/memory.h"

#include <new>

namespace h2::inline v0 {

namespace {

class Heap final : public MemoryResource {
 public:
  constexpr Heap() = default;
  void* allocate(std::size_t bytes, std::size_t alignment) noexcept override {
    if (alignment <= __STDCPP_DEFAULT_NEW_ALIGNMENT__) return ::operator new(bytes, std::nothrow);
    return ::operator new(bytes, std::align_val_t(alignment), std::nothrow);
  }
  void deallocate(void* memory, std::size_t, std::size_t alignment) noexcept override {
    if (alignment <= __STDCPP_DEFAULT_NEW_ALIGNMENT__) return ::operator delete(memory);
    ::operator delete(memory, std::align_val_t(alignment));
  }
};

}  // namespace

MemoryResource& default_memory() noexcept {
  static Heap heap;
  return heap;
}

}  // namespace h2::inline v0
