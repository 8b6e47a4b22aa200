#include "call/replay_within.h"

#include <algorithm>
#include <optional>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "call/ruled.h"
#include "rules/engine.h"
#include "sip/build.h"
#include "sip/message.h"
#include "telemetry/text.h"

namespace causeway::call {

using deployment::Deployment;
using sip::HeaderId;
using sip::Method;
using telemetry::Event;
using telemetry::EventKind;

namespace {

constexpr std::size_t kMostDifferences = 256;  // of one call

// A change without the rule that made it: "X-Mark: (none) -> one". Rules may be renamed.
std::string said(rules::Change c) {
  c.set.clear();
  c.rule.clear();
  return rules::to_string(c);
}
std::string rule_of(const rules::Change& c) {
  return c.set.empty() ? std::string() : c.set + "/" + c.rule;
}

// One change, recorded or made now.
struct Told {
  std::string rule, what, said;
  bool done = true;
};

constexpr std::string_view kIn = "in", kOut = "out", kNotDone = ", not done";

// nullopt: it was not recorded as one that can be read again.
std::optional<Told> told(const Event& e) {
  if (e.fields.empty()) return std::nullopt;
  const auto& [how, what] = e.fields.front();
  Told t{{}, what, e.text, !how.ends_with(kNotDone)};
  // A rule set may be called like what it changes: "status-map/busy: status: 486 ...".
  const std::string_view rest =
      std::string_view(t.said).substr(std::min(t.said.size(), what.size()));
  const bool bare = t.said.starts_with(what) &&
                    (rest.empty() || rest.starts_with(": ") || rest.starts_with("; "));
  const std::size_t at = bare ? 0 : t.said.find(": " + what);
  if (what.empty() || at == std::string::npos) return std::nullopt;
  if (at == 0) return t;
  t.rule = t.said.substr(0, at);
  t.said.erase(0, at + 2);
  return t;
}
Told told(const rules::Change& c) { return {rule_of(c), c.what, said(c), c.refused.empty()}; }

bool is_variable(const Told& t) { return t.what.starts_with("variable "); }

// A message on its way back through what rules did to it.
class Undone {
 public:
  explicit Undone(const sip::Message& m) : body_(m.body()) {
    start_ = std::string(m.bytes().substr(0, m.bytes().find("\r\n")));
    for (const auto& f : m.headers()) lines_.emplace_back(f.name, f.value);
  }

  // False: what was there before is not known.
  [[nodiscard]] bool take_back(const Told& t) {
    if (!t.done || is_variable(t)) return true;
    std::string_view text = t.said;
    text.remove_prefix(std::min(text.size(), t.what.size() + 2));
    // Either may hold an arrow of its own.
    for (std::size_t at = text.find(" -> "); at != std::string_view::npos;
         at = text.find(" -> ", at + 1))
      if (put_back(t.what, text.substr(0, at), text.substr(at + 4))) return true;
    return false;
  }

  [[nodiscard]] std::string text() const {
    std::string out = start_ + "\r\n";
    for (const auto& [name, value] : lines_) out.append(name).append(": ").append(value) += "\r\n";
    return out.append("\r\n").append(body_);
  }

 private:
  static bool is_cut(std::string_view value) {
    return value.size() == rules::kMaxShown + 3 && value.ends_with("...");
  }

  [[nodiscard]] bool put_back(std::string_view what, std::string_view before,
                              std::string_view after) {
    if (is_cut(before) || is_cut(after)) return false;
    if (what == "status") {
      if (start_ != "SIP/2.0 " + std::string(after)) return false;
      start_ = "SIP/2.0 " + std::string(before);
      return true;
    }
    if (what == "Request-URI" || what.starts_with("Request-URI ")) {
      const auto uri = " " + std::string(after) + " SIP/2.0";
      if (!start_.ends_with(uri)) return false;
      start_.replace(start_.size() - uri.size(), std::string::npos,
                     " " + std::string(before) + " SIP/2.0");
      return true;
    }
    const std::string_view name = what.substr(0, what.find(' '));  // "From user"
    if (after == "(none)") {
      auto at = std::find_if(lines_.begin(), lines_.end(), [](const auto& l) {
        return sip::iequals(l.first, "Content-Length") || sip::iequals(l.first, "Content-Type");
      });
      lines_.insert(at, {std::string(name), std::string(before)});
      return true;
    }
    for (auto l = lines_.begin(); l != lines_.end(); ++l) {
      if (sip::header_id(l->first) != sip::header_id(name)) continue;
      if (sip::header_id(name) == HeaderId::kOther && !sip::iequals(l->first, name)) continue;
      if (l->second != after) continue;
      if (before == "(none)")
        lines_.erase(l);
      else
        l->second = before;
      return true;
    }
    // Renamed: "New: value".
    for (auto& l : lines_)
      if (l.second == before && after == l.first + ": " + l.second) {
        l.first = name;
        return true;
      }
    return false;
  }

  std::string start_, body_;
  std::vector<std::pair<std::string, std::string>> lines_;
};

class Walk {
 public:
  Walk(const Deployment& d, const Explanation& now, std::string_view calling, Replayed& out)
      : d_(d), now_(now), calling_(calling), out_(out), variables_(now.variables) {}

  void along(const telemetry::Trail& trail, const Event* came, const Event* first) {
    const auto events = trail.events();
    const std::size_t gap = trail.dropped() != 0 ? trail.dropped_after() : events.size() + 1;
    for (std::size_t i = 0; i < events.size(); ++i) {
      const Event& e = *events[i];
      const bool in = e.kind == EventKind::kMessageIn;
      if (!in && e.kind != EventKind::kMessageOut) continue;
      // What rules did stands behind what came, and in front of what left.
      bool whole = true;
      std::vector<Told> recorded;
      std::size_t at = i;
      const auto take = [&](const Event& rule) {
        if (rule.kind != EventKind::kRule || rule.leg != e.leg || rule.fields.empty() ||
            !rule.fields.front().name.starts_with(in ? kIn : kOut))
          return false;
        if (auto t = told(rule))
          recorded.push_back(std::move(*t));
        else
          whole = false;
        return true;
      };
      if (in) {
        while (at + 1 < events.size() && at + 1 != gap && take(*events[at + 1])) ++at;
        whole = whole && at + 1 != gap;
      } else {
        while (at > 0 && at != gap && take(*events[at - 1])) --at;
        whole = whole && at != gap;
        std::reverse(recorded.begin(), recorded.end());
      }
      gap_ = i >= gap;
      if (&e != came) message(e, in, recorded, whole, &e == first);
    }
    if (trail.dropped() != 0)
      out_.unsaid.push_back(std::to_string(trail.dropped()) +
                            " events that the trail has no more room for (limits.max_trail_bytes)");
  }

 private:
  // As it stands in a list: "UPDATE to core-1", "488 to INVITE from cloud-1".
  static std::string name_of(const sip::Message& m, const Event& e, bool in) {
    std::string out;
    if (!m.is_request()) out = std::to_string(m.status()) + " to ";
    return out.append(m.method_text()).append(in ? " from " : " to ").append(e.peer);
  }

  // Rules have no say in CANCEL, nor in the ACK of a failure.
  bool is_ruled(const sip::Message& m, const Event& e) {
    if (m.method() == Method::kCancel) return false;
    if (!m.is_request() && m.method() == Method::kInvite && m.status() >= 300)
      failed_.emplace(e.leg, std::string(m.call_id()), m.cseq());
    return m.method() != Method::kAck ||
           !failed_.contains({e.leg, std::string(m.call_id()), m.cseq()});
  }

  void message(const Event& e, bool in, const std::vector<Told>& recorded, bool whole,
               bool compared) {
    if (!seen_.emplace(in, e.leg, std::string_view(e.message)).second) return;  // sent again
    std::string_view bytes = e.message;
    if (telemetry::take_cut_note(bytes) != 0) {
      unsaid(in ? "a message from " + e.peer : "a message to " + e.peer,
             "it is longer than the trail keeps (limits.max_trail_bytes)");
      return;
    }
    auto m = sip::Message::parse(bytes);
    if (!m || !is_ruled(*m, e)) return;
    std::string name = name_of(*m, e, in);
    const auto peer = d_.find_peer(e.peer);
    const auto group = peer ? std::optional(d_.peer(*peer).group) : d_.find_group(e.peer);
    if (!group) {
      unsaid(name, "no peer and no group has that name any more");
      return;
    }
    if (!in && !m->is_request() && m->method() == Method::kInvite && m->status() / 100 == 2)
      answered_ = true;
    if (!whole) {
      if (!compared) unsaid(name, "what rules did to it is not in the trail");
      return;
    }
    const bool begins = m->is_request() && m->method() == Method::kInvite && m->to_tag().empty();
    const bool failure =
        !m->is_request() && m->method() == Method::kInvite && m->status() >= 300 && !answered_;
    bool sdp = false;  // rules changed it, so that what it was before is not known
    if (!in) {
      Undone before(*m);
      for (auto t = recorded.rbegin(); t != recorded.rend(); ++t) {
        if (t->done && t->what == "sdp") {
          sdp = true;
        } else if (!before.take_back(*t)) {
          if (!compared)
            unsaid(name, "what it was before rule " + t->rule + " is not in the trail");
          return;
        }
      }
      m = sip::Message::parse(before.text());
      if (!m) return;  // what was a message is one again
      name = name_of(*m, e, in);
    }
    const auto made = changes(*m, *group, peer ? e.peer : std::string_view{}, in, begins);
    if (!compared) compare(name, recorded, made, {*group, in, failure, sdp});
  }

  std::vector<Told> changes(const sip::Message& m, deployment::GroupIndex group,
                            std::string_view peer, bool in, bool begins) {
    const auto& profile = d_.profile(d_.group(group).profile);
    const auto& chain = in ? profile.rules_in : profile.rules_out;
    std::vector<Told> out;
    if (!chain) return out;
    if (in && begins) {  // with Replaces: it comes to a call that is up
      const auto ruled = rule_invite(d_, *chain, group, peer, m);
      for (const auto& c : ruled.changes) out.push_back(told(c));
      remember(variables_, ruled.variables);
      return out;
    }
    rules::Facts f = facts_of_decided(d_, now_.decision, calling_, now_.decision.called, group,
                                      peer, in ? rules::Direction::kIn : rules::Direction::kOut);
    f.target_fixed = !in && begins && answered_;  // nobody but a transfer's target is called then
    for (const auto& c : rules::apply(*chain, m, f, variables_).changes) out.push_back(told(c));
    return out;
  }

  struct About {
    deployment::GroupIndex group;
    bool in, failure, sdp;
  };

  static std::string about_of(std::string_view message, std::string_view what) {
    return std::string(message).append(": ").append(what);
  }

  static std::string joined(const std::vector<Told>& all, const std::string& what,
                            std::string Told::* part) {
    std::string out;
    for (const auto& t : all)
      if (t.what == what && !(t.*part).empty()) out += (out.empty() ? "" : "; ") + t.*part;
    return out;
  }

  void compare(const std::string& name, const std::vector<Told>& was, const std::vector<Told>& now,
               const About& about) {
    std::vector<std::string> whats;
    for (const auto* list : {&was, &now})
      for (const auto& t : *list)
        if (std::find(whats.begin(), whats.end(), t.what) == whats.end()) whats.push_back(t.what);
    for (const auto& what : whats) {
      // The status of a failure is followed to the caller (Replay::compare_failure()).
      if (about.failure && what == "status") continue;
      std::string before = joined(was, what, &Told::said);
      const std::string after = joined(now, what, &Told::said);
      if (before == after) continue;
      std::string why = joined(now, what, &Told::rule);
      if (about.sdp && what == "sdp" && after.empty()) {
        // Done already in what was recorded: only a rule that is gone is known to do it no more.
        before = gone(was, about);
        if (before.empty()) continue;
      }
      if (gap_ && may_be_missed(was, now, what, about)) {
        unsaid(about_of(name, what), "it takes a variable, which the trail may have no more");
        continue;
      }
      if (why.empty()) why = joined(was, what, &Told::rule) + " does nothing there now";
      if (out_.differences.size() >= kMostDifferences) {
        if (out_.differences.size() == kMostDifferences)
          out_.differences.push_back({"more", "", "", "only the first differences are listed"});
        return;
      }
      out_.differences.push_back({about_of(name, what), std::move(before), after, "rule " + why});
    }
  }

  [[nodiscard]] const rules::Rule* find_rule(const std::string& name, const About& about) const {
    const auto& profile = d_.profile(d_.group(about.group).profile);
    const auto& chain = about.in ? profile.rules_in : profile.rules_out;
    if (!chain) return nullptr;
    for (const auto& set : chain->sets())
      for (const auto& rule : set->rules)
        if (set->name + "/" + rule.name == name) return &rule;
    return nullptr;
  }

  // SDP changes of rules that the profile has no more.
  [[nodiscard]] std::string gone(const std::vector<Told>& was, const About& about) const {
    std::string out;
    for (const auto& t : was)
      if (t.what == "sdp" && find_rule(t.rule, about) == nullptr)
        out += (out.empty() ? "" : "; ") + t.said;
    return out;
  }

  // Does a rule that made `what` go by a variable?
  [[nodiscard]] bool may_be_missed(const std::vector<Told>& was, const std::vector<Told>& now,
                                   const std::string& what, const About& about) const {
    using Piece = rules::TextTemplate::Piece;
    const auto uses = [](const rules::Rule& r) {
      return !r.when.variables.empty() ||
             std::any_of(r.actions.begin(), r.actions.end(), [](const rules::Action& a) {
               const auto& pieces = a.value.pieces();
               return std::any_of(pieces.begin(), pieces.end(),
                                  [](const Piece& p) { return p.kind == Piece::Kind::kVariable; });
             });
    };
    for (const auto* list : {&was, &now})
      for (const auto& t : *list)
        if (const auto* rule = t.what == what ? find_rule(t.rule, about) : nullptr;
            (t.what == what && is_variable(t)) || (rule != nullptr && uses(*rule)))
          return true;
    return false;
  }

  void unsaid(const std::string& what, const std::string& why) {
    if (out_.unsaid.size() < kMostDifferences) out_.unsaid.push_back(what + ": " + why);
  }

  const Deployment& d_;
  const Explanation& now_;
  const std::string_view calling_;
  Replayed& out_;
  rules::Variables variables_;
  bool answered_ = false, gap_ = false;
  std::set<std::tuple<bool, std::uint32_t, std::string_view>> seen_;
  std::set<std::tuple<std::uint32_t, std::string, std::uint32_t>> failed_;
};

}  // namespace

telemetry::Field field_of(const rules::Change& c, rules::Direction direction) {
  std::string how(direction == rules::Direction::kIn ? kIn : kOut);
  if (!c.refused.empty()) how += kNotDone;
  return {std::move(how), c.what};
}

void replay_within(const telemetry::Trail& trail, const Deployment& d, const Explanation& now,
                   std::string_view calling, const Event* came, const Event* first, Replayed& out) {
  Walk(d, now, calling, out).along(trail, came, first);
}

}  // namespace causeway::call
