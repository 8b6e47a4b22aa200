#include "call/trunk_watch.h"

#include <gtest/gtest.h>

#include "support/proves.h"

namespace causeway::call {
namespace {

using telemetry::CallRecord;

constexpr std::int64_t kSecond = 1'000'000;

CallRecord answered_for(std::int64_t seconds) {
  CallRecord r;
  r.started = WallTime{kSecond};
  r.answered = WallTime{2 * kSecond};
  r.ended = WallTime{(2 + seconds) * kSecond};
  r.from_caller.mos_100 = r.from_callee.mos_100 = 420;
  return r;
}
CallRecord unanswered(int status, bool rang = false, int q850 = 0) {
  CallRecord r;
  r.started = WallTime{kSecond};
  if (rang) r.ringing = WallTime{2 * kSecond};
  r.ended = WallTime{9 * kSecond};
  r.sip_status = status;
  r.q850_cause = q850;
  return r;
}

TEST(TrunkWatch, TheNetworkIsEffectiveWhenItDidItsPart) {
  PROVES("TDR-43");
  using enum TerminationClass;
  const std::tuple<TerminationClass, CallRecord, bool> kTable[] = {
      {kCompleted, answered_for(60), true},
      {kDropped, answered_for(60), true},
      {kBusy, unanswered(486), true},
      {kNoAnswer, unanswered(480, true), true},
      {kCancelled, unanswered(487, true), true},
      {kCancelled, unanswered(487), false},
      {kRejected, unanswered(603), true},
      {kRejected, unanswered(403, true, 21), true},
      {kRejected, unanswered(404), false},
      {kRejected, unanswered(500), false},
      {kUnreachable, unanswered(504), false},
      {kRefused, unanswered(503), false},
      {kStopped, unanswered(503), false}};
  peers::SharedLoad load;
  auto& trunk = load.trunk("cloud");
  for (const auto& [what, record, effective] : kTable) {
    EXPECT_EQ(network_effective(what, record), effective)
        << to_string(what) << " " << record.sip_status;
    watch_trunk(trunk, what, record);
  }
  const auto rows = load.trunks();
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].seizures, 13U);
  EXPECT_EQ(rows[0].effective, 7U);
  EXPECT_DOUBLE_EQ(rows[0].effectiveness(), 7.0 / 13.0);
}

TEST(TrunkWatch, ShortLostAndPoorCallsAreCounted) {
  PROVES("OC-06");
  peers::SharedLoad load;
  auto& t = load.trunk("cloud");
  const auto counts = [&] {
    const auto r = load.trunks().at(0);
    return std::array{r.seizures - r.effective, r.brief, r.lost, r.poor};
  };
  using Counts = std::array<std::uint64_t, 4>;
  watch_trunk(t, TerminationClass::kCompleted, answered_for(60));
  EXPECT_EQ(counts(), (Counts{0, 0, 0, 0}));
  watch_trunk(t, TerminationClass::kUnreachable, unanswered(504));
  EXPECT_EQ(counts(), (Counts{1, 0, 0, 0})) << "set-up failures";
  watch_trunk(t, TerminationClass::kCompleted, answered_for(9));
  EXPECT_EQ(counts(), (Counts{1, 1, 0, 0})) << "short calls";
  watch_trunk(t, TerminationClass::kDropped, answered_for(60));
  EXPECT_EQ(counts(), (Counts{1, 1, 1, 0})) << "unusual disconnects";
  auto bad = answered_for(60);
  bad.from_callee.mos_100 = 250;
  watch_trunk(t, TerminationClass::kCompleted, bad);
  auto one_way = answered_for(60);
  one_way.from_caller.one_way = true;
  watch_trunk(t, TerminationClass::kCompleted, one_way);
  EXPECT_EQ(counts(), (Counts{1, 1, 1, 2})) << "call quality";
  auto too_short_to_judge = answered_for(3);
  too_short_to_judge.from_callee.mos_100 = 250;
  watch_trunk(t, TerminationClass::kCompleted, too_short_to_judge);
  EXPECT_EQ(counts(), (Counts{1, 2, 1, 2}));
}

}  // namespace
}  // namespace causeway::call
