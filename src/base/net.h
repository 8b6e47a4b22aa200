// Addresses as values: no name look-up, no socket.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

struct sockaddr_storage;

namespace causeway {

// IPv4 or IPv6. IPv4 is held in the first four bytes, network order. IPv4-mapped IPv6 is normalised
// to IPv4 on the way in, so that an allow list of IPv4 prefixes means what it says.
class IpAddress {
 public:
  IpAddress() = default;  // 0.0.0.0
  [[nodiscard]] static IpAddress v4(std::uint32_t host_order);
  [[nodiscard]] static IpAddress v6(const std::array<std::uint8_t, 16>& bytes);
  // "192.0.2.1", "2001:db8::1" or "[2001:db8::1]"
  [[nodiscard]] static Result<IpAddress> parse(std::string_view text);
  // The same where a name is as good: no error text is made.
  [[nodiscard]] static std::optional<IpAddress> literal(std::string_view text);

  [[nodiscard]] bool is_v6() const { return v6_; }
  [[nodiscard]] bool is_unspecified() const { return bytes_ == std::array<std::uint8_t, 16>{}; }
  [[nodiscard]] bool is_loopback() const;
  [[nodiscard]] const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }
  [[nodiscard]] std::uint32_t v4_host_order() const;
  [[nodiscard]] std::string to_string() const;    // without brackets
  [[nodiscard]] std::string to_uri_host() const;  // IPv6 in brackets
  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};
  bool v6_ = false;
};

struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;
  // "192.0.2.1:5060", "[2001:db8::1]:5060"
  [[nodiscard]] static Result<Endpoint> parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;
  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

// An address prefix such as 52.112.0.0/14; a bare address is a prefix of full length.
class Prefix {
 public:
  Prefix() = default;
  [[nodiscard]] static Result<Prefix> parse(std::string_view text);
  [[nodiscard]] bool contains(const IpAddress& a) const;
  [[nodiscard]] bool overlaps(const Prefix& o) const;
  [[nodiscard]] const IpAddress& address() const { return address_; }
  [[nodiscard]] int length() const { return length_; }
  [[nodiscard]] std::string to_string() const;
  friend auto operator<=>(const Prefix&, const Prefix&) = default;

 private:
  IpAddress address_;
  int length_ = 0;
};

enum class Transport : std::uint8_t { kUdp, kTcp, kTls };
[[nodiscard]] std::string_view to_string(Transport t);     // "udp"
[[nodiscard]] std::string_view to_via_token(Transport t);  // "UDP"

// Conversions for the reactor. `length` is in/out as in the socket calls.
[[nodiscard]] unsigned to_sockaddr(const Endpoint& e, sockaddr_storage& out);
[[nodiscard]] Endpoint from_sockaddr(const sockaddr_storage& in);

}  // namespace causeway

template <>
struct std::hash<causeway::IpAddress> {
  std::size_t operator()(const causeway::IpAddress& a) const noexcept;
};
template <>
struct std::hash<causeway::Endpoint> {
  std::size_t operator()(const causeway::Endpoint& e) const noexcept {
    return std::hash<causeway::IpAddress>{}(e.address) * 31 + e.port;
  }
};
