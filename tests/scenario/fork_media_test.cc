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

}  // namespace
}  // namespace causeway::scenario
