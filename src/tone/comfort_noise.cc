#include "tone/comfort_noise.h"

#include <algorithm>
#include <cmath>

#include "tone/level.h"

namespace causeway::tone {
namespace {

// Coefficients at one would ring for ever.
constexpr double kLargest = 0.98;
constexpr float kStep = 1.0F / 4;  // towards the target, at each block
constexpr std::size_t kBlock = 40;

}  // namespace

void ComfortNoiseEncoder::add(std::span<const std::int16_t> pcm) {
  if (pcm.size() <= kNoiseOrder) return;
  const double n = static_cast<double>(pcm.size());
  const double share = any_ ? 0.2 : 1.0;  // of packets of 20 ms
  for (std::size_t lag = 0; lag <= kNoiseOrder; ++lag) {
    double sum = 0;
    for (std::size_t i = lag; i < pcm.size(); ++i) sum += double{1} * pcm[i] * pcm[i - lag];
    correlation_[lag] += share * (sum / n - correlation_[lag]);
  }
  any_ = true;
}

int ComfortNoiseEncoder::level() const {
  const double power = correlation_[0] / (kFullScale * kFullScale);
  if (power < 2e-13) return 127;
  return std::clamp(static_cast<int>(std::lrint(-10 * std::log10(power))), 0, 127);
}

std::size_t ComfortNoiseEncoder::encode(std::span<std::byte> out, std::size_t order) const {
  order = std::min(order, kNoiseOrder);
  if (!any_ || out.size() < 1 + order) return 0;
  out[0] = static_cast<std::byte>(level());
  // Levinson-Durbin; a little white noise keeps it stable.
  std::array<double, kNoiseOrder + 1> a{};
  a[0] = 1;
  double error = correlation_[0] * 1.0001 + 1;
  for (std::size_t m = 1; m <= order; ++m) {
    double sum = correlation_[m];
    for (std::size_t i = 1; i < m; ++i) sum += a[i] * correlation_[m - i];
    const double k = std::clamp(-sum / error, -kLargest, kLargest);
    auto next = a;
    next[m] = k;
    for (std::size_t i = 1; i < m; ++i) next[i] = a[i] + k * a[m - i];
    a = next;
    error *= 1 - k * k;
    out[m] =
        static_cast<std::byte>(std::clamp(static_cast<int>(std::lrint(k * 127)) + 127, 0, 254));
  }
  return 1 + order;
}

bool ComfortNoiseGenerator::update(std::span<const std::byte> payload) {
  if (payload.empty() || (payload[0] & std::byte{0x80}) != std::byte{0}) return false;
  const int level = std::to_integer<int>(payload[0]);
  target_.fill(0);
  const std::size_t order = std::min(payload.size() - 1, kNoiseOrder);
  double left = 1;  // of the power, when the spectrum is flattened
  for (std::size_t i = 0; i < order; ++i) {
    const double k = std::clamp((std::to_integer<int>(payload[1 + i]) - 127) * 258 / 32'768.0,
                                -kLargest, kLargest);
    target_[i] = static_cast<float>(k);
    left *= 1 - k * k;
  }
  // Uniform noise in +-1 has a third of the power.
  const double rms = kFullScale * std::pow(10.0, -level / 20.0);
  target_gain_ = static_cast<float>(rms * std::sqrt(3 * left));
  limit_ = static_cast<float>(5 * rms);
  if (!begun_) {
    reflection_ = target_;
    gain_ = target_gain_;
    begun_ = true;
  }
  return true;
}

void ComfortNoiseGenerator::fill(std::span<std::int16_t> pcm) {
  for (std::size_t n = 0; n < pcm.size(); ++n) {
    if (n % kBlock == 0) {
      gain_ += kStep * (target_gain_ - gain_);
      for (std::size_t i = 0; i < kNoiseOrder; ++i)
        reflection_[i] += kStep * (target_[i] - reflection_[i]);
    }
    seed_ = seed_ * 1'664'525u + 1'013'904'223u;
    float f = static_cast<float>(static_cast<std::int32_t>(seed_)) / 2'147'483'648.0F * gain_;
    // All-pole lattice: stable whenever every coefficient is under one, also while they move.
    for (std::size_t i = kNoiseOrder; i-- > 0;) {
      f -= reflection_[i] * state_[i];
      state_[i + 1] = state_[i] + reflection_[i] * f;
    }
    state_[0] = f;
    // What rings on from a description with sharp resonances is not heard under the next one.
    if (std::abs(f) > limit_) {
      const float shrink = limit_ / std::abs(f);
      for (float& b : state_) b *= shrink;
      f *= shrink;
    }
    pcm[n] = to_pcm(f);
  }
}

}  // namespace causeway::tone
