// Recorded calls through a configuration: as they were under their own, and what another one would
// have done with them.
#include <gmock/gmock.h>

#include "scenario/fixture.h"
#include "scenario/replays.h"

namespace causeway::scenario {
namespace {

using ::testing::HasSubstr;

constexpr const char* kTop = R"(
[limits]
keep_one_in = 1
max_trail_bytes = 65536
[[rule_set]]
name = "out"
[[rule_set.rule]]
name = "mark"
when = { methods = ["INVITE"] }
actions = [{ set = "X-Mark", value = "one" }, { remove_codecs = ["PCMU"] }]
[[rule_set]]
name = "status-back"
[[rule_set.rule]]
name = "unavailable"
when = { statuses = [480] }
actions = [{ map_status = 404 }]
[[rule_set]]
name = "within"
[[rule_set.rule]]
name = "hanging up"
when = { methods = ["BYE"], message = "request" }
actions = [{ set = "X-Why", value = "one" }, { rename = "X-Old", to = "X-New" }, { remove = "X-Gone" }]
[[rule_set.rule]]
name = "hold"
when = { methods = ["INVITE"], message = "request", in_dialog = true }
actions = [{ set_ptime = 40 }]
[[rule_set.rule]]
name = "room"
when = { methods = ["INVITE"], direction = "in", in_dialog = true }
actions = [{ capture = "room", from = "X-Room", pattern = '^(\w+)' }]
[[rule_set.rule]]
name = "which room"
when = { message = "request", methods = ["INFO", "BYE", "UPDATE"], direction = "out" }
actions = [{ set = "X-Room", value = "${room}" }]
[[profile]]
name = "ruled-core"
extends = "operator"
rules_in = ["within"]
rules_out = ["status-back", "within"]
)";

ConfigOptions options() {
  ConfigOptions o;
  o.top = kTop;
  o.core_profile = "ruled-core";
  o.service = "rules_in = [\"within\"]\nrules_out = [\"out\", \"within\"]\n";
  return o;
}

std::string with(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

class ReplayTest : public CallTest {
 public:
  ReplayTest() : CallTest(make_config(options())) {}

  // As `causeway trace --json` writes it.
  std::string exported(std::size_t record = 0) { return rig.trail_of(record); }
  void answered() {
    auto up = core_calls("Subject: hello\r\nP-Asserted-Identity: <sip:+4930111@core.example>\r\n");
    core_hangs_up(up);
    rig.run(Seconds(40));
  }
  void unavailable() {
    auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
    cloud.reply(cloud.expect("INVITE"), 480);
    (void)failure(core, d, 404);
    rig.run(Seconds(40));
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, ReplayTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(ReplayTest, UnderItsOwnConfigurationACallGoesAsItDid) {
  answered();
  unavailable();
  auto d = core.invite("+4989123", "Require: nothing\r\n", sdp("10.1.0.1", 40000));
  (void)failure(core, d, 420);
  rig.run(Seconds(40));
  const auto calls = replayed(exported(0) + exported(1), make_config(options()));
  ASSERT_EQ(calls.size(), 2u);
  EXPECT_EQ(call::count(calls).same, 2u) << call::to_text(calls);
  EXPECT_THAT(call::to_text(calls), HasSubstr("2 calls: 2 as before, 0 differently"));
}

TEST_P(ReplayTest, AChangedRuleIsToldWithWhatItChanges) {
  answered();
  const auto calls =
      replayed(exported(), with(make_config(options()), "value = \"one\"", "value = \"two\""));
  ASSERT_EQ(calls.size(), 1u);
  ASSERT_EQ(calls[0].differences.size(), 1u) << call::to_text(calls);
  const auto& d = calls[0].differences[0];
  EXPECT_EQ(d.what, "header X-Mark");
  EXPECT_EQ(d.recorded, "X-Mark: one");
  EXPECT_EQ(d.now, "X-Mark: two");
  EXPECT_EQ(d.why, "rule out/mark: X-Mark: (none) -> two");
  EXPECT_THAT(call::to_text(calls), HasSubstr("goes differently\n  header X-Mark\n"
                                              "    - X-Mark: one\n    + X-Mark: two\n"
                                              "    because rule out/mark"));
  EXPECT_THAT(call::to_json(calls), HasSubstr(R"("verdict":"different")"));
  EXPECT_THAT(call::to_json(calls), HasSubstr(R"("different":1)"));
}

TEST_P(ReplayTest, SoIsAnotherOfferAndAHeaderThatGoes) {
  answered();
  const auto calls = replayed(
      exported(), with(make_config(options()),
                       "{ set = \"X-Mark\", value = \"one\" }, { remove_codecs = [\"PCMU\"] }",
                       "{ remove = \"X-Other\" }"));
  ASSERT_EQ(calls.size(), 1u);
  const std::string text = call::to_text(calls);
  EXPECT_THAT(text, HasSubstr("  header X-Mark\n    - X-Mark: one\n    because profile 'service'"));
  EXPECT_THAT(text, HasSubstr("  sdp\n    - m=audio"));
}

TEST_P(ReplayTest, AFailureThatWouldBeSaidAsAnother) {
  unavailable();
  const auto calls =
      replayed(exported(), with(make_config(options()), "map_status = 404", "map_status = 410"));
  ASSERT_EQ(calls.size(), 1u);
  ASSERT_EQ(calls[0].differences.size(), 1u) << call::to_text(calls);
  EXPECT_EQ(calls[0].differences[0].what, "answer");
  EXPECT_EQ(calls[0].differences[0].recorded, "404");
  EXPECT_EQ(calls[0].differences[0].now, "410");
  EXPECT_THAT(calls[0].differences[0].why, HasSubstr("status-back/unavailable"));
}

TEST_P(ReplayTest, ACallThatWouldBeRefusedOrGoElsewhere) {
  answered();
  const std::string config = make_config(options());
  const auto elsewhere = replayed(exported(), with(config, "name = \"cloud-1\"\nhost = \"sip.",
                                                   "name = \"cloud-9\"\nhost = \"sip9."));
  ASSERT_EQ(elsewhere.at(0).differences.size(), 1u) << call::to_text(elsewhere);
  EXPECT_EQ(elsewhere[0].differences[0].what, "peer");
  EXPECT_EQ(elsewhere[0].differences[0].recorded, "cloud-1");
  EXPECT_THAT(elsewhere[0].differences[0].now, HasSubstr("cloud-9"));
  const auto unknown = replayed(exported(), with(config, "name = \"core-1\"", "name = \"core-9\""));
  EXPECT_THAT(unknown.at(0).trouble, HasSubstr("no peer and no group is called 'core-1'"));
  EXPECT_EQ(call::count(unknown).unknown, 1u);
}

// --- Within the call

class ReplayWithinTest : public ReplayTest {
 public:
  // Hold by the core, UPDATE by the core, a refused re-INVITE; the cloud hangs up.
  void talked() {
    auto up = core_calls();
    core.request(up.core, "INVITE", "X-Room: seven\r\n", offer("sendonly", 2));
    auto hold = cloud.expect("INVITE");
    EXPECT_THAT(std::string(hold.body()), HasSubstr("a=ptime:40"));
    cloud.reply(hold, 200, "", secure_sdp("10.2.0.1", 50000, "inactive", 2));
    cloud.expect("ACK");
    core.expect("200 INVITE");
    core.ack(up.core);
    rig.run(Seconds(1));
    core.request(up.core, "UPDATE", "", offer("sendrecv", 3));
    cloud.reply(cloud.expect("INVITE"), 480);
    cloud.expect("ACK");
    core.expect("404 UPDATE");
    cloud.request(up.cloud, "BYE", "X-Old: 1\r\nX-Gone: 2\r\n");
    cloud.expect("200 BYE");
    auto bye = core.expect("BYE");
    EXPECT_THAT(std::string(bye.bytes()), HasSubstr("X-Why: one\r\n"));
    EXPECT_THAT(std::string(bye.bytes()), HasSubstr("X-Room: seven\r\n"));
    core.reply(bye, 200);
    rig.run(Seconds(40));
  }
  static std::string offer(const char* direction, int version) {
    return sdp("10.1.0.1", 40000, direction, "8 PCMA/8000,101 telephone-event/8000", version);
  }
  [[nodiscard]] std::vector<call::Difference> differing(const std::string& from,
                                                        const std::string& to) {
    const auto calls = replayed(exported(), with(make_config(options()), from, to));
    EXPECT_EQ(calls.size(), 1u);
    if (calls.empty()) return {};
    EXPECT_TRUE(calls[0].unsaid.empty()) << call::to_text(calls);
    text = call::to_text(calls);
    return calls[0].differences;
  }
  std::string text;
};
INSTANTIATE_TEST_SUITE_P(Modes, ReplayWithinTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(ReplayWithinTest, UnderItsOwnConfigurationNothingDiffers) {
  talked();
  EXPECT_TRUE(differing("value = \"one\"", "value = \"one\"").empty()) << text;
  // Neither by another name of a rule.
  EXPECT_TRUE(differing("\"hanging up\"", "\"at the end\"").empty()) << text;
}

TEST_P(ReplayWithinTest, ARuleOfARequestWithinTheCall) {
  talked();
  const auto found =
      differing("{ set = \"X-Why\", value = \"one\" }", "{ set = \"X-Why\", value = \"two\" }");
  ASSERT_EQ(found.size(), 2u) << text;  // the BYE that came, and the one that left
  EXPECT_EQ(found[0].what, "BYE from cloud-1: X-Why");
  EXPECT_EQ(found[1].what, "BYE to core-1: X-Why");
  EXPECT_EQ(found[1].recorded, "X-Why: (none) -> one");
  EXPECT_EQ(found[1].now, "X-Why: (none) -> two");
  EXPECT_EQ(found[1].why, "rule within/hanging up");
}

TEST_P(ReplayWithinTest, ARuleThatIsNewAndOneThatIsGone) {
  talked();
  auto found = differing("{ set = \"X-Why\", value = \"one\" }, ", "");
  ASSERT_EQ(found.size(), 2u) << text;
  EXPECT_EQ(found[1].now, "");
  EXPECT_EQ(found[1].why, "rule within/hanging up does nothing there now");
  found = differing("methods = [\"INFO\", \"BYE\", \"UPDATE\"], direction = \"out\"",
                    "methods = [\"UPDATE\"], direction = \"in\"");
  ASSERT_EQ(found.size(), 2u) << text;
  EXPECT_EQ(found[0].what, "UPDATE from core-1: X-Room");
  EXPECT_EQ(found[0].now, "X-Room: (none) -> seven") << "the room is known from the re-INVITE";
  EXPECT_EQ(found[1].what, "BYE to core-1: X-Room");
  EXPECT_EQ(found[1].recorded, "X-Room: (none) -> seven");
}

TEST_P(ReplayWithinTest, StatusesThatAreMapped) {
  talked();
  const auto found = differing("map_status = 404", "map_status = 410");
  ASSERT_EQ(found.size(), 1u) << text;
  EXPECT_EQ(found[0].what, "480 to UPDATE to core-1: status");
  EXPECT_EQ(found[0].recorded, "status: 480 Temporarily Unavailable -> 404 Not Found");
  EXPECT_EQ(found[0].now, "status: 480 Temporarily Unavailable -> 410 Gone");
  EXPECT_EQ(found[0].why, "rule status-back/unavailable");
}

TEST_P(ReplayWithinTest, OfAnSdpThatRulesChangedWhatMoreTheyDo) {
  talked();
  const auto found = differing("{ set_ptime = 40 }", "{ set_ptime = 30 }");
  EXPECT_THAT(text, HasSubstr("INVITE to cloud-1: sdp"));
  EXPECT_FALSE(found.empty());
  EXPECT_FALSE(differing("name = \"hold\"\nwhen = { methods = [\"INVITE\"]",
                         "name = \"none\"\nwhen = { methods = [\"NOTIFY\"]")
                   .empty());
}

TEST_P(ReplayWithinTest, WhatTheTrailDoesNotHoldIsSaid) {
  talked();
  auto trails = call::read_trails(exported());
  ASSERT_TRUE(trails);
  telemetry::Trail small((*trails)[0].id(), 9000);
  for (const auto* e : (*trails)[0].events()) small.add(*e);
  ASSERT_GT(small.dropped(), 0u);
  const auto calls = replayed(telemetry::export_json(small), make_config(options()));
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_TRUE(calls[0].differences.empty()) << call::to_text(calls);
  ASSERT_FALSE(calls[0].unsaid.empty());
  EXPECT_THAT(call::to_text(calls), HasSubstr("not replayed: "));
  EXPECT_THAT(call::to_json(calls), HasSubstr("\"not_replayed\":[\""));
}

TEST_P(ReplayTest, WhatIsNoTrailIsSaidSo) {
  EXPECT_FALSE(call::read_trails(""));
  EXPECT_FALSE(call::read_trails("hello"));
  answered();
  const auto no = call::read_trails(exported() + "{\"call\":\"x\"}\n");
  ASSERT_FALSE(no);
  EXPECT_THAT(no.error().what, HasSubstr("trail 2: "));
  telemetry::Trail empty(CallId{7});
  deployment::LoadOptions o;
  o.check_files = false;
  const auto loaded = deployment::load_text(make_config(options()), "t", o);
  EXPECT_THAT(call::replay(empty, *loaded.deployment, nullptr).trouble, HasSubstr("INVITE"));
}

}  // namespace
}  // namespace causeway::scenario
