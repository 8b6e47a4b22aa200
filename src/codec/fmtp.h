// Parameters of an a=fmtp line ("mode-set=0,2; octet-align=1"), as views into it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace causeway::codec::fmtp {

// The value of `name`, compared without case; "" when the name stands alone. The first one counts.
[[nodiscard]] std::optional<std::string_view> find(std::string_view line, std::string_view name);
// Its value as a number; nothing when absent or not a number.
[[nodiscard]] std::optional<std::uint32_t> number(std::string_view line, std::string_view name);
// "name=1".
[[nodiscard]] bool is_set(std::string_view line, std::string_view name);

}  // namespace causeway::codec::fmtp
