#include "lab/sdp_text.h"

#include <gtest/gtest.h>

namespace causeway::lab {
namespace {

SdpToWrite offer() {
  SdpToWrite s;
  s.id = 7;
  s.version = 3;
  s.address = IpAddress::v4(0x7f00000b);
  s.port = 20000;
  s.secure = true;
  s.formats = {8, 0, 101};
  s.crypto = {{0, "AES_CM_128_HMAC_SHA1_32", std::string(30, 'a'), "2^31", false},
              {1, "AES_CM_128_HMAC_SHA1_80", std::string(30, 'b'), "2^31", false}};
  return s;
}

TEST(SdpText, reads_what_it_writes) {
  auto w = offer();
  for (const Way way : {Way::kSendRecv, Way::kSendOnly, Way::kRecvOnly, Way::kInactive}) {
    w.way = way;
    const auto s = parse_sdp(write_sdp(w));
    ASSERT_TRUE(s);
    EXPECT_EQ(s->way, way);
    EXPECT_EQ(s->address, w.address);
    EXPECT_EQ(s->port, 20000);
    EXPECT_EQ(s->rtcp_port, 20001);
    EXPECT_EQ(s->protocol, "RTP/SAVP");
    EXPECT_EQ(s->formats, w.formats);
    EXPECT_EQ(s->crypto, w.crypto);
    EXPECT_EQ(s->origin_version, "3");
    EXPECT_EQ(s->telephone_event(), 101);
  }
}

TEST(SdpText, reads_keys_with_lifetime_and_mki) {
  const auto s = parse_sdp(
      "v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio 1000 RTP/SAVP 8\r\n"
      "a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:" +
      to_base64(std::string(30, 'k')) + "|2^31|1:1\r\n");
  ASSERT_TRUE(s);
  ASSERT_EQ(s->crypto.size(), 1U);
  EXPECT_EQ(s->crypto[0].tag, 2);
  EXPECT_EQ(s->crypto[0].key, std::string(30, 'k'));
  EXPECT_EQ(s->crypto[0].lifetime, "2^31");
  EXPECT_TRUE(s->crypto[0].mki);
}

TEST(SdpText, knows_the_old_form_of_hold) {
  auto w = offer();
  w.zero_address = true;
  EXPECT_TRUE(parse_sdp(write_sdp(w))->address.is_unspecified());
}

TEST(SdpText, refuses_what_has_no_audio_or_no_sense) {
  EXPECT_FALSE(parse_sdp(""));
  EXPECT_FALSE(parse_sdp("v=0\r\nm=video 1 RTP/AVP 96\r\n"));
  EXPECT_FALSE(parse_sdp("v=0\r\nc=IN IP4 nowhere\r\nm=audio 1 RTP/AVP 8\r\n"));
  EXPECT_FALSE(parse_sdp("m=audio 1 RTP/SAVP 8\r\na=crypto:1 X inline:%%%%\r\n"));
}

TEST(SdpText, answers_directions_as_rfc_3264_says) {
  EXPECT_EQ(answer_to(Way::kSendOnly), Way::kRecvOnly);
  EXPECT_EQ(answer_to(Way::kRecvOnly), Way::kSendOnly);
  EXPECT_EQ(answer_to(Way::kInactive), Way::kInactive);
}

}  // namespace
}  // namespace causeway::lab
