#include "sdp/dtls.h"

#include <gtest/gtest.h>

#include "sdp/compose.h"
#include "sdp/read.h"
#include "support/proves.h"

namespace causeway::sdp {
namespace {

constexpr char kPrint[] =
    "sha-256 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB:3E:4B:65:2E:7D:46:3F:54:"
    "42:CD:54:F1";

std::string offer(const std::string& session, const std::string& media,
                  const std::string& proto = "UDP/TLS/RTP/SAVP") {
  return "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n" + session +
         "m=audio 4000 " + proto + " 8\r\na=rtpmap:8 PCMA/8000\r\n" + media;
}
RemoteMedia read(const std::string& text) { return read_audio(text).value().media; }
std::string print_line() { return "a=fingerprint:" + std::string(kPrint) + "\r\n"; }

Dialect dialect() {
  Dialect d;
  d.security = Security::kDtls;
  d.rtcp_mux = true;
  return d;
}
LocalMedia local(std::optional<DtlsSetup> setup = DtlsSetup::kActpass) {
  LocalMedia l;
  l.rtp = *Endpoint::parse("198.51.100.9:30000");
  l.rtcp_port = 30000;
  l.rtcp_mux = true;
  l.dtls = DtlsParameters{{*read_fingerprint(kPrint)}, setup, ""};
  return l;
}

TEST(DtlsSdp, AFingerprintIsReadAtEitherLevelAndTheOneOfTheStreamCounts) {
  const auto session = read(offer(print_line() + "a=setup:actpass\r\n", ""));
  ASSERT_TRUE(session.dtls);
  ASSERT_EQ(session.dtls->fingerprints.size(), 1U);
  EXPECT_EQ(session.dtls->fingerprints[0].hash, "sha-256");
  EXPECT_EQ(session.dtls->fingerprints[0].octets.size(), 32U);
  EXPECT_EQ(session.dtls->fingerprints[0].octets[0], 0x4a);
  EXPECT_EQ(session.dtls->setup, DtlsSetup::kActpass);
  const auto both = read(
      offer("a=fingerprint:SHA-1 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB\r\n",
            print_line() + print_line() + "a=setup:active\r\na=tls-id:abc3de65cddef001be82\r\n"));
  ASSERT_TRUE(both.dtls);
  EXPECT_EQ(both.dtls->fingerprints.size(), 2U);
  EXPECT_EQ(both.dtls->fingerprints[0].hash, "sha-256");
  EXPECT_EQ(both.dtls->tls_id, "abc3de65cddef001be82");
}

TEST(DtlsSdp, WhatCannotBeReadSaysNothing) {
  for (const char* bad :
       {"sha-256", "sha-256 4A", "md5 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B", "",
        "sha-1 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AG",
        "sha-1 4A-AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB"}) {
    EXPECT_FALSE(read_fingerprint(bad)) << bad;
    EXPECT_FALSE(read(offer("", "a=fingerprint:" + std::string(bad) + "\r\n")).dtls) << bad;
  }
  EXPECT_FALSE(read_setup("holdconn"));
  EXPECT_FALSE(read(offer("", print_line(), "RTP/SAVP")).dtls) << "no DTLS in the m= line";
}

TEST(DtlsSdp, FingerprintsAreBounded) {
  std::string many;
  for (int i = 0; i < 100; ++i) many += print_line();
  EXPECT_EQ(read(offer("", many)).dtls->fingerprints.size(), kMaxFingerprints);
}

TEST(DtlsSdp, OurOfferHasTheFingerprintAndLeavesTheRoleOpen) {
  const MediaWish wish{{{PayloadType{8}, "PCMA", 8000, 1, ""}}};
  const auto text = write_offer({}, local(), wish, dialect());
  EXPECT_NE(text.find("m=audio 30000 UDP/TLS/RTP/SAVP 8"), std::string::npos) << text;
  EXPECT_NE(text.find(print_line()), std::string::npos) << text;
  EXPECT_NE(text.find("a=setup:actpass\r\n"), std::string::npos) << text;
  EXPECT_NE(text.find("a=rtcp-mux\r\n"), std::string::npos);
  EXPECT_EQ(text.find("a=crypto"), std::string::npos);
}

TEST(DtlsSdp, WhoBeginsFollowsFromTheOfferAndFromWhatIsPlayedAlready) {
  struct Case {
    const char* offered;
    std::optional<DtlsSetup> before;
    const char* answered;
  };
  for (const Case& c : {Case{"actpass", DtlsSetup::kActpass, "active"},
                        Case{"actpass", DtlsSetup::kPassive, "passive"},
                        Case{"actpass", DtlsSetup::kActive, "active"},
                        Case{"active", DtlsSetup::kActpass, "passive"},
                        Case{"passive", DtlsSetup::kPassive, "active"}}) {
    const auto theirs =
        read_audio(offer("", print_line() + "a=rtcp-mux\r\na=setup:" + c.offered + "\r\n")).value();
    const auto text = write_answer({}, theirs, local(c.before), theirs.wish, dialect());
    ASSERT_TRUE(text) << text.error().what;
    EXPECT_NE(text->find("a=setup:" + std::string(c.answered) + "\r\n"), std::string::npos)
        << c.offered << "\n"
        << *text;
    EXPECT_NE(text->find("m=audio 30000 UDP/TLS/RTP/SAVP 8"), std::string::npos);
  }
}

TEST(DtlsSdp, AnOfferThatCannotBeServedIsRefusedWithTheReason) {
  const auto why = [](const std::string& text, Dialect d = dialect()) {
    const auto theirs = read_audio(text).value();
    const auto answer = write_answer({}, theirs, local(), theirs.wish, d);
    return answer ? std::string("accepted") : answer.error().what;
  };
  EXPECT_NE(why(offer("", "a=rtcp-mux\r\n")).find("a=fingerprint"), std::string::npos);
  EXPECT_NE(why(offer("", print_line())).find("rtcp-mux"), std::string::npos);
  const std::string inline_key =
      "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n";
  EXPECT_NE(why(offer("", inline_key, "RTP/SAVP")).find("DTLS-SRTP is needed"), std::string::npos);
  EXPECT_NE(why(offer("", "", "RTP/AVP")).find("SRTP"), std::string::npos);
  Dialect sdes;
  sdes.security = Security::kSdes;
  EXPECT_NE(why(offer("", print_line() + "a=rtcp-mux\r\n"), sdes), "accepted");
}

TEST(DtlsSdp, AnAnswerLeavesUsTheOtherPart) {
  const auto left = [](const std::string& setup) {
    return setup_left_by(read(offer("", print_line() + "a=rtcp-mux\r\n" + setup))).value();
  };
  EXPECT_EQ(left("a=setup:active\r\n"), DtlsSetup::kPassive);
  EXPECT_EQ(left("a=setup:passive\r\n"), DtlsSetup::kActive);
  EXPECT_EQ(left(""), DtlsSetup::kActive);
  EXPECT_FALSE(setup_left_by(read(offer("", "a=setup:active\r\na=rtcp-mux\r\n"))));
}

TEST(DtlsSdp, AnOfferOfBothKindsOfKeysIsAnsweredInTheKindOfThePeerGroup) {
  PROVES("MBP-09");
  const std::string both =
      "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n" +
      print_line() + "a=setup:actpass\r\na=rtcp-mux\r\n";
  const auto theirs = read_audio(offer("", both)).value();
  Dialect sdes;
  sdes.security = Security::kSdes;
  LocalMedia ours = local();
  ours.crypto = theirs.media.crypto;
  const auto text = write_answer({}, theirs, ours, theirs.wish, sdes);
  ASSERT_TRUE(text) << text.error().what;
  EXPECT_NE(text->find("a=crypto:1"), std::string::npos);
  EXPECT_EQ(text->find("a=fingerprint"), std::string::npos);
  const auto other = write_answer({}, theirs, ours, theirs.wish, dialect());
  ASSERT_TRUE(other) << other.error().what;
  EXPECT_EQ(other->find("a=crypto"), std::string::npos);
  EXPECT_NE(other->find("a=fingerprint"), std::string::npos);
}

}  // namespace
}  // namespace causeway::sdp
