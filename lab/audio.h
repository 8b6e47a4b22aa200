// What the lab plays into a call: sine tones, and speech made with espeak-ng. 8 kHz, 16 bit, mono.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace causeway::lab {

inline constexpr int kSampleRate = 8000;
inline constexpr int kFrameSamples = 160;  // 20 ms

enum class Content : std::uint8_t { kNothing, kTone, kSpeech };

struct Sound {
  Content content = Content::kTone;
  double hertz = 440;
};

// Speech of some seconds, rendered once per process. Without espeak-ng it is a stand-in: tones that
// change every 80 ms in a fixed order, which correlate with themselves as speech does.
[[nodiscard]] std::shared_ptr<const std::vector<std::int16_t>> speech();
[[nodiscard]] bool speech_is_real();

// Endless source of one sound; time goes on in it while nothing is fetched (skip).
class SoundSource {
 public:
  explicit SoundSource(Sound sound);
  void fill(std::span<std::int16_t> out);
  void skip(std::size_t samples) { position_ += samples; }

 private:
  Sound sound_;
  std::shared_ptr<const std::vector<std::int16_t>> samples_;
  std::uint64_t position_ = 0;
};

// Any rate to 8 kHz by a windowed sinc; used on what espeak-ng writes.
[[nodiscard]] std::vector<std::int16_t> resample_to_8k(std::span<const std::int16_t> in, int rate);

}  // namespace causeway::lab
