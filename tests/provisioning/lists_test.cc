#include <gmock/gmock.h>

#include "rig.h"

namespace causeway::provisioning {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ListTest : public ApiTest {
 protected:
  std::vector<std::string> values(const Response& r, const std::string& key) {
    std::vector<std::string> out;
    EXPECT_EQ(r.status, 200) << r.body;
    for (int i = 0; !at(r, "value/" + std::to_string(i)).empty(); ++i)
      out.push_back(at(r, "value/" + std::to_string(i) + "/" + key));
    return out;
  }
  // All pages from `target` on, one sequence of keys each.
  std::vector<std::vector<std::string>> pages(std::string target, const std::string& key) {
    std::vector<std::vector<std::string>> out;
    for (;;) {
      const Response r = get(target);
      out.push_back(values(r, key));
      const std::string next = at(r, "nextLink");
      if (next.empty() || out.size() > 20) return out;
      EXPECT_THAT(next, HasSubstr("https://provapi.example.net/"));
      target = next.substr(std::string("https://provapi.example.net").size());
    }
  }
  void some() {
    account("a");
    account("b", R"({"teamsOperatorConnect":{"enabled":true,"syncEnabled":true}})");
    for (const char* n : {"+1001", "+1003", "+2005"}) number("a", n);
    for (const char* n : {"+1002", "+1004"})
      number("b", n, R"({"zoomPhoneCloudPeering":{"enabled":true}})");
  }
};
using Lists = ListTest;
INSTANTIATE_TEST_SUITE_P(Engines, Lists,
                         ::testing::Values(store::Engine::kSqlite, store::Engine::kPostgres),
                         store::engine_name);

TEST_P(Lists, PagesFollowByNextLink) {
  PROVES("PRV-02");
  PROVES("P11", "P22");
  some();
  using V = std::vector<std::string>;
  EXPECT_THAT(pages("/numbers?maxpagesize=2", "telephoneNumber"),
              ElementsAre(V{"+1001", "+1002"}, V{"+1003", "+1004"}, V{"+2005"}));
  EXPECT_THAT(pages("/numbers?maxpagesize=2&top=3", "telephoneNumber"),
              ElementsAre(V{"+1001", "+1002"}, V{"+1003"}));
  EXPECT_THAT(pages("/numbers?maxpagesize=2&skip=1", "telephoneNumber"),
              ElementsAre(V{"+1002", "+1003"}, V{"+1004", "+2005"}));
  EXPECT_THAT(pages("/numbers?top=0", "telephoneNumber"), ElementsAre(V{}));
  EXPECT_THAT(pages("/accounts/a/numbers?maxpagesize=2", "telephoneNumber"),
              ElementsAre(V{"+1001", "+1003"}, V{"+2005"}));
  EXPECT_THAT(pages("/accounts?maxpagesize=1", "name"), ElementsAre(V{"a"}, V{"b"}));
  EXPECT_THAT(pages("/numbers?maxpagesize=1&filter=accountName%20eq%20%27b%27", "telephoneNumber"),
              ElementsAre(V{"+1002"}, V{"+1004"}));
  EXPECT_THAT(pages(std::string("/numbers?maxpagesize=3&") + kOld, "phoneNumber"),
              ElementsAre(V{"+1001", "+1002", "+1003"}, V{"+1004", "+2005"}));
}

TEST_P(Lists, SizesHaveTheirBounds) {
  some();
  EXPECT_EQ(get("/numbers?maxpagesize=100000").status, 200);
  EXPECT_EQ(get(std::string("/numbers?maxpagesize=501&") + kOld).status, 400);
  EXPECT_EQ(get(std::string("/numbers?top=1&") + kOld).status, 400);
  for (const char* bad : {"maxpagesize=0", "maxpagesize=x", "skip=-1", "top=99999999999999999999",
                          "countRecords=1", "maxpagesize=", "size=3"})
    EXPECT_EQ(get(std::string("/numbers?") + bad).status, 400) << bad;
  EXPECT_THAT(get("/numbers?size=3").body, HasSubstr("known are api-version, maxpagesize"));
  EXPECT_EQ(code(get("/accounts/none/numbers")), "AccountNotFound");
}

TEST_P(Lists, TheRecordCountIsThatOfTheWholeList) {
  PROVES("P13");
  some();
  const auto count = [&](const std::string& target) {
    return header(get(target), "x-ms-record-count");
  };
  EXPECT_EQ(count("/numbers?maxpagesize=1&countRecords=true"), "5");
  EXPECT_EQ(count("/numbers?countRecords=false"), "");
  EXPECT_EQ(count("/accounts/a/numbers?top=1&countRecords=true"), "3");
  EXPECT_EQ(count("/accounts?countRecords=true"), "2");
  EXPECT_EQ(count("/numbers?countRecords=true&filter=startswith(telephoneNumber,'%2B1')"), "4");
}

TEST_P(Lists, AreFiltered) {
  PROVES("P12");
  some();
  const auto found = [&](const std::string& filter) {
    return values(get("/numbers?filter=" + percent_encoded(filter)), "telephoneNumber");
  };
  EXPECT_THAT(found("startswith(telephoneNumber,'+100') and not (accountName eq 'a')"),
              ElementsAre("+1002", "+1004"));
  EXPECT_THAT(
      found("telephoneNumber gt '+1003' or serviceDetails/zoomPhoneCloudPeering/enabled eq true"),
      ElementsAre("+1002", "+1004", "+2005"));
  EXPECT_THAT(found("configuration/customSipHeader eq null and telephoneNumber le '+1001'"),
              ElementsAre("+1001"));
  EXPECT_THAT(found("not (configuration/customSipHeader eq 'x') and accountName eq 'b'"),
              ElementsAre("+1002", "+1004"));
  EXPECT_THAT(found("serviceDetails/teamsOperatorConnect/assignmentStatus eq 'assigned'"),
              ElementsAre());
  EXPECT_THAT(found("accountName eq 'x'' OR 1=1 --'"), ElementsAre());
  EXPECT_THAT(found("startswith(accountName,'\xC3\xBC')"), ElementsAre());
  EXPECT_THAT(values(get("/numbers?filter=accountName+eq+'b'"), "telephoneNumber"),
              ElementsAre("+1002", "+1004"));
  EXPECT_THAT(values(get("/accounts?filter=serviceProvisioningStatus%20eq%20'failed'"), "name"),
              ElementsAre("b"));
  EXPECT_THAT(values(get("/accounts?filter=serviceDetails/teamsDirectRouting/numberCount%20ge%203"),
                     "name"),
              ElementsAre("a"));
  EXPECT_EQ(code(get("/numbers?filter=colour%20eq%201")), "InvalidFilter");
}

TEST_P(Lists, EveryFieldOfEveryFilterIsOneOfTheStore) {
  account("a", R"({"teamsTenantId":"t"})");
  const std::pair<std::string, std::span<const FilterField>> lists[] = {
      {"/accounts", account_filter_fields()},
      {"/numbers", number_filter_fields()},
      {"/accounts/a/teamsCivicAddresses", address_filter_fields()},
      {"/teamsRequestsForInformation", request_filter_fields()}};
  for (const auto& [path, fields] : lists)
    for (const auto& f : fields) {
      std::vector<std::string> tries;
      const std::string name(f.name);
      switch (f.kind) {
        case FilterField::Kind::kText:
          tries = {name + " eq 'x'",
                   name + " ne 'x'",
                   name + " gt 'x'",
                   name + " eq null",
                   "startswith(" + name + ",'x')",
                   "startswith(" + name + ",'\xC3\xBC')"};
          break;
        case FilterField::Kind::kBoolean: tries = {name + " eq true", name + " ne true"}; break;
        case FilterField::Kind::kInteger: tries = {name + " gt 1"}; break;
      }
      for (const auto& t : tries)
        EXPECT_EQ(get(path + "?countRecords=true&filter=" + percent_encoded(t)).status, 200) << t;
    }
}

}  // namespace
}  // namespace causeway::provisioning
