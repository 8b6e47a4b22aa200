// Hold and resume in every form and from either side, and what must not change through it.
#include <array>
#include <random>

#include "scenario/fixture.h"
#include "sdp/plain.h"

namespace causeway::scenario {
namespace {

class HoldTest : public CallTest {
 protected:
  void expect_same_media(const std::string& before, const std::string& after) {
    EXPECT_EQ(media_of(before), media_of(after));
    EXPECT_EQ(line_of(before, "a=crypto"), line_of(after, "a=crypto"));
    const auto id = [](const std::string& o) {
      return o.substr(0, o.find(' ', o.find(' ', 2) + 1));
    };
    EXPECT_EQ(id(line_of(before, "o=")), id(line_of(after, "o=")));
  }
  static int version_of(std::string_view text) {
    std::string o = line_of(text, "o=");
    o.erase(0, o.find(' ') + 1);
    o.erase(0, o.find(' ') + 1);
    return std::stoi(o);
  }
  sip::Message cloud_reinvites(Up& up, const std::string& direction,
                               const std::string& core_direction, int version, int core_version) {
    cloud.request(up.cloud, "INVITE", "", secure_sdp("10.2.0.1", 50000, direction, version));
    auto inv = core.expect("INVITE");
    EXPECT_EQ(direction_of(inv.body()), direction);
    core.reply(inv, 200, "",
               sdp("10.1.0.1", 40000, core_direction,
                   "8 PCMA/8000,0 PCMU/8000,101 telephone-event/8000", core_version));
    core.expect("ACK");
    auto ok = cloud.expect("200 INVITE");
    cloud.ack(up.cloud);
    rig.run(Millis(100));
    return ok;
  }
  void expect_quiet() {
    const auto c = core.count("INVITE"), s = cloud.count("INVITE");
    rig.run(Seconds(20));
    EXPECT_EQ(core.count("INVITE"), c) << "nothing more to say";
    EXPECT_EQ(cloud.count("INVITE"), s) << "nothing more to say";
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, HoldTest, ::testing::ValuesIn(all_modes()), mode_name);

struct HoldForm {
  const char* what;
  const char* direction;
  const char* address;
  const char* answer;
};

TEST_P(HoldTest, EveryHoldOfTheCoreBecomesInactiveAndIsAnsweredAsTheCoreExpects) {
  PROVES("TDR-93", "TDR-94", "TDM-07");
  const HoldForm forms[] = {{"sendonly", "sendonly", "10.1.0.1", "recvonly"},
                            {"inactive", "inactive", "10.1.0.1", "inactive"},
                            {"0.0.0.0", "sendrecv", "0.0.0.0", "recvonly"},
                            {"sendonly at 0.0.0.0", "sendonly", "0.0.0.0", "recvonly"},
                            {"recvonly", "recvonly", "10.1.0.1", "sendonly"}};
  auto up = core_calls();
  int v = 1;
  for (const HoldForm& f : forms) {
    SCOPED_TRACE(f.what);
    core.request(up.core, "INVITE", "",
                 sdp(f.address, 40000, f.direction,
                     "8 PCMA/8000,0 PCMU/8000,101 telephone-event/8000", ++v));
    auto inv = cloud.expect("INVITE");
    EXPECT_EQ(direction_of(inv.body()), "inactive");
    EXPECT_EQ(inv.body().find("0.0.0.0"), std::string::npos);
    expect_same_media(up.to_cloud, std::string(inv.body()));
    cloud.reply(inv, 200, "", secure_sdp("10.2.0.1", 50000, "inactive", v));
    cloud.expect("ACK");
    auto ok = core.expect("200 INVITE");
    EXPECT_EQ(direction_of(ok.body()), f.answer);
    expect_same_media(up.to_core, std::string(ok.body()));
    core.ack(up.core);
    expect_quiet();
    ++v;
    ok = core_reinvites(
        up,
        sdp("10.1.0.1", 40000, "sendrecv", "8 PCMA/8000,0 PCMU/8000,101 telephone-event/8000", v),
        "sendrecv", v);
    EXPECT_EQ(direction_of(ok.body()), "sendrecv");
    expect_quiet();
  }
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(HoldTest, ResumeWithoutSdpIsAFullOffer) {
  PROVES("TDR-95", "TDR-54");
  auto up = core_calls();
  (void)core_reinvites(
      up, sdp("10.1.0.1", 40000, "sendonly", "8 PCMA/8000,101 telephone-event/8000", 2), "inactive",
      2);
  core.request(up.core, "INVITE");
  auto inv = cloud.expect("INVITE");
  EXPECT_EQ(direction_of(inv.body()), "sendrecv");
  EXPECT_NE(line_of(inv.body(), "m=audio"), "");
  cloud.reply(inv, 200, "", secure_sdp("10.2.0.1", 50000, "sendrecv", 3));
  cloud.expect("ACK");
  auto ok = core.expect("200 INVITE");
  EXPECT_EQ(direction_of(ok.body()), "sendrecv");
  core.ack(up.core, sdp("10.1.0.1", 40000, "sendrecv", "8 PCMA/8000,101 telephone-event/8000", 3));
  expect_quiet();
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(HoldTest, HoldByTheServiceReachesTheCore) {
  auto up = core_calls();
  auto ok = cloud_reinvites(up, "inactive", "inactive", 2, 2);
  EXPECT_EQ(direction_of(ok.body()), "inactive");
  EXPECT_EQ(line_of(ok.body(), "a=crypto"), line_of(up.to_cloud, "a=crypto"));
  expect_quiet();
  ok = cloud_reinvites(up, "sendrecv", "sendrecv", 3, 3);
  EXPECT_EQ(direction_of(ok.body()), "sendrecv");
  expect_quiet();
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(HoldTest, BothHoldAndResumeInEitherOrder) {
  auto up = core_calls();
  const auto core_sdp = [](const char* d, int v) {
    return sdp("10.1.0.1", 40000, d, "8 PCMA/8000,101 telephone-event/8000", v);
  };
  // The core first, then the service; the service resumes first.
  (void)core_reinvites(up, core_sdp("sendonly", 2), "inactive", 2);
  cloud.request(up.cloud, "INVITE", "", secure_sdp("10.2.0.1", 50000, "inactive", 3));
  rig.run(Millis(50));
  if (core.has("INVITE")) {
    core.reply(core.expect("INVITE"), 200, "", core_sdp("inactive", 3));
    core.expect("ACK");
  }
  EXPECT_EQ(direction_of(cloud.expect("200 INVITE").body()), "inactive");
  cloud.ack(up.cloud);
  rig.run(Millis(50));
  cloud.request(up.cloud, "INVITE", "", secure_sdp("10.2.0.1", 50000, "sendrecv", 4));
  rig.run(Millis(50));
  if (core.has("INVITE")) {
    core.reply(core.expect("INVITE"), 200, "", core_sdp("sendonly", 4));
    core.expect("ACK");
  }
  EXPECT_EQ(direction_of(cloud.expect("200 INVITE").body()), "inactive") << "the core still holds";
  cloud.ack(up.cloud);
  expect_quiet();
  auto ok = core_reinvites(up, core_sdp("sendrecv", 5), "sendrecv", 5);
  EXPECT_EQ(direction_of(ok.body()), "sendrecv");
  expect_quiet();
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(HoldTest, CrossingHoldsConverge) {
  auto up = core_calls();
  core.request(up.core, "INVITE", "",
               sdp("10.1.0.1", 40000, "sendonly", "8 PCMA/8000,101 telephone-event/8000", 2));
  cloud.request(up.cloud, "INVITE", "", secure_sdp("10.2.0.1", 50000, "inactive", 2));
  rig.run(Seconds(1));
  // Whoever was asked while asking says 491 (RFC 3261 14.2), and every exchange is finished.
  const auto settle = [&](Peer& p, PeerDialog& d, const std::string& answer) {
    for (int i = 0; i < 20; ++i) {
      if (p.has("200 INVITE")) {
        (void)p.expect("200 INVITE");
        p.ack(d);
      } else if (p.has("491 INVITE")) {
        p.ack_failure(d, p.expect("491 INVITE"));
      } else if (p.has("INVITE")) {
        p.reply(p.expect("INVITE"), 200, "", answer);
      }
      rig.run(Millis(50));
    }
  };
  settle(cloud, up.cloud, secure_sdp("10.2.0.1", 50000, "inactive", 3));
  settle(core, up.core,
         sdp("10.1.0.1", 40000, "sendonly", "8 PCMA/8000,101 telephone-event/8000", 2));
  settle(cloud, up.cloud, secure_sdp("10.2.0.1", 50000, "inactive", 3));
  expect_quiet();
  // Both resume, one after the other.
  core.request(up.core, "INVITE", "",
               sdp("10.1.0.1", 40000, "sendrecv", "8 PCMA/8000,101 telephone-event/8000", 3));
  rig.run(Millis(100));
  settle(cloud, up.cloud, secure_sdp("10.2.0.1", 50000, "inactive", 3));
  settle(core, up.core,
         sdp("10.1.0.1", 40000, "sendrecv", "8 PCMA/8000,101 telephone-event/8000", 3));
  auto ok = cloud_reinvites(up, "sendrecv", "sendrecv", 4, 4);
  EXPECT_EQ(direction_of(ok.body()), "sendrecv");
  expect_quiet();
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(HoldTest, GlareIsTriedAgainWithinTheTimesOfTheRfc) {
  auto up = core_calls();
  core.request(up.core, "INVITE", "",
               sdp("10.1.0.1", 40000, "sendonly", "8 PCMA/8000,101 telephone-event/8000", 2));
  auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 491);
  cloud.expect("ACK");
  const auto began = rig.world.now();
  auto again = cloud.expect("INVITE");
  const auto waited = std::chrono::duration_cast<Millis>(rig.world.now() - began);
  EXPECT_GE(waited, Millis(2100)) << "we own the Call-ID (RFC 3261 14.1)";
  EXPECT_LE(waited, Millis(4010));
  EXPECT_EQ(again.value(HeaderId::kCSeq), "3 INVITE");
  EXPECT_EQ(direction_of(again.body()), "inactive");
  cloud.reply(again, 200, "", secure_sdp("10.2.0.1", 50000, "inactive", 2));
  cloud.expect("ACK");
  EXPECT_EQ(direction_of(core.expect("200 INVITE").body()), "recvonly");
  core.ack(up.core);
  expect_quiet();
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(HoldTest, RequestDuringOursIsAnswered491) {
  auto up = core_calls();
  core.request(up.core, "INVITE", "",
               sdp("10.1.0.1", 40000, "sendonly", "8 PCMA/8000,101 telephone-event/8000", 2));
  auto inv = cloud.expect("INVITE");
  cloud.request(up.cloud, "INVITE", "", secure_sdp("10.2.0.1", 50000, "sendrecv", 2));
  cloud.ack_failure(up.cloud, cloud.expect("491 INVITE"));
  // A second one of the core before the first was answered: 500 with Retry-After (14.2).
  auto second = up.core;
  core.request(second, "INVITE", "",
               sdp("10.1.0.1", 40000, "sendrecv", "8 PCMA/8000,101 telephone-event/8000", 3));
  auto busy = core.expect("500 INVITE");
  EXPECT_NE(busy.value(HeaderId::kRetryAfter), "");
  core.ack_failure(second, busy);
  cloud.reply(inv, 200, "", secure_sdp("10.2.0.1", 50000, "inactive", 2));
  core.expect("200 INVITE");
  core.ack(up.core);
  up.core.cseq = second.cseq;
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(HoldTest, RefreshIsAnsweredHereWithTheSameSdp) {
  PROVES("TDR-87", "TDR-96", "TDM-07");
  auto up = cloud_calls();
  for (int i = 0; i < 2; ++i) {
    cloud.request(up.cloud, "INVITE", "", secure_sdp("10.2.0.1", 50000));
    auto ok = cloud.expect("200 INVITE");
    EXPECT_EQ(ok.body(), up.to_cloud) << "same version, key, port";
    cloud.ack(up.cloud);
    rig.run(Seconds(1));
  }
  EXPECT_FALSE(core.has("INVITE"));
  core.request(up.core, "INVITE", "", sdp("10.1.0.1", 40000));
  auto first = core.expect("200 INVITE");
  expect_same_media(up.to_core, std::string(first.body()));
  core.ack(up.core);
  rig.run(Millis(100));
  core.request(up.core, "INVITE", "", sdp("10.1.0.1", 40000));
  auto second = core.expect("200 INVITE");
  EXPECT_EQ(second.body(), first.body());
  core.ack(up.core);
  rig.run(Seconds(1));
  EXPECT_EQ(cloud.count("INVITE"), 0U);
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(HoldTest, MoveOfTheCoresMediaIsHiddenFromTheService) {
  PROVES("TDR-96");
  auto up = core_calls();
  core.request(
      up.core, "INVITE", "",
      sdp("10.1.0.77", 42000, "sendrecv", "8 PCMA/8000,0 PCMU/8000,101 telephone-event/8000", 2));
  auto ok = core.expect("200 INVITE");
  expect_same_media(up.to_core, std::string(ok.body()));
  core.ack(up.core);
  rig.run(Seconds(1));
  EXPECT_FALSE(cloud.has("INVITE"));
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(HoldTest, ReinviteWithProvisionalAnswersAloneIsTakenBack) {
  auto up = core_calls();
  core.request(up.core, "INVITE", "",
               sdp("10.1.0.1", 40000, "sendonly", "8 PCMA/8000,101 telephone-event/8000", 2));
  auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 100);
  auto cancel = cloud.expect("CANCEL", Seconds(200));
  cloud.reply(cancel, 200);
  cloud.reply(inv, 487);
  (void)failure(core, up.core, 487);
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(HoldTest, RefusedReinviteLeavesTheCallAsItWas) {
  auto up = core_calls();
  core.request(up.core, "INVITE", "",
               sdp("10.1.0.1", 40000, "sendonly", "8 PCMA/8000,101 telephone-event/8000", 2));
  cloud.reply(cloud.expect("INVITE"), 488);
  cloud.expect("ACK");
  (void)failure(core, up.core, 488);
  expect_quiet();
  // A refresh shows what is in force.
  core.request(up.core, "INVITE", "", sdp("10.1.0.1", 40000));
  auto ok = core.expect("200 INVITE");
  EXPECT_EQ(direction_of(ok.body()), "sendrecv");
  EXPECT_EQ(version_of(ok.body()), version_of(up.to_core));
  core.ack(up.core);
  rig.run(Millis(100));
  // And it may be tried again.
  ok = core_reinvites(up,
                      sdp("10.1.0.1", 40000, "sendonly", "8 PCMA/8000,101 telephone-event/8000", 3),
                      "inactive", 2);
  EXPECT_EQ(direction_of(ok.body()), "recvonly");
  core_hangs_up(up);
  expect_clean(1);
}

// What it repeats is its answer to the hold, in which it said nothing of its own.
TEST_P(HoldTest, ARefreshWhileTheOtherSideHoldsIsNoHold) {
  PROVES("TDR-87");
  auto up = core_calls();
  (void)core_reinvites(up, sdp("10.1.0.1", 40000, "sendonly", "8 PCMA/8000", 2), "inactive", 2);
  cloud.request(up.cloud, "INVITE", "", secure_sdp("10.2.0.1", 50000, "inactive", 2));
  EXPECT_EQ(direction_of(cloud.expect("200 INVITE").body()), "inactive");
  cloud.ack(up.cloud);
  expect_quiet();
  const auto ok =
      core_reinvites(up, sdp("10.1.0.1", 40000, "sendrecv", "8 PCMA/8000", 3), "sendrecv", 3);
  EXPECT_EQ(direction_of(ok.body()), "sendrecv") << "the hold is over";
  expect_quiet();
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(HoldTest, SrtpIsNotGivenUpMidCall) {
  PROVES("TDM-01");
  auto up = cloud_calls();
  cloud.request(up.cloud, "INVITE", "", sdp("10.2.0.1", 50000, "sendrecv", "8 PCMA/8000", 2));
  cloud.ack_failure(up.cloud, cloud.expect("488 INVITE"));
  EXPECT_FALSE(core.has("INVITE"));
  core_hangs_up(up);
  expect_clean(1);
}

// Both ends hold and resume in any order and form, by re-INVITE and by UPDATE. What each is told is
// a function of what both said last, and of nothing that came before.
class HoldAlgebra : public CallTest {
 protected:
  HoldAlgebra() : CallTest(make_config(options())) {}
  static ConfigOptions options() {
    ConfigOptions o;
    o.service = "allow = [\"INVITE\", \"ACK\", \"CANCEL\", \"BYE\", \"OPTIONS\", \"UPDATE\"]\n";
    o.service_sdp = "hold = \"rfc3264\"\n";
    return o;
  }
  using Direction = sdp::Direction;
  static constexpr std::array<Direction, 4> kAll{Direction::kSendRecv, Direction::kSendOnly,
                                                 Direction::kRecvOnly, Direction::kInactive};
  static std::string word(Direction d) {
    return d == Direction::kSendRecv   ? "sendrecv"
           : d == Direction::kSendOnly ? "sendonly"
           : d == Direction::kRecvOnly ? "recvonly"
                                       : "inactive";
  }
  struct End {
    Peer* peer = nullptr;
    PeerDialog* dialog = nullptr;
    Direction own = Direction::kSendRecv;  // what its user wants
    std::string told = "sendrecv";         // by the gateway, last
    int version = 1;
    bool secure = false;
  };
  std::string body(End& e, Direction d) {
    ++e.version;
    return e.secure
               ? secure_sdp("10.2.0.1", 50000, word(d), e.version)
               : sdp("10.1.0.1", 40000, word(d), "8 PCMA/8000,101 telephone-event/8000", e.version);
  }
  static Direction direction(const sip::Message& m) {
    const auto text = direction_of(m.body());
    for (const Direction d : kAll)
      if (text == word(d)) return d;
    ADD_FAILURE() << "no direction in " << m.body();
    return Direction::kInactive;
  }
  // What `e` answers to an offer, as RFC 3264 section 6.1 has it.
  static Direction answer_of(const End& e, Direction offered) {
    return sdp::make_direction(sdp::sends(e.own) && sdp::receives(offered),
                               sdp::receives(e.own) && sdp::sends(offered));
  }
  // Everything that the gateway asks of either end until it has nothing more to say.
  void settle(End& a, End& b) {
    for (int i = 0; i < 12; ++i) {
      rig.run(Millis(20));
      for (End* e : {&a, &b})
        for (const char* method : {"INVITE", "UPDATE"})
          if (e->peer->has(method)) {
            const auto m = e->peer->expect(method);
            const Direction offered = direction(m);
            e->told = word(offered);
            e->peer->reply(m, 200, "", body(*e, answer_of(*e, offered)));
          }
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, HoldAlgebra, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(HoldAlgebra, WhatEachHearsIsAFunctionOfWhatBothSaidLast) {
  PROVES("ZM-22", "TDM-07");
  std::mt19937 random(static_cast<unsigned>(GetParam().seed));
  for (int call = 0; call < 6; ++call) {
    auto up =
        core_calls("Allow: INVITE, ACK, CANCEL, BYE, UPDATE\r\n",
                   sdp("10.1.0.1", 40000, "sendrecv", "8 PCMA/8000,101 telephone-event/8000"));
    End ends[2];
    ends[0].peer = &core;
    ends[0].dialog = &up.core;
    ends[1].peer = &cloud;
    ends[1].dialog = &up.cloud;
    ends[1].secure = true;
    const auto key = line_of(up.to_cloud, "a=crypto");
    for (int step = 0; step < 12; ++step) {
      End& asks = ends[random() % 2];
      End& other = &asks == &ends[0] ? ends[1] : ends[0];
      asks.own = kAll[random() % 4];
      const bool update = random() % 3 == 0;
      SCOPED_TRACE("call " + std::to_string(call) + " step " + std::to_string(step) + ": " +
                   (asks.secure ? "cloud " : "core ") + word(asks.own) + ", the other has " +
                   word(other.own));
      const char* method = update ? "UPDATE" : "INVITE";
      asks.peer->request(*asks.dialog, method, "", body(asks, asks.own));
      settle(asks, other);
      const auto ok = asks.peer->expect(std::string("200 ") + method);
      if (!update) asks.peer->ack(*asks.dialog);
      asks.told = word(direction(ok));
      EXPECT_EQ(line_of(ok.body(), "a=crypto"), asks.secure ? key : "") << "the key stays";
      settle(asks, other);
      // Sound goes from one to the other when the one sends and the other receives; each is told
      // of the sound that it hears and of the sound that is wanted of it.
      const auto told = [](const End& me, const End& him) {
        return sdp::make_direction(sdp::receives(me.own) && sdp::sends(him.own),
                                   sdp::sends(me.own) && sdp::receives(him.own));
      };
      EXPECT_EQ(asks.told, word(told(asks, other)));
      // The other may know more than now holds of what its own wish hides.
      const auto reaches = [&](const std::string& t, const End& e) {
        for (const Direction d : kAll)
          if (t == word(d))
            return sdp::make_direction(sdp::sends(d) && sdp::receives(e.own),
                                       sdp::receives(d) && sdp::sends(e.own));
        return Direction::kInactive;
      };
      EXPECT_EQ(word(reaches(other.told, other)), word(told(other, asks)));
    }
    core_hangs_up(up);
  }
  expect_clean(6);
}

// Nobody sends anything while a call is held, and nobody may be left to hang up.
class HeldForLong : public CallTest {
 protected:
  Up held() {
    auto up = core_calls();
    (void)core_reinvites(
        up, sdp("10.1.0.1", 40000, "sendonly", "8 PCMA/8000,101 telephone-event/8000", 2),
        "inactive", 2);
    return up;
  }
  void minutes(int n) {  // in steps: a call is rebuilt in between where the mode says so
    for (int i = 0; i < n * 6; ++i) rig.run(Seconds(10));
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, HeldForLong, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(HeldForLong, PeersThatAnswerAreAskedEveryFiveMinutesAndTheCallGoesOn) {
  auto up = held();
  cloud.alive = 405;  // is there, whatever it thinks of the question
  minutes(31);
  EXPECT_EQ(rig.calls(), 1U);
  EXPECT_EQ(core.count("OPTIONS"), 6U);
  EXPECT_EQ(cloud.count("OPTIONS"), 6U);
  core_hangs_up(up);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].termination, "completed");
}

TEST_P(HeldForLong, APeerThatHasVanishedEndsTheCall) {
  (void)held();
  minutes(4);
  EXPECT_EQ(core.count("OPTIONS"), 0U);
  core.alive = 0;
  minutes(2);
  EXPECT_GT(core.count("OPTIONS"), 1U) << "repeated";
  gateway_hangs_up();
  expect_clean(1);
  EXPECT_EQ(rig.records[0].termination, "dropped");
  EXPECT_EQ(rig.records[0].reason, "core-1 does not answer within the call any more");
}

TEST_P(HeldForLong, APeerThatForgotTheCallEndsIt) {
  (void)held();
  cloud.alive = 481;
  minutes(5);
  rig.run(Seconds(1));
  gateway_hangs_up();
  expect_clean(1);
  EXPECT_EQ(rig.records[0].reason, "cloud-1 does not know the call any more (481)");
}

TEST_P(HeldForLong, APeerThatSendsAudioIsNotAsked) {
  auto up = core_calls();
  core.open_rtp(40000);
  for (int i = 0; i < 66; ++i) {
    core.send_rtp(media_of(up.to_core), 1);
    rig.run(Seconds(10));
  }
  EXPECT_EQ(core.count("OPTIONS"), 0U);
  EXPECT_EQ(cloud.count("OPTIONS"), 2U);
  core_hangs_up(up);
  expect_clean(1);
}

}  // namespace
}  // namespace causeway::scenario
