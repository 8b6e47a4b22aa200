// Two regions of an operator that carry calls at the same time, each with a core and a trunk of the
// service.
#include <deque>

#include "scenario/fixture.h"

namespace causeway::scenario {
namespace {

class Regions : public CallTest {
 protected:
  Regions()
      : CallTest(config()),
        east_core(rig, "east-core", "10.4.0.1:5060", Transport::kUdp),
        east_cloud(rig, "east-cloud", "10.5.0.1:5061", Transport::kTls, {"east.pstnhub.example"}) {
    rig.zone.set_a("east.pstnhub.example", {"10.5.0.1"});
    east_core.gateway = "10.0.0.1:5060";
    east_cloud.gateway = "10.0.0.2:5061";
    east_cloud.request_host = "sbc-east.operator.example";
    east_cloud.contact = "<sip:east.pstnhub.example:5061;transport=tls>";
  }
  // Each group names the other region first.
  static std::string config() {
    std::string text = make_config({.third_cloud = kEast});
    const auto put = [&](const std::string& from, const std::string& to) {
      text.replace(text.find(from), from.size(), to);
    };
    put("[[region]]\nname = \"west\"\n",
        "[[region]]\nname = \"east\"\n[[region]]\nname = \"west\"\n[[profile]]\n"
        "name = \"east-service\"\nextends = \"teams-direct-routing\"\n"
        "contact_host = \"sbc-east.operator.example\"\n");
    put("routes_to = [\"cloud\"]", "routes_to = [\"east-cloud\", \"cloud\"]");
    put("routes_to = [\"core\"]", "routes_to = [\"east-core\", \"core\"]");
    return text;
  }
  struct Talk {
    PeerDialog service, core;
    Peer* by;
  };
  void begin(Peer& by, const std::string& address, Peer& expected) {
    auto d = by.invite("+4930111", "", secure_sdp(address, 50000), "+4989123");
    const auto inv = expected.expect("INVITE", Seconds(20));
    expected.reply(inv, 200, "",
                   sdp(expected.address().substr(0, expected.address().find(':')), 40000));
    by.learn(d, by.expect("200 INVITE"));
    by.ack(d);
    expected.expect("ACK");
    talks_.push_back({d, expected.answered(inv), &by});
  }
  // As many calls of each region's trunk, all of them up at once, at these two cores.
  void carry(Peer& of_west, Peer& of_east) {
    for (int i = 0; i < 4; ++i) {
      begin(cloud, "10.2.0.1", of_west);
      begin(east_cloud, "10.5.0.1", of_east);
    }
    std::size_t up = 0;
    rig.each([&](call::GatewayShard& s) { up += s.call_reports().size(); });
    EXPECT_EQ(up, talks_.size());
    for (bool west = true; !talks_.empty(); west = !west) {
      auto& t = talks_.front();
      t.by->request(t.service, "BYE");
      Peer& core_of_it = west ? of_west : of_east;
      core_of_it.reply(core_of_it.expect("BYE"), 200);
      t.by->expect("200 BYE");
      talks_.pop_front();
    }
  }
  void lose(const char* address, bool lost) {
    auto& n = rig.world.network();
    lost ? n.isolate(*IpAddress::parse(address)) : n.rejoin(*IpAddress::parse(address));
  }
  Peer east_core, east_cloud;
  std::deque<Talk> talks_;
  static constexpr const char* kEast = R"([[peer_group]]
name = "east-core"
region = "east"
realm = "core"
listener = "core-udp"
profile = "operator"
trusted = true
options_interval = "0s"
routes_to = ["cloud", "east-cloud"]
[peer_group.recognise]
sources = ["10.4.0.0/16"]
[[peer_group.peer]]
name = "east-core-1"
host = "10.4.0.1"
port = 5060
[[peer_group]]
name = "east-cloud"
region = "east"
realm = "cloud"
listener = "cloud-tls"
profile = "east-service"
trusted = true
options_interval = "0s"
routes_to = ["core", "east-core"]
[peer_group.recognise]
sources = ["10.5.0.0/16"]
certificate_names = ["east.pstnhub.example"]
[[peer_group.peer]]
name = "east-cloud-1"
host = "east.pstnhub.example"
port = 5061
transport = "tls"
)";
};
INSTANTIATE_TEST_SUITE_P(Modes, Regions, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(Regions, EachTakesItsOwnCallsAndAllOfThemWhenTheOtherIsLost) {
  PROVES("OC-03");
  carry(core, east_core);
  for (const char* address : {"10.1.0.1", "10.1.0.2"}) lose(address, true);
  carry(east_core, east_core);
  for (const char* address : {"10.1.0.1", "10.1.0.2"}) lose(address, false);
  lose("10.4.0.1", true);
  carry(core, core);
  lose("10.4.0.1", false);
  rig.run(Seconds(60));
  carry(core, east_core);
  expect_clean(32);
  for (const auto& r : rig.records) EXPECT_EQ(r.termination, "completed");
}

}  // namespace
}  // namespace causeway::scenario
