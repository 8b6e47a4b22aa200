#include "peers/locator.h"

#include <algorithm>

namespace causeway::peers {

WaysOut ways_of(const deployment::Deployment& d, deployment::GroupIndex group) {
  return {d.way_out(group, false), d.way_out(group, true), d.group(group).timers.connect,
          d.own_name(group, d.group(group).listener)};
}

dns::TargetRequest request_for(const deployment::Deployment& d, const deployment::Peer& peer) {
  dns::TargetRequest r;
  r.host = peer.host;
  r.port = peer.port;
  r.transport = peer.transport;
  // The family of the group's own listener comes first.
  r.prefer_v6 = d.listener(d.group(peer.group).listener).address.address.is_v6();
  return r;
}

void allow_tcp(const deployment::Deployment& d, deployment::PeerIndex peer,
               transport::Destination& to) {
  if (d.peer(peer).also_tcp) allow_tcp(d, d.peer(peer).group, to);
}

void allow_tcp(const deployment::Deployment& d, deployment::GroupIndex group,
               transport::Destination& to) {
  if (to.transport != Transport::kUdp) return;
  to.tcp_listener = d.tcp_way_out(group, to.remote.address.is_v6());
  to.tcp_above = d.group(group).tcp_above;
}

Locator::~Locator() {
  for (auto& [id, q] : questions_) reactor_.timers().cancel(q.timer);
}

std::string Locator::key_of(const Endpoint& remote, Transport transport) {
  return remote.to_string() + "/" + std::string(to_string(transport));
}

void Locator::failed(const transport::Destination& where) {
  const auto it = set_aside_.find(key_of(where.remote, where.transport));
  const bool news = it == set_aside_.end() || it->second < reactor_.now() + kSetAside - kTellAgain;
  heard(where.remote, where.transport, true);
  if (news && observer_) observer_->on_address_news(where.remote, where.transport, true);
}

void Locator::worked(const transport::Destination& where) {
  if (set_aside_.empty() || set_aside_.erase(key_of(where.remote, where.transport)) == 0) return;
  if (observer_) observer_->on_address_news(where.remote, where.transport, false);
}

void Locator::heard(const Endpoint& remote, Transport transport, bool failed) {
  const Instant now = reactor_.now();
  const std::string key = key_of(remote, transport);
  if (!failed) {
    set_aside_.erase(key);
    return;
  }
  if (set_aside_.size() >= kMaxSetAside)
    std::erase_if(set_aside_, [&](const auto& e) { return e.second <= now; });
  if (set_aside_.size() < kMaxSetAside) set_aside_[key] = now + kSetAside;
}

bool Locator::is_set_aside(const transport::Destination& where) const {
  if (set_aside_.empty()) return false;
  const auto it = set_aside_.find(key_of(where.remote, where.transport));
  return it != set_aside_.end() && it->second > reactor_.now();
}

Result<std::vector<transport::Destination>> Locator::to_destinations(
    const Result<std::vector<dns::Target>>& targets, const WaysOut& ways) const {
  if (!targets) return tl::unexpected<Error>(targets.error());
  std::vector<transport::Destination> out;
  out.reserve(targets->size());
  for (const auto& t : *targets) {
    const auto& listener = t.endpoint.address.is_v6() ? ways.v6 : ways.v4;
    if (listener)
      out.push_back({t.endpoint, t.transport, *listener, t.name, ways.own_name, ways.connect_time,
                     t.expires});
  }
  if (out.empty())
    return fail(ErrorCode::kNotFound, "no listener of the group's realm reaches " +
                                          targets->front().endpoint.to_string());
  for (std::size_t i = 0, left = out.size(); left > 0; --left) {
    if (is_set_aside(out[i]))
      std::rotate(out.begin() + static_cast<std::ptrdiff_t>(i),
                  out.begin() + static_cast<std::ptrdiff_t>(i) + 1, out.end());
    else
      ++i;
  }
  return out;
}

Status Locator::room_for(const std::string& host, Origin origin) const {
  if (questions_.size() >= kMaxQuestions)
    return fail(ErrorCode::kUnavailable, "too many name look-ups at once");
  if (origin == Origin::kDialog && of_dialogs_ >= kMaxQuestions / 2)
    return fail(ErrorCode::kUnavailable, "too many look-ups of names in dialogs at once");
  const auto it = by_host_.find(host);
  if (it != by_host_.end() && it->second >= kMaxPerName)
    return fail(ErrorCode::kUnavailable, "too many calls wait for the address of " + host);
  return {};
}

std::optional<Result<std::vector<transport::Destination>>> Locator::locate(
    dns::TargetRequest request, const WaysOut& ways, Origin origin, Millis within,
    LocatorClient& client, std::uint64_t token) {
  request.want_v4 = ways.v4.has_value();
  request.want_v6 = ways.v6.has_value();
  if (auto ok = room_for(request.host, origin); !ok) return tl::unexpected<Error>(ok.error());
  const std::uint64_t id = next_++;
  auto selection = std::make_unique<dns::TargetSelection>(resolver_, reactor_, reactor_.random());
  const std::string host = request.host;
  if (selection->start(std::move(request), *this, id))
    return to_destinations(selection->result(), ways);
  Question q{std::move(selection),
             &client,
             token,
             ways,
             origin,
             host,
             reactor_.now() + std::max(within, Millis{1}),
             {}};
  arm(id, q);
  ++by_host_[host];
  if (origin == Origin::kDialog) ++of_dialogs_;
  questions_.emplace(id, std::move(q));
  return std::nullopt;
}

void Locator::arm(std::uint64_t id, Question& q) {
  const Instant at = std::min<Instant>(q.deadline, reactor_.now() + kNaptrGrace);
  q.timer = reactor_.timers().schedule(at, *this, id);
}

void Locator::close(std::unordered_map<std::uint64_t, Question>::iterator it) {
  Question& q = it->second;
  reactor_.timers().cancel(q.timer);
  if (const auto n = by_host_.find(q.host); n != by_host_.end() && --n->second == 0)
    by_host_.erase(n);
  if (q.origin == Origin::kDialog) --of_dialogs_;
  questions_.erase(it);
}

void Locator::cancel(LocatorClient& client) {
  for (auto it = questions_.begin(); it != questions_.end();) {
    const auto here = it++;
    if (here->second.client == &client) close(here);
  }
}

void Locator::on_targets(std::uint64_t id, Result<std::vector<dns::Target>> targets) {
  const auto it = questions_.find(id);
  if (it == questions_.end()) return;
  LocatorClient& client = *it->second.client;
  const std::uint64_t token = it->second.token;
  auto where = to_destinations(targets, it->second.ways);
  // The selection is still at work above us on the stack: it goes last.
  const auto keep = std::move(it->second.selection);
  close(it);
  client.on_located(token, std::move(where));
}

void Locator::on_timer(std::uint64_t id, Instant now) {
  auto it = questions_.find(id);
  if (it == questions_.end()) return;
  if (now < it->second.deadline) {
    it->second.selection->hurry();
    it = questions_.find(id);  // it may have been answered
    if (it != questions_.end()) arm(id, it->second);
    return;
  }
  LocatorClient& client = *it->second.client;
  const std::uint64_t token = it->second.token;
  const std::string host = it->second.host;
  close(it);
  client.on_located(token,
                    fail(ErrorCode::kTimeout, host + ": no answer of the name service in time"));
}

}  // namespace causeway::peers
