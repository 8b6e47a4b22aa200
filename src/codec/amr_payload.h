// The RTP payload format of AMR and AMR-WB (RFC 4867): bandwidth-efficient and octet-aligned,
// without interleaving, CRCs, robust sorting and several channels, which nobody uses for calls.
// Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "sdp/plain.h"

namespace causeway::codec::amr {

inline constexpr std::size_t kMaxFrames = 6;  // 120 ms
inline constexpr std::size_t kMaxBits = 477;  // AMR-WB 23.85
inline constexpr std::uint8_t kNoRequest = 15;
inline constexpr std::uint8_t kNoData = 15;
inline constexpr std::uint8_t kSpeechLost = 14;  // AMR-WB only

struct Format {
  bool wide = false;
  bool octet_align = false;
  std::uint16_t modes = 0;           // bit n: mode n may be used (mode-set; all when it is absent)
  std::uint8_t change_period = 1;    // modes change at every so many frames only
  bool change_to_neighbour = false;  // and only to the next one in the set
  friend bool operator==(const Format&, const Format&) = default;
};
// Nothing when the line asks for what we do not do.
[[nodiscard]] std::optional<Format> format_of(const sdp::Codec& c);

struct Frame {
  std::uint8_t type = kNoData;  // FT: a mode, SID, or one without speech bits
  bool good = true;             // Q
  std::array<std::uint8_t, (kMaxBits + 7) / 8> bits{};  // from the top of the first octet
};

// Speech bits of a frame type; nothing for types that are reserved.
[[nodiscard]] std::optional<std::size_t> bits_of(bool wide, std::uint8_t type);
[[nodiscard]] constexpr std::uint8_t sid_type(bool wide) { return wide ? 9 : 8; }
[[nodiscard]] constexpr std::uint8_t mode_count(bool wide) { return wide ? 9 : 8; }

struct Payload {
  std::uint8_t request = kNoRequest;  // CMR
  std::size_t count = 0;
  std::array<Frame, kMaxFrames> frames;
};
// False: not a payload of this format (or of more than kMaxFrames). A length that does not fit is
// refused: it is how the other format is told from noise.
[[nodiscard]] bool unpack(const Format& format, std::span<const std::byte> payload, Payload& out);
// Bytes written; 0 when `out` is too small or there are no frames, or too many.
[[nodiscard]] std::size_t pack(const Format& format, const Payload& payload,
                               std::span<std::byte> out);

}  // namespace causeway::codec::amr
