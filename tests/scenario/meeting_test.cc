// Two sides that have not the same: codecs, packet times, forms of digits.
#include "codec/codec.h"
#include "rtp/packet.h"
#include "rtp/telephone_event.h"
#include "scenario/fixture.h"

namespace causeway::scenario {
namespace {

constexpr const char* kOpus = "111 opus/48000/2,110 telephone-event/48000";

class MeetingTest : public CallTest {
 protected:
  explicit MeetingTest(const ConfigOptions& o = {}) : CallTest(make_config(o)) {}
  // The service answers the INVITE that it got with `codecs`.
  sip::Message answered_with(const std::string& codecs) {
    const auto inv = cloud.expect("INVITE");
    to_cloud = std::string(inv.body());
    cloud.reply(inv, 200, "", secure_sdp("10.2.0.1", 50000, "sendrecv", 1, codecs));
    auto ok = core.expect("200 INVITE");
    core.learn(d, ok);
    cloud.expect("ACK");
    core.ack(d);
    rig.run(Millis(100));
    return ok;
  }
  void hang_up() {
    core.request(d, "BYE");
    core.expect("200 BYE");
    cloud.reply(cloud.expect("BYE"), 200);
    expect_clean(1);
  }
  PeerDialog d;
  std::string to_cloud;
};
struct Listed : MeetingTest {
  Listed()
      : MeetingTest(ConfigOptions{.service_sdp = R"(
codecs = ["PCMU", "PCMA", "telephone-event"]
digits = "rfc4733"
)"}) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, Listed, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(Listed, WithoutACommonCodecOursAreOfferedAndTheCallerIsAnsweredInItsOwn) {
  PROVES("TDM-09", "TDM-23");
  d = core.invite("+4989123", "", sdp("10.1.0.1", 40000, "sendrecv", kOpus));
  const auto ok = answered_with("0 PCMU/8000,101 telephone-event/8000");
  EXPECT_EQ(line_of(to_cloud, "m=").substr(line_of(to_cloud, "m=").find("SAVP ")), "SAVP 0 8 96");
  EXPECT_EQ(line_of(ok.body(), "a=rtpmap:111"), "a=rtpmap:111 opus/48000/2");
  EXPECT_EQ(line_of(ok.body(), "a=rtpmap:110"), "a=rtpmap:110 telephone-event/48000");
  EXPECT_EQ(line_of(ok.body(), "a=rtpmap:0"), "");
  rig.run(Seconds(2));
  EXPECT_FALSE(cloud.has("INVITE")) << "both know all they need";
  EXPECT_FALSE(core.has("INVITE"));

  // What the caller says is heard.
  core.open_rtp(40000);
  cloud.open_rtp(50000);
  auto e = std::move(*codec::make_encoder({PayloadType{111}, "opus", 48'000, 2, ""}, 8'000, {}));
  const std::vector<std::int16_t> pcm(160, 500);
  for (std::uint16_t i = 0; i < 50; ++i) {
    std::array<std::byte, rtp::kMinHeader + codec::kMaxPayload> p;
    rtp::write_header(std::span<std::byte, rtp::kMinHeader>(p.data(), rtp::kMinHeader),
                      {.ssrc = 7, .timestamp = i * 960u, .sequence = i, .payload_type = 111});
    const std::size_t n = e->encode(pcm, std::span(p).subspan(rtp::kMinHeader));
    core.send_packet(media_of(ok.body()), std::span(p).first(rtp::kMinHeader + n));
    rig.run(Millis(20));
  }
  EXPECT_GE(cloud.rtp.size(), 45u);
  EXPECT_EQ(cloud.rtp.back().bytes[1] & 0x7f, 0);
  EXPECT_NE(
      rig.trail_of_all().find("to the callee: opus -> PCMU, decoded at 8 kHz, packets of 20 ms, "
                              "digits as events"),
      std::string::npos)
      << rig.trail_of_all();
  // Six seconds more in which the callee, who is silent, should be heard.
  for (std::uint16_t i = 50; i < 350; ++i) {
    std::array<std::byte, rtp::kMinHeader + codec::kMaxPayload> p;
    rtp::write_header(std::span<std::byte, rtp::kMinHeader>(p.data(), rtp::kMinHeader),
                      {.ssrc = 7, .timestamp = i * 960u, .sequence = i, .payload_type = 111});
    const std::size_t n = e->encode(pcm, std::span(p).subspan(rtp::kMinHeader));
    core.send_packet(media_of(ok.body()), std::span(p).first(rtp::kMinHeader + n));
    rig.run(Millis(20));
  }
  EXPECT_NE(rig.trail_of_all().find("one-way audio: nothing for 5 s from cloud-1"),
            std::string::npos);
  hang_up();
  const auto& r = rig.records[0];
  EXPECT_GT(r.from_caller.mos_100, 400u);
  EXPECT_GE(r.from_caller.mos_100, r.from_caller.mos_min_100);
  EXPECT_FALSE(r.from_caller.one_way);
  EXPECT_TRUE(r.from_callee.one_way);
  EXPECT_EQ(r.from_callee.mos_100, 0u);
}

TEST_P(Listed, AHoldAndAResumeOfSuchACallCross) {
  d = core.invite("+4989123", "", sdp("10.1.0.1", 40000, "sendrecv", kOpus));
  (void)answered_with("0 PCMU/8000,101 telephone-event/8000");
  for (int v = 2; v < 4; ++v) {
    const bool hold = v == 2;
    core.request(d, "INVITE", "", sdp("10.1.0.1", 40000, hold ? "sendonly" : "sendrecv", kOpus, v));
    auto re = cloud.expect("INVITE");
    EXPECT_EQ(direction_of(re.body()), hold ? "inactive" : "sendrecv");
    EXPECT_NE(line_of(re.body(), "m=").find("SAVP 0 8 96"), std::string::npos) << re.body();
    cloud.reply(re, 200, "",
                secure_sdp("10.2.0.1", 50000, hold ? "inactive" : "sendrecv", v,
                           "0 PCMU/8000,101 telephone-event/8000"));
    cloud.expect("ACK");
    EXPECT_EQ(direction_of(core.expect("200 INVITE").body()), hold ? "recvonly" : "sendrecv");
    core.ack(d);
    rig.run(Seconds(1));
  }
  hang_up();
}

TEST_P(Listed, ACommonCodecIsPreferredToAnyOther) {
  PROVES("TDM-09");
  d = core.invite(
      "+4989123", "",
      sdp("10.1.0.1", 40000, "sendrecv", "111 opus/48000/2,8 PCMA/8000,101 telephone-event/8000"));
  const auto ok = answered_with("8 PCMA/8000,101 telephone-event/8000");
  EXPECT_EQ(line_of(to_cloud, "a=rtpmap:0"), "") << "nothing of ours is needed";
  EXPECT_EQ(line_of(ok.body(), "a=rtpmap:111"), "");
  EXPECT_EQ(line_of(ok.body(), "a=rtpmap:8"), "a=rtpmap:8 PCMA/8000");
  EXPECT_NE(rig.trail_of_all().find("SRTP PCMA, relayed"), std::string::npos);
  hang_up();
}

TEST_P(Listed, DigitsAreOfferedToAServiceThatNeedsThemThoughTheCoreHasNone) {
  PROVES("TDM-10", "GW-10");
  d = core.invite("+4989123", "", sdp("10.1.0.1", 40000, "sendrecv", "8 PCMA/8000"));
  const auto ok = answered_with("8 PCMA/8000,101 telephone-event/8000");
  EXPECT_EQ(line_of(to_cloud, "a=rtpmap:101"), "a=rtpmap:101 telephone-event/8000");
  EXPECT_EQ(line_of(ok.body(), "a=rtpmap:101"), "");
  EXPECT_NE(rig.trail_of_all().find("tones found, digits as events"), std::string::npos)
      << rig.trail_of_all();
  hang_up();
}

struct Never : MeetingTest {
  Never()
      : MeetingTest(ConfigOptions{.service_sdp = R"(
codecs = ["PCMU", "PCMA", "telephone-event"]
transcoding = "never"
)"}) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, Never, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(Never, IsRefusedWhereNothingIsCommon) {
  PROVES("TDM-09");
  d = core.invite("+4989123", "", sdp("10.1.0.1", 40000, "sendrecv", kOpus));
  const auto no = failure(core, d, 488);
  EXPECT_FALSE(cloud.has("INVITE"));
  expect_clean(1);
}

// --- Digits in the signalling ------------------------------------------------------------------

struct Info : MeetingTest {
  Info()
      : MeetingTest(ConfigOptions{.top = R"(
[[profile]]
name = "messages"
extends = "operator"
[profile.sdp]
digits = "info_dtmf_relay"
)",
                                  .service_sdp = "digits = \"rfc4733\"\n",
                                  .core_profile = "messages"}) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, Info, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(Info, DigitsOfMessagesAreEventsOnTheOtherSideAndBack) {
  PROVES("TDM-10");
  auto up = core_calls("", sdp("10.1.0.1", 40000, "sendrecv", "8 PCMA/8000"));
  EXPECT_EQ(line_of(up.to_cloud, "a=rtpmap:101"), "a=rtpmap:101 telephone-event/8000");
  cloud.open_rtp(50000);
  d = up.core;
  core.request(d, "INFO", "Content-Type: application/dtmf-relay\r\n",
               "Signal=7\r\nDuration=120\r\n");
  core.expect("200 INFO");
  rig.run(Millis(500));
  std::size_t events = 0;
  for (const auto& r : cloud.rtp) events += (r.bytes[1] & 0x7f) == 101;
  EXPECT_GE(events, 7u) << "of 120 ms, and its end three times";

  core.request(d, "INFO", "Content-Type: application/dtmf\r\n", "x");
  core.expect("400 INFO");
  core.request(d, "INFO", "Content-Type: text/plain\r\n", "hello");
  EXPECT_EQ(core.expect("415 INFO").value(HeaderId::kAccept),
            "application/dtmf-relay, application/dtmf");
  core.request(d, "INFO");
  core.expect("200 INFO");
  cloud.request(up.cloud, "INFO", "Content-Type: application/dtmf\r\n", "5");
  cloud.expect("405 INFO");
  up.core = d;
  core_hangs_up(up);
  expect_clean(1);
}

struct Ringback : MeetingTest {
  Ringback()
      : MeetingTest(ConfigOptions{.top = R"(
[[profile]]
name = "rings"
extends = "operator"
ringback = "GB"
)",
                                  .core_profile = "rings"}) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, Ringback, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(Ringback, IsHeardAfterAnEarlyAnswerAndEndsWithTheCall) {
  PROVES("TDR-74");
  core.open_rtp(40000);
  d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  const auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 180);
  core.expect("180");
  rig.run(Seconds(1));
  EXPECT_TRUE(core.rtp.empty()) << "it rings by itself";
  cloud.reply(inv, 183, "", secure_sdp("10.2.0.1", 50000));
  core.expect("183");
  rig.run(Seconds(1));
  EXPECT_NEAR(static_cast<double>(core.rtp.size()), 50, 3);
  EXPECT_NE(rig.trail_of_all().find("hears ringing of ours until the far side is heard"),
            std::string::npos);
  cloud.reply(inv, 200, "", secure_sdp("10.2.0.1", 50000));
  core.learn(d, core.expect("200 INVITE"));
  cloud.expect("ACK");
  core.ack(d);
  rig.run(Millis(300));
  std::size_t rtp = 0;
  core.rtp.clear();
  rig.run(Seconds(2));
  for (const auto& p : core.rtp) rtp += (p.bytes[1] & 0x7f) < 64;
  EXPECT_EQ(rtp, 0u);
  hang_up();
}

struct EarlyPolicy : MeetingTest {
  explicit EarlyPolicy(const std::string& words)
      : MeetingTest(ConfigOptions{.top = R"(
[[profile]]
name = "early"
extends = "operator"
early_media = ")" + words + "\"\n",
                                  .core_profile = "early"}) {}
  void answered() {
    cloud.reply(invite, 200, "", secure_sdp("10.2.0.1", 50000));
    const auto ok = core.expect("200 INVITE");
    EXPECT_FALSE(ok.body().empty());
    core.learn(d, ok);
    cloud.expect("ACK");
    core.ack(d);
    rig.run(Millis(300));
    hang_up();
  }
  // Messages that came to the caller and begin so
  [[nodiscard]] long heard(std::string_view start) const {
    return std::count_if(core.received.begin(), core.received.end(),
                         [&](const std::string& m) { return m.starts_with(start); });
  }
  PeerDialog begun = d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  sip::Message invite = cloud.expect("INVITE");
};
struct FirstOnly : EarlyPolicy {
  FirstOnly() : EarlyPolicy("first_only") {}
};
INSTANTIATE_TEST_SUITE_P(Modes, FirstOnly, ::testing::ValuesIn(all_modes()), mode_name);
TEST_P(FirstOnly, FurtherProvisionalsAreNotPassedOn) {
  PROVES("TDR-74");
  cloud.reply(invite, 180);
  core.expect("180");
  cloud.reply(invite, 183, "", secure_sdp("10.2.0.1", 50000));
  cloud.reply(invite, 180, "", "", "other");
  rig.run(Seconds(2));
  EXPECT_EQ(heard("SIP/2.0 183"), 0);
  EXPECT_EQ(heard("SIP/2.0 180"), 1);
  answered();
}

struct RingingAlone : EarlyPolicy {
  RingingAlone() : EarlyPolicy("ringing") {}
};
INSTANTIATE_TEST_SUITE_P(Modes, RingingAlone, ::testing::ValuesIn(all_modes()), mode_name);
TEST_P(RingingAlone, EarlyMediaBecomesRingingWithoutSdp) {
  PROVES("TDR-74");
  cloud.reply(invite, 183, "", secure_sdp("10.2.0.1", 50000));
  EXPECT_TRUE(core.expect("180").body().empty());
  EXPECT_EQ(heard("SIP/2.0 183"), 0);
  answered();
}

}  // namespace
}  // namespace causeway::scenario
