// Judges how a call was handed over: blind, attended, or by an INVITE with Replaces.
#pragma once

#include "lab/scenario.h"

namespace causeway::lab {

// Label of the call that a caller is handed over to.
inline constexpr const char* kTargetSuffix = " (target)";

[[nodiscard]] Handed handed_of(const Sides& sides, const CallPlan& plan);
void judge_handover(const CallPlan& plan, const Call& calling, const Call& called,
                    const Handed& handed, CallVerdict& v);

}  // namespace causeway::lab
