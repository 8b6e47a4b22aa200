// ICE on a leg (RFC 8445, as a lite agent): checks are answered from the socket that they came to,
// and media comes from and goes to where they were proven. Nothing here allocates but restart.
#include "media/connectivity.h"

#include "media/plane_impl.h"

namespace causeway::media {
namespace {

ice::Component component_of(bool rtcp_port) {
  return rtcp_port ? ice::Component::kRtcp : ice::Component::kRtp;
}

}  // namespace

ice::Agent::State in_ages(ice::Agent::State s, Instant now) {
  const auto turn = [&](Instant& t) {
    if (t != Instant{}) t = Instant{std::max(now - t, Micros(1))};
  };
  for (auto& p : s.peers) {
    turn(p.checked);
    for (auto& w : p.best) turn(w.checked);
    for (auto& w : p.nominated) turn(w.checked);
  }
  for (auto& a : s.addresses) turn(a.checked);
  return s;
}

void MediaPlane::Impl::on_stun(Leg& leg, bool rtcp_port, const Endpoint& from,
                               std::span<const std::byte> data, Instant now) {
  std::array<std::byte, ice::kMaxAnswer> out;
  const ice::Answer a = leg.agent->on_request(data, from, component_of(rtcp_port), now, out);
  // Who does not know our credentials gets no answer: no port of ours is anybody's mirror.
  const bool stranger = a.what == ice::Answer::What::kRefused && (a.error == 400 || a.error == 401);
  if (a.bytes != 0 && !stranger)
    (rtcp_port ? leg.ports->rtcp : leg.ports->rtp)
        .socket->send(from, std::span(out).first(a.bytes));
  switch (a.what) {
    case ice::Answer::What::kDropped: ++leg.counted.dropped.malformed; return;
    case ice::Answer::What::kRefused: ++leg.counted.dropped.authentication; return;
    case ice::Answer::What::kAlive: return;
    case ice::Answer::What::kValidated:
    case ice::Answer::What::kNominated: break;
  }
  leg.unchecked = false;
  if (leg.applied && leg.by_checks()) follow_checks(leg);
}

void MediaPlane::Impl::follow_checks(Leg& leg) {
  leg.source = leg.agent->path(ice::Component::kRtp);
  leg.rtcp_source = leg.agent->path(ice::Component::kRtcp);
}

// After leg.agreed was set.
void MediaPlane::Impl::agree_on_ice(Leg& leg, bool by_checks_before, Instant now) {
  if (!leg.by_checks()) {
    if (!by_checks_before) return;
    leg.source.reset();  // it is latched from now on
    leg.rtcp_source.reset();
    return;
  }
  const IceAgreed& agreed = *leg.agreed.ice;
  leg.agent->choose(agreed.peer.ufrag, agreed.lite, now);
  leg.unchecked = false;
  if (agreed.lite && leg.remote_rtp.port != 0) {
    leg.agent->set_default(ice::Component::kRtp, leg.remote_rtp);
    leg.agent->set_default(ice::Component::kRtcp, leg.remote_rtcp);
  }
  follow_checks(leg);
}

// A peer that is heard is there, whether it goes on checking (RFC 7675) or not.
void MediaPlane::Impl::look_after_checks(Leg& leg, Instant now) {
  if (!leg.by_checks() || leg.unchecked || !leg.agent->consent_lost(now)) return;
  if (now - std::max(leg.counted.last_in, leg.last_rtcp_in) < kLostAfter) return;
  leg.unchecked = true;
  observer.on_unchecked(leg.id);
}

void MediaPlane::set_local_ice(MediaLegId id, const ice::Credentials& ours) {
  if (Leg* leg = impl_->own(id)) leg->agent = std::make_unique<ice::Agent>(ours);
}

std::optional<ice::Credentials> MediaPlane::local_ice(MediaLegId id) const {
  const Leg* leg = impl_->find(id);
  if (!leg || !leg->agent) return std::nullopt;
  return leg->agent->credentials();
}

void MediaPlane::restart_ice(MediaLegId id, const ice::Credentials& ours) {
  if (Leg* leg = impl_->find(id); leg && leg->agent) leg->agent->restart(ours);
}

std::optional<IceAgreed> MediaPlane::agreed_ice(MediaLegId id) const {
  const Leg* leg = impl_->find(id);
  if (!leg || !leg->applied) return std::nullopt;
  return leg->agreed.ice ? std::optional(*leg->agreed.ice) : std::nullopt;
}

bool MediaPlane::does_without_ice(MediaLegId id) const {
  const Leg* leg = impl_->find(id);
  return leg && leg->applied && !leg->agreed.ice;
}

}  // namespace causeway::media
