// What a changed configuration makes of the messages of a recorded call behind those that began it:
// each goes through the rules of its peer's profile, as it did then. Pure.
#pragma once

#include <string>
#include <string_view>

#include "call/explain.h"
#include "call/replay.h"
#include "telemetry/trail.h"

namespace causeway::call {

// `now`: of the INVITE that began it. `calling`: as rules know the number. `came`, `first`: events
// of the trail that were compared already, the INVITE and the first attempt; `first` may be null.
// Adds to `out` what differs, and what cannot be said.
void replay_within(const telemetry::Trail& trail, const deployment::Deployment& d,
                   const Explanation& now, std::string_view calling, const telemetry::Event* came,
                   const telemetry::Event* first, Replayed& out);

// What an event of a trail says of a change beside its text, so that it can be read again.
[[nodiscard]] telemetry::Field field_of(const rules::Change& c, rules::Direction direction);

}  // namespace causeway::call
