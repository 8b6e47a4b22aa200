// What a peer's SDP says of the reports that it wants.
#include "rtp/rtcp.h"
#include "rtp/voip_metrics.h"
#include "scenario/fixture.h"

namespace causeway::scenario {
namespace {

struct Reports : CallTest {
  explicit Reports(const std::string& config = make_config()) : CallTest(config) {}
  // What comes to the core's RTCP port within some seconds of a call.
  std::vector<std::vector<std::byte>> reports(const std::string& extra) {
    auto up = core_calls(
        "", sdp("10.1.0.1", 40000, "sendrecv", "8 PCMA/8000,101 telephone-event/8000", 1, extra));
    core.open_rtp(40000);
    core.send_rtp(media_of(up.to_core), 50);
    rig.run(Millis(100));
    core.open_rtp(40001);
    core.rtp.clear();
    rig.run(Seconds(12));
    std::vector<std::vector<std::byte>> out;
    for (const auto& p : core.rtp) {
      auto& bytes = out.emplace_back();
      for (const std::uint8_t b : p.bytes) bytes.push_back(static_cast<std::byte>(b));
      EXPECT_TRUE(rtp::valid_compound(bytes));
    }
    core_hangs_up(up);
    expect_clean(1);
    return out;
  }
  static std::optional<rtp::VoipMetrics> metrics(const std::vector<std::vector<std::byte>>& all) {
    for (const auto& c : all) {
      rtp::RtcpReader reader(c);
      rtp::RtcpItem item;
      while (reader.next(item))
        if (const auto m = rtp::voip_metrics(item)) return m;
    }
    return std::nullopt;
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, Reports, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(Reports, HaveTheMetricsOfACallWhereTheyAreAskedFor) {
  const auto m = metrics(reports("a=rtcp-xr:rcvr-rtt=all voip-metrics\r\n"));
  ASSERT_TRUE(m);
  EXPECT_EQ(m->ssrc, 0x1234u);
  EXPECT_GT(m->r_factor, 50);
}

TEST_P(Reports, HaveNoneWhereNobodyAsked) {
  const auto all = reports("a=rtcp-xr:stat-summary\r\n");
  EXPECT_GE(all.size(), 2u);
  EXPECT_FALSE(metrics(all));
}

TEST_P(Reports, AreSentThoughThePeerWantsNoneUnlessTheProfileAllowsIt) {
  PROVES("TDM-12");
  EXPECT_GE(reports("b=RS:0\r\nb=RR:0\r\n").size(), 2u);
}

struct ReportsOff : Reports {
  ReportsOff()
      : Reports(make_config({.top = "[[profile]]\nname = \"quiet\"\nextends = \"operator\"\n"
                                    "[profile.sdp]\nrtcp_off = true\nbandwidth = 80\n",
                             .core_profile = "quiet"})) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, ReportsOff, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(ReportsOff, AreNotSentWhereThePeerWantsNone) {
  EXPECT_TRUE(reports("b=RS:0\r\nb=RR:0\r\n").empty());
}

TEST_P(ReportsOff, AreSentWhereItSaidSoOfOneKindAlone) {
  EXPECT_GE(reports("b=RS:0\r\n").size(), 2u);
}

TEST_P(ReportsOff, ItsAnswerSaysWhatTheProfileTakes) {
  auto up = core_calls();
  EXPECT_EQ(line_of(up.to_core, "b="), "b=AS:80");
  EXPECT_EQ(line_of(up.to_cloud, "b="), "");
  core_hangs_up(up);
  expect_clean(1);
}

}  // namespace
}  // namespace causeway::scenario
