// A sine by table. Pure; a value.
#pragma once

#include <cstdint>

namespace causeway::tone {

class Oscillator {
 public:
  Oscillator() = default;
  Oscillator(double hertz, std::uint32_t rate);
  [[nodiscard]] float next();  // -1 to 1; the first is 0

 private:
  std::uint32_t phase_ = 0;  // of 2^32
  std::uint32_t step_ = 0;
};

}  // namespace causeway::tone
