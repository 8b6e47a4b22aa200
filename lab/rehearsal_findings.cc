#include "lab/rehearsal_findings.h"

#include <fmt/core.h>

#include <algorithm>

namespace causeway::lab {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t kMaxSeen = 3;  // examples of one rule

const Call* find_call(const Agent& agent, const std::string& label, bool caller) {
  for (const auto& c : agent.calls())
    if (c->facts().label == label && c->facts().caller == caller) return c.get();
  return nullptr;
}

// Media bypass and Local Media Optimization, and what the service's phones saw of it.
void look_at_ice(const Agent& service, Findings& f) {
  for (const auto& c : service.calls()) {
    const auto& x = c->facts();
    if (x.place_answered) f.saw(Seen::kPlaceAnswer);
    if (x.place_first && x.label == "op-place") f.saw(Seen::kPlaceOffer);
    if (x.moved) f.saw(Seen::kMoved);
    if (x.beside) f.saw(Seen::kBeside);
    if (c->behaviour().from && x.ice.nominated && x.confirmed) f.saw(Seen::kElsewhere);
    if (x.escalated > 0 && x.escalated == c->behaviour().escalations.size() && x.ice.nominated)
      f.saw(Seen::kEscalated);
    if (x.ice.answered > 0) f.saw(Seen::kChecked);
    if (x.ice.nominated && x.confirmed) f.saw(Seen::kNominated);
    if (x.ice.early_path) f.saw(Seen::kEarlyPath);
    if (x.ice_final_answered) f.saw(Seen::kFinalOffer);
    if (x.ice_restarted && x.ice.nominated) f.saw(Seen::kIceRestart);
    if (x.dtls_answered) f.saw(Seen::kDtlsOffer);
    if (x.ice_agreed && c->behaviour().ice == IceKind::kLite && x.confirmed) f.saw(Seen::kLitePeer);
    if (x.ice_agreed && x.caller && x.early_sdp && x.confirmed) f.saw(Seen::kEarlyAnswer);
    if (x.ice.nominated && !x.caller && x.holds_taken > 0) f.saw(Seen::kIceHold);
  }
}

// Where all other calls are heard, one whose media comes from elsewhere is not for that reason.
std::string_view rule_of_sound(const Agent& service, const std::string& label) {
  for (const auto& c : service.calls()) {
    if (c->facts().label != label) continue;
    if (c->facts().escalated > 0) return "MBP-12";
    if (c->behaviour().from) return "MBP-11";
  }
  return "AUDIO";
}

}  // namespace

Findings::Findings(const RehearsalWish& wish, const Cast& cast) : service_(wish.service) {
  add(rules_of_service(wish.service));
  if (cast.bypass) add(rules_of_media_bypass());
  if (cast.inside_media) add(rules_of_local_media());
  if (!cast.other_trunks.empty()) add(rules_of_two_trunks());
  if (!cast.beside.empty()) add(rules_of_gateway_behind());
  add(rules_of_core(cast.core_transport == Transport::kTls));
}

void Findings::add(std::span<const RehearsedRule> rules) {
  for (const auto& r : rules) {
    RuleVerdict v;
    v.id = r.id;
    v.rule = r.rule;
    v.remedy = r.remedy;
    rows_.push_back(std::move(v));
    when_.push_back(r.seen);
  }
}

void Findings::broke(std::string_view by, const std::string& what) {
  const std::string id(rule_of_service(service_, by));
  auto i = std::find_if(rows_.begin(), rows_.end(), [&](const auto& r) { return r.id == id; });
  if (i == rows_.end()) {
    RuleVerdict v;
    v.id = id;
    v.rule = "what no rule of the list names";
    v.remedy = "see messages.txt and gateway.log";
    rows_.push_back(std::move(v));
    when_.push_back(Seen::kCount);
    i = std::prev(rows_.end());
  }
  i->state = RuleVerdict::State::kFailed;
  const bool known = std::find(i->seen.begin(), i->seen.end(), what) != i->seen.end();
  if (!known && i->seen.size() < kMaxSeen) i->seen.push_back(what);
}

std::vector<RuleVerdict> Findings::rows() {
  for (std::size_t i = 0; i < rows_.size(); ++i)
    if (rows_[i].state == RuleVerdict::State::kUntried && seen_.contains(when_[i]))
      rows_[i].state = RuleVerdict::State::kPassed;
  return std::move(rows_);
}

void look_at_options(const Sides& sides, const Cast& cast, Findings& f) {
  const auto& all = sides.phone_system->options();
  const auto healthy = [&] {
    return all.size() == cast.service.size() &&
           std::all_of(all.begin(), all.end(), [](const auto& o) {
             return o.second.received > o.second.refused && o.second.answered > 0;
           });
  };
  (void)sides.loop.run_until(healthy, 8s);
  bool any_answered = false, any_sent = false;
  for (const auto& site : cast.service) {
    const auto it = all.find(site.name);
    if (it == all.end() || it->second.received == 0) {
      f.broke("TDR-34", "no OPTIONS came to " + site.name);
      continue;
    }
    f.saw(Seen::kTls);
    f.saw(Seen::kOptions);
    any_sent = any_sent || it->second.sent > 0;
    any_answered = any_answered || it->second.answered > 0;
    if (it->second.sent > 0 && it->second.answered == 0)
      f.broke("TDR-37", "our OPTIONS from " + site.name + " were not answered with 200");
  }
  for (const char* label : {"sip", "sip2", "sip3"})
    if (cast.domain == "pstnhub.microsoft.com" &&
        std::none_of(cast.service.begin(), cast.service.end(),
                     [&](const Site& s) { return s.name == label + ("." + cast.domain); }))
      f.broke("TDR-01", fmt::format("no peer is called {}.{}", label, cast.domain));
  f.saw(Seen::kPeers);
  for (const auto& o : cast.other_trunks) {
    const std::string both = fmt::format("'{}' and '{}'", cast.service_group, o.group);
    if (o.contact_host == cast.gateway_name)
      f.broke("MBP-13", both + " are both " + o.contact_host);
    if (o.port == cast.gateway_service.port)
      f.broke("MBP-13", fmt::format("{} both have port {}", both, o.port));
  }
  if (cast.options_interval_s == 0 || cast.options_interval_s > 60)
    f.broke("TDR-34", fmt::format("options_interval is {} s", cast.options_interval_s));
  if (any_answered) f.saw(Seen::kOptionsAnswer);
}

void look_at_calls(const Sides& sides, const ScenarioVerdict& v, Findings& f) {
  const auto& service = *sides.phone_system;
  const auto& core = *sides.operator_site;
  const auto here = [](const Call* c) { return c != nullptr; };
  const Call* to = find_call(service, "op-answered", false);
  const Call* from = find_call(service, "ps-answered", true);
  if (here(to)) {
    f.saw(Seen::kTls);
    f.saw(Seen::kInvite);
    f.saw(Seen::kOffer);
    if (to->facts().hung_up_by_them) f.saw(Seen::kInDialog);
  }
  if (here(from) && from->facts().final_status == 200) {
    f.saw(Seen::kAnswer);
    f.saw(Seen::kSdpAnswer);
  }
  if (here(find_call(core, "ps-answered", false))) f.saw(Seen::kCore);
  if (const Call* c = find_call(service, "op-hold", false); here(c) && c->facts().holds_taken > 0)
    f.saw(Seen::kHold);
  if (const Call* c = find_call(core, "ps-hold", false); here(c) && c->facts().holds_taken > 0)
    f.saw(Seen::kServiceHold);
  if (const Call* c = find_call(service, "ps-refresh", true);
      here(c) && c->facts().offers_made > 0 && c->facts().final_status == 200)
    f.saw(Seen::kRefresh);
  if (const Call* c = find_call(service, "ps-busy", true);
      here(c) && c->facts().final_status >= 400)
    f.saw(Seen::kFailure);
  if (const Call* c = find_call(core, "op-busy", true); here(c) && c->facts().final_status >= 400)
    f.saw(Seen::kCoreFailure);
  if (const Call* c = find_call(core, "op-forked-other", true);
      here(c) && c->facts().final_status == 200)
    f.saw(Seen::kFork);
  if (const Call* c = find_call(service, "op-transferred", false);
      here(c) && c->facts().refer_status)
    f.saw(Seen::kTransfer);
  if (const Call* c = find_call(service, "op-attended", false); here(c) && c->facts().refer_status)
    f.saw(Seen::kAttended);
  if (here(find_call(service, "op-replaced (target)", true))) f.saw(Seen::kReplaced);
  look_at_ice(service, f);
  for (const auto& c : v.calls)
    for (const auto& d : c.directions) {
      f.saw(Seen::kAudio);
      if (d.good) continue;
      for (const auto& h : d.heard)
        f.broke(rule_of_sound(service, c.name), fmt::format("{}: {} heard by {} of {}", c.name, h,
                                                            to_string(d.to), to_string(d.from)));
    }
}

// A call's reasons that are no rule's: those stand by their rules.
std::vector<std::string> troubles_of(const ScenarioVerdict& v) {
  std::vector<std::string> out;
  for (const auto& c : v.calls) {
    for (const auto& r : c.reasons) {
      const bool ruled = std::any_of(c.violations.begin(), c.violations.end(), [&](const auto& x) {
        return r.starts_with(x.requirement + " seen by ");
      });
      if (!ruled && out.size() < 40) out.push_back(c.name + ": " + r);
    }
  }
  return out;
}

}  // namespace causeway::lab
