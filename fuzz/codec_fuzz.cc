// Any bytes as payloads of every codec, with any parameters, at every rate; and the speech that
// comes of them through the encoder.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>

#include "codec/choice.h"
#include "codec/codec.h"

using namespace causeway;
using namespace causeway::codec;

namespace {
struct Line {
  const char* name;
  std::uint32_t clock;
  std::uint8_t channels;
};
constexpr std::array kLines{
    Line{"PCMU", 8000, 1},  Line{"PCMA", 8000, 1},    Line{"G722", 8000, 1},
    Line{"opus", 48000, 2}, Line{"G726-32", 8000, 1}, Line{"AAL2-G726-32", 8000, 1},
    Line{"L16", 8000, 1},   Line{"L16", 44100, 1},    Line{"L16", 48000, 1},
    Line{"AMR", 8000, 1},   Line{"AMR-WB", 16000, 1}, Line{"G729", 8000, 1},
};
constexpr std::array<std::uint32_t, 6> kRates{8000, 16000, 24000, 48000, 12000, 44100};
constexpr std::array<std::uint16_t, 8> kTimes{10, 20, 30, 40, 50, 60, 120, 0};
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  const Line& l = kLines[data[0] % kLines.size()];
  const std::uint32_t rate = kRates[data[1] % kRates.size()];
  const std::size_t text = std::min<std::size_t>(data[2], size - 4);
  const sdp::Codec line{PayloadType{96}, l.name, l.clock, l.channels,
                        std::string(reinterpret_cast<const char*>(data + 4), text)};
  EncoderSettings settings;
  settings.packet_ms = kTimes[data[3] % kTimes.size()];
  settings.dtx = (data[3] & 8) != 0;
  settings.complexity = data[3] >> 4;
  const Traits traits = traits_of(line);
  if (traits.natural_rate == 0 || traits.max_ms == 0) std::abort();
  (void)meeting_rate(line, {PayloadType{0}, "PCMU", 8000, 1, ""});
  if (transcoding_cost_us(line, {PayloadType{0}, "PCMU", 8000, 1, ""}) < 0) std::abort();
  auto decoder = make_decoder(line, rate);
  if (!decoder) return 0;
  auto encoder = make_encoder(line, rate, settings);
  std::array<std::int16_t, kMaxSamples> pcm;
  std::array<std::byte, kMaxPayload> payload;
  const std::uint8_t* at = data + 4 + text;
  const std::uint8_t* end = data + size;
  int steps = 0;
  while (end - at >= 2 && ++steps < 64) {
    const unsigned what = at[0];
    std::size_t n =
        std::min<std::size_t>(at[1] | (what & 3U) << 8, static_cast<std::size_t>(end - at - 2));
    const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(at + 2), n);
    at += 2 + n;
    if ((what & 4) != 0) (*decoder)->conceal(std::span(pcm).first(1 + what * 20), bytes);
    if ((what & 8) != 0) (void)(*decoder)->comfort(std::span(pcm).first(rate / 50));
    const std::size_t samples = (*decoder)->decode(bytes, pcm);
    if (samples > rate * 120 / 1000 + 1 || samples > pcm.size()) std::abort();
    if (const auto mode = (*decoder)->requested_mode(); mode && encoder) {
      (*encoder)->request_mode(*mode);
    }
    if (!encoder) continue;
    if ((what & 16) != 0) (*encoder)->set_complexity(static_cast<int>(what) - 100);
    const std::size_t packet = rate * settings.packet_ms / 1000;
    const std::size_t made = (*encoder)->encode(std::span(pcm).first(packet), payload);
    if (made > payload.size()) std::abort();
    if (made > 0 && (*decoder)->decode(std::span(payload).first(made), pcm) == 0) std::abort();
  }
  return 0;
}
