// Time as the whole program sees it. Nothing in src/ asks the operating system for the time except
// the reactor; everything else is handed an Instant, which the simulated world can replace.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace causeway {

using Micros = std::chrono::microseconds;
using Millis = std::chrono::milliseconds;
using Seconds = std::chrono::seconds;

// Monotonic; the epoch is arbitrary (start of the process or of the simulated world).
struct MonotonicClock {
  using duration = Micros;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<MonotonicClock, duration>;
  static constexpr bool is_steady = true;
};
using Instant = MonotonicClock::time_point;

// Microseconds since 1970-01-01 UTC. For records and displays only, never for timers.
struct WallTime {
  std::int64_t micros = 0;
  friend auto operator<=>(const WallTime&, const WallTime&) = default;
};

// "2026-11-22T17:44:31.123456Z"
[[nodiscard]] std::string format_rfc3339(WallTime t);
void append_rfc3339(std::string& to, WallTime t);
// "17:44:31.123" (UTC)
[[nodiscard]] std::string format_time_of_day(WallTime t);

[[nodiscard]] constexpr double to_seconds(Micros d) { return static_cast<double>(d.count()) / 1e6; }

// The two clocks, read once per loop turn by whoever runs the loop.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Instant now() const = 0;
  [[nodiscard]] virtual WallTime wall() const = 0;
};

}  // namespace causeway
