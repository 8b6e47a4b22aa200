// STUN messages (RFC 8489) as ICE uses them (RFC 8445 7): Binding requests read, answers written.
// Pure; views live as long as the datagram; nothing allocates.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/net.h"
#include "rtp/hmac_sha1.h"

namespace causeway::ice {

inline constexpr std::size_t kStunHeader = 20;
inline constexpr std::size_t kMaxStun = 1'500;
inline constexpr std::size_t kMaxUnknown = 8;
// The longest answer that is written: an error with its reason, unknown attributes, integrity and
// fingerprint; or an IPv6 address.
inline constexpr std::size_t kMaxAnswer = 128;

using TransactionId = std::array<std::byte, 12>;

enum class StunClass : std::uint8_t { kRequest, kIndication, kSuccess, kError };
inline constexpr std::uint16_t kBinding = 1;

enum class Fingerprint : std::uint8_t { kAbsent, kRight, kWrong };

struct StunMessage {
  StunClass kind = StunClass::kRequest;
  std::uint16_t method = 0;
  TransactionId transaction{};
  std::string_view username;  // empty: absent
  std::optional<std::uint32_t> priority;
  std::optional<std::uint64_t> controlling;  // tie-breakers
  std::optional<std::uint64_t> controlled;
  bool use_candidate = false;
  Fingerprint fingerprint = Fingerprint::kAbsent;
  // Attributes that must be understood and are not; more than kMaxUnknown are not listed.
  std::array<std::uint16_t, kMaxUnknown> unknown{};
  std::uint8_t unknown_count = 0;
  // Of an error answer, or 0.
  std::uint16_t error = 0;
  // Of a success.
  std::optional<Endpoint> mapped;
  // Where MESSAGE-INTEGRITY begins; 0 when there is none.
  std::size_t integrity_at = 0;
};

// nullopt: not a well-formed STUN message with the magic cookie. What follows MESSAGE-INTEGRITY is
// not looked at, but for FINGERPRINT (RFC 8489 14.5).
[[nodiscard]] std::optional<StunMessage> parse_stun(std::span<const std::byte> datagram);

// MESSAGE-INTEGRITY is that of this key. False when there is none.
[[nodiscard]] bool integrity_holds(std::span<const std::byte> datagram, const StunMessage& m,
                                   const rtp::HmacSha1& key);

class StunWriter {
 public:
  StunWriter(std::span<std::byte> out, StunClass kind, const TransactionId& transaction);
  void xor_mapped_address(const Endpoint& e);
  void error(std::uint16_t code, std::string_view reason);  // at most 40 bytes of reason
  void unknown_attributes(std::span<const std::uint16_t> types);
  void username(std::string_view name);  // the next four are for tests and probes
  void priority(std::uint32_t value);
  void role(bool controlling, std::uint64_t tie_breaker);
  void use_candidate();
  void attribute(std::uint16_t type, std::span<const std::byte> value);
  // In this order, after all else.
  void integrity(const rtp::HmacSha1& key);
  void fingerprint();
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  std::byte* append(std::uint16_t type, std::size_t bytes);
  void set_length(std::size_t bytes);
  std::span<std::byte> out_;
  std::size_t size_ = 0;
  bool ok_ = true;
};

}  // namespace causeway::ice
