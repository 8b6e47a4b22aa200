#include "deployment/load.h"

#include <gmock/gmock.h>

#include <algorithm>

#include <cstdlib>

#include "deployment/nameserver.h"
#include "sample.h"
#include "support/proves.h"

namespace causeway::deployment {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::load_sample;
using testing::sample_with;

std::string source_dir() { return std::getenv("CAUSEWAY_SOURCE_DIR"); }

TEST(Load, ResolvesNamesToIndices) {
  const auto r = load_sample(testing::kSample);
  ASSERT_TRUE(r.deployment) << r.to_string();
  const Deployment& d = *r.deployment;
  const auto a = d.find_group("a");
  const auto b = d.find_group("b");
  ASSERT_TRUE(a && b);
  EXPECT_THAT(d.group(*a).routes_to, ElementsAre(*b));
  EXPECT_EQ(d.realm(d.group(*a).realm).name, "core");
  EXPECT_EQ(d.listener(d.group(*a).listener).address.to_string(), "127.0.0.1:5060");
  EXPECT_EQ(d.profile(d.group(*a).profile).name, "operator");
  const auto a1 = d.find_peer("a1");
  ASSERT_TRUE(a1);
  EXPECT_EQ(d.peer(*a1).group, *a);
  EXPECT_EQ(d.peer(*a1).address->to_string(), "192.0.2.1");
  EXPECT_EQ(d.peer(*a1).transport, Transport::kUdp);
  EXPECT_EQ(d.operation.record_directory, "/var/lib/causeway/records");
  EXPECT_FALSE(d.find_peer("nobody"));
  EXPECT_TRUE(d.find_region("north"));
}

TEST(Load, SourcesDefaultToTheAddressesOfThePeers) {
  const auto r = load_sample(testing::kSample);
  ASSERT_TRUE(r.deployment);
  ASSERT_EQ(r.deployment->groups[0].recognition.sources.size(), 1u);
  EXPECT_EQ(r.deployment->groups[0].recognition.sources[0].to_string(), "192.0.2.1/32");
}

TEST(Load, VersionCountsUp) {
  const auto first = load_sample(testing::kSample);
  const auto second = load_sample(testing::kSample);
  EXPECT_LT(first.deployment->version, second.deployment->version);
  EXPECT_EQ(first.deployment->source, testing::kSample);
}

TEST(Load, PeersAreOrderedByPriorityThenByFile) {
  const auto r = load_sample(
      sample_with("host = \"192.0.2.1\"\n",
                  "host = \"192.0.2.1\"\npriority = 5\n"
                  "[[peer_group.peer]]\nname = \"a2\"\nhost = \"192.0.2.3\"\npriority = 1\n"
                  "[[peer_group.peer]]\nname = \"a3\"\nhost = \"192.0.2.4\"\npriority = 1\n"));
  ASSERT_TRUE(r.deployment) << r.to_string();
  std::vector<std::string> names;
  for (const auto p : r.deployment->groups[0].peers) names.push_back(r.deployment->peer(p).name);
  EXPECT_THAT(names, ElementsAre("a2", "a3", "a1"));
}

TEST(Load, InterfacesWhereTheKernelRelays) {
  const auto with = [](const std::string& value) {
    return load_sample(
        sample_with("[[region]]", "[operation]\nkernel_relay = " + value + "\n[[region]]"));
  };
  const auto good = with(R"(["eth0", "enp3s0.100"])");
  ASSERT_TRUE(good.deployment) << good.to_string();
  EXPECT_THAT(good.deployment->operation.kernel_relay, ElementsAre("eth0", "enp3s0.100"));
  for (const char* bad : {R"(["a-name-of-16-chrs"])", R"([""])", R"(["a/b"])", R"(["lo", "lo"])",
                          R"("eth0")", "[1]"}) {
    const auto r = with(bad);
    EXPECT_FALSE(r.deployment) << bad;
    EXPECT_THAT(r.to_string(), HasSubstr("kernel_relay")) << bad;
  }
}

TEST(Load, DurationsAndEmergencyStrings) {
  const auto r = load_sample(
      sample_with("[[region]]",
                  "[operation]\ndrain = \"2m\"\n[emergency]\nsos = [\"112\", \"+911\"]\n"
                  "\"sos.police\" = [\"110\"]\n[[region]]"));
  ASSERT_TRUE(r.deployment) << r.to_string();
  EXPECT_EQ(r.deployment->operation.drain, Seconds(120));
  ASSERT_EQ(r.deployment->emergency.size(), 3u);
  EXPECT_EQ(r.deployment->emergency[1].digits, "911");
  EXPECT_EQ(r.deployment->emergency[2].service, "sos.police");
}

TEST(Load, ProfileExtendsAndReplaces) {
  const auto r = load_sample(sample_with("", R"([[profile]]
name = "second"
extends = "first"
contact_host = "two.example.com"
[[profile]]
name = "first"
extends = "teams-direct-routing"
contact_host = "one.example.com"
add_headers = ["X-A: {version}"]
[profile.sdp]
codecs = ["PCMA"]
)"));
  ASSERT_TRUE(r.deployment) << r.to_string();
  const auto& all = r.deployment->profiles;
  const auto p =
      std::find_if(all.begin(), all.end(), [](const Profile& x) { return x.name == "second"; });
  ASSERT_NE(p, all.end());
  EXPECT_EQ(p->contact_host, "two.example.com");
  EXPECT_THAT(p->sdp.codecs, ElementsAre("PCMA"));
  EXPECT_EQ(p->sdp.security, sdp::Security::kSdes);
  EXPECT_THAT(p->add_headers, ElementsAre(HeaderLine{"X-A", std::string(software_version())}));
}

const Profile& builtin(const LoadResult& r, std::string_view name) {
  for (const auto& p : r.deployment->profiles)
    if (p.name == name) return p;
  static const Profile kNone;
  return kNone;
}

TEST(BuiltinProfile, TeamsDirectRoutingSaysWhatPhoneSystemNeeds) {
  const auto r = load_sample(testing::kSample);
  ASSERT_TRUE(r.deployment);
  const Profile& p = builtin(r, "teams-direct-routing");
  EXPECT_TRUE(p.contact_host_required);
  EXPECT_EQ(p.number_format, NumberFormat::kE164Plus);
  EXPECT_TRUE(p.user_phone);
  EXPECT_EQ(p.from_source, FromSource::kAssertedIdentity);
  EXPECT_TRUE(p.offer_required);
  EXPECT_TRUE(p.reason_on_failure);
  EXPECT_EQ(p.sdp.hold, sdp::HoldForm::kInactiveOnly);
  EXPECT_EQ(p.sdp.security, sdp::Security::kSdes);
  EXPECT_THAT(p.sdp.suites, ElementsAre(sdp::CryptoSuite::kAesCm128HmacSha1_80));
  EXPECT_EQ(p.sdp.key_lifetime, "2^31");
  EXPECT_EQ(p.sdp.ptime, 20);
  EXPECT_THAT(p.sdp.codecs, ElementsAre("PCMU", "PCMA", "G722", "telephone-event", "CN"));
  ASSERT_EQ(p.add_headers.size(), 1u);
  EXPECT_EQ(p.add_headers[0].name, "X-MS-SBC");
  EXPECT_EQ(p.add_headers[0].value, "Causeway/Gateway/" + std::string(software_version()));
}

TEST(BuiltinProfile, OperatorReadsBusyAsSeventeen) {
  const auto r = load_sample(testing::kSample);
  ASSERT_TRUE(r.deployment);
  const Profile& p = builtin(r, "operator");
  EXPECT_EQ(p.q850_by_status.at(486), 17);
  EXPECT_EQ(p.sdp.security, sdp::Security::kRtp);
  EXPECT_EQ(p.sdp.hold, sdp::HoldForm::kRfc3264);
  EXPECT_THAT(p.pass_bodies, ElementsAre("application/pidf+xml"));
  EXPECT_THAT(p.number_parameters, ::testing::IsSupersetOf({"ext", "phone-context", "rn", "npdi"}));
}

TEST(Examples, AllOfThemAreRight) {
  for (const std::string name : {"bench", "bench-srtp", "government", "services", "two-sided"}) {
    LoadOptions o;
    o.check_files = false;  // the certificates are made by whoever runs it
    const auto r = load_file(source_dir() + "/examples/" + name + ".toml", o);
    EXPECT_TRUE(r.deployment) << r.to_string();
  }
}

TEST(Examples, BenchTellsItsSidesApartBySourcePort) {
  const auto r = load_file(source_dir() + "/examples/bench-srtp.toml");
  ASSERT_TRUE(r.deployment) << r.to_string();
  const auto& d = *r.deployment;
  EXPECT_THAT(d.groups[0].recognition.source_ports, ElementsAre(5070));
  EXPECT_EQ(d.profile(d.groups[0].profile).sdp.security, sdp::Security::kRtp);
  EXPECT_EQ(d.profile(d.groups[1].profile).sdp.security, sdp::Security::kSdes);
  EXPECT_THAT(d.profile(d.groups[1].profile).sdp.suites,
              ElementsAre(sdp::CryptoSuite::kAesCm128HmacSha1_80));
  EXPECT_EQ(d.groups[0].options_interval, Seconds(0));
  EXPECT_TRUE(d.groups[0].any_number);
}

TEST(Load, DomainHasNamesForEachRegionByItsPatterns) {
  const auto r = load_sample(sample_with("", R"(
[nameserver]
domain = "GW.example.net."
servers = ["ns1.gw.example.net"]
contact = "hostmaster@example.net"
service_pattern = "1-R{n}"
listen = ["127.0.0.53:53"]
[[nameserver.region]]
region = "north"
number = 7
service_addresses = ["192.0.2.1", "2001:db8::1"]
[[nameserver.host]]
name = "ns1"
addresses = ["192.0.2.53"]
)"));
  ASSERT_TRUE(r.deployment) << r.to_string();
  const auto& n = r.deployment->nameserver;
  ASSERT_TRUE(n);
  EXPECT_EQ(n->domain, "gw.example.net");
  ASSERT_EQ(n->regions.size(), 1u);
  EXPECT_EQ(n->service_domain(n->regions[0]), "1-r7.gw.example.net");
  EXPECT_EQ(n->network_label(n->regions[0]), "r7");
  EXPECT_EQ(n->regions[0].service.size(), 2u);
  EXPECT_FALSE(load_sample(testing::kSample).deployment->nameserver);
}

TEST(Load, AFileThatIsNotThereIsOneMistake) {
  const auto r = load_file("/nowhere/at/all.toml");
  EXPECT_FALSE(r.deployment);
  ASSERT_EQ(r.mistakes.size(), 1u);
  EXPECT_THAT(r.to_string(),
              HasSubstr("/nowhere/at/all.toml: the file cannot be read: No such file"));
}

TEST(Load, HostileNestingIsRefusedWithoutRecursionWithoutEnd) {
  std::string deep = "a = ";
  for (int i = 0; i < 200'000; ++i) deep += "[";
  EXPECT_FALSE(load_sample(deep).deployment);
  std::string dotted = "[a";
  for (int i = 0; i < 7'000; ++i) dotted += ".a";
  EXPECT_FALSE(load_sample(dotted + "]\n").deployment);
  EXPECT_FALSE(load_sample(std::string(5 << 20, '#')).deployment);
}

}  // namespace
}  // namespace causeway::deployment
