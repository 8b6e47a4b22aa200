// G.711 by table: 256 entries to decode, one per PCM value to encode. Encoding reads few of them,
// speech being quiet most of the time.
#include <algorithm>
#include <array>

#include "codec/parts.h"

namespace causeway::codec {

namespace {

// ITU-T G.711 in the form for 16-bit samples: sign, segment, four bits of the step.
constexpr std::int16_t mu_to_linear(std::uint8_t code) {
  const int u = ~code & 0xFF;
  const int magnitude = ((((u & 0x0F) << 3) + 0x84) << ((u & 0x70) >> 4)) - 0x84;
  return static_cast<std::int16_t>((u & 0x80) != 0 ? -magnitude : magnitude);
}

constexpr std::uint8_t linear_to_mu(std::int16_t sample) {
  const int mask = sample < 0 ? 0x7F : 0xFF;
  const int biased = 0x84 + (sample < 0 ? -int{sample} : int{sample});
  int segment = 0;
  while (segment < 8 && biased >= (0x100 << segment)) ++segment;
  if (segment >= 8) return static_cast<std::uint8_t>(0x7F ^ mask);
  return static_cast<std::uint8_t>(((segment << 4) | ((biased >> (segment + 3)) & 0x0F)) ^ mask);
}

constexpr std::int16_t a_to_linear(std::uint8_t code) {
  const int a = code ^ 0x55;
  const int segment = (a & 0x70) >> 4;
  int magnitude = ((a & 0x0F) << 4) + (segment == 0 ? 8 : 0x108);
  if (segment > 1) magnitude <<= segment - 1;
  return static_cast<std::int16_t>((a & 0x80) != 0 ? magnitude : -magnitude);
}

constexpr std::uint8_t linear_to_a(std::int16_t sample) {
  const int mask = sample < 0 ? 0x55 : 0xD5;
  const int magnitude = sample < 0 ? -int{sample} - 1 : int{sample};
  int segment = 0;
  while (segment < 8 && magnitude >= (0x100 << segment)) ++segment;
  const int step = segment == 0 ? magnitude >> 4 : magnitude >> (segment + 3);
  return static_cast<std::uint8_t>(((segment << 4) | (step & 0x0F)) ^ mask);
}

struct Tables {
  std::array<std::int16_t, 256> decode{};
  std::array<std::uint8_t, 65536> encode{};  // by the sample as an unsigned number
};

Tables make_tables(Law law) {
  Tables t;
  for (int i = 0; i < 256; ++i) {
    const auto code = static_cast<std::uint8_t>(i);
    t.decode[static_cast<std::size_t>(i)] =
        law == Law::kMu ? mu_to_linear(code) : a_to_linear(code);
  }
  for (int i = 0; i < 65536; ++i) {
    const auto sample = static_cast<std::int16_t>(static_cast<std::uint16_t>(i));
    t.encode[static_cast<std::size_t>(i)] =
        law == Law::kMu ? linear_to_mu(sample) : linear_to_a(sample);
  }
  return t;
}

const Tables& tables(Law law) {
  static const Tables mu = make_tables(Law::kMu);
  static const Tables a = make_tables(Law::kA);
  return law == Law::kMu ? mu : a;
}

class G711Decoder final : public Decoder {
 public:
  explicit G711Decoder(Law law) : table_(tables(law).decode) {}
  std::size_t decode(std::span<const std::byte> payload, std::span<std::int16_t> out) override {
    if (payload.size() > std::min(kMaxPayload, out.size())) return 0;
    for (std::size_t i = 0; i < payload.size(); ++i) {
      out[i] = table_[std::to_integer<std::size_t>(payload[i])];
    }
    return payload.size();
  }
  void conceal(std::span<std::int16_t> out, std::span<const std::byte> /*next*/) override {
    std::ranges::fill(out, std::int16_t{0});
  }

 private:
  const std::array<std::int16_t, 256>& table_;
};

class G711Encoder final : public Encoder {
 public:
  explicit G711Encoder(Law law) : table_(tables(law).encode) {}
  std::size_t encode(std::span<const std::int16_t> pcm, std::span<std::byte> out) override {
    if (pcm.size() > out.size()) return 0;
    for (std::size_t i = 0; i < pcm.size(); ++i) {
      out[i] = std::byte{table_[static_cast<std::uint16_t>(pcm[i])]};
    }
    return pcm.size();
  }

 private:
  const std::array<std::uint8_t, 65536>& table_;
};

}  // namespace

DecoderPart make_g711_decoder(Law law) { return std::make_unique<G711Decoder>(law); }
EncoderPart make_g711_encoder(Law law) { return std::make_unique<G711Encoder>(law); }

}  // namespace causeway::codec
