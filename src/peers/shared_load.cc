#include "peers/shared_load.h"

#include <algorithm>
#include <tuple>

namespace causeway::peers {
namespace {

bool by_name(const SharedLoad::Row& a, const SharedLoad::Row& b) { return a.name < b.name; }

}  // namespace

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

std::vector<SharedLoad::Row> SharedLoad::rows(const Named& all) const {
  std::vector<Row> out;
  const std::lock_guard lock(mutex_);
  out.reserve(all.size());
  for (const auto& [name, c] : all) out.push_back({name, c->now(), c->begun, c->refused});
  return out;
}

std::vector<SharedLoad::Row> SharedLoad::services() const {
  auto out = rows(services_);
  std::sort(out.begin(), out.end(), by_name);
  return out;
}

std::vector<SharedLoad::Row> SharedLoad::accounts(std::size_t most) const {
  auto out = rows(accounts_);
  if (out.size() > most) {
    const auto busier = [](const Row& a, const Row& b) {
      return std::tie(a.calls, a.begun, b.name) > std::tie(b.calls, b.begun, a.name);
    };
    const auto end = out.begin() + static_cast<std::ptrdiff_t>(most);
    std::nth_element(out.begin(), end, out.end(), busier);
    out.erase(end, out.end());
  }
  std::sort(out.begin(), out.end(), by_name);
  return out;
}

SharedLoad::Trunk& SharedLoad::trunk(const std::string& name) {
  const std::lock_guard lock(mutex_);
  auto& slot = trunks_[name];
  if (!slot) slot = std::make_unique<Trunk>();
  return *slot;
}

std::vector<SharedLoad::TrunkRow> SharedLoad::trunks() const {
  std::vector<TrunkRow> out;
  {
    const std::lock_guard lock(mutex_);
    out.reserve(trunks_.size());
    for (const auto& [name, t] : trunks_)
      out.push_back({name, t->seizures, t->effective, t->brief, t->lost, t->poor});
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return out;
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
