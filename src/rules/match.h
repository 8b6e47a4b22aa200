// Does a rule hold for a message, as it is after the rules before it? Pure.
#pragma once

#include "rules/draft.h"
#include "rules/engine.h"

namespace causeway::rules {

[[nodiscard]] bool holds(const When& when, Draft& draft, const Facts& facts,
                         const Variables& variables);

// Calls f(value) for each value that a target has: every line, and of these every address where a
// part is meant. False from f stops.
template <typename F>
void each_value(Draft& draft, const Target& target, F f) {
  if (target.request_uri) {
    if (draft.status == 0) f(draft.request_uri);
    return;
  }
  for (const auto& line : draft.lines) {
    if (!is(line, target)) continue;
    std::string_view rest = draft.plain(line.value);
    if (target.part == Part::kWhole) {
      if (!f(rest)) return;
      continue;
    }
    for (auto one = sip::next_value(rest); !one.empty(); one = sip::next_value(rest))
      if (!f(one)) return;
  }
}

}  // namespace causeway::rules
