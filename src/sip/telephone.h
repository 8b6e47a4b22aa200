// Telephone numbers in URIs (RFC 3966, RFC 3261 19.1.6): the number of a tel URI, or the user part
// of a SIP URI, and the parameters behind it. Views into the URI; pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sip/headers.h"

namespace causeway::sip {

struct TelephoneNumber {
  // Digits, '*', '#' and a leading '+', without visual separators; empty: it is no number.
  std::string dialled;
  // A local number behind the digits of its phone-context, "+...": empty when it has none, or is
  // more than a number (a service code).
  std::string global;
  std::string_view context;     // phone-context as written; a domain or "+prefix"
  std::string_view parameters;  // behind the number, as written
  // The number to route by.
  [[nodiscard]] const std::string& full() const { return global.empty() ? dialled : global; }
  // Valid in a domain alone: nothing may be put in front of it.
  [[nodiscard]] bool is_private() const { return !context.empty() && global.empty(); }
};

// Of a SIP URI, whatever its `user` parameter says, or a tel URI. Lenient: what is no parameter is
// passed over. Empty for any other URI.
[[nodiscard]] TelephoneNumber telephone_number(const Uri& uri);

// What a tel URI must be. kMalformed; kIncomplete for a local number without its phone-context.
[[nodiscard]] Status check_telephone(const Uri& tel);

// Digits, '*', '#' and a leading '+' of a number with escapes, visual separators and parameters,
// written to `out`. How many; 0: it is no number, or longer than `out`. Allocates nothing.
[[nodiscard]] std::size_t number_digits(std::string_view user, std::span<char> out);

// ";ext=7;phone-context=example.com;npdi": those that `names` lists and that are well formed, in
// the order of RFC 3966 3, escaped for the user part of a SIP URI. A phone-context that went into
// `global` is left out.
[[nodiscard]] std::string parameters_of(const TelephoneNumber& number,
                                        std::span<const std::string> names);

// What a user part may not hold as it is (RFC 3261 25.1) becomes %HH; escapes stay.
[[nodiscard]] std::string escape_user(std::string_view user);

}  // namespace causeway::sip
