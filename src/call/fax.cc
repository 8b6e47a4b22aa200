// A fax machine or a modem in a call (TDM-19): from then on it is G.711 on both sides and nothing
// is done to it. A side that is on another codec is asked for G.711 by the same way as any other
// change of what is wanted (offers.cc).
#include <algorithm>

#include "call/call.h"
#include "call/meeting.h"

namespace causeway::call {

using telemetry::EventKind;

void Call::on_fax(LegId id, tone::FaxTone tone) {
  const Leg* heard = find_leg(id);
  if (!heard || was_terminated_ || state_.fax) return;
  const std::string what = std::string(tone::to_string(tone));
  // Somebody may still answer who is no fax; then this was nothing.
  if (tone == tone::FaxTone::kCng) {
    tell(EventKind::kNote, heard, what + " is heard: a fax machine calls");
    return;
  }
  state_.fax = true;
  tell(EventKind::kNote, heard,
       what +
           " is heard: a fax or a modem. From here on G.711 as it comes, without digits, comfort "
           "noise and conversion");
  for (const LegId each : {state_.ingress, state_.egress})
    if (const Leg* leg = find_leg(each); leg && leg->s.has_media)
      services_.media.make_plain(leg->media);
  tell_path();
  reconcile();
}

// Of what both said the first is G.711.
bool Call::plain_enough(const Leg& leg) const {
  if (!leg.s.heard || !leg.s.told) return true;
  for (const auto& theirs : leg.s.heard->codecs)
    for (const auto& ours : leg.s.told->codecs)
      if (sdp::same_codec(theirs, ours)) {
        sdp::MediaWish one;
        one.codecs = {theirs};
        return !only_g711(one).codecs.empty();
      }
  return true;
}

bool Call::passes_image(const Leg& a, const Leg& b) const {
  return a.profile->sdp.image == sdp::ImageAs::kPass && b.profile->sdp.image == sdp::ImageAs::kPass;
}

Status Call::open_image(const Leg& leg, sdp::LocalMedia& local) {
  const auto end = services_.media.open_image(leg.media);
  if (!end) return tl::unexpected(end.error());
  local.image = *end;
  return {};
}

// T.38 as it was agreed on this leg, after its audio.
void Call::use_image(const Leg& leg, const sdp::RemoteMedia& remote) {
  const bool agreed = leg.s.told && leg.s.told->image && leg.s.heard && leg.s.heard->image;
  if (!agreed || !remote.image) return services_.media.set_image(leg.media, std::nullopt);
  services_.media.set_image(leg.media,
                            media::ImageAgreed{*remote.image, leg.s.told->image_alone()});
  tell(EventKind::kNote, &leg, "fax by T.38 with " + remote.image->to_string());
}

// What is wanted of it in an SDP: nothing, beside audio, alone.
int Call::image_shape(const sdp::MediaWish& wish) {
  return !wish.image ? 0 : wish.image->alone ? 2 : 1;
}

// What of an agreement is neither codecs nor addresses.
void Call::adapt_agreed(Leg& leg, media::LegMedia& agreed) const {
  const sdp::Dialect& dialect = leg.profile->sdp;
  agreed.fax = dialect.fax;
  agreed.plain = state_.fax;
  // RFC 3611 5.1: "rtcp-xr:pkt-loss-rle voip-metrics".
  agreed.voip_metrics =
      std::any_of(leg.s.attributes.begin(), leg.s.attributes.end(), [](const std::string& a) {
        return a.starts_with("rtcp-xr:") && a.find("voip-metrics") != std::string::npos;
      });
  // RFC 3556 2: neither who sends nor who receives is to report.
  const sdp::Bandwidth& b = agreed.remote.bandwidth;
  agreed.no_rtcp = dialect.rtcp_off && b.rs == 0U && b.rr == 0U;
}

}  // namespace causeway::call
