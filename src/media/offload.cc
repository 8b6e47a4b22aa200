// Packets that the kernel passes on (kernel/relay.bpf.c). A flow is armed with what the packet
// after this one will look like; whatever else comes arrives at the socket and disarms it first.
// While it is armed nothing of the leg is written but by pull(), which takes over what was counted.
#include <atomic>
#include <bit>
#include <cstring>

#include "media/plane_impl.h"

namespace causeway::media {
namespace {

constexpr Seconds kWayHolds{2};  // then the route is asked for again

std::int64_t us(Instant t) { return t.time_since_epoch().count(); }
std::uint32_t v4(const Endpoint& e) {
  std::uint32_t a = 0;
  std::memcpy(&a, e.address.bytes().data(), sizeof a);
  return a;
}
template <class T>
T read(T& shared) {
  return std::atomic_ref(shared).load(std::memory_order_relaxed);
}

}  // namespace

// Nothing but another header for all that comes, and nobody who listens in or speaks in between.
bool MediaPlane::Impl::may_offload(const Leg& leg) const {
  const Leg* to = leg.partner;
  const auto settled = [](const Leg& l) {
    return l.applied && !l.agent && !l.forks && l.fork.empty() && l.ports->connected && l.source &&
           !l.image && !l.elsewhere && !l.tapped && !l.hold_music && !l.lost &&
           l.agreed.direction == sdp::Direction::kSendRecv;
  };
  return relay_in_kernel && to && settled(leg) && settled(*to) && !leg.receive && !to->send &&
         !leg.keyless && !to->keyless && !leg.hearing && !leg.fax && !to->saying && !to->filling;
}

void MediaPlane::Impl::offer_to_kernel(Leg& leg, Instant now) {
  if (!relay_in_kernel) return;
  if (!may_offload(leg)) return withdraw(leg);
  Leg& to = *leg.partner;
  const std::string& interface = to.pool->range().interface;
  if (leg.offload && leg.offload->to == to.rtp_target() && leg.offload->from == *leg.source &&
      leg.offload->here == leg.ends.rtp) {
    if (now - leg.offload->way_known_at < kWayHolds) return;
    leg.offload->way_known_at = now;
    const auto way = relay_in_kernel->way(to.ends.rtp, leg.offload->to, interface);
    if (way && *way == leg.offload->interface) return;
  }
  withdraw(leg);
  const auto way = relay_in_kernel->way(to.ends.rtp, to.rtp_target(), interface);
  // What came from outside and is for this machine again would not be taken in: its source is ours.
  if (!way || (*way == 0 && !leg.source->address.is_loopback())) return;
  const std::string& by = leg.pool->range().interface;
  const auto comes_by =
      by.empty() ? std::optional<std::uint32_t>(0) : relay_in_kernel->interface(by);
  if (!comes_by) return;
  kernel::Flow* flow = relay_in_kernel->add(leg.ends.rtp, *leg.source);
  if (!flow) return;
  leg.offload = std::make_unique<Offload>(Offload{.flow = flow,
                                                  .here = leg.ends.rtp,
                                                  .from = *leg.source,
                                                  .to = to.rtp_target(),
                                                  .interface = *way,
                                                  .comes_by = *comes_by,
                                                  .way_known_at = now});
  ++offloaded;
}

void MediaPlane::Impl::withdraw(Leg& leg) {
  if (!leg.offload) return;
  take_back(leg);
  relay_in_kernel->remove(*leg.offload->flow);
  leg.offload.reset();
  --offloaded;
}

void MediaPlane::Impl::take_back(Leg& leg) {
  if (!leg.offload || !leg.offload->armed) return;
  std::atomic_ref(leg.offload->flow->armed).store(0);
  pull(leg);
  leg.offload->armed = false;
}

// After an accepted packet that was passed on in its order; what comes next may be the kernel's.
void MediaPlane::Impl::arm(Leg& leg, const rtp::Header& h, std::uint8_t type) {
  Offload& o = *leg.offload;
  Leg& to = *leg.partner;
  const std::uint32_t step = h.timestamp - o.timestamp;
  const bool next = o.following && h.sequence == static_cast<std::uint16_t>(o.sequence + 1);
  o.following = true;
  o.sequence = h.sequence;
  o.timestamp = h.timestamp;
  const std::uint32_t clock = leg.types->clock_100[h.payload_type] * 100u;
  // 5 to 200 ms; and only of a stream whose time and numbers we know to the last packet.
  if (!next || clock == 0 || step < clock / 200 || step > clock / 5 || !leg.quality.timed() ||
      !leg.in.has_transit || leg.in.clock != clock ||
      static_cast<std::uint16_t>(leg.in.highest) != h.sequence || leg.in.ssrc != h.ssrc ||
      !to.out.has_input || to.out.input_ssrc != h.ssrc ||
      to.out.last_ts != h.timestamp + to.out.ts_offset ||
      // Octets that are changed, and packets of another length than is converted from or to.
      leg.types->to_partner[h.payload_type] != type ||
      (leg.judge_time && step * 1'000 / clock != leg.arriving_ms) || o.to != to.rtp_target() ||
      o.here != leg.ends.rtp || !may_offload(leg) || o.from != *leg.source)
    return;
  kernel::Flow& f = *o.flow;
  const auto t = leg.quality.timing();
  f.in_ssrc = h.ssrc;
  f.next_sequence = static_cast<std::uint16_t>(h.sequence + 1);
  f.in_type = h.payload_type;
  f.out_type = type;
  f.next_timestamp = h.timestamp + step;
  f.step = step;
  f.step_us = static_cast<std::uint32_t>(std::uint64_t{step} * 1'000'000 / clock);
  f.clock = clock;
  f.out_ssrc = to.out.ssrc;
  f.timestamp_offset = to.out.ts_offset;
  f.sequence_offset = to.out.seq_offset;
  f.tos = static_cast<std::uint8_t>(to.pool->range().dscp << 2);
  f.interface = o.interface;
  f.comes_by = o.comes_by;
  f.from_address = v4(to.ends.rtp);
  f.to_address = v4(o.to);
  f.from_port = __builtin_bswap16(to.ends.rtp.port);
  f.to_port = __builtin_bswap16(o.to.port);
  f.report_transit = leg.in.transit;
  f.report_jitter = leg.in.jitter_q4;
  f.report_jitter_max = leg.in.max_jitter_q4;
  f.transit = t.transit;
  f.least = t.least;
  f.least_before = t.least_before;
  f.jitter = t.jitter;
  f.jitter_max = t.jitter_max;
  f.window = t.window;
  f.last_us = static_cast<std::uint64_t>(us(t.last_arrival));
  f.packets = f.bytes = f.octets = 0;
  o.packets = o.bytes = o.octets = 0;
  o.armed = true;
  std::atomic_ref(f.armed).store(1);
}

// What the kernel did since this was asked last becomes part of the leg, as if it had come here.
void MediaPlane::Impl::pull(Leg& leg) {
  if (!leg.offload || !leg.offload->armed) return;
  Offload& o = *leg.offload;
  kernel::Flow& f = *o.flow;
  const std::uint64_t all = std::atomic_ref(f.packets).load(std::memory_order_acquire);
  const auto n = static_cast<std::uint32_t>(all - o.packets);
  if (n == 0) return;
  Leg& to = *leg.partner;
  const std::uint64_t bytes = read(f.bytes) - o.bytes, octets = read(f.octets) - o.octets;
  const Instant at{Micros(static_cast<std::int64_t>(read(f.last_us)))};
  o.packets = all;
  o.bytes += bytes;
  o.octets += octets;
  o.sequence = static_cast<std::uint16_t>(o.sequence + n);
  o.timestamp += n * f.step;

  leg.in.highest += n;
  leg.in.received += n;
  leg.in.transit = read(f.report_transit);
  leg.in.jitter_q4 = read(f.report_jitter);
  leg.in.max_jitter_q4 = read(f.report_jitter_max);
  leg.quality.run(n, {.transit = read(f.transit),
                      .least = read(f.least),
                      .least_before = read(f.least_before),
                      .jitter = read(f.jitter),
                      .jitter_max = read(f.jitter_max),
                      .window = static_cast<std::uint8_t>(read(f.window)),
                      .last_timestamp = o.timestamp,
                      .last_arrival = at});
  LegCounts& c = leg.counted;
  c.packets_in += n;
  c.bytes_in += bytes;
  c.last_in = at;
  leg.one_way = false;

  to.out.highest += n;
  to.out.last_ts += n * f.step;
  to.out.last_ts_us = us(at);
  to.out.packets += n;
  to.out.octets += static_cast<std::uint32_t>(octets);
  to.counted.packets_out += n;
  to.counted.bytes_out += bytes;
  in_kernel += n;
  c.by_kernel += n;
}

void MediaPlane::Impl::pull_both(Leg& leg) {
  pull(leg);
  if (leg.partner) pull(*leg.partner);
}

// For whoever is about to change something.
Leg* MediaPlane::Impl::own(MediaLegId id) {
  Leg* leg = find(id);
  if (!leg) return nullptr;
  take_back(*leg);
  if (leg->partner) take_back(*leg->partner);
  return leg;
}

void MediaPlane::use_kernel(kernel::Relay* relay) { impl_->relay_in_kernel = relay; }

}  // namespace causeway::media
