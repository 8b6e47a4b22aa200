// What belongs to the dialog, the transaction and the transport is refused when a configuration is
// read: with field, value and remedy.
#include "rules/allowed.h"

#include <gmock/gmock.h>

#include "compiled.h"

namespace causeway::rules {
namespace {

using ::testing::HasSubstr;
using namespace testing;

deployment::LoadResult load(std::string_view actions, std::string_view when = "") {
  return deployment::testing::load_sample(config_with(always(actions, when)));
}

class CoreHeaders : public ::testing::TestWithParam<const char*> {};
TEST_P(CoreHeaders, AreRefusedForEveryActionThatWrites) {
  const std::string h = GetParam();
  for (const std::string& action :
       {"{set = \"" + h + "\", value = \"x\"}", "{add = \"" + h + "\", value = \"x\"}",
        "{remove = \"" + h + "\"}", "{rename = \"" + h + "\", to = \"X-Y\"}",
        "{rename = \"X-Y\", to = \"" + h + "\"}",
        "{rewrite = \"" + h + "\", pattern = \"x\", value = \"y\"}"}) {
    const auto r = load(action);
    EXPECT_FALSE(r.deployment) << action;
    ASSERT_EQ(r.mistakes.size(), 1u) << action << "\n" << r.to_string();
    EXPECT_THAT(r.mistakes[0].field, HasSubstr("rule_set[1].rule[1].actions[1]."));
    EXPECT_FALSE(r.mistakes[0].found.empty());
    EXPECT_THAT(r.mistakes[0].remedy, HasSubstr("a rule must not do that: "));
    EXPECT_GT(r.mistakes[0].line, 0);
  }
}
INSTANTIATE_TEST_SUITE_P(All, CoreHeaders,
                         ::testing::Values("Via", "Call-ID", "CSeq", "Max-Forwards", "Record-Route",
                                           "Route", "Content-Length", "Content-Type", "From", "To",
                                           "Contact", "RSeq", "RAck", "Require", "Session-Expires",
                                           "Min-SE", "Replaces", "Authorization", "v", "i", "l",
                                           "f", "t", "m", "x", "via", "CALL-ID"));

struct Refused {
  const char* name;
  const char* actions;
  const char* when;
  const char* field;   // its end
  const char* remedy;  // a part of it
};
class Mistakes : public ::testing::TestWithParam<Refused> {};
TEST_P(Mistakes, AreFoundWhenAConfigurationIsRead) {
  const auto& p = GetParam();
  const auto r = load(p.actions, p.when);
  EXPECT_FALSE(r.deployment);
  ASSERT_FALSE(r.mistakes.empty());
  EXPECT_TRUE(r.mistakes[0].field.ends_with(p.field)) << r.to_string();
  EXPECT_THAT(r.mistakes[0].to_string(), HasSubstr(p.remedy));
}
INSTANTIATE_TEST_SUITE_P(
    All, Mistakes,
    ::testing::Values(
        Refused{"Tag", R"({set_parameter = "To", of = "header", parameter = "tag", value = "1"})",
                "", "set_parameter", "the tag is the dialog's"},
        Refused{"ContactHost",
                R"({rewrite = "Contact", part = "host", pattern = "x", value = "y"})",
                "direction = \"out\"", "rewrite", "contact_host of the profile"},
        Refused{"ContactIn", R"({rewrite = "Contact", part = "user", pattern = "x", value = "y"})",
                "", "actions[1]", "direction = \"out\""},
        Refused{"ContactTransport",
                R"({set_parameter = "Contact", parameter = "transport", value = "tcp"})",
                "direction = \"out\"", "set_parameter", "where requests of the dialog go"},
        Refused{"RequestUriMaddr",
                R"({set_parameter = "request_uri", parameter = "maddr", value = "x"})", "",
                "set_parameter", "the peer's host"},
        Refused{"RequestUriSet", R"({set = "request_uri", value = "sip:a@b"})", "", "set",
                "use rewrite"},
        Refused{"PartiesInAnswers",
                R"({rewrite = "From", part = "user", pattern = "x", value = "y"})",
                "message = \"response\"", "actions[1]", "change the request"},
        Refused{"Keys", R"({remove_attribute = "crypto"})", "", "remove_attribute",
                "[profile.sdp]"},
        Refused{"NoVerb", R"({value = "x"})", "", "actions[1]", "write one of set, add"},
        Refused{"TwoVerbs", R"({set = "X-V", add = "Y", value = "x"})", "", "actions[1]",
                "one thing"},
        Refused{"MissingValue", R"({set = "X-V"})", "", "value", "add value = ..."},
        Refused{"SpareKey", R"({remove = "X-V", value = "x"})", "", "value", "no use for it"},
        Refused{"UnknownKey", R"({remove = "X-V", mathing = "x"})", "", "mathing",
                "did you mean \"matching\"?"},
        Refused{"BadPattern", R"({rewrite = "X-V", pattern = "(", value = "x"})", "", "pattern",
                "missing )"},
        Refused{"NoSuchGroup", R"({rewrite = "X-V", pattern = '(x)', value = "${2}"})", "", "value",
                "1 groups in parentheses"},
        Refused{"CaptureWithoutPattern", R"({set = "X-V", value = "${1}"})", "", "value",
                "only rewrite"},
        Refused{"UnknownVariable", R"({set = "X-V", value = "${nobody}"})", "", "value",
                "no rule captures this variable"},
        Refused{"KnownNameAsVariable", R"({capture = "account", from = "X-V", pattern = "x"})", "",
                "capture", "not one of group"},
        Refused{"LineBreak", "{set = \"X-V\", value = \"a\\r\\nEvil: 1\"}", "", "value", "control"},
        Refused{"HeaderName", R"({set = "X Y", value = "x"})", "", "set", "name of a header"},
        Refused{"StatusWithoutStatuses", R"({map_status = 404})", "", "actions[1]", "statuses = "},
        Refused{"SuccessFromFailure", R"({map_status = 200})", "statuses = [486]", "actions[1]",
                "101 to 199 or from 400 to 699"},
        Refused{"FailureFromSuccess", R"({map_status = 486})", "statuses = [200]", "actions[1]",
                "a failure is made of a failure"},
        Refused{"ProvisionalFromFailure", R"({map_status = 180})", "statuses = [486]", "actions[1]",
                "a provisional answer is made of"},
        Refused{"ChallengeFromNothing", R"({map_status = 407})", "statuses = [403]", "actions[1]",
                "header of its own"},
        Refused{"Bandwidth", R"({set_bandwidth = "64"})", "", "set_bandwidth", "AS:64"},
        Refused{"Ptime", R"({set_ptime = 5})", "", "set_ptime", "from 10 to 200"},
        Refused{"Method", R"({remove = "X-V"})", "methods = [\"invite\"]", "methods[1]", "INVITE"},
        Refused{"Status", R"({remove = "X-V"})", "statuses = [\"48x\"]", "statuses[1]", "4xx"},
        Refused{"StatusOfARequest", R"({remove = "X-V"})",
                "message = \"request\", statuses = [480]", "statuses", "a request has none"},
        Refused{"Group", R"({remove = "X-V"})", "peer_groups = [\"c\"]", "peer_groups[1]",
                "peer_group"},
        Refused{"TwoConditions", R"({remove = "X-V"})",
                "headers = [{name = \"X-V\", present = true, equals = \"1\"}]", "headers[1]",
                "write one of"},
        Refused{"ValueOfACodec", R"({remove = "X-V"})",
                "sdp = [{codec = \"PCMU\", equals = \"1\"}]", "sdp[1]", "attribute"}),
    [](const auto& i) { return i.param.name; });

TEST(RuleSets, AreNamedOnceAndFoundByProfiles) {
  using deployment::testing::load_sample;
  const std::string twice = config_with(always("{remove = \"X-V\"}")) +
                            "[[rule_set]]\nname = \"s\"\n" + always("{remove = \"X-V\"}");
  EXPECT_THAT(load_sample(twice).to_string(), HasSubstr("has this name already"));
  std::string unknown = config_with(always("{remove = \"X-V\"}"));
  unknown.replace(unknown.find("rules_in = [\"s\"]"), 16, "rules_in = [\"t\"]");
  EXPECT_THAT(load_sample(unknown).to_string(), HasSubstr("no rule_set has this name"));
  const std::string same = config_with(always("{remove = \"X-V\"}") + always("{remove = \"Y\"}"));
  EXPECT_THAT(load_sample(same).to_string(), HasSubstr("could not tell them apart"));
}

TEST(RuleSets, AreInheritedByProfilesThatExtend) {
  const auto r = deployment::testing::load_sample(
      config_with(always("{remove = \"X-V\"}")) +
      "[[profile]]\nname = \"more\"\nextends = \"ruled\"\n"
      "[[profile]]\nname = \"less\"\nextends = \"ruled\"\nrules_out = []\n");
  ASSERT_TRUE(r.deployment) << r.to_string();
  const auto& all = r.deployment->profiles;
  EXPECT_TRUE(all[all.size() - 2].rules_out);
  EXPECT_FALSE(all.back().rules_out);
  EXPECT_TRUE(all.back().rules_in);
}

TEST(RuleSets, AProfileWithoutThemHasNone) {
  const auto r = deployment::testing::load_sample(deployment::testing::kSample);
  ASSERT_TRUE(r.deployment);
  for (const auto& p : r.deployment->profiles) EXPECT_TRUE(!p.rules_in && !p.rules_out) << p.name;
}

TEST(RuleSets, ApplyInTheOrderOfTheProfile) {
  std::string text = config_with(always("{set = \"X-V\", value = \"1\"}")) +
                     "[[rule_set]]\nname = \"t\"\n" + always("{set = \"X-V\", value = \"2\"}");
  text.replace(text.find("rules_out = [\"s\"]"), 17, "rules_out = [\"t\", \"s\"]");
  const auto r = deployment::testing::load_sample(text);
  ASSERT_TRUE(r.deployment) << r.to_string();
  const auto& p = r.deployment->profile(r.deployment->groups[0].profile);
  EXPECT_TRUE(applied(p.rules_out, invite()).has("X-V: 1")) << "the last one has the last word";
}

}  // namespace
}  // namespace causeway::rules
