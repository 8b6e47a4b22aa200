#include "call/explain.h"

#include <fmt/format.h>

#include <algorithm>

#include "call/explain_message.h"
#include "call/facts.h"
#include "call/outgoing.h"
#include "call/ruled.h"
#include "telemetry/text.h"

namespace causeway::call {

using deployment::Deployment;

namespace {

struct Source {
  deployment::GroupIndex group;
  std::optional<deployment::PeerIndex> peer;
};

Result<Source> source_of(const Deployment& d, std::string_view name) {
  if (const auto peer = d.find_peer(name)) return Source{d.peer(*peer).group, peer};
  if (const auto group = d.find_group(name)) return Source{*group, std::nullopt};
  std::string known;
  for (const auto& p : d.peers) known += (known.empty() ? "" : ", ") + p.name;
  return fail(ErrorCode::kNotFound, fmt::format("no peer and no group is called '{}'; peers: {}",
                                                name, known.substr(0, 400)));
}

// As it would have come: a file of a person has bare line feeds, and no Content-Length that fits.
std::string on_the_wire(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 64);
  const std::size_t blank = std::min(text.find("\r\n\r\n"), text.find("\n\n"));
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r')) out += '\r';
    out += text[i];
  }
  if (blank == std::string_view::npos) {
    if (!out.ends_with("\r\n")) out += "\r\n";
    out += "\r\n";
  }
  return out;
}

Endpoint advertised(const Deployment& d, deployment::ListenerIndex index) {
  const auto& l = d.listener(index);
  const auto& r = d.realm(l.realm);
  Endpoint e = l.address;
  if (e.address.is_v6() && r.public_v6) e.address = *r.public_v6;
  if (!e.address.is_v6() && r.public_v4) e.address = *r.public_v4;
  return e;
}

std::string behind(const deployment::PeerGroup& g) {
  if (g.service) return "service " + std::string(deployment::rules_of(*g.service).name);
  if (g.trunk != deployment::Trunk::kNone) return "trunk " + std::string(to_string(g.trunk));
  return "not routed by number";
}

class Explainer {
 public:
  Explainer(const Deployment& d, const sip::Message& m, const Source& from, Explanation& out)
      : d_(d), message_(m), from_(from), out_(out) {}

  void ways() {
    const auto home = d_.group(from_.group).region;
    const auto& first = out_.decision.first;
    if (first) add_all(*first, d_.group(*first).region != home);
    for (const bool other : {false, true})
      for (const auto g : out_.decision.targets)
        if ((d_.group(g).region != home) == other && g != first) add_all(g, other);
  }

 private:
  void add_all(deployment::GroupIndex g, bool other_region) {
    for (const auto p : d_.group(g).peers)
      if (const auto& named = out_.decision.gateway; !named || p == *named) add(g, p, other_region);
  }
  void add(deployment::GroupIndex g, deployment::PeerIndex p, bool other_region) {
    const auto& group = d_.group(g);
    const auto& peer = d_.peer(p);
    const auto& profile = d_.profile(group.profile);
    std::string host = customer_host(profile, out_.decision.customer);
    if (group.internal_realm && from_.peer && !d_.peer(*from_.peer).known_as.empty())
      host = d_.peer(*from_.peer).known_as;
    const peers::LocalSide us{&profile, advertised(d_, group.listener),
                              d_.listener(group.listener).transport, host};
    std::string called = out_.decision.called;
    if (const auto* uri = message_.target(); called.empty() && uri)
      called = std::string(uri->is_service() ? uri->text : uri->user);
    const Onward on{message_, d_, out_.decision, called, from_.group, p, us};
    ShownInvite a = shown_invite(on, d_.profile(d_.group(from_.group).profile), out_.variables);
    out_.ways.push_back({group.name, peer.name,
                         fmt::format("{}{} over {}", peer.host,
                                     peer.port != 0 ? ":" + std::to_string(peer.port) : "",
                                     to_string(peer.transport)),
                         other_region, a.request_uri, a.from, a.to, a.contact, std::move(a.headers),
                         std::move(a.session), std::move(a.changes)});
    if (out_.ways.size() > 1) return;
    out_.written = out_.ways.front().headers;
    for (const auto& f : message_.headers()) kept_back(f, on);
  }

  void kept_back(const sip::HeaderField& f, const Onward& on) {
    if (never_crosses(f.id)) return;
    const std::string name(f.id == sip::HeaderId::kOther ? f.name : sip::header_name(f.id));
    const auto starts = [&](const std::string& line) {
      return line.size() > name.size() && line[name.size()] == ':' &&
             sip::iequals(std::string_view(line).substr(0, name.size()), name);
    };
    if (std::any_of(out_.written.begin(), out_.written.end(), starts)) return;
    const auto& profile = *on.us.profile;
    const bool for_trusted =
        std::any_of(profile.trusted_headers.begin(), profile.trusted_headers.end(),
                    [&](const std::string& n) { return sip::iequals(n, name); });
    out_.kept_back.push_back(name + (for_trusted
                                         ? ": only between groups that are trusted, both"
                                         : ": profile '" + profile.name + "' does not list it"));
  }

  const Deployment& d_;
  const sip::Message& message_;
  const Source& from_;
  Explanation& out_;
};

}  // namespace

Result<Explanation> explain(const Deployment& d, const directory::Directory* directory,
                            std::string_view from, std::string_view text, const Present* present) {
  const auto source = source_of(d, from);
  if (!source) return tl::unexpected(source.error());
  const std::string bytes = on_the_wire(text);
  auto m = sip::Message::parse(bytes);
  if (!m) return fail(ErrorCode::kMalformed, "no SIP message: " + m.error().what);
  if (!m->is_request() || m->method() != sip::Method::kInvite)
    return fail(ErrorCode::kMalformed, "it is no INVITE");
  Explanation out;
  const auto& group = d.group(source->group);
  out.group = group.name;
  if (source->peer) out.peer = d.peer(*source->peer).name;
  out.behind = behind(group);
  RuledInvite ruled;
  if (const auto& chain = d.profile(group.profile).rules_in)
    ruled = rule_invite(d, *chain, source->group, out.peer, *m);
  out.changes = std::move(ruled.changes);
  out.variables = std::move(ruled.variables);
  if (ruled.message) m = std::move(*ruled.message);
  policy::CallFacts f = facts_of(*m, d, source->group);
  f.peer = source->peer;
  if (present != nullptr) {
    f.calls_now = present->admission.calls();
    f.group_calls_now = present->admission.calls_of(source->group);
    if (f.peer) f.peer_calls_now = present->admission.calls_of(*f.peer);
    f.stopping = present->stopping;
    f.ending = present->ending;
  }
  out.decision = policy::decide(d, f, directory);
  const bool held = !(f.resource_priority && group.trusted);  // as GatewayShard::on_new_call()
  if (present != nullptr && held && !out.decision.refusal)
    out.decision.refusal = present->admission.full_of_customer(out.decision.customer);
  if (!out.decision.refusal) Explainer(d, *m, *source, out).ways();
  return out;
}

namespace {

void append_changes(std::string& out, const std::vector<rules::Change>& changes) {
  for (std::size_t i = 0; i < changes.size(); ++i)
    out += fmt::format("{:<8} {}\n", i == 0 ? "rules" : "",
                       telemetry::printable(rules::to_string(changes[i])));
}

}  // namespace

std::string to_text(const Explanation& e) {
  std::string out = fmt::format("from     {}{} ({})\n", e.peer.empty() ? "" : e.peer + " of group ",
                                e.group, e.behind);
  append_changes(out, e.changes);
  for (std::size_t i = 0; i < e.decision.reasons.size(); ++i)
    out += fmt::format("{:<8} {}\n", i == 0 ? "because" : "", e.decision.reasons[i]);
  if (const auto& r = e.decision.refusal) {
    out += fmt::format("refused  {} (Q.850 cause {}, counted as {}): {}\n", r->status, r->q850,
                       r->label, r->text);
    return out;
  }
  const auto& c = e.decision.customer;
  if (c.service) {
    out += fmt::format("service  {}", deployment::rules_of(*c.service).name);
    if (c.service_calls != 0) out += fmt::format(", at most {} calls", c.service_calls);
    out += "\n";
  }
  if (!c.account.empty()) {
    out += fmt::format("account  {}", c.account);
    if (!c.tenant.empty()) out += ", tenant " + c.tenant;
    if (c.account_calls != 0) out += fmt::format(", at most {} calls", c.account_calls);
    out += "\n";
  }
  std::string group;
  for (const auto& w : e.ways) {
    const bool beside = e.decision.at_once && !group.empty() && w.group != group;
    out += fmt::format("to       {} of group {} at {}{}\n", w.peer, w.group, w.address,
                       w.other_region ? ", of another region: after those before"
                       : beside       ? ", at the same time (forking)"
                                      : "");
    if (w.group == group) continue;  // the same but for the host
    group = w.group;
    out += fmt::format(
        "         INVITE {}\n         From: {}\n         To: {}\n         Contact: {}\n",
        w.request_uri, w.from, w.to, w.contact);
    append_changes(out, w.changes);
  }
  for (std::size_t i = 0; i < e.written.size(); ++i)
    out += fmt::format("{:<8} {}\n", i == 0 ? "with" : "", e.written[i]);
  const auto& offer = e.ways.empty() ? std::vector<std::string>{} : e.ways.front().session;
  for (std::size_t i = 0; i < offer.size(); ++i)
    out += fmt::format("{:<8} {}\n", i == 0 ? "offering" : "", offer[i]);
  for (std::size_t i = 0; i < e.kept_back.size(); ++i)
    out += fmt::format("{:<8} {}\n", i == 0 ? "without" : "", e.kept_back[i]);
  return out;
}

namespace {

class Json {
 public:
  void text(std::string_view name, std::string_view value) {
    key(name);
    telemetry::append_json_string(out, value);
  }
  void number(std::string_view name, std::int64_t value) {
    key(name);
    out += std::to_string(value);
  }
  void flag(std::string_view name, bool value) {
    key(name);
    out += value ? "true" : "false";
  }
  void list(std::string_view name, const std::vector<std::string>& values) {
    key(name);
    out += '[';
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (i != 0) out += ',';
      telemetry::append_json_string(out, values[i]);
    }
    out += ']';
  }
  // [{"set":..,"rule":..,"what":..,"before":..,"after":..,"refused":..}]
  void changes(std::string_view name, const std::vector<rules::Change>& all) {
    key(name);
    out += '[';
    for (std::size_t i = 0; i < all.size(); ++i) {
      Json c;
      c.text("set", all[i].set);
      c.text("rule", all[i].rule);
      c.text("what", all[i].what);
      c.text("before", all[i].before);
      c.text("after", all[i].after);
      c.text("refused", all[i].refused);
      out += (i == 0 ? "" : ",") + c.out + "}";
    }
    out += ']';
  }
  void key(std::string_view name) {
    if (out.back() != '{') out += ',';
    telemetry::append_json_string(out, name);
    out += ':';
  }
  std::string out = "{";
};

}  // namespace

std::string to_json(const Explanation& e) {
  Json j;
  j.text("group", e.group);
  j.text("peer", e.peer);
  j.text("behind", e.behind);
  j.changes("rules", e.changes);
  j.flag("emergency", e.decision.emergency == policy::EmergencyClass::kEmergency);
  j.text("called", e.decision.called);
  j.flag("at_once", e.decision.at_once);
  j.list("reasons", e.decision.reasons);
  const auto& c = e.decision.customer;
  j.text("service", c.service ? deployment::rules_of(*c.service).name : std::string_view());
  j.text("account", c.account);
  j.text("tenant", c.tenant);
  j.number("account_calls", c.account_calls);
  j.number("service_calls", c.service_calls);
  if (const auto& r = e.decision.refusal) {
    j.key("refused");
    Json why;
    why.number("status", r->status);
    why.number("q850", r->q850);
    why.text("label", r->label);
    why.text("text", r->text);
    j.out += why.out + "}";
  }
  j.key("ways");
  j.out += '[';
  for (std::size_t i = 0; i < e.ways.size(); ++i) {
    const auto& w = e.ways[i];
    Json way;
    way.text("group", w.group);
    way.text("peer", w.peer);
    way.text("address", w.address);
    way.flag("other_region", w.other_region);
    way.text("request_uri", w.request_uri);
    way.text("from", w.from);
    way.text("to", w.to);
    way.text("contact", w.contact);
    way.changes("rules", w.changes);
    way.list("session", w.session);
    j.out += (i == 0 ? "" : ",") + way.out + "}";
  }
  j.out += ']';
  j.list("headers", e.written);
  j.list("kept_back", e.kept_back);
  return j.out + "}\n";
}

}  // namespace causeway::call
