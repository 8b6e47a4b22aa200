#include <gmock/gmock.h>

#include "telemetry/trail.h"

namespace causeway::telemetry {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string message(const std::string& headers, const std::string& body) {
  return "INVITE sip:+1@example.com SIP/2.0\r\nCSeq: 1 INVITE\r\n" + headers + "\r\n" + body;
}

TEST(Mask, KeysOfCryptoLines) {
  const std::string m = message("Content-Type: application/sdp\r\n",
                                "v=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 "
                                "inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^31|1:1\r\n"
                                "a=crypto:2 AES_CM_128_HMAC_SHA1_32 "
                                "INLINE:NzB4d1BINUAvLEw6UzF3WSJ+PSdFcGdUJShpX1Zj\r\na=x:y\r\n");
  const std::string out = mask(m);
  EXPECT_THAT(out, Not(HasSubstr("d0Rmdmcm")));
  EXPECT_THAT(out, Not(HasSubstr("NzB4d1BI")));
  EXPECT_THAT(out, HasSubstr("inline:****************************************|2^31|1:1\r\n"));
  EXPECT_THAT(out, HasSubstr("\r\na=x:y\r\n"));
  EXPECT_EQ(out.size(), m.size());
}

TEST(Mask, OldKeyLinesToo) {
  const std::string out =
      mask(message("", "v=0\r\nk=clear:secret\r\na=key-mgmt:mikey AQAFgM0X\r\n"));
  EXPECT_THAT(out, Not(HasSubstr("secret")));
  EXPECT_THAT(out, Not(HasSubstr("AQAFgM0X")));
}

TEST(Mask, EachFormOfAKeyIsFoundByItself) {
  for (const char* line :
       {"k=clear:secret\r\n", "a=key-mgmt:mikey secret\r\n", "a=KEY-MGMT:mikey secret\r\n",
        "a=crypto:1 X INLINE:secret\r\n", "a=acap:1 crypto:1 X inline:secret"})
    EXPECT_THAT(mask(message("", std::string("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n") + line)),
                Not(HasSubstr("secret")))
        << line;
  EXPECT_FALSE(mask_if_needed(message("", "v=0\r\ns=k=none\r\na=x:inline y:key-mgmt\r\n")));
}

TEST(Mask, APartIsFoundBehindAPreambleThatLooksLikeADescription) {
  const std::string out = mask(
      message("Content-Type: multipart/mixed; boundary=b\r\n",
              "v=0\r\n--b\r\nContent-Type: application/dtmf-relay\r\n\r\nSignal=5\r\n--b--\r\n"));
  EXPECT_THAT(out, HasSubstr("Signal=*"));
}

TEST(Mask, DigitsOfInfoBodies) {
  const std::string relay = mask(
      "INFO sip:a SIP/2.0\r\nContent-Type: application/DTMF-Relay\r\n\r\nSignal= "
      "5\r\nDuration=160\r\n");
  EXPECT_THAT(relay, Not(HasSubstr("5")));
  EXPECT_THAT(relay, HasSubstr("Duration=160"));
  const std::string bare = mask("INFO sip:a SIP/2.0\r\nc: application/dtmf\r\n\r\n7");
  EXPECT_THAT(bare, ::testing::EndsWith("\r\n\r\n*"));
  const std::string nortel = mask(
      "INFO sip:a SIP/2.0\r\nc: "
      "application/vnd.nortelnetworks.digits\r\n\r\np=Digit-Collection\r\nd=9\r\n");
  EXPECT_THAT(nortel, HasSubstr("d=*"));
  const std::string folded =
      mask("INFO sip:a SIP/2.0\r\nContent-Type:\r\n application/dtmf\r\n\r\n7\r\n");
  EXPECT_THAT(folded, Not(HasSubstr("7")));
}

TEST(Mask, LocationAloneOfAMultipartBody) {
  const std::string out = mask(
      message("Content-Type: multipart/mixed; boundary=\"b1\"\r\n",
              "--b1\r\nContent-Type: application/sdp\r\n\r\nv=0\r\ns=call\r\n\r\n--b1\r\n"
              "Content-Type: application/pidf+xml\r\nContent-ID: <loc@x>\r\n\r\n<presence>\r\n-- "
              "51.5 Main Street\r\n</presence>\r\n--b1--\r\n"));
  EXPECT_THAT(out, Not(HasSubstr("51.5")));
  EXPECT_THAT(out, Not(HasSubstr("presence")));
  EXPECT_THAT(out, HasSubstr("s=call"));
  EXPECT_THAT(out, HasSubstr("Content-ID: <loc@x>"));
  EXPECT_THAT(out, HasSubstr("\r\n--b1--\r\n"));
}

TEST(Mask, LocationAsTheWholeBodyWhateverItsFraming) {
  EXPECT_THAT(mask(message("Content-Type: application/pidf+xml\r\n", "<a>51.5</a>")),
              Not(HasSubstr("51.5")));
  // A multipart body whose boundary is not said is masked whole.
  EXPECT_THAT(mask(message("Content-Type: multipart/mixed\r\n",
                           "--q\r\nContent-Type: Application/PIDF+xml\r\n\r\n51.5")),
              Not(HasSubstr("51.5")));
  // No blank line between headers and body.
  EXPECT_THAT(mask("INVITE sip:a SIP/2.0\r\nContent-Type: application/pidf+xml\r\n<gml:pos>51.5"),
              Not(HasSubstr("51.5")));
}

TEST(Mask, NothingToMaskIsSeenWithoutACopy) {
  EXPECT_FALSE(mask_if_needed(
      "OPTIONS sip:a SIP/2.0\r\nAccept: application/dtmf-relay, application/pidf+xml\r\n\r\n"));
  EXPECT_FALSE(mask_if_needed(message("Accept: application/dtmf\r\n", "v=0\r\na=sendrecv\r\n")));
  EXPECT_FALSE(mask_if_needed(""));
}

TEST(Mask, DigitsInNotifyAreHiddenWhateverOctetsTheyAre) {
  const std::string head =
      "NOTIFY sip:a SIP/2.0\r\nEvent: telephone-event;rate=1000\r\n"
      "Content-Type: audio/telephone-event\r\nContent-Length: 4\r\n\r\n";
  for (const char event : {'\x07', '\x0a', '\x0d'})
    EXPECT_EQ(mask(head + event + std::string("\x8a\x00\xa0", 3)), head + "****");
  EXPECT_FALSE(
      mask_if_needed("INVITE sip:a SIP/2.0\r\n\r\nv=0\r\nm=audio 4 RTP/AVP 101\r\n"
                     "a=rtpmap:101 telephone-event/8000\r\n"));
}

}  // namespace
}  // namespace causeway::telemetry
