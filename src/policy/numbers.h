// What a number looks like. Internal to policy/.
#pragma once

#include <string_view>

namespace causeway::policy {

[[nodiscard]] constexpr std::string_view without_plus(std::string_view n) {
  return n.starts_with('+') ? n.substr(1) : n;
}

[[nodiscard]] constexpr bool is_number(std::string_view n) {
  n = without_plus(n);
  return !n.empty() && n.find_first_not_of("0123456789*#") == std::string_view::npos;
}

}  // namespace causeway::policy
