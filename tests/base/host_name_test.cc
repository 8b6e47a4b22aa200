#include "base/host_name.h"

#include "support/proves.h"

namespace causeway {
namespace {

TEST(HostName, WildcardCoversExactlyOneLabel) {
  PROVES("TDR-14");
  EXPECT_TRUE(host_matches("*.contoso.com", "sbc.contoso.com"));
  EXPECT_TRUE(host_matches("*.Contoso.com", "SBC.contoso.COM"));
  EXPECT_FALSE(host_matches("*.contoso.com", "a.sbc.contoso.com"));
  EXPECT_FALSE(host_matches("*.contoso.com", "contoso.com"));
  EXPECT_FALSE(host_matches("*.contoso.com", ".contoso.com"));
  EXPECT_FALSE(host_matches("s*.contoso.com", "sbc.contoso.com"));
  EXPECT_FALSE(host_matches("sbc.*.com", "sbc.contoso.com"));
  EXPECT_FALSE(host_matches("*.com", "contoso.com"));
  EXPECT_FALSE(host_matches("*", "contoso"));
}

TEST(HostName, ExactNamesAreComparedWithoutCase) {
  EXPECT_TRUE(host_matches("SBC.contoso.com", "sbc.contoso.com"));
  EXPECT_FALSE(host_matches("sbc.contoso.com", "sbc2.contoso.com"));
  EXPECT_FALSE(host_matches("", ""));
}

TEST(HostName, AddressesAndBrokenLabelsAreNoNames) {
  EXPECT_TRUE(is_host_name("sip.pstnhub.example"));
  EXPECT_TRUE(is_host_name("localhost"));
  EXPECT_FALSE(is_host_name("192.0.2.1"));
  EXPECT_FALSE(is_host_name("a..b"));
  EXPECT_FALSE(is_host_name("-a.example"));
  EXPECT_FALSE(is_host_name("a.example."));
  EXPECT_FALSE(is_host_name(std::string(64, 'a') + ".example"));
  EXPECT_FALSE(is_host_name(""));
}

}  // namespace
}  // namespace causeway
