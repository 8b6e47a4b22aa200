// The media of a call's legs: ports and keys, offers and answers in each peer's dialect, the path.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "call/call.h"
#include "call/media_family.h"
#include "call/meeting.h"
#include "sdp/compose.h"
#include "sdp/crypto_line.h"

namespace causeway::call {
namespace {

// What the two sides of a leg agreed on: of the peer's codecs the first that it was told of, too.
std::string codec_in_use(const LegState& leg) {
  if (!leg.heard || !leg.told) return {};
  for (const auto& theirs : leg.heard->codecs)
    for (const auto& ours : leg.told->codecs)
      if (sdp::same_codec(theirs, ours)) return theirs.name;
  return {};
}

}  // namespace

sdp::Direction expressed(sdp::Direction d, const sdp::Dialect& dialect) {
  if (dialect.hold == sdp::HoldForm::kInactiveOnly && d != sdp::Direction::kSendRecv)
    return sdp::Direction::kInactive;
  return d;
}

media::RealmMedia realm_media(const deployment::Realm& r) {
  media::RealmMedia m;
  m.name = r.name;
  m.v4 = r.media_v4;
  m.v6 = r.media_v6;
  m.public_v4 = r.public_v4;
  m.public_v6 = r.public_v6;
  m.port_min = r.media_port_min;
  m.port_max = r.media_port_max;
  m.interface = r.interface;
  m.dscp = r.media_dscp;
  return m;
}

Status Call::open_media(Leg& leg) {
  const auto& group = deployment_->group(leg.group);
  const auto& realm = deployment_->realm(group.realm);
  std::optional<IpAddress> offered;
  if (leg.offer) offered = leg.offer->media.rtp.address;
  const auto family = media_family(realm, group, leg.bound.address.is_v6(), offered);
  auto id = services_.media.open(realm_media(realm), family, leg.profile->sdp.rtcp_mux);
  if (!id) return tl::unexpected(id.error());
  leg.media = *id;
  leg.s.has_media = true;
  services_.owner.bind_media(leg.media, *this, leg.s.id);
  if (leg.profile->sdp.security == sdp::Security::kSdes)
    services_.media.set_local_crypto(
        leg.media, sdp::make_crypto(services_.reactor.random(), leg.profile->sdp));
  const auto ends = services_.media.local(leg.media);
  if (!ends) return tl::unexpected(ends.error());
  // RFC 4566 5.2: a number that fits 63 bits, so that nobody's parser overflows.
  sdp::start_offer_answer(leg.s.offer_answer, services_.reactor.random().u64() >> 33,
                          ends->public_rtp.address);
  return {};
}

void Call::close_media(Leg& leg) {
  if (!leg.s.has_media) return;
  const auto stats = services_.media.stats(leg.media);
  leg.media_seen.packets = stats.packets_in;
  leg.media_seen.lost = stats.lost;
  leg.media_seen.jitter_us = static_cast<std::uint32_t>(stats.jitter_ms * 1000);
  leg.media_seen.srtp = leg.profile->sdp.security == sdp::Security::kSdes;
  leg.media_seen.codec = codec_in_use(leg.s);
  leg.media_seen.one_way = stats.one_way;
  std::string heard_as;
  if (const auto& q = stats.quality) {
    const auto hundredths = [](double mos) {
      return static_cast<std::uint32_t>(std::lround(mos * 100));
    };
    leg.media_seen.mos_100 = hundredths(q->mos_average());
    leg.media_seen.mos_min_100 = hundredths(q->mos_min());
    heard_as = fmt::format(
        "; R {:.0f}, MOS {:.2f} (worst 10 s {:.2f}), lost in bursts {:.1f} %, discarded {}",
        q->r_average, q->mos_average(), q->mos_min(), q->bursts.burst_density * 100,
        q->loss.discarded);
  }
  if (stats.packets_in + stats.packets_out > 0)
    tell(telemetry::EventKind::kMediaEnd, &leg,
         fmt::format("received {} packets, lost {}, jitter {:.1f} ms; sent {}; dropped: source {}, "
                     "authentication {}, replay {}, hold {}{}",
                     stats.packets_in, stats.lost, stats.jitter_ms, stats.packets_out,
                     stats.dropped.source, stats.dropped.authentication, stats.dropped.replay,
                     stats.dropped.direction, heard_as));
  services_.owner.unbind_media(leg.media);
  services_.media.close(leg.media);
  leg.s.has_media = false;
}

sdp::LocalMedia Call::local_media(const Leg& leg) const {
  sdp::LocalMedia m;
  const auto ends = services_.media.local(leg.media);
  if (!ends) return m;
  m.rtp = ends->public_rtp;
  m.rtcp_port = ends->public_rtcp_port;
  m.rtcp_mux = leg.profile->sdp.rtcp_mux;
  m.crypto = services_.media.local_crypto(leg.media);
  return m;
}

// `theirs`: the line of the peer that is in force; ours is the one of the same suite.
void Call::apply_media(Leg& leg, const sdp::RemoteMedia& remote,
                       const std::optional<sdp::Crypto>& theirs) {
  media::LegMedia agreed;
  agreed.remote = remote;
  agreed.rtcp_mux = remote.rtcp_mux && leg.profile->sdp.rtcp_mux;
  if (theirs) {
    agreed.receive_key = theirs;
    if (auto ours = sdp::answer_crypto(services_.media.local_crypto(leg.media), *theirs))
      agreed.send_key = *ours;
  }
  if (leg.s.heard) {
    agreed.send_codecs = leg.s.heard->codecs;
    agreed.send_ptime = leg.s.heard->ptime != 0 ? leg.s.heard->ptime : leg.profile->sdp.ptime;
    agreed.send_maxptime = leg.s.heard->maxptime;
  }
  if (leg.s.told) agreed.receive_codecs = leg.s.told->codecs;
  if (leg.s.heard && leg.s.told) {
    agreed.digits = digit_form(leg.profile->sdp, *leg.s.heard, *leg.s.told);
    const auto ours = expressed(leg.s.told->direction, leg.profile->sdp);
    const auto peer = leg.s.heard->direction;
    agreed.direction = sdp::make_direction(sdp::sends(ours) && sdp::receives(peer),
                                           sdp::receives(ours) && sdp::sends(peer));
  }
  agreed.allowed_sources = deployment_->group(leg.group).media_sources;
  if (auto ok = services_.media.apply(leg.media, agreed); !ok)
    tell(telemetry::EventKind::kError, &leg, "media: " + ok.error().what);
}

void Call::join_media() {
  Leg* a = find_leg(state_.ingress);
  Leg* b = find_leg(state_.egress);
  if (!a || !b || !a->s.has_media || !b->s.has_media) return;
  if (auto ok = services_.media.join(a->media, b->media); !ok)
    tell(telemetry::EventKind::kError, nullptr, "media: " + ok.error().what);
}

void Call::fill_silence() {
  for (const LegId id : {state_.ingress, state_.egress})
    if (Leg* leg = find_leg(id); leg && leg->s.has_media && leg->profile->fill_silence)
      services_.media.fill_silence(leg->media);
}

std::string Call::path_in_words() const {
  const auto word = [&](LegId id) -> std::string {
    if (id.value == 0 || id.value > legs_.size()) return "nothing";
    const Leg& l = *legs_[id.value - 1];
    return std::string(l.profile->sdp.security == sdp::Security::kSdes ? "SRTP" : "RTP") + " " +
           codec_in_use(l.s);
  };
  const Leg* a = state_.ingress.value ? legs_[state_.ingress.value - 1].get() : nullptr;
  const Leg* b = state_.egress.value ? legs_[state_.egress.value - 1].get() : nullptr;
  const bool crypto = a && b && a->profile->sdp.security != b->profile->sdp.security;
  std::string text = word(state_.ingress) + " <-> " + word(state_.egress);
  const std::string there = a && a->s.has_media ? services_.media.path(a->media) : "",
                    back = b && b->s.has_media ? services_.media.path(b->media) : "";
  const auto relayed = [](const std::string& path) { return path.ends_with(", relayed"); };
  if (relayed(there) && relayed(back))
    return text + (crypto ? ", relayed with encryption on one side" : ", relayed");
  return text + "; to the callee: " + there + "; to the caller: " + back;
}

// Where only the other family could send to, nobody would hear anybody (RFC 5118 4.6).
std::string Call::wrong_family(const Leg& leg, const sdp::RemoteMedia& remote) {
  const auto ours = services_.media.local(leg.media);
  const IpAddress& theirs = remote.rtp.address;
  if (!ours || theirs.is_unspecified() || theirs.is_v6() == ours->public_rtp.address.is_v6())
    return {};
  return std::string("media at an ") + (theirs.is_v6() ? "IPv6" : "IPv4") + " address, " +
         theirs.to_string() + ", where that of group '" + leg.s.group + "' is at " +
         ours->public_rtp.address.to_string();
}

std::string Call::wrong_media(const Leg& leg, const sdp::RemoteOffer& offer) {
  const bool wants = leg.profile->sdp.security == sdp::Security::kSdes;
  if (auto wrong = wrong_family(leg, offer.media); !wrong.empty()) return wrong;
  if (offer.media.secure == wants) return {};
  return wants ? "SrtpEncryptionRequired: plain RTP offered where group '" + leg.s.group +
                     "' has SRTP"
               : "SRTP offered where group '" + leg.s.group + "' has plain RTP";
}

sdp::MediaWish Call::default_wish(const Leg& leg) const {
  static const std::vector<sdp::Codec> kKnown{
      {PayloadType{8}, "PCMA", 8000, 1, ""},
      {PayloadType{0}, "PCMU", 8000, 1, ""},
      {PayloadType{9}, "G722", 8000, 1, ""},
      {PayloadType{101}, "telephone-event", 8000, 1, "0-16"}};
  sdp::MediaWish w;
  w.codecs = kKnown;
  w.ptime = leg.profile->sdp.ptime;
  return sdp::filter(w, leg.profile->sdp);
}

Result<sdp::MediaWish> Call::wish_for(const Leg& to, const sdp::MediaWish& from,
                                      const Leg& source) const {
  auto w = offer_towards(from, source.profile->sdp, to.profile->sdp);
  if (!w) return fail(w.error().code, w.error().what + " towards group '" + to.s.group + "'");
  return w;
}

Result<std::string> Call::make_offer(Leg& leg, const sdp::MediaWish& wish) {
  const Leg* from = other(leg);
  auto text = sdp::local_offer(leg.s.offer_answer, local_media(leg), wish, leg.profile->sdp,
                               from ? from->s.attributes : std::vector<std::string>{});
  if (text) leg.s.told = wish;
  return text;
}

// The answer to `leg`'s outstanding offer, from what the other side wants.
Result<std::string> Call::make_answer(Leg& leg, const sdp::MediaWish& other_heard,
                                      sdp::HoldForm other_hold, sdp::AnswerKind kind) {
  const Leg* from = other(leg);
  auto said = far_side_as_offered(leg.offer->wish, other_heard, leg.profile->sdp,
                                  from ? from->profile->sdp : leg.profile->sdp);
  if (!said) return tl::unexpected(said.error());
  auto wish = sdp::answer_wish(leg.offer->wish, *said, other_hold);
  if (!wish) return tl::unexpected(wish.error());
  if (leg.profile->sdp.ptime != 0) wish->ptime = leg.profile->sdp.ptime;
  auto text =
      sdp::local_answer(leg.s.offer_answer, *leg.offer, local_media(leg), *wish, leg.profile->sdp,
                        kind, from ? from->s.attributes : std::vector<std::string>{});
  if (!text) return text;
  leg.s.heard = leg.offer->wish;
  leg.s.own = leg.offer->wish.direction;
  leg.s.told = *wish;
  leg.s.refused.reset();
  std::optional<sdp::Crypto> theirs;
  if (leg.profile->sdp.security == sdp::Security::kSdes) {
    auto chosen = sdp::choose_crypto(leg.offer->media.crypto, leg.profile->sdp);
    if (!chosen) return tl::unexpected(chosen.error());
    theirs = *chosen;
  }
  apply_media(leg, leg.offer->media, theirs);
  return text;
}

// The peer's answer to our outstanding offer.
Status Call::take_answer(Leg& leg, std::string_view text, sdp::AnswerKind kind) {
  auto got = sdp::remote_answer(leg.s.offer_answer, text, leg.profile->sdp, kind);
  if (!got) return tl::unexpected(got.error());
  return use_answer(leg, got->sdp);
}

// Puts an answer into force: what the peer wants, and where its media goes.
Status Call::use_answer(Leg& leg, const sdp::RemoteOffer& answer) {
  if (answer.declined) return fail(ErrorCode::kNotAcceptable, "the peer declined the audio stream");
  if (auto wrong = wrong_family(leg, answer.media); !wrong.empty())
    return fail(ErrorCode::kNotAcceptable, std::move(wrong));
  std::optional<sdp::Crypto> theirs;
  if (leg.profile->sdp.security == sdp::Security::kSdes) {
    const auto ours =
        sdp::accepted_crypto(services_.media.local_crypto(leg.media), answer.media.crypto);
    if (!ours) return tl::unexpected(ours.error());
    // The peer may list more lines than it took (TDM-04): the one under the tag of ours is in
    // force.
    for (const auto& line : answer.media.crypto)
      if (line.tag == ours->tag) theirs = line;
  }
  leg.s.heard = answer.wish;
  if (leg.s.told) {
    // Only what our offer left open says something about the peer (RFC 3264 6.1).
    const auto offered = expressed(leg.s.told->direction, leg.profile->sdp);
    const auto said = answer.wish.direction;
    leg.s.own = sdp::make_direction(sdp::sends(sdp::receives(offered) ? said : leg.s.own),
                                    sdp::receives(sdp::sends(offered) ? said : leg.s.own));
  }
  leg.s.refused.reset();
  leg.s.attributes = answer.attributes;
  leg.answered_once = true;
  apply_media(leg, answer.media, theirs);
  return {};
}

}  // namespace causeway::call
