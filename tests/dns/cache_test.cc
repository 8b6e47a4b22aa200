#include "dns/cache.h"

#include <gtest/gtest.h>

#include "support/proves.h"
#include "world/sim_reactor.h"
#include "world/sim_resolver.h"
#include "world/world.h"

namespace causeway::dns {
namespace {

struct Asker final : ResolverClient {
  void on_answer(std::uint64_t token, const Result<Answer>& answer) override {
    tokens.push_back(token);
    last = answer;
  }
  std::vector<std::uint64_t> tokens;
  Result<Answer> last;
};

class CacheTest : public ::testing::Test {
 protected:
  void ask(std::string_view name, RecordType type = RecordType::kA) {
    asker.last = fail(ErrorCode::kInternal, "no answer yet");
    cache.query(name, type, asker, ++token);
  }
  std::string first() const {
    if (!asker.last) return asker.last.error().what;
    return asker.last->records.empty() ? "none" : asker.last->records[0].address.to_string();
  }
  void ask_and_wait(std::string_view name) {
    ask(name);
    world.run_for(Seconds{6});
  }

  world::World world{1};
  world::Zone zone;
  world::SimResolver resolver{world.shard(0), zone};
  CacheOptions options = [] {
    CacheOptions o;
    o.max_entries = 3;
    return o;
  }();
  Cache cache{resolver, world.shard(0), options};
  Asker asker;
  std::uint64_t token = 0;
};

TEST_F(CacheTest, ANameIsAskedAgainAfterItsTtlAndNotBefore) {
  PROVES("TDR-01");
  zone.set_a("sip.example", {"192.0.2.1"}, Seconds{60});
  ask_and_wait("sip.example");
  EXPECT_EQ(first(), "192.0.2.1");
  zone.set_a("sip.example", {"192.0.2.2"}, Seconds{60});
  world.run_for(Seconds{50});
  ask("SIP.example.");
  EXPECT_EQ(first(), "192.0.2.1");  // from inside the call
  EXPECT_LE(asker.last->records[0].ttl, Seconds{10});
  world.run_for(Seconds{6});
  ask_and_wait("sip.example");
  EXPECT_EQ(first(), "192.0.2.2");
  EXPECT_EQ(zone.queries("sip.example", RecordType::kA), 2U);
}

TEST_F(CacheTest, ThatANameDoesNotExistIsRememberedForItsOwnTtl) {
  ask_and_wait("nobody.example");
  ASSERT_TRUE(asker.last);
  EXPECT_FALSE(asker.last->name_exists);
  ask_and_wait("nobody.example");
  EXPECT_EQ(zone.queries(), 1U);
  zone.set_a("nobody.example", {"192.0.2.1"});
  world.run_for(Seconds{30});
  ask_and_wait("nobody.example");
  EXPECT_EQ(first(), "192.0.2.1");
}

TEST_F(CacheTest, OneQuestionServesAllWhoWait) {
  zone.set_a("sip.example", {"192.0.2.1"});
  for (int i = 0; i < 5; ++i) ask("sip.example");
  world.run_for(Seconds{1});
  EXPECT_EQ(asker.tokens, (std::vector<std::uint64_t>{1, 2, 3, 4, 5}));
  EXPECT_EQ(zone.queries(), 1U);
}

TEST_F(CacheTest, SilentNameServersAreBridgedWithTheLastAnswer) {
  zone.set_a("sip.example", {"192.0.2.1"}, Seconds{10});
  ask_and_wait("sip.example");
  world.run_for(Seconds{10});
  zone.set_fault_everywhere(world::DnsFault::kTimeout);
  ask("sip.example");
  world.run_for(Seconds{1});
  EXPECT_FALSE(asker.last);
  world.run_for(Seconds{1});  // the call does not wait for the whole timeout
  ASSERT_TRUE(asker.last);
  EXPECT_TRUE(asker.last->from_stale);
  EXPECT_EQ(first(), "192.0.2.1");
  ask("sip.example");
  EXPECT_TRUE(asker.last && asker.last->from_stale);  // at once now
  zone.set_fault_everywhere(world::DnsFault::kNone);
  zone.set_a("sip.example", {"192.0.2.2"});
  world.run_for(Seconds{10});
  ask_and_wait("sip.example");
  EXPECT_EQ(first(), "192.0.2.2");
  EXPECT_FALSE(asker.last->from_stale);
}

TEST_F(CacheTest, ThePastHasAnEnd) {
  zone.set_a("sip.example", {"192.0.2.1"}, Seconds{10});
  ask_and_wait("sip.example");
  zone.set_fault_everywhere(world::DnsFault::kServfail);
  world.run_for(std::chrono::hours(25));
  ask_and_wait("sip.example");
  ASSERT_FALSE(asker.last);
  EXPECT_EQ(asker.last.error().code, ErrorCode::kUnavailable);
}

TEST_F(CacheTest, HoldsNoMoreThanItsBound) {
  for (int i = 0; i < 20; ++i) {
    zone.set_a("n" + std::to_string(i) + ".example", {"192.0.2.1"});
    ask_and_wait("n" + std::to_string(i) + ".example");
  }
  EXPECT_EQ(cache.size(), 3U);
  EXPECT_EQ(cache.counters().evicted, 17U);
}

TEST_F(CacheTest, ACancelledClientHearsNothingAndTheAnswerIsKept) {
  zone.set_a("sip.example", {"192.0.2.1"});
  ask("sip.example");
  cache.cancel(asker);
  world.run_for(Seconds{1});
  EXPECT_TRUE(asker.tokens.empty());
  ask("sip.example");
  EXPECT_EQ(first(), "192.0.2.1");
  EXPECT_EQ(zone.queries(), 1U);
}

TEST_F(CacheTest, AClientMayCancelAnotherFromItsAnswer) {
  struct Canceller final : ResolverClient {
    void on_answer(std::uint64_t, const Result<Answer>&) override { cache->cancel(*other); }
    Cache* cache = nullptr;
    ResolverClient* other = nullptr;
  } canceller;
  canceller.cache = &cache;
  canceller.other = &asker;
  zone.set_a("sip.example", {"192.0.2.1"});
  cache.query("sip.example", RecordType::kA, canceller, 1);
  ask("sip.example");
  world.run_for(Seconds{1});
  EXPECT_TRUE(asker.tokens.empty());
}

}  // namespace
}  // namespace causeway::dns
