#include "app/config_history.h"

#include <gmock/gmock.h>

#include <fstream>

#include "temporary.h"

namespace causeway::app {
namespace {

using testing::Folder;
using ::testing::HasSubstr;

constexpr WallTime at(std::int64_t seconds) {
  return WallTime{1'790'000'000'000'000 + seconds * 1'000'000};
}

ConfigHistory open(const Folder& f) {
  auto h = ConfigHistory::open(f.path());
  EXPECT_TRUE(h) << h.error().what;
  return std::move(*h);
}

TEST(ConfigHistory, TheFirstStartTakesTheFile) {
  const Folder f;
  auto h = open(f);
  EXPECT_EQ(*h.at_start("one\n", "/etc/c.toml", at(0)), "one\n");
  ASSERT_EQ(h.entries().size(), 1u);
  EXPECT_EQ(h.entries()[0].who, "start");
  EXPECT_EQ(h.entries()[0].file, "/etc/c.toml");
  // The same again is nothing new.
  auto again = open(f);
  EXPECT_EQ(*again.at_start("one\n", "/etc/c.toml", at(5)), "one\n");
  EXPECT_EQ(again.entries().size(), 1u);
}

TEST(ConfigHistory, WhatWasAppliedOutlivesARestartUntilTheFileIsEdited) {
  const Folder f;
  auto h = open(f);
  (void)h.at_start("one\n", "c", at(0));
  ASSERT_TRUE(h.record("two\n", "/x", "root", "test", at(1)));
  EXPECT_EQ(*open(f).at_start("one\n", "c", at(2)), "two\n");
  EXPECT_EQ(*open(f).at_start("edited\n", "c", at(3)), "edited\n");
  EXPECT_EQ(open(f).current(), 3);
}

TEST(ConfigHistory, WhatIsNotConfirmedIsTakenBack) {
  const Folder f;
  auto h = open(f);
  (void)h.at_start("one\n", "c", at(0));
  ASSERT_TRUE(h.record("two\n", "/x", "root", "", at(1), Seconds(300)));
  ASSERT_TRUE(h.pending());
  EXPECT_EQ(h.pending()->number, 2);
  const auto second = h.record("three\n", "/x", "root", "", at(2));
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().what, HasSubstr("configuration 2 waits to be confirmed"));
  EXPECT_FALSE(h.due(at(300)));
  EXPECT_TRUE(h.due(at(301)));
  EXPECT_EQ(h.current(), 2) << "nothing has happened until it is said";
  EXPECT_EQ(*h.text(h.pending()->previous), "one\n");
  EXPECT_EQ(h.file_of(h.pending()->previous), "c");
  ASSERT_TRUE(h.record_return(at(302)));
  EXPECT_FALSE(h.pending());
  EXPECT_EQ(h.file_of(3), "c") << "relative paths in it start there";
  EXPECT_EQ(h.current(), 3);
  EXPECT_EQ(*h.text(3), "one\n");
  EXPECT_THAT(h.entries().back().why, HasSubstr("2 was not confirmed in time; back to 1"));
}

TEST(ConfigHistory, WhatIsConfirmedStays) {
  const Folder f;
  auto h = open(f);
  (void)h.at_start("one\n", "c", at(0));
  EXPECT_FALSE(h.confirm());
  ASSERT_TRUE(h.record("two\n", "/x", "root", "", at(1), Seconds(300)));
  EXPECT_TRUE(h.confirm());
  auto later = open(f);
  EXPECT_FALSE(later.due(at(1'000)));
  EXPECT_FALSE(later.record_return(at(1'000)));
  EXPECT_EQ(*later.at_start("one\n", "c", at(1'000)), "two\n");
}

TEST(ConfigHistory, AKilledProcessTakesItBackAtItsNextStart) {
  const Folder f;
  {
    auto h = open(f);
    (void)h.at_start("one\n", "c", at(0));
    ASSERT_TRUE(h.record("two\n", "/x", "root", "", at(1), Seconds(300)));
  }  // nothing is written at the end
  EXPECT_EQ(*open(f).at_start("one\n", "c", at(100)), "two\n");
  EXPECT_TRUE(open(f).pending());
  EXPECT_EQ(*open(f).at_start("one\n", "c", at(400)), "one\n");
  EXPECT_FALSE(open(f).pending());
}

TEST(ConfigHistory, FilesThatNeverCameIntoForceAreNotHistory) {
  const Folder f;
  {
    auto h = open(f);
    (void)h.at_start("one\n", "c", at(0));
  }
  // Killed between the files of an entry and the state that puts it into force.
  std::ofstream(f / "configurations/000002.toml") << "half\n";
  std::ofstream(f / "configurations/000002.json") << "{}";
  std::ofstream(f / "configurations/state.json.new.99") << "{\"curr";
  auto h = open(f);
  EXPECT_EQ(h.current(), 1);
  EXPECT_EQ(h.entries().size(), 1u);
  EXPECT_FALSE(h.text(2));
  ASSERT_TRUE(h.record("two\n", "/x", "root", "", at(1)));
  EXPECT_EQ(*open(f).text(2), "two\n");
}

TEST(ConfigHistory, DifferencesAreKept) {
  const Folder f;
  auto h = open(f);
  (void)h.at_start("one\nsame\n", "c", at(0));
  ASSERT_TRUE(h.record("two\nsame\n", "/x", "root", "", at(1)));
  EXPECT_EQ(*h.diff(2),
            "--- configuration 1\n+++ configuration 2\n@@ -1,2 +1,2 @@\n-one\n+two\n same\n");
  EXPECT_THAT(h.diff(9).error().what, HasSubstr("there is no configuration 9"));
}

TEST(ConfigHistory, AReloadCountsAsEditingTheFile) {
  const Folder f;
  auto h = open(f);
  (void)h.at_start("one\n", "c", at(0));
  ASSERT_TRUE(h.record("applied\n", "/x", "root", "", at(1)));
  ASSERT_TRUE(h.record_reload("two\n", "c", at(2)));
  EXPECT_EQ(*open(f).at_start("two\n", "c", at(3)), "two\n");
  EXPECT_EQ(open(f).entries().size(), 3u);
}

TEST(ConfigHistory, ItsLengthIsBounded) {
  const Folder f;
  auto h = open(f);
  (void)h.at_start("0\n", "c", at(0));
  for (int i = 1; i < 120; ++i) ASSERT_TRUE(h.record(std::to_string(i), "/x", "root", "", at(i)));
  EXPECT_EQ(h.entries().size(), ConfigHistory::kKept);
  EXPECT_EQ(open(f).entries().size(), ConfigHistory::kKept);
  EXPECT_EQ(open(f).current(), 120);
}

}  // namespace
}  // namespace causeway::app
