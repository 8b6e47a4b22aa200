// Judges audio by its content: is this the tone that was played, the speech that was spoken, or
// silence? And how good was the stream. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/time.h"
#include "lab/audio.h"

namespace causeway::lab {

// One received RTP packet, decoded.
struct Frame {
  Instant at;
  std::uint32_t ssrc = 0, timestamp = 0;
  std::uint16_t sequence = 0;
  std::array<std::int16_t, kFrameSamples> pcm{};
};

inline constexpr std::size_t kMaxFrames = 6000;  // two minutes

// Share of the energy of `pcm` that lies at `hertz`, 0 to 1 (Goertzel over blocks of 50 ms).
[[nodiscard]] double tone_share(std::span<const std::int16_t> pcm, double hertz);
[[nodiscard]] double rms(std::span<const std::int16_t> pcm);
// Best normalised correlation of `pcm` with a piece of the looped `reference`, 0 to 1.
[[nodiscard]] double speech_likeness(std::span<const std::int16_t> pcm,
                                     std::span<const std::int16_t> reference);

struct StreamQuality {
  std::size_t packets = 0, expected = 0, lost = 0, duplicates = 0, ssrc_changes = 0;
  double jitter_ms = 0;  // RFC 3550 6.4.1, the largest seen
  double loss() const {
    return expected == 0 ? 0 : static_cast<double>(lost) / static_cast<double>(expected);
  }
};
[[nodiscard]] StreamQuality quality_of(std::span<const Frame> frames);

// What should be heard in a stretch of time.
struct Stretch {
  Instant from, until;
  Sound sound;  // Content::kNothing: silence
};

struct Heard {
  bool good = false;
  double score = 0;  // tone share, likeness, or rms for silence
  std::string what;  // for a person: "tone 440 Hz, 99.8 % of the energy"
};
[[nodiscard]] Heard judge_stretch(std::span<const Frame> frames, const Stretch& stretch);

// The samples of the frames in order of their timestamps, gaps filled with silence.
[[nodiscard]] std::vector<std::int16_t> assemble(std::span<const Frame> frames);

}  // namespace causeway::lab
