// The command line as data. Pure.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace causeway::app {

struct CommandLine {
  std::string command;                         // "run", "peer" ...; empty with help
  std::vector<std::string> operands;           // FILE, CALL, or ACTION and NAME
  std::map<std::string, std::string> options;  // without "--"; a flag has the value "true"
  bool help = false;
  [[nodiscard]] std::string option(const std::string& name) const {
    const auto it = options.find(name);
    return it == options.end() ? std::string{} : it->second;
  }
};

// `args` without the name of the program.
[[nodiscard]] Result<CommandLine> parse_command_line(std::span<const std::string> args);
// Of one command, or of all when it is empty.
[[nodiscard]] std::string help_text(std::string_view command = {});
// "90s", "5m", "1h" in seconds.
[[nodiscard]] Result<long> parse_seconds(std::string_view text);

}  // namespace causeway::app
