// The directory of the process: changes reach the shards, the file reaches the next process, and a
// store that is away stops neither.
#include "app/directory_service.h"

#include <gmock/gmock.h>

#include <fstream>
#include <future>

#include "temporary.h"

namespace causeway::app {
namespace {

using namespace std::chrono_literals;
using directory::DirectoryPtr;
using ::testing::HasSubstr;
using Source = DirectoryStatus::Source;

constexpr const char* kAway = "host=/nowhere dbname=x connect_timeout=1";

class DirectoryServiceTest : public ::testing::Test {
 protected:
  DirectoryServiceTest() { store_ = std::move(*store::Store::open(locator_)); }

  void put(const std::string& number) {
    auto w = store_->write("tester", {1});
    ASSERT_TRUE(w);
    store::AccountRecord a;
    a.name = "contoso";
    a.enabled = store::kZoom;
    if (!(*w)->account("contoso")) {
      ASSERT_TRUE((*w)->put_account(a, "", "{}"));
    }
    store::Writer::NumberWrite x;
    x.record.number = number;
    x.record.account = "contoso";
    x.record.enabled = store::kZoom;
    x.after_json = "{}";
    ASSERT_TRUE((*w)->put_numbers({&x, 1}));
    ASSERT_TRUE((*w)->commit());
  }
  DirectoryService::Options options(std::string store) {
    return {.store = std::move(store),
            .file = file_,
            .wall = [] { return WallTime{1'800'000'000'000'000}; },
            .poll = 20ms,
            .retry_least = 20ms,
            .settle = 20ms};
  }
  template <typename F>
  static void eventually(F&& f) {
    const auto until = std::chrono::steady_clock::now() + 20s;
    while (!f() && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(5ms);
    EXPECT_TRUE(f());
  }
  // A process that followed the store and ended.
  void keep(const std::string& number) {
    put(number);
    DirectoryService s(options(locator_));
    eventually([&] { return s.current()->find(number).has_value(); });
  }

  testing::Folder folder_;
  const std::string locator_ = folder_ / "store.db", file_ = folder_ / "directory.snap";
  std::unique_ptr<store::Store> store_;
};

// What shards do with what they are sent.
class FakeShard {
 public:
  bool take(const DirectoryPtr& d) {
    const std::lock_guard lock(mutex_);
    if (refuse_ > 0) return --refuse_, false;
    has_ = d;
    ++taken_;
    return true;
  }
  DirectoryPtr has() {
    const std::lock_guard lock(mutex_);
    return has_;
  }
  void drop() {
    const std::lock_guard lock(mutex_);
    has_.reset();
  }
  void refuse(int times) {
    const std::lock_guard lock(mutex_);
    refuse_ = times;
  }
  bool finds(std::string_view number) {
    const DirectoryPtr d = has();
    return d && d->find(number);
  }

 private:
  std::mutex mutex_;
  DirectoryPtr has_;
  int refuse_ = 0, taken_ = 0;
};

TEST_F(DirectoryServiceTest, AChangeIsWithTheShardsWithinASecond) {
  put("+1001");
  DirectoryService s(options(locator_));
  s.wait_for_first(10s);
  const auto begun = s.current();
  EXPECT_TRUE(begun->find("+1001"));
  FakeShard shard;
  s.deliver_to([&](const DirectoryPtr& d) { return shard.take(d); }, begun);
  const auto at = std::chrono::steady_clock::now();
  put("+1002");
  eventually([&] { return shard.finds("+1002"); });
  EXPECT_LT(std::chrono::steady_clock::now() - at, 1s);
  const auto status = s.status();
  EXPECT_TRUE(status.follows);
  EXPECT_EQ(status.source, Source::kStore);
  EXPECT_EQ(status.numbers, 2u);
  EXPECT_EQ(status.accounts, 1u);
  EXPECT_EQ(status.last_change, *(*store_->read())->last_change());
  EXPECT_EQ(status.trouble, "");
  EXPECT_TRUE(status.store_seen);
}

TEST_F(DirectoryServiceTest, WhatAShardDidNotTakeIsSentAgain) {
  DirectoryService s(options(locator_));
  s.wait_for_first(10s);
  FakeShard shard;
  shard.refuse(3);
  s.deliver_to([&](const DirectoryPtr& d) { return shard.take(d); }, s.current());
  put("+1001");
  eventually([&] { return shard.finds("+1001"); });
}

TEST_F(DirectoryServiceTest, TheLastReferenceIsNeverTheShards) {
  DirectoryService s(options(locator_));
  s.wait_for_first(10s);
  FakeShard shard;
  s.deliver_to([&](const DirectoryPtr& d) { return shard.take(d); }, s.current());
  put("+1001");
  eventually([&] { return shard.finds("+1001"); });
  const std::weak_ptr<const directory::Directory> old = shard.has();
  auto held = shard.has();  // as a call holds it, while the shard goes on
  put("+1002");
  eventually([&] { return shard.finds("+1002"); });
  EXPECT_GT(held.use_count(), 1);
  held.reset();
  // ... and then it is freed by the follower, in its own time.
  eventually([&] { return old.expired(); });
}

TEST_F(DirectoryServiceTest, WithoutTheStoreItBeginsWithTheFileAndSaysSo) {
  keep("+1001");
  DirectoryService s(options(kAway));
  EXPECT_TRUE(s.current()->find("+1001"));
  eventually([&] { return !s.status().trouble.empty(); });
  const auto status = s.status();
  EXPECT_EQ(status.source, Source::kFile);
  EXPECT_THAT(status.trouble, HasSubstr("cannot be reached"));
  EXPECT_EQ(status.file_trouble, "");
  EXPECT_FALSE(status.store_seen);
  ASSERT_TRUE(status.age);
  EXPECT_EQ(status.numbers, 1u);
}

TEST_F(DirectoryServiceTest, WithoutStoreAndFileNothingIsKnownAndItSaysSo) {
  DirectoryService s(options(kAway));
  s.wait_for_first(20s);
  const auto status = s.status();
  EXPECT_EQ(status.source, Source::kNothing);
  EXPECT_THAT(status.trouble, HasSubstr("cannot be reached"));
  EXPECT_FALSE(status.age);
  EXPECT_EQ(s.current()->numbers(), 0u);
}

TEST_F(DirectoryServiceTest, ADamagedFileIsNotUsedAndTheOneBeforeIs) {
  keep("+1001");
  keep("+1002");
  std::ofstream(file_, std::ios::app) << "x";
  DirectoryService s(options(kAway));
  EXPECT_TRUE(s.current()->find("+1001"));
  EXPECT_FALSE(s.current()->find("+1002"));
  EXPECT_THAT(s.status().file_trouble, HasSubstr("is not used"));
}

TEST_F(DirectoryServiceTest, ADamagedFileIsReplacedOnceTheStoreIsReached) {
  keep("+1001");
  std::ofstream(file_, std::ios::app) << "x";
  DirectoryService s(options(locator_));
  eventually([&] {
    const auto read = directory::read_snapshot(file_);
    return read && read->trouble.empty();
  });
  eventually([&] { return s.status().file_trouble.empty(); });
}

TEST_F(DirectoryServiceTest, AStoreThatComesBackIsFollowedFromThereOn) {
  keep("+1001");
  put("+1002");
  const std::string folder = folder_ / "later";
  auto o = options(folder + "/store.db");  // a folder that is not there yet
  DirectoryService s(o);
  eventually([&] { return !s.status().trouble.empty(); });
  EXPECT_FALSE(s.current()->find("+1002"));
  store_.reset();
  std::filesystem::create_directories(folder + ".new");
  for (const char* end : {"", "-wal", "-shm"})
    if (std::filesystem::exists(locator_ + end))
      std::filesystem::copy(locator_ + end, folder + ".new/store.db" + end);
  std::filesystem::rename(folder + ".new", folder);
  eventually([&] { return s.current()->find("+1002").has_value(); });
  eventually([&] { return s.status().source == Source::kStore && s.status().trouble.empty(); });
}

TEST_F(DirectoryServiceTest, WithoutAStoreThereIsNothingToFollow) {
  DirectoryService s(options(""));
  s.wait_for_first(1ms);
  EXPECT_FALSE(s.status().follows);
  EXPECT_EQ(s.current(), directory::Directory::none());
}

}  // namespace
}  // namespace causeway::app
