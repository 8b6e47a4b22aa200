// `causeway account names`: of each name of an enterprise whether it is verified, as name servers
// say, and whether its service routes to it, as calls have shown (TDR-27).
#pragma once

#include <iosfwd>
#include <string>

#include "base/result.h"
#include "deployment/deployment.h"
#include "nameserver/look.h"
#include "store/store.h"

namespace causeway::app {

// Of the accounts whose name begins with `prefix`. `ask` may wait; when nobody answers, the rest is
// not asked. Errors: no [nameserver], no store, or a damaged STATE/activated.json.
[[nodiscard]] Status list_names(const deployment::Deployment& d, store::Store& store,
                                const std::string& prefix, const nameserver::Ask& ask,
                                std::ostream& out);

}  // namespace causeway::app
