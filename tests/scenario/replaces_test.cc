// INVITE with Replaces (RFC 3891): whoever sends it takes the place of the dialog that it names.
#include "scenario/transfers.h"

namespace causeway::scenario {
namespace {

std::string tag_of(const std::string& party) { return party.substr(party.find("tag=") + 4); }

class ReplacesTest : public TransferFixture {
 protected:
  explicit ReplacesTest(const std::string& config = make_config()) : TransferFixture(config) {}
  PeerDialog cloud_invites(const std::string& headers, int port = 50030) {
    return cloud.invite("+4930111", headers, secure_sdp("10.2.0.1", port), "+4989777");
  }
  void refused(Peer& by, PeerDialog d, int status) { (void)failure(by, d, status); }
};
INSTANTIATE_TEST_SUITE_P(Modes, ReplacesTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(ReplacesTest, TheDialogThatItNamesEndsAndTheOtherSideStays) {
  PROVES("TDR-105");
  auto up = core_calls();
  auto taker = cloud_invites(replaces(up.cloud) +
                             "Require: replaces\r\n"
                             "Referred-By: <sip:boss@h;x-ti=9>\r\n");
  const auto ok = cloud.expect("200 INVITE");
  cloud.learn(taker, ok);
  cloud.ack(taker);
  const auto bye = cloud.expect("BYE");
  EXPECT_EQ(bye.call_id(), up.invite.call_id());
  cloud.reply(bye, 200);
  rig.run(Seconds(2));
  EXPECT_EQ(core.count("INVITE") + core.count("BYE"), 0U);
  core.open_rtp(40000);
  cloud.open_rtp(50030);
  core.send_rtp(media_of(up.to_core), 5);
  rig.run(Seconds(1));
  EXPECT_GE(cloud.rtp.size(), 5U);
  hang_up(core, up.core, cloud);
  expect_clean(1);
  const auto& r = rig.records[0];
  EXPECT_EQ(r.transfers, 1U);
  EXPECT_EQ(r.transferred_by, "sip:boss@h;x-ti=9");
  EXPECT_EQ(r.transferred_to, "sip:+4989777@10.2.0.1:5061");
  EXPECT_EQ(r.transfer_call_id, taker.call_id);
  EXPECT_EQ(r.transfer_id, "9");
}

// The BYE to one whose ACK is still on its way waits for it, and is sent though the call goes on.
TEST_P(ReplacesTest, ADialogThatIsReplacedBeforeItsAckIsHungUpAfterIt) {
  PROVES("TDR-105");
  auto d = cloud.invite("+4930111", "", secure_sdp("10.2.0.1", 50000), "+4989123");
  core.reply(core.expect("INVITE"), 200, "", sdp("10.1.0.1", 40000));
  cloud.learn(d, cloud.expect("200 INVITE"));
  auto taker = cloud_invites(replaces(d));
  cloud.learn(taker, cloud.expect("200 INVITE"));
  cloud.ack(taker);
  rig.run(Seconds(1));
  cloud.ack(d);
  cloud.reply(cloud.expect("BYE"), 200);
  rig.run(Seconds(1));
  hang_up(cloud, taker, core);
  expect_clean(1);
}

TEST_P(ReplacesTest, ACallIsHandedOverAsOftenAsItMayAndNoOftener) {
  auto up = core_calls();
  PeerDialog last = up.cloud;
  for (int i = 0; i < 5; ++i) {
    auto taker = cloud_invites(replaces(last), 50030 + 2 * i);
    cloud.learn(taker, cloud.expect("200 INVITE"));
    cloud.ack(taker);
    cloud.reply(cloud.expect("BYE"), 200);
    rig.run(Seconds(1));
    last = taker;
  }
  refused(cloud, cloud_invites(replaces(last)), 403);
  hang_up(core, up.core, cloud);
  expect_clean(2);
}

TEST_P(ReplacesTest, TheSideOfTheCallerMayBeReplacedToo) {
  auto up = cloud_calls();
  auto taker = cloud_invites(replaces(up.cloud));
  cloud.learn(taker, cloud.expect("200 INVITE"));
  cloud.ack(taker);
  cloud.reply(cloud.expect("BYE"), 200);
  rig.run(Seconds(1));
  hang_up(cloud, taker, core);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].released_by, telemetry::Released::kCaller);
}

TEST_P(ReplacesTest, WithoutAnOfferOursIsAnsweredInTheAck) {
  auto up = core_calls();
  auto taker = cloud.invite("+4930111", replaces(up.cloud), "", "+4989777");
  const auto ok = cloud.expect("200 INVITE");
  EXPECT_EQ(direction_of(ok.body()), "sendrecv");
  cloud.learn(taker, ok);
  cloud.ack(taker, secure_sdp("10.2.0.1", 50030));
  cloud.reply(cloud.expect("BYE"), 200);
  rig.run(Seconds(1));
  core.open_rtp(40000);
  cloud.open_rtp(50030);
  core.send_rtp(media_of(up.to_core), 5);
  rig.run(Seconds(1));
  EXPECT_GE(cloud.rtp.size(), 5U);
  hang_up(core, up.core, cloud);
  expect_clean(1);
}

TEST_P(ReplacesTest, WhatTheOtherSideMustHearOfIsOffered) {
  auto up = core_calls();
  cloud.request(up.cloud, "INVITE", "", secure_sdp("10.2.0.1", 50000, "inactive", 2));
  auto inv = core.expect("INVITE");
  core.reply(inv, 200, "", sdp("10.1.0.1", 40000, "inactive", "8 PCMA/8000", 2));
  (void)core.expect("ACK");
  (void)cloud.expect("200 INVITE");
  cloud.ack(up.cloud);
  rig.run(Seconds(1));
  auto taker = cloud_invites(replaces(up.cloud));
  cloud.learn(taker, cloud.expect("200 INVITE"));
  cloud.ack(taker);
  cloud.reply(cloud.expect("BYE"), 200);
  inv = core.expect("INVITE");
  EXPECT_EQ(direction_of(inv.body()), "sendrecv");
  core.reply(inv, 200, "", sdp("10.1.0.1", 40000, "sendrecv", "8 PCMA/8000", 3));
  (void)core.expect("ACK");
  rig.run(Seconds(1));
  hang_up(core, up.core, cloud);
  expect_clean(1);
}

TEST_P(ReplacesTest, WhatCannotBeReplacedIsRefusedByTheRule) {
  PROVES("TDR-105");
  auto up = core_calls();
  PeerDialog wrong = up.cloud;
  wrong.local = "<sip:x@y>;tag=other";
  refused(cloud, cloud_invites(replaces(wrong)), 481);
  wrong = up.cloud;
  wrong.call_id = "other";
  refused(cloud, cloud_invites(replaces(wrong)), 481);
  refused(cloud, cloud_invites(replaces(up.cloud, ";early-only")), 486);
  refused(cloud, cloud_invites("Replaces: nonsense\r\n"), 400);
  refused(cloud, cloud_invites(replaces(up.cloud) + replaces(up.cloud)), 400);
  refused(cloud, cloud_invites(replaces(up.cloud) + "Join: x;to-tag=1;from-tag=2\r\n"), 400);
  // Another group's dialog is not for the asking.
  refused(core, core.invite("+4989123", replaces(up.cloud), sdp("10.1.0.1", 40030)), 403);
  // Nor one that cannot be: the call stays as it was.
  refused(cloud, cloud.invite("+4930111", replaces(up.cloud), sdp("10.2.0.1", 50030), "+4989777"),
          488);
  EXPECT_EQ(cloud.count("BYE"), 0U);
  core.open_rtp(40000);
  cloud.open_rtp(50000);
  core.send_rtp(media_of(up.to_core), 5);
  rig.run(Seconds(1));
  EXPECT_GE(cloud.rtp.size(), 5U);
  const auto of_ended = replaces(up.cloud);
  core.request(up.core, "BYE");
  (void)core.expect("200 BYE");
  const auto bye = cloud.expect("BYE");
  refused(cloud, cloud_invites(of_ended), 603);
  cloud.reply(bye, 200);
  rig.run(Seconds(70));
  refused(cloud, cloud_invites(of_ended), 481);
  rig.run(Seconds(70));
  EXPECT_EQ(rig.calls(), 0U);
}

TEST_P(ReplacesTest, AnInviteThatReplacesItselfIsRefused) {
  auto up = core_calls();
  const std::string own = "10.2.0.1:5061-call-1";  // the Call-ID that it is going to have
  auto d =
      cloud_invites("Replaces: " + own + ";to-tag=" + tag_of(up.cloud.remote) + ";from-tag=x\r\n");
  ASSERT_EQ(d.call_id, own);
  (void)failure(cloud, d, 400);
  core_hangs_up(up);
  rig.run(Seconds(70));
}

TEST_P(ReplacesTest, ARingingCallIsPickedUpElsewhere) {
  auto caller = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  const auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 180);
  (void)core.expect("180");
  auto ringing = cloud.answered(inv);
  auto taker = cloud_invites(replaces(ringing, ";early-only"));
  cloud.learn(taker, cloud.expect("200 INVITE"));
  cloud.ack(taker);
  const auto ok = core.expect("200 INVITE");
  core.learn(caller, ok);
  core.ack(caller);
  cloud.reply(cloud.expect("CANCEL"), 200);
  cloud.reply(inv, 487);
  (void)cloud.expect("ACK");
  rig.run(Seconds(1));
  core.open_rtp(40000);
  cloud.open_rtp(50030);
  core.send_rtp(media_of(ok.body()), 5);
  rig.run(Seconds(1));
  EXPECT_GE(cloud.rtp.size(), 5U);
  hang_up(cloud, taker, core);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].termination, "completed");
}

TEST_P(ReplacesTest, ADialogThatItsPeerBeganAndThatOnlyRingsIsNotReplaced) {
  auto d = cloud.invite("+4930111", "", secure_sdp("10.2.0.1", 50000), "+4989123");
  const auto inv = core.expect("INVITE");
  core.reply(inv, 180);
  cloud.learn(d, cloud.expect("180"));
  refused(cloud, cloud_invites(replaces(d)), 481);
  core.reply(inv, 486);
  (void)core.expect("ACK");
  (void)failure(cloud, d, 486);
  rig.run(Seconds(70));
  EXPECT_EQ(rig.calls(), 0U);
}

class RuledReplaces : public ReplacesTest {
 protected:
  RuledReplaces() : ReplacesTest(config()) {}
  static std::string config() {
    ConfigOptions o;
    o.top = R"(
[limits]
max_trail_bytes = 65536
[[rule_set]]
name = "from-cloud"
[[rule_set.rule]]
name = "who"
when = { methods = ["INVITE"], in_dialog = false }
actions = [
  { set = "Referred-By", value = "<sip:ruled@h>" },
  { capture = "desk", from = "X-Desk", pattern = '^(\w+)' },
  { rewrite = "From", part = "user", pattern = '^.*$', value = "rewritten" },
  { remove_codecs = ["PCMU"] },
]
[[rule_set]]
name = "to-core"
[[rule_set.rule]]
name = "desk"
when = { message = "request", methods = ["BYE"] }
actions = [{ set = "X-Desk", value = "${desk}" }]
[[profile]]
name = "ruled-core"
extends = "operator"
rules_out = ["to-core"]
)";
    o.core_profile = "ruled-core";
    o.service = "rules_in = [\"from-cloud\"]\n";
    return make_config(o);
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, RuledReplaces, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(RuledReplaces, TheRulesOfItsProfileSeeItAsTheySeeEveryInvite) {
  auto up = core_calls();
  auto taker = cloud.invite("+4930111", replaces(up.cloud) + "X-Desk: nine\r\n",
                            secure_sdp("10.2.0.1", 50030, "sendrecv", 1,
                                       "0 PCMU/8000,8 PCMA/8000,101 telephone-event/8000"),
                            "+4989777");
  const auto ok = cloud.expect("200 INVITE");
  EXPECT_NE(ok.value(HeaderId::kFrom).find("+4989777"), std::string_view::npos)
      << "an answer names the parties as its request did";
  EXPECT_EQ(line_of(ok.body(), "m=audio").find(" 0 "), std::string::npos) << ok.body();
  cloud.learn(taker, ok);
  cloud.ack(taker);
  cloud.reply(cloud.expect("BYE"), 200);
  rig.run(Seconds(1));
  EXPECT_NE(rig.trail_of_all().find("from-cloud"), std::string::npos);
  cloud.request(taker, "BYE");
  cloud.expect("200 BYE");
  auto bye = core.expect("BYE");
  const auto* desk = bye.find("X-Desk");
  EXPECT_EQ(desk ? desk->value : "-", "nine") << "what they remembered is the call's";
  core.reply(bye, 200);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].transferred_by, "sip:ruled@h");
  EXPECT_EQ(rig.records[0].transferred_to.substr(0, 14), "sip:rewritten@");
}

TEST_P(RuledReplaces, ARefusalIsWrittenAsTheRequestCame) {
  auto d = cloud.invite("+4930111", "Replaces: nobody;to-tag=a;from-tag=b\r\n",
                        secure_sdp("10.2.0.1", 50030), "+4989777");
  const auto no = failure(cloud, d, 481);
  EXPECT_NE(no.value(HeaderId::kFrom).find("+4989777"), std::string_view::npos);
  EXPECT_EQ(core.count("INVITE"), 0U);
}

// The caller has not acknowledged its ringing yet, so that it cannot be told of the answer.
class ReplacesReliably : public ReplacesTest {
 protected:
  ReplacesReliably() : ReplacesTest(make_config({.core_profile = "ims-core"})) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, ReplacesReliably, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(ReplacesReliably, ACallerHearsOfAPickUpThatFailsBeforeItsPrack) {
  auto caller = core.invite("+4989123", "Require: 100rel\r\n", sdp("10.1.0.1", 40000));
  const auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 183, "", secure_sdp("10.2.0.1", 50000));
  (void)core.expect("183");
  auto ringing = cloud.answered(inv);
  auto taker =
      cloud.invite("+4930111", replaces(ringing, ";early-only"), "", "+4989777");  // no offer
  cloud.learn(taker, cloud.expect("200 INVITE"));
  cloud.reply(cloud.expect("CANCEL"), 200);
  cloud.reply(inv, 487);
  (void)cloud.expect("ACK");
  EXPECT_FALSE(core.has("200 INVITE"));
  cloud.ack(taker);  // ... and no answer to ours
  cloud.reply(cloud.expect("BYE"), 200);
  const auto no = failure(core, caller, 480);
  EXPECT_NE(no.value(HeaderId::kReason), "");
  expect_clean(1);
  EXPECT_EQ(rig.records[0].termination, "dropped");
  EXPECT_EQ(rig.records[0].sip_status, 480);
}

}  // namespace
}  // namespace causeway::scenario
