// What rules may not touch, and what may be done instead. Pure; asked when a configuration is read,
// and of an emergency call with every message.
#pragma once

#include <string>
#include <string_view>

#include "rules/rule.h"

namespace causeway::rules {

// A remedy for an operator; empty: the action may do that.
[[nodiscard]] std::string forbidden(const Action& action);
// The name of a header, or "request_uri". Says of it what header_id() knows.
[[nodiscard]] Target target_of(std::string_view name);
[[nodiscard]] bool is_header_name(std::string_view name);

// May the status of a response be said as that one? Empty: it may.
[[nodiscard]] std::string forbidden_status(const StatusRange& from, int to);

// What a call for help must keep: where it goes, where the caller is, that it has priority.
[[nodiscard]] bool is_kept_for_help(const Target& target);
[[nodiscard]] bool is_kept_for_help(const Action& action);

inline constexpr std::size_t kMaxValue = 2'048;
// A header value that a rule has made of one of `before` bytes, and so much longer at most.
// kMalformed: it would make the message an invalid one.
[[nodiscard]] Status check_value(const Target& target, std::string_view value,
                                 std::size_t before = 0);

}  // namespace causeway::rules
