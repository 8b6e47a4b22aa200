// A fax machine in a call that was made for speech (TDM-19).
#include <algorithm>
#include <cmath>

#include "codec/codec.h"
#include "rtp/packet.h"
#include "scenario/fixture.h"

namespace causeway::scenario {
namespace {

std::string config(const char* more = "") {
  return make_config({.service_sdp = "codecs = [\"PCMA\", \"opus\", \"telephone-event\"]\n"
                                     "transcoding = \"always_offered\"\n" +
                                     std::string(more)});
}

struct Fax : CallTest {
  explicit Fax(const std::string& c = config()) : CallTest(c) {}
  PeerDialog at_core, at_cloud;
  Endpoint media;
  std::string opus;  // "96 opus/48000/2", as the service was offered it

  // The core speaks PCMA, the service chose Opus.
  void up() {
    at_core = core.invite("+4989123", "", sdp("10.1.0.1", 40000, "sendrecv", "8 PCMA/8000"));
    const auto inv = cloud.expect("INVITE");
    const std::string body(inv.body());
    const auto at = body.find(" opus/48000/2");
    ASSERT_NE(at, std::string::npos) << body;
    const auto colon = body.rfind(':', at);
    opus = body.substr(colon + 1, at - colon - 1) + " opus/48000/2";
    cloud.reply(inv, 200, "", secure_sdp("10.2.0.1", 50000, "sendrecv", 1, opus));
    const auto ok = core.expect("200 INVITE");
    core.learn(at_core, ok);
    media = media_of(ok.body());
    cloud.expect("ACK");
    core.ack(at_core);
    at_cloud = cloud.answered(inv);
    rig.run(Millis(100));
    core.open_rtp(40000);
  }
  // A second of it from the core.
  void tone(double hertz) {
    auto e = std::move(*codec::make_encoder({PayloadType{8}, "PCMA", 8'000, 1, ""}, 8'000, {}));
    for (std::uint16_t i = 0; i < 50; ++i) {
      std::vector<std::int16_t> pcm(160);
      for (std::size_t n = 0; n < pcm.size(); ++n)
        pcm[n] = static_cast<std::int16_t>(
            8'000 * std::sin(6.2831853 * hertz * static_cast<double>(i * 160u + n) / 8'000));
      std::array<std::byte, rtp::kMinHeader + 160> p;
      rtp::write_header(std::span<std::byte, rtp::kMinHeader>(p.data(), rtp::kMinHeader),
                        {.ssrc = 7, .timestamp = i * 160u, .sequence = i, .payload_type = 8});
      (void)e->encode(pcm, std::span(p).subspan(rtp::kMinHeader));
      core.send_packet(media, p);
    }
    rig.run(Millis(500));
  }
  void hang_up() {
    core.request(at_core, "BYE");
    core.expect("200 BYE");
    cloud.reply(cloud.expect("BYE"), 200);
    expect_clean(1);
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, Fax, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(Fax, BringsBothSidesToG711AndItStaysSo) {
  PROVES("TDM-19");
  up();
  tone(2'100);
  auto re = cloud.expect("INVITE");
  EXPECT_NE(line_of(re.body(), "m=").find("SAVP 8"), std::string::npos);
  EXPECT_EQ(line_of(re.body(), "m=").find("SAVP 8 "), std::string::npos) << "G.711 alone";
  cloud.reply(re, 200, "", secure_sdp("10.2.0.1", 50000, "sendrecv", 2, "8 PCMA/8000"));
  cloud.expect("ACK");
  rig.run(Seconds(1));
  EXPECT_NE(rig.trail_of_all().find("is heard: a fax or a modem"), std::string::npos)
      << rig.trail_of_all();
  EXPECT_FALSE(core.has("INVITE")) << "it was on G.711";
  EXPECT_NE(rig.trail_of_all().find("to the callee: PCMA, relayed, for a fax or modem"),
            std::string::npos)
      << "the path that it is on at last: " << rig.trail_of_all();
  rig.each([&](call::GatewayShard& s) { EXPECT_EQ(s.transcoding().used, 0); });

  // A later offer with Opus in front is answered with G.711.
  cloud.request(at_cloud, "INVITE", "",
                secure_sdp("10.2.0.1", 50000, "sendrecv", 3, opus + ",8 PCMA/8000"));
  const auto ok = cloud.expect("200 INVITE");
  EXPECT_NE(line_of(ok.body(), "m=").find("SAVP 8"), std::string::npos) << ok.body();
  EXPECT_EQ(ok.body().find("opus"), std::string_view::npos);
  cloud.ack(at_cloud);
  rig.run(Seconds(5));
  EXPECT_FALSE(cloud.has("INVITE"));
  hang_up();
}

TEST_P(Fax, APeerThatWillNotIsLeftAsItIsAndAskedOnce) {
  PROVES("TDM-19");
  up();
  tone(2'100);
  auto re = cloud.expect("INVITE");
  cloud.reply(re, 488);
  cloud.expect("ACK");
  rig.run(Seconds(30));
  EXPECT_FALSE(cloud.has("INVITE"));
  EXPECT_EQ(rig.calls(), 1u);
  hang_up();
}

TEST_P(Fax, OneThatOnlyCallsIsNotedAndNothingChanges) {
  up();
  tone(1'100);
  // It says so when the tone ends.
  tone(0);
  rig.run(Seconds(2));
  EXPECT_FALSE(cloud.has("INVITE"));
  hang_up();
}

struct Ignored : Fax {
  Ignored()
      : Fax(make_config({.top = "[[profile]]\nname = \"deaf\"\nextends = \"operator\"\n"
                                "[profile.sdp]\nfax = \"ignore\"\n",
                         .service_sdp = "codecs = [\"PCMA\", \"opus\"]\n"
                                        "transcoding = \"always_offered\"\n",
                         .core_profile = "deaf"})) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, Ignored, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(Ignored, IsNotListenedFor) {
  up();
  tone(2'100);
  rig.run(Seconds(2));
  EXPECT_FALSE(cloud.has("INVITE"));
  hang_up();
}

class CallTestImage : public CallTest {};
INSTANTIATE_TEST_SUITE_P(Modes, CallTestImage, ::testing::ValuesIn(all_modes()), mode_name);

// T.38 is refused, so that the fax goes on in G.711.
TEST_P(CallTestImage, AnImageAloneIsRefusedAndBesideAudioDeclined) {
  PROVES("TDM-19");
  auto up = core_calls();
  core.request(up.core, "INVITE", "",
               "v=0\r\no=- 1 2 IN IP4 10.1.0.1\r\ns=-\r\nc=IN IP4 10.1.0.1\r\nt=0 0\r\n"
               "m=image 40000 udptl t38\r\na=T38FaxVersion:0\r\n");
  core.expect("488 INVITE");
  core.ack(up.core);
  core.request(up.core, "INVITE", "",
               sdp("10.1.0.1", 40000, "sendrecv", "8 PCMA/8000,101 telephone-event/8000", 3) +
                   "m=image 40010 udptl t38\r\n");
  const auto ok = core.expect("200 INVITE");
  EXPECT_EQ(line_of(ok.body(), "m=image"), "m=image 0 udptl t38");
  core.ack(up.core);
  rig.run(Seconds(1));
  EXPECT_FALSE(cloud.has("INVITE"));
  core_hangs_up(up);
  expect_clean(1);
}

// T.38 between two sides that pass it.
struct Passed : CallTest {
  explicit Passed(const std::string& cloud_sdp = "security = \"rtp\"\nimage = \"pass\"\n")
      : CallTest(make_config({.top = "[[profile]]\nname = \"fax\"\nextends = \"operator\"\n"
                                     "[profile.sdp]\nimage = \"pass\"\n",
                              .service_sdp = cloud_sdp,
                              .core_profile = "fax"})) {}
  static std::string image(
      const std::string& address, int port, int version,
      const std::string& more = "a=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\n") {
    return "v=0\r\no=- 42 " + std::to_string(version) + " IN IP4 " + address +
           "\r\ns=-\r\nc=IN IP4 " + address + "\r\nt=0 0\r\nm=image " + std::to_string(port) +
           " udptl t38\r\n" + more;
  }
  static std::string audio(const std::string& address, int port, int version) {
    return sdp(address, port, "sendrecv", "8 PCMA/8000,101 telephone-event/8000", version);
  }
  static Endpoint image_of(std::string_view text) {
    std::string line = line_of(text, "m=image ");
    Endpoint e = media_of(audio("10.0.0.1", 1, 1));
    e.address = *IpAddress::parse(line_of(text, "c=IN IP4 ").substr(9));
    e.port = static_cast<std::uint16_t>(line.empty() ? 0 : std::stoi(line.substr(8)));
    return e;
  }
  Up up() {
    Up u{core.invite("+4989123", "", audio("10.1.0.1", 40000, 1)),
         {},
         {},
         {},
         cloud.expect("INVITE")};
    cloud.reply(u.invite, 200, "", audio("10.2.0.1", 50000, 1));
    const auto ok = core.expect("200 INVITE");
    u.to_core = std::string(ok.body());
    u.to_cloud = std::string(u.invite.body());
    core.learn(u.core, ok);
    cloud.expect("ACK");
    core.ack(u.core);
    u.cloud = cloud.answered(u.invite);
    rig.run(Millis(100));
    return u;
  }
  static std::vector<std::byte> udptl(std::uint8_t n, std::size_t size = 40) {
    return std::vector<std::byte>(size, std::byte{n});
  }
  // What came there that is one of those.
  static std::size_t got(Peer& p, std::uint8_t n) {
    const auto k = std::count_if(p.rtp.begin(), p.rtp.end(), [&](const auto& r) {
      return r.bytes == std::vector<std::uint8_t>(r.bytes.size(), n);
    });
    p.rtp.clear();
    return static_cast<std::size_t>(k);
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, Passed, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(Passed, AnImageTakesThePlaceOfAudioAndGivesItBack) {
  PROVES("TDM-19");
  auto u = up();
  cloud.request(u.cloud, "INVITE", "", image("10.2.0.1", 50010, 2));
  auto re = core.expect("INVITE");
  EXPECT_EQ(line_of(re.body(), "m=audio"), "");
  EXPECT_NE(line_of(re.body(), "a=T38MaxBitRate:14400"), "") << re.body();
  core.reply(re, 200, "", image("10.1.0.1", 40010, 2, "a=T38FaxVersion:0\r\n"));
  core.expect("ACK");
  auto ok = cloud.expect("200 INVITE");
  EXPECT_EQ(line_of(ok.body(), "a=T38MaxBitRate"), "") << "what the other side said";
  EXPECT_NE(line_of(ok.body(), "a=T38FaxVersion:0"), "");
  cloud.ack(u.cloud);
  rig.run(Millis(200));
  const Endpoint to_core = image_of(re.body()), to_cloud = image_of(ok.body());
  core.open_rtp(40010);
  cloud.open_rtp(50010);
  Peer stranger(rig, "stranger", "10.1.0.9:5060", Transport::kUdp);
  stranger.open_rtp(40010);
  for (std::uint8_t i = 0; i < 20; ++i) {
    cloud.send_packet(to_cloud, udptl(0x77));
    core.send_packet(to_core, udptl(0x66));
    stranger.send_packet(to_core, udptl(0x55));
    core.send_packet(to_core, udptl(0x44, 1'600));
    rig.run(Millis(20));
  }
  EXPECT_EQ(got(core, 0x77), 20U);
  EXPECT_NE(rig.trail_of_all().find("RTP t38 <-> RTP t38, relayed"), std::string::npos);
  EXPECT_EQ(cloud.rtp.size(), 20U) << "neither the stranger's nor what is too long nor reports";
  EXPECT_EQ(got(cloud, 0x66), 20U);
  EXPECT_TRUE(stranger.rtp.empty());
  for (int i = 0; i < 1'000; ++i) core.send_packet(to_core, udptl(0x33));
  rig.run(Millis(10));
  EXPECT_LE(cloud.rtp.size(), 500U);
  rig.run(Seconds(40));
  EXPECT_EQ(rig.calls(), 1U) << "a pause of a fax is no dead call";

  // A refresh changes nothing, then it is speech again.
  cloud.request(u.cloud, "INVITE", "", image("10.2.0.1", 50010, 2));
  ok = cloud.expect("200 INVITE");
  EXPECT_EQ(image_of(ok.body()), to_cloud);
  cloud.ack(u.cloud);
  EXPECT_FALSE(core.has("INVITE"));
  cloud.request(u.cloud, "INVITE", "", audio("10.2.0.1", 50000, 3));
  re = core.expect("INVITE");
  EXPECT_EQ(line_of(re.body(), "m=image"), "");
  EXPECT_EQ(media_of(re.body()), media_of(u.to_core)) << "the port that it was";
  core.reply(re, 200, "", audio("10.1.0.1", 40000, 3));
  core.expect("ACK");
  ok = cloud.expect("200 INVITE");
  cloud.ack(u.cloud);
  rig.run(Millis(200));
  core.open_rtp(40000);
  core.send_packet(to_core, udptl(0x66));
  cloud.rtp.clear();
  cloud.send_rtp(media_of(ok.body()), 5);
  rig.run(Millis(50));
  EXPECT_GE(core.rtp.size(), 5U) << "speech again";
  EXPECT_EQ(got(cloud, 0x66), 0U) << "its port is closed";
  core_hangs_up(u);
  expect_clean(1);
}

TEST_P(Passed, BesideAudioBothGoOn) {
  PROVES("TDM-19");
  auto u = up();
  core.request(u.core, "INVITE", "",
               audio("10.1.0.1", 40000, 2) + "m=image 40010 udptl t38\r\na=T38FaxVersion:3\r\n");
  auto re = cloud.expect("INVITE");
  EXPECT_NE(line_of(re.body(), "m=audio"), "");
  EXPECT_NE(line_of(re.body(), "a=T38FaxVersion:3"), "");
  cloud.reply(re, 200, "",
              audio("10.2.0.1", 50000, 2) + "m=image 50010 udptl t38\r\na=T38FaxVersion:3\r\n");
  cloud.expect("ACK");
  auto ok = core.expect("200 INVITE");
  core.ack(u.core);
  rig.run(Millis(100));
  core.open_rtp(40010);
  cloud.open_rtp(50010);
  cloud.send_packet(image_of(re.body()), udptl(0x77));
  core.send_packet(image_of(ok.body()), udptl(0x66));
  rig.run(Millis(20));
  EXPECT_EQ(got(core, 0x77), 1U);
  EXPECT_EQ(got(cloud, 0x66), 1U);
  cloud.open_rtp(50000);
  core.send_rtp(media_of(ok.body()), 5);
  rig.run(Millis(100));
  EXPECT_GE(cloud.rtp.size(), 5U);
  // Without the image: its line stays, declined.
  core.request(u.core, "INVITE", "", audio("10.1.0.1", 40000, 3) + "m=image 0 udptl t38\r\n");
  re = cloud.expect("INVITE");
  EXPECT_EQ(line_of(re.body(), "m=image"), "m=image 0 udptl t38");
  cloud.reply(re, 200, "", audio("10.2.0.1", 50000, 3) + "m=image 0 udptl t38\r\n");
  cloud.expect("ACK");
  core.expect("200 INVITE");
  core.ack(u.core);
  rig.run(Seconds(2));
  EXPECT_FALSE(core.has("INVITE"));
  EXPECT_FALSE(cloud.has("INVITE"));
  core_hangs_up(u);
  expect_clean(1);
}

TEST_P(Passed, ASideThatWillNotLeavesTheCallAsItWas) {
  auto u = up();
  cloud.request(u.cloud, "INVITE", "", image("10.2.0.1", 50010, 2));
  core.reply(core.expect("INVITE"), 488);
  core.expect("ACK");
  cloud.ack_failure(u.cloud, cloud.expect("488 INVITE"));
  rig.run(Seconds(5));
  EXPECT_FALSE(core.has("INVITE"));
  // One that declines it in its answer has left nothing to the call.
  core.open_rtp(40000);
  core.send_rtp(media_of(u.to_core), 1);
  cloud.open_rtp(50000);
  core.send_rtp(media_of(u.to_core), 5);
  rig.run(Millis(100));
  EXPECT_GE(cloud.rtp.size(), 5U) << "audio as before";
  core_hangs_up(u);
  expect_clean(1);
}

// A fax says nothing in its audio.
TEST_P(Passed, OneWithoutAnyAudioIsCountedInTheTrail) {
  auto u = up();
  core.request(u.core, "INVITE", "",
               audio("10.1.0.1", 40000, 2) + "m=image 40010 udptl t38\r\na=T38FaxVersion:3\r\n");
  const auto re = cloud.expect("INVITE");
  cloud.reply(re, 200, "",
              audio("10.2.0.1", 50000, 2) + "m=image 50010 udptl t38\r\na=T38FaxVersion:3\r\n");
  cloud.expect("ACK");
  core.expect("200 INVITE");
  core.ack(u.core);
  rig.run(Millis(100));
  cloud.open_rtp(50010);
  for (int i = 0; i < 3; ++i) cloud.send_packet(image_of(re.body()), udptl(0x77));
  rig.run(Millis(20));
  core_hangs_up(u);
  const std::string trail = rig.trail_of_all();
  EXPECT_NE(trail.find("RTP PCMA <-> RTP PCMA with T.38 beside it, relayed"), std::string::npos)
      << trail;
  expect_clean(1);
  if (GetParam().rebuild) return;  // these counts are of the process that relayed
  EXPECT_NE(trail.find("T.38 received 3, sent 0, dropped 0"), std::string::npos) << trail;
  EXPECT_NE(trail.find("T.38 received 0, sent 3, dropped 0"), std::string::npos) << trail;
}

struct ToAService : Passed {
  ToAService() : Passed("image = \"decline\"\n") {}
};
INSTANTIATE_TEST_SUITE_P(Modes, ToAService, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(ToAService, ItIsDeclinedThoughTheCoreWouldPassIt) {
  PROVES("TDM-19");
  auto u = core_calls();
  core.request(u.core, "INVITE", "", image("10.1.0.1", 40010, 2));
  core.ack_failure(u.core, core.expect("488 INVITE"));
  core.request(u.core, "INVITE", "", audio("10.1.0.1", 40000, 3) + "m=image 40010 udptl t38\r\n");
  const auto ok = core.expect("200 INVITE");
  EXPECT_EQ(line_of(ok.body(), "m=image"), "m=image 0 udptl t38");
  core.ack(u.core);
  rig.run(Seconds(1));
  EXPECT_FALSE(cloud.has("INVITE"));
  core_hangs_up(u);
  expect_clean(1);
}

}  // namespace
}  // namespace causeway::scenario
