#include "transport/size_rule.h"

#include <algorithm>

namespace causeway::transport {

std::string with_tcp_via(std::string_view request, std::uint16_t port) {
  constexpr std::string_view kUdp = "SIP/2.0/UDP ", kTcp = "SIP/2.0/TCP ", kRport = ";rport";
  const std::size_t at = request.find(kUdp, request.find("\r\n"));
  const std::size_t end = request.find("\r\n", at);
  if (at == std::string_view::npos || end == std::string_view::npos) return std::string(request);
  const std::string_view value = request.substr(at + kUdp.size(), end - at - kUdp.size());
  const std::string_view sent_by = value.substr(0, value.find(';'));
  std::string parameters(value.substr(sent_by.size()));
  if (const auto r = parameters.find(kRport); r != std::string::npos)
    parameters.erase(r, kRport.size());
  // A colon within brackets belongs to an IPv6 address.
  const auto colon = sent_by.rfind(':');
  const bool has_port = colon != std::string_view::npos && sent_by.find(']', colon) == sent_by.npos;
  std::string out(request.substr(0, at));
  out.append(kTcp).append(sent_by.substr(0, has_port ? colon : sent_by.size()));
  out.append(":").append(std::to_string(port)).append(parameters).append(request.substr(end));
  return out;
}

bool SizeRule::prefers_tcp(const Destination& to, std::size_t bytes, Instant now) const {
  if (to.transport != Transport::kUdp || !to.tcp_listener || bytes <= to.tcp_above) return false;
  return std::none_of(refused_.begin(), refused_.end(),
                      [&](const auto& r) { return r.first == to.remote && now < r.second; });
}

void SizeRule::refused(const Endpoint& remote, Instant now) {
  std::erase_if(refused_, [&](const auto& r) { return r.second <= now || r.first == remote; });
  if (refused_.size() < kMost) refused_.emplace_back(remote, now + kRemembered);
}

}  // namespace causeway::transport
