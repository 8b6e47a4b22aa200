// Requests within a call: where they go, on which connection, and what is out of order.
#include "scenario/fixture.h"

namespace causeway::scenario {
namespace {

class DialogTest : public CallTest {};
INSTANTIATE_TEST_SUITE_P(Modes, DialogTest, ::testing::ValuesIn(all_modes()), mode_name);

const IpAddress kGatewayCloud = *IpAddress::parse("10.0.0.2");

TEST_P(DialogTest, ByeCrossesReinvite) {
  auto up = core_calls();
  core.request(up.core, "INVITE", "",
               sdp("10.1.0.1", 40000, "sendonly", "8 PCMA/8000,101 telephone-event/8000", 2));
  auto inv = cloud.expect("INVITE");
  cloud.request(up.cloud, "BYE");
  cloud.expect("200 BYE");
  cloud.reply(inv, 487);
  (void)failure(core, up.core, 487);
  core.reply(core.expect("BYE"), 200);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].termination, "completed");
}

TEST_P(DialogTest, ByeOfTheSideThatAsked) {
  auto up = core_calls();
  core.request(up.core, "INVITE", "",
               sdp("10.1.0.1", 40000, "sendonly", "8 PCMA/8000,101 telephone-event/8000", 2));
  auto inv = cloud.expect("INVITE");
  auto hold = up.core;
  core.request(up.core, "BYE");
  core.expect("200 BYE");
  (void)failure(core, hold, 487);
  cloud.reply(cloud.expect("BYE"), 200);
  cloud.reply(inv, 487);
  cloud.expect("ACK");
  expect_clean(1);
}

TEST_P(DialogTest, ByesThatCrossEndInPeace) {
  auto up = core_calls();
  core.request(up.core, "BYE");
  cloud.request(up.cloud, "BYE");
  core.expect("200 BYE");
  cloud.expect("200 BYE");
  rig.run(Millis(100));
  if (cloud.has("BYE")) cloud.reply(cloud.expect("BYE"), 481);
  if (core.has("BYE")) core.reply(core.expect("BYE"), 481);
  expect_clean(1);
}

TEST_P(DialogTest, CSeqThatDoesNotRiseIsAnswered500) {
  auto up = core_calls();
  core.request(up.core, "OPTIONS", "", "", 5);
  core.expect("200 OPTIONS");
  core.request(up.core, "OPTIONS", "", "", 4);
  core.expect("500 OPTIONS");
  up.core.cseq = 5;
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(DialogTest, WrongTagsOrCallIdMatchNoDialog) {
  auto up = core_calls();
  auto wrong = up.core;
  wrong.call_id = "another";
  core.request(wrong, "BYE");
  core.expect("481 BYE");
  wrong = up.core;
  wrong.local.replace(wrong.local.find(";tag="), std::string::npos, ";tag=guess");
  core.request(wrong, "BYE");
  core.expect("481 BYE");
  rig.run(Seconds(1));
  EXPECT_FALSE(cloud.has("BYE"));
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(DialogTest, RequestsFromAnotherAddressOnANewConnectionBelongToTheCall) {
  PROVES("TDR-05");
  auto up = core_calls();
  Peer elsewhere(rig, "elsewhere", "10.2.7.7:5061", Transport::kTls, {"sip.pstnhub.example"});
  elsewhere.gateway = "10.0.0.2:5061";
  elsewhere.request(up.cloud, "BYE");
  elsewhere.expect("200 BYE");
  core.reply(core.expect("BYE"), 200);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].released_by, telemetry::Released::kCallee);
}

TEST_P(DialogTest, CallsOutliveTheirConnections) {
  PROVES("TDR-24");
  auto up = cloud_calls();
  rig.run(Seconds(30));
  rig.world.reset_streams(kGatewayCloud, *IpAddress::parse("10.2.0.1"));
  rig.run(Seconds(30));
  EXPECT_EQ(rig.calls(), 1U);
  EXPECT_FALSE(core.has("BYE"));
  core_hangs_up(up);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].termination, "completed");
}

TEST_P(DialogTest, OurRequestsNeverUseAConnectionOfTheService) {
  PROVES("TDR-20");
  auto up = cloud_calls();
  std::size_t in = 0, out = 0;
  rig.each([&](call::GatewayShard& s) {
    in += s.connections().incoming, out += s.connections().outgoing;
  });
  EXPECT_EQ(in, 1U);
  EXPECT_EQ(out, 0U) << "nothing but responses so far";
  core.request(up.core, "BYE");
  auto bye = cloud.expect("BYE");
  EXPECT_FALSE(cloud.came_on_ours(bye));
  cloud.reply(bye, 200);
  // A second call leaves on the same connection.
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  auto inv = cloud.expect("INVITE");
  out = 0;
  rig.each([&](call::GatewayShard& s) { out += s.connections().outgoing; });
  EXPECT_LE(out, rig.mode().shards);
  cloud.reply(inv, 480);
  (void)failure(core, d, 480);
  rig.run(Seconds(50));
  EXPECT_EQ(rig.calls(), 0U);
}

// An address in Contact says nothing about a name, and a connection without one would take any
// certificate of a trusted root.
TEST_P(DialogTest, CallerThatGaveAnAddressIsStillAskedForANameOfItsGroup) {
  cloud.contact = "<sip:10.2.0.1:5061;transport=tls>";
  auto up = cloud_calls();
  core.request(up.core, "BYE");
  const auto bye = cloud.expect("BYE");
  EXPECT_FALSE(cloud.came_on_ours(bye));
  EXPECT_EQ(cloud.asked_for(bye), "sip.pstnhub.example");
  cloud.reply(bye, 200);
  expect_clean(1);
}

TEST_P(DialogTest, WhoeverHasThatAddressWithAnotherCertificateGetsNothing) {
  Peer other(rig, "other", "10.2.0.7:5061", Transport::kTls, {"elsewhere.example"});
  cloud.contact = "<sip:10.2.0.7:5061;transport=tls>";
  auto up = cloud_calls();
  core.request(up.core, "BYE");
  core.expect("200 BYE");
  rig.run(Seconds(40));
  EXPECT_TRUE(other.received.empty());
  EXPECT_EQ(rig.calls(), 0U);
}

class WildcardGroup : public CallTest {
 protected:
  static std::string config() {
    std::string text = make_config();
    const std::string exact = "certificate_names = [\"sip.pstnhub.example\"]";
    return text.replace(text.find(exact), exact.size(),
                        "certificate_names = [\"*.pstnhub.example\"]");
  }
  WildcardGroup() : CallTest(config()) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, WildcardGroup, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(WildcardGroup, NameOfItsFirstPeerIsAskedFor) {
  cloud.contact = "<sip:10.2.0.1:5061;transport=tls>";
  auto up = cloud_calls();
  core.request(up.core, "BYE");
  const auto bye = cloud.expect("BYE");
  EXPECT_EQ(cloud.asked_for(bye), "sip.pstnhub.example");
  cloud.reply(bye, 200);
  expect_clean(1);
}

TEST_P(DialogTest, RecordRouteLeadsAndTheContactIsCopiedUnchanged) {
  PROVES("TDR-69", "TDR-70");
  rig.zone.set_a("sip-du.pstnhub.example", {"10.2.0.5"});
  Peer proxy(rig, "proxy", "10.2.0.5:5061", Transport::kTls, {"sip-du.pstnhub.example"});
  proxy.gateway = "10.0.0.2:5061";
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  auto inv = cloud.expect("INVITE");
  const std::string contact = "sip:api.pstnhub.example:443;x-i=8d3c;x-c=abc/def+g=h";
  cloud.reply(inv, 200,
              "Record-Route: <sip:sip-du.pstnhub.example:5061;transport=tls;lr>\r\nContact: <" +
                  contact + ">\r\n",
              secure_sdp("10.2.0.1", 50000));
  auto ack = proxy.expect("ACK");
  EXPECT_EQ(ack.request_uri(), contact);
  EXPECT_EQ(ack.value(HeaderId::kRoute), "<sip:sip-du.pstnhub.example:5061;transport=tls;lr>");
  auto ok = core.expect("200");
  EXPECT_FALSE(ok.has(HeaderId::kRecordRoute));
  core.learn(d, ok);
  core.ack(d);
  rig.run(Millis(100));
  core.request(d, "BYE");
  auto bye = proxy.expect("BYE");
  EXPECT_EQ(bye.request_uri(), contact);
  EXPECT_EQ(bye.value(HeaderId::kTo).find(";x-i"), std::string::npos);
  proxy.reply(bye, 200);
  expect_clean(1);
}

TEST_P(DialogTest, ServiceThatCallsWithRecordRouteGetsItsByeThere) {
  PROVES("TDR-69");
  rig.zone.set_a("sip-du.pstnhub.example", {"10.2.0.5"});
  Peer proxy(rig, "proxy", "10.2.0.5:5061", Transport::kTls, {"sip-du.pstnhub.example"});
  const std::string contact = "sip:api.pstnhub.example:443;x-i=8d3c;x-c=abc";
  auto up =
      cloud_calls("Record-Route: <sip:sip-du.pstnhub.example:5061;transport=tls;lr>\r\nContact: <" +
                  contact + ">\r\n");
  core.request(up.core, "BYE");
  auto bye = proxy.expect("BYE");
  EXPECT_EQ(bye.request_uri(), contact);
  proxy.reply(bye, 200);
  expect_clean(1);
}

TEST_P(DialogTest, ContactOutsideTheGroupIsNotBelieved) {
  auto d = core.invite("+4989123", "Contact: <sip:evil@203.0.113.9>\r\n", sdp("10.1.0.1", 40000));
  auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 200, "", secure_sdp("10.2.0.1", 50000));
  auto ok = core.expect("200");
  core.learn(d, ok);
  core.ack(d);
  rig.run(Millis(100));
  auto c = cloud.answered(inv);
  cloud.request(c, "BYE");
  auto bye = core.expect("BYE");
  EXPECT_EQ(bye.request_uri(), "sip:evil@203.0.113.9");
  core.reply(bye, 200);
  expect_clean(1);
}

TEST_P(DialogTest, OtherMethodsInACallAreRefusedAndTheCallGoesOn) {
  auto up = core_calls();
  for (const char* method : {"SUBSCRIBE", "INFO", "PRACK"}) {
    core.request(up.core, method);
    auto no = core.expect(std::string("405 ") + method);
    EXPECT_NE(no.value(HeaderId::kAllow), "");
  }
  EXPECT_EQ(cloud.count("SUBSCRIBE") + cloud.count("INFO"), 0U);
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(DialogTest, ReinviteThatIsCancelledIsUndoneOnTheOtherSide) {
  auto up = core_calls();
  core.request(up.core, "INVITE", "",
               sdp("10.1.0.1", 40000, "sendonly", "8 PCMA/8000,101 telephone-event/8000", 2));
  auto hold = cloud.expect("INVITE");
  core.request(up.core, "CANCEL");
  core.expect("200 CANCEL");
  (void)failure(core, up.core, 487);
  cloud.reply(hold, 200, "", secure_sdp("10.2.0.1", 50000, "inactive", 2));
  cloud.expect("ACK");
  auto resume = cloud.expect("INVITE");
  EXPECT_EQ(direction_of(resume.body()), "sendrecv");
  cloud.reply(resume, 200, "", secure_sdp("10.2.0.1", 50000, "sendrecv", 3));
  cloud.expect("ACK");
  rig.run(Seconds(20));
  EXPECT_FALSE(cloud.has("INVITE"));
  EXPECT_FALSE(core.has("INVITE"));
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(DialogTest, ReinviteThatIsNeverAnsweredEndsTheCall) {
  auto up = core_calls();
  core.request(up.core, "INVITE", "",
               sdp("10.1.0.1", 40000, "sendonly", "8 PCMA/8000,101 telephone-event/8000", 2));
  cloud.expect("INVITE");
  core.reply(core.expect("BYE", Seconds(40)), 200);
  cloud.reply(cloud.expect("BYE"), 200);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].termination, "dropped");
}

TEST_P(DialogTest, ReloadWithListenersAndGroupsMovedKeepsCalls) {
  auto up = core_calls();
  ConfigOptions o;
  o.top =
      "[[listener]]\nname = \"aaa\"\nrealm = \"core\"\ntransport = \"udp\"\naddress = "
      "\"10.0.0.1:5070\"\n";  // every index moves
  ASSERT_TRUE(rig.apply(make_config(o)));
  rig.run(Seconds(1));
  auto ok = core_reinvites(
      up, sdp("10.1.0.1", 40000, "sendonly", "8 PCMA/8000,101 telephone-event/8000", 2), "inactive",
      2);
  EXPECT_EQ(direction_of(ok.body()), "recvonly");
  core_hangs_up(up);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].termination, "completed");
}

// The call's group is the last of the file, so its index is one that the new table has not.
TEST_P(DialogTest, ReloadWithoutTheLastGroupEndsItsCallsAndTellsBothSides) {
  std::string text = make_config();
  const auto begin = text.find("[[peer_group]]\nname = \"core\"");
  const auto end = text.find("[[peer_group]]\nname = \"cloud\"");
  ASSERT_NE(begin, std::string::npos);
  ASSERT_NE(end, std::string::npos);
  const std::string core_group = text.substr(begin, end - begin);
  text.erase(begin, end - begin);
  ASSERT_TRUE(rig.apply(text + "\n" + core_group));
  rig.run(Seconds(1));
  auto up = core_calls();
  const std::string routes = "routes_to = [\"core\"]\n";
  text.erase(text.find(routes), routes.size());
  ASSERT_TRUE(rig.apply(text));
  core.reply(core.expect("BYE"), 200);
  cloud.reply(cloud.expect("BYE"), 200);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].termination, "stopped");
}

}  // namespace
}  // namespace causeway::scenario
