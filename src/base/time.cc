#include "base/time.h"

#include <cstdio>
#include <ctime>

namespace causeway {
namespace {
std::tm broken_down(WallTime t, int& micros) {
  std::int64_t secs = t.micros / 1'000'000;
  micros = static_cast<int>(t.micros % 1'000'000);
  if (micros < 0) {
    micros += 1'000'000;
    --secs;
  }
  const auto s = static_cast<std::time_t>(secs);
  std::tm tm{};
  gmtime_r(&s, &tm);
  return tm;
}
}  // namespace

std::string format_rfc3339(WallTime t) {
  int us = 0;
  const std::tm tm = broken_down(t, us);
  char out[64];
  const int n =
      std::snprintf(out, sizeof out, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", tm.tm_year + 1900,
                    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, us);
  return {out, static_cast<std::size_t>(n)};
}

std::string format_time_of_day(WallTime t) {
  int us = 0;
  const std::tm tm = broken_down(t, us);
  char out[48];
  const int n = std::snprintf(out, sizeof out, "%02d:%02d:%02d.%03d", tm.tm_hour, tm.tm_min,
                              tm.tm_sec, us / 1000);
  return {out, static_cast<std::size_t>(n)};
}

}  // namespace causeway
