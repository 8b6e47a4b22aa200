// 3xx answers: followed within the group that gave them, or told to a caller whose group wants
// that.
#include "scenario/fixture.h"

namespace causeway::scenario {
namespace {

class RedirectTest : public CallTest {
 protected:
  RedirectTest() : CallTest(make_config({.top = "[limits]\nkeep_one_in = 1\n"})) {}
  void redirect(const sip::Message& inv, const std::string& contacts) {
    core.reply(inv, 302, "Contact: " + contacts + "\r\n");
    (void)core.expect("ACK");
  }
  PeerDialog calls() {
    return cloud.invite("+4930111", "", secure_sdp("10.2.0.1", 50000), "+4989123");
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, RedirectTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(RedirectTest, TheCallGoesWhereItLeadsAndTheCallerHearsNothingOfIt) {
  PROVES("TDR-89");
  Peer other(rig, "other", "10.1.0.2:5060", Transport::kUdp);
  other.gateway = core.gateway;
  auto d = calls();
  redirect(core.expect("INVITE"),
           "<sip:+4930222@10.1.0.1:5060>;q=0.2, <sip:+4930333;x=%41@10.1.0.2:5060>;q=0.9");
  const auto first = other.expect("INVITE");
  EXPECT_EQ(first.request_uri(), "sip:+4930333;x=%41@10.1.0.2:5060");
  other.reply(first, 480);
  (void)other.expect("ACK");
  const auto second = core.expect("INVITE");
  EXPECT_EQ(second.request_uri(), "sip:+4930222@10.1.0.1:5060");
  core.reply(second, 200, "", sdp("10.1.0.1", 40000));
  (void)core.expect("ACK");
  cloud.learn(d, cloud.expect("200 INVITE"));
  cloud.ack(d);
  EXPECT_EQ(cloud.count("302 INVITE"), 0U);
  rig.run(Seconds(1));
  cloud.request(d, "BYE");
  (void)cloud.expect("200 BYE");
  core.reply(core.expect("BYE"), 200);
  expect_clean(1);
}

TEST_P(RedirectTest, AnAddressOfTheGroupThatIsNoPeerIsAskedToo) {
  Peer phone(rig, "phone", "10.1.0.77:5070", Transport::kUdp);
  phone.gateway = core.gateway;
  auto d = calls();
  redirect(core.expect("INVITE"), "<sip:desk@10.1.0.77:5070>");
  const auto inv = phone.expect("INVITE");
  EXPECT_EQ(inv.request_uri(), "sip:desk@10.1.0.77:5070");
  phone.reply(inv, 486);
  (void)phone.expect("ACK");
  (void)failure(cloud, d, 486);
  expect_clean(1);
}

class RedirectedForHelp : public CallTest {
 protected:
  RedirectedForHelp()
      : CallTest(make_config({.third_core = "[[peer_group.peer]]\nname = \"core-9\"\nhost = "
                                            "\"10.1.0.9\"\nport = 5060\npriority = 9\n"})) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, RedirectedForHelp, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(RedirectedForHelp, TheOtherPeersAreTriedBehindAContactThatIsDead) {
  PROVES("EM-15");
  Peer last(rig, "last", "10.1.0.9:5060", Transport::kUdp);
  last.gateway = core.gateway;
  auto d = cloud.invite("112", "", secure_sdp("10.2.0.1", 50000), "+4989123");
  const auto first = core.expect("INVITE");
  core.reply(first, 302, "Contact: <sip:psap@10.1.0.77:5070>\r\n");
  (void)core.expect("ACK");
  const auto inv = last.expect("INVITE", Seconds(120));
  EXPECT_TRUE(inv.request_uri().starts_with("sip:112@") || inv.request_uri().starts_with("urn:"))
      << inv.request_uri();
  last.reply(inv, 200, "", sdp("10.1.0.9", 40000));
  (void)last.expect("ACK");
  cloud.learn(d, cloud.expect("200 INVITE"));
  cloud.ack(d);
  rig.run(Seconds(1));
  cloud.request(d, "BYE");
  (void)cloud.expect("200 BYE");
  last.reply(last.expect("BYE"), 200);
  expect_clean(1);
}

TEST_P(RedirectTest, OutsideOfTheGroupNobodyIsAsked) {
  PROVES("TDR-89");
  auto d = calls();
  redirect(core.expect("INVITE"), "<sip:evil@203.0.113.5>, <sip:evil@[2001:db8::1]>");
  (void)failure(cloud, d, 480);
  expect_clean(1);
  EXPECT_NE(rig.trail_of(0).find("is outside of group 'core'"), std::string::npos);
}

TEST_P(RedirectTest, ALoopEndsAndSoDoesAChain) {
  auto d = calls();
  for (int i = 0; i < 6; ++i) {
    const auto inv = core.expect("INVITE");
    const std::string next = std::to_string(i + 1);
    redirect(inv, "<" + std::string(inv.request_uri()) + ">, <sip:hop" + next + "@10.1.0.1>");
  }
  (void)failure(cloud, d, 480);
  EXPECT_EQ(core.count("INVITE"), 6U);
  expect_clean(1);
  EXPECT_NE(rig.trail_of(0).find("tried before: a loop"), std::string::npos);
  EXPECT_NE(rig.trail_of(0).find("one more than a call follows"), std::string::npos);
}

TEST_P(RedirectTest, GroupsMayPassItOnAndAProfileMayRefuseIt) {
  const auto with = [](const char* core_word, const char* cloud_word) {
    return make_config({.top = std::string("[[profile]]\nname = \"r\"\nextends = \"operator\"\n"
                                           "redirects = \"") +
                               core_word + "\"\n",
                        .service = std::string("redirects = \"") + cloud_word + "\"\n",
                        .core_profile = "r"});
  };
  ASSERT_TRUE(rig.apply(with("pass", "pass")));
  auto d = calls();
  redirect(core.expect("INVITE"), "<sip:b@203.0.113.5>;q=0.1, <sip:a@203.0.113.5>");
  const auto told = failure(cloud, d, 302);
  EXPECT_EQ(told.value(HeaderId::kContact), "<sip:a@203.0.113.5>");
  EXPECT_EQ(told.count(HeaderId::kContact), 2U);
  for (const char* word : {"refuse", "pass"}) {
    ASSERT_TRUE(rig.apply(with(word, "follow")));
    d = calls();
    redirect(core.expect("INVITE"), "<sip:other@10.1.0.1>");
    (void)failure(cloud, d, 480);
  }
  EXPECT_EQ(core.count("INVITE"), 3U);
  expect_clean(3);
}

}  // namespace
}  // namespace causeway::scenario
