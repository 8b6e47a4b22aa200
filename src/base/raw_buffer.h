// Storage whose contents nobody has read yet: a fixed number of elements, not set to zero, so that
// what a call never uses costs it no pages.
#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

namespace causeway {

template <class T>
class RawBuffer {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  RawBuffer() = default;
  RawBuffer(RawBuffer&& o) noexcept
      : items_(std::move(o.items_)), size_(std::exchange(o.size_, 0)) {}
  RawBuffer& operator=(RawBuffer&& o) noexcept {
    items_ = std::move(o.items_);
    size_ = std::exchange(o.size_, 0);
    return *this;
  }
  // `size` elements of any value.
  explicit RawBuffer(std::size_t size)
      : items_(std::make_unique_for_overwrite<T[]>(size)), size_(size) {}

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] T* data() { return items_.get(); }
  [[nodiscard]] const T* data() const { return items_.get(); }
  [[nodiscard]] T* begin() { return data(); }
  [[nodiscard]] const T* begin() const { return data(); }
  [[nodiscard]] T* end() { return data() + size_; }
  [[nodiscard]] const T* end() const { return data() + size_; }

 private:
  std::unique_ptr<T[]> items_;
  std::size_t size_ = 0;
};

}  // namespace causeway
