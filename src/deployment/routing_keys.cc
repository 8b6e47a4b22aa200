// The keys of [routing], and those of a peer group that say what is behind it.
#include <algorithm>

#include "deployment/drafts.h"
#include "sip/headers.h"

namespace causeway::deployment {
namespace {

// "+441632960123"; a person may leave spaces in it.
bool read_e164(Reader& r, const At& at, std::string& out) {
  if (!r.is_text(at)) return false;
  std::string digits;
  for (const char c : at.node->text)
    if (c != ' ' && c != '-') digits += c;
  const bool good = digits.size() >= 4 && digits.size() <= 16 && digits[0] == '+' &&
                    digits[1] != '0' &&
                    digits.find_first_not_of("0123456789", 1) == std::string::npos;
  if (!good) {
    r.mistake(at, "write an E.164 number with its plus, such as \"+441632960100\"");
    return false;
  }
  out = std::move(digits);
  return true;
}

void service(Reader& r, const At& at, std::optional<Service>& out, bool none_allowed) {
  if (!r.is_text(at)) return;
  if (none_allowed && at.node->text == "none") {
    out.reset();
    return;
  }
  const auto known = service_of(at.node->text);
  if (known)
    out = known;
  else
    r.mistake(at,
              "write " + std::string(none_allowed ? "none, " : "") + "one of " + names_of(0xff));
}

template <auto Member, typename T>
void header_name(Reader& r, const At& at, T& out) {
  if (!r.is_text(at)) return;
  const std::string& name = at.node->text;
  const bool good = name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
                      return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                             (c >= 'a' && c <= 'z') || c == '-' || c == '_' || c == '.';
                    });
  if (!good || is_own_header(name))
    return r.mistake(at,
                     "write the name of a header that the gateway does not write itself, such "
                     "as \"X-MS-Operator-Content\"; \"\" for none");
  out.*Member = name;
}

template <auto Member, typename T>
void mark(Reader& r, const At& at, T& out) {
  if (!r.is_text(at)) return;
  const std::string& text = at.node->text;
  if (text.size() > 32 || !std::all_of(text.begin(), text.end(), sip::is_token_char))
    return r.mistake(at, "write a word of letters and digits, such as \"MT\"");
  out.*Member = text;
}

constexpr Key<VerificationDraft> kVerificationKeys[] = {
    {"service",
     [](Reader& r, const At& at, VerificationDraft& v) {
       std::optional<Service> s;
       service(r, at, s, false);
       if (s) v.service = *s;
     },
     true},
    {"numbers",
     [](Reader& r, const At& at, VerificationDraft& v) {
       if (!r.is_array(at, 256)) return;
       for (std::size_t i = 0; i < at.node->items.size(); ++i)
         if (std::string n; read_e164(r, at.item(i), n)) v.numbers.push_back(std::move(n));
     },
     true},
    {"group", member<&VerificationDraft::group_ref>},
    {"loop_back", member<&VerificationDraft::loop_back>},
};

// Names on the left, numbers of calls on the right.
template <typename F>
void call_limits(Reader& r, const At& at, F&& take) {
  if (!r.is_table(at)) return;
  for (const auto& m : at.node->members) {
    const At value{&m.value, m.line > 0 ? m.line : at.line, Reader::join(at.field, m.key)};
    std::uint32_t n = 0;
    r.integer(value, n, 0, 1'000'000);
    take(m.key, n, value);
  }
}

void account_calls(Reader& r, const At& at, RoutingDraft& d) {
  call_limits(r, at, [&](const std::string& account, std::uint32_t n, const At&) {
    d.account_calls.emplace_back(account, n);
  });
}

void service_calls(Reader& r, const At& at, RoutingDraft& d) {
  call_limits(r, at, [&](const std::string& name, std::uint32_t n, const At& value) {
    if (const auto s = service_of(name))
      d.service_calls[directory::index_of(*s)] = n;
    else
      r.mistake(value.line, value.field, "service \"" + name + "\"",
                "write one of " + names_of(0xff));
  });
}

constexpr Key<RoutingDraft> kRoutingKeys[] = {
    {"unprovisioned_fixed",
     [](Reader& r, const At& at, RoutingDraft& d) { service(r, at, d.unprovisioned_fixed, true); }},
    {"unprovisioned_mobile", [](Reader& r, const At& at,
                                RoutingDraft& d) { service(r, at, d.unprovisioned_mobile, true); }},
    {"voicemail_pilot",
     [](Reader& r, const At& at, RoutingDraft& d) { (void)read_e164(r, at, d.voicemail_pilot); }},
    {"mobile_control_point",
     [](Reader& r, const At& at, RoutingDraft& d) {
       static constexpr std::pair<std::string_view, bool> kWords[] = {{"none", false},
                                                                      {"on_premises", true}};
       r.word<bool>(at, d.on_premises_control_point, kWords);
     }},
    {"call_type_header", header_name<&RoutingDraft::call_type_header, RoutingDraft>},
    {"client_call", mark<&RoutingDraft::client_call, RoutingDraft>},
    {"terminating_call", mark<&RoutingDraft::terminating_call, RoutingDraft>},
    {"originating_call", mark<&RoutingDraft::originating_call, RoutingDraft>},
    {"custom_header", header_name<&RoutingDraft::custom_header, RoutingDraft>},
    {"tenant_header", header_name<&RoutingDraft::tenant_header, RoutingDraft>},
    {"account_calls_percent", number<&RoutingDraft::account_calls_percent, 0, 1'000>},
    {"account_calls_min", number<&RoutingDraft::account_calls_min, 1, 1'000'000>},
    {"account_calls", account_calls},
    {"service_calls", service_calls},
    {"verification",
     [](Reader& r, const At& at, RoutingDraft& d) {
       r.tables(at, [&](const At& item) {
         auto& v = d.verification_drafts.emplace_back();
         v.place = {item.node, item.line, item.field};
         r.table<VerificationDraft>(item, kVerificationKeys, v);
       });
     }},
};

// Digits of a calling code or a prefix.
template <auto Member, std::size_t Most>
void digits(Reader& r, const At& at, NumberPlan& p) {
  if (!r.is_text(at)) return;
  const std::string& text = at.node->text;
  if (text.size() > Most || text.find_first_not_of("0123456789") != std::string::npos)
    return r.mistake(at, "write at most " + std::to_string(Most) + " digits, without plus");
  p.*Member = text;
}

constexpr std::pair<std::string_view, BareNumbers> kBare[] = {{"as_is", BareNumbers::kAsIs},
                                                              {"national", BareNumbers::kNational},
                                                              {"e164", BareNumbers::kE164}};

constexpr Key<NumberPlan> kPlanKeys[] = {
    {"country", digits<&NumberPlan::country, 3>, true},
    {"national_prefix", digits<&NumberPlan::national_prefix, 4>},
    {"international_prefix", digits<&NumberPlan::international_prefix, 5>},
    {"bare",
     [](Reader& r, const At& at, NumberPlan& p) { r.word<BareNumbers>(at, p.bare, kBare); }},
};

constexpr std::pair<std::string_view, Trunk> kTrunks[] = {
    {"fixed", Trunk::kFixed},
    {"mobile", Trunk::kMobile},
    {"mobile_originating", Trunk::kMobileOriginating},
    {"mobile_terminating", Trunk::kMobileTerminating}};

}  // namespace

void read_group_service(Reader& r, const At& at, GroupDraft& d) {
  service(r, at, d.service, false);
}

void read_group_trunk(Reader& r, const At& at, GroupDraft& d) {
  r.word<Trunk>(at, d.trunk, kTrunks);
}

void read_number_plan(Reader& r, const At& at, NumberPlan& out) {
  r.table<NumberPlan>(at, kPlanKeys, out);
}

void read_routing(Reader& r, const At& at, RoutingDraft& out) {
  out.place = {at.node, at.line, at.field};
  r.table<RoutingDraft>(at, kRoutingKeys, out);
}

void list_routing_keys(std::vector<std::string>& out) {
  list_keys<NumberPlan>("peer_group.numbers", kPlanKeys, out);
  list_keys<RoutingDraft>("routing", kRoutingKeys, out);
  std::erase(out, "routing.verification");
  std::erase(out, "routing.account_calls");
  std::erase(out, "routing.service_calls");
  out.emplace_back("routing.account_calls.*");
  out.emplace_back("routing.service_calls.*");
  list_keys<VerificationDraft>("routing.verification", kVerificationKeys, out);
}

}  // namespace causeway::deployment
