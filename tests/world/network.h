// What lies between addresses in the simulated world. One thread; lives as long as its World.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/net.h"
#include "base/time.h"

namespace causeway::world {

// One direction between two addresses. Probabilities are 0..1. Loss delays streams (a
// retransmission), duplication and reordering concern datagrams alone.
struct Link {
  Micros latency{1000};
  Micros jitter{0};  // up to so much more; datagrams may overtake one another by it
  double loss = 0;
  double duplicate = 0;
  double reorder = 0;         // a datagram that is held back by
  Micros reorder_by{20'000};  // so much
  bool blocked = false;       // a black hole: nobody is told
};

// What a tap sees of each datagram and each stretch of a stream, when it is sent.
struct Packet {
  Instant at;
  Transport transport;  // kTcp for streams with and without TLS
  Endpoint from, to;
  std::span<const std::byte> data;
  const std::string& interface;  // of the sending socket's options
  int dscp;
  bool lost;
};

class Tap {
 public:
  virtual void on_packet(const Packet& packet) = 0;

 protected:
  ~Tap() = default;
};

struct NetworkCounters {
  std::uint64_t datagrams_sent = 0, datagrams_delivered = 0, datagrams_lost = 0;
  std::uint64_t datagrams_without_socket = 0, duplicated = 0;
};

class Network {
 public:
  // Holds for every pair without a link of its own.
  void set_default(const Link& link) { default_ = link; }
  [[nodiscard]] const Link& default_link() const { return default_; }
  void set_link(const IpAddress& from, const IpAddress& to, const Link& link);  // one direction
  void set_links(const IpAddress& a, const IpAddress& b, const Link& link);     // both
  void clear_link(const IpAddress& from, const IpAddress& to);
  // Nothing passes between the two, in both directions, until heal().
  void partition(const IpAddress& a, const IpAddress& b);
  void heal(const IpAddress& a, const IpAddress& b);
  // Nothing passes to or from the address, until rejoin().
  void isolate(const IpAddress& a) { isolated_.insert(a); }
  void rejoin(const IpAddress& a) { isolated_.erase(a); }
  void heal_all();

  [[nodiscard]] const Link& link(const IpAddress& from, const IpAddress& to) const;
  [[nodiscard]] bool blocked(const IpAddress& from, const IpAddress& to) const;

  void set_tap(Tap* tap) { tap_ = tap; }
  [[nodiscard]] Tap* tap() const { return tap_; }
  [[nodiscard]] const NetworkCounters& counters() const { return counters_; }
  [[nodiscard]] NetworkCounters& counters() { return counters_; }

 private:
  using Pair = std::pair<IpAddress, IpAddress>;
  struct PairHash {
    std::size_t operator()(const Pair& p) const noexcept {
      return std::hash<IpAddress>{}(p.first) * 1'000'003 + std::hash<IpAddress>{}(p.second);
    }
  };

  Link default_;
  std::unordered_map<Pair, Link, PairHash> links_;
  std::set<Pair> partitions_;
  std::set<IpAddress> isolated_;
  Tap* tap_ = nullptr;
  NetworkCounters counters_;
};

}  // namespace causeway::world
