// Between INVITE and 2xx: phones of one call that ring side by side, and reliable provisional
// answers on either leg.
#include <algorithm>
#include <utility>

#include "rtp/packet.h"
#include "rtp/srtp.h"
#include "scenario/fixture.h"
#include "sdp/crypto_line.h"

namespace causeway::scenario {
namespace {

std::string tag_of(const sip::Message& m, HeaderId id) {
  return std::string(sip::parse_name_addr(m.value(id))->tag());
}

class ForkTest : public CallTest {
 protected:
  PeerDialog d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  sip::Message inv = cloud.expect("INVITE");
  void ring(int status, const std::string& tag, const std::string& body = "",
            const std::string& headers = "") {
    cloud.reply(inv, status,
                "Contact: <sip:" + tag + "@sip.pstnhub.example:5061;transport=tls>\r\n" + headers,
                body, tag);
    core.expect(std::to_string(status));
  }
  sip::Message answer(const std::string& tag, const std::string& body) {
    cloud.reply(inv, 200, "Contact: <sip:" + tag + "@sip.pstnhub.example:5061;transport=tls>\r\n",
                body, tag);
    auto ok = core.expect("200 INVITE");
    core.learn(d, ok);
    core.ack(d);
    rig.run(Millis(100));
    return ok;
  }
  void expect_up(const std::string& tag) {
    auto ack = cloud.expect("ACK");
    EXPECT_EQ(tag_of(ack, HeaderId::kTo), tag);
    EXPECT_EQ(ack.request_uri(), "sip:" + tag + "@sip.pstnhub.example:5061;transport=tls");
    rig.run(Seconds(10));
    EXPECT_EQ(cloud.count("INVITE"), 1U) << "nothing more to say";
    EXPECT_EQ(core.count("INVITE"), 0U) << "nothing more to say";
    core.request(d, "BYE");
    core.expect("200 BYE");
    auto bye = cloud.expect("BYE");
    EXPECT_EQ(tag_of(bye, HeaderId::kTo), tag);
    cloud.reply(bye, 200);
    expect_clean(1);
    EXPECT_EQ(rig.records[0].termination, "completed");
  }
  // Does what the core sends come to that port of the service?
  std::size_t heard_at(std::uint16_t port, const Endpoint& gateway) {
    if (port != std::exchange(open_, port)) cloud.open_rtp(port);
    cloud.rtp.clear();
    core.send_rtp(gateway, 5);
    rig.run(Millis(50));
    return static_cast<std::size_t>(
        std::count_if(cloud.rtp.begin(), cloud.rtp.end(),
                      [](const auto& r) { return r.bytes.size() > 172; }));  // not RTCP
  }
  std::uint16_t open_ = 0;
};
INSTANTIATE_TEST_SUITE_P(Modes, ForkTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(ForkTest, TheLatestThatSpeaksIsHeardAndTheOneThatAnswersStays) {
  PROVES("TDR-72", "TDR-73");
  core.open_rtp(40000);
  ring(180, "a");
  ring(180, "b");
  cloud.reply(inv, 183, "Contact: <sip:b@sip.pstnhub.example:5061;transport=tls>\r\n",
              secure_sdp("10.2.0.1", 50000), "b");
  const Endpoint gateway = media_of(core.expect("183").body());
  EXPECT_EQ(heard_at(50000, gateway), 5U);
  ring(183, "c", secure_sdp("10.2.0.1", 50020));
  EXPECT_EQ(heard_at(50020, gateway), 5U) << "the latest";
  ring(180, "a");
  EXPECT_EQ(heard_at(50020, gateway), 5U) << "ringing alone changes nothing";
  const auto ok = answer("b", secure_sdp("10.2.0.1", 50000));
  EXPECT_EQ(media_of(ok.body()), gateway);
  EXPECT_EQ(heard_at(50000, gateway), 5U);
  expect_up("b");
}

// Packets of one payload type and fill that came to the core since it was asked last.
std::size_t heard_by(Peer& core, int type, std::uint8_t fill) {
  const auto n = std::count_if(core.rtp.begin(), core.rtp.end(), [&](const auto& r) {
    return r.bytes.size() == 172 && (r.bytes[1] & 0x7f) == type && r.bytes[100] == fill;
  });
  core.rtp.clear();
  return static_cast<std::size_t>(n);
}

// Forks with another codec, port and key each: what the caller was shown stays as it is.
TEST_P(ForkTest, ForksWithOtherCodecsAndKeysAreNotSeenByTheCaller) {
  const auto speak = [&](const std::string& said, std::uint16_t port, int type) {
    if (port != std::exchange(open_, port)) cloud.open_rtp(port);
    const auto c = sdp::read_crypto(line_of(said, "a=crypto:").substr(9));
    rtp::SrtpKey k;
    std::copy((*c)->key_salt.begin(), (*c)->key_salt.end(), k.key_salt.begin());
    auto out = rtp::Srtp::create(k);
    for (std::uint16_t i = 0; i < 5; ++i) {
      std::vector<std::byte> p(172 + rtp::Srtp::kMaxExpansion, std::byte{0xff});  // silence of PCMU
      rtp::write_header(std::span<std::byte, rtp::kMinHeader>(p.data(), rtp::kMinHeader),
                        {.ssrc = port,
                         .timestamp = i * 160u,
                         .sequence = static_cast<std::uint16_t>(i + 7),
                         .payload_type = static_cast<std::uint8_t>(type)});
      const auto r = out->protect_rtp(std::span(p).first(172));
      cloud.send_packet(media_of(inv.body()), std::span(p).first(r.size));
      rig.run(Millis(20));
    }
  };
  core.open_rtp(40000);
  const std::string first =
      secure_sdp("10.2.0.1", 50000, "sendrecv", 1, "8 PCMA/8000,101 telephone-event/8000");
  std::string second =
      secure_sdp("10.2.0.1", 50020, "sendrecv", 1, "0 PCMU/8000,101 telephone-event/8000");
  const auto key = second.find("inline:A");
  second.replace(key, 8, "inline:B");
  cloud.reply(inv, 183, "Contact: <sip:a@sip.pstnhub.example:5061;transport=tls>\r\n", first, "a");
  const std::string shown(core.expect("183").body());
  EXPECT_EQ(line_of(shown, "m=audio").substr(line_of(shown, "m=audio").find(" RTP")),
            " RTP/AVP 8 101");
  speak(first, 50000, 8);
  EXPECT_EQ(heard_by(core, 8, 0xff), 5U);
  cloud.reply(inv, 183, "Contact: <sip:b@sip.pstnhub.example:5061;transport=tls>\r\n", second, "b");
  EXPECT_EQ(core.expect("183").body(), shown) << "the same answer, to the octet";
  speak(second, 50020, 0);
  EXPECT_EQ(heard_by(core, 8, 0xd5), 5U) << "PCMU of the second fork, as PCMA";
  const auto ok = answer("b", second);
  EXPECT_EQ(ok.body(), shown);
  speak(second, 50020, 0);
  core.rtp.clear();
  cloud.rtp.clear();
  core.send_rtp(media_of(shown), 5);
  rig.run(Millis(50));
  EXPECT_GE(std::count_if(
                cloud.rtp.begin(), cloud.rtp.end(),
                [](const auto& r) { return r.bytes.size() == 182 && (r.bytes[1] & 0x7f) == 0; }),
            5)
      << "PCMA of the caller, as PCMU; silence of ours may be among it";
  expect_up("b");
}

TEST_P(ForkTest, AnAnswerWithoutSdpIsWhatThatPhoneSaidBefore) {
  core.open_rtp(40000);
  ring(183, "b", secure_sdp("10.2.0.1", 50000));
  ring(183, "c", secure_sdp("10.2.0.1", 50020));
  const auto ok = answer("b", "");
  // The silence before the first packet may be among them.
  EXPECT_GE(heard_at(50000, media_of(ok.body())), 5U);
  expect_up("b");
}

TEST_P(ForkTest, AnAnswerWithoutAnySdpOfItsOwnEndsTheCall) {
  ring(183, "b", secure_sdp("10.2.0.1", 50000));
  cloud.reply(inv, 200, "", "", "c");
  EXPECT_EQ(tag_of(cloud.expect("ACK"), HeaderId::kTo), "c");
  cloud.reply(cloud.expect("BYE"), 200);
  (void)failure(core, d, 488);
  expect_clean(1);
}

TEST_P(ForkTest, APhoneThatNeverRangAnswersAfterOthersDid) {
  PROVES("TDR-75");
  ring(180, "a");
  ring(183, "b", secure_sdp("10.2.0.1", 50000, "inactive", 1, "0 PCMU/8000"));
  const auto ok = answer("z", secure_sdp("10.2.0.1", 50040));
  EXPECT_EQ(direction_of(ok.body()), "sendrecv");
  // The caller was shown PCMU, and an answer does not change within its dialog (RFC 3261 13.2.1).
  EXPECT_NE(ok.body().find("m=audio"), std::string_view::npos);
  EXPECT_NE(ok.body().find("PCMU"), std::string_view::npos) << ok.body();
  expect_up("z");
}

TEST_P(ForkTest, RoutesAndTargetsAreOfThePhoneThatAnswers) {
  rig.zone.set_a("sip-du.pstnhub.example", {"10.2.0.5"});
  Peer proxy(rig, "proxy", "10.2.0.5:5061", Transport::kTls, {"sip-du.pstnhub.example"});
  proxy.gateway = "10.0.0.2:5061";
  ring(183, "a", secure_sdp("10.2.0.1", 50000),
       "Record-Route: <sip:sip-du.pstnhub.example:5061;transport=tls;lr>\r\n");
  ring(180, "b");
  (void)answer("b", secure_sdp("10.2.0.1", 50020));
  EXPECT_TRUE(proxy.received.empty());
  expect_up("b");
}

TEST_P(ForkTest, MorePhonesThanAreKeptRingAndMayAnswer) {
  for (int i = 0; i < 20; ++i)
    ring(183, "f" + std::to_string(i), secure_sdp("10.2.0.1", 50000 + 2 * i));
  (void)answer("f19", secure_sdp("10.2.0.1", 50038));
  expect_up("f19");
}

TEST_P(ForkTest, OthersThatAnswerLateAreHungUp) {
  ring(183, "a", secure_sdp("10.2.0.1", 50000));
  ring(183, "b", secure_sdp("10.2.0.1", 50020));
  (void)answer("a", secure_sdp("10.2.0.1", 50000));
  EXPECT_EQ(tag_of(cloud.expect("ACK"), HeaderId::kTo), "a");
  cloud.reply(inv, 200, "", secure_sdp("10.2.0.1", 50020), "b");
  EXPECT_EQ(tag_of(cloud.expect("ACK"), HeaderId::kTo), "b");
  auto bye = cloud.expect("BYE");
  EXPECT_EQ(tag_of(bye, HeaderId::kTo), "b");
  cloud.reply(bye, 200);
  core.request(d, "BYE");
  core.expect("200 BYE");
  cloud.reply(cloud.expect("BYE"), 200);
  expect_clean(1);
}

// --- Reliable provisional answers ----------------------------------------------------------------

ConfigOptions reliable(const std::string& core, const std::string& cloud) {
  ConfigOptions o;
  o.top = "[[profile]]\nname = \"core-rel\"\nextends = \"operator\"\nreliable_provisionals = \"" +
          core + "\"\n";
  o.core_profile = "core-rel";
  o.service = "reliable_provisionals = \"" + cloud + "\"\n";
  return o;
}

class ReliableTest : public CallTest {
 protected:
  explicit ReliableTest(const ConfigOptions& o = reliable("supported", "required"))
      : CallTest(make_config(o)) {}
  static std::string rel(int rseq) {
    return "Require: 100rel\r\nRSeq: " + std::to_string(rseq) + "\r\n";
  }
  // PRACK for what came; its 200.
  sip::Message prack(PeerDialog& d, const sip::Message& response, const std::string& body = "") {
    core.learn(d, response);
    core.request(d, "PRACK",
                 "RAck: " + std::string(response.value(HeaderId::kRSeq)) + " 1 INVITE\r\n", body);
    return core.expect("200 PRACK");
  }
  PeerDialog calls(const std::string& body = sdp("10.1.0.1", 40000)) {
    return core.invite("+4989123", "Require: 100rel\r\n", body);
  }
  void core_ends(PeerDialog& d) {
    core.request(d, "BYE");
    core.expect("200 BYE");
    cloud.reply(cloud.expect("BYE"), 200);
    expect_clean(1);
    EXPECT_EQ(rig.records[0].termination, "completed");
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, ReliableTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(ReliableTest, WhatACalleeSaysIsAcknowledgedInOrderAndOnce) {
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  auto inv = cloud.expect("INVITE");
  EXPECT_EQ(inv.value(HeaderId::kRequire), "100rel");
  EXPECT_NE(inv.value(HeaderId::kSupported).find("100rel"), std::string_view::npos);
  EXPECT_NE(inv.value(HeaderId::kAllow).find("PRACK"), std::string_view::npos);
  cloud.reply(inv, 183, rel(700), secure_sdp("10.2.0.1", 50000));
  auto prack = cloud.expect("PRACK");
  EXPECT_EQ(prack.value(HeaderId::kRAck), "700 1 INVITE");
  EXPECT_EQ(tag_of(prack, HeaderId::kTo), "peer");
  EXPECT_EQ(prack.value(HeaderId::kCSeq), "2 PRACK");
  cloud.reply(prack, 200);
  auto ringing = core.expect("183");
  EXPECT_FALSE(ringing.has(HeaderId::kRSeq)) << "the caller did not ask for it";
  EXPECT_NE(line_of(ringing.body(), "m=audio"), "");
  cloud.reply(inv, 183, rel(700), secure_sdp("10.2.0.1", 50000));  // again
  cloud.reply(inv, 180, rel(702));                                 // 701 is missing
  rig.run(Seconds(1));
  EXPECT_EQ(cloud.count("PRACK"), 1U);
  EXPECT_EQ(core.count("183 INVITE"), 1U);
  EXPECT_FALSE(core.has("180"));
  cloud.reply(inv, 180, rel(701));
  cloud.reply(cloud.expect("PRACK"), 200);
  core.expect("180");
  // All was agreed: no SDP comes any more.
  cloud.reply(inv, 200);
  auto ok = core.expect("200 INVITE");
  EXPECT_NE(line_of(ok.body(), "m=audio"), "");
  core.learn(d, ok);
  core.request(d, "ACK", "", "", 1);
  cloud.expect("ACK");
  rig.run(Seconds(10));
  EXPECT_FALSE(cloud.has("INVITE"));
  core_ends(d);
}

TEST_P(ReliableTest, EachEarlyDialogCountsForItself) {
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  auto inv = cloud.expect("INVITE");
  for (const auto& [tag, rseq] : {std::pair{"a", 10}, {"b", 900}, {"a", 11}, {"b", 901}}) {
    cloud.reply(inv, 180, rel(rseq), "", tag);
    auto prack = cloud.expect("PRACK");
    EXPECT_EQ(tag_of(prack, HeaderId::kTo), tag);
    EXPECT_EQ(prack.value(HeaderId::kRAck), std::to_string(rseq) + " 1 INVITE");
    EXPECT_EQ(prack.cseq(), rseq % 2 == 0 ? 2U : 3U);
    cloud.reply(prack, 200);
  }
  cloud.reply(inv, 200, "", secure_sdp("10.2.0.1", 50000), "b");
  core.learn(d, core.expect("200 INVITE"));
  core.request(d, "ACK", "", "", 1);
  cloud.expect("ACK");
  rig.run(Millis(100));
  core.request(d, "BYE");
  core.expect("200 BYE");
  auto bye = cloud.expect("BYE");
  EXPECT_EQ(bye.cseq(), 4U) << "above the PRACKs of its dialog";
  cloud.reply(bye, 200);
  expect_clean(1);
}

TEST_P(ReliableTest, WhatTheCallerIsToldIsRepeatedUntilItsPrack) {
  auto d = calls();
  auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 180);
  auto ringing = core.expect("180");
  EXPECT_EQ(ringing.value(HeaderId::kRequire), "100rel");
  ASSERT_TRUE(ringing.has(HeaderId::kRSeq));
  rig.run(Millis(1600));
  EXPECT_EQ(core.count("180 INVITE"), 3U);
  // A PRACK of something else fits nothing.
  core.learn(d, ringing);
  core.request(d, "PRACK", "RAck: 1 77 INVITE\r\n");
  core.expect("481 PRACK");
  core.request(d, "PRACK", "RAck: nonsense\r\n");
  core.expect("400 PRACK");
  (void)prack(d, ringing);
  rig.run(Seconds(20));
  EXPECT_EQ(core.count("180 INVITE"), 3U);
  core.request(d, "PRACK",
               "RAck: " + std::string(ringing.value(HeaderId::kRSeq)) + " 1 INVITE\r\n");
  core.expect("481 PRACK");
  EXPECT_EQ(cloud.count("PRACK"), 0U) << "it never crosses";
  cloud.reply(inv, 200, "", secure_sdp("10.2.0.1", 50000));
  auto ok = core.expect("200 INVITE");
  EXPECT_NE(line_of(ok.body(), "m=audio"), "");
  core.request(d, "ACK", "", "", 1);
  cloud.expect("ACK");
  rig.run(Millis(100));
  core_ends(d);
}

TEST_P(ReliableTest, RingingThatWasNeverAcknowledgedHindersNothingAfterTheAnswer) {
  auto d = calls();
  auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 180);
  core.expect("180");
  cloud.reply(inv, 200, "", secure_sdp("10.2.0.1", 50000));
  cloud.expect("ACK");
  core.learn(d, core.expect("200 INVITE"));
  core.request(d, "ACK", "", "", 1);
  rig.run(Seconds(5));
  EXPECT_EQ(core.count("180 INVITE"), 1U) << "not repeated after the final answer";
  auto c = cloud.answered(inv);
  cloud.request(c, "INVITE", "", secure_sdp("10.2.0.1", 50000, "inactive", 2));
  core.reply(core.expect("INVITE"), 200, "", sdp("10.1.0.1", 40000, "inactive", "8 PCMA/8000", 2));
  EXPECT_EQ(direction_of(cloud.expect("200 INVITE").body()), "inactive");
  cloud.ack(c);
  rig.run(Millis(100));
  core_ends(d);
}

TEST_P(ReliableTest, OneAtATimeAndTheAnswerWaitsForTheirSdp) {
  auto d = calls();
  auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 180);
  auto ringing = core.expect("180");
  cloud.reply(inv, 183, "", secure_sdp("10.2.0.1", 50000));
  cloud.reply(inv, 200, "", secure_sdp("10.2.0.1", 50000));
  cloud.expect("ACK");
  rig.run(Millis(300));
  EXPECT_FALSE(core.has("183"));
  EXPECT_FALSE(core.has("200 INVITE"));
  (void)prack(d, ringing);
  auto early = core.expect("183");
  EXPECT_NE(line_of(early.body(), "m=audio"), "");
  EXPECT_EQ(*sip::parse_u32(early.value(HeaderId::kRSeq)),
            *sip::parse_u32(ringing.value(HeaderId::kRSeq)) + 1);
  EXPECT_FALSE(core.has("200 INVITE"));
  (void)prack(d, early);
  auto ok = core.expect("200 INVITE");
  EXPECT_TRUE(ok.body().empty()) << "all was agreed";
  core.request(d, "ACK", "", "", 1);
  rig.run(Seconds(10));
  EXPECT_EQ(cloud.count("INVITE") + core.count("INVITE"), 1U);
  core_ends(d);
}

TEST_P(ReliableTest, ACalleeThatHangsUpWhileTheAnswerWaitsEndsTheCall) {
  auto d = calls();
  auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 183, "", secure_sdp("10.2.0.1", 50000));
  core.expect("183");
  cloud.reply(inv, 200, "", secure_sdp("10.2.0.1", 50000));
  cloud.expect("ACK");
  auto c = cloud.answered(inv);
  cloud.request(c, "BYE");
  cloud.expect("200 BYE");
  (void)failure(core, d, 480);
  expect_clean(1);
}

TEST_P(ReliableTest, ACallerThatNeverAcknowledgesIsRefused) {
  auto d = calls();
  auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 183, "", secure_sdp("10.2.0.1", 50000));
  core.expect("183");
  (void)failure(core, d, 504, Seconds(40));
  EXPECT_EQ(core.count("183 INVITE"), 7U);
  cloud.reply(cloud.expect("CANCEL"), 200);
  cloud.reply(inv, 487);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].termination, "dropped");
}

TEST_P(ReliableTest, ACallerWithoutAnOfferGetsOneAndAnswersInItsPrack) {
  auto d = calls("");
  auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 180);
  auto ringing = core.expect("180");
  EXPECT_NE(line_of(ringing.body(), "m=audio"), "") << "the first reliable answer has the offer";
  auto ok = prack(d, ringing, sdp("10.1.0.1", 40000, "sendrecv", "8 PCMA/8000"));
  EXPECT_TRUE(ok.body().empty());
  cloud.reply(inv, 200, "", secure_sdp("10.2.0.1", 50000));
  cloud.expect("ACK");
  ok = core.expect("200 INVITE");
  EXPECT_TRUE(ok.body().empty());
  core.request(d, "ACK", "", "", 1);
  rig.run(Seconds(10));
  EXPECT_FALSE(cloud.has("INVITE"));
  core_ends(d);
}

TEST_P(ReliableTest, APrackWithoutTheAnswerEndsTheCall) {
  auto d = calls("");
  auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 180);
  auto ringing = core.expect("180");
  core.learn(d, ringing);
  auto p = d;
  core.request(p, "PRACK",
               "RAck: " + std::string(ringing.value(HeaderId::kRSeq)) + " 1 INVITE\r\n");
  core.expect("400 PRACK");
  (void)failure(core, d, 488);
  cloud.reply(cloud.expect("CANCEL"), 200);
  cloud.reply(inv, 487);
  expect_clean(1);
}

TEST_P(ReliableTest, AnOfferInAPrackIsAnsweredInIts200) {
  auto d = calls();
  auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 183, "", secure_sdp("10.2.0.1", 50000));
  auto ok = prack(d, core.expect("183"),
                  sdp("10.1.0.1", 40000, "sendonly", "8 PCMA/8000,101 telephone-event/8000", 2));
  EXPECT_EQ(direction_of(ok.body()), "recvonly");
  cloud.reply(inv, 200, "", secure_sdp("10.2.0.1", 50000));
  cloud.expect("ACK");
  EXPECT_TRUE(core.expect("200 INVITE").body().empty());
  core.request(d, "ACK", "", "", 1);
  // The service hears of the hold as soon as it can be told.
  auto hold = cloud.expect("INVITE");
  EXPECT_EQ(direction_of(hold.body()), "inactive");
  cloud.reply(hold, 200, "", secure_sdp("10.2.0.1", 50000, "inactive", 2));
  cloud.expect("ACK");
  rig.run(Millis(100));
  core_ends(d);
}

TEST_P(ReliableTest, AnOfferInAPrackBeforeTheAnswerIsRefused) {
  auto d = calls();
  auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 180);
  auto ringing = core.expect("180");
  core.learn(d, ringing);
  core.request(d, "PRACK", "RAck: " + std::string(ringing.value(HeaderId::kRSeq)) + " 1 INVITE\r\n",
               sdp("10.1.0.1", 40000));
  core.expect("488 PRACK");
  rig.run(Seconds(3));
  EXPECT_EQ(core.count("180 INVITE"), 1U) << "acknowledged all the same";
  cloud.reply(inv, 486);
  d.cseq = 1;
  (void)core.expect("486 INVITE");
  rig.run(Seconds(40));
  expect_clean(1);
}

class NotReliable : public ReliableTest {
 protected:
  NotReliable() : ReliableTest(reliable("supported", "off")) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, NotReliable, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(NotReliable, NothingOfItReachesAServiceThatHasNone) {
  PROVES("TDR-88", "ZM-08", "TDR-44", "GW-10");
  auto d = calls();
  auto inv = cloud.expect("INVITE");
  EXPECT_FALSE(inv.has(HeaderId::kRequire));
  EXPECT_EQ(inv.bytes().find("100rel"), std::string_view::npos);
  EXPECT_EQ(inv.bytes().find("PRACK"), std::string_view::npos);
  cloud.reply(inv, 183, rel(1), secure_sdp("10.2.0.1", 50000));  // though nobody asked
  (void)prack(d, core.expect("183"));
  cloud.reply(inv, 200, "", secure_sdp("10.2.0.1", 50000));
  cloud.expect("ACK");
  core.expect("200 INVITE");
  core.request(d, "ACK", "", "", 1);
  EXPECT_EQ(cloud.count("PRACK"), 0U);
  rig.run(Millis(100));
  core_ends(d);
}

}  // namespace
}  // namespace causeway::scenario
