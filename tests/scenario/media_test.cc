// Audio through the gateway: RTP on one side, SRTP on the other.
#include <algorithm>
#include <array>

#include "rtp/rtcp.h"
#include "rtp/srtp.h"
#include "scenario/fixture.h"
#include "sdp/crypto_line.h"

namespace causeway::scenario {
namespace {

class MediaTest : public CallTest {
 protected:
  explicit MediaTest(const std::string& config = make_config()) : CallTest(config) {}
  void open() {
    core.open_rtp(40000);
    cloud.open_rtp(50000);
  }
  static rtp::Srtp srtp_of(const std::string& line) {
    const auto c =
        sdp::read_crypto(std::string_view(line).substr(std::string_view("a=crypto:").size()));
    rtp::SrtpKey k;
    std::copy((*c)->key_salt.begin(), (*c)->key_salt.end(), k.key_salt.begin());
    return std::move(*rtp::Srtp::create(k));
  }
  // As the service would: our key from its own SDP, the gateway's from the gateway's.
  void secure(const Up& up) {
    out_.emplace(srtp_of(line_of(secure_sdp("10.2.0.1", 50000), "a=crypto:")));
    in_.emplace(srtp_of(line_of(up.to_cloud, "a=crypto:")));
  }
  void cloud_speaks(const Up& up, int packets, std::uint8_t fill) {
    for (int i = 0; i < packets; ++i) {
      std::vector<std::byte> p(172 + rtp::Srtp::kMaxExpansion, std::byte{fill});
      rtp::write_header(
          std::span<std::byte, rtp::kMinHeader>(p.data(), rtp::kMinHeader),
          {.ssrc = 0xc10d, .timestamp = timestamp_, .sequence = sequence_, .payload_type = 8});
      const auto r = out_->protect_rtp(std::span(p).first(172));
      cloud.send_packet(media_of(up.to_cloud), std::span(p).first(r.size));
      ++sequence_;
      timestamp_ += 160;
      rig.run(Millis(20));
    }
  }
  // RTP packets that the service can decrypt; empty payload: it could not.
  std::vector<std::vector<std::byte>> heard_by_cloud() {
    std::vector<std::vector<std::byte>> got;
    for (auto& r : cloud.rtp) {
      auto bytes = std::as_writable_bytes(std::span(r.bytes));
      if (rtp::classify(bytes) != rtp::Kind::kRtp) continue;
      const auto ok = in_->unprotect_rtp(bytes);
      EXPECT_EQ(ok.outcome, rtp::SrtpOutcome::kOk);
      if (ok.outcome != rtp::SrtpOutcome::kOk) continue;
      if (bytes[100] == std::byte{0xd5})
        ++silence_;  // ours, until the core speaks
      else
        got.emplace_back(bytes.begin(), bytes.begin() + static_cast<long>(ok.size));
    }
    cloud.rtp.clear();
    return got;
  }
  std::size_t heard_by_core(std::uint8_t fill) {
    std::size_t n = 0;
    for (const auto& r : core.rtp)
      n += r.bytes.size() == 172 && r.bytes[100] == fill && (r.bytes[1] & 0x7f) == 8;
    core.rtp.clear();
    return n;
  }
  std::optional<rtp::Srtp> out_, in_;
  std::size_t silence_ = 0;
  std::uint16_t sequence_ = 7;
  std::uint32_t timestamp_ = 1000;
};
INSTANTIATE_TEST_SUITE_P(Modes, MediaTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(MediaTest, AudioPassesBothWaysEncryptedOnOneSide) {
  PROVES("TDM-01", "TDM-02");
  open();
  auto up = core_calls();
  secure(up);
  core.send_rtp(media_of(up.to_core), 50, 0x1234, 0x55);
  cloud_speaks(up, 50, 0x66);
  const auto heard = heard_by_cloud();
  EXPECT_EQ(heard.size(), 50U);
  for (const auto& p : heard) {
    EXPECT_EQ(p.size(), 172U);
    EXPECT_EQ(p[100], std::byte{0x55});
  }
  EXPECT_EQ(heard_by_core(0x66), 50U);
  core_hangs_up(up);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].from_caller.packets, 50U);
  EXPECT_EQ(rig.records[0].from_callee.packets, 50U);
  EXPECT_TRUE(rig.records[0].from_callee.srtp);
  EXPECT_FALSE(rig.records[0].from_caller.srtp);
}

TEST_P(MediaTest, TheServiceHearsSilenceFromTheAnswerUntilTheCoreSpeaks) {
  PROVES("TDM-20");
  open();
  Peer reports(rig, "reports", "10.2.0.1:5999", Transport::kUdp);
  reports.open_rtp(50001);
  auto up = core_calls();
  secure(up);
  rig.run(Millis(1'000));
  ASSERT_EQ(reports.rtp.size(), 1U) << "a report within a second";
  EXPECT_EQ(rtp::classify(std::as_writable_bytes(std::span(reports.rtp[0].bytes))),
            rtp::Kind::kRtcp);
  EXPECT_TRUE(heard_by_cloud().empty());
  EXPECT_GE(silence_, 50U);
  const auto before = silence_;
  core.send_rtp(media_of(up.to_core), 20);
  EXPECT_EQ(heard_by_cloud().size(), 20U);
  EXPECT_LE(silence_ - before, 1U);
  EXPECT_TRUE(core.rtp.empty()) << "the core's profile does not ask for it";
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(MediaTest, NothingPassesWhileHeldAndTheSameStreamGoesOnAfterwards) {
  PROVES("TDR-87", "TDM-07");
  open();
  auto up = core_calls();
  secure(up);
  core.send_rtp(media_of(up.to_core), 20);
  const auto before = heard_by_cloud();
  ASSERT_EQ(before.size(), 20U);
  (void)core_reinvites(
      up, sdp("10.1.0.1", 40000, "sendonly", "8 PCMA/8000,101 telephone-event/8000", 2), "inactive",
      2);
  core.send_rtp(media_of(up.to_core), 20);
  cloud_speaks(up, 20, 0x66);
  EXPECT_EQ(heard_by_cloud().size(), 0U);
  EXPECT_EQ(heard_by_core(0x66), 0U);
  (void)core_reinvites(
      up, sdp("10.1.0.1", 40000, "sendrecv", "8 PCMA/8000,101 telephone-event/8000", 3), "sendrecv",
      3);
  core.send_rtp(media_of(up.to_core), 20);
  cloud_speaks(up, 20, 0x66);
  const auto after =
      heard_by_cloud();  // with the same key and rollover counter, or it could not be read
  ASSERT_EQ(after.size(), 20U);
  EXPECT_TRUE(std::equal(after[0].begin() + 8, after[0].begin() + 12, before[0].begin() + 8))
      << "one SSRC";
  EXPECT_EQ(heard_by_core(0x66), 20U);
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(MediaTest, MovedCoreIsFollowedAndTheServiceSeesNoChange) {
  PROVES("TDR-96");
  open();
  auto up = core_calls();
  secure(up);
  core.send_rtp(media_of(up.to_core), 10);
  EXPECT_EQ(heard_by_cloud().size(), 10U);
  core.open_rtp(42000);
  core.request(
      up.core, "INVITE", "",
      sdp("10.1.0.1", 42000, "sendrecv", "8 PCMA/8000,0 PCMU/8000,101 telephone-event/8000", 2));
  core.expect("200 INVITE");
  core.ack(up.core);
  rig.run(Millis(50));
  cloud_speaks(up, 10, 0x66);
  EXPECT_EQ(heard_by_core(0x66), 10U);
  core.send_rtp(media_of(up.to_core), 10);
  EXPECT_EQ(heard_by_cloud().size(), 10U);
  EXPECT_EQ(cloud.count("INVITE"), 1U);
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(MediaTest, EarlyMediaIsHeardBeforeTheAnswer) {
  open();
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  Up up{d, {}, {}, {}, cloud.expect("INVITE")};
  up.to_cloud = std::string(up.invite.body());
  secure(up);
  cloud.reply(up.invite, 183, "", secure_sdp("10.2.0.1", 50000));
  auto early = core.expect("183");
  EXPECT_NE(line_of(early.body(), "m=audio"), "");
  cloud_speaks(up, 10, 0x77);
  EXPECT_EQ(heard_by_core(0x77), 10U);
  cloud.reply(up.invite, 480);
  (void)failure(core, up.core, 480);
  expect_clean(1);
}

TEST_P(MediaTest, PacketsFromStrangersAreDropped) {
  PROVES("GW-06");
  open();
  auto up = core_calls();
  secure(up);
  Peer stranger(rig, "stranger", "10.9.0.1:5060", Transport::kUdp);
  stranger.open_rtp(40000);
  stranger.send_rtp(media_of(up.to_core), 5);
  EXPECT_EQ(heard_by_cloud().size(), 0U);
  core.send_rtp(media_of(up.to_core), 5);
  EXPECT_EQ(heard_by_cloud().size(), 5U);
  rig.each([&](call::GatewayShard& s) {
    for (const auto& c : s.call_reports()) EXPECT_TRUE(s.trails().trace(c.id));
  });
  core_hangs_up(up);
  expect_clean(1);
  const std::string trail = rig.trail_of(0);
  EXPECT_NE(trail.find("dropped: source 5,"), std::string::npos) << trail;
  EXPECT_EQ(rig.records[0].from_caller.packets, 5U);
}

// The gateway's own addresses are private ones; a router in front of it has the public ones.
class BehindNat : public MediaTest {
 protected:
  static std::string config() {
    std::string text = make_config();
    for (const auto& [own, known] :
         {std::pair{"10.0.0.1", "198.51.100.7"}, std::pair{"10.0.0.2", "203.0.113.9"}}) {
      const std::string line = std::string("media_addresses = [\"") + own + "\"]\n";
      const auto at = text.find(line);
      text.insert(at, std::string("public_addresses = [\"") + known + "\"]\n");
    }
    const std::string fqdn = "contact_host = \"sbc.operator.example\"\n";
    text.insert(text.find(fqdn) + fqdn.size(), "via_host = \"sbc.operator.example\"\n");
    return text;
  }
  BehindNat() : MediaTest(config()) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, BehindNat, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(BehindNat, NoPrivateAddressLeavesInSdpViaOrContact) {
  PROVES("TDM-16");
  for (const bool from_core : {true, false}) {
    auto up = from_core ? core_calls() : cloud_calls();
    const auto to_core = sdp("10.1.0.1", 40000, "sendonly", "8 PCMA/8000", 2);
    (void)core_reinvites(up, to_core, "inactive", from_core ? 2 : 3);
    core_hangs_up(up);
    rig.run(Seconds(1));
    EXPECT_EQ(line_of(up.to_core, "c="), "c=IN IP4 198.51.100.7");
    EXPECT_EQ(line_of(up.to_cloud, "c="), "c=IN IP4 203.0.113.9");
  }
  for (const auto* peer : {&core, &cloud}) {
    const std::string ours = peer == &core ? "10.0.0.1" : "10.0.0.2";
    const std::string known = peer == &core ? "198.51.100.7" : "203.0.113.9";
    EXPECT_FALSE(peer->received.empty());
    for (const auto& text : peer->received) {
      const auto m = sip::Message::parse(text);
      // What is not ours: the peer's own Via, and the address that it called itself.
      for (const auto id : {HeaderId::kContact, HeaderId::kVia})
        if (id == HeaderId::kContact || m->is_request()) {
          EXPECT_EQ(m->value(id).find(ours), std::string_view::npos) << text;
        }
      EXPECT_EQ(m->body().find(ours), std::string_view::npos) << text;
      if (m->is_request() && peer == &core) {
        EXPECT_NE(m->value(HeaderId::kVia).find(known), std::string_view::npos) << text;
      }
    }
  }
  expect_clean(2);
}

// One minute is enough for the tests; RTCP of the gateway itself does not count.
class MediaTimeout : public MediaTest {
 protected:
  MediaTimeout() : MediaTest(make_config({.top = "[limits]\nmedia_timeout = \"60s\"\n"})) {}
  void minutes(int n) {  // in steps, so that a call is rebuilt in between where the mode says so
    for (int i = 0; i < n * 6; ++i) rig.run(Seconds(10));
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, MediaTimeout, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(MediaTimeout, CallOfTwoPeersThatVanishedEndsByItself) {
  open();
  auto up = core_calls();
  core.send_rtp(media_of(up.to_core), 10);
  rig.run(Seconds(55));
  EXPECT_EQ(rig.calls(), 1U);
  rig.run(Seconds(10));
  core.reply(core.expect("BYE"), 200);
  const auto bye = cloud.expect("BYE");
  EXPECT_NE(bye.value(HeaderId::kReason).find("cause=102"), std::string::npos);
  cloud.reply(bye, 200);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].termination, "dropped");
  EXPECT_EQ(rig.records[0].released_by, telemetry::Released::kGateway);
  EXPECT_EQ(rig.records[0].reason,
            "no RTP or RTCP from either side for 60 s (limits.media_timeout)");
  EXPECT_NE(rig.trail_of(0).find("limits.media_timeout"), std::string::npos);
}

TEST_P(MediaTimeout, PeersThatAnswerNothingAreForgottenToo) {
  auto up = core_calls();
  core.silent = cloud.silent = true;
  minutes(2);
  EXPECT_EQ(rig.calls(), 0U);
  expect_clean(1);
}

TEST_P(MediaTimeout, OneSideThatSpeaksKeepsTheCall) {
  open();
  auto up = core_calls();
  for (int i = 0; i < 6; ++i) {
    core.send_rtp(media_of(up.to_core), 1);
    rig.run(Seconds(40));
  }
  EXPECT_EQ(rig.calls(), 1U);
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(MediaTimeout, RtcpAloneKeepsTheCall) {
  open();
  auto up = core_calls();
  const Endpoint rtp = media_of(up.to_core);
  std::array<std::byte, 64> report;
  rtp::RtcpWriter w(report);
  w.receiver_report(0x1234, {});
  w.sdes(0x1234, "core");
  ASSERT_TRUE(w.ok());
  for (int i = 0; i < 6; ++i) {
    core.send_packet({rtp.address, static_cast<std::uint16_t>(rtp.port + 1)},
                     std::span(report).first(w.size()));
    rig.run(Seconds(40));
  }
  EXPECT_EQ(rig.calls(), 1U);
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(MediaTimeout, HeldCallIsLeftAloneUntilTheHoldEnds) {
  open();
  auto up = core_calls();
  (void)core_reinvites(
      up, sdp("10.1.0.1", 40000, "sendonly", "8 PCMA/8000,101 telephone-event/8000", 2), "inactive",
      2);
  minutes(5);
  EXPECT_EQ(rig.calls(), 1U);
  (void)core_reinvites(
      up, sdp("10.1.0.1", 40000, "sendrecv", "8 PCMA/8000,101 telephone-event/8000", 3), "sendrecv",
      3);
  rig.run(Seconds(50));
  EXPECT_EQ(rig.calls(), 1U) << "the time begins when the hold ends";
  rig.run(Seconds(20));
  gateway_hangs_up();
  expect_clean(1);
}

class NoMediaTimeout : public MediaTest {
 protected:
  NoMediaTimeout() : MediaTest(make_config({.top = "[limits]\nmedia_timeout = \"0s\"\n"})) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, NoMediaTimeout, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(NoMediaTimeout, SilenceIsAllowed) {
  auto up = core_calls();
  rig.run(Seconds(3'600));
  EXPECT_EQ(rig.calls(), 1U);
  core_hangs_up(up);
  expect_clean(1);
}

}  // namespace
}  // namespace causeway::scenario
