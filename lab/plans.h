// Lists of calls to place: built in, or from a JSON file.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "lab/number_plan.h"

namespace causeway::lab {

// How the called side hands its caller over, where there is a target.
enum class Handover : std::uint8_t {
  kBlind,     // the target is of the called side
  kAttended,  // ... of the caller's, and has been talked to
  kReplaced,  // ... of the called side, and calls with Replaces
};

struct CallPlan {
  std::string name, what;  // "op-answered", "operator calls, speech one way, a tone the other"
  Side caller = Side::kOperator;
  Behaviour calling, called;
  std::string number = {};  // called; empty: by its place in the list
  Millis start{0};
  Millis limit{15'000};  // the call has ended by then, or it is a failure
  // What is right
  int final_status = 200;  // as the caller sees it
  bool cancelled = false;
  // The called side hands the caller over to this one.
  std::optional<Behaviour> target;
  Handover handover = Handover::kBlind;
  int offers_seen_by_other = 0;  // re-INVITEs that must reach the other side as holds
};

struct ScenarioPlan {
  std::string name;
  std::vector<CallPlan> calls;
  bool wait_for_options =
      true;  // the three names are seen to be probed, and the gateway answers ours
  bool strict_numbers = true;  // false: a core may have numbers in another form than E.164
};

[[nodiscard]] Result<ScenarioPlan> find_plan(const std::string& name_or_file);
[[nodiscard]] std::vector<std::string> built_in_plans();
// Calls that only a trunk with Local Media Optimization can have. `first_inside`: where the
// configuration expects users of whom nothing is known.
void add_local_media(ScenarioPlan& plan, bool first_inside);
// And those with a gateway behind the gateway.
void add_gateway_behind(ScenarioPlan& plan);
// Calls that only a trunk with media bypass can have.
void add_media_bypass(ScenarioPlan& plan);
// Number that the call at this place of a list comes from.
[[nodiscard]] std::string caller_of(Side caller, std::size_t index);
[[nodiscard]] Result<ScenarioPlan> parse_plan(std::string_view json_text);

}  // namespace causeway::lab
