#include "media/fax_ear.h"

#include <array>

namespace causeway::media {

std::unique_ptr<FaxEar> FaxEar::make(const std::vector<sdp::Codec>& codecs) {
  auto ear = std::make_unique<FaxEar>();
  for (const sdp::Codec& c : codecs) {
    const auto kind = codec::known(c);
    if (!kind || (*kind != codec::Kind::kPcmu && *kind != codec::Kind::kPcma)) continue;
    auto decoder = codec::make_decoder(c, 8'000);
    if (decoder) ear->laws_.push_back({c.pt.value, std::move(*decoder)});
  }
  if (ear->laws_.empty()) return nullptr;
  return ear;
}

std::optional<tone::FaxTone> FaxEar::hear(std::uint8_t type, std::span<const std::byte> payload) {
  for (const Law& l : laws_) {
    if (l.type != type) continue;
    std::array<std::int16_t, codec::kMaxSamples> pcm;
    const std::size_t n = l.decoder->decode(payload, pcm);
    if (!detector_) detector_.emplace(8'000);
    return detector_->process(std::span<const std::int16_t>(pcm).first(n));
  }
  return std::nullopt;
}

}  // namespace causeway::media
