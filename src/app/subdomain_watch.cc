#include "app/subdomain_watch.h"

#include <fstream>
#include <sstream>

#include "base/host_name.h"
#include "base/log.h"

namespace causeway::app {

using provisioning::SubdomainStatus;

SubdomainWatch::SubdomainWatch(const deployment::Nameserver& domain, nameserver::Ask ask,
                               Times times)
    : domain_(domain), ask_(std::move(ask)), times_(times), thread_([this] { run(); }) {}

SubdomainWatch::~SubdomainWatch() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

std::vector<nameserver::Expected> SubdomainWatch::names_of(
    const store::DirectRoutingAccount& account) const {
  std::vector<nameserver::Expected> out;
  for (const auto& r : domain_.regions)
    out.push_back({to_lower(account.subdomain) + "." + domain_.service_domain(r), r.service,
                   r.number == 1   ? account.region1_token
                   : r.number == 2 ? account.region2_token
                                   : std::string()});
  return out;
}

SubdomainStatus SubdomainWatch::status(const store::DirectRoutingAccount& account) {
  const std::string key =
      to_lower(account.subdomain) + "\n" + account.region1_token + "\n" + account.region2_token;
  const std::scoped_lock lock(mutex_);
  // Rare: more enterprises than that are looked at in turn.
  if (known_.size() >= kKnown && !known_.contains(key)) {
    known_.clear();
    waiting_.clear();
  }
  Known& k = known_[key];
  if (k.names.empty()) k.names = names_of(account);
  k.asked = Clock::now();
  const bool good = k.status == SubdomainStatus::kProvisioned;
  if (!k.looked || k.asked - k.at >= (good ? times_.good : times_.otherwise)) {
    want(key, k);
    wake_.notify_one();
  }
  return k.status;
}

void SubdomainWatch::want(const std::string& key, Known& known) {
  if (known.waiting || waiting_.size() >= kWaiting) return;
  known.waiting = true;
  waiting_.push_back(key);
}

// A token that was just written is there a moment later, and whoever waits for it looks now and
// then.
void SubdomainWatch::look_again() {
  const auto now = Clock::now();
  for (auto& [key, k] : known_)
    if (k.looked && k.status != SubdomainStatus::kProvisioned && now - k.at >= times_.otherwise &&
        now - k.asked < times_.care)
      want(key, k);
}

void SubdomainWatch::found(const std::string& key, const Result<nameserver::Seen>& seen) {
  const auto it = known_.find(key);
  if (it != known_.end()) {
    it->second.waiting = false;
    it->second.looked = true;
    it->second.at = Clock::now();
    if (seen)
      it->second.status = *seen == nameserver::Seen::kAll       ? SubdomainStatus::kProvisioned
                          : *seen == nameserver::Seen::kNothing ? SubdomainStatus::kNotProvisioned
                                                                : SubdomainStatus::kInconsistent;
  }
  if (seen) {
    silent_ = false;
    return;
  }
  // What was known stays. The others would wait as long: whoever wants to know asks again.
  if (!silent_) log::warning("subdomains are not looked up: {}", seen.error().what);
  silent_ = true;
  for (const auto& w : waiting_)
    if (const auto other = known_.find(w); other != known_.end()) other->second.waiting = false;
  waiting_.clear();
}

void SubdomainWatch::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (!wake_.wait_for(lock, times_.otherwise, [&] { return stopping_ || !waiting_.empty(); }))
      look_again();
    if (stopping_) return;
    if (waiting_.empty()) continue;
    const std::string next = std::move(waiting_.front());
    waiting_.pop_front();
    const auto names = known_[next].names;
    lock.unlock();
    const auto seen = nameserver::look(names, ask_);
    lock.lock();
    found(next, seen);
  }
}

std::vector<Endpoint> servers_to_ask(const deployment::Nameserver& domain,
                                     const std::vector<Endpoint>& resolvers) {
  if (!domain.ask.empty()) return domain.ask;
  if (!resolvers.empty()) return resolvers;
  std::ostringstream text;
  text << std::ifstream("/etc/resolv.conf").rdbuf();
  return nameserver::servers_of_system(text.str());
}

}  // namespace causeway::app
