// `causeway explain --offline`: by the files alone.
#pragma once

#include <ostream>

#include "app/command_line.h"
#include "base/time.h"

namespace causeway::app {

[[nodiscard]] int run_explain_offline(const CommandLine& line, WallTime now, std::ostream& out,
                                      std::ostream& err);

}  // namespace causeway::app
