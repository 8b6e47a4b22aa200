// PCM of 8, 16, 32 or 48 kHz as floats at 8 kHz, for detectors. What lies over 2 kHz may alias into
// what lies over 2 kHz: tones of the telephone band below it are kept as they are. A value; nothing
// allocates.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace causeway::tone {

inline constexpr std::uint32_t kDetectorRate = 8'000;
[[nodiscard]] constexpr bool detector_rate(std::uint32_t rate) {
  return rate == 8'000 || rate == 16'000 || rate == 32'000 || rate == 48'000;
}

class Decimator {
 public:
  static constexpr std::size_t kMaxOut = 80;  // samples at 8 kHz at once

  explicit Decimator(std::uint32_t rate);  // of detector_rate()
  // How many samples complete that many at 8 kHz.
  [[nodiscard]] std::size_t wants(std::size_t out) const { return out * factor_ - waiting_; }
  // Takes at most wants(kMaxOut) samples and no more than complete `out`; says how many came out.
  std::size_t run(std::span<const std::int16_t> in, std::span<float> out);

 private:
  static constexpr std::size_t kMaxFactor = 6;
  static constexpr std::size_t kMaxTaps = 8 * kMaxFactor;
  std::array<float, kMaxTaps> taps_{};
  std::array<float, kMaxTaps + kMaxOut * kMaxFactor> past_{};
  std::size_t factor_;
  std::size_t length_;
  std::size_t waiting_ = 0;  // samples towards the next one out
};

}  // namespace causeway::tone
