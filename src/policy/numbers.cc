#include "policy/numbers.h"

#include "policy/decide.h"

namespace causeway::policy {

using deployment::BareNumbers;
using deployment::NumberFormat;
using deployment::NumberPlan;

namespace {

constexpr std::size_t kShortest = 4;  // digits behind a prefix; fewer are a short code

bool begins(std::string_view digits, const std::string& prefix) {
  return !prefix.empty() && digits.starts_with(prefix) &&
         digits.size() >= prefix.size() + kShortest;
}

// A number in E.164 as people of that country dial it.
std::string dialled(std::string_view digits, NumberFormat format, const NumberPlan& plan) {
  if (format == NumberFormat::kNational && !plan.country.empty() &&
      digits.starts_with(plan.country))
    return plan.national_prefix + std::string(digits.substr(plan.country.size()));
  if (plan.international_prefix.empty()) return "+" + std::string(digits);
  return plan.international_prefix + std::string(digits);
}

}  // namespace

std::string to_e164(std::string_view number, const NumberPlan& plan) {
  std::string n(number);
  if (plan.country.empty() || n.starts_with('+') || !is_number(n) ||
      n.find_first_of("*#") != std::string::npos)
    return n;
  if (begins(n, plan.international_prefix)) return "+" + n.substr(plan.international_prefix.size());
  // A national prefix that is the calling code too: eleven digits begin with it, ten do not.
  if (begins(n, plan.national_prefix))
    return "+" + plan.country + n.substr(plan.national_prefix.size());
  if (n.size() < kShortest + 2) return n;
  switch (plan.bare) {
    case BareNumbers::kAsIs: return n;
    case BareNumbers::kNational: return "+" + plan.country + n;
    case BareNumbers::kE164: return "+" + n;
  }
  return n;
}

std::string format_number(const deployment::Deployment& d, std::string_view number,
                          NumberFormat format, const NumberPlan& plan) {
  std::string n(number);
  if (!is_number(n)) return n;
  if (auto digits = emergency_digits(d, n); !digits.empty()) return digits;
  if (without_plus(n).find_first_of("*#") != std::string_view::npos) return n;
  switch (format) {
    case NumberFormat::kAsIs: return n;
    case NumberFormat::kE164Plus:
      if (n.starts_with('+')) return n;
      if (n.starts_with("00") && n.size() > 4) return "+" + n.substr(2);
      return "+" + n;
    case NumberFormat::kE164NoPlus: return n.starts_with('+') ? n.substr(1) : n;
    case NumberFormat::kNational:
    case NumberFormat::kInternational:
      return n.starts_with('+') ? dialled(std::string_view(n).substr(1), format, plan) : n;
  }
  return n;
}

}  // namespace causeway::policy
