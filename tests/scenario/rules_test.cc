// Rules of profiles in whole calls: what comes from a peer is changed before anybody reads it, and
// what leaves for one after everything else.
#include <gmock/gmock.h>

#include "scenario/transfers.h"

namespace causeway::scenario {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kRules = R"(
[limits]
keep_one_in = 1
[[rule_set]]
name = "from-core"
[[rule_set.rule]]
name = "international prefix"
when = { methods = ["INVITE"], in_dialog = false }
actions = [
  { rewrite = "request_uri", part = "user", pattern = '^00', value = "+" },
  { rewrite = "From", part = "user", pattern = '^\+4930', value = "+4940" },
  { capture = "site", from = "X-Site", pattern = '^(\w+)' },
]
[[rule_set]]
name = "to-core"
[[rule_set.rule]]
name = "unavailable"
when = { statuses = ["480"] }
actions = [{ map_status = 404 }, { set = "X-Was", value = "${status} ${site}" }]
[[rule_set]]
name = "to-cloud"
[[rule_set.rule]]
name = "site"
when = { message = "request" }
actions = [{ add = "X-Site", value = "${site}" }]
[[rule_set.rule]]
name = "caller"
when = { direction = "out", methods = ["INVITE"] }
actions = [
  { rewrite = "From", part = "user", pattern = '^\+4940', value = "+4950" },
  { rewrite = "To", part = "user", pattern = '$', value = "99" },
  { rewrite = "Contact", part = "user", pattern = '^.*$', value = "desk" },
  { remove_codecs = ["PCMU"] },
]
[[rule_set]]
name = "from-cloud"
[[rule_set.rule]]
name = "not ringing yet"
when = { statuses = ["183"], message = "response" }
actions = [{ map_status = 180 }]
[[profile]]
name = "ruled-core"
extends = "operator"
rules_in = ["from-core"]
rules_out = ["to-core"]
)";

std::string ruled(const std::string& more = "") {
  ConfigOptions o;
  o.top = kRules + more;
  o.core_profile = "ruled-core";
  o.service = "rules_in = [\"from-cloud\"]\nrules_out = [\"to-cloud\"]\n";
  return make_config(o);
}

class RulesTest : public CallTest {
 public:
  RulesTest() : CallTest(ruled()) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, RulesTest, ::testing::ValuesIn(all_modes()), mode_name);

std::string value(const sip::Message& m, std::string_view name) {
  const auto* f = m.find(name);
  return f ? std::string(f->value) : "-";
}

TEST_P(RulesTest, WhatComesIsChangedBeforePolicyReadsIt) {
  PROVES("GW-10");
  auto d = core.invite("004989123", "X-Site: hall\r\n", sdp("10.1.0.1", 40000));
  const auto invite = cloud.expect("INVITE");
  EXPECT_THAT(std::string(invite.request_uri()), HasSubstr("sip:+4989123@"));
  cloud.reply(invite, 486);
  const auto no = failure(core, d, 486);
  EXPECT_THAT(std::string(no.value(HeaderId::kFrom)), HasSubstr("+4930111"))
      << "an answer names the parties as its request did (RFC 3261 8.2.6.2)";
  EXPECT_THAT(std::string(no.value(HeaderId::kTo)), HasSubstr("004989123"));
  expect_clean(1);
  EXPECT_EQ(rig.records[0].to, "+4989123");
  EXPECT_EQ(rig.records[0].from, "+4940111");
}

TEST_P(RulesTest, WhatOneLegRemembersIsSaidOnTheOther) {
  auto up = core_calls("X-Site: hall five\r\n");
  EXPECT_EQ(value(up.invite, "X-Site"), "hall");
  core.request(up.core, "BYE");
  core.expect("200 BYE");
  const auto bye = cloud.expect("BYE");
  EXPECT_EQ(value(bye, "X-Site"), "hall") << "as long as the call lives";
  cloud.reply(bye, 200);
  expect_clean(1);
}

TEST_P(RulesTest, PartiesThatWereRewrittenStayThoseOfTheDialog) {
  auto up = core_calls();
  EXPECT_THAT(std::string(up.invite.value(HeaderId::kFrom)), HasSubstr("sip:+4950111@"));
  EXPECT_THAT(std::string(up.invite.value(HeaderId::kTo)), HasSubstr("sip:+498912399@"));
  EXPECT_THAT(std::string(up.invite.value(HeaderId::kContact)), HasSubstr("sip:desk@"));
  core.request(up.core, "BYE");
  core.expect("200 BYE");
  const auto bye = cloud.expect("BYE");
  EXPECT_EQ(bye.value(HeaderId::kFrom), up.invite.value(HeaderId::kFrom));
  EXPECT_THAT(std::string(bye.value(HeaderId::kTo)), HasSubstr("sip:+498912399@"));
  cloud.reply(bye, 200);
  expect_clean(1);
}

TEST_P(RulesTest, ThePeersRequestsOfSuchADialogAreUnderstood) {
  auto up = core_calls();
  cloud.request(up.cloud, "INVITE", "", secure_sdp("10.2.0.1", 50000, "inactive", 2));
  core.reply(core.expect("INVITE"), 200, "", sdp("10.1.0.1", 40000, "inactive"));
  core.expect("ACK");
  cloud.expect("200 INVITE");
  cloud.ack(up.cloud);
  rig.run(Millis(100));
  cloud_hangs_up(up);
  expect_clean(1);
}

TEST_P(RulesTest, ACancelledAttemptIsTheOneThatWasSent) {
  auto d = core.invite("004989123", "", sdp("10.1.0.1", 40000));
  const auto invite = cloud.expect("INVITE");
  cloud.reply(invite, 180);
  core.expect("180");
  core.request(d, "CANCEL");
  core.expect("200 CANCEL");
  (void)failure(core, d, 487);
  const auto cancel = cloud.expect("CANCEL");
  EXPECT_EQ(cancel.request_uri(), invite.request_uri());
  EXPECT_EQ(cancel.value(HeaderId::kFrom), invite.value(HeaderId::kFrom));
  cloud.reply(cancel, 200);
  cloud.reply(invite, 487);
  expect_clean(1);
}

TEST_P(RulesTest, AFailureIsSaidAsAnotherOne) {
  auto d = core.invite("+4989123", "X-Site: hall\r\n", sdp("10.1.0.1", 40000));
  cloud.reply(cloud.expect("INVITE"), 480);
  const auto no = failure(core, d, 404);
  EXPECT_EQ(no.reason_phrase(), "Not Found");
  EXPECT_EQ(value(no, "X-Was"), "404 hall");
  expect_clean(1);
}

TEST_P(RulesTest, AProvisionalAnswerIsReadAsTheRulesHaveIt) {
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  const auto invite = cloud.expect("INVITE");
  cloud.reply(invite, 183);
  core.expect("180");
  cloud.reply(invite, 486);
  (void)failure(core, d, 486);
  expect_clean(1);
}

TEST_P(RulesTest, ACodecThatIsTakenOutIsNotOffered) {
  PROVES("GW-10");
  auto up = core_calls();
  EXPECT_THAT(up.to_cloud, Not(HasSubstr("PCMU")));
  EXPECT_THAT(up.to_cloud, HasSubstr("PCMA"));
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(RulesTest, TheTrailSaysWhichRuleChangedWhat) {
  auto d = core.invite("004989123", "X-Site: hall\r\n", sdp("10.1.0.1", 40000));
  cloud.reply(cloud.expect("INVITE"), 480);
  (void)failure(core, d, 404);
  expect_clean(1);
  const std::string trail = rig.trail_of(0);
  EXPECT_THAT(trail, HasSubstr("from-core/international prefix: Request-URI user: "
                               "sip:004989123@"));
  EXPECT_THAT(trail, HasSubstr("-> sip:+4989123@"));
  EXPECT_THAT(trail, HasSubstr("from-core/international prefix: variable site: (none) -> hall"));
  EXPECT_THAT(trail, HasSubstr("to-cloud/site: X-Site: (none) -> hall"));
  EXPECT_THAT(trail, HasSubstr("to-core/unavailable: status: 480 Temporarily Unavailable -> "
                               "404 Not Found"));
}

TEST_P(RulesTest, ACallForHelpGoesWhereItGoes) {
  const std::string more = R"(
[[rule_set]]
name = "greedy"
[[rule_set.rule]]
name = "all"
actions = [
  { rewrite = "request_uri", part = "user", pattern = '.*', value = "999" },
  { remove = "Geolocation" },
]
)";
  std::string config = ruled(more);
  const auto replace = [&](const std::string& from, const std::string& to) {
    config.replace(config.find(from), from.size(), to);
  };
  replace("rules_in = [\"from-core\"]", "rules_in = [\"greedy\"]");
  replace("rules_out = [\"to-cloud\"]",
          "rules_out = [\"greedy\"]\npass_headers = [\"Geolocation\"]\n");
  ASSERT_TRUE(rig.apply(config));
  auto d = core.invite("112", "Geolocation: <https://here.example/1>\r\n", sdp("10.1.0.1", 40000));
  const auto invite = cloud.expect("INVITE");
  EXPECT_THAT(std::string(invite.request_uri()), HasSubstr("112@"));
  EXPECT_EQ(invite.value(HeaderId::kGeolocation), "<https://here.example/1>");
  cloud.reply(invite, 486);
  (void)failure(core, d, 486);
  expect_clean(1);
  EXPECT_THAT(rig.trail_of(0),
              HasSubstr("greedy/all: Request-URI user; not done: a call for help"));
}

class RuledTransferTest : public TransferFixture {
 public:
  RuledTransferTest() : TransferFixture(ruled()) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, RuledTransferTest, ::testing::ValuesIn(all_modes()), mode_name);

class RuledTimers : public TransferFixture {
 public:
  static std::string timed() {
    std::string t = ruled();
    const std::string mark = "rules_out = [\"to-cloud\"]\n";
    return t.insert(t.find(mark) + mark.size(),
                    "session_timer = \"request\"\nsession_expires = \"600s\"\n");
  }
  RuledTimers() : TransferFixture(timed()) {}
  // RFC 3261 8.1.3.5: the same dialog, and what rules append is appended once.
  void asked_again(const sip::Message& first) {
    cloud.reply(first, 422, "Min-SE: 1200\r\n");
    cloud.expect("ACK");
    const auto again = cloud.expect("INVITE");
    EXPECT_EQ(again.call_id(), first.call_id());
    EXPECT_EQ(again.request_uri(), first.request_uri());
    EXPECT_EQ(again.value(HeaderId::kFrom), first.value(HeaderId::kFrom));
    EXPECT_EQ(again.value(HeaderId::kTo), first.value(HeaderId::kTo));
    EXPECT_EQ(again.cseq(), first.cseq() + 1);
    EXPECT_EQ(value(again, "Session-Expires"), "1200");
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, RuledTimers, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(RuledTimers, AnInviteThatIsSentAgainIsRuledAsTheFirstWas) {
  (void)core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  const auto first = cloud.expect("INVITE");
  EXPECT_THAT(std::string(first.value(HeaderId::kTo)), HasSubstr("sip:+498912399@"));
  asked_again(first);
}

TEST_P(RuledTimers, ATransfersTargetIsAskedAgainInTheSameDialog) {
  auto up = core_calls();
  refer(cloud, up.cloud, "<sip:+4930222@sip.pstnhub.example;user=phone>");
  asked_again(cloud.expect("INVITE"));
}

TEST_P(RuledTransferTest, TheTargetIsAskedForByteForByteAndTheRestFollowsTheRules) {
  const std::string target = "sip:sip.pstnhub.example:5061;x-t=0d-1E;transport=tls";
  const std::string by = "<sip:sip.pstnhub.example;x-ti=0f3c-77>";
  auto up = core_calls("X-Site: hall\r\n");
  refer(cloud, up.cloud, "<" + target + ">", "Referred-By: " + by + "\r\n");
  const auto invite = cloud.expect("INVITE");
  EXPECT_EQ(invite.request_uri(), target);
  EXPECT_EQ(invite.value(HeaderId::kTo), "<" + target + ">");
  EXPECT_EQ(invite.value(HeaderId::kReferredBy), by);
  EXPECT_THAT(std::string(invite.value(HeaderId::kFrom)), HasSubstr("sip:+4950111@"))
      << "as the transferor knows them, and not once more";
  EXPECT_EQ(value(invite, "X-Site"), "hall");
  EXPECT_THAT(std::string(invite.body()), Not(HasSubstr("PCMU")));
  cloud.reply(invite, 180, "", "", "target");
  hears(cloud, "SIP/2.0 180 Test", "active");
  auto answered = cloud_answers(invite, 50010, "target");
  hears(cloud, "SIP/2.0 200 OK", "terminated;reason=noresource");
  cloud.request(up.cloud, "BYE");
  (void)cloud.expect("200 BYE");
  rig.run(Seconds(10));
  hang_up(core, up.core, cloud);
  expect_clean(1);
}

TEST_P(RulesTest, RulesThatFailTheirTestReplaceNothing) {
  const std::string failing = R"(
[[rule_set]]
name = "wrong"
[[rule_set.rule]]
name = "r"
actions = [{ remove = "X-A" }]
[[rule_set.test]]
name = "keeps it"
message = '''
SIP/2.0 486 Busy Here
Via: SIP/2.0/UDP a;branch=z9hG4bK1
From: <sip:a@b.example>;tag=1
To: <sip:c@d.example>;tag=2
Call-ID: c
CSeq: 1 INVITE
X-A: 1
'''
expect = { headers = ["X-A: 1"] }
)";
  const auto no = rig.apply(ruled(failing));
  ASSERT_FALSE(no);
  EXPECT_THAT(no.error().what, HasSubstr("- X-A: 1"));
  auto up = core_calls("X-Site: hall\r\n");
  EXPECT_EQ(value(up.invite, "X-Site"), "hall") << "what was in force still is";
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(RulesTest, ANewConfigurationRulesTheCallsThatAreUp) {
  auto up = core_calls();
  std::string config = ruled();
  const std::string from = "{ add = \"X-Site\", value = \"${site}\" }";
  config.replace(config.find(from), from.size(), "{ add = \"X-Site\", value = \"new\" }");
  ASSERT_TRUE(rig.apply(config));
  core.request(up.core, "BYE");
  core.expect("200 BYE");
  const auto bye = cloud.expect("BYE");
  EXPECT_EQ(value(bye, "X-Site"), "new");
  cloud.reply(bye, 200);
  expect_clean(1);
}

}  // namespace
}  // namespace causeway::scenario
