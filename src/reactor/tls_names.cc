#include <algorithm>

#include "reactor/tls_context.h"

namespace causeway::reactor {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool equal(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view without_root_dot(std::string_view name) {
  if (!name.empty() && name.back() == '.') name.remove_suffix(1);
  return name;
}

}  // namespace

bool certificate_name_matches(std::string_view certificate_name, std::string_view wanted) {
  certificate_name = without_root_dot(certificate_name);
  wanted = without_root_dot(wanted);
  if (certificate_name.empty() || wanted.empty()) return false;
  if (!certificate_name.starts_with("*.")) return equal(certificate_name, wanted);
  const std::string_view parent = certificate_name.substr(1);  // ".example.com"
  const auto dot = wanted.find('.');
  if (dot == std::string_view::npos || dot == 0) return false;
  // "*.com" would cover every name of a registry.
  if (parent.find('.', 1) == std::string_view::npos) return false;
  return parent.find('*') == std::string_view::npos && equal(parent, wanted.substr(dot));
}

bool any_certificate_name_matches(std::span<const std::string> names, std::string_view wanted) {
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& n) { return certificate_name_matches(n, wanted); });
}

std::string describe_names(std::span<const std::string> names) {
  if (names.empty()) return "no name";
  constexpr std::size_t kShown = 8;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kShown); ++i) {
    if (i > 0) text += ", ";
    text += names[i];
  }
  if (names.size() > kShown) text += " and " + std::to_string(names.size() - kShown) + " more";
  return text;
}

std::string wrong_certificate_text(const Endpoint& peer, std::string_view expected,
                                   std::span<const std::string> found) {
  return "certificate of " + peer.to_string() + ": expected " + std::string(expected) + ", found " +
         describe_names(found);
}

std::string untrusted_certificate_text(const Endpoint& peer, std::span<const std::string> found,
                                       std::string_view issuer) {
  return "certificate of " + peer.to_string() + " (" + describe_names(found) + ") is issued by " +
         std::string(issuer) + ", which is not trusted";
}

}  // namespace causeway::reactor
