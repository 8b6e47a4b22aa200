// Bodies of more than one part (RFC 2046 5.1, RFC 5621): which SDP counts, what is refused, and
// what reaches the other side byte for byte.
#include "scenario/fixture.h"

namespace causeway::scenario {
namespace {

class BodyTest : public CallTest {
 protected:
  static std::string part(const std::string& type, const std::string& content,
                          const std::string& lines = "", const std::string& boundary = "b1") {
    return "--" + boundary + "\r\nContent-Type: " + type + "\r\n" + lines + "\r\n" + content +
           "\r\n";
  }
  static std::string mixed(const std::string& kind = "mixed") {
    return "Content-Type: multipart/" + kind + ";boundary=\"b1\"\r\n";
  }
  // An INVITE of the core that is refused.
  sip::Message refused(const std::string& headers, const std::string& body, int status,
                       const std::string& user = "+4989123") {
    auto d = core.invite(user, headers, body);
    return failure(core, d, status);
  }
  // The service rejects what the core called it with.
  sip::Message reaches_cloud(const std::string& headers, const std::string& body,
                             const std::string& user = "+4989123") {
    auto d = core.invite(user, headers, body);
    auto inv = cloud.expect("INVITE");
    cloud.reply(inv, 486);
    cloud.expect("ACK");
    (void)failure(core, d, 486);
    return inv;
  }
  const std::string pidf = "<presence>\r\n--b1x\r\n \t</presence>";
  const std::string location = "Content-ID: <loc@example>\r\n";
};
INSTANTIATE_TEST_SUITE_P(Modes, BodyTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(BodyTest, LastAlternativeThatIsUnderstoodIsTheOffer) {
  const std::string one = sdp("10.1.0.1", 40000), two = sdp("10.1.0.1", 41000);
  auto d =
      core.invite("+4989123", mixed("alternative"),
                  part("text/plain", "no") + part("application/sdp", one) +
                      part("application/sdp", two) + part("application/sdpng", "x") + "--b1--");
  auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 200, "", secure_sdp("10.2.0.1", 50000));
  auto ok = core.expect("200 INVITE");
  core.learn(d, ok);
  core.ack(d);
  cloud.expect("ACK");
  core.open_rtp(41000);
  cloud.open_rtp(50000);
  core.send_rtp(media_of(ok.body()), 3);
  rig.run(Millis(300));
  EXPECT_TRUE(cloud.rtp.size() >= 3) << "what comes from the second offer's port is relayed";
  core.request(d, "BYE");
  core.expect("200 BYE");
  cloud.reply(cloud.expect("BYE"), 200);
  expect_clean(1);
}

TEST_P(BodyTest, WhatMustBeUnderstoodAndIsNotIsRefusedWithWhatWouldBe) {
  const std::string offer = part("application/sdp", sdp("10.1.0.1", 40000));
  for (const char* line : {"", "Content-Disposition: signal;handling=required\r\n"}) {
    const auto no = refused(mixed(), offer + part("application/isup", "x", line) + "--b1--", 415);
    EXPECT_NE(no.value(HeaderId::kAccept).find("application/pidf+xml"), std::string_view::npos);
  }
  (void)refused(mixed(),
                offer + part("application/pidf+xml", "x", "Content-Encoding: gzip\r\n") + "--b1--",
                415);
  const auto inv = reaches_cloud(
      mixed(),
      offer + part("application/isup", "x", "Content-Disposition: signal;handling=optional\r\n") +
          "--b1--");
  EXPECT_EQ(inv.value(HeaderId::kContentType), "application/sdp");
  expect_clean(4);
}

TEST_P(BodyTest, WhatIsAgainstTheGrammarIsRefused) {
  const std::string offer = part("application/sdp", sdp("10.1.0.1", 40000));
  (void)refused(mixed(), offer, 400);               // no end
  (void)refused(mixed(), offer + "--b1\r\n", 400);  // another part, and no end
  (void)refused(mixed(), "--b2\r\n\r\nx\r\n--b2--", 400);
  (void)refused("Content-Type: multipart/mixed\r\n", offer + "--b1--", 400);
  (void)refused("Content-Type: multipart/mixed;boundary=\"b;\"\r\n", offer + "--b1--", 400);
  std::string deep = offer + "--b1--";
  std::string type = "multipart/mixed;boundary=b1";
  for (const char* mark : {"c", "d", "e", "f"}) {
    deep = part(type, deep, "", mark) + "--" + mark + "--";
    type = std::string("multipart/mixed;boundary=") + mark;
  }
  (void)refused("Content-Type: " + type + "\r\n", deep, 400);
  expect_clean(6);
}

TEST_P(BodyTest, ACallForHelpIsNotAskedWhatElseItSent) {
  const auto inv = reaches_cloud(
      mixed(),
      part("application/sdp", sdp("10.1.0.1", 40000)) + part("application/odd", "x") + "--b1--",
      "112");
  EXPECT_EQ(inv.value(HeaderId::kContentType), "application/sdp");
  expect_clean(1);
}

TEST_P(BodyTest, ACallForHelpIsMadeWithWhatCouldBeReadOfIt) {
  const std::string offer = part("application/sdp", sdp("10.1.0.1", 40000));
  const std::string broken = part("multipart/mixed;boundary=c", "no parts in it");
  for (const std::string& body : {offer + "--b1\r\n",         // no end
                                  offer + broken + "--b1--",  // a container against its grammar
                                  std::string("nothing that could be read")}) {
    const auto inv = reaches_cloud(mixed(), body, "112");
    EXPECT_EQ(inv.value(HeaderId::kContentType), "application/sdp");
  }
  std::string many = offer;
  for (int i = 0; i < 40; ++i) many += part("application/odd", "x");
  (void)reaches_cloud(mixed(), many + "--b1--", "112");
  expect_clean(4);
}

TEST_P(BodyTest, ContainersAreCountedToo) {
  std::string many;
  for (int i = 0; i < 40; ++i)
    many += part("multipart/alternative;boundary=c", "--c\r\n\r\nx\r\n--c--");
  (void)refused(mixed(), many + "--b1--", 400);
  expect_clean(1);
}

TEST_P(BodyTest, AReferenceCrossesWithItsPartOrNotAtAll) {
  const std::string both = "<cid:loc@example>, <cid:other@example>, <https://where.example/x>";
  const auto call = [&](const std::string& body) {
    auto d = cloud.invite("112", mixed() + "Geolocation: " + both + "\r\n", body, "+4989123");
    auto inv = core.expect("INVITE");
    core.reply(inv, 486);
    (void)failure(cloud, d, 486);
    return inv;
  };
  const std::string offer = part("application/sdp", secure_sdp("10.2.0.1", 50000));
  const auto with =
      call("hello\r\n" + offer + part("application/pidf+xml", pidf, location) + "--b1--\r\nbye");
  EXPECT_EQ(with.value(HeaderId::kGeolocation), "<cid:loc@example>, <https://where.example/x>");
  EXPECT_NE(with.body().find("Content-ID: <loc@example>\r\n\r\n" + pidf + "\r\n--"),
            std::string_view::npos)
      << with.body();
  const auto without = call(offer + "--b1--");
  EXPECT_EQ(without.value(HeaderId::kGeolocation), "<https://where.example/x>");
  expect_clean(2);
}

TEST_P(BodyTest, RequestsWithinACallAreHeldToTheSame) {
  Up up = core_calls();
  core.request(up.core, "INVITE", mixed(), part("application/sdp", sdp("10.1.0.1", 40000)));
  core.ack_failure(up.core, core.expect("400 INVITE"));
  core.request(
      up.core, "INVITE", mixed(),
      part("application/sdp", sdp("10.1.0.1", 40000)) + part("application/odd", "x") + "--b1--");
  core.ack_failure(up.core, core.expect("415 INVITE"));
  core.request(up.core, "UPDATE", mixed(), part("application/sdp", sdp("10.1.0.1", 40000)));
  core.expect("400 UPDATE");
  core_hangs_up(up);
  expect_clean(1);
}

}  // namespace
}  // namespace causeway::scenario
