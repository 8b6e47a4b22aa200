// Where one SRTP stream stands (RFC 3711 3.2.1, 3.3): plain, serialisable, no key material.
#pragma once

#include <array>
#include <cstdint>

namespace causeway::rtp {

// Which of the last 128 indices were used. Sending asks it as well: an index that was used once is
// never used for other bytes.
struct IndexWindow {
  std::uint64_t highest = 0;
  std::array<std::uint64_t, 2> bits{};  // bit i of [0]: highest - i; of [1]: highest - 64 - i
  bool started = false;

  [[nodiscard]] bool may_use(std::uint64_t index) const {
    if (!started || index > highest) return true;
    const std::uint64_t back = highest - index;
    if (back >= 128) return false;
    return (bits[back / 64] >> (back % 64) & 1) == 0;
  }
  void use(std::uint64_t index) {
    if (!started) {
      started = true;
      highest = index;
      bits = {1, 0};
    } else if (index > highest) {
      const std::uint64_t by = index - highest;
      if (by >= 128)
        bits = {0, 0};
      else if (by >= 64)
        bits = {0, bits[0] << (by - 64)};
      else
        bits = {bits[0] << by, bits[1] << by | bits[0] >> (64 - by)};
      bits[0] |= 1;
      highest = index;
    } else {
      const std::uint64_t back = highest - index;
      bits[back / 64] |= std::uint64_t{1} << (back % 64);
    }
  }
  friend bool operator==(const IndexWindow&, const IndexWindow&) = default;
};

struct SrtpStreamState {
  std::uint32_t ssrc = 0;
  IndexWindow rtp;   // index: ROC << 16 | SEQ
  IndexWindow rtcp;  // 31-bit SRTCP index
  friend bool operator==(const SrtpStreamState&, const SrtpStreamState&) = default;
};

}  // namespace causeway::rtp
