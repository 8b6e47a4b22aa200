// Keys that a running gateway cannot change. Any thread.
#pragma once

#include <string>
#include <vector>

#include "deployment/deployment.h"

namespace causeway::app {

// Names of those in which `next` differs from what the process was started with.
[[nodiscard]] std::vector<std::string> changed_restart_keys(const deployment::Deployment& started,
                                                            const deployment::Deployment& next);
// `next` as it can be in force now: with the values that the process was started with.
void keep_restart_keys(deployment::Deployment& next, const deployment::Deployment& started);

}  // namespace causeway::app
