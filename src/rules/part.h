// The parts of an address in a header value, read and put back. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "rules/rule.h"

namespace causeway::rules {

// One value, not a list. nullopt: it has no such part (no address, or one of another scheme).
[[nodiscard]] std::optional<std::string_view> part_of(std::string_view value, Part part);
[[nodiscard]] std::optional<std::string_view> part_of_uri(std::string_view uri, Part part);

// `value` with that part said anew. kMalformed: what was put in would not be one part any more.
// Everything else, a tag above all, stays.
[[nodiscard]] Result<std::string> with_part(std::string_view value, Part part,
                                            std::string_view text);
[[nodiscard]] Result<std::string> with_part_of_uri(std::string_view uri, Part part,
                                                   std::string_view text);

// "a=b;c" with `name` set (`value` empty: a parameter without a value), or gone (nullopt).
[[nodiscard]] std::string with_param(std::string_view params, std::string_view name,
                                     std::optional<std::string_view> value);
// A URI, or the address of a header value, with a parameter set or gone.
[[nodiscard]] Result<std::string> with_uri_param(std::string_view uri, std::string_view name,
                                                 std::optional<std::string_view> value);
[[nodiscard]] Result<std::string> with_address_param(std::string_view value, bool of_header,
                                                     std::string_view name,
                                                     std::optional<std::string_view> param);

}  // namespace causeway::rules
