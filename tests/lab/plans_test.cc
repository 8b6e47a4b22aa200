#include "lab/plans.h"

#include <gtest/gtest.h>

#include <set>

#include "lab/scenario.h"

namespace causeway::lab {
namespace {

using namespace std::chrono_literals;

TEST(Plans, the_demo_ends_in_time_and_every_call_has_its_own_name) {
  const auto demo = find_plan("demo");
  ASSERT_TRUE(demo);
  std::set<std::string> names;
  std::set<double> tones;
  for (const auto& c : demo->calls) {
    EXPECT_TRUE(names.insert(c.name).second);
    EXPECT_TRUE(tones.insert(c.calling.sound.hertz).second) << c.name;
    EXPECT_LT(c.start + c.limit, 25s);
    EXPECT_LT(c.calling.sound.hertz, 3'400);
  }
  EXPECT_GE(names.size(), 11U);
  for (const auto& name : built_in_plans()) EXPECT_TRUE(find_plan(name));
  EXPECT_FALSE(find_plan("no-such-plan"));
}

TEST(Plans, a_file_says_what_to_do) {
  const auto p =
      parse_plan(R"({"calls":[{"name":"one","caller":"phone-system","calling":{"speech":true,
    "steps":[{"at_ms":500,"do":"hold-inactive"},{"at_ms":900,"do":"hang-up"}]},"called":{"status":200,"rings":2}},
    {"called":{"status":486}},{"calling":{"cancel_after_ms":100},"called":{"answers":false}}]})");
  ASSERT_TRUE(p);
  ASSERT_EQ(p->calls.size(), 3U);
  EXPECT_EQ(p->calls[0].caller, Side::kPhoneSystem);
  EXPECT_EQ(p->calls[0].calling.sound.content, Content::kSpeech);
  EXPECT_EQ(p->calls[0].calling.actions.size(), 2U);
  EXPECT_EQ(p->calls[1].final_status, 486);
  EXPECT_TRUE(p->calls[2].cancelled);
  EXPECT_EQ(p->calls[2].final_status, 487);
}

TEST(Plans, mistakes_in_a_file_are_reported) {
  EXPECT_FALSE(parse_plan("{"));
  EXPECT_FALSE(parse_plan("{}"));
  EXPECT_FALSE(parse_plan(R"({"calls":[{"caller":"nobody"}]})"));
  EXPECT_FALSE(parse_plan(R"({"calls":[{"calling":{"steps":[{"at_ms":1,"do":"dance"}]}}]})"));
}

TEST(NumberPlan, the_last_digits_choose) {
  EXPECT_EQ(behaviour_for("+3225550486", Side::kOperator).final_status, 486);
  EXPECT_EQ(behaviour_for("+3225550002", Side::kOperator).sound.content, Content::kSpeech);
  EXPECT_EQ(behaviour_for("+3225550006", Side::kPhoneSystem).actions.front().step,
            Step::kHoldInactive);
  EXPECT_EQ(behaviour_for("+3225550006", Side::kOperator).actions.front().step,
            Step::kHoldSendOnly);
  EXPECT_FALSE(behaviour_for("+3225550480", Side::kOperator).answers);
  EXPECT_EQ(behaviour_for("7", Side::kOperator).final_status, 200);
}

TEST(Stretches, follow_what_one_sends_and_the_other_receives) {
  CallFacts from, to;
  const auto at = [](int ms) { return Instant(Millis(ms)); };
  from.phases = {{at(0), Known::kYes, Known::kYes},
                 {at(2'000), Known::kUnknown, Known::kUnknown},
                 {at(2'010), Known::kNo, Known::kNo},
                 {at(4'000), Known::kYes, Known::kYes},
                 {at(6'000)}};
  to.phases = {{at(5), Known::kYes, Known::kYes}, {at(6'000)}};
  const auto s = stretches(from, {Content::kTone, 440}, to);
  ASSERT_EQ(s.size(), 3U);
  EXPECT_EQ(s[0].sound.content, Content::kTone);
  EXPECT_EQ(s[0].from, at(305));
  EXPECT_EQ(s[0].until, at(1'900));
  EXPECT_EQ(s[1].sound.content, Content::kNothing);
  EXPECT_EQ(s[2].sound.content, Content::kTone);
}

}  // namespace
}  // namespace causeway::lab
