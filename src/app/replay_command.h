// `causeway replay`: recorded trails through a configuration, without a running gateway.
#pragma once

#include <ostream>

#include "app/command_line.h"
#include "base/time.h"

namespace causeway::app {

// Exit status: kExitGood when every call goes as it was recorded, kExitFailed when one does not or
// cannot be replayed, kExitMistakes when the configuration has mistakes.
[[nodiscard]] int run_replay(const CommandLine& line, WallTime now, std::ostream& out,
                             std::ostream& err);

}  // namespace causeway::app
