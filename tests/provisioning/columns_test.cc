#include "provisioning/columns.h"

#include <gmock/gmock.h>

#include <sstream>

#include "rig.h"

namespace causeway::provisioning {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Csv, IsReadAsTheRfcHasIt) {
  std::istringstream in(
      "\xEF\xBB\xBF"
      "a,b,c\r\n1,\"x,\"\"y\"\"\",\n\"two\nlines\",,z\nlast");
  CsvReader csv(in);
  std::vector<std::string> row;
  std::string fault;
  ASSERT_TRUE(csv.next(row, fault));
  EXPECT_THAT(row, ElementsAre("a", "b", "c"));
  ASSERT_TRUE(csv.next(row, fault));
  EXPECT_THAT(row, ElementsAre("1", "x,\"y\"", ""));
  EXPECT_EQ(csv.line(), 2u);
  ASSERT_TRUE(csv.next(row, fault));
  EXPECT_THAT(row, ElementsAre("two\nlines", "", "z"));
  ASSERT_TRUE(csv.next(row, fault));
  EXPECT_THAT(row, ElementsAre("last"));
  EXPECT_EQ(csv.line(), 5u);
  EXPECT_FALSE(csv.next(row, fault));
  EXPECT_EQ(csv_cell("a\"b,c"), "\"a\"\"b,c\"");
  std::istringstream open("\"never closed\n");
  CsvReader broken(open);
  ASSERT_TRUE(broken.next(row, fault));
  EXPECT_THAT(fault, HasSubstr("quotes"));
}

TEST(Columns, AreThePathsOfTheApi) {
  EXPECT_THAT(
      number_columns(),
      ::testing::Contains("serviceDetails_teamsOperatorConnect_configuration_civicAddressId"));
  const Json j =
      json_of({{"serviceDetails_teamsOperatorConnect_enabled", "true"},
               {"serviceDetails_teamsOperatorConnect_configuration_choosableCapabilities",
                "InboundCalling;OutboundCalling"},
               {"configuration_customSipHeader", ""}});
  EXPECT_EQ(
      j.write(),
      R"({"serviceDetails":{"teamsOperatorConnect":{"configuration":{"choosableCapabilities":)"
      R"(["InboundCalling","OutboundCalling"]},"enabled":true}}})");
  const Json d = json_of({{"serviceDetails_teamsDirectRouting_configuration_subdomain", "a"}});
  EXPECT_THAT(d.write(), HasSubstr("\"callScreening\":true"));
}

class ImportTest : public ApiTest {
 protected:
  Imported import(const std::string& text, RowKind kind = RowKind::kNumber) {
    std::istringstream in(text);
    ImportListener l;
    l.bad_row = [&](std::size_t line, const std::string& why) {
      bad_.push_back(std::to_string(line) + ": " + why);
    };
    const auto r = import_rows(in, kind, *store_, "cli:me", [&] { return now_; }, {}, l);
    if (!r) error_ = r.error().what;
    return r ? *r : Imported{};
  }
  std::vector<std::string> bad_;
  std::string error_;
};
using Imports = ImportTest;
INSTANTIATE_TEST_SUITE_P(Engines, Imports,
                         ::testing::Values(store::Engine::kSqlite, store::Engine::kPostgres),
                         store::engine_name);

TEST_P(Imports, GoodRowsAreWrittenAndBadOnesTold) {
  account("a");
  account("b");
  number("b", "+7777");
  const Imported i = import(
      "telephoneNumber,accountName,serviceDetails_zoomPhoneCloudPeering_enabled,configuration_"
      "customSipHeader\n"
      "+1001,a,true,h\n"
      "1002,a,true,\n"
      "+1003,a,maybe,\n"
      "+7777,a,true,\n"
      "+1004,a,true,a b\n"
      "+1005,none,true,\n"
      "+1006,a\n"
      "+1007,a,false,\n"
      "+1001,a,true,second\n");
  EXPECT_EQ(i.rows, 9u);
  EXPECT_EQ(i.written, 3u);
  EXPECT_EQ(i.bad, 6u);
  EXPECT_THAT(bad_, ::testing::UnorderedElementsAre(
                        HasSubstr("3: telephoneNumber: is '1002'"),
                        HasSubstr("4: serviceDetails.zoomPhoneCloudPeering.enabled: is 'maybe'"),
                        HasSubstr("5: +7777 belongs to account 'b'"),
                        HasSubstr("6: configuration.customSipHeader"),
                        HasSubstr("7: there is no account 'none'"), HasSubstr("8: has 2 cells")));
  EXPECT_EQ(at(get("/accounts/a/numbers/+1001"), "configuration/customSipHeader"), "second");
  EXPECT_EQ(at(get("/accounts/a/numbers/+1007"), "serviceDetails/zoomPhoneCloudPeering/enabled"),
            "false");
  EXPECT_EQ(read()->audit("+1007", 1)->front().who, "cli:me");
}

TEST_P(Imports, AccountsComeFromRows) {
  const Imported i = import(
      "name,serviceDetails_teamsTenantId,serviceDetails_teamsDirectRouting_enabled,"
      "serviceDetails_teamsDirectRouting_syncEnabled,serviceDetails_teamsDirectRouting_"
      "configuration_subdomain,"
      "serviceDetails_teamsDirectRouting_configuration_subdomainTokens_region1Token,"
      "serviceDetails_teamsDirectRouting_configuration_subdomainTokens_region2Token\n"
      "a,t,true,false,sub,MS=1,MS=2\n"
      "b,t,,,,,\n"
      "c,t,true,false,SUB,x,y\n"
      "d d,,,,,,\n",
      RowKind::kAccount);
  EXPECT_EQ(i.written, 2u);
  EXPECT_THAT(bad_, ::testing::UnorderedElementsAre(HasSubstr("4: the subdomain 'SUB'"),
                                                    HasSubstr("5: name: write")));
  EXPECT_EQ(at(get("/accounts/a"), "serviceDetails/teamsDirectRouting/configuration/callScreening"),
            "true");
}

TEST_P(Imports, AnUnknownColumnIsRefusedAtOnce) {
  import("telephoneNumber,colour\n+1001,red\n");
  EXPECT_THAT(error_, HasSubstr("'colour' is none; known are telephoneNumber"));
  import("");
  EXPECT_THAT(error_, HasSubstr("empty"));
}

TEST_P(Imports, ManyRowsAreManyTransactions) {
  PROVES("PRV-06");
  account("a");
  std::string text = "telephoneNumber,accountName,serviceDetails_teamsDirectRouting_enabled\n";
  for (int i = 0; i < 10'000; ++i) text += "+" + std::to_string(100'000 + i) + ",a,true\n";
  EXPECT_EQ(import(text).written, 10'000u);
  EXPECT_EQ(read()->account("a")->numbers, 10'000);
}

}  // namespace
}  // namespace causeway::provisioning
