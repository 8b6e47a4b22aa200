// Packets and keys for the SRTP tests.
#pragma once

#include <cstring>
#include <string_view>
#include <vector>

#include "rtp/rtcp.h"
#include "rtp/srtp.h"

namespace causeway::rtp::testing_support {

inline std::vector<std::uint8_t> hex(std::string_view s) {
  std::vector<std::uint8_t> out;
  const auto digit = [](char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; };
  for (std::size_t i = 0; i + 1 < s.size(); i += 2)
    out.push_back(static_cast<std::uint8_t>(digit(s[i]) << 4 | digit(s[i + 1])));
  return out;
}

inline constexpr std::array kAllSuites = {
    SrtpSuite::kAesCm128HmacSha1_80, SrtpSuite::kAesCm128HmacSha1_32,
    SrtpSuite::kAesCm256HmacSha1_80, SrtpSuite::kAesCm256HmacSha1_32,
    SrtpSuite::kAeadAes128Gcm,       SrtpSuite::kAeadAes256Gcm};

inline SrtpKey key(SrtpSuite suite = SrtpSuite::kAesCm128HmacSha1_80, std::uint8_t fill = 0) {
  SrtpKey k;
  k.suite = suite;
  const auto bytes =
      hex("E1F97A0D3E018BE0D64FA32C06DE41390EC675AD498AFEEBB6960B3AABE6"
          "00112233445566778899AABBCCDDEEFF");
  std::copy(bytes.begin(), bytes.end(), k.key_salt.begin());
  k.key_salt[0] ^= fill;
  return k;
}

// A packet with room behind it.
struct Packet {
  std::vector<std::byte> buffer;
  std::size_t size = 0;
  std::span<std::byte> span() { return std::span(buffer).first(size); }
  std::vector<std::byte> bytes() const {
    return {buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size)};
  }
};

inline Packet packet(const std::vector<std::byte>& bytes) {
  Packet p{bytes, bytes.size()};
  p.buffer.resize(bytes.size() + 64);
  return p;
}

inline Packet rtp_packet(std::uint16_t sequence, std::uint32_t ssrc = 0xcafebabe,
                         std::size_t payload_size = 160, std::uint8_t fill = 0) {
  Packet p;
  p.size = kMinHeader + payload_size;
  p.buffer.resize(p.size + 64);
  write_header(
      std::span<std::byte, kMinHeader>(p.buffer.data(), kMinHeader),
      {.ssrc = ssrc, .timestamp = sequence * 160u, .sequence = sequence, .payload_type = 8});
  for (std::size_t i = 0; i < payload_size; ++i)
    p.buffer[kMinHeader + i] = static_cast<std::byte>(i + sequence + fill);
  return p;
}

inline Packet rtcp_packet(std::uint32_t ssrc = 0xcafebabe) {
  Packet p;
  p.buffer.resize(256);
  RtcpWriter w(std::span(p.buffer).first(128));
  w.sender_report(ssrc, {1, 2, 3, 4}, {});
  w.sdes(ssrc, "someone");
  p.size = w.size();
  return p;
}

}  // namespace causeway::rtp::testing_support
