#include "tone/oscillator.h"

#include <array>
#include <cmath>
#include <numbers>

namespace causeway::tone {
namespace {

constexpr unsigned kBits = 10;

// One more than a period, for interpolation: the error stays 100 dB under the tone.
const std::array<float, (1u << kBits) + 1> kSine = [] {
  std::array<float, (1u << kBits) + 1> t{};
  for (std::size_t i = 0; i < t.size(); ++i)
    t[i] = static_cast<float>(
        std::sin(2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(1u << kBits)));
  return t;
}();

}  // namespace

Oscillator::Oscillator(double hertz, std::uint32_t rate)
    : step_(static_cast<std::uint32_t>(std::llround(hertz / rate * 4'294'967'296.0))) {}

float Oscillator::next() {
  const std::uint32_t i = phase_ >> (32 - kBits);
  const float rest = static_cast<float>(phase_ & ((1u << (32 - kBits)) - 1)) /
                     static_cast<float>(1u << (32 - kBits));
  phase_ += step_;
  return kSine[i] + (kSine[i + 1] - kSine[i]) * rest;
}

}  // namespace causeway::tone
