#include "app/dns_export.h"

#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

#include "app/cli.h"
#include "app/directory_commands.h"
#include "deployment_with_domain.h"
#include "support/proves.h"
#include "temporary.h"

namespace causeway::app {
namespace {

using ::testing::HasSubstr;

constexpr WallTime kNow{1'700'000'000'000'000};

class DnsExport : public ::testing::Test {
 protected:
  int run(std::vector<std::string> words) {
    words.insert(words.end(), {"--config", folder_ / "c.toml"});
    const auto line = parse_command_line(words);
    EXPECT_TRUE(line) << line.error().what;
    out_.str("");
    err_.str("");
    if (words[0] == "dns") return run_dns_export(*line, kNow, out_, err_);
    return run_directory_command(*line, [] { return kNow; }, out_, err_);
  }
  const testing::Folder folder_;
  std::ostringstream out_, err_;
};

TEST_F(DnsExport, WholeZoneWithEveryAccountIsTakenByAnotherNameServer) {
  PROVES("MT-05");
  std::ofstream(folder_ / "c.toml") << testing::with_domain(folder_.path());
  const std::string dr = "serviceDetails_teamsDirectRouting_";
  for (const std::string name : {"contoso", "fabrikam"})
    ASSERT_EQ(run({"account", "set", name, dr + "enabled=true", dr + "syncEnabled=false",
                   dr + "configuration_subdomain=" + name,
                   dr + "configuration_subdomainTokens_region1Token=" + name + "-t1",
                   dr + "configuration_subdomainTokens_region2Token=" + name + "-t2"}),
              kExitGood)
        << err_.str();
  ASSERT_EQ(run({"account", "set", "other"}), kExitGood);
  ASSERT_EQ(run({"dns", "export"}), kExitGood) << err_.str();
  const std::string zone = out_.str();
  EXPECT_THAT(zone, HasSubstr("ns1.gw.example.net. hostmaster.example.net. 1700000000 "));
  EXPECT_THAT(zone, HasSubstr("\ncontoso.1r1.gw.example.net. 60 IN TXT \"contoso-t1\"\n"));
  EXPECT_THAT(zone, HasSubstr("\nfabrikam.1r2.gw.example.net. 60 IN TXT \"fabrikam-t2\"\n"));
  EXPECT_THAT(zone, HasSubstr("\nfabrikam.1r2.gw.example.net. 60 IN A 192.0.2.2\n"));
  std::ofstream(folder_ / "zone") << zone;
  EXPECT_EQ(std::system(("kzonecheck -o gw.example.net " + (folder_ / "zone")).c_str()), 0) << zone;
}

TEST_F(DnsExport, WithoutADomainThereIsNothingToExport) {
  const std::string whole = testing::with_domain(folder_.path());
  std::ofstream(folder_ / "c.toml") << whole.substr(0, whole.find("[nameserver]"));
  EXPECT_EQ(run({"dns", "export"}), kExitFailed);
  EXPECT_THAT(err_.str(), HasSubstr("there is no [nameserver]"));
}

}  // namespace
}  // namespace causeway::app
