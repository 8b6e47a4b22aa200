// Offers that cross, are refused or cannot be sent where media goes past us: each side is told the
// other's, and an offer is never answered by an offer.
#include "scenario/local_media.h"
#include "scenario/transfers.h"

namespace causeway::scenario {
namespace {

class DirectGlareTest : public DirectMediaTest {
 protected:
  void hang_up(Up& up) {
    core_hangs_up(up);
    expect_clean(1);
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, DirectGlareTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(DirectGlareTest, AnOfferThatMetAnotherIsPassedOnAgain) {
  Up up = user_calls(kByBranch);
  cloud.request(up.cloud, "INVITE", kByBranch, offer(2, "sendonly"));
  const auto there = core.expect("INVITE");
  core.reply(there, 491);
  core.expect("ACK");
  rig.run(Millis(20));
  EXPECT_FALSE(cloud.has("200 INVITE")) << "nobody took its hold yet";
  const auto again = core.expect("INVITE");
  EXPECT_EQ(direction_of(std::string(again.body())), "sendonly");
  core.reply(again, 200, "", sdp("10.1.0.1", 40000, "recvonly"));
  core.expect("ACK");
  EXPECT_EQ(direction_of(std::string(cloud.expect("200 INVITE").body())), "recvonly");
  cloud.ack(up.cloud);
  rig.run(Millis(100));
  hang_up(up);
}

TEST_P(DirectGlareTest, WhileOneOffersTheOtherIsAskedToWait) {
  Up up = user_calls(kByBranch);
  cloud.request(up.cloud, "INVITE", kByBranch, offer(2, "sendonly"));
  core.reply(core.expect("INVITE"), 491);
  core.expect("ACK");
  core.request(up.core, "INVITE", "", sdp("10.1.0.1", 40002, "sendonly"));
  core.ack_failure(up.core, core.expect("491 INVITE"));
  const auto again = core.expect("INVITE");
  core.reply(again, 200, "", sdp("10.1.0.1", 40000, "recvonly"));
  core.expect("ACK");
  cloud.expect("200 INVITE");
  cloud.ack(up.cloud);
  rig.run(Millis(100));
  hang_up(up);
}

TEST_P(DirectGlareTest, WhatWasRefusedIsPassedOnWhenItIsSaidAgain) {
  Up up = user_calls(kByBranch);
  for (const int status : {488, 200}) {
    cloud.request(up.cloud, "INVITE", kByBranch, offer(2, "inactive"));
    const auto there = core.expect("INVITE");
    EXPECT_EQ(direction_of(std::string(there.body())), "inactive");
    core.reply(there, status, "", status == 200 ? sdp("10.1.0.1", 40000, "inactive") : "");
    core.expect("ACK");
    if (status == 488)
      cloud.ack_failure(up.cloud, cloud.expect("488 INVITE"));
    else
      cloud.expect("200 INVITE");
    rig.run(Millis(100));
  }
  cloud.ack(up.cloud);
  rig.run(Millis(100));
  hang_up(up);
}

// It asked for media to come here and left the call before the other side had agreed: what is put
// back is not what those who came after it have.
TEST_P(DirectGlareTest, WhatOneThatIsReplacedAskedForIsNotPutBack) {
  Up up = user_calls(kByBranch);
  cloud.request(up.cloud, "INVITE", kOutside, offer(2));
  const auto slow = core.expect("INVITE");
  EXPECT_EQ(address_in(slow.body()), "10.0.0.1");
  auto taker =
      cloud.invite("+4989123", replaces(up.cloud), offer(1, "sendrecv", 50030), "+4989777");
  cloud.learn(taker, cloud.expect("200 INVITE"));
  cloud.ack(taker);
  cloud.reply(cloud.expect("BYE"), 200);
  EXPECT_EQ(rig.media_legs(), 2U) << "the taker's media is here, and so is the gateway's";
  core.reply(slow, 200, "", sdp("10.1.0.1", 40000));
  core.expect("ACK");
  rig.run(Seconds(1));
  EXPECT_EQ(rig.media_legs(), 2U);
  core.request(up.core, "BYE");
  core.expect("200 BYE");
  cloud.reply(cloud.expect("BYE"), 200);
  expect_clean(1);
}

}  // namespace
}  // namespace causeway::scenario
