// Phones of one call that ring side by side and send to one port, each under keys of its own: whose
// packet it is, and what the caller hears of it.
#include "scenario/forks.h"

namespace causeway::scenario {
namespace {

INSTANTIATE_TEST_SUITE_P(Modes, ForkMediaTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(ForkMediaTest, PacketsAreOfThePhoneWhoseKeyTheyHave) {
  Phone a = phone('A', 50000, 0x11), b = phone('B', 50020, 0x22);
  ring(a, "a");
  const std::string shown(core.expect("183").body());
  speak(a);
  EXPECT_EQ(heard(), (Fills{{0x11, 5}}));
  speak(b);
  EXPECT_EQ(heard(), Fills{}) << "of nobody that has said anything yet";
  ring(b, "b");
  EXPECT_EQ(core.expect("183").body(), shown);
  for (int i = 0; i < 50; ++i) {  // both at once, from one port; a's sequence numbers turn over
    speak(a, 1);
    speak(b, 1);
  }
  EXPECT_EQ(heard(), (Fills{{0x22, 50}})) << "the latest alone";
  ring(a, "a");
  EXPECT_EQ(core.expect("183").body(), shown);
  speak(b, 3);
  speak(a, 5);
  speak(b, 3);
  EXPECT_EQ(heard(), (Fills{{0x11, 5}})) << "and back, where its stream stands now";
  cloud.reply(inv, 200, "Contact: <sip:b@sip.pstnhub.example:5061;transport=tls>\r\n", b.sdp, "b");
  const auto ok = core.expect("200 INVITE");
  EXPECT_EQ(ok.body(), shown);
  core.learn(d, ok);
  core.ack(d);
  cloud.expect("ACK");
  core.rtp.clear();
  last_.reset();
  rig.run(Seconds(2));
  speak(a);
  EXPECT_EQ(heard(), Fills{}) << "it has lost, however long the other is silent";
  speak(b);
  EXPECT_EQ(heard(), (Fills{{0x22, 5}}));
  rig.each([&](call::GatewayShard& shard) {  // its trail stays when it is over
    for (const auto& c : shard.call_reports()) EXPECT_TRUE(shard.trails().trace(c.id));
  });
  core.request(d, "BYE");
  core.expect("200 BYE");
  cloud.reply(cloud.expect("BYE"), 200);
  expect_clean(1);
  EXPECT_NE(rig.trail_of_all().find("other forks 56"), std::string::npos) << rig.trail_of_all();
}

TEST_P(ForkMediaTest, OneThatSpeaksIsHeardWhileTheLatestIsSilent) {
  Phone a = phone('A', 50000, 0x11), b = phone('B', 50020, 0x22);
  ring(a, "a");
  core.expect("183");
  ring(b, "b");
  core.expect("183");
  rig.run(Seconds(2));
  speak(a);
  EXPECT_EQ(heard(), (Fills{{0x11, 5}}));
  speak(b);
  speak(a);
  EXPECT_EQ(heard(), (Fills{{0x22, 5}})) << "until that one speaks";
  core.request(d, "CANCEL", "", "", 1);
  cloud.reply(cloud.expect("CANCEL"), 200);
  cloud.reply(inv, 487);
  expect_clean(1);
}

// Each chose another suite, and with it another key of ours. None of them is given up.
TEST_P(ForkMediaTest, ASwitchBackToAnotherSuiteGoesOnUnderItsKeys) {
  Phone a = phone('A', 50000, 0x11), b = phone('B', 50020, 0x22, "AES_CM_128_HMAC_SHA1_32");
  const std::string offer(inv.body());
  b.sdp.replace(b.sdp.find("a=crypto:1"), 10, "a=crypto:2");
  std::map<std::string, rtp::Srtp> ours;
  for (auto at = offer.find("a=crypto:"); at != std::string::npos;
       at = offer.find("a=crypto:", at + 1)) {
    const auto c =
        sdp::read_crypto(line_of(std::string_view(offer).substr(at), "a=crypto:").substr(9));
    rtp::SrtpKey k;
    std::copy((*c)->key_salt.begin(), (*c)->key_salt.end(), k.key_salt.begin());
    k.suite = static_cast<rtp::SrtpSuite>((*c)->suite);
    ours.emplace((*c)->suite == sdp::CryptoSuite::kAesCm128HmacSha1_80 ? "a" : "b",
                 std::move(*rtp::Srtp::create(k)));
  }
  ASSERT_EQ(ours.size(), 2U) << offer;
  const auto got = [&](const std::string& who, std::uint16_t port) {
    if (port != std::exchange(open_, port)) cloud.open_rtp(port);
    cloud.rtp.clear();
    core.send_rtp(media_of(shown_), 5);
    rig.run(Millis(50));
    int n = 0;
    for (auto& r : cloud.rtp) {
      const auto bytes = std::as_writable_bytes(std::span(r.bytes));
      if (rtp::classify(bytes) == rtp::Kind::kRtp &&
          ours.at(who).unprotect_rtp(bytes).outcome == rtp::SrtpOutcome::kOk)
        ++n;
    }
    return n;
  };
  ring(a, "a");
  shown_ = core.expect("183").body();
  EXPECT_EQ(got("a", 50000), 5);
  ring(b, "b");
  core.expect("183");
  EXPECT_EQ(got("b", 50020), 5);
  ring(a, "a");
  core.expect("183");
  EXPECT_EQ(got("a", 50000), 5);
  speak(a);
  EXPECT_EQ(heard(), (Fills{{0x11, 5}}));
  core.request(d, "CANCEL", "", "", 1);
  cloud.reply(cloud.expect("CANCEL"), 200);
  cloud.reply(inv, 487);
  expect_clean(1);
}

// Phones that offer by UPDATE while they ring: media is under the line of the offer that our answer
// took, also when it is put into force again.
class ForkOfferTest : public ForkMediaTest {
 protected:
  ForkOfferTest() : ForkMediaTest(config()) {}
  static std::string config() {
    auto o = options();
    o.service =
        "reliable_provisionals = \"supported\"\n"
        "allow = [\"INVITE\", \"ACK\", \"CANCEL\", \"BYE\", \"OPTIONS\", \"UPDATE\"]\n";
    return make_config(o);
  }
  void offers(Phone& p, const std::string& tag) {
    const Phone first = phone('B', 50000, 0x55);
    const auto line = line_of(first.sdp, "a=crypto:");
    auto weak = "a=crypto:7" + line.substr(10);
    weak.replace(weak.find("_80"), 3, "_32");
    p = phone('C', 50000, p.fill);
    p.sdp.replace(p.sdp.find("a=crypto:1"), 10, weak + "\r\na=crypto:8");
    auto c = cloud.answered(inv, tag);
    cloud.request(c, "UPDATE", "", p.sdp);
    EXPECT_TRUE(line_of(std::string(cloud.expect("200 UPDATE").body()), "a=crypto:")
                    .starts_with("a=crypto:8 AES_CM_128_HMAC_SHA1_80 "));
  }
  void rings_reliably(const Phone& p, const std::string& tag) {
    ring(p, tag, 183, "Require: 100rel\r\nRSeq: 1\r\nAllow: UPDATE, PRACK\r\n");
    cloud.reply(cloud.expect("PRACK"), 200);
    shown = std::string(core.expect("183").body());
  }
  std::string shown;
};
INSTANTIATE_TEST_SUITE_P(Modes, ForkOfferTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(ForkOfferTest, AnAnswerWithoutSdpLeavesTheKeysThatWereChosen) {
  Phone a = phone('A', 50000, 0x11);
  rings_reliably(a, "a");
  offers(a, "a");
  speak(a);
  EXPECT_EQ(heard(), (Fills{{0x11, 5}}));
  picks_up(a, "a", false);
  speak(a);
  EXPECT_EQ(heard(), (Fills{{0x11, 5}}));
  EXPECT_GE(told_at(50000, media_of(shown)), 5);
  EXPECT_EQ(cloud.rtp.back().bytes.size(), 172U + 10U);
  hangs_up();
}

TEST_P(ForkOfferTest, SoDoesAnotherPhoneThatGivesUp) {
  Phone a = phone('A', 50000, 0x11), b = phone('B', 50020, 0x22);
  rings_reliably(a, "a");
  offers(a, "a");
  ring(b, "b");
  core.expect("183");
  speak(b);
  EXPECT_EQ(heard(), (Fills{{0x22, 5}}));
  cloud.reply(inv, 199, "Reason: Q.850;cause=17\r\n", "", "b");
  rig.run(Millis(50));
  last_.reset();
  speak(a);
  EXPECT_EQ(heard(), (Fills{{0x11, 5}}));
  gives_up();
}

}  // namespace
}  // namespace causeway::scenario
