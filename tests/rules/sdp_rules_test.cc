// Rules that change session descriptions.
#include <gmock/gmock.h>

#include "compiled.h"
#include "sdp/description.h"

namespace causeway::rules {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using namespace testing;

// The message still says how long its body is.
void expect_length(const Applied& a) {
  const auto m = sip::Message::parse(a.text);
  ASSERT_TRUE(m);
  EXPECT_TRUE(sip::validate(*m));
  EXPECT_EQ(m->value(sip::HeaderId::kContentLength), std::to_string(m->body().size()));
}

TEST(SdpRules, CodecsAreRemovedWithTheirAttributes) {
  const auto a = out_by(R"({remove_codecs = ["g729", "PCMU"]})", invite("", kSdp));
  EXPECT_TRUE(a.has("m=audio 4000 RTP/AVP 8 101")) << a.text;
  EXPECT_THAT(a.text, Not(HasSubstr("annexb")));
  EXPECT_THAT(a.text, Not(HasSubstr("rtpmap:0 ")));
  expect_length(a);
}

TEST(SdpRules, TheLastCodecStays) {
  const auto a = out_by(R"({remove_codecs = ["PCMU", "PCMA", "G729"]})", invite("", kSdp));
  EXPECT_FALSE(a.changed) << "telephone events are nothing to talk by";
  EXPECT_THAT(a.why(), HasSubstr("no codec would be left"));
}

TEST(SdpRules, CodecsAreOrdered) {
  const auto a = out_by(R"({order_codecs = ["G729", "PCMA"]})", invite("", kSdp));
  EXPECT_TRUE(a.has("m=audio 4000 RTP/AVP 18 8 0 101")) << a.text;
  EXPECT_FALSE(out_by(R"({order_codecs = ["PCMU"]})", invite("", kSdp)).changed);
}

TEST(SdpRules, AHostileDescriptionIsLeftAlone) {
  std::string formats = "m=audio 4000 RTP/AVP";
  for (int i = 0; i < 65; ++i) formats += " " + std::to_string(i);
  std::string many = kSdp;
  many.replace(many.find("m=audio"), many.find("\r\n", many.find("m=audio")) - many.find("m=audio"),
               formats);
  for (const char* action : {R"({order_codecs = ["PCMA"]}, {remove = "Subject"})",
                             R"({remove_codecs = ["PCMA"]}, {remove = "Subject"})"}) {
    const auto a = out_by(action, invite("Subject: s\r\n", many));
    EXPECT_THAT(a.text, HasSubstr(formats)) << action;
    EXPECT_THAT(a.why(), HasSubstr("64 formats"));
    EXPECT_THAT(a.text, Not(HasSubstr("Subject"))) << "all else is done";
    std::string lines = kSdp, bytes = kSdp;
    for (int i = 0; i < 512; ++i) lines += "a=x\r\n";
    for (int i = 0; i < 20; ++i) bytes += "a=" + std::string(900, 'x') + "\r\n";
    for (const auto& sdp : {lines, bytes}) {
      const auto b = out_by(action, invite("Subject: s\r\n", sdp));
      EXPECT_THAT(b.text, HasSubstr("RTP/AVP 0 8 18 101"));
      EXPECT_THAT(b.why(), HasSubstr("too long"));
      EXPECT_THAT(b.text, Not(HasSubstr("Subject")));
    }
  }
}

TEST(SdpRules, ALineBeyondWhatIsTakenIsNotPutIn) {
  std::string sdp = kSdp;
  sdp.erase(sdp.find("a=ptime:30\r\n"), 12);
  while (sdp.size() < 16'378) {
    const std::size_t room = std::min<std::size_t>(16'384 - sdp.size(), 900);
    sdp += "a=" + std::string(room - 4, 'x') + "\r\n";
  }
  const auto a = out_by(R"({set_ptime = 20}, {remove = "Subject"})", invite("Subject: s\r\n", sdp));
  EXPECT_THAT(a.text, Not(HasSubstr("ptime:20")));
  EXPECT_THAT(a.why(), HasSubstr("longer than anybody takes"));
  EXPECT_THAT(a.text, Not(HasSubstr("Subject"))) << "all else is done";
}

TEST(SdpRules, AttributesAreRemovedEverywhereOrInOnePlace) {
  const std::string sdp = kSdp + "m=image 5000 udptl t38\r\na=X-vendor:2\r\n";
  EXPECT_THAT(out_by(R"({remove_attribute = "x-vendor"})", invite("", sdp)).text,
              Not(HasSubstr("X-vendor")));
  const auto one = out_by(R"({remove_attribute = "X-vendor", media = "image"})", invite("", sdp));
  EXPECT_TRUE(one.has("a=X-vendor:1"));
  EXPECT_FALSE(one.has("a=X-vendor:2"));
  EXPECT_FALSE(
      out_by(R"({remove_attribute = "X-vendor", matching = "^9"})", invite("", sdp)).changed);
}

TEST(SdpRules, ARemovedMediaLineHasPortZero) {
  const std::string sdp = kSdp + "m=video 5000 RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\n";
  const auto a = out_by(R"({remove_media = "video"})", invite("", sdp));
  EXPECT_TRUE(a.has("m=video 0 RTP/AVP 99")) << "RFC 3264 8.2: their number never shrinks";
  EXPECT_THAT(out_by(R"({remove_media = "audio"})", invite("", kSdp)).why(),
              HasSubstr("nothing would be left"));
}

TEST(SdpRules, PacketTimeIsSet) {
  const auto a = out_by(R"({set_ptime = 60})", invite("", kSdp));
  EXPECT_TRUE(a.has("a=ptime:60")) << a.text;
  EXPECT_FALSE(a.has("a=ptime:30"));
  EXPECT_FALSE(a.has("a=maxptime:40")) << "it would contradict";
  EXPECT_TRUE(out_by(R"({set_ptime = 20})", invite("", kSdp)).has("a=maxptime:40"));
  EXPECT_FALSE(out_by(R"({set_ptime = 30})", invite("", kSdp)).changed);
}

TEST(SdpRules, BandwidthIsSetWhereItBelongs) {
  const auto media = out_by(R"({set_bandwidth = "AS:64"})", invite("", kSdp));
  EXPECT_THAT(media.text, HasSubstr("RTP/AVP 0 8 18 101\r\nb=AS:64\r\na=rtpmap:0"));
  const auto session = out_by(R"({set_bandwidth = "CT:128", media = "session"})", invite("", kSdp));
  EXPECT_THAT(session.text, HasSubstr("c=IN IP4 192.0.2.1\r\nb=CT:128\r\nt=0 0"));
  std::string had = kSdp;
  had.replace(had.find("a=rtpmap:0"), 0, "b=AS:80\r\nb=TIAS:70000\r\n");
  const auto again = out_by(R"({set_bandwidth = "AS:64"})", invite("", had));
  EXPECT_FALSE(again.has("b=AS:80"));
  EXPECT_TRUE(again.has("b=TIAS:70000"));
}

TEST(SdpRules, ADescriptionWithinAMultipartBodyIsFound) {
  const std::string body =
      "--b\r\nContent-Type: application/pidf+xml\r\n\r\n<here/>\r\n--b\r\n"
      "Content-Type: application/sdp\r\n\r\n" +
      kSdp + "\r\n--b--\r\n";
  std::string m = invite();
  m = m.substr(0, m.find("Content-Length"));
  m +=
      "Content-Type: multipart/mixed;boundary=b\r\nContent-Length: " + std::to_string(body.size()) +
      "\r\n\r\n" + body;
  const auto a = out_by(R"({remove_codecs = ["PCMU"]})", m);
  EXPECT_THAT(a.text, HasSubstr("RTP/AVP 8 18 101"));
  EXPECT_THAT(a.text, HasSubstr("<here/>"));
  expect_length(a);
}

TEST(SdpRules, WhatIsNoSessionDescriptionStays) {
  std::string m = invite();
  m = m.substr(0, m.find("Content-Length")) +
      "Content-Type: application/x\r\nContent-Length: 4\r\n\r\nm=au";
  EXPECT_FALSE(out_by(R"({remove_codecs = ["PCMU"]}, {set_ptime = 20})", m).changed);
  const auto packed = invite("Content-Encoding: gzip\r\n", kSdp);
  EXPECT_FALSE(out_by(R"({remove_codecs = ["PCMU"]})", packed).changed);
}

}  // namespace
}  // namespace causeway::rules
