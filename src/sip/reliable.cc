#include "sip/reliable.h"

namespace causeway::sip {

void sent(ReliableSender& s, std::uint32_t rseq, Instant now, const TimerConfig& config) {
  s.rseq = rseq;
  s.waits = s.repeats = true;
  s.interval = config.t1;
  s.resend_at = now + s.interval;
  s.give_up_at = now + config.b();
}

bool on_prack(ReliableSender& s, const RAck& rack, std::uint32_t invite_cseq) {
  if (!s.waits || rack.rseq != s.rseq || rack.cseq != invite_cseq || rack.method != "INVITE")
    return false;
  s.waits = s.repeats = false;
  return true;
}

ReliableActions on_time(ReliableSender& s, Instant now) {
  ReliableActions a;
  if (!s.waits || !s.repeats) return a;
  if (now >= s.give_up_at) {
    s.waits = s.repeats = false;
    a.timed_out = true;
    return a;
  }
  if (now < s.resend_at) return a;
  // Unlike a 2xx it is not bounded by T2 (RFC 3262 3).
  s.interval *= 2;
  s.resend_at = now + s.interval;
  a.resend = true;
  return a;
}

std::optional<Instant> next_deadline(const ReliableSender& s) {
  if (!s.waits || !s.repeats) return std::nullopt;
  return s.resend_at < s.give_up_at ? s.resend_at : s.give_up_at;
}

void answered(ReliableSender& s) { s.repeats = false; }

RSeqOrder received(ReliableReceiver& r, std::uint32_t rseq) {
  if (r.last != 0 && rseq <= r.last) return RSeqOrder::kRepeated;
  if (r.last != 0 && rseq != r.last + 1) return RSeqOrder::kGap;
  r.last = rseq;
  return RSeqOrder::kNext;
}

}  // namespace causeway::sip
