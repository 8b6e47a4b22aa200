// Tests that an operator writes beside rules: a message that goes in, and what is to come out. Run
// whenever a configuration is read. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "rules/engine.h"

namespace causeway::rules {

struct RuleTest {
  std::string name;
  Direction direction = Direction::kOut;
  std::uint16_t group = 0;
  std::string group_name, peer, account, tenant, calling, called;
  bool emergency = false;
  Variables variables;
  std::string message;
  // What is to come out; all that is given must hold, and something is.
  struct Expected {
    std::optional<std::string> message;  // whole, but for Content-Length
    std::optional<std::string> start_line;
    std::vector<std::string> headers;     // lines that are there
    std::vector<std::string> absent;      // names of headers that are not
    std::vector<std::string> sdp;         // lines that are there
    std::vector<std::string> sdp_absent;  // lines that are not
    Variables variables;
    bool unchanged = false;
  } expected;
};

// As it would have come: text of a person has bare line feeds, and no Content-Length that fits.
[[nodiscard]] std::string as_message(std::string_view text);
// Lines that are in one only, in their order, "- " and "+ " before them.
[[nodiscard]] std::string difference(const std::vector<std::string>& wanted,
                                     const std::vector<std::string>& found);

// nullopt: it passed. Else what is different, in lines; or why the message of the test is none.
[[nodiscard]] std::optional<std::string> run(const std::shared_ptr<const RuleSet>& set,
                                             const RuleTest& test);

}  // namespace causeway::rules
