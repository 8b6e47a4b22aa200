#include "sdp/ice.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "sdp/crypto_line.h"
#include "sdp/read.h"
#include "support/proves.h"

namespace causeway::sdp {
namespace {

// A bypass offer: full ICE, SDES, candidates of every kind.
constexpr char kOffer[] =
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=session\r\nc=IN IP4 203.0.113.4\r\nb=CT:10000000\r\n"
    "t=0 0\r\nm=audio 51224 RTP/SAVP 104 8 0 101\r\nc=IN IP4 203.0.113.4\r\na=rtcp:51225\r\n"
    "a=ice-ufrag:pxTY\r\na=ice-pwd:AhMqTHERzF0VqOjZ5uSkcS/l\r\n"
    "a=candidate:1 1 UDP 2130706431 192.168.0.5 50014 typ host \r\n"
    "a=candidate:1 2 UDP 2130705918 192.168.0.5 50015 typ host \r\n"
    "a=candidate:2 1 tcp-act 1684797951 192.168.0.5 50000 typ srflx raddr 192.168.0.5 rport "
    "50000\r\n"
    "a=candidate:3 1 UDP 1694234623 203.0.113.4 51224 typ srflx raddr 192.168.0.5 rport 50014\r\n"
    "a=candidate:4 1 UDP 1677721855 [2001:db8::9] 50016 typ prflx\r\n"
    "a=candidate:5 1 udp 184547583 198.51.100.7 3478 typ relay raddr 203.0.113.4 rport 51224\r\n"
    "a=candidate:6 1 UDP 2113937151 0f2a7e0c.local 50014 typ host\r\n"
    "a=candidate:7 1 UDP 1 192.0.2.1 0 typ host\r\na=candidate:nonsense\r\n"
    "a=rtpmap:104 SILK/16000\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n";

std::optional<IceParameters> read(std::string_view text) {
  const auto d = parse(text);
  if (!d) return std::nullopt;
  const auto offer = read_audio(*d);
  return offer ? read_ice(*d, offer->audio_index) : std::nullopt;
}

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  const auto at = text.find(what);
  if (at != std::string::npos) text.replace(at, what.size(), with);
  return text;
}

TEST(Ice, ABypassOfferIsRead) {
  const auto ice = read(kOffer);
  ASSERT_TRUE(ice);
  EXPECT_EQ(ice->ufrag, "pxTY");
  EXPECT_EQ(ice->pwd, "AhMqTHERzF0VqOjZ5uSkcS/l");
  EXPECT_FALSE(ice->lite);
  ASSERT_EQ(ice->candidates.size(), 5u);
  EXPECT_EQ(ice->candidates[0], (IceCandidate{"1", *Endpoint::parse("192.168.0.5:50014"),
                                              2'130'706'431, 1, CandidateType::kHost}));
  EXPECT_EQ(ice->candidates[1].component, 2);
  EXPECT_EQ(ice->candidates[2].type, CandidateType::kServerReflexive);
  EXPECT_EQ(ice->candidates[3].address, *Endpoint::parse("[2001:db8::9]:50016"));
  EXPECT_EQ(ice->candidates[4].type, CandidateType::kRelayed);
  EXPECT_TRUE(default_is_candidate(*ice, *Endpoint::parse("203.0.113.4:51224")));
  EXPECT_FALSE(default_is_candidate(*ice, *Endpoint::parse("203.0.113.4:9")));
}

TEST(Ice, AttributesMeanTheSameAtEitherLevel) {
  const auto at_media = read(kOffer);
  std::string moved = replaced(kOffer, "a=ice-ufrag:pxTY\r\n", "");
  moved = replaced(moved, "a=ice-pwd:AhMqTHERzF0VqOjZ5uSkcS/l\r\n", "");
  moved = replaced(moved, "t=0 0\r\n",
                   "t=0 0\r\na=ice-ufrag:pxTY\r\na=ice-pwd:AhMqTHERzF0VqOjZ5uSkcS/l\r\n");
  EXPECT_EQ(read(moved), at_media);
  // The section's own counts.
  const auto both = read(replaced(
      kOffer, "t=0 0\r\n", "t=0 0\r\na=ice-ufrag:other\r\na=ice-pwd:xxxxxxxxxxxxxxxxxxxxxxxx\r\n"));
  EXPECT_EQ(both, at_media);
}

TEST(Ice, TheFinalOfferNamesThePairInUse) {
  const auto ice =
      read(replaced(kOffer, "a=sendrecv",
                    "a=remote-candidates:1 192.0.2.50 40000 2 192.0.2.50 40001\r\na=sendrecv"));
  ASSERT_TRUE(ice);
  ASSERT_EQ(ice->remote_candidates.size(), 2u);
  EXPECT_EQ(ice->remote_candidates[0].address, *Endpoint::parse("192.0.2.50:40000"));
  EXPECT_EQ(ice->remote_candidates[1].component, 2);
  EXPECT_EQ(ice->ufrag, read(kOffer)->ufrag);
  for (const char* bad : {"1", "1 x 5", "0 192.0.2.1 5", "1 192.0.2.1 70000", ""})
    EXPECT_TRUE(read(replaced(kOffer, "a=sendrecv",
                              std::string("a=remote-candidates:") + bad + "\r\na=sendrecv"))
                    ->remote_candidates.empty())
        << bad;
}

TEST(Ice, WithoutCredentialsOrWithBadOnesThereIsNone) {
  EXPECT_FALSE(read(replaced(kOffer, "a=ice-ufrag:pxTY\r\n", "")));
  EXPECT_FALSE(read(replaced(kOffer, "a=ice-pwd:AhMqTHERzF0VqOjZ5uSkcS/l\r\n", "")));
  EXPECT_FALSE(read(replaced(kOffer, "pxTY", "px")));
  EXPECT_FALSE(read(replaced(kOffer, "pxTY", "px:Y")));
  EXPECT_FALSE(read(replaced(kOffer, "AhMqTHERzF0VqOjZ5uSkcS/l", "tooshort")));
  EXPECT_FALSE(read_ice(*parse(kOffer), 7));
}

TEST(Ice, ManyCandidatesAreBounded) {
  std::string many;
  for (int i = 0; i < 200; ++i) many += "a=candidate:1 1 UDP 5 192.0.2.1 40000 typ host\r\n";
  EXPECT_EQ(read(replaced(kOffer, "a=sendrecv", many + "a=sendrecv"))->candidates.size(),
            kMaxCandidates);
}

struct Ours {
  Dialect dialect;
  LocalMedia local;
  MediaWish wish;
  Origin origin;
  Ours() {
    dialect.ice_lite = true;
    local.rtp = *Endpoint::parse("192.0.2.50:40000");
    local.rtcp_port = 40'001;
    local.ice = IceParameters{.ufrag = "gate", .pwd = "gatewaypasswordof24chars", .lite = true};
    wish.codecs = {{PayloadType(8), "PCMA"}};
    origin.address = local.rtp.address;
  }
};

TEST(Ice, OurOfferHasOneHostCandidateForEachComponent) {
  Ours o;
  const std::string text = write_offer(o.origin, o.local, o.wish, o.dialect);
  EXPECT_NE(text.find("t=0 0\r\na=ice-lite\r\nm=audio"), std::string::npos) << text;
  EXPECT_NE(text.find("a=ice-ufrag:gate\r\na=ice-pwd:gatewaypasswordof24chars\r\n"
                      "a=candidate:1 1 UDP 2130706431 192.0.2.50 40000 typ host\r\n"
                      "a=candidate:1 2 UDP 2130706430 192.0.2.50 40001 typ host\r\n"),
            std::string::npos)
      << text;
  const auto back = read(text);
  ASSERT_TRUE(back);
  EXPECT_TRUE(back->lite);
  EXPECT_EQ(back->ufrag, "gate");
  EXPECT_EQ(back->candidates.size(), 2u);
  EXPECT_TRUE(default_is_candidate(*back, o.local.rtp));
  o.local.rtcp_mux = true;
  o.local.rtcp_port = 40'000;
  EXPECT_EQ(read(write_offer(o.origin, o.local, o.wish, o.dialect))->candidates.size(), 1u);
}

TEST(Ice, IsNotWrittenToPeersWithoutItOrThatDidNotOfferIt) {
  Ours o;
  o.dialect.ice_lite = false;
  EXPECT_EQ(write_offer(o.origin, o.local, o.wish, o.dialect).find("ice"), std::string::npos);
  o.dialect.ice_lite = true;
  o.dialect.security = Security::kSdes;
  SeededRandom random(1);
  o.local.crypto = make_crypto(random, o.dialect);
  const std::string with_key =
      replaced(kOffer, "a=sendrecv",
               "a=crypto:1 AES_CM_128_HMAC_SHA1_80 "
               "inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\na=sendrecv");
  const auto d = parse(with_key);
  auto offer = read_audio(*d);
  ASSERT_TRUE(offer) << offer.error().what;
  const auto without = write_answer(o.origin, *offer, o.local, o.wish, o.dialect);
  ASSERT_TRUE(without) << without.error().what;
  EXPECT_EQ(without->find("ice"), std::string::npos);
  offer->media.ice = read_ice(*d, offer->audio_index);
  const auto with = write_answer(o.origin, *offer, o.local, o.wish, o.dialect);
  ASSERT_TRUE(with);
  EXPECT_NE(with->find("a=ice-lite"), std::string::npos);
  EXPECT_NE(with->find("a=candidate:1 1 UDP"), std::string::npos);
}

TEST(Ice, AnOfferThatWouldAlsoTakeDtlsIsAnsweredWithItsKeys) {
  PROVES("MBP-09");
  const std::string text = replaced(replaced(kOffer, "RTP/SAVP", "UDP/TLS/RTP/SAVP"), "a=sendrecv",
                                    "a=crypto:2 AES_CM_128_HMAC_SHA1_80 "
                                    "inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n"
                                    "a=fingerprint:sha-256 00:11\r\na=setup:actpass\r\na=sendrecv");
  const auto offer = read_audio(text);
  ASSERT_TRUE(offer) << offer.error().what;
  EXPECT_TRUE(offer->media.secure);
  Ours o;
  o.dialect.security = Security::kSdes;
  SeededRandom random(1);
  o.local.crypto = make_crypto(random, o.dialect);
  const auto answer = write_answer(o.origin, *offer, o.local, o.wish, o.dialect);
  ASSERT_TRUE(answer) << answer.error().what;
  EXPECT_NE(answer->find("UDP/TLS/RTP/SAVP"), std::string::npos);
  EXPECT_NE(answer->find("a=crypto:2 AES_CM_128_HMAC_SHA1_80"), std::string::npos);
  EXPECT_EQ(answer->find("fingerprint"), std::string::npos);
  // Keys by DTLS alone are not taken.
  const auto alone = read_audio(replaced(kOffer, "RTP/SAVP", "UDP/TLS/RTP/SAVPF"));
  ASSERT_TRUE(alone);
  const auto refused = write_answer(o.origin, *alone, o.local, o.wish, o.dialect);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kNotAcceptable);
}

}  // namespace
}  // namespace causeway::sdp
