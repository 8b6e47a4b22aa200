// STUN as the lab's ICE agent speaks it (RFC 8489), its own. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/net.h"
#include "base/result.h"

namespace causeway::lab {

enum class StunKind : std::uint8_t { kRequest, kIndication, kSuccess, kError };

enum StunType : std::uint16_t {
  kStunUsername = 0x0006,
  kStunMessageIntegrity = 0x0008,
  kStunErrorCode = 0x0009,
  kStunXorMappedAddress = 0x0020,
  kStunPriority = 0x0024,
  kStunUseCandidate = 0x0025,
  kStunFingerprint = 0x8028,
  kStunIceControlling = 0x802a,
};

struct StunAttribute {
  std::uint16_t type = 0;
  std::string value;
};

// A Binding message.
struct StunMessage {
  StunKind kind = StunKind::kRequest;
  std::string transaction;  // 12 bytes
  std::vector<StunAttribute> attributes;
  [[nodiscard]] const std::string* find(std::uint16_t type) const;
  [[nodiscard]] int error() const;  // 401, 0 without ERROR-CODE
};

// RFC 7983: what else comes to a media port does not look so.
[[nodiscard]] bool is_stun(std::string_view packet);
// Lengths, the cookie and the method are checked.
[[nodiscard]] Result<StunMessage> parse_stun(std::string_view packet);
// With MESSAGE-INTEGRITY (HMAC-SHA1) by `password`, unless that is empty, and FINGERPRINT.
[[nodiscard]] std::string write_stun(const StunMessage& m, const std::string& password);
// Of a packet that parse_stun() takes: the two attributes are there, in their places, and right.
[[nodiscard]] bool integrity_holds(std::string_view packet, const std::string& password);
[[nodiscard]] bool fingerprint_holds(std::string_view packet);

[[nodiscard]] std::optional<Endpoint> xor_mapped_address(const StunMessage& m);
[[nodiscard]] std::string big_endian(std::uint64_t value, std::size_t bytes);

}  // namespace causeway::lab
