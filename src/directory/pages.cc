#include "directory/pages.h"

#include <sys/mman.h>

#include <cstdint>
#include <new>

namespace causeway::directory {

Pages::Pages(std::size_t bytes, Size size) : bytes_(bytes) {
  const std::size_t more = size == Size::kHuge ? kHuge : 0;  // to begin at a huge page
  void* map =
      ::mmap(nullptr, bytes + more, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (map == MAP_FAILED) throw std::bad_alloc();
  data_ = map;
  if (size == Size::kSmall) return;
  auto* const begin = static_cast<std::byte*>(map);
  const std::size_t skip = (kHuge - reinterpret_cast<std::uintptr_t>(begin) % kHuge) % kHuge;
  if (skip != 0) ::munmap(begin, skip);
  ::munmap(begin + skip + bytes, kHuge - skip);
  data_ = begin + skip;
  (void)::madvise(data_, bytes, MADV_HUGEPAGE);  // small pages do as well
}

Pages::~Pages() {
  if (data_ != nullptr) ::munmap(data_, bytes_);
}

}  // namespace causeway::directory
