// A growing array over a MemoryResource whose growth may fail instead of throwing.
// Tested by tests/hpack/vector_test.cc.
#ifndef H2_HPACK_VECTOR_H_
#define H2_HPACK_VECTOR_H_

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "hpack/memory.h"

namespace h2::inline v0 {

// Move-only. A call that returns false has changed nothing. The resource must outlive the vector.
template <class T>
class Vector {
 public:
  explicit Vector(MemoryResource& memory) : memory_(&memory) {}
  ~Vector() { release(); }
  Vector(Vector&& other) noexcept
      : memory_(other.memory_),
        data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  Vector& operator=(Vector&& other) noexcept {
    if (this != &other) {
      release();
      memory_ = other.memory_;
      data_ = std::exchange(other.data_, nullptr);
      size_ = std::exchange(other.size_, 0);
      capacity_ = std::exchange(other.capacity_, 0);
    }
    return *this;
  }
  Vector(const Vector&) = delete;
  Vector& operator=(const Vector&) = delete;

  [[nodiscard]] bool reserve(std::size_t wanted) {
    if (wanted <= capacity_) return true;
    if (wanted > static_cast<std::size_t>(-1) / 2 / sizeof(T)) return false;
    auto* bigger = static_cast<T*>(memory_->allocate(wanted * sizeof(T), alignof(T)));
    if (bigger == nullptr) return false;
    if constexpr (std::is_trivially_copyable_v<T>) {
      if (size_ > 0) std::memcpy(static_cast<void*>(bigger), data_, size_ * sizeof(T));
    } else {
      for (std::size_t i = 0; i < size_; ++i) {
        new (bigger + i) T(std::move(data_[i]));
        data_[i].~T();
      }
    }
    if (data_ != nullptr) memory_->deallocate(data_, capacity_ * sizeof(T), alignof(T));
    data_ = bigger;
    capacity_ = wanted;
    return true;
  }
  [[nodiscard]] bool push_back(T item) {
    if (size_ == capacity_ && !grow(size_ + 1)) return false;
    new (data_ + size_) T(std::move(item));
    ++size_;
    return true;
  }
  // Room for `count` more items, at least doubling when it grows.
  [[nodiscard]] bool reserve_more(std::size_t count) {
    return capacity_ - size_ >= count || grow(size_ + count);
  }
  // As push_back, where reserve or reserve_more has made the room.
  void push_back_reserved(T item) {
    new (data_ + size_) T(std::move(item));
    ++size_;
  }
  // Copies `count` items (trivially copyable ones) to the end; they may not lie inside this vector.
  [[nodiscard]] bool append(const T* items,
                            std::size_t count) requires std::is_trivially_copyable_v<T> {
    if (count == 0) return true;
    if (capacity_ - size_ < count && !grow(size_ + count)) return false;
    std::memcpy(static_cast<void*>(data_ + size_), items, count * sizeof(T));
    size_ += count;
    return true;
  }
  // New items are value-initialised.
  [[nodiscard]] bool resize(std::size_t wanted) requires std::is_default_constructible_v<T> {
    if (wanted > capacity_ && !reserve(wanted)) return false;
    while (size_ > wanted) pop_back();
    for (; size_ < wanted; ++size_) new (data_ + size_) T();
    return true;
  }
  // As resize, but new items are left as they are in memory; for bytes that are written at once.
  [[nodiscard]] bool resize_uninitialized(
      std::size_t wanted) requires std::is_trivially_copyable_v<T> {
    if (wanted > capacity_ && !reserve(wanted)) return false;
    size_ = wanted;
    return true;
  }

  // Keeps the capacity.
  void clear() {
    if constexpr (!std::is_trivially_destructible_v<T>) {
      std::destroy(data_, data_ + size_);
    }
    size_ = 0;
  }
  // Gives the memory back.
  void release() {
    clear();
    if (data_ != nullptr) memory_->deallocate(data_, capacity_ * sizeof(T), alignof(T));
    data_ = nullptr;
    capacity_ = 0;
  }
  void pop_back() { data_[--size_].~T(); }
  // Removes the first `count` items by moving the rest to the front.
  void erase_front(std::size_t count) {
    if (count == 0) return;
    std::move(data_ + count, data_ + size_, data_);
    for (std::size_t i = 0; i < count; ++i) pop_back();
  }

  T* data() { return data_; }
  const T* data() const { return data_; }
  std::size_t size() const { return size_; }
  std::size_t capacity() const { return capacity_; }
  bool empty() const { return size_ == 0; }
  T& operator[](std::size_t i) { return data_[i]; }
  const T& operator[](std::size_t i) const { return data_[i]; }
  T& back() { return data_[size_ - 1]; }
  const T& back() const { return data_[size_ - 1]; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }
  MemoryResource& memory() const { return *memory_; }

 private:
  bool grow(std::size_t at_least) {
    const std::size_t least = sizeof(T) >= 16 ? 4 : 16;
    return reserve(std::max({at_least, capacity_ * 2, least}));
  }

  MemoryResource* memory_;
  T* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace h2::inline v0

#endif  // H2_HPACK_VECTOR_H_
