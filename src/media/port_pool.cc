#include "media/port_pool.h"

#include <algorithm>

namespace causeway::media {

PortPool::PortPool(reactor::Reactor& reactor, PortListener& listener, PortRange range)
    : reactor_(reactor),
      listener_(listener),
      range_(std::move(range)),
      most_idle_(std::min(kMaxIdlePairs, reactor.media_sockets() / 4)),
      held_(65'536) {
  // Each shard has every n-th pair: two shards never try for the same one.
  const std::uint32_t shards =
      std::max<std::uint32_t>(1, static_cast<std::uint32_t>(reactor.shard_count()));
  const std::uint32_t first = range_.min + (range_.min & 1u);
  for (std::uint32_t port = first + 2 * reactor.shard().value; port + 1 <= range_.max;
       port += 2 * shards)
    closed_.push_back(static_cast<std::uint16_t>(port));
  if (!closed_.empty())
    std::rotate(
        closed_.begin(),
        closed_.begin() + static_cast<std::ptrdiff_t>(reactor.random().below(closed_.size())),
        closed_.end());
}

Result<std::unique_ptr<PortPair>> PortPool::open(std::uint16_t port) {
  auto pair = std::make_unique<PortPair>();
  pair->listener = &listener_;
  pair->port = port;
  pair->rtp.pair = pair->rtcp.pair = pair.get();
  pair->rtcp.rtcp = true;
  reactor::SocketOptions options;
  options.interface = range_.interface;
  options.dscp = range_.dscp;
  options.leave_reserve = true;
  auto rtp = reactor_.open_udp({range_.address, port}, options, pair->rtp);
  if (!rtp) return tl::unexpected(rtp.error());
  auto rtcp = reactor_.open_udp({range_.address, static_cast<std::uint16_t>(port + 1)}, options,
                                pair->rtcp);
  if (!rtcp) return tl::unexpected(rtcp.error());
  pair->rtp.socket = std::move(*rtp);
  pair->rtcp.socket = std::move(*rtcp);
  held_[port] = true;
  ++open_;
  return pair;
}

std::unique_ptr<PortPair> PortPool::refreshed(std::unique_ptr<PortPair> pair) {
  if (pair->connected) pair->rtp.socket->connect(Endpoint{});
  pair->connected = false;
  return pair;
}

Result<std::unique_ptr<PortPair>> PortPool::take() {
  const auto oldest = [&] {
    auto pair = std::move(idle_.front().pair);
    idle_.pop_front();
    return refreshed(std::move(pair));
  };
  if (!idle_.empty() && reactor_.now() - idle_.front().since >= kQuarantine) return oldest();
  starved_ = false;
  Error last{ErrorCode::kUnavailable, "no free port"};
  int tries = kOpenTries;
  for (std::size_t i = closed_.size(); i > 0 && tries > 0; --i) {
    const std::uint16_t port = closed_.front();
    closed_.pop_front();
    // A call that began before a reload has that port: nobody else holds it, and it comes back.
    if (std::any_of(elders.begin(), elders.end(), [&](auto* e) { return e->holds(port); })) {
      closed_.push_back(port);
      continue;
    }
    --tries;
    auto pair = open(port);
    if (pair) return pair;
    closed_.push_back(port);
    last.what = pair.error().what;
    starved_ = pair.error().code == ErrorCode::kUnavailable;
    if (starved_) break;  // no other port fares better
  }
  // A call that is refused is worse than a late packet, which is no packet of its peer's address.
  if (!idle_.empty()) return oldest();
  return tl::unexpected(std::move(last));
}

Result<std::unique_ptr<PortPair>> PortPool::take(std::uint16_t port) {
  const auto i =
      std::find_if(idle_.begin(), idle_.end(), [&](const Idle& x) { return x.pair->port == port; });
  if (i != idle_.end()) {
    auto pair = std::move(i->pair);
    idle_.erase(i);
    return refreshed(std::move(pair));
  }
  const auto c = std::find(closed_.begin(), closed_.end(), port);
  // A port of another shard's share (the number of shards changed) is tried all the same.
  auto pair = open(port);
  starved_ = !pair && pair.error().code == ErrorCode::kUnavailable;
  if (!pair)
    return fail(ErrorCode::kUnavailable,
                "media port " + std::to_string(port) + ": " + pair.error().what);
  if (c != closed_.end()) closed_.erase(c);
  return pair;
}

void PortPool::give_back(std::unique_ptr<PortPair> pair) {
  pair->leg = nullptr;
  if (idle_.size() < most_idle_ && !retired_) {
    idle_.push_back({std::move(pair), reactor_.now()});
    return;
  }
  close(std::move(pair));
}

void PortPool::shut(std::uint16_t port) {
  const auto i =
      std::find_if(idle_.begin(), idle_.end(), [&](const Idle& x) { return x.pair->port == port; });
  if (i == idle_.end()) return;
  auto pair = std::move(i->pair);
  idle_.erase(i);
  close(std::move(pair));
}

void PortPool::close(std::unique_ptr<PortPair> pair) {
  held_[pair->port] = false;
  --open_;
  // One that a rebuilt call brought along may lie outside the range.
  if (pair->port >= range_.min && pair->port < range_.max) closed_.push_back(pair->port);
}

void PortPool::retire() {
  retired_ = true;
  close_resting(idle_.size());
}

std::size_t PortPool::close_resting(std::size_t most) {
  std::size_t n = 0;
  for (; n < most && !idle_.empty(); ++n) {
    auto pair = std::move(idle_.front().pair);
    idle_.pop_front();
    close(std::move(pair));
  }
  return n;
}

void PortPool::close_idle(Instant now) {
  while (!idle_.empty() && now - idle_.front().since >= kIdleFor) {
    auto pair = std::move(idle_.front().pair);
    idle_.pop_front();
    close(std::move(pair));
  }
}

}  // namespace causeway::media
