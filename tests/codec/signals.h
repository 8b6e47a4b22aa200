// Signals and measures for the tests of the codecs.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <span>
#include <vector>

namespace causeway::codec::testing {

using Pcm = std::vector<std::int16_t>;

inline Pcm tone(double hz, std::uint32_t rate, std::size_t samples, double level = 8000) {
  Pcm out(samples);
  for (std::size_t i = 0; i < samples; ++i) {
    const double t = static_cast<double>(i) / rate;
    out[i] = static_cast<std::int16_t>(std::lrint(level * std::sin(2 * std::numbers::pi * hz * t)));
  }
  return out;
}

// A voice of a kind: harmonics of a gliding pitch, in syllables.
inline Pcm voice(std::uint32_t rate, std::size_t samples, double top_hz = 3400) {
  Pcm out(samples);
  double phase = 0;
  for (std::size_t i = 0; i < samples; ++i) {
    const double t = static_cast<double>(i) / rate;
    const double pitch = 120 + 30 * std::sin(2 * std::numbers::pi * 0.7 * t);
    phase += 2 * std::numbers::pi * pitch / rate;
    double s = 0;
    for (int k = 1; k * 150 < top_hz; ++k) s += std::sin(k * phase) / k;
    const double syllable = 0.5 - 0.5 * std::cos(2 * std::numbers::pi * 3 * t);
    out[i] = static_cast<std::int16_t>(std::lrint(5000 * syllable * s));
  }
  return out;
}

inline double rms(std::span<const std::int16_t> s) {
  double sum = 0;
  for (const std::int16_t v : s) sum += static_cast<double>(v) * v;
  return s.empty() ? 0 : std::sqrt(sum / static_cast<double>(s.size()));
}

// Level of one frequency (Goertzel), as the peak of a sine of that level.
inline double level_at(std::span<const std::int16_t> s, double hz, std::uint32_t rate) {
  const double w = 2 * std::numbers::pi * hz / rate;
  double re = 0;
  double im = 0;
  for (std::size_t i = 0; i < s.size(); ++i) {
    re += s[i] * std::cos(w * static_cast<double>(i));
    im += s[i] * std::sin(w * static_cast<double>(i));
  }
  return 2 * std::hypot(re, im) / static_cast<double>(s.size());
}

// Signal to noise in dB of `got` against `want`, at the delay (up to `most` samples) at which it is
// best.
inline double snr(std::span<const std::int16_t> want, std::span<const std::int16_t> got,
                  std::size_t most) {
  double best = -100;
  for (std::size_t delay = 0; delay <= most; ++delay) {
    double signal = 0;
    double noise = 1;
    for (std::size_t i = 0; i + delay < got.size() && i < want.size(); ++i) {
      const double d = static_cast<double>(want[i]) - got[i + delay];
      signal += static_cast<double>(want[i]) * want[i];
      noise += d * d;
    }
    best = std::max(best, 10 * std::log10(signal / noise));
  }
  return best;
}

}  // namespace causeway::codec::testing
