// Numbers of changes become visible in order under concurrent writers, so a follower misses none.
#include <set>
#include <thread>

#include "engines.h"

namespace causeway::store {
namespace {

using FollowerTest = EngineTest;
INSTANTIATE_TEST_SUITE_P(Engines, FollowerTest,
                         ::testing::Values(Engine::kSqlite, Engine::kPostgres), engine_name);

TEST_P(FollowerTest, MissesNoneOfSixteenWriters) {
  constexpr int kWriters = 16, kTransactions = 12;
  for (int w = 0; w < kWriters; ++w) put_account("a" + std::to_string(w));
  std::atomic<int> running{kWriters}, failed{0};
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; ++w)
    writers.emplace_back([&, w] {
      // A store of its own, as another process has: writers meet at the engine alone.
      auto mine = Store::open(locator_);
      for (int t = 0; mine && t < kTransactions;) {
        auto writer = (*mine)->write("w", {1});
        if (!writer) {
          if (writer.error().code != ErrorCode::kUnavailable) ++failed;
          if (writer.error().code != ErrorCode::kUnavailable) break;
          continue;
        }
        std::vector<std::string> numbers;
        for (int k = 0; k <= t % 3; ++k)
          numbers.push_back("+" + std::to_string(1'000'000 + w * 1'000 + t * 10 + k));
        if (!put(**writer, "a" + std::to_string(w), numbers, kZoom)) ++failed;
        if (t % 4 == 3) {
          writer->reset();  // given up: its numbers must leave no gap that hides another's
        } else if (!(*writer)->commit()) {
          ++failed;
        }
        ++t;
      }
      if (!mine) ++failed;
      --running;
    });
  // The follower trusts that who has seen N has seen all below.
  std::int64_t seen = 0;
  std::vector<std::int64_t> heard;
  std::set<std::string> keys;
  for (bool last_look = false;;) {
    auto c = read()->changes_since(seen, 7);
    ASSERT_TRUE(c) << c.error().what;
    for (const Change& x : c->changes) {
      heard.push_back(x.number);
      seen = x.number;
      if (x.kind == ChangeKind::kNumber) {
        keys.insert(x.key);
        EXPECT_TRUE(x.phone_number) << x.key;
      }
    }
    if (!c->changes.empty()) continue;
    if (last_look) break;
    last_look = running == 0;
  }
  for (auto& t : writers) t.join();
  EXPECT_EQ(failed, 0);
  for (std::size_t i = 0; i < heard.size(); ++i)
    ASSERT_EQ(heard[i], static_cast<std::int64_t>(i + 1));
  Page everything;
  everything.limit = 10'000;
  const auto there = read()->list_numbers(everything, std::nullopt);
  ASSERT_TRUE(there);
  EXPECT_EQ(there->size(), keys.size());
  EXPECT_GT(keys.size(), 250u);
  for (const auto& n : *there) EXPECT_TRUE(keys.contains(n.number)) << n.number;
}

}  // namespace
}  // namespace causeway::store
