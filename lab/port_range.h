// Which ports media lies at. The caller tries to bind each.
#pragma once

#include <cstdint>

namespace causeway::lab {

class PortRange {
 public:
  PortRange(std::uint16_t first, std::uint16_t last) : first_(first), last_(last), next_(first) {}
  // Even where the first is; round and round.
  std::uint16_t take() {
    const std::uint16_t p = next_;
    next_ = static_cast<std::uint16_t>(next_ + 2 > last_ - 1 ? first_ : next_ + 2);
    return p;
  }

 private:
  std::uint16_t first_, last_, next_;
};

}  // namespace causeway::lab
