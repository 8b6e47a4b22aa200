// What a call that ended says of the trunks it went by (TDR-43, OC-06). Pure but for the counters.
#pragma once

#include "call/state.h"
#include "peers/shared_load.h"
#include "telemetry/record.h"

namespace causeway::call {

// Did the network do its part? An answer, busy, no answer and a rejection by the person called are
// what a network is for (ITU-T E.425); a caller who gives up before it rang is not.
[[nodiscard]] bool network_effective(TerminationClass what, const telemetry::CallRecord& r);

void watch_trunk(peers::SharedLoad::Trunk& trunk, TerminationClass what,
                 const telemetry::CallRecord& r);

}  // namespace causeway::call
