// A leg that went over to another call, mostly on another shard than its tag and Call-ID lead to:
// who names it finds it, what is repeated is answered, and it is not lost on the way.
#include "scenario/transfers.h"

namespace causeway::scenario {
namespace {

class MovedTest : public TransferFixture {
 protected:
  // The cloud joins its party in `first` with that in `second`, and is out of it.
  void join(Up& first, Up& second) {
    refer(cloud, first.cloud, naming(second.cloud));
    hears(cloud, "SIP/2.0 200 OK", "terminated;reason=noresource");
    cloud.reply(cloud.expect("BYE"), 200);
    cloud.request(first.cloud, "BYE");
    (void)cloud.expect("200 BYE");
    rig.run(Seconds(1));
  }
  void core_ends(PeerDialog& by, std::string_view other) {
    core.request(by, "BYE");
    (void)core.expect("200 BYE");
    const auto bye = core.expect("BYE");
    EXPECT_EQ(bye.call_id(), other);
    core.reply(bye, 200);
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, MovedTest,
                         ::testing::Values(Mode{1, false}, Mode{3, false}, Mode{1, true}),
                         mode_name);

TEST_P(MovedTest, ReplacesFindsIt) {
  PROVES("TDR-105");
  // Several, so that the calls lie on one shard and on two.
  for (int i = 0; i < 6; ++i) {
    auto first = core_calls();
    auto second = consults("+493055" + std::to_string(i));
    join(first, second);
    auto taker = core.invite("+4989123", replaces(first.core), sdp("10.1.0.1", 40060));
    const std::string invite = core.last_request;
    const auto ok = core.expect("200 INVITE");
    const auto bye = core.expect("BYE");
    EXPECT_EQ(bye.call_id(), first.core.call_id);
    core.reply(bye, 200);
    rig.run(Millis(100));
    core.send(invite);  // our answer was lost
    EXPECT_EQ(core.expect("200 INVITE").bytes(), ok.bytes());
    core.learn(taker, ok);
    core.ack(taker);
    rig.run(Seconds(40));
    EXPECT_FALSE(core.has("BYE")) << "its ACK was not heard";
    core_ends(taker, second.invite.call_id());
  }
  expect_clean(12);
  EXPECT_EQ(core.count("481 INVITE"), 0U);
}

TEST_P(MovedTest, ATransferThatNamesItFindsIt) {
  for (int i = 0; i < 6; ++i) {
    auto first = core_calls();
    auto second = consults("+493055" + std::to_string(i));
    join(first, second);
    auto third = core_calls();
    refer(core, third.core, naming(first.core));
    hears(core, "SIP/2.0 200 OK", "terminated;reason=noresource");
    const auto bye = core.expect("BYE");
    EXPECT_EQ(bye.call_id(), first.core.call_id);
    core.reply(bye, 200);
    core.request(third.core, "BYE");
    (void)core.expect("200 BYE");
    rig.run(Seconds(1));
    hang_up(cloud, third.cloud, core);
  }
  expect_clean(18);
}

TEST_P(MovedTest, ReplacesThatIsRefusedIsAcknowledgedThere) {
  for (int i = 0; i < 6; ++i) {
    auto first = core_calls();
    auto second = consults("+493055" + std::to_string(i));
    join(first, second);
    auto taker =
        core.invite("+4989123", replaces(first.core, ";early-only"), sdp("10.1.0.1", 40060));
    (void)failure(core, taker, 486);
    const auto before = core.count("486 INVITE");
    rig.run(Seconds(5));
    EXPECT_EQ(core.count("486 INVITE"), before) << "its ACK was not heard";
    core_ends(first.core, second.invite.call_id());
  }
  expect_clean(18);
}

// RFC 3261 13.2.2.4: every copy of a 2xx has its ACK, wherever the dialog is by then.
TEST_P(MovedTest, ItsAnswerThatIsRepeatedIsAcknowledged) {
  for (int i = 0; i < 6; ++i) {
    auto first = cloud_calls();
    const std::string ack = core.received.back();
    ASSERT_TRUE(ack.starts_with("ACK "));
    auto second = consults("+493055" + std::to_string(i));
    join(first, second);
    core.reply(first.invite, 200, "", sdp("10.1.0.1", 40000));
    const auto again = core.expect("ACK");
    EXPECT_EQ(again.call_id(), first.invite.call_id());
    if (!GetParam().rebuild) {
      EXPECT_EQ(again.bytes(), ack) << "the same again";
    }
    core_ends(first.core, second.invite.call_id());
  }
  expect_clean(12);
}

// Two calls that are being joined when the operator ends all of them, at whatever moment.
class Stopped : public TransferFixture {
 public:
  Stopped() : TransferFixture(make_config(), Mode{3, false}) {}
  void TestBody() override {}

  // `apart`: another Call-ID, so that the calls lie on one shard or on two. `behind`: the shard
  // that takes no mail from the `steps`th event until all calls were ended.
  void play(int apart, std::uint16_t behind, int steps) {
    auto first = core_calls();
    PeerDialog none;
    for (int i = 0; i < apart; ++i) (void)cloud.compose(none, "OPTIONS");
    auto second = consults("+4930555");
    cloud.request(first.cloud, "REFER", "Refer-To: " + naming(second.cloud) + "\r\n");
    cloud.request(first.cloud, "BYE");
    for (int i = 0; i < steps; ++i) (void)rig.world.step();
    rig.world.set_mailbox_full(ShardId{behind}, true);
    rig.run(Millis(20));
    rig.each([](call::GatewayShard& s) { s.end_all_calls("stopped by the operator"); });
    rig.world.set_mailbox_full(ShardId{behind}, false);
    for (int i = 0; i < 700; ++i) {
      rig.run(Millis(100));
      for (Peer* p : {&core, &cloud})
        for (const char* what : {"BYE", "NOTIFY"})
          while (p->has(what)) p->reply(p->expect(what), 200);
    }
    EXPECT_EQ(core.count("BYE"), 2U) << "each of its dialogs ends once";
    expect_clean(2);
    std::size_t tags = 0;
    rig.each([&](call::GatewayShard& s) { tags += s.tags_now(); });
    EXPECT_EQ(tags, 0U);
  }
};

TEST(MovedLegs, AreNotLostWhenTheOperatorEndsAllCalls) {
  for (int apart = 0; apart < 3; ++apart)
    for (std::uint16_t behind = 0; behind < 3; ++behind)
      for (int steps = 0; steps < 20 && !::testing::Test::HasFailure(); ++steps) {
        SCOPED_TRACE(std::to_string(apart) + " apart, shard " + std::to_string(behind) +
                     " behind after " + std::to_string(steps) + " events");
        Stopped().play(apart, behind, steps);
      }
}

}  // namespace
}  // namespace causeway::scenario
