#include "base/log.h"

#include <atomic>
#include <cstdio>
#include <ctime>
#include <string>

namespace causeway::log {
namespace {
std::atomic<Level> g_level{Level::kInfo};
std::atomic<Sink> g_sink{nullptr};

const char* name(Level l) {
  switch (l) {
    case Level::kDebug: return "debug";
    case Level::kInfo: return "info";
    case Level::kWarning: return "warning";
    case Level::kError: return "error";
  }
  return "?";
}
}  // namespace

void set_level(Level level) { g_level = level; }
void set_sink(Sink sink) { g_sink = sink; }
bool enabled(Level level) { return level >= g_level.load(std::memory_order_relaxed); }

void write(Level level, std::string_view text) {
  if (const Sink sink = g_sink.load()) {
    sink(level, text);
    return;
  }
  std::timespec ts{};
  std::timespec_get(&ts, TIME_UTC);
  std::tm tm{};
  gmtime_r(&ts.tv_sec, &tm);
  char when[32];
  std::strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
  // One write per line: lines of several threads never interleave.
  const std::string line =
      fmt::format("{}.{:03}Z {} {}\n", when, ts.tv_nsec / 1'000'000, name(level), text);
  (void)!std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace causeway::log
