// Rule sets with their names resolved, tested, and given to the profiles that name them.
#include <algorithm>

#include "deployment/drafts.h"
#include "deployment/rule_drafts.h"

namespace causeway::deployment {
namespace {

using Sets = std::vector<std::shared_ptr<const rules::RuleSet>>;

template <typename D>
std::optional<std::uint16_t> place_of(Reader& r, const std::vector<D>& all, const Ref& ref,
                                      const std::string& kind) {
  const auto it =
      std::find_if(all.begin(), all.end(), [&](const D& d) { return d.name == ref.name; });
  if (it != all.end()) return static_cast<std::uint16_t>(it - all.begin());
  std::vector<std::string_view> names;
  for (const auto& d : all) names.push_back(d.name);
  const auto near = nearest(ref.name, names);
  r.mistake(ref.line, ref.field, "\"" + ref.name + "\"",
            "no " + kind + " has this name" +
                (near.empty() ? std::string() : "; did you mean \"" + std::string(near) + "\"?"));
  return std::nullopt;
}

void check_variables(Reader& r, const Draft& d) {
  std::vector<std::string_view> set;
  for (const auto& s : d.rule_sets)
    for (const auto& rule : s.rules)
      for (const auto& a : rule.actions)
        if (a.verb == rules::Verb::kCapture) set.push_back(a.name);
  for (const auto& s : d.rule_sets)
    for (const auto& rule : s.rules)
      for (const auto& ref : rule.variable_refs) {
        if (std::find(set.begin(), set.end(), ref.name) != set.end()) continue;
        const auto near = nearest(ref.name, set);
        r.mistake(
            ref.line, ref.field, "\"" + ref.name + "\"",
            near.empty()
                ? "no rule captures this variable: add an action capture = \"" + ref.name + "\""
                : "no rule captures this variable; did you mean \"" + std::string(near) + "\"?");
      }
}

void run_tests(Reader& r, Draft& d, RuleSetDraft& draft,
               const std::shared_ptr<const rules::RuleSet>& set) {
  for (auto& t : draft.tests) {
    if (!t.group_ref.name.empty()) {
      const auto group = place_of(r, d.groups, t.group_ref, "peer_group");
      if (!group) continue;
      t.group = *group;
      t.group_name = t.group_ref.name;
    } else {
      t.group = 0xffff;  // of none
    }
    if (const auto failed = rules::run(set, t))
      r.mistake(t.expect_line > 0 ? t.expect_line : t.line, Reader::join(t.field, "expect"),
                "another message than the test \"" + t.name + "\" of rule set \"" + draft.name +
                    "\" expects (- expected, + made):\n" + *failed,
                "mend the rule, or what the test expects");
  }
}

std::shared_ptr<const rules::Chain> chain_of(Reader& r, const Draft& d, const Sets& sets,
                                             rules::Direction direction,
                                             const std::vector<Ref>& refs, bool own) {
  Sets mine;
  for (const auto& ref : refs) {
    std::vector<Mistake> said;
    Reader quiet("", said);
    if (const auto i = place_of(own ? r : quiet, d.rule_sets, ref, "rule_set"))
      if (sets[*i]) mine.push_back(sets[*i]);
  }
  if (mine.empty()) return nullptr;
  return std::make_shared<const rules::Chain>(direction, std::move(mine));
}

}  // namespace

void resolve_rules(Reader& r, Draft& d) {
  check_variables(r, d);
  Sets sets;
  for (std::size_t i = 0; i < d.rule_sets.size(); ++i) {
    auto& draft = d.rule_sets[i];
    const std::size_t before = r.mistake_count();
    for (std::size_t j = 0; j < i; ++j)
      if (!draft.name.empty() && d.rule_sets[j].name == draft.name)
        r.mistake(draft.line, Reader::join(draft.field, "name"), "\"" + draft.name + "\"",
                  "the rule_set of line " + std::to_string(d.rule_sets[j].line) +
                      " has this name already");
    auto set = std::make_shared<rules::RuleSet>();
    set->name = draft.name;
    for (auto& rule : draft.rules) {
      for (const auto& ref : rule.group_refs)
        if (const auto group = place_of(r, d.groups, ref, "peer_group"))
          rule.when.groups.push_back(*group);
      set->rules.push_back(rule);
    }
    // What is half read would only fail its tests in strange ways.
    if (draft.mistakes == 0 && r.mistake_count() == before) run_tests(r, d, draft, set);
    sets.push_back(std::move(set));
  }
  for (auto& p : d.profiles) {
    p.rules_in = chain_of(r, d, sets, rules::Direction::kIn, p.rules_in_refs,
                          p.place.node != nullptr && p.place.has("rules_in"));
    p.rules_out = chain_of(r, d, sets, rules::Direction::kOut, p.rules_out_refs,
                           p.place.node != nullptr && p.place.has("rules_out"));
  }
}

}  // namespace causeway::deployment
