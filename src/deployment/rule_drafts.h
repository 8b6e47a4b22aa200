// What [[rule_set]] tables say before names are resolved. Internal to deployment/.
#pragma once

#include <string>
#include <vector>

#include "deployment/reader.h"
#include "rules/rule.h"
#include "rules/rule_test.h"

namespace causeway::deployment {

struct RuleDraft : rules::Rule {
  std::vector<Ref> group_refs;
  std::vector<Ref> variable_refs;  // variables that it reads
};
struct RuleTestDraft : rules::RuleTest {
  Ref group_ref;
  int line = 0, expect_line = 0;
  std::string field;
};
struct RuleSetDraft {
  std::string name;
  std::vector<RuleDraft> rules;
  std::vector<RuleTestDraft> tests;
  std::size_t mistakes = 0;  // found while it was read
  int line = 0;
  std::string field;
};

// rule_action_keys.cc: one entry of `actions`.
void read_rule_action(Reader& reader, const At& at, RuleDraft& rule);
void list_rule_action_keys(std::vector<std::string>& out);
[[nodiscard]] bool read_target(Reader& reader, const At& at, rules::Target& out);
void read_part(Reader& reader, const At& at, rules::Part& out);
void read_pattern(Reader& reader, const At& at, rules::Regex& out);

}  // namespace causeway::deployment
