// `causeway migrate`: takes over what an operator of Azure Communications Gateway can export. Reads
// files, writes a configuration or into the store; one thread, waits.
#pragma once

#include <functional>
#include <ostream>

#include "app/command_line.h"
#include "base/time.h"

namespace causeway::app {

// Notes of what has no counterpart go to `err`, one line each. Exit status 1 when a record was bad.
[[nodiscard]] int run_migrate(const CommandLine& line, const std::function<WallTime()>& now,
                              std::ostream& out, std::ostream& err);

}  // namespace causeway::app
