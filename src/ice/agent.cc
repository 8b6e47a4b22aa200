#include "ice/agent.h"

#include <algorithm>

namespace causeway::ice {
namespace {

constexpr std::string_view kIceChars =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

rtp::HmacSha1 key_of(std::string_view pwd) {
  return rtp::HmacSha1({reinterpret_cast<const std::uint8_t*>(pwd.data()), pwd.size()},
                       rtp::HmacVariant::kPrecomputed);
}

std::string random_chars(Random& random, std::size_t n) {
  std::string s(n, ' ');
  for (char& c : s) c = kIceChars[random.u64() & 63];
  return s;
}

bool ice_chars(std::string_view s, std::size_t least) {
  return s.size() >= least && s.size() <= 256 &&
         s.find_first_not_of(kIceChars) == std::string_view::npos;
}

std::string_view reason_of(std::uint16_t code) {
  switch (code) {
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 420: return "Unknown Attribute";
    case 487: return "Role Conflict";
    default: return "";
  }
}

std::size_t index(Component c) { return static_cast<std::size_t>(c); }

}  // namespace

Credentials make_credentials(Random& random) {
  return {random_chars(random, 8), random_chars(random, 24)};
}

bool well_formed(const Credentials& c) { return ice_chars(c.ufrag, 4) && ice_chars(c.pwd, 22); }

bool restarts(const Credentials& before, const Credentials& now) {
  return before.ufrag != now.ufrag && before.pwd != now.pwd;
}

// FNV-1a. Only who knows our password can choose what is hashed, so a collision is a peer's own.
std::uint64_t peer_key(std::string_view ufrag) {
  std::uint64_t h = 14'695'981'039'346'656'037ull;
  for (const char c : ufrag) h = (h ^ static_cast<std::uint8_t>(c)) * 1'099'511'628'211ull;
  return h == 0 ? 1 : h;
}

Agent::Agent(const Credentials& ours) : Agent(State{.ours = ours}) {}

Agent::Agent(const State& known) : s_(known), key_(key_of(known.ours.pwd)) {
  if (!known.before.pwd.empty()) before_key_.emplace(key_of(known.before.pwd));
}

void Agent::restart(const Credentials& ours) {
  for (const Component c : {Component::kRtp, Component::kRtcp})
    s_.before_restart[index(c)] = path(c);
  s_.before = s_.ours;
  before_key_.emplace(std::move(key_));
  s_.ours = ours;
  key_ = key_of(ours.pwd);
  // Addresses stay admitted: media goes on from there until a new path is chosen.
  s_.peers.fill({});
  s_.defaults = {};
  s_.chosen = 0;
  s_.lite = false;
  ++s_.generation;
}

// A path was chosen after a restart: what was proven before it is over.
void Agent::forget_before(Component component) {
  s_.before_restart[index(component)].reset();
  for (Address& a : s_.addresses)
    if (a.generation != s_.generation && a.component == component) a = {};
}

Agent::Generation Agent::authenticate(std::span<const std::byte> datagram,
                                      const StunMessage& m) const {
  const auto colon = m.username.find(':');
  if (colon == std::string_view::npos) return Generation::kNone;
  const std::string_view ours = m.username.substr(0, colon);
  // The hash is computed only for who knows our ufrag.
  if (ours == s_.ours.ufrag && integrity_holds(datagram, m, key_)) return Generation::kNow;
  if (before_key_ && ours == s_.before.ufrag && integrity_holds(datagram, m, *before_key_))
    return Generation::kBefore;
  return Generation::kNone;
}

Answer Agent::refuse(const StunMessage& m, std::uint16_t code, std::size_t request_bytes,
                     const rtp::HmacSha1* key, std::span<std::byte> out) {
  ++counts_.refused;
  Answer a;
  a.error = code;
  // In full, or bare when that would be more than was asked with, or not at all.
  for (const bool full : {true, false}) {
    StunWriter w(out, StunClass::kError, m.transaction);
    w.error(code, full ? reason_of(code) : "");
    if (m.unknown_count > 0 && code == 420)
      w.unknown_attributes(std::span(m.unknown).first(m.unknown_count));
    if (key != nullptr) w.integrity(*key);
    if (full || key != nullptr) w.fingerprint();
    if (!w.ok() || (key == nullptr && w.size() > request_bytes)) continue;
    a.what = Answer::What::kRefused;
    a.bytes = w.size();
    break;
  }
  return a;
}

Answer Agent::on_request(std::span<const std::byte> datagram, const Endpoint& from,
                         Component component, Instant now, std::span<std::byte> out) {
  const auto m = parse_stun(datagram);
  if (!m || m->fingerprint == Fingerprint::kWrong) {
    ++counts_.malformed;
    return {};
  }
  // We ask nothing, so nobody answers; an indication keeps a binding open and wants no answer.
  if (m->kind != StunClass::kRequest || m->method != kBinding) return {};
  if (m->username.empty() || m->integrity_at == 0)
    return refuse(*m, 400, datagram.size(), nullptr, out);
  const Generation generation = authenticate(datagram, *m);
  if (generation == Generation::kNone) return refuse(*m, 401, datagram.size(), nullptr, out);
  const rtp::HmacSha1& key = generation == Generation::kNow ? key_ : *before_key_;
  if (m->unknown_count > 0) return refuse(*m, 420, datagram.size(), &key, out);
  // A lite agent is controlled by any full one (RFC 8445 6.1.1): a peer that thinks that it is
  // controlled itself is told to change.
  if (m->controlled) return refuse(*m, 487, datagram.size(), &key, out);
  StunWriter w(out, StunClass::kSuccess, m->transaction);
  w.xor_mapped_address(from);
  w.integrity(key);
  w.fingerprint();
  if (!w.ok()) return {};
  ++counts_.answered;
  Answer a;
  a.what = Answer::What::kAlive;
  if (generation == Generation::kNow) a = proven(*m, from, component, now);
  a.bytes = w.size();
  return a;
}

Answer Agent::proven(const StunMessage& m, const Endpoint& from, Component component, Instant now) {
  Answer a;
  a.peer = peer_key(m.username.substr(m.username.find(':') + 1));
  a.what = m.use_candidate ? Answer::What::kNominated : Answer::What::kValidated;
  const std::optional<Endpoint> before = path_of(a.peer, component);
  Peer& p = peer(a.peer, now);
  p.checked = now;
  const std::uint32_t priority = m.priority.value_or(0);
  const auto consider = [&](Way& w) {
    if (w.set && w.remote != from && priority < w.priority && now - w.checked < kStale) return;
    w = {from, now, w.set && w.remote == from ? std::max(priority, w.priority) : priority, true};
  };
  consider(p.best[index(component)]);
  Way& chosen = p.nominated[index(component)];
  if (m.use_candidate)
    consider(chosen);
  else if (chosen.set && chosen.remote == from)
    chosen.checked = now;  // consent checks need not nominate again
  if (m.use_candidate) forget_before(component);
  remember(from, component, a.peer, now);
  a.moved = path_of(a.peer, component) != before;
  return a;
}

// Known, or in the place of the peer that has been silent longest. The chosen one stays.
Agent::Peer& Agent::peer(std::uint64_t key, Instant now) {
  Peer* oldest = nullptr;
  for (Peer& p : s_.peers) {
    if (p.key == key) return p;
    if (p.key != 0 && p.key == s_.chosen) continue;
    if (oldest == nullptr || (oldest->key != 0 && (p.key == 0 || p.checked < oldest->checked)))
      oldest = &p;
  }
  *oldest = {};
  oldest->key = key;
  oldest->checked = now;
  return *oldest;
}

void Agent::remember(const Endpoint& from, Component component, std::uint64_t peer, Instant now) {
  Address* place = nullptr;
  for (Address& a : s_.addresses) {
    if (a.peer != 0 && a.remote == from && a.component == component) {
      place = &a;
      break;
    }
    if (place == nullptr || (place->peer != 0 && (a.peer == 0 || a.checked < place->checked)))
      place = &a;
  }
  *place = {from, now, peer, s_.generation, component};
}

const Agent::Peer* Agent::find(std::uint64_t key) const {
  const auto p =
      std::find_if(s_.peers.begin(), s_.peers.end(), [key](const Peer& x) { return x.key == key; });
  return key == 0 || p == s_.peers.end() ? nullptr : &*p;
}

const Agent::Peer* Agent::current() const {
  if (s_.chosen != 0) return find(s_.chosen);
  const Peer* best = nullptr;
  for (const Peer& p : s_.peers) {
    if (p.key == 0) continue;
    const auto rank = [](const Peer& x) {
      return std::pair(x.nominated[0].set || x.nominated[1].set, x.checked);
    };
    if (best == nullptr || rank(p) > rank(*best)) best = &p;
  }
  return best;
}

const Agent::Way* Agent::way(const Peer& p, Component component) {
  const Way& chosen = p.nominated[index(component)];
  const Way& best = p.best[index(component)];
  if (chosen.set && (best.remote == chosen.remote || best.checked - chosen.checked < kStale))
    return &chosen;
  return best.set ? &best : nullptr;
}

void Agent::choose(std::string_view ufrag, bool lite, Instant now) {
  s_.chosen = peer_key(ufrag);
  s_.lite = lite;
  if (!lite) s_.defaults = {};  // of a fork that was, and lost
  (void)peer(s_.chosen, now);
}

void Agent::set_default(Component component, const Endpoint& remote) {
  s_.defaults[index(component)] = remote;
}

std::optional<Endpoint> Agent::path_of(std::uint64_t peer, Component component) const {
  const Peer* p = find(peer);
  const Way* w = p != nullptr ? way(*p, component) : nullptr;
  if (w == nullptr) return std::nullopt;
  return w->remote;
}

std::optional<Endpoint> Agent::path(Component component) const {
  const Peer* p = current();
  const Way* w = p != nullptr ? way(*p, component) : nullptr;
  if (w != nullptr) return w->remote;
  if (!s_.lite && s_.before_restart[index(component)]) return s_.before_restart[index(component)];
  return s_.defaults[index(component)];
}

bool Agent::nominated(Component component) const {
  const Peer* p = current();
  return p != nullptr && p->nominated[index(component)].set;
}

std::optional<std::uint64_t> Agent::peer_at(const Endpoint& from, Component component) const {
  for (const Address& a : s_.addresses)
    if (a.peer != 0 && a.remote == from && a.component == component) return a.peer;
  return std::nullopt;
}

bool Agent::admits(const Endpoint& from, Component component) const {
  if (s_.lite) return s_.defaults[index(component)] == from;
  if (s_.chosen == 0) return peer_at(from, component).has_value();
  // Others that checked have lost; what was chosen before a restart counts until then.
  return std::any_of(s_.addresses.begin(), s_.addresses.end(), [&](const Address& a) {
    return a.peer != 0 && a.remote == from && a.component == component &&
           (a.peer == s_.chosen || a.generation != s_.generation);
  });
}

std::optional<Instant> Agent::last_check() const {
  const Peer* p = current();
  if (p == nullptr) return std::nullopt;
  return p->checked;
}

bool Agent::consent_lost(Instant now, Micros after) const {
  if (s_.lite) return false;
  const auto last = last_check();
  return last && now - *last > after;
}

}  // namespace causeway::ice
