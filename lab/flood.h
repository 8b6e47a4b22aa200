// Garbage datagrams at a steady rate from one address: noise, and requests that look good and are
// not. Made beforehand, so that sending costs system calls alone.
#pragma once

#include <csignal>
#include <cstdint>

#include "base/net.h"
#include "base/result.h"
#include "base/time.h"

namespace causeway::lab {

struct FloodSettings {
  Endpoint from, to;
  double rate = 1'000;  // datagrams a second
  Millis length{1'000};
};

struct FloodReport {
  std::uint64_t sent = 0, unsent = 0;  // for which the kernel had no room
  double seconds = 0;
};

// Until the time is up, or `stop` is not 0.
[[nodiscard]] Result<FloodReport> run_flood(const FloodSettings& settings,
                                            const volatile std::sig_atomic_t& stop);

}  // namespace causeway::lab
