#include "peers/prober.h"

#include <algorithm>

#include "base/log.h"
#include "sip/tag.h"

namespace causeway::peers {
namespace {
// Peer in 16 bits, round in 24, which of its addresses in 8.
std::uint64_t pack(std::uint32_t round, deployment::PeerIndex p, std::size_t address = 0) {
  return (std::uint64_t{address & 0xffU} << 40) | (std::uint64_t{round & 0xffffffU} << 16) |
         p.value;
}
deployment::PeerIndex peer_of(std::uint64_t token) {
  return deployment::PeerIndex{static_cast<std::uint16_t>(token & 0xffff)};
}
std::size_t address_of(std::uint64_t token) { return (token >> 40) & 0xffU; }
}  // namespace

std::string make_options(const LocalSide& side, const deployment::Peer& peer,
                         std::string_view branch, std::string_view tag, std::string_view call_id) {
  sip::Builder b(768);
  const auto literal = IpAddress::literal(peer.host);
  std::string uri = "sip:" + (literal ? literal->to_uri_host() : peer.host);
  if (peer.port != 0) uri += ":" + std::to_string(peer.port);
  if (peer.transport != Transport::kUdp)
    uri += ";transport=" + std::string(to_string(peer.transport));
  const std::string own = own_host(side);
  b.request_line("OPTIONS", uri);
  b.header(sip::HeaderId::kVia, via_value(side, branch));
  b.header(sip::HeaderId::kMaxForwards, 70);
  b.begin(sip::HeaderId::kFrom).add("<sip:").add(own).add(">;tag=").add(tag).end_line();
  b.begin(sip::HeaderId::kTo).add("<").add(uri).add(">").end_line();
  b.header(sip::HeaderId::kCallId, call_id);
  b.header(sip::HeaderId::kCSeq, "1 OPTIONS");
  b.header(sip::HeaderId::kContact, contact_value(side, {}));
  add_common(b, *side.profile, true);
  b.header(sip::HeaderId::kAccept, "application/sdp");
  return b.finish();
}

Prober::Prober(reactor::Reactor& reactor, transport::TransactionLayer& layer, Locator& locator,
               PeerTable& table, ProberListener& listener, std::uint64_t user_tag)
    : reactor_(reactor),
      layer_(layer),
      locator_(locator),
      table_(table),
      listener_(listener),
      user_tag_(user_tag) {}

Prober::~Prober() {
  locator_.cancel(*this);
  for (const auto t : timers_) reactor_.timers().cancel(t);
}

void Prober::apply() {
  ++round_;
  locator_.cancel(*this);
  for (const auto t : timers_) reactor_.timers().cancel(t);
  const auto& d = *table_.deployment();
  timers_.assign(d.peers.size(), {});
  turns_.assign(d.peers.size(), {});
  for (std::size_t i = 0; i < d.peers.size(); ++i) {
    if (i % reactor_.shard_count() != reactor_.shard().value) continue;
    const deployment::PeerIndex p{static_cast<std::uint16_t>(i)};
    // Without OPTIONS the addresses of a name are looked up all the same: what comes from them is
    // told as the peer's.
    if (d.group(d.peer(p).group).options_interval.count() == 0 && d.peer(p).address) continue;
    schedule(p,
             Micros(reactor_.random().below(static_cast<std::uint64_t>(Micros(kSpread).count()))));
  }
}

void Prober::schedule(deployment::PeerIndex peer, Micros in) {
  reactor_.timers().cancel(timers_[peer.value]);
  timers_[peer.value] = reactor_.timers().schedule(reactor_.now() + in, *this, pack(round_, peer));
}

void Prober::on_timer(std::uint64_t token, Instant) {
  const deployment::PeerIndex peer = peer_of(token);
  if (token != pack(round_, peer)) return;
  probe(peer);
}

void Prober::probe(deployment::PeerIndex peer) {
  const auto& d = *table_.deployment();
  const auto group = d.peer(peer).group;
  const Micros configured = d.group(group).options_interval;
  const Micros interval = configured.count() == 0 ? Micros(kLookUp) : configured;
  schedule(peer, table_.state(peer).up ? interval : std::min<Micros>(interval, kDownInterval));
  Turn& turn = turns_[peer.value];
  if (turn.open != 0 || turn.locating) return;  // the one before has no outcome yet
  turn = Turn{};
  turn.locating = true;
  auto where =
      locator_.locate(request_for(d, d.peer(peer)), ways_of(d, group), Locator::Origin::kConfigured,
                      Locator::kPatience, *this, pack(round_, peer));
  if (where) on_located(pack(round_, peer), std::move(*where));
}

void Prober::on_located(std::uint64_t token, Result<std::vector<transport::Destination>> where) {
  const deployment::PeerIndex peer = peer_of(token);
  if (token != pack(round_, peer)) return;
  Turn& turn = turns_[peer.value];
  turn.locating = false;
  const auto& d = *table_.deployment();
  if (d.group(d.peer(peer).group).options_interval.count() == 0) {
    if (!where) return;  // not probed: neither up nor down
    auto& targets = table_.state(peer).targets;
    std::vector<IpAddress> now;
    for (const auto& to : *where)
      if (now.size() < kMaxAddresses) now.push_back(to.remote.address);
    if (std::exchange(targets, now) != now) listener_.on_peer_news(peer);
    return;
  }
  if (!where) {
    verdict(peer, false, 0, where.error().what);
    return;
  }
  turn.asked = std::move(*where);
  if (turn.asked.size() > kMaxAddresses) turn.asked.resize(kMaxAddresses);
  turn.open = turn.asked.size();
  auto& targets = table_.state(peer).targets;
  targets.clear();
  for (const auto& to : turn.asked) targets.push_back(to.remote.address);
  for (std::size_t i = 0; i < turns_[peer.value].asked.size(); ++i) send(peer, i);
}

void Prober::send(deployment::PeerIndex peer, std::size_t address) {
  const transport::Destination to = turns_[peer.value].asked[address];
  const auto& d = *table_.deployment();
  const auto& p = d.peer(peer);
  const auto& group = d.group(p.group);
  const LocalSide side{&d.profile(group.profile), layer_.transport().advertised(to.listener),
                       d.listener(to.listener).transport};
  // Answers come back to this shard by the bucket in the branch: take one that is ours.
  const std::size_t shards = reactor_.shard_count();
  const Bucket bucket{static_cast<std::uint8_t>(
      (reactor_.random().below(256 / shards) * shards + reactor_.shard().value) & 0xff)};
  const sip::Owner owner{d.operation.node, bucket};
  const std::string branch = sip::make_branch(owner, reactor_.random());
  const std::string tag = sip::make_tag(owner, reactor_.random());
  const std::string call_id = sip::make_tag(owner, reactor_.random()) + "@" + own_host(side);
  table_.state(peer).options_out = reactor_.now();
  layer_.send_request(make_options(side, p, branch, tag, call_id), branch, sip::Method::kOptions,
                      to, user_tag_ | pack(round_, peer, address));
}

void Prober::on_response(std::uint64_t user, const sip::Message& response) {
  if (response.status() < 200) return;
  // Up is what answers; 5xx says that it cannot take calls (TDR-39). A 404 or 405 is an answer.
  const bool up = response.status() < 500 && response.status() != 408;
  on_outcome(user & ~user_tag_, up, response.status(),
             up ? "" : "answered " + std::to_string(response.status()));
}

void Prober::on_failed(std::uint64_t user, const Error& reason) {
  on_outcome(user & ~user_tag_, false, 0, reason.what);
}

void Prober::on_outcome(std::uint64_t token, bool up, int status, std::string why) {
  const deployment::PeerIndex peer = peer_of(token);
  const std::size_t address = address_of(token);
  if (token != pack(round_, peer, address)) return;
  Turn& turn = turns_[peer.value];
  if (turn.open == 0 || address >= turn.asked.size()) return;
  --turn.open;
  if (up)
    locator_.worked(turn.asked[address]);
  else
    locator_.failed(turn.asked[address]);
  if (!up && turn.asked.size() > 1) why = turn.asked[address].remote.to_string() + ": " + why;
  if (!up) turn.why = std::move(why);
  if (up && !turn.any_up) {
    turn.any_up = true;
    turn.status = status;
    return verdict(peer, true, status, turn.why);
  }
  if (turn.open != 0) return;
  if (!turn.any_up) return verdict(peer, false, status, turn.why);
  table_.state(peer).last_failure = turn.why;  // up, but not all of it
  listener_.on_peer_news(peer);
}

void Prober::verdict(deployment::PeerIndex peer, bool up, int status, std::string why) {
  PeerState& s = table_.state(peer);
  const std::string& name = table_.deployment()->peer(peer).name;
  if (!s.probed || s.up != up) {
    ++s.changes;
    if (up)
      log::info("peer {} is up ({})", name, status);
    else
      log::warning("peer {} is down: {}", name, why);
  }
  const bool was_up = s.up;
  s.probed = true;
  s.up = up;
  s.last_status = status;
  s.last_failure = std::move(why);
  if (was_up && !up) schedule(peer, kDownInterval);
  listener_.on_peer_news(peer);
}

}  // namespace causeway::peers
