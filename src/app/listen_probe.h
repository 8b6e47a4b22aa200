// Whether the addresses of listeners are still to be had. Every shard opens each of them with
// SO_REUSEPORT, and so would a second gateway: the kernel would share the packets between the two
// without a word. Management thread, before the shards open anything.
#pragma once

#include "base/result.h"
#include "deployment/deployment.h"

namespace causeway::app {

// Binds and lets go each listener of `next` that `running` (none: a gateway that starts) does not
// have at that address and transport. kConflict names the listener and its address when another
// process has it; whatever else is wrong with an address is for the shards to find.
[[nodiscard]] Status addresses_free(const deployment::Deployment& next,
                                    const deployment::Deployment* running);

}  // namespace causeway::app
