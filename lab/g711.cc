#include "lab/g711.h"

#include <algorithm>
#include <bit>

namespace causeway::lab {
namespace {
constexpr int kBias = 33;  // of µ-law, in its 14-bit scale
constexpr int kMaxMagnitude = 8158;
}  // namespace

std::int16_t decode_alaw(std::uint8_t code) {
  const unsigned c = code ^ 0x55U;
  const int segment = static_cast<int>((c >> 4) & 7);
  int magnitude = static_cast<int>(c & 15) * 2 + 1;  // 13-bit scale, middle of the step
  if (segment > 0) magnitude = (magnitude + 32) << (segment - 1);
  magnitude *= 8;
  return static_cast<std::int16_t>((c & 0x80) != 0 ? magnitude : -magnitude);
}

std::uint8_t encode_alaw(std::int16_t pcm) {
  const bool positive = pcm >= 0;
  // In the 13-bit scale; negative values are mirrored at -1, so that -1 and 0 fall into two steps.
  const int m = positive ? pcm >> 4 : (-pcm - 1) >> 4;
  unsigned code = 0;
  if (m < 32) {
    code = static_cast<unsigned>(m) & 15U;
    if (m >= 16) code |= 0x10U;
  } else {
    const int segment = std::bit_width(static_cast<unsigned>(m)) - 4;
    code = static_cast<unsigned>(segment << 4) | (static_cast<unsigned>(m >> (segment - 1)) & 15U);
  }
  return static_cast<std::uint8_t>((code | (positive ? 0x80U : 0U)) ^ 0x55U);
}

std::int16_t decode_ulaw(std::uint8_t code) {
  const unsigned c = ~static_cast<unsigned>(code) & 0xffU;
  const int segment = static_cast<int>((c >> 4) & 7);
  const int step = static_cast<int>(c & 15);
  const int magnitude = (((step << 1) + kBias) << segment) - kBias;  // 14-bit scale
  const int pcm = magnitude * 4;
  return static_cast<std::int16_t>((c & 0x80) != 0 ? -pcm : pcm);
}

std::uint8_t encode_ulaw(std::int16_t pcm) {
  const bool negative = pcm < 0;
  const int magnitude =
      std::min((negative ? -static_cast<int>(pcm) : pcm) >> 2, kMaxMagnitude) + kBias;
  const int segment = std::bit_width(static_cast<unsigned>(magnitude)) - 6;
  const unsigned step = static_cast<unsigned>(magnitude >> (segment + 1)) & 15U;
  const unsigned code = (negative ? 0x80U : 0U) | static_cast<unsigned>(segment << 4) | step;
  return static_cast<std::uint8_t>(~code);
}

}  // namespace causeway::lab
