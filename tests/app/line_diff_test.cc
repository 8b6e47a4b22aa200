#include "app/line_diff.h"

#include <gtest/gtest.h>

namespace causeway::app {
namespace {

TEST(LineDiff, ShowsChangesWithContext) {
  EXPECT_EQ(
      unified_diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n10\n", "a", "b"),
      "--- a\n+++ b\n@@ -2,8 +2,9 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n 9\n+10\n");
}

TEST(LineDiff, DistantChangesAreHunksOfTheirOwn) {
  std::string a, b;
  for (int i = 1; i <= 30; ++i) {
    a += std::to_string(i) + "\n";
    b += (i == 2 || i == 29 ? "x" : std::to_string(i)) + "\n";
  }
  EXPECT_EQ(unified_diff(a, b, "a", "b"),
            "--- a\n+++ b\n@@ -1,5 +1,5 @@\n 1\n-2\n+x\n 3\n 4\n 5\n@@ -26,5 +26,5 @@\n 26\n 27\n "
            "28\n-29\n+x\n 30\n");
}

TEST(LineDiff, EqualAndEmptyTexts) {
  EXPECT_EQ(unified_diff("a\n", "a\n", "x", "y"), "");
  EXPECT_EQ(unified_diff("", "a\n", "x", "y"), "--- x\n+++ y\n@@ -0,0 +1,1 @@\n+a\n");
  EXPECT_EQ(unified_diff("a\n", "", "x", "y"), "--- x\n+++ y\n@@ -1,1 +0,0 @@\n-a\n");
}

TEST(LineDiff, HugeDifferentTextsAreReplacedWithoutSquareCost) {
  std::string a, b;
  for (int i = 0; i < 50'000; ++i)
    a += "a" + std::to_string(i) + "\n", b += "b" + std::to_string(i) + "\n";
  EXPECT_GT(unified_diff(a, b, "x", "y").size(), a.size() + b.size());
}

}  // namespace
}  // namespace causeway::app
