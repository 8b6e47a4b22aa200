#include "provisioning/filter.h"

#include <gmock/gmock.h>

namespace causeway::provisioning {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

std::string sql(std::string_view text) {
  const auto c = parse_filter(text, number_filter_fields());
  return c ? c->sql : "refused: " + c.error().message;
}

TEST(Filter, ComparisonsBecomeConditions) {
  EXPECT_EQ(sql("telephoneNumber eq '+44'"), "number = $?");
  EXPECT_EQ(sql("telephoneNumber ge '+44' and telephoneNumber lt '+45'"),
            "(number >= $? AND number < $?)");
  EXPECT_EQ(sql("serviceDetails/teamsDirectRouting/enabled eq true"), "(enabled & 4) <> 0");
  EXPECT_EQ(sql("serviceDetails.zoomPhoneCloudPeering.enabled ne true"), "(enabled & 8) = 0");
  EXPECT_EQ(sql("configuration/customSipHeader eq null"), "custom_header IS NULL");
  EXPECT_EQ(sql("configuration/customSipHeader ne 'a'"),
            "(custom_header IS NULL OR custom_header <> $?)");
  EXPECT_EQ(sql("startswith(telephoneNumber,'+44')"), "(1 = 1 AND number >= $? AND number < $?)");
}

TEST(Filter, BindsAsItIsWritten) {
  // `and` before `or`, `not` before both, parentheses before all.
  const std::string a = "accountName eq 'a'", b = "accountName eq 'b'", c = "accountName eq 'c'";
  EXPECT_EQ(sql(a + " or " + b + " and " + c), "(account = $? OR (account = $? AND account = $?))");
  EXPECT_EQ(sql("(" + a + " or " + b + ") and not " + c),
            "((account = $? OR account = $?) AND (NOT account = $?))");
}

TEST(Filter, AQuoteInATextIsWrittenTwice) {
  const auto c = parse_filter("accountName+eq+'O''Neil+x'", number_filter_fields());
  ASSERT_TRUE(c);
  ASSERT_THAT(c->values, SizeIs(1));
  EXPECT_EQ(store::text(c->values[0]), "O'Neil+x");
}

TEST(Filter, MistakesAreNamedWithTheirPlace) {
  const std::pair<std::string, const char*> cases[] = {
      {"", "is no field"},
      {"colour eq 'red'",
       "at character 1: 'colour' is no field of this list: write one of telephone"},
      {"telephoneNumber is '+44'", "at character 17: 'is' where one of eq"},
      {"telephoneNumber eq 44", "in quotes"},
      {"telephoneNumber eq 'x", "not closed"},
      {"serviceDetails/teamsDirectRouting/enabled gt true", "eq or ne"},
      {"serviceDetails/teamsDirectRouting/enabled eq 'x'", "true or false"},
      {"(telephoneNumber eq '1'", "'the end' where ')'"},
      {"telephoneNumber eq '1' telephoneNumber", "not expected"},
      {"telephoneNumber gt null", "eq or ne"},
      {"startswith(telephoneNumber)", "','"},
      {std::string(17, '(') + "accountName eq 'a'" + std::string(17, ')'), "too long"},
      {"a" + std::string(3'000, 'a'), "at most 2000 bytes"},
  };
  for (const auto& [text, why] : cases) EXPECT_THAT(sql(text), HasSubstr(why)) << text;
  std::string many = "accountName eq 'a'";
  for (int i = 0; i < 70; ++i) many += " or accountName eq 'a'";
  EXPECT_THAT(sql(many), HasSubstr("too long"));
}

}  // namespace
}  // namespace causeway::provisioning
