// The keys of [[rule_set]]: rules, when they hold, and the tests beside them.
#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "deployment/drafts.h"
#include "deployment/rule_drafts.h"
#include "rules/allowed.h"

namespace causeway::deployment {
namespace {

using rules::TextTest;

constexpr std::pair<std::string_view, rules::Direction> kDirections[] = {
    {"in", rules::Direction::kIn}, {"out", rules::Direction::kOut}};
constexpr std::pair<std::string_view, rules::Kind> kKinds[] = {
    {"request", rules::Kind::kRequest}, {"response", rules::Kind::kResponse}};

// --- Tests of a text
// ---------------------------------------------------------------------------------

template <typename T>
void present(Reader& r, const At& at, T& out) {
  bool yes = true;
  r.read(at, yes);
  out.test.kind = yes ? TextTest::Kind::kPresent : TextTest::Kind::kAbsent;
}
template <typename T>
void equals(Reader& r, const At& at, T& out) {
  r.read(at, out.test.equals);
  out.test.kind = TextTest::Kind::kEquals;
}
template <typename T>
void matches(Reader& r, const At& at, T& out) {
  read_pattern(r, at, out.test.matches);
  out.test.kind = TextTest::Kind::kMatches;
}

void one_test(Reader& r, const At& at) {
  int n = 0;
  for (const std::string_view key : {"present", "equals", "matches"})
    n += at.node->find(key) != nullptr ? 1 : 0;
  if (n > 1)
    r.mistake(at.line, at.field, std::to_string(n) + " conditions",
              "write one of present, equals and matches; add another entry for another condition");
}

constexpr Key<rules::HeaderTest> kHeaderTestKeys[] = {
    {"name",
     [](Reader& r, const At& at, rules::HeaderTest& t) {
       const rules::Part part = t.target.part;
       if (read_target(r, at, t.target)) t.target.part = part;
     },
     true},
    {"part",
     [](Reader& r, const At& at, rules::HeaderTest& t) { read_part(r, at, t.target.part); }},
    {"present", present<rules::HeaderTest>},
    {"equals", equals<rules::HeaderTest>},
    {"matches", matches<rules::HeaderTest>},
};
constexpr Key<rules::SdpTest> kSdpTestKeys[] = {
    {"media", member<&rules::SdpTest::media>},
    {"codec", member<&rules::SdpTest::codec>},
    {"attribute", member<&rules::SdpTest::attribute>},
    {"present", present<rules::SdpTest>},
    {"equals", equals<rules::SdpTest>},
    {"matches", matches<rules::SdpTest>},
};
constexpr Key<rules::VariableTest> kVariableTestKeys[] = {
    {"name", member<&rules::VariableTest::name>, true},
    {"present", present<rules::VariableTest>},
    {"equals", equals<rules::VariableTest>},
    {"matches", matches<rules::VariableTest>},
};

template <typename T>
void tests_of(Reader& r, const At& at, std::span<const Key<T>> keys, std::vector<T>& out) {
  if (!r.is_array(at, 16)) return;
  for (std::size_t i = 0; i < at.node->items.size(); ++i) {
    T t;
    const At item = at.item(i);
    r.table<T>(item, keys, t);
    if (item.node->kind == TomlNode::Kind::kTable) one_test(r, item);
    out.push_back(std::move(t));
  }
}

void sdp_tests(Reader& r, const At& at, RuleDraft& rule) {
  tests_of<rules::SdpTest>(r, at, kSdpTestKeys, rule.when.sdp);
  if (at.node->kind != TomlNode::Kind::kArray) return;
  for (std::size_t i = 0; i < rule.when.sdp.size(); ++i) {
    const auto& t = rule.when.sdp[i];
    const At item = at.item(i);
    if (!t.codec.empty() && !t.attribute.empty())
      r.mistake(item.line, item.field, "codec and attribute", "write an entry for each");
    else if (t.media.empty() && t.codec.empty() && t.attribute.empty())
      r.mistake(item.line, item.field, "nothing to look for", "add media, codec or attribute");
    else if (t.attribute.empty() &&
             (t.test.kind == TextTest::Kind::kEquals || t.test.kind == TextTest::Kind::kMatches))
      r.mistake(item.line, item.field, "a value",
                "an attribute alone has one: add attribute = ..., or write present");
  }
}

// --- when
// ----------------------------------------------------------------------------------------------

void methods(Reader& r, const At& at, RuleDraft& rule) {
  if (!r.is_array(at, 32)) return;
  for (std::size_t i = 0; i < at.node->items.size(); ++i) {
    const At item = at.item(i);
    if (!r.is_text(item)) continue;
    const sip::Method m = sip::method_of(item.node->text);
    if (m == sip::Method::kOther)
      r.mistake(item, "write a method, such as \"INVITE\" or \"BYE\"");
    else
      rule.when.methods |= rules::method_bit(m);
  }
}

// 480, "480", "4xx", "400-499"
std::optional<rules::StatusRange> status_range(const TomlNode& n) {
  if (n.kind == TomlNode::Kind::kInteger && n.integer >= 101 && n.integer <= 699)
    return rules::StatusRange{static_cast<int>(n.integer), static_cast<int>(n.integer)};
  if (n.kind != TomlNode::Kind::kString) return std::nullopt;
  const std::string& t = n.text;
  if (t.size() == 3 && t.ends_with("xx") && t[0] >= '1' && t[0] <= '6') {
    const int first = (t[0] - '0') * 100;
    return rules::StatusRange{std::max(first, 101), first + 99};
  }
  const auto number = [](std::string_view s) {
    int v = 0;
    const auto [end, ec] = std::from_chars(s.data(), s.data() + s.size(), v);
    return s.size() == 3 && ec == std::errc{} && end == s.data() + s.size() && v >= 101 && v <= 699
               ? v
               : 0;
  };
  const std::string_view s = t;
  const int low = number(s.substr(0, 3));
  const int high = s.size() == 7 && s[3] == '-' ? number(s.substr(4)) : s.size() == 3 ? low : 0;
  if (low == 0 || high < low) return std::nullopt;
  return rules::StatusRange{low, high};
}

void statuses(Reader& r, const At& at, RuleDraft& rule) {
  if (!r.is_array(at, 64)) return;
  for (std::size_t i = 0; i < at.node->items.size(); ++i) {
    if (const auto range = status_range(at.node->items[i]))
      rule.when.statuses.push_back(*range);
    else
      r.mistake(at.item(i), "write a status from 101 to 699: 480, \"4xx\" or \"500-503\"");
  }
}

void in_dialog(Reader& r, const At& at, RuleDraft& rule) {
  bool yes = false;
  r.read(at, yes);
  rule.when.in_dialog = yes;
}

void variable_tests(Reader& r, const At& at, RuleDraft& rule) {
  tests_of<rules::VariableTest>(r, at, kVariableTestKeys, rule.when.variables);
  if (at.node->kind != TomlNode::Kind::kArray) return;
  for (std::size_t i = 0; i < rule.when.variables.size(); ++i)
    rule.variable_refs.push_back({rule.when.variables[i].name, at.item(i).line, at.item(i).field});
}

constexpr Key<RuleDraft> kWhenKeys[] = {
    {"direction",
     [](Reader& r, const At& at, RuleDraft& rule) {
       rules::Direction d{};
       r.word<rules::Direction>(at, d, kDirections);
       rule.when.direction = d;
     }},
    {"message", [](Reader& r, const At& at,
                   RuleDraft& rule) { r.word<rules::Kind>(at, rule.when.kind, kKinds); }},
    {"methods", methods},
    {"statuses", statuses},
    {"in_dialog", in_dialog},
    {"peer_groups", [](Reader& r, const At& at, RuleDraft& rule) { r.read(at, rule.group_refs); }},
    {"accounts", [](Reader& r, const At& at, RuleDraft& rule) { r.read(at, rule.when.accounts); }},
    {"calling",
     [](Reader& r, const At& at, RuleDraft& rule) { read_pattern(r, at, rule.when.calling); }},
    {"called",
     [](Reader& r, const At& at, RuleDraft& rule) { read_pattern(r, at, rule.when.called); }},
    {"headers",
     [](Reader& r, const At& at, RuleDraft& rule) {
       tests_of<rules::HeaderTest>(r, at, kHeaderTestKeys, rule.when.headers);
     }},
    {"sdp", sdp_tests},
    {"variables", variable_tests},
};

void when(Reader& r, const At& at, RuleDraft& rule) {
  r.table<RuleDraft>(at, kWhenKeys, rule);
  if (rule.when.kind == rules::Kind::kRequest && !rule.when.statuses.empty())
    r.mistake(at.line, Reader::join(at.field, "statuses"), "statuses of requests",
              "a request has none; remove one of message and statuses");
}

// Of a rule or a test: a few words.
template <auto Member, typename T>
void title(Reader& r, const At& at, T& out) {
  if (!r.is_text(at)) return;
  if (at.node->text.empty() || at.node->text.size() > 64)
    return r.mistake(at, "write 1 to 64 characters");
  out.*Member = at.node->text;
}

constexpr Key<RuleDraft> kRuleKeys[] = {
    {"name", title<&RuleDraft::name, RuleDraft>, true},
    {"when", when},
    {"actions", [](Reader&, const At&, RuleDraft&) {}, true},  // behind `when`, whatever the order
    {"last", member<&RuleDraft::last>},
};

void rule(Reader& r, const At& at, RuleSetDraft& set) {
  RuleDraft draft;
  r.table<RuleDraft>(at, kRuleKeys, draft);
  const auto* actions =
      at.node->kind == TomlNode::Kind::kTable ? at.node->find("actions") : nullptr;
  if (actions != nullptr) {
    const At list{&actions->value, actions->line, Reader::join(at.field, "actions")};
    if (r.is_array(list, rules::kMaxActions)) {
      if (list.node->items.empty()) r.mistake(list, "a rule does something: add an action");
      for (std::size_t i = 0; i < list.node->items.size(); ++i)
        read_rule_action(r, list.item(i), draft);
    }
  }
  const bool twice = std::any_of(set.rules.begin(), set.rules.end(), [&](const RuleDraft& o) {
    return !draft.name.empty() && o.name == draft.name;
  });
  if (twice)
    r.mistake(at.line, Reader::join(at.field, "name"), "\"" + draft.name + "\"",
              "another rule of this set has this name; a trail could not tell them apart");
  set.rules.push_back(std::move(draft));
}

// --- Tests beside the rules
// ----------------------------------------------------------------------------

// Text of several lines.
void lines(Reader& r, const At& at, std::string& out) {
  if (at.node->kind != TomlNode::Kind::kString)
    return r.mistake(at, "text in quotes is needed: '''...''' may have several lines");
  if (at.node->text.size() > 65'535) return r.mistake(at, "a message has at most 65535 bytes");
  out = at.node->text;
}

void variables(Reader& r, const At& at, rules::Variables& out) {
  if (!r.is_table(at)) return;
  for (const auto& m : at.node->members) {
    const At value{&m.value, m.line > 0 ? m.line : at.line, Reader::join(at.field, m.key)};
    if (!r.is_text(value)) continue;
    if (!rules::is_variable_name(m.key) || out.size() >= rules::kMaxVariables)
      r.mistake(value, "write at most 16 names of small letters, digits and '_'");
    else
      out.push_back({m.key, m.value.text});
  }
}

constexpr Key<RuleTestDraft> kGivenKeys[] = {
    {"direction", [](Reader& r, const At& at,
                     RuleTestDraft& t) { r.word<rules::Direction>(at, t.direction, kDirections); }},
    {"peer_group", member<&RuleTestDraft::group_ref>},
    {"peer", member<&RuleTestDraft::peer>},
    {"account", member<&RuleTestDraft::account>},
    {"tenant", member<&RuleTestDraft::tenant>},
    {"calling", member<&RuleTestDraft::calling>},
    {"called", member<&RuleTestDraft::called>},
    {"emergency", member<&RuleTestDraft::emergency>},
    {"variables", [](Reader& r, const At& at, RuleTestDraft& t) { variables(r, at, t.variables); }},
};

using Expected = rules::RuleTest::Expected;
constexpr Key<Expected> kExpectKeys[] = {
    {"message", [](Reader& r, const At& at, Expected& e) { lines(r, at, e.message.emplace()); }},
    {"start_line",
     [](Reader& r, const At& at, Expected& e) { r.read(at, e.start_line.emplace()); }},
    {"headers", member<&Expected::headers>},
    {"absent", member<&Expected::absent>},
    {"sdp", member<&Expected::sdp>},
    {"sdp_absent", member<&Expected::sdp_absent>},
    {"variables", [](Reader& r, const At& at, Expected& e) { variables(r, at, e.variables); }},
    {"unchanged", member<&Expected::unchanged>},
};

constexpr Key<RuleTestDraft> kTestKeys[] = {
    {"name", title<&RuleTestDraft::name, RuleTestDraft>, true},
    {"given",
     [](Reader& r, const At& at, RuleTestDraft& t) { r.table<RuleTestDraft>(at, kGivenKeys, t); }},
    {"message",
     [](Reader& r, const At& at, RuleTestDraft& t) {
       lines(r, at, static_cast<rules::RuleTest&>(t).message);
     },
     true},
    {"expect",
     [](Reader& r, const At& at, RuleTestDraft& t) {
       r.table<Expected>(at, kExpectKeys, t.expected);
       t.expect_line = at.line;
       if (at.node->kind == TomlNode::Kind::kTable && at.node->members.empty())
         r.mistake(at, "say what is to come out: headers, absent, sdp, message or unchanged");
     },
     true},
};

void test(Reader& r, const At& at, RuleSetDraft& set) {
  RuleTestDraft t;
  t.line = at.line;
  t.field = at.field;
  r.table<RuleTestDraft>(at, kTestKeys, t);
  set.tests.push_back(std::move(t));
}

template <auto One>
void each_table(Reader& r, const At& at, RuleSetDraft& set) {
  if (r.is_array(at, One == &rule ? rules::kMaxRules : rules::kMaxTests))
    r.tables(at, [&](const At& item) { One(r, item, set); });
}

constexpr Key<RuleSetDraft> kSetKeys[] = {
    {"name", title<&RuleSetDraft::name, RuleSetDraft>, true},
    {"rule", each_table<&rule>, true},
    {"test", each_table<&test>},
};

}  // namespace

void read_rule_sets(Reader& r, const At& root, Draft& draft) {
  const auto* section = root.node->find("rule_set");
  if (section == nullptr) return;
  const At at{&section->value, section->line, "rule_set"};
  if (!r.is_array(at, rules::kMaxSets)) return;
  r.tables(at, [&](const At& item) {
    const std::size_t before = r.mistake_count();
    RuleSetDraft set;
    set.line = item.line;
    set.field = item.field;
    r.table<RuleSetDraft>(item, kSetKeys, set);
    set.mistakes = r.mistake_count() - before;
    draft.rule_sets.push_back(std::move(set));
  });
}

void list_rule_keys(std::vector<std::string>& out) {
  list_keys<RuleSetDraft>("rule_set", kSetKeys, out);
  list_keys<RuleDraft>("rule_set.rule", kRuleKeys, out);
  list_keys<RuleDraft>("rule_set.rule.when", kWhenKeys, out);
  list_keys<rules::HeaderTest>("rule_set.rule.when.headers", kHeaderTestKeys, out);
  list_keys<rules::SdpTest>("rule_set.rule.when.sdp", kSdpTestKeys, out);
  list_keys<rules::VariableTest>("rule_set.rule.when.variables", kVariableTestKeys, out);
  list_rule_action_keys(out);
  list_keys<RuleTestDraft>("rule_set.test", kTestKeys, out);
  list_keys<RuleTestDraft>("rule_set.test.given", kGivenKeys, out);
  list_keys<Expected>("rule_set.test.expect", kExpectKeys, out);
  for (const std::string_view table :
       {"rule_set.rule", "rule_set.test", "rule_set.rule.when", "rule_set.rule.when.headers",
        "rule_set.rule.when.sdp", "rule_set.rule.when.variables", "rule_set.rule.actions",
        "rule_set.test.given", "rule_set.test.expect"})
    std::erase(out, table);
}

}  // namespace causeway::deployment
