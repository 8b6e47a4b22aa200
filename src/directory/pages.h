// Memory that comes from the kernel and goes back to it: what is freed is not resident any more,
// whatever the allocator keeps.
#pragma once

#include <cstddef>
#include <utility>

namespace causeway::directory {

class Pages {
 public:
  static constexpr std::size_t kHuge = 2 << 20;
  enum class Size : unsigned char { kSmall, kHuge };

  Pages() = default;
  // Zeroed. kHuge: in huge pages, where the kernel has them; `bytes` is a multiple of kHuge.
  // std::bad_alloc when there is none.
  Pages(std::size_t bytes, Size size);
  ~Pages();
  Pages(Pages&& o) noexcept : data_(std::exchange(o.data_, nullptr)), bytes_(o.bytes_) {}
  Pages& operator=(Pages&& o) noexcept {
    std::swap(data_, o.data_);
    std::swap(bytes_, o.bytes_);
    return *this;
  }
  [[nodiscard]] void* data() const { return data_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace causeway::directory
