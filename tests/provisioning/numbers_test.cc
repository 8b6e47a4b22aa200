#include <gmock/gmock.h>

#include "rig.h"

namespace causeway::provisioning {
namespace {

using ::testing::HasSubstr;

API_SUITE(Numbers);

constexpr const char* kWhole = R"({"telephoneNumber":"+15105850321","accountName":"contoso",
  "serviceDetails":{"teamsOperatorConnect":{"enabled":true,"assignmentStatus":"assigned",
    "configuration":{"usage":"CallingUserAssignment","choosableCapabilities":["InboundCalling"],
    "additionalUsages":["ConferenceAssignment"],"civicAddressId":"c","locationId":"l",
    "allowTenantAddressUpdate":true,"displayedCountryCode":"US"}},
    "teamsDirectRouting":{"enabled":false}},
  "configuration":{"customSipHeader":"contoso-commsgw"}})";

TEST_P(Numbers, AreCreatedReadReplacedAndDeleted) {
  PROVES("P21", "P26", "P27", "P28", "P29", "P32", "P33", "P34");
  account("contoso");
  Response r = put("/accounts/contoso/numbers/+15105850321", kWhole);
  ASSERT_EQ(r.status, 201) << r.body;
  r = get("/accounts/contoso/numbers/%2B15105850321");
  ASSERT_EQ(r.status, 200) << r.body;
  EXPECT_EQ(header(r, "ETag"), "\"00000000002\"");
  EXPECT_EQ(at(r, "serviceDetails/teamsOperatorConnect/assignmentStatus"), "assigned");
  const std::string c = "serviceDetails/teamsOperatorConnect/configuration/";
  EXPECT_EQ(at(r, c + "usage"), "CallingUserAssignment");
  EXPECT_EQ(at(r, c + "choosableCapabilities"), R"(["InboundCalling"])");
  EXPECT_EQ(at(r, c + "additionalUsages/0"), "ConferenceAssignment");
  EXPECT_EQ(at(r, c + "civicAddressId"), "c");
  EXPECT_EQ(at(r, c + "locationId"), "l");
  EXPECT_EQ(at(r, c + "allowTenantAddressUpdate"), "true");
  EXPECT_EQ(at(r, c + "displayedCountryCode"), "US");
  EXPECT_EQ(at(r, "serviceDetails/teamsDirectRouting/enabled"), "false");
  EXPECT_EQ(at(r, "serviceDetails/zoomPhoneCloudPeering"), "");
  EXPECT_EQ(at(r, "configuration/customSipHeader"), "contoso-commsgw");
  EXPECT_EQ(put("/accounts/contoso/numbers/+15105850321", r.body).status, 200);
  EXPECT_EQ(put("/accounts/contoso/numbers/+15105850321", R"({"serviceDetails":{}})").status, 200);
  EXPECT_EQ(at(get("/accounts/contoso/numbers/+15105850321"), "configuration"), "");
  EXPECT_EQ(del("/accounts/contoso/numbers/+15105850321").status, 204);
  EXPECT_EQ(code(get("/accounts/contoso/numbers/+15105850321")), "NumberNotFound");
  EXPECT_EQ(code(del("/accounts/contoso/numbers/+15105850321")), "NumberNotFound");
}

TEST_P(Numbers, AllFiveServicesAreKept) {
  PROVES("PRV-03");
  PROVES("P26");
  account("a");
  number("a", "+1001",
         R"({"teamsOperatorConnect":{"enabled":true},"teamsPhoneMobile":{"enabled":true},
    "teamsDirectRouting":{"enabled":true},"zoomPhoneCloudPeering":{"enabled":true},
    "azureOperatorCallProtection":{"enabled":true}})");
  const Response r = get("/accounts/a/numbers/+1001");
  for (const char* s : {"teamsOperatorConnect", "teamsPhoneMobile", "teamsDirectRouting",
                        "zoomPhoneCloudPeering", "azureOperatorCallProtection"})
    EXPECT_EQ(at(r, std::string("serviceDetails/") + s + "/enabled"), "true") << s;
}

TEST_P(Numbers, EveryFieldIsHeldToItsRule) {
  PROVES("PRV-03");
  account("a");
  const std::pair<std::string, const char*> cases[] = {
      {"{}", "serviceDetails: is missing"},
      {R"({"serviceDetails":{},"telephoneNumber":"+1002"})", "the path says '+1001'"},
      {R"({"serviceDetails":{},"accountName":"b"})", "the path says 'a'"},
      {R"({"serviceDetails":{"teamsDirectRouting":{"enabled":true,"configuration":{}}}})",
       "teamsDirectRouting.configuration: does not exist"},
      {R"({"serviceDetails":{"teamsOperatorConnect":{"enabled":true,"assignmentStatus":"maybe"}}})",
       "write one of 'assigned', 'unassigned'"},
      {R"({"serviceDetails":{"teamsPhoneMobile":{"enabled":true,"configuration":{"usage":"x"}}}})",
       "choosableCapabilities: is missing"},
      {R"({"serviceDetails":{"teamsPhoneMobile":{"enabled":true,"configuration":{
        "choosableCapabilities":[1],"usage":"x"}}}})",
       "choosableCapabilities: holds the number 1"},
      {R"({"serviceDetails":{},"configuration":{"customSipHeader":""}})", "write 1 to 100"},
      {R"({"serviceDetails":{},"configuration":{"customSipHeader":"a\r\nX-Evil: 1"}})",
       "customSipHeader: is 'a??X-Evil: 1': write 1 to 100 letters, digits, '_' or '-'"},
      {R"({"serviceDetails":{},"configuration":{"header":"a"}})", "configuration.header: does not"},
  };
  for (const auto& [body, why] : cases) {
    const Response r = put("/accounts/a/numbers/+1001", body);
    EXPECT_EQ(r.status, 400) << body;
    EXPECT_THAT(r.body, HasSubstr(why)) << body;
  }
  for (const char* bad : {"1001", "+", "+1", "+0123", "+12a", "+1234567890123456", "+12%0a"})
    EXPECT_EQ(code(get(std::string("/accounts/a/numbers/") + bad)), "InvalidTelephoneNumber")
        << bad;
  EXPECT_EQ(put("/accounts/a/numbers/+123456789012345", R"({"serviceDetails":{}})").status, 201);
}

TEST_P(Numbers, BelongToOneAccountThatExists) {
  EXPECT_EQ(code(put("/accounts/none/numbers/+1001", R"({"serviceDetails":{}})")),
            "AccountNotFound");
  account("a");
  account("b");
  number("a", "+1001");
  const Response r = put("/accounts/b/numbers/+1001", R"({"serviceDetails":{}})");
  EXPECT_EQ(r.status, 409);
  EXPECT_EQ(code(r), "NumberInUse");
  EXPECT_EQ(get("/accounts/b/numbers/+1001").status, 404);
  EXPECT_EQ(del("/accounts/b/numbers/+1001").status, 404);
}

std::string batch(int from, int count, const std::string& more = "") {
  std::string out = R"({"numbers":[)";
  for (int i = 0; i < count; ++i)
    out += (i == 0 ? "" : ",") + std::string(R"({"telephoneNumber":"+)") +
           std::to_string(from + i) +
           R"(","accountName":"a","serviceDetails":{"zoomPhoneCloudPeering":{"enabled":true}}})";
  return out + more + "]}";
}

TEST_P(Numbers, AHundredAreOneRequest) {
  PROVES("P23");
  PROVES("PRV-01", "PRV-02");
  account("a");
  const Response r = post("/accounts/a:createOrUpdateNumbers", batch(10'000, 100));
  ASSERT_EQ(r.status, 200) << r.body;
  EXPECT_EQ(at(r, "numbers/99/telephoneNumber"), "+10099");
  EXPECT_EQ(at(get("/accounts/a"), "serviceDetails"), "{}");
  EXPECT_EQ(header(get("/accounts/a/numbers?countRecords=true"), "x-ms-record-count"), "100");
  EXPECT_EQ(post("/accounts/a:createOrUpdateNumbers", batch(10'000, 101)).status, 400);
  EXPECT_EQ(post("/accounts/a:createOrUpdateNumbers", batch(10'000, 0)).status, 400);
  EXPECT_EQ(post("/accounts/none:createOrUpdateNumbers",
                 R"({"numbers":[{"telephoneNumber":"+1001","serviceDetails":{}}]})")
                .status,
            404);
}

TEST_P(Numbers, ABatchIsAllOrNothing) {
  PROVES("P24");
  account("a");
  account("b");
  number("b", "+777");
  for (const std::string bad :
       {R"(,{"telephoneNumber":"777","serviceDetails":{}})",
        R"(,{"telephoneNumber":"+777","serviceDetails":{}})",
        R"(,{"telephoneNumber":"+10000","serviceDetails":{}})", R"(,{"telephoneNumber":"+778"})"}) {
    const Response r = post("/accounts/a:createOrUpdateNumbers", batch(10'000, 3, bad));
    EXPECT_GE(r.status, 400) << r.body;
    EXPECT_LT(r.status, 500) << r.body;
  }
  EXPECT_EQ(header(get("/accounts/a/numbers?countRecords=true"), "x-ms-record-count"), "0");
  const Response r = post("/accounts/a:createOrUpdateNumbers",
                          batch(10'000, 3, R"(,{"telephoneNumber":"777","serviceDetails":{}})"));
  EXPECT_EQ(at(r, "error/target"), "numbers[3].telephoneNumber");
}

TEST_P(Numbers, ABatchIsDeletedAllOrNothing) {
  PROVES("P25");
  account("a");
  post("/accounts/a:createOrUpdateNumbers", batch(10'000, 3));
  const auto gone = [](std::initializer_list<const char*> numbers) {
    std::string out = R"({"numbers":[)";
    for (const char* n : numbers) {
      if (out.back() != '[') out += ',';
      out += std::string(R"({"telephoneNumber":")") + n + "\"}";
    }
    return out + "]}";
  };
  Response r = post("/accounts/a:deleteNumbers", gone({"+10000", "+10009"}));
  EXPECT_EQ(r.status, 404);
  EXPECT_EQ(at(r, "error/target"), "numbers[1].telephoneNumber");
  EXPECT_EQ(post("/accounts/a:deleteNumbers", gone({"+10000", "+10000"})).status, 400);
  EXPECT_EQ(get("/accounts/a/numbers/+10000").status, 200);
  EXPECT_EQ(post("/accounts/a:deleteNumbers", gone({"+10000", "+10002"})).status, 204);
  EXPECT_EQ(header(get("/accounts/a/numbers?countRecords=true"), "x-ms-record-count"), "1");
}

TEST_P(Numbers, AddressesMustBeThoseOfTheTenantWhenTheyAreKnown) {
  PROVES("P32");
  account("a", R"({"teamsTenantId":"A7F4BD5C-cc01-40f4-8baa-2b6bdb272b8a"})");
  write([](store::Writer& w) {
    return w.put_civic_address({"a7f4bd5c-cc01-40f4-8baa-2b6bdb272b8a",
                                "c1",
                                "",
                                "",
                                "",
                                "",
                                "",
                                "",
                                R"({"id":"c1","defaultLocationId":"l1","locations":[{"id":"l1",
                                "civicAddressId":"c1"}]})",
                                0,
                                {}});
  });
  const auto with = [](const std::string& more) {
    return R"({"serviceDetails":{"teamsOperatorConnect":{"enabled":true,"configuration":{"usage":"u",
      "choosableCapabilities":[],)" +
           more + "}}}}";
  };
  EXPECT_EQ(
      put("/accounts/a/numbers/+1001", with(R"("civicAddressId":"c1","locationId":"l1")")).status,
      201);
  const Response r = put("/accounts/a/numbers/+1001", with(R"("civicAddressId":"c2")"));
  EXPECT_EQ(code(r), "CivicAddressNotFound");
  EXPECT_EQ(at(r, "error/target"),
            "serviceDetails.teamsOperatorConnect.configuration.civicAddressId");
  EXPECT_EQ(
      code(put("/accounts/a/numbers/+1001", with(R"("civicAddressId":"c1","locationId":"x")"))),
      "LocationNotFound");
}

TEST_P(Numbers, TheStableVersionHasThreeServices) {
  PROVES("P5", "P22");
  account("a");
  const std::string v = std::string("?") + kOld;
  Response r = put("/account/a/numbers/+441234432234" + v,
                   R"({"configuration":{"customSipHeader":"x"},"services":{"teamsDrEnabled":true,
                   "teamsOcEnabled":false,"zoomEnabled":false}})");
  ASSERT_EQ(r.status, 201) << r.body;
  EXPECT_EQ(at(r, "phoneNumber"), "+441234432234");
  EXPECT_EQ(at(r, "accountName"), "a");
  EXPECT_EQ(at(r, "etag"), "00000000002");
  EXPECT_EQ(at(r, "details/services/teamsDrEnabled"), "true");
  EXPECT_EQ(at(r, "details/configuration/customSipHeader"), "x");
  // Operator Connect when none is named.
  ASSERT_EQ(put("/account/a/numbers/+1002" + v, "{}").status, 201);
  EXPECT_EQ(at(get("/account/a/numbers/+1002" + v), "details/services/teamsOcEnabled"), "true");
  EXPECT_EQ(put("/account/a/numbers/+1002" + v, R"({"services":{"zoomEnabled":true}})").status,
            400);
  r = get("/numbers" + v + "&number=%2B1002");
  EXPECT_EQ(at(r, "value/0/phoneNumber"), "+1002");
  EXPECT_EQ(at(r, "value/1"), "");
  EXPECT_EQ(at(get("/numbers" + v + "&number=+1002"), "value/0/phoneNumber"), "+1002");
  EXPECT_EQ(get("/numbers" + v + "&number=1002").status, 400);
  r = post("/account/a/numbers:batch" + v,
           R"({"numbers":[{"phoneNumber":"+1003","details":{"services":{}}},{"phoneNumber":"+1004",
           "details":{"services":{"teamsDrEnabled":false,"teamsOcEnabled":false,"zoomEnabled":true}}}]})");
  ASSERT_EQ(r.status, 200) << r.body;
  EXPECT_EQ(at(r, "numbers/1/details/services/zoomEnabled"), "true");
  EXPECT_EQ(
      post("/account/a/numbers:batch" + v,
           R"({"numbers":[{"phoneNumber":"+1005","details":{}},{"phoneNumber":"5","details":{}}]})")
          .status,
      400);
  EXPECT_EQ(get("/account/a/numbers/+1005" + v).status, 404);
  EXPECT_EQ(del("/account/a/numbers/+1003" + v).status, 204);
  EXPECT_EQ(at(get("/account/a/numbers" + v), "value/2/phoneNumber"), "+441234432234");
  EXPECT_EQ(code(get("/accounts/a/numbers" + v)), "ResourceNotFound");
  EXPECT_THAT(get("/account/a/numbers").body, HasSubstr("other api-version"));
}

TEST_P(Numbers, TheStableVersionLeavesWhatItCannotSay) {
  account("a");
  number("a", "+1001", R"({"teamsPhoneMobile":{"enabled":true,"assignmentStatus":"assigned"}})");
  ASSERT_EQ(put(std::string("/account/a/numbers/+1001?") + kOld, "{}").status, 200);
  const Response r = get("/accounts/a/numbers/+1001");
  EXPECT_EQ(at(r, "serviceDetails/teamsPhoneMobile/assignmentStatus"), "assigned");
  EXPECT_EQ(at(r, "serviceDetails/teamsOperatorConnect/enabled"), "true");
}

}  // namespace
}  // namespace causeway::provisioning
