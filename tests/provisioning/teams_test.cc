// Tables that a backend client fills: empty until then.
#include <gmock/gmock.h>

#include "rig.h"

namespace causeway::provisioning {
namespace {

using ::testing::HasSubstr;

API_SUITE(BackendTables);

constexpr const char* kTenant = "a7f4bd5c-cc01-40f4-8baa-2b6bdb272b8a";

TEST_P(BackendTables, AreEmptyByDefault) {
  account("a", std::string(R"({"teamsTenantId":")") + kTenant + "\"}");
  EXPECT_EQ(at(get("/teamsRequestsForInformation"), "value"), "[]");
  EXPECT_EQ(at(get("/accounts/a/teamsCivicAddresses"), "value"), "[]");
  EXPECT_EQ(at(call("POST", "/accounts/a:getTeamsCapabilityPlans"), "capabilityPlans"), "[]");
  EXPECT_EQ(get(std::string("/teamsRequestsForInformation/") + kTenant).status, 404);
  EXPECT_EQ(code(get("/teamsRequestsForInformation/x")), "InvalidTenantId");
  EXPECT_EQ(call("PATCH", std::string("/teamsRequestsForInformation/") + kTenant, "{}").status,
            404);
  EXPECT_EQ(call("POST", "/accounts/none:getTeamsCapabilityPlans").status, 404);
}

TEST_P(BackendTables, PlansAndCapabilitiesAreShown) {
  PROVES("P29", "P30", "P31");
  account("a", std::string(R"({"teamsTenantId":")") + kTenant + "\"}");
  for (const char* n : {"+1001", "+1002", "+1003"})
    number("a", n, R"({"teamsOperatorConnect":{"enabled":true,"configuration":{"usage":"u",
      "choosableCapabilities":["InboundCalling"]}}})");
  write([](store::Writer& w) {
    if (const Status s = w.put_capability_plan(
            {"", "p", R"({"name":"p","usage":"CallingUserAssignment","supportsTollFree":false})"});
        !s)
      return s;
    if (const Status s = w.put_number_capabilities({"+1001", R"(["A"])", R"(["A","B","C"])"}); !s)
      return s;
    return w.put_number_capabilities({"+1002", "[]", R"(["C","B"])"});
  });
  EXPECT_EQ(at(call("POST", "/accounts/a:getTeamsCapabilityPlans"), "capabilityPlans/0/name"), "p");
  const auto available = [&](const std::string& numbers) {
    return at(post("/accounts/a:getTeamsAvailableCapabilities", "{\"numbers\":[" + numbers + "]}"),
              "availableCapabilities");
  };
  const std::string one = R"({"telephoneNumber":"+1001"})", two = R"({"telephoneNumber":"+1002"})";
  EXPECT_EQ(available(one), R"(["A","B","C"])");
  EXPECT_EQ(available(one + "," + two), R"(["B","C"])");
  EXPECT_EQ(available(R"({"telephoneNumber":"+1003"})"), "[]");
  EXPECT_EQ(post("/accounts/a:getTeamsAvailableCapabilities",
                 R"({"numbers":[{"telephoneNumber":"+1009"}]})")
                .status,
            404);
  const Response r = get("/accounts/a/numbers/+1001");
  EXPECT_EQ(at(r, "serviceDetails/teamsOperatorConnect/configuration/acquiredCapabilities"),
            R"(["A"])");
  EXPECT_EQ(put("/accounts/a/numbers/+1001", r.body).status, 200);
}

TEST_P(BackendTables, CivicAddressesAreThoseOfTheTenant) {
  PROVES("P35");
  account("a", std::string(R"({"teamsTenantId":")") + kTenant + "\"}");
  account("b", R"({"teamsTenantId":"other"})");
  write([](store::Writer& w) {
    for (const char* id : {"c1", "c2"})
      if (const Status s = w.put_civic_address(
              {kTenant,
               id,
               "US",
               "Redmond",
               "98052",
               "validated",
               "",
               "",
               std::string(R"({"id":")") + id +
                   R"(","cityOrTown":"Redmond","defaultLocationId":"l1","locations":[{"id":"l1",
                   "civicAddressId":")" +
                   id + R"(","elin":"MICROSOFT-SF-ELIN"}]})",
               0,
               {}});
          !s)
        return s;
    return Status{};
  });
  Response r = get("/accounts/a/teamsCivicAddresses?countRecords=true&maxpagesize=1");
  EXPECT_EQ(header(r, "x-ms-record-count"), "2");
  EXPECT_EQ(at(r, "value/0/id"), "c1");
  EXPECT_THAT(at(r, "nextLink"), HasSubstr("skipToken=c1"));
  r = get("/accounts/a/teamsCivicAddresses/c2");
  EXPECT_EQ(r.status, 200);
  EXPECT_NE(header(r, "ETag"), "");
  EXPECT_EQ(at(r, "locations/0/elin"), "MICROSOFT-SF-ELIN");
  EXPECT_EQ(get("/accounts/b/teamsCivicAddresses/c2").status, 404);
  EXPECT_EQ(call("PUT", "/accounts/a/teamsCivicAddresses/c2", "{}").status, 405);
}

TEST_P(BackendTables, RequestsForInformationTakeARelationship) {
  PROVES("P36", "P37", "P38");
  write([](store::Writer& w) {
    store::RequestForInformation q;
    q.tenant_id = kTenant;
    q.account = "contoso";
    q.status = "active";
    q.body = R"({"id":"1","operatorId":"op","consentedOn":"2026-01-01T00:00:00Z",
      "lastModifiedOn":"2026-01-01T00:00:00Z","consentedCountries":["US"],
      "contacts":[{"fullName":"A B","email":"a@b","companySize":"L1_U1"}]})";
    return w.put_request_for_information(q, "", "{}");
  });
  const std::string path = std::string("/teamsRequestsForInformation/") + kTenant;
  Response r = get("/teamsRequestsForInformation/A7F4BD5C-CC01-40f4-8baa-2b6bdb272b8a");
  ASSERT_EQ(r.status, 200) << r.body;
  EXPECT_EQ(at(r, "accountName"), "contoso");
  EXPECT_EQ(at(r, "productContext"), "teams");
  EXPECT_EQ(at(r, "status"), "active");
  EXPECT_EQ(at(r, "contacts/0/companySize"), "L1_U1");
  EXPECT_EQ(at(r, "customerRelationship"), "");
  const std::string etag = header(r, "ETag");
  r = call("PATCH", path,
           R"({"customerRelationship":{"status":"ConsentAcknowledged","comment":"good"}})",
           {{"if-match", etag}});
  ASSERT_EQ(r.status, 200) << r.body;
  EXPECT_EQ(at(r, "customerRelationship/status"), "ConsentAcknowledged");
  EXPECT_EQ(at(r, "customerRelationship/lastModifiedOn"), "2027-01-15T08:00:00.000000Z");
  EXPECT_EQ(at(r, "serviceProvisioningErrors/0/code"), "BackendNotConfigured");
  EXPECT_EQ(call("PATCH", path, "{}", {{"if-match", etag}}).status, 412);
  // Merge-patch: what is not named stays, null takes away.
  r = call("PATCH", path, R"({"customerRelationship":{"comment":null}})");
  EXPECT_EQ(at(r, "customerRelationship/status"), "ConsentAcknowledged");
  EXPECT_EQ(at(r, "customerRelationship/comment"), "");
  r = call("PATCH", path, R"({"customerRelationship":{"colour":"red"}})");
  EXPECT_EQ(r.status, 400);
  EXPECT_EQ(call("PATCH", path, "{}", {{"content-type", "application/json"}}).status, 415);
  // Read-only members come back as they were.
  r = call("PATCH", path, R"({"status":"removed","operatorId":"x"})");
  EXPECT_EQ(at(r, "status"), "active");
  EXPECT_EQ(at(r, "operatorId"), "op");
  EXPECT_EQ(at(get("/teamsRequestsForInformation?filter=customerRelationship/status%20eq%20"
                   "'ConsentAcknowledged'"),
               "value/0/tenantId"),
            kTenant);
  EXPECT_EQ(read()->outbox(0, 10)->front().what, "put-request-for-information");
}

TEST_P(BackendTables, EveryPublishedRouteIsThere) {
  PROVES("PRV-01");
  put("/accounts/a", R"({"serviceDetails":{"teamsTenantId":"t"}})");
  put("/accounts/a/numbers/+1001",
      R"({"telephoneNumber":"+1001","accountName":"a","serviceDetails":{}})");
  const std::pair<const char*, const char*> kReads[] = {
      {"GET", "/numbers"},
      {"GET", "/accounts"},
      {"GET", "/accounts/a"},
      {"GET", "/accounts/a/numbers"},
      {"GET", "/accounts/a/numbers/+1001"},
      {"GET", "/accounts/a/teamsCivicAddresses"},
      {"GET", "/teamsRequestsForInformation"},
      {"POST", "/accounts/a:getTeamsCapabilityPlans"}};
  for (const auto& [method, target] : kReads) EXPECT_EQ(call(method, target).status, 200) << target;
  EXPECT_EQ(post("/accounts/a:getTeamsAvailableCapabilities",
                 R"({"numbers":[{"telephoneNumber":"+1001"}]})")
                .status,
            200);
  EXPECT_EQ(
      post("/accounts/a:createOrUpdateNumbers",
           R"({"numbers":[{"telephoneNumber":"+1002","accountName":"a","serviceDetails":{}}]})")
          .status,
      200);
  EXPECT_EQ(
      post("/accounts/a:deleteNumbers", R"({"numbers":[{"telephoneNumber":"+1002"}]})").status,
      204);
  EXPECT_EQ(del("/accounts/a/numbers/+1001").status, 204);
  EXPECT_EQ(del("/accounts/a").status, 204);
  EXPECT_EQ(get("/accounts/a/anything").status, 404);
}

}  // namespace
}  // namespace causeway::provisioning
