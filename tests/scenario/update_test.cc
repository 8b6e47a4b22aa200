// UPDATE (RFC 3311): offers that need no INVITE, before and after the answer.
#include "scenario/fixture.h"

namespace causeway::scenario {
namespace {

std::string offer(const char* direction, int version) {
  return sdp("10.1.0.1", 40000, direction, "8 PCMA/8000,101 telephone-event/8000", version);
}

class UpdateTest : public CallTest {
 protected:
  explicit UpdateTest(const std::string& config = make_config()) : CallTest(config) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, UpdateTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(UpdateTest, HoldByUpdateCrossesAsAReinvite) {
  PROVES("TDR-44");
  auto up = core_calls();
  for (int v = 2; v < 4; ++v) {
    core.request(up.core, "UPDATE", "", offer(v == 2 ? "sendonly" : "sendrecv", v));
    auto inv = cloud.expect("INVITE");
    EXPECT_EQ(direction_of(inv.body()), v == 2 ? "inactive" : "sendrecv");
    cloud.reply(inv, 200, "", secure_sdp("10.2.0.1", 50000, v == 2 ? "inactive" : "sendrecv", v));
    cloud.expect("ACK");
    auto ok = core.expect("200 UPDATE");
    EXPECT_EQ(direction_of(ok.body()), v == 2 ? "recvonly" : "sendrecv");
    EXPECT_TRUE(ok.has(HeaderId::kContact));
    rig.run(Seconds(1));
  }
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(UpdateTest, WithoutSdpItRefreshesTheTarget) {
  auto up = core_calls();
  core.request(up.core, "UPDATE", "Contact: <sip:moved@10.1.0.1:5060>\r\n");
  auto ok = core.expect("200 UPDATE");
  EXPECT_TRUE(ok.body().empty());
  cloud.request(up.cloud, "BYE");
  cloud.expect("200 BYE");
  auto bye = core.expect("BYE");
  EXPECT_EQ(bye.request_uri(), "sip:moved@10.1.0.1:5060");
  core.reply(bye, 200);
  expect_clean(1);
}

TEST_P(UpdateTest, OverlappingOnesAreAnswered500And491) {
  auto up = core_calls();
  core.request(up.core, "UPDATE", "", offer("sendonly", 2));
  auto inv = cloud.expect("INVITE");
  core.request(up.core, "UPDATE", "", offer("sendrecv", 3));
  auto busy = core.expect("500 UPDATE");
  EXPECT_NE(busy.value(HeaderId::kRetryAfter), "");
  auto second = up.core;
  core.request(second, "INVITE", "", offer("sendrecv", 3));
  core.ack_failure(second, core.expect("500 INVITE"));
  up.core.cseq = second.cseq;
  cloud.reply(inv, 200, "", secure_sdp("10.2.0.1", 50000, "inactive", 2));
  cloud.expect("ACK");
  core.expect("200 UPDATE");
  // Ours is out: 491.
  cloud.request(up.cloud, "INVITE", "", secure_sdp("10.2.0.1", 50000, "sendrecv", 3));
  rig.run(Millis(100));
  if (cloud.has("200 INVITE")) {
    cloud.expect("200 INVITE");
    cloud.ack(up.cloud);
  }
  cloud.request(up.cloud, "INVITE", "", secure_sdp("10.2.0.1", 50000, "inactive", 4));
  auto ours = core.expect("INVITE");
  core.request(up.core, "UPDATE", "", offer("sendrecv", 4));
  EXPECT_FALSE(core.expect("491 UPDATE").has(HeaderId::kRetryAfter)) << "it has timers of its own";
  core.reply(ours, 200, "",
             sdp("10.1.0.1", 40000, "inactive", "8 PCMA/8000,101 telephone-event/8000", 4));
  core.expect("ACK");
  cloud.expect("200 INVITE");
  cloud.ack(up.cloud);
  rig.run(Seconds(1));
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(UpdateTest, OneThatIsPendingEndsWithTheCall) {
  auto up = core_calls();
  core.request(up.core, "UPDATE", "", offer("sendonly", 2));
  auto inv = cloud.expect("INVITE");
  cloud.request(up.cloud, "BYE");
  cloud.expect("200 BYE");
  core.expect("487 UPDATE");
  core.reply(core.expect("BYE"), 200);
  cloud.reply(inv, 487);
  expect_clean(1);
}

TEST_P(UpdateTest, ARefusedOneLeavesTheCallAsItWas) {
  auto up = core_calls();
  core.request(up.core, "UPDATE", "", offer("sendonly", 2));
  cloud.reply(cloud.expect("INVITE"), 488);
  cloud.expect("ACK");
  core.expect("488 UPDATE");
  core.request(up.core, "UPDATE", "Content-Type: application/unknown\r\n", "x");
  EXPECT_TRUE(core.expect("415 UPDATE").value(HeaderId::kAccept).starts_with("application/sdp, "));
  core.request(up.core, "UPDATE", "", offer("sendrecv", 3));
  EXPECT_EQ(direction_of(core.expect("200 UPDATE").body()), "sendrecv");
  rig.run(Seconds(10));
  EXPECT_EQ(cloud.count("INVITE"), 2U);
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(UpdateTest, WhereAllowDoesNotListItItIsRefused) {
  auto up = core_calls();
  cloud.request(up.cloud, "UPDATE", "", secure_sdp("10.2.0.1", 50000, "inactive", 2));
  auto no = cloud.expect("405 UPDATE");
  EXPECT_EQ(no.value(HeaderId::kAllow).find("UPDATE"), std::string_view::npos);
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(UpdateTest, BeforeTheOfferOfTheInviteIsAnsweredItHasToWait) {
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 183, "", secure_sdp("10.2.0.1", 50000));
  core.learn(d, core.expect("183"));
  auto u = d;
  core.request(u, "UPDATE", "", offer("sendonly", 2));
  EXPECT_NE(core.expect("500 UPDATE").value(HeaderId::kRetryAfter), "");
  core.request(u, "UPDATE");
  core.expect("200 UPDATE");
  cloud.reply(inv, 480);
  (void)failure(core, d, 480);
  expect_clean(1);
}

// --- Early ---------------------------------------------------------------------------------------

class EarlyUpdate : public UpdateTest {
 protected:
  static std::string config() {
    ConfigOptions o;
    o.top =
        "[[profile]]\nname = \"core-rel\"\nextends = \"operator\"\n"
        "reliable_provisionals = \"supported\"\n";
    o.core_profile = "core-rel";
    o.service =
        "reliable_provisionals = \"supported\"\n"
        "allow = [\"INVITE\", \"ACK\", \"CANCEL\", \"BYE\", \"OPTIONS\", \"UPDATE\"]\n";
    return make_config(o);
  }
  EarlyUpdate() : UpdateTest(config()) {}
  // Both sides have agreed reliably.
  void ring(const std::string& headers) {
    cloud.reply(inv, 183, "Require: 100rel\r\nRSeq: 1\r\n" + headers,
                secure_sdp("10.2.0.1", 50000));
    cloud.reply(cloud.expect("PRACK"), 200);
    auto early = core.expect("183");
    core.learn(d, early);
    core.request(d, "PRACK",
                 "RAck: " + std::string(early.value(HeaderId::kRSeq)) + " 1 INVITE\r\n");
    core.expect("200 PRACK");
  }
  void answer_and_end() {
    cloud.reply(inv, 200);
    EXPECT_TRUE(core.expect("200 INVITE").body().empty());
    d.cseq += 0;
    core.request(d, "ACK", "", "", 1);
    cloud.expect("ACK");
    rig.run(Millis(200));
  }
  PeerDialog d = core.invite("+4989123", "Require: 100rel\r\n", sdp("10.1.0.1", 40000));
  sip::Message inv = cloud.expect("INVITE");
};
INSTANTIATE_TEST_SUITE_P(Modes, EarlyUpdate, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(EarlyUpdate, CrossesAsAnUpdateWhereTheOtherSideAllowsIt) {
  ring("Allow: INVITE, ACK, BYE, CANCEL, UPDATE, PRACK\r\n");
  core.request(d, "UPDATE", "", offer("sendonly", 2));
  auto across = cloud.expect("UPDATE");
  EXPECT_EQ(direction_of(across.body()), "inactive");
  EXPECT_TRUE(across.has(HeaderId::kContact));
  cloud.reply(across, 491);
  EXPECT_FALSE(core.has("200 UPDATE"));
  across = cloud.expect("UPDATE");
  cloud.reply(across, 200, "", secure_sdp("10.2.0.1", 50000, "inactive", 2));
  EXPECT_EQ(direction_of(core.expect("200 UPDATE").body()), "recvonly");
  answer_and_end();
  EXPECT_EQ(cloud.count("INVITE"), 1U) << "all is said";
  core.request(d, "BYE");
  core.expect("200 BYE");
  cloud.reply(cloud.expect("BYE"), 200);
  expect_clean(1);
}

TEST_P(EarlyUpdate, IsAnsweredHereWhereItDoesNotAndCrossesLater) {
  PROVES("TDR-44");
  ring("Allow: INVITE, ACK, BYE, CANCEL\r\n");
  core.request(d, "UPDATE", "", offer("sendonly", 2));
  EXPECT_EQ(direction_of(core.expect("200 UPDATE").body()), "recvonly");
  EXPECT_EQ(cloud.count("UPDATE"), 0U);
  answer_and_end();
  auto hold = cloud.expect("INVITE");
  EXPECT_EQ(direction_of(hold.body()), "inactive");
  cloud.reply(hold, 200, "", secure_sdp("10.2.0.1", 50000, "inactive", 2));
  cloud.expect("ACK");
  core.request(d, "BYE");
  core.expect("200 BYE");
  cloud.reply(cloud.expect("BYE"), 200);
  expect_clean(1);
}

TEST_P(EarlyUpdate, OfTheCalledSideReachesTheCaller) {
  ring("");
  auto c = cloud.answered(inv);
  cloud.request(c, "UPDATE", "", secure_sdp("10.2.0.1", 50000, "inactive", 2));
  auto ok = cloud.expect("200 UPDATE");  // the caller's Allow is not known
  EXPECT_EQ(direction_of(ok.body()), "inactive");
  cloud.request(c, "UPDATE", "", secure_sdp("10.2.0.1", 50000, "sendrecv", 3));
  EXPECT_EQ(direction_of(cloud.expect("200 UPDATE").body()), "sendrecv");
  answer_and_end();
  core.request(d, "BYE");
  core.expect("200 BYE");
  cloud.reply(cloud.expect("BYE"), 200);
  expect_clean(1);
}

TEST_P(UpdateTest, OneThatTheOtherSideDoesNotAnswerInTimeGets504) {
  auto up = core_calls();
  core.request(up.core, "UPDATE", "", offer("sendonly", 2));
  auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 180);  // asks somebody first
  const auto began = rig.world.now();
  core.expect("504 UPDATE", Seconds(25));
  EXPECT_LT(rig.world.now() - began, Seconds(32)) << "before its sender gives up";
  cloud.reply(inv, 200, "", secure_sdp("10.2.0.1", 50000, "inactive", 2));
  cloud.expect("ACK");
  // The hold is void: the service is told so.
  auto back = cloud.expect("INVITE");
  EXPECT_EQ(direction_of(back.body()), "sendrecv");
  cloud.reply(back, 200, "", secure_sdp("10.2.0.1", 50000, "sendrecv", 3));
  cloud.expect("ACK");
  rig.run(Seconds(1));
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(EarlyUpdate, OneOfOursWithoutAnAnswerEndsTheAttempt) {
  ring("Allow: INVITE, ACK, BYE, CANCEL, UPDATE, PRACK\r\n");
  core.request(d, "UPDATE", "", offer("sendonly", 2));
  cloud.expect("UPDATE");
  core.expect("504 UPDATE", Seconds(25));
  cloud.reply(cloud.expect("CANCEL", Seconds(20)), 200);
  cloud.reply(inv, 487);
  core.expect("504 INVITE");
  rig.run(Seconds(40));
  expect_clean(1);
  EXPECT_EQ(rig.records[0].termination, "unreachable");
}

// What we asked it is void, and must not keep it from being asked again.
TEST_P(EarlyUpdate, OfAPhoneThatSaysItIsOverAndAnswersAllTheSame) {
  ring("Allow: INVITE, ACK, BYE, CANCEL, UPDATE, PRACK\r\n");
  core.request(d, "UPDATE", "", offer("sendonly", 2));
  (void)cloud.expect("UPDATE");
  cloud.reply(inv, 199, "Reason: Q.850;cause=17\r\n");
  core.expect("504 UPDATE");
  answer_and_end();
  auto c = cloud.answered(inv);
  cloud.request(c, "INVITE", "", secure_sdp("10.2.0.1", 50000, "sendrecv", 3));
  EXPECT_EQ(direction_of(cloud.expect("200 INVITE").body()), "sendrecv");
  cloud.ack(c);
  rig.run(Millis(100));
  core.request(d, "BYE");
  core.expect("200 BYE");
  cloud.reply(cloud.expect("BYE"), 200);
  expect_clean(1);
}

TEST_P(EarlyUpdate, OneThatIsRefusedBecauseThatPhoneIsGoneLeavesTheOthersRinging) {
  ring("Allow: INVITE, ACK, BYE, CANCEL, UPDATE, PRACK\r\n");
  cloud.reply(inv, 180, "", "", "other");
  core.expect("180");
  core.request(d, "UPDATE", "", offer("sendonly", 2));
  cloud.reply(cloud.expect("UPDATE"), 481);
  core.expect("504 UPDATE");
  EXPECT_FALSE(cloud.has("CANCEL"));
  cloud.reply(inv, 200, "", secure_sdp("10.2.0.1", 50002), "other");
  EXPECT_TRUE(core.expect("200 INVITE").body().empty());
  core.request(d, "ACK", "", "", 1);
  cloud.expect("ACK");
  rig.run(Millis(200));
  core.request(d, "BYE");
  core.expect("200 BYE");
  cloud.reply(cloud.expect("BYE"), 200);
  expect_clean(1);
}

TEST_P(EarlyUpdate, MediaIsThatOfThePhoneThatIsLeft) {
  auto cancel = d;
  cloud.reply(inv, 183, "", secure_sdp("10.2.0.1", 50002), "other");
  auto early = core.expect("183");
  core.learn(d, early);
  core.request(d, "PRACK", "RAck: " + std::string(early.value(HeaderId::kRSeq)) + " 1 INVITE\r\n");
  core.expect("200 PRACK");
  const Endpoint gateway = media_of(early.body());
  cloud.reply(inv, 183, "Allow: UPDATE, PRACK\r\nRequire: 100rel\r\nRSeq: 1\r\n",
              secure_sdp("10.2.0.1", 50000));
  cloud.reply(cloud.expect("PRACK"), 200);
  rig.run(Millis(100));
  core.open_rtp(40000);
  cloud.open_rtp(50002);
  const auto heard = [&] {
    cloud.rtp.clear();
    core.send_rtp(gateway, 5);
    rig.run(Millis(50));
    return std::count_if(cloud.rtp.begin(), cloud.rtp.end(),
                         [](const auto& r) { return r.bytes.size() == 182; });
  };
  EXPECT_EQ(heard(), 0);
  core.request(d, "UPDATE", "", offer("sendonly", 2));
  cloud.reply(cloud.expect("UPDATE"), 481);
  core.expect("504 UPDATE");
  EXPECT_EQ(heard(), 5);
  core.request(cancel, "CANCEL", "", "", 1);
  cloud.reply(cloud.expect("CANCEL"), 200);
  cloud.reply(inv, 487);
  expect_clean(1);
}

TEST_P(EarlyUpdate, IsAnsweredWhenTheCallerGivesUp) {
  ring("Allow: UPDATE\r\n");
  auto cancel = d;
  core.request(d, "UPDATE", "", offer("sendonly", 2));
  auto across = cloud.expect("UPDATE");
  cloud.reply(inv, 486);
  core.expect("487 UPDATE");
  core.expect("486 INVITE");
  cloud.reply(across, 481);
  rig.run(Seconds(40));
  expect_clean(1);
}

}  // namespace
}  // namespace causeway::scenario
