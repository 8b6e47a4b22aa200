// Hostile, broken and overloaded: what comes in does not disturb what goes on.
#include "scenario/fixture.h"

namespace causeway::scenario {
namespace {

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
  expect_clean(1);
}

TEST_P(RobustnessTest, OversizedRequestsAreAnswered513) {
  auto d = core.invite("+4989123", "X-Big: " + std::string(11'000, 'x') + "\r\n",
                       sdp("10.1.0.1", 40000));
  core.expect("513 INVITE");
  EXPECT_FALSE(cloud.has("INVITE"));
  EXPECT_EQ(rig.dropped("too_large"), 1U);
  expect_clean(0);
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

TEST_P(MailboxTest, NewCallsAreRefusedAndDatagramsDroppedWhileTheOwnerIsBehind) {
  const auto all = [&](bool full) {
    for (std::uint16_t i = 0; i < 3; ++i) rig.world.set_mailbox_full(ShardId{i}, full);
  };
  all(true);
  std::vector<PeerDialog> tries;
  for (int i = 0; i < 12; ++i) tries.push_back(core.invite("+4989123", "", sdp("10.1.0.1", 40000)));
  rig.run(Millis(100));
  EXPECT_GT(core.count("503 INVITE"), 0U);
  EXPECT_EQ(rig.dropped("mailbox_full"), core.count("503 INVITE"));
  all(false);
  rig.run(Seconds(1));
  while (cloud.has("INVITE")) cloud.reply(cloud.expect("INVITE"), 480);
  expect_clean(12 - core.count("503 INVITE") / 1);
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
  // The media ports of the caller's side move: the ones of this call are not to be had a second
  // time while the pool that they came from still holds them.
  std::string moved = make_config();
  for (const auto& [from, to] : {std::pair{"media_port_min = 20000", "media_port_min = 20002"},
                                 std::pair{"media_port_max = 20999", "media_port_max = 21999"}})
    moved.replace(moved.find(from), std::string(from).size(), to);
  ASSERT_TRUE(rig.apply(moved));
  rig.each([](call::GatewayShard& s) { (void)s.rebuild_stable_calls(); });
  const auto bye = core.expect("BYE");
  EXPECT_NE(bye.value(HeaderId::kReason), "");
  core.reply(bye, 200);
  cloud.reply(cloud.expect("BYE"), 200);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].termination, "dropped");
  EXPECT_EQ(rig.records[0].reason.find("could not be rebuilt: media port 20"), 0U)
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

}  // namespace
}  // namespace causeway::scenario
