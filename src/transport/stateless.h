// Answers that leave no state behind: for what is refused before it becomes a transaction.
#pragma once

#include <string>

#include "transport/flow.h"

namespace causeway::transport {

// Every answer to the same request has the same To-tag (RFC 3261 8.2.7).
[[nodiscard]] std::string stateless_response(const sip::Message& request, const Flow& flow,
                                             int status, std::string_view why);

}  // namespace causeway::transport
