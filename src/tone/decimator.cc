#include "tone/decimator.h"

#include <cmath>
#include <numbers>

namespace causeway::tone {

// Windowed sinc (Hamming), 6 dB down at 4 kHz; eight taps for each output sample's worth of input,
// at most, keep 2 kHz within 0.3 dB and what folds onto it 40 dB down.
Decimator::Decimator(std::uint32_t rate) : factor_(rate / kDetectorRate), length_(8 * factor_) {
  double sum = 0;
  const double middle = (length_ - 1) / 2.0;
  for (std::uint32_t i = 0; i < length_; ++i) {
    const double t = (i - middle) / factor_;
    const double window =
        0.54 - 0.46 * std::cos(2 * std::numbers::pi * i / static_cast<double>(length_ - 1));
    taps_[i] = static_cast<float>(std::sin(std::numbers::pi * t) / (std::numbers::pi * t) * window);
    sum += taps_[i];
  }
  for (std::uint32_t i = 0; i < length_; ++i) taps_[i] /= static_cast<float>(sum);
}

bool Decimator::push(std::int16_t in, float& out) {
  if (factor_ == 1) {
    out = in;
    return true;
  }
  past_[at_] = past_[at_ + length_] = in;
  at_ = at_ + 1 == length_ ? 0 : at_ + 1;
  if (++count_ < factor_) return false;
  count_ = 0;
  std::array<float, 4> sum{};
  const float* p = &past_[at_];
  for (std::uint32_t i = 0; i < length_; i += 4)
    for (std::uint32_t j = 0; j < 4; ++j) sum[j] += p[i + j] * taps_[i + j];
  out = sum[0] + sum[1] + sum[2] + sum[3];
  return true;
}

}  // namespace causeway::tone
