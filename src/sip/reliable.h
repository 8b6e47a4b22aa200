// Reliable provisional responses (RFC 3262): the side that sends them and the side that
// acknowledges them, as plain state. No clock, no socket; timers come back as data. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "sip/fields.h"
#include "sip/transaction.h"

namespace causeway::sip {

// The server side of one INVITE: at most one response waits for its PRACK (RFC 3262 3).
struct ReliableSender {
  std::uint32_t rseq = 0;  // of the last one that left; 0: none
  bool waits = false;      // ... and was not acknowledged
  bool repeats = false;    // ... and is sent again until it is
  Millis interval{0};
  Instant resend_at{}, give_up_at{};
};
struct ReliableActions {
  bool resend = false;
  bool timed_out = false;  // the INVITE is to be refused with 5xx
};

// The next response leaves, numbered `rseq`. Not while another one waits.
void sent(ReliableSender& s, std::uint32_t rseq, Instant now, const TimerConfig& config);
// False: it acknowledges nothing, and is answered 481.
[[nodiscard]] bool on_prack(ReliableSender& s, const RAck& rack, std::uint32_t invite_cseq);
[[nodiscard]] ReliableActions on_time(ReliableSender& s, Instant now);
[[nodiscard]] std::optional<Instant> next_deadline(const ReliableSender& s);
// A final answer was given: nothing is sent again, a PRACK on its way still fits.
void answered(ReliableSender& s);

// The client side, one per early dialog.
struct ReliableReceiver {
  std::uint32_t last = 0;  // RSeq that was acknowledged last; 0: none
  friend bool operator==(const ReliableReceiver&, const ReliableReceiver&) = default;
};
enum class RSeqOrder : std::uint8_t {
  kNext,      // to be acknowledged and worked on
  kRepeated,  // its PRACK is under way
  kGap        // one before it is missing: neither (RFC 3262 4)
};
[[nodiscard]] RSeqOrder received(ReliableReceiver& r, std::uint32_t rseq);

}  // namespace causeway::sip
