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
