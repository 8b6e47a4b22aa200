// Host names as text: no look-up. Any thread; pure.
#pragma once

#include <string>
#include <string_view>

namespace causeway {

// Letters, digits and hyphens in labels of 1-63, 253 in all (RFC 1123 2.1). An address literal is
// not a name: the last label must not be all digits.
[[nodiscard]] bool is_host_name(std::string_view text);

// Whether a name of a certificate covers `host` (RFC 2818 3.1, RFC 6125 6.4.3): equal without
// regard to case, or "*" as the whole leftmost label, which stands for exactly one label:
// *.example.com covers sbc.example.com and neither example.com nor a.sbc.example.com. "*.com"
// covers nothing.
[[nodiscard]] bool host_matches(std::string_view pattern, std::string_view host);

[[nodiscard]] bool equal_ignoring_case(std::string_view a, std::string_view b);  // ASCII
[[nodiscard]] std::string to_lower(std::string_view text);                       // ASCII

}  // namespace causeway
