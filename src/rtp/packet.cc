#include "rtp/packet.h"

namespace causeway::rtp {

Kind classify(std::span<const std::byte> d) {
  if (d.size() < 2) return Kind::kOther;
  const unsigned first = get8(d.data());
  const unsigned second = get8(&d[1]);
  if (first <= 3) return Kind::kStun;
  if (first >= 20 && first <= 63) return Kind::kDtls;
  if (first < 128 || first > 191) return Kind::kOther;
  return second >= 192 && second <= 223 ? Kind::kRtcp : Kind::kRtp;
}

std::optional<Header> parse_header(std::span<const std::byte> p) {
  if (p.size() < kMinHeader || p.size() > kMaxPacket) return std::nullopt;
  const unsigned first = get8(p.data());
  if (first >> 6 != 2) return std::nullopt;
  std::size_t bytes = kMinHeader + 4 * std::size_t{first & 0x0f};
  if (first & 0x10) {
    if (p.size() < bytes + 4) return std::nullopt;
    bytes += 4 + 4 * std::size_t{get16(&p[bytes + 2])};
  }
  if (p.size() < bytes) return std::nullopt;
  const unsigned second = get8(&p[1]);
  return Header{.ssrc = get32(&p[8]),
                .timestamp = get32(&p[4]),
                .sequence = get16(&p[2]),
                .bytes = static_cast<std::uint16_t>(bytes),
                .payload_type = static_cast<std::uint8_t>(second & 0x7f),
                .marker = (second & 0x80) != 0,
                .padding = (first & 0x20) != 0};
}

std::optional<std::span<const std::byte>> payload(std::span<const std::byte> p, const Header& h) {
  auto body = p.subspan(h.bytes);
  if (!h.padding) return body;
  if (body.empty()) return std::nullopt;
  const std::size_t pad = get8(&body.back());
  if (pad == 0 || pad > body.size()) return std::nullopt;
  return body.first(body.size() - pad);
}

void write_header(std::span<std::byte, kMinHeader> out, const Header& h) {
  put8(&out[0], 0x80);
  put8(&out[1], (h.marker ? 0x80u : 0u) | (h.payload_type & 0x7fu));
  put16(&out[2], h.sequence);
  put32(&out[4], h.timestamp);
  put32(&out[8], h.ssrc);
}

}  // namespace causeway::rtp
