// The edge towards one peer: where answers go, and that what belongs together meets on one shard.
#include "scenario/fixture.h"
#include "sip/tag.h"

namespace causeway::scenario {
namespace {

class EdgeTest : public CallTest {};
INSTANTIATE_TEST_SUITE_P(Modes, EdgeTest, ::testing::ValuesIn(all_modes()), mode_name);

// A tag as we write them, of that bucket: of a call that is over.
std::string replaces(int bucket) {
  char tag[32];
  (void)std::snprintf(tag, sizeof tag, "01%02x0123456789abcdef", bucket);
  return "Replaces: other@call;to-tag=" + std::string(tag) + ";from-tag=x\r\n";
}

TEST_P(EdgeTest, AnInviteThatReplacesIsACallLikeAnyOtherOnWhicheverShard) {
  for (int bucket = 0; bucket < 3; ++bucket) {
    auto up = core_calls(replaces(bucket));
    core.request(up.core, "INVITE", "", sdp("10.1.0.1", 40002, "sendrecv", "8 PCMA/8000", 2));
    core.learn(up.core, core.expect("200 INVITE"));
    core.ack(up.core);
    rig.run(Seconds(1));
    core_hangs_up(up);
  }
  expect_clean(3);
  for (const auto& r : rig.records) EXPECT_EQ(r.termination, "completed");
}

TEST_P(EdgeTest, CancelFindsAnInviteThatWentWhereItsReplacesLed) {
  for (int bucket = 0; bucket < 3; ++bucket) {
    auto d = core.invite("+4989123", replaces(bucket), sdp("10.1.0.1", 40000));
    auto inv = cloud.expect("INVITE");
    cloud.reply(inv, 180);
    (void)core.expect("180");
    core.send(core.last_request);  // repeated, it is the same one
    (void)core.expect("180");
    core.request(d, "CANCEL");
    (void)core.expect("200 CANCEL");
    core.ack_failure(d, core.expect("487 INVITE"));
    cloud.reply(cloud.expect("CANCEL"), 200);
    cloud.reply(inv, 487);
    (void)cloud.expect("ACK");
  }
  expect_clean(3);
}

TEST_P(EdgeTest, AnInviteThatRequiresReplacesIsAnswered420) {
  auto d = core.invite("+4989123", replaces(1) + "Require: replaces\r\n", sdp("10.1.0.1", 40000));
  const auto answer = failure(core, d, 420);
  EXPECT_EQ(answer.find("Unsupported")->value, "replaces");
  expect_clean(1);
}

TEST_P(EdgeTest, AnswersGoToThePortOfTheViaUnlessRportAsksForAnother) {
  Peer other(rig, "other", "10.1.0.1:5099", Transport::kUdp);
  const std::string rest =
      "Max-Forwards: 70\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCSeq: 1 OPTIONS\r\n"
      "Content-Length: 0\r\n";
  const std::string start = "OPTIONS sip:10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.1.0.1:5099;";
  core.send(start + "branch=z9hG4bKr1\r\nCall-ID: r1\r\n" + rest + "\r\n");
  (void)other.expect("200 OPTIONS");
  core.send(start + "rport;branch=z9hG4bKr2\r\nCall-ID: r2\r\n" + rest + "\r\n");
  (void)core.expect("200 OPTIONS");
  // One that is refused before anybody looks further: the same.
  core.send(start + "branch=z9hG4bKr3\r\nCall-ID: r3\r\n" + rest + "Max-Forwards: 71\r\n\r\n");
  (void)other.expect("400 OPTIONS");
  EXPECT_EQ(core.count("400 OPTIONS"), 0U);
  expect_clean(0);
}

TEST_P(EdgeTest, AProfileMayAnswerWhereRequestsComeFrom) {
  ASSERT_TRUE(
      rig.apply(make_config({.service = "[[profile]]\nname = \"nat\"\nextends = \"operator\"\n"
                                        "symmetric_response = true\n",
                             .core_profile = "nat"})));
  core.send(
      "OPTIONS sip:10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.1.0.1:5099;branch=z9hG4bKn\r\n"
      "Call-ID: n\r\nMax-Forwards: 70\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\n"
      "CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n");
  (void)core.expect("200 OPTIONS");
  expect_clean(0);
}

TEST_P(EdgeTest, ARequestThatComesAgainOnANewConnectionIsAnsweredThere) {
  Peer two(rig, "cloud2", "10.2.0.7:5061", Transport::kTls, {"sip.pstnhub.example"});
  two.gateway = cloud.gateway;
  const std::string options =
      "OPTIONS sip:sbc.operator.example SIP/2.0\r\nVia: SIP/2.0/TLS "
      "sip.pstnhub.example:5061;branch=z9hG4bKagain\r\nCall-ID: again\r\nMax-Forwards: 70\r\n"
      "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
  cloud.send(options);
  (void)cloud.expect("200 OPTIONS");
  two.send(options);
  (void)two.expect("200 OPTIONS");
  EXPECT_EQ(cloud.count("200 OPTIONS"), 1U);
  expect_clean(0);
}

}  // namespace
}  // namespace causeway::scenario
