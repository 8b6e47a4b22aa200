#include "call/late_answers.h"

#include <algorithm>
#include <utility>

#include "sip/tag.h"

namespace causeway::call {

void LateAnswers::refused(std::string_view local_tag, CallId call, LegId leg, std::string peer) {
  const auto key = sip::random_of_tag(local_tag);
  if (!key) return;
  attempts_[next_] = {*key, call, leg, std::move(peer)};
  next_ = (next_ + 1) % kMost;
}

bool LateAnswers::answered(std::string_view local_tag, telemetry::TrailStore& trails, WallTime at) {
  const auto key = sip::random_of_tag(local_tag);
  if (!key || *key == 0) return false;
  const auto it = std::find_if(attempts_.begin(), attempts_.end(),
                               [&](const Attempt& a) { return a.tag == *key; });
  if (it == attempts_.end()) return false;
  const Attempt a = std::exchange(*it, {});  // said once
  (void)answered(a.call, a.leg, trails, at, a.peer);
  return true;
}

bool LateAnswers::answered(CallId call, LegId leg, telemetry::TrailStore& trails, WallTime at,
                           std::string_view peer) {
  return trails.add_late(call, telemetry::EventKind::kNote, at, leg.value,
                         std::string(kLateAnswer) + ": passed over, the call is over", peer);
}

}  // namespace causeway::call
