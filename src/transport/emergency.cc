#include "transport/emergency.h"

#include <algorithm>
#include <array>

#include "sip/header_id.h"
#include "sip/headers.h"
#include "sip/telephone.h"

namespace causeway::transport {
namespace {

constexpr std::size_t kLongest = 16;  // a dial string has at most 15 digits, and a '+'

}  // namespace

bool names_emergency(const deployment::Deployment& d, std::string_view uri) {
  constexpr std::string_view kSos = "urn:service:sos";
  if (sip::iequals(uri.substr(0, kSos.size()), kSos))
    return uri.size() == kSos.size() || uri[kSos.size()] == '.';
  const std::size_t colon = uri.find(':');
  if (colon == std::string_view::npos) return false;
  std::string_view user = uri.substr(colon + 1);
  if (!sip::iequals(uri.substr(0, colon), "tel")) {
    const std::size_t at = user.find('@');
    if (at == std::string_view::npos) return false;
    user = user.substr(0, at);
    user = user.substr(0, user.find(':'));
  }
  std::array<char, kLongest> digits{};
  std::string_view dialled(digits.data(), sip::number_digits(user, digits));
  if (dialled.starts_with('+')) dialled.remove_prefix(1);
  if (dialled.empty()) return false;
  return std::any_of(d.emergency.begin(), d.emergency.end(), [&](const auto& e) {
    const std::string_view own = e.digits;
    return (own.starts_with('+') ? own.substr(1) : own) == dialled;
  });
}

bool has_esnet_priority(const sip::Message& m) {
  constexpr std::string_view kEsnet = "esnet.";
  for (const auto& f : m.headers()) {
    if (f.id != sip::HeaderId::kResourcePriority) continue;
    std::string_view list = f.value;
    for (auto one = sip::next_value(list); !one.empty(); one = sip::next_value(list))
      if (sip::iequals(one.substr(0, kEsnet.size()), kEsnet)) return true;
  }
  return false;
}

}  // namespace causeway::transport
