#include "sdp/compose.h"

#include <gtest/gtest.h>

#include "sdp/crypto_line.h"
#include "sdp/examples.h"
#include "support/proves.h"

namespace causeway::sdp {
namespace {

Origin origin() { return {"-", 7, 1, IpAddress::v4(0xC6336401)}; }

Codec codec(std::uint8_t pt, const char* name, std::uint32_t clock = 8000, const char* fmtp = "") {
  return Codec{PayloadType(pt), name, clock, 1, fmtp};
}

LocalMedia local(const Dialect& d) {
  SeededRandom random(1);
  return {Endpoint{IpAddress::v4(0xC6336402), 40000}, 40001, d.rtcp_mux, make_crypto(random, d)};
}

Dialect teams() {
  Dialect d;
  d.security = Security::kSdes;
  d.key_lifetime = "2^31";
  d.hold = HoldForm::kInactiveOnly;
  d.codecs = {"PCMA", "PCMU"};
  d.ptime = 20;
  return d;
}

TEST(Compose, AnswersTheAllowedSuiteUnderItsOwnTag) {
  PROVES("TDM-03", "TDM-02");
  const auto theirs = read_audio(examples::kTeams);
  ASSERT_TRUE(theirs);
  const Dialect d = teams();
  const auto text = write_answer(origin(), *theirs, local(d), filter(theirs->wish, d), d);
  ASSERT_TRUE(text) << text.error().what;
  const auto back = read_audio(*text);
  ASSERT_TRUE(back) << back.error().what;
  ASSERT_EQ(back->media.crypto.size(), 1u);
  EXPECT_EQ(back->media.crypto[0].tag, 1u);
  EXPECT_EQ(back->media.crypto[0].suite, CryptoSuite::kAesCm128HmacSha1_80);
  EXPECT_EQ(back->media.crypto[0].lifetime, "2^31");
  EXPECT_EQ(back->media.crypto[0].key_salt, local(d).crypto[0].key_salt);
  EXPECT_NE(text->find("|2^31\r\n"), std::string::npos);
}

TEST(Compose, TowardsAStrictPeerOnlyKnownAttributesAndOneAudioLine) {
  PROVES("TDM-17", "TDM-25");
  const auto core = read_audio(examples::kCore);
  ASSERT_TRUE(core);
  const Dialect d = teams();
  const auto text = write_offer(origin(), local(d), filter(core->wish, d), d, core->attributes);
  EXPECT_EQ(text.find("X-site-info"), std::string::npos);
  EXPECT_EQ(text.find("m=image"), std::string::npos);
  EXPECT_EQ(text.find("m=video"), std::string::npos);
  EXPECT_EQ(text.find("candidate"), std::string::npos);
  EXPECT_NE(text.find("m=audio 40000 RTP/SAVP 8 0 96\r\n"), std::string::npos) << text;
  Dialect open = d;
  open.attributes = {"X-site-info"};
  EXPECT_NE(write_offer(origin(), local(d), core->wish, open, core->attributes)
                .find("a=X-site-info:north\r\n"),
            std::string::npos);
}

TEST(Compose, AnAnswerDeclinesTheOtherMediaInPlace) {
  PROVES("TDM-19");
  const auto core = read_audio(examples::kCore);
  const Dialect d;
  MediaWish chosen = core->wish;
  const auto text = write_answer(origin(), *core, local(d), chosen, d);
  ASSERT_TRUE(text);
  EXPECT_NE(text->find("m=image 0 udptl t38\r\nm=video 0 RTP/AVP 31\r\n"), std::string::npos)
      << *text;
  EXPECT_NE(text->find("m=audio 40000 RTP/AVP 8 0 96\r\n"), std::string::npos);
}

TEST(Compose, HoldTowardsAnInactiveOnlyPeer) {
  PROVES("TDR-93");
  const auto core = read_audio(examples::kCore);  // sendonly
  const Dialect d = teams();
  const auto offer = write_offer(origin(), local(d), filter(core->wish, d), d);
  EXPECT_NE(offer.find("a=inactive\r\n"), std::string::npos);
  EXPECT_EQ(offer.find("a=sendonly"), std::string::npos);
  // The peer answers inactive; the core, which said sendonly, has to see recvonly.
  MediaWish answered = filter(core->wish, d);
  answered.direction = Direction::kInactive;
  const auto restored = answer_wish(core->wish, answered, d.hold);
  ASSERT_TRUE(restored);
  EXPECT_EQ(restored->direction, Direction::kRecvOnly);
  // One that understands RFC 3264 and says inactive means it.
  EXPECT_EQ(answer_wish(core->wish, answered)->direction, Direction::kInactive);
}

TEST(Compose, AZeroAddressIsNeverWritten) {
  PROVES("TDR-94");
  std::string held = examples::kCore;
  held.replace(held.find("c=IN IP4 192.0.2.10"), 19, "c=IN IP4 0.0.0.0");
  held.replace(held.find("a=sendonly"), 10, "a=sendrecv");
  const auto core = read_audio(held);
  ASSERT_TRUE(core) << core.error().what;
  const Dialect d = teams();
  const auto text = write_offer(origin(), local(d), filter(core->wish, d), d);
  EXPECT_EQ(text.find("0.0.0.0"), std::string::npos);
  EXPECT_NE(text.find("c=IN IP4 198.51.100.2\r\n"), std::string::npos);
  EXPECT_NE(text.find("a=inactive\r\n"), std::string::npos);
}

TEST(Compose, PlainRtpWhereSrtpIsDemandedIsNotAcceptable) {
  PROVES("TDM-01");
  const auto core = read_audio(examples::kCore);
  const Dialect d = teams();
  const auto r = write_answer(origin(), *core, local(d), core->wish, d);
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, ErrorCode::kNotAcceptable);
}

TEST(Compose, AnswerUsesThePayloadTypesOfTheOffer) {
  MediaWish offered;
  offered.codecs = {codec(8, "PCMA"), codec(97, "AMR", 8000, "octet-align=1"), codec(98, "AMR"),
                    codec(101, "telephone-event")};
  MediaWish answered;
  answered.codecs = {codec(98, "amr"), codec(96, "telephone-event")};
  const auto r = answer_wish(offered, answered);
  ASSERT_TRUE(r);
  ASSERT_EQ(r->codecs.size(), 2u);
  EXPECT_EQ(r->codecs[0].pt.value, 98);
  EXPECT_EQ(r->codecs[1].pt.value, 101);
  answered.codecs = {codec(96, "telephone-event"), codec(13, "CN")};
  EXPECT_EQ(answer_wish(offered, answered).error().code, ErrorCode::kNotAcceptable);
}

TEST(Compose, FilterOrdersAndKeepsFittingEvents) {
  MediaWish w;
  w.codecs = {codec(104, "SILK", 16000),
              codec(0, "PCMU"),
              codec(8, "PCMA"),
              codec(13, "CN"),
              codec(101, "telephone-event"),
              codec(102, "telephone-event", 16000)};
  Dialect d;
  d.codecs = {"pcma", "PCMU"};
  const auto f = filter(w, d);
  ASSERT_EQ(f.codecs.size(), 3u);
  EXPECT_EQ(f.codecs[0].name, "PCMA");
  EXPECT_EQ(f.codecs[1].name, "PCMU");
  EXPECT_EQ(f.codecs[2].pt.value, 101);
}

TEST(Compose, SeparateRtcpPortAndMux) {
  PROVES("TDM-13");
  Dialect d;
  LocalMedia l = local(d);
  MediaWish w;
  w.codecs = {codec(8, "PCMA")};
  EXPECT_EQ(write_offer(origin(), l, w, d).find("a=rtcp"), std::string::npos);
  l.rtcp_port = 41000;
  EXPECT_NE(write_offer(origin(), l, w, d).find("a=rtcp:41000\r\n"), std::string::npos);
  l.rtcp_port = l.rtp.port;
  l.rtcp_mux = true;
  const auto muxed = write_offer(origin(), l, w, d);
  EXPECT_NE(muxed.find("a=rtcp:40000\r\na=rtcp-mux\r\n"), std::string::npos) << muxed;
  // An offer without it is answered without it.
  const auto core = read_audio(examples::kCore);
  EXPECT_EQ(write_answer(origin(), *core, l, core->wish, d)->find("rtcp-mux"), std::string::npos);
}

TEST(Compose, WritesIpv6) {
  Dialect d;
  LocalMedia l = local(d);
  l.rtp.address = *IpAddress::parse("2001:db8::5");
  MediaWish w;
  w.codecs = {codec(8, "PCMA")};
  const auto text = write_offer(origin(), l, w, d);
  EXPECT_NE(text.find("c=IN IP6 2001:db8::5\r\n"), std::string::npos);
  EXPECT_EQ(read_audio(text)->media.rtp, l.rtp);
}

}  // namespace
}  // namespace causeway::sdp
