// Speech that nobody's ears wrote: rendered once by espeak-ng and flite into the build directory,
// at the sample rate that is asked for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "codec/signals.h"

namespace causeway::codec::testing {

struct Voice {
  std::string name;
  Pcm pcm;
};
// Empty when neither program is installed.
const std::vector<Voice>& speech(std::uint32_t rate);

// At a quality at which what it takes away is no matter (speexdsp, 10 of 10), without its delay.
Pcm resampled(const Pcm& in, std::uint32_t from, std::uint32_t to);

struct Measure {
  double segmental_snr = 0;      // dB, higher is better
  double spectral_distance = 0;  // dB, lower is better
};
// Of `got` against `want`, both at `rate`, aligned by their correlation (up to 60 ms), over frames
// of 20 ms in which somebody speaks, below `top_hz`.
Measure measure(const Pcm& want, const Pcm& got, std::uint32_t rate, double top_hz);

}  // namespace causeway::codec::testing
