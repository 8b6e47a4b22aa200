// The event queue, the sockets and the streams behind World. Not for tests to use.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/random.h"
#include "reactor/reactor.h"
#include "world/network.h"
#include "world/sim_stream.h"

namespace causeway::world {

class SimReactor;
class SimUdpSocket;

inline constexpr Instant kWorldStart{Seconds{1'000'000}};
inline constexpr WallTime kWallStart{1'767'225'600'000'000};  // 2026-01-01T00:00:00Z

class Engine {
 public:
  explicit Engine(std::uint64_t seed);
  ~Engine();

  [[nodiscard]] Instant now() const { return now_; }
  [[nodiscard]] Network& network() { return network_; }
  [[nodiscard]] Random& random() { return random_; }
  [[nodiscard]] std::uint64_t events() const { return events_; }
  [[nodiscard]] std::uint64_t digest() const { return digest_; }
  [[nodiscard]] Streams& streams() { return streams_; }

  std::uint32_t next_reactor_index() const { return static_cast<std::uint32_t>(reactors_.size()); }
  void add_reactor(SimReactor& reactor) { reactors_.push_back(&reactor); }
  void add_shard(SimReactor& reactor) { shards_.push_back(&reactor); }
  [[nodiscard]] const std::vector<SimReactor*>& shards() const { return shards_; }
  std::size_t mailbox_capacity = 4096;

  // --- scheduling ---
  void wake_at(Instant at, SimReactor& reactor);
  void act_at(Instant at, std::function<void()> action);
  void stream_at(Instant at, std::uint32_t reactor, std::uint64_t connection, int direction);
  bool step(Instant limit);  // false: nothing due up to the limit
  void set_now(Instant now) { now_ = now; }

  // --- datagrams ---
  Result<Endpoint> bind_udp(const Endpoint& local, bool reuse_port, SimUdpSocket& socket);
  void unbind_udp(const Endpoint& local, SimUdpSocket& socket);
  void send_udp(const SimUdpSocket& from, const Endpoint& to, std::span<const std::byte> data);

  // --- mail ---
  bool post(SimReactor& from, SimReactor& to, reactor::Mail& mail);

  // Mixes what was delivered into the digest.
  void note(std::uint64_t a, std::uint64_t b);
  void note_bytes(std::span<const std::byte> data);
  [[nodiscard]] bool chance(double probability);
  [[nodiscard]] Micros spread(Micros most);  // uniform in [0, most]

 private:
  enum class Kind : std::uint8_t { kWake, kAction, kDatagram, kMail, kStream };
  struct Event {
    Instant at;
    std::uint64_t tie;  // who goes first at one instant: drawn per reactor and instant
    std::uint64_t sequence;
    std::uint64_t payload;
    std::uint32_t reactor;
    Kind kind;
    std::uint8_t direction;
  };
  struct Later {
    bool operator()(const Event& a, const Event& b) const;
  };
  struct Datagram {
    Endpoint from, to;
    std::vector<std::byte> data;  // with the tail room
    std::size_t size = 0;
  };
  struct Letter {
    ShardId from;
    reactor::Mail mail;
  };
  struct UdpGroup {
    std::vector<SimUdpSocket*> sockets;
    bool reuse_port = false;
  };
  template <typename T>
  struct Pool {
    std::deque<T> items;
    std::vector<std::uint64_t> free;
    std::uint64_t take();
  };

  void push(Instant at, Kind kind, std::uint32_t reactor, std::uint64_t payload,
            std::uint8_t direction = 0);
  void deliver(const Event& event);
  void deliver_datagram(std::uint64_t index);
  void deliver_mail(SimReactor& to, std::uint64_t index);
  void queue_datagram(const Endpoint& from, const Endpoint& to, std::span<const std::byte> data,
                      const Link& link);
  SimUdpSocket* receiver(const Endpoint& from, const Endpoint& to);

  const std::uint64_t seed_;
  Instant now_ = kWorldStart;
  SeededRandom random_;
  Network network_;
  std::vector<Event> queue_;  // a heap
  std::uint64_t sequence_ = 0, events_ = 0, digest_ = 0;
  std::vector<SimReactor*> reactors_, shards_;
  Pool<Datagram> datagrams_;
  Pool<Letter> letters_;
  Pool<std::function<void()>> actions_;
  std::unordered_map<Endpoint, UdpGroup> udp_;
  std::unordered_map<IpAddress, std::uint16_t> next_port_;
  Streams streams_;
};

}  // namespace causeway::world
