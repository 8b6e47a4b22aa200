// The difference of two texts, as a person reads it. Pure.
#pragma once

#include <string>
#include <string_view>

namespace causeway::app {

// Unified form with three lines of context; empty when the texts are equal.
[[nodiscard]] std::string unified_diff(std::string_view before, std::string_view after,
                                       std::string_view before_name, std::string_view after_name);

}  // namespace causeway::app
