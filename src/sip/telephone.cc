#include "sip/telephone.h"

#include <algorithm>
#include <array>
#include <vector>

#include "sip/fields.h"

namespace causeway::sip {
namespace {

constexpr std::size_t kLongestNumber = 64;
constexpr std::size_t kMaxParameters = 16;
constexpr std::size_t kLongestGlobal = 15;  // digits of a global number (E.164 6)

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_alphanum(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_separator(char c) { return c == '-' || c == '.' || c == '(' || c == ')'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Is every character, escapes apart, one that `good` takes? Not for an empty text.
template <typename F>
bool consists_of(std::string_view text, F&& good) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (i + 2 >= text.size() || hex(text[i + 1]) < 0 || hex(text[i + 2]) < 0) return false;
      i += 2;
    } else if (!good(text[i])) {
      return false;
    }
  }
  return !text.empty();
}

// RFC 3966 3: paramchar.
bool is_paramchar(char c) {
  return is_alphanum(c) || std::string_view("-_.!~*'()[]/:&+$").find(c) != std::string_view::npos;
}
// uric without ';', which would begin the next parameter.
bool is_isub_char(char c) {
  return is_paramchar(c) || c == '?' || c == '@' || c == '=' || c == ',';
}

bool is_global_digits(std::string_view text) {
  return text.size() > 1 && text.front() == '+' &&
         std::any_of(text.begin() + 1, text.end(), is_digit) &&
         std::all_of(text.begin() + 1, text.end(),
                     [](char c) { return is_digit(c) || is_separator(c); });
}
bool is_domain(std::string_view text) {
  return !text.empty() && is_alphanum(text.front()) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return is_alphanum(c) || c == '-' || c == '.'; });
}

// "+" of a user part may come as %2B.
std::string plain(std::string_view text) { return unescape(text).value_or(std::string(text)); }

struct Parameter {
  std::string_view name, value;
  bool has_value = false;
};

// One of ";name=value;name". False at the end.
bool next_parameter(std::string_view& rest, Parameter& out) {
  if (rest.empty()) return false;
  const std::size_t end = rest.find(';');
  const std::string_view one = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  const std::size_t eq = one.find('=');
  out = {one.substr(0, eq), {}, eq != std::string_view::npos};
  if (out.has_value) out.value = one.substr(eq + 1);
  return true;
}

bool well_formed(const Parameter& p) {
  if (p.name.empty() ||
      !std::all_of(p.name.begin(), p.name.end(), [](char c) { return is_alphanum(c) || c == '-'; }))
    return false;
  if (iequals(p.name, "ext"))
    return p.has_value && std::any_of(p.value.begin(), p.value.end(), is_digit) &&
           consists_of(p.value, [](char c) { return is_digit(c) || is_separator(c); });
  if (iequals(p.name, "isub")) return p.has_value && consists_of(p.value, is_isub_char);
  if (iequals(p.name, "phone-context")) {
    const std::string context = plain(p.value);
    return is_global_digits(context) || is_domain(context);
  }
  return !p.has_value || consists_of(p.value, is_paramchar);
}

std::string_view value_of(std::string_view parameters, std::string_view name) {
  Parameter p;
  while (next_parameter(parameters, p))
    if (iequals(p.name, name)) return p.value;
  return {};
}

// The order of RFC 3966 3: isub or ext, the context, then the others by name.
int rank(std::string_view name) {
  if (iequals(name, "isub")) return 0;
  if (iequals(name, "ext")) return 1;
  return iequals(name, "phone-context") ? 2 : 3;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  return out;
}

}  // namespace

std::size_t number_digits(std::string_view user, std::span<char> out) {
  user = user.substr(0, user.find(';'));
  std::size_t n = 0;
  for (std::size_t i = 0; i < user.size(); ++i) {
    char c = user[i];
    if (c == '%' && i + 2 < user.size() && hex(user[i + 1]) >= 0 && hex(user[i + 2]) >= 0) {
      c = static_cast<char>(hex(user[i + 1]) * 16 + hex(user[i + 2]));
      i += 2;
    }
    if (is_separator(c) || c == ' ') continue;
    if (!is_digit(c) && c != '*' && c != '#' && !(c == '+' && n == 0)) return 0;
    if (n == out.size()) return 0;
    out[n++] = c;
  }
  return n == 1 && out[0] == '+' ? 0 : n;
}

TelephoneNumber telephone_number(const Uri& uri) {
  TelephoneNumber out;
  if (!uri.is_sip() && !uri.is_tel()) return out;
  std::array<char, kLongestNumber> digits{};
  out.dialled.assign(digits.data(), number_digits(uri.user, digits));
  if (uri.is_tel())
    out.parameters = uri.params;
  else if (const std::size_t semi = uri.user.find(';'); semi != std::string_view::npos)
    out.parameters = uri.user.substr(semi + 1);
  if (out.dialled.empty() || out.dialled.front() == '+' || out.parameters.empty()) return out;
  out.context = value_of(out.parameters, "phone-context");
  // A code of a private network or of a service is not one behind a prefix either.
  const bool number = out.dialled.find_first_of("*#") == std::string::npos;
  if (const std::string context = plain(out.context); number && is_global_digits(context)) {
    const std::size_t n = number_digits(context, digits);
    if (n != 0 && n - 1 + out.dialled.size() <= kLongestGlobal)
      out.global = std::string(digits.data(), n) + out.dialled;
  }
  return out;
}

Status check_telephone(const Uri& tel) {
  const auto wrong = [&](std::string_view what, ErrorCode code = ErrorCode::kMalformed) {
    return fail(code, std::string(what) + ": '" + std::string(tel.text.substr(0, 120)) + "'");
  };
  const std::string number = plain(tel.user);
  const bool global = number.starts_with('+');
  bool digit = false;
  for (const char c : std::string_view(number).substr(global ? 1 : 0)) {
    // RFC 3966 3: phonedigit-hex; '#' unescaped as services write it.
    const bool local = !global && (hex(c) >= 0 || c == '*' || c == '#');
    if (is_digit(c) || local)
      digit = true;
    else if (!is_separator(c))
      return wrong("telephone number with a character that is none of its digits");
  }
  if (!digit) return wrong("telephone number without a digit");
  std::vector<std::string> seen;
  std::string_view rest = tel.params;
  if (tel.text.ends_with(';')) return wrong("telephone number with an empty parameter");
  for (Parameter p; next_parameter(rest, p);) {
    if (!well_formed(p)) return wrong("telephone number with a parameter that is none");
    if (seen.size() == kMaxParameters) return wrong("telephone number with too many parameters");
    std::string name = lower(p.name);
    if (std::find(seen.begin(), seen.end(), name) != seen.end())
      return wrong("telephone number with a parameter twice");
    seen.push_back(std::move(name));
  }
  const bool context = std::find(seen.begin(), seen.end(), "phone-context") != seen.end();
  if (global && context) return wrong("global telephone number with a phone-context");
  if (!global && !context)
    return wrong("local telephone number without a phone-context", ErrorCode::kIncomplete);
  return {};
}

std::string parameters_of(const TelephoneNumber& number, std::span<const std::string> names) {
  std::vector<Parameter> crossing;
  std::string_view rest = number.parameters;
  for (Parameter p; crossing.size() < kMaxParameters && next_parameter(rest, p);) {
    const bool listed = std::any_of(names.begin(), names.end(),
                                    [&](const std::string& n) { return iequals(n, p.name); });
    const bool twice = std::any_of(crossing.begin(), crossing.end(),
                                   [&](const Parameter& o) { return iequals(o.name, p.name); });
    if (!listed || twice || !well_formed(p)) continue;
    if (!number.global.empty() && iequals(p.name, "phone-context")) continue;
    crossing.push_back(p);
  }
  std::sort(crossing.begin(), crossing.end(), [](const Parameter& a, const Parameter& b) {
    const int x = rank(a.name), y = rank(b.name);
    return x != y ? x < y : lower(a.name) < lower(b.name);
  });
  std::string out;
  for (const Parameter& p : crossing) {
    out.append(";").append(lower(p.name));
    if (p.has_value) out.append("=").append(escape_user(p.value));
  }
  return out;
}

std::string escape_user(std::string_view user) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  constexpr std::string_view kAsIs = "-_.!~*'()&=+$,;?/%";
  std::string out;
  out.reserve(user.size() + 4);
  for (const char c : user) {
    if (is_alphanum(c) || kAsIs.find(c) != std::string_view::npos) {
      out += c;
      continue;
    }
    const auto u = static_cast<unsigned char>(c);
    out.append("%").append(1, kHex[u >> 4]).append(1, kHex[u & 15]);
  }
  return out;
}

}  // namespace causeway::sip
