#include "app/record_files.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "app/temporary.h"
#include "deployment/deployment.h"
#include "support/proves.h"

namespace causeway::app {
namespace {

using testing::Folder;

constexpr WallTime kNow{1'795'300'000'000'000};  // 2026-11-21T22:26:40Z

std::set<std::string> names(const Folder& f) {
  std::set<std::string> out;
  for (const auto& e : std::filesystem::directory_iterator(f.path()))
    out.insert(e.path().filename().string());
  return out;
}

TEST(RecordFiles, OldDaysGoAndEverythingElseStays) {
  PROVES("GW-08");
  EXPECT_EQ(deployment::Operation{}.record_days, 30U) << "unless the configuration says otherwise";
  const Folder f;
  ASSERT_EQ(format_rfc3339(kNow).substr(0, 10), "2026-11-21");
  for (const char* name :
       {"calls-2026-11-21.jsonl", "calls-2026-11-21.csv", "calls-2026-10-23.jsonl",
        "calls-2026-10-22.jsonl", "calls-2026-10-22.csv", "calls-2025-12-31.csv",
        "calls-2027-01-01.csv", "calls-2025-12-31.csv.gz", "calls-2025-1-1.csv", "notes.txt"})
    std::ofstream(f / name) << "x\n";
  EXPECT_EQ(purge_records(f.path(), 0, kNow), 0U) << "0: kept for ever";
  EXPECT_EQ(purge_records(f.path(), 30, kNow), 3U);
  EXPECT_EQ(names(f),
            (std::set<std::string>{"calls-2026-11-21.jsonl", "calls-2026-11-21.csv",
                                   "calls-2026-10-23.jsonl", "calls-2027-01-01.csv",
                                   "calls-2025-12-31.csv.gz", "calls-2025-1-1.csv", "notes.txt"}));
}

TEST(RecordFiles, TheFileOfTodayAndOfYesterdayAreNeverRemoved) {
  const Folder f;
  for (const char* name :
       {"calls-2026-11-21.jsonl", "calls-2026-11-20.jsonl", "calls-2026-11-19.jsonl"})
    std::ofstream(f / name) << "x\n";
  EXPECT_EQ(purge_records(f.path(), 1, kNow), 1U);
  EXPECT_EQ(names(f), (std::set<std::string>{"calls-2026-11-21.jsonl", "calls-2026-11-20.jsonl"}));
}

TEST(RecordFiles, MissingDirectoryIsNoDisaster) {
  EXPECT_EQ(purge_records("/nonexistent/records", 30, kNow), 0U);
}

}  // namespace
}  // namespace causeway::app
