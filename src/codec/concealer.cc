#include "codec/concealer.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace causeway::codec {

namespace {

// Pitch of a voice: 66 to 400 Hz.
constexpr std::size_t kLongestUs = 15'000;
constexpr std::size_t kShortestUs = 2'500;
// What is compared: 20 ms hold one or two periods of any voice.
constexpr std::size_t kSpanUs = 20'000;
// A guess is worth less with every millisecond; it is silent after so many.
constexpr std::size_t kFadeMs = 50;
// Below this the sound has no pitch: a long cycle is less of a buzz.
constexpr float kVoiced = 0.5F;
constexpr std::size_t kCoarseRate = 8'000;
constexpr std::size_t kCoarseSpan = kCoarseRate * kSpanUs / 1'000'000;
constexpr std::size_t kCoarseLongest = kCoarseRate * kLongestUs / 1'000'000;
constexpr std::size_t kCoarseShortest = kCoarseRate * kShortestUs / 1'000'000;
// 44,100 Hz thinned to one in five is a little faster than 8 kHz.
constexpr std::size_t kCoarseRoom = (kCoarseSpan + kCoarseLongest) * 2;

std::int16_t to_sample(float v) {
  return static_cast<std::int16_t>(std::lrintf(std::clamp(v, -32768.0F, 32767.0F)));
}

// Four sums at a time: the compiler may not change the order of one.
float dot(const float* a, const float* b, std::size_t n) {
  std::array<float, 4> sums{};
  for (std::size_t i = 0; i + 4 <= n; i += 4) {
    for (std::size_t k = 0; k < 4; ++k) sums[k] += a[i + k] * b[i + k];
  }
  return sums[0] + sums[1] + sums[2] + sums[3];
}

}  // namespace

LossFade::LossFade(std::uint32_t rate) : hold_(rate / 10), fade_(rate / 10) {}

void LossFade::apply(std::span<std::int16_t> guess) {
  for (std::int16_t& s : guess) {
    const std::size_t over = missing_ > hold_ ? missing_ - hold_ : 0;
    if (over >= fade_) {
      s = 0;
      continue;
    }
    if (over > 0) {
      s = static_cast<std::int16_t>(static_cast<std::int64_t>(s) *
                                    static_cast<std::int64_t>(fade_ - over) /
                                    static_cast<std::int64_t>(fade_));
    }
    ++missing_;
  }
}

Concealer::Concealer(std::uint32_t rate)
    : rate_(rate),
      thin_(std::max<std::size_t>(1, rate / kCoarseRate)),
      longest_(rate_ * kLongestUs / 1'000'000),
      span_(rate_ * kSpanUs / 1'000'000),
      fade_(rate_ * kFadeMs / 1000),
      history_(span_ + longest_ + longest_ / 4),
      cycle_(longest_ + thin_ + 1) {}

void Concealer::reset() {
  std::ranges::fill(history_, std::int16_t{0});
  missing_ = 0;
}

void Concealer::remember(std::span<const std::int16_t> pcm) {
  if (pcm.size() >= history_.size()) {
    std::ranges::copy(pcm.last(history_.size()), history_.begin());
    return;
  }
  std::copy(history_.begin() + static_cast<std::ptrdiff_t>(pcm.size()), history_.end(),
            history_.begin());
  std::ranges::copy(pcm, history_.end() - static_cast<std::ptrdiff_t>(pcm.size()));
}

void Concealer::heard(std::span<std::int16_t> pcm) {
  if (missing_ > 0) {
    // The guess goes on for a quarter of a period below the packet's beginning.
    const std::size_t blend = std::min(pcm.size(), std::max<std::size_t>(1, period_ / 4));
    for (std::size_t i = 0; i < blend; ++i) {
      const float w = static_cast<float>(i + 1) / static_cast<float>(blend + 1);
      pcm[i] = to_sample(w * static_cast<float>(pcm[i]) + (1.0F - w) * next_sample());
    }
    missing_ = 0;
  }
  remember(pcm);
}

std::size_t Concealer::coarse_lag() const {
  std::array<float, kCoarseRoom> thinned{};
  const std::size_t n = std::min(kCoarseRoom, (span_ + longest_) / thin_);
  const std::int16_t* from = history_.data() + history_.size() - n * thin_;
  for (std::size_t i = 0; i < n; ++i) {
    float sum = 0;
    for (std::size_t k = 0; k < thin_; ++k) sum += static_cast<float>(from[i * thin_ + k]);
    thinned[i] = sum / static_cast<float>(thin_);
  }
  const std::size_t span = span_ / thin_;
  const float* newest = thinned.data() + n - span;
  std::size_t best = 0;
  float best_match = kVoiced;
  const std::size_t longest = n - span;
  const std::size_t shortest = kCoarseShortest * longest / kCoarseLongest;
  const float energy = dot(newest, newest, span);
  float energy_before = dot(newest - shortest, newest - shortest, span);
  for (std::size_t lag = shortest; lag <= longest; ++lag) {
    const float* before = newest - lag;
    // What is compared moves back by one sample.
    if (lag > shortest) {
      energy_before += before[0] * before[0] - before[span] * before[span];
      energy_before = std::max(energy_before, 0.0F);  // rounding
    }
    const float cross = dot(newest, before, span);
    const float match = cross <= 0 ? 0 : cross / std::sqrt(energy * energy_before + 1.0F);
    // A multiple of the period fits as well as the period; the shorter one is meant.
    if (match > best_match * (best == 0 ? 1.0F : 1.02F)) {
      best_match = match;
      best = lag;
    }
  }
  return best == 0 ? longest_ : best * thin_;
}

void Concealer::find_period() {
  period_ = coarse_lag();
  if (thin_ > 1 && period_ < longest_) {
    // The lag to a sample, by the smallest difference.
    const std::int16_t* end = history_.data() + history_.size();
    const std::size_t centre = period_;
    std::int64_t least = INT64_MAX;
    for (std::size_t lag = centre - thin_; lag <= std::min(centre + thin_, longest_); ++lag) {
      std::int64_t difference = 0;
      for (std::size_t i = 1; i <= span_; ++i) {
        difference += std::abs(int{*(end - i)} - int{*(end - i - lag)});
      }
      if (difference < least) {
        least = difference;
        period_ = lag;
      }
    }
  }
  // The last quarter of the cycle glides into what came before its start, so that it can go round.
  const std::size_t blend = period_ / 4;
  const std::int16_t* cycle = history_.data() + history_.size() - period_;
  for (std::size_t i = 0; i < period_; ++i) cycle_[i] = static_cast<float>(cycle[i]);
  for (std::size_t i = 0; i < blend; ++i) {
    const float w = static_cast<float>(i + 1) / static_cast<float>(blend + 1);
    float& s = cycle_[period_ - blend + i];
    const std::int16_t* before = cycle - static_cast<std::ptrdiff_t>(blend - i);
    s = (1.0F - w) * s + w * static_cast<float>(*before);
  }
  at_ = 0;
}

float Concealer::gain() const {
  if (missing_ >= fade_) return 0.0F;
  return static_cast<float>(fade_ - missing_) / static_cast<float>(fade_);
}

float Concealer::next_sample() {
  if (period_ == 0) return 0;
  const float s = cycle_[at_] * gain();
  if (++at_ == period_) at_ = 0;
  ++missing_;
  return s;
}

void Concealer::fill(std::span<std::int16_t> out) {
  std::size_t done = 0;
  if (missing_ == 0) {
    find_period();
    // The end of what was heard, backwards, below the first quarter of a period: no step at the
    // seam.
    const std::size_t blend = std::min(out.size(), period_ / 4);
    for (; done < blend; ++done) {
      const float w = static_cast<float>(done + 1) / static_cast<float>(blend + 1);
      const auto mirrored = static_cast<float>(history_[history_.size() - 1 - done]);
      out[done] = to_sample(w * next_sample() + (1.0F - w) * mirrored);
    }
  }
  for (; done < out.size() && missing_ < fade_; ++done) out[done] = to_sample(next_sample());
  std::fill(out.begin() + static_cast<std::ptrdiff_t>(done), out.end(), std::int16_t{0});
  remember(out);
}

}  // namespace causeway::codec
