// What actions and conditions of rules do to a message.
#include "rules/engine.h"

#include <gmock/gmock.h>

#include "compiled.h"

namespace causeway::rules {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using namespace testing;

TEST(RuleActions, SetReplacesAllOfThatNameOrAddsOne) {
  const auto a =
      out_by(R"({set = "X-A", value = "new"})", invite("X-A: 1\r\nSubject: s\r\nx-a: 2\r\n"));
  EXPECT_TRUE(a.has("X-A: new"));
  EXPECT_THAT(a.text, Not(HasSubstr("x-a: 2")));
  EXPECT_TRUE(out_by(R"({set = "X-A", value = "new"})", invite()).has("X-A: new"));
}

// What a parser would not see is not written.
TEST(RuleActions, BlanksAroundAValueAreNotOfIt) {
  const auto a = out_by(R"({set = "X-A", value = " new "})", invite());
  EXPECT_TRUE(a.has("X-A: new"));
  EXPECT_FALSE(out_by(R"({set = "X-A", value = "  "})", invite("X-A: 1\r\n")).changed);
  EXPECT_TRUE(out_by(R"({rewrite = "X-A", pattern = "^1", value = " 2"})", invite("X-A: 1\r\n"))
                  .has("X-A: 2"));
}

TEST(RuleActions, SetToWhatIsThereChangesNothing) {
  const auto a = out_by(R"({set = "X-A", value = "1"})", invite("X-A: 1\r\n"));
  EXPECT_FALSE(a.changed);
  EXPECT_TRUE(a.changes.empty());
}

TEST(RuleActions, AddKeepsWhatIsThere) {
  const auto a = out_by(R"({add = "X-A", value = "2"})", invite("X-A: 1\r\n"));
  EXPECT_THAT(a.text, HasSubstr("X-A: 1\r\nX-A: 2\r\n"));
}

TEST(RuleActions, RemoveTakesAllOrThoseThatMatch) {
  const std::string m = invite("X-A: keep\r\nX-A: drop\r\n");
  EXPECT_THAT(out_by(R"({remove = "x-a"})", m).text, Not(HasSubstr("X-A")));
  const auto some = out_by(R"({remove = "X-A", matching = "^d"})", m);
  EXPECT_TRUE(some.has("X-A: keep"));
  EXPECT_FALSE(some.has("X-A: drop"));
}

TEST(RuleActions, RenameKeepsTheValue) {
  EXPECT_TRUE(out_by(R"({rename = "X-A", to = "X-B"})", invite("X-A: 1\r\n")).has("X-B: 1"));
}

TEST(RuleActions, ACompactNameIsTheSameHeader) {
  EXPECT_FALSE(out_by(R"({remove = "Supported"})", invite("k: timer\r\n")).has("k: timer"));
}

TEST(RuleActions, RewritesPartsOfEveryAddress) {
  EXPECT_TRUE(
      out_by(
          R"({rewrite = "request_uri", part = "user", pattern = '^\+49(\d+)$', value = "0${1}"})",
          invite())
          .has("INVITE sip:03022@example.net SIP/2.0"));
  EXPECT_TRUE(
      out_by(
          R"({rewrite = "request_uri", part = "host", pattern = '.*', value = "gw.example.com"})",
          invite())
          .has("INVITE sip:+493022@gw.example.com SIP/2.0"));
  EXPECT_TRUE(
      out_by(R"({rewrite = "From", part = "user", pattern = '^\+', value = "00"})", invite())
          .has("From: \"A B\" <sip:00493011@192.0.2.1>;tag=f1"));
  EXPECT_TRUE(
      out_by(R"({rewrite = "From", part = "display", pattern = '.*', value = "${account}"})",
             invite(), {.account = "acme"})
          .has("From: \"acme\" <sip:+493011@192.0.2.1>;tag=f1"));
  EXPECT_TRUE(
      out_by(R"({rewrite = "To", part = "host", pattern = 'net$', value = "org"})", invite())
          .has("To: <sip:+493022@example.org;user=phone>"));
  EXPECT_TRUE(
      out_by(R"({rewrite = "Contact", part = "user", pattern = '^\+49', value = "0"})", invite())
          .has("Contact: <sip:03011@192.0.2.1:5060>"));
  EXPECT_TRUE(
      out_by(R"({rewrite = "P-Asserted-Identity", part = "user", pattern = '^\+49', value = "0"})",
             invite("P-Asserted-Identity: <sip:+491@a.example>, <tel:+492>\r\n"))
          .has("P-Asserted-Identity: <sip:01@a.example>, <tel:+492>"))
      << "a local tel number would need a context (RFC 3966 5.1.5)";
  EXPECT_TRUE(out_by(R"({rewrite = "X-A", pattern = '(\w+)-(\w+)', value = "${2}-${1}"})",
                     invite("X-A: one-two-three\r\n"))
                  .has("X-A: two-one-three"));
}

TEST(RuleActions, ParametersAreSetAndCleared) {
  EXPECT_TRUE(
      out_by(R"({set_parameter = "request_uri", parameter = "user", value = "phone"})", invite())
          .has("INVITE sip:+493022@example.net;user=phone SIP/2.0"));
  EXPECT_TRUE(out_by(R"({clear_parameter = "To", parameter = "user"})", invite())
                  .has("To: <sip:+493022@example.net>"));
  EXPECT_TRUE(out_by(R"({set_parameter = "From", parameter = "x-id", of = "header", value = "7"})",
                     invite())
                  .has("From: \"A B\" <sip:+493011@192.0.2.1>;tag=f1;x-id=7"));
  EXPECT_FALSE(out_by(R"({clear_parameter = "To", parameter = "nothing"})", invite()).changed);
}

TEST(RuleActions, StatusAndCausesAreMapped) {
  const auto c =
      compiled(always(R"({map_status = 404}, {map_cause = 18, to = 1})", R"(statuses = ["480"])"));
  const auto a =
      applied(c.out, response(480, "Reason: Q.850;cause=18;text=\"x\", SIP;cause=18\r\n"));
  EXPECT_TRUE(a.has("SIP/2.0 404 Not Found")) << a.text;
  EXPECT_TRUE(a.has("Reason: Q.850;cause=1;text=\"x\", SIP;cause=18"));
  EXPECT_FALSE(applied(c.out, response(486)).changed);
  const auto phrase =
      compiled(always(R"({map_status = 486, phrase = "On the phone"})", R"(statuses = ["5xx"])"));
  EXPECT_TRUE(applied(phrase.out, response(503)).has("SIP/2.0 486 On the phone"));
}

TEST(RuleActions, UntouchedLinesStayByteForByte) {
  const auto m = invite("x-FOLD: a\r\n b\r\n");
  const auto a = out_by(R"({add = "X-A", value = "1"})", m);
  EXPECT_THAT(a.text, HasSubstr("x-FOLD: a\r\n b\r\n"));
}

TEST(RuleActions, AFoldedValueIsOneLineForRules) {
  const auto a = out_by(R"({rewrite = "X-Fold", pattern = '^a b$', value = "c"})",
                        invite("X-Fold: a\r\n\t b\r\n"));
  EXPECT_TRUE(a.has("X-Fold: c")) << a.text;
}

// --- Values

TEST(RuleValues, KnowTheCall) {
  Facts f;
  f.group_name = "g", f.peer = "p", f.account = "acc", f.tenant = "ten", f.calling = "1",
  f.called = "2";
  EXPECT_TRUE(
      out_by(
          R"({set = "X-V", value = "${group} ${peer} ${account} ${tenant} ${calling} ${called} ${call_id} $$"})",
          invite(), f)
          .has("X-V: g p acc ten 1 2 c1 $"));
  const auto c =
      compiled(always(R"({set = "X-V", value = "${status}"})", R"(message = "response")"));
  EXPECT_TRUE(applied(c.out, response(486)).has("X-V: 486"));
}

TEST(RuleValues, WhatIsNotKnownMakesNoValue) {
  const auto a = out_by(R"({set = "X-Tenant", value = "id=${tenant}"})", invite());
  EXPECT_FALSE(a.changed);
}

TEST(RuleVariables, AreReadByLaterRulesAndOnTheOtherLeg) {
  const auto c = compiled(
      always(R"({capture = "who", from = "X-Id", pattern = '^id=(\d+)$'})", "direction = \"in\"") +
      "[[rule_set.rule]]\nname = \"o\"\nwhen = {direction = \"out\", variables = [{name = \"who\", "
      "matches = '^7'}]}\nactions = [{set = \"X-Who\", value = \"${who}\"}]\n");
  Variables v;
  EXPECT_FALSE(applied(c.out, invite(), {}, &v).changed);
  const auto heard = applied(c.in, invite("X-Id: id=77\r\n"), {}, &v);
  EXPECT_FALSE(heard.changed);
  ASSERT_EQ(v.size(), 1u);
  EXPECT_EQ(to_string(heard.changes.at(0)), "s/r: variable who: (none) -> 77");
  EXPECT_TRUE(applied(c.out, invite(), {}, &v).has("X-Who: 77"));
}

TEST(RuleVariables, AreBounded) {
  const auto c = compiled(always(R"({capture = "who", from = "X-Id", pattern = '.*'})"));
  Variables v;
  EXPECT_THAT(applied(c.in, invite("X-Id: " + std::string(257, 'x') + "\r\n"), {}, &v).why(),
              HasSubstr("256"));
  for (std::size_t i = 0; i < kMaxVariables; ++i) v.push_back({"v" + std::to_string(i), "1"});
  EXPECT_THAT(applied(c.in, invite("X-Id: 1\r\n"), {}, &v).why(), HasSubstr("16"));
  EXPECT_EQ(v.size(), kMaxVariables);
}

// --- Conditions

struct Condition {
  const char* name;
  const char* when;
  std::string yes, no;  // messages
};
class RuleConditions : public ::testing::TestWithParam<Condition> {};
TEST_P(RuleConditions, HoldForOneAndNotForTheOther) {
  const auto& p = GetParam();
  const auto c = compiled(always(R"({add = "X-Hit", value = "1"})", p.when));
  EXPECT_TRUE(applied(c.out, p.yes).has("X-Hit: 1"));
  EXPECT_FALSE(applied(c.out, p.no).changed);
}
INSTANTIATE_TEST_SUITE_P(
    All, RuleConditions,
    ::testing::Values(
        Condition{"Request", R"(message = "request")", invite(), response(486)},
        Condition{"Response", R"(message = "response")", response(486), invite()},
        Condition{"Method", R"(methods = ["BYE", "UPDATE"])", invite("", "", "t", "BYE"), invite()},
        Condition{
            "MethodOfAnAnswer", R"(methods = ["INVITE"], message = "response")", response(486),
            "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n"
            "To: <sip:a@b>;tag=2\r\nCall-ID: c\r\nCSeq: 2 BYE\r\n\r\n"},
        Condition{"Status", R"(statuses = [486])", response(486), response(480)},
        Condition{"StatusClass", R"(statuses = ["4xx", "600-603"])", response(480), response(503)},
        Condition{"StatusRange", R"(statuses = ["500-503"])", response(502), response(504)},
        Condition{"BeginsADialog", "in_dialog = false", invite(), invite("", "", "t")},
        Condition{"WithinADialog", "in_dialog = true", invite("", "", "t"), invite()},
        Condition{"HeaderThere", R"(headers = [{name = "X-A"}])", invite("X-A: 1\r\n"), invite()},
        Condition{"HeaderNotThere", R"(headers = [{name = "X-A", present = false}])", invite(),
                  invite("X-A: 1\r\n")},
        Condition{"HeaderEquals", R"(headers = [{name = "X-A", equals = "2"}])",
                  invite("X-A: 1\r\nX-A: 2\r\n"), invite("X-A: 12\r\n")},
        Condition{"HeaderMatches", R"(headers = [{name = "X-A", matches = '^\d$'}])",
                  invite("X-A: 5\r\n"), invite("X-A: 55\r\n")},
        Condition{
            "PartOfAHeader", R"(headers = [{name = "From", part = "user", equals = "+493011"}])",
            invite(),
            response(486, "Subject: x\r\n").replace(response(486).find("+493011"), 7, "+493099")},
        Condition{"RequestUri",
                  R"(headers = [{name = "request_uri", part = "host", equals = "example.net"}])",
                  invite(), response(486)},
        Condition{"AllConditions", R"(headers = [{name = "X-A"}, {name = "X-B"}])",
                  invite("X-A: 1\r\nX-B: 1\r\n"), invite("X-A: 1\r\n")},
        Condition{"SdpCodec", R"(sdp = [{codec = "pcma"}])", invite("", kSdp), invite()},
        Condition{"SdpStaticCodec", R"(sdp = [{media = "audio", codec = "PCMA"}])",
                  invite("",
                         "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
                         "m=audio 4000 RTP/AVP 8\r\n"),
                  invite("",
                         "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
                         "m=audio 4000 RTP/AVP 0\r\n")},
        Condition{"NoVideo", R"(sdp = [{media = "video", present = false}])", invite("", kSdp),
                  invite("", kSdp + "m=video 5000 RTP/AVP 99\r\n")},
        Condition{"SdpAttribute", R"(sdp = [{attribute = "ptime", equals = "30"}])",
                  invite("", kSdp),
                  invite("",
                         "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\n"
                         "c=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4 RTP/AVP 8\r\n"
                         "a=ptime:20\r\n")},
        Condition{"SdpAttributeMatches", R"(sdp = [{attribute = "fmtp", matches = "annexb=no"}])",
                  invite("", kSdp), invite()}),
    [](const auto& i) { return i.param.name; });

TEST(RuleConditions, TellWhoseMessageItIs) {
  const auto hit = [](const char* when, const Facts& f) {
    return applied(compiled(always(R"({add = "X-Hit", value = "1"})", when)).out, invite(), f)
        .changed;
  };
  EXPECT_TRUE(hit(R"(peer_groups = ["b"])", {.group = 1}));
  EXPECT_FALSE(hit(R"(peer_groups = ["b"])", {.group = 0}));
  EXPECT_TRUE(hit(R"(accounts = ["x", "y"])", {.account = "y"}));
  EXPECT_FALSE(hit(R"(accounts = ["x", "y"])", {.account = "z"}));
  EXPECT_TRUE(hit(R"(calling = '^\+49')", {.calling = "+491"}));
  EXPECT_FALSE(hit(R"(calling = '^\+49')", {.calling = "+441"}));
  EXPECT_TRUE(hit(R"(called = '^\+49')", {.called = "+491"}));
  EXPECT_FALSE(hit(R"(called = '^\+49')", {.called = "+441"}));
}

TEST(RuleConditions, DirectionKeepsARuleToOneSide) {
  const auto c = compiled(always(R"({add = "X-Hit", value = "1"})", R"(direction = "in")"));
  EXPECT_TRUE(applied(c.in, invite()).changed);
  EXPECT_FALSE(applied(c.out, invite()).changed);
  EXPECT_FALSE(c.out->concerns(sip::Method::kInvite, 0)) << "and costs nothing there";
}

TEST(RuleChain, KnowsFromTheStartLineWhatItCouldConcern) {
  const auto c = compiled(
      always(R"({add = "X-V", value = "1"})", R"(methods = ["INVITE"], message = "request")") +
      "[[rule_set.rule]]\nname = \"q\"\nwhen = {statuses = [\"480\"]}\n"
      "actions = [{map_status = 404}]\n");
  EXPECT_TRUE(c.out->concerns(sip::Method::kInvite, 0));
  EXPECT_FALSE(c.out->concerns(sip::Method::kBye, 0));
  EXPECT_TRUE(c.out->concerns(sip::Method::kInvite, 404));
  EXPECT_FALSE(c.out->concerns(sip::Method::kInvite, 200));
  EXPECT_EQ(start_line("BYE sip:a SIP/2.0\r\n").method, sip::Method::kBye);
  EXPECT_EQ(start_line("SIP/2.0 183 x\r\n").status, 183);
}

TEST(RuleOrder, LaterRulesSeeWhatEarlierOnesMadeAndLastEndsTheSet) {
  const auto c =
      compiled(always(R"({set = "X-A", value = "1"})") +
               "[[rule_set.rule]]\nname = \"q\"\nlast = true\nwhen = {headers = [{name = \"X-A\", "
               "equals = \"1\"}]}\n"
               "actions = [{set = \"X-B\", value = \"2\"}]\n"
               "[[rule_set.rule]]\nname = \"z\"\nactions = [{set = \"X-C\", value = \"3\"}]\n");
  const auto a = applied(c.out, invite());
  EXPECT_TRUE(a.has("X-B: 2"));
  EXPECT_FALSE(a.has("X-C: 3"));
}

// --- What rules must not make

TEST(RuleSafety, WhatWouldBeInvalidIsNotDoneAndSaid) {
  const auto unchanged = [](std::string_view actions, const std::string& m, Facts f = {}) {
    const auto a = out_by(actions, m, f);
    EXPECT_FALSE(a.changed) << a.text;
    return a.why();
  };
  EXPECT_THAT(
      unchanged(R"({rewrite = "request_uri", part = "user", pattern = '.*', value = "a b"})",
                invite()),
      HasSubstr("user part"));
  EXPECT_THAT(
      unchanged(
          R"({rewrite = "request_uri", part = "user", pattern = '.*', value = "a@evil.example"})",
          invite()),
      HasSubstr("user part"));
  EXPECT_THAT(
      unchanged(R"({rewrite = "request_uri", part = "host", pattern = '.*', value = "a_b;x=y"})",
                invite()),
      HasSubstr("host"));
  EXPECT_THAT(unchanged(R"({set = "P-Asserted-Identity", value = "no address <"})", invite()),
              HasSubstr("no value of this header"));
  EXPECT_THAT(unchanged(R"({set = "Privacy", value = ";"})", invite()), HasSubstr("header"));
  EXPECT_THAT(
      unchanged(R"({set = "X-V", value = "${calling}"})", invite(), {.calling = "a\r\nEvil: 1"}),
      HasSubstr("line break"));
  EXPECT_THAT(unchanged(R"({set = "X-V", value = "${calling}"})", invite(),
                        {.calling = std::string_view("a\0b", 3)}),
              HasSubstr("control"));
  const std::string large(3'000, 'x');
  EXPECT_THAT(unchanged(R"({set = "X-V", value = "${calling}"})", invite(), {.calling = large}),
              HasSubstr("2048"));
  EXPECT_THAT(unchanged(R"({set_parameter = "To", parameter = "x", value = "a;tag=2"})", invite()),
              HasSubstr("parameter"));
}

TEST(RuleSafety, AMessageThatWouldBeInvalidAsAWholeIsLeftAsItWas) {
  // With a space behind each name, as we write it, it is longer than anybody takes.
  std::string m = invite("X-V: 1\r\n");
  std::string many;
  for (int i = 0; i < 100; ++i) many += "Y:" + std::string(640, 'y') + "\r\n";
  many += "Y:" + std::string(65'530 - m.size() - many.size() - 4, 'y') + "\r\n";
  const auto a = out_by(R"({set = "X-V", value = "2"})", invite("X-V: 1\r\n" + many));
  EXPECT_FALSE(a.changed);
  EXPECT_THAT(a.why(), HasSubstr("see below"));
  EXPECT_THAT(a.changes.back().refused, HasSubstr("no valid message"));
}

TEST(RuleSafety, AnAddBeyondWhatIsTakenIsDroppedAlone) {
  std::string many, adds;
  for (int i = 0; i < 115; ++i) many += "Y: 1\r\n";
  for (int i = 0; i < 15; ++i) adds += R"(, {add = "X-V", value = "1"})";
  const auto a =
      out_by(R"({set = "Subject", value = "hidden"})" + adds, invite("Subject: secret\r\n" + many));
  EXPECT_TRUE(a.has("Subject: hidden"));
  EXPECT_EQ(sip::Message::parse(a.text)->headers().size(), 128u);
  EXPECT_THAT(a.why(), HasSubstr("as many header lines as anybody takes"));
  std::string full;
  for (int i = 0; i < 249; ++i) full += "Y: 1\r\n";
  const auto answer =
      out_by(R"({add = "X-V", value = "1"}, {add = "X-V", value = "2"}, {remove = "Subject"})",
             response(486, "Subject: secret\r\n" + full));
  EXPECT_THAT(answer.text, Not(HasSubstr("secret")));
}

TEST(RuleSafety, WhatCameLargerThanIsTakenKeepsNoRuleFromHiding) {
  std::string many;
  for (int i = 0; i < 140; ++i) many += "Y: 1\r\n";
  const std::string secret = "Subject: secret\r\n";
  const char* hide = R"({remove = "Subject"}, {set = "X-V", value = "1"})";
  for (const std::string& large :
       {many, "Y: " + std::string(20'000, 'y') + "\r\n",
        "Supported: " + std::string(600, 's') + "\r\n", std::string(200, 'n') + ": 1\r\n"}) {
    const auto a = out_by(hide, invite(secret + "X-V: 0\r\n" + large));
    EXPECT_THAT(a.text, Not(HasSubstr("secret"))) << large.substr(0, 40);
    EXPECT_TRUE(a.has("X-V: 1"));
  }
  std::string sdp = kSdp;
  for (int i = 0; i < 600; ++i) sdp += "a=X:1\r\n";
  EXPECT_THAT(out_by(hide, invite(secret, sdp)).text, Not(HasSubstr("secret")));
}

TEST(RuleSafety, OneFieldThatWouldBeTooLargeIsLeftAndTheOthersAreNot) {
  const std::string tag(70, 't');
  const auto a = out_by(R"({add = "Supported", value = ")" + tag +
                            R"("}, {rewrite = "To", part = "user", pattern = '.*', value = ")" +
                            std::string(600, '1') + R"("}, {remove = "Subject"})",
                        invite("Subject: secret\r\n"));
  EXPECT_TRUE(a.changed);
  EXPECT_THAT(a.text, Not(HasSubstr("secret")));
  EXPECT_THAT(a.text, Not(HasSubstr(tag)));
  EXPECT_THAT(a.text, Not(HasSubstr(std::string(600, '1'))));
  EXPECT_THAT(a.why(), HasSubstr("at most 64"));
}

TEST(RuleSafety, ALongValueIsStillRewritten) {
  const std::string tail(3'000, 'x');
  const auto a = out_by(R"({rewrite = "X-V", pattern = 'secret', value = "hidden"})",
                        invite("X-V: secret-" + tail + "\r\n"));
  EXPECT_TRUE(a.has("X-V: hidden-" + tail)) << a.why();
}

TEST(RuleSafety, WhatStandsOnceIsNotWrittenTwice) {
  const std::string m = invite("Subject: s\r\nX-A: a\r\n");
  const auto added = out_by(R"({add = "Subject", value = "t"})", m);
  EXPECT_FALSE(added.changed);
  EXPECT_THAT(added.why(), HasSubstr("there is one already; use set"));
  const auto renamed = out_by(R"({rename = "X-A", to = "s"})", m);
  EXPECT_FALSE(renamed.changed);
  EXPECT_THAT(renamed.why(), HasSubstr("there is one already; use set"));
  const auto two = out_by(R"({rename = "X-A", to = "Subject"})", invite("X-A: 1\r\nX-A: 2\r\n"));
  EXPECT_TRUE(two.has("Subject: 1"));
  EXPECT_TRUE(two.has("X-A: 2"));
  EXPECT_TRUE(
      out_by(R"({add = "Diversion", value = "<tel:+492>"})", invite("Diversion: <tel:+491>\r\n"))
          .has("Diversion: <tel:+492>"))
      << "a list";
}

TEST(RuleSafety, TagsStay) {
  const auto a = out_by(
      R"({rewrite = "From", part = "uri", pattern = '.*', value = "sip:x@y.example"})", invite());
  EXPECT_TRUE(a.has("From: \"A B\" <sip:x@y.example>;tag=f1"));
}

TEST(RuleSafety, WithinADialogAndInAnswersThePartiesStay) {
  const char* actions =
      R"({rewrite = "From", part = "user", pattern = '.*', value = "x"}, {rewrite = "request_uri", part = "user", pattern = '.*', value = "x"})";
  EXPECT_FALSE(out_by(actions, invite("", "", "t1")).changed) << "RFC 3261 12.2.1.1";
  EXPECT_FALSE(out_by(actions, response(486)).changed) << "RFC 3261 8.2.6.2";
}

TEST(RuleSafety, TheTargetOfATransferStays) {
  const auto a = out_by(
      R"({rewrite = "request_uri", part = "user", pattern = '.*', value = "x"}, {rewrite = "To", part = "user", pattern = '.*', value = "x"}, {remove = "Referred-By"}, {add = "X-V", value = "1"})",
      invite("Referred-By: <sip:r@example.net>\r\n"), {.target_fixed = true});
  EXPECT_TRUE(a.has("INVITE sip:+493022@example.net SIP/2.0"));
  EXPECT_TRUE(a.has("Referred-By: <sip:r@example.net>"));
  EXPECT_TRUE(a.has("X-V: 1"));
  const std::string other = invite("X-R: <sip:other@example.net>\r\n");
  const char* rename = R"({rename = "X-R", to = "Referred-By"})";
  EXPECT_FALSE(out_by(rename, other, {.target_fixed = true}).changed);
  EXPECT_TRUE(out_by(rename, other).has("Referred-By: <sip:other@example.net>"));
}

TEST(RuleSafety, ACallForHelpKeepsWhereItGoesAndWhereTheCallerIs) {
  const std::string m = invite(
      "Geolocation: <cid:a@example.net>\r\nGeolocation-Routing: yes\r\nPriority: emergency\r\n"
      "Resource-Priority: esnet.1\r\nCall-Info: <http://x.example>\r\n",
      kSdp);
  const auto a = out_by(
      R"({rewrite = "request_uri", part = "user", pattern = '.*', value = "x"},
         {rewrite = "To", part = "user", pattern = '.*', value = "x"},
         {remove = "Geolocation"}, {set = "Geolocation-Routing", value = "no"}, {remove = "Priority"},
         {rename = "Resource-Priority", to = "X-Priority"}, {remove = "Call-Info"},
         {remove_media = "audio"}, {rename = "X-A", to = "Geolocation"}, {add = "X-Done", value = "1"})",
      m, {.emergency = true});
  EXPECT_TRUE(a.has("X-Done: 1"));
  std::string rest = a.text;
  rest.erase(rest.find("X-Done: 1\r\n"), 11);
  EXPECT_EQ(rest, m);
  EXPECT_THAT(a.why(), HasSubstr("a call for help keeps it"));
}

TEST(RuleTrail, SaysWhichRuleChangedWhatBeforeAndAfter) {
  const auto a =
      out_by(R"({set = "X-A", value = "2"}, {remove = "X-B"}, {add = "X-C", value = "3"})",
             invite("X-A: 1\r\nX-B: b\r\n"));
  ASSERT_EQ(a.changes.size(), 3u);
  EXPECT_EQ(to_string(a.changes[0]), "s/r: X-A: 1 -> 2");
  EXPECT_EQ(to_string(a.changes[1]), "s/r: X-B: b -> (none)");
  EXPECT_EQ(to_string(a.changes[2]), "s/r: X-C: (none) -> 3");
}

TEST(RuleTrail, IsBounded) {
  std::string actions, many;
  actions = R"({remove = "X-V"})";
  for (int i = 0; i < 100; ++i) many += "X-V: " + std::string(500, 'y') + "\r\n";
  const auto a = out_by(actions, invite(many));
  EXPECT_TRUE(a.changed);
  EXPECT_EQ(a.changes.size(), kMaxChanges);
  EXPECT_LE(a.changes[0].before.size(), kMaxShown + 3);
}

}  // namespace
}  // namespace causeway::rules
