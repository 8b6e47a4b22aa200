// The other end of the control socket: used by the command line. Waits for the answer; one thread.
#pragma once

#include <functional>
#include <string>

#include "app/control_protocol.h"
#include "base/result.h"

namespace causeway::app {

// Sends one request and hands over each line of the answer, up to the one that ends it. An answer
// that says "failed" is an error with its text.
[[nodiscard]] Status ask(const std::string& socket_path, const Request& request,
                         const std::function<Status(const ResponseLine&)>& on_line);

}  // namespace causeway::app
