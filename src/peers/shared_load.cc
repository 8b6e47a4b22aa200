#include "peers/shared_load.h"

namespace causeway::peers {

bool SharedLoad::Counter::begin(std::uint32_t most) {
  if (most == 0) {
    calls.fetch_add(1, std::memory_order_relaxed);
    return true;
  }
  std::uint32_t seen = now();
  do {
    if (seen >= most) return false;
  } while (!calls.compare_exchange_weak(seen, seen + 1, std::memory_order_relaxed));
  return true;
}

SharedLoad::Counter& SharedLoad::named(Named& all, const std::string& name) {
  const std::lock_guard lock(mutex_);
  auto& slot = all[name];
  if (!slot) slot = std::make_unique<Counter>();
  return *slot;
}

bool Counted::add(SharedLoad::Counter& c, std::uint32_t most) {
  for (auto& place : in_) {
    if (place != nullptr) continue;
    if (!c.begin(most)) return false;
    place = &c;
    return true;
  }
  return true;
}

void Counted::reset() {
  for (auto& place : in_)
    if (auto* const c = std::exchange(place, nullptr))
      c->calls.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace causeway::peers
