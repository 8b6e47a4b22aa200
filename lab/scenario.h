// Plays a list of calls on both sides of a gateway at once and judges each by what was signalled
// and heard. Lab thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lab/plans.h"
#include "lab/world.h"

namespace causeway::lab {

struct DirectionVerdict {
  Side from = Side::kOperator, to = Side::kOperator;
  std::vector<std::string> heard;
  StreamQuality quality;  // over the judged stretches
  double score = 0;       // worst of the stretches with sound
  double first_packet_ms = 0;
  bool good = true;
};

struct CallVerdict {
  std::string name, what, number;
  bool good = false;
  std::vector<std::string> reasons;  // why not
  int final_status = 0;
  std::optional<double> ringing_ms, answer_ms;  // from the INVITE
  std::vector<DirectionVerdict> directions;
  Violations violations;
};

struct ScenarioVerdict {
  std::string name;
  bool good = false;
  double seconds = 0;
  std::vector<CallVerdict> calls;
  std::vector<std::string> reasons;  // outside any call: OPTIONS, stray messages
};

// The calls that came of a hand-over; null: there was none.
struct Handed {
  const Call* target = nullptr;
  const Call* consultation = nullptr;  // the called side's own call to it
  const Call* nowhere = nullptr;       // the INVITE whose Replaces names no dialog
};

// Pure but for what the calls hold. `called` is null when the call never arrived.
[[nodiscard]] CallVerdict judge_call(const CallPlan& plan, const Call* calling, const Call* called,
                                     const Handed& handed = {}, bool strict_numbers = true);
[[nodiscard]] ScenarioVerdict run_scenario(const Sides& sides, const ScenarioPlan& plan);
[[nodiscard]] std::string to_text(const ScenarioVerdict& v, bool colour);
[[nodiscard]] std::string to_json(const ScenarioVerdict& v);

// What should be heard by `to` of `from`: the stretches in which one sends and the other receives,
// and those in which there must be silence. Stretches too short to judge are left out.
[[nodiscard]] std::vector<Stretch> stretches(const CallFacts& from, const Sound& sound,
                                             const CallFacts& to);

}  // namespace causeway::lab
