// What the command line does apart from `run`: checks files and talks to a running gateway. One
// thread; waits.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "app/command_line.h"
#include "app/control_protocol.h"
#include "base/time.h"

namespace causeway::app {

inline constexpr int kExitGood = 0, kExitFailed = 1, kExitMistakes = 2, kExitUsage = 64;

// Rows under their heads in aligned columns.
class Table {
 public:
  void head(std::vector<std::string> cells);
  void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  void print(std::ostream& out);  // and forget
  [[nodiscard]] bool empty() const { return rows_.empty(); }

 private:
  std::vector<std::vector<std::string>> rows_;  // the first is the head
  bool has_head_ = false;
};

// `check FILE`: all mistakes to `out`; `now` is for the expiry of certificates.
[[nodiscard]] int run_check(const std::string& file, WallTime now, std::ostream& out);
// Every command that asks a running gateway. What it is sent is in request_of().
[[nodiscard]] int run_remote(const CommandLine& line, std::ostream& out, std::ostream& err);
// The request that a command line means. `apply` carries the text of the file ("text") and its path
// ("file").
[[nodiscard]] Result<Request> request_of(const CommandLine& line);
// --socket, else the one that --config names, else the default.
[[nodiscard]] Result<std::string> socket_of(const CommandLine& line);

}  // namespace causeway::app
