// Digits in the signalling: bodies of INFO (application/dtmf-relay, application/dtmf) and of NOTIFY
// (audio/telephone-event: the payload of RFC 4733 2.3, its duration in ms). Pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace causeway::sip {

inline constexpr std::string_view kDtmfRelay = "application/dtmf-relay";
inline constexpr std::string_view kDtmf = "application/dtmf";
inline constexpr std::string_view kTelephoneEvent = "audio/telephone-event";

struct SignalledDigit {
  std::uint8_t event = 0;          // 0-9, 10 '*', 11 '#', 12-15 'A'-'D', 16 flash
  std::uint16_t milliseconds = 0;  // 0: not said
  bool over = true;                // a NOTIFY may tell of the begin first
  friend bool operator==(const SignalledDigit&, const SignalledDigit&) = default;
};

// kUnsupported: not a type of digits. kMalformed names what is wrong with it.
[[nodiscard]] Result<SignalledDigit> read_digit(std::string_view type, std::string_view body);
// `type`: one of the three. Without a duration: 160 ms, or none where it need not be said.
[[nodiscard]] std::string write_digit(std::string_view type, const SignalledDigit& d);
[[nodiscard]] bool is_digit_type(std::string_view type);

}  // namespace causeway::sip
