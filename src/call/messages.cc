// The SIP of a call's legs: dialogs, next hops, and writing requests and responses.
#include <algorithm>
#include <limits>
#include <utility>

#include "base/log.h"
#include "call/call.h"
#include "call/crossing.h"
#include "sip/fields.h"
#include "sip/headers.h"
#include "sip/tag.h"

namespace causeway::call {

using sip::HeaderId;
using sip::Method;

// As it stands in From and To, between angle brackets.
std::string party_of(const sip::NameAddr* a) {
  if (!a) return {};
  std::string out;
  if (!a->display.empty()) out.append(a->display).append(" ");
  return out.append("<").append(a->uri).append(">");
}

namespace {

std::optional<Transport> transport_of(const sip::Uri& uri, Transport fallback) {
  if (uri.is_sips()) return Transport::kTls;
  const auto t = uri.param("transport");
  if (!t) return fallback;
  if (sip::iequals(*t, "udp")) return Transport::kUdp;
  if (sip::iequals(*t, "tcp")) return Transport::kTcp;
  if (sip::iequals(*t, "tls")) return Transport::kTls;
  return std::nullopt;
}

std::uint32_t methods_of(const sip::Message& m) {
  std::uint32_t bits = 0;
  (void)sip::each_token(m, HeaderId::kAllow, [&](std::string_view token) {
    const Method method = sip::method_of(token);
    if (method != Method::kOther) bits |= 1U << static_cast<unsigned>(method);
    return true;
  });
  return bits;
}

// The first route as a Request-URI, when it is a strict router (no ;lr); else empty. Headers may
// not stand there (RFC 3261 19.1.1).
std::string strict_router(const std::vector<std::string>& routes) {
  if (routes.empty()) return {};
  const auto route = sip::parse_name_addr(routes.front());
  if (!route || !route->target.is_sip() || route->target.param("lr")) return {};
  return sip::as_request_uri(route->uri);
}

// RFC 4028 9: our 2xx to it says what is agreed.
bool starts_session(const sip::Message& request, int status) {
  return status / 100 == 2 &&
         (request.method() == Method::kInvite || request.method() == Method::kUpdate);
}

}  // namespace

Call::Leg* Call::find_leg(LegId id) {
  return id.value >= 1 && id.value <= legs_.size() ? legs_[id.value - 1].get() : nullptr;
}

Call::Leg* Call::other(const Leg& leg) {
  if (leg.s.id == state_.ingress) return find_leg(state_.egress);
  if (leg.s.id == state_.egress) return find_leg(state_.ingress);
  if (branch_of(leg)) return find_leg(state_.ingress);
  // Whoever handed a call over may still ask for something: it is answered from what is known.
  if (is_transferor(leg)) return find_leg(transfer_->waiting);
  return nullptr;
}

void Call::use_listener(Leg& leg, deployment::ListenerIndex listener) {
  const auto& l = deployment_->listener(listener);
  leg.listener = listener;
  leg.bound = l.address;
  leg.transport = l.transport;
  leg.s.listener = l.name;
}

Call::Leg& Call::add_leg(bool ingress, deployment::GroupIndex group) {
  legs_.push_back(std::make_unique<Leg>());
  Leg& leg = *legs_.back();
  const auto& g = deployment_->group(group);
  leg.s.id = LegId{static_cast<std::uint32_t>(legs_.size())};
  leg.s.ingress = ingress;
  leg.s.group = g.name;
  leg.group = group;
  leg.profile = &deployment_->profile(g.profile);
  use_listener(leg, g.listener);
  leg.s.next_hop.transport = leg.transport;
  leg.s.dialog.local_tag = sip::make_tag(owner(), services_.reactor.random());
  services_.owner.bind_tag(leg.s.dialog.local_tag, *this, leg.s.id);
  return leg;
}

peers::LocalSide Call::side(const Leg& leg) const {
  return {leg.profile, services_.layer.transport().advertised(leg.listener), leg.transport,
          leg.s.host};
}

NumberForms Call::forms(const Leg& from, const Leg& to) const {
  if (state_.emergency == policy::EmergencyClass::kEmergency) return {};
  return number_forms(*deployment_, from.group, to.group);
}

void Call::copy_crossing(sip::Builder& b, const sip::Message& from_far, const Leg& to) {
  const Leg* far = other(to);
  copy_crossing_headers(b, from_far, *to.profile, far && trusted(to) && trusted(*far),
                        peers::own_host(side(to)), {}, far ? forms(*far, to) : NumberForms{});
}

// --- Dialogs -----------------------------------------------------------------------------------

void Call::learn_dialog(Leg& leg, const sip::Message& m, bool uac) {
  Dialog& d = leg.s.dialog;
  if (!uac) {
    d.call_id = std::string(m.call_id());
    d.remote_tag = std::string(m.from_tag());
    d.local_party = party_of(m.to());
    d.remote_party = party_of(m.from());
    d.remote_cseq = m.cseq();
    d.ours = false;
  } else {
    d.remote_tag = std::string(m.to_tag());
  }
  // Route set: in order for the UAS, reversed for the UAC (RFC 3261 12.1). Bounded by the message.
  std::vector<std::string> routes;
  for (const auto& f : m.headers()) {
    if (f.id != HeaderId::kRecordRoute) continue;
    std::string_view list = f.value;
    while (!list.empty()) routes.emplace_back(sip::next_value(list));
  }
  if (uac) std::reverse(routes.begin(), routes.end());
  d.routes = std::move(routes);
  learn_target(leg, m);
}

void Call::learn_target(Leg& leg, const sip::Message& m) {
  if (auto id = session_half(m.value(HeaderId::kSessionId)); !id.empty())
    leg.s.session_id = std::move(id);
  if (m.has(HeaderId::kAllow)) leg.s.dialog.allow = methods_of(m);
  std::string_view list = m.value(HeaderId::kContact);
  const auto contact = sip::parse_name_addr(sip::next_value(list));
  Dialog& d = leg.s.dialog;
  if (d.remote_target.empty()) {
    // A peer of RFC 2543 gives no Contact: it is reached as the party that it is (RFC 4475 3.4.1).
    const auto party = sip::parse_name_addr(d.remote_party);
    const auto uri = party ? sip::parse_uri(party->uri) : Result<sip::Uri>{};
    d.remote_target = party && uri && uri->is_sip()
                          ? sip::as_request_uri(party->uri)
                          : "sip:" + leg.s.next_hop.remote.address.to_uri_host();
  }
  if (!contact || contact->uri.empty() || contact->uri == "*") return;
  if (!contact->target.is_sip()) return;
  leg.s.dialog.remote_target = sip::as_request_uri(contact->uri);
  // An early dialog of a callee may never be sent anything.
  if (!leg.s.ingress && leg.s.phase < LegPhase::kConfirmed)
    leg.hop_unknown = true;
  else
    find_next_hop(leg);
}

// An address outside the group's sources is not believed: the peer would make us send to strangers.
bool Call::believed(const Leg& leg, const IpAddress& address) const {
  const auto& sources = deployment_->group(leg.group).recognition.sources;
  return std::any_of(sources.begin(), sources.end(),
                     [&](const Prefix& p) { return p.contains(address); });
}

// Where requests in this dialog go: the first route, else the remote target (RFC 3261 12.2.1.1), as
// far as it is believed.
void Call::find_next_hop(Leg& leg) {
  leg.hop_unknown = false;
  if (leg.temporary) return;  // one ACK and one BYE, along the way that the INVITE went
  std::string_view text = leg.s.dialog.remote_target;
  if (!leg.s.dialog.routes.empty())
    if (const auto route = sip::parse_name_addr(leg.s.dialog.routes.front())) text = route->uri;
  const auto uri = sip::parse_uri(text);
  const auto& group = deployment_->group(leg.group);
  NextHop hop = leg.s.next_hop;
  const Transport ours = leg.transport;
  if (!uri || !uri->is_sip() || transport_of(*uri, ours) != ours)
    return;  // keep what worked so far
  const std::uint16_t default_port = ours == Transport::kTls ? 5061 : 5060;
  // RFC 3263 4: maddr stands for the host.
  const auto maddr = uri->param("maddr");
  const std::string_view target = maddr && !maddr->empty() ? *maddr : uri->host;
  if (const auto literal = IpAddress::literal(target)) {
    if (!believed(leg, *literal)) {
      tell(telemetry::EventKind::kNote, &leg,
           "next hop " + std::string(target) + " is not among the sources of group '" + group.name +
               "': kept " + hop.remote.to_string());
      return;
    }
    leg.s.next_hop = {
        {*literal, uri->port ? uri->port : default_port}, ours, hop.name, wall_of(Instant::max())};
    return;
  }
  std::string host;
  for (const char c : target) host += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  if (hop.remote.port != 0 && hop.name == host &&
      (uri->port == 0 || uri->port == hop.remote.port) && services_.reactor.wall() < hop.expires)
    return;
  dns::TargetRequest q;
  q.host = host;
  q.port = uri->port;
  q.transport = ours;
  peers::WaysOut ways;  // the one that our Contact names
  (leg.bound.address.is_v6() ? ways.v6 : ways.v4) = leg.listener;
  const std::uint64_t token = (std::uint64_t{1} << 32) | leg.s.id.value;
  leg.locating = true;
  auto where = services_.locator.locate(q, ways, peers::Locator::Origin::kDialog,
                                        peers::Locator::kPatience, *this, token);
  if (where) on_located(token, std::move(*where));
}

// No name is pinned past its TTL, however long the dialog lasts (TDR-01): it is asked again before
// the next request.
void Call::refresh_next_hop(Leg& leg) {
  if (leg.locating) return;
  if (std::exchange(leg.hop_unknown, false) || services_.reactor.wall() >= leg.s.next_hop.expires)
    find_next_hop(leg);
}

WallTime Call::wall_of(Instant expires) const {
  if (expires == Instant::max()) return {std::numeric_limits<std::int64_t>::max()};
  return {services_.reactor.wall().micros + (expires - services_.reactor.now()).count()};
}

void Call::on_located(std::uint64_t token, Result<std::vector<transport::Destination>> where) {
  if ((token >> 32) == kTargetToken) return on_target_located(std::move(where));
  if ((token >> 32) == 0) {  // a peer of the hunt
    if (was_terminated_ || token >= hunts_.size() || hunts_[token]->over) return;
    Hunt& h = *hunts_[token];
    if (!where) {
      h.last_why = deployment_->peer(h.way.peer).name + ": " + where.error().what;
      tell(telemetry::EventKind::kRouteAttempt, nullptr, h.last_why);
      next_way(h);
      return;
    }
    h.destinations.clear();
    for (auto& d : *where) {
      const auto listener = deployment_->way_out(h.way.group, d.remote.address.is_v6());
      if (!listener) continue;
      d.listener = *listener;  // a reload may have moved it
      h.destinations.push_back(d);
    }
    std::reverse(h.destinations.begin(), h.destinations.end());
    if (h.destinations.empty())
      next_way(h);
    else
      try_destination(h);
    return;
  }
  Leg* leg = find_leg(LegId{static_cast<std::uint32_t>(token & 0xffffffffU)});
  if (!leg) return;
  leg->locating = false;
  if (where) {
    const auto& now_at = leg->s.next_hop.remote;
    const auto good = [&](const auto& x) { return believed(*leg, x.remote.address); };
    // The address in use stays in use while the name has it and it works.
    auto d = std::find_if(where->begin(), where->end(), [&](const auto& x) {
      return good(x) && x.remote == now_at && !services_.locator.is_set_aside(x);
    });
    if (d == where->end()) d = std::find_if(where->begin(), where->end(), good);
    leg->s.next_hop.expires = wall_of(where->front().expires);
    if (d != where->end())
      leg->s.next_hop = {d->remote, d->transport, d->tls_name, wall_of(d->expires)};
    else
      tell(telemetry::EventKind::kNote, leg,
           "next hop " + where->front().tls_name + " at " + where->front().remote.to_string() +
               " is not among the sources of group '" + leg->s.group + "'");
  } else {
    leg->s.next_hop.expires = wall_of(services_.reactor.now() + kAskAgain);
    tell(telemetry::EventKind::kError, leg, "next hop not found: " + where.error().what);
  }
  // A connection's own port is not one to call back.
  if (auto& port = leg->s.next_hop.remote.port; port == 0)
    port = leg->transport == Transport::kTls ? 5061 : 5060;
  std::vector<HeldRequest> held = std::move(leg->held);
  leg->held.clear();
  for (auto& h : held) {
    if (h.method == Method::kAck) {
      leave(*leg, h.bytes);
      services_.layer.send_ack(h.bytes, destination(*leg));
    } else
      (void)send_in_dialog(*leg, h.method, std::move(h.bytes), h.branch);
  }
  if (!held.empty()) reconcile();  // it may have waited for that
}

// The configured peer that the next hop is; none: a proxy or a target that the dialog named.
std::optional<deployment::PeerIndex> Call::peer_of_hop(const Leg& leg) const {
  const auto& hop = leg.s.next_hop;
  // While a reload ends calls of the old configuration, its indices name nothing in the new table.
  if (deployment_ != services_.peers.deployment()) return deployment_->find_peer(leg.s.peer);
  if (const auto at = services_.peers.peer_at(leg.group, hop.remote)) return at;
  const auto named = deployment_->find_peer(leg.s.peer);
  if (named && !hop.name.empty() && sip::iequals(deployment_->peer(*named).host, hop.name))
    return named;
  return std::nullopt;
}

transport::Destination Call::destination(const Leg& leg) const {
  transport::Destination d;
  d.remote = leg.s.next_hop.remote;
  d.transport = leg.s.next_hop.transport;
  d.listener = leg.listener;
  d.tls_name = leg.s.next_hop.name;
  d.own_name = deployment_->own_name(leg.group, leg.listener);
  const auto& group = deployment_->group(leg.group);
  d.connect_time = group.timers.connect;
  if (d.transport == Transport::kUdp) {
    if (const auto peer = peer_of_hop(leg))
      peers::allow_tcp(*deployment_, *peer, d);
    else
      peers::allow_tcp(*deployment_, leg.group, d);
  }
  if (d.transport == Transport::kTls && d.tls_name.empty()) {
    // A caller that gave an address as its Contact: the certificate still has to carry a name of
    // its group.
    for (const auto& name : group.recognition.certificate_names)
      if (d.tls_name.empty() && !name.starts_with('*')) d.tls_name = name;
    for (const auto p : group.peers)
      if (d.tls_name.empty()) d.tls_name = deployment_->peer(p).host;
  }
  return d;
}

// --- Requests ----------------------------------------------------------------------------------

sip::Builder Call::in_dialog(Leg& leg, Method method, std::string_view branch,
                             std::uint32_t cseq) const {
  const Dialog& d = leg.s.dialog;
  sip::Builder b(1024);
  // RFC 3261 12.2.1.1: a strict router wants itself in the Request-URI, and the target last.
  const std::string strict = strict_router(d.routes);
  b.request_line(sip::to_string(method), strict.empty() ? d.remote_target : strict);
  const peers::LocalSide us = side(leg);
  b.header(HeaderId::kVia, peers::via_value(us, branch));
  for (std::size_t i = strict.empty() ? 0 : 1; i < d.routes.size(); ++i)
    b.header(HeaderId::kRoute, d.routes[i]);
  if (!strict.empty()) b.begin(HeaderId::kRoute).add("<").add(d.remote_target).add(">").end_line();
  b.header(HeaderId::kMaxForwards, 70);
  b.begin(HeaderId::kFrom).add(d.local_party).add(";tag=").add(d.local_tag).end_line();
  b.begin(HeaderId::kTo).add(d.remote_party);
  if (!d.remote_tag.empty()) b.add(";tag=").add(d.remote_tag);
  b.end_line();
  b.header(HeaderId::kCallId, d.call_id);
  b.begin(HeaderId::kCSeq).number(cseq).add(" ").add(sip::to_string(method)).end_line();
  if (method == Method::kInvite || method == Method::kUpdate)
    b.header(HeaderId::kContact, peers::contact_value(us, leg.s.number));
  if (method == Method::kInvite || method == Method::kUpdate) ask_for_session(b, leg, false);
  peers::add_common(b, *leg.profile, true);
  return b;
}

transport::TxId Call::send_in_dialog(Leg& leg, Method method, std::string bytes,
                                     const std::string& branch) {
  if (method == Method::kInvite) leg.reinvite = true;
  refresh_next_hop(leg);
  if (leg.locating &&
      leg.held.size() < kMaxHeldRequests) {  // on_located() sends it, whatever comes of the look-up
    leg.held.push_back({std::move(bytes), branch, method});
    return {};
  }
  leave(leg, bytes);
  const transport::TxId tx =
      services_.layer.send_request(std::move(bytes), branch, method, destination(leg), user(leg));
  if (method == Method::kInvite) leg.client_invite = tx;
  if (method == Method::kUpdate) leg.client_update = tx;
  if (method == Method::kBye) leg.bye = tx;
  if (method == Method::kOptions) leg.liveness = tx;
  if (method == Method::kNotify && leg.refer) leg.notify = tx;
  return tx;
}

void Call::send_ack(Leg& leg, std::uint32_t cseq) {
  // A 2xx that comes again gets the same ACK again, not another one (RFC 3261 13.2.2.4).
  if (leg.ack_cseq != cseq || leg.ack_branch.empty()) {
    leg.ack_cseq = cseq;
    leg.ack_branch = sip::make_branch(owner(), services_.reactor.random());
  }
  const std::string& branch = leg.ack_branch;
  std::string bytes = in_dialog(leg, Method::kAck, branch, cseq).finish();
  if (leg.locating && leg.held.size() < kMaxHeldRequests) {
    leg.held.push_back({std::move(bytes), branch, Method::kAck});
    return;
  }
  leave(leg, bytes);
  services_.layer.send_ack(bytes, destination(leg));
}

// --- Responses ---------------------------------------------------------------------------------

void Call::respond(Leg& leg, transport::TxId tx, const sip::Message& request, int status,
                   const sip::Message* from_far, const Body& body, int q850, std::string_view why) {
  const transport::Flow* flow = services_.layer.flow_of(tx);
  if (!flow) return;
  const bool session = starts_session(request, status);  // the request goes with its answer
  if (session && leg.heard_session)
    leg.s.session = *std::exchange(leg.heard_session, Boxed<SessionState>());
  std::string bytes =
      response_text(leg, *flow, as_it_came(tx, request), status, from_far, body, q850, why);
  leave(leg, bytes);
  services_.layer.respond(tx, status, std::move(bytes));
  if (session) refreshed(leg);
}

// `rseq`: of a reliable provisional answer; 0: it is none.
std::string Call::response_text(const Leg& leg, const transport::Flow& flow,
                                const sip::Message& request, int status,
                                const sip::Message* from_far, const Body& body, int q850,
                                std::string_view why, std::uint32_t rseq) {
  auto b = sip::begin_response(request, status, sip::reason_phrase(status), leg.s.dialog.local_tag,
                               flow.remote);
  const bool makes_dialog = request.method() == Method::kInvite && status > 100 && status < 300;
  if (makes_dialog) {
    if (const auto route = record_route(leg); !route.empty())
      b.header(HeaderId::kRecordRoute, route);
    for (const auto& f : request.headers())
      if (f.id == HeaderId::kRecordRoute) b.copy(f);
  }
  // A target refresh has a Contact both ways (RFC 3311 5.2).
  if (makes_dialog || (request.method() == Method::kUpdate && status / 100 == 2))
    b.header(HeaderId::kContact, peers::contact_value(side(leg), leg.s.number));
  if (starts_session(request, status)) confirm_session(b, leg);
  if (rseq != 0) {
    b.header(HeaderId::kRequire, "100rel");
    b.header(HeaderId::kRSeq, static_cast<std::int64_t>(rseq));
  }
  peers::add_common(b, *leg.profile, false);
  if (from_far) copy_crossing(b, *from_far, leg);
  if (makes_dialog && status < 200 && !leg.authorised.empty())
    b.header("P-Early-Media", leg.authorised);
  if (status >= 400) {
    const auto rewrite = leg.profile->q850_by_status.find(status);
    const int far_cause = from_far ? q850_of(*from_far) : 0;
    int cause = far_cause != 0 ? far_cause : q850;
    if (rewrite != leg.profile->q850_by_status.end()) cause = rewrite->second;
    if (cause != 0 && (leg.profile->reason_on_failure || far_cause != 0))
      b.header(HeaderId::kReason, reason_value(cause, why));
    if (status == 503) b.header(HeaderId::kRetryAfter, 5);
  }
  return b.finish(body.content, body.content_type);
}

const deployment::Profile* Call::profile_of(LegId id) const {
  const Leg* leg = const_cast<Call*>(this)->find_leg(id);
  return leg ? leg->profile : nullptr;
}

std::string Call::local_tag(LegId id) const {
  const Leg* leg = const_cast<Call*>(this)->find_leg(id);
  return leg ? leg->s.dialog.local_tag : std::string();
}

// Requests of a dialog that were answered with a failure, for `status`.
static std::string_view refused_within(int status) {
  switch (status) {
    case 405: return "in_call_405";
    case 420: return "in_call_420";
    case 481: return "in_call_481";
    case 491: return "in_call_491";
    case 500: return "in_call_500";
    case 501: return "in_call_501";
    default: return "in_call_other";
  }
}

void Call::simple_response(Leg& leg, transport::TxId tx, const sip::Message& request, int status,
                           std::string_view why) {
  if (status >= 400) services_.counters.dropped.add(refused_within(status));
  respond(leg, tx, request, status, nullptr, {}, status >= 400 ? policy::q850_of_status(status) : 0,
          why);
}

// --- The trail ---------------------------------------------------------------------------------

telemetry::Trail* Call::trail() { return services_.trails.live(state_.id); }

void Call::tell(telemetry::EventKind kind, const Leg* leg, std::string_view text) {
  if (auto* t = trail())
    t->add(kind, services_.reactor.wall(), leg ? leg->s.id.value : 0, text, {},
           leg ? std::string_view(leg->s.peer) : std::string_view{});
}

void Call::record_message(const Leg& leg, bool in, std::string_view bytes) {
  auto* t = trail();
  if (!t) return;
  t->message(in, services_.reactor.wall(), leg.s.id.value,
             leg.s.peer.empty() ? leg.s.group : leg.s.peer, leg.s.next_hop.transport, leg.bound,
             leg.s.next_hop.remote, bytes);
}

void Call::on_layer_message(LegId id, bool outgoing, std::string_view bytes) {
  Leg* leg = find_leg(id);
  if (!leg) return;
  record_message(*leg, !outgoing, bytes);
  if (!outgoing && is_late_answer(bytes)) hear_late_answer(*leg, ": passed over");
}

}  // namespace causeway::call
