// What an operator of the product that we follow can export, taken over. The samples in migrate/
// are resources of every public api-version.
#include "app/migrate.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <sstream>

#include "app/cli.h"
#include "deployment/load.h"
#include "deployment/nameserver.h"
#include "store/store.h"
#include "temporary.h"

namespace causeway::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string sample(const std::string& version) {
  return std::string(std::getenv("CAUSEWAY_SOURCE_DIR")) + "/tests/app/migrate/" + version +
         ".json";
}

class Migrate : public ::testing::Test {
 protected:
  int run(std::vector<std::string> words) {
    words.insert(words.begin(), "migrate");
    const auto line = parse_command_line(words);
    EXPECT_TRUE(line) << line.error().what;
    out_.str("");
    err_.str("");
    return line ? run_migrate(*line, [] { return WallTime{1}; }, out_, err_) : -1;
  }
  // The configuration that the sample becomes, loaded with everything but its files.
  deployment::DeploymentPtr migrated(const std::string& version,
                                     const std::vector<std::string>& more = {}) {
    std::vector<std::string> words{"deployment", sample(version)};
    words.insert(words.end(), more.begin(), more.end());
    EXPECT_EQ(run(words), kExitGood) << err_.str();
    deployment::LoadOptions o;
    o.check_files = false;
    const auto r = deployment::load_text(out_.str(), version, o);
    EXPECT_TRUE(r.deployment) << r.to_string() << "\n" << out_.str();
    return r.deployment;
  }
  [[nodiscard]] std::vector<std::string> peers_of(const deployment::Deployment& d,
                                                  std::string_view group) const {
    std::vector<std::string> out;
    const auto g = d.find_group(group);
    if (!g) return {"no group " + std::string(group)};
    for (const auto p : d.group(*g).peers)
      out.push_back(d.peer(p).host + ":" + std::to_string(d.peer(p).port) + "/" +
                    std::to_string(d.peer(p).priority));
    return out;
  }
  const testing::Folder folder_;
  std::ostringstream out_, err_;
};

class EveryVersion : public Migrate, public ::testing::WithParamInterface<const char*> {};

TEST_P(EveryVersion, BecomesAConfigurationForEitherRegion) {
  const auto first = migrated(GetParam());
  ASSERT_TRUE(first);
  EXPECT_EQ(first->regions.size(), 2u);
  EXPECT_THAT(err_.str(), HasSubstr("192.0.2.1 towards the operator's network is a placeholder"));
  EXPECT_THAT(err_.str(), Not(HasSubstr("is not known")));
  const std::string second = first->regions[1].name;
  const auto other =
      migrated(GetParam(), {"--region", second, "--network", "203.0.113.7", "--service",
                            "2001:db8::7", "--domain", "g.example.net"});
  ASSERT_TRUE(other);
  EXPECT_THAT(err_.str(), Not(HasSubstr("--network")));
  EXPECT_EQ(other->regions[other->groups.at(0).region.value].name, second);
  EXPECT_EQ(other->nameserver->domain, "g.example.net");
}

INSTANTIATE_TEST_SUITE_P(Samples, EveryVersion,
                         ::testing::Values("2022-12-01-preview", "2023-01-31", "2023-03-01-preview",
                                           "2023-04-03", "2023-07-13-preview", "2023-09-01",
                                           "2023-09-21", "2024-02-05-preview",
                                           "2024-02-16-preview"),
                         [](const auto& i) {
                           std::string name = i.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST_F(Migrate, FirstVersionHasItsSitesAndTheDefaultDialStrings) {
  const auto d = migrated("2022-12-01-preview");
  ASSERT_TRUE(d);
  // Its own region's site first, the other one behind it.
  EXPECT_THAT(peers_of(*d, "network"), ElementsAre("198.51.100.1:5061/0", "198.51.100.2:5061/1"));
  EXPECT_EQ(d->emergency.size(), 2u);
  EXPECT_THAT(err_.str(), HasSubstr("esrpAddresses = [\"198.51.100.9\"]: "));
  EXPECT_THAT(err_.str(), HasSubstr("location = \"eastus\": "));
  EXPECT_THAT(err_.str(), HasSubstr("domain gateway.example.net is a placeholder"));
}

TEST_F(Migrate, AllowListsCodecsAndTheMobileServiceAreTakenOver) {
  const auto d = migrated("2023-01-31");
  ASSERT_TRUE(d);
  const auto g = d->find_group("network");
  ASSERT_TRUE(g);
  std::vector<std::string> sources, media;
  for (const auto& p : d->group(*g).recognition.sources) sources.push_back(p.to_string());
  for (const auto& p : d->group(*g).media_sources) media.push_back(p.to_string());
  EXPECT_THAT(sources,
              ElementsAre("10.1.1.0/24", "198.51.100.1/32", "10.2.1.0/24", "198.51.100.2/32"));
  EXPECT_THAT(media, ElementsAre("10.1.2.0/24", "10.2.2.0/24"));
  EXPECT_THAT(
      peers_of(*d, "network"),
      ElementsAre("198.51.100.1:5061/0", "voice.operator.example:0/0", "198.51.100.2:5061/1"));
  EXPECT_THAT(d->profile(d->group(*g).profile).sdp.codecs,
              ElementsAre("PCMA", "PCMU", "G722", "AMR-WB", "SILK", "telephone-event"));
  EXPECT_EQ(d->routing.voicemail_pilot, "+15551234567");
  EXPECT_TRUE(d->find_group("teams-phone-mobile"));
  EXPECT_FALSE(d->find_group("direct-routing"));
  EXPECT_THAT(err_.str(), HasSubstr("tags = {\"usage\":\"live\"}: "));
}

TEST_F(Migrate, TemplateBringsItsTestLines) {
  const auto d = migrated("2023-04-03");
  ASSERT_TRUE(d);
  ASSERT_NE(d->routing.verification_of("+15550000001"), nullptr);
  EXPECT_TRUE(d->routing.verification_of("+15550000001")->loop_back);
  ASSERT_NE(d->routing.verification_of("+15550000002"), nullptr);
  EXPECT_NE(d->routing.verification_of("+15550000001"), d->routing.verification_of("+15550000002"));
  EXPECT_EQ(d->routing.verification_of("+15550000003"), nullptr);
  EXPECT_THAT(err_.str(), HasSubstr("test line myname/hand (+15550000003): "));
  EXPECT_THAT(err_.str(), HasSubstr("integratedMcpEnabled = true: "));
}

TEST_F(Migrate, DomainHeaderAndApiOfDirectRouting) {
  const auto d = migrated("2023-09-01");
  ASSERT_TRUE(d);
  ASSERT_TRUE(d->nameserver);
  EXPECT_EQ(d->nameserver->domain, "gw.operator.example");
  EXPECT_EQ(d->routing.custom_header, "X-Operator-Content");
  ASSERT_EQ(d->provisioning.sources.size(), 1u);
  EXPECT_EQ(d->provisioning.sources[0].to_string(), "203.0.113.0/24");
  const auto g = d->find_group("direct-routing");
  ASSERT_TRUE(g);
  EXPECT_EQ(d->profile(d->group(*g).profile).contact_host, "1r1.gw.operator.example");
  EXPECT_TRUE(d->profile(d->group(*g).profile).customer_in_contact);
  EXPECT_THAT(err_.str(), HasSubstr("allocatedMediaAddressPrefixes"));
  EXPECT_THAT(err_.str(), HasSubstr("nameServers = [\"ns1-01.azure-dns.com\"]: "));
  EXPECT_THAT(err_.str(), HasSubstr("properties.apiBridge: "));
}

TEST_F(Migrate, ServicesWithoutACounterpartAreTold) {
  const auto d = migrated("2024-02-05-preview");
  ASSERT_TRUE(d);
  EXPECT_TRUE(d->find_group("zoom-phone"));
  EXPECT_NE(d->routing.verification_of("+15550001002"), nullptr);
  EXPECT_THAT(err_.str(), HasSubstr("platforms: AiVoiceServices has no counterpart"));
  EXPECT_THAT(err_.str(), HasSubstr("properties.aiVoiceServices = "));
  EXPECT_THAT(err_.str(), HasSubstr("zoomConfig.region = \"EMEA\": "));
}

TEST_F(Migrate, PeerGroupsPolicyAndPrioritiesAreTakenOver) {
  const auto d = migrated("2024-02-16-preview");
  ASSERT_TRUE(d);
  EXPECT_THAT(peers_of(*d, "fixed"), ElementsAre("198.51.100.1:5061/0", "198.51.100.3:5061/0",
                                                 "west.operator.example:0/10"));
  EXPECT_THAT(peers_of(*d, "mobile"), ElementsAre("core.operator.example:5060/0"));
  const auto& fixed = d->group(*d->find_group("fixed"));
  const auto& mobile = d->group(*d->find_group("mobile"));
  EXPECT_EQ(fixed.trunk, deployment::Trunk::kFixed);
  EXPECT_EQ(mobile.trunk, deployment::Trunk::kMobile);
  EXPECT_EQ(d->listener(fixed.listener).address.port, 5063);
  EXPECT_EQ(d->listener(mobile.listener).transport, Transport::kUdp);
  EXPECT_EQ(d->profile(mobile.profile).sdp.security, sdp::Security::kRtp);
  EXPECT_EQ(d->profile(fixed.profile).sdp.security, sdp::Security::kSdes);
  const auto& tpm = d->group(*d->find_group("teams-phone-mobile"));
  EXPECT_EQ(d->group(tpm.routes_to.at(0)).name, "mobile");
  const auto other = migrated("2024-02-16-preview", {"--region", "uswest"});
  ASSERT_TRUE(other);
  EXPECT_THAT(
      peers_of(*other, "fixed"),
      ElementsAre("west.operator.example:0/0", "198.51.100.1:5061/20", "198.51.100.3:5061/20"));
}

TEST_F(Migrate, WhatIsWrittenIsGoodForTheCheckOnceItsCertificatesAreThere) {
  ASSERT_EQ(run({"deployment", sample("2024-02-16-preview"), "--out", folder_ / "c.toml"}),
            kExitGood);
  EXPECT_THAT(out_.str(), HasSubstr("written, "));
  std::filesystem::create_directories(folder_ / "tls");
  const std::string host = "1r1.gw.operator.example";
  const std::string openssl =
      "cd " + folder_.path() +
      "/tls && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "
      "ca.key -out roots.crt -days 2 -subj /CN=authority 2>/dev/null && openssl req -x509 -CA "
      "roots.crt -CAkey ca.key -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "
      "gateway.key -out gateway.crt -days 2 -subj /CN=" +
      host + " -addext subjectAltName=DNS:" + host + ",DNS:*." + host +
      " -addext extendedKeyUsage=serverAuth,clientAuth 2>/dev/null";
  ASSERT_EQ(std::system(openssl.c_str()), 0);
  std::timespec now{};
  std::timespec_get(&now, TIME_UTC);
  EXPECT_EQ(run_check(folder_ / "c.toml", {now.tv_sec * 1'000'000LL}, out_), kExitGood)
      << out_.str();
  // Nobody's file is written over.
  EXPECT_EQ(run({"deployment", sample("2023-01-31"), "--out", folder_ / "c.toml"}), kExitFailed);
  EXPECT_THAT(err_.str(), HasSubstr("exists"));
}

TEST_F(Migrate, WhatTheCommandLineClientShowsIsReadAsWell) {
  std::ofstream(folder_ / "cli.json")
      << R"({"id":"/x","name":"flat","resourceGroup":"rg","type":"microsoft.voiceservices/communicationsGateways",
      "codecs":["PCMU"],"platforms":["OperatorConnect"],"teamsVoicemailPilotNumber":"+15551234567",
      "serviceLocations":[{"name":"eastus","primaryRegionProperties":{"operatorAddresses":["198.51.100.1"]}}]})";
  EXPECT_EQ(run({"deployment", folder_ / "cli.json"}), kExitGood) << err_.str();
  EXPECT_THAT(out_.str(), HasSubstr("voicemail_pilot = \"+15551234567\""));
  EXPECT_THAT(out_.str(), HasSubstr("host = \"198.51.100.1\""));
  EXPECT_THAT(err_.str(), Not(HasSubstr("is not known")));
}

TEST_F(Migrate, UnknownMembersAndVersionsAreToldAndOtherFilesRefused) {
  std::ofstream(folder_ / "new.json")
      << R"({"type":"Microsoft.VoiceServices/communicationsGateways","apiVersion":"2031-01-01",
      "name":"x","properties":{"serviceLocations":[{"name":"a","colour":"red"}],"teleport":true,"codecs":"PCMA"}})";
  EXPECT_EQ(run({"deployment", folder_ / "new.json"}), kExitGood) << err_.str();
  EXPECT_THAT(err_.str(), HasSubstr("apiVersion 2031-01-01: is not known"));
  EXPECT_THAT(err_.str(), HasSubstr("properties.teleport: is not known, left out\n"));
  EXPECT_THAT(err_.str(), HasSubstr("properties.serviceLocations[0].colour: is not known"));
  EXPECT_THAT(err_.str(), HasSubstr("properties.codecs: found "));
  for (const char* text : {"{}", "[]", "{\"a\":", R"({"type":"Microsoft.Web/sites"})",
                           R"({"properties":{"serviceLocations":[]}})"}) {
    std::ofstream(folder_ / "bad.json", std::ios::trunc) << text;
    EXPECT_EQ(run({"deployment", folder_ / "bad.json"}), kExitFailed) << text;
    EXPECT_THAT(out_.str(), IsEmpty());
  }
  EXPECT_EQ(run({"deployment", sample("2023-01-31"), "--region", "mars"}), kExitFailed);
  EXPECT_THAT(err_.str(), HasSubstr("the service locations are useast, uswest"));
}

TEST_F(Migrate, AccountsAndNumbersOfBothApiVersionsGoIntoTheStore) {
  const auto write = [&](const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name, std::ios::trunc) << text;
    return folder_ / name;
  };
  const std::string store = folder_ / "store.db";
  const auto both = write("accounts.json", R"({"value":[
    {"name":"contoso","serviceDetails":{"teamsTenantId":"t","teamsDirectRouting":{"enabled":true,"syncEnabled":false,
      "numberCount":7,"subdomainStatus":"provisioned","configuration":{"callScreening":false,"subdomain":"con",
      "subdomainTokens":{"region1Token":"a","region2Token":"b"}}}},"serviceProvisioningStatus":"synced"},
    {"etag":"00000000001","name":"fabrikam","details":{"directRouting":{"callScreening":true,"subdomain":"fab",
      "subdomainTokens":{"region1Token":"c","region2Token":"d"}}}},
    {"name":"bad name"}],"nextLink":"https://x/y"})");
  EXPECT_EQ(run({"accounts", both, "--store", store}), kExitFailed);
  EXPECT_THAT(out_.str(), HasSubstr("3 accounts, 2 written, 1 bad"));
  EXPECT_THAT(err_.str(), HasSubstr("goes on at its nextLink"));
  EXPECT_THAT(err_.str(), HasSubstr("3 of 3 (bad name): "));
  const auto numbers = write("numbers.json", R"([
    {"telephoneNumber":"+15105850321","accountName":"contoso","serviceDetails":{"teamsDirectRouting":{"enabled":true}},
     "configuration":{"customSipHeader":"x"},"serviceProvisioningStatus":"synced"},
    {"etag":"1","accountName":"fabrikam","phoneNumber":"+15105850322","details":{"configuration":{},
     "services":{"teamsDrEnabled":true,"teamsOcEnabled":false,"zoomEnabled":false}}},
    {"telephoneNumber":"+15105850323","accountName":"nobody","serviceDetails":{}}])");
  EXPECT_EQ(run({"numbers", numbers, "--store", store}), kExitFailed);
  EXPECT_THAT(out_.str(), HasSubstr("3 numbers, 2 written, 1 bad")) << err_.str();
  EXPECT_THAT(err_.str(), HasSubstr("(+15105850323): there is no account 'nobody'"));
  const auto csv = write("numbers.csv",
                         "telephoneNumber,accountName,serviceDetails_teamsDirectRouting_enabled\n"
                         "+15105850324,contoso,true\n");
  EXPECT_EQ(run({"numbers", csv, "--store", store}), kExitGood) << err_.str();
  auto opened = store::Store::open(store);
  auto reader = (*opened)->read();
  EXPECT_EQ((*reader)->number("+15105850322")->enabled, store::kDirectRouting);
  EXPECT_EQ((*reader)->number("+15105850321")->custom_header, "x");
  EXPECT_EQ((*reader)->account("fabrikam")->direct_routing->region2_token, "d");
  EXPECT_FALSE((*reader)->account("contoso")->direct_routing->call_screening);
  EXPECT_EQ((*reader)->account("contoso")->numbers, 2);
}

}  // namespace
}  // namespace causeway::app
