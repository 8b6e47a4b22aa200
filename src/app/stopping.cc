#include "app/stopping.h"

#include <algorithm>

namespace causeway::app {

Stopping::Action Stopping::end_calls(Time now) {
  stage_ = Stage::kEnding;
  until_ = now + kForAnswers;
  return Action::kEndCalls;
}

Stopping::Action Stopping::on_signal(Time now, Seconds drain) {
  switch (stage_) {
    case Stage::kRunning:
      stage_ = Stage::kDraining;
      until_ = now + drain;
      return Action::kRefuseNewCalls;
    case Stage::kDraining: return end_calls(now);
    case Stage::kEnding: stage_ = Stage::kOver; return Action::kNone;
    case Stage::kOver: return Action::kNone;
  }
  return Action::kNone;
}

Stopping::Action Stopping::on_tick(Time now, std::size_t calls) {
  if (!begun()) return Action::kNone;
  if (calls == 0) {
    stage_ = Stage::kOver;
  } else if (now >= until_) {
    if (stage_ == Stage::kDraining) return end_calls(now);
    stage_ = Stage::kOver;
  }
  return Action::kNone;
}

Seconds Stopping::left(Time now) const {
  return std::max(Seconds(0), std::chrono::ceil<Seconds>(until_ - now));
}

}  // namespace causeway::app
