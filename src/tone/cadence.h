// Call progress tones: what sounds, in which rhythm (ITU-T E.180), and a player of it. Pure; the
// player is a value and allocates nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "tone/oscillator.h"

namespace causeway::tone {

// At most two frequencies at once; none is silence.
struct Tone {
  std::array<std::uint16_t, 2> hertz{};
  friend bool operator==(const Tone&, const Tone&) = default;
};

struct Cadence {
  struct Step {
    Tone tone;
    Millis length{0};
    friend bool operator==(const Step&, const Step&) = default;
  };
  static constexpr std::size_t kSteps = 8;
  std::array<Step, kSteps> steps{};
  std::uint8_t count = 0;
  double level = -10;  // dBm0 of each frequency (E.180 6)
  [[nodiscard]] Millis period() const;
  friend bool operator==(const Cadence&, const Cadence&) = default;
};

// "400+450/400,0/200,400+450/400,0/2000": frequencies in Hz over milliseconds; 0 is silence.
[[nodiscard]] Result<Cadence> parse_cadence(std::string_view text);
[[nodiscard]] std::string to_string(const Cadence& c);

enum class Signal : std::uint8_t { kRingback, kBusy, kCongestion };
// By the two letters of ISO 3166, either case; UK is GB. nullptr: not in the table.
[[nodiscard]] const Cadence* cadence_of(std::string_view country, Signal signal);
// What E.180 recommends to networks that begin anew.
[[nodiscard]] const Cadence& recommended_cadence(Signal signal);
[[nodiscard]] std::span<const std::string_view> countries();

// Repeats a cadence for as long as it is asked to.
class TonePlayer {
 public:
  TonePlayer(std::uint32_t rate, const Cadence& cadence);
  void fill(std::span<std::int16_t> pcm);  // overwrites
  void restart();

 private:
  void enter(std::size_t step);

  Cadence cadence_;
  std::array<Oscillator, 2> oscillators_;
  std::uint32_t rate_;
  std::uint32_t ramp_;
  std::uint64_t at_ = 0;      // samples into the step
  std::uint64_t length_ = 0;  // of the step
  std::size_t step_ = 0;
  float amplitude_;
};

}  // namespace causeway::tone
