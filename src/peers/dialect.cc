#include "peers/dialect.h"

namespace causeway::peers {

std::string own_host(const LocalSide& side) {
  if (!side.host.empty()) return std::string(side.host);
  return side.profile->contact_host.empty() ? side.advertised.address.to_uri_host()
                                            : side.profile->contact_host;
}

std::string via_value(const LocalSide& side, std::string_view branch) {
  const std::string& via_host =
      side.profile->via_host.empty() ? side.profile->contact_host : side.profile->via_host;
  std::string v;
  v.reserve(96);
  v.append("SIP/2.0/").append(to_via_token(side.transport)).append(" ");
  v.append(via_host.empty() ? side.advertised.address.to_uri_host() : via_host);
  v.append(":").append(std::to_string(side.advertised.port)).append(";branch=").append(branch);
  if (side.transport == Transport::kUdp) v.append(";rport");
  return v;
}

std::string contact_value(const LocalSide& side, std::string_view user) {
  std::string v;
  v.reserve(96);
  v.append("<sip:");
  if (side.profile->contact_user && !user.empty()) v.append(user).append("@");
  v.append(own_host(side)).append(":").append(std::to_string(side.advertised.port));
  if (side.transport != Transport::kUdp) v.append(";transport=").append(to_string(side.transport));
  v.append(">");
  return v;
}

void add_common(sip::Builder& b, const deployment::Profile& profile, bool request) {
  if (!profile.allow_text.empty()) b.header(sip::HeaderId::kAllow, profile.allow_text);
  if (!profile.supported_text.empty()) b.header(sip::HeaderId::kSupported, profile.supported_text);
  if (!profile.user_agent.empty())
    b.header(request ? sip::HeaderId::kUserAgent : sip::HeaderId::kServer, profile.user_agent);
  for (const auto& h : profile.add_headers) b.header(h.name, h.value);
}

}  // namespace causeway::peers
