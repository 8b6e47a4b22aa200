#include "udptl.h"

#include <algorithm>
#include <optional>

namespace causeway::fax_end {
namespace {

constexpr std::size_t kKept = 2;

// X.691 10.9, the two short forms.
void put_length(std::vector<std::uint8_t>& out, std::size_t n) {
  if (n >= 0x80) out.push_back(static_cast<std::uint8_t>(0x80 | (n >> 8)));
  out.push_back(static_cast<std::uint8_t>(n));
}

void put_open_type(std::vector<std::uint8_t>& out, std::span<const std::uint8_t> ifp) {
  put_length(out, ifp.size());
  out.insert(out.end(), ifp.begin(), ifp.end());
}

std::optional<std::size_t> take_length(std::span<const std::uint8_t>& from) {
  if (from.empty()) return std::nullopt;
  std::size_t n = from[0];
  from = from.subspan(1);
  if (n < 0x80) return n;
  if ((n & 0x40) != 0 || from.empty()) return std::nullopt;
  n = (n & 0x3f) << 8 | from[0];
  from = from.subspan(1);
  return n;
}

std::optional<std::span<const std::uint8_t>> take_open_type(std::span<const std::uint8_t>& from) {
  const auto n = take_length(from);
  if (!n || *n > from.size()) return std::nullopt;
  const auto out = from.first(*n);
  from = from.subspan(*n);
  return out;
}

}  // namespace

std::vector<std::uint8_t> UdptlSender::next(std::span<const std::uint8_t> ifp) {
  std::vector<std::uint8_t> out{static_cast<std::uint8_t>(sequence_ >> 8),
                                static_cast<std::uint8_t>(sequence_)};
  ++sequence_;
  put_open_type(out, ifp);
  out.push_back(0);  // secondary IFP packets follow, no parity
  put_length(out, before_.size());
  for (const auto& b : before_) put_open_type(out, b);
  before_.emplace_front(ifp.begin(), ifp.end());
  if (before_.size() > kKept) before_.pop_back();
  return out;
}

bool UdptlReceiver::receive(std::span<const std::uint8_t> datagram, const Take& take) {
  if (datagram.size() < 4) return false;
  const auto sequence = static_cast<std::uint16_t>(datagram[0] << 8 | datagram[1]);
  datagram = datagram.subspan(2);
  const auto primary = take_open_type(datagram);
  if (!primary || datagram.empty()) return false;
  std::vector<std::span<const std::uint8_t>> before;
  const bool parity = (datagram[0] & 0x80) != 0;
  datagram = datagram.subspan(1);
  if (!parity) {
    const auto n = take_length(datagram);
    if (!n) return false;
    for (std::size_t i = 0; i < *n; ++i) {
      const auto one = take_open_type(datagram);
      if (!one) return false;
      before.push_back(*one);
    }
  }
  const auto missing = static_cast<std::uint16_t>(sequence - expected_);
  if (missing >= 0x8000) return true;  // it came before, or too late
  for (std::size_t back = std::min<std::size_t>(missing, before.size()); back > 0; --back) {
    ++repaired_;
    take(before[back - 1], static_cast<std::uint16_t>(sequence - back));
  }
  take(*primary, sequence);
  expected_ = static_cast<std::uint16_t>(sequence + 1);
  return true;
}

}  // namespace causeway::fax_end
