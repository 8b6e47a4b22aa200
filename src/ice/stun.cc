#include "ice/stun.h"

#include <algorithm>
#include <cstring>

#include "rtp/bytes.h"

namespace causeway::ice {
namespace {

using rtp::get16;
using rtp::get32;
using rtp::get8;
using rtp::put16;
using rtp::put32;
using rtp::put8;

constexpr std::uint32_t kCookie = 0x2112a442;
constexpr std::uint32_t kFingerprintXor = 0x5354554e;
constexpr std::size_t kIntegrityBytes = 4 + rtp::HmacSha1::kBytes;
constexpr std::size_t kFingerprintBytes = 8;
constexpr std::size_t kMaxUsername = 513;  // RFC 8489 14.3: at most 508 bytes; ICE: 256 + 1 + 256

// RFC 8489 18.3, RFC 8445 16.1
constexpr std::uint16_t kMappedAddress = 0x0001;
constexpr std::uint16_t kUsername = 0x0006;
constexpr std::uint16_t kMessageIntegrity = 0x0008;
constexpr std::uint16_t kErrorCode = 0x0009;
constexpr std::uint16_t kUnknownAttributes = 0x000a;
constexpr std::uint16_t kMessageIntegritySha256 = 0x001c;
constexpr std::uint16_t kXorMappedAddress = 0x0020;
constexpr std::uint16_t kPriority = 0x0024;
constexpr std::uint16_t kUseCandidate = 0x0025;
constexpr std::uint16_t kFingerprint = 0x8028;
constexpr std::uint16_t kControlled = 0x8029;
constexpr std::uint16_t kControlling = 0x802a;

// CRC-32 of ITU V.42.
constexpr std::array<std::uint32_t, 256> kCrc = [] {
  std::array<std::uint32_t, 256> t{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t c = i;
    for (int bit = 0; bit < 8; ++bit) c = (c & 1) != 0 ? 0xedb88320u ^ (c >> 1) : c >> 1;
    t[i] = c;
  }
  return t;
}();

std::uint32_t crc(std::span<const std::byte> p) {
  std::uint32_t c = 0xffffffff;
  for (const std::byte b : p) c = kCrc[(c ^ std::to_integer<std::uint32_t>(b)) & 0xff] ^ (c >> 8);
  return ~c;
}

std::uint64_t get64(const std::byte* p) { return std::uint64_t{get32(p)} << 32 | get32(p + 4); }

std::size_t padded(std::size_t bytes) { return (bytes + 3) & ~std::size_t{3}; }

// The header with the length that it would have if the message ended there.
std::array<std::byte, kStunHeader> header_ending(std::span<const std::byte> message,
                                                 std::size_t end) {
  std::array<std::byte, kStunHeader> h{};
  std::copy_n(message.begin(), kStunHeader, h.begin());
  put16(&h[2], static_cast<unsigned>(end - kStunHeader));
  return h;
}

std::optional<Endpoint> read_xor_address(std::span<const std::byte> value,
                                         std::span<const std::byte> header) {
  if (value.size() < 8) return std::nullopt;
  Endpoint e;
  e.port = static_cast<std::uint16_t>(get16(&value[2]) ^ (kCookie >> 16));
  if (get8(&value[1]) == 1) {
    e.address = IpAddress::v4(get32(&value[4]) ^ kCookie);
    return e;
  }
  if (get8(&value[1]) != 2 || value.size() < 20) return std::nullopt;
  std::array<std::uint8_t, 16> bytes{};
  for (std::size_t i = 0; i < 16; ++i) bytes[i] = get8(&value[4 + i]) ^ get8(&header[4 + i]);
  e.address = IpAddress::v6(bytes);
  return e;
}

// False: the attribute is shorter than what it claims to be.
bool take(StunMessage& m, std::uint16_t type, std::span<const std::byte> value,
          std::span<const std::byte> header) {
  switch (type) {
    case kUsername:
      if (value.empty() || value.size() > kMaxUsername) return false;
      if (m.username.empty())
        m.username = {reinterpret_cast<const char*>(value.data()), value.size()};
      return true;
    case kPriority:
      if (value.size() != 4) return false;
      m.priority = get32(value.data());
      return true;
    case kUseCandidate: m.use_candidate = true; return true;
    case kControlled:
    case kControlling:
      if (value.size() != 8) return false;
      (type == kControlled ? m.controlled : m.controlling) = get64(value.data());
      return true;
    case kErrorCode:
      if (value.size() < 4) return false;
      m.error = static_cast<std::uint16_t>((get8(&value[2]) & 7) * 100 + get8(&value[3]));
      return true;
    case kXorMappedAddress: m.mapped = read_xor_address(value, header); return m.mapped.has_value();
    case kMappedAddress:
    case kUnknownAttributes: return true;
    default: break;
  }
  if (type < 0x8000 && m.unknown_count < kMaxUnknown) m.unknown[m.unknown_count++] = type;
  return true;
}

}  // namespace

std::optional<StunMessage> parse_stun(std::span<const std::byte> p) {
  if (p.size() < kStunHeader || p.size() > kMaxStun) return std::nullopt;
  const unsigned type = get16(&p[0]);
  const std::size_t length = get16(&p[2]);
  if ((type & 0xc000) != 0 || get32(&p[4]) != kCookie) return std::nullopt;
  if (length % 4 != 0 || kStunHeader + length != p.size()) return std::nullopt;
  StunMessage m;
  m.kind = static_cast<StunClass>((type >> 4 & 1) | (type >> 7 & 2));
  m.method = static_cast<std::uint16_t>((type & 0xf) | (type >> 1 & 0x70) | (type >> 2 & 0xf80));
  std::copy_n(p.begin() + 8, 12, m.transaction.begin());
  for (std::size_t at = kStunHeader; at < p.size();) {
    if (p.size() - at < 4) return std::nullopt;
    const std::uint16_t attribute = get16(&p[at]);
    const std::size_t bytes = get16(&p[at + 2]);
    if (padded(bytes) > p.size() - at - 4) return std::nullopt;
    const auto value = p.subspan(at + 4, bytes);
    if (attribute == kFingerprint) {
      // It is the last, or it is none.
      if (bytes != 4 || at + kFingerprintBytes != p.size()) return std::nullopt;
      m.fingerprint = (crc(p.first(at)) ^ kFingerprintXor) == get32(value.data())
                          ? Fingerprint::kRight
                          : Fingerprint::kWrong;
    } else if (m.integrity_at != 0) {
      // Not protected, so not believed.
    } else if (attribute == kMessageIntegrity) {
      if (bytes != rtp::HmacSha1::kBytes) return std::nullopt;
      m.integrity_at = at;
    } else if (attribute == kMessageIntegritySha256) {
      // Not used by ICE; a peer that adds it adds the other as well.
    } else if (!take(m, attribute, value, p)) {
      return std::nullopt;
    }
    at += 4 + padded(bytes);
  }
  return m;
}

bool integrity_holds(std::span<const std::byte> p, const StunMessage& m, const rtp::HmacSha1& key) {
  const std::size_t at = m.integrity_at;
  if (at < kStunHeader || p.size() < at + kIntegrityBytes) return false;
  const auto header = header_ending(p, at + kIntegrityBytes);
  std::array<std::uint8_t, rtp::HmacSha1::kBytes> tag{};
  if (!key.compute(header, p.subspan(kStunHeader, at - kStunHeader), tag)) return false;
  unsigned differ = 0;  // in constant time
  for (std::size_t i = 0; i < tag.size(); ++i) differ |= tag[i] ^ get8(&p[at + 4 + i]);
  return differ == 0;
}

StunWriter::StunWriter(std::span<std::byte> out, StunClass kind, const TransactionId& transaction)
    : out_(out) {
  if (out.size() < kStunHeader) {
    ok_ = false;
    return;
  }
  const auto c = static_cast<unsigned>(kind);
  put16(&out_[0], kBinding | (c & 1) << 4 | (c & 2) << 7);
  put32(&out_[4], kCookie);
  std::copy(transaction.begin(), transaction.end(), out_.begin() + 8);
  size_ = kStunHeader;
  set_length(size_);
}

void StunWriter::set_length(std::size_t end) {
  put16(&out_[2], static_cast<unsigned>(end - kStunHeader));
}

std::byte* StunWriter::append(std::uint16_t type, std::size_t bytes) {
  if (!ok_ || out_.size() - size_ < 4 + padded(bytes)) {
    ok_ = false;
    return nullptr;
  }
  std::byte* const p = &out_[size_];
  put16(p, type);
  put16(p + 2, static_cast<unsigned>(bytes));
  std::fill_n(p + 4, padded(bytes), std::byte{0});
  size_ += 4 + padded(bytes);
  set_length(size_);
  return p + 4;
}

void StunWriter::attribute(std::uint16_t type, std::span<const std::byte> value) {
  if (std::byte* p = append(type, value.size())) std::copy(value.begin(), value.end(), p);
}

void StunWriter::xor_mapped_address(const Endpoint& e) {
  const bool v6 = e.address.is_v6();
  std::byte* const p = append(kXorMappedAddress, v6 ? 20 : 8);
  if (p == nullptr) return;
  put8(p + 1, v6 ? 2 : 1);
  put16(p + 2, e.port ^ (kCookie >> 16));
  if (!v6) {
    put32(p + 4, e.address.v4_host_order() ^ kCookie);
    return;
  }
  for (std::size_t i = 0; i < 16; ++i) put8(p + 4 + i, e.address.bytes()[i] ^ get8(&out_[4 + i]));
}

void StunWriter::error(std::uint16_t code, std::string_view reason) {
  reason = reason.substr(0, 40);
  std::byte* const p = append(kErrorCode, 4 + reason.size());
  if (p == nullptr) return;
  put8(p + 2, code / 100u);
  put8(p + 3, code % 100u);
  if (!reason.empty()) std::memcpy(p + 4, reason.data(), reason.size());
}

void StunWriter::unknown_attributes(std::span<const std::uint16_t> types) {
  std::byte* const p = append(kUnknownAttributes, types.size() * 2);
  if (p == nullptr) return;
  for (std::size_t i = 0; i < types.size(); ++i) put16(p + 2 * i, types[i]);
}

void StunWriter::username(std::string_view name) {
  attribute(kUsername, std::as_bytes(std::span(name)));
}
void StunWriter::priority(std::uint32_t value) {
  if (std::byte* p = append(kPriority, 4)) put32(p, value);
}
void StunWriter::role(bool controlling, std::uint64_t tie_breaker) {
  std::byte* const p = append(controlling ? kControlling : kControlled, 8);
  if (p == nullptr) return;
  put32(p, static_cast<std::uint32_t>(tie_breaker >> 32));
  put32(p + 4, static_cast<std::uint32_t>(tie_breaker));
}
void StunWriter::use_candidate() { (void)append(kUseCandidate, 0); }

void StunWriter::integrity(const rtp::HmacSha1& key) {
  const std::size_t before = size_;
  std::byte* const p = append(kMessageIntegrity, rtp::HmacSha1::kBytes);
  if (p == nullptr) return;
  std::array<std::uint8_t, rtp::HmacSha1::kBytes> tag{};
  const auto covered = std::span<const std::byte>(out_).first(before);
  if (!key.compute(covered, {}, tag)) ok_ = false;  // the length already counts the attribute
  for (std::size_t i = 0; i < tag.size(); ++i) put8(p + i, tag[i]);
}

void StunWriter::fingerprint() {
  const std::size_t before = size_;
  std::byte* const p = append(kFingerprint, 4);
  if (p == nullptr) return;
  put32(p, crc(std::span<const std::byte>(out_).first(before)) ^ kFingerprintXor);
}

}  // namespace causeway::ice
