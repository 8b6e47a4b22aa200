// Whose packet it is, when several phones of one call send to one port (RFC 3960 3.1), and what is
// kept of those that are not the current one.
#include "media/forks.h"

#include <algorithm>
#include <utility>

#include "media/plane_impl.h"

namespace causeway::media {
namespace {

constexpr Millis kSilent{1'000};  // then another may be heard in its place

}  // namespace

void Forks::keep(Fork f) {
  forget(f.tag);
  if (others.size() == kMost) others.erase(others.begin());
  others.push_back(std::move(f));
}

void Forks::forget(std::string_view tag) {
  std::erase_if(others, [&](const Fork& f) { return f.tag == tag; });
}

const Fork* Forks::with_receive_key(const std::optional<sdp::Crypto>& key) const {
  if (!key) return nullptr;
  for (const Fork& f : others)
    if (f.receive && f.agreed.receive_key && f.agreed.receive_key->key_salt == key->key_salt)
      return &f;
  return nullptr;
}

const Fork* Forks::with_association(const DtlsAgreed& d) const {
  for (const Fork& f : others)
    if (f.agreed.dtls && *f.agreed.dtls == d && f.agreed.send_key) return &f;
  return nullptr;
}

std::optional<sdp::Crypto> Forks::keep_send(SentUnder s) {
  forget_send(s.key);
  std::optional<sdp::Crypto> given_up;
  if (sends.size() == kMost) {
    given_up = std::move(sends.front().key);
    sends.erase(sends.begin());
  }
  sends.push_back(std::move(s));
  return given_up;
}

const SentUnder* Forks::sent_under(const std::optional<sdp::Crypto>& key) const {
  if (!key) return nullptr;
  for (const SentUnder& s : sends)
    if (s.key.key_salt == key->key_salt) return &s;
  return nullptr;
}

void Forks::forget_send(const sdp::Crypto& key) {
  std::erase_if(sends, [&](const SentUnder& s) { return s.key.key_salt == key.key_salt; });
}

bool Forks::may_try(Instant now) {
  if (now - second_ >= Seconds(1)) {
    second_ = now;
    tried_ = 0;
  }
  return tried_++ < kTrials;
}

void MediaPlane::Impl::set_aside(Leg& leg) {
  if (!leg.forks) leg.forks = std::make_unique<Forks>();
  const bool muted = leg.fork_muted || !sdp::receives(leg.agreed.direction);
  leg.forks->keep({leg.fork, leg.agreed, {}, leg.source, leg.source_ssrc, muted});
}

void MediaPlane::Impl::retire(Leg& leg, const sdp::Crypto& key) {
  if (leg.retired_keys.size() == kMaxRetiredKeys) leg.retired_keys.erase(leg.retired_keys.begin());
  leg.retired_keys.push_back(key.key_salt);
}

// One has answered, or the call goes on without forks.
void MediaPlane::Impl::drop_forks(Leg& leg) {
  if (!leg.forks) return;
  for (const SentUnder& s : leg.forks->sends) retire(leg, s.key);
  leg.forks.reset();
}

// By where it comes from: from where that fork was heard, else whose check came from there, else
// whose SDP names the place.
Fork* MediaPlane::Impl::fork_at(Leg& leg, const Endpoint& from, std::uint32_t ssrc, bool& proven) {
  auto& others = leg.forks->others;
  for (Fork& f : others)
    if (f.source == from && f.ssrc == ssrc) {
      proven = true;
      return &f;
    }
  if (leg.by_checks()) {
    const auto key = leg.agent->peer_at(from, ice::Component::kRtp);
    for (Fork& f : others)
      if (key && f.agreed.ice && ice::peer_key(f.agreed.ice->peer.ufrag) == *key) return &f;
    return nullptr;
  }
  if (from == leg.remote_rtp) return nullptr;
  for (auto f = others.rbegin(); f != others.rend(); ++f)
    if (f->agreed.remote.rtp == from) return &*f;
  return nullptr;
}

Whose MediaPlane::Impl::of_another_fork(Leg& leg, const Endpoint& from, const rtp::Header& h,
                                        std::span<std::byte>& data, Instant now) {
  Forks& forks = *leg.forks;
  DropCounts& dropped = leg.counted.dropped;
  bool proven = false;
  Fork* at = fork_at(leg, from, h.ssrc, proven);
  const auto is = [&](Fork& f) {
    f.source = from;
    f.ssrc = h.ssrc;
    const bool silent = now - std::max(leg.counted.last_in, leg.latched_at) >= kSilent;
    if (leg.fork_gate == ForkGate::kCurrentAlone || f.muted || (!f.speaking && !silent)) {
      ++dropped.fork;
      return Whose::kAnothers;
    }
    // Told of from a timer: it changes the path that this packet is on.
    if (!f.speaking && leg.fork_gate == ForkGate::kWhoSpeaks)
      (void)reactor.timers().schedule(now, *this, leg.id.value | kForkToken);
    for (Fork& o : forks.others) o.speaking = false;
    f.speaking = true;
    return Whose::kHeardInstead;
  };
  if (!leg.receive && !leg.keyless) return at ? is(*at) : Whose::kNobodys;  // plain RTP
  const auto listed = [&] {
    return std::any_of(forks.others.begin(), forks.others.end(),
                       [&](const Fork& f) { return f.agreed.remote.rtp.address == from.address; });
  };
  if (!at && (leg.by_checks() || (!leg.allows(from.address) && !listed()))) return Whose::kNobodys;
  // Null: not its key.
  const auto tried = [&](Fork& f, bool counts) -> std::optional<Whose> {
    if (!f.receive) return std::nullopt;
    if (counts && !forks.may_try(now)) {
      ++dropped.untried;
      return Whose::kAnothers;
    }
    const auto r = f.receive->unprotect_rtp(data);
    if (r.outcome == rtp::SrtpOutcome::kReplay) ++dropped.replay;
    if (r.outcome == rtp::SrtpOutcome::kReplay) return Whose::kAnothers;
    if (r.outcome != rtp::SrtpOutcome::kOk) return std::nullopt;
    data = data.first(r.size);
    return is(f);
  };
  if (at)
    if (const auto whose = tried(*at, !proven)) return *whose;
  if (leg.by_checks()) return Whose::kNobodys;
  for (auto f = forks.others.rbegin(); f != forks.others.rend(); ++f)
    if (&*f != at)
      if (const auto whose = tried(*f, true)) return *whose;
  return Whose::kNobodys;
}

void MediaPlane::Impl::tell_fork(const Leg& leg) {
  if (!leg.forks) return;
  for (const Fork& f : leg.forks->others)
    if (f.speaking) return observer.on_fork_heard(leg.id, std::string(f.tag));
}

void MediaPlane::set_fork_gate(MediaLegId id, ForkGate gate) {
  if (Leg* leg = impl_->find(id)) leg->fork_gate = gate;
}

void MediaPlane::mute_fork(MediaLegId id, std::string_view tag, bool on) {
  Leg* leg = impl_->find(id);
  if (!leg) return;
  if (leg->fork == tag) leg->fork_muted = on;
  if (leg->forks)
    for (Fork& f : leg->forks->others)
      if (f.tag == tag) f.muted = on;
}

void MediaPlane::forget_fork(MediaLegId id, std::string_view tag) {
  Leg* leg = impl_->find(id);
  if (!leg || tag.empty()) return;
  if (leg->forks) leg->forks->forget(tag);
  if (!leg->applied || leg->fork != tag) return;
  leg->fork_gone = true;
  leg->agreed.direction = sdp::Direction::kInactive;
  leg->seen = false;  // who takes its place begins
  leg->source.reset();
  leg->rtcp_source.reset();
  leg->remote_rtp = leg->remote_rtcp = {};
}

}  // namespace causeway::media
