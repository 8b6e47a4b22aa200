// From the first SIGTERM to the end of the process: new calls are refused, those that exist have
// the drain time, a second signal ends them at once. A plain machine without clock, signals or
// gateway; management thread.
#pragma once

#include <chrono>
#include <cstddef>

#include "base/time.h"

namespace causeway::app {

class Stopping {
 public:
  using Time = std::chrono::steady_clock::time_point;
  enum class Stage : unsigned char { kRunning, kDraining, kEnding, kOver };
  enum class Action : unsigned char { kNone, kRefuseNewCalls, kEndCalls };
  static constexpr Seconds kForAnswers{3};  // to our BYE

  // SIGTERM or SIGINT. The first begins the drain, the second ends it, the third waits for nothing.
  [[nodiscard]] Action on_signal(Time now, Seconds drain);
  // Now and then; `calls` are those that exist.
  [[nodiscard]] Action on_tick(Time now, std::size_t calls);

  [[nodiscard]] Stage stage() const { return stage_; }
  [[nodiscard]] bool begun() const { return stage_ != Stage::kRunning; }
  // Until the present stage ends by itself.
  [[nodiscard]] Seconds left(Time now) const;

 private:
  Action end_calls(Time now);
  Stage stage_ = Stage::kRunning;
  Time until_{};
};

}  // namespace causeway::app
