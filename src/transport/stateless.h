// Answers that leave no state behind: for what is refused before it becomes a transaction.
#pragma once

#include <string>

#include "sip/build.h"
#include "transport/flow.h"

namespace causeway::transport {

// Every answer to the same request has the same To-tag (RFC 3261 8.2.7). `profile`: of its sender's
// group, null when that is not known.
[[nodiscard]] std::string stateless_response(const sip::Message& request, const Flow& flow,
                                             int status, std::string_view why,
                                             const deployment::Profile* profile);

// The lines that a profile wants on whatever it is sent (X-MS-SBC and its like).
void add_profile_lines(sip::Builder& b, const deployment::Profile* profile);

}  // namespace causeway::transport
