// What is played to a peer until somebody speaks: a tone in its rhythm, or a sound from a file.
#pragma once

#include <memory>
#include <span>
#include <utility>
#include <variant>

#include "tone/cadence.h"
#include "tone/wav.h"

namespace causeway::media {

class Player {
 public:
  Player(std::uint32_t rate, const tone::Cadence& cadence)
      : what_(tone::TonePlayer(rate, cadence)) {}
  explicit Player(std::shared_ptr<const tone::Clip> clip)
      : what_(tone::ClipPlayer(std::move(clip))) {}
  void fill(std::span<std::int16_t> pcm) {  // overwrites
    std::visit([&](auto& p) { p.fill(pcm); }, what_);
  }

 private:
  std::variant<tone::TonePlayer, tone::ClipPlayer> what_;
};

}  // namespace causeway::media
