#include "peers/admission.h"

#include <gtest/gtest.h>

#include "support/proves.h"

namespace causeway::peers {
namespace {

using deployment::GroupIndex;
using deployment::PeerIndex;

class AdmissionTest : public ::testing::Test {
 protected:
  AdmissionTest() {
    d.groups.resize(2);
    d.groups[0].name = "core";
    d.groups[1].name = "cloud";
    for (const char* name : {"core-1", "core-2"}) {
      deployment::Peer p;
      p.name = name;
      p.group = kCore;
      d.peers.push_back(p);
    }
  }
  void apply() { admission.apply(std::make_shared<deployment::Deployment>(d)); }
  std::string_view from(GroupIndex g, std::optional<PeerIndex> p = {}, bool emergency = false) {
    const auto why = admission.arriving(g, p, emergency, now);
    return why ? why->label : "";
  }
  std::string_view to(PeerIndex p, Counted& out, bool emergency = false) {
    const auto why = admission.towards(kCore, p, emergency, now, out);
    return why ? why->label : "";
  }
  static constexpr GroupIndex kCore{0}, kCloud{1};
  static constexpr PeerIndex kOne{0}, kTwo{1};
  deployment::Deployment d;
  SharedLoad load;
  Admission admission{load};
  Instant now{Seconds(100)};
};

TEST_F(AdmissionTest, EachRateHasItsReasonAndEmergenciesCountButAreNotHeld) {
  PROVES("EM-02");
  d.limits.max_calls_per_second = 4;
  d.groups[0].max_calls_per_second = 3;
  d.peers[0].max_calls_per_second = 1;
  apply();
  EXPECT_EQ(from(kCore, kOne, true), "");
  EXPECT_EQ(from(kCore, kOne), "limit_peer_rate");
  EXPECT_EQ(from(kCore, kTwo), "");
  EXPECT_EQ(from(kCore), "");
  EXPECT_EQ(from(kCore, kTwo), "limit_group_rate");
  EXPECT_EQ(from(kCloud), "") << "the fourth of all: what was refused took nothing";
  EXPECT_EQ(from(kCloud), "limit_rate");
  EXPECT_EQ(from(kCloud, {}, true), "");
  now += Seconds(1);
  EXPECT_EQ(from(kCore, kOne), "");
}

TEST_F(AdmissionTest, CallsFromAndTowardsAPeerCountTogetherWhileTheyLast) {
  d.groups[0].max_calls = 3;
  d.peers[0].max_calls = 1;
  apply();
  {
    const Counted from_it = admission.begin(kCore, kOne);
    EXPECT_EQ(admission.calls(), 1U);
    Counted a, b, c;
    EXPECT_EQ(to(kOne, a), "limit_peer_calls");
    EXPECT_EQ(admission.calls_of(kCore), 1U) << "what was refused is not counted in its group";
    EXPECT_EQ(to(kTwo, a), "");
    EXPECT_EQ(to(kTwo, b), "");
    EXPECT_EQ(to(kTwo, c), "limit_group_calls");
    EXPECT_EQ(to(kOne, c, true), "") << "an emergency";
    EXPECT_EQ(admission.calls_of(kCore), 4U);
    EXPECT_EQ(admission.calls_of(kOne), 2U);
    EXPECT_EQ(admission.calls(), 1U) << "one call, however many sides of it are counted";
  }
  EXPECT_EQ(admission.calls(), 0U);
  EXPECT_EQ(admission.calls_of(kCore), 0U);
  EXPECT_EQ(admission.calls_of(kOne), 0U);
}

TEST_F(AdmissionTest, RatesTowardsAPeerAreItsGroupsToo) {
  d.groups[0].max_calls_per_second = 2;
  d.peers[0].max_calls_per_second = 1;
  apply();
  Counted out;
  EXPECT_EQ(to(kOne, out), "");
  EXPECT_EQ(to(kOne, out), "limit_peer_rate");
  EXPECT_EQ(to(kTwo, out), "");
  EXPECT_EQ(to(kTwo, out), "limit_group_rate");
  EXPECT_EQ(from(kCore), "limit_group_rate") << "both directions together";
  EXPECT_EQ(admission.calls_of(kCore), 0U) << "the latest was refused";
}

TEST_F(AdmissionTest, ServicesAndAccountsAreCountedAndSoAreTheirRefusals) {
  apply();
  policy::Customer of;
  of.service = deployment::Service::kZoom;
  of.account = "acme";
  of.service_calls = 3;
  of.account_calls = 1;
  Counted first, second;
  EXPECT_EQ(admission.of_customer(of, first), std::nullopt);
  EXPECT_EQ(admission.of_customer(of, second)->label, "limit_account_calls");
  of.account = "other";
  of.account_calls = 0;
  EXPECT_EQ(admission.of_customer(of, second), std::nullopt);
  of.service_calls = 2;
  Counted third;
  EXPECT_EQ(admission.of_customer(of, third)->label, "limit_service_calls");
  auto rows = load.services();
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].calls, 2U) << "what the account refused is none of the service";
  EXPECT_EQ(rows[0].begun, 2U);
  EXPECT_EQ(rows[0].refused, 1U);
  second.reset();
  rows = load.accounts(10);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].name, "acme");
  EXPECT_EQ(rows[0].calls, 1U);
  EXPECT_EQ(rows[0].begun, 1U);
  EXPECT_EQ(rows[0].refused, 1U);
  EXPECT_EQ(rows[1].calls, 0U);
  EXPECT_EQ(rows[1].begun, 1U);
  rows = load.accounts(1);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].name, "acme") << "the busiest";
}

TEST_F(AdmissionTest, ReloadAndRebuildKeepTheCountByName) {
  d.peers[0].max_calls = 1;
  apply();
  Counted first;
  EXPECT_EQ(to(kOne, first), "");
  std::swap(d.peers[0], d.peers[1]);
  apply();
  EXPECT_EQ(admission.calls_of(kTwo), 1U) << "core-1 is the second now";
  first = admission.again("core", "core-1", false);
  EXPECT_EQ(admission.calls_of(kTwo), 1U);
  EXPECT_EQ(admission.calls(), 0U);
  first = admission.again("core", "", true);
  EXPECT_EQ(admission.calls_of(kTwo), 0U);
  EXPECT_EQ(admission.calls(), 1U);
}

}  // namespace
}  // namespace causeway::peers
