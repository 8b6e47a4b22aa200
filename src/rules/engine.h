// Applies the rules of a profile to a message that enters or leaves a leg. Never makes an invalid
// one: what a rule makes is looked at when it is made, and the whole again with what it is now;
// what does not pass is not done, and said. The work is bounded by the size of the message and the
// number of rules. Any thread; pure but for the variables of the call.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/rule.h"
#include "rules/variables.h"
#include "sip/message.h"

namespace causeway::rules {

// What is known of a message that does not stand in it.
struct Facts {
  Direction direction = Direction::kIn;
  std::uint16_t group = 0;  // of the leg, by its place in the configuration
  std::string_view group_name, peer, account, tenant, calling, called;
  bool emergency = false;
  // The INVITE of a transfer: where it goes, its parties and who asked for it stay byte for byte.
  bool target_fixed = false;
};

struct Change {
  std::string set, rule;      // their names
  std::string what;           // "Diversion", "Request-URI", "status", "variable diverter", "sdp"
  std::string before, after;  // as printable text, cut to kMaxShown
  std::string refused;        // why it was not made; empty: it was
  friend bool operator==(const Change&, const Change&) = default;
};
inline constexpr std::size_t kMaxChanges = 64, kMaxShown = 256;
// "SET/RULE: WHAT: BEFORE -> AFTER"
[[nodiscard]] std::string to_string(const Change& c);

struct Outcome {
  std::optional<sip::Message> message;  // as it is now; none: it is as it was
  std::vector<Change> changes;          // in order, with those that were not made
};

[[nodiscard]] Outcome apply(const Chain& chain, const sip::Message& message, const Facts& facts,
                            Variables& variables);

// Method and status of a message that was not parsed, as Chain::concerns() asks for them.
struct StartLine {
  sip::Method method = sip::Method::kOther;
  int status = 0;
};
[[nodiscard]] StartLine start_line(std::string_view bytes);

}  // namespace causeway::rules
