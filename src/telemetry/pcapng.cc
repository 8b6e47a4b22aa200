// pcapng blocks (draft-ietf-opsawg-pcapng), little endian; link type 101 is a bare IP packet.
#include "telemetry/pcapng.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "telemetry/ladder.h"

namespace causeway::telemetry {
namespace {

constexpr std::uint32_t kSectionHeader = 0x0a0d0d0a, kInterface = 1, kEnhancedPacket = 6;
constexpr std::uint16_t kOptEnd = 0, kOptComment = 1, kOptApplication = 4, kOptName = 2;
constexpr std::size_t kMaxPayload = 65'000;

using Bytes = std::vector<std::byte>;

template <typename I>
void little(Bytes& b, I value) {
  for (std::size_t i = 0; i < sizeof(I); ++i) b.push_back(static_cast<std::byte>(value >> (8 * i)));
}
void big16(Bytes& b, std::size_t value) {
  b.push_back(static_cast<std::byte>(value >> 8));
  b.push_back(static_cast<std::byte>(value));
}
void append(Bytes& b, std::span<const std::byte> more) {
  b.insert(b.end(), more.begin(), more.end());
}
void pad(Bytes& b) {
  while (b.size() % 4 != 0) b.push_back(std::byte{0});
}

void option(Bytes& b, std::uint16_t code, std::string_view text) {
  text = text.substr(0, 1'024);
  little<std::uint16_t>(b, code);
  little<std::uint16_t>(b, static_cast<std::uint16_t>(text.size()));
  append(b, std::as_bytes(std::span(text)));
  pad(b);
}
void end_options(Bytes& b) {
  little<std::uint16_t>(b, kOptEnd);
  little<std::uint16_t>(b, 0);
}

// RFC 1071.
std::uint16_t checksum(std::span<const std::byte> bytes, std::uint32_t sum = 0) {
  for (std::size_t i = 0; i < bytes.size(); ++i)
    sum += std::to_integer<std::uint32_t>(bytes[i]) << (i % 2 == 0 ? 8 : 0),
        sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

std::span<const std::byte> address_bytes(const IpAddress& a) {
  return std::as_bytes(std::span(a.bytes())).first(a.is_v6() ? 16 : 4);
}

// `lost` bytes are missing at the end of the payload: the lengths are those of the whole.
Bytes udp(const Endpoint& from, const Endpoint& to, std::span<const std::byte> payload,
          std::size_t lost) {
  const std::size_t length = payload.size() + 8 + lost;
  Bytes pseudo;
  append(pseudo, address_bytes(from.address));
  append(pseudo, address_bytes(to.address));
  big16(pseudo, 0);
  big16(pseudo, length);
  big16(pseudo, 0);
  big16(pseudo, 17);
  Bytes out;
  big16(out, from.port);
  big16(out, to.port);
  big16(out, length);
  big16(out, 0);
  append(out, payload);
  if (lost != 0) return out;  // the sum of what is not there is not known: none (RFC 768)
  append(pseudo, out);
  const std::uint16_t sum = checksum(pseudo);
  const std::uint16_t sent = sum == 0 ? 0xffff : sum;  // RFC 768: 0 means none
  out[6] = static_cast<std::byte>(sent >> 8);
  out[7] = static_cast<std::byte>(sent);
  return out;
}

Bytes ip(const Endpoint& from, const Endpoint& to, std::span<const std::byte> payload,
         std::uint16_t id, std::size_t lost) {
  const Bytes inner = udp(from, to, payload, lost);
  Bytes out;
  if (from.address.is_v6()) {
    out = {std::byte{0x60}, std::byte{0}, std::byte{0}, std::byte{0}};
    big16(out, inner.size() + lost);
    out.push_back(std::byte{17});
    out.push_back(std::byte{64});
  } else {
    out = {std::byte{0x45}, std::byte{0}};
    big16(out, inner.size() + lost + 20);
    big16(out, id);
    big16(out, 0x4000);
    out.push_back(std::byte{64});
    out.push_back(std::byte{17});
    big16(out, 0);
  }
  append(out, address_bytes(from.address));
  append(out, address_bytes(to.address));
  if (!from.address.is_v6()) {
    const std::uint16_t sum = checksum(out);
    out[10] = static_cast<std::byte>(sum >> 8);
    out[11] = static_cast<std::byte>(sum);
  }
  append(out, inner);
  return out;
}

// Both ends of a packet are of one family: an end that we do not know takes that of the other.
Endpoint in_family_of(const Endpoint& e, const Endpoint& other) {
  if (e.address.is_v6() == other.address.is_v6()) return e;
  if (!e.address.is_v6() && !e.address.is_unspecified()) {
    std::array<std::uint8_t, 16> mapped{0x00, 0x64, 0xff, 0x9b};  // 64:ff9b::/96, RFC 6052
    std::copy_n(e.address.bytes().begin(), 4, mapped.begin() + 12);
    return {IpAddress::v6(mapped), e.port};
  }
  return e.address.is_v6() ? e : Endpoint{IpAddress::v6({}), e.port};
}

}  // namespace

PcapngWriter::PcapngWriter(std::string_view application) {
  Bytes body;
  little<std::uint32_t>(body, 0x1a2b3c4d);
  little<std::uint16_t>(body, 1);
  little<std::uint16_t>(body, 0);
  little<std::uint64_t>(body, ~std::uint64_t{0});  // length of the section: not given
  option(body, kOptApplication, application);
  end_options(body);
  block(kSectionHeader, body);
}

void PcapngWriter::block(std::uint32_t type, std::span<const std::byte> body) {
  const auto length = static_cast<std::uint32_t>(body.size() + 12);
  little<std::uint32_t>(out_, type);
  little<std::uint32_t>(out_, length);
  append(out_, body);
  little<std::uint32_t>(out_, length);
}

std::uint32_t PcapngWriter::interface_of(std::string_view realm) {
  if (const auto it = interfaces_.find(realm); it != interfaces_.end()) return it->second;
  Bytes body;
  little<std::uint16_t>(body, 101);
  little<std::uint16_t>(body, 0);
  little<std::uint32_t>(body, 0);  // no limit to the length of a packet
  option(body, kOptName, realm);
  end_options(body);
  block(kInterface, body);
  const auto index = static_cast<std::uint32_t>(interfaces_.size());
  interfaces_.emplace(realm, index);
  return index;
}

void PcapngWriter::packet(std::string_view realm, WallTime at, const Endpoint& from,
                          const Endpoint& to, std::span<const std::byte> payload,
                          std::string_view comment, std::size_t lost) {
  const std::uint32_t interface = interface_of(realm);
  payload = payload.first(std::min(payload.size(), kMaxPayload));
  lost = std::min(lost, kMaxPayload - payload.size());
  const Bytes data = ip(in_family_of(from, to), in_family_of(to, from), payload, ip_id_++, lost);
  const auto micros =
      static_cast<std::uint64_t>(at.micros);  // if_tsresol is left at its default, 10^-6 s
  Bytes body;
  little<std::uint32_t>(body, interface);
  little<std::uint32_t>(body, static_cast<std::uint32_t>(micros >> 32));
  little<std::uint32_t>(body, static_cast<std::uint32_t>(micros));
  little<std::uint32_t>(body, static_cast<std::uint32_t>(data.size()));
  little<std::uint32_t>(body, static_cast<std::uint32_t>(data.size() + lost));
  append(body, data);
  pad(body);
  if (!comment.empty()) {
    option(body, kOptComment, comment);
    end_options(body);
  }
  block(kEnhancedPacket, body);
}

void PcapngWriter::message(std::string_view realm, WallTime at, bool outgoing,
                           const Endpoint& local, const Endpoint& remote, std::string_view text,
                           std::string comment) {
  const std::size_t lost = take_cut_note(text);
  if (lost != 0) comment += fmt::format("; {} bytes at its end were not kept", lost);
  const std::string shown = readable(text);
  packet(realm, at, outgoing ? local : remote, outgoing ? remote : local,
         std::as_bytes(std::span(shown)), comment, lost);
}

std::vector<std::byte> PcapngWriter::take() { return std::exchange(out_, {}); }

std::string PcapngWriter::readable(std::string_view message) {
  constexpr std::string_view kLine = "\na=crypto:", kSays = "\na=masked:";
  static_assert(kLine.size() == kSays.size());  // Content-Length stays true
  std::string out(message);
  for (auto at = out.find(kLine); at != std::string::npos; at = out.find(kLine, at))
    out.replace(at, kLine.size(), kSays);
  return out;
}

std::string PcapngWriter::comment_of(const Trail& t, const Event& e) {
  return fmt::format("call {:016x}, leg {}, {} {} over {}", t.id().value, e.leg,
                     e.kind == EventKind::kMessageIn ? "from" : "to",
                     e.peer.empty() ? e.remote.to_string() : e.peer, to_via_token(e.transport));
}

}  // namespace causeway::telemetry
