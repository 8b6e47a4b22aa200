#include "sdp/read.h"

#include <gtest/gtest.h>

#include "sdp/crypto_line.h"
#include "sdp/examples.h"
#include "support/proves.h"

namespace causeway::sdp {
namespace {

std::string with(std::string_view media_part) {
  return "v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n" +
         std::string(media_part);
}

TEST(ReadAudio, UnderstandsATeamsOffer) {
  PROVES("TDM-04");
  const auto r = read_audio(examples::kTeams);
  ASSERT_TRUE(r) << r.error().what;
  EXPECT_EQ(r->media.rtp.to_string(), "52.113.7.22:50588");  // the media level c= wins
  EXPECT_EQ(r->media.rtcp.to_string(), "52.113.7.22:50589");
  EXPECT_TRUE(r->media.rtcp_mux);
  EXPECT_TRUE(r->media.secure);
  EXPECT_EQ(r->session_id, 145690u);
  EXPECT_EQ(r->version, 1u);
  EXPECT_EQ(r->wish.ptime, 20);
  EXPECT_EQ(r->wish.direction, Direction::kSendRecv);
  ASSERT_EQ(r->media.crypto.size(), 3u);
  EXPECT_EQ(r->media.crypto[0].tag, 0u);
  EXPECT_EQ(r->media.crypto[0].suite, CryptoSuite::kAesCm128HmacSha1_32);
  EXPECT_EQ(r->media.crypto[1].tag, 1u);
  EXPECT_EQ(r->media.crypto[1].suite, CryptoSuite::kAesCm128HmacSha1_80);
  EXPECT_EQ(r->media.crypto[1].lifetime, "2^31");
  EXPECT_EQ(r->media.crypto[1].mki, 1u);
  EXPECT_EQ(r->media.crypto[1].mki_length, 1);
  EXPECT_EQ(r->media.crypto[1].key_salt.size(), 30u);
  EXPECT_EQ(r->media.crypto[2].suite, CryptoSuite::kAeadAes256Gcm);
  EXPECT_EQ(r->media.crypto[2].key_salt.size(), 44u);
  ASSERT_EQ(r->wish.codecs.size(), 11u);
  EXPECT_EQ(r->wish.codecs[0].name, "SILK");
  EXPECT_EQ(r->wish.codecs[0].clock, 16000u);
  EXPECT_EQ(r->wish.codecs[4].fmtp, "annexb=no");
  EXPECT_TRUE(is_telephone_event(r->wish.codecs[8]));
}

TEST(ReadAudio, KeepsUnusedAttributesButNothingThatDescribesATransport) {
  PROVES("TDM-25");
  const auto r = read_audio(examples::kTeams);
  ASSERT_TRUE(r);
  EXPECT_EQ(r->attributes, (std::vector<std::string>{"label:main-audio"}));
}

TEST(ReadAudio, StaticTypesNeedNoRtpmap) {
  const auto r = read_audio(with("m=audio 9 RTP/AVP 0 3 4 8 9 13 18 77\r\n"));
  ASSERT_TRUE(r);
  std::string names;
  for (const auto& c : r->wish.codecs) names += c.name + " ";
  EXPECT_EQ(names, "PCMU GSM G723 PCMA G722 CN G729 ");
}

TEST(ReadAudio, RtpmapAndFmtpAreReadHoweverTheyAreSpaced) {
  const auto codec = [](const std::string& lines) {
    const auto r = read_audio(with("m=audio 9 RTP/AVP 96\r\n" + lines));
    if (!r) return std::string(error_info(r.error().code).label);
    if (r->wish.codecs.empty()) return std::string("none");
    const Codec& c = r->wish.codecs[0];
    return c.name + "/" + std::to_string(c.clock) + "/" + std::to_string(c.channels) + " " + c.fmtp;
  };
  EXPECT_EQ(codec("a=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\n"),
            "opus/48000/2 useinbandfec=1");
  EXPECT_EQ(codec("a=rtpmap: 96  opus/48000\r\na=fmtp:  96   a b \r\n"), "opus/48000/1 a b");
  EXPECT_EQ(codec("a=rtpmap:096 opus/48000 \r\n"), "opus/48000/1 ");
  EXPECT_EQ(codec("a=fmtp:96 x\r\na=rtpmap:96 a/1\r\na=fmtp:96 y\r\na=rtpmap:96 b/2\r\n"),
            "a/1/1 x")
      << "the first of each counts";
  EXPECT_EQ(codec("a=fmtp:96 x\r\n"), "none");
  EXPECT_EQ(codec("a=fmtp:96\r\na=rtpmap:96 a/1\r\n"), "a/1/1 ");
  for (const char* bad :
       {"a=rtpmap:128 a/1\r\n", "a=rtpmap:96 a\r\n", "a=rtpmap:96 a/0\r\n", "a=rtpmap:96 a/x\r\n",
        "a=rtpmap:96 a/1/0\r\n", "a=rtpmap:96 a/1/256\r\n", "a=rtpmap:96 a/4294967296\r\n",
        "a=rtpmap:x a/1\r\n", "a=rtpmap:96 /1\r\n", "a=fmtp:128 x\r\n", "a=fmtp:x y\r\n",
        "a=fmtp: \r\n"})
    EXPECT_EQ(codec(bad), "malformed") << bad;
  EXPECT_FALSE(read_audio(with("m=audio 9 RTP/AVP 0 128\r\n")));
  EXPECT_FALSE(read_audio(with("m=audio 9 RTP/AVP 0 1x\r\n")));
  EXPECT_EQ(read_audio(with("m=audio 9 RTP/AVP 8 0 8\r\n"))->wish.codecs.size(), 2u);
}

TEST(ReadAudio, AttributesOfOtherMediaDoNotLeakIn) {
  const auto r = read_audio(examples::kCore);
  ASSERT_TRUE(r);
  EXPECT_EQ(r->media_lines.size(), 3u);
  EXPECT_EQ(r->wish.direction, Direction::kSendOnly);
  EXPECT_EQ(r->media.rtcp.port, 30001);
  EXPECT_EQ(r->attributes, (std::vector<std::string>{"X-site-info:north"}));
}

TEST(ReadAudio, SessionLevelDirectionCountsUntilTheMediaLevelSpeaks) {
  EXPECT_EQ(read_audio(with("a=inactive\r\nm=audio 9 RTP/AVP 0\r\n"))->wish.direction,
            Direction::kInactive);
  EXPECT_EQ(read_audio(with("a=inactive\r\nm=audio 9 RTP/AVP 0\r\na=recvonly\r\n"))->wish.direction,
            Direction::kRecvOnly);
}

TEST(ReadAudio, ZeroAddressMeansThePeerDoesNotReceive) {
  const auto r = read_audio(with("m=audio 9 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n"));
  ASSERT_TRUE(r);
  EXPECT_EQ(r->wish.direction, Direction::kSendOnly);
  EXPECT_TRUE(r->media.rtp.address.is_unspecified());
}

TEST(ReadAudio, PrefersTheKindOfSecurityThatIsAskedFor) {
  const std::string both = with(
      "m=audio 1000 RTP/AVP 0\r\n"
      "m=audio 2000 RTP/SAVP 0\r\n"
      "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:NlZ+oH8NtEbk7nLAfH+ySxPl5eQ5gWcN4Rc7uEgt\r\n");
  EXPECT_EQ(read_audio(both, Security::kSdes)->audio_index, 1u);
  EXPECT_EQ(read_audio(both, Security::kRtp)->audio_index, 0u);
  EXPECT_EQ(read_audio(both)->audio_index, 0u);
}

TEST(ReadAudio, RefusalsNameTheLine) {
  const auto bad = read_audio(with("m=audio 9 RTP/AVP 96\r\na=rtpmap:96 opus\r\n"));
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().what.find("line 7"), std::string::npos) << bad.error().what;
  EXPECT_EQ(read_audio(with("m=image 9 udptl t38\r\n")).error().code, ErrorCode::kNotAcceptable);
  EXPECT_EQ(read_audio(with("m=audio 9 RTP/AVP 0\r\nc=IN IP4 media.example.com\r\n")).error().code,
            ErrorCode::kNotAcceptable);
  EXPECT_EQ(
      read_audio("v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\nm=audio 9 RTP/AVP 0\r\n").error().code,
      ErrorCode::kMalformed);
}

TEST(ReadAudio, APortOfZeroIsADeclinedStream) {
  const auto r = read_audio(with("m=audio 0 RTP/AVP 0\r\n"));
  ASSERT_TRUE(r);
  EXPECT_TRUE(r->declined);
}

TEST(CryptoLine, ErrorsDoNotCarryTheKey) {
  const auto r = read_crypto("1 AES_CM_128_HMAC_SHA1_80 inline:SECRETSECRET");
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().what.find("SECRET"), std::string::npos);
}

TEST(CryptoLine, EverySuiteIsReadAsItIsWrittenWithAndWithoutItsPadding) {
  SeededRandom random(1);
  Dialect d;
  d.suites = {CryptoSuite::kAesCm128HmacSha1_80, CryptoSuite::kAesCm128HmacSha1_32,
              CryptoSuite::kAesCm256HmacSha1_80, CryptoSuite::kAesCm256HmacSha1_32,
              CryptoSuite::kAeadAes128Gcm,       CryptoSuite::kAeadAes256Gcm};
  d.key_lifetime = "2^31";
  for (const Crypto& c : make_crypto(random, d)) {
    std::string line = write_crypto(c);
    const auto back = read_crypto(line);
    ASSERT_TRUE(back) << back.error().what;
    EXPECT_EQ(*back, c) << line;
    for (std::size_t at = line.find('='); at != std::string::npos; at = line.find('=')) {
      line.erase(at, 1);
      const auto bare = read_crypto(line);
      // One '=' of two is no padding.
      EXPECT_EQ(bare.has_value(), line.find('=') == std::string::npos) << line;
      if (bare) {
        EXPECT_EQ(*bare, c);
      }
    }
    line.erase(line.find('|') - 1, 1);  // a key too short
    EXPECT_FALSE(read_crypto(line)) << line;
  }
}

TEST(CryptoLine, PassesOverWhatItWouldHaveToHonour) {
  const std::string key = "NlZ+oH8NtEbk7nLAfH+ySxPl5eQ5gWcN4Rc7uEgt";
  const auto used = [&](const std::string& line) {
    const auto r = read_crypto(line);
    return r && r->has_value();
  };
  EXPECT_TRUE(used("1 AES_CM_128_HMAC_SHA1_80 inline:" + key + " WSH=64"));
  EXPECT_TRUE(used("1 AES_CM_128_HMAC_SHA1_80 inline:" + key + "|1:4 -odd"));
  EXPECT_FALSE(used("1 AES_CM_128_HMAC_SHA1_80 inline:" + key + " UNENCRYPTED_SRTP"));
  EXPECT_FALSE(used("1 AES_CM_128_HMAC_SHA1_80 inline:" + key + ";inline:" + key));
  EXPECT_FALSE(used("1 F8_128_HMAC_SHA1_80 inline:" + key));
}

}  // namespace
}  // namespace causeway::sdp
