// The tables, on both engines. Internal to store/.
#pragma once

#include "store/sql.h"

namespace causeway::store {

inline constexpr std::int64_t kSchemaVersion = 1;

// Creates what is missing, one version after the other, in one transaction. Safe when several
// processes start at once. A schema of a newer program is refused.
[[nodiscard]] Status migrate(Connection& connection);

}  // namespace causeway::store
