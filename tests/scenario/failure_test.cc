// Calls that come to nothing: what the far side answers, and what the gateway refuses itself.
#include "call/crossing.h"
#include "scenario/fixture.h"

namespace causeway::scenario {
namespace {

class FailureTest : public CallTest {};
INSTANTIATE_TEST_SUITE_P(Modes, FailureTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(FailureTest, BusyReachesTheCoreAsCause17) {
  PROVES("TDR-84");
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 180);
  core.expect("180");
  cloud.reply(inv, 486, "Reason: Q.850;cause=34;text=\"busy there\"\r\n");
  auto no = failure(core, d, 486);
  EXPECT_EQ(call::q850_of(no), 17);
  cloud.expect("ACK");
  expect_clean(1);
  EXPECT_EQ(rig.records[0].termination, "busy");
  EXPECT_EQ(rig.records[0].released_by, telemetry::Released::kCallee);
}

TEST_P(FailureTest, FailuresOfTheCoreAreMappedForTheService) {
  PROVES("TDR-80", "TDR-85", "TDR-89");
  struct Row {
    int core, cloud, cause;
  };
  constexpr Row kTable[] = {{404, 404, 1},  {603, 603, 21}, {480, 480, 18}, {486, 486, 17},
                            {403, 403, 21}, {500, 500, 41}, {302, 480, 20}, {301, 480, 20},
                            {401, 503, 41}, {407, 503, 41}, {484, 484, 28}, {600, 600, 17}};
  std::size_t calls = 0;
  for (const Row& row : kTable) {
    auto d = cloud.invite("+4930111", "", secure_sdp("10.2.0.1", 50000), "+4989123");
    auto inv = core.expect("INVITE");
    core.reply(inv, row.core, row.core < 400 ? "Contact: <sip:other@203.0.113.9>\r\n" : "");
    auto no = failure(cloud, d, row.cloud);
    EXPECT_EQ(call::q850_of(no), row.cause) << row.core;
    EXPECT_NE(no.value(HeaderId::kReason).find("text="), std::string::npos) << row.core;
    EXPECT_EQ(no.bytes().find("10.1."), std::string::npos) << no.bytes();
    ++calls;
  }
  expect_clean(calls);
}

TEST_P(FailureTest, RingingEndsByTheTimer) {
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 180);
  core.expect("180");
  const auto began = rig.world.now();
  auto cancel = cloud.expect("CANCEL", Seconds(190));
  EXPECT_EQ((rig.world.now() - began) / Seconds(1), 180);
  (void)failure(core, d, 480);
  cloud.reply(cancel, 200);
  cloud.reply(inv, 487);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].termination, "no_answer");
}

TEST_P(FailureTest, HopsAreCountedDownAndEndAtZero) {
  PROVES("TDR-58");
  auto d = core.invite("+4989123", "Max-Forwards: 0\r\n", sdp("10.1.0.1", 40000));
  (void)failure(core, d, 483);
  EXPECT_FALSE(cloud.has("INVITE"));
  auto e = core.invite("+4989123", "Max-Forwards: 10\r\n", sdp("10.1.0.1", 40000));
  auto inv = cloud.expect("INVITE");
  EXPECT_EQ(inv.value(HeaderId::kMaxForwards), "9");
  cloud.reply(inv, 480);
  (void)failure(core, e, 480);
  expect_clean(2);
}

TEST_P(FailureTest, MissingOrUnusableMediaIsRefused) {
  struct Row {
    const char* what;
    std::string body;
    std::string headers;
    int status;
  };
  const Row table[] = {
      {"no SDP syntax", "hello\r\n", "", 400},
      {"no audio",
       "v=0\r\no=- 1 1 IN IP4 10.1.0.1\r\ns=-\r\nc=IN IP4 10.1.0.1\r\nt=0 0\r\nm=video 4000 "
       "RTP/AVP 31\r\n",
       "", 488},
      {"no codec in common", sdp("10.1.0.1", 40000, "sendrecv", "96 EVS/16000"), "", 488},
      {"SRTP where RTP is spoken", secure_sdp("10.1.0.1", 40000), "", 488},
      {"multipart without boundary", "--x\r\n\r\n", "Content-Type: multipart/mixed\r\n", 400},
  };
  for (const Row& row : table) {
    SCOPED_TRACE(row.what);
    auto d = core.invite("+4989123", row.headers, row.body);
    (void)failure(core, d, row.status);
    EXPECT_FALSE(cloud.has("INVITE"));
  }
  expect_clean(std::size(table));
  for (const auto& r : rig.records) EXPECT_EQ(r.sip_status / 100, 4);
}

TEST_P(FailureTest, PlainRtpFromAServiceThatMustEncryptIsRefused) {
  PROVES("TDM-01", "TDR-85");
  auto d = cloud.invite("+4930111", "", sdp("10.2.0.1", 50000), "+4989123");
  auto no = failure(cloud, d, 488);
  EXPECT_EQ(call::q850_of(no), 88);
  EXPECT_TRUE(no.find("X-MS-SBC"));
  EXPECT_FALSE(core.has("INVITE"));
  expect_clean(1);
}

TEST_P(FailureTest, AnyNumberOffRefusesNames) {
  auto d = cloud.invite("alice", "", secure_sdp("10.2.0.1", 50000), "+4989123");
  (void)failure(cloud, d, 404);
  EXPECT_FALSE(core.has("INVITE"));
  expect_clean(1);
  EXPECT_EQ(rig.records[0].termination, "refused");
  EXPECT_NE(rig.trail_of(0).find("any_number"), std::string::npos)
      << "a refused call has a trail, too";
}

class SupportsMore : public CallTest {
 protected:
  SupportsMore()
      : CallTest(make_config({.top = "[[profile]]\nname = \"core-with-more\"\nextends = "
                                     "\"operator\"\nsupported = [\"histinfo\"]\n",
                              .core_profile = "core-with-more"})) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, SupportsMore, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(SupportsMore, OnlyUnsupportedExtensionsAreNamed) {
  auto d = core.invite("+4989123", "Require: 100rel, histinfo\r\nRequire: foo\r\n",
                       sdp("10.1.0.1", 40000));
  auto no = failure(core, d, 420);
  EXPECT_EQ(no.value(HeaderId::kUnsupported), "100rel, foo");
  auto e = core.invite("+4989123", "Require: histinfo\r\n", sdp("10.1.0.1", 40000));
  auto inv = cloud.expect("INVITE");
  EXPECT_FALSE(inv.has(HeaderId::kRequire));
  cloud.reply(inv, 480);
  (void)failure(core, e, 480);
  expect_clean(2);
}

TEST_P(FailureTest, UnknownAndUnexpectedRequestsAreAnswered) {
  struct Row {
    const char* method;
    int status;
  };
  for (const Row& row : {Row{"REGISTER", 405}, Row{"REFER", 403}, Row{"BYE", 481}, Row{"INFO", 481},
                         Row{"FROB", 501}}) {
    PeerDialog d;
    d.call_id = std::string("x-") + row.method;
    d.local = "<sip:a@10.1.0.1>;tag=1";
    d.remote = "<sip:b@10.0.0.1>";
    d.target = "sip:b@10.0.0.1";
    core.request(d, row.method);
    auto r = core.expect(std::to_string(row.status) + " " + row.method);
    if (row.status == 405) {
      EXPECT_NE(r.value(HeaderId::kAllow), "");
    }
  }
  expect_clean(0);
}

}  // namespace
}  // namespace causeway::scenario
