// OPTIONS in both directions, and what a peer's silence means.
#include <set>

#include "scenario/fixture.h"

namespace causeway::scenario {
namespace {

constexpr const char* kThird =
    "[[peer_group.peer]]\nname = \"cloud-3\"\nhost = \"sip3.pstnhub.example\"\nport = "
    "5061\ntransport = \"tls\"\n";

class ProbingTest : public CallTest {
 protected:
  ProbingTest()
      : CallTest(make_config({.cloud_options = "60s", .third_cloud = kThird})),
        cloud2(rig, "cloud2", "10.2.0.2:5061", Transport::kTls, {"sip2.pstnhub.example"}),
        cloud3(rig, "cloud3", "10.2.0.3:5061", Transport::kTls, {"sip3.pstnhub.example"}) {
    cloud2.gateway = cloud3.gateway = "10.0.0.2:5061";
  }
  std::string state_of(const std::string& peer) {
    std::set<std::string> seen;
    rig.each([&](call::GatewayShard& s) {
      for (const auto& r : s.peer_reports())
        if (r.peer == peer) seen.insert(r.state);
    });
    return seen.size() == 1 ? *seen.begin() : "the shards differ";
  }
  void answer_all(int status, Micros during) {
    const auto end = rig.world.now() + during;
    while (rig.world.now() < end) {
      rig.run(Millis(100));
      for (Peer* p : {&cloud, &cloud2, &cloud3})
        while (p->has("OPTIONS")) p->reply(p->expect("OPTIONS"), p == &cloud ? status : 200);
    }
  }
  Peer cloud2, cloud3;
};
INSTANTIATE_TEST_SUITE_P(Modes, ProbingTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(ProbingTest, EachNameIsAskedOnceAMinuteByName) {
  PROVES("TDR-31", "TDR-32", "TDR-34", "TDR-38", "TDR-40");
  answer_all(200, Seconds(190));
  for (Peer* p : {&cloud, &cloud2, &cloud3}) {
    EXPECT_GE(p->count("OPTIONS"), 3U);
    EXPECT_LE(p->count("OPTIONS"), 4U);
  }
  for (Peer* p : {&cloud, &cloud2, &cloud3}) {
    const auto m = sip::Message::parse(p->received.front());
    EXPECT_EQ(m->value(HeaderId::kContact), "<sip:sbc.operator.example:5061;transport=tls>");
    EXPECT_FALSE(m->has(HeaderId::kRecordRoute));
    EXPECT_TRUE(m->find("X-MS-SBC"));
    EXPECT_NE(m->value(HeaderId::kAllow).find("NOTIFY"), std::string_view::npos);
    EXPECT_EQ(sip::parse_via(m->value(HeaderId::kVia))->host, "sbc.operator.example");
  }
  EXPECT_NE(
      sip::Message::parse(cloud2.received.front())->request_uri().find("sip2.pstnhub.example"),
      std::string_view::npos);
  EXPECT_EQ(state_of("cloud-1"), "up");
}

TEST_P(ProbingTest, DownByFailureAnswerAndUpAgainByItself) {
  PROVES("TDR-39");
  answer_all(503, Seconds(2));
  EXPECT_EQ(state_of("cloud-1"), "down");
  EXPECT_EQ(state_of("cloud-2"), "up");
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  auto inv = cloud2.expect("INVITE");
  cloud2.reply(inv, 480);
  (void)failure(core, d, 480);
  answer_all(200, Seconds(15));
  EXPECT_EQ(state_of("cloud-1"), "up");
}

TEST_P(ProbingTest, DownBySilenceAndUpAgainByItself) {
  PROVES("TDR-39");
  answer_all(200, Seconds(1));
  EXPECT_EQ(state_of("cloud-1"), "up");
  cloud.silent = true;
  answer_all(200, Seconds(100));  // the next OPTIONS and its 32 s
  EXPECT_EQ(state_of("cloud-1"), "down");
  cloud.silent = false;
  answer_all(200, Seconds(50));
  EXPECT_EQ(state_of("cloud-1"), "up");
}

TEST_P(ProbingTest, NotYetProbedCountsAsUp) {
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  auto inv = cloud.expect("INVITE");
  EXPECT_EQ(state_of("cloud-1"), "not probed");
  cloud.reply(inv, 480);
  (void)failure(core, d, 480);
}

class WrongNameTest : public CallTest {
 protected:
  WrongNameTest()
      : CallTest(make_config({.cloud_options = "60s"})),
        cloud2(rig, "cloud2", "10.2.0.2:5061", Transport::kTls, {"somebody.example"}) {}
  Peer cloud2;
};
INSTANTIATE_TEST_SUITE_P(Modes, WrongNameTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(WrongNameTest, PeerWithAnotherCertificateIsDown) {
  PROVES("TDR-39");
  rig.run(Seconds(5));
  bool seen = false;
  rig.each([&](call::GatewayShard& s) {
    for (const auto& r : s.peer_reports())
      if (r.peer == "cloud-2") {
        seen = true;
        EXPECT_EQ(r.state, "down");
        EXPECT_NE(r.why.find("somebody.example"), std::string::npos) << r.why;
      }
  });
  EXPECT_TRUE(seen);
  EXPECT_EQ(cloud2.count("OPTIONS"), 0U);
}

class AnsweringTest : public CallTest {};
INSTANTIATE_TEST_SUITE_P(Modes, AnsweringTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(AnsweringTest, Answered200OnTheSameConnectionAlsoWhileDraining) {
  PROVES("TDR-37", "TDR-56");
  PeerDialog o;
  o.call_id = "o1", o.local = "<sip:sip.pstnhub.example>;tag=1",
  o.remote = "<sip:sbc.operator.example>", o.target = "sip:sbc.operator.example";
  const auto ask = [&] {
    cloud.request(o, "OPTIONS");
    return cloud.expect("200 OPTIONS");
  };
  auto ok = ask();
  EXPECT_EQ(ok.value(HeaderId::kContact), "<sip:sbc.operator.example:5061;transport=tls>");
  EXPECT_NE(ok.value(HeaderId::kAllow), "");
  EXPECT_TRUE(ok.find("X-MS-SBC"));
  rig.each([](call::GatewayShard& s) {
    ASSERT_TRUE(s.set_admin(peers::PeerTable::Kind::kRegion, "west", peers::Admin::kDrain));
  });
  (void)ask();
  rig.each([](call::GatewayShard& s) { s.refuse_new_calls(true); });
  (void)ask();
  std::size_t in = 0, out = 0;
  rig.each([&](call::GatewayShard& s) {
    in += s.connections().incoming, out += s.connections().outgoing;
  });
  EXPECT_EQ(in, 1U);
  EXPECT_EQ(out, 0U);
}

}  // namespace
}  // namespace causeway::scenario
