#include "world/sim_reactor.h"

#include <algorithm>

#include "world/engine.h"
#include "world/sim_udp.h"

namespace causeway::world {
namespace {

Status usable(const Endpoint& local, const reactor::SocketOptions& options) {
  if (local.address.is_unspecified())
    return fail(ErrorCode::kIo, "a socket of the simulated world needs an address of its own");
  if (options.dscp < 0 || options.dscp > 63)
    return fail(ErrorCode::kIo, "DSCP out of range: " + std::to_string(options.dscp));
  return {};
}

}  // namespace

SimUdpSocket::~SimUdpSocket() { engine_.unbind_udp(local_, *this); }

void SimUdpSocket::send(const Endpoint& to, std::span<const std::byte> data) {
  engine_.send_udp(*this, to, data);
}

SimReactor::SimReactor(Engine& engine, std::uint32_t index, std::string name, ShardId shard,
                       bool gateway, std::uint64_t seed)
    : engine_(engine),
      index_(index),
      name_(std::move(name)),
      shard_(shard),
      gateway_(gateway),
      random_(seed),
      timers_(*this, engine.now()) {}

SimReactor::~SimReactor() = default;

Instant SimReactor::now() const { return engine_.now(); }

WallTime SimReactor::wall() const {
  return {kWallStart.micros + (engine_.now() - kWorldStart).count()};
}

std::size_t SimReactor::shard_count() const { return gateway_ ? engine_.shards().size() : 1; }

reactor::TimerId SimReactor::SimTimers::schedule(Instant at, reactor::TimerTarget& target,
                                                 std::uint64_t token) {
  const reactor::TimerId id = wheel_.schedule(at, target, token);
  arm();
  return id;
}

void SimReactor::SimTimers::arm() {
  const auto next = wheel_.next_deadline();
  if (!next) return;
  // The wheel's bound may lie behind us when nothing was due for a while.
  const Instant at = std::max(*next, owner_.engine_.now());
  if (at >= armed_) return;
  armed_ = at;
  owner_.engine_.wake_at(armed_, owner_);
}

void SimReactor::SimTimers::wake(Instant armed, Instant now) {
  if (armed != armed_) return;  // an earlier one took its place
  armed_ = Instant::max();
  const std::size_t fired = wheel_.advance(now);
  if (fired > 0) owner_.engine_.note(owner_.index_ + 100, fired);
  arm();
}

Result<std::unique_ptr<reactor::UdpSocket>> SimReactor::open_udp(
    const Endpoint& local, const reactor::SocketOptions& options, reactor::UdpListener& listener) {
  if (auto ok = usable(local, options); !ok) return tl::unexpected<Error>(ok.error());
  auto socket = std::make_unique<SimUdpSocket>(engine_, index_, options, listener);
  const auto bound = engine_.bind_udp(local, options.reuse_port, *socket);
  if (!bound) return tl::unexpected<Error>(bound.error());
  socket->set_local(*bound);
  return socket;
}

Result<std::unique_ptr<reactor::Acceptor>> SimReactor::listen(
    const Endpoint& local, const reactor::SocketOptions& options,
    std::shared_ptr<const reactor::TlsContext> tls, reactor::AcceptListener& listener) {
  if (auto ok = usable(local, options); !ok) return tl::unexpected<Error>(ok.error());
  return engine_.streams().listen(index_, local, options, std::move(tls), listener);
}

Result<std::unique_ptr<reactor::Stream>> SimReactor::connect(const Endpoint& local,
                                                             const Endpoint& remote,
                                                             const reactor::SocketOptions& options,
                                                             const reactor::TlsClient* tls,
                                                             reactor::StreamListener& listener) {
  if (auto ok = usable(local, options); !ok) return tl::unexpected<Error>(ok.error());
  return engine_.streams().connect(index_, local, remote, options, tls, listener);
}

bool SimReactor::post(ShardId to, reactor::Mail& mail) {
  if (!gateway_) return engine_.post(*this, *this, mail);
  if (to.value >= engine_.shards().size()) return false;
  return engine_.post(*this, *engine_.shards()[to.value], mail);
}

}  // namespace causeway::world
