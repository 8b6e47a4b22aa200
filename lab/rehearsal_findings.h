// What a rehearsal saw of the gateway, rule by rule.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "lab/rehearsal_cast.h"
#include "lab/rehearsal_rules.h"
#include "lab/rehearse.h"
#include "lab/scenario.h"

namespace causeway::lab {

class Findings {
 public:
  // The rules of the service, and those of what else the trunk has.
  Findings(const RehearsalWish& wish, const Cast& cast);
  void saw(Seen s) { seen_.insert(s); }
  void broke(std::string_view by, const std::string& what);
  [[nodiscard]] std::vector<RuleVerdict> rows();

 private:
  void add(std::span<const RehearsedRule> rules);
  std::string service_;
  std::vector<RuleVerdict> rows_;
  std::vector<Seen> when_;
  std::set<Seen> seen_;
};

// Waits for OPTIONS in both directions, 8 s at most.
void look_at_options(const Sides& sides, const Cast& cast, Findings& f);
void look_at_calls(const Sides& sides, const ScenarioVerdict& v, Findings& f);
// A call's reasons that are no rule's: those stand by their rules. Bounded.
[[nodiscard]] std::vector<std::string> troubles_of(const ScenarioVerdict& v);

}  // namespace causeway::lab
