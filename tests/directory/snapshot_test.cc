// The file of a directory: what is written is read, and nothing else is.
#include "directory/snapshot_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "directory/crc32c.h"

namespace causeway::directory {
namespace {

namespace fs = std::filesystem;

class SnapshotFile : public ::testing::Test {
 protected:
  SnapshotFile() {
    std::string pattern = (fs::temp_directory_path() / "causeway-directory-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    path_ = (folder_ / "directory.snap").string();
  }
  ~SnapshotFile() override { fs::remove_all(folder_); }

  static std::string bytes_of(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static void put(const std::string& path, std::string_view bytes) {
    std::ofstream(path, std::ios::binary)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }

  fs::path folder_;
  std::string path_;
};

DirectoryPtr sample(int numbers, std::int64_t last_change = 17) {
  Builder b;
  for (const char* name : {"contoso", "fabrikam"})
    b.add(Account{.name = name,
                  .tenant_id = std::string("tenant-") + name,
                  .enabled = kOperatorConnect | kDirectRouting,
                  .screening = name[0] == 'c',
                  .subdomain = name,
                  .region1_token = "one",
                  .region2_token = "two"});
  for (int i = 0; i < numbers; ++i)
    b.add("+4930" + std::to_string(i),
          {i % 3 == 0   ? "contoso"
           : i % 3 == 1 ? "fabrikam"
                        : "gone",
           static_cast<ServiceSet>(i % 32), i % 5 == 0 ? "value-" + std::to_string(i % 40) : ""});
  const auto built = b.build(last_change - 1);
  // Some of it is not folded in.
  return apply(*built, {{},
                        {{"+49300", std::nullopt},
                         {"+15105850321", NumberEntry{"contoso", kOperatorConnect, "new"}},
                         {"+49301", NumberEntry{"contoso", kDirectRouting, ""}}},
                        last_change});
}

void expect_same(const Directory& a, const Directory& b, int numbers) {
  EXPECT_EQ(a.numbers(), b.numbers());
  EXPECT_EQ(a.accounts(), b.accounts());
  EXPECT_EQ(a.last_change(), b.last_change());
  a.for_each_account([&](const Account& x) {
    ASSERT_NE(b.account(x.name), nullptr);
    EXPECT_EQ(*b.account(x.name), x);
  });
  const auto look = [&](const std::string& n) {
    const auto x = a.find(n), y = b.find(n);
    ASSERT_EQ(x.has_value(), y.has_value()) << n;
    if (!x) return;
    EXPECT_EQ(x->account->name, y->account->name);
    EXPECT_EQ(x->services, y->services);
    EXPECT_EQ(x->custom_header, y->custom_header);
  };
  look("+15105850321");
  for (int i = 0; i < numbers; ++i) look("+4930" + std::to_string(i));
}

TEST_F(SnapshotFile, WhatIsWrittenIsReadAgain) {
  for (const int numbers : {0, 10, 40'000}) {
    const auto d = sample(numbers);
    ASSERT_TRUE(write_snapshot(path_, {d, {123'456}, "mark"}));
    const auto read = read_snapshot(path_);
    ASSERT_TRUE(read) << read.error().what;
    EXPECT_EQ(read->trouble, "");
    EXPECT_EQ(read->snapshot.mark, "mark");
    EXPECT_EQ(read->snapshot.as_of.micros, 123'456);
    expect_same(*d, *read->snapshot.directory, numbers);
    // A number whose account is gone waits for it in the file, too.
    const auto back = apply(*read->snapshot.directory,
                            {{{"gone", Account{.name = "gone", .enabled = 31}}}, {}, 18});
    EXPECT_EQ(back->find("+49305").has_value(), numbers > 5);
  }
}

TEST_F(SnapshotFile, AnEmptyDirectoryIsOneToo) {
  ASSERT_TRUE(write_snapshot(path_, {Directory::none(), {1}, ""}));
  const auto read = read_snapshot(path_);
  ASSERT_TRUE(read) << read.error().what;
  EXPECT_EQ(read->snapshot.directory->numbers(), 0u);
}

TEST_F(SnapshotFile, ThereIsNoneBeforeOneIsWritten) {
  const auto read = read_snapshot(path_);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kNotFound);
}

TEST_F(SnapshotFile, TheOneBeforeIsUsedWhenTheNewestIsDamaged) {
  ASSERT_TRUE(write_snapshot(path_, {sample(10, 20), {1}, ""}));
  ASSERT_TRUE(write_snapshot(path_, {sample(10, 30), {2}, ""}));
  EXPECT_EQ(read_snapshot(path_)->snapshot.directory->last_change(), 30);
  std::string bytes = bytes_of(path_);
  char& last = bytes[bytes.size() - 13];  // of the last number: before the head of the end
  last = static_cast<char>(last ^ 1);
  put(path_, bytes);
  const auto read = read_snapshot(path_);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->snapshot.directory->last_change(), 20);
  // It says which file, what is wrong with it and what to do.
  EXPECT_NE(read->trouble.find(path_), std::string::npos) << read->trouble;
  EXPECT_NE(read->trouble.find("checksum"), std::string::npos) << read->trouble;
  EXPECT_NE(read->trouble.find("may be deleted"), std::string::npos) << read->trouble;

  put(path_ + ".old", "nonsense");
  const auto neither = read_snapshot(path_);
  ASSERT_FALSE(neither);
  EXPECT_NE(neither.error().what.find("checksum"), std::string::npos);
  // Killed between the two renames: only the one before has a name.
  ASSERT_TRUE(write_snapshot(path_, {sample(10, 40), {3}, ""}));
  fs::rename(path_, path_ + ".old");
  EXPECT_EQ(read_snapshot(path_)->snapshot.directory->last_change(), 40);
}

TEST_F(SnapshotFile, AChangedOrMissingByteIsNoticedWhereverItIs) {
  ASSERT_TRUE(write_snapshot(path_, {sample(60), {1}, "mark"}));
  const std::string good = bytes_of(path_);
  ASSERT_TRUE(parse_snapshot(good));
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x10);
    ASSERT_FALSE(parse_snapshot(bad)) << i;
    ASSERT_FALSE(parse_snapshot(std::string_view(good).substr(0, i))) << i;
  }
  EXPECT_FALSE(parse_snapshot(good + "x"));
}

TEST_F(SnapshotFile, WithoutChecksumsNothingThatIsNoDirectoryGetsThrough) {
  ASSERT_TRUE(write_snapshot(path_, {sample(60), {1}, "mark"}));
  const std::string good = bytes_of(path_);
  std::mt19937 random(3);
  for (int round = 0; round < 20'000; ++round) {
    std::string bad = good;
    for (unsigned i = 1 + random() % 4; i > 0; --i)
      bad[random() % bad.size()] = static_cast<char>(random());
    const auto d = parse_snapshot(bad, Checksums::kIgnored);
    if (!d) continue;
    d->directory->for_each_account([](const Account& a) {
      ASSERT_FALSE(a.name.empty());
      ASSERT_EQ(a.enabled & ~kAllServices, 0);
    });
  }
}

TEST_F(SnapshotFile, AFileOfAnotherVersionIsRefusedByItsVersion) {
  ASSERT_TRUE(write_snapshot(path_, {sample(3), {1}, ""}));
  std::string bytes = bytes_of(path_);
  bytes[8] = 9;
  const auto read = parse_snapshot(bytes);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kVersion);
}

TEST_F(SnapshotFile, WhatCannotBeWrittenIsSaidAndLeavesWhatWasThere) {
  ASSERT_TRUE(write_snapshot(path_, {sample(3, 5), {1}, ""}));
  const auto nowhere = write_snapshot((folder_ / "no" / "x").string(), {sample(3), {1}, ""});
  ASSERT_FALSE(nowhere);
  EXPECT_NE(nowhere.error().what.find("/no/x"), std::string::npos) << nowhere.error().what;
  EXPECT_EQ(read_snapshot(path_)->snapshot.directory->last_change(), 5);
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& f : fs::directory_iterator(folder_)) ++files;
  EXPECT_EQ(files, 1u);
}

// RFC 3720 appendix B.4.
TEST(Crc32c, GivesTheExamplesOfTheRfc) {
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aaU);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43U);
  std::string up;
  for (int i = 0; i < 32; ++i) up += static_cast<char>(i);
  EXPECT_EQ(crc32c(up), 0x46dd794eU);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283U);
}

}  // namespace
}  // namespace causeway::directory
