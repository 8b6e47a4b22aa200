#include "base/net.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <charconv>
#include <cstring>
#include <iterator>
#include <optional>

namespace causeway {

IpAddress IpAddress::v4(std::uint32_t host_order) {
  IpAddress a;
  for (int i = 0; i < 4; ++i)
    a.bytes_[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(host_order >> (24 - 8 * i));
  return a;
}

IpAddress IpAddress::v6(const std::array<std::uint8_t, 16>& b) {
  static constexpr std::uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  IpAddress a;
  if (std::memcmp(b.data(), kMapped, sizeof kMapped) == 0) {
    std::memcpy(a.bytes_.data(), b.data() + 12, 4);
    return a;
  }
  a.bytes_ = b;
  a.v6_ = true;
  return a;
}

namespace {

// Four decimal numbers without leading zeros; nothing else is an IPv4 literal.
std::optional<std::uint32_t> parse_v4(std::string_view text) {
  std::uint32_t all = 0, part = 0;
  int dots = 0, digits = 0;
  for (const char c : text) {
    if (c == '.') {
      if (digits == 0 || ++dots > 3) return std::nullopt;
      all = all << 8 | part;
      part = 0;
      digits = 0;
    } else if (c < '0' || c > '9' || (digits != 0 && part == 0)) {
      return std::nullopt;
    } else {
      part = part * 10 + static_cast<std::uint32_t>(c - '0');
      if (++digits > 3 || part > 255) return std::nullopt;
    }
  }
  if (dots != 3 || digits == 0) return std::nullopt;
  return all << 8 | part;
}

}  // namespace

std::optional<IpAddress> IpAddress::literal(std::string_view text) {
  if (const auto host_order = parse_v4(text)) return v4(*host_order);
  if (text.find(':') == std::string_view::npos) return std::nullopt;
  const auto parsed = parse(text);
  return parsed ? std::optional(*parsed) : std::nullopt;
}

Result<IpAddress> IpAddress::parse(std::string_view text) {
  if (const auto host_order = parse_v4(text)) return v4(*host_order);
  std::string_view inner = text;
  const bool bracketed = inner.size() >= 2 && inner.front() == '[' && inner.back() == ']';
  if (bracketed) inner = inner.substr(1, inner.size() - 2);
  char buf[64];
  if (inner.empty() || inner.size() >= sizeof buf)
    return fail(ErrorCode::kMalformed, "not an IP address: '" + std::string(text) + "'");
  std::memcpy(buf, inner.data(), inner.size());
  buf[inner.size()] = 0;
  in6_addr a6{};
  if (inet_pton(AF_INET6, buf, &a6) == 1) {
    std::array<std::uint8_t, 16> b{};
    std::memcpy(b.data(), &a6, 16);
    return v6(b);
  }
  return fail(ErrorCode::kMalformed, "not an IP address: '" + std::string(text) + "'");
}

bool IpAddress::is_loopback() const {
  if (!v6_) return bytes_[0] == 127;
  for (std::size_t i = 0; i < 15; ++i)
    if (bytes_[i] != 0) return false;
  return bytes_[15] == 1;
}

std::uint32_t IpAddress::v4_host_order() const {
  return (std::uint32_t{bytes_[0]} << 24) | (std::uint32_t{bytes_[1]} << 16) |
         (std::uint32_t{bytes_[2]} << 8) | bytes_[3];
}

std::string IpAddress::to_string() const {
  char buf[INET6_ADDRSTRLEN];
  if (v6_) {
    inet_ntop(AF_INET6, bytes_.data(), buf, sizeof buf);
    return buf;
  }
  char* out = buf;
  for (std::size_t i = 0; i < 4; ++i) {
    if (i != 0) *out++ = '.';
    out = std::to_chars(out, std::end(buf), unsigned{bytes_[i]}).ptr;
  }
  return {buf, out};
}

std::string IpAddress::to_uri_host() const { return v6_ ? "[" + to_string() + "]" : to_string(); }

Result<Endpoint> Endpoint::parse(std::string_view text) {
  const auto colon = text.rfind(':');
  const auto bad = [&] {
    return fail(ErrorCode::kMalformed, "not ADDRESS:PORT: '" + std::string(text) +
                                           "'; write 192.0.2.1:5060 or [2001:db8::1]:5060");
  };
  if (colon == std::string_view::npos) return bad();
  const std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  if (host.find(':') != std::string_view::npos && (host.front() != '[' || host.back() != ']'))
    return bad();
  auto address = IpAddress::parse(host);
  if (!address) return bad();
  unsigned value = 0;
  const auto [end, ec] = std::from_chars(port.data(), port.data() + port.size(), value);
  if (ec != std::errc{} || end != port.data() + port.size() || port.empty() || value > 65535)
    return bad();
  return Endpoint{*address, static_cast<std::uint16_t>(value)};
}

std::string Endpoint::to_string() const {
  return address.to_uri_host() + ":" + std::to_string(port);
}

Result<Prefix> Prefix::parse(std::string_view text) {
  Prefix p;
  const auto slash = text.find('/');
  auto address = IpAddress::parse(text.substr(0, slash));
  if (!address)
    return fail(ErrorCode::kMalformed,
                "not an address or prefix: '" + std::string(text) + "'; write 52.112.0.0/14");
  p.address_ = *address;
  const int full = address->is_v6() ? 128 : 32;
  p.length_ = full;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    int n = -1;
    const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), n);
    if (ec != std::errc{} || end != digits.data() + digits.size() || digits.empty() || n < 0 ||
        n > full)
      return fail(ErrorCode::kMalformed, "prefix length of '" + std::string(text) +
                                             "' is not between 0 and " + std::to_string(full));
    p.length_ = n;
  }
  auto bytes = p.address_.bytes();
  for (int bit = p.length_; bit < full; ++bit)
    if (bytes[static_cast<std::size_t>(bit / 8)] & (0x80 >> (bit % 8)))
      return fail(ErrorCode::kMalformed,
                  "'" + std::string(text) + "' has address bits set beyond its prefix length");
  return p;
}

bool Prefix::contains(const IpAddress& a) const {
  if (a.is_v6() != address_.is_v6()) return false;
  const int whole = length_ / 8;
  if (std::memcmp(a.bytes().data(), address_.bytes().data(), static_cast<std::size_t>(whole)) != 0)
    return false;
  const int rest = length_ % 8;
  if (rest == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xff << (8 - rest));
  const auto i = static_cast<std::size_t>(whole);
  return (a.bytes()[i] & mask) == (address_.bytes()[i] & mask);
}

bool Prefix::overlaps(const Prefix& o) const {
  return length_ <= o.length_ ? contains(o.address_) : o.contains(address_);
}

std::string Prefix::to_string() const {
  return address_.to_string() + "/" + std::to_string(length_);
}

std::string_view to_string(Transport t) {
  switch (t) {
    case Transport::kUdp: return "udp";
    case Transport::kTcp: return "tcp";
    case Transport::kTls: return "tls";
  }
  return "?";
}

std::string_view to_via_token(Transport t) {
  switch (t) {
    case Transport::kUdp: return "UDP";
    case Transport::kTcp: return "TCP";
    case Transport::kTls: return "TLS";
  }
  return "?";
}

unsigned to_sockaddr(const Endpoint& e, sockaddr_storage& out) {
  std::memset(&out, 0, sizeof out);
  if (e.address.is_v6()) {
    auto& s = reinterpret_cast<sockaddr_in6&>(out);
    s.sin6_family = AF_INET6;
    s.sin6_port = htons(e.port);
    std::memcpy(&s.sin6_addr, e.address.bytes().data(), 16);
    return sizeof s;
  }
  auto& s = reinterpret_cast<sockaddr_in&>(out);
  s.sin_family = AF_INET;
  s.sin_port = htons(e.port);
  std::memcpy(&s.sin_addr, e.address.bytes().data(), 4);
  return sizeof s;
}

Endpoint from_sockaddr(const sockaddr_storage& in) {
  if (in.ss_family == AF_INET6) {
    const auto& s = reinterpret_cast<const sockaddr_in6&>(in);
    std::array<std::uint8_t, 16> b{};
    std::memcpy(b.data(), &s.sin6_addr, 16);
    return {IpAddress::v6(b), ntohs(s.sin6_port)};
  }
  const auto& s = reinterpret_cast<const sockaddr_in&>(in);
  return {IpAddress::v4(ntohl(s.sin_addr.s_addr)), ntohs(s.sin_port)};
}

}  // namespace causeway

std::size_t std::hash<causeway::IpAddress>::operator()(
    const causeway::IpAddress& a) const noexcept {
  std::uint64_t h = a.is_v6() ? 0x9e3779b97f4a7c15ULL : 0;
  std::uint64_t w[2];
  std::memcpy(w, a.bytes().data(), 16);
  for (const auto x : w) h = (h ^ x) * 0xff51afd7ed558ccdULL, h ^= h >> 32;
  return h;
}
