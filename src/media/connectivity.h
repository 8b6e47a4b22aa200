// An ICE agent's knowledge in a snapshot of its leg.
#pragma once

#include "ice/agent.h"

namespace causeway::media {

// Every instant as what it is before `now`; of the result, again the instants.
[[nodiscard]] ice::Agent::State in_ages(ice::Agent::State s, Instant now);

}  // namespace causeway::media
