#include "media/media_plane.h"

#include <algorithm>
#include <array>

#include "media/connectivity.h"
#include "media/plane_impl.h"
#include "media/reports.h"
#include "media/streams.h"

namespace causeway::media {
namespace {

// What a leg's tables hold before its codecs are written into them.
template <class T>
constexpr std::array<T, 128> all(T value) {
  std::array<T, 128> t{};
  t.fill(value);
  return t;
}
constexpr auto kEightKilohertz = all<std::uint16_t>(80);
constexpr auto kSameType = [] {
  std::array<std::uint8_t, 128> t{};
  for (std::size_t i = 0; i < t.size(); ++i) t[i] = static_cast<std::uint8_t>(i);
  return t;
}();

rtp::SrtpSuite suite_for(sdp::CryptoSuite s) {
  switch (s) {
    case sdp::CryptoSuite::kAesCm128HmacSha1_80: return rtp::SrtpSuite::kAesCm128HmacSha1_80;
    case sdp::CryptoSuite::kAesCm128HmacSha1_32: return rtp::SrtpSuite::kAesCm128HmacSha1_32;
    case sdp::CryptoSuite::kAesCm256HmacSha1_80: return rtp::SrtpSuite::kAesCm256HmacSha1_80;
    case sdp::CryptoSuite::kAesCm256HmacSha1_32: return rtp::SrtpSuite::kAesCm256HmacSha1_32;
    case sdp::CryptoSuite::kAeadAes128Gcm: return rtp::SrtpSuite::kAeadAes128Gcm;
    case sdp::CryptoSuite::kAeadAes256Gcm: return rtp::SrtpSuite::kAeadAes256Gcm;
  }
  return {};
}

Result<rtp::Srtp> make_srtp(const sdp::Crypto& c) {
  rtp::SrtpKey key;
  key.suite = suite_for(c.suite);
  const auto sizes = rtp::sizes_of(key.suite);
  if (c.key_salt.size() != std::size_t{sizes.key} + sizes.salt)
    return fail(ErrorCode::kInternal, "an SRTP key of the wrong length");
  std::copy(c.key_salt.begin(), c.key_salt.end(), key.key_salt.begin());
  key.mki = c.mki;
  key.mki_length = c.mki_length;
  return rtp::Srtp::create(key);
}

// What decides about the packets: a new tag or lifetime on the same key is no new key.
bool same_key(const std::optional<sdp::Crypto>& a, const std::optional<sdp::Crypto>& b) {
  if (!a || !b) return !a && !b;
  return a->key_salt == b->key_salt && a->suite == b->suite && a->mki == b->mki &&
         a->mki_length == b->mki_length;
}

LocalEnds ends_of(const PortPool& pool, std::uint16_t port, const RealmMedia& realm, bool mux) {
  const IpAddress bound = pool.range().address;
  const auto& translated = bound.is_v6() ? realm.public_v6 : realm.public_v4;
  const auto next = static_cast<std::uint16_t>(port + 1);
  return {{bound, port}, {bound, next}, {translated.value_or(bound), port}, mux ? port : next};
}

}  // namespace

MediaPlane::Impl::~Impl() {
  reactor.timers().cancel(tick);
  reactor.timers().cancel(fill_tick);
}

Leg* MediaPlane::Impl::find(MediaLegId id) const {
  const auto index = static_cast<std::uint32_t>(id.value);
  if (index >= legs.size() || generations[index] != id.value >> 32) return nullptr;
  return legs[index].get();
}

Leg& MediaPlane::Impl::add(std::unique_ptr<PortPair> ports, PortPool& pool, const RealmMedia& realm,
                           bool mux) {
  std::uint32_t index = 0;
  if (free_slots.empty()) {
    index = static_cast<std::uint32_t>(legs.size());
    legs.emplace_back();
    generations.push_back(1);
  } else {
    index = free_slots.back();
    free_slots.pop_back();
  }
  legs[index] = std::make_unique<Leg>();
  Leg& leg = *legs[index];
  leg.id = MediaLegId(std::uint64_t{generations[index]} << 32 | index);
  leg.pool = &pool;
  leg.ports = std::move(ports);
  leg.ports->leg = &leg;
  leg.mux_offered = mux;
  leg.ends = ends_of(pool, leg.ports->port, realm, mux);
  Random& random = reactor.random();
  leg.out.ssrc = static_cast<std::uint32_t>(random.u64());
  // Below 2^15: a receiver that misses the first packets must not take the wrap for its own start.
  leg.out.highest = static_cast<std::uint32_t>(1 + random.below(0x7fff));
  leg.out.last_ts = static_cast<std::uint32_t>(random.u64());
  static constexpr char kHex[] = "0123456789abcdef";
  for (std::uint64_t bits = random.u64(), i = 0; i < 16; ++i, bits >>= 4)
    leg.cname += kHex[bits & 15];
  if (!nothing_agreed)
    nothing_agreed = std::make_shared<const PayloadTypes>(PayloadTypes{kSameType, kEightKilohertz});
  leg.types = nothing_agreed;
  ++open_legs;
  start_tick();
  return leg;
}

void MediaPlane::Impl::part(Leg& leg) {
  if (!leg.partner) return;
  Leg& other = *leg.partner;
  withdraw(leg);
  withdraw(other);
  leg.partner = other.partner = nullptr;
  charge(leg, {});
  charge(other, {});
  for (Leg* l : {&leg, &other})  // nobody is left who would end it
    if (l->saying) l->saying->stop_digit(reactor.now());
}

void MediaPlane::Impl::remove(Leg& leg, bool say_goodbye) {
  pull_both(leg);
  if (say_goodbye && leg.applied && leg.counted.rtcp_out != 0) {
    std::array<std::byte, 128> buffer;
    const std::size_t size =
        goodbye(leg, std::span(buffer).first(buffer.size() - rtp::Srtp::kMaxExpansion));
    if (size != 0) send_rtcp(leg, buffer, size, reactor.now());
  }
  part(leg);
  charge(leg, {});
  hush(leg);
  end_handshake(leg);
  reactor.timers().cancel(leg.event_timer);
  close_image(leg);
  leg.pool->give_back(std::move(leg.ports));
  if (leg.elsewhere) leg.elsewhere->pool->give_back(std::move(leg.elsewhere->ports));
  const auto index = static_cast<std::uint32_t>(leg.id.value);
  // Timers have bits of their own above it (kForkToken ...).
  generations[index] = generations[index] % kGenerations + 1;
  free_slots.push_back(index);
  --open_legs;
  legs[index].reset();
}

// What a leg has to do changes, and with the sum of it perhaps how well everybody is encoded.
void MediaPlane::Impl::charge(Leg& leg, const Work& now) {
  if (leg.work == now) return;
  const bool other = transcoding.change(leg.work, now);
  leg.work = now;
  if (other) use_complexity();
}

void MediaPlane::Impl::use_complexity() {
  for (auto& l : legs)
    if (l && l->saying && l->saying->encoder)
      l->saying->encoder->set_complexity(transcoding.complexity());
}

Status MediaPlane::Impl::set_keys(Leg& leg, const LegMedia& agreed, bool other_fork) {
  if (agreed.send_key.has_value() != agreed.receive_key.has_value())
    return fail(ErrorCode::kInternal, "a media leg with one SRTP key");
  // A context is kept, made anew at ROC 0 (another key), or made anew and carried on (another tag
  // length or MKI under the same key: its indices were used).
  const auto renew = [](const std::optional<sdp::Crypto>& before,
                        const std::optional<sdp::Crypto>& after,
                        const Boxed<rtp::Srtp>& context) -> Result<Boxed<rtp::Srtp>> {
    if (!after) return Boxed<rtp::Srtp>{};
    auto made = make_srtp(*after);
    if (!made) return tl::unexpected(made.error());
    if (context && before && before->key_salt == after->key_salt)
      made->restore_streams(context->streams());
    return Boxed<rtp::Srtp>(std::move(*made));
  };
  const bool new_send = !leg.applied || !same_key(leg.agreed.send_key, agreed.send_key);
  const bool new_receive = !leg.applied || !same_key(leg.agreed.receive_key, agreed.receive_key);
  // A key of ours that was given up would start again at indices that it has used.
  if (new_send && agreed.send_key &&
      std::find(leg.retired_keys.begin(), leg.retired_keys.end(), agreed.send_key->key_salt) !=
          leg.retired_keys.end())
    return fail(ErrorCode::kInternal, "an SRTP key of ours was given up before: make a new one");
  Boxed<rtp::Srtp> send, receive;
  // One that another fork's packets went under goes on where it was.
  const SentUnder* sent = leg.forks ? leg.forks->sent_under(agreed.send_key) : nullptr;
  const Fork* known = leg.forks ? leg.forks->with_receive_key(agreed.receive_key) : nullptr;
  if (new_send) {
    auto made = sent ? renew(sent->key, agreed.send_key, sent->context)
                     : renew(leg.agreed.send_key, agreed.send_key, leg.send);
    if (!made) return tl::unexpected(made.error());
    send = std::move(*made);
  }
  if (new_receive) {
    auto made = known ? renew(known->agreed.receive_key, agreed.receive_key, known->receive)
                      : renew(leg.agreed.receive_key, agreed.receive_key, leg.receive);
    if (!made) return tl::unexpected(made.error());
    receive = std::move(*made);
  }
  if (new_send) {
    const auto& old = leg.agreed.send_key;
    if (sent) leg.forks->forget_send(sdp::Crypto(sent->key));
    if (leg.applied && old && (!agreed.send_key || agreed.send_key->key_salt != old->key_salt)) {
      if (!other_fork)
        retire(leg, *old);
      else if (const auto given_up = leg.forks->keep_send({*old, std::move(leg.send)}))
        retire(leg, *given_up);
    }
    leg.send = std::move(send);
  }
  if (new_receive) {
    if (other_fork) leg.forks->others.back().receive = std::move(leg.receive);
    leg.receive = std::move(receive);
  }
  return {};
}

std::shared_ptr<const PayloadTypes> MediaPlane::Impl::shared(const PayloadTypes& types) {
  for (const auto& known : common_types)
    if (known && *known == types) return known;
  auto& place = common_types[next_common++ % common_types.size()];
  return place = std::make_shared<const PayloadTypes>(types);
}

void MediaPlane::Impl::compile(Leg& leg) {
  PayloadTypes types{.to_partner = kSameType, .clock_100 = kEightKilohertz};
  for (const sdp::Codec& c : leg.agreed.receive_codecs)
    if (c.pt.value < 128)
      types.clock_100[c.pt.value] =
          sdp::is_telephone_event(c) ? std::uint16_t{0}
                                     : static_cast<std::uint16_t>(std::min(c.clock / 100, 65'535u));
  const bool any =
      !leg.partner || leg.agreed.receive_codecs.empty() || leg.partner->agreed.send_codecs.empty();
  if (any) {
    leg.types = shared(types);
    leg.judge_time = false;
    leg.hearing.reset();
    leg.fax.reset();
    if (leg.partner) charge(leg, {});
    if (leg.partner) let_go(*leg.partner);
    return;
  }
  const Plan p = plan(leg.agreed, leg.partner->agreed, leg.arriving_ms);
  types.to_partner = p.types;
  leg.types = shared(types);
  const bool listens =
      !leg.agreed.plain && (leg.agreed.fax == sdp::FaxAs::kPassthrough ||
                            (leg.agreed.fax == sdp::FaxAs::kWhereDecoded && p.decoding));
  if (!listens)
    leg.fax.reset();
  else if (!leg.fax || leg.fax_codecs != leg.agreed.receive_codecs)
    leg.fax = FaxEar::make(leg.fax_codecs = leg.agreed.receive_codecs);
  charge(leg, work_of(p));
  tune(leg, p);
}

MediaPlane::MediaPlane(reactor::Reactor& reactor, MediaObserver& observer)
    : impl_(std::make_unique<Impl>(reactor, observer)) {}
MediaPlane::~MediaPlane() = default;

Result<MediaLegId> MediaPlane::open(const RealmMedia& realm, Family family, bool rtcp_mux) {
  auto taken = impl_->take_ports(realm, family);
  if (!taken) return tl::unexpected(taken.error());
  return impl_->add(std::move(taken->second), *taken->first, realm, rtcp_mux).id;
}

void MediaPlane::close(MediaLegId id) {
  if (Leg* leg = impl_->find(id)) impl_->remove(*leg, true);
}

void MediaPlane::release(MediaLegId id) {
  if (Leg* leg = impl_->find(id)) impl_->remove(*leg, false);
}

void MediaPlane::surrender(MediaLegId id) {
  Leg* leg = impl_->find(id);
  if (!leg) return;
  PortPool& pool = *leg->pool;
  const std::uint16_t rtp = leg->ends.rtp.port, image = leg->image ? leg->image->bound.port : 0;
  impl_->remove(*leg, false);
  pool.shut(rtp);
  if (image != 0) pool.shut(image);
}

Result<LocalEnds> MediaPlane::local(MediaLegId id) const {
  const Leg* leg = impl_->find(id);
  if (!leg) return fail(ErrorCode::kNotFound, "no such media leg");
  return leg->ends;
}

Result<LocalEnds> MediaPlane::begin_move(MediaLegId id, const RealmMedia& realm, Family family) {
  end_move(id, false);
  Leg* leg = impl_->find(id);
  if (!leg) return fail(ErrorCode::kNotFound, "no such media leg");
  if (leg->image) return fail(ErrorCode::kConflict, "a fax by T.38 has a port here");
  auto taken = impl_->take_ports(realm, family);
  if (!taken) return tl::unexpected(taken.error());
  PortPool& pool = *taken->first;
  const LocalEnds ends = ends_of(pool, taken->second->port, realm, leg->mux_offered);
  leg->elsewhere = std::make_unique<Elsewhere>(Elsewhere{&pool, std::move(taken->second), ends});
  return ends;
}

void MediaPlane::end_move(MediaLegId id, bool agreed) {
  Leg* leg = impl_->own(id);
  if (!leg || !leg->elsewhere) return;
  const auto to = std::move(leg->elsewhere);
  if (!agreed) return to->pool->give_back(std::move(to->ports));
  leg->pool->give_back(std::move(leg->ports));
  leg->pool = to->pool;
  leg->ports = std::move(to->ports);
  leg->ports->leg = leg;
  leg->ends = to->ends;
  // Its peer is heard from another side now: where it is shows with its next packet.
  leg->source.reset();
  leg->rtcp_source.reset();
  leg->may_relatch = false;
}

void MediaPlane::set_local_crypto(MediaLegId id, std::vector<sdp::Crypto> ours) {
  if (Leg* leg = impl_->find(id)) leg->local_crypto = std::move(ours);
}

void MediaPlane::tap(MediaLegId id, bool on) {
  if (Leg* leg = impl_->own(id)) leg->tapped = on;
}

void MediaPlane::keep_realms(std::span<const RealmMedia> realms) {
  for (auto& p : impl_->pools) {
    const PortRange& r = p->range();
    if (std::none_of(realms.begin(), realms.end(), [&](const RealmMedia& m) {
          const auto& address = r.address.is_v6() ? m.v6 : m.v4;
          return address == r.address &&
                 r == PortRange{*address, m.port_min, m.port_max, m.interface, m.dscp};
        }))
      p->retire();
  }
  impl_->forget_pools();
}

void MediaPlane::fill_silence(MediaLegId id) {
  if (Leg* leg = impl_->own(id)) impl_->fill(*leg);
}

void MediaPlane::set_quiet_limit(Seconds limit) { impl_->quiet_limit = limit; }

std::vector<sdp::Crypto> MediaPlane::local_crypto(MediaLegId id) const {
  const Leg* leg = impl_->find(id);
  return leg ? leg->local_crypto : std::vector<sdp::Crypto>{};
}

Status MediaPlane::apply(MediaLegId id, const LegMedia& agreed, std::string_view fork) {
  Leg* leg = impl_->own(id);
  if (!leg) return fail(ErrorCode::kNotFound, "no such media leg");
  if (agreed.dtls && !agreed.send_key && leg->applied) {
    const Fork* known = leg->forks ? leg->forks->with_association(*agreed.dtls) : nullptr;
    const LegMedia* has = known ? &known->agreed : nullptr;
    if (leg->agreed.send_key && leg->agreed.dtls == agreed.dtls) has = &leg->agreed;
    if (has) {
      LegMedia with_keys = agreed;
      with_keys.send_key = has->send_key;
      with_keys.receive_key = has->receive_key;
      return apply(id, with_keys, fork);
    }
  }
  const bool other_fork = leg->applied && !leg->fork.empty() && fork != leg->fork;
  if (other_fork) impl_->set_aside(*leg);
  if (auto s = impl_->set_keys(*leg, agreed, other_fork); !s) return s;
  leg->fork_muted = false;
  if (std::exchange(leg->fork_gone, false) && other_fork && leg->forks)
    leg->forks->forget(leg->fork);
  if (leg->forks) leg->forks->forget(fork);
  leg->fork = fork;
  if (fork.empty()) impl_->drop_forks(*leg);
  const Instant now = impl_->reactor.now();
  const bool by_checks = leg->applied && leg->by_checks();
  // A peer that holds with 0.0.0.0 has not moved; its RTCP goes on to where it was.
  if (!agreed.remote.rtp.address.is_unspecified()) {
    if (leg->applied && leg->remote_rtp != agreed.remote.rtp) {
      leg->source.reset();
      leg->rtcp_source.reset();
    }
    leg->remote_rtp = agreed.remote.rtp;
    leg->remote_rtcp = agreed.remote.rtcp;
  }
  if (leg->ports->connected) {
    leg->ports->rtp.socket->connect(Endpoint{});
    leg->ports->connected = false;
  }
  leg->may_relatch = true;
  leg->latched_at = now;
  if (!leg->applied || !sdp::receives(leg->agreed.direction)) leg->expected_since = now;
  leg->agreed = agreed;
  leg->filler.reset();
  leg->applied = true;
  for (const sdp::Codec& c : agreed.receive_codecs)
    if (!sdp::is_telephone_event(c) && !sdp::is_comfort_noise(c)) {
      leg->quality.set_codec(rtp::impairment_of(c.name), c.clock, Millis(20));
      break;
    }
  impl_->agree_on_ice(*leg, by_checks, now);
  impl_->agree_on_handshake(*leg, now);
  impl_->compile(*leg);
  if (leg->partner) impl_->compile(*leg->partner);
  return {};
}

Result<sdp::Fingerprint> MediaPlane::dtls_fingerprint() {
  auto identity = impl_->dtls_identity();
  if (!identity) return tl::unexpected(identity.error());
  const auto& d = (*identity)->digest();
  return sdp::Fingerprint{d.hash, d.octets};
}

std::optional<bool> MediaPlane::dtls_client(MediaLegId id) const {
  const Leg* leg = impl_->find(id);
  if (!leg || !leg->applied || !leg->agreed.dtls) return std::nullopt;
  return leg->agreed.dtls->client;
}

Status MediaPlane::join(MediaLegId a, MediaLegId b) {
  Leg* x = impl_->find(a);
  Leg* y = impl_->find(b);
  if (!x || !y || x == y) return fail(ErrorCode::kNotFound, "no such media leg to join");
  if (x->partner == y) return {};
  impl_->part(*x);
  impl_->part(*y);
  x->partner = y;
  y->partner = x;
  impl_->compile(*x);
  impl_->compile(*y);
  return {};
}

void MediaPlane::unjoin(MediaLegId id) {
  Leg* leg = impl_->find(id);
  if (!leg || !leg->partner) return;
  Leg& other = *leg->partner;
  impl_->part(*leg);
  // Whatever either hears next is somebody else's, and may be a tone.
  leg->out.has_input = other.out.has_input = false;
}

void MediaPlane::set_transcoding_cap(double share) {
  if (impl_->transcoding.set_cap(share)) impl_->use_complexity();
}

bool MediaPlane::has_room(const Work& more) const { return impl_->transcoding.fits(more); }

void MediaPlane::keep_room(MediaLegId id, const Work& more) {
  if (Leg* leg = impl_->find(id); leg && !leg->partner) impl_->charge(*leg, more);
}

bool MediaPlane::transcodes(MediaLegId id) const {
  const Leg* leg = impl_->find(id);
  return leg && (leg->work.any() || (leg->partner && leg->partner->work.any()));
}

const TranscodingBudget& MediaPlane::budget() const { return impl_->transcoding; }

TranscodingStats MediaPlane::transcoding() const {
  const TranscodingBudget& t = impl_->transcoding;
  TranscodingStats s{t.used(), t.cap(), t.complexity(), 0};
  for (const auto& l : impl_->legs)
    if (l && l->partner && l->id.value < l->partner->id.value &&
        (l->work.any() || l->partner->work.any()))
      ++s.pairs;
  return s;
}

bool MediaPlane::play_digit(MediaLegId id, std::uint8_t event, Micros duration) {
  Leg* leg = impl_->own(id);
  if (!leg || !leg->saying || !leg->saying->play_digit(event, duration)) return false;
  impl_->wake(*leg, impl_->reactor.now());
  return true;
}

bool MediaPlane::ring(MediaLegId id, const tone::Cadence& cadence) {
  Leg* leg = impl_->own(id);
  return leg && impl_->ring(*leg, cadence);
}

bool MediaPlane::ring(MediaLegId id, const tone::Sound& sound) {
  Leg* leg = impl_->own(id);
  return leg && !leg->out.has_input && impl_->play(*leg, sound);
}

void MediaPlane::set_hold_music(MediaLegId id, std::shared_ptr<const tone::Sound> sound) {
  Leg* leg = impl_->own(id);
  if (!leg || leg->hold_music == sound) return;
  leg->hold_music = std::move(sound);
  leg->hold_music_since = impl_->reactor.now();
  if (leg->saying) leg->saying->player.reset();
}

void MediaPlane::make_plain(MediaLegId id) {
  Leg* leg = impl_->own(id);
  if (!leg || leg->agreed.plain) return;
  leg->agreed.plain = true;
  impl_->compile(*leg);
  if (leg->partner) impl_->compile(*leg->partner);
}

void MediaPlane::stop_ringing(MediaLegId id) {
  Leg* leg = impl_->find(id);
  if (leg && leg->saying) leg->saying->player.reset();
}

// A peer that missed the end of a handshake asks for it again until its audio shows that it has it.
static bool under_way(const Leg& leg) {
  return leg.handshake && (leg.keyless || (!leg.handshake->terms.client &&
                                           leg.counted.last_in < leg.handshake->done));
}

bool MediaPlane::busy(MediaLegId id) const {
  const Leg* leg = impl_->find(id);
  return leg && ((leg->saying && leg->saying->busy()) || under_way(*leg));
}

std::string MediaPlane::path(MediaLegId id) const {
  const Leg* leg = impl_->find(id);
  if (!leg || !leg->partner) return "not joined";
  return in_words(plan(leg->agreed, leg->partner->agreed, leg->arriving_ms), leg->agreed,
                  leg->partner->agreed);
}

Instant MediaPlane::last_heard(MediaLegId id) const {
  Leg* leg = impl_->find(id);
  if (leg) impl_->pull(*leg);
  return leg ? std::max(leg->counted.last_in, leg->last_rtcp_in) : Instant{};
}

LegStats MediaPlane::stats(MediaLegId id) const {
  Leg* leg = impl_->find(id);
  if (!leg) return {};
  impl_->pull_both(*leg);
  LegStats s{leg->counted, 0, 0, 0, {}, {}};
  s.lost = lost(leg->in);
  s.jitter_ms = jitter_ms(leg->in, leg->in.jitter_q4);
  s.max_jitter_ms = jitter_ms(leg->in, leg->in.max_jitter_q4);
  s.source = leg->source;
  s.quality = leg->quality.summary();
  return s;
}

PlaneStats MediaPlane::plane_stats() const {
  return {impl_->open_legs,    impl_->ports_exhausted, impl_->stray,
          impl_->pools.size(), impl_->offloaded,       impl_->in_kernel};
}

}  // namespace causeway::media
