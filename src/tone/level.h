// Levels of 16-bit PCM. A sine at the overload point of G.711 A-law is 3.14 dBm0, and that point is
// full scale here. 0 dBov is the power of a full-scale square wave (RFC 3389 3).
#pragma once

#include <cmath>
#include <cstdint>

namespace causeway::tone {

inline constexpr double kOverloadDbm0 = 3.14;
inline constexpr double kFullScale = 32'768.0;

// Peak amplitude of a sine of that level.
[[nodiscard]] inline double amplitude_of(double dbm0) {
  return kFullScale * std::pow(10.0, (dbm0 - kOverloadDbm0) / 20.0);
}
// Level of a sine with that amplitude squared.
[[nodiscard]] inline double dbm0_of(double amplitude_squared) {
  return 10.0 * std::log10(amplitude_squared / (kFullScale * kFullScale) + 1e-12) + kOverloadDbm0;
}
[[nodiscard]] inline std::int16_t to_pcm(double v) {
  return static_cast<std::int16_t>(v >= 32'767.0    ? 32'767
                                   : v <= -32'768.0 ? -32'768
                                                    : std::lrint(v));
}

}  // namespace causeway::tone
