// Measured costs (bench/codec_bench.cc, figures of docs/codecs.md).
#include <algorithm>
#include <array>

#include "codec/choice.h"

namespace causeway::codec {

namespace {

// One direction of 20 ms between two of 8, 16, 24 and 48 kHz.
constexpr double kResampleUs = 8.0;
constexpr double kResampleFullBandUs = 20.0;

double resample_us(std::uint32_t from, std::uint32_t to) {
  if (from == to) return 0;
  return std::max(from, to) > 24000 ? kResampleFullBandUs : kResampleUs;
}

struct Side {
  double encode_us;
  double decode_us;
};

Side side(const sdp::Codec& c, std::uint32_t rate, int complexity) {
  const auto kind = known(c);
  if (!kind) return {0, 0};
  const std::uint32_t own = works_at(c, rate) ? rate : traits_of(c).natural_rate;
  Cost cost = *kind == Kind::kOpus ? opus_cost_us(own, complexity) : cost_us(*kind);
  if (*kind == Kind::kG722 && own == 8000) cost = {cost.encode_us * 0.47, cost.decode_us * 0.43};
  return {cost.encode_us + resample_us(rate, own), cost.decode_us + resample_us(own, rate)};
}

}  // namespace

Cost cost_us(Kind kind) {
  switch (kind) {
    case Kind::kPcmu:
    case Kind::kPcma: return {0.2, 0.2};
    case Kind::kL16: return {0.2, 0.2};
    case Kind::kG722: return {24, 17.3};
    case Kind::kG726_32: return {22, 14};
    case Kind::kOpus: return opus_cost_us(16000, 5);
    case Kind::kAmr: return {109, 25};
    case Kind::kAmrWb: return {301, 55};
    case Kind::kG729: return {59, 13.5};
  }
  return {};
}

Cost opus_cost_us(std::uint32_t rate, int complexity) {
  // At 16 kHz; the wider band adds to all of them alike.
  static constexpr std::array<double, 11> kEncode{78,  90,  105, 135, 165, 193,
                                                  230, 270, 320, 379, 400};
  const double wide = rate > 24000 ? 50 : rate > 16000 ? 20 : 0;
  const double narrow = rate < 16000 ? 0.7 : 1.0;
  const double decode = rate > 24000 ? 40 : rate > 16000 ? 20 : rate < 16000 ? 9 : 13;
  return {kEncode[static_cast<std::size_t>(std::clamp(complexity, 0, 10))] * narrow + wide, decode};
}

double transcoding_cost_us(const sdp::Codec& a, const sdp::Codec& b, int opus_complexity) {
  if (same_payloads(a, b)) return 0;
  const std::uint32_t rate = meeting_rate(a, b);
  const Side one = side(a, rate, opus_complexity);
  const Side other = side(b, rate, opus_complexity);
  return one.encode_us + one.decode_us + other.encode_us + other.decode_us;
}

}  // namespace causeway::codec
