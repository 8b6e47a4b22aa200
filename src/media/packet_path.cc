// From a datagram of one peer to a datagram for the other. Nothing here allocates.
#include <utility>

#include "media/plane_impl.h"
#include "media/reports.h"
#include "media/streams.h"
#include "rtp/packet.h"
#include "rtp/rtcp.h"

namespace causeway::media {
namespace {

constexpr Millis kSilentSource{1'000};
constexpr Seconds kSettled{3};             // a latched source is not questioned after this
constexpr Micros kSilentFirst{2'000'000};  // at most so long after the first look, if nobody speaks
constexpr Seconds kOwnReport{4};  // looked at once a second: never more than five apart (TDM-12)

std::int64_t us(Instant t) { return t.time_since_epoch().count(); }

bool counted(rtp::SrtpOutcome outcome, DropCounts& dropped) {
  switch (outcome) {
    case rtp::SrtpOutcome::kOk: return true;
    case rtp::SrtpOutcome::kMalformed: ++dropped.malformed; return false;
    case rtp::SrtpOutcome::kReplay: ++dropped.replay; return false;
    case rtp::SrtpOutcome::kAuthentication: ++dropped.authentication; return false;
    case rtp::SrtpOutcome::kExhausted: ++dropped.replay; return false;
  }
  return false;
}

}  // namespace

void MediaPlane::Impl::on_packet(PortPair& ports, bool rtcp_port, const Endpoint& from,
                                 std::span<std::byte> data, Instant received) {
  if (!ports.leg) {
    ++stray;
    return;
  }
  Leg& leg = *ports.leg;
  if (leg.image && &ports == leg.image->ports.get())
    return on_image(leg, rtcp_port, from, data, received);
  const rtp::Kind kind = rtp::classify(data);
  // Checks come before any answer does (RFC 8445 7.3, forks that ring).
  if (kind == rtp::Kind::kStun && leg.agent) return on_stun(leg, rtcp_port, from, data, received);
  if (!leg.applied) {
    ++leg.counted.dropped.not_joined;  // before the answer: neither keys nor sources are known
    return;
  }
  switch (kind) {
    case rtp::Kind::kRtp:
      if (rtcp_port)
        ++leg.counted.dropped.malformed;
      else
        on_rtp(leg, from, data, received);
      return;
    case rtp::Kind::kRtcp: on_rtcp(leg, rtcp_port, from, data, received); return;
    case rtp::Kind::kDtls: on_dtls(leg, from, data, received); return;
    case rtp::Kind::kStun:
    case rtp::Kind::kOther: ++leg.counted.dropped.malformed; return;
  }
}

void MediaPlane::Impl::latch(Leg& leg, const Endpoint& from, std::uint32_t ssrc, Instant now) {
  if (leg.partner) take_back(*leg.partner);  // its flow goes to where this leg was
  if (leg.source) leg.may_relatch = false;
  leg.source = from;
  leg.source_ssrc = ssrc;
  leg.latched_at = now;
  leg.rtcp_source.reset();
}

[[gnu::always_inline]] inline bool MediaPlane::Impl::admits(Leg& leg, const Endpoint& from,
                                                            const rtp::Header& h, Instant now,
                                                            bool& new_source) {
  if (leg.by_checks()) return leg.agent->admits(from, ice::Component::kRtp);
  if (leg.source && from == *leg.source) return true;
  // TDM-21: once more after an answer, and only for another stream, or when the first fell silent.
  const bool may = !leg.source || (leg.may_relatch && (h.ssrc != leg.source_ssrc ||
                                                       now - leg.counted.last_in >= kSilentSource));
  if (!may || !leg.allows(from.address)) return false;
  new_source = true;
  return true;
}

void MediaPlane::Impl::on_rtp(Leg& leg, const Endpoint& from, std::span<std::byte> data,
                              Instant now) {
  LegCounts& c = leg.counted;
  const auto h = rtp::parse_header(data);
  if (!h) {
    ++c.dropped.malformed;
    return;
  }
  if (leg.keyless && !leg.forks) {
    ++c.dropped.authentication;
    return;
  }
  if (leg.offload) take_back(leg);
  const std::size_t received_bytes = data.size();
  bool new_source = false;
  const bool admitted = !leg.keyless && admits(leg, from, *h, now, new_source);
  Whose whose = Whose::kNobodys;
  if (leg.forks && (!admitted || (new_source && !leg.receive)))
    whose = of_another_fork(leg, from, *h, data, now);
  if (!admitted && whose == Whose::kNobodys) {
    ++(leg.keyless ? c.dropped.authentication : c.dropped.source);
    return;
  }
  if (leg.receive && whose == Whose::kNobodys) {
    const auto r = leg.receive->unprotect_rtp(data);
    if (r.outcome == rtp::SrtpOutcome::kAuthentication && leg.forks)
      whose = of_another_fork(leg, from, *h, data, now);
    if (whose == Whose::kNobodys) {
      if (!counted(r.outcome, c.dropped)) return;
      data = data.first(r.size);
    }
  }
  if (whose == Whose::kAnothers) return;
  if (whose == Whose::kHeardInstead)
    new_source = false;
  else if (leg.forks)
    for (Fork& f : leg.forks->others) f.speaking = false;
  if (leg.tapped) observer.on_tapped(leg.id, from, leg.ends.rtp, data);
  if (new_source) latch(leg, from, h->ssrc, now);
  const std::uint32_t clock = leg.types->clock_100[h->payload_type] * 100u;
  if (leg.in.started && leg.in.ssrc != h->ssrc) leg.quality.new_source();
  count(leg.in, *h, clock, us(now));
  leg.quality.packet(h->sequence, h->timestamp, now, clock != 0);
  ++c.packets_in;
  c.bytes_in += received_bytes;
  c.last_in = now;
  const bool first = !leg.seen;
  leg.seen = true;
  leg.lost = leg.one_way = false;
  if (leg.fax) listen_for_fax(leg, *h, data, now);
  relay(leg, *h, data, now);
  // Last: the observer may close what it likes.
  if (first) {
    if (c.first_in == Instant{}) c.first_in = now;
    observer.on_media_started(leg.id);
  }
}

void MediaPlane::Impl::relay(Leg& leg, const rtp::Header& h, std::span<std::byte> data,
                             Instant now) {
  DropCounts& dropped = leg.counted.dropped;
  Leg* to = leg.partner;
  if (!to || !to->applied || !to->has_target()) {
    ++dropped.not_joined;
    return;
  }
  if (!sdp::receives(leg.agreed.direction) || !sdp::sends(to->agreed.direction)) {
    ++dropped.direction;
    return;
  }
  std::uint8_t type = leg.types->to_partner[h.payload_type];
  if (type >= 128) {
    if (type == kNoType) {
      ++dropped.codec;
      return;
    }
    if (type != kOtherLaw) return hear(leg, type, h, data, now);
    const auto content = rtp::payload(data, h);
    if (!content) {
      ++dropped.malformed;
      return;
    }
    laws.convert(data.subspan(h.bytes, content->size()), leg.to_a_law);
    type = leg.other_law;
  }
  if (to->saying) {
    to->saying->player.reset();          // it speaks
    if (to->saying->sounding()) return;  // a digit of ours is heard instead
  }
  const bool went_on = to->out.has_input;
  const std::uint32_t last_ts = to->out.last_ts, last_number = to->out.highest;
  const std::uint16_t units = leg.types->clock_100[h.payload_type];
  const auto n = number(to->out, h, units != 0 ? units * 100u : to->out.clock, us(now));
  if (!n) {
    ++dropped.replay;
    return;
  }
  if (leg.judge_time && went_on && !n->restarted &&
      n->sequence == static_cast<std::uint16_t>(last_number + 1))
    judge_time(leg, n->timestamp - last_ts, units * 100u, now);
  rtp::set_payload_type(data, type);
  if (n->restarted) rtp::set_marker(data, true);
  rtp::set_sequence(data, n->sequence);
  rtp::set_timestamp(data, n->timestamp);
  rtp::set_ssrc(data, to->out.ssrc);
  const auto octets = static_cast<std::uint32_t>(data.size() - h.bytes);
  if (to->send) {
    const auto r = to->send->protect_rtp(data);
    if (!counted(r.outcome, dropped)) return;
    data = {data.data(), r.size};
  }
  ++to->out.packets;
  to->out.octets += octets;
  ++to->counted.packets_out;
  to->counted.bytes_out += data.size();
  to->ports->rtp.socket->send(to->rtp_target(), data);
  if (leg.offload) arm(leg, h, type);
}

void MediaPlane::Impl::on_rtcp(Leg& leg, bool rtcp_port, const Endpoint& from,
                               std::span<std::byte> data, Instant now) {
  pull_both(leg);
  LegCounts& c = leg.counted;
  const bool checked = leg.by_checks();
  const bool known = !checked && ((leg.source && from.address == leg.source->address) ||
                                  from.address == leg.remote_rtcp.address);
  if (!known && !leg.admits(from, rtcp_port ? ice::Component::kRtcp : ice::Component::kRtp)) {
    ++c.dropped.source;
    return;
  }
  if (leg.keyless) {
    ++c.dropped.authentication;
    return;
  }
  if (leg.receive) {
    const auto r = leg.receive->unprotect_rtcp(data);
    if (!counted(r.outcome, c.dropped)) return;
    data = data.first(r.size);
  }
  if (!rtp::valid_compound(data)) {
    ++c.dropped.malformed;
    return;
  }
  if (rtcp_port && !checked && !leg.agreed.rtcp_mux && (known || !leg.rtcp_source))
    leg.rtcp_source = from;
  ++c.rtcp_in;
  leg.last_rtcp_in = now;
  learn(leg, data, now);
  Leg* to = leg.partner;
  if (!to || !to->applied) return;
  // What is made here has reports of its own.
  if (to->saying && !to->out.has_input) return;
  std::array<std::byte, rtp::kMaxPacket> buffer;
  const auto room = std::span(buffer).first(buffer.size() - rtp::Srtp::kMaxExpansion);
  const std::size_t size = translate(leg, *to, data, room, now);
  if (size != 0) send_rtcp(*to, buffer, size + voip_report(*to, room.subspan(size)), now);
}

void MediaPlane::Impl::send_rtcp(Leg& leg, std::span<std::byte> buffer, std::size_t size,
                                 Instant now) {
  if (leg.agreed.no_rtcp) return;
  const Endpoint target = leg.rtcp_target();
  if (target.port == 0 || target.address.is_unspecified() || leg.keyless) return;
  if (leg.send) {
    const auto r = leg.send->protect_rtcp(buffer.first(size));
    if (r.outcome != rtp::SrtpOutcome::kOk) return;
    size = r.size;
  }
  auto& channel = leg.agreed.rtcp_mux ? leg.ports->rtp : leg.ports->rtcp;
  channel.socket->send(target, buffer.first(size));
  ++leg.counted.rtcp_out;
  leg.last_rtcp_out = now;
}

// TDM-23. Of a call on hold, or one that both sides are silent in, nothing is suspected.
bool MediaPlane::Impl::heard_on_the_other_side_alone(const Leg& leg, Instant now) const {
  const Leg* other = leg.partner;
  return other && other->applied && leg.agreed.direction == sdp::Direction::kSendRecv &&
         other->agreed.direction == sdp::Direction::kSendRecv &&
         other->counted.last_in != Instant{} && now - other->counted.last_in < kSilentSource &&
         now - std::max(leg.counted.last_in, leg.expected_since) >= kOneWayAfter;
}

void MediaPlane::Impl::look_after(Leg& leg, Instant now) {
  if (!leg.applied) return;
  pull_both(leg);
  // The first look after the answer or after the first packet: a peer that is heard or hears
  // something is told so at once (TDM-20). Where nobody has said anything yet, about half the
  // interval comes first (RFC 3550 6.2).
  const bool silent = !leg.in.started && leg.out.packets == 0;
  bool first = leg.last_rtcp_out == Instant{} || (leg.first_report_waits && !silent);
  if (first && silent) {
    first = false;
    leg.first_report_waits = true;
    leg.last_rtcp_out = now - kOwnReport + Micros(reactor.random().below(kSilentFirst.count()));
  }
  if (first || now - leg.last_rtcp_out >= kOwnReport) {
    std::array<std::byte, 256> buffer;
    const auto room = std::span(buffer).first(buffer.size() - rtp::Srtp::kMaxExpansion);
    const std::size_t size = own_report(leg, room, now, reactor.wall());
    leg.last_rtcp_out = now;
    leg.first_report_waits = false;
    if (size != 0) send_rtcp(leg, buffer, size + voip_report(leg, room.subspan(size)), now);
    // Legs that were answered together do not go on reporting together.
    if (first) leg.last_rtcp_out = now - Micros(reactor.random().below(1'000'000));
  }
  if (leg.agent) look_after_checks(leg, now);
  // Where checks decide, or phones ring side by side, one from elsewhere must be heard at any time.
  if (leg.source && !leg.agent && leg.fork.empty() && !leg.ports->connected &&
      now - leg.latched_at >= kSettled) {
    leg.may_relatch = false;
    leg.ports->connected = true;
    leg.ports->rtp.socket->connect(*leg.source);
  }
  offer_to_kernel(leg, now);
  (void)leg.quality.poll(now);
  if (leg.hold_music) keep_playing(leg, now);
  if (!leg.one_way && heard_on_the_other_side_alone(leg, now)) {
    leg.one_way = leg.counted.one_way = true;
    observer.on_one_way(leg.id);  // closes nothing
  }
  if (!leg.lost && sdp::receives(leg.agreed.direction) &&
      now - std::max(leg.counted.last_in, leg.expected_since) >= kLostAfter) {
    take_back(leg);
    if (leg.partner) take_back(*leg.partner);
    leg.lost = true;
    leg.seen = false;
    // Whoever was heard is gone: the peer's next stream may come from another of its addresses.
    if (leg.ports->connected) leg.ports->rtp.socket->connect(Endpoint{});
    leg.ports->connected = false;
    leg.may_relatch = true;
    leg.latched_at = now;
    observer.on_media_lost(leg.id);  // last: the observer may close the leg
    return;
  }
  if (leg.lost && quiet(leg, now)) observer.on_media_quiet(leg.id);  // last, too
}

// Nothing from either side of a pair of which neither is on hold. Only asked of a leg that is lost:
// one that hears something costs nothing here.
bool MediaPlane::Impl::quiet(const Leg& leg, Instant now) const {
  if (quiet_limit <= Seconds(0) || !leg.partner || !leg.partner->applied) return false;
  for (const Leg* l : {&leg, static_cast<const Leg*>(leg.partner)})
    if (!sdp::receives(l->agreed.direction) || now - l->last_sign_of_life() < quiet_limit)
      return false;
  return true;
}

void MediaPlane::Impl::on_timer(std::uint64_t token, Instant now) {
  if (token == kFillTimer) return fill_all(now);
  if (token != 0) {
    Leg* leg = own(MediaLegId(
        token & ~(kCompileToken | kEventToken | kHandshakeToken | kFaxToken | kForkToken)));
    if (!leg) return;
    if (token & kForkToken) return tell_fork(*leg);
    if (token & kFaxToken) {
      if (const auto tone = std::exchange(leg->fax_heard, std::nullopt))
        observer.on_fax(leg->id, *tone);
      return;
    }
    if (token & kCompileToken) return compile(*leg);
    if (token & kEventToken) return poll_events(*leg, now);
    if (token & kHandshakeToken) return on_handshake_timer(*leg, now);
    return speak(*leg, now);
  }
  tick = {};
  if (relay_in_kernel) relay_in_kernel->alive(now);
  for (std::size_t i = 0; i < legs.size(); ++i)
    if (Leg* leg = legs[i].get()) look_after(*leg, now);
  bool idle = false;
  for (auto& p : pools) {
    p->close_idle(now);
    idle = idle || p->idle() != 0;
  }
  forget_pools();
  if (open_legs != 0 || idle) start_tick();
}

void MediaPlane::Impl::start_tick() {
  if (tick == reactor::TimerId{})
    tick = reactor.timers().schedule(reactor.now() + Seconds(1), *this, 0);
}

}  // namespace causeway::media
