// Routing by number (R10, P45): from a trunk to the service that the number has, from a service to
// the operator's network, and whose call it is. Pure. Internal to policy/.
#pragma once

#include "policy/decide.h"

namespace causeway::policy {

// `out.targets` holds the group's routes_to: narrowed here, or `out.refusal` says why there are
// none. Does nothing for groups that are neither trunk nor service, and to emergency calls no more
// than to say whose they are (EM-02).
void route(const deployment::Deployment& d, const directory::Directory* directory,
           const CallFacts& facts, Decision& out);

}  // namespace causeway::policy
