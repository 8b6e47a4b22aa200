#include "lab/stun.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>

namespace causeway::lab {
namespace {

constexpr std::size_t kHeader = 20, kDigest = 20;
constexpr std::uint32_t kCookie = 0x2112a442;
constexpr std::uint32_t kFingerprintXor = 0x5354554e;
constexpr std::size_t kMaxAttributes = 32;

std::uint32_t number_at(std::string_view s, std::size_t at, std::size_t bytes) {
  std::uint32_t v = 0;
  for (std::size_t i = 0; i < bytes; ++i) v = v << 8 | static_cast<unsigned char>(s[at + i]);
  return v;
}

// ITU-T V.42, as FINGERPRINT has it.
std::uint32_t crc32(std::string_view bytes) {
  std::uint32_t crc = 0xffffffff;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int i = 0; i < 8; ++i) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xedb88320U : 0U);
  }
  return ~crc;
}

std::string digest(std::string_view bytes, const std::string& password) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned n = 0;
  HMAC(EVP_sha1(), password.data(), static_cast<int>(password.size()),
       reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), out.data(), &n);
  return {reinterpret_cast<const char*>(out.data()), n};
}

// The packet up to an attribute, its length as if that attribute of `value` bytes were the last.
std::string up_to(std::string_view packet, std::size_t at, std::size_t value) {
  std::string out(packet.substr(0, at));
  out.replace(2, 2, big_endian(at - kHeader + 4 + value, 2));
  return out;
}

void append(std::string& out, std::uint16_t type, std::string_view value) {
  out += big_endian(type, 2) + big_endian(value.size(), 2);
  out += value;
  out.append((4 - value.size() % 4) % 4, '\0');
  out.replace(2, 2, big_endian(out.size() - kHeader, 2));
}

// Where an attribute begins; parse_stun() has seen that the lengths are right.
std::optional<std::size_t> place_of(std::string_view packet, std::uint16_t type) {
  for (std::size_t at = kHeader; at + 4 <= packet.size();
       at += 4 + (number_at(packet, at + 2, 2) + 3U) / 4 * 4)
    if (number_at(packet, at, 2) == type) return at;
  return std::nullopt;
}

}  // namespace

std::string big_endian(std::uint64_t value, std::size_t bytes) {
  std::string out(bytes, '\0');
  for (std::size_t i = bytes; i-- > 0; value >>= 8) out[i] = static_cast<char>(value);
  return out;
}

const std::string* StunMessage::find(std::uint16_t type) const {
  const auto it = std::find_if(attributes.begin(), attributes.end(),
                               [&](const StunAttribute& a) { return a.type == type; });
  return it == attributes.end() ? nullptr : &it->value;
}

int StunMessage::error() const {
  const std::string* v = find(kStunErrorCode);
  if (v == nullptr || v->size() < 4) return 0;
  return static_cast<int>((number_at(*v, 2, 1) & 7) * 100 + number_at(*v, 3, 1));
}

bool is_stun(std::string_view p) {
  return p.size() >= kHeader && static_cast<unsigned char>(p[0]) < 4 &&
         number_at(p, 4, 4) == kCookie;
}

Result<StunMessage> parse_stun(std::string_view p) {
  if (!is_stun(p)) return fail(ErrorCode::kMalformed, "no STUN header");
  if (number_at(p, 2, 2) != p.size() - kHeader || p.size() % 4 != 0)
    return fail(ErrorCode::kMalformed, "STUN length is wrong");
  StunMessage m;
  switch (number_at(p, 0, 2)) {
    case 0x0001: m.kind = StunKind::kRequest; break;
    case 0x0011: m.kind = StunKind::kIndication; break;
    case 0x0101: m.kind = StunKind::kSuccess; break;
    case 0x0111: m.kind = StunKind::kError; break;
    default: return fail(ErrorCode::kMalformed, "no Binding message");
  }
  m.transaction = p.substr(8, 12);
  for (std::size_t at = kHeader; at < p.size();) {
    if (p.size() - at < 4) return fail(ErrorCode::kMalformed, "half an attribute");
    const std::size_t length = number_at(p, at + 2, 2);
    if (length > p.size() - at - 4 || m.attributes.size() >= kMaxAttributes)
      return fail(ErrorCode::kMalformed, "an attribute is too long, or they are too many");
    m.attributes.push_back(
        {static_cast<std::uint16_t>(number_at(p, at, 2)), std::string(p.substr(at + 4, length))});
    at += 4 + (length + 3) / 4 * 4;
  }
  return m;
}

std::string write_stun(const StunMessage& m, const std::string& password) {
  static constexpr std::array<std::uint16_t, 4> kTypes{0x0001, 0x0011, 0x0101, 0x0111};
  std::string out = big_endian(kTypes.at(static_cast<std::size_t>(m.kind)), 2) + big_endian(0, 2) +
                    big_endian(kCookie, 4) + m.transaction;
  for (const auto& a : m.attributes) append(out, a.type, a.value);
  if (!password.empty())
    append(out, kStunMessageIntegrity, digest(up_to(out, out.size(), kDigest), password));
  append(out, kStunFingerprint, big_endian(crc32(up_to(out, out.size(), 4)) ^ kFingerprintXor, 4));
  return out;
}

bool integrity_holds(std::string_view packet, const std::string& password) {
  const auto at = place_of(packet, kStunMessageIntegrity);
  return at && packet.size() >= *at + 4 + kDigest &&
         packet.substr(*at + 4, kDigest) == digest(up_to(packet, *at, kDigest), password);
}

bool fingerprint_holds(std::string_view packet) {
  const auto at = place_of(packet, kStunFingerprint);
  return at && packet.size() == *at + 8 &&
         number_at(packet, *at + 4, 4) == (crc32(up_to(packet, *at, 4)) ^ kFingerprintXor);
}

std::optional<Endpoint> xor_mapped_address(const StunMessage& m) {
  const std::string* v = m.find(kStunXorMappedAddress);
  if (v == nullptr || v->size() != 8 || (*v)[1] != 1) return std::nullopt;  // IPv4 alone (TDR-30)
  return Endpoint{IpAddress::v4(number_at(*v, 4, 4) ^ kCookie),
                  static_cast<std::uint16_t>(number_at(*v, 2, 2) ^ (kCookie >> 16))};
}

}  // namespace causeway::lab
