// The Provisioning API as a service of the process: store, tokens, web server and housekeeping on
// threads of their own. Nothing here touches a shard.
#pragma once

#include <memory>

#include "base/result.h"
#include "deployment/deployment.h"

namespace causeway::app {

class ProvisioningService {
 public:
  // A store that may be away is tried again until it is there, and the API is served from then on.
  enum class Store : std::uint8_t { kMustBeThere, kMayBeAway };
  // Does nothing when the configuration names no address to serve at.
  [[nodiscard]] static Result<std::unique_ptr<ProvisioningService>> start(
      const deployment::Deployment& deployment, Store store);
  ~ProvisioningService();
  ProvisioningService(const ProvisioningService&) = delete;
  ProvisioningService& operator=(const ProvisioningService&) = delete;

 private:
  ProvisioningService();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace causeway::app
