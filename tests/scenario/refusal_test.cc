// What is refused before it becomes a call, with which status, and what the refusal names: fields
// over their bounds (GW-04), bodies and extensions that nobody understands, loops, merged requests.
#include "base/random.h"
#include "scenario/fixture.h"
#include "sip/tag.h"

namespace causeway::scenario {
namespace {

class RefusalTest : public CallTest {
 protected:
  // The answer to an INVITE with these headers, and what its Warning says.
  std::string warning_of(const std::string& headers, int status,
                         const std::string& user = "+4989123") {
    auto d = core.invite(user, headers, sdp("10.1.0.1", 40000));
    auto r = core.expect(std::to_string(status) + " INVITE");
    core.ack_failure(d, r);
    return std::string(r.value(HeaderId::kWarning));
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, RefusalTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(RefusalTest, FieldsOverTheirBoundsAreNamed) {
  EXPECT_EQ(warning_of("", 414, std::string(1100, '4')),
            "399 causeway \"Request-URI of 1118 bytes, at most 1024 are taken\"");
  EXPECT_EQ(warning_of("Contact: <sip:a@" + std::string(1100, 'a') + ">\r\n", 400),
            "399 causeway \"Contact URI of 1106 bytes, at most 1024 are taken\"");
  EXPECT_EQ(warning_of("Require: " + std::string(70, 'x') + "\r\n", 400),
            "399 causeway \"option tag in Require of 70 bytes, at most 64 are taken\"");
  EXPECT_EQ(warning_of(std::string(200, 'X') + ": 1\r\n", 400).substr(0, 50),
            "399 causeway \"name of header 'XXXXXXXXXXXXXXXXXXXX");
  EXPECT_EQ(warning_of("X: " + std::string(11'000, 'x') + "\r\n", 513),
            "399 causeway \"Message over 10240 bytes\"");
  expect_clean(5);  // no calls, but records
}

TEST_P(RefusalTest, BoundsComeFromTheConfiguration) {
  ASSERT_TRUE(rig.apply(
      make_config({.top = "[limits]\nmax_userinfo = 16\nmax_body_name = 16\nmax_option_tag = 8\n"
                          "max_option_list = 32\nmax_header_name = 32\nmax_from_domain = 16\n"})));
  EXPECT_EQ(warning_of("", 400, "+49891234567890123"),
            "399 causeway \"user part in the Request-URI of 18 bytes, at most 16 are taken\"");
  EXPECT_EQ(warning_of("From: <sip:a@a-rather-long-host.example>;tag=1\r\n", 400),
            "399 causeway \"domain in From of 26 bytes, at most 16 are taken\"");
  EXPECT_EQ(warning_of("Content-Type: application/longer-than-that\r\n", 400),
            "399 causeway \"type in Content-Type of 28 bytes, at most 16 are taken\"");
  EXPECT_EQ(warning_of("Supported: a, b, c, d, e, f, g, h, i, j, k, l\r\n", 400),
            "399 causeway \"Supported of 34 bytes, at most 32 are taken\"");
  EXPECT_EQ(warning_of("Supported: replacesx\r\n", 400),
            "399 causeway \"option tag in Supported of 9 bytes, at most 8 are taken\"");
  expect_clean(5);  // no calls, but records
}

TEST_P(RefusalTest, SizesAndCountsOverTheirBoundsAreNamed) {
  PROVES("GW-04");
  ASSERT_TRUE(rig.apply(
      make_config({.top = "[limits]\nmax_headers = 16\nmax_header_value = 256\nmax_body = 1024\n"
                          "max_sdp = 512\nmax_sdp_lines = 16\nmax_sdp_media = 2\n"})));
  std::string many;
  for (int i = 0; i < 20; ++i) many += "X: 1\r\n";
  EXPECT_NE(warning_of(many, 400).find(" header lines, at most 16 are taken"), std::string::npos);
  EXPECT_EQ(warning_of("X: " + std::string(300, 'x') + "\r\n", 400),
            "399 causeway \"X of 300 bytes, at most 256 are taken\"");
  const auto answered = [&](const std::string& headers, const std::string& body, int status) {
    auto d = core.invite("+4989123", headers, body);
    const auto r = core.expect(std::to_string(status) + " INVITE");
    core.ack_failure(d, r);
    return std::string(r.value(HeaderId::kWarning));
  };
  const std::string offer = sdp("10.1.0.1", 40000);
  EXPECT_NE(answered("", offer + std::string(1'000, 'a'), 413).find(", at most 1024 are taken"),
            std::string::npos);
  EXPECT_NE(answered("", offer + "a=" + std::string(400, 'a') + "\r\n", 413)
                .find("session description of "),
            std::string::npos);
  std::string lines = offer;
  for (int i = 0; i < 12; ++i) lines += "a=x\r\n";
  EXPECT_NE(answered("", lines, 488).find(" lines of a session description, at most 16 are taken"),
            std::string::npos);
  std::string media = offer;
  for (int i = 0; i < 2; ++i) media += "m=audio 0 RTP/AVP 0\r\n";
  EXPECT_EQ(answered("", media, 488), "399 causeway \"3 media sections, at most 2 are taken\"");
  EXPECT_EQ(answered("Content-Type: multipart/mixed;boundary=b\r\n",
                     "--b\r\nContent-Type: application/sdp\r\n\r\n" + media + "\r\n--b--\r\n", 488),
            "399 causeway \"3 media sections, at most 2 are taken\"");
  expect_clean(7);  // no calls, but records
}

TEST_P(RefusalTest, ACallForHelpIsHeldToNoneOfThem) {
  PROVES("EM-02");
  ASSERT_TRUE(rig.apply(
      make_config({.top = "[limits]\nmax_headers = 16\nmax_header_value = 256\nmax_body = 1024\n"
                          "max_sdp = 512\nmax_sdp_lines = 16\nmax_sdp_media = 2\n"})));
  std::string many;
  for (int i = 0; i < 20; ++i) many += "X: 1\r\n";
  std::string media = sdp("10.1.0.1", 40000) + "a=" + std::string(1'200, 'a') + "\r\n";
  for (int i = 0; i < 3; ++i) media += "m=video 0 RTP/AVP 31\r\n";
  auto d = core.invite("112", many, media);
  cloud.reply(cloud.expect("INVITE"), 486);
  (void)failure(core, d, 486);
  expect_clean(1);
}

TEST_P(RefusalTest, ABodyThatNobodyUnderstandsSaysWhatWouldBe) {
  auto d = core.invite("+4989123", "Content-Type: application/unknownformat\r\n", "<audio/>");
  EXPECT_EQ(failure(core, d, 415).value(HeaderId::kAccept),
            "application/sdp, application/pidf+xml, multipart/alternative, multipart/mixed, "
            "multipart/related");
  auto zipped = core.invite("+4989123", "Content-Encoding: gzip\r\n", sdp("10.1.0.1", 40000));
  EXPECT_EQ(failure(core, zipped, 415).find("Accept-Encoding")->value, "identity");
  auto other = core.invite("+4989123", "Accept: text/plain\r\n", sdp("10.1.0.1", 40000));
  EXPECT_EQ(failure(core, other, 406).value(HeaderId::kAccept), "application/sdp");
  expect_clean(3);
}

TEST_P(RefusalTest, ABodyThatNeedNotBeUnderstoodIsLeftOut) {
  auto d = core.invite("+4989123",
                       "Content-Type: application/unknownformat\r\n"
                       "Content-Disposition: render;handling=optional\r\n",
                       "<audio/>");
  cloud.reply(cloud.expect("INVITE"), 486);
  (void)failure(core, d, 486);
  expect_clean(1);
}

TEST_P(RefusalTest, OptionsWithUnknownExtensionsGetsTheirNames) {
  PeerDialog d;
  d.call_id = "options-1";
  d.local = "<sip:core@10.1.0.1>;tag=o";
  d.target = "sip:10.0.0.1";
  d.remote = "<sip:10.0.0.1>";
  core.request(d, "OPTIONS", "Require: nothing-knows-this\r\n");
  EXPECT_EQ(core.expect("420 OPTIONS").value(HeaderId::kUnsupported), "nothing-knows-this");
  expect_clean(0);
}

TEST_P(RefusalTest, TheSameInviteByAnotherWayIsMerged) {
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  auto inv = cloud.expect("INVITE");
  std::string again = core.last_request;
  again.replace(again.find(d.via_branch), d.via_branch.size(), "z9hG4bKanother-way");
  core.send(again);
  const auto refused = core.expect("482 INVITE");
  EXPECT_NE(refused.value(HeaderId::kVia).find("another-way"), std::string_view::npos);
  cloud.reply(inv, 200, "", secure_sdp("10.2.0.1", 50000));
  core.learn(d, core.expect("200 INVITE"));
  core.ack(d);
  (void)cloud.expect("ACK");
  // Also while the answered one is remembered (RFC 6026).
  again.replace(again.find("another-way"), 11, "a-third-way");
  core.send(again);
  (void)core.expect("482 INVITE");
  core.request(d, "BYE");
  (void)core.expect("200 BYE");
  cloud.reply(cloud.expect("BYE"), 200);
  EXPECT_EQ(rig.dropped("merged"), 2U);
  expect_clean(1);
}

TEST_P(RefusalTest, ARefusedRequestThatIsNoInviteMayComeByAnotherWay) {
  PeerDialog d;
  d.call_id = "options-1";
  d.local = "<sip:core@10.1.0.1>;tag=o";
  d.target = "sip:10.0.0.1";
  d.remote = "<sip:10.0.0.1>";
  core.request(d, "OPTIONS", "Require: nothing-knows-this\r\n");
  (void)core.expect("420 OPTIONS");
  std::string again = core.last_request;
  const std::size_t branch = again.find("branch=");
  again.replace(branch, again.find_first_of(";\r", branch) - branch, "branch=z9hG4bKanother-way");
  core.send(again);
  const auto answer = core.expect("420 OPTIONS");
  EXPECT_NE(answer.value(HeaderId::kVia).find("another-way"), std::string_view::npos);
  EXPECT_EQ(rig.dropped("merged"), 0U);
  expect_clean(0);
}

TEST_P(RefusalTest, OneThatWasRefusedMayComeByAnotherWay) {
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  cloud.reply(cloud.expect("INVITE"), 486);
  (void)failure(core, d, 486);
  std::string again = core.last_request;
  again.replace(again.find(d.via_branch), d.via_branch.size(), "z9hG4bKanother-way");
  d.via_branch = "z9hG4bKanother-way";
  core.send(again);
  cloud.reply(cloud.expect("INVITE"), 486);
  (void)failure(core, d, 486);
  EXPECT_EQ(rig.dropped("merged"), 0U);
  expect_clean(2);
}

TEST_P(RefusalTest, ACallThatComesRoundAgainAndAgainIsALoop) {
  PROVES("TDR-58");
  SeededRandom random(1);
  const auto vias = [&](int n) {
    std::string out;
    while (n-- > 0)
      out +=
          "Via: SIP/2.0/UDP proxy.example;branch=z9hG4bKproxy\r\nVia: SIP/2.0/UDP "
          "10.0.0.1:5060;branch=" +
          sip::make_branch({NodeId{1}, Bucket{7}}, random) + "\r\n";
    return out;
  };
  // From one side to the other and back is no loop.
  auto twice = core.invite("+4989123", vias(2), sdp("10.1.0.1", 40000));
  cloud.reply(cloud.expect("INVITE"), 486);
  (void)failure(core, twice, 486);
  auto often = core.invite("+4989123", vias(4), sdp("10.1.0.1", 40000));
  (void)failure(core, often, 482);
  EXPECT_FALSE(cloud.has("INVITE"));
  expect_clean(2);
}

}  // namespace
}  // namespace causeway::scenario
