#include "call/redirect.h"

#include <algorithm>

#include "call/call.h"
#include "sip/headers.h"

namespace causeway::call {

using sip::HeaderId;
using telemetry::EventKind;

namespace {

// Thousandths (RFC 3261 25.1: "0.7"); what is not said counts as 1.
int q_of(const sip::NameAddr& contact) {
  const auto q = contact.param("q");
  if (!q || q->empty() || (*q)[0] != '0') return 1'000;
  int value = 0, unit = 100;
  for (std::size_t i = 2; i < q->size() && unit > 0; ++i, unit /= 10) {
    if ((*q)[i] < '0' || (*q)[i] > '9') return value;
    value += ((*q)[i] - '0') * unit;
  }
  return value;
}

}  // namespace

std::vector<std::string> contacts_in_order(const sip::Message& m) {
  constexpr std::size_t kMost = 64;
  std::vector<std::pair<int, std::string>> found;
  for (const auto& f : m.headers()) {
    if (f.id != HeaderId::kContact) continue;
    std::string_view list = f.value;
    for (auto one = sip::next_value(list); !one.empty() && found.size() < kMost;
         one = sip::next_value(list)) {
      const auto contact = sip::parse_name_addr(one);
      if (!contact || !contact->target.is_sip()) continue;
      found.emplace_back(q_of(*contact), sip::as_request_uri(contact->uri));
    }
  }
  // Few: put in one by one, behind those that are preferred as much.
  std::vector<std::pair<int, std::string>> sorted;
  for (auto& f : found)
    sorted.insert(std::find_if(sorted.begin(), sorted.end(),
                               [&](const auto& s) { return s.first < f.first; }),
                  std::move(f));
  std::vector<std::string> out;
  out.reserve(sorted.size());
  for (auto& s : sorted) out.push_back(std::move(s.second));
  return out;
}

// Within the group alone: a peer, an address among its sources, or a name that the peer that said
// so may know better than we do.
std::optional<Redirected> Call::way_of_contact(const Leg& leg, const std::string& uri) const {
  const auto parsed = sip::parse_uri(uri);
  if (!parsed || (parsed->is_sips() && leg.transport != Transport::kTls)) return std::nullopt;
  Redirected r;
  r.uri = uri;
  r.peer = leg.s.peer;
  std::string host;
  for (const char c : parsed->host) host += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  for (const auto p : deployment_->group(leg.group).peers) {
    const auto& peer = deployment_->peer(p);
    if (peer.host != host || (parsed->port != 0 && peer.port != 0 && parsed->port != peer.port))
      continue;
    r.peer = peer.name;
    return r;
  }
  const auto literal = IpAddress::literal(parsed->host);
  if (!literal) return r;
  if (!believed(leg, *literal)) return std::nullopt;
  const bool tls = leg.attempt && leg.attempt->transport == Transport::kTls;
  r.at = Endpoint{*literal,
                  parsed->port != 0 ? parsed->port : static_cast<std::uint16_t>(tls ? 5061 : 5060)};
  return r;
}

bool Call::follow_redirect(Leg& leg, const sip::Message& m) {
  Hunt* const mine = hunt_of(leg);
  if (!mine || leg.profile->redirects != deployment::Redirects::kFollow) return false;
  Hunt& h = *mine;
  std::vector<Redirected> found;
  for (const auto& uri : contacts_in_order(m)) {
    const bool before = uri == leg.s.dialog.remote_target ||
                        std::find(redirected_.begin(), redirected_.end(), uri) != redirected_.end();
    std::string no;
    if (before)
      no = "was tried before: a loop";
    else if (redirected_.size() >= kMaxRedirects)
      no = "is one more than a call follows";
    auto way = no.empty() ? way_of_contact(leg, uri) : std::nullopt;
    if (no.empty() && !way) no = "is outside of group '" + leg.s.group + "'";
    if (!no.empty()) {
      tell(EventKind::kNote, &leg, "redirected to " + uri.substr(0, 200) + ", which " + no);
      continue;
    }
    redirected_.push_back(uri);
    found.push_back(std::move(*way));
  }
  if (found.empty()) return false;
  tell(EventKind::kRouteAttempt, &leg,
       leg.s.peer + " answered " + std::to_string(m.status()) + ": redirected to " +
           found.front().uri.substr(0, 200) +
           (found.size() > 1 ? " and " + std::to_string(found.size() - 1) + " more" : ""));
  services_.counters.transfers.add("redirected");
  for (auto* t : {&leg.progress, &leg.ring}) stop_timer(*t);
  close_media(leg);
  leg.client_invite = {};
  leg_ended(leg);
  // What was asked of the first address is answered: the Contacts stand for it (RFC 3261 8.1.3.4).
  // Whoever calls for help has the other peers behind them (EM-15).
  if (calls_for_help()) h.spare.insert(h.spare.begin(), h.ways.begin(), h.ways.end());
  h.ways.clear();
  h.destinations.clear();
  h.redirects.insert(h.redirects.end(), std::make_move_iterator(found.rbegin()),
                     std::make_move_iterator(found.rend()));
  choose_branch();
  next_way(h);
  return true;
}

// The next Contact, when nothing else is left to be tried, as the next way.
void Call::take_redirect(Hunt& h) {
  if (h.ways.empty() && h.redirects.empty() && !h.spare.empty()) {
    h.ways.swap(h.spare);
    h.redirect.reset();
  }
  while (h.ways.empty() && !h.redirects.empty()) {
    h.redirect = std::move(h.redirects.back());
    h.redirects.pop_back();
    if (const auto peer = deployment_->find_peer(h.redirect->peer))
      h.ways.push_back({deployment_->peer(*peer).group, *peer});
  }
}

// Told to a caller whose group wants to know, with its Contacts. False: it is a failure like
// others.
bool Call::pass_redirect(const Leg& leg, const sip::Message& m) {
  using deployment::Redirects;
  Leg& in = *find_leg(state_.ingress);
  if (leg.profile->redirects != Redirects::kPass || in.profile->redirects != Redirects::kPass ||
      in.server_invite.value == 0 || !invite_)
    return false;
  const auto* flow = services_.layer.flow_of(in.server_invite);
  if (!flow) return false;
  auto b = sip::begin_response(as_it_came(in.server_invite, *invite_), m.status(),
                               sip::reason_phrase(m.status()), in.s.dialog.local_tag, flow->remote);
  for (const auto& uri : contacts_in_order(m))
    b.begin(HeaderId::kContact).add("<").add(uri).add(">").end_line();
  peers::add_common(b, *in.profile, false);
  std::string bytes = b.finish();
  leave(in, bytes);
  services_.layer.respond(in.server_invite, m.status(), std::move(bytes));
  in.server_invite = {};
  terminate({TerminationClass::kRejected, ReleasedBy::kCallee, m.status(), 23,
             leg.s.peer + " redirected the caller with " + std::to_string(m.status())},
            nullptr, nullptr);
  return true;
}

}  // namespace causeway::call
