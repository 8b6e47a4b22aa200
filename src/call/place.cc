// Where a leg's media is, inside or outside of an enterprise's network (Local Media Optimization):
// the first place, and moves that the peer asks for by re-INVITE. Groups without a second realm
// never move (TDR-96).
#include <utility>

#include "call/call.h"
#include "call/local_media.h"
#include "call/media_family.h"

namespace causeway::call {

using telemetry::EventKind;

const deployment::Realm& Call::media_realm(const Leg& leg, bool internal) const {
  const auto& group = deployment_->group(leg.group);
  return deployment_->realm(internal ? group.internal_realm.value_or(group.realm) : group.realm);
}

// Whose media it is: the caller of a call that comes from there, who is called in one that goes
// there.
std::string_view Call::user_of(const Leg& leg) const {
  return leg.s.ingress ? state_.calling : state_.called;
}

// Before its ports are taken. `invite`: the peer's own; null: we call it, and guess (LMO-04).
void Call::choose_place(Leg& leg, const sip::Message* invite) {
  const auto& group = deployment_->group(leg.group);
  if (!group.internal_realm) return;
  const Instant now = services_.reactor.now();
  if (invite == nullptr) {
    const auto last = services_.places.last(group.name, user_of(leg), now);
    leg.s.internal = last.value_or(group.expect_internal);
    tell(EventKind::kNote, &leg,
         std::string(leg.s.internal ? "internal" : "external") + " media address first: " +
             (last ? "the user's last call was there" : "first_media_address"));
    return;
  }
  const UserPlace place = place_of(*invite, leg.profile->local_media);
  leg.s.internal = place.internal;
  services_.places.saw(group.name, user_of(leg), place.internal, now);
  tell(EventKind::kNote, &leg, "the user is " + place.in_words());
  begin_direct(leg, place);
}

// A re-INVITE says it anew.
void Call::hear_place(Leg& leg, const sip::Message& m) {
  const auto& group = deployment_->group(leg.group);
  if (!group.internal_realm) return;
  const UserPlace place = place_of(m, leg.profile->local_media);
  leg.place.reset();
  if (place.internal != leg.s.internal) {
    tell(EventKind::kNote, &leg, "the user is now " + place.in_words());
    if (leg.s.has_media)
      leg.place.emplace().internal = place.internal;
    else
      leg.s.internal = place.internal;
  }
  services_.places.saw(group.name, user_of(leg), place.internal, services_.reactor.now());
  if (!leg.offerless) change_anchor(leg, place);
}

bool Call::must_move(const Leg& leg) const {
  return leg.place && leg.s.has_media && !state_.direct &&
         deployment_->group(leg.group).internal_realm.has_value();
}

// The next SDP is to name the other place. `restart`: with ICE in force only new credentials make
// the peer look for a new path (RFC 8839 4.4.1.1.1).
void Call::begin_move(Leg& leg, bool restart) {
  const auto& group = deployment_->group(leg.group);
  const auto& realm = media_realm(leg, leg.place->internal);
  std::optional<IpAddress> offered;
  if (leg.offer) offered = leg.offer->media.rtp.address;
  auto ends =
      services_.media.begin_move(leg.media, realm_media(realm),
                                 media_family(realm, group, leg.bound.address.is_v6(), offered));
  if (!ends) {  // it is heard where it was
    tell(EventKind::kError, &leg, "media stays where it is: " + ends.error().what);
    leg.place.reset();
    return;
  }
  const bool v6 = ends->public_rtp.address.is_v6();
  if (offered && !offered->is_unspecified() && offered->is_v6() != v6) {
    services_.media.end_move(leg.media, false);
    tell(EventKind::kError, &leg,
         "media stays where it is: realm '" + realm.name + "' has no address of its peer's family");
    leg.place.reset();
    return;
  }
  leg.place->ends = *ends;
  if (restart && services_.media.local_ice(leg.media))
    leg.place->ice = ice::make_credentials(services_.reactor.random());
}

// The SDP that named it was agreed on.
void Call::finish_move(Leg& leg) {
  if (!leg.place || !leg.place->ends) return;
  const Move to = *std::exchange(leg.place, {});
  if (to.ice) services_.media.restart_ice(leg.media, *to.ice);
  services_.media.end_move(leg.media, true);
  leg.s.internal = to.internal;
  tell(EventKind::kNote, &leg,
       std::string("media moved to the ") + (to.internal ? "internal" : "external") + " address, " +
           to.ends->public_rtp.to_string());
}

// It came to nothing; `again`: it is tried once more.
void Call::drop_move(Leg& leg, bool again) {
  if (!leg.place) return;
  services_.media.end_move(leg.media, false);
  leg.place->ends.reset();
  leg.place->ice.reset();
  if (!again) leg.place.reset();
}

}  // namespace causeway::call
