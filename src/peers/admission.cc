#include "peers/admission.h"

namespace causeway::peers {
namespace {

using policy::Refusal;

// Q.850: 34 no circuit available, 42 congestion.
Refusal full(std::uint32_t most, std::string_view what, const std::string& whose,
             std::string_view label) {
  std::string text = "limit of " + std::to_string(most);
  text.append(what).append(whose).append(" reached");
  return {503, what == " calls" ? 34 : 42, std::move(text), label};
}

Refusal full_service(const policy::Customer& c) {
  return full(c.service_calls, " calls",
              " of service '" + std::string(deployment::rules_of(*c.service).name) + "'",
              "limit_service_calls");
}

Refusal full_account(const policy::Customer& c) {
  return full(c.account_calls, " calls", " of account '" + c.account + "'", "limit_account_calls");
}

template <typename T>
Rate rate_of(const T& limits) {
  return {limits.max_calls_per_second, limits.calls_burst};
}

}  // namespace

void Admission::apply(deployment::DeploymentPtr deployment) {
  deployment_ = std::move(deployment);
  groups_.clear();
  peers_.clear();
  for (const auto& g : deployment_->groups) groups_.push_back(&load_.group(g.name));
  for (const auto& p : deployment_->peers) peers_.push_back(&load_.peer(p.name));
}

std::optional<Refusal> Admission::arriving(deployment::GroupIndex g,
                                           std::optional<deployment::PeerIndex> p, bool emergency,
                                           Instant now) {
  const auto& group = deployment_->group(g);
  const Rate of_all = rate_of(deployment_->limits), of_group = rate_of(group);
  const Rate of_peer = p ? rate_of(deployment_->peer(*p)) : Rate{};
  auto* const peer = p ? peers_[p->value] : nullptr;
  if (emergency) {
    load_.all().rate.take_anyway(of_all, now);
    groups_[g.value]->rate.take_anyway(of_group, now);
    if (peer) peer->rate.take_anyway(of_peer, now);
    return std::nullopt;
  }
  // The narrowest first: what is refused there takes nothing from the others.
  if (peer && !peer->rate.take(of_peer, now))
    return full(of_peer.per_second, " calls per second",
                " of peer '" + deployment_->peer(*p).name + "'", "limit_peer_rate");
  if (!groups_[g.value]->rate.take(of_group, now)) {
    if (peer) peer->rate.give_back(of_peer);
    return full(of_group.per_second, " calls per second", " of group '" + group.name + "'",
                "limit_group_rate");
  }
  if (!load_.all().rate.take(of_all, now)) {
    if (peer) peer->rate.give_back(of_peer);
    groups_[g.value]->rate.give_back(of_group);
    return full(of_all.per_second, " calls per second", "", "limit_rate");
  }
  return std::nullopt;
}

Counted Admission::begin(deployment::GroupIndex g, std::optional<deployment::PeerIndex> p) {
  Counted c;
  c.add(load_.all());
  c.add(*groups_[g.value]);
  if (p) c.add(*peers_[p->value]);
  return c;
}

std::optional<Refusal> Admission::of_customer(const policy::Customer& c, Counted& out) {
  out.reset();
  Counted taken;
  SharedLoad::Counter *service = nullptr, *account = nullptr;
  if (c.service) {
    const std::string name(deployment::rules_of(*c.service).name);
    service = &load_.service(name);
    if (!taken.add(*service, c.service_calls)) {
      ++service->refused;
      return full_service(c);
    }
  }
  if (!c.account.empty()) {
    account = &load_.account(c.account);
    if (!taken.add(*account, c.account_calls)) {
      ++account->refused;
      return full_account(c);
    }
  }
  if (service != nullptr) ++service->begun;
  if (account != nullptr) ++account->begun;
  out = std::move(taken);
  return std::nullopt;
}

std::optional<Refusal> Admission::full_of_customer(const policy::Customer& c) const {
  const auto reached = [](const SharedLoad::Counter& now, std::uint32_t most) {
    return most != 0 && now.now() >= most;
  };
  if (c.service &&
      reached(load_.service(std::string(deployment::rules_of(*c.service).name)), c.service_calls))
    return full_service(c);
  if (!c.account.empty() && reached(load_.account(c.account), c.account_calls))
    return full_account(c);
  return std::nullopt;
}

std::optional<Refusal> Admission::towards(deployment::GroupIndex g, deployment::PeerIndex p,
                                          bool emergency, Instant now, Counted& out) {
  const auto& group = deployment_->group(g);
  const auto& peer = deployment_->peer(p);
  auto &in_group = *groups_[g.value], &at_peer = *peers_[p.value];
  out.reset();
  if (emergency) {
    at_peer.rate.take_anyway(rate_of(peer), now);
    in_group.rate.take_anyway(rate_of(group), now);
    out.add(in_group);
    out.add(at_peer);
    return std::nullopt;
  }
  Counted taken;
  if (!taken.add(in_group, group.max_calls))
    return full(group.max_calls, " calls", " of group '" + group.name + "'", "limit_group_calls");
  if (!taken.add(at_peer, peer.max_calls))
    return full(peer.max_calls, " calls", " of peer '" + peer.name + "'", "limit_peer_calls");
  if (!in_group.rate.take(rate_of(group), now))
    return full(group.max_calls_per_second, " calls per second", " of group '" + group.name + "'",
                "limit_group_rate");
  if (!at_peer.rate.take(rate_of(peer), now)) {
    in_group.rate.give_back(rate_of(group));
    return full(peer.max_calls_per_second, " calls per second", " of peer '" + peer.name + "'",
                "limit_peer_rate");
  }
  out = std::move(taken);
  return std::nullopt;
}

Counted Admission::again(const std::string& group, const std::string& peer, bool caller) {
  Counted c;
  if (caller) c.add(load_.all());
  c.add(load_.group(group));
  if (!peer.empty()) c.add(load_.peer(peer));
  return c;
}

}  // namespace causeway::peers
