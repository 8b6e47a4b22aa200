#include "proxy/stateful_proxy.h"

#include <algorithm>

#include "sip/build.h"
#include "sip/edit.h"
#include "sip/headers.h"
#include "sip/tag.h"

namespace causeway::proxy {

using sip::HeaderId;
using sip::Method;
using transport::Received;
using transport::TxId;

namespace {

constexpr std::uint64_t kEnd = std::uint64_t{1} << 63;  // of a token: the context is forgotten
constexpr Seconds kAfterTheEnd{40};                     // longer than Timers L and M

std::optional<Endpoint> literal(std::string_view uri_text) {
  const auto uri = sip::parse_uri(uri_text);
  if (!uri || !uri->is_sip()) return std::nullopt;
  const auto address = IpAddress::literal(uri->host);
  if (!address) return std::nullopt;
  return Endpoint{*address, uri->port ? uri->port : std::uint16_t{5060}};
}

// What makes a request that comes again the same one (RFC 3261 16.6 step 8): a spiral has another
// Request-URI, a loop has not.
std::string loop_token(const sip::Message& m) {
  std::uint64_t h = 0xcbf29ce484222325ULL;
  const auto mix = [&](std::string_view s) {
    for (const char c : s) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  };
  for (const auto s :
       {m.request_uri(), m.from_tag(), m.to_tag(), m.call_id(), m.value(HeaderId::kRoute)})
    mix(s);
  return std::to_string(h ^ m.cseq());
}

bool loops(const sip::Message& m) {
  const std::string token = loop_token(m);
  for (const auto& f : m.headers()) {
    if (f.id != HeaderId::kVia) continue;
    std::string_view list = f.value;
    for (auto one = sip::next_value(list); !one.empty(); one = sip::next_value(list))
      if (const auto via = sip::parse_via(one);
          via && sip::find_param(via->params, "loop") == token)
        return true;
  }
  return false;
}

// RFC 3261 16.7 step 6: a 6xx before all others, then the lowest class; 503 says nothing of us.
int rank(int status) { return status >= 600 ? 0 : status / 100 * 1'000 + status; }

}  // namespace

sip::Owner StatefulProxy::home_of(const sip::Message& m) const {
  return {layer_at().deployment().operation.node, sip::bucket_of_call_id(m.call_id())};
}

bool StatefulProxy::is_us(std::string_view uri) const {
  const auto at = literal(uri);
  return at && *at == own();
}

transport::Destination StatefulProxy::to(const Endpoint& where) const {
  transport::Destination d;
  d.remote = where;
  d.transport = Transport::kUdp;
  d.listener = deployment::ListenerIndex{0};
  return d;
}

// `own_route`: the first Route is ours and goes (RFC 3261 16.4).
std::vector<Endpoint> StatefulProxy::targets_of(const sip::Message& m, bool& own_route) const {
  std::vector<std::string_view> routes;
  for (const auto& f : m.headers()) {
    if (f.id != HeaderId::kRoute) continue;
    std::string_view list = f.value;
    for (auto one = sip::next_value(list); !one.empty(); one = sip::next_value(list))
      routes.push_back(one);
  }
  own_route = false;
  std::size_t first = 0;
  if (!routes.empty())
    if (const auto a = sip::parse_name_addr(routes[0]); a && is_us(a->uri)) {
      own_route = true;
      first = 1;
    }
  if (first < routes.size()) {
    const auto a = sip::parse_name_addr(routes[first]);
    const auto at = a ? literal(a->uri) : std::nullopt;
    return at ? std::vector<Endpoint>{*at} : std::vector<Endpoint>{};
  }
  if (!m.to_tag().empty()) {
    if (const auto at = literal(m.request_uri()); at && *at != own()) return {*at};
    return {};
  }
  return options_.targets;
}

std::string StatefulProxy::forwarded(const Received& r, bool own_route,
                                     const std::string& branch) const {
  const sip::Message& m = r.message;
  sip::Edit edit(m);
  if (own_route) edit.pop(HeaderId::kRoute);
  const auto hops = sip::parse_u32(m.value(HeaderId::kMaxForwards));
  edit.set(HeaderId::kMaxForwards, std::to_string(hops ? *hops - 1 : 70));
  if (m.method() == Method::kInvite && m.to_tag().empty())
    edit.push(HeaderId::kRecordRoute, "<sip:" + own().to_string() + ";lr>");
  edit.push(HeaderId::kVia,
            "SIP/2.0/UDP " + own().to_string() + ";branch=" + branch + ";loop=" + loop_token(m));
  return edit.finish();
}

void StatefulProxy::answer(TxId tx, int status) {
  const sip::Message* request = layer_.request_of(tx);
  const transport::Flow* flow = layer_.flow_of(tx);
  if (!request || !flow) return;
  layer_.respond(
      tx, status,
      sip::begin_response(*request, status, sip::reason_phrase(status),
                          sip::make_tag(home_of(*request), reactor_.random()), flow->remote)
          .finish());
}

// --- Requests ----------------------------------------------------------------------------------

void StatefulProxy::on_request(TxId tx, const Received& r) {
  const sip::Message& m = r.message;
  if (sip::parse_u32(m.value(HeaderId::kMaxForwards)).value_or(70) == 0) return answer(tx, 483);
  if (loops(m)) return answer(tx, 482);
  if (m.has(HeaderId::kProxyRequire)) return answer(tx, 420);
  bool own_route = false;
  const std::vector<Endpoint> targets = targets_of(m, own_route);
  if (targets.empty()) return answer(tx, 404);
  const std::uint64_t id = next_id_++;
  Context& c = contexts_[id];
  c.server = tx;
  c.invite = m.method() == Method::kInvite;
  c.branches.resize(targets.size());
  layer_.set_user(tx, id << 8);
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const std::string branch = sip::make_branch(home_of(m), reactor_.random());
    c.branches[i].tx = layer_.send_request(forwarded(r, own_route, branch), branch, m.method(),
                                           to(targets[i]), id << 8 | i, transport::Role::kProxy);
  }
  if (c.invite) restart_timer_c(id, c);
}

void StatefulProxy::on_cancel(TxId invite, const sip::Message&) {
  const auto it = contexts_.find(layer_.user_of(invite) >> 8);
  if (it == contexts_.end()) return;
  it->second.cancelled = true;
  cancel_pending(it->second);
}

std::string StatefulProxy::answer_to_cancel(const Received& cancel, std::uint64_t) {
  return sip::begin_response(cancel.message, 200, sip::reason_phrase(200),
                             sip::make_tag(home_of(cancel.message), reactor_.random()),
                             cancel.flow.remote)
      .finish();
}

// The ACK of a 2xx has no transaction (RFC 3261 13.2.2.4); a CANCEL of something unknown gets none.
void StatefulProxy::forward_statelessly(const Received& r) {
  bool own_route = false;
  const auto targets = targets_of(r.message, own_route);
  if (targets.empty() || sip::parse_u32(r.message.value(HeaderId::kMaxForwards)).value_or(70) == 0)
    return;
  const std::string branch = sip::make_branch(home_of(r.message), reactor_.random());
  layer_.send_ack(forwarded(r, own_route, branch), to(targets.front()));
}

void StatefulProxy::cancel_pending(Context& c) {
  for (Branch& b : c.branches)
    if (b.status == 0) layer_.cancel(b.tx, {});
}

// --- Responses ---------------------------------------------------------------------------------

void StatefulProxy::on_response(TxId, std::uint64_t user, const Received& r) {
  const std::uint64_t id = user >> 8;
  const auto it = contexts_.find(id);
  if (it == contexts_.end()) return;
  Context& c = it->second;
  Branch& b = c.branches[user & 0xff];
  const int status = r.message.status();
  if (status == 100) {
    b.provisional = true;
    return;
  }
  std::string bytes = sip::Edit(r.message).pop(HeaderId::kVia).finish();
  if (status < 200) {
    b.provisional = true;
    if (c.invite && !c.answered) restart_timer_c(id, c);
    if (!c.answered) layer_.respond(c.server, status, std::move(bytes));
    return;
  }
  const bool first = b.status == 0;
  if (first) b.status = status;
  if (status < 300) {
    // Every 2xx to an INVITE goes on, however many come (RFC 3261 16.7 step 5).
    if (!c.answered || c.invite) layer_.respond(c.server, status, std::move(bytes));
    if (!std::exchange(c.answered, true)) {
      cancel_pending(c);
      end_later(id);
    }
    return;
  }
  if (!first) return;
  b.response = std::move(bytes);
  if (status >= 600) cancel_pending(c);
  branch_done(id, c);
}

// The best of all is chosen when the last one has come.
void StatefulProxy::branch_done(std::uint64_t id, Context& c) {
  if (c.answered) return;
  const Branch* best = nullptr;
  for (const Branch& b : c.branches) {
    if (b.status == 0) return;
    if (!best || rank(b.status) < rank(best->status)) best = &b;
  }
  c.answered = true;
  // RFC 3261 16.7 step 6: the caller has nobody else to turn to because of a 503.
  if (best->response.empty() || best->status == 503)
    answer(c.server, best->status == 503 ? 500 : best->status);
  else
    layer_.respond(c.server, best->status, best->response);
  end_later(id);
}

void StatefulProxy::on_request_failed(TxId, std::uint64_t user, const Error& reason) {
  const auto it = contexts_.find(user >> 8);
  if (it == contexts_.end()) return;
  Branch& b = it->second.branches[user & 0xff];
  if (b.status != 0) return;
  b.status = reason.code == ErrorCode::kTimeout ? 408 : 503;
  branch_done(it->first, it->second);
}

// RFC 3261 16.7: without a transaction, by the next Via alone.
void StatefulProxy::on_stray_response(const Received& r) {
  const std::string bytes = sip::Edit(r.message).pop(HeaderId::kVia).finish();
  const auto m = sip::Message::parse(bytes);
  const sip::Via* via = m ? m->top_via() : nullptr;
  if (!via) return;
  const auto received = sip::find_param(via->params, "received");
  const auto address = IpAddress::literal(received.value_or(via->host));
  if (!address) return;
  const auto rport =
      sip::parse_u32(sip::find_param(via->params, "rport").value_or(std::string_view{}));
  transport::Flow flow = r.flow;
  flow.remote = {*address, rport       ? static_cast<std::uint16_t>(*rport)
                           : via->port ? via->port
                                       : std::uint16_t{5060}};
  flow.reply_to = flow.remote;
  layer_.transport().send_response(flow, bytes);
}

// --- Timers ------------------------------------------------------------------------------------

void StatefulProxy::restart_timer_c(std::uint64_t id, Context& c) {
  reactor_.timers().cancel(c.timer_c);
  c.timer_c = reactor_.timers().schedule(reactor_.now() + options_.timer_c, *this, id);
}

void StatefulProxy::end_later(std::uint64_t id) {
  reactor_.timers().cancel(contexts_[id].timer_c);
  contexts_[id].timer_c = {};
  reactor_.timers().schedule(reactor_.now() + kAfterTheEnd, *this, id | kEnd);
}

void StatefulProxy::on_timer(std::uint64_t token, Instant) {
  const std::uint64_t id = token & ~kEnd;
  const auto it = contexts_.find(id);
  if (it == contexts_.end()) return;
  if (token & kEnd) {
    contexts_.erase(it);
    return;
  }
  // RFC 3261 16.8: what rings is cancelled, what said nothing is given up.
  Context& c = it->second;
  c.timer_c = {};
  for (Branch& b : c.branches) {
    if (b.status != 0) continue;
    if (b.provisional) {
      layer_.cancel(b.tx, {});
    } else {
      layer_.abandon(b.tx);
      b.status = 408;
    }
  }
  branch_done(id, c);
}

}  // namespace causeway::proxy
