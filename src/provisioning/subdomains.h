// What the world's name servers say of an enterprise's names, as far as it is known. Any thread.
#pragma once

#include <cstdint>

#include "store/records.h"

namespace causeway::provisioning {

enum class SubdomainStatus : std::uint8_t { kNotProvisioned, kProvisioned, kInconsistent };

class Subdomains {
 public:
  virtual ~Subdomains() = default;
  // Never waits: what was found last, while it is looked up anew.
  [[nodiscard]] virtual SubdomainStatus status(const store::DirectRoutingAccount& account) = 0;
};

}  // namespace causeway::provisioning
