// Is the peer of a call that says nothing still there? A call on hold may be silent for hours; when
// both peers have lost it, nothing but a question ends it. What the answer means: RFC 5057.
#include <algorithm>

#include "call/call.h"
#include "sip/headers.h"
#include "sip/tag.h"

namespace causeway::call {

using sip::Method;
using telemetry::EventKind;

void Call::watch_over(Leg& leg) {
  const Micros interval = leg.profile->liveness_check;
  if (interval.count() == 0 || was_terminated_ || leg.s.phase != LegPhase::kConfirmed) return;
  const Micros silent(services_.reactor.wall().micros - leg.s.signalled.micros);
  start_timer(leg.look, std::clamp<Micros>(interval - silent, Millis(10), interval),
              TimerKind::kLook, leg);
}

void Call::look_after(Leg& leg) {
  leg.look = {};
  const Micros interval = leg.profile->liveness_check;
  if (interval.count() == 0 || was_terminated_ || leg.s.phase != LegPhase::kConfirmed) return;
  const auto& reactor = services_.reactor;
  Micros silent(reactor.wall().micros - leg.s.signalled.micros);
  if (leg.s.has_media)
    if (const Instant heard = services_.media.last_heard(leg.media); heard != Instant{})
      silent = std::min(silent, std::chrono::duration_cast<Micros>(reactor.now() - heard));
  if (silent < interval) {
    start_timer(leg.look, std::max<Micros>(interval - silent, Millis(10)), TimerKind::kLook, leg);
    return;
  }
  if (leg.busy() || leg.liveness.value != 0) {  // its answer, or the want of one, will tell
    start_timer(leg.look, Seconds(1), TimerKind::kLook, leg);
    return;
  }
  tell(EventKind::kTimer, &leg,
       "heard nothing for " + std::to_string(std::chrono::duration_cast<Seconds>(silent).count()) +
           " s: asked whether it is there");
  const std::string branch = sip::make_branch(owner(), services_.reactor.random());
  auto b = in_dialog(leg, Method::kOptions, branch, ++leg.s.dialog.local_cseq);
  (void)send_in_dialog(leg, Method::kOptions, b.finish(), branch);
}

// The dialog is gone where they say 481 or nobody answers; every other answer is of somebody who
// is there (RFC 5057 5.1).
void Call::on_liveness_answer(Leg& leg, int status) {
  leg.liveness = {};
  if (was_terminated_ || !leg.confirmed()) return;
  if (status != 0 && status != 408 && status != 481) {
    watch_over(leg);
    return;
  }
  if (is_transferor(leg)) return transferor_left("it does not answer any more");
  terminate({TerminationClass::kDropped, ReleasedBy::kGateway, 200, 102,
             (leg.s.peer.empty() ? leg.s.group : leg.s.peer) +
                 (status == 481 ? " does not know the call any more (481)"
                                : " does not answer within the call any more")},
            nullptr, nullptr);
}

}  // namespace causeway::call
