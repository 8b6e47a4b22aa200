// The media of a call's legs: ports and keys, offers and answers in each peer's dialect, the path.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <functional>

#include "call/call.h"
#include "call/media_family.h"
#include "call/meeting.h"
#include "sdp/compose.h"
#include "sdp/crypto_line.h"
#include "sdp/dtls.h"

namespace causeway::call {
namespace {

sdp::IceParameters our_end(const ice::Credentials& c) {
  sdp::IceParameters p;
  p.ufrag = c.ufrag;
  p.pwd = c.pwd;
  p.lite = true;
  return p;
}

// Each leg of each call says it: without a format string.
std::string in_words(const media::LegStats& s) {
  std::string out;
  out.reserve(160);
  const auto add = [&out](std::string_view what, std::uint64_t n) {
    std::array<char, 20> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), n).ptr;
    out.append(what).append(digits.data(), end);
  };
  const auto tenths = static_cast<std::uint64_t>(std::lround(s.jitter_ms * 10));
  add("received ", s.packets_in);
  add(" packets, lost ", s.lost);
  add(", jitter ", tenths / 10);
  add(".", tenths % 10);
  add(" ms; sent ", s.packets_out);
  add("; dropped: source ", s.dropped.source);
  add(", authentication ", s.dropped.authentication);
  add(", replay ", s.dropped.replay);
  add(", hold ", s.dropped.direction);
  return out;
}

// What the two sides of a leg agreed on: of the peer's codecs the first that it was told of, too.
std::string codec_in_use(const LegState& leg) {
  if (!leg.heard || !leg.told) return {};
  if (leg.heard->image_alone()) return "t38";
  for (const auto& theirs : leg.heard->codecs)
    for (const auto& ours : leg.told->codecs)
      if (sdp::same_codec(theirs, ours)) return theirs.name;
  return {};
}

// Of what the peer takes, what we said that we speak: an offer may hold more than its answer took.
std::vector<sdp::Codec> sendable(const std::vector<sdp::Codec>& heard,
                                 const Kept<sdp::MediaWish>& told) {
  std::vector<sdp::Codec> out;
  out.reserve(heard.size());
  if (told)
    for (const sdp::Codec& theirs : heard)
      if (std::any_of(told->codecs.begin(), told->codecs.end(),
                      [&](const sdp::Codec& ours) { return sdp::same_codec(theirs, ours); }))
        out.push_back(theirs);
  return out.empty() ? heard : out;
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

// Ports, but where media goes past us.
Status Call::begin_media(Leg& leg) {
  if (!state_.direct) return open_media(leg);
  sdp::start_offer_answer(leg.s.offer_answer, services_.reactor.random().u64() >> 33,
                          leg.bound.address);
  return {};
}

Status Call::open_media(Leg& leg) {
  const auto& group = deployment_->group(leg.group);
  const auto& realm = media_realm(leg, leg.s.internal);
  std::optional<IpAddress> offered;
  if (leg.offer) offered = leg.offer->media.rtp.address;
  const auto family = media_family(realm, group, leg.bound.address.is_v6(), offered);
  auto id = services_.media.open(realm_media(realm), family, leg.profile->sdp.rtcp_mux);
  if (!id) return tl::unexpected(id.error());
  leg.media = *id;
  leg.s.has_media = true;
  services_.owner.bind_media(leg.media, *this, leg.s.id);
  if (leg.profile->sdp.security == sdp::Security::kDtls)
    if (auto ours = services_.media.dtls_fingerprint(); !ours) return tl::unexpected(ours.error());
  if (leg.profile->sdp.ice_lite)
    services_.media.set_local_ice(leg.media, ice::make_credentials(services_.reactor.random()));
  if (leg.profile->sdp.security == sdp::Security::kSdes)
    services_.media.set_local_crypto(
        leg.media, sdp::make_crypto(services_.reactor.random(), leg.profile->sdp));
  const auto ends = services_.media.local(leg.media);
  if (!ends) return tl::unexpected(ends.error());
  if (leg.s.offer_answer.origin.session_id != 0) return {};  // a dialog has one session
  // RFC 4566 5.2: a number that fits 63 bits, so that nobody's parser overflows.
  sdp::start_offer_answer(leg.s.offer_answer, services_.reactor.random().u64() >> 33,
                          ends->public_rtp.address);
  return {};
}

void Call::close_media(Leg& leg) {
  if (!leg.s.has_media) return;
  const auto stats = services_.media.stats(leg.media);
  telemetry::MediaSide& seen = leg.media_seen ? *leg.media_seen : leg.media_seen.emplace();
  seen.packets = stats.packets_in;
  seen.lost = stats.lost;
  seen.jitter_us = static_cast<std::uint32_t>(stats.jitter_ms * 1000);
  seen.srtp = sdp::is_srtp(leg.profile->sdp.security);
  seen.codec = codec_in_use(leg.s);
  seen.one_way = stats.one_way;
  std::string heard_as;
  if (const auto& q = stats.quality) {
    const auto hundredths = [](double mos) {
      return static_cast<std::uint32_t>(std::lround(mos * 100));
    };
    seen.mos_100 = hundredths(q->mos_average());
    seen.mos_min_100 = hundredths(q->mos_min());
    heard_as = fmt::format(
        "; R {:.0f}, MOS {:.2f} (worst 10 s {:.2f}), lost in bursts {:.1f} %, discarded {}",
        q->r_average, q->mos_average(), q->mos_min(), q->bursts.burst_density * 100,
        q->loss.discarded);
  }
  const bool fax = stats.image_in + stats.image_out + stats.image_dropped != 0;
  if (fax || stats.packets_in + stats.packets_out > 0)
    tell(telemetry::EventKind::kMediaEnd, &leg,
         in_words(stats) + heard_as +
             (stats.dropped.fork + stats.dropped.untried != 0
                  ? fmt::format("; other forks {}, not tried {}", stats.dropped.fork,
                                stats.dropped.untried)
                  : "") +
             (fax ? fmt::format("; T.38 received {}, sent {}, dropped {}", stats.image_in,
                                stats.image_out, stats.image_dropped)
                  : "") +
             (stats.by_kernel != 0 ? fmt::format("; {} passed on by the kernel", stats.by_kernel)
                                   : "") +
             (stats.lost_digits != 0 ? fmt::format("; {} digits lost", stats.lost_digits) : ""));
  services_.owner.unbind_media(leg.media);
  services_.media.close(leg.media);
  leg.s.has_media = false;
}

sdp::LocalMedia Call::local_media(const Leg& leg) const {
  sdp::LocalMedia m;
  const bool moves = leg.place && leg.place->ends;
  const auto ends =
      moves ? Result<media::LocalEnds>(*leg.place->ends) : services_.media.local(leg.media);
  if (!ends) return m;
  m.rtp = ends->public_rtp;
  m.rtcp_port = ends->public_rtcp_port;
  m.rtcp_mux = leg.profile->sdp.rtcp_mux;
  m.crypto = services_.media.local_crypto(leg.media);
  if (moves && leg.place->ice)
    m.ice = our_end(*leg.place->ice);
  else if (const auto ours = services_.media.local_ice(leg.media))
    m.ice = our_end(*ours);
  if (leg.profile->sdp.security == sdp::Security::kDtls)
    if (auto ours = services_.media.dtls_fingerprint()) {
      m.dtls.emplace().fingerprints.push_back(std::move(*ours));
      const auto client = services_.media.dtls_client(leg.media);
      m.dtls->setup = !client ? sdp::DtlsSetup::kActpass
                              : (*client ? sdp::DtlsSetup::kActive : sdp::DtlsSetup::kPassive);
    }
  return m;
}

// `theirs`: the line of the peer that is in force; ours is the one of the same suite.
void Call::apply_media(Leg& leg, const sdp::RemoteMedia& remote,
                       const std::optional<sdp::Crypto>& theirs,
                       std::optional<sdp::DtlsSetup> setup) {
  if (leg.s.told && leg.s.told->image_alone()) return use_image(leg, remote);
  media::LegMedia agreed;
  agreed.remote = remote;
  agreed.remote.image.reset();
  agreed.remote.dtls.reset();
  if (setup && remote.dtls) {
    auto& d = agreed.dtls.emplace();
    d.client = *setup == sdp::DtlsSetup::kActive;
    if (auto ours = services_.media.dtls_fingerprint()) d.ours = std::move(*ours);
    d.peers = remote.dtls->fingerprints;
    d.tls_id = remote.dtls->tls_id;
    d.fork = leg.s.dialog.remote_tag;
    d.suites = leg.profile->sdp.suites;
  }
  agreed.remote.ice.reset();
  if (remote.ice && services_.media.local_ice(leg.media))
    agreed.ice = media::IceAgreed{{remote.ice->ufrag, remote.ice->pwd}, remote.ice->lite};
  if (remote.ice_mismatch)
    tell(telemetry::EventKind::kNote, &leg,
         "without ICE: " + remote.rtp.to_string() + " in the SDP is none of its candidates");
  agreed.rtcp_mux = remote.rtcp_mux && leg.profile->sdp.rtcp_mux;
  if (theirs) {
    agreed.receive_key = theirs;
    if (auto ours = sdp::answer_crypto(services_.media.local_crypto(leg.media), *theirs))
      agreed.send_key = *ours;
  }
  if (leg.s.heard) {
    agreed.send_codecs = sendable(leg.s.heard->codecs, leg.s.told);
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
  adapt_agreed(leg, agreed);
  // Of the phones that ring side by side each has keys of its own, until one has answered.
  std::string_view fork;
  if (leg.s.phase == LegPhase::kEarly && !leg.s.ingress) {
    fork = leg.s.dialog.remote_tag;
    const auto& may = leg.early.media;  // RFC 5009
    agreed.direction = sdp::make_direction(sdp::sends(agreed.direction) && may.forward,
                                           sdp::receives(agreed.direction) && may.backward);
  }
  note_media_of(leg);
  if (auto ok = services_.media.apply(leg.media, agreed, fork); !ok)
    tell(telemetry::EventKind::kError, &leg, "media: " + ok.error().what);
  use_image(leg, remote);
  play_on_hold(leg);
}

// What its current dialog said is in force.
void Call::note_media_of(Leg& leg) {
  const bool early = leg.s.phase == LegPhase::kEarly && !leg.s.ingress;
  leg.media_of = early ? leg.s.dialog.remote_tag : std::string();
  leg.media_stale = false;
}

void Call::join_media() {
  Leg* a = find_leg(state_.ingress);
  Leg* b = find_leg(state_.egress);
  if (!a || !b || !a->s.has_media || !b->s.has_media) return;
  // A transfer's target has nothing to say before it said where.
  if (transferring() && (!a->s.heard || !b->s.heard)) return;
  if (auto ok = services_.media.join(a->media, b->media); !ok)
    tell(telemetry::EventKind::kError, nullptr, "media: " + ok.error().what);
}

void Call::fill_silence() {
  for (const LegId id : {state_.ingress, state_.egress})
    if (Leg* leg = find_leg(id); leg && leg->s.has_media && leg->profile->fill_silence)
      services_.media.fill_silence(leg->media);
}

std::string Call::path_in_words() const {
  if (state_.direct) return "media goes past us, straight between the two sides";
  const auto word = [&](LegId id) -> std::string {
    if (id.value == 0 || id.value > legs_.size()) return "nothing";
    const Leg& l = *legs_[id.value - 1];
    return std::string(sdp::is_srtp(l.profile->sdp.security) ? "SRTP" : "RTP") +
           (l.s.has_media && services_.media.agreed_ice(l.media) ? " with ICE " : " ") +
           codec_in_use(l.s);
  };
  const Leg* a = state_.ingress.value ? legs_[state_.ingress.value - 1].get() : nullptr;
  const Leg* b = state_.egress.value ? legs_[state_.egress.value - 1].get() : nullptr;
  const bool crypto =
      a && b && sdp::is_srtp(a->profile->sdp.security) != sdp::is_srtp(b->profile->sdp.security);
  std::string text = word(state_.ingress) + " <-> " + word(state_.egress);
  const auto image = [](const Leg* l) {
    return l && l->s.told && l->s.heard && l->s.heard->image ? image_shape(*l->s.told) : 0;
  };
  const int fax = std::min(image(a), image(b));
  if (fax == 2) return text + ", relayed";
  if (fax == 1) text += " with T.38 beside it";
  const std::string there = a && a->s.has_media ? services_.media.path(a->media) : "",
                    back = b && b->s.has_media ? services_.media.path(b->media) : "";
  const auto relayed = [](const std::string& path) { return path.ends_with(", relayed"); };
  if (relayed(there) && relayed(back))
    return text + (crypto ? ", relayed with encryption on one side" : ", relayed");
  return text + "; to the callee: " + there + "; to the caller: " + back;
}

void Call::tell_path() {
  const std::string path = path_in_words();
  path_told_ = std::hash<std::string>()(path);
  tell(telemetry::EventKind::kMediaStart, nullptr, path);
}

// Not between the two halves of a re-offer.
void Call::tell_changed_path() {
  const Leg* a = find_leg(state_.ingress);
  const Leg* b = find_leg(state_.egress);
  if (state_.answered.micros == 0 || was_terminated_ || !a || !b) return;
  if (a->awaits() || a->asks() || b->awaits() || b->asks()) return;
  if (std::hash<std::string>()(path_in_words()) != path_told_) tell_path();
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
  const bool wants = sdp::is_srtp(leg.profile->sdp.security);
  if (auto wrong = wrong_family(leg, offer.media); !wrong.empty()) return wrong;
  if (offer.wish.image_alone()) return {};
  if (leg.profile->sdp.security == sdp::Security::kDtls && offer.media.secure)
    if (auto ours = sdp::answer_setup(offer.media, std::nullopt); !ours) return ours.error().what;
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
  if (from.image_alone() && !passes_image(source, to))
    return fail(ErrorCode::kNotAcceptable,
                "T.38 (m=image) is declined: group '" + to.s.group + "' has profile.sdp.image");
  if (from.image_alone()) return from;
  auto w = offer_towards(from, source.profile->sdp, to.profile->sdp, coding_room(to, source));
  if (w && !passes_image(source, to)) w->image.reset();
  if (w && state_.fax) {
    if (auto plain = only_g711(*w); !plain.codecs.empty()) *w = std::move(plain);
  }
  if (!w) return fail(w.error().code, w.error().what + " towards group '" + to.s.group + "'");
  return w;
}

Result<std::string> Call::make_offer(Leg& leg, const sdp::MediaWish& wish) {
  if (state_.direct) return pass_offer(leg, wish);
  const Leg* from = other(leg);
  // A fax by T.38 has a port of its own beside the audio's: both are of one realm.
  if (must_move(leg) && !wish.image)
    begin_move(leg, leg.confirmed() && services_.media.agreed_ice(leg.media));
  sdp::LocalMedia local = local_media(leg);
  // A peer that does without is not asked again in every re-offer.
  if (leg.confirmed() && services_.media.does_without_ice(leg.media)) local.ice.reset();
  if (wish.image)
    if (auto end = open_image(leg, local); !end) return tl::unexpected(end.error());
  auto text = sdp::local_offer(leg.s.offer_answer, local, wish, leg.profile->sdp,
                               from ? from->s.attributes : std::vector<std::string>{});
  if (!text) return text;
  leg.s.told = wish;
  leg.s.passed_on = false;
  keep_coding_room(leg, wish);
  return text;
}

// What the answer to `leg`'s outstanding offer says, from what the other side wants.
Result<sdp::MediaWish> Call::answer_towards(const Leg& leg, const sdp::MediaWish& other_heard,
                                            sdp::HoldForm other_hold) {
  const Leg* from = other(leg);
  if (leg.offer->wish.image && other_heard.image_alone()) return other_heard;
  if (leg.offer->wish.image_alone())
    return fail(ErrorCode::kNotAcceptable, "the other side declined T.38 (m=image)");
  const sdp::Dialect& far = from ? from->profile->sdp : leg.profile->sdp;
  auto said = far_side_as_offered(leg.offer->wish, other_heard, leg.profile->sdp, far,
                                  from ? coding_room(leg, *from) : CodingRoom{});
  if (!said) return tl::unexpected(said.error());
  if (state_.fax)
    if (auto plain = only_g711(*said); !plain.codecs.empty()) *said = std::move(plain);
  auto wish = sdp::answer_wish(leg.offer->wish, *said, other_hold);
  if (!wish) return tl::unexpected(wish.error());
  // Forks have codecs of their own; within a dialog the offerer is shown one answer (RFC 3261
  // 13.2.1).
  if (leg.previewed && leg.s.told) {
    const CodingRoom room = from ? coding_room(leg, *from) : CodingRoom{};
    if (auto same =
            as_shown(*leg.s.told, *wish, other_heard, may_transcode(leg.profile->sdp, far), room))
      *wish = std::move(*same);
    else
      tell(telemetry::EventKind::kNote, &leg, "the answer differs from the one in the provisional");
  }
  if (leg.offer->wish.image) wish->image = other_heard.image;
  return wish;
}

// The answer to `leg`'s outstanding offer, from what the other side wants.
Result<std::string> Call::make_answer(Leg& leg, const sdp::MediaWish& other_heard,
                                      sdp::HoldForm other_hold, sdp::AnswerKind kind) {
  if (state_.direct) return pass_answer(leg, other_heard, kind);
  const Leg* from = other(leg);
  auto wish = answer_towards(leg, other_heard, other_hold);
  if (!wish) return tl::unexpected(wish.error());
  leg.previewed = kind == sdp::AnswerKind::kPreliminary;
  if (leg.profile->sdp.ptime != 0) wish->ptime = leg.profile->sdp.ptime;
  const auto before = services_.media.agreed_ice(leg.media);
  const bool restarts =
      before && leg.offer->media.ice &&
      ice::restarts(before->peer, {leg.offer->media.ice->ufrag, leg.offer->media.ice->pwd});
  // Where ICE goes on as it was, an offer of ours follows that begins it anew there.
  if (must_move(leg) && !wish->image && (restarts || !before || !leg.offer->media.ice))
    begin_move(leg, false);
  sdp::LocalMedia local = local_media(leg);
  if (wish->image)
    if (auto end = open_image(leg, local); !end) return tl::unexpected(end.error());
  std::optional<ice::Credentials> anew;
  if (restarts)
    local.ice = our_end(anew.emplace(ice::make_credentials(services_.reactor.random())));
  auto text = sdp::local_answer(leg.s.offer_answer, *leg.offer, local, *wish, leg.profile->sdp,
                                kind, from ? from->s.attributes : std::vector<std::string>{});
  if (!text) return text;
  leg.s.passed_on = false;
  finish_move(leg);
  if (anew) {
    services_.media.restart_ice(leg.media, *anew);
    tell(telemetry::EventKind::kNote, &leg, "the peer began ICE anew");
  }
  leg.s.heard = leg.offer->wish;
  if (!leg.offer_repeats) leg.s.own = leg.offer->wish.direction;
  leg.s.told = *wish;
  leg.s.refused.reset();
  std::optional<sdp::DtlsSetup> setup;
  if (leg.profile->sdp.security == sdp::Security::kDtls && !wish->image_alone()) {
    auto ours = sdp::answer_setup(leg.offer->media, local.dtls);
    if (!ours) return tl::unexpected(ours.error());
    setup = *ours;
  }
  std::optional<sdp::Crypto> theirs;
  if (leg.profile->sdp.security == sdp::Security::kSdes && !wish->image_alone()) {
    auto chosen = sdp::choose_crypto(leg.offer->media.crypto, leg.profile->sdp);
    if (!chosen) return tl::unexpected(chosen.error());
    theirs = *chosen;
  }
  apply_media(leg, leg.offer->media, theirs, setup);
  return text;
}

// The peer's answer to our outstanding offer.
Status Call::take_answer(Leg& leg, std::string_view text, sdp::AnswerKind kind) {
  // An answer within a call that is not to be used was none: our offer is still to be taken back.
  std::optional<sdp::OfferAnswer> before;
  if (leg.answered_once) before = leg.s.offer_answer;
  auto got = sdp::remote_answer(leg.s.offer_answer, text, leg.profile->sdp, kind);
  if (!got) return tl::unexpected(got.error());
  Status ok = use_answer(leg, got->sdp);
  if (!ok && before) leg.s.offer_answer = std::move(*before);
  return ok;
}

// Puts an answer into force: what the peer wants, and where its media goes.
Status Call::use_answer(Leg& leg, const sdp::RemoteOffer& answer) {
  leg.s.last_refused = false;
  if (answer.declined) return fail(ErrorCode::kNotAcceptable, "the peer declined the audio stream");
  if (auto wrong = wrong_family(leg, answer.media); !wrong.empty())
    return fail(ErrorCode::kNotAcceptable, std::move(wrong));
  // It answers the other side's SDP, also where the wish for direct media was taken back meanwhile.
  if (state_.direct || leg.s.passed_on) {
    take_wish(leg, answer);
    note_media_of(leg);
    return {};
  }
  std::optional<sdp::DtlsSetup> setup;
  const bool audio = !answer.wish.image_alone();
  if (leg.profile->sdp.security == sdp::Security::kDtls && audio) {
    auto left = sdp::setup_left_by(answer.media);
    if (!left) return tl::unexpected(left.error());
    setup = *left;
  }
  std::optional<sdp::Crypto> theirs;
  if (leg.profile->sdp.security == sdp::Security::kSdes && audio) {
    const auto ours =
        sdp::accepted_crypto(services_.media.local_crypto(leg.media), answer.media.crypto);
    if (!ours) return tl::unexpected(ours.error());
    // The peer may list more lines than it took (TDM-04): the one under the tag of ours is in
    // force.
    for (const auto& line : answer.media.crypto)
      if (line.tag == ours->tag) theirs = line;
  }
  take_wish(leg, answer);
  finish_move(leg);
  sdp::RemoteMedia media = answer.media;
  // Not everything that an answer says was asked for (RFC 8839 4.2.2).
  if (leg.s.offer_answer.last_local.view().find("\na=ice-ufrag:") == std::string::npos)
    media.ice.reset();
  apply_media(leg, media, theirs, setup);
  return {};
}

// The same of an offer that was answered before, in an early dialog of its own: whose key it is,
// and who begins the handshake, is as our answer said.
Status Call::use_offer(Leg& leg, const sdp::RemoteOffer& offer) {
  leg.s.last_refused = false;
  leg.s.heard = offer.wish;
  leg.s.attributes = offer.attributes;
  leg.s.refused.reset();
  leg.news = true;
  leg.answered_once = true;
  if (state_.direct || leg.s.passed_on) {
    note_media_of(leg);
    return {};
  }
  std::optional<sdp::DtlsSetup> setup;
  std::optional<sdp::Crypto> theirs;
  const bool audio = !offer.wish.image_alone();
  if (leg.profile->sdp.security == sdp::Security::kDtls && audio) {
    setup = sdp::setup_said(leg.s.offer_answer);
    if (!setup || *setup == sdp::DtlsSetup::kActpass)
      return fail(ErrorCode::kConflict, "our answer does not say who begins DTLS");
  }
  if (leg.profile->sdp.security == sdp::Security::kSdes && audio) {
    auto chosen = sdp::choose_crypto(offer.media.crypto, leg.profile->sdp);
    if (!chosen) return tl::unexpected(chosen.error());
    theirs = *chosen;
  }
  finish_move(leg);
  apply_media(leg, offer.media, theirs, setup);
  return {};
}

// The last SDP of the peer's current dialog, once more.
Status Call::use_last(Leg& leg) {
  const auto said = sdp::last_remote(leg.s.offer_answer, leg.profile->sdp);
  if (!said) return tl::unexpected(said.error());
  return leg.s.offer_answer.remote_offered ? use_offer(leg, *said) : use_answer(leg, *said);
}

// What an answer says of what the peer wants.
void Call::take_wish(Leg& leg, const sdp::RemoteOffer& answer) {
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
  leg.news = true;
  leg.answered_once = true;
}

}  // namespace causeway::call
