// The gateway's main job, both ways: an operator's network over UDP and RTP, a service over TLS and SRTP.
#include "scenario/rig.h"
#include "support/proves.h"
#include "sip/headers.h"

namespace causeway::scenario {
namespace {

constexpr const char* kConfig = R"(
[operation]
control_socket = "/tmp/c.sock"
state_directory = "/tmp/c"
[emergency]
sos = ["112", "911"]
[[region]]
name = "west"
[[realm]]
name = "core"
media_addresses = ["10.0.0.1"]
media_port_min = 20000
media_port_max = 20999
[[realm]]
name = "cloud"
media_addresses = ["10.0.0.2"]
media_port_min = 30000
media_port_max = 30999
[[tls_identity]]
name = "id"
certificate = "cert.pem"
key = "key.pem"
trusted_roots = ["roots.pem"]
[[listener]]
name = "core-udp"
realm = "core"
transport = "udp"
address = "10.0.0.1:5060"
[[listener]]
name = "cloud-tls"
realm = "cloud"
transport = "tls"
address = "10.0.0.2:5061"
tls_identity = "id"
[[profile]]
name = "service"
extends = "teams-direct-routing"
contact_host = "sbc.operator.example"
[[peer_group]]
name = "core"
region = "west"
realm = "core"
listener = "core-udp"
profile = "operator"
trusted = true
options_interval = "0s"
routes_to = ["cloud"]
[peer_group.recognise]
sources = ["10.1.0.0/16"]
[[peer_group.peer]]
name = "core-1"
host = "10.1.0.1"
port = 5060
[[peer_group.peer]]
name = "core-2"
host = "10.1.0.2"
port = 5060
[[peer_group]]
name = "cloud"
region = "west"
realm = "cloud"
listener = "cloud-tls"
profile = "service"
trusted = true
options_interval = "0s"
routes_to = ["core"]
[peer_group.recognise]
sources = ["10.2.0.0/16"]
certificate_names = ["sip.pstnhub.example"]
[[peer_group.peer]]
name = "cloud-1"
host = "sip.pstnhub.example"
port = 5061
transport = "tls"
[[peer_group.peer]]
name = "cloud-2"
host = "sip2.pstnhub.example"
port = 5061
transport = "tls"
)";

class BasicCall : public ::testing::TestWithParam<Mode> {
 protected:
  BasicCall() : rig(GetParam(), kConfig), core(rig, "core", "10.1.0.1:5060", Transport::kUdp), cloud(rig, "cloud", "10.2.0.1:5061", Transport::kTls, {"sip.pstnhub.example"}) {
    rig.zone.set_a("sip.pstnhub.example", {"10.2.0.1"});
    rig.zone.set_a("sip2.pstnhub.example", {"10.2.0.2"});
    rig.zone.set_a("api.pstnhub.example", {"10.2.0.1"});
    core.gateway = "10.0.0.1:5060";
    cloud.gateway = "10.0.0.2:5061";
    cloud.request_host = "sbc.operator.example";
    cloud.contact = "<sip:sip.pstnhub.example:5061;transport=tls>";
  }
  void expect_clean() {
    rig.run(Seconds(60));
    EXPECT_EQ(rig.calls(), 0U);
    EXPECT_EQ(rig.transactions(), 0U);
    EXPECT_EQ(rig.media_legs(), 0U);
  }
  Rig rig;
  Peer core, cloud;
};

std::string secure_sdp(const std::string& address, int port, const std::string& direction = "sendrecv", int version = 1) {
  return sdp(address, port, direction, "8 PCMA/8000,101 telephone-event/8000", version,
             "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA|2^31\r\n", "RTP/SAVP");
}

TEST_P(BasicCall, CoreToCloudIsAnsweredAndHungUpByTheCaller) {
  PROVES("TDR-45", "TDR-46", "TDR-49", "TDR-52", "TDR-53", "TDR-56", "TDM-01");
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  auto inv = cloud.expect("INVITE");
  EXPECT_EQ(inv.request_uri(), "sip:+4989123@sip.pstnhub.example;user=phone");
  EXPECT_EQ(inv.value(sip::HeaderId::kContact), "<sip:+4930111@sbc.operator.example:5061;transport=tls>");
  EXPECT_EQ(sip::parse_via(inv.value(sip::HeaderId::kVia))->host, "sbc.operator.example");
  ASSERT_TRUE(inv.find("X-MS-SBC"));
  EXPECT_EQ(line_of(inv.body(), "m=audio").find("RTP/SAVP") != std::string::npos, true) << inv.body();
  EXPECT_NE(line_of(inv.body(), "a=crypto:1 AES_CM_128_HMAC_SHA1_80"), "");
  EXPECT_EQ(line_of(inv.body(), "c="), "c=IN IP4 10.0.0.2");
  cloud.reply(inv, 100);
  cloud.reply(inv, 180);
  core.expect("180");
  cloud.reply(inv, 200, "", secure_sdp("10.2.0.1", 50000));
  auto ok = core.expect("200");
  EXPECT_EQ(line_of(ok.body(), "c="), "c=IN IP4 10.0.0.1");
  EXPECT_EQ(line_of(ok.body(), "a=crypto"), "");
  cloud.expect("ACK");
  core.learn(d, ok);
  core.ack(d);
  rig.run(Seconds(1));
  core.request(d, "BYE");
  core.expect("200 BYE");
  auto bye = cloud.expect("BYE");
  cloud.reply(bye, 200);
  expect_clean();
  ASSERT_EQ(rig.records.size(), 1U);
  EXPECT_EQ(rig.records[0].termination, "completed");
  EXPECT_EQ(rig.records[0].released_by, telemetry::Released::kCaller);
  if (GetParam().rebuild) {
    EXPECT_GT(rig.rebuilt, 0U);
  }
}

std::string mode_name(const ::testing::TestParamInfo<Mode>& i) {
  return std::to_string(i.param.shards) + (i.param.shards == 1 ? "Shard" : "Shards") + (i.param.rebuild ? "Rebuilt" : "");
}
INSTANTIATE_TEST_SUITE_P(Modes, BasicCall, ::testing::Values(Mode{1, false}, Mode{3, false}, Mode{1, true}, Mode{3, true}), mode_name);

}  // namespace
}  // namespace causeway::scenario
