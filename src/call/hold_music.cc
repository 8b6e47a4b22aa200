// Music for a peer that the other side has put on hold, where its profile has some: it is told that
// somebody sends though the other side does not, and hears music while that is silent.
#include "call/call.h"
#include "tone/wav.h"

namespace causeway::call {

sdp::MediaWish Call::with_music(sdp::MediaWish wish, const Leg& to) const {
  const bool can_hear = to.profile->sdp.hold != sdp::HoldForm::kInactiveOnly;
  if (to.profile->hold_music && can_hear && wish.direction == sdp::Direction::kInactive)
    wish.direction = sdp::Direction::kSendOnly;
  return wish;
}

void Call::play_on_hold(const Leg& leg) {
  if (!leg.s.has_media) return;
  const bool held =
      leg.s.told && leg.s.heard &&
      expressed(leg.s.told->direction, leg.profile->sdp) == sdp::Direction::kSendOnly &&
      sdp::receives(leg.s.heard->direction);
  services_.media.set_hold_music(leg.media, held ? leg.profile->hold_music : nullptr);
}

}  // namespace causeway::call
