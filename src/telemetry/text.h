// Text for files and terminals. Internal to telemetry/; pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace causeway::telemetry {

// Length of the well-formed UTF-8 sequence that starts `s`, or 0.
[[nodiscard]] std::size_t utf8_sequence(std::string_view s);
[[nodiscard]] bool is_utf8(std::string_view s);
// As a JSON string with quotes. Bytes that are not UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view s);
// For one line of a terminal: control characters and broken UTF-8 become '?'.
[[nodiscard]] std::string printable(std::string_view s);
// Columns of printable text, one for each code point.
[[nodiscard]] std::size_t columns(std::string_view s);
// Cut to `width` columns, ending in an ellipsis when something is missing.
[[nodiscard]] std::string fitted(std::string_view s, std::size_t width);

}  // namespace causeway::telemetry
