#include "policy/decide.h"

#include <gtest/gtest.h>

#include "support/proves.h"

namespace causeway::policy {
namespace {

class Decide : public ::testing::Test {
 protected:
  Decide() {
    d.groups.resize(2);
    d.groups[0].name = "core";
    d.groups[1].name = "service";
    d.groups[0].routes_to = {deployment::GroupIndex{1}};
    d.emergency = {{"112", "sos"}, {"110", "sos.police"}};
    d.limits.max_calls = 100;
    f.from = deployment::GroupIndex{0};
    f.request_scheme = "sip";
    number("+4930123");
  }
  void number(const std::string& n) {
    f.called = f.called_raw = n;
    f.request_uri = "sip:" + n + "@host";
  }
  int status() {
    const auto r = decide(d, f);
    return r.refusal ? r.refusal->status : 0;
  }
  deployment::Deployment d;
  CallFacts f;
};

TEST_F(Decide, RoutesInOrderAndSaysWhy) {
  const auto r = decide(d, f);
  EXPECT_FALSE(r.refusal);
  ASSERT_EQ(r.targets.size(), 1U);
  EXPECT_EQ(r.emergency, EmergencyClass::kNone);
  EXPECT_EQ(r.reasons.size(), 2U);
  EXPECT_EQ(decide(d, f).reasons, r.reasons) << "the same facts, the same decision";
}

TEST_F(Decide, RefusalsHaveTheirCodes) {
  number("alice");
  f.called.clear();
  EXPECT_EQ(status(), 404);
  d.groups[0].any_number = true;
  EXPECT_EQ(status(), 0);
  d.groups[0].any_number = false;
  f.called_raw.clear();
  EXPECT_EQ(status(), 484);
  number("+4930123");
  f.number_status = 484;
  f.number_fault = "local telephone number without a phone-context";
  EXPECT_EQ(status(), 484);
  d.groups[0].any_number = true;
  EXPECT_EQ(status(), 0) << "a local number is any number";
  f.number_status = 400;
  EXPECT_EQ(status(), 400) << "what is no number is none";
  number("112");
  EXPECT_EQ(status(), 0) << "whoever calls for help";
  d.groups[0].any_number = false;
  f.number_status = 0;
  number("+4930123");
  f.request_scheme = "http";
  EXPECT_EQ(status(), 416);
  f.request_scheme = "sip";
  f.max_forwards = 0;
  EXPECT_EQ(status(), 483);
  f.max_forwards = 70;
  f.stopping = true;
  EXPECT_EQ(status(), 503);
  f.stopping = false;
  d.groups[0].routes_to.clear();
  EXPECT_EQ(status(), 404);
}

TEST_F(Decide, EmergenciesAreKnownWithAndWithoutPlusAndByUrn) {
  EXPECT_EQ(emergency_service(d, "112", ""), "sos");
  EXPECT_EQ(emergency_service(d, "+112", ""), "sos");
  EXPECT_EQ(emergency_service(d, "110", ""), "sos.police");
  EXPECT_EQ(emergency_service(d, "1120", ""), std::nullopt);
  EXPECT_EQ(emergency_service(d, "", "urn:service:sos.fire"), "sos.fire");
  EXPECT_EQ(emergency_service(d, "", "URN:Service:SOS"), "sos");
  EXPECT_FALSE(emergency_service(d, "", "urn:service:sosx"));
  EXPECT_EQ(emergency_service(d, "", "urn:service:counseling"), std::nullopt);
}

TEST_F(Decide, ServiceHasTheDialStringOfTheOneAroundIt) {
  EXPECT_EQ(dial_string(d, "sos.police"), "110");
  EXPECT_EQ(dial_string(d, "sos.fire"), "112");
  EXPECT_EQ(dial_string(d, "counseling"), "");
}

TEST_F(Decide, EmergenciesUseTheReserveAndMindNoOtherLimit) {
  d.groups[0].max_calls = 1;
  d.peers.resize(1);
  d.peers[0].max_calls = 1;
  f.peer = deployment::PeerIndex{0};
  f.calls_now = f.group_calls_now = f.peer_calls_now = 90;
  EXPECT_EQ(status(), 503);
  number("+112");
  EXPECT_EQ(status(), 0);
  f.stopping = true;
  EXPECT_EQ(status(), 0);
  f.calls_now = 100;
  EXPECT_EQ(status(), 503);
}

TEST_F(Decide, EachLimitHasItsLabel) {
  const auto label = [&] { return decide(d, f).refusal->label; };
  f.calls_now = 90;
  EXPECT_EQ(label(), "limit_calls");
  f.calls_now = 0;
  d.groups[0].max_calls = f.group_calls_now = 5;
  EXPECT_EQ(label(), "limit_group_calls");
  d.groups[0].max_calls = 0;
  d.peers.resize(1);
  f.peer = deployment::PeerIndex{0};
  d.peers[0].max_calls = f.peer_calls_now = 5;
  EXPECT_EQ(label(), "limit_peer_calls");
}

TEST_F(Decide, NumbersAreWrittenAsThePeerWantsThem) {
  PROVES("TDR-92");
  using F = deployment::NumberFormat;
  EXPECT_EQ(format_number(d, "4930", F::kE164Plus), "+4930");
  EXPECT_EQ(format_number(d, "+4930", F::kE164Plus), "+4930");
  EXPECT_EQ(format_number(d, "004930", F::kE164Plus), "+4930");
  EXPECT_EQ(format_number(d, "+4930", F::kE164NoPlus), "4930");
  EXPECT_EQ(format_number(d, "4930", F::kE164NoPlus), "4930");
  EXPECT_EQ(format_number(d, "+112", F::kE164Plus), "112");
  EXPECT_EQ(format_number(d, "*21#", F::kE164Plus), "*21#");
  EXPECT_EQ(format_number(d, "alice", F::kE164Plus), "alice");
  // Whatever a peer's own translation made of a number, with or without a plus: once is enough.
  for (const auto form : {F::kAsIs, F::kE164Plus, F::kE164NoPlus})
    for (const char* n : {"4930", "+4930", "004930", "112", "+112", "*21#", "1", "+1"}) {
      const std::string once = format_number(d, n, form);
      EXPECT_EQ(format_number(d, once, form), once) << n;
      EXPECT_EQ(once.find('+', 1), std::string::npos) << n;
      if (form == F::kAsIs && std::string(n) != "+112") {
        EXPECT_EQ(once, n);
      }
    }
}

TEST(Failures, AreMappedOnceForAll) {
  PROVES("TDR-80", "TDR-89", "GW-02");
  EXPECT_EQ(map_failure(0).status, 504);
  EXPECT_EQ(map_failure(302).status, 480);
  EXPECT_EQ(map_failure(401).status, 503);
  for (int s = 400; s < 700; ++s) {
    EXPECT_EQ(may_retry(s), s == 408 || s == 503 || s == 504);
    EXPECT_GT(q850_of_status(s), 0);
    EXPECT_FALSE(q850_text(q850_of_status(s)).empty()) << s;
  }
  EXPECT_EQ(q850_of_status(486), 17);
}

}  // namespace
}  // namespace causeway::policy
