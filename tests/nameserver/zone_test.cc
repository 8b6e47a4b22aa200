#include "nameserver/zone.h"

#include <gmock/gmock.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "sample.h"
#include "support/proves.h"

namespace causeway::nameserver {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;
using testing::OneTenant;
using testing::settings;
using ::testing::UnorderedElementsAre;

class ZoneAnswers : public ::testing::Test {
 protected:
  [[nodiscard]] Answer ask(std::string_view name, Type type) const {
    return zone.answer(name, static_cast<std::uint16_t>(type), tenants);
  }
  [[nodiscard]] std::vector<std::string> data(std::string_view name, Type type) const {
    const Answer a = ask(name, type);
    EXPECT_EQ(a.rcode, Rcode::kNoError) << name;
    EXPECT_TRUE(a.authoritative);
    std::vector<std::string> out;
    for (const auto& r : a.answer) {
      EXPECT_EQ(r.type, type);
      out.push_back(r.data);
    }
    return out;
  }
  OneTenant tenants;
  Zone zone{settings(), {{"provapi", "challenge-1"}, {"1r1", "challenge-2"}}, 42};
};

TEST_F(ZoneAnswers, ApexHasSoaServersAddressesAndAuthorities) {
  EXPECT_THAT(data("gw.example.net", Type::kSoa),
              ElementsAre("ns1.gw.example.net. hostmaster.example.net. 42 3600 600 1209600 60"));
  EXPECT_THAT(data("gw.example.net", Type::kNs),
              ElementsAre("ns1.gw.example.net.", "ns.example.org."));
  EXPECT_THAT(data("gw.example.net", Type::kA), ElementsAre("192.0.2.80"));
  EXPECT_THAT(data("gw.example.net", Type::kCaa), ElementsAre("0 issue \"ca.example.net\""));
  EXPECT_THAT(data("provapi.gw.example.net", Type::kA), ElementsAre("192.0.2.80"));
}

TEST_F(ZoneAnswers, DomainAndRegionsAreVerifiedByTextsOfTheirOwn) {
  PROVES("MT-01");
  EXPECT_THAT(data("gw.example.net", Type::kTxt), ElementsAre("\"MS=ms1\""));
  EXPECT_THAT(data("1r1.gw.example.net", Type::kTxt), ElementsAre("\"MS=ms2\""));
}

TEST_F(ZoneAnswers, EachRegionHasANameForServicesAndOneForTheNetwork) {
  PROVES("MT-01");
  EXPECT_THAT(data("1r1.gw.example.net", Type::kA), ElementsAre("192.0.2.1"));
  EXPECT_THAT(data("1r1.gw.example.net", Type::kAaaa), ElementsAre("2001:db8::1"));
  EXPECT_THAT(data("1r2.gw.example.net", Type::kA), ElementsAre("192.0.2.2"));
  EXPECT_THAT(data("r2.gw.example.net", Type::kA), ElementsAre("198.51.100.2"));
}

TEST_F(ZoneAnswers, PatternOfRegionNamesIsConfigurable) {
  PROVES("MT-02");
  auto s = settings();
  s.service_pattern = "1-r{n}";
  const Zone z(s, {}, 1);
  EXPECT_EQ(z.answer("contoso.1-r2.gw.example.net", 1, tenants).answer.size(), 1u);
  EXPECT_EQ(z.answer("contoso.1r2.gw.example.net", 1, tenants).rcode, Rcode::kNoSuchName);
}

TEST_F(ZoneAnswers, EnterpriseHasItsRegionsAddressesAndTheTokenOfEachRegion) {
  PROVES("MT-05");
  EXPECT_THAT(data("contoso.1r1.gw.example.net", Type::kA), ElementsAre("192.0.2.1"));
  EXPECT_THAT(data("contoso.1r1.gw.example.net", Type::kAaaa), ElementsAre("2001:db8::1"));
  EXPECT_THAT(data("contoso.1r1.gw.example.net", Type::kTxt), ElementsAre("\"token-1\""));
  EXPECT_THAT(data("contoso.1r2.gw.example.net", Type::kTxt), ElementsAre("\"token-2\""));
  EXPECT_THAT(data("CONTOSO.1R2.GW.example.NET", Type::kTxt), ElementsAre("\"token-2\""));
  EXPECT_EQ(ask("fabrikam.1r1.gw.example.net", Type::kTxt).rcode, Rcode::kNoSuchName);
  EXPECT_EQ(ask("contoso.gw.example.net", Type::kTxt).rcode, Rcode::kNoSuchName);
  EXPECT_EQ(ask("www.contoso.1r1.gw.example.net", Type::kA).rcode, Rcode::kNoSuchName);
}

TEST_F(ZoneAnswers, ServicesOfARegionPreferItAndNameTheOthersBehind) {
  PROVES("GW-01");
  EXPECT_THAT(
      data("_sips._tcp.1r2.gw.example.net", Type::kSrv),
      UnorderedElementsAre("10 100 5061 1r2.gw.example.net.", "20 100 5061 1r1.gw.example.net."));
  EXPECT_THAT(
      data("_sip._tls.r1.gw.example.net", Type::kSrv),
      UnorderedElementsAre("10 100 5061 r1.gw.example.net.", "20 100 5061 r2.gw.example.net."));
  const Answer a = ask("_sip._tls.r1.gw.example.net", Type::kSrv);
  EXPECT_THAT(a.additional, UnorderedElementsAre(Field(&Record::data, "198.51.100.1"),
                                                 Field(&Record::data, "198.51.100.2")));
}

TEST_F(ZoneAnswers, NamesAndTypesThatAreNotThereAreToldApartAndBothShowTheSoa) {
  for (const auto& [name, type, rcode] :
       {std::tuple{"nobody.gw.example.net", Type::kA, Rcode::kNoSuchName},
        std::tuple{"provapi.gw.example.net", Type::kTxt, Rcode::kNoError},
        std::tuple{"contoso.1r1.gw.example.net", Type::kSrv, Rcode::kNoError},
        // A name that only has names below it exists (RFC 8020).
        std::tuple{"_tcp.1r1.gw.example.net", Type::kA, Rcode::kNoError}}) {
    const Answer a = ask(name, type);
    EXPECT_EQ(a.rcode, rcode) << name;
    EXPECT_THAT(a.answer, IsEmpty()) << name;
    ASSERT_EQ(a.authority.size(), 1u) << name;
    EXPECT_EQ(a.authority[0].type, Type::kSoa);
    EXPECT_EQ(a.authority[0].name, "gw.example.net");
  }
}

TEST_F(ZoneAnswers, WhatIsElsewhereIsRefused) {
  for (const char* name : {"example.net", "example.com", "agw.example.net", "", "net"}) {
    const Answer a = ask(name, Type::kA);
    EXPECT_EQ(a.rcode, Rcode::kRefused) << name;
    EXPECT_FALSE(a.authoritative) << name;
    EXPECT_THAT(a.authority, IsEmpty());
  }
  EXPECT_EQ(ask("gw.example.net", Type::kAxfr).rcode, Rcode::kRefused);
  EXPECT_EQ(ask("gw.example.net", Type::kIxfr).rcode, Rcode::kRefused);
}

TEST_F(ZoneAnswers, AnyIsAnsweredByOneShortRecord) {
  const Answer a = ask("gw.example.net", Type::kAny);
  ASSERT_EQ(a.answer.size(), 1u);
  EXPECT_EQ(a.answer[0].type, Type::kHinfo);
  EXPECT_THAT(a.additional, IsEmpty());
  EXPECT_EQ(ask("nobody.gw.example.net", Type::kAny).rcode, Rcode::kNoSuchName);
}

TEST_F(ZoneAnswers, ChallengesStandBelowTheirNameForAShortTime) {
  EXPECT_THAT(data("_acme-challenge.provapi.gw.example.net", Type::kTxt),
              ElementsAre("\"challenge-1\""));
  const Answer a = ask("_acme-challenge.1r1.gw.example.net", Type::kTxt);
  ASSERT_EQ(a.answer.size(), 1u);
  EXPECT_EQ(a.answer[0].data, "\"challenge-2\"");
  EXPECT_LE(a.answer[0].ttl, 10u);
}

TEST_F(ZoneAnswers, TheWholeZoneIsAMasterFileThatAnotherNameServerTakes) {
  std::string text = master_file_head(zone);
  for (const auto& r : zone.records()) text += master_file_line(r);
  for (const auto& r : zone.of_tenant(*tenants.of_label("contoso"))) text += master_file_line(r);
  EXPECT_NE(text.find("contoso.1r2.gw.example.net. 60 IN TXT \"token-2\"\n"), std::string::npos);
  const auto file = std::filesystem::temp_directory_path() /
                    ("zone-test-" + std::to_string(::getpid()) + ".zone");
  std::ofstream(file) << text;
  const std::string command = "kzonecheck -o gw.example.net " + file.string();
  EXPECT_EQ(std::system(command.c_str()), 0) << text;
  // The same check sees what is wrong: an alias beside other data.
  std::ofstream(file, std::ios::app) << "provapi.gw.example.net. 60 IN CNAME gw.example.net.\n";
  EXPECT_NE(std::system((command + " >/dev/null 2>&1").c_str()), 0);
  std::filesystem::remove(file);
}

TEST(Challenge, IsWhatAcmeMakes) {
  EXPECT_TRUE(is_challenge("gfj9Xq_Rg85nM-"));
  for (const char* bad : {"", "a b", "a\"b", "a\\b", "a;b"}) EXPECT_FALSE(is_challenge(bad)) << bad;
  EXPECT_FALSE(is_challenge(std::string(129, 'a')));
}

}  // namespace
}  // namespace causeway::nameserver
