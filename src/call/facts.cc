#include "call/facts.h"

#include "call/crossing.h"
#include "call/identity.h"
#include "sip/fields.h"
#include "sip/headers.h"
#include "sip/tag.h"
#include "sip/telephone.h"
#include "transport/emergency.h"

namespace causeway::call {

using sip::HeaderId;

namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  return out;
}

// How often the request has been with us before: below the top one, a neighbour's proxies keep
// ours.
int own_vias(const sip::Message& m, NodeId self) {
  int n = -1;  // the top one is the sender's
  int ours = 0;
  for (const auto& f : m.headers()) {
    if (f.id != HeaderId::kVia) continue;
    std::string_view list = f.value;
    for (auto one = sip::next_value(list); !one.empty(); one = sip::next_value(list)) {
      if (++n == 0) continue;
      const auto via = sip::parse_via(one);
      const auto owner = via ? sip::owner_of_branch(via->branch) : std::nullopt;
      ours += owner && owner->node == self;
    }
  }
  return ours;
}

// Digits of a party; empty when it is no number, or one that means nothing outside of a domain.
std::string number_of(const sip::Uri& uri) {
  const auto number = sip::telephone_number(uri);
  return number.is_private() ? std::string() : number.full();
}

// Who sent the call on: the newest Diversion (RFC 5806), else the newest entry of History-Info that
// is not where the call goes now (RFC 7044 5).
std::string diverting_number(const sip::Message& m) {
  if (std::string_view list = m.value(HeaderId::kDiversion); !list.empty())
    if (const auto d = sip::parse_diversion(sip::next_value(list)))
      return number_of(d->address.target);
  const std::string called = m.target() ? number_of(*m.target()) : std::string();
  std::string newest;
  each_history_entry(m, [&](const sip::HistoryEntry& entry, const std::string&) {
    if (auto number = number_of(entry.address.target); number != called && !number.empty())
      newest = std::move(number);
  });
  return newest;
}

// Of the first such header; what is longer than any of ours is none.
std::string_view named(const sip::Message& m, const std::string& name) {
  constexpr std::size_t kLongest = 128;
  if (name.empty()) return {};
  for (const auto& f : m.headers())
    if (sip::iequals(f.name, name) && f.value.size() <= kLongest) return f.value;
  return {};
}

}  // namespace

policy::CallFacts facts_of(const sip::Message& m, const deployment::Deployment& d,
                           deployment::GroupIndex from) {
  policy::CallFacts f;
  f.from = from;
  f.request_uri = std::string(m.request_uri());
  if (const auto* uri = m.target()) {
    f.request_scheme = std::string(uri->scheme);
    f.called_raw = std::string(uri->user);
    f.called = called_number(d, *uri);
    if (const auto fault = uri->is_tel() ? sip::check_telephone(*uri) : Status{}; !fault) {
      f.number_status = error_info(fault.error().code).sip_status;
      f.number_fault = fault.error().what;
    }
  }
  f.resource_priority = transport::has_esnet_priority(m);
  f.max_forwards = static_cast<int>(sip::parse_u32(m.value(HeaderId::kMaxForwards)).value_or(70));
  f.own_vias = own_vias(m, d.operation.node);
  const auto& group = d.group(from);
  const bool by_number = group.service || group.trunk != deployment::Trunk::kNone;
  if (const auto* uri = m.target(); uri && (by_number || group.internal_realm))
    f.request_host = lower(uri->host);
  if (!by_number) return f;
  // What routing by number asks for.
  if (const auto* to = m.to()) f.to_host = lower(to->target.host);
  // Digits with a context of their own are looked at as they would be shown.
  if (const auto* party = m.from()) {
    const auto number = sip::telephone_number(party->target);
    f.calling = number.is_private() ? number.dialled : number.full();
  }
  if (group.trusted) {
    f.asserted = asserted_number(m);
    f.diverting = diverting_number(m);
  }
  if (const auto type = named(m, d.routing.call_type_header); !type.empty())
    f.call_type = std::string(type);
  f.tenant = std::string(named(m, d.routing.tenant_header));
  f.custom = std::string(named(m, d.routing.custom_header));
  return f;
}

}  // namespace causeway::call
