#include "rules/match.h"

#include <algorithm>

#include "rules/part.h"
#include "rules/sdp_edit.h"

namespace causeway::rules {
namespace {

bool passes(const TextTest& test, std::string_view text) {
  switch (test.kind) {
    case TextTest::Kind::kPresent:
    case TextTest::Kind::kAbsent: return true;
    case TextTest::Kind::kEquals: return text == test.equals;
    case TextTest::Kind::kMatches: return test.matches.found_in(text);
  }
  return false;
}

bool holds(const HeaderTest& t, Draft& draft) {
  bool found = false;
  each_value(draft, t.target, [&](std::string_view value) {
    const auto part =
        t.target.request_uri ? part_of_uri(value, t.target.part) : part_of(value, t.target.part);
    found = part && passes(t.test, *part);
    return !found;
  });
  return found != (t.test.kind == TextTest::Kind::kAbsent);
}

bool holds(const VariableTest& t, const Variables& variables) {
  const Variable* v = find(variables, t.name);
  if (t.test.kind == TextTest::Kind::kAbsent) return v == nullptr;
  return v != nullptr && passes(t.test, v->value);
}

template <typename Container, typename Value>
bool empty_or_has(const Container& c, const Value& value) {
  return c.empty() || std::find(c.begin(), c.end(), value) != c.end();
}

bool of_kind(const When& w, const Draft& draft) {
  if (w.kind != Kind::kAny && (w.kind == Kind::kRequest) != (draft.status == 0)) return false;
  if (w.methods != 0 && (w.methods & method_bit(draft.message().method())) == 0) return false;
  if (!w.statuses.empty() &&
      std::none_of(w.statuses.begin(), w.statuses.end(), [&](const StatusRange& r) {
        return draft.status >= r.low && draft.status <= r.high;
      }))
    return false;
  return !w.in_dialog || *w.in_dialog != draft.message().to_tag().empty();
}

}  // namespace

// The cheapest first.
bool holds(const When& w, Draft& draft, const Facts& facts, const Variables& variables) {
  if (w.direction && *w.direction != facts.direction) return false;
  if (!of_kind(w, draft) || !empty_or_has(w.groups, facts.group) ||
      !empty_or_has(w.accounts, facts.account))
    return false;
  for (const auto& t : w.variables)
    if (!holds(t, variables)) return false;
  for (const auto& t : w.headers)
    if (!holds(t, draft)) return false;
  if (w.calling && !w.calling.found_in(facts.calling)) return false;
  if (w.called && !w.called.found_in(facts.called)) return false;
  if (w.sdp.empty()) return true;
  const std::string_view sdp = draft.sdp();
  return std::all_of(w.sdp.begin(), w.sdp.end(),
                     [&](const SdpTest& t) { return rules::holds(t, sdp); });
}

}  // namespace causeway::rules
