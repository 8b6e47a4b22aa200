#include "world/engine.h"

#include <algorithm>
#include <cstring>

#include "world/sim_reactor.h"
#include "world/sim_udp.h"

namespace causeway::world {
namespace {

constexpr std::size_t kMaxDatagram = 65'507;
constexpr std::uint16_t kFirstPort = 32'768;
constexpr Micros kMailDelay{10};
constexpr Micros kMailJitter{40};

std::uint64_t mix(std::uint64_t x) {
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93ULL;
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93ULL;
  return x ^ (x >> 32);
}

}  // namespace

Engine::Engine(std::uint64_t seed) : seed_(mix(seed + 1)), random_(seed), streams_(*this) {}

Engine::~Engine() = default;

// --- the queue ---------------------------------------------------------------------------------

bool Engine::Later::operator()(const Event& a, const Event& b) const {
  if (a.at != b.at) return a.at > b.at;
  if (a.tie != b.tie) return a.tie > b.tie;
  return a.sequence > b.sequence;
}

template <typename T>
std::uint64_t Engine::Pool<T>::take() {
  if (free.empty()) {
    items.emplace_back();
    return items.size() - 1;
  }
  const std::uint64_t index = free.back();
  free.pop_back();
  return index;
}

void Engine::push(Instant at, Kind kind, std::uint32_t reactor, std::uint64_t payload,
                  std::uint8_t direction) {
  at = std::max(at, now_);
  // At one instant the machines run in an order drawn from the seed; each sees its own in order.
  const auto micros = static_cast<std::uint64_t>(at.time_since_epoch().count());
  const std::uint64_t tie =
      kind == Kind::kAction ? 0
                            : mix(seed_ ^ micros * 0x9e3779b97f4a7c15ULL ^ (reactor + 1ULL) << 48);
  queue_.push_back({at, tie, ++sequence_, payload, reactor, kind, direction});
  std::push_heap(queue_.begin(), queue_.end(), Later{});
}

void Engine::wake_at(Instant at, SimReactor& reactor) {
  push(at, Kind::kWake, reactor.index(), static_cast<std::uint64_t>(at.time_since_epoch().count()));
}

void Engine::act_at(Instant at, std::function<void()> action) {
  const std::uint64_t index = actions_.take();
  actions_.items[index] = std::move(action);
  push(at, Kind::kAction, 0, index);
}

void Engine::stream_at(Instant at, std::uint32_t reactor, std::uint64_t connection, int direction) {
  push(at, Kind::kStream, reactor, connection, static_cast<std::uint8_t>(direction));
}

bool Engine::step(Instant limit) {
  if (queue_.empty() || queue_.front().at > limit) return false;
  std::pop_heap(queue_.begin(), queue_.end(), Later{});
  const Event event = queue_.back();
  queue_.pop_back();
  now_ = std::max(now_, event.at);
  ++events_;
  deliver(event);
  return true;
}

void Engine::deliver(const Event& event) {
  switch (event.kind) {
    case Kind::kWake: {
      SimReactor& reactor = *reactors_[event.reactor];
      reactor.timers_.wake(event.at, now_);
      return;
    }
    case Kind::kAction: {
      auto action = std::move(actions_.items[event.payload]);
      actions_.items[event.payload] = nullptr;
      actions_.free.push_back(event.payload);
      note(1, 1);
      action();
      return;
    }
    case Kind::kDatagram: return deliver_datagram(event.payload);
    case Kind::kMail: return deliver_mail(*reactors_[event.reactor], event.payload);
    case Kind::kStream: return streams_.deliver(event.payload, event.direction);
  }
}

void Engine::note(std::uint64_t a, std::uint64_t b) {
  const auto micros = static_cast<std::uint64_t>(now_.time_since_epoch().count());
  digest_ = mix(digest_ ^ micros) + mix(a * 0x9e3779b97f4a7c15ULL + b);
}

void Engine::note_bytes(std::span<const std::byte> data) {
  std::uint64_t sum = data.size();
  for (; data.size() >= 8; data = data.subspan(8)) {
    std::uint64_t word = 0;
    std::memcpy(&word, data.data(), 8);
    sum = (sum ^ word) * 0x9e3779b97f4a7c15ULL;
    sum ^= sum >> 29;
  }
  std::uint64_t word = 0;
  if (!data.empty()) std::memcpy(&word, data.data(), data.size());
  digest_ = mix(digest_ ^ sum ^ word);
}

bool Engine::chance(double probability) {
  if (probability <= 0) return false;
  return static_cast<double>(random_.u64() >> 11) * 0x1.0p-53 < probability;
}

Micros Engine::spread(Micros most) {
  if (most.count() <= 0) return Micros{0};
  return Micros{
      static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(most.count()) + 1))};
}

// --- datagrams ---------------------------------------------------------------------------------

Result<Endpoint> Engine::bind_udp(const Endpoint& local, bool reuse_port, SimUdpSocket& socket) {
  Endpoint bound = local;
  if (bound.port == 0) {
    auto& next = next_port_[local.address];
    next = std::max(next, kFirstPort);
    while (udp_.contains({local.address, next})) ++next;
    bound.port = next++;
  }
  UdpGroup& group = udp_[bound];
  if (!group.sockets.empty() && !(group.reuse_port && reuse_port))
    return fail(ErrorCode::kIo, bound.to_string() + ": address already in use");
  group.reuse_port = reuse_port;
  group.sockets.push_back(&socket);
  return bound;
}

void Engine::unbind_udp(const Endpoint& local, SimUdpSocket& socket) {
  const auto found = udp_.find(local);
  if (found == udp_.end()) return;
  std::erase(found->second.sockets, &socket);
  if (found->second.sockets.empty()) udp_.erase(found);
}

void Engine::send_udp(const SimUdpSocket& from, const Endpoint& to,
                      std::span<const std::byte> data) {
  if (data.size() > kMaxDatagram || to.port == 0) return;
  auto& counters = network_.counters();
  ++counters.datagrams_sent;
  const Endpoint source = from.local();
  const Link& link = network_.link(source.address, to.address);
  const bool lost = network_.blocked(source.address, to.address) || chance(link.loss);
  if (Tap* const tap = network_.tap())
    tap->on_packet({now_, Transport::kUdp, source, to, data, from.options().interface,
                    from.options().dscp, lost});
  if (lost) {
    ++counters.datagrams_lost;
    return;
  }
  queue_datagram(source, to, data, link);
  if (chance(link.duplicate)) {
    ++counters.duplicated;
    queue_datagram(source, to, data, link);
  }
}

void Engine::queue_datagram(const Endpoint& from, const Endpoint& to,
                            std::span<const std::byte> data, const Link& link) {
  const std::uint64_t index = datagrams_.take();
  Datagram& datagram = datagrams_.items[index];
  datagram.from = from;
  datagram.to = to;
  datagram.size = data.size();
  datagram.data.resize(data.size() + reactor::UdpListener::kTailroom);
  std::copy(data.begin(), data.end(), datagram.data.begin());
  Instant at = now_ + link.latency + spread(link.jitter);
  if (chance(link.reorder)) at += link.reorder_by;
  // The order among machines is drawn by address here: the socket is chosen on arrival.
  push(at, Kind::kDatagram, static_cast<std::uint32_t>(std::hash<Endpoint>{}(to)), index);
}

SimUdpSocket* Engine::receiver(const Endpoint& from, const Endpoint& to) {
  const auto found = udp_.find(to);
  if (found == udp_.end()) return nullptr;
  const auto& sockets = found->second.sockets;
  std::size_t open = 0;
  for (SimUdpSocket* const s : sockets) {
    if (!s->connected()) ++open;
    if (s->connected() && s->remote() == from) return s;
  }
  if (open == 0) return nullptr;
  std::size_t chosen = mix(std::hash<Endpoint>{}(from) * 31 + std::hash<Endpoint>{}(to)) % open;
  for (SimUdpSocket* const s : sockets)
    if (!s->connected() && chosen-- == 0) return s;
  return nullptr;
}

void Engine::deliver_datagram(std::uint64_t index) {
  Datagram& datagram = datagrams_.items[index];  // a deque: stays where it is
  SimUdpSocket* const socket = receiver(datagram.from, datagram.to);
  if (!socket) {
    ++network_.counters().datagrams_without_socket;
  } else {
    ++network_.counters().datagrams_delivered;
    const std::span<std::byte> data(datagram.data.data(), datagram.size);
    note(2 + socket->reactor(), std::hash<Endpoint>{}(datagram.from));
    note_bytes(data);
    socket->listener().on_datagram(*socket, datagram.from, data, now_);
  }
  datagrams_.free.push_back(index);
}

// --- mail --------------------------------------------------------------------------------------

bool Engine::post(SimReactor& from, SimReactor& to, reactor::Mail& mail) {
  if (to.mailbox_full_ || to.mail_waiting_ >= mailbox_capacity) return false;
  ++to.mail_waiting_;
  const std::uint64_t index = letters_.take();
  letters_.items[index] = {from.shard(), std::move(mail)};
  const Instant at = std::max(to.last_mail_, now_ + kMailDelay + spread(kMailJitter));
  to.last_mail_ = at;
  push(at, Kind::kMail, to.index(), index);
  return true;
}

void Engine::deliver_mail(SimReactor& to, std::uint64_t index) {
  Letter letter = std::move(letters_.items[index]);
  letters_.free.push_back(index);
  --to.mail_waiting_;
  note(3 + to.index(), letter.from.value);
  if (to.mail_handler_) to.mail_handler_->on_mail(letter.from, std::move(letter.mail));
}

}  // namespace causeway::world
