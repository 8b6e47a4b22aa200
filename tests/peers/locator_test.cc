// Who gets a slot when names are slow, and which address comes first when some have failed.
#include "peers/locator.h"

#include <gtest/gtest.h>

#include "world/sim_reactor.h"
#include "world/sim_resolver.h"
#include "world/world.h"

namespace causeway::peers {
namespace {

using Where = Result<std::vector<transport::Destination>>;

struct Asker final : LocatorClient {
  void on_located(std::uint64_t token, Where where) override {
    ++answers;
    last_token = token;
    last = std::move(where);
  }
  int answers = 0;
  std::uint64_t last_token = 0;
  Where last;
};

class LocatorTest : public ::testing::Test {
 protected:
  std::optional<Where> ask(const std::string& host, Locator::Origin origin, Asker& who,
                           Millis within = Locator::kPatience) {
    dns::TargetRequest r;
    r.host = host;
    r.port = 5060;
    return locator.locate(r, ways, origin, within, who, ++token);
  }
  world::World world{1};
  world::Zone zone;
  world::SimResolver resolver{world.shard(0), zone};
  Locator locator{resolver, world.shard(0)};
  WaysOut ways{deployment::ListenerIndex{1}, deployment::ListenerIndex{2}, Millis{1'500}};
  Asker asker;
  std::uint64_t token = 0;
};

TEST_F(LocatorTest, AnAddressLeavesByTheListenerOfItsFamily) {
  zone.set_a("dual.example", {"192.0.2.1"});
  zone.set_aaaa("dual.example", {"2001:db8::1"});
  EXPECT_FALSE(ask("dual.example", Locator::Origin::kConfigured, asker));
  world.run_for(Seconds{1});
  ASSERT_TRUE(asker.last);
  ASSERT_EQ(asker.last->size(), 2U);
  EXPECT_EQ((*asker.last)[0].listener.value, 1);
  EXPECT_EQ((*asker.last)[1].listener.value, 2);
  EXPECT_EQ((*asker.last)[0].connect_time, Millis{1'500});
  ways.v4.reset();
  const auto literal = ask("192.0.2.1", Locator::Origin::kConfigured, asker);
  ASSERT_TRUE(literal);
  EXPECT_FALSE(*literal);
}

TEST_F(LocatorTest, ANameServerThatDropsNaptrDoesNotHideTheServices) {
  zone.timeout = Seconds{3'600};
  zone.set_fault("trunk.example", world::DnsFault::kTimeout);  // NAPTR is asked of the name itself
  zone.set_srv("_sip._udp.trunk.example", {{10, 10, 5070, "gw.example"}});
  zone.set_a("gw.example", {"192.0.2.7"});
  dns::TargetRequest r;
  r.host = "trunk.example";
  EXPECT_FALSE(locator.locate(r, ways, Locator::Origin::kConfigured, Locator::kPatience, asker, 1));
  world.run_for(Seconds{1});
  ASSERT_EQ(asker.answers, 1);
  ASSERT_TRUE(asker.last);
  EXPECT_EQ((*asker.last)[0].remote.to_string(), "192.0.2.7:5070");
  EXPECT_EQ(locator.open_questions(), 0U);
  world.run_for(Seconds{10});
  EXPECT_EQ(asker.answers, 1);
}

TEST_F(LocatorTest, OneSlowNameDoesNotTakeAllSlots) {
  zone.timeout = Seconds{3'600};
  zone.set_fault("slow.example", world::DnsFault::kTimeout);
  zone.set_a("good.example", {"192.0.2.1"});
  std::size_t refused = 0;
  for (std::size_t i = 0; i < Locator::kMaxQuestions; ++i)
    refused += ask("slow.example", Locator::Origin::kConfigured, asker).has_value();
  EXPECT_EQ(refused, Locator::kMaxQuestions - Locator::kMaxPerName);
  Asker other;
  EXPECT_FALSE(ask("good.example", Locator::Origin::kConfigured, other));
  world.run_for(Seconds{1});
  EXPECT_TRUE(other.last);
  world.run_for(Seconds{4});
  EXPECT_EQ(locator.open_questions(), 0U) << "none is held longer than its time";
  ASSERT_FALSE(asker.last);
  EXPECT_EQ(asker.last.error().code, ErrorCode::kTimeout);
}

TEST_F(LocatorTest, NamesThatDialogsGaveLeaveRoomForConfiguredOnes) {
  zone.timeout = Seconds{3'600};
  zone.set_fault_everywhere(world::DnsFault::kTimeout);
  std::size_t taken = 0;
  for (std::size_t i = 0; i < 2 * Locator::kMaxQuestions; ++i)
    taken += !ask("n" + std::to_string(i) + ".example", Locator::Origin::kDialog, asker);
  EXPECT_EQ(taken, Locator::kMaxQuestions / 2);
  EXPECT_FALSE(ask("peer.example", Locator::Origin::kConfigured, asker));
  locator.cancel(asker);
  EXPECT_EQ(locator.open_questions(), 0U);
  EXPECT_FALSE(ask("n1.example", Locator::Origin::kDialog, asker));
}

TEST_F(LocatorTest, TheAskersTimeIsKept) {
  zone.timeout = Seconds{3'600};
  zone.set_fault_everywhere(world::DnsFault::kTimeout);
  EXPECT_FALSE(ask("slow.example", Locator::Origin::kConfigured, asker, Millis{700}));
  world.run_for(Millis{690});
  EXPECT_EQ(asker.answers, 0);
  world.run_for(Millis{20});
  EXPECT_EQ(asker.answers, 1);
  EXPECT_EQ(asker.last_token, token);
}

TEST_F(LocatorTest, FailedAddressesStandLastForAWhileAndAreNeverLeftOut) {
  zone.set_a("two.example", {"192.0.2.1", "192.0.2.2"});
  const auto first = [&] {
    (void)ask("two.example", Locator::Origin::kConfigured, asker);
    world.run_for(Millis{100});
    EXPECT_EQ(asker.last->size(), 2U);
    return asker.last->front();
  };
  const auto a = first();
  locator.failed(a);
  const auto b = first();
  EXPECT_NE(a.remote, b.remote);
  locator.failed(b);
  (void)first();
  locator.worked(b);
  EXPECT_EQ(first().remote, b.remote);
  world.run_for(Locator::kSetAside);
  EXPECT_FALSE(locator.is_set_aside(a));
  EXPECT_EQ(first().remote, a.remote);
}

}  // namespace
}  // namespace causeway::peers
