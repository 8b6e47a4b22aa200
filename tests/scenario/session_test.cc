// Session timers (RFC 4028) of each dialog by itself.
#include "scenario/fixture.h"

namespace causeway::scenario {
namespace {

ConfigOptions quiet(const std::string& core_profile_lines = "") {
  ConfigOptions o;
  o.top = "[limits]\nmedia_timeout = \"0s\"\n";
  o.service =
      "liveness_check = \"0s\"\n[[profile]]\nname = \"ims\"\nextends = \"operator\"\n"
      "liveness_check = \"0s\"\n" +
      core_profile_lines;
  o.core_profile = "ims";
  return o;
}

class SessionTest : public CallTest {
 protected:
  explicit SessionTest(const ConfigOptions& o = quiet()) : CallTest(make_config(o)) {}
  static std::string expires(const sip::Message& m) {
    return std::string(m.value(HeaderId::kSessionExpires));
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, SessionTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(SessionTest, ACallerThatRefreshesIsAnsweredByUsAlone) {
  PROVES("S28");
  PROVES("TDR-87");
  PROVES("ZM-09");
  auto d = cloud.invite("+4930111", "Supported: timer\r\nSession-Expires: 1800\r\nMin-SE: 300\r\n",
                        secure_sdp("10.2.0.1", 50000), "+4989123");
  const auto invite = core.expect("INVITE");
  EXPECT_FALSE(invite.has(HeaderId::kSessionExpires)) << "the other dialog is another matter";
  core.reply(invite, 200, "", sdp("10.1.0.1", 40000));
  auto ok = cloud.expect("200 INVITE");
  EXPECT_EQ(expires(ok), "1800;refresher=uac");
  EXPECT_EQ(ok.value(HeaderId::kRequire), "timer");
  const std::string first(ok.body());
  cloud.learn(d, ok);
  core.expect("ACK");
  cloud.ack(d);
  for (int i = 0; i < 8; ++i) {  // two hours
    rig.run(Seconds(900));
    cloud.request(d, "INVITE", "Supported: timer\r\nSession-Expires: 1800;refresher=uac\r\n",
                  secure_sdp("10.2.0.1", 50000));
    ok = cloud.expect("200 INVITE");
    EXPECT_EQ(expires(ok), "1800;refresher=uac");
    EXPECT_EQ(ok.body(), first) << "the same keys, ports and version";
    cloud.ack(d);
  }
  EXPECT_EQ(core.count("INVITE"), 1U);
  EXPECT_EQ(rig.calls(), 1U);
  // Then it is gone.
  rig.run(Seconds(1'760));
  EXPECT_EQ(rig.calls(), 1U);
  rig.run(Seconds(10));
  core.reply(core.expect("BYE"), 200);
  cloud.reply(cloud.expect("BYE"), 200);
  expect_clean(1);
  EXPECT_NE(rig.records[0].reason.find("was not refreshed within 1768 s of 1800"),
            std::string::npos)
      << rig.records[0].reason;
}

TEST_P(SessionTest, WeRefreshWhereWeAreToByTheSameSdp) {
  PROVES("TDR-86");
  auto d = cloud.invite("+4930111", "Supported: timer\r\nSession-Expires: 1800;refresher=uas\r\n",
                        secure_sdp("10.2.0.1", 50000), "+4989123");
  core.reply(core.expect("INVITE"), 200, "", sdp("10.1.0.1", 40000));
  auto ok = cloud.expect("200 INVITE");
  EXPECT_EQ(expires(ok), "1800;refresher=uas");
  cloud.learn(d, ok);
  core.expect("ACK");
  cloud.ack(d);
  for (int i = 0; i < 4; ++i) {
    rig.run(Seconds(899));
    EXPECT_FALSE(cloud.has("INVITE"));
    rig.run(Seconds(2));
    const auto refresh = cloud.expect("INVITE");  // no UPDATE: its Allow has none
    EXPECT_EQ(expires(refresh), "1800;refresher=uac");
    EXPECT_EQ(line_of(refresh.body(), "o="), line_of(ok.body(), "o=")) << "the same version";
    EXPECT_EQ(line_of(refresh.body(), "m="), line_of(ok.body(), "m="));
    EXPECT_EQ(line_of(refresh.body(), "a=crypto"), line_of(ok.body(), "a=crypto"));
    cloud.reply(refresh, 200, "Session-Expires: 1800;refresher=uac\r\nRequire: timer\r\n",
                secure_sdp("10.2.0.1", 50000));
    cloud.expect("ACK");
  }
  EXPECT_EQ(core.count("INVITE"), 1U) << "nothing of it crosses";
  rig.run(Seconds(901));
  cloud.reply(cloud.expect("INVITE"), 481);
  core.reply(core.expect("BYE"), 200);
  expect_clean(1);
}

TEST_P(SessionTest, ARefreshThatFailsIsTriedAgainUntilTheTimeIsOver) {
  PROVES("S28");
  auto d = cloud.invite("+4930111", "Supported: timer\r\nSession-Expires: 300;refresher=uas\r\n",
                        secure_sdp("10.2.0.1", 50000), "+4989123");
  core.reply(core.expect("INVITE"), 200, "", sdp("10.1.0.1", 40000));
  cloud.learn(d, cloud.expect("200 INVITE"));
  core.expect("ACK");
  cloud.ack(d);
  rig.run(Seconds(149));
  std::size_t tries = 0;
  while (rig.calls() == 1 && tries < 20) {
    if (!rig.run_until([&] { return cloud.has("INVITE") || core.has("BYE"); }, Seconds(40))) break;
    if (!cloud.has("INVITE")) break;
    cloud.reply(cloud.expect("INVITE"), 500);
    cloud.expect("ACK");
    ++tries;
  }
  EXPECT_GE(tries, 2U);
  EXPECT_LE(tries, 6U);
  core.reply(core.expect("BYE"), 200);
  cloud.reply(cloud.expect("BYE"), 200);
  expect_clean(1);
  EXPECT_NE(rig.records[0].reason.find("was not refreshed"), std::string::npos);
}

TEST_P(SessionTest, WhatWasRefusedChangesNothingOfIt) {
  PROVES("S28");
  auto d = cloud.invite("+4930111", "Supported: timer\r\nSession-Expires: 1800;refresher=uas\r\n",
                        secure_sdp("10.2.0.1", 50000), "+4989123");
  core.reply(core.expect("INVITE"), 200, "", sdp("10.1.0.1", 40000));
  cloud.learn(d, cloud.expect("200 INVITE"));
  core.expect("ACK");
  cloud.ack(d);
  auto up = core.answered(sip::Message(*sip::Message::parse(core.received.front())));
  // The peer's re-INVITE names another refresher, and is refused: plain RTP.
  cloud.request(d, "INVITE", "Supported: timer\r\nSession-Expires: 1800;refresher=uac\r\n",
                sdp("10.2.0.1", 50000));
  cloud.ack_failure(d, cloud.expect("488 INVITE"));
  // Our hold offer is refused: it is not said again as a refresh.
  core.request(up, "INVITE", "", sdp("10.1.0.1", 40000, "sendonly", "8 PCMA/8000", 2));
  auto hold = cloud.expect("INVITE");
  EXPECT_EQ(direction_of(hold.body()), "inactive");
  cloud.reply(hold, 488);
  cloud.expect("ACK");
  core.ack_failure(up, core.expect("488 INVITE"));
  rig.run(Seconds(895));
  const auto refresh = cloud.expect("INVITE", Seconds(20));
  EXPECT_EQ(direction_of(refresh.body()), "sendrecv");
  EXPECT_EQ(refresh.value(HeaderId::kSessionExpires), "1800;refresher=uac");
  cloud.reply(refresh, 200, "Session-Expires: 1800;refresher=uac\r\nRequire: timer\r\n",
              secure_sdp("10.2.0.1", 50000));
  cloud.expect("ACK");
  cloud.request(d, "BYE");
  core.reply(core.expect("BYE"), 200);
  expect_clean(1);
}

TEST_P(SessionTest, WhoCallsForHelpIsNotToldThatItsTimeIsShort) {
  PROVES("EM-02");
  auto d = cloud.invite("112", "Supported: timer\r\nSession-Expires: 60\r\n",
                        secure_sdp("10.2.0.1", 50000), "+4989123");
  core.reply(core.expect("INVITE"), 200, "", sdp("10.1.0.1", 40000));
  const auto ok = cloud.expect("200 INVITE");
  EXPECT_EQ(expires(ok), "90;refresher=uac");
  cloud.learn(d, ok);
  core.expect("ACK");
  cloud.ack(d);
  cloud.request(d, "BYE");
  core.reply(core.expect("BYE"), 200);
  expect_clean(1);
}

TEST_P(SessionTest, TooShortASessionIsRefusedWithWhatWouldDo) {
  PROVES("ZM-09");
  auto d = cloud.invite("+4930111", "Supported: timer\r\nSession-Expires: 60\r\n",
                        secure_sdp("10.2.0.1", 50000), "+4989123");
  const auto no = failure(cloud, d, 422);
  EXPECT_EQ(no.value(HeaderId::kMinSe), "90");
  EXPECT_FALSE(core.has("INVITE"));
  expect_clean(1);
}

TEST_P(SessionTest, WithoutAWordOfItThereIsNone) {
  auto up = core_calls();
  EXPECT_FALSE(up.invite.has(HeaderId::kSessionExpires));
  rig.run(Seconds(10'000));
  EXPECT_EQ(rig.calls(), 1U);
  core_hangs_up(up);
  expect_clean(1);
}

// What is offered and what is answered differ in the lines of keys.
class SessionOfTwoSuites : public SessionTest {
 protected:
  static ConfigOptions options() {
    ConfigOptions o = quiet();
    o.service_sdp = "suites = [\"AES_CM_128_HMAC_SHA1_80\", \"AES_CM_128_HMAC_SHA1_32\"]\n";
    const auto at = o.service.find("[[profile]]");
    o.top += o.service.substr(at);  // the other profile goes before this one and its [profile.sdp]
    o.service.erase(at);
    return o;
  }
  SessionOfTwoSuites() : SessionTest(options()) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, SessionOfTwoSuites, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(SessionOfTwoSuites, ARefreshThatCollidesIsMadeAgainWithTheSameSdp) {
  PROVES("TDR-86");
  auto d = cloud.invite("+4930111", "Supported: timer\r\nSession-Expires: 1800;refresher=uas\r\n",
                        secure_sdp("10.2.0.1", 50000), "+4989123");
  core.reply(core.expect("INVITE"), 200, "", sdp("10.1.0.1", 40000));
  const auto ok = cloud.expect("200 INVITE");
  cloud.learn(d, ok);
  core.expect("ACK");
  cloud.ack(d);
  for (const int status : {491, 200}) {
    const auto refresh = cloud.expect("INVITE", Seconds(910));
    EXPECT_EQ(refresh.body(), ok.body());
    cloud.reply(refresh, status,
                status == 200 ? "Session-Expires: 1800;refresher=uac\r\nRequire: timer\r\n" : "",
                status == 200 ? secure_sdp("10.2.0.1", 50000) : "");
    cloud.expect("ACK");
  }
  cloud.request(d, "BYE");
  core.reply(core.expect("BYE"), 200);
  expect_clean(1);
}

class SessionRequested : public SessionTest {
 protected:
  SessionRequested()
      : SessionTest(quiet("session_timer = \"request\"\nsession_expires = \"600s\"\n")) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, SessionRequested, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(SessionRequested, A422IsAskedAgainAndAPeerWithoutItIsRefreshedByUs) {
  PROVES("S28");
  auto d = cloud.invite("+4930111", "", secure_sdp("10.2.0.1", 50000), "+4989123");
  auto invite = core.expect("INVITE");
  EXPECT_EQ(expires(invite), "600");
  EXPECT_EQ(invite.value(HeaderId::kMinSe), "90");
  EXPECT_NE(invite.value(HeaderId::kSupported).find("timer"), std::string_view::npos);
  core.reply(invite, 422, "Min-SE: 1200\r\n");
  core.expect("ACK");
  const auto first = std::exchange(invite, core.expect("INVITE"));
  EXPECT_EQ(expires(invite), "1200");
  // RFC 3261 8.1.3.5
  EXPECT_EQ(invite.call_id(), first.call_id());
  EXPECT_EQ(invite.value(HeaderId::kFrom), first.value(HeaderId::kFrom));
  EXPECT_EQ(invite.value(HeaderId::kTo), first.value(HeaderId::kTo));
  EXPECT_EQ(invite.cseq(), first.cseq() + 1);
  EXPECT_EQ(invite.body(), first.body());
  core.reply(invite, 200, "Allow: INVITE, ACK, BYE, UPDATE\r\n", sdp("10.1.0.1", 40000));
  cloud.learn(d, cloud.expect("200 INVITE"));
  core.expect("ACK");
  cloud.ack(d);
  auto up = core.answered(invite);
  for (int i = 0; i < 3; ++i) {
    rig.run(Seconds(599));
    EXPECT_FALSE(core.has("UPDATE"));
    const auto refresh = core.expect("UPDATE");
    EXPECT_TRUE(refresh.body().empty());
    core.reply(refresh, 200);
    rig.run(Millis(100));
  }
  EXPECT_EQ(cloud.count("INVITE"), 0U);
  core.request(up, "BYE");
  core.expect("200 BYE");
  cloud.reply(cloud.expect("BYE"), 200);
  expect_clean(1);
}

TEST_P(SessionRequested, A422ThatNeverEndsDoes) {
  auto d = cloud.invite("+4930111", "", secure_sdp("10.2.0.1", 50000), "+4989123");
  for (const int least : {700, 800, 900}) {
    core.reply(core.expect("INVITE"), 422, "Min-SE: " + std::to_string(least) + "\r\n");
    core.expect("ACK");
  }
  (void)failure(cloud, d, 422);
  EXPECT_EQ(core.count("INVITE"), 3U);
  expect_clean(1);
}

}  // namespace
}  // namespace causeway::scenario
