#include "call/trunk_watch.h"

namespace causeway::call {
namespace {

constexpr std::int64_t kBriefMs = 10'000;
constexpr std::int64_t kJudgedMs = 5'000;  // what is shorter is not judged by its media
constexpr std::uint32_t kPoorMos = 310;    // ITU-T G.107 annex B: nearly all users dissatisfied

bool poor(const telemetry::CallRecord& r) {
  if (r.duration_ms() < kJudgedMs) return false;
  const auto bad = [](const telemetry::MediaSide& m) {
    return m.one_way || (m.mos_100 != 0 && m.mos_100 < kPoorMos);
  };
  return bad(r.from_caller) || bad(r.from_callee);
}

}  // namespace

bool network_effective(TerminationClass what, const telemetry::CallRecord& r) {
  if (r.answered.micros != 0) return true;
  switch (what) {
    case TerminationClass::kBusy:
    case TerminationClass::kNoAnswer: return true;
    case TerminationClass::kCancelled: return r.ringing.micros != 0;  // rang, and nobody came
    case TerminationClass::kRejected: return r.sip_status == 603 || r.q850_cause == 21;
    default: return false;
  }
}

void watch_trunk(peers::SharedLoad::Trunk& trunk, TerminationClass what,
                 const telemetry::CallRecord& r) {
  ++trunk.seizures;
  if (network_effective(what, r)) ++trunk.effective;
  if (r.answered.micros == 0) return;
  if (r.duration_ms() < kBriefMs) ++trunk.brief;
  if (what == TerminationClass::kDropped || what == TerminationClass::kStopped) ++trunk.lost;
  if (poor(r)) ++trunk.poor;
}

}  // namespace causeway::call
