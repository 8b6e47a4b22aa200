// Where accounts and numbers are kept.
#pragma once

#include <filesystem>
#include <string>

#include "deployment/deployment.h"

namespace causeway::app {

[[nodiscard]] inline std::string store_locator(const deployment::Deployment& d) {
  return d.provisioning.store.empty() ? d.operation.state_directory + "/store.db"
                                      : d.provisioning.store;
}

// What a gateway follows: a store that is named or served, or the default file when there is one.
// Empty: none.
[[nodiscard]] inline std::string followed_store(const deployment::Deployment& d) {
  std::error_code ec;
  const std::string locator = store_locator(d);
  const bool meant = !d.provisioning.store.empty() || d.provisioning.listen;
  return meant || std::filesystem::exists(locator, ec) ? locator : std::string();
}

}  // namespace causeway::app
