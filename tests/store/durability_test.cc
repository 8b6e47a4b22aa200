// What was acknowledged is there after kill -9 and after the power is gone.
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>

#include "engines.h"

namespace causeway::store {
namespace {

using DurabilityTest = EngineTest;
INSTANTIATE_TEST_SUITE_P(Engines, DurabilityTest,
                         ::testing::Values(Engine::kSqlite, Engine::kPostgres), engine_name);

int kills() {
  const char* n = std::getenv("CAUSEWAY_KILLS");
  return n == nullptr ? 5 : std::atoi(n);
}

// Writes numbers from `from` on, three in a transaction, and tells each that was acknowledged.
[[noreturn]] void write_until_killed(const std::string& locator, int from, int out) {
  auto s = Store::open(locator);
  if (!s) ::_exit(1);
  for (int i = from;; i += 3) {
    auto w = (*s)->write("child", {1});
    if (!w) ::_exit(2);
    Writer::NumberWrite x[3];
    for (int k = 0; k < 3; ++k) {
      x[k].record.number = "+" + std::to_string(1'000'000 + i + k);
      x[k].record.account = "a";
      x[k].record.enabled = kZoom;
    }
    if (!(*w)->put_numbers(x) || !(*w)->commit()) ::_exit(3);
    if (::write(out, &i, sizeof i) != sizeof i) ::_exit(4);
  }
}

// Other programs that are done with the store must not take its log away from those that use it.
TEST_P(DurabilityTest, OtherProcessesComeAndGoAndLeaveTheStoreToThoseThatUseIt) {
  store_.reset();
  constexpr int kOthers = 2;
  int go[kOthers][2];
  pid_t children[kOthers];
  for (int i = 0; i < kOthers; ++i) {
    ASSERT_EQ(::pipe(go[i]), 0);
    children[i] = ::fork();  // before anything is open here
    ASSERT_GE(children[i], 0);
    if (children[i] != 0) continue;
    char c = 0;
    if (::read(go[i][0], &c, 1) != 1) ::_exit(1);
    auto other = Store::open(locator_);
    if (!other) ::_exit(2);
    auto w = (*other)->write("other", {1});
    AccountRecord a;
    a.name = "theirs-" + std::to_string(i);
    if (!w || !(*w)->put_account(a, "", "{}") || !(*w)->commit()) ::_exit(3);
    w->reset();
    other->reset();
    ::_exit(0);
  }
  auto first = Store::open(locator_);
  ASSERT_TRUE(first);
  ASSERT_TRUE((*(*first)->read())->last_change());
  auto second = Store::open(locator_);  // one more connection of this process
  ASSERT_TRUE(second);
  store_ = std::move(*second);
  for (int i = 0; i < kOthers; ++i) {
    ASSERT_EQ(::write(go[i][1], "x", 1), 1);
    int status = 0;
    ::waitpid(children[i], &status, 0);
    ASSERT_TRUE(WIFEXITED(status));
    ASSERT_EQ(WEXITSTATUS(status), 0);
    ::close(go[i][0]);
    ::close(go[i][1]);
    EXPECT_TRUE((*(*first)->read())->account("theirs-" + std::to_string(i)));
    put_account("ours-" + std::to_string(i));
  }
  EXPECT_EQ(*(*(*first)->read())->last_change(), 2 * kOthers);
}

TEST_P(DurabilityTest, AcknowledgedWritesSurviveKillMinusNine) {
  put_account("a");
  store_.reset();
  int next = 0;
  std::vector<int> acknowledged;
  for (int round = 0; round < kills(); ++round) {
    int pipes[2];
    ASSERT_EQ(::pipe(pipes), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(pipes[0]);
      write_until_killed(locator_, next, pipes[1]);
    }
    ::close(pipes[1]);
    // Killed after some acknowledgements, at no particular point of its work.
    const int enough = 2 + (round * 7) % 11;
    int value = 0, got = 0;
    while (got < enough && ::read(pipes[0], &value, sizeof value) == sizeof value) {
      acknowledged.push_back(value);
      ++got;
    }
    ::usleep(static_cast<useconds_t>(round * 137 % 900));
    ::kill(child, SIGKILL);
    while (::read(pipes[0], &value, sizeof value) == sizeof value) acknowledged.push_back(value);
    ::close(pipes[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child gave up by itself: " << WEXITSTATUS(status);
    ASSERT_EQ(got, enough);
    next = acknowledged.back() + 6;  // one more may be there that was not acknowledged
  }
  auto s = Store::open(locator_);
  ASSERT_TRUE(s) << s.error().what;
  auto r = *(*s)->read();
  std::int64_t found = 0;
  for (const int i : acknowledged)
    for (int k = 0; k < 3; ++k) {
      EXPECT_TRUE(r->number("+" + std::to_string(1'000'000 + i + k))) << i + k;
      ++found;
    }
  // All or nothing: no transaction is there in part, and the count is what is there.
  const auto all = r->count_numbers({"1 = 1", {}}, "a");
  ASSERT_TRUE(all);
  EXPECT_EQ(*all % 3, 0);
  EXPECT_GE(*all, found);
  EXPECT_EQ(r->account("a")->numbers, *all);
  EXPECT_EQ(*r->last_change(), *all + 1);
}

// A disk that keeps what was synced, and nothing else: at each sync the file is copied to `kept`.
struct SyncedDisk {
  struct Open {
    std::string path;
    const sqlite3_io_methods* real;
  };
  static inline std::map<sqlite3_file*, Open> open_files;
  static inline std::map<std::string, std::string> kept;  // path: where its synced content is
  static inline std::string disk, folder;                 // what is watched, where it is kept
  static inline sqlite3_vfs* real = nullptr;
  static inline std::map<const sqlite3_io_methods*, sqlite3_io_methods> methods;
  static inline sqlite3_vfs vfs;

  static int sync(sqlite3_file* file, int flags) {
    const int rc = open_files[file].real->xSync(file, flags);
    const std::string& path = open_files[file].path;
    const std::string copy = folder + "/" + std::filesystem::path(path).filename().string();
    std::filesystem::copy_file(path, copy, std::filesystem::copy_options::overwrite_existing);
    kept[path] = copy;
    return rc;
  }
  static int open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out) {
    const int rc = real->xOpen(real, name, file, flags, out);
    if (rc == SQLITE_OK && name != nullptr && std::string_view(name).starts_with(disk)) {
      open_files[file] = {name, file->pMethods};
      sqlite3_io_methods& ours = methods[file->pMethods];
      ours = *file->pMethods;
      ours.xSync = sync;
      file->pMethods = &ours;
    }
    return rc;
  }
  // Its name is gone from the disk when the folder was synced, too.
  static int remove(sqlite3_vfs*, const char* name, int sync_folder) {
    if (sync_folder != 0) kept.erase(name);
    return real->xDelete(real, name, sync_folder);
  }
  SyncedDisk(const std::string& watched, const std::string& where) {
    disk = watched;
    folder = where;
    real = sqlite3_vfs_find(nullptr);
    vfs = *real;
    vfs.zName = "synced-disk";
    vfs.xOpen = open;
    vfs.xDelete = remove;
    sqlite3_vfs_register(&vfs, 1);
  }
  ~SyncedDisk() {
    sqlite3_vfs_unregister(&vfs);
    sqlite3_vfs_register(real, 1);
    open_files.clear();
    kept.clear();
  }
};

TEST(Durability, AcknowledgedWritesSurviveALossOfPower) {
  const testing::TemporaryFolder f, synced;
  std::vector<std::string> acknowledged;
  const SyncedDisk disk(f.path(), synced.path());
  auto s = Store::open(f / "store.db");
  ASSERT_TRUE(s) << s.error().what;
  for (int i = 0; i < 12; ++i) {
    auto w = *(*s)->write("t", {1});
    AccountRecord a;
    a.name = "account" + std::to_string(i);
    ASSERT_TRUE(w->put_account(a, "", std::string(i % 4 == 3 ? 400'000 : 10, 'x')));
    ASSERT_TRUE(w->commit());
    w.reset();
    acknowledged.push_back(a.name);
    // The power goes now. Another machine finds what was synced.
    const testing::TemporaryFolder after;
    ASSERT_FALSE(SyncedDisk::kept.empty());
    for (const auto& [path, copy] : SyncedDisk::kept)
      std::filesystem::copy_file(copy, after / std::filesystem::path(path).filename().string());
    auto found = Store::open(after / "store.db");
    ASSERT_TRUE(found) << found.error().what;
    auto r = *(*found)->read();
    for (const auto& name : acknowledged) EXPECT_TRUE(r->account(name)) << name;
    EXPECT_EQ(*r->last_change(), i + 1);
  }
}

}  // namespace
}  // namespace causeway::store
