// `causeway dns export`: the whole zone as a master file, for operators who run a name server of
// their own. Reads configuration and store; one thread, waits.
#pragma once

#include <ostream>

#include "app/command_line.h"
#include "base/time.h"

namespace causeway::app {

[[nodiscard]] int run_dns_export(const CommandLine& line, WallTime now, std::ostream& out,
                                 std::ostream& err);

}  // namespace causeway::app
