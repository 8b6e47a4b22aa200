#include "codec/codec.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "codec/concealer.h"
#include "codec/fmtp.h"
#include "codec/parts.h"

namespace causeway::codec {

namespace {

bool named(const sdp::Codec& c, std::string_view name) {
  return std::equal(c.name.begin(), c.name.end(), name.begin(), name.end(),
                    [](char a, char b) { return (a >= 'a' && a <= 'z' ? a - 'a' + 'A' : a) == b; });
}

bool is(const sdp::Codec& c, std::string_view name, std::uint32_t clock,
        std::uint8_t channels = 1) {
  return c.clock == clock && c.channels == channels && named(c, name);
}

constexpr std::string_view kAal2 = "AAL2-G726-32";

constexpr std::array<std::uint32_t, 4> kRates{8000, 16000, 24000, 48000};

// Adds concealment to a codec that has none, and holds payloads to 120 ms.
class Concealed final : public Decoder {
 public:
  Concealed(DecoderPart part, std::uint32_t rate)
      : part_(std::move(part)), limit_(rate * 120 / 1000), concealer_(rate) {}
  std::size_t decode(std::span<const std::byte> payload, std::span<std::int16_t> out) override {
    const std::size_t n = part_->decode(payload, out.first(std::min(out.size(), limit_)));
    if (n > 0) concealer_.heard(out.first(n));
    return n;
  }
  void conceal(std::span<std::int16_t> out, std::span<const std::byte> /*next*/) override {
    concealer_.fill(out);
  }

 private:
  DecoderPart part_;
  std::size_t limit_;
  Concealer concealer_;
};

class ResampledDecoder final : public Decoder {
 public:
  ResampledDecoder(DecoderPart part, std::uint32_t from, std::uint32_t to)
      : part_(std::move(part)), resampler_(from, to), scratch_(from * 120 / 1000) {}
  std::size_t decode(std::span<const std::byte> payload, std::span<std::int16_t> out) override {
    const std::size_t n = part_->decode(payload, scratch_);
    return resampler_.process(std::span(scratch_).first(n), out);
  }
  void conceal(std::span<std::int16_t> out, std::span<const std::byte> next) override {
    while (!out.empty()) {
      const std::uint64_t from = resampler_.from();
      const std::uint64_t to = resampler_.to();
      const auto want = static_cast<std::size_t>((out.size() * from + to - 1) / to);
      const auto guess = std::span(scratch_).first(std::min(want, scratch_.size()));
      part_->conceal(guess, guess.size() == want ? next : std::span<const std::byte>());
      const std::size_t made = resampler_.process(guess, out);
      if (guess.size() == want || made == 0) {
        std::fill(out.begin() + static_cast<std::ptrdiff_t>(made), out.end(), std::int16_t{0});
        return;
      }
      out = out.subspan(made);
    }
  }
  bool comfort(std::span<std::int16_t> out) override {
    const std::size_t want = out.size() * resampler_.from() / resampler_.to();
    const auto noise = std::span(scratch_).first(std::min(want, scratch_.size()));
    if (!part_->comfort(noise)) return false;
    const std::size_t made = resampler_.process(noise, out);
    std::fill(out.begin() + static_cast<std::ptrdiff_t>(made), out.end(), std::int16_t{0});
    return true;
  }
  std::optional<std::uint8_t> requested_mode() override { return part_->requested_mode(); }

 private:
  DecoderPart part_;
  Resampler resampler_;
  std::vector<std::int16_t> scratch_;
};

class ResampledEncoder final : public Encoder {
 public:
  ResampledEncoder(EncoderPart part, std::uint32_t from, std::uint32_t to, std::uint16_t packet_ms)
      : part_(std::move(part)), resampler_(from, to), scratch_(to * packet_ms / 1000 + 1) {}
  std::size_t encode(std::span<const std::int16_t> pcm, std::span<std::byte> out) override {
    const std::uint64_t from = resampler_.from();
    if (pcm.size() * resampler_.to() / from > scratch_.size()) return 0;
    const std::size_t n = resampler_.process(pcm, scratch_);
    return part_->encode(std::span(scratch_).first(n), out);
  }
  void set_complexity(int complexity) override { part_->set_complexity(complexity); }
  void set_expected_loss(int percent) override { part_->set_expected_loss(percent); }
  void request_mode(std::uint8_t mode) override { part_->request_mode(mode); }

 private:
  EncoderPart part_;
  Resampler resampler_;
  std::vector<std::int16_t> scratch_;
};

DecoderPart decoder_part(Kind kind, const sdp::Codec& c, std::uint32_t rate) {
  switch (kind) {
    case Kind::kPcmu: return make_g711_decoder(Law::kMu);
    case Kind::kPcma: return make_g711_decoder(Law::kA);
    case Kind::kG722: return make_g722_decoder(rate);
    case Kind::kG726_32: return make_g726_decoder(named(c, kAal2));
    case Kind::kL16: return make_l16_decoder();
    case Kind::kOpus: return make_opus_decoder(rate);
    case Kind::kAmr:
    case Kind::kAmrWb: return make_amr_decoder(c);
    case Kind::kG729: return make_g729_decoder();
  }
  return nullptr;
}

EncoderPart encoder_part(Kind kind, const sdp::Codec& c, std::uint32_t rate,
                         const EncoderSettings& settings) {
  switch (kind) {
    case Kind::kPcmu: return make_g711_encoder(Law::kMu);
    case Kind::kPcma: return make_g711_encoder(Law::kA);
    case Kind::kG722: return make_g722_encoder(rate);
    case Kind::kG726_32: return make_g726_encoder(named(c, kAal2));
    case Kind::kL16: return make_l16_encoder();
    case Kind::kOpus: return make_opus_encoder(rate, c.fmtp, settings);
    case Kind::kAmr:
    case Kind::kAmrWb: return make_amr_encoder(c, settings);
    case Kind::kG729:
      return make_g729_encoder(settings.dtx && fmtp::find(c.fmtp, "annexb") != "no");
  }
  return nullptr;
}

bool brings_concealment(Kind kind) {
  return kind == Kind::kOpus || kind == Kind::kAmr || kind == Kind::kAmrWb || kind == Kind::kG729;
}

Result<Kind> checked(const sdp::Codec& c, std::uint32_t rate) {
  const auto kind = known(c);
  if (!kind) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("codec {}/{}/{} cannot be decoded here", c.name, c.clock, c.channels));
  }
  if (!works_at(c, rate) && std::ranges::find(kRates, rate) == kRates.end()) {
    return fail(ErrorCode::kUnsupported, fmt::format("{} Hz is no rate of speech here", rate));
  }
  return *kind;
}

}  // namespace

std::uint32_t decoder_rate(const sdp::Codec& c, std::uint32_t rate) {
  return works_at(c, rate) ? rate : traits_of(c).natural_rate;
}

// Narrow-band Opus is brought to the rate of its player by a filter that turns the phases of what
// is near 4 kHz; medium-band Opus leaves a telephone's band alone, for a third more work.
std::uint32_t encoder_rate(Kind kind, const sdp::Codec& c, std::uint32_t rate) {
  if (kind == Kind::kOpus && rate == 8000 && opus_rate(c.fmtp) > 8000) return 12000;
  return decoder_rate(c, rate);
}

std::optional<Kind> known(const sdp::Codec& c) {
  if (is(c, "PCMU", 8000)) return Kind::kPcmu;
  if (is(c, "PCMA", 8000)) return Kind::kPcma;
  if (is(c, "G722", 8000)) return Kind::kG722;  // 16 kHz, whatever its clock says (RFC 3551 4.5.2)
  if (is(c, "OPUS", 48000, 2)) return Kind::kOpus;
  if (is(c, "G726-32", 8000) || is(c, kAal2, 8000)) return Kind::kG726_32;
  if (is(c, "AMR", 8000) && amr_known(c)) return Kind::kAmr;
  if (is(c, "AMR-WB", 16000) && amr_known(c)) return Kind::kAmrWb;
  if (is(c, "G729", 8000) && g729_known()) return Kind::kG729;
  for (const std::uint32_t rate : {8000U, 16000U, 44100U, 48000U}) {
    if (is(c, "L16", rate)) return Kind::kL16;
  }
  return std::nullopt;
}

Traits traits_of(const sdp::Codec& c) {
  const auto kind = known(c);
  Traits t{c.clock, c.clock, 1, 120};
  if (!kind) return t;
  switch (*kind) {
    case Kind::kPcmu:
    case Kind::kPcma:
    case Kind::kG726_32: break;
    case Kind::kG722: t.natural_rate = 16000; break;
    case Kind::kOpus:
      t.natural_rate = opus_rate(c.fmtp);
      t.frame_ms = 10;
      break;
    case Kind::kL16:
      t.max_ms = static_cast<std::uint16_t>(std::min<std::uint32_t>(
          120, static_cast<std::uint32_t>(kMaxPayload) * 1000 / (2 * c.clock)));
      // Whole samples only.
      if (c.clock == 44100) t.frame_ms = 10;
      break;
    case Kind::kAmr:
    case Kind::kAmrWb: t.frame_ms = 20; break;
    case Kind::kG729: t.frame_ms = 10; break;
  }
  return t;
}

bool works_at(const sdp::Codec& c, std::uint32_t rate) {
  const auto kind = known(c);
  if (!kind) return false;
  switch (*kind) {
    case Kind::kPcmu:
    case Kind::kPcma:
    case Kind::kG726_32:
    case Kind::kAmr:
    case Kind::kG729: return rate == 8000;
    case Kind::kG722: return rate == 16000 || rate == 8000;
    case Kind::kAmrWb: return rate == 16000;
    case Kind::kL16: return rate == c.clock;
    case Kind::kOpus:
      return rate == 8000 || rate == 12000 || rate == 16000 || rate == 24000 || rate == 48000;
  }
  return false;
}

std::uint32_t meeting_rate(const sdp::Codec& a, const sdp::Codec& b) {
  const std::uint32_t band = std::min(traits_of(a).natural_rate, traits_of(b).natural_rate);
  // A resampler costs more than the wider band does; of two that need as many, the narrower one.
  std::uint32_t best = kRates.back();
  int fewest = 3;
  for (const std::uint32_t rate : kRates) {
    const int resamplers = (works_at(a, rate) ? 0 : 1) + (works_at(b, rate) ? 0 : 1);
    if (rate >= band && resamplers < fewest) {
      fewest = resamplers;
      best = rate;
    }
  }
  return best;
}

Result<std::unique_ptr<Decoder>> make_decoder(const sdp::Codec& c, std::uint32_t rate) {
  const auto kind = checked(c, rate);
  if (!kind) return tl::unexpected(kind.error());
  const std::uint32_t own = decoder_rate(c, rate);
  DecoderPart part = decoder_part(*kind, c, own);
  if (!brings_concealment(*kind)) part = std::make_unique<Concealed>(std::move(part), own);
  if (own != rate) part = std::make_unique<ResampledDecoder>(std::move(part), own, rate);
  return part;
}

Result<std::unique_ptr<Encoder>> make_encoder(const sdp::Codec& c, std::uint32_t rate,
                                              const EncoderSettings& settings) {
  const auto kind = checked(c, rate);
  if (!kind) return tl::unexpected(kind.error());
  const Traits t = traits_of(c);
  if (settings.packet_ms == 0 || settings.packet_ms % t.frame_ms != 0 ||
      settings.packet_ms > t.max_ms) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{} cannot be sent in packets of {} ms", c.name, settings.packet_ms));
  }
  const std::uint32_t own = encoder_rate(*kind, c, rate);
  EncoderPart part = encoder_part(*kind, c, own, settings);
  if (own != rate) {
    part = std::make_unique<ResampledEncoder>(std::move(part), rate, own, settings.packet_ms);
  }
  return part;
}

}  // namespace causeway::codec
