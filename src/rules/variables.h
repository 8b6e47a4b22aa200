// What rules remember of a call, for both of its legs. A value.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace causeway::rules {

struct Variable {
  std::string name, value;
  friend bool operator==(const Variable&, const Variable&) = default;
};
using Variables = std::vector<Variable>;
inline constexpr std::size_t kMaxVariables = 16, kMaxVariable = 256;
[[nodiscard]] const Variable* find(const Variables& variables, std::string_view name);

}  // namespace causeway::rules
