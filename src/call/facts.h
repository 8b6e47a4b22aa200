// What a decision is made of, as far as the INVITE itself says it. Pure: the same for a call, for a
// trail that is looked at again, and for a message that a person asks about.
#pragma once

#include "deployment/deployment.h"
#include "policy/decide.h"
#include "sip/message.h"

namespace causeway::call {

// Loads, states and the peer are left for the caller to fill in.
[[nodiscard]] policy::CallFacts facts_of(const sip::Message& invite,
                                         const deployment::Deployment& d,
                                         deployment::GroupIndex from);

}  // namespace causeway::call
