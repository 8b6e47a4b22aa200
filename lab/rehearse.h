// An operator's configuration played through before it is live: its gateway between a simulated
// service and a simulated core, in a network of its own, and every rule of the service by name.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace causeway::lab {

struct RehearsalWish {
  std::string config, service, group;  // group: empty, found by its profile
  std::string directory;               // copy, log and state; made, and left
  std::string causeway;                // the program
  std::string trust;                   // PEM bundle that the service trusts, too; may be empty
};

struct RuleVerdict {
  enum class State : std::uint8_t { kPassed, kFailed, kUntried } state = State::kUntried;
  std::string id, rule, remedy;
  std::vector<std::string> seen;  // what broke it; bounded
};

struct Rehearsal {
  std::string service, service_group, core_group, directory;
  std::vector<RuleVerdict> rules;
  std::vector<std::string> troubles;  // calls that went wrong otherwise
  [[nodiscard]] bool good() const;
};

// kConfiguration: the configuration cannot be played, and why.
[[nodiscard]] Result<Rehearsal> rehearse(const RehearsalWish& wish);
[[nodiscard]] std::string to_text(const Rehearsal& r, bool colour);
[[nodiscard]] std::string to_json(const Rehearsal& r);

}  // namespace causeway::lab
