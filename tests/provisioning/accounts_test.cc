#include <gmock/gmock.h>

#include "rig.h"

namespace causeway::provisioning {
namespace {

using ::testing::HasSubstr;

API_SUITE(Accounts);

constexpr const char* kWhole = R"({"name":"contoso","correlationId":"c7aa0070","serviceDetails":{
  "teamsTenantId":"a7f4bd5c-cc01-40f4-8baa-2b6bdb272b8a",
  "teamsOperatorConnect":{"enabled":true,"syncEnabled":true},
  "teamsPhoneMobile":{"enabled":false,"syncEnabled":false},
  "teamsDirectRouting":{"enabled":true,"syncEnabled":false,"configuration":{"callScreening":true,
    "subdomain":"con","subdomainTokens":{"region1Token":"MS=1","region2Token":"MS=2"}}},
  "zoomPhoneCloudPeering":{"enabled":true,"syncEnabled":true},
  "azureOperatorCallProtection":{"enabled":false}}})";

TEST_P(Accounts, AreCreatedReadReplacedAndDeleted) {
  PROVES("P14", "P16", "P17");
  Response r = put("/accounts/contoso", kWhole);
  ASSERT_EQ(r.status, 201) << r.body;
  EXPECT_EQ(header(r, "ETag"), "\"00000000001\"");
  r = get("/accounts/contoso");
  ASSERT_EQ(r.status, 200) << r.body;
  EXPECT_EQ(at(r, "name"), "contoso");
  EXPECT_EQ(at(r, "correlationId"), "c7aa0070");
  EXPECT_EQ(at(r, "serviceDetails/teamsTenantId"), "a7f4bd5c-cc01-40f4-8baa-2b6bdb272b8a");
  EXPECT_EQ(at(r, "serviceDetails/teamsOperatorConnect/enabled"), "true");
  EXPECT_EQ(at(r, "serviceDetails/teamsOperatorConnect/syncEnabled"), "true");
  EXPECT_EQ(at(r, "serviceDetails/teamsOperatorConnect/numberCount"), "0");
  EXPECT_EQ(at(r, "serviceDetails/teamsPhoneMobile/enabled"), "false");
  EXPECT_EQ(at(r, "serviceDetails/teamsDirectRouting/configuration/subdomainTokens/region2Token"),
            "MS=2");
  EXPECT_EQ(at(r, "serviceDetails/zoomPhoneCloudPeering/syncEnabled"), "true");
  EXPECT_EQ(at(r, "serviceDetails/azureOperatorCallProtection/syncEnabled"), "");
  // What was read may be written back as it is: read-only members are not looked at.
  const Response back = put("/accounts/contoso", r.body, {{"if-match", header(r, "ETag")}});
  EXPECT_EQ(back.status, 200) << back.body;
  // Replaced as a whole.
  EXPECT_EQ(put("/accounts/contoso", "{}").status, 200);
  EXPECT_EQ(at(get("/accounts/contoso"), "correlationId"), "");
  EXPECT_EQ(at(get("/accounts/contoso"), "serviceDetails"), "");
  r = del("/accounts/contoso");
  EXPECT_EQ(r.status, 204);
  EXPECT_EQ(r.body, "");
  EXPECT_EQ(get("/accounts/contoso").status, 404);
  EXPECT_EQ(del("/accounts/contoso").status, 404);
}

TEST_P(Accounts, NamesDifferByCase) {
  PROVES("PRV-04");
  account("contoso");
  EXPECT_EQ(get("/accounts/Contoso").status, 404);
  account("Contoso");
}

TEST_P(Accounts, EveryFieldIsHeldToItsRule) {
  PROVES("PRV-04");
  const std::pair<std::string, const char*> cases[] = {
      {"[]", "the body is an array"},
      {R"({"name":"other"})", "name: is 'other' and the path says 'a'"},
      {R"({"correlationId":7})", "correlationId: is the number 7: write a text"},
      {R"({"correlationId":"a\nb"})", "without control characters"},
      {R"({"colour":"red"})", "colour: does not exist: take it out; known are name"},
      {R"({"serviceDetails":{"teams":{}}})", "serviceDetails.teams: does not exist"},
      {R"({"serviceDetails":{"teamsOperatorConnect":{"syncEnabled":true}}})",
       "serviceDetails.teamsOperatorConnect.enabled: is missing: add it"},
      {R"({"serviceDetails":{"teamsPhoneMobile":{"enabled":true}}})", "syncEnabled: is missing"},
      {R"({"serviceDetails":{"zoomPhoneCloudPeering":{"enabled":"yes","syncEnabled":true}}})",
       "write true or false"},
      {R"({"serviceDetails":{"azureOperatorCallProtection":{"enabled":true,"syncEnabled":true}}})",
       "azureOperatorCallProtection.syncEnabled: does not exist"},
      {R"({"serviceDetails":{"teamsDirectRouting":{"enabled":true,"syncEnabled":true,"configuration":{
        "callScreening":true,"subdomain":"much-too-long","subdomainTokens":{"region1Token":"a",
        "region2Token":"b"}}}}})",
       "subdomain: is 'much-too-long': write 1 to 10 letters"},
      {R"({"serviceDetails":{"teamsDirectRouting":{"enabled":true,"syncEnabled":true,"configuration":{
        "callScreening":true,"subdomain":"a.b","subdomainTokens":{"region1Token":"a",
        "region2Token":"b"}}}}})",
       "subdomain: is 'a.b'"},
      {R"({"serviceDetails":{"teamsDirectRouting":{"enabled":true,"syncEnabled":true,"configuration":{
        "callScreening":true,"subdomain":"a","subdomainTokens":{"region1Token":"a b",
        "region2Token":"b"}}}}})",
       "region1Token: is 'a b'"},
      {R"({"serviceDetails":{"teamsDirectRouting":{"enabled":true,"syncEnabled":true,"configuration":{
        "subdomain":"a","subdomainTokens":{"region1Token":"a"}}}}})",
       "callScreening: is missing"},
  };
  for (const auto& [body, why] : cases) {
    const Response r = put("/accounts/a", body);
    EXPECT_EQ(r.status, 400) << body;
    EXPECT_THAT(r.body, HasSubstr(why)) << body;
    EXPECT_NE(header(r, "x-ms-error-code"), "");
    EXPECT_EQ(header(r, "x-ms-error-code"), code(r));
  }
  EXPECT_EQ(get("/accounts/a").status, 404);
}

TEST_P(Accounts, AllMistakesAreToldAtOnce) {
  PROVES("P10", "P46");
  const Response r = put("/accounts/a", R"({"x":1,"correlationId":2,"serviceDetails":{"y":3}})");
  EXPECT_EQ(code(r), "InvalidRequest");
  EXPECT_THAT(at(r, "error/message"), HasSubstr("3 mistakes"));
  EXPECT_EQ(at(r, "error/details/0/target"), "correlationId");
  EXPECT_EQ(at(r, "error/details/1/target"), "serviceDetails.y");
  EXPECT_EQ(at(r, "error/details/2/code"), "UnknownField");
}

TEST_P(Accounts, NamesOfThePathAreHeldToTheirPattern) {
  EXPECT_EQ(code(get("/accounts/a%20b")), "InvalidAccountName");
  EXPECT_EQ(code(get("/accounts/" + std::string(101, 'a'))), "InvalidAccountName");
  EXPECT_EQ(code(get("/accounts/")), "InvalidAccountName");
  EXPECT_EQ(put("/accounts/" + std::string(100, 'a'), "{}").status, 201);
}

TEST_P(Accounts, TheTenantStaysWhileThereAreNumbers) {
  PROVES("PRV-04");
  PROVES("P20");
  const std::string with = R"({"serviceDetails":{"teamsTenantId":")",
                    services = R"(","teamsOperatorConnect":{"enabled":true,"syncEnabled":false}}})";
  ASSERT_EQ(put("/accounts/a", with + "t1" + services).status, 201);
  ASSERT_EQ(put("/accounts/a", with + "t2" + services).status, 200);
  number("a", "+1001", R"({"teamsOperatorConnect":{"enabled":true}})");
  const Response r = put("/accounts/a", with + "t3" + services);
  EXPECT_EQ(r.status, 409);
  EXPECT_EQ(code(r), "TenantInUse");
  EXPECT_EQ(at(r, "error/target"), "serviceDetails.teamsTenantId");
  EXPECT_EQ(put("/accounts/a", with + "t2" + services).status, 200);
  ASSERT_EQ(put("/accounts/a/numbers/+1001",
                R"({"serviceDetails":{"teamsOperatorConnect":{"enabled":false}}})")
                .status,
            200);
  EXPECT_EQ(put("/accounts/a", with + "t3" + services).status, 200);
}

TEST_P(Accounts, ASubdomainBelongsToOne) {
  const auto with = [](const std::string& subdomain) {
    return R"({"serviceDetails":{"teamsDirectRouting":{"enabled":true,"syncEnabled":false,"configuration":
      {"callScreening":false,"subdomain":")" +
           subdomain + R"(","subdomainTokens":{"region1Token":"a","region2Token":"b"}}}}})";
  };
  ASSERT_EQ(put("/accounts/a", with("con")).status, 201);
  EXPECT_EQ(code(put("/accounts/b", with("CON"))), "SubdomainInUse");
  EXPECT_EQ(put("/accounts/a", with("con")).status, 200);
  EXPECT_EQ(at(get("/accounts/a"), "serviceDetails/teamsDirectRouting/configuration/callScreening"),
            "false");
  EXPECT_EQ(at(get("/accounts/a"), "serviceDetails/teamsDirectRouting/subdomainStatus"),
            "notProvisioned");
}

TEST_P(Accounts, AnEnterprisesNameHasAtMost48CharactersInEveryRegion) {
  PROVES("MT-03");
  domains_ = {"1r1.gateway.operator.example.net", "1r2.gateway.operators.example.network"};
  start(false);
  const auto with = [](const std::string& subdomain) {
    return R"({"serviceDetails":{"teamsDirectRouting":{"enabled":true,"syncEnabled":false,"configuration":
      {"callScreening":true,"subdomain":")" +
           subdomain + R"(","subdomainTokens":{"region1Token":"a","region2Token":"b"}}}}})";
  };
  EXPECT_EQ(put("/accounts/a", with("contoso123")).status, 201);  // 10 + 1 + 37
  domains_.emplace_back("1r3.gateway.operators.example.networks");
  start(false);
  const Response r = put("/accounts/b", with("fabrikam12"));
  EXPECT_EQ(r.status, 400) << r.body;
  EXPECT_EQ(code(r), "SubdomainTooLong");
  EXPECT_EQ(at(r, "error/target"), "serviceDetails.teamsDirectRouting.configuration.subdomain");
  EXPECT_EQ(
      at(r, "error/message"),
      "'fabrikam12.1r3.gateway.operators.example.networks' has 49 characters and may have 48: "
      "choose a subdomain of at most 9");
  EXPECT_EQ(put("/accounts/b", with("fabrikam1")).status, 201);
}

class Told : public Subdomains {
 public:
  SubdomainStatus status(const store::DirectRoutingAccount& account) override {
    asked.push_back(account.subdomain);
    return now;
  }
  SubdomainStatus now = SubdomainStatus::kNotProvisioned;
  std::vector<std::string> asked;
};

TEST_P(Accounts, StateOfTheSubdomainIsWhatTheNameServersSay) {
  PROVES("P41");
  Told told;
  subdomains_ = &told;
  start(false);
  ASSERT_EQ(put("/accounts/none",
                R"({"serviceDetails":{"teamsDirectRouting":{"enabled":true,"syncEnabled":false}}})")
                .status,
            201);
  EXPECT_TRUE(told.asked.empty());  // it has no subdomain
  ASSERT_EQ(put("/accounts/a",
                R"({"serviceDetails":{"teamsDirectRouting":{"enabled":true,"syncEnabled":false,
      "configuration":{"callScreening":true,"subdomain":"con","subdomainTokens":
      {"region1Token":"a","region2Token":"b"}}}}})")
                .status,
            201);
  const std::string path = "serviceDetails/teamsDirectRouting/subdomainStatus";
  for (const auto& [status, word, old] :
       {std::tuple{SubdomainStatus::kNotProvisioned, "notProvisioned", "NotProvisioned"},
        std::tuple{SubdomainStatus::kProvisioned, "provisioned", "Provisioned"},
        std::tuple{SubdomainStatus::kInconsistent, "inconsistent", "Inconsistent"}}) {
    told.now = status;
    EXPECT_EQ(at(get("/accounts/a"), path), word);
    EXPECT_EQ(at(get("/accounts"), "value/0/" + path), word);
    EXPECT_EQ(at(get(std::string("/accounts/a?") + kOld + "&status=true"),
                 "directRoutingProvisioningState/subdomainStatus"),
              old);
  }
  EXPECT_THAT(told.asked, ::testing::Each("con"));
}

TEST_P(Accounts, AreDeletedWithTheirNumbersOnlyWhenAsked) {
  PROVES("PRV-02");
  PROVES("P15");
  account("a");
  for (int i = 0; i < 3; ++i) number("a", "+100" + std::to_string(i));
  const Response r = del("/accounts/a");
  EXPECT_EQ(r.status, 409);
  EXPECT_EQ(code(r), "AccountHasNumbers");
  EXPECT_EQ(del("/accounts/a?deleteNumbers=false").status, 409);
  EXPECT_EQ(code(del("/accounts/a?deleteNumbers=maybe")), "InvalidParameter");
  EXPECT_EQ(del("/accounts/a?deleteNumbers=true").status, 204);
  EXPECT_EQ(header(get("/numbers?countRecords=true"), "x-ms-record-count"), "0");
}

TEST_P(Accounts, WhatIsToBeSyncedSaysThatNoBackendIsThere) {
  put("/accounts/contoso", kWhole);
  Response r = get("/accounts/contoso");
  EXPECT_EQ(at(r, "serviceProvisioningStatus"), "failed");
  EXPECT_EQ(at(r, "serviceProvisioningErrors/0/code"), "BackendNotConfigured");
  number("contoso", "+1001", R"({"teamsOperatorConnect":{"enabled":true}})");
  number("contoso", "+1002", R"({"zoomPhoneCloudPeering":{"enabled":true}})");
  r = get("/accounts/contoso/numbers/+1001");
  EXPECT_EQ(at(r, "serviceProvisioningErrors/0/code"), "BackendNotConfigured");
  EXPECT_EQ(at(get("/accounts/contoso/numbers/+1002"), "serviceProvisioningStatus"), "");
  del("/accounts/contoso/numbers/+1001");
  const auto box = read()->outbox(0, 10);
  ASSERT_TRUE(box);
  ASSERT_EQ(box->size(), 3u);
  EXPECT_EQ(box->at(0).what, "put-account");
  EXPECT_EQ(box->at(0).service, store::kOperatorConnect);
  EXPECT_EQ(box->at(0).change, 1);
  EXPECT_EQ(box->at(1).what, "put-number");
  EXPECT_EQ(box->at(2).what, "delete-number");
  EXPECT_EQ(box->at(2).state, store::SyncState::kFailed);
}

TEST_P(Accounts, WithABackendWhatIsToBeSyncedIsPending) {
  start(true);
  put("/accounts/contoso", kWhole);
  const Response r = get("/accounts/contoso");
  EXPECT_EQ(at(r, "serviceProvisioningStatus"), "pending");
  EXPECT_EQ(at(r, "serviceProvisioningErrors"), "[]");
  EXPECT_EQ(read()->outbox(0, 10)->at(0).state, store::SyncState::kPending);
}

TEST_P(Accounts, EveryWriteIsAudited) {
  account("a");
  caller_ = "other";
  put("/accounts/a", R"({"correlationId":"x"})");
  del("/accounts/a");
  const auto rows = read()->audit("a", 10);
  ASSERT_EQ(rows->size(), 3u);
  EXPECT_EQ(rows->at(1).who, "other");
  EXPECT_EQ(rows->at(1).before, R"({"name":"a","serviceDetails":{}})");
  EXPECT_EQ(rows->at(1).after, R"({"name":"a","correlationId":"x"})");
  EXPECT_EQ(rows->at(0).after, "");
}

TEST_P(Accounts, TheStableVersionSpeaksOfDirectRoutingAlone) {
  PROVES("P5");
  const std::string v = std::string("?") + kOld;
  const std::string body =
      R"({"directRouting":{"callScreening":false,"subdomain":"con","subdomainTokens":
      {"region1Token":"a","region2Token":"b"}}})";
  Response r = put("/accounts/a" + v, body);
  ASSERT_EQ(r.status, 201) << r.body;
  EXPECT_EQ(at(r, "etag"), "00000000001");
  EXPECT_EQ(at(r, "details/directRouting/subdomain"), "con");
  EXPECT_EQ(at(r, "directRoutingProvisioningState"), "");
  r = get("/accounts/a" + v + "&status=true");
  EXPECT_EQ(at(r, "directRoutingProvisioningState/subdomainStatus"), "NotProvisioned");
  EXPECT_EQ(at(get("/accounts/a" + v + "&status=false"), "directRoutingProvisioningState"), "");
  // The ETag of the body is good for If-Match, as it stands there.
  EXPECT_EQ(put("/accounts/a" + v, body, {{"if-match", at(r, "etag")}}).status, 200);
  EXPECT_EQ(put("/accounts/a" + v, body, {{"if-match", at(r, "etag")}}).status, 412);
  r = put("/accounts/a" + v, R"({"correlationId":"x"})");
  EXPECT_EQ(r.status, 400);
  EXPECT_EQ(at(r, "error/target"), "");
  EXPECT_NE(header(r, "x-ms-error-code"), "");
  EXPECT_EQ(del("/accounts/a" + v).status, 204);
}

TEST_P(Accounts, TheStableVersionLeavesWhatItCannotSay) {
  put("/accounts/contoso", kWhole);
  ASSERT_EQ(put(std::string("/accounts/contoso?") + kOld, "{}").status, 200);
  const Response r = get("/accounts/contoso");
  EXPECT_EQ(at(r, "correlationId"), "c7aa0070");
  EXPECT_EQ(at(r, "serviceDetails/teamsOperatorConnect/enabled"), "true");
  EXPECT_EQ(at(r, "serviceDetails/teamsDirectRouting"), "");
}

}  // namespace
}  // namespace causeway::provisioning
