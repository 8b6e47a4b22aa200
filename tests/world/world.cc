#include "world/world.h"

#include "world/engine.h"
#include "world/sim_reactor.h"

namespace causeway::world {
namespace {

// Each machine has randomness of its own, so that one more draw here changes nothing there.
std::uint64_t seed_of(std::uint64_t seed, std::string_view name) {
  std::uint64_t h = seed * 0x9e3779b97f4a7c15ULL + 0xcbf29ce484222325ULL;
  for (const char c : name) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return h;
}

}  // namespace

World::World(std::uint64_t seed, std::size_t shards)
    : seed_(seed), engine_(std::make_unique<Engine>(seed)) {
  for (std::size_t i = 0; i < shards; ++i) {
    const std::string name = "shard " + std::to_string(i);
    shards_.push_back(std::make_unique<SimReactor>(*engine_, engine_->next_reactor_index(), name,
                                                   ShardId{static_cast<std::uint16_t>(i)}, true,
                                                   seed_of(seed, name)));
    engine_->add_reactor(*shards_.back());
    engine_->add_shard(*shards_.back());
  }
}

World::~World() = default;

Instant World::now() const { return engine_->now(); }
WallTime World::wall() const {
  return {kWallStart.micros + (engine_->now() - kWorldStart).count()};
}
Network& World::network() { return engine_->network(); }
SimReactor& World::shard(std::size_t index) { return *shards_.at(index); }
std::size_t World::shard_count() const { return shards_.size(); }
std::uint64_t World::events() const { return engine_->events(); }
std::uint64_t World::digest() const { return engine_->digest(); }

SimReactor& World::host(std::string_view name) {
  if (const auto found = hosts_.find(name); found != hosts_.end()) return *found->second;
  auto host =
      std::make_unique<SimReactor>(*engine_, engine_->next_reactor_index(), std::string(name),
                                   ShardId{0}, false, seed_of(seed_, name));
  engine_->add_reactor(*host);
  return *hosts_.emplace(std::string(name), std::move(host)).first->second;
}

void World::set_mailbox_capacity(std::size_t capacity) { engine_->mailbox_capacity = capacity; }

void World::set_mailbox_full(ShardId shard, bool full) {
  shards_.at(shard.value)->set_mailbox_full(full);
}

void World::reset_streams(const IpAddress& a, const IpAddress& b) {
  engine_->streams().reset_between(a, b);
}

void World::at(Instant when, std::function<void()> action) {
  engine_->act_at(when, std::move(action));
}

void World::run_for(Micros duration) {
  const Instant until = now() + duration;
  while (engine_->step(until)) {
  }
  engine_->set_now(until);
}

bool World::run_until(const std::function<bool()>& predicate, Micros limit) {
  const Instant until = now() + limit;
  while (!predicate()) {
    if (engine_->step(until)) continue;
    engine_->set_now(until);
    return predicate();
  }
  return true;
}

bool World::step() { return engine_->step(Instant::max()); }

}  // namespace causeway::world
