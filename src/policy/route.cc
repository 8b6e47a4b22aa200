#include "policy/route.h"

#include <algorithm>

#include "policy/numbers.h"

namespace causeway::policy {

using deployment::Deployment;
using deployment::rules_of;
using deployment::Service;
using deployment::ServiceSet;
using deployment::Trunk;

namespace {

class Router {
 public:
  Router(const Deployment& d, const directory::Directory* directory, const CallFacts& f,
         Decision& out)
      : d_(d), group_(d.group(f.from)), directory_(directory), f_(f), out_(out) {}

  void from_trunk();
  void from_service();
  void normalise();
  void identify();

 private:
  [[nodiscard]] std::optional<directory::Number> find(std::string_view number) const {
    return directory_ ? directory_->find(number) : std::nullopt;
  }
  void refuse(int status, int q850, std::string text, std::string_view label) {
    out_.refusal = Refusal{status, q850, std::move(text), label};
  }
  void say(std::string text) { out_.reasons.push_back(std::move(text)); }
  [[nodiscard]] std::string e164(std::string_view n) const { return to_e164(n, group_.numbers); }

  // --- from a trunk
  [[nodiscard]] bool loops();
  [[nodiscard]] bool originating() const;
  [[nodiscard]] bool go_to(Service s, std::optional<deployment::GroupIndex> first = std::nullopt);
  [[nodiscard]] std::optional<Service> provisioned(const directory::Number& number) const;
  [[nodiscard]] std::optional<Service> choose(const std::optional<directory::Number>& number,
                                              const std::string& subject, bool from_subscriber);
  void mark_call_type(Service s);
  // --- from a service
  [[nodiscard]] bool loop_back(Service s);
  [[nodiscard]] const directory::Account* customer_of_host();
  [[nodiscard]] bool screen(const directory::Account& account);
  [[nodiscard]] bool belongs(std::string_view number, const directory::Account& account,
                             Service s) const;
  // --- both
  void belongs_to(const directory::Account& account, Service s);
  void limit(Service s, const directory::Account* account);
  void add_custom_header(Service s, const std::optional<directory::Number>& number);

  const Deployment& d_;
  const deployment::PeerGroup& group_;
  const directory::Directory* directory_;
  const CallFacts& f_;
  Decision& out_;
};

void Router::normalise() {
  out_.called = e164(f_.called);
  if (out_.called != f_.called)
    say("'" + f_.called + "' is " + out_.called + " by the number plan of '" + group_.name + "'");
}

// TPM-02: what carries the mark of a call type has been at the service already, unless a control
// point of the operator sends it there now.
bool Router::loops() {
  if (!f_.call_type) return false;
  const auto& r = d_.routing;
  const bool diverted = group_.trunk == Trunk::kMobile || r.on_premises_control_point;
  if (diverted && *f_.call_type != r.client_call && f_.own_vias == 0) return false;
  refuse(482, 25,
         r.call_type_header + ": " + *f_.call_type +
             " says that the call has been at the service already",
         "loop_of_service");
  return true;
}

bool Router::originating() const {
  switch (group_.trunk) {
    case Trunk::kMobileOriginating: return true;
    case Trunk::kMobile: return f_.call_type && *f_.call_type != d_.routing.terminating_call;
    default: return false;
  }
}

// Narrows the targets to the groups of that service; `first` before the others.
bool Router::go_to(Service s, std::optional<deployment::GroupIndex> first) {
  std::erase_if(out_.targets, [&](deployment::GroupIndex g) { return d_.group(g).service != s; });
  if (first) {
    std::erase(out_.targets, *first);
    out_.targets.insert(out_.targets.begin(), *first);
    out_.first = first;
  }
  out_.customer.service = s;
  return !out_.targets.empty();
}

// Of the services that the number has the one of the first route; a mobile service before others on
// a mobile trunk, behind them on a fixed one.
std::optional<Service> Router::provisioned(const directory::Number& number) const {
  const bool mobile = is_mobile(group_.trunk);
  std::optional<Service> other;
  for (const auto g : group_.routes_to) {
    const auto s = d_.group(g).service;
    if (!s || !(number.services & *s)) continue;
    if (rules_of(*s).call_types == mobile) return s;
    if (!other) other = s;
  }
  return other;
}

std::optional<Service> Router::choose(const std::optional<directory::Number>& number,
                                      const std::string& subject, bool from_subscriber) {
  const auto no = [&](int status, const std::string& why, std::string_view label) {
    refuse(status, 1, subject + why, label);
    return std::nullopt;
  };
  if (number) {
    const auto s = provisioned(*number);
    // What else the number of a mobile caller has is for those who call it.
    if (s && (!from_subscriber || rules_of(*s).call_types)) {
      say(subject + " is provisioned for " + std::string(rules_of(*s).name) + ", account '" +
          number->account->name + "'");
      return s;
    }
    if (!s && number->services != 0)
      return no(404,
                " is provisioned for " + deployment::names_of(number->services) +
                    ", and no group of that is in routes_to of '" + group_.name + "'",
                "no_route_of_service");
  }
  const std::string kind(to_string(group_.trunk));
  const std::string state = !number                 ? " is not provisioned"
                            : number->services == 0 ? " has no service that is on"
                                                    : " has no mobile service";
  const auto fallback =
      is_mobile(group_.trunk) ? d_.routing.unprovisioned_mobile : d_.routing.unprovisioned_fixed;
  if (!fallback)
    return no(404, state + ", and such numbers go nowhere from a " + kind + " trunk",
              "unprovisioned");
  const std::string name(rules_of(*fallback).name);
  if (rules_of(*fallback).needs_number)
    return no(404, state + ", which " + name + " needs", "unprovisioned");
  say(subject + state + ": to " + name + ", the default of a " + kind + " trunk");
  return fallback;
}

void Router::mark_call_type(Service s) {
  const auto& r = d_.routing;
  if (!rules_of(s).call_types || r.call_type_header.empty()) return;
  const std::string& value = f_.call_type    ? *f_.call_type
                             : originating() ? r.originating_call
                                             : r.terminating_call;
  say(std::string(originating() ? "originating" : "terminating") + " call of a mobile subscriber");
  if (!value.empty()) out_.headers.push_back({r.call_type_header, value});
}

void Router::from_trunk() {
  if (loops()) return;
  const auto& r = d_.routing;
  if (const auto* v = r.verification_of(out_.called)) {
    say(out_.called + " is a verification number of " + std::string(rules_of(v->service).name));
    if (!go_to(v->service, v->group))
      refuse(404, 3,
             "no group of " + std::string(rules_of(v->service).name) + " is in routes_to of '" +
                 group_.name + "'",
             "no_route_of_service");
    limit(v->service, nullptr);
    return;
  }
  const bool pilot = !r.voicemail_pilot.empty() && out_.called == r.voicemail_pilot;
  const bool from_subscriber = originating() || pilot;
  const std::string subject =
      from_subscriber ? e164(f_.asserted.empty() ? f_.calling : f_.asserted) : out_.called;
  const auto number = find(subject);
  std::optional<Service> s;
  if (pilot) {
    say(out_.called + " is the voicemail pilot number");
    for (const Service each : directory::kEveryService)
      if (rules_of(each).call_types) s = each;
  } else {
    s = choose(number, subject.empty() ? "the caller" : subject, from_subscriber);
  }
  if (!s) return;  // refused
  if (!go_to(*s))
    return refuse(404, 3,
                  "no group of " + std::string(rules_of(*s).name) + " is in routes_to of '" +
                      group_.name + "'",
                  "no_route_of_service");
  const bool known = number && (number->services & *s);
  if (known) belongs_to(*number->account, *s);
  limit(*s, known ? number->account : nullptr);
  mark_call_type(*s);
  add_custom_header(*s, number);
}

// OC-08: the service rings itself up through us.
bool Router::loop_back(Service s) {
  const auto* v = d_.routing.verification_of(out_.called);
  if (!v || !v->loop_back || v->service != s) return false;
  say(out_.called + " is a verification number that loops back");
  out_.targets.clear();
  if (v->group) out_.targets.push_back(*v->group);
  out_.first = v->group;
  for (std::size_t i = 0; i < d_.groups.size(); ++i)
    if (const deployment::GroupIndex g{static_cast<std::uint16_t>(i)};
        d_.groups[i].service == s && v->group != g)
      out_.targets.push_back(g);
  return true;
}

// MT-07: the label in front of our own name, of the Request-URI or else of To.
const directory::Account* Router::customer_of_host() {
  const std::string& own = d_.profile(group_.profile).contact_host;
  for (const std::string* host : {&f_.request_host, &f_.to_host}) {
    if (own.empty() || host->size() <= own.size() + 1 || !host->ends_with("." + own)) continue;
    const auto label = std::string_view(*host).substr(0, host->size() - own.size() - 1);
    const auto* account = directory_ ? directory_->account_of_subdomain(label) : nullptr;
    if (account) {
      say("'" + *host + "' is account '" + account->name + "'");
      return account;
    }
    say("no account has the subdomain '" + std::string(label) + "' of '" + *host + "'");
  }
  return nullptr;
}

bool Router::belongs(std::string_view number, const directory::Account& account, Service s) const {
  const auto found = find(e164(number));
  return found && found->account->name == account.name && (found->services & s);
}

// MT-08, MT-09. A call that was sent on carries the number of a stranger in From: then it is the
// number that sent it on, or else the asserted one, that must be the customer's. Otherwise From,
// and the asserted number where there is one; who hides is known by the latter alone.
bool Router::screen(const directory::Account& account) {
  const Service s = *group_.service;
  if (!account.screening) {
    say("screening is off for account '" + account.name + "'");
    return true;
  }
  const auto judge = [&](const std::string& number, std::string_view what) {
    if (belongs(number, account, s)) {
      say(std::string(what) + " " + number + " is a number of account '" + account.name + "'");
      return true;
    }
    refuse(403, 21,
           std::string(what) + " '" + number + "' is not a " + std::string(rules_of(s).name) +
               " number of account '" + account.name + "'",
           "screened");
    return false;
  };
  if (!f_.diverting.empty()) return judge(f_.diverting, "the number that sent the call on,");
  if (!f_.asserted.empty() && !judge(f_.asserted, "the asserted number")) return false;
  if (!f_.calling.empty()) return judge(f_.calling, "the calling number");
  if (!f_.asserted.empty()) return true;
  refuse(403, 21, "the caller gives no number of account '" + account.name + "'", "screened");
  return false;
}

void Router::from_service() {
  const Service s = *group_.service;
  const auto& rules = rules_of(s);
  out_.customer.service = s;
  out_.customer.tenant = f_.tenant;
  if (loop_back(s)) return limit(s, nullptr);
  const std::string by = e164(!f_.diverting.empty()  ? f_.diverting
                              : !f_.asserted.empty() ? f_.asserted
                                                     : f_.calling);
  const auto number = find(by);
  const bool known = number && (number->services & s);
  const directory::Account* account = known ? number->account : nullptr;
  const bool verifies = d_.routing.verification_of(by) != nullptr;
  if (rules.by_customer) {
    if (const auto* named = customer_of_host()) account = named;
    if (!account)
      return refuse(403, 21,
                    "neither the host of the request nor the number '" + by +
                        "' names an account of " + std::string(rules.name),
                    "unknown_customer");
    if (!(account->enabled & s))
      return refuse(403, 21,
                    std::string(rules.name) + " is off for account '" + account->name + "'",
                    "service_off");
    if (!screen(*account)) return;
  } else if (rules.needs_number && !known && !verifies) {
    return refuse(
        403, 21,
        "the calling number '" + by + "' is not provisioned for " + std::string(rules.name),
        "unprovisioned");
  }
  if (account) belongs_to(*account, s);
  limit(s, account);
  add_custom_header(s, known && number->account == account ? number : std::nullopt);
  if (rules.call_types && f_.call_type && !d_.routing.call_type_header.empty())
    out_.headers.push_back({d_.routing.call_type_header, *f_.call_type});
}

// Whose emergency it is, for what is written to the service; nothing is refused for it.
void Router::identify() {
  const Service s = *group_.service;
  out_.customer.service = s;
  out_.customer.tenant = f_.tenant;
  const directory::Account* account = rules_of(s).by_customer ? customer_of_host() : nullptr;
  if (const auto number = find(f_.asserted.empty() ? f_.calling : f_.asserted); number && !account)
    account = number->account;
  if (account) belongs_to(*account, s);
}

void Router::belongs_to(const directory::Account& account, Service s) {
  out_.customer.account = account.name;
  if (out_.customer.tenant.empty()) out_.customer.tenant = account.tenant_id;
  if (rules_of(s).by_customer) out_.customer.label = account.subdomain;
}

// R13: a share of the account's numbers, unless the configuration names one.
void Router::limit(Service s, const directory::Account* account) {
  const auto& r = d_.routing;
  out_.customer.service_calls = r.service_calls[directory::index_of(s)];
  if (!account) return;
  for (const auto& [name, calls] : r.account_calls)
    if (name == account->name) {
      out_.customer.account_calls = calls;
      return;
    }
  if (r.account_calls_percent == 0) return;
  std::int64_t numbers = 0;
  for (const auto n : account->numbers) numbers += n;
  out_.customer.account_calls = static_cast<std::uint32_t>(std::clamp<std::int64_t>(
      (numbers * r.account_calls_percent + 99) / 100, r.account_calls_min, 1'000'000));
}

// MT-10, ZM-18: what is provisioned, else what the service itself says of the call.
void Router::add_custom_header(Service s, const std::optional<directory::Number>& number) {
  const auto& name = d_.routing.custom_header;
  if (name.empty() || !rules_of(s).custom_header) return;
  if (number && !number->custom_header.empty())
    out_.headers.push_back({name, std::string(number->custom_header)});
  else if (group_.service && !f_.custom.empty())
    out_.headers.push_back({name, f_.custom});
}

}  // namespace

void route(const Deployment& d, const directory::Directory* directory, const CallFacts& f,
           Decision& out) {
  Router router(d, directory, f, out);
  const auto& group = d.group(f.from);
  if (out.emergency != EmergencyClass::kNone) {
    if (group.service) router.identify();
    return;
  }
  router.normalise();
  if (group.trunk != Trunk::kNone)
    router.from_trunk();
  else if (group.service)
    router.from_service();
}

}  // namespace causeway::policy
