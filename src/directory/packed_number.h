// An E.164 number as one integer: its digits behind a 1, so that leading zeros and lengths stay
// apart. 15 digits fit 51 bits, and no number is 0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace causeway::directory {

inline constexpr std::size_t kMaxDigits = 15;  // ITU-T E.164 section 6.2.1
inline constexpr int kPackedBits = 51;
inline constexpr std::uint64_t kPackedMask = (std::uint64_t{1} << kPackedBits) - 1;

// "+" and 1 to 15 digits; nullopt for all else.
[[nodiscard]] std::optional<std::uint64_t> pack_number(std::string_view number);
// "+..." of what pack_number() made; empty for what it never makes.
[[nodiscard]] std::string unpack_number(std::uint64_t packed);

// Spreads over all 64 bits (the finalizer of SplitMix64).
[[nodiscard]] constexpr std::uint64_t spread(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

}  // namespace causeway::directory
