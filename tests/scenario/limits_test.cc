// Limits on calls and on new requests: what is beyond them is refused, or goes elsewhere, and an
// emergency is neither.
#include "scenario/fixture.h"

namespace causeway::scenario {
namespace {

std::uint64_t refused(Rig& rig, std::string_view label) {
  std::uint64_t n = 0;
  rig.each([&](call::GatewayShard& s) { n += s.counters().refused.get(label); });
  return n;
}

std::uint64_t begun(Rig& rig) {
  std::uint64_t n = 0;
  rig.each([&](call::GatewayShard& s) { n += s.counters().calls_started; });
  return n;
}

// The configuration with lines for the peer core-1.
std::string with_core_1(const std::string& lines, const ConfigOptions& o = {}) {
  std::string text = make_config(o);
  const std::string peer = "name = \"core-1\"\n";
  text.insert(text.find(peer) + peer.size(), lines);
  return text;
}

class LimitsTest : public CallTest {
 protected:
  LimitsTest() : core2(rig, "core2", "10.1.0.2:5060", Transport::kUdp) {
    core2.gateway = "10.0.0.1:5060";
  }
  PeerDialog call_core(const std::string& user = "+4930111") {
    return cloud.invite(user, "", secure_sdp("10.2.0.1", 50000), "+4989123");
  }
  // Of the call towards the core that arrived there.
  void decline(Peer& at, PeerDialog& d) {
    at.reply(at.expect("INVITE"), 486);
    (void)failure(cloud, d, 486);
    at.expect("ACK");
  }
  Peer core2;
};
INSTANTIATE_TEST_SUITE_P(Modes, LimitsTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(LimitsTest, CallsBeyondTheRateAreRefusedBeforeTheyBegin) {
  PROVES("EM-02");
  ASSERT_TRUE(rig.apply(make_config({.cloud = "max_calls_per_second = 1\ncalls_burst = 2\n"})));
  for (int i = 0; i < 2; ++i) {
    auto d = call_core();
    decline(core, d);
  }
  auto third = call_core();
  const auto no = failure(cloud, third, 503);
  EXPECT_NE(no.value(HeaderId::kRetryAfter), "");
  EXPECT_NE(no.value(HeaderId::kReason).find("cause=42"), std::string::npos);
  EXPECT_EQ(begun(rig), 2U);
  EXPECT_EQ(refused(rig, "limit_group_rate"), 1U);
  auto sos = call_core("112");
  decline(core, sos);
  rig.run(Seconds(3));
  auto later = call_core();
  decline(core, later);
  expect_clean(5);
  EXPECT_EQ(rig.records[2].termination, "refused");
  EXPECT_EQ(rig.records[2].sip_status, 503);
  EXPECT_EQ(rig.records[2].reason, "limit of 1 calls per second of group 'cloud' reached");
}

TEST_P(LimitsTest, AnInviteThatComesAgainGetsWhatItGotAndTakesNothing) {
  ASSERT_TRUE(
      rig.apply(make_config({.top = "[limits]\nmax_calls_per_second = 1\ncalls_burst = 1\n"})));
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  const std::string first = core.last_request;
  auto inv = cloud.expect("INVITE");
  auto other = core.invite("+4989124", "", sdp("10.1.0.1", 40002));
  const std::string second = core.last_request;
  (void)failure(core, other, 503);
  rig.run(Seconds(2));  // there is room again
  core.send(second);
  (void)core.expect("503 INVITE");
  EXPECT_FALSE(cloud.has("INVITE")) << "its sender has given it up";
  core.send(first);
  auto third = core.invite("+4989125", "", sdp("10.1.0.1", 40004));
  cloud.reply(cloud.expect("INVITE"), 486);
  (void)failure(core, third, 486);
  cloud.reply(inv, 486);
  (void)failure(core, d, 486);
  EXPECT_EQ(refused(rig, "limit_rate"), 1U);
  EXPECT_EQ(rig.dropped("repeated"), 1U);
  expect_clean(3);
}

TEST_P(LimitsTest, APeerThatIsFullIsPassedOverUntilACallThereEnds) {
  ASSERT_TRUE(rig.apply(with_core_1("max_calls = 1\n", {.top = "[limits]\nkeep_one_in = 1\n"})));
  auto up = cloud_calls();
  auto second = call_core();
  decline(core2, second);
  EXPECT_EQ(core.count("INVITE"), 1U);
  auto sos = call_core("112");
  decline(core, sos);
  core_hangs_up(up);
  auto again = call_core();
  decline(core, again);
  expect_clean(4);
  EXPECT_NE(rig.trail_of(0).find("passed over core-1: limit of 1 calls of peer 'core-1' reached"),
            std::string::npos)
      << rig.trail_of(0);
}

TEST_P(LimitsTest, CallsFromAPeerCountAgainstCallsTowardsIt) {
  ASSERT_TRUE(rig.apply(with_core_1("max_calls = 1\n")));
  auto up = core_calls();
  auto from = core.invite("+4989123", "", sdp("10.1.0.1", 40010));
  (void)failure(core, from, 503);
  EXPECT_EQ(refused(rig, "limit_peer_calls"), 1U);
  auto towards = call_core();
  decline(core2, towards);
  core_hangs_up(up);
  auto free = core.invite("+4989123", "", sdp("10.1.0.1", 40010));
  cloud.reply(cloud.expect("INVITE"), 486);
  (void)failure(core, free, 486);
  expect_clean(4);
}

TEST_P(LimitsTest, AGroupThatIsFullRefusesInBothDirections) {
  PROVES("EM-02");
  ASSERT_TRUE(rig.apply(make_config({.core = "max_calls = 1\n"})));
  auto up = cloud_calls();
  auto towards = call_core();
  EXPECT_NE(failure(cloud, towards, 503).value(HeaderId::kReason).find("cause=34"),
            std::string::npos);
  auto from = core.invite("+4989123", "", sdp("10.1.0.1", 40010));
  (void)failure(core, from, 503);
  EXPECT_EQ(refused(rig, "limit_group_calls"), 2U);
  auto sos = call_core("112");
  decline(core, sos);
  cloud_hangs_up(up);
  auto free = call_core();
  decline(core, free);
  expect_clean(5);
  EXPECT_EQ(rig.records[0].termination, "refused");
  EXPECT_EQ(rig.records[0].reason, "limit of 1 calls of group 'core' reached");
}

TEST_P(LimitsTest, ARateTowardsAPeerSendsTheNextCallElsewhere) {
  ASSERT_TRUE(rig.apply(with_core_1("max_calls_per_second = 1\n")));
  auto first = call_core();
  decline(core, first);
  auto second = call_core();
  decline(core2, second);
  rig.run(Seconds(2));
  auto third = call_core();
  decline(core, third);
  expect_clean(3);
}

TEST_P(LimitsTest, NewRequestsOfOneSourceAreHeldToARate) {
  ASSERT_TRUE(
      rig.apply(make_config({.top = "[limits]\nrequests_per_second = 1\nrequests_burst = 2\n"})));
  auto up = core_calls();  // the first
  PeerDialog o;
  o.local = "<sip:core@10.1.0.1>;tag=o";
  o.target = "sip:10.0.0.1";
  o.remote = "<sip:10.0.0.1>";
  o.call_id = "options-1";
  core.request(o, "OPTIONS");
  (void)core.expect("200 OPTIONS");
  o.call_id = "options-2";
  core.request(o, "OPTIONS");
  EXPECT_NE(core.expect("503 OPTIONS").value(HeaderId::kRetryAfter), "");
  auto more = core.invite("+4989123", "", sdp("10.1.0.1", 40010));
  (void)failure(core, more, 503);
  EXPECT_EQ(rig.dropped("source_rate"), 2U);
  auto sos = core.invite("112", "", sdp("10.1.0.1", 40012));
  cloud.reply(cloud.expect("INVITE"), 486);
  (void)failure(core, sos, 486);
  auto towards = call_core();  // of another source
  decline(core, towards);
  core_hangs_up(up);  // a request of a call
  expect_clean(3);
}

}  // namespace
}  // namespace causeway::scenario
