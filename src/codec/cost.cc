// Measured costs: bench/codec_cost.cc, the table of docs/codecs.md.
#include <algorithm>
#include <array>

#include "codec/choice.h"
#include "codec/parts.h"

namespace causeway::codec {

namespace {

double resample_us(std::uint32_t from, std::uint32_t to) {
  if (from == to) return 0;
  return std::max(from, to) > 24000 ? 4.9 : 1.7;
}

Cost at_rate(Kind kind, std::uint32_t rate, int opus_complexity) {
  if (kind == Kind::kOpus) return opus_cost_us(rate, opus_complexity);
  if (kind == Kind::kG722 && rate == 8000) return {6.5, 4.4};
  return cost_us(kind);
}

Cost side(const sdp::Codec& c, std::uint32_t rate, int opus_complexity) {
  const auto kind = known(c);
  if (!kind) return {};
  const std::uint32_t in = encoder_rate(*kind, c, rate);
  const std::uint32_t out = decoder_rate(c, rate);
  return {at_rate(*kind, in, opus_complexity).encode_us + resample_us(rate, in),
          at_rate(*kind, out, opus_complexity).decode_us + resample_us(out, rate)};
}

}  // namespace

Cost cost_us(Kind kind) {
  switch (kind) {
    case Kind::kPcmu:
    case Kind::kPcma:
    case Kind::kL16: return {0.2, 0.3};
    case Kind::kG722: return {15.2, 10.3};
    case Kind::kG726_32: return {13.4, 11.4};
    case Kind::kOpus: return opus_cost_us(16000, 5);
    case Kind::kAmr: return {84, 18};
    case Kind::kAmrWb: return {200, 41};
    case Kind::kG729: return {59, 13.5};
  }
  return {};
}

Cost opus_cost_us(std::uint32_t rate, int complexity) {
  // At 16 kHz; the other bands in proportion.
  static constexpr std::array<double, 11> kEncode{64,  69,  101, 116, 151, 152,
                                                  200, 250, 300, 301, 320};
  const double band = rate > 24000 ? 1.3 : rate > 16000 ? 1.15 : rate < 16000 ? 0.7 : 1.0;
  const double decode = rate > 24000 ? 40 : rate > 16000 ? 22 : rate < 16000 ? 10 : 15;
  return {kEncode[static_cast<std::size_t>(std::clamp(complexity, 0, 10))] * band, decode};
}

double one_way_cost_us(const sdp::Codec& from, const sdp::Codec& to, std::uint32_t rate,
                       int opus_complexity) {
  return side(from, rate, opus_complexity).decode_us + side(to, rate, opus_complexity).encode_us;
}

double transcoding_cost_us(const sdp::Codec& a, const sdp::Codec& b, int opus_complexity) {
  if (same_payloads(a, b)) return 0;
  const std::uint32_t rate = meeting_rate(a, b);
  const Cost one = side(a, rate, opus_complexity);
  const Cost other = side(b, rate, opus_complexity);
  return one.encode_us + one.decode_us + other.encode_us + other.decode_us;
}

}  // namespace causeway::codec
