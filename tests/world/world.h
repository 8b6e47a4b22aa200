// The simulated world: N shards of a gateway and any number of other machines ("hosts") on one
// thread, with a virtual clock, a seeded scheduler and a network that can misbehave. The same seed
// gives the same events in the same order at the same times.
//
// Declare the World first: sockets, streams and timers must be gone before it is.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "reactor/reactor.h"
#include "world/network.h"

namespace causeway::world {

class SimReactor;
class Engine;

class World {
 public:
  explicit World(std::uint64_t seed, std::size_t shards = 1);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  [[nodiscard]] std::uint64_t seed() const { return seed_; }
  [[nodiscard]] Instant now() const;
  [[nodiscard]] WallTime wall() const;  // starts at 2026-01-01T00:00:00Z
  [[nodiscard]] Network& network();

  // The gateway's shards, 0 .. shard_count() - 1.
  [[nodiscard]] SimReactor& shard(std::size_t index);
  [[nodiscard]] std::size_t shard_count() const;
  // A machine outside the gateway, made when first asked for; shard 0 of 1 in its own eyes.
  [[nodiscard]] SimReactor& host(std::string_view name);

  // The mailbox of a gateway shard; 4096 at first.
  void set_mailbox_capacity(std::size_t capacity);
  // As if that mailbox were full, until false.
  void set_mailbox_full(ShardId shard, bool full);
  // Both ends of every stream between the two addresses see a reset, at once.
  void reset_streams(const IpAddress& a, const IpAddress& b);

  // Runs `action` between turns: at a time, or as soon as possible.
  void at(Instant when, std::function<void()> action);
  void after(Micros delay, std::function<void()> action) { at(now() + delay, std::move(action)); }

  // Delivers everything due up to now() + duration and leaves the clock there.
  void run_for(Micros duration);
  // Until the predicate holds (looked at before the first and after each event); false at the
  // limit.
  bool run_until(const std::function<bool()>& predicate, Micros limit = std::chrono::minutes(10));
  // One event; false when there is none.
  bool step();
  [[nodiscard]] std::uint64_t events() const;
  // Over every event delivered so far, with its time.
  [[nodiscard]] std::uint64_t digest() const;

 private:
  std::uint64_t seed_;
  std::unique_ptr<Engine> engine_;
  std::vector<std::unique_ptr<SimReactor>> shards_;
  std::map<std::string, std::unique_ptr<SimReactor>, std::less<>> hosts_;
};

}  // namespace causeway::world
