// Hostile, broken and overloaded: what comes in does not disturb what goes on.
#include "call/state.h"
#include "scenario/fixture.h"

namespace causeway::scenario {
namespace {

// A further group on the service's listener, known by certificate and host.
constexpr const char* kPartner = R"([[peer_group]]
name = "partner"
region = "west"
realm = "cloud"
listener = "cloud-tls"
profile = "service"
routes_to = ["core"]
options_interval = "0s"
[peer_group.recognise]
sources = ["10.2.0.0/16"]
certificate_names = ["partner.example"]
request_hosts = ["partner.operator.example"]
[[peer_group.peer]]
name = "partner-1"
host = "sip3.pstnhub.example"
port = 5061
transport = "tls"
)";

class RobustnessTest : public CallTest {};
INSTANTIATE_TEST_SUITE_P(Modes, RobustnessTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(RobustnessTest, UnknownSourcesGetNoAnswerAndAreCounted) {
  PROVES("GW-06");
  Peer stranger(rig, "stranger", "10.9.0.1:5060", Transport::kUdp);
  stranger.gateway = "10.0.0.1:5060";
  (void)stranger.invite("+4989123", "", sdp("10.9.0.1", 40000));
  rig.run(Seconds(1));
  EXPECT_TRUE(stranger.received.empty());
  EXPECT_EQ(rig.dropped("unknown_source"), 1U);
  Peer tls(rig, "stranger-tls", "10.9.0.2:5061", Transport::kTls, {"sip.pstnhub.example"});
  tls.gateway = "10.0.0.2:5061";
  (void)tls.invite("+4930111", "", secure_sdp("10.9.0.2", 50000));
  rig.run(Seconds(1));
  EXPECT_TRUE(tls.received.empty());
  EXPECT_EQ(rig.dropped("unknown_source"), 2U);
  expect_clean(0);
}

TEST_P(RobustnessTest, MalformedRequestsAreAnswered400AndGarbageIsDropped) {
  auto up = core_calls();
  const std::string top =
      "INVITE sip:+4989123@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.1.0.1:5060;branch=z9hG4bKbad";
  core.send(top +
            "1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: bad1\r\nMax-Forwards: "
            "70\r\nContent-Length: 0\r\n\r\n");
  rig.run(Millis(100));
  EXPECT_FALSE(core.has("400")) << "an answer would have no CSeq: dropped";
  core.send(top +
            "2\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: bad2\r\nCSeq: 1 "
            "BYE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n");
  core.expect("400");
  core.send(top +
            "3\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: bad3\r\nCSeq: 1 "
            "INVITE\r\nMax-Forwards: 300\r\nContent-Length: 0\r\n\r\n");
  core.expect("400");
  const auto before = rig.dropped("malformed");
  core.send("\x01\x02 nonsense\r\n\r\n");
  core.send("SIP/2.0 200\r\n\r\n");
  rig.run(Seconds(1));
  EXPECT_GT(rig.dropped("malformed"), before);
  core_hangs_up(up);
  expect_clean(3);  // and the two INVITEs
  EXPECT_EQ(rig.records[1].sip_status, 400);
  EXPECT_NE(rig.trail_of(1).find("Max-Forwards: 300"), std::string::npos);
}

// Ten a second are told apart, whatever comes; no trail of a call is lost by it.
TEST_P(RobustnessTest, AFloodOfRefusalsFlushesNoTrailOfACall) {
  auto d = core.invite("nobody", "", sdp("10.1.0.1", 40000));
  (void)failure(core, d, 404);
  ASSERT_EQ(rig.records.size(), 1U);
  for (int i = 0; i < 4'000; ++i) {
    (void)core.invite("+4989123", "X-Big: " + std::string(11'000, 'x') + "\r\n");
    if (i % 10 == 0) rig.run(Millis(50));
  }
  rig.run(Seconds(1));
  EXPECT_EQ(rig.dropped("too_large"), 4'000U);
  const auto records = rig.records.size() - 1;
  EXPECT_GT(records, 100U);
  EXPECT_LE(records, 22U * call::Refusals::kPerSecond * rig.mode().shards);
  std::size_t kept = 0;
  rig.each([&](call::GatewayShard& s) { kept += s.refused().kept_count(); });
  EXPECT_LE(kept, call::Refusals::kKept * rig.mode().shards);
  EXPECT_FALSE(rig.trail_of(0).empty()) << "the refused call of before";
}

TEST_P(RobustnessTest, ARequestForTheHostOfAnotherGroupSaysWhichCertificateItWants) {
  Peer other(rig, "other", "10.2.0.9:5061", Transport::kTls, {"partner.example"});
  other.gateway = "10.0.0.2:5061";
  other.request_host = "sbc.operator.example";
  ASSERT_TRUE(rig.apply(make_config({.top = "", .third_cloud = kPartner})));
  auto d = other.invite("+4930111", "", secure_sdp("10.2.0.9", 50000));
  other.expect("403 INVITE");
  rig.run(Seconds(1));
  const std::string trail = rig.trail_of_all();
  EXPECT_NE(trail.find("Request-URI host 'sbc.operator.example': expected one of "
                       "sip.pstnhub.example; the certificate has partner.example"),
            std::string::npos)
      << trail;
  ASSERT_EQ(rig.records.size(), 1U);
  EXPECT_EQ(rig.records[0].sip_status, 403);
  EXPECT_NE(rig.records[0].reason.find("partner.example"), std::string::npos);
}

TEST_P(RobustnessTest, OversizedRequestsAreAnswered513) {
  auto d = core.invite("+4989123", "X-Big: " + std::string(11'000, 'x') + "\r\n",
                       sdp("10.1.0.1", 40000));
  core.expect("513 INVITE");
  EXPECT_FALSE(cloud.has("INVITE"));
  EXPECT_EQ(rig.dropped("too_large"), 1U);
  expect_clean(1);  // no call, but a record and a trail
  EXPECT_EQ(rig.records[0].sip_status, 513);
  EXPECT_EQ(rig.records[0].termination, "refused");
  EXPECT_EQ(rig.records[0].ingress_group, "core");
  EXPECT_EQ(rig.records[0].to, "+4989123");
  EXPECT_NE(rig.trail_of(0).find("answered 513 before it was a call"), std::string::npos);
}

TEST_P(RobustnessTest, CertificateOfAnotherNameIsRefusedNamingBoth) {
  Peer wrong(rig, "wrong", "10.2.0.9:5061", Transport::kTls, {"other.example"});
  wrong.gateway = "10.0.0.2:5061";
  wrong.request_host = "sbc.operator.example";
  (void)wrong.invite("+4930111", "", secure_sdp("10.2.0.9", 50000));
  rig.run(Seconds(1));
  EXPECT_TRUE(wrong.received.empty());
  EXPECT_EQ(rig.dropped("certificate_name"), 1U);
  std::string text;
  rig.each([&](call::GatewayShard& s) {
    for (const auto& line : s.recent_drops()) text += line;
  });
  EXPECT_NE(text.find("sip.pstnhub.example"), std::string::npos) << text;
  EXPECT_NE(text.find("other.example"), std::string::npos) << text;
  const std::string trail = rig.trail_of_all();
  EXPECT_NE(trail.find("refusal leg 0 certificate name mismatch: expected one of "
                       "sip.pstnhub.example; the certificate has other.example"),
            std::string::npos)
      << trail;
  expect_clean(0);
}

// What is written to the log while it lives.
class Alarms {
 public:
  Alarms() { ::testing::internal::CaptureStderr(); }
  std::string text() const {
    taken_ = true;
    return ::testing::internal::GetCapturedStderr();
  }
  ~Alarms() {
    if (!taken_) (void)::testing::internal::GetCapturedStderr();
  }

 private:
  mutable bool taken_ = false;
};

class FewPorts : public CallTest {
 protected:
  FewPorts() : CallTest(make_config({.core_port_max = 20003})) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, FewPorts,
                         ::testing::ValuesIn(std::vector<Mode>{{1, false}, {1, true}}), mode_name);

TEST_P(FewPorts, ExhaustedPortsRefuseTheCallAndRaiseAnAlarm) {
  const Alarms output;
  auto a = core_calls();
  auto b = core_calls();
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  auto no = failure(core, d, 503);
  EXPECT_FALSE(cloud.has("INVITE"));
  std::uint64_t exhausted = 0;
  rig.each([&](call::GatewayShard& s) { exhausted += s.media_stats().ports_exhausted; });
  EXPECT_EQ(exhausted, 1U);
  // A call that would need a port on its way out, too.
  auto e = cloud.invite("+4930111", "", secure_sdp("10.2.0.1", 50000), "+4989123");
  (void)failure(cloud, e, 503);
  // Its peers are not to blame, and none is asked in vain.
  EXPECT_FALSE(core.has("INVITE"));
  transport::Destination at;
  at.remote = core.endpoint();
  std::uint64_t refused = 0;
  rig.each([&](call::GatewayShard& s) {
    EXPECT_FALSE(s.locator().is_set_aside(at));
    refused += s.counters().refused.get("media_ports");
  });
  EXPECT_EQ(refused, 2U);
  for (const auto& r : rig.records) {
    EXPECT_EQ(r.termination, "refused");
    EXPECT_NE(r.reason.find("no media port in realm core"), std::string::npos) << r.reason;
  }
  EXPECT_NE(output.text().find("media ports of realm core are exhausted"), std::string::npos);
  core_hangs_up(a);
  rig.run(Seconds(70));  // ports rest before they are used again
  auto c = core_calls();
  core_hangs_up(b);
  core_hangs_up(c);
  expect_clean(5);
}

class MailboxTest : public CallTest {};
INSTANTIATE_TEST_SUITE_P(Modes, MailboxTest,
                         ::testing::ValuesIn(std::vector<Mode>{{3, false}, {3, true}}), mode_name);

TEST_P(MailboxTest, NewCallsAreRefusedAndWhatBelongsToCallsWaitsWhileTheOwnerIsBehind) {
  std::vector<Up> up;
  for (int i = 0; i < 6; ++i) up.push_back(core_calls());
  const auto all = [&](bool full) {
    for (std::uint16_t i = 0; i < 3; ++i) rig.world.set_mailbox_full(ShardId{i}, full);
  };
  all(true);
  std::vector<PeerDialog> tries;
  for (int i = 0; i < 12; ++i) tries.push_back(core.invite("+4989123", "", sdp("10.1.0.1", 40000)));
  rig.run(Millis(100));
  EXPECT_GT(core.count("503 INVITE"), 0U);
  EXPECT_EQ(rig.dropped("mailbox_full"), core.count("503 INVITE"));
  for (auto& u : up) core.request(u.core, "BYE");
  rig.run(Millis(100));
  EXPECT_LT(core.count("200 BYE"), up.size()) << "none arrived at another shard than its own";
  all(false);
  rig.run(Seconds(1));
  EXPECT_EQ(core.count("200 BYE"), up.size()) << "none had to be sent again";
  EXPECT_EQ(rig.dropped("mailbox_full"), core.count("503 INVITE"));
  for (std::size_t i = 0; i < up.size(); ++i) cloud.reply(cloud.expect("BYE"), 200);
  while (cloud.has("INVITE")) cloud.reply(cloud.expect("INVITE"), 480);
  // Those that were refused before they were calls have a record, too, as far as there is room.
  expect_clean(up.size() + 12);
}

TEST_P(MailboxTest, NothingOfAStreamIsLost) {
  std::vector<Up> up;
  for (int i = 0; i < 6; ++i) up.push_back(cloud_calls());
  for (std::uint16_t i = 0; i < 3; ++i) rig.world.set_mailbox_full(ShardId{i}, true);
  for (auto& u : up) cloud.request(u.cloud, "BYE");
  rig.run(Seconds(2));
  EXPECT_LT(cloud.count("200 BYE"), 6U) << "some belong to another shard than the connection";
  for (std::uint16_t i = 0; i < 3; ++i) rig.world.set_mailbox_full(ShardId{i}, false);
  rig.run(Seconds(1));
  EXPECT_EQ(cloud.count("200 BYE"), 6U);
  for (int i = 0; i < 6; ++i) core.reply(core.expect("BYE"), 200);
  expect_clean(6);
}

TEST_P(RobustnessTest, CallThatCannotBeRebuiltIsHungUpAndRecorded) {
  auto up = core_calls();
  // The media address of the caller's side moves: the one of this call is not to be had again.
  std::string moved = make_config();
  const std::string from = "media_addresses = [\"10.0.0.1\"]";
  moved.replace(moved.find(from), from.size(), "media_addresses = [\"10.0.0.9\"]");
  ASSERT_TRUE(rig.apply(moved));
  rig.each([](call::GatewayShard& s) { (void)s.rebuild_stable_calls(); });
  const auto bye = core.expect("BYE");
  EXPECT_NE(bye.value(HeaderId::kReason), "");
  core.reply(bye, 200);
  cloud.reply(cloud.expect("BYE"), 200);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].termination, "dropped");
  EXPECT_EQ(rig.records[0].reason.find("could not be rebuilt: realm core has no media address"), 0U)
      << rig.records[0].reason;
  EXPECT_NE(rig.trail_of(0).find("could not be rebuilt"), std::string::npos);
  EXPECT_EQ(rig.failed(), 1U);
}

TEST_P(RobustnessTest, FailedMeansTheSameInTheCounterAndInTheRecords) {
  const auto attempt = [&](int status) {
    auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
    auto inv = cloud.expect("INVITE");
    cloud.reply(inv, status);
    (void)failure(core, d, status);
  };
  for (const int status : {486, 480, 404}) attempt(status);
  auto refused = core.invite("nobody", "", sdp("10.1.0.1", 40000));
  (void)failure(core, refused, 404);
  auto up = core_calls();
  rig.each([](call::GatewayShard& s) { s.end_all_calls("test"); });
  gateway_hangs_up();
  expect_clean(5);
  std::size_t failures = 0;
  for (const auto& r : rig.records) failures += call::is_failure(r.termination);
  EXPECT_EQ(failures, 3U) << "busy and unanswered are none; 404, refused and stopped are";
  EXPECT_EQ(rig.failed(), failures);
}

// Good calls of which none is kept.
class WatchTest : public CallTest {
 protected:
  WatchTest() : CallTest(make_config({.top = "[limits]\nkeep_one_in = 0\n"})) {}
  void call() {
    auto up = core_calls();
    core_hangs_up(up);
    rig.run(Seconds(40));
  }
  std::string kept() {
    std::string out;
    for (std::size_t i = 0; i < rig.records.size(); ++i) out += rig.trail_of(i).empty() ? '-' : 'k';
    return out;
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, WatchTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(WatchTest, TrailsOfAWatchedNumberAreKeptUntilTheWatchEnds) {
  call();
  rig.each([&](call::GatewayShard& s) {
    EXPECT_TRUE(s.watch_number("4989123", s.now() + Seconds(60)));
    EXPECT_TRUE(s.watch_number("999999", s.now() + Seconds(600)));
  });
  call();
  EXPECT_EQ(kept(), "-k");
  rig.run(Seconds(60));
  call();
  EXPECT_EQ(kept(), "-k-");
  rig.each([&](call::GatewayShard& s) {
    std::size_t taken = 0;
    while (s.watch_number(std::to_string(100 + taken), s.now() + Seconds(60))) ++taken;
    EXPECT_EQ(taken, call::GatewayShard::kMaxWatches - 1);
  });
}

TEST_P(WatchTest, ACallThatIsMarkedWhileItIsUpKeepsItsTrail) {
  auto up = core_calls();
  bool marked = false;
  rig.each([&](call::GatewayShard& s) {
    for (const auto& c : s.call_reports()) marked = s.trails().trace(c.id) || marked;
  });
  EXPECT_TRUE(marked);
  core_hangs_up(up);
  expect_clean(1);
  EXPECT_EQ(kept(), "k");
}

TEST_P(RobustnessTest, TheTrailHasWhatTheDecisionWasMadeOf) {
  auto up = core_calls();
  auto d = core.invite("nobody", "", sdp("10.1.0.1", 40000));
  (void)failure(core, d, 404);
  const std::string trail = rig.trail_of(0);
  for (const char* input :
       {R"(["listener","core-udp"])", R"(["configuration","1"])", R"(["calls","1, of group 1"])"})
    EXPECT_NE(trail.find(input), std::string::npos) << input << " in " << trail;
  core_hangs_up(up);
  expect_clean(2);
}

TEST_P(RobustnessTest, AnEmergencyInTheLastSecondsIsRefusedInsteadOfLost) {
  rig.each([](call::GatewayShard& s) { s.refuse_new_calls(true); });
  auto d = cloud.invite("112", "", secure_sdp("10.2.0.1", 50000), "+4989123");
  core.reply(core.expect("INVITE"), 486);  // while calls may go on, it is taken
  core.expect("ACK");
  (void)failure(cloud, d, 486);
  rig.each([](call::GatewayShard& s) { s.end_all_calls("the gateway is shutting down"); });
  auto e = cloud.invite("112", "", secure_sdp("10.2.0.1", 50000), "+4989123");
  (void)failure(cloud, e, 503);
  EXPECT_FALSE(core.has("INVITE"));
  expect_clean(2);
}

}  // namespace
}  // namespace causeway::scenario
