// Routing by number: every rule that a call from a trunk or a service may meet, as a decision.
#include <gtest/gtest.h>

#include <algorithm>

#include "policy/decide.h"
#include "support/proves.h"

namespace causeway::policy {
namespace {

using deployment::GroupIndex;
using deployment::Trunk;
namespace dir = causeway::directory;

constexpr GroupIndex kFixed{0}, kMobile{1}, kConnect{2}, kPhone{3}, kDirect{4}, kCloud{5},
    kCloudEast{6};

class Route : public ::testing::Test {
 protected:
  Route() {
    d.profiles.resize(2);
    d.profiles[1].contact_host = "1r1.sbc.example";
    d.profiles[1].customer_in_contact = true;
    d.groups.resize(7);
    const char* names[] = {"fixed", "mobile", "connect", "phone", "direct", "cloud", "cloud-east"};
    for (std::size_t i = 0; i < 7; ++i) d.groups[i].name = names[i];
    d.groups[0].trunk = Trunk::kFixed;
    d.groups[1].trunk = Trunk::kMobileTerminating;
    d.groups[2].service = dir::kOperatorConnect;
    d.groups[3].service = dir::kPhoneMobile;
    d.groups[4].service = dir::kDirectRouting;
    d.groups[4].profile = deployment::ProfileIndex{1};
    d.groups[5].service = d.groups[6].service = dir::kZoom;
    for (std::size_t i = 0; i < 2; ++i)
      d.groups[i].routes_to = {kConnect, kPhone, kDirect, kCloud, kCloudEast};
    for (std::size_t i = 2; i < 7; ++i) d.groups[i].routes_to = {kFixed};
    d.emergency = {{"112", "sos"}};
    d.routing.custom_header = "X-Operator-Content";

    dir::Builder b;
    constexpr dir::ServiceSet kAll =
        dir::kOperatorConnect | dir::kPhoneMobile | dir::kDirectRouting | dir::kZoom;
    b.add(dir::Account{"Contoso", "tenant-c", kAll, true, "contoso", "", "", {}});
    b.add(dir::Account{"Fabrikam", "tenant-f", kAll, false, "fabrikam", "", "", {}});
    b.add(dir::Account{"Off", "", dir::kOperatorConnect, true, "off", "", "", {}});
    b.add("+441111", {"Contoso", dir::kDirectRouting, "gold"});
    b.add("+442222", {"Contoso", dir::kZoom, "zed"});
    b.add("+443333", {"Contoso", dir::kOperatorConnect, "oc"});
    b.add("+444444", {"Contoso", dir::kPhoneMobile, "mob"});
    b.add("+445555", {"Fabrikam", dir::kDirectRouting, ""});
    b.add("+446666", {"Contoso", 0, "none"});
    b.add("+447777", {"Contoso", dir::kOperatorConnect | dir::kPhoneMobile, ""});
    b.add("+448888", {"Off", dir::kDirectRouting, ""});
    directory = b.build(1);

    f.from = kFixed;
    f.request_scheme = "sip";
    call("+443333");
    f.calling = "+49301";
  }
  void call(const std::string& n) { f.called = f.called_raw = n; }
  void from(GroupIndex g, const std::string& calling) {
    f.from = g;
    f.calling = calling;
    call("+49301");
    f.request_host = g == kDirect ? "contoso.1r1.sbc.example" : "sbc.example";
  }
  Decision decided() { return decide(d, f, directory.get()); }
  int status() {
    const auto r = decided();
    return r.refusal ? r.refusal->status : 0;
  }
  std::string label() {
    const auto r = decided();
    return r.refusal ? std::string(r.refusal->label) : "";
  }
  std::string header(const std::string& name) {
    for (const auto& h : decided().headers)
      if (h.name == name) return h.value;
    return "-";
  }
  std::vector<GroupIndex> targets() { return decided().targets; }
  std::string why() {
    std::string out;
    const auto r = decided();
    for (const auto& s : r.reasons) out += s + "\n";
    if (r.refusal) out += r.refusal->text;
    return out;
  }
  deployment::Deployment d;
  dir::DirectoryPtr directory;
  CallFacts f;
};

using Targets = std::vector<GroupIndex>;

TEST_F(Route, TheNumberChoosesTheService) {
  PROVES("OC-04");
  PROVES("ZM-17");
  EXPECT_EQ(targets(), Targets{kConnect}) << why();
  call("+441111");
  EXPECT_EQ(targets(), Targets{kDirect}) << why();
  EXPECT_NE(why().find("+441111 is provisioned for direct-routing, account 'Contoso'"),
            std::string::npos)
      << why();
  call("+442222");
  EXPECT_EQ(targets(), (Targets{kCloud, kCloudEast})) << why();
  call("+444444");
  EXPECT_EQ(targets(), Targets{kPhone}) << why();
  call("+449999");
  EXPECT_EQ(targets(), Targets{kConnect}) << "unprovisioned, from a fixed trunk: " << why();
  call("+446666");
  EXPECT_EQ(targets(), Targets{kConnect}) << "no service is on: " << why();
  call("+448888");
  EXPECT_EQ(targets(), Targets{kConnect}) << "off for the account: " << why();
}

TEST_F(Route, AMobileTrunkHasItsOwnDefault) {
  PROVES("TPM-01");
  f.from = kMobile;
  call("+449999");
  EXPECT_EQ(targets(), Targets{kPhone}) << why();
  EXPECT_EQ(header("X-MS-FMC"), "MT");
  call("+447777");
  EXPECT_EQ(targets(), Targets{kPhone}) << "of both the mobile one: " << why();
  f.from = kFixed;
  EXPECT_EQ(targets(), Targets{kConnect}) << "of both the fixed one: " << why();
  EXPECT_EQ(header("X-MS-FMC"), "-");
  f.from = kMobile;
  call("+441111");
  EXPECT_EQ(targets(), Targets{kDirect}) << why();
  EXPECT_EQ(header("X-MS-FMC"), "-") << "not of that service";
}

TEST_F(Route, OfAnOriginatingCallTheCallerDecides) {
  d.groups[1].trunk = Trunk::kMobileOriginating;
  d.routing.originating_call = "MO";
  f.from = kMobile;
  f.calling = "+444444";
  call("+441111");
  EXPECT_EQ(targets(), Targets{kPhone}) << why();
  EXPECT_EQ(header("X-MS-FMC"), "MO");
  EXPECT_EQ(decided().customer.account, "Contoso");
  f.calling = "+445555";
  EXPECT_EQ(targets(), Targets{kPhone}) << "its direct routing is for who calls it: " << why();
  f.asserted = "+444444";
  EXPECT_EQ(decided().customer.account, "Contoso") << "the network knows who calls: " << why();
}

TEST_F(Route, TheTypeOfAMobileCallMayBeInTheCall) {
  PROVES("TPM-01");
  d.groups[1].trunk = Trunk::kMobile;
  f.from = kMobile;
  call("+444444");
  EXPECT_EQ(header("X-MS-FMC"), "MT") << "nothing said: " << why();
  f.call_type = "MT";
  EXPECT_EQ(header("X-MS-FMC"), "MT") << why();
  f.call_type = "MO";
  f.calling = "+444444";
  call("+49301");
  EXPECT_EQ(targets(), Targets{kPhone}) << why();
  EXPECT_EQ(header("X-MS-FMC"), "MO");
}

TEST_F(Route, WhatWasAtTheServiceDoesNotGoThereAgain) {
  PROVES("TPM-02");
  f.from = kMobile;
  call("+444444");
  f.call_type = "MT";
  EXPECT_EQ(status(), 482) << why();
  d.routing.on_premises_control_point = true;
  EXPECT_EQ(status(), 0) << "the operator's control point diverts it: " << why();
  f.call_type = "APP";
  EXPECT_EQ(status(), 482) << "a client's call comes from there";
  f.call_type = "MT";
  f.own_vias = 1;
  EXPECT_EQ(status(), 482) << "it was here";
  f.own_vias = 0;
  f.from = kFixed;
  d.routing.on_premises_control_point = false;
  EXPECT_EQ(label(), "loop_of_service");
}

TEST_F(Route, ThePilotNumberIsForMailOfMobileSubscribers) {
  PROVES("TPM-04");
  d.routing.voicemail_pilot = "+44700";
  f.from = kMobile;
  f.calling = "+444444";
  call("+44700");
  EXPECT_EQ(targets(), Targets{kPhone}) << why();
  f.from = kFixed;
  EXPECT_EQ(targets(), Targets{kPhone}) << why();
}

TEST_F(Route, DefaultsCanBeOtherwise) {
  call("+449999");
  d.routing.unprovisioned_fixed = std::nullopt;
  EXPECT_EQ(status(), 404);
  EXPECT_EQ(label(), "unprovisioned");
  d.routing.unprovisioned_fixed = dir::kZoom;
  EXPECT_EQ(label(), "unprovisioned") << "no default can know a number for it: " << why();
  d.routing.unprovisioned_fixed = dir::kOperatorConnect;
  d.groups[0].routes_to = {kDirect};
  EXPECT_EQ(label(), "no_route_of_service") << why();
  call("+442222");
  EXPECT_EQ(label(), "no_route_of_service");
  EXPECT_NE(why().find("zoom-phone"), std::string::npos) << why();
}

TEST_F(Route, WithoutADirectoryNothingIsProvisioned) {
  call("+441111");
  const auto r = decide(d, f);
  EXPECT_EQ(r.targets, Targets{kConnect});
  from(kCloud, "+442222");
  EXPECT_EQ(decide(d, f).refusal->status, 403);
}

TEST_F(Route, VerificationNumbersHaveTheirWay) {
  PROVES("OC-08");
  PROVES("ZM-19");
  d.routing.verification = {{dir::kZoom, {"+15550001"}, kCloudEast, false},
                            {dir::kOperatorConnect, {"+15550002"}, std::nullopt, true}};
  call("+15550001");
  EXPECT_EQ(targets(), (Targets{kCloudEast, kCloud})) << "its data centre first: " << why();
  EXPECT_EQ(decided().first, kCloudEast) << "whatever its region";
  from(kConnect, "+15550002");
  call("+15550002");
  EXPECT_EQ(targets(), Targets{kConnect}) << why();
  from(kCloud, "+15550001");
  EXPECT_EQ(status(), 0) << "nobody provisions them: " << why();
  call("+15550002");
  EXPECT_EQ(targets(), Targets{kFixed}) << "another service's does not loop here: " << why();
}

TEST_F(Route, TheHostNamesTheCustomerAndTheNumberConfirmsIt) {
  PROVES("MT-07");
  PROVES("MT-08");
  from(kDirect, "+441111");
  auto r = decided();
  EXPECT_FALSE(r.refusal) << why();
  EXPECT_EQ(r.customer.account, "Contoso");
  EXPECT_EQ(r.customer.tenant, "tenant-c");
  EXPECT_EQ(r.customer.label, "contoso");
  EXPECT_EQ(r.targets, Targets{kFixed});
  f.calling = "+445555";
  EXPECT_EQ(status(), 403) << "a number of another customer: " << why();
  EXPECT_EQ(label(), "screened");
  f.calling = "+443333";
  EXPECT_EQ(status(), 403) << "its own, for another service: " << why();
  f.calling = "+49999";
  EXPECT_EQ(status(), 403) << why();
  f.calling.clear();
  EXPECT_EQ(status(), 403) << "nobody in particular: " << why();
  f.request_host = "1r1.sbc.example";
  f.to_host = "contoso.1r1.sbc.example";
  f.calling = "+441111";
  EXPECT_EQ(decided().customer.account, "Contoso") << "by To: " << why();
  f.to_host = "1r1.sbc.example";
  EXPECT_EQ(decided().customer.account, "Contoso") << "by the number alone: " << why();
  f.calling = "+49999";
  EXPECT_EQ(label(), "unknown_customer") << why();
  f.request_host = "nobody.1r1.sbc.example";
  EXPECT_EQ(label(), "unknown_customer") << why();
  f.request_host = "off.1r1.sbc.example";
  EXPECT_EQ(label(), "service_off") << why();
}

TEST_F(Route, ScreeningCanBeOffForAnAccount) {
  PROVES("MT-08");
  from(kDirect, "+49999");
  f.request_host = "fabrikam.1r1.sbc.example";
  EXPECT_EQ(status(), 0) << why();
  EXPECT_EQ(decided().customer.account, "Fabrikam");
  EXPECT_NE(why().find("screening is off"), std::string::npos);
}

TEST_F(Route, WhoSentACallOnIsScreenedInPlaceOfTheCaller) {
  PROVES("MT-09");
  from(kDirect, "+49999");
  EXPECT_EQ(status(), 403);
  f.diverting = "+441111";
  EXPECT_EQ(status(), 0) << why();
  f.diverting = "+445555";
  EXPECT_EQ(status(), 403) << why();
  f.diverting.clear();
  f.asserted = "+441111";
  EXPECT_EQ(status(), 403) << "nobody sent it on, so From must be right too: " << why();
  f.calling = "+441111";
  f.asserted = "+445555";
  EXPECT_EQ(status(), 403) << why();
  f.calling.clear();
  f.asserted = "+441111";
  EXPECT_EQ(status(), 0) << "who hides is known by the asserted number: " << why();
}

TEST_F(Route, ANumberThatTheServiceNeedsIsNeededBothWays) {
  PROVES("ZM-17");
  from(kCloud, "+442222");
  EXPECT_EQ(status(), 0) << why();
  EXPECT_EQ(decided().customer.account, "Contoso");
  f.calling = "+49999";
  EXPECT_EQ(status(), 403) << why();
  f.calling = "+441111";
  EXPECT_EQ(status(), 403) << "of another service: " << why();
  from(kConnect, "+49999");
  EXPECT_EQ(status(), 0) << "Operator Connect knows its own numbers: " << why();
}

TEST_F(Route, TheCustomHeaderIsOfTheNumber) {
  PROVES("MT-10");
  PROVES("ZM-18");
  EXPECT_EQ(header("X-Operator-Content"), "oc") << "by the called number";
  call("+449999");
  EXPECT_EQ(header("X-Operator-Content"), "-");
  call("+444444");
  EXPECT_EQ(header("X-Operator-Content"), "-") << "not of that service";
  from(kDirect, "+441111");
  EXPECT_EQ(header("X-Operator-Content"), "gold") << "by the calling number";
  from(kCloud, "+442222");
  f.custom = "theirs";
  EXPECT_EQ(header("X-Operator-Content"), "zed") << "provisioned before what they say";
  from(kConnect, "+49999");
  EXPECT_EQ(header("X-Operator-Content"), "theirs");
  d.routing.custom_header.clear();
  EXPECT_TRUE(decided().headers.empty());
}

TEST_F(Route, TheTenantIsWhatTheServiceSaysElseTheAccounts) {
  PROVES("OC-01");
  from(kConnect, "+443333");
  EXPECT_EQ(decided().customer.tenant, "tenant-c");
  f.tenant = "tenant-x";
  EXPECT_EQ(decided().customer.tenant, "tenant-x");
}

TEST_F(Route, EmergenciesAreNotScreenedAndNotTakenFromATrunk) {
  PROVES("EM-02");
  PROVES("EM-16");
  from(kDirect, "+49999");
  call("112");
  auto r = decided();
  EXPECT_FALSE(r.refusal) << why();
  EXPECT_EQ(r.customer.label, "contoso") << "for our Contact";
  EXPECT_EQ(r.customer.account_calls, 0U);
  EXPECT_EQ(r.called, "112");
  d.emergency.push_back({"116117", "sos.physician"});
  d.groups[kDirect.value].numbers = {"49", "0", "00", deployment::BareNumbers::kNational};
  call("116117");
  EXPECT_EQ(decided().called, "116117") << "no plan is asked";
  call("112");
  f.request_host = "sbc.example";
  EXPECT_FALSE(decided().refusal) << "of nobody known";
  from(kCloud, "+49999");
  call("+112");
  EXPECT_FALSE(decided().refusal) << why();
  f.from = kFixed;
  r = decided();
  ASSERT_TRUE(r.refusal);
  EXPECT_EQ(r.refusal->status, 403);
  EXPECT_TRUE(r.alarm);
}

TEST_F(Route, LimitsAreAShareOfTheNumbers) {
  PROVES("GW-05");
  dir::Builder b;
  dir::Account big{"Big", "", dir::kZoom, true, "", "", "", {}};
  b.add(big);
  for (int i = 0; i < 200; ++i) b.add("+4420" + std::to_string(1000 + i), {"Big", dir::kZoom, ""});
  b.add(dir::Account{"Small", "", dir::kZoom, true, "", "", "", {}});
  b.add("+44209", {"Small", dir::kZoom, ""});
  directory = b.build(1);
  call("+44201001");
  EXPECT_EQ(decided().customer.account_calls, 30U) << why();
  call("+44209");
  EXPECT_EQ(decided().customer.account_calls, 10U) << "never fewer";
  d.routing.account_calls = {{"Small", 3}};
  EXPECT_EQ(decided().customer.account_calls, 3U);
  d.routing.service_calls[dir::index_of(dir::kZoom)] = 7;
  EXPECT_EQ(decided().customer.service_calls, 7U);
  d.routing.account_calls.clear();
  d.routing.account_calls_percent = 0;
  EXPECT_EQ(decided().customer.account_calls, 0U);
}

TEST_F(Route, NumbersAreWrittenAsTheGroupHasThem) {
  PROVES("OC-07");
  d.groups[0].numbers = {"44", "0", "00", deployment::BareNumbers::kAsIs};
  for (const char* written : {"03333", "00443333", "+443333"}) {
    call(written);
    EXPECT_EQ(decided().called, "+443333") << written;
    EXPECT_EQ(targets(), Targets{kConnect});
    EXPECT_EQ(decided().customer.account, "Contoso") << written;
  }
  call("443333");
  EXPECT_EQ(decided().called, "443333") << "could be anything";
  d.groups[0].numbers.bare = deployment::BareNumbers::kE164;
  EXPECT_EQ(decided().called, "+443333");
  d.groups[0].numbers.bare = deployment::BareNumbers::kNational;
  EXPECT_EQ(decided().called, "+44443333");
  call("123");
  EXPECT_EQ(decided().called, "123") << "a short code";
  call("*21#");
  EXPECT_EQ(decided().called, "*21#");
}

TEST_F(Route, NationalFormsGoThereAndBack) {
  using F = deployment::NumberFormat;
  const deployment::NumberPlan uk{"44", "0", "00", deployment::BareNumbers::kAsIs};
  const deployment::NumberPlan us{"1", "1", "011", deployment::BareNumbers::kNational};
  EXPECT_EQ(format_number(d, "+441632960123", F::kNational, uk), "01632960123");
  EXPECT_EQ(format_number(d, "+12015550123", F::kNational, uk), "0012015550123");
  EXPECT_EQ(format_number(d, "+441632960123", F::kInternational, uk), "00441632960123");
  EXPECT_EQ(format_number(d, "+112", F::kNational, uk), "112") << "an emergency number is itself";
  EXPECT_EQ(format_number(d, "7042", F::kNational, uk), "7042");
  for (const char* n : {"+12015550123", "+442079460000", "+4930901820"})
    for (const auto* plan : {&uk, &us})
      for (const F form : {F::kNational, F::kInternational})
        EXPECT_EQ(to_e164(format_number(d, n, form, *plan), *plan), n) << n;
  EXPECT_EQ(to_e164("2015550123", us), "+12015550123");
  EXPECT_EQ(to_e164("12015550123", us), "+12015550123");
  EXPECT_EQ(to_e164("01144207946", us), "+44207946");
}

TEST_F(Route, ANumberOfNoGroupWithServicesIsRoutedAsBefore) {
  d.groups[0].trunk = Trunk::kNone;
  call("+441111");
  EXPECT_EQ(targets().size(), 5U) << "routes_to as it stands";
}

TEST_F(Route, EmergenciesOfPhonesNeverGoToTheMobileService) {
  PROVES("TPM-03");
  for (const auto kind : {Trunk::kMobile, Trunk::kMobileOriginating, Trunk::kMobileTerminating}) {
    d.groups[kMobile.value].trunk = kind;
    f.from = kMobile;
    f.calling = "+444444";
    call("112");
    const auto r = decided();
    ASSERT_TRUE(r.refusal) << why();
    EXPECT_EQ(r.refusal->status, 403);
    EXPECT_TRUE(r.alarm);
  }
}

}  // namespace
}  // namespace causeway::policy
