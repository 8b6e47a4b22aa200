// What a write must keep to besides its own form. Set once, by whoever owns the editor.
#pragma once

#include <string>
#include <vector>

namespace causeway::provisioning {

struct Rules {
  // A client of the backend services takes the outbox. Without one, what is to be synced says
  // failed with BackendNotConfigured; its outbox rows wait all the same.
  bool backend = false;
  // Below which an enterprise has its label ("1r1.gw.example.net"); none: no domain is configured.
  std::vector<std::string> region_domains;
};

// What an identity provider takes as the name of an enterprise (MT-03).
inline constexpr std::size_t kMaxEnterpriseName = 48;

}  // namespace causeway::provisioning
