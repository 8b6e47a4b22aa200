// Whether a call may have its audio decoded and encoded, as far as the machine is concerned
// (media/transcoding.h): what runs goes on, emergencies are not asked, and the rest fits under
// limits.transcoding or not.
#include <fmt/format.h>

#include <algorithm>

#include "call/call.h"
#include "call/meeting.h"

namespace causeway::call {

CodingRoom Call::coding_room(const Leg& a, const Leg& b) const {
  CodingRoom room;
  const auto has_it = [&](const Leg& l) {
    return l.s.has_media && services_.media.transcodes(l.media);
  };
  if (state_.emergency == policy::EmergencyClass::kEmergency || has_it(a) || has_it(b)) return room;
  room.ever = services_.media.budget().cap() > 0;
  room.why = [this] {
    const auto& load = services_.media.budget();
    return load.cap() > 0
               ? fmt::format(
                     "no codec in common, and no room to transcode: it takes {:.3g} of a "
                     "core here, and limits.transcoding is {:.3g}",
                     load.used(), load.cap())
               : "no codec in common, and limits.transcoding is 0: nothing is transcoded here";
  };
  room.now = [this](const sdp::Codec& x, const sdp::Codec& y) {
    return services_.media.has_room(media::work_between(x, y));
  };
  return room;
}

// What was offered and would be made here was promised: room is kept for the dearest of it.
void Call::keep_coding_room(const Leg& to, const sdp::MediaWish& offered) {
  const Leg* from = other(to);
  if (!from || !from->s.heard || !to.s.has_media) return;
  const auto& own = from->s.heard->codecs;
  media::Work most;
  for (const sdp::Codec& c : offered.codecs) {
    const bool common = std::any_of(own.begin(), own.end(),
                                    [&](const sdp::Codec& o) { return sdp::same_codec(o, c); });
    const bool audio = !sdp::is_telephone_event(c) && !sdp::is_comfort_noise(c);
    const sdp::Codec* as = common || !audio ? nullptr : cheapest_for(c, own);
    if (!as) continue;
    const media::Work w = media::work_between(*as, c);
    if (w.ns.back() > most.ns.back()) most = w;
  }
  services_.media.keep_room(to.media, most);
}

}  // namespace causeway::call
