// L16 (RFC 3551 4.5.11): 16-bit samples in network order.
#include <algorithm>

#include "codec/parts.h"

namespace causeway::codec {

namespace {

class L16Decoder final : public Decoder {
 public:
  std::size_t decode(std::span<const std::byte> payload, std::span<std::int16_t> out) override {
    const std::size_t samples = payload.size() / 2;
    if (payload.size() % 2 != 0 || samples > std::min(kMaxPayload / 2, out.size())) return 0;
    for (std::size_t i = 0; i < samples; ++i) {
      const auto high = std::to_integer<std::uint16_t>(payload[2 * i]);
      const auto low = std::to_integer<std::uint16_t>(payload[2 * i + 1]);
      out[i] = static_cast<std::int16_t>(static_cast<std::uint16_t>(high << 8 | low));
    }
    return samples;
  }
  void conceal(std::span<std::int16_t> out, std::span<const std::byte> /*next*/) override {
    std::ranges::fill(out, std::int16_t{0});
  }
};

class L16Encoder final : public Encoder {
 public:
  std::size_t encode(std::span<const std::int16_t> pcm, std::span<std::byte> out) override {
    if (2 * pcm.size() > out.size()) return 0;
    for (std::size_t i = 0; i < pcm.size(); ++i) {
      const auto sample = static_cast<std::uint16_t>(pcm[i]);
      out[2 * i] = static_cast<std::byte>(sample >> 8);
      out[2 * i + 1] = static_cast<std::byte>(sample & 0xFF);
    }
    return 2 * pcm.size();
  }
};

}  // namespace

DecoderPart make_l16_decoder() { return std::make_unique<L16Decoder>(); }
EncoderPart make_l16_encoder() { return std::make_unique<L16Encoder>(); }

}  // namespace causeway::codec
