// A leg as a value and back again: what another process, or a later moment, carries on from.
#include "media/leg_snapshot.h"

#include "media/connectivity.h"
#include "media/plane_impl.h"

namespace causeway::media {
namespace {

std::int64_t us(Instant t) { return t.time_since_epoch().count(); }

}  // namespace

Result<LegSnapshot> MediaPlane::snapshot(MediaLegId id) const {
  const Leg* leg = impl_->own(id);
  if (!leg) return fail(ErrorCode::kNotFound, "no such media leg");
  const Instant now = impl_->reactor.now();
  const auto age = [&](Instant t) {
    return t == Instant{} ? std::optional<std::int64_t>{} : us(now) - us(t);
  };
  const LegCounts& c = leg->counted;
  LegSnapshot s{.rtp = leg->ends.rtp,
                .rtcp_mux_offered = leg->mux_offered,
                .local_crypto = leg->local_crypto,
                .retired_keys = leg->retired_keys,
                .applied = leg->applied,
                .agreed = leg->agreed,
                .remote_rtp = leg->remote_rtp,
                .remote_rtcp = leg->remote_rtcp,
                .source = leg->source,
                .rtcp_source = leg->rtcp_source,
                .source_ssrc = leg->source_ssrc,
                .may_relatch = leg->may_relatch,
                .out = leg->out,
                .in = leg->in,
                .cname = leg->cname,
                .packets_in = c.packets_in,
                .bytes_in = c.bytes_in,
                .packets_out = c.packets_out,
                .bytes_out = c.bytes_out,
                .rtcp_in = c.rtcp_in,
                .rtcp_out = c.rtcp_out,
                .first_in_us = age(c.first_in),
                .last_in_us = age(c.last_in),
                .last_rtcp_in_us = age(leg->last_rtcp_in),
                .expected_us = age(leg->expected_since),
                .lost = leg->lost,
                .dropped = c.dropped,
                .quality = leg->quality.carried(),
                .one_way = c.one_way,
                .one_way_now = leg->one_way};
  if (leg->image) s.image = {leg->image->bound, leg->image->agreed};
  if (leg->agent) s.ice = in_ages(leg->agent->state(), now);
  if (leg->send) s.srtp_out = leg->send->streams();
  if (leg->receive) s.srtp_in = leg->receive->streams();
  if (s.out.started) s.out.last_ts_us = us(now) - s.out.last_ts_us;
  if (s.in.last_sr_us != 0) s.in.last_sr_us = us(now) - s.in.last_sr_us;
  s.in.has_transit = false;  // belongs to the clock of this process
  return s;
}

Result<MediaLegId> MediaPlane::restore(const RealmMedia& realm, const LegSnapshot& s,
                                       std::uint16_t skip) {
  if (realm.v4 != s.rtp.address && realm.v6 != s.rtp.address)
    return fail(ErrorCode::kUnavailable, "realm " + realm.name + " has no media address " +
                                             s.rtp.address.to_string() + " any more");
  PortPool& pool = impl_->pool_of(realm, s.rtp.address);
  auto ports = impl_->take_from(pool, s.rtp.port);
  if (!ports) return tl::unexpected(ports.error());
  Leg& leg = impl_->add(std::move(*ports), pool, realm, s.rtcp_mux_offered);
  const MediaLegId id = leg.id;
  if (s.image) {
    auto image = impl_->take_from(pool, s.image->bound.port);
    if (!image) {
      impl_->remove(leg, false);
      return tl::unexpected(image.error());
    }
    (void)impl_->take_image_port(leg, std::move(*image));
    leg.image->agreed = s.image->agreed;
  }
  if (s.ice)  // ages and instants are each other's mirror
    leg.agent = std::make_unique<ice::Agent>(in_ages(*s.ice, impl_->reactor.now()));
  if (s.applied) {
    if (auto applied = apply(id, s.agreed); !applied) {
      impl_->remove(leg, false);
      return tl::unexpected(applied.error());
    }
  }
  const Instant now = impl_->reactor.now();
  const auto instant = [&](std::optional<std::int64_t> age) {
    return age ? now - Micros(*age) : Instant{};
  };
  leg.local_crypto = s.local_crypto;
  leg.retired_keys = s.retired_keys;
  if (!s.remote_rtp.address.is_unspecified()) {
    leg.remote_rtp = s.remote_rtp;
    leg.remote_rtcp = s.remote_rtcp;
  }
  leg.source = s.source;
  leg.rtcp_source = s.rtcp_source;
  leg.source_ssrc = s.source_ssrc;
  leg.may_relatch = s.may_relatch;
  leg.out = s.out;
  leg.in = s.in;
  if (s.out.started) leg.out.last_ts_us = us(now) - s.out.last_ts_us;
  if (s.in.last_sr_us != 0) leg.in.last_sr_us = us(now) - s.in.last_sr_us;
  leg.cname = s.cname;
  LegCounts& c = leg.counted;
  c.packets_in = s.packets_in;
  c.bytes_in = s.bytes_in;
  c.packets_out = s.packets_out;
  c.bytes_out = s.bytes_out;
  c.rtcp_in = s.rtcp_in;
  c.rtcp_out = s.rtcp_out;
  c.dropped = s.dropped;
  c.first_in = instant(s.first_in_us);
  c.last_in = instant(s.last_in_us);
  leg.last_rtcp_in = instant(s.last_rtcp_in_us);
  if (s.expected_us) leg.expected_since = instant(s.expected_us);
  leg.lost = s.lost;
  c.one_way = s.one_way;
  leg.one_way = s.one_way_now;
  // With the codec that apply() named.
  rtp::QualityMonitor carried = s.quality;
  leg.quality.counts() = carried.counts();
  leg.seen = s.last_in_us && !s.lost;
  leg.reported_packets = leg.out.packets;
  auto out = s.srtp_out;
  if (skip != 0) {
    if (leg.out.started) leg.out.highest += skip;
    leg.out.has_input = false;
    for (auto& stream : out)
      if (stream.rtcp.started) stream.rtcp.use(stream.rtcp.highest + skip);
  }
  if (leg.send) leg.send->restore_streams(out);
  if (leg.receive) leg.receive->restore_streams(s.srtp_in);
  return id;
}

}  // namespace causeway::media
