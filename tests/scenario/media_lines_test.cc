// Streams that a side offers and the other does not take: their m= lines stay, in their places, in
// all that follows (RFC 3264 8).
#include "scenario/fixture.h"

namespace causeway::scenario {
namespace {

constexpr const char* kAudio = "m=audio 40000 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n";
constexpr const char* kImage = "m=image 40010 udptl t38\r\na=T38FaxVersion:0\r\n";
constexpr const char* kVideo = "m=video 40020 RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\n";
constexpr const char* kNoAudio = "m=audio 0 RTP/AVP 8\r\n";
constexpr const char* kNoImage = "m=image 0 udptl t38\r\n";
constexpr const char* kNoVideo = "m=video 0 RTP/AVP 99\r\n";

std::string session(const char* address, int version, const std::string& lines) {
  return std::string("v=0\r\no=- 42 ") + std::to_string(version) + " IN IP4 " + address +
         "\r\ns=-\r\nc=IN IP4 " + address + "\r\nt=0 0\r\n" + lines;
}
std::string of_core(int version, const std::string& lines) {
  return session("10.1.0.1", version, lines);
}
std::string of_cloud(int version, const std::string& lines) {
  return session("10.2.0.1", version, lines);
}

// Such as "audio -image": its m= lines, with - where they are declined.
std::string shape(std::string_view text) {
  std::string out;
  for (auto at = text.find("\nm="); at != std::string_view::npos; at = text.find("\nm=", at + 1)) {
    const auto line = text.substr(at + 3);
    const auto media = line.substr(0, line.find(' '));
    out += (out.empty() ? "" : " ") +
           std::string(line.substr(media.size() + 1).starts_with("0 ") ? "-" : "") +
           std::string(media);
  }
  return out;
}

struct MediaLines : CallTest {
  explicit MediaLines(const char* core_image = "decline", const char* cloud_image = "decline")
      : CallTest(make_config(
            {.top = std::string("[[profile]]\nname = \"fax\"\nextends = \"operator\"\n") +
                    "[profile.sdp]\nimage = \"" + core_image + "\"\n",
             .service_sdp = std::string("security = \"rtp\"\nimage = \"") + cloud_image + "\"\n",
             .core_profile = "fax"})) {}

  // The core's offer, and what the cloud answers; expected of what each is told.
  void up(const std::string& offer, const std::string& answer, const std::string& told_cloud,
          const std::string& told_core) {
    at_core = core.invite("+4989123", "", of_core(1, offer));
    const auto inv = cloud.expect("INVITE");
    EXPECT_EQ(shape(inv.body()), told_cloud);
    cloud.reply(inv, 200, "", of_cloud(1, answer));
    const auto ok = core.expect("200 INVITE");
    EXPECT_EQ(shape(ok.body()), told_core);
    core.learn(at_core, ok);
    cloud.expect("ACK");
    core.ack(at_core);
    at_cloud = cloud.answered(inv);
    rig.run(Millis(100));
  }
  // One side offers, the other is asked and answers; expected of what each is told.
  void again(Peer& by, PeerDialog& its, const std::string& offer, Peer& to,
             const std::string& answer, const std::string& told, const std::string& back) {
    const bool core_asks = &by == &core;
    by.request(its, "INVITE", "",
               core_asks ? of_core(++version, offer) : of_cloud(++version, offer));
    const auto re = to.expect("INVITE");
    EXPECT_EQ(shape(re.body()), told);
    to.reply(re, 200, "", core_asks ? of_cloud(++version, answer) : of_core(++version, answer));
    to.expect("ACK");
    EXPECT_EQ(shape(by.expect("200 INVITE").body()), back);
    by.ack(its);
    rig.run(Millis(100));
  }
  void hang_up() {
    rig.run(Seconds(5));
    EXPECT_FALSE(core.has("INVITE"));
    EXPECT_FALSE(cloud.has("INVITE"));
    core.request(at_core, "BYE");
    core.expect("200 BYE");
    cloud.reply(cloud.expect("BYE"), 200);
    expect_clean(1);
  }

  PeerDialog at_core, at_cloud;
  int version = 1;
};
INSTANTIATE_TEST_SUITE_P(Modes, MediaLines, ::testing::ValuesIn(all_modes()), mode_name);

const std::string kHold =
    std::string(kAudio).insert(std::string(kAudio).find("\r\n") + 2, "a=sendonly\r\n");

TEST_P(MediaLines, OneThatIsDeclinedStaysBehindTheAudio) {
  PROVES("TDM-19");
  up(kAudio + std::string(kImage), kAudio, "audio", "audio -image");
  again(cloud, at_cloud, kHold, core, kAudio + std::string(kNoImage), "audio -image", "audio");
  // Nothing that the other side must hear of.
  core.request(at_core, "INVITE", "", of_core(++version, kAudio + std::string(kImage)));
  EXPECT_EQ(shape(core.expect("200 INVITE").body()), "audio -image");
  core.ack(at_core);
  rig.run(Millis(100));
  again(cloud, at_cloud, kAudio, core, kAudio + std::string(kNoImage), "audio -image", "audio");
  hang_up();
}

TEST_P(MediaLines, AndBeforeIt) {
  up(kVideo + std::string(kImage) + kAudio, kAudio, "audio", "-video -image audio");
  again(cloud, at_cloud, kHold, core, kNoVideo + std::string(kNoImage) + kAudio,
        "-video -image audio", "audio");
  again(cloud, at_cloud, kAudio, core, kNoVideo + std::string(kNoImage) + kAudio,
        "-video -image audio", "audio");
  hang_up();
}

TEST_P(MediaLines, AndWhereItCameWithinTheCall) {
  PROVES("TDM-19");
  up(kAudio, kAudio, "audio", "audio");
  core.request(at_core, "INVITE", "", of_core(++version, kAudio + std::string(kImage)));
  EXPECT_EQ(shape(core.expect("200 INVITE").body()), "audio -image");
  core.ack(at_core);
  cloud.request(at_cloud, "INVITE", "", of_cloud(++version, kAudio + std::string(kVideo)));
  EXPECT_EQ(shape(cloud.expect("200 INVITE").body()), "audio -video");
  cloud.ack(at_cloud);
  again(cloud, at_cloud, kHold + kNoVideo, core, kAudio + std::string(kNoImage), "audio -image",
        "audio -video");
  again(cloud, at_cloud, kAudio + std::string(kNoVideo), core, kAudio + std::string(kNoImage),
        "audio -image", "audio -video");
  again(core, at_core, kHold + kNoImage, cloud, kAudio + std::string(kNoVideo), "audio -video",
        "audio -image");
  hang_up();
}

struct FaxLines : MediaLines {
  FaxLines() : MediaLines("pass", "pass") {}
};
INSTANTIATE_TEST_SUITE_P(Modes, FaxLines, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(FaxLines, OneThatThePeerItselfDeclines) {
  PROVES("TDM-19");
  up(kAudio + std::string(kImage), kAudio + std::string(kNoImage), "audio image", "audio -image");
  rig.run(Seconds(5));
  EXPECT_FALSE(core.has("INVITE"));
  EXPECT_FALSE(cloud.has("INVITE"));
  again(cloud, at_cloud, kHold + kNoImage, core, kAudio + std::string(kNoImage), "audio -image",
        "audio -image");
  hang_up();
}

TEST_P(FaxLines, TheAudioKeepsItsPlaceWhileThereIsNone) {
  PROVES("TDM-19");
  up(kVideo + std::string(kAudio), kAudio, "audio", "-video audio");
  again(core, at_core, kNoVideo + std::string(kNoAudio) + kImage, cloud, kImage, "image",
        "-video -audio image");
  again(cloud, at_cloud, kAudio, core, kNoVideo + std::string(kAudio) + kNoImage,
        "-video audio -image", "audio");
  again(cloud, at_cloud, kNoAudio + std::string(kImage), core,
        kNoVideo + std::string(kNoAudio) + kImage, "-video -audio image", "-audio image");
  again(core, at_core, kNoVideo + std::string(kAudio) + kImage, cloud, kAudio + std::string(kImage),
        "audio image", "-video audio image");
  hang_up();
}

// What a side refused is no line of the session.
TEST_P(FaxLines, ARefusedOneLeavesThemAsTheyWere) {
  up(kAudio, kAudio, "audio", "audio");
  core.request(at_core, "INVITE", "", of_core(++version, kAudio + std::string(kImage)));
  const auto re = cloud.expect("INVITE");
  EXPECT_EQ(shape(re.body()), "audio image");
  cloud.reply(re, 488);
  cloud.expect("ACK");
  core.expect("488 INVITE");
  core.ack(at_core);
  again(core, at_core, kHold, cloud, kAudio, "audio", "audio");
  hang_up();
}

}  // namespace
}  // namespace causeway::scenario
