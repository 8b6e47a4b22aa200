// UDPTL (ITU-T T.38) between the two peers of a call. Nothing here allocates but opening.
#include "media/image.h"

#include "media/plane_impl.h"

namespace causeway::media {

void MediaPlane::Impl::on_image(Leg& leg, bool rtcp_port, const Endpoint& from,
                                std::span<std::byte> data, Instant now) {
  LegCounts& c = leg.counted;
  ImageRelay& image = *leg.image;
  if (now - image.second >= Seconds(1)) {
    image.second = now;
    image.in_second = 0;
  }
  Leg* to = leg.partner;
  if (rtcp_port || !image.agreed || from != image.agreed->remote || data.empty() ||
      data.size() > ImageRelay::kMaxDatagram || ++image.in_second > ImageRelay::kPerSecond || !to ||
      !to->image || !to->image->agreed) {
    ++c.image_dropped;
    return;
  }
  ++c.image_in;
  c.last_in = now;
  ++to->counted.image_out;
  to->image->ports->rtp.socket->send(to->image->agreed->remote, data);
}

Endpoint MediaPlane::Impl::take_image_port(Leg& leg, std::unique_ptr<PortPair> ports) {
  leg.image = std::make_unique<ImageRelay>();
  leg.image->bound = {leg.pool->range().address, ports->port};
  leg.image->open_end = {leg.ends.public_rtp.address, ports->port};
  leg.image->ports = std::move(ports);
  leg.image->ports->leg = &leg;
  return leg.image->open_end;
}

void MediaPlane::Impl::close_image(Leg& leg) {
  if (!leg.image) return;
  leg.pool->give_back(std::move(leg.image->ports));
  leg.image.reset();
}

Result<Endpoint> MediaPlane::open_image(MediaLegId id) {
  Leg* leg = impl_->own(id);
  if (!leg) return fail(ErrorCode::kNotFound, "no such media leg");
  if (leg->image) return leg->image->open_end;
  // A port goes back to the pool that it came from, the leg's: there is one while an image is open.
  if (leg->elsewhere) return fail(ErrorCode::kConflict, "its media is about to move");
  auto ports = impl_->take_from(*leg->pool);
  if (!ports) {
    impl_->exhausted(*leg->pool, ports.error());
    return tl::unexpected(ports.error());
  }
  return impl_->take_image_port(*leg, std::move(*ports));
}

void MediaPlane::set_image(MediaLegId id, const std::optional<ImageAgreed>& agreed) {
  Leg* leg = impl_->own(id);
  if (!leg) return;
  if (!agreed || !leg->image) return impl_->close_image(*leg);
  leg->image->agreed = agreed;
  if (!agreed->alone) return;
  // Of its audio nothing is left: the next apply() begins it again.
  leg->agreed.direction = sdp::Direction::kInactive;
  leg->agreed.no_rtcp = true;
}

}  // namespace causeway::media
