// PCM of 8, 16 or 48 kHz as floats at 8 kHz, for detectors. What lies over 2 kHz may alias into
// what lies over 2 kHz: tones of the telephone band below it are kept as they are. A value; nothing
// allocates.
#pragma once

#include <array>
#include <cstdint>

namespace causeway::tone {

inline constexpr std::uint32_t kDetectorRate = 8'000;
[[nodiscard]] constexpr bool detector_rate(std::uint32_t rate) {
  return rate == 8'000 || rate == 16'000 || rate == 32'000 || rate == 48'000;
}

class Decimator {
 public:
  explicit Decimator(std::uint32_t rate);  // of detector_rate()
  // True when a sample at 8 kHz has come out.
  [[nodiscard]] bool push(std::int16_t in, float& out);

 private:
  static constexpr std::size_t kMaxTaps = 48;
  std::array<float, kMaxTaps> taps_{};
  std::array<float, 2 * kMaxTaps> past_{};  // twice, so that the last taps are in one piece
  std::uint32_t factor_;
  std::uint32_t count_ = 0;
  std::uint32_t length_;
  std::uint32_t at_ = 0;
};

}  // namespace causeway::tone
