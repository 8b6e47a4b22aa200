// b= lines: read at both levels, and what they leave of an offer.
#include <gtest/gtest.h>

#include "sdp/compose.h"
#include "sdp/read.h"

namespace causeway::sdp {
namespace {

RemoteOffer offer(const std::string& session, const std::string& media,
                  const std::string& formats = "9 0 111 8") {
  const auto r = read_audio("v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\n" +
                            session + "t=0 0\r\nm=audio 4000 RTP/AVP " + formats + "\r\n" + media +
                            "a=rtpmap:111 opus/48000/2\r\n");
  EXPECT_TRUE(r);
  return r ? *r : RemoteOffer{};
}
std::string names(const RemoteOffer& o) {
  std::string out;
  for (const Codec& c : o.wish.codecs) out += (out.empty() ? "" : " ") + c.name;
  return out;
}

TEST(Bandwidth, OfTheMediaCountsBeforeThatOfTheSession) {
  const auto o =
      offer("b=AS:500\r\nb=RS:0\r\n", "b=TIAS:40000\r\nb=AS:64\r\nb=RR:0\r\nb=X-o:1\r\n");
  EXPECT_EQ(o.media.bandwidth, (Bandwidth{.as_kbps = 64, .tias = 40'000, .rs = 0, .rr = 0}));
  EXPECT_EQ(offer("", "b=AS:\r\nb=TIAS:-1\r\nb=\r\nb=AS:99999999999\r\n").media.bandwidth,
            Bandwidth{});
}

TEST(Bandwidth, WhatDoesNotFitIsNoWishWhereAnotherIsLeft) {
  EXPECT_EQ(names(offer("", "")), "G722 PCMU opus PCMA");
  EXPECT_EQ(names(offer("", "b=TIAS:64000\r\n")), "G722 PCMU opus PCMA");
  EXPECT_EQ(names(offer("", "b=AS:64\r\n")), "G722 PCMU opus PCMA") << "many mean the codec alone";
  EXPECT_EQ(names(offer("", "b=TIAS:40000\r\n")), "opus");
  EXPECT_EQ(names(offer("b=AS:40\r\n", "")), "opus");
  EXPECT_EQ(names(offer("", "b=AS:0\r\n")), "G722 PCMU opus PCMA");
  EXPECT_EQ(names(offer("", "b=AS:20\r\n", "0 8")), "PCMU PCMA") << "there is no other";
}

TEST(Bandwidth, OfOursIsWrittenBehindTheMediaLine) {
  Dialect d;
  d.bandwidth = 80;
  MediaWish w;
  w.codecs = {{PayloadType{8}, "PCMA", 8'000, 1, ""}};
  const LocalMedia local{Endpoint{IpAddress::v4(0xC6336402), 40000}, 40001, false, {}, {}};
  const std::string text = write_offer({"-", 7, 1, IpAddress::v4(0xC6336401)}, local, w, d);
  EXPECT_NE(text.find("m=audio 40000 RTP/AVP 8\r\nb=AS:80\r\na="), std::string::npos) << text;
  EXPECT_EQ(read_audio(text)->media.bandwidth.as_kbps, 80u);
  d.bandwidth = 0;
  EXPECT_EQ(write_offer({"-", 7, 1, IpAddress::v4(0xC6336401)}, local, w, d).find("b="),
            std::string::npos);
}

}  // namespace
}  // namespace causeway::sdp
