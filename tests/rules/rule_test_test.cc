// Tests beside rules: run when a configuration is read, which is refused when one fails.
#include "rules/rule_test.h"

#include <gmock/gmock.h>

#include "compiled.h"

namespace causeway::rules {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using namespace testing;

const std::string kMessage = R"(message = '''
INVITE sip:+493022@example.net SIP/2.0
Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1
Max-Forwards: 70
From: <sip:+493011@192.0.2.1>;tag=f1
To: <sip:+493022@example.net>
Call-ID: c1
CSeq: 1 INVITE
Contact: <sip:+493011@192.0.2.1>
X-Old: 1
'''
)";

deployment::LoadResult load(const std::string& expect, const std::string& given = "") {
  return deployment::testing::load_sample(
      config_with(always(R"({set = "X-New", value = "${account}"}, {remove = "X-Old"})",
                         R"(direction = "out", peer_groups = ["b"])") +
                  "[[rule_set.test]]\nname = \"n\"\n" +
                  "given = {direction = \"out\", peer_group = \"b\", account = \"acme\"" + given +
                  "}\n" + kMessage + "expect = " + expect + "\n"));
}

TEST(RuleTests, PassWhenWhatComesOutIsWhatIsExpected) {
  for (const char* expect :
       {R"({headers = ["X-New: acme", "Max-Forwards:70"], absent = ["X-Old"]})",
        R"({start_line = "INVITE sip:+493022@example.net SIP/2.0"})",
        R"({message = '''
INVITE sip:+493022@example.net SIP/2.0
Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1
Max-Forwards: 70
From: <sip:+493011@192.0.2.1>;tag=f1
To: <sip:+493022@example.net>
Call-ID: c1
CSeq: 1 INVITE
Contact: <sip:+493011@192.0.2.1>
X-New: acme
'''})"}) {
    const auto r = load(expect);
    EXPECT_TRUE(r.deployment) << r.to_string();
  }
}

TEST(RuleTests, AFailingOneRefusesTheConfigurationWithADifference) {
  const auto r = load(R"({headers = ["X-New: other"], absent = ["Max-Forwards"]})");
  EXPECT_FALSE(r.deployment);
  ASSERT_EQ(r.mistakes.size(), 1u) << r.to_string();
  const auto& m = r.mistakes[0];
  EXPECT_EQ(m.field, "rule_set[1].test[1].expect");
  EXPECT_GT(m.line, 0);
  EXPECT_THAT(m.found, HasSubstr("the test \"n\" of rule set \"s\""));
  EXPECT_THAT(m.found, HasSubstr("- X-New: other\n+ X-New: acme\n+ Max-Forwards: 70\n"));
}

TEST(RuleTests, AWholeMessageIsComparedLineByLine) {
  const auto r = load(R"({message = '''
INVITE sip:+493022@example.net SIP/2.0
Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1
Max-Forwards: 70
From: <sip:+493011@192.0.2.1>;tag=f1
To: <sip:+493022@example.net>
Call-ID: c1
CSeq: 1 INVITE
Contact: <sip:+493011@192.0.2.1>
'''})");
  ASSERT_EQ(r.mistakes.size(), 1u) << r.to_string();
  EXPECT_THAT(r.mistakes[0].found, HasSubstr("):\n+ X-New: acme\n"));
  EXPECT_THAT(r.mistakes[0].found, Not(HasSubstr("\n- ")));
}

TEST(RuleTests, WhatIsGivenDecides) {
  EXPECT_FALSE(load(R"({unchanged = true})").deployment);
  EXPECT_TRUE(load(R"({unchanged = true})", ", emergency = true").mistakes.size() == 1)
      << "X-New is nothing that a call for help keeps";
}

TEST(RuleTests, SdpAndVariablesCanBeExpected) {
  const std::string rules =
      always(
          R"({capture = "who", from = "From", part = "user", pattern = '.*'}, {remove_codecs = ["PCMU"]})") +
      "[[rule_set.test]]\nname = \"n\"\nmessage = '''\n"
      "INVITE sip:a@example.net SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\nMax-Forwards: "
      "70\n"
      "From: <sip:me@192.0.2.1>;tag=f1\nTo: <sip:a@example.net>\nCall-ID: c1\nCSeq: 1 INVITE\n"
      "Contact: <sip:a@192.0.2.1>\n"
      "Content-Type: application/sdp\n\nv=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 "
      "192.0.2.1\nt=0 0\n"
      "m=audio 4000 RTP/AVP 0 8\n'''\n";
  const auto good = deployment::testing::load_sample(config_with(
      rules + "expect = {sdp = [\"m=audio 4000 RTP/AVP 8\"], variables = {who = \"me\"}}\n"));
  EXPECT_TRUE(good.deployment) << good.to_string();
  const auto bad = deployment::testing::load_sample(config_with(
      rules +
      "expect = {sdp_absent = [\"m=audio 4000 RTP/AVP 8\"], variables = {who = \"you\"}}\n"));
  EXPECT_THAT(bad.to_string(), HasSubstr("- variable who = you\n+ variable who = me\n"));
  EXPECT_THAT(bad.to_string(), HasSubstr("+ m=audio 4000 RTP/AVP 8\n"));
}

TEST(RuleTests, AMessageThatIsNoneIsSaid) {
  auto text = config_with(
      always(R"({remove = "X-V"})") +
      "[[rule_set.test]]\nname = \"n\"\nmessage = \"hello\"\nexpect = {unchanged = true}\n");
  EXPECT_THAT(deployment::testing::load_sample(text).to_string(),
              HasSubstr("the message of the test"));
}

TEST(RuleTests, SayWhatMustComeOut) {
  EXPECT_THAT(load("{}").to_string(), HasSubstr("say what is to come out"));
}

TEST(RuleTests, TextOfAPersonBecomesAMessage) {
  EXPECT_EQ(as_message("\nA b\nC: d\nContent-Length: 99\n\nbody\n"),
            "A b\r\nC: d\r\nContent-Length: 6\r\n\r\nbody\r\n");
}

TEST(RuleTests, ADifferenceShowsWhatIsInOneOnly) {
  EXPECT_EQ(difference({"a", "b", "c"}, {"a", "x", "c", "d"}), "- b\n+ x\n+ d\n");
  EXPECT_EQ(difference({}, {}), "");
}

}  // namespace
}  // namespace causeway::rules
