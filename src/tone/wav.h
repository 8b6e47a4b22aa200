// Sound files for ringback, hold and announcements: read whole before calls use them (on the
// management thread), then shared and only read. Playing allocates nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace causeway::tone {

inline constexpr std::size_t kMaxWavBytes = 32u << 20;
inline constexpr std::uint32_t kMaxWavSeconds = 300;

// RIFF WAVE: PCM of 8 or 16 bits, G.711 of either law, one or two channels (mixed to one), 8 to
// 48 kHz.
struct WavFile {
  std::uint32_t rate = 0;
  std::vector<std::int16_t> samples;

  [[nodiscard]] static Result<WavFile> parse(std::span<const std::byte> file);
  [[nodiscard]] static Result<WavFile> load(const std::string& path);
};

// Ready to be played at one rate.
struct Clip {
  std::uint32_t rate = 0;
  std::vector<std::int16_t> samples;  // never empty
};
[[nodiscard]] std::shared_ptr<const Clip> make_clip(const WavFile& file, std::uint32_t rate);

// One file at every rate that PCM is made at here.
struct Sound {
  std::vector<std::shared_ptr<const Clip>> clips;
  [[nodiscard]] std::shared_ptr<const Clip> at(std::uint32_t rate) const;  // null: not made
};
[[nodiscard]] Result<std::shared_ptr<const Sound>> load_sound(const std::string& path);

// Repeats a clip.
class ClipPlayer {
 public:
  explicit ClipPlayer(std::shared_ptr<const Clip> clip) : clip_(std::move(clip)) {}
  void fill(std::span<std::int16_t> pcm);  // overwrites
  [[nodiscard]] std::uint32_t rate() const { return clip_->rate; }
  // How often it began anew.
  [[nodiscard]] std::uint32_t rounds() const { return rounds_; }

 private:
  std::shared_ptr<const Clip> clip_;
  std::size_t at_ = 0;
  std::uint32_t rounds_ = 0;
};

}  // namespace causeway::tone
