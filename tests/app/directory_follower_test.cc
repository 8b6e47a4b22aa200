// From a store to a directory on both engines: nothing is missed, whatever history the store has.
#include "app/directory_follower.h"

#include <thread>

#include "engines.h"

namespace causeway::store {
namespace {

using app::DirectoryFollower;

class DirectoryFollowerTest : public EngineTest {
 protected:
  static DirectoryFollower::Watcher ignoring() {
    return {[](const directory::DirectoryPtr&) {}, [] { return false; }};
  }
  void put_enabled(const std::string& name, ServiceSet services) {
    write([&](Writer& w) {
      AccountRecord a;
      a.name = name;
      a.tenant_id = "AAAA-" + name;
      a.present = a.enabled = services;
      a.direct_routing = DirectRoutingAccount{false, "Label-" + name, "one", "two"};
      return w.put_account(a, "", "{}");
    });
  }
};
INSTANTIATE_TEST_SUITE_P(Engines, DirectoryFollowerTest,
                         ::testing::Values(Engine::kSqlite, Engine::kPostgres), engine_name);

TEST_P(DirectoryFollowerTest, TakesOverAccountsAndNumbersAndWhatChanges) {
  put_enabled("contoso", kDirectRouting | kZoom);
  put_numbers("contoso", {"+1001", "+1002"});
  DirectoryFollower f(locator_, directory::Directory::none(), "");
  ASSERT_TRUE(f.look(ignoring()));
  const auto* a = f.directory()->account("contoso");
  ASSERT_NE(a, nullptr);
  EXPECT_EQ(a->tenant_id, "aaaa-contoso");
  EXPECT_EQ(a->subdomain, "label-contoso");
  EXPECT_FALSE(a->screening);
  EXPECT_EQ(a->region1_token, "one");
  EXPECT_EQ(a->region2_token, "two");
  EXPECT_EQ(a->numbers[index_of(kDirectRouting)], 2);
  EXPECT_EQ(f.directory()->find("+1001")->services, kDirectRouting);

  put_enabled("fabrikam", kZoom);
  write([&](Writer& w) {
    auto n = w.number("+1002");
    Writer::NumberWrite gone;
    gone.before = gone.record = *n;
    gone.before_json = "{}";
    return w.delete_numbers({&gone, 1});
  });
  put_numbers("fabrikam", {"+1003"}, kZoom);
  ASSERT_TRUE(f.look(ignoring()));
  EXPECT_FALSE(f.directory()->find("+1002"));
  EXPECT_EQ(f.directory()->find("+1003")->account->name, "fabrikam");
  EXPECT_EQ(f.directory()->last_change(), *read()->last_change());
  EXPECT_EQ(f.directory()->account("contoso")->numbers[index_of(kDirectRouting)], 1);
}

TEST_P(DirectoryFollowerTest, GoesOnFromWhatIsKnownOnlyWhenTheStoreHasTheSameHistory) {
  put_account("contoso");
  put_numbers("contoso", {"+1001"});
  DirectoryFollower first(locator_, directory::Directory::none(), "");
  ASSERT_TRUE(first.look(ignoring()));
  // What is known has a number that the store never had: whoever reads all of it sees that.
  const auto known = directory::apply(*first.directory(),
                                      {{},
                                       {{"+999", directory::NumberEntry{"contoso", kZoom, ""}}},
                                       first.directory()->last_change()});
  put_numbers("contoso", {"+1002"});
  DirectoryFollower same(locator_, known, first.mark());
  ASSERT_TRUE(same.look(ignoring()));
  EXPECT_TRUE(same.directory()->find("+1002"));
  EXPECT_TRUE(same.directory()->find("+999"));

  DirectoryFollower other(locator_, known, first.mark() + "x");
  ASSERT_TRUE(other.look(ignoring()));
  EXPECT_TRUE(other.directory()->find("+1002"));
  EXPECT_FALSE(other.directory()->find("+999"));

  // A store that was set back has fewer changes than are known.
  const auto ahead = directory::apply(*known, {{}, {}, 1'000});
  DirectoryFollower back(locator_, ahead, first.mark());
  ASSERT_TRUE(back.look(ignoring()));
  EXPECT_FALSE(back.directory()->find("+999"));
  EXPECT_EQ(back.directory()->last_change(), *read()->last_change());
}

TEST_P(DirectoryFollowerTest, ReadsAllAgainWhenChangesWereTrimmed) {
  put_account("contoso");
  DirectoryFollower f(locator_, directory::Directory::none(), "");
  ASSERT_TRUE(f.look(ignoring()));
  for (int i = 0; i < 5; ++i) put_numbers("contoso", {"+100" + std::to_string(i)});
  write([](Writer& w) { return w.trim_changes(2); });
  ASSERT_TRUE(f.look(ignoring()));
  EXPECT_EQ(f.directory()->numbers(), 5u);
}

TEST_P(DirectoryFollowerTest, ManyChangesAreFoldedOnTheWay) {
  put_account("contoso");
  DirectoryFollower f(locator_, directory::Directory::none(), "");
  ASSERT_TRUE(f.look(ignoring()));
  for (int block = 0; block < 10; ++block) {
    std::vector<std::string> numbers;
    for (int i = 0; i < 1'000; ++i)
      numbers.push_back("+" + std::to_string(100'000 + block * 1'000 + i));
    put_numbers("contoso", numbers);
  }
  int published = 0;
  std::int64_t last = 0;
  ASSERT_TRUE(f.look({[&](const directory::DirectoryPtr& d) {
                        ++published;
                        EXPECT_GE(d->last_change(), last);
                        EXPECT_LT(d->overlay(), directory::Directory::kMaxOverlay);
                        last = d->last_change();
                      },
                      [] { return false; }}));
  EXPECT_GT(published, 32);
  EXPECT_EQ(f.directory()->numbers(), 10'000u);
  EXPECT_LT(f.directory()->overlay(), directory::Directory::kFoldAt);
}

TEST_P(DirectoryFollowerTest, MissesNothingOfSixteenWriters) {
  constexpr int kWriters = 16, kTransactions = 10;
  for (int w = 0; w < kWriters; ++w) put_account("a" + std::to_string(w));
  std::atomic<int> running{kWriters}, failed{0};
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; ++w)
    writers.emplace_back([&, w] {
      auto mine = Store::open(locator_);
      for (int t = 0; mine && t < kTransactions;) {
        auto writer = (*mine)->write("w", {1});
        if (!writer) {
          if (writer.error().code == ErrorCode::kUnavailable) continue;
          ++failed;
          break;
        }
        // The same numbers go from account to account, too.
        const std::vector<std::string> numbers = {"+" + std::to_string(2'000'000 + w * 1'000 + t),
                                                  "+1" + std::to_string(t)};
        if (!put(**writer, "a" + std::to_string(w), numbers, kZoom)) ++failed;
        if (t % 4 == 3)
          writer->reset();
        else if (!(*writer)->commit())
          ++failed;
        ++t;
      }
      if (!mine) ++failed;
      --running;
    });
  DirectoryFollower f(locator_, directory::Directory::none(), "");
  for (bool last_look = false; !last_look;) {
    last_look = running == 0;
    const Status s = f.look(ignoring());
    ASSERT_TRUE(s || s.error().code == ErrorCode::kUnavailable) << s.error().what;
    if (!s) last_look = false;
  }
  for (auto& t : writers) t.join();
  EXPECT_EQ(failed, 0);
  Page everything;
  everything.limit = 10'000;
  const auto there = read()->list_numbers(everything, std::nullopt);
  ASSERT_TRUE(there);
  EXPECT_GT(there->size(), 100u);
  EXPECT_EQ(f.directory()->numbers(), there->size());
  for (const auto& n : *there) {
    // The accounts have no service on; what is found is found with its owner all the same.
    const auto found = f.directory()->find(n.number);
    ASSERT_TRUE(found) << n.number;
    EXPECT_EQ(found->account->name, n.account) << n.number;
  }
}

TEST(DirectoryFollowerAlone, AStoreThatIsAwayLeavesWhatIsKnown) {
  const auto known = directory::apply(directory::Directory{},
                                      {{{"contoso", directory::Account{.name = "contoso"}}},
                                       {{"+1001", directory::NumberEntry{"contoso", kZoom, ""}}},
                                       7});
  DirectoryFollower f("host=/nowhere dbname=x connect_timeout=1", known, "mark");
  const Status s = f.look({[](const directory::DirectoryPtr&) { FAIL(); }, [] { return false; }});
  ASSERT_FALSE(s);
  EXPECT_EQ(s.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(f.directory(), known);
  EXPECT_EQ(f.mark(), "mark");
}

}  // namespace
}  // namespace causeway::store
