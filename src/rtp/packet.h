// RTP packets (RFC 3550 5.1) as views over received bytes. Pure, any thread; nothing allocates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "rtp/bytes.h"

namespace causeway::rtp {

inline constexpr std::size_t kMinHeader = 12;
inline constexpr std::size_t kMaxPacket = 2'048;  // larger datagrams are refused

// What a datagram on a media port is, by its first bytes (RFC 7983, RFC 5761 4).
enum class Kind : std::uint8_t { kRtp, kRtcp, kStun, kDtls, kOther };
[[nodiscard]] Kind classify(std::span<const std::byte> datagram);

struct Header {
  std::uint32_t ssrc = 0;
  std::uint32_t timestamp = 0;
  std::uint16_t sequence = 0;
  std::uint16_t bytes = 0;  // with CSRC list and extension: where the payload starts
  std::uint8_t payload_type = 0;
  bool marker = false;
  bool padding = false;
};

// nullopt: not version 2, or shorter than its own header says. Padding is not looked at: under SRTP
// it is encrypted.
[[nodiscard]] std::optional<Header> parse_header(std::span<const std::byte> packet);

// Without padding; nullopt when the padding is longer than there is payload.
[[nodiscard]] std::optional<std::span<const std::byte>> payload(std::span<const std::byte> packet,
                                                                const Header& h);

// Of a packet that parse_header() accepted.
inline void set_payload_type(std::span<std::byte> p, std::uint8_t pt) {
  put8(&p[1], (get8(&p[1]) & 0x80u) | (pt & 0x7fu));
}
inline void set_marker(std::span<std::byte> p, bool on) {
  put8(&p[1], (get8(&p[1]) & 0x7fu) | (on ? 0x80u : 0u));
}
inline void set_sequence(std::span<std::byte> p, std::uint16_t v) { put16(&p[2], v); }
inline void set_timestamp(std::span<std::byte> p, std::uint32_t v) { put32(&p[4], v); }
inline void set_ssrc(std::span<std::byte> p, std::uint32_t v) { put32(&p[8], v); }

// Writes a plain header of kMinHeader bytes.
void write_header(std::span<std::byte, kMinHeader> out, const Header& h);

}  // namespace causeway::rtp
