#include "call/outgoing.h"

#include <algorithm>
#include <cctype>

#include "call/identity.h"
#include "sip/headers.h"
#include "sip/telephone.h"

namespace causeway::call {

using sip::HeaderId;

namespace {

bool for_help(const Onward& on) {
  return on.decision.emergency == policy::EmergencyClass::kEmergency;
}

const deployment::PeerGroup& group_to(const Onward& on) {
  return on.deployment.group(on.deployment.peer(on.to).group);
}

// Both sides are in our trust domain.
bool trusted(const Onward& on) {
  return on.deployment.group(on.from).trusted && group_to(on).trusted;
}

Caller caller_of(const Onward& on, const NumberForms& forms) {
  return call::caller_of(on.invite, on.deployment, *on.us.profile,
                         on.deployment.group(on.from).trusted, forms, group_to(on).trusted);
}

NumberForms forms_of(const Onward& on) {
  if (for_help(on)) return {};
  return number_forms(on.deployment, on.from, on.deployment.peer(on.to).group);
}

// Nothing is worked out for an INVITE that has none of these headers, or a profile that leaves them
// alone.
std::vector<deployment::HeaderLine> identity_lines(const Onward& on, std::string_view own,
                                                   const NumberForms& forms) {
  const auto& profile = *on.us.profile;
  const bool diverted =
      on.invite.has(HeaderId::kHistoryInfo) || on.invite.has(HeaderId::kDiversion);
  const bool receiver_trusted = group_to(on).trusted;
  if (receiver_trusted && profile.identity == deployment::IdentityForm::kAsReceived &&
      profile.identity_mismatch == deployment::IdentityMismatch::kKeep &&
      (!diverted || profile.diversion == deployment::DiversionForm::kAsReceived))
    return {};
  const Caller caller = caller_of(on, forms);
  std::string request_uri;
  if (diverted) request_uri = addressing_of(on).request_uri;
  if (const auto at = request_uri.find(";cause="); at != std::string::npos) request_uri.resize(at);
  return identity_headers(
      on.invite, {profile, trusted(on), receiver_trusted, own, caller, forms, request_uri});
}

bool tells_tenant(const Onward& on, deployment::TenantIn where) {
  return on.us.profile->tenant_in == where && !on.decision.customer.tenant.empty() && trusted(on);
}

// A trunk group's label (RFC 4904 3): what else stands in a name becomes %HH.
std::string label_of(std::string_view name) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '-' || c == '.' || c == '_')
      out += c;
    else
      out.append("%").append(1, kHex[byte >> 4]).append(1, kHex[byte & 15]);
  }
  return out;
}

}  // namespace

Addressing addressing_of(const Onward& on) {
  const auto& d = on.deployment;
  const auto& profile = *on.us.profile;
  const auto& group = group_to(on);
  const auto& peer = d.peer(on.to);
  const Caller caller = caller_of(on, forms_of(on));
  std::string called(on.called);
  const sip::Uri* target = on.invite.target();
  bool service = target != nullptr && target->is_service();
  if (service && profile.emergency_uri == deployment::EmergencyUri::kDialString) {
    if (auto digits = policy::dial_string(d, on.decision.service); !digits.empty()) {
      called = std::move(digits);
      service = false;
    }
  }
  const auto dialled = target ? sip::telephone_number(*target) : sip::TelephoneNumber{};
  const std::string number =
      dialled.is_private() ? called
                           : policy::format_number(d, called, profile.number_format, group.numbers);
  const std::string parameters = sip::parameters_of(dialled, profile.number_parameters);
  const auto literal = IpAddress::literal(peer.host);
  const std::string host = literal ? literal->to_uri_host() : peer.host;
  const std::uint16_t default_port = peer.transport == Transport::kTls ? 5061 : 5060;
  const std::uint16_t port = peer.port == default_port ? 0 : peer.port;
  const bool phone = profile.user_phone;
  const std::string own = peers::own_host(on.us);

  const bool hidden = caller.anonymous && profile.anonymous == deployment::AnonymousHost::kInvalid;

  Addressing a;
  a.from = (caller.display.empty() ? "" : caller.display + " ") + "<" +
           party_uri(caller.user, hidden ? "anonymous.invalid" : own, 0, phone) + ">";
  a.request_uri = service ? called : party_uri(number, host, port, phone, parameters);
  if (const int cause = profile.cause_parameter && !service ? diversion_cause(on.invite) : 0)
    a.request_uri += ";cause=" + std::to_string(cause);
  a.to = "<" + (service ? called : party_uri(number, host, 0, phone, parameters)) + ">";
  a.contact_user = caller.anonymous ? "" : sip::escape_user(caller.user);
  // RFC 4904 4: the trunk group that a call comes from stands in its Contact.
  if (tells_tenant(on, deployment::TenantIn::kTrunkGroup) && !a.contact_user.empty())
    a.contact_user += ";tgrp=" + label_of(on.decision.customer.tenant) + ";trunk-context=" + own;
  return a;
}

void write_headers(sip::Builder& b, const Onward& on,
                   const std::function<bool(std::string_view cid)>& carried) {
  const auto hops = sip::parse_u32(on.invite.value(HeaderId::kMaxForwards)).value_or(70);
  b.header(HeaderId::kMaxForwards,
           static_cast<std::int64_t>(std::min<std::uint32_t>(hops, 255)) - 1);
  if (on.us.profile->reliable_provisionals == deployment::Reliability::kRequired)
    b.header(HeaderId::kRequire, "100rel");
  peers::add_common(b, *on.us.profile, true);
  if (on.us.profile->early_media_header == deployment::EarlyMediaHeader::kSupported &&
      group_to(on).trusted)
    b.header("P-Early-Media", "supported");
  const std::string own = peers::own_host(on.us);
  const NumberForms forms = forms_of(on);
  std::vector<deployment::HeaderLine> ours = identity_lines(on, own, forms);
  ours.insert(ours.end(), on.decision.headers.begin(), on.decision.headers.end());
  copy_crossing_headers(b, on.invite, *on.us.profile, trusted(on), own, carried, forms, ours);
  for (const auto& h : ours)
    if (!h.value.empty()) b.header(h.name, h.value);
  const std::string& tenant_header = on.deployment.routing.tenant_header;
  if (tells_tenant(on, deployment::TenantIn::kHeader) && !tenant_header.empty())
    b.header(tenant_header, on.decision.customer.tenant);
}

std::string customer_host(const deployment::Profile& profile, const policy::Customer& customer) {
  if (!profile.customer_in_contact || customer.label.empty() || profile.contact_host.empty())
    return {};
  return customer.label + "." + profile.contact_host;
}

}  // namespace causeway::call
