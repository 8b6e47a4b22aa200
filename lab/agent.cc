#include "lab/agent.h"

#include <algorithm>
#include <charconv>

namespace causeway::lab {

using namespace std::chrono_literals;

namespace {
constexpr Micros kTransactionLife = 8s;
constexpr Micros kLongestRepeat = 4s;
constexpr std::size_t kMaxStray = 64;

std::string via_branch(const SipMessage& m) {
  const std::string via = m.get("Via");
  const auto semi = via.find(';');
  return semi == std::string::npos
             ? std::string{}
             : parameter(std::string_view(via).substr(semi + 1), "branch").value_or("");
}
}  // namespace

Agent::Agent(Side side, Loop& loop, MediaPump& pump, Random& random, Ladder& ladder,
             AgentSettings settings)
    : side_(side),
      loop_(loop),
      pump_(pump),
      random_(random),
      ladder_(ladder),
      settings_(std::move(settings)),
      port_(loop, *this, settings_.port),
      ports_(settings_.media_first, settings_.media_last) {}

Agent::~Agent() {
  for (auto& [key, t] : clients_) loop_.cancel(t.repeat), loop_.cancel(t.end);
  for (auto& [key, t] : servers_) loop_.cancel(t.repeat), loop_.cancel(t.end);
}

Status Agent::open() { return port_.open(); }

std::string Agent::token(std::size_t bytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (std::size_t i = 0; i < bytes; ++i) {
    const auto v = random_.below(256);
    out += kHex[v >> 4];
    out += kHex[v & 15];
  }
  return out;
}

std::string Agent::site_name(std::size_t site) const {
  const auto& s = settings_.port.sites[site];
  return s.name.empty() ? s.address.to_string() : s.name;
}

Call* Agent::place(const std::string& label, const std::string& number, const std::string& from,
                   Behaviour b, std::size_t site, const std::string& replaces) {
  if (calls_.size() >= settings_.max_calls) return nullptr;
  auto flow = port_.flow_to(site, settings_.gateway);
  if (!flow) {
    stray({{"LAB", flow.error().what}});
    return nullptr;
  }
  const std::uint64_t serial = next_serial_++;
  calls_.push_back(
      std::make_unique<Call>(*this, serial, true, label, number, from, std::move(b), site));
  Call* c = calls_.back().get();
  by_serial_[serial] = c;
  c->place(*flow, replaces);
  by_call_id_[c->call_id()] = c;
  return c;
}

void Agent::expect(const std::string& number, const std::string& label, Behaviour b) {
  expected_[number] = Expected{label, std::move(b)};
}

Behaviour Agent::expected(const std::string& number) const {
  const auto it = expected_.find(number);
  return it == expected_.end() ? Behaviour{} : it->second.behaviour;
}

void Agent::forget_ended() {
  for (const auto& c : calls_) {
    if (!c->ended()) continue;
    by_serial_.erase(c->serial());
    if (const auto it = by_call_id_.find(c->call_id());
        it != by_call_id_.end() && it->second == c.get())
      by_call_id_.erase(it);
  }
  std::erase_if(calls_, [](const auto& c) { return c->ended(); });
}

Call* Agent::call_by_serial(std::uint64_t serial) const {
  const auto it = by_serial_.find(serial);
  return it == by_serial_.end() ? nullptr : it->second;
}

void Agent::stray(const Violations& found) {
  for (const auto& v : found) {
    if (stray_.size() >= kMaxStray) return;
    if (std::find(stray_.begin(), stray_.end(), v) != stray_.end()) continue;
    stray_.push_back(v);
    ladder_.note(side_, "-", "! " + v.requirement + " " + v.what);
  }
}

void Agent::call_ended(Call& call) {
  if (observer_ != nullptr) observer_->on_call_ended(call);
}

Result<Endpoint> Agent::resolve(const std::string& uri) const {
  const auto u = parse_sip_uri(uri);
  if (!u) return tl::unexpected(u.error());
  const bool tls = port_.transport() == Transport::kTls;
  const auto port = static_cast<std::uint16_t>(u->port != 0 ? u->port : tls ? 5061 : 5060);
  if (auto a = IpAddress::parse(u->host)) return Endpoint{*a, port};
  const auto* r = find_address(settings_.zone, u->host);
  if (r == nullptr) return fail(ErrorCode::kNotFound, "no address for " + u->host);
  return Endpoint{r->address, port};
}

// --- client transactions
// ---------------------------------------------------------------------------

std::string Agent::send_request(SipMessage m, const Flow& flow, Call* call,
                                const std::string& branch) {
  const std::string b = branch.empty() ? "z9hG4bK" + token(12) : branch;
  const std::string via = "SIP/2.0/" + std::string(to_via_token(port_.transport())) + " " +
                          sent_by(flow.site) + ";branch=" + b + ";rport";
  m.headers.insert(m.headers.begin(), {"Via", via});
  port_.send(flow, m.to_text(capitals()));
  ladder_.message(side_, true, call != nullptr ? call->facts().label : "-", m);
  if (m.method == "ACK") return b;
  const std::string key = b + m.method;
  ClientTransaction t;
  t.flow = flow;
  t.call = call != nullptr ? call->serial() : 0;
  if (port_.transport() == Transport::kUdp)
    t.repeat = loop_.after(t.interval, [this, key] { repeat_request(key); });
  t.end = loop_.after(kTransactionLife, [this, key] {
    const auto it = clients_.find(key);
    if (it == clients_.end()) return;
    Call* c = call_by_serial(it->second.call);
    const bool silent = !it->second.final && !it->second.provisional;
    const SipMessage request = it->second.request;
    if (it->second.provisional && !it->second.final)
      return;  // INVITE that rings: the call sets the limit
    drop_client(key);
    if (silent && c != nullptr) c->on_timeout(request);
  });
  t.request = std::move(m);
  clients_[key] = std::move(t);
  return b;
}

void Agent::repeat_request(const std::string& key) {
  const auto it = clients_.find(key);
  if (it == clients_.end() || it->second.final) return;
  auto& t = it->second;
  if (t.provisional && t.request.method == "INVITE") return;
  port_.send(t.flow, t.request.to_text(capitals()));
  t.interval = std::min(t.interval * 2, kLongestRepeat);
  t.repeat = loop_.after(t.interval, [this, key] { repeat_request(key); });
}

void Agent::drop_client(const std::string& key) {
  const auto it = clients_.find(key);
  if (it == clients_.end()) return;
  loop_.cancel(it->second.repeat);
  loop_.cancel(it->second.end);
  clients_.erase(it);
}

void Agent::acknowledge_failure(const ClientTransaction& t, const SipMessage& response) {
  SipMessage a;
  a.method = "ACK";
  a.uri = t.request.uri;
  a.add("Via", t.request.get("Via"));
  a.add("Max-Forwards", "70");
  for (const auto& r : t.request.all("Route")) a.add("Route", r);
  a.add("From", t.request.get("From"));
  a.add("To", response.get("To"));
  a.add("Call-ID", t.request.get("Call-ID"));
  a.add("CSeq", std::to_string(t.request.cseq_number()) + " ACK");
  port_.send(t.flow, a.to_text(capitals()));
}

void Agent::on_response(const SipMessage& m, const Flow& flow) {
  const std::string method = m.cseq_method();
  const std::string key = via_branch(m) + method;
  const auto it = clients_.find(key);
  Call* known = it == clients_.end() ? nullptr : call_by_serial(it->second.call);
  ladder_.message(side_, false, known != nullptr ? known->facts().label : "-", m);
  if (it == clients_.end())
    return stray({{"RFC3261-17", "a response that matches no request: " + summary_of(m)}});
  if (flow.opened_by_them)
    stray({{"TDR-20", "a response on a connection that the gateway opened"}});
  auto& t = it->second;
  if (m.status < 200) {
    t.provisional = true;
  } else {
    const bool first = !t.final;
    t.final = true;
    loop_.cancel(t.repeat);
    if (method == "INVITE" && m.status >= 300) acknowledge_failure(t, m);
    if (method == "OPTIONS") {
      auto& o = options_of(t.flow.site);
      if (m.status == 200) ++o.answered;
      stray(check_response(m, method));
    }
    if (first) {  // kept for a while: finals are repeated when an ACK is lost
      loop_.cancel(t.end);
      t.end = loop_.after(kTransactionLife, [this, key] { drop_client(key); });
    } else if (method != "INVITE" || m.status >= 300) {
      return;
    }
  }
  if (known != nullptr) {
    const SipMessage request = t.request;  // the call may end the transaction
    known->on_response(request, m);
  }
}

std::string Agent::choose_suite(const SdpText& offer) const {
  for (const auto& c : offer.crypto)
    for (const auto& s : suites())
      if (c.suite == s) return s;
  return {};
}

// --- server transactions
// ---------------------------------------------------------------------------

SipMessage Agent::response_to(const SipMessage& request, int status, const std::string& reason,
                              const std::string& to_tag) const {
  SipMessage r;
  r.request = false;
  r.status = status;
  r.reason = reason;
  for (const auto& v : request.all("Via")) r.add("Via", v);
  r.add("From", request.get("From"));
  std::string to = request.get("To");
  if (!to_tag.empty() && tag_of(to).empty()) to += ";tag=" + to_tag;
  r.add("To", to);
  r.add("Call-ID", request.get("Call-ID"));
  r.add("CSeq", request.get("CSeq"));
  return r;
}

void Agent::respond(const std::string& key, const SipMessage& response, const std::string& label) {
  const auto it = servers_.find(key);
  if (it == servers_.end()) return;
  auto& t = it->second;
  t.last = response.to_text(capitals());
  port_.send(t.flow, t.last);
  ladder_.message(side_, true, label, response);
  if (response.status < 200) return;
  loop_.cancel(t.end);
  t.end = loop_.after(kTransactionLife, [this, key] {
    stop_repeating(key);
    servers_.erase(key);
  });
  // 2xx to INVITE is repeated over every transport (RFC 3261 13.3.1.4), failures over UDP.
  if (t.invite && (response.status < 300 || port_.transport() == Transport::kUdp))
    t.repeat = loop_.after(t.interval, [this, key] { repeat_response(key); });
}

void Agent::repeat_response(const std::string& key) {
  const auto it = servers_.find(key);
  if (it == servers_.end()) return;
  auto& t = it->second;
  port_.send(t.flow, t.last);
  t.interval = std::min(t.interval * 2, kLongestRepeat);
  t.repeat = loop_.after(t.interval, [this, key] { repeat_response(key); });
}

void Agent::stop_repeating(const std::string& key) {
  if (const auto it = servers_.find(key); it != servers_.end()) loop_.cancel(it->second.repeat);
}

void Agent::on_message(SipMessage m, const Flow& flow) {
  if (m.request) {
    on_request(m, flow);
  } else {
    on_response(m, flow);
  }
}

void Agent::on_bad_message(const std::string& why, const Flow& flow) {
  stray({{"TDR-57", "malformed message from " + flow.remote.address.to_string() + ": " + why}});
}

void Agent::on_connection_lost(const Flow& flow, const std::string& why) {
  if (why == "closed") return;
  constexpr std::string_view kHandshake = "TLS handshake: ";
  if (why.starts_with(kHandshake)) {
    const bool nothing = why.find("did not return a certificate") != std::string::npos;
    const char* rule = !is_service() ? "GW-TLS" : nothing ? "TDR-11" : "TDR-12";
    stray({{rule, "no connection with " + flow.remote.address.to_string() + ": " +
                      why.substr(kHandshake.size())}});
  }
  ladder_.note(side_, "-", "connection with " + flow.remote.to_string() + ": " + why);
}

void Agent::on_request(const SipMessage& m, const Flow& flow) {
  const std::string branch = via_branch(m);
  const auto by_id = by_call_id_.find(m.get("Call-ID"));
  Call* call = by_id == by_call_id_.end() ? nullptr : by_id->second;
  if (!flow.opened_by_them && flow.connection != 0)
    stray({{"TDR-20", m.method + " on a connection that we opened"}});
  if (m.method == "ACK") {
    if (call != nullptr) ladder_.message(side_, false, call->facts().label, m);
    if (const auto it = servers_.find(branch + "INVITE"); it != servers_.end()) {
      loop_.cancel(it->second.repeat);
      return;
    }
    if (call != nullptr) call->on_ack(m);
    return;
  }
  const std::string key = branch + m.method;
  if (const auto it = servers_.find(key); it != servers_.end()) {  // repeated
    if (!it->second.last.empty()) port_.send(flow, it->second.last);
    return;
  }
  ServerTransaction t;
  t.flow = flow;
  t.invite = m.method == "INVITE";
  t.end =
      loop_.after(t.invite ? Micros(120s) : kTransactionLife, [this, key] { servers_.erase(key); });
  servers_[key] = std::move(t);
  if (m.method == "OPTIONS") return answer_options(m, flow, key);
  if (m.method == "INVITE" && tag_of(m.get("To")).empty()) return on_new_invite(m, flow, key);
  ladder_.message(side_, false, call != nullptr ? call->facts().label : "-", m);
  if (call == nullptr || (call->ended() && m.method != "BYE" && m.method != "CANCEL")) {
    SipMessage r = response_to(m, 481, "Call/Transaction Does Not Exist", token(4));
    dress_response(r, nullptr);
    return respond(key, r, "-");
  }
  call->on_request(m, key);
}

void Agent::on_new_invite(const SipMessage& m, const Flow& flow, const std::string& key) {
  std::string number;
  if (const auto u = parse_sip_uri(m.uri)) number = u->user;
  auto planned = expected_.find(number);
  if (planned == expected_.end() && any_form_)
    planned = std::find_if(expected_.begin(), expected_.end(),
                           [&](const auto& e) { return same_subscriber(e.first, number); });
  const std::string label = planned == expected_.end() ? number : planned->second.label;
  ladder_.message(side_, false, label, m);
  if (calls_.size() >= settings_.max_calls) {
    SipMessage r = response_to(m, 503, "Service Unavailable", token(4));
    dress_response(r, nullptr);
    return respond(key, r, label);
  }
  Behaviour b = planned != expected_.end() ? planned->second.behaviour
                : default_                 ? *default_
                                           : behaviour_for(number, side_);
  std::string from;
  if (const auto u = parse_sip_uri(parse_name_addr(m.get("From")).uri)) from = u->user;
  const std::uint64_t serial = next_serial_++;
  calls_.push_back(
      std::make_unique<Call>(*this, serial, false, label, number, from, std::move(b), flow.site));
  Call* c = calls_.back().get();
  by_serial_[serial] = c;
  by_call_id_[m.get("Call-ID")] = c;
  c->violation(check_request(m, flow, c));
  c->on_invite(m, flow, key);
}

void Agent::answer_options(const SipMessage& m, const Flow& flow, const std::string& key) {
  auto& o = options_of(flow.site);
  ++o.received;
  ladder_.message(side_, false, "-", m);
  const Violations v = check_request(m, flow, nullptr);
  stray(v);
  const auto refused = refusal(v);
  if (refused) ++o.refused;
  SipMessage r =
      response_to(m, refused ? refused->status : 200, refused ? "Forbidden" : "OK", token(8));
  dress_response(r, nullptr);
  respond(key, r, "-");
  if (!refused) on_options(m, flow);
}

void Agent::send_options(std::size_t site, const std::string& uri, const Endpoint& to) {
  auto flow = port_.flow_to(site, to);
  if (!flow) return stray({{"LAB", flow.error().what}});
  ++options_of(site).sent;
  SipMessage m;
  m.method = "OPTIONS";
  m.uri = uri;
  m.add("Max-Forwards", "70");
  m.add("From", "<sip:" + sent_by(site) + ">;tag=" + token(8));
  m.add("To", "<" + uri + ">");
  m.add("Call-ID", token(12) + "@lab");
  m.add("CSeq", "1 OPTIONS");
  m.add("Contact", "<sip:" + sent_by(site) + ">");
  dress_request(m, nullptr);
  send_request(std::move(m), *flow, nullptr);
}

void Agent::probe_gateway() {
  send_options(0, "sip:" + settings_.gateway.to_string(), settings_.gateway);
}

}  // namespace causeway::lab
