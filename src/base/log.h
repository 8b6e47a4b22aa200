// Logs are for operators: start, stop, configuration, peers going up and down. Never per packet.
// Any thread. Lines go to stderr; the service manager keeps them.
#pragma once

#include <fmt/core.h>

#include <string_view>

namespace causeway::log {

enum class Level { kDebug, kInfo, kWarning, kError };

void set_level(Level level);
// Receives every line that passes the level, for tests; nullptr returns to stderr.
using Sink = void (*)(Level, std::string_view);
void set_sink(Sink sink);
void write(Level level, std::string_view text);
[[nodiscard]] bool enabled(Level level);

// While it lives, lines are written by a thread of their own: whoever reads stderr and stops
// reading stops no shard. What waits is bounded; what is dropped is counted, and said when there is
// room. Its end waits for the rest, 2 s at most.
class Background {
 public:
  static constexpr std::size_t kMaxBytes = 1 << 20;
  Background();
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;
};

template <typename... Args>
void debug(fmt::format_string<Args...> f, Args&&... args) {
  if (enabled(Level::kDebug)) write(Level::kDebug, fmt::format(f, std::forward<Args>(args)...));
}
template <typename... Args>
void info(fmt::format_string<Args...> f, Args&&... args) {
  if (enabled(Level::kInfo)) write(Level::kInfo, fmt::format(f, std::forward<Args>(args)...));
}
template <typename... Args>
void warning(fmt::format_string<Args...> f, Args&&... args) {
  if (enabled(Level::kWarning)) write(Level::kWarning, fmt::format(f, std::forward<Args>(args)...));
}
template <typename... Args>
void error(fmt::format_string<Args...> f, Args&&... args) {
  if (enabled(Level::kError)) write(Level::kError, fmt::format(f, std::forward<Args>(args)...));
}

}  // namespace causeway::log
