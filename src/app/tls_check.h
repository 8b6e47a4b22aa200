// `causeway tls-check`: what TLS with one peer comes to, by the rules that services have for it
// (TDR-08 .. TDR-18), and what to change. Talks to the peer itself, not to a running gateway.
#pragma once

#include <iosfwd>

#include "app/command_line.h"
#include "base/time.h"

namespace causeway::app {

// 0: every rule holds; 1: one is broken; 2: the configuration has mistakes.
[[nodiscard]] int run_tls_check(const CommandLine& line, WallTime now, std::ostream& out,
                                std::ostream& err);

}  // namespace causeway::app
