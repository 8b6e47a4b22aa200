// Phones of one call that ring side by side and send to one port, each under keys of its own: whose
// packet it is, and what the caller hears of it.
#include <algorithm>
#include <map>
#include <utility>

#include "rtp/packet.h"
#include "rtp/srtp.h"
#include "scenario/fixture.h"
#include "sdp/crypto_line.h"

namespace causeway::scenario {
namespace {

struct Phone {
  std::string sdp;
  std::uint32_t ssrc;
  std::uint8_t fill;
  std::uint16_t sequence;
  std::optional<rtp::Srtp> out;
};

class ForkMediaTest : public CallTest {
 protected:
  explicit ForkMediaTest(const std::string& config =
                             make_config({.cloud = "media_sources = [\"10.2.0.0/16\"]\n",
                                          .service_sdp = "suites = [\"AES_CM_128_HMAC_SHA1_80\", "
                                                         "\"AES_CM_128_HMAC_SHA1_32\"]\n"}))
      : CallTest(config) {
    core.open_rtp(40000);
    cloud.open_rtp(50000);
  }
  static Phone phone(char letter, int port, std::uint8_t fill, const std::string& suite = "") {
    Phone p{secure_sdp("10.2.0.1", port), static_cast<std::uint32_t>(letter), fill,
            static_cast<std::uint16_t>(65'500 + letter - 'A'), std::nullopt};
    p.sdp.replace(p.sdp.find("inline:A"), 8, std::string("inline:") + letter);
    if (!suite.empty()) {
      const auto at = p.sdp.find("AES_CM_128_HMAC_SHA1_80");
      p.sdp.replace(at, suite.size(), suite);
    }
    const auto c = sdp::read_crypto(line_of(p.sdp, "a=crypto:").substr(9));
    rtp::SrtpKey k;
    std::copy((*c)->key_salt.begin(), (*c)->key_salt.end(), k.key_salt.begin());
    k.suite = static_cast<rtp::SrtpSuite>((*c)->suite);
    p.out = std::move(*rtp::Srtp::create(k));
    return p;
  }
  void ring(const Phone& p, const std::string& tag, int status = 183,
            const std::string& more = "") {
    cloud.reply(inv, status,
                "Contact: <sip:" + tag + "@sip.pstnhub.example:5061;transport=tls>\r\n" + more,
                status == 180 ? "" : p.sdp, tag);
  }
  // All from the one port that the far side has opened last.
  void speak(Phone& p, int packets = 5) {
    for (int i = 0; i < packets; ++i) {
      std::vector<std::byte> b(172 + rtp::Srtp::kMaxExpansion, std::byte{p.fill});
      rtp::write_header(std::span<std::byte, rtp::kMinHeader>(b.data(), rtp::kMinHeader),
                        {.ssrc = p.ssrc,
                         .timestamp = p.sequence * 160u,
                         .sequence = p.sequence,
                         .payload_type = 8});
      ++p.sequence;
      const auto r = p.out->protect_rtp(std::span(b).first(172));
      cloud.send_packet(media_of(inv.body()), std::span(b).first(r.size));
      rig.run(Millis(20));
    }
  }
  // How many packets of each phone the core heard since it was asked last. It hears one stream.
  std::map<int, int> heard() {
    std::map<int, int> n;
    for (; !core.rtp.empty(); core.rtp.pop_front()) {
      const auto& b = core.rtp.front().bytes;
      if (b.size() != 172 || rtp::classify(std::as_bytes(std::span(b))) != rtp::Kind::kRtp)
        continue;
      const auto h = rtp::parse_header(std::as_bytes(std::span(b)));
      if (last_) {
        EXPECT_EQ(h->ssrc, last_->ssrc);
        EXPECT_EQ(h->sequence, static_cast<std::uint16_t>(last_->sequence + 1));
      }
      last_ = *h;
      ++n[b[100]];
    }
    return n;
  }
  using Fills = std::map<int, int>;
  PeerDialog d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  sip::Message inv = cloud.expect("INVITE");
  std::optional<rtp::Header> last_;
  std::string shown_;
  std::uint16_t open_ = 50000;
};
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
