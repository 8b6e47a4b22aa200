#include "transport/emergency.h"

#include <algorithm>
#include <array>

#include "sip/header_id.h"

namespace causeway::transport {
namespace {

constexpr std::size_t kLongest = 16;  // a dial string has at most 15 digits

// Digits, '*' and '#' of a user part, as sip::number_digits() has them, without a leading '+'; 0:
// it is none, or longer than any dial string.
std::size_t digits_of(std::string_view user, std::array<char, kLongest>& out) {
  user = user.substr(0, user.find(';'));
  std::size_t n = 0;
  for (std::size_t i = 0; i < user.size(); ++i) {
    char c = user[i];
    if (c == '%' && i + 2 < user.size() && user[i + 1] == '2' &&
        (user[i + 2] == '3' || user[i + 2] == 'B' || user[i + 2] == 'b')) {
      c = user[i + 2] == '3' ? '#' : '+';
      i += 2;
    }
    if (c == '-' || c == '.' || c == '(' || c == ')' || c == ' ' || (c == '+' && n == 0)) continue;
    if ((c < '0' || c > '9') && c != '*' && c != '#') return 0;
    if (n == kLongest) return 0;
    out[n++] = c;
  }
  return n;
}

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
  const std::size_t n = digits_of(user, digits);
  if (n == 0) return false;
  const std::string_view dialled(digits.data(), n);
  return std::any_of(d.emergency.begin(), d.emergency.end(), [&](const auto& e) {
    const std::string_view own = e.digits;
    return (own.starts_with('+') ? own.substr(1) : own) == dialled;
  });
}

}  // namespace causeway::transport
