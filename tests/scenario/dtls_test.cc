// Calls whose SRTP keys come from a DTLS handshake on the media path.
#include <algorithm>

#include "rtp/dtls.h"
#include "rtp/packet.h"
#include "rtp/srtp.h"
#include "scenario/fixture.h"
#include "sdp/dtls.h"
#include "sdp/read.h"

namespace causeway::scenario {
namespace {

std::string config(const std::string& service = "", ConfigOptions o = {}) {
  o.service = service;
  o.cloud = "media_sources = [\"10.2.0.0/16\"]\n";
  o.service_sdp = "security = \"dtls\"\nrtcp_mux = true\n";
  return make_config(o);
}

class DtlsTest : public CallTest {
 protected:
  explicit DtlsTest(const std::string& text = config()) : CallTest(text) {
    core.open_rtp(40000);
    cloud.open_rtp(50000);
  }

  // What the service says of itself.
  std::string own(const std::string& setup, int version = 1) const {
    const sdp::Fingerprint f{said_.hash, said_.octets};
    std::string lines = sdp::dtls_lines({{f}, std::nullopt, ""}, sdp::DtlsSetup::kActpass);
    lines.replace(lines.find("a=setup:"), std::string::npos, "a=setup:" + setup + "\r\n");
    return sdp("10.2.0.1", 50000, "sendrecv", "8 PCMA/8000,101 telephone-event/8000", version,
               lines + "a=rtcp-mux\r\n", "UDP/TLS/RTP/SAVP");
  }
  // The service's end of the association that the gateway's SDP describes.
  void meet(const std::string& gateway, bool client) {
    const auto media = sdp::read_audio(gateway).value().media;
    ASSERT_TRUE(media.dtls) << gateway;
    rtp::DtlsTerms terms{client, {}, {rtp::SrtpSuite::kAesCm128HmacSha1_80}};
    for (const auto& f : media.dtls->fingerprints) terms.peers.push_back({f.hash, f.octets});
    dtls_ = rtp::Dtls::create(identity_, terms);
    there_ = media.rtp;
    out_.reset();
    in_.reset();
    (void)dtls_->start();
    give();
  }
  void give() {
    for (const auto& d : dtls_->take_output())
      cloud.send_packet(there_, std::as_bytes(std::span(d)));
  }
  // Hands what arrived to where it belongs, until nothing more does. RTP goes to `heard_`.
  void run(Micros t) {
    for (Micros done{0}; done < t; done += Millis(20)) {
      rig.run(Millis(20));
      while (!cloud.rtp.empty()) {
        auto bytes = std::as_writable_bytes(std::span(cloud.rtp.front().bytes));
        take(bytes);
        cloud.rtp.pop_front();
      }
    }
  }
  void take(std::span<std::byte> bytes) {
    switch (rtp::classify(bytes)) {
      case rtp::Kind::kDtls:
        if (!dtls_) return;
        if (dtls_->feed(bytes) == rtp::Dtls::Step::kDone && !out_) {
          out_.emplace(rtp::Srtp::create(dtls_->send_key()).value());
          in_.emplace(rtp::Srtp::create(dtls_->receive_key()).value());
        }
        give();
        return;
      case rtp::Kind::kRtp:
        ++rtp_;
        if (in_ && in_->unprotect_rtp(bytes).outcome == rtp::SrtpOutcome::kOk) {
          if (bytes[100] == std::byte{0x55}) ++good_;
        } else {
          ++bad_;
        }
        return;
      default: return;
    }
  }
  void both_speak(const Up& up, int packets = 25) {
    good_ = bad_ = 0;
    for (int i = 0; i < packets; ++i) {
      std::vector<std::byte> p(172 + rtp::Srtp::kMaxExpansion, std::byte{0x66});
      rtp::write_header(std::span<std::byte, rtp::kMinHeader>(p.data(), rtp::kMinHeader),
                        {.ssrc = 0xc10d,
                         .timestamp = sequence_ * 160u,
                         .sequence = sequence_,
                         .payload_type = 8});
      ++sequence_;
      const auto r = out_->protect_rtp(std::span(p).first(172));
      cloud.send_packet(there_, std::span(p).first(r.size));
      core.send_rtp(media_of(up.to_core), 1);
      run(Millis(20));
    }
    run(Millis(100));
  }
  std::size_t heard_by_core() {
    const auto n = std::count_if(core.rtp.begin(), core.rtp.end(), [](const auto& r) {
      return r.bytes.size() == 172 && r.bytes[100] == 0x66;
    });
    core.rtp.clear();
    return static_cast<std::size_t>(n);
  }
  // A call of the core's that the service answers with these words.
  Up call_with(const std::string& answer) {
    PeerDialog d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
    Up up{d, {}, {}, {}, cloud.expect("INVITE")};
    up.to_cloud = std::string(up.invite.body());
    cloud.reply(up.invite, 200, "", answer);
    const auto ok = core.expect("200 INVITE");
    up.to_core = std::string(ok.body());
    core.learn(up.core, ok);
    cloud.expect("ACK");
    core.ack(up.core);
    up.cloud = cloud.answered(up.invite);
    rig.each([&](call::GatewayShard& shard) {  // its trail stays when it is over
      for (const auto& c : shard.call_reports()) EXPECT_TRUE(shard.trails().trace(c.id));
    });
    return up;
  }

  std::shared_ptr<const rtp::DtlsIdentity> identity_ = rtp::DtlsIdentity::make().value();
  rtp::CertificateDigest said_ = identity_->digest();
  std::unique_ptr<rtp::Dtls> dtls_;
  Endpoint there_;
  std::optional<rtp::Srtp> out_, in_;
  std::size_t rtp_ = 0, good_ = 0, bad_ = 0;
  std::uint16_t sequence_ = 7;
};
INSTANTIATE_TEST_SUITE_P(Modes, DtlsTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(DtlsTest, ThePeerBeginsAndAudioPassesUnderTheKeysOfTheHandshake) {
  auto up = call_with(own("active"));
  EXPECT_NE(up.to_cloud.find("UDP/TLS/RTP/SAVP"), std::string::npos) << up.to_cloud;
  core.send_rtp(media_of(up.to_core), 10);
  run(Seconds(2));
  EXPECT_EQ(rtp_, 0U) << "audio before there were keys";
  meet(up.to_cloud, true);
  run(Millis(200));
  ASSERT_TRUE(out_) << dtls_->in_words();
  both_speak(up);
  EXPECT_EQ(good_, 25U);
  EXPECT_EQ(bad_, 0U);
  EXPECT_EQ(heard_by_core(), 25U);
  core_hangs_up(up);
  rig.run(Millis(100));
  EXPECT_NE(rig.trail_of(0).find("keys agreed by DTLSv1.2"), std::string::npos) << rig.trail_of(0);
  expect_clean(1);
  EXPECT_TRUE(rig.records[0].from_callee.srtp);
}

TEST_P(DtlsTest, WeBeginWhereThePeerLeavesItToUs) {
  PeerDialog d = cloud.invite("+4930111", "", own("actpass"), "+4989123");
  Up up{{}, d, {}, {}, core.expect("INVITE")};
  up.to_core = std::string(up.invite.body());
  core.reply(up.invite, 200, "", sdp("10.1.0.1", 40000));
  const auto ok = cloud.expect("200 INVITE");
  up.to_cloud = std::string(ok.body());
  EXPECT_EQ(line_of(up.to_cloud, "a=setup:"), "a=setup:active");
  cloud.learn(up.cloud, ok);
  core.expect("ACK");
  cloud.ack(up.cloud);
  up.core = core.answered(up.invite);
  meet(up.to_cloud, false);
  run(Millis(200));
  ASSERT_TRUE(out_) << dtls_->in_words();
  both_speak(up);
  EXPECT_EQ(good_, 25U);
  EXPECT_EQ(heard_by_core(), 25U);
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(DtlsTest, ASwitchBackToAPhoneNeedsNoOtherHandshake) {
  Up up{core.invite("+4989123", "", sdp("10.1.0.1", 40000)), {}, {}, {}, cloud.expect("INVITE")};
  const auto ring = [&](const std::string& tag, const std::string& body) {
    cloud.reply(up.invite, 183, "", body, tag);
    up.to_core = std::string(core.expect("183").body());
  };
  const std::string first = own("active");
  ring("a", first);
  meet(std::string(up.invite.body()), true);
  run(Millis(200));
  ASSERT_TRUE(out_) << dtls_->in_words();
  both_speak(up);
  EXPECT_EQ(good_, 25U);
  auto a_out = std::move(*out_), a_in = std::move(*in_);
  identity_ = rtp::DtlsIdentity::make().value();
  said_ = identity_->digest();
  ring("b", own("active"));
  meet(std::string(up.invite.body()), true);
  run(Millis(200));
  ASSERT_TRUE(out_) << dtls_->in_words();
  both_speak(up);
  EXPECT_EQ(good_, 25U);
  EXPECT_EQ(heard_by_core(), 50U);
  std::swap(*out_, a_out);
  std::swap(*in_, a_in);
  dtls_.reset();  // says no more
  bad_ = 0;
  both_speak(up, 15);  // 600 ms
  EXPECT_EQ(heard_by_core(), 0U) << "b is the latest";
  ring("a", first);
  both_speak(up);
  EXPECT_EQ(good_, 25U);
  EXPECT_EQ(bad_, 0U);
  EXPECT_EQ(heard_by_core(), 25U);
  cloud.reply(up.invite, 200, "", first, "a");
  const auto ok = core.expect("200 INVITE");
  core.learn(up.core, ok);
  cloud.expect("ACK");
  core.ack(up.core);
  both_speak(up);
  EXPECT_EQ(good_, 25U);
  EXPECT_EQ(heard_by_core(), 25U);
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(DtlsTest, ACertificateThatTheSdpDidNotNameGetsNoAudioAndTheCallEnds) {
  said_ = rtp::DtlsIdentity::make().value()->digest();
  auto up = call_with(own("active"));
  meet(up.to_cloud, true);
  core.send_rtp(media_of(up.to_core), 50);
  run(Seconds(2));
  EXPECT_FALSE(out_);
  EXPECT_EQ(rtp_, 0U);
  rig.run(Seconds(30));
  EXPECT_NE(rig.trail_of_all().find("fingerprint"), std::string::npos) << rig.trail_of_all();
  core.reply(core.expect("BYE"), 200);
  cloud.reply(cloud.expect("BYE"), 200);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].termination, "dropped");
}

// One address of those that the group's media may come from, and nobody of this call.
TEST_P(DtlsTest, AStrangerAmongThePeersAddressesDoesNotEndTheKeys) {
  auto up = call_with(own("active"));
  Peer stranger(rig, "stranger", "10.2.9.9:5061", Transport::kUdp);
  stranger.open_rtp(50000);
  const auto media = sdp::read_audio(up.to_cloud).value().media;
  rtp::DtlsTerms terms{true, {}, {rtp::SrtpSuite::kAesCm128HmacSha1_80}};
  for (const auto& f : media.dtls->fingerprints) terms.peers.push_back({f.hash, f.octets});
  const auto theirs = rtp::Dtls::create(rtp::DtlsIdentity::make().value(), terms);
  (void)theirs->start();
  for (int i = 0; i < 50; ++i) {
    for (const auto& d : theirs->take_output())
      stranger.send_packet(media.rtp, std::as_bytes(std::span(d)));
    rig.run(Millis(20));
    for (; !stranger.rtp.empty(); stranger.rtp.pop_front())
      (void)theirs->feed(std::as_bytes(std::span(stranger.rtp.front().bytes)));
  }
  EXPECT_NE(theirs->state(), rtp::Dtls::Step::kMore) << "it came to the end of its handshake";
  meet(up.to_cloud, true);
  run(Millis(200));
  ASSERT_TRUE(out_) << dtls_->in_words();
  both_speak(up);
  EXPECT_EQ(good_, 25U);
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(DtlsTest, AHandshakeThatNeverBeginsEndsTheCall) {
  auto up = call_with(own("active"));
  Peer stranger(rig, "stranger", "10.9.9.9:5061", Transport::kUdp);
  stranger.open_rtp(50000);
  const auto theirs =
      rtp::Dtls::create(identity_, {true, {}, {rtp::SrtpSuite::kAesCm128HmacSha1_80}});
  (void)theirs->start();
  for (const auto& d : theirs->take_output())
    stranger.send_packet(media_of(up.to_cloud), std::as_bytes(std::span(d)));
  rig.run(Seconds(29));
  EXPECT_TRUE(stranger.rtp.empty()) << "of no address that the group has";
  EXPECT_FALSE(core.has("BYE"));
  rig.run(Seconds(2));
  EXPECT_NE(rig.trail_of_all().find("no end within 30 s"), std::string::npos) << rig.trail_of_all();
  core.reply(core.expect("BYE"), 200);
  cloud.reply(cloud.expect("BYE"), 200);
  expect_clean(1);
}

TEST_P(DtlsTest, AnotherTlsIdSoonAfterTheFirstIsAnAssociationOfItsOwn) {
  auto up = call_with(own("active") + "a=tls-id:aaaaaaaaaaaaaaaaaaaa\r\n");
  meet(up.to_cloud, true);
  run(Millis(200));
  ASSERT_TRUE(out_);
  cloud.request(up.cloud, "INVITE", "", own("active", 2) + "a=tls-id:bbbbbbbbbbbbbbbbbbbb\r\n");
  const auto ok = cloud.expect("200 INVITE");
  cloud.ack(up.cloud);
  meet(std::string(ok.body()), true);
  run(Millis(200));
  ASSERT_TRUE(out_) << dtls_->in_words();
  both_speak(up);
  EXPECT_EQ(good_, 25U);
  EXPECT_EQ(heard_by_core(), 25U);
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(DtlsTest, ARefreshKeepsTheKeysAndAnotherFingerprintNeedsAnotherHandshake) {
  auto up = call_with(own("active"));
  meet(up.to_cloud, true);
  run(Millis(200));
  ASSERT_TRUE(out_);
  both_speak(up);
  ASSERT_EQ(good_, 25U);
  // A refresh of the service's: the same, and the part that we play stays.
  cloud.request(up.cloud, "INVITE", "", own("actpass", 2));
  auto ok = cloud.expect("200 INVITE");
  cloud.ack(up.cloud);
  EXPECT_EQ(line_of(ok.body(), "a=setup:"), "a=setup:passive");
  EXPECT_EQ(line_of(ok.body(), "a=fingerprint:"), line_of(up.to_cloud, "a=fingerprint:"));
  both_speak(up);
  EXPECT_EQ(good_, 25U);
  EXPECT_EQ(heard_by_core(), 50U);
  // It is another now.
  identity_ = rtp::DtlsIdentity::make().value();
  said_ = identity_->digest();
  cloud.request(up.cloud, "INVITE", "", own("active", 3));
  ok = cloud.expect("200 INVITE");
  cloud.ack(up.cloud);
  run(Millis(100));
  good_ = rtp_ = 0;
  core.send_rtp(media_of(up.to_core), 10);
  run(Millis(500));
  EXPECT_EQ(rtp_, 0U) << "audio under the keys of whom it was";
  meet(std::string(ok.body()), true);
  run(Millis(200));
  ASSERT_TRUE(out_);
  both_speak(up);
  EXPECT_EQ(good_, 25U);
  EXPECT_EQ(heard_by_core(), 25U);
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(DtlsTest, AnOfferWithoutAFingerprintIsRefusedWithTheReason) {
  auto d = cloud.invite("+4930111", "", secure_sdp("10.2.0.1", 50000), "+4989123");
  const auto no = failure(cloud, d, 488);
  EXPECT_EQ(core.count("INVITE"), 0U);
  rig.run(Millis(100));
  EXPECT_NE(rig.trail_of(0).find("a=fingerprint"), std::string::npos) << rig.trail_of(0);
  expect_clean(1);
}

class DtlsOfferTest : public DtlsTest {
 protected:
  DtlsOfferTest()
      : DtlsTest(config(
            "reliable_provisionals = \"supported\"\n"
            "allow = [\"INVITE\", \"ACK\", \"CANCEL\", \"BYE\", \"OPTIONS\", \"UPDATE\"]\n")) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, DtlsOfferTest, ::testing::ValuesIn(all_modes()), mode_name);

// "actpass" of an offer left the choice to us, and we made it: an answer would mean another.
TEST_P(DtlsOfferTest, WhoBeganStaysWhenWhatWasOfferedWhileItRangHolds) {
  Up up{core.invite("+4989123", "", sdp("10.1.0.1", 40000)), {}, {}, {}, cloud.expect("INVITE")};
  cloud.reply(up.invite, 183, "Require: 100rel\r\nRSeq: 1\r\nAllow: UPDATE, PRACK\r\n",
              own("active"));
  cloud.reply(cloud.expect("PRACK"), 200);
  up.to_core = std::string(core.expect("183").body());
  meet(std::string(up.invite.body()), true);
  run(Millis(200));
  ASSERT_TRUE(out_) << dtls_->in_words();
  up.cloud = cloud.answered(up.invite);
  cloud.request(up.cloud, "UPDATE", "", own("actpass", 2));
  EXPECT_EQ(line_of(std::string(cloud.expect("200 UPDATE").body()), "a=setup:"), "a=setup:passive");
  both_speak(up);
  EXPECT_EQ(good_, 25U);
  cloud.reply(up.invite, 200);
  core.learn(up.core, core.expect("200 INVITE"));
  cloud.expect("ACK");
  core.ack(up.core);
  core.rtp.clear();
  both_speak(up);
  EXPECT_EQ(good_, 25U);
  EXPECT_EQ(heard_by_core(), 25U);
  core_hangs_up(up);
  expect_clean(1);
}

class DtlsRefusalTest : public DtlsTest {
 protected:
  static std::string both_reliable() {
    const std::string reliable = "reliable_provisionals = \"supported\"\n";
    ConfigOptions o;
    o.top = "[[profile]]\nname = \"core-rel\"\nextends = \"operator\"\n" + reliable;
    o.core_profile = "core-rel";
    return config(reliable +
                      "allow = [\"INVITE\", \"ACK\", \"CANCEL\", \"BYE\", \"OPTIONS\", "
                      "\"UPDATE\"]\n",
                  o);
  }
  DtlsRefusalTest() : DtlsTest(both_reliable()) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, DtlsRefusalTest, ::testing::ValuesIn(all_modes()), mode_name);

// The "actpass" of an offer of ours that was refused says nothing of who began.
TEST_P(DtlsRefusalTest, AnUpdateOfOursThatIsRefusedLeavesTheKeysAsTheyWere) {
  Up up{core.invite("+4989123", "Require: 100rel\r\n", sdp("10.1.0.1", 40000)),
        {},
        {},
        {},
        cloud.expect("INVITE")};
  cloud.reply(up.invite, 183, "Require: 100rel\r\nRSeq: 1\r\nAllow: UPDATE, PRACK\r\n",
              own("active"));
  cloud.reply(cloud.expect("PRACK"), 200);
  const auto early = core.expect("183");
  up.to_core = std::string(early.body());
  core.learn(up.core, early);
  core.request(up.core, "PRACK",
               "RAck: " + std::string(early.value(HeaderId::kRSeq)) + " 1 INVITE\r\n");
  core.expect("200 PRACK");
  meet(std::string(up.invite.body()), true);
  run(Millis(200));
  ASSERT_TRUE(out_) << dtls_->in_words();
  // It offers, and hears that it began; then it will not have what the core offers.
  up.cloud = cloud.answered(up.invite);
  cloud.request(up.cloud, "UPDATE", "", own("actpass", 2));
  EXPECT_EQ(line_of(std::string(cloud.expect("200 UPDATE").body()), "a=setup:"), "a=setup:passive");
  core.request(up.core, "UPDATE", "",
               sdp("10.1.0.1", 40000, "sendonly", "8 PCMA/8000,101 telephone-event/8000", 2));
  const auto across = cloud.expect("UPDATE");
  EXPECT_EQ(line_of(std::string(across.body()), "a=setup:"), "a=setup:actpass");
  cloud.reply(across, 488);
  core.expect("488 UPDATE");
  both_speak(up);
  EXPECT_EQ(good_, 25U);
  cloud.reply(up.invite, 200);
  EXPECT_TRUE(core.expect("200 INVITE").body().empty());
  cloud.expect("ACK");
  core.request(up.core, "ACK", "", "", 1);
  run(Seconds(1));
  EXPECT_FALSE(cloud.has("BYE") || core.has("BYE"));
  core.rtp.clear();
  both_speak(up);
  EXPECT_EQ(good_, 25U);
  EXPECT_EQ(bad_, 0U);
  EXPECT_EQ(heard_by_core(), 25U);
  core_hangs_up(up);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].termination, "completed");
}

}  // namespace
}  // namespace causeway::scenario
