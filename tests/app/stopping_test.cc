#include "app/stopping.h"

#include <gtest/gtest.h>

namespace causeway::app {
namespace {

using Action = Stopping::Action;
using Stage = Stopping::Stage;
constexpr Stopping::Time kNow{std::chrono::hours(1)};

TEST(Stopping, NothingHappensBeforeASignal) {
  Stopping s;
  EXPECT_EQ(s.on_tick(kNow, 0), Action::kNone);
  EXPECT_FALSE(s.begun());
}

TEST(Stopping, CallsHaveTheDrainTimeAndTheirByeIsAnswered) {
  Stopping s;
  EXPECT_EQ(s.on_signal(kNow, Seconds(30)), Action::kRefuseNewCalls);
  EXPECT_EQ(s.on_tick(kNow + Seconds(29), 2), Action::kNone);
  EXPECT_EQ(s.stage(), Stage::kDraining);
  EXPECT_EQ(s.left(kNow + Millis(29'500)), Seconds(1));
  EXPECT_EQ(s.on_tick(kNow + Seconds(30), 2), Action::kEndCalls);
  EXPECT_EQ(s.on_tick(kNow + Seconds(31), 1), Action::kNone);
  EXPECT_EQ(s.stage(), Stage::kEnding);
  EXPECT_EQ(s.on_tick(kNow + Seconds(34), 1), Action::kNone);
  EXPECT_EQ(s.stage(), Stage::kOver);
}

TEST(Stopping, LastCallThatEndsEndsTheDrain) {
  Stopping s;
  (void)s.on_signal(kNow, Seconds(30));
  EXPECT_EQ(s.on_tick(kNow + Seconds(1), 0), Action::kNone);
  EXPECT_EQ(s.stage(), Stage::kOver);
}

TEST(Stopping, SecondSignalEndsTheDrainAndAThirdTheWait) {
  Stopping s;
  (void)s.on_signal(kNow, Seconds(30));
  EXPECT_EQ(s.on_signal(kNow + Seconds(1), Seconds(30)), Action::kEndCalls);
  EXPECT_EQ(s.on_tick(kNow + Seconds(2), 5), Action::kNone);
  EXPECT_EQ(s.stage(), Stage::kEnding);
  EXPECT_EQ(s.on_signal(kNow + Seconds(2), Seconds(30)), Action::kNone);
  EXPECT_EQ(s.stage(), Stage::kOver);
}

}  // namespace
}  // namespace causeway::app
