#include "call/replay.h"

#include <algorithm>

#include "call/crossing.h"
#include "call/explain_message.h"
#include "call/hunt.h"
#include "call/replay_within.h"
#include "call/ruled.h"
#include "sip/build.h"
#include "sip/headers.h"
#include "telemetry/text.h"

namespace causeway::call {

using telemetry::Event;
using telemetry::EventKind;

namespace {

// A message of a trail that is whole; nullopt: it was cut, or is none.
std::optional<sip::Message> message_of(const Event& e) {
  std::string_view text = e.message;
  if (telemetry::take_cut_note(text) != 0) return std::nullopt;
  auto m = sip::Message::parse(text);
  if (!m) return std::nullopt;
  return std::move(*m);
}

bool is_invite(const sip::Message& m) {
  return m.method() == sip::Method::kInvite && m.is_request() && m.to_tag().empty();
}
bool is_final_failure(const sip::Message& m) {
  return m.method() == sip::Method::kInvite && m.status() >= 300;
}

constexpr std::string_view kAtOnce = "routes_to, all at once (forking)";

// What a trail says of a call's beginning.
struct Recorded {
  const Event* came = nullptr;
  std::optional<sip::Message> invite;
  const Event* sent = nullptr;  // the first attempt
  std::optional<sip::Message> first;
  std::string far_peer;  // whose failure came last
  std::optional<sip::Message> far_failure, failure;
  bool answered = false;
  bool at_once = false;  // its targets were called side by side
};

Recorded recorded(const telemetry::Trail& trail) {
  Recorded r;
  for (const Event* e : trail.events()) {
    const bool in = e->kind == EventKind::kMessageIn;
    if (e->kind == EventKind::kDecision && !r.sent && e->text.find(kAtOnce) != std::string::npos)
      r.at_once = true;
    if (!in && e->kind != EventKind::kMessageOut) continue;
    if (in && !r.came) {
      r.came = e;
      r.invite = message_of(*e);
      continue;
    }
    if (!r.came || r.answered || r.failure) continue;
    auto m = message_of(*e);
    if (!m) continue;
    const bool caller = e->leg == r.came->leg;
    if (!in && !caller && is_invite(*m)) {
      if (!r.sent) r.sent = e, r.first = std::move(m);
    } else if (in && !caller && is_final_failure(*m)) {
      if (r.at_once && r.far_failure &&
          !tells_more(policy::map_failure(m->status()).status,
                      policy::map_failure(r.far_failure->status()).status))
        continue;
      r.far_peer = e->peer;
      r.far_failure = std::move(m);
    } else if (!in && caller && m->method() == sip::Method::kInvite && m->status() >= 200) {
      if (m->status() < 300)
        r.answered = true;
      else
        r.failure = std::move(m);
    }
  }
  return r;
}

std::string joined(const std::vector<std::string>& parts, std::string_view between) {
  std::string out;
  for (const auto& p : parts) out += (out.empty() ? "" : std::string(between)) + p;
  return out;
}

std::string_view name_of(std::string_view header_line) {
  return header_line.substr(0, header_line.find(':'));
}

class Replay {
 public:
  Replay(const Recorded& was, const deployment::Deployment& d, const Explanation& now,
         Replayed& out)
      : was_(was), d_(d), now_(now), out_(out) {
    if (const auto group = d.find_group(now.group))
      calling_ = billing_number(*was.invite, d.group(*group).trusted);
  }

  [[nodiscard]] const std::string& calling() const { return calling_; }

  void compare() {
    const std::string reasons = joined(now_.decision.reasons, "; ");
    if (const auto& no = now_.decision.refusal) {
      const std::string text = std::to_string(no->status) + " " + no->text;
      if (was_.sent)
        differ("refusal", "", text, reasons);
      else if (was_.failure && was_.failure->status() != refused_with(no->status))
        differ("refusal", std::to_string(was_.failure->status()), text, reasons);
      return;
    }
    if (!was_.sent) {
      if (was_.failure) differ("refusal", std::to_string(was_.failure->status()), "", reasons);
      return;
    }
    const auto* way = compare_peers(reasons);
    if (way && was_.first) compare_invites(*way);
    compare_failure();
  }

 private:
  void differ(std::string what, std::string before, std::string after, std::string why) {
    out_.differences.push_back(
        {std::move(what), std::move(before), std::move(after), std::move(why)});
  }

  [[nodiscard]] const Explanation::Way* compare_peers(const std::string& reasons) {
    const std::string& peer = was_.sent->peer;
    const auto way = std::find_if(now_.ways.begin(), now_.ways.end(),
                                  [&](const auto& w) { return w.peer == peer; });
    std::vector<std::string> tried;
    for (const auto& w : now_.ways) tried.push_back(w.peer);
    if (way == now_.ways.end()) {
      differ("peer", peer, tried.empty() ? "" : joined(tried, ", then "), reasons);
      return nullptr;
    }
    if (now_.decision.at_once != was_.at_once) {
      const auto how = [](bool at_once) { return at_once ? "all at once" : "one after the other"; };
      differ("targets", how(was_.at_once), how(now_.decision.at_once), reasons);
    }
    if (now_.decision.at_once) return &*way;
    // Which peer of a group is first may be a matter of who was up; which group is not.
    if (now_.ways.front().group != way->group)
      differ("peer", peer, joined(tried, ", then "), reasons);
    return &*way;
  }

  // Which rule did it, or whose profile.
  [[nodiscard]] std::string reason_for(std::string_view what, const Explanation::Way& way) const {
    std::vector<std::string> found;
    for (const auto* list : {&now_.changes, &way.changes})
      for (const auto& c : *list)
        if (sip::iequals(std::string_view(c.what).substr(0, what.size()), what))
          found.push_back("rule " + rules::to_string(c));
    if (!found.empty()) return joined(found, "; ");
    const auto group = d_.find_group(way.group);
    return group ? "profile '" + d_.profile(d_.group(*group).profile).name + "' of group '" +
                       way.group + "', and its rules"
                 : std::string();
  }

  void compare_values(const std::string& what, const std::string& before, const std::string& after,
                      const Explanation::Way& way) {
    if (before != after) differ(what, before, after, reason_for(what, way));
  }

  void compare_invites(const Explanation::Way& way) {
    const ShownInvite was = shown(*was_.first);
    compare_values("Request-URI", was.request_uri, way.request_uri, way);
    compare_values("From", was.from, way.from, way);
    compare_values("To", was.to, way.to, way);
    compare_values("Contact", was.contact, way.contact, way);
    compare_headers(was.headers, way);
    // Of a call without an offer a trail has what was made up for it.
    if (!was_.invite->body().empty() && !way.session.empty())
      compare_values("sdp", joined(was.session, "; "), joined(way.session, "; "), way);
  }

  void compare_headers(std::vector<std::string> was, const Explanation::Way& way) {
    std::vector<std::string> now = way.headers;
    for (auto i = was.begin(); i != was.end();) {  // what both have, as often as both have it
      const auto same = std::find(now.begin(), now.end(), *i);
      if (same == now.end()) {
        ++i;
        continue;
      }
      now.erase(same);
      i = was.erase(i);
    }
    for (const auto& line : was) {
      const std::string name(name_of(line));
      const auto other = std::find_if(now.begin(), now.end(), [&](const std::string& n) {
        return sip::iequals(name_of(n), name);
      });
      differ("header " + name, line, other == now.end() ? "" : *other, reason_for(name, way));
      if (other != now.end()) now.erase(other);
    }
    for (const auto& line : now)
      differ("header " + std::string(name_of(line)), "", line, reason_for(name_of(line), way));
  }

  // A failure of the far side, on its way to the caller.
  void compare_failure() {
    if (!was_.far_failure || !was_.failure) return;
    const auto peer = d_.find_peer(was_.far_peer);
    if (!peer) return;
    std::vector<rules::Change> changes;
    rules::Variables variables = now_.variables;
    const auto far = through(*was_.far_failure, d_.peer(*peer).group, was_.far_peer,
                             rules::Direction::kIn, variables, changes);
    const int mapped = policy::map_failure(far.status()).status;
    const int now = said(mapped, variables, changes);
    if (now == was_.failure->status()) return;
    std::vector<std::string> why;
    for (const auto& c : changes) why.push_back("rule " + rules::to_string(c));
    differ("answer", std::to_string(was_.failure->status()), std::to_string(now),
           why.empty() ? "the answer of " + was_.far_peer + " was " +
                             std::to_string(was_.far_failure->status())
                       : joined(why, "; "));
  }

  // The status that the caller is told.
  [[nodiscard]] int said(int status, rules::Variables& variables,
                         std::vector<rules::Change>& changes) const {
    const auto group = d_.find_group(now_.group);
    if (!group || !was_.failure) return status;
    // As it was sent, but with that status: what the gateway wrote beside it is much the same.
    std::string text(was_.failure->bytes());
    const std::size_t line = text.find("\r\n");
    text.replace(
        0, line,
        "SIP/2.0 " + std::to_string(status) + " " + std::string(sip::reason_phrase(status)));
    const auto m = sip::Message::parse(text);
    if (!m) return status;
    return through(*m, *group, now_.peer, rules::Direction::kOut, variables, changes).status();
  }
  [[nodiscard]] int refused_with(int status) const {
    rules::Variables variables = now_.variables;
    std::vector<rules::Change> changes;
    return said(status, variables, changes);
  }

  [[nodiscard]] sip::Message through(const sip::Message& m, deployment::GroupIndex group,
                                     std::string_view peer, rules::Direction direction,
                                     rules::Variables& variables,
                                     std::vector<rules::Change>& changes) const {
    auto same = [&] { return std::move(*sip::Message::parse(m.bytes())); };
    const auto& profile = d_.profile(d_.group(group).profile);
    const auto& chain = direction == rules::Direction::kIn ? profile.rules_in : profile.rules_out;
    if (!chain) return same();
    const rules::Facts f =
        facts_of_decided(d_, now_.decision, calling_, now_.decision.called, group, peer, direction);
    auto outcome = rules::apply(*chain, m, f, variables);
    changes.insert(changes.end(), outcome.changes.begin(), outcome.changes.end());
    return outcome.message ? std::move(*outcome.message) : same();
  }

  std::string calling_;
  const Recorded& was_;
  const deployment::Deployment& d_;
  const Explanation& now_;
  Replayed& out_;
};

}  // namespace

Replayed replay(const telemetry::Trail& trail, const deployment::Deployment& d,
                const directory::Directory* directory) {
  Replayed out;
  out.id = trail.id();
  const Recorded was = recorded(trail);
  if (!was.came || !was.invite || !is_invite(*was.invite)) {
    out.trouble = was.came && !was.invite
                      ? "the INVITE is longer than the trail keeps (limits.max_trail_bytes)"
                      : "the trail does not begin with an INVITE";
    return out;
  }
  out.from = was.came->peer;
  out.called = std::string(was.invite->request_uri());
  const auto now = explain(d, directory, out.from, was.came->message);
  if (!now) {
    out.trouble = now.error().what;
    return out;
  }
  out.reasons = now->decision.reasons;
  Replay replay(was, d, *now, out);
  replay.compare();
  if (!now->decision.refusal)
    replay_within(trail, d, *now, replay.calling(), was.came, was.sent, out);
  return out;
}

Result<std::vector<telemetry::Trail>> read_trails(std::string_view text) {
  std::vector<telemetry::Trail> out;
  while (!text.empty()) {
    // A trail begins with the line that names its call; events begin with their time.
    std::size_t end = text.find("\n{\"call\":");
    end = end == std::string_view::npos ? text.size() : end + 1;
    const std::string_view one = text.substr(0, end);
    text.remove_prefix(end);
    if (one.find_first_not_of(" \t\r\n") == std::string_view::npos) continue;
    if (out.size() == kMaxReplays) return fail(ErrorCode::kTooLarge, "more than 100000 trails");
    auto trail = telemetry::import_json(one);
    if (!trail)
      return fail(trail.error().code,
                  "trail " + std::to_string(out.size() + 1) + ": " + trail.error().what);
    out.push_back(std::move(*trail));
  }
  if (out.empty()) return fail(ErrorCode::kMalformed, "no trail: write one with trace --json");
  return out;
}

ReplayCounts count(const std::vector<Replayed>& calls) {
  ReplayCounts out;
  for (const auto& c : calls)
    ++(!c.trouble.empty() ? out.unknown : c.differences.empty() ? out.same : out.different);
  return out;
}

}  // namespace causeway::call
