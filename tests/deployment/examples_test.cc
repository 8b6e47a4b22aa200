// What the examples promise an operator who begins with them.
#include <gmock/gmock.h>

#include <cstdlib>

#include "deployment/load.h"
#include "deployment/recognise.h"
#include "support/proves.h"

namespace causeway::deployment {
namespace {

using ::testing::ElementsAre;

DeploymentPtr example(const std::string& name) {
  LoadOptions o;
  o.check_files = false;  // the certificates are made by whoever runs it
  const auto r =
      load_file(std::string(std::getenv("CAUSEWAY_SOURCE_DIR")) + "/examples/" + name + ".toml", o);
  EXPECT_TRUE(r.deployment) << r.to_string();
  return r.deployment;
}

const PeerGroup& group(const Deployment& d, const std::string& name) {
  return d.group(*d.find_group(name));
}

std::vector<std::string> hosts_of(const Deployment& d, const std::string& name) {
  std::vector<std::string> out;
  for (const auto p : group(d, name).peers)
    out.push_back(d.peer(p).host + ":" + std::to_string(d.peer(p).port));
  return out;
}

// Who is it on the group's own listener? Without the names of a certificate, which come later.
bool heard(const Deployment& d, const std::string& name, const std::string& source) {
  return allowed_source(d, group(d, name).listener, *Endpoint::parse(source));
}
bool media_from(const Deployment& d, const std::string& name, const std::string& address) {
  for (const auto& p : group(d, name).media_sources)
    if (p.contains(*IpAddress::parse(address))) return true;
  return false;
}

TEST(GovernmentExample, HasOneNameForEachCloudAndItsPrefixes) {
  PROVES("TDR-02", "TDR-06");
  const auto d = example("government");
  ASSERT_TRUE(d);
  EXPECT_THAT(hosts_of(*d, "dod"), ElementsAre("sip.pstnhub.dod.teams.microsoft.us:5061"));
  EXPECT_THAT(hosts_of(*d, "gcc-high"), ElementsAre("sip.pstnhub.gov.teams.microsoft.us:5061"));
  for (const auto& [name, in, out] :
       {std::tuple("dod", std::pair("52.127.64.0", "52.127.71.255"),
                   std::pair("52.127.63.255", "52.127.72.0")),
        std::tuple("gcc-high", std::pair("52.127.88.0", "52.127.95.255"),
                   std::pair("52.127.87.255", "52.127.96.0"))}) {
    for (const std::string a : {in.first, in.second}) {
      EXPECT_TRUE(heard(*d, name, a + ":40000")) << a;
      EXPECT_TRUE(media_from(*d, name, a)) << a;
    }
    for (const std::string a : {out.first, out.second, "52.112.0.1"}) {
      EXPECT_FALSE(heard(*d, name, a + ":40000")) << a;
      EXPECT_FALSE(media_from(*d, name, a)) << a;
    }
  }
}

TEST(ServicesExample, DirectRoutingIsCalledOnItsPortAndHeardFromAnyOfItsOwn) {
  PROVES("TDR-04", "MT-15");
  const auto d = example("services");
  ASSERT_TRUE(d);
  EXPECT_THAT(hosts_of(*d, "direct"),
              ElementsAre("sip.pstnhub.microsoft.com:5061", "sip2.pstnhub.microsoft.com:5061",
                          "sip3.pstnhub.microsoft.com:5061"));
  const auto& direct = group(*d, "direct");
  for (const auto p : direct.peers) EXPECT_EQ(d->peer(p).transport, Transport::kTls);
  for (const char* port : {"1024", "40000", "65535"})
    EXPECT_TRUE(heard(*d, "direct", std::string("52.113.7.7:") + port)) << port;
  // The trunk as the carrier makes it at the service: our port, OPTIONS, no media bypass,
  // identities of callers and of who forwarded, and the location of an emergency are taken.
  EXPECT_EQ(d->listener(direct.listener).address.port, 5063);
  EXPECT_EQ(direct.options_interval, Seconds(60));
  EXPECT_FALSE(d->profile(direct.profile).sdp.ice_lite);
  EXPECT_TRUE(direct.trusted);
  const auto& core = d->profile(group(*d, "core").profile);
  EXPECT_THAT(core.pass_bodies, ElementsAre("application/pidf+xml"));
  EXPECT_THAT(core.trusted_headers, ::testing::Contains("P-Asserted-Identity"));
  EXPECT_EQ(core.diversion, DiversionForm::kHistoryInfo);
}

TEST(ServicesExample, MediaComesFromBothPrefixesWithAndWithoutBypass) {
  PROVES("TDM-14", "MBP-12");
  const auto d = example("services");
  ASSERT_TRUE(d);
  for (const char* name : {"direct", "bypass"}) {
    for (const char* a : {"52.112.0.0", "52.115.255.255", "52.120.0.0", "52.123.255.255"})
      EXPECT_TRUE(media_from(*d, name, a)) << a;
    for (const char* a : {"52.111.255.255", "52.116.0.0", "52.119.255.255", "52.124.0.0"})
      EXPECT_FALSE(media_from(*d, name, a)) << a;
  }
  EXPECT_TRUE(d->profile(group(*d, "bypass").profile).sdp.ice_lite);
  EXPECT_NE(group(*d, "bypass").listener, group(*d, "direct").listener);
  EXPECT_EQ(d->realm(group(*d, "bypass").realm).media_dscp, 46);
}

}  // namespace
}  // namespace causeway::deployment
