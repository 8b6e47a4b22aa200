// The codecs behind codec.h, each in a file of its own, at the rates that it does itself. Internal
// to the room.
#pragma once

#include <memory>
#include <string_view>

#include "codec/codec.h"

namespace causeway::codec {

// A decoder at a rate of its own, without concealment: `Concealed` (concealer.h) adds that, unless
// the codec brings its own.
using DecoderPart = std::unique_ptr<Decoder>;
using EncoderPart = std::unique_ptr<Encoder>;

// The rates at which the parts work when PCM at `rate` is wanted; between them stands a resampler.
[[nodiscard]] std::uint32_t decoder_rate(const sdp::Codec& c, std::uint32_t rate);
[[nodiscard]] std::uint32_t encoder_rate(Kind kind, const sdp::Codec& c, std::uint32_t rate);

enum class Law : std::uint8_t { kMu, kA };
[[nodiscard]] DecoderPart make_g711_decoder(Law law);
[[nodiscard]] EncoderPart make_g711_encoder(Law law);

// At 16000 or 8000 Hz.
[[nodiscard]] DecoderPart make_g722_decoder(std::uint32_t rate);
[[nodiscard]] EncoderPart make_g722_encoder(std::uint32_t rate);

// `aal2`: the first sample is in the upper bits (AAL2-G726-32); otherwise in the lower (RFC 3551
// 4.5.4).
[[nodiscard]] DecoderPart make_g726_decoder(bool aal2);
[[nodiscard]] EncoderPart make_g726_encoder(bool aal2);

[[nodiscard]] DecoderPart make_l16_decoder();
[[nodiscard]] EncoderPart make_l16_encoder();

// At 8000, 12000, 16000, 24000 or 48000 Hz; conceals by itself.
[[nodiscard]] DecoderPart make_opus_decoder(std::uint32_t rate);
[[nodiscard]] EncoderPart make_opus_encoder(std::uint32_t rate, std::string_view fmtp,
                                            const EncoderSettings& settings);
// The bandwidth that the line allows, as a PCM rate that Opus works at (RFC 7587 7.1:
// maxplaybackrate).
[[nodiscard]] std::uint32_t opus_rate(std::string_view fmtp);

// In plug-ins: known() only when that is there. The line's parameters must be ones that we do.
[[nodiscard]] bool amr_known(const sdp::Codec& c);
[[nodiscard]] DecoderPart make_amr_decoder(const sdp::Codec& c);
[[nodiscard]] EncoderPart make_amr_encoder(const sdp::Codec& c, const EncoderSettings& settings);
[[nodiscard]] bool g729_known();
[[nodiscard]] DecoderPart make_g729_decoder();
[[nodiscard]] EncoderPart make_g729_encoder(bool dtx);

}  // namespace causeway::codec
