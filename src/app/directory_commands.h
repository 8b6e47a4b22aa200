// `causeway account` and `causeway number`: for people without a BSS, straight on the store. One
// thread; waits.
#pragma once

#include <functional>
#include <ostream>
#include <string>

#include "app/command_line.h"
#include "base/time.h"
#include "provisioning/rules.h"

namespace causeway::app {

struct StoreAt {
  std::string locator;
  provisioning::Rules rules;  // of a store that is named by itself: none
};
// As --store or --config say.
[[nodiscard]] Result<StoreAt> store_of(const CommandLine& line);

// Exit status: 1 when a row was bad or the store says no.
[[nodiscard]] int run_directory_command(const CommandLine& line,
                                        const std::function<WallTime()>& now, std::ostream& out,
                                        std::ostream& err);

}  // namespace causeway::app
