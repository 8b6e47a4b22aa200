#include "scenario/fixture.h"

namespace causeway::scenario {
namespace {

constexpr const char* kConfig = R"(
[operation]
control_socket = "/tmp/c.sock"
state_directory = "/tmp/c"
@TOP@[emergency]
sos = ["112", "911"]
[[region]]
name = "west"
[[realm]]
name = "core"
media_addresses = ["10.0.0.1"]
media_port_min = 20000
media_port_max = @PORTMAX@
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
@SERVICE@[[peer_group]]
name = "core"
region = "west"
realm = "core"
listener = "core-udp"
profile = "@COREPROFILE@"
trusted = true
options_interval = "@COREOPT@"
routes_to = ["cloud"]
@CORE@[peer_group.recognise]
sources = ["10.1.0.0/16"]
[[peer_group.peer]]
name = "core-1"
host = "10.1.0.1"
port = 5060
[[peer_group.peer]]
name = "core-2"
host = "10.1.0.2"
port = 5060
@THIRDCORE@[[peer_group]]
name = "cloud"
region = "west"
realm = "cloud"
listener = "cloud-tls"
profile = "service"
trusted = true
options_interval = "@CLOUDOPT@"
routes_to = ["core"]
@CLOUD@[peer_group.recognise]
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
@THIRD@)";

void put(std::string& text, const std::string& mark, const std::string& value) {
  const auto at = text.find(mark);
  text.replace(at, mark.size(), value);
}

}  // namespace

std::string make_config(const ConfigOptions& o) {
  std::string text = kConfig;
  put(text, "@TOP@", o.top);
  put(text, "@PORTMAX@", std::to_string(o.core_port_max));
  put(text, "@SERVICE@",
      o.service + (o.service_sdp.empty() ? "" : "[profile.sdp]\n" + o.service_sdp));
  put(text, "@COREOPT@", o.core_options);
  put(text, "@CORE@", o.core);
  put(text, "@CLOUDOPT@", o.cloud_options);
  put(text, "@CLOUD@", o.cloud);
  put(text, "@THIRD@", o.third_cloud);
  put(text, "@THIRDCORE@", o.third_core);
  put(text, "@COREPROFILE@", o.core_profile);
  return text;
}

std::string secure_sdp(const std::string& address, int port, const std::string& direction,
                       int version, const std::string& codecs) {
  return sdp(
      address, port, direction, codecs, version,
      "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA|2^31\r\n",
      "RTP/SAVP");
}

CallTest::CallTest(const std::string& config, Mode mode)
    : rig(mode, config),
      core(rig, "core", "10.1.0.1:5060", Transport::kUdp),
      cloud(rig, "cloud", "10.2.0.1:5061", Transport::kTls, {"sip.pstnhub.example"}) {
  rig.zone.set_a("sip.pstnhub.example", {"10.2.0.1"});
  rig.zone.set_a("sip2.pstnhub.example", {"10.2.0.2"});
  rig.zone.set_a("sip3.pstnhub.example", {"10.2.0.3"});
  rig.zone.set_a("api.pstnhub.example", {"10.2.0.1"});
  core.gateway = "10.0.0.1:5060";
  cloud.gateway = "10.0.0.2:5061";
  cloud.request_host = "sbc.operator.example";
  cloud.contact = "<sip:sip.pstnhub.example:5061;transport=tls>";
}

void CallTest::expect_clean(std::size_t records_expected) {
  rig.run(Seconds(100));
  EXPECT_EQ(rig.calls(), 0U);
  EXPECT_EQ(rig.transactions(), 0U);
  EXPECT_EQ(rig.media_legs(), 0U);
  EXPECT_EQ(rig.records.size(), records_expected);
}

Up CallTest::core_calls(const std::string& headers, const std::string& offer) {
  PeerDialog d = core.invite("+4989123", headers, offer);
  Up up{d, {}, {}, {}, cloud.expect("INVITE")};
  up.to_cloud = std::string(up.invite.body());
  cloud.reply(up.invite, 180);
  core.expect("180");
  cloud.reply(up.invite, 200, "", secure_sdp("10.2.0.1", 50000));
  const auto ok = core.expect("200 INVITE");
  up.to_core = std::string(ok.body());
  core.learn(up.core, ok);
  cloud.expect("ACK");
  core.ack(up.core);
  up.cloud = cloud.answered(up.invite);
  rig.run(Millis(100));
  return up;
}

Up CallTest::cloud_calls(const std::string& headers) {
  PeerDialog d = cloud.invite("+4930111", headers, secure_sdp("10.2.0.1", 50000), "+4989123");
  Up up{{}, d, {}, {}, core.expect("INVITE")};
  up.to_core = std::string(up.invite.body());
  core.reply(up.invite, 180);
  cloud.expect("180");
  core.reply(up.invite, 200, "", sdp("10.1.0.1", 40000));
  const auto ok = cloud.expect("200 INVITE");
  up.to_cloud = std::string(ok.body());
  cloud.learn(up.cloud, ok);
  core.expect("ACK");
  cloud.ack(up.cloud);
  up.core = core.answered(up.invite);
  rig.run(Millis(100));
  return up;
}

void CallTest::core_hangs_up(Up& up) {
  core.request(up.core, "BYE");
  core.expect("200 BYE");
  cloud.reply(cloud.expect("BYE"), 200);
}

void CallTest::cloud_hangs_up(Up& up) {
  cloud.request(up.cloud, "BYE");
  cloud.expect("200 BYE");
  core.reply(core.expect("BYE"), 200);
}

void CallTest::gateway_hangs_up() {
  core.reply(core.expect("BYE"), 200);
  cloud.reply(cloud.expect("BYE"), 200);
}

sip::Message CallTest::failure(Peer& peer, PeerDialog& d, int status, Micros limit) {
  auto m = peer.expect(std::to_string(status) + " INVITE", limit);
  peer.ack_failure(d, m);
  return m;
}

sip::Message CallTest::core_reinvites(Up& up, const std::string& offer,
                                      const std::string& cloud_direction, int version) {
  core.request(up.core, "INVITE", "", offer);
  const auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 200, "", secure_sdp("10.2.0.1", 50000, cloud_direction, version));
  cloud.expect("ACK");
  auto ok = core.expect("200 INVITE");
  core.ack(up.core);
  rig.run(Millis(100));
  return ok;
}

std::vector<Mode> all_modes() { return {{1, false}, {3, false}, {1, true}, {3, true}}; }

std::string mode_name(const ::testing::TestParamInfo<Mode>& i) {
  return std::to_string(i.param.shards) + (i.param.shards == 1 ? "Shard" : "Shards") +
         (i.param.rebuild ? "Rebuilt" : "");
}

}  // namespace causeway::scenario
