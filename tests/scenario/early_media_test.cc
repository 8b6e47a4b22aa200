// What P-Early-Media of a trusted core lets a caller hear, and what such a core is told (RFC 5009);
// 181 and 182 as the caller's profile wants them.
#include <gmock/gmock.h>

#include <algorithm>

#include "scenario/fixture.h"

namespace causeway::scenario {
namespace {

using ::testing::HasSubstr;

std::string early(const sip::Message& m) {
  const auto* f = m.find("P-Early-Media");
  return f ? std::string(f->value) : "-";
}
std::string says(const std::string& value) { return "P-Early-Media: " + value + "\r\n"; }

struct Shape {
  std::string service, core_extra;
  bool core_trusted = true;
};

// A core that speaks of early media, and a service that calls it or is called by it.
class EarlyMediaTest : public CallTest {
 protected:
  static std::string config(const Shape& s) {
    ConfigOptions o;
    o.top =
        "[[profile]]\nname = \"core-early\"\nextends = \"operator\"\n"
        "early_media_header = \"supported\"\nreliable_provisionals = \"supported\"\n" +
        s.core_extra;
    o.core_profile = "core-early";
    o.service = s.service;
    std::string text = make_config(o);
    if (!s.core_trusted) text.replace(text.find("trusted = true"), 14, "trusted = false");
    return text;
  }
  explicit EarlyMediaTest(const Shape& s = {}) : CallTest(config(s)) {
    core.open_rtp(40000);
    cloud.open_rtp(50000);
  }

  // The service calls; the core's INVITE is `inv`.
  void cloud_invites() {
    d = cloud.invite("+4930111", "", secure_sdp("10.2.0.1", 50000), "+4989123");
    inv = core.expect("INVITE");
  }
  void core_says(int status, const std::string& value, bool with_sdp = true,
                 const std::string& tag = "peer", int port = 40000) {
    core.reply(*inv, status, value.empty() ? "" : says(value),
               with_sdp ? sdp("10.1.0.1", port) : "", tag);
  }
  // Packets of the core that the service hears.
  std::size_t heard_by_cloud() {
    cloud.rtp.clear();
    core.send_rtp(media_of(inv->body()), 5, 0x77, 0x42);
    rig.run(Millis(50));
    return packets(cloud, 182);
  }
  static std::size_t packets(const Peer& at, std::size_t size) {
    return static_cast<std::size_t>(std::count_if(
        at.rtp.begin(), at.rtp.end(), [&](const auto& r) { return r.bytes.size() == size; }));
  }
  void cloud_gives_up() {
    cloud.request(d, "CANCEL", "", "", 1);
    core.reply(core.expect("CANCEL"), 200);
    core.reply(*inv, 487);
    expect_clean(1);
  }
  void core_gives_up() {
    core.request(d, "CANCEL", "", "", 1);
    cloud.reply(cloud.expect("CANCEL"), 200);
    cloud.reply(*inv, 487);
    expect_clean(1);
  }
  PeerDialog d;
  std::optional<sip::Message> inv;
};
INSTANTIATE_TEST_SUITE_P(Modes, EarlyMediaTest, ::testing::ValuesIn(all_modes()), mode_name);

// --- What a core lets pass -----------------------------------------------------------------------

TEST_P(EarlyMediaTest, WhatIsNotAuthorisedIsNotHeardUntilItIs) {
  PROVES("TDR-74");
  cloud_invites();
  EXPECT_EQ(early(*inv), "supported");
  core_says(183, "inactive");
  const auto first = cloud.expect("183");
  EXPECT_TRUE(first.body().empty()) << "it goes on ringing by itself";
  EXPECT_EQ(early(first), "-") << "a service knows nothing of it";
  EXPECT_EQ(heard_by_cloud(), 0U);
  core_says(180, "sendrecv", false);
  const auto open = cloud.expect("180");
  EXPECT_NE(line_of(open.body(), "m=audio"), "");
  EXPECT_EQ(heard_by_cloud(), 5U);
  core_says(183, "inactive", false);
  cloud.expect("183");
  EXPECT_EQ(heard_by_cloud(), 0U) << "taken back";
  EXPECT_THAT(rig.trail_of_all(), HasSubstr("P-Early-Media: inactive: its early media is not"));
  core.reply(*inv, 200, "", sdp("10.1.0.1", 40000));
  cloud.learn(d, cloud.expect("200 INVITE"));
  core.expect("ACK");
  cloud.ack(d);
  rig.run(Millis(100));
  EXPECT_GE(heard_by_cloud(), 5U) << "an answer is no early media; silence of ours may be among it";
  cloud.request(d, "BYE");
  cloud.expect("200 BYE");
  core.reply(core.expect("BYE"), 200);
  expect_clean(1);
}

TEST_P(EarlyMediaTest, AnUpdateOpensAndClosesTheGate) {
  cloud_invites();
  core_says(183, "inactive");
  EXPECT_TRUE(cloud.expect("183").body().empty());
  auto there = core.answered(*inv);
  core.request(there, "UPDATE", says("sendonly"));
  core.expect("200 UPDATE");
  EXPECT_NE(line_of(cloud.expect("183").body(), "m=audio"), "") << "of the gateway's own accord";
  EXPECT_EQ(heard_by_cloud(), 5U);
  core.request(there, "UPDATE", says("inactive"));
  core.expect("200 UPDATE");
  EXPECT_EQ(heard_by_cloud(), 0U);
  cloud_gives_up();
}

TEST_P(EarlyMediaTest, TheAnswerToAPrackOpensTheGate) {
  cloud_invites();
  core.reply(*inv, 183, "Require: 100rel\r\nRSeq: 5\r\n" + says("inactive"),
             sdp("10.1.0.1", 40000));
  EXPECT_TRUE(cloud.expect("183").body().empty());
  core.reply(core.expect("PRACK"), 200, says("sendrecv"));
  EXPECT_NE(line_of(cloud.expect("183").body(), "m=audio"), "");
  EXPECT_EQ(heard_by_cloud(), 5U);
  cloud_gives_up();
}

TEST_P(EarlyMediaTest, WhatCannotBeReadAuthorisesNothingAndTakesNothingBack) {
  cloud_invites();
  std::string many;
  for (int i = 0; i < 300; ++i) many += "x-" + std::to_string(i) + ", ";
  for (const std::string& garbage :
       {std::string(), std::string(",,;;\"x"), std::string("sendrecvv, in active"),
        std::string("gated"), std::string("\"inactive\""), many + "supported"}) {
    core.reply(*inv, 183, says(garbage), sdp("10.1.0.1", 40000));
    cloud.expect("183");
    EXPECT_EQ(heard_by_cloud(), 5U) << garbage;
  }
  EXPECT_THAT(rig.trail_of_all(), HasSubstr("P-Early-Media without a direction"));
  core.reply(*inv, 183, says("gated, x-y") + says("INACTIVE , sendrecv") + says("sendrecv"),
             sdp("10.1.0.1", 40000));
  cloud.expect("183");
  EXPECT_EQ(heard_by_cloud(), 0U) << "the first direction is that of the audio";
  cloud_gives_up();
}

// A phone that may not be heard does not silence one that may.
TEST_P(EarlyMediaTest, OfTwoPhonesTheOneThatMayIsHeard) {
  cloud_invites();
  core_says(183, "sendrecv", true, "a");
  cloud.expect("183");
  EXPECT_EQ(heard_by_cloud(), 5U);
  core_says(183, "inactive", true, "b", 40020);
  cloud.expect("183");
  EXPECT_EQ(heard_by_cloud(), 5U) << "a";
  core_says(180, "sendrecv", false, "b");
  cloud.expect("180");
  core.open_rtp(40020);
  rig.run(Seconds(2));
  EXPECT_EQ(heard_by_cloud(), 5U) << "b, from its own port";
  core_says(180, "inactive", false, "b");
  rig.run(Seconds(2));
  EXPECT_EQ(heard_by_cloud(), 0U) << "not even while a is silent";
  core_says(180, "sendrecv", false, "b");
  rig.run(Seconds(2));
  EXPECT_EQ(heard_by_cloud(), 5U);
  core_says(180, "inactive", false, "a");
  core_says(180, "inactive", false, "b");
  rig.run(Seconds(2));
  EXPECT_EQ(heard_by_cloud(), 0U);
  cloud_gives_up();
}

class EarlyRingback : public EarlyMediaTest {
 protected:
  EarlyRingback() : EarlyMediaTest({.service = "ringback = \"GB\"\n"}) {}
  std::size_t ringing() {
    cloud.rtp.clear();
    rig.run(Seconds(1));
    return packets(cloud, 182);
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, EarlyRingback, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(EarlyRingback, RingingOfOursFillsAClosedGate) {
  PROVES("TDR-74");
  cloud_invites();
  core_says(183, "inactive");
  EXPECT_NE(line_of(cloud.expect("183").body(), "m=audio"), "");
  EXPECT_NEAR(static_cast<double>(ringing()), 50, 3);
  core.send_rtp(media_of(inv->body()), 5);
  EXPECT_NEAR(static_cast<double>(ringing()), 50, 3) << "what may not be heard does not end it";
  core_says(183, "sendonly", false);
  cloud.expect("183");
  EXPECT_EQ(heard_by_cloud(), 5U);
  EXPECT_EQ(ringing(), 0U);
  core_says(183, "inactive", false);
  cloud.expect("183");
  EXPECT_NEAR(static_cast<double>(ringing()), 50, 3) << "and again";
  cloud_gives_up();
}

class EarlyUntrusted : public EarlyMediaTest {
 protected:
  EarlyUntrusted() : EarlyMediaTest({.core_trusted = false}) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, EarlyUntrusted, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(EarlyUntrusted, TheHeaderEndsWithTheTrust) {
  cloud_invites();
  EXPECT_EQ(early(*inv), "-");
  core_says(183, "inactive");
  EXPECT_EQ(early(cloud.expect("183")), "-");
  EXPECT_EQ(heard_by_cloud(), 5U);
  EXPECT_THAT(rig.trail_of_all(), HasSubstr("P-Early-Media passed over"));
  cloud_gives_up();
  auto call = core.invite("+4989123", says("supported"), sdp("10.1.0.1", 40000));
  auto out = cloud.expect("INVITE");
  EXPECT_EQ(early(out), "-");
  cloud.reply(out, 183, "", secure_sdp("10.2.0.1", 50000));
  EXPECT_EQ(early(core.expect("183")), "-");
  cloud.reply(out, 486);
  (void)failure(core, call, 486);
  expect_clean(2);
}

// --- What a core is told -------------------------------------------------------------------------

class EarlyTold : public EarlyMediaTest {
 protected:
  using EarlyMediaTest::EarlyMediaTest;
  void core_invites(const std::string& headers) {
    d = core.invite("+4989123", headers, sdp("10.1.0.1", 40000));
    inv = cloud.expect("INVITE");
  }
  sip::Message told(int status, const std::string& direction, const std::string& headers = "") {
    cloud.reply(*inv, status, headers,
                direction.empty() ? "" : secure_sdp("10.2.0.1", 50000, direction));
    return core.expect(std::to_string(status));
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, EarlyTold, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(EarlyTold, ACoreThatAsksIsToldWhatItWillHear) {
  core_invites(says("supported, gated"));
  EXPECT_EQ(early(*inv), "-") << "it never crosses";
  EXPECT_EQ(early(told(180, "")), "-") << "nothing was said of media yet";
  EXPECT_EQ(early(told(183, "sendrecv")), "sendrecv");
  EXPECT_EQ(early(told(180, "")), "sendrecv");
  EXPECT_EQ(early(told(183, "sendonly")), "sendonly");
  EXPECT_EQ(early(told(183, "inactive")), "inactive");
  cloud.reply(*inv, 200, "", secure_sdp("10.2.0.1", 50000));
  const auto ok = core.expect("200 INVITE");
  EXPECT_EQ(early(ok), "-");
  core.learn(d, ok);
  core.ack(d);
  cloud.expect("ACK");
  rig.run(Millis(100));
  core.request(d, "BYE");
  core.expect("200 BYE");
  cloud.reply(cloud.expect("BYE"), 200);
  expect_clean(1);
}

TEST_P(EarlyTold, ReliablyToo) {
  core_invites(says("supported") + "Require: 100rel\r\n");
  EXPECT_EQ(early(told(183, "sendrecv")), "sendrecv");
  core_gives_up();
}

TEST_P(EarlyTold, ACoreThatDoesNotAskIsNot) {
  for (const std::string& headers : {std::string(), says("sendrecv"), says("unsupported")}) {
    core_invites(headers);
    EXPECT_EQ(early(told(183, "sendrecv")), "-");
    cloud.reply(*inv, 486);
    (void)failure(core, d, 486);
  }
  expect_clean(3);
}

// Both sides read it: what one authorises the other is told.
class EarlyBoth : public EarlyTold {
 protected:
  EarlyBoth()
      : EarlyTold({.service = "early_media_header = \"supported\"\n"
                              "allow = [\"INVITE\", \"ACK\", \"CANCEL\", \"BYE\", \"UPDATE\"]\n"}) {
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, EarlyBoth, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(EarlyBoth, WhatTheFarSideAuthorisesIsPassedOn) {
  core_invites(says("supported"));
  EXPECT_EQ(early(*inv), "supported") << "said anew";
  const auto closed = told(183, "sendrecv", says("inactive"));
  EXPECT_EQ(early(closed), "inactive");
  EXPECT_NE(line_of(closed.body(), "m=audio"), "") << "who reads it rings by itself";
  EXPECT_EQ(early(told(180, "", says("sendonly"))), "sendonly");
  auto there = cloud.answered(*inv);
  cloud.request(there, "UPDATE", says("sendrecv"));
  cloud.expect("200 UPDATE");
  EXPECT_EQ(early(core.expect("180")), "sendrecv") << "told without an 18x of the far side";
  EXPECT_EQ(core.count("180 INVITE"), 2U);
  cloud.request(there, "UPDATE", says("sendrecv"));
  cloud.expect("200 UPDATE");
  rig.run(Seconds(1));
  EXPECT_EQ(core.count("180 INVITE"), 2U) << "nothing new";
  core_gives_up();
}

TEST_P(EarlyBoth, WhatThereIsNoRoomToSayReliablyIsSaidLater) {
  core_invites(says("supported") + "Require: 100rel\r\n");
  auto m = told(183, "sendrecv", says("sendrecv"));
  EXPECT_EQ(early(m), "sendrecv");
  const auto first = d;
  core.learn(d, m);
  for (int i = 0; i < 12; ++i) cloud.reply(*inv, 180);
  auto there = cloud.answered(*inv);
  cloud.request(there, "UPDATE", says("inactive"));
  cloud.expect("200 UPDATE");
  int more = 0;
  for (;; ++more) {
    core.request(d, "PRACK", "RAck: " + std::string(m.value(HeaderId::kRSeq)) + " 1 INVITE\r\n");
    core.expect("200 PRACK");
    rig.run(Millis(20));
    if (!core.has("180 INVITE") || more > 20) break;
    m = core.expect("180");
  }
  EXPECT_EQ(more, 9) << "eight wait at most, and what they do not say follows";
  EXPECT_EQ(early(m), "inactive");
  d = first;
  core_gives_up();
}

TEST_P(EarlyBoth, EachDirectionIsForItself) {
  core_invites(says("supported"));
  for (const auto& [direction, passes] :
       {std::pair{"recvonly", 5U}, {"sendonly", 0U}, {"sendrecv", 5U}, {"inactive", 0U}}) {
    const auto m = told(183, "sendrecv", says(direction));
    EXPECT_EQ(early(m), direction);
    cloud.rtp.clear();
    core.send_rtp(media_of(m.body()), 5);
    rig.run(Millis(50));
    EXPECT_EQ(packets(cloud, 182), passes) << direction;
  }
  core_gives_up();
}

class EarlyBothRinging : public EarlyTold {
 protected:
  EarlyBothRinging()
      : EarlyTold({.service = "early_media_header = \"supported\"\n",
                   .core_extra = "ringback = \"GB\"\n"}) {}
  std::size_t ringing() {
    core.rtp.clear();
    rig.run(Seconds(1));
    return packets(core, 172);
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, EarlyBothRinging, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(EarlyBothRinging, RingingOfOursIsEarlyMediaAsWell) {
  core_invites(says("supported"));
  EXPECT_EQ(early(told(183, "sendrecv", says("inactive"))), "sendonly");
  EXPECT_GE(ringing(), 45U);
  EXPECT_EQ(early(told(183, "sendrecv", says("recvonly"))), "sendrecv");
  EXPECT_EQ(early(told(183, "inactive")), "inactive") << "as the SDP says";
  EXPECT_EQ(ringing(), 0U);
  core_gives_up();
}

// --- 181 and 182 ---------------------------------------------------------------------------------

class ForwardedTest : public CallTest {
 protected:
  explicit ForwardedTest(const std::string& how) : CallTest(config(how)) {}
  static std::string config(const std::string& how) {
    const std::string line = "forwarded_and_queued = \"" + how + "\"\n";
    ConfigOptions o;
    o.top = "[[profile]]\nname = \"core-fwd\"\nextends = \"operator\"\n" + line;
    o.core_profile = "core-fwd";
    o.service = line;
    return make_config(o);
  }
  // Both directions: `run(caller, called, INVITE)`.
  template <typename F>
  void both_ways(F&& run) {
    auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
    auto inv = cloud.expect("INVITE");
    run(core, cloud, inv, secure_sdp("10.2.0.1", 50000));
    cloud.reply(inv, 480);
    (void)failure(core, d, 480);
    d = cloud.invite("+4930111", "", secure_sdp("10.2.0.1", 50000), "+4989123");
    inv = core.expect("INVITE");
    run(cloud, core, inv, sdp("10.1.0.1", 40000));
    core.reply(inv, 480);
    (void)failure(cloud, d, 480);
    expect_clean(2);
  }
};

struct ForwardedAsReceived : ForwardedTest {
  ForwardedAsReceived() : ForwardedTest("as_received") {}
};
INSTANTIATE_TEST_SUITE_P(Modes, ForwardedAsReceived, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(ForwardedAsReceived, PassesBothWays) {
  PROVES("TDR-68");
  both_ways([&](Peer& caller, Peer& called, const sip::Message& inv, const std::string& body) {
    called.reply(inv, 182);
    caller.expect("182");
    called.reply(inv, 181, "", body);
    EXPECT_NE(line_of(caller.expect("181").body(), "m=audio"), "");
    called.reply(inv, 180);
    caller.expect("180");
  });
}

struct ForwardedAsRinging : ForwardedTest {
  ForwardedAsRinging() : ForwardedTest("ringing") {}
};
INSTANTIATE_TEST_SUITE_P(Modes, ForwardedAsRinging, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(ForwardedAsRinging, IsTold180) {
  PROVES("TDR-68");
  both_ways([&](Peer& caller, Peer& called, const sip::Message& inv, const std::string& body) {
    called.reply(inv, 181);
    EXPECT_TRUE(caller.expect("180").body().empty());
    called.reply(inv, 182, "", body);
    EXPECT_NE(line_of(caller.expect("180").body(), "m=audio"), "") << "early media goes on";
    EXPECT_EQ(caller.count("181 INVITE") + caller.count("182 INVITE"), 0U);
    EXPECT_THAT(rig.trail_of_all(), HasSubstr("181 is told as 180"));
  });
}

struct ForwardedDropped : ForwardedTest {
  ForwardedDropped() : ForwardedTest("drop") {}
};
INSTANTIATE_TEST_SUITE_P(Modes, ForwardedDropped, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(ForwardedDropped, IsNotToldButItsEarlyMediaIs) {
  both_ways([&](Peer& caller, Peer& called, const sip::Message& inv, const std::string& body) {
    const auto before = caller.count("183 INVITE");
    called.reply(inv, 181);
    called.reply(inv, 182);
    rig.run(Millis(500));
    EXPECT_EQ(caller.count("181 INVITE") + caller.count("182 INVITE") + caller.count("180 INVITE"),
              0U);
    EXPECT_THAT(rig.trail_of_all(), HasSubstr("181 is not told"));
    called.reply(inv, 182, "", body);
    EXPECT_NE(line_of(caller.expect("183").body(), "m=audio"), "");
    EXPECT_EQ(caller.count("183 INVITE"), before + 1);
  });
}

// Nothing was said to the caller: another peer may still be tried (TDR-79).
TEST_P(ForwardedDropped, LeavesTheHuntOpen) {
  Peer second(rig, "cloud-2", "10.2.0.2:5061", Transport::kTls, {"sip2.pstnhub.example"});
  second.gateway = "10.0.0.2:5061";
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 181);
  rig.run(Millis(100));
  cloud.reply(inv, 503);
  auto again = second.expect("INVITE");
  second.reply(again, 486);
  (void)failure(core, d, 486);
  expect_clean(1);
}

}  // namespace
}  // namespace causeway::scenario
