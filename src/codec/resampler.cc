#include "codec/resampler.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

namespace causeway::codec {

namespace {

// Taps at the lower of the two rates, and where between them the filter is half way down. More taps
// would be steeper, dearer and later.
constexpr std::size_t kTaps = 64;
constexpr double kCutoff = 0.95;
constexpr double kBeta = 6.0;  // of the Kaiser window: 60 dB
// Coefficients with 14 bits behind the point: no sum of a phase can pass 32 bits.
constexpr int kShift = 14;
// Of the input at a time: what heard_ has room for.
constexpr std::size_t kPiece = 960;

double bessel0(double x) {
  double sum = 1;
  double term = 1;
  for (int k = 1; k < 40; ++k) {
    term *= (x / (2 * k)) * (x / (2 * k));
    sum += term;
  }
  return sum;
}

std::int32_t dot(const std::int16_t* a, const std::int16_t* b, std::size_t n) {
#if defined(__SSE2__)
  __m128i sums = _mm_setzero_si128();
  __m128i more = _mm_setzero_si128();
  for (std::size_t i = 0; i < n; i += 16) {
    const auto at = [i](const std::int16_t* p, std::size_t k) {
      return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + i + k));
    };
    sums = _mm_add_epi32(sums, _mm_madd_epi16(at(a, 0), at(b, 0)));
    more = _mm_add_epi32(more, _mm_madd_epi16(at(a, 8), at(b, 8)));
  }
  sums = _mm_add_epi32(sums, more);
  sums = _mm_add_epi32(sums, _mm_shuffle_epi32(sums, _MM_SHUFFLE(1, 0, 3, 2)));
  sums = _mm_add_epi32(sums, _mm_shuffle_epi32(sums, _MM_SHUFFLE(2, 3, 0, 1)));
  return _mm_cvtsi128_si32(sums);
#else
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += std::int32_t{a[i]} * b[i];
  return sum;
#endif
}

// Phase p of output n is at p / up of a sample behind the newest but half of the taps.
std::vector<std::int16_t> make_filter(std::uint32_t up, std::uint32_t down, std::size_t taps) {
  std::vector<std::int16_t> filter(up * taps);
  // In units of the input's sample: the lower of the two rates decides.
  const double cutoff = kCutoff * std::min(1.0, static_cast<double>(up) / down);
  const double half = static_cast<double>(taps) / 2;
  for (std::uint32_t p = 0; p < up; ++p) {
    std::vector<double> exact(taps);
    double sum = 0;
    for (std::size_t k = 0; k < taps; ++k) {
      const double x = static_cast<double>(k) - half + 1 - static_cast<double>(p) / up;
      const double w =
          std::abs(x) >= half ? 0 : bessel0(kBeta * std::sqrt(1 - x / half * x / half));
      const double angle = std::numbers::pi * cutoff * x;
      exact[k] = (std::abs(x) < 1e-9 ? 1 : std::sin(angle) / angle) * w;
      sum += exact[k];
    }
    // What is constant stays as it is, at every phase.
    for (std::size_t k = 0; k < taps; ++k) {
      filter[p * taps + k] = static_cast<std::int16_t>(std::lrint(exact[k] / sum * (1 << kShift)));
    }
  }
  return filter;
}

}  // namespace

Resampler::Resampler(std::uint32_t from, std::uint32_t to) : from_(from), to_(to) {
  if (from == to) return;
  const std::uint32_t common = std::gcd(from, to);
  up_ = to / common;
  down_ = from / common;
  const std::size_t wide = from > to ? (kTaps * from + to - 1) / to : kTaps;
  taps_ = (wide + 15) / 16 * 16;
  filter_ = make_filter(up_, down_, taps_);
  heard_.resize(taps_ - 1 + kPiece);
}

void Resampler::reset() {
  std::ranges::fill(heard_, std::int16_t{0});
  phase_ = 0;
  ahead_ = 0;
}

std::size_t Resampler::process(std::span<const std::int16_t> in, std::span<std::int16_t> out) {
  if (from_ == to_) {
    const std::size_t n = std::min(in.size(), out.size());
    std::copy_n(in.begin(), n, out.begin());
    return n;
  }
  std::size_t made = 0;
  while (!in.empty()) {
    const std::size_t n = std::min(in.size(), kPiece);
    made += piece(in.first(n), out.subspan(made));
    in = in.subspan(n);
  }
  return made;
}

std::size_t Resampler::piece(std::span<const std::int16_t> in, std::span<std::int16_t> out) {
  std::ranges::copy(in, heard_.begin() + static_cast<std::ptrdiff_t>(taps_ - 1));
  std::size_t made = 0;
  std::size_t at = ahead_;  // the oldest sample of the next output
  const std::uint32_t whole = down_ / up_;
  const std::uint32_t part = down_ % up_;
  while (at < in.size()) {
    if (made < out.size()) {
      const std::int32_t sum = dot(heard_.data() + at, filter_.data() + phase_ * taps_, taps_);
      const std::int32_t rounded = (sum + (1 << (kShift - 1))) >> kShift;
      out[made++] = static_cast<std::int16_t>(std::clamp(rounded, -32768, 32767));
    }
    at += whole;
    phase_ += part;
    if (phase_ >= up_) {
      phase_ -= up_;
      ++at;
    }
  }
  ahead_ = at - in.size();
  std::copy_n(heard_.begin() + static_cast<std::ptrdiff_t>(in.size()), taps_ - 1, heard_.begin());
  return made;
}

}  // namespace causeway::codec
