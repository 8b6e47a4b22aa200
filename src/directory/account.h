// An enterprise as calls see it.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "directory/service.h"

namespace causeway::directory {

// What calls need of an enterprise.
struct Account {
  std::string name;
  std::string tenant_id;                          // at Microsoft, lower case; empty: none
  ServiceSet enabled = 0;                         // switched on for it
  bool screening = true;                          // of its Direct Routing callers (MT-08)
  std::string subdomain;                          // Direct Routing label, lower case; empty: none
  std::string region1_token, region2_token;       // TXT values (MT-05); empty: none
  std::array<std::int64_t, kServices> numbers{};  // with each service
  friend bool operator==(const Account&, const Account&) = default;
};

}  // namespace causeway::directory
