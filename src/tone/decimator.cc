#include "tone/decimator.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

namespace causeway::tone {

// Windowed sinc (Hamming), 6 dB down at 4 kHz; eight taps for each output sample's worth of input
// keep 2 kHz within 0.3 dB and what folds onto it 40 dB down.
Decimator::Decimator(std::uint32_t rate) : factor_(rate / kDetectorRate), length_(8 * factor_) {
  double sum = 0;
  const double middle = static_cast<double>(length_ - 1) / 2.0;
  for (std::size_t i = 0; i < length_; ++i) {
    const double t = (static_cast<double>(i) - middle) / static_cast<double>(factor_);
    const double window = 0.54 - 0.46 * std::cos(2 * std::numbers::pi * static_cast<double>(i) /
                                                 static_cast<double>(length_ - 1));
    taps_[i] = static_cast<float>(std::sin(std::numbers::pi * t) / (std::numbers::pi * t) * window);
    sum += taps_[i];
  }
  for (std::size_t i = 0; i < length_; ++i) taps_[i] /= static_cast<float>(sum);
}

std::size_t Decimator::run(std::span<const std::int16_t> in, std::span<float> out) {
  in = in.first(std::min(in.size(), wants(std::min(out.size(), kMaxOut))));
  if (factor_ == 1) {
    std::copy(in.begin(), in.end(), out.begin());
    return in.size();
  }
  // Four floats that the compiler keeps in one register.
  using Four [[gnu::vector_size(16)]] = float;
  // What the next sample out looks back on, then what has come in towards it.
  const std::size_t held = length_ - factor_ + waiting_;
  std::copy(in.begin(), in.end(), past_.begin() + static_cast<std::ptrdiff_t>(held));
  const std::size_t count = (waiting_ + in.size()) / factor_;
  waiting_ = (waiting_ + in.size()) % factor_;
  for (std::size_t n = 0; n < count; ++n) {
    Four sum{};
    const float* const p = &past_[n * factor_];
    for (std::size_t i = 0; i < length_; i += 4) {
      Four x;
      Four tap;
      std::memcpy(&x, p + i, sizeof x);
      std::memcpy(&tap, &taps_[i], sizeof tap);
      sum += x * tap;
    }
    out[n] = sum[0] + sum[1] + sum[2] + sum[3];
  }
  std::copy_n(past_.begin() + static_cast<std::ptrdiff_t>(count * factor_),
              length_ - factor_ + waiting_, past_.begin());
  return count;
}

}  // namespace causeway::tone
