// Listens for fax machines and modems in G.711 as it comes, beside whatever becomes of it. Belongs
// to the leg that receives; nothing allocates after make().
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "codec/codec.h"
#include "tone/fax_detector.h"

namespace causeway::media {

class FaxEar {
 public:
  // null: none of them is G.711.
  [[nodiscard]] static std::unique_ptr<FaxEar> make(const std::vector<sdp::Codec>& codecs);

  // A payload of that number; others than G.711 are passed over.
  [[nodiscard]] std::optional<tone::FaxTone> hear(std::uint8_t type,
                                                  std::span<const std::byte> payload);

 private:
  struct Law {
    std::uint8_t type;
    std::unique_ptr<codec::Decoder> decoder;
  };
  std::vector<Law> laws_;
  std::optional<tone::FaxDetector> detector_;  // from the first packet on
};

}  // namespace causeway::media
