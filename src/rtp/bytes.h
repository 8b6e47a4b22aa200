// Big-endian integers in packets. The caller has checked the bounds.
#pragma once

#include <cstddef>
#include <cstdint>

namespace causeway::rtp {

[[nodiscard]] inline std::uint8_t get8(const std::byte* p) {
  return std::to_integer<std::uint8_t>(*p);
}
[[nodiscard]] inline std::uint16_t get16(const std::byte* p) {
  return static_cast<std::uint16_t>(get8(p) << 8 | get8(p + 1));
}
[[nodiscard]] inline std::uint32_t get32(const std::byte* p) {
  return std::uint32_t{get16(p)} << 16 | get16(p + 2);
}
inline void put8(std::byte* p, unsigned v) { *p = static_cast<std::byte>(v); }
inline void put16(std::byte* p, unsigned v) {
  put8(p, v >> 8 & 0xff);
  put8(p + 1, v & 0xff);
}
inline void put32(std::byte* p, std::uint32_t v) {
  put16(p, v >> 16);
  put16(p + 2, v & 0xffff);
}

}  // namespace causeway::rtp
