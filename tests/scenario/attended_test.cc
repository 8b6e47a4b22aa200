// Attended transfer between two calls of the gateway: the dialog that Refer-To names is one of
// ours, on the same shard or on another, and the two parties that are left are joined.
#include "scenario/transfers.h"

namespace causeway::scenario {
namespace {

class AttendedTest : public TransferFixture {};
// On three shards what one peer sees comes over connections of its own from each: no order is the
// same in two runs.
INSTANTIATE_TEST_SUITE_P(Modes, AttendedTest,
                         ::testing::Values(Mode{1, false}, Mode{3, false}, Mode{1, true}),
                         mode_name);

TEST_P(AttendedTest, TheTwoPartiesThatAreLeftAreJoined) {
  core.open_rtp(40020);
  // Several, so that the calls lie on one shard and on two.
  for (int i = 0; i < 6; ++i) {
    auto first = core_calls();
    auto second = consults("+493055" + std::to_string(i));
    refer(cloud, first.cloud, naming(second.cloud), "Referred-By: <sip:boss@h;x-ti=77>\r\n");
    hears(cloud, "SIP/2.0 200 OK", "terminated;reason=noresource");
    const auto bye = cloud.expect("BYE");
    EXPECT_EQ(bye.call_id(), second.cloud.call_id);
    cloud.reply(bye, 200);
    cloud.request(first.cloud, "BYE");
    (void)cloud.expect("200 BYE");
    rig.run(Seconds(3));
    EXPECT_EQ(core.count("BYE"), static_cast<std::size_t>(i));
    // What the one says arrives at the other, through the ports that both have had all along.
    core.rtp.clear();
    core.send_rtp(media_of(first.to_core), 5);
    rig.run(Seconds(1));
    EXPECT_GE(core.rtp.size(), 5U);
    for (const auto& p : core.rtp) EXPECT_EQ(p.from, media_of(second.to_core));
    // Requests of the one that came over find it where it is now.
    core.request(first.core, "INVITE", "",
                 sdp("10.1.0.1", 40000, "sendonly", "8 PCMA/8000,101 telephone-event/8000", 2));
    const auto hold = core.expect("INVITE");
    EXPECT_EQ(hold.call_id(), second.invite.call_id());
    core.reply(hold, 200, "", sdp("10.1.0.1", 40020, "recvonly", "8 PCMA/8000", 2));
    (void)core.expect("ACK");
    (void)core.expect("200 INVITE");
    core.ack(first.core);
    rig.run(Seconds(1));
    core.request(first.core, "BYE");
    (void)core.expect("200 BYE");
    const auto end = core.expect("BYE");
    EXPECT_EQ(end.call_id(), second.invite.call_id());
    core.reply(end, 200);
  }
  expect_clean(12);
  for (const auto& r : rig.records) {
    EXPECT_EQ(r.termination, "completed");
    EXPECT_EQ(r.transferred_by, "sip:boss@h;x-ti=77");
    EXPECT_EQ(r.transfer_id, "77");
    EXPECT_EQ(r.transfers, 1U);
  }
}

TEST_P(AttendedTest, ThePartyThatWaitedMayBeHungUpOnByTheOther) {
  for (int i = 0; i < 6; ++i) {
    auto first = core_calls();
    auto second = consults("+493055" + std::to_string(i));
    refer(cloud, first.cloud, naming(second.cloud));
    // The transferor goes at once.
    cloud.request(first.cloud, "BYE");
    (void)cloud.expect("200 BYE");
    hears(cloud, "SIP/2.0 200 OK", "terminated");
    cloud.reply(cloud.expect("BYE"), 200);
    rig.run(Seconds(1));
    core.request(second.core, "BYE");
    (void)core.expect("200 BYE");
    const auto end = core.expect("BYE");
    EXPECT_EQ(end.call_id(), first.core.call_id);
    core.reply(end, 200);
  }
  expect_clean(12);
}

TEST_P(AttendedTest, HoldOnBothSidesEndsWithTheTransfer) {
  auto first = core_calls();
  cloud.request(first.cloud, "INVITE", "", secure_sdp("10.2.0.1", 50000, "inactive", 2));
  auto inv = core.expect("INVITE");
  core.reply(inv, 200, "", sdp("10.1.0.1", 40000, "inactive", "8 PCMA/8000", 2));
  (void)core.expect("ACK");
  (void)cloud.expect("200 INVITE");
  cloud.ack(first.cloud);
  auto second = consults("+4930555");
  rig.run(Seconds(1));
  refer(cloud, first.cloud, naming(second.cloud));
  hears(cloud, "SIP/2.0 200 OK", "terminated");
  cloud.reply(cloud.expect("BYE"), 200);
  inv = core.expect("INVITE");
  EXPECT_EQ(inv.call_id(), first.core.call_id);
  EXPECT_EQ(direction_of(inv.body()), "sendrecv");
  EXPECT_EQ(media_of(inv.body()), media_of(first.to_core)) << "the ports are the same";
  core.reply(inv, 200, "", sdp("10.1.0.1", 40000, "sendrecv", "8 PCMA/8000", 3));
  (void)core.expect("ACK");
  cloud.request(first.cloud, "BYE");
  (void)cloud.expect("200 BYE");
  rig.run(Seconds(1));
  core.request(second.core, "BYE");
  (void)core.expect("200 BYE");
  core.reply(core.expect("BYE"), 200);
  expect_clean(2);
}

TEST_P(AttendedTest, ADialogThatIsNotThereLeavesTheCallAsItWas) {
  core.open_rtp(40000);
  cloud.open_rtp(50000);
  for (int i = 0; i < 3; ++i) {
    auto first = core_calls();
    auto second = consults("+493055" + std::to_string(i));
    const auto gone = naming(second.cloud);
    cloud_hangs_up(second);
    rig.run(Seconds(70));
    refer(cloud, first.cloud, gone);
    hears(cloud, "SIP/2.0 481 Call/Transaction Does Not Exist", "terminated");
    cloud.rtp.clear();
    core.send_rtp(media_of(first.to_core), 5);
    rig.run(Seconds(1));
    EXPECT_GE(cloud.rtp.size(), 5U);
    cloud_hangs_up(first);
  }
  expect_clean(6);
}

TEST_P(AttendedTest, TheDialogOfAnotherGroupIsNotForTheAsking) {
  auto first = core_calls();
  auto second = consults("+4930555");
  refer(core, first.core, naming(second.cloud));
  hears(core, "SIP/2.0 403 Forbidden", "terminated");
  cloud_hangs_up(second);
  core_hangs_up(first);
  expect_clean(2);
  EXPECT_EQ(rig.records[0].transfers + rig.records[1].transfers, 0U);
}

TEST_P(AttendedTest, APartyInTheMiddleOfSomethingIsWaitedFor) {
  for (int i = 0; i < 4; ++i) {
    auto first = core_calls();
    auto second = consults("+493055" + std::to_string(i));
    cloud.request(first.cloud, "INVITE", "", secure_sdp("10.2.0.1", 50000, "inactive", 2));
    auto hold = core.expect("INVITE");
    core.reply(hold, 100);
    refer(cloud, first.cloud, naming(second.cloud));
    rig.run(Seconds(1));
    EXPECT_FALSE(cloud.has("BYE"));
    core.reply(hold, 200, "", sdp("10.1.0.1", 40000, "inactive", "8 PCMA/8000", 2));
    (void)core.expect("ACK");
    (void)cloud.expect("200 INVITE");
    cloud.ack(first.cloud);
    hears(cloud, "SIP/2.0 200 OK", "terminated");
    cloud.reply(cloud.expect("BYE"), 200);
    const auto inv = core.expect("INVITE");
    core.reply(inv, 200, "", sdp("10.1.0.1", 40000, "sendrecv", "8 PCMA/8000", 3));
    (void)core.expect("ACK");
    cloud.request(first.cloud, "BYE");
    (void)cloud.expect("200 BYE");
    rig.run(Seconds(1));
    core.request(first.core, "BYE");
    (void)core.expect("200 BYE");
    core.reply(core.expect("BYE"), 200);
  }
  expect_clean(8);
}

}  // namespace
}  // namespace causeway::scenario
