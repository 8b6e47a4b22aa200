// What the configuration lays upon whoever writes into the store.
#pragma once

#include "deployment/deployment.h"
#include "deployment/nameserver.h"
#include "provisioning/rules.h"

namespace causeway::app {

// No backend client takes the outbox yet.
[[nodiscard]] inline provisioning::Rules rules_of(const deployment::Deployment& d) {
  provisioning::Rules out;
  if (d.nameserver)
    for (const auto& r : d.nameserver->regions)
      out.region_domains.push_back(d.nameserver->service_domain(r));
  return out;
}

}  // namespace causeway::app
