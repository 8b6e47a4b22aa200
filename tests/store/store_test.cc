#include "store/store.h"

#include <gmock/gmock.h>

#include <fstream>

#include "engines.h"
#include "support/proves.h"

namespace causeway::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

using StoreTest = EngineTest;
INSTANTIATE_TEST_SUITE_P(Engines, StoreTest, ::testing::Values(Engine::kSqlite, Engine::kPostgres),
                         engine_name);

template <typename T>
std::vector<std::string> names(const Result<std::vector<T>>& list) {
  std::vector<std::string> out;
  EXPECT_TRUE(list) << list.error().what;
  for (const auto& x : *list)
    if constexpr (std::is_same_v<T, AccountRecord>)
      out.push_back(x.name);
    else
      out.push_back(x.number);
  return out;
}

TEST_P(StoreTest, AnAccountComesBackAsItWasPut) {
  AccountRecord a;
  a.name = "contoso";
  a.correlation_id = "c-1";
  a.tenant_id = "a7f4bd5c-cc01-40f4-8baa-2b6bdb272b8a";
  a.has_details = true;
  a.present = kOperatorConnect | kDirectRouting;
  a.enabled = kDirectRouting;
  a.sync = kOperatorConnect;
  a.direct_routing = DirectRoutingAccount{false, "con", "MS=1", "MS=2"};
  a.state = SyncState::kFailed;
  a.errors = R"([{"code":"x"}])";
  write([&](Writer& w) { return w.put_account(a, "", "{\"a\":1}"); });
  EXPECT_EQ(a.version, 1);
  const auto b = read()->account("contoso");
  ASSERT_TRUE(b);
  EXPECT_EQ(b->correlation_id, a.correlation_id);
  EXPECT_EQ(b->tenant_id, a.tenant_id);
  EXPECT_TRUE(b->has_details);
  EXPECT_EQ(b->present, a.present);
  EXPECT_EQ(b->enabled, a.enabled);
  EXPECT_EQ(b->sync, a.sync);
  EXPECT_EQ(b->direct_routing, a.direct_routing);
  EXPECT_EQ(b->state, SyncState::kFailed);
  EXPECT_EQ(b->errors, a.errors);
  EXPECT_EQ(b->version, 1);
  EXPECT_EQ(b->modified, kNow);
  EXPECT_EQ(read()->account("Contoso").error().code, ErrorCode::kNotFound);
}

TEST_P(StoreTest, ANumberComesBackAsItWasPut) {
  put_account("contoso");
  write([](Writer& w) {
    Writer::NumberWrite x[1];
    x[0].record.number = "+15105850321";
    x[0].record.account = "contoso";
    x[0].record.present = x[0].record.enabled = kPhoneMobile;
    x[0].record.has_configuration = true;
    x[0].record.custom_header = "h";
    x[0].record.phone_mobile = {Assignment::kAssigned, R"({"usage":"ü"})"};
    x[0].record.state = SyncState::kPending;
    return w.put_numbers(x);
  });
  const auto n = read()->number("+15105850321");
  ASSERT_TRUE(n) << n.error().what;
  EXPECT_EQ(n->account, "contoso");
  EXPECT_EQ(n->enabled, kPhoneMobile);
  EXPECT_EQ(n->custom_header, "h");
  EXPECT_EQ(n->phone_mobile.assignment, Assignment::kAssigned);
  EXPECT_EQ(n->phone_mobile.configuration, R"({"usage":"ü"})");
  EXPECT_EQ(n->state, SyncState::kPending);
  EXPECT_EQ(n->version, 2);
}

TEST_P(StoreTest, CountsOfNumbersFollowEveryWrite) {
  PROVES("P19");
  put_account("a");
  put_numbers("a", {"+1001", "+1002", "+1003"}, kDirectRouting);
  put_numbers("a", {"+1002"}, kZoom | kDirectRouting);
  put_numbers("a", {"+1003"}, kZoom);
  auto a = read()->account("a");
  EXPECT_THAT(a->counts, ElementsAre(0, 0, 2, 2, 0));
  EXPECT_EQ(a->numbers, 3);
  write([](Writer& w) {
    Writer::NumberWrite x[1];
    x[0].before = *w.number("+1002");
    return w.delete_numbers(x);
  });
  a = read()->account("a");
  EXPECT_THAT(a->counts, ElementsAre(0, 0, 1, 1, 0));
  EXPECT_EQ(a->numbers, 2);
  EXPECT_EQ(*read()->count_numbers({}, std::nullopt), 2);
  EXPECT_EQ(*read()->count_numbers({}, "a"), 2);
  EXPECT_EQ(*read()->count_numbers({"(enabled & 8) <> 0", {}}, "a"), 1);
}

TEST_P(StoreTest, OrderAndCaseAreThoseOfBytes) {
  for (const char* name : {"b", "B", "a", "_", "-", "Z", "a1", "A"}) put_account(name);
  EXPECT_THAT(names(read()->list_accounts({})),
              ElementsAre("-", "A", "B", "Z", "_", "a", "a1", "b"));
  EXPECT_TRUE(read()->account("A"));
  EXPECT_NE(read()->account("a")->version, read()->account("A")->version);
}

TEST_P(StoreTest, PagesFollowTheKey) {
  put_account("a");
  put_account("b");
  put_numbers("a", {"+1001", "+1003", "+1005"});
  put_numbers("b", {"+1002", "+1004"});
  Page p;
  p.limit = 2;
  EXPECT_THAT(names(read()->list_numbers(p, std::nullopt)), ElementsAre("+1001", "+1002"));
  p.after = "+1002";
  EXPECT_THAT(names(read()->list_numbers(p, std::nullopt)), ElementsAre("+1003", "+1004"));
  EXPECT_THAT(names(read()->list_numbers(p, "a")), ElementsAre("+1003", "+1005"));
  p.skip = 1;
  EXPECT_THAT(names(read()->list_numbers(p, "a")), ElementsAre("+1005"));
  p = {};
  p.where = {"number = $? OR number = $?", {std::string("+1002"), std::string("+1005")}};
  EXPECT_THAT(names(read()->list_numbers(p, std::nullopt)), ElementsAre("+1002", "+1005"));
}

TEST_P(StoreTest, WhatIsNotCommittedIsUndone) {
  put_account("a");
  {
    auto w = store_->write("tester", kNow);
    ASSERT_TRUE(w);
    ASSERT_TRUE(put(**w, "a", {"+1001"}, kZoom));
  }
  EXPECT_FALSE(read()->number("+1001"));
  EXPECT_EQ(*read()->last_change(), 1);
  EXPECT_EQ(read()->account("a")->numbers, 0);
  put_numbers("a", {"+1001"});
  EXPECT_EQ(read()->number("+1001")->version, 2);
}

TEST_P(StoreTest, AnAccountWithNumbersIsNotDeleted) {
  PROVES("P15");
  put_account("a");
  put_numbers("a", {"+1001"});
  auto w = store_->write("tester", kNow);
  ASSERT_TRUE(w);
  const auto a = (*w)->account("a");
  const Status s = (*w)->delete_account(*a, "{}");
  ASSERT_FALSE(s);
  EXPECT_EQ(s.error().code, ErrorCode::kConflict);
}

TEST_P(StoreTest, EveryChangeHasItsAuditRow) {
  put_account("a");
  write([](Writer& w) {
    auto a = *w.account("a");
    return w.put_account(a, "{\"v\":1}", "{\"v\":2}");
  });
  write([](Writer& w) { return w.delete_account(*w.account("a"), "{\"v\":2}"); });
  const auto rows = read()->audit("a", 10);
  ASSERT_TRUE(rows);
  ASSERT_THAT(*rows, SizeIs(3));
  EXPECT_EQ(rows->at(0).what, "delete-account");
  EXPECT_EQ(rows->at(0).before, "{\"v\":2}");
  EXPECT_EQ(rows->at(0).after, "");
  EXPECT_EQ(rows->at(1).before, "{\"v\":1}");
  EXPECT_EQ(rows->at(1).after, "{\"v\":2}");
  EXPECT_EQ(rows->at(1).who, "tester");
  EXPECT_EQ(rows->at(1).at, kNow);
  EXPECT_EQ(rows->at(2).before, "");
}

TEST_P(StoreTest, ChangesTellWhatIsNow) {
  put_account("a");
  put_numbers("a", {"+1001", "+1002"});
  write([](Writer& w) {
    Writer::NumberWrite x[1];
    x[0].before = *w.number("+1001");
    return w.delete_numbers(x);
  });
  auto c = read()->changes_since(0, 100);
  ASSERT_TRUE(c);
  ASSERT_THAT(c->changes, SizeIs(4));
  EXPECT_EQ(c->last, 4);
  EXPECT_EQ(c->changes[0].kind, ChangeKind::kAccount);
  EXPECT_EQ(c->changes[0].account->numbers, 1);
  EXPECT_EQ(c->changes[1].key, "+1001");
  EXPECT_FALSE(c->changes[1].phone_number);
  EXPECT_EQ(c->changes[2].phone_number->number, "+1002");
  EXPECT_FALSE(c->changes[3].phone_number);
  c = read()->changes_since(2, 1);
  ASSERT_THAT(c->changes, SizeIs(1));
  EXPECT_EQ(c->changes[0].number, 3);
}

TEST_P(StoreTest, AFollowerFromBeforeATrimIsToldToScan) {
  put_account("a");
  put_numbers("a", {"+1001", "+1002", "+1003"});
  write([](Writer& w) { return w.trim_changes(2); });
  EXPECT_EQ(read()->changes_since(1, 10).error().code, ErrorCode::kNotFound);
  EXPECT_THAT(read()->changes_since(2, 10)->changes, SizeIs(2));
}

TEST_P(StoreTest, OutboxAndRepeatableRequestsAreKept) {
  write([](Writer& w) {
    const OutboxEntry e[] = {
        {7, kOperatorConnect, "put-number", "+1", "a", SyncState::kPending, {}}};
    if (const Status s = w.add_outbox(e); !s) return s;
    return w.keep_repeatable({"id-1", "f", 201, "h", "b", {}});
  });
  const auto o = read()->outbox(0, 10);
  ASSERT_THAT(*o, SizeIs(1));
  EXPECT_EQ(o->at(0).key, "+1");
  EXPECT_EQ(o->at(0).state, SyncState::kPending);
  EXPECT_EQ(read()->repeatable("id-1")->status, 201);
  write([](Writer& w) { return w.drop_repeatable_before(kNow); });
  EXPECT_TRUE(read()->repeatable("id-1"));
  write([](Writer& w) { return w.drop_repeatable_before({kNow.micros + 1}); });
  EXPECT_FALSE(read()->repeatable("id-1"));
}

TEST_P(StoreTest, WhatBackendsTellIsKept) {
  write([](Writer& w) {
    RequestForInformation r;
    r.tenant_id = "t";
    r.status = "active";
    r.body = "{}";
    r.comment = "why";
    if (const Status s = w.put_request_for_information(r, "", "{}"); !s) return s;
    if (const Status s = w.put_civic_address(
            {"t", "c1", "US", "Redmond", "98052", "validated", "", "", "{\"id\":\"c1\"}", 0, {}});
        !s)
      return s;
    if (const Status s = w.put_capability_plan({"", "everyone", "{}"}); !s) return s;
    if (const Status s = w.put_capability_plan({"t", "own", "{}"}); !s) return s;
    if (const Status s = w.put_capability_plan({"u", "other", "{}"}); !s) return s;
    return w.put_number_capabilities({"+1001", "[]", "[\"A\"]"});
  });
  EXPECT_EQ(read()->request_for_information("t")->comment, "why");
  EXPECT_THAT(*read()->list_requests_for_information({}), SizeIs(1));
  EXPECT_EQ(read()->civic_address("t", "c1")->city, "Redmond");
  EXPECT_THAT(*read()->list_civic_addresses({}, "u"), SizeIs(0));
  EXPECT_THAT(*read()->capability_plans("t"), SizeIs(2));
  const std::string numbers[] = {"+1001", "+1002"};
  EXPECT_THAT(*read()->number_capabilities(numbers), SizeIs(1));
}

TEST_P(StoreTest, ALargeWriteIsOneTransaction) {
  put_account("a");
  std::vector<std::string> many;
  for (int i = 0; i < 1'700; ++i) many.push_back("+" + std::to_string(100'000 + i));
  put_numbers("a", many);
  EXPECT_EQ(*read()->count_numbers({}, "a"), 1'700);
  EXPECT_EQ(read()->number("+101699")->version, 1'701);
  EXPECT_THAT(read()->changes_since(0, 5'000)->changes, SizeIs(1'701));
}

TEST_P(StoreTest, ItIsThereAfterItWasOpenedAgain) {
  put_account("a");
  store_.reset();
  auto again = Store::open(locator_);
  ASSERT_TRUE(again) << again.error().what;
  EXPECT_TRUE((*(*again)->read())->account("a"));
}

TEST_P(StoreTest, ASchemaOfANewerProgramIsRefused) {
  store_.reset();
  {
    auto c = GetParam() == Engine::kSqlite ? open_sqlite(locator_) : open_postgres(locator_);
    ASSERT_TRUE((*c)->script("UPDATE schema_version SET version = 99"));
  }
  const auto again = Store::open(locator_);
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().what, HasSubstr("schema 99"));
  EXPECT_THAT(again.error().what, HasSubstr("restore the backup"));
}

TEST_P(StoreTest, TextOfAClientIsNeverASqlText) {
  put_account("a");
  const std::string evil = "x'); DROP TABLE numbers; --";
  EXPECT_EQ(read()->account(evil).error().code, ErrorCode::kNotFound);
  Page p;
  p.where = {"name = $?", {evil}};
  EXPECT_THAT(*read()->list_accounts(p), SizeIs(0));
  put_numbers("a", {"+1001"});
  EXPECT_TRUE(read()->number("+1001"));
}

TEST(SqliteFile, ADamagedOneIsRefusedWithTheRemedy) {
  const testing::TemporaryFolder f;
  const std::string path = f / "store.db";
  {
    auto s = Store::open(path);
    ASSERT_TRUE(s);
    auto w = (*s)->write("t", {1});
    AccountRecord a;
    for (int i = 0; i < 500; ++i) {
      a.name = "account" + std::to_string(i);
      ASSERT_TRUE((*w)->put_account(a, "", std::string(200, 'x')));
    }
    ASSERT_TRUE((*w)->commit());
  }
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(40'000);
    for (int i = 0; i < 20'000; ++i) file.put(static_cast<char>(i * 7));
  }
  const auto s = Store::open(path);
  ASSERT_FALSE(s);
  EXPECT_EQ(s.error().code, ErrorCode::kConfiguration);
  EXPECT_THAT(s.error().what, HasSubstr("damaged"));
  EXPECT_THAT(s.error().what, HasSubstr(".recover"));
  std::ofstream(f / "no.db") << std::string(5'000, 'n');
  EXPECT_THAT(Store::open(f / "no.db").error().what, HasSubstr("damaged"));
  EXPECT_THAT(Store::open(f / "none/store.db").error().what, HasSubstr("look at the disk"));
}

TEST(SqliteFile, ThatOfAnotherProgramIsLeftAlone) {
  const testing::TemporaryFolder f;
  {
    auto c = open_sqlite(f / "x.db");
    ASSERT_TRUE((*c)->script("CREATE TABLE theirs (a); PRAGMA application_id=1234;"));
  }
  EXPECT_THAT(Store::open(f / "x.db").error().what, HasSubstr("another program"));
}

TEST(PostgresServerAway, IsSaidWithWhereToLook) {
  const auto s = Store::open("host=/nonexistent dbname=x");
  ASSERT_FALSE(s);
  EXPECT_EQ(s.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(s.error().what, HasSubstr("[provisioning] store"));
}

}  // namespace
}  // namespace causeway::store
