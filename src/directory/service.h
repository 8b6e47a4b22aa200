// What a number may be used for, as bits of a set. Shared by what is provisioned and what is
// called.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace causeway::directory {

enum Service : std::uint8_t {
  kOperatorConnect = 1,
  kPhoneMobile = 2,
  kDirectRouting = 4,
  kZoom = 8,
  kCallProtection = 16,
};
inline constexpr std::size_t kServices = 5;
inline constexpr std::array<Service, kServices> kEveryService{
    kOperatorConnect, kPhoneMobile, kDirectRouting, kZoom, kCallProtection};
using ServiceSet = std::uint8_t;
inline constexpr ServiceSet kAllServices = (1U << kServices) - 1;
[[nodiscard]] constexpr std::size_t index_of(Service s) {
  std::size_t i = 0;
  while ((1u << i) != s) ++i;
  return i;
}

}  // namespace causeway::directory
