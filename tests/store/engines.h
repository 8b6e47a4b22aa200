// The same test on both engines: EngineTest opens a fresh store on each.
#pragma once

#include <gmock/gmock.h>

#include <atomic>
#include <iostream>

#include "postgres_server.h"
#include "store/store.h"

namespace causeway::store {

class EngineTest : public ::testing::TestWithParam<Engine> {
 protected:
  void SetUp() override {
    if (GetParam() == Engine::kSqlite) {
      locator_ = folder_ / "store.db";
    } else {
      auto& server = testing::PostgresServer::instance();
      if (!server.installed()) {
        std::cout << "NOT TESTED: " << server.problem() << "\n";
        GTEST_SKIP() << server.problem();
      }
      ASSERT_EQ(server.problem(), "");
      static std::atomic<int> count{0};
      const std::string name = "t" + std::to_string(++count);
      auto admin = open_postgres(server.connection("postgres"));
      ASSERT_TRUE(admin) << admin.error().what;
      const Status made = (*admin)->script("CREATE DATABASE " + name);
      ASSERT_TRUE(made) << made.error().what;
      locator_ = server.connection(name);
    }
    auto s = Store::open(locator_);
    ASSERT_TRUE(s) << s.error().what;
    store_ = std::move(*s);
  }

  static constexpr WallTime kNow{1'800'000'000'000'000};

  void write(const std::function<Status(Writer&)>& f) {
    auto w = store_->write("tester", kNow);
    ASSERT_TRUE(w) << w.error().what;
    const Status s = f(**w);
    ASSERT_TRUE(s) << s.error().what;
    const Status c = (*w)->commit();
    ASSERT_TRUE(c) << c.error().what;
  }
  void put_account(const std::string& name) {
    write([&](Writer& w) {
      AccountRecord a;
      a.name = name;
      return w.put_account(a, "", "{}");
    });
  }
  void put_numbers(const std::string& account, const std::vector<std::string>& numbers,
                   ServiceSet services = kDirectRouting) {
    write([&](Writer& w) { return put(w, account, numbers, services); });
  }
  static Status put(Writer& w, const std::string& account, const std::vector<std::string>& numbers,
                    ServiceSet services) {
    auto old = w.numbers(numbers);
    if (!old) return tl::unexpected(old.error());
    std::vector<Writer::NumberWrite> writes;
    for (const auto& n : numbers) {
      Writer::NumberWrite x;
      x.record.number = n;
      x.record.account = account;
      x.record.present = x.record.enabled = services;
      for (const auto& o : *old)
        if (o.number == n) x.before = o;
      x.after_json = "{}";
      writes.push_back(std::move(x));
    }
    return w.put_numbers(writes);
  }
  std::unique_ptr<Reader> read() {
    auto r = store_->read();
    EXPECT_TRUE(r) << r.error().what;
    return std::move(*r);
  }

  testing::TemporaryFolder folder_;
  std::string locator_;
  std::unique_ptr<Store> store_;
};

inline std::string engine_name(const ::testing::TestParamInfo<Engine>& info) {
  return info.param == Engine::kSqlite ? "Sqlite" : "Postgres";
}

}  // namespace causeway::store
