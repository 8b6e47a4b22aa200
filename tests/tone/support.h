// Signals for the tests of tones: sines, noise, G.711 there and back, and speech.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/random.h"

namespace causeway::tone::test {

using Pcm = std::vector<std::int16_t>;

[[nodiscard]] Pcm silence(double ms, std::uint32_t rate);
// Sum of sines, each with its own level in dBm0; abrupt ends.
struct Sine {
  double hertz;
  double dbm0;
};
[[nodiscard]] Pcm sines(const std::vector<Sine>& s, double ms, std::uint32_t rate);
void add_noise(Pcm& pcm, double dbm0, Random& random);
void append(Pcm& to, const Pcm& what);
enum class Law : std::uint8_t { kNone, kA, kU };
void compand(Pcm& pcm, Law law);
// In dBm0 of a sine with the same power; -100 for nothing.
[[nodiscard]] double level(std::span<const std::int16_t> pcm);

// espeak-ng at its own rate, brought to 8 kHz; empty when it is not installed.
[[nodiscard]] Pcm speech(const std::string& voice, const std::string& text);
// So many seconds of it; rendered once per process.
[[nodiscard]] const Pcm& reading(const std::string& voice, double seconds);
[[nodiscard]] const std::vector<std::string>& voices();
[[nodiscard]] Pcm at_rate(const Pcm& pcm, std::uint32_t from, std::uint32_t to);

}  // namespace causeway::tone::test
