#include "telemetry/trail.h"

#include <gmock/gmock.h>

#include "telemetry/ladder.h"

namespace causeway::telemetry {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const Endpoint kHere = *Endpoint::parse("127.0.0.1:5060");
const Endpoint kThere = *Endpoint::parse("[2001:db8::1]:5061");

TEST(Trail, MasksMessagesBeforeItStoresThem) {
  Trail t(CallId(1));
  t.message(true, WallTime{1}, 1, "p", Transport::kTls, kHere, kThere,
            "INVITE sip:a SIP/2.0\r\n\r\nv=0\r\na=crypto:1 X inline:SECRETSECRET\r\n");
  Event e;
  e.kind = EventKind::kMessageIn;
  e.message = "INVITE sip:a SIP/2.0\r\n\r\nv=0\r\na=crypto:1 X inline:SECRETSECRET\r\n";
  t.add(std::move(e));
  for (const Event* x : t.events()) EXPECT_THAT(x->message, Not(HasSubstr("SECRET")));
}

TEST(Trail, WhenFullItKeepsTheBeginningAndTheLatest) {
  Trail t(CallId(1), 8'192);
  for (int i = 0; i < 1'000; ++i)
    t.add(EventKind::kNote, WallTime{i}, 0, "event " + std::to_string(i));
  EXPECT_LE(t.bytes(), t.max_bytes());
  const auto events = t.events();
  EXPECT_EQ(events.front()->text, "event 0");
  EXPECT_EQ(events.back()->text, "event 999");
  EXPECT_EQ(events.size() + t.dropped(), 1'000u);
  const std::size_t gap = t.dropped_after();
  EXPECT_EQ(events[gap - 1]->text, "event " + std::to_string(gap - 1));
  EXPECT_EQ(events[gap]->text, "event " + std::to_string(gap + t.dropped()));
}

TEST(Trail, OneHugeEventDoesNotBurstIt) {
  Trail t(CallId(1), 8'192);
  std::vector<Field> fields(500, Field{std::string(1'000, 'n'), std::string(10'000, 'v')});
  for (int i = 0; i < 20; ++i) {
    t.message(false, WallTime{i}, 1, std::string(5'000, 'p'), Transport::kUdp, kHere, kThere,
              std::string(60'000, 'x'));
    t.add(EventKind::kDecision, WallTime{i}, 1, std::string(9'000, 't'), fields);
    EXPECT_LE(t.bytes(), 8'192u + 4'096u);
  }
  EXPECT_GT(t.dropped(), 0u);
}

Trail sample() {
  Trail t(CallId(0xfeedbeef12345678), 8'192);
  t.message(true, WallTime{1'790'000'000'000'001}, 1, "site-a", Transport::kUdp, kHere, kHere,
            "INVITE sip:+1@a SIP/2.0\r\nX: \xff\xfe\r\n\r\n");
  t.add(EventKind::kDecision, WallTime{1'790'000'000'000'200}, 0, "to \"phone-system\"\n",
        {{"number", "+1"}, {"\x80", ""}});
  t.message(false, WallTime{1'790'000'000'000'300}, 2, "", Transport::kTls, kThere, kThere,
            "INVITE sip:+1@b SIP/2.0\r\n\r\n");
  for (int i = 0; i < 100; ++i)
    t.add(EventKind::kTimer, WallTime{1'790'000'000'000'400 + i}, 2, "again");
  t.add(EventKind::kEnd, WallTime{1'790'000'001'000'000}, 0, "answered");
  return t;
}

TEST(TrailExport, IsReadBackAsItWas) {
  const Trail t = sample();
  ASSERT_GT(t.dropped(), 0u);
  const std::string text = export_json(t);
  EXPECT_TRUE(text.starts_with("{\"call\":\"feedbeef12345678\"")) << text.substr(0, 100);
  EXPECT_THAT(text.substr(0, text.find('\n')), HasSubstr("\"v\":1"));
  const auto back = import_json(text);
  ASSERT_TRUE(back) << back.error().what;
  EXPECT_EQ(*back, t);
  EXPECT_EQ(export_json(*back), text);
}

TEST(TrailExport, EveryKindHasAName) {
  for (int i = 0; i <= static_cast<int>(EventKind::kRule); ++i) {
    const auto k = static_cast<EventKind>(i);
    EXPECT_EQ(event_kind(to_string(k)), k);
  }
  EXPECT_FALSE(event_kind("nothing"));
}

TEST(TrailExport, WhatIsNotATrailIsRefusedWithItsLine) {
  EXPECT_FALSE(import_json(""));
  EXPECT_FALSE(import_json("[]"));
  EXPECT_FALSE(import_json("{\"v\":2,\"call\":\"0000000000000001\"}"));
  EXPECT_FALSE(import_json("{\"v\":1,\"call\":\"xyz\"}"));
  const std::string head = "{\"v\":1,\"call\":\"0000000000000001\"}\n";
  EXPECT_TRUE(import_json(head));
  for (const char* bad :
       {"{}", "nonsense", "{\"kind\":\"note\",\"at\":\"x\",\"leg\":0}",
        "{\"kind\":\"zzz\",\"at\":1,\"leg\":0}", "{\"kind\":\"message_in\",\"at\":1,\"leg\":0}",
        "{\"kind\":\"note\",\"at\":1,\"leg\":0,\"fields\":[1]}",
        "{\"kind\":\"note\",\"at\":1,\"leg\":0,\"text\":{\"hex\":\"0\"}}"}) {
    const auto r = import_json(head + bad);
    ASSERT_FALSE(r) << bad;
    EXPECT_THAT(r.error().what, HasSubstr("line 2"));
  }
}

TrailStore store(std::uint32_t one_in, std::size_t kept) {
  TrailStore::Limits l;
  l.keep_one_in = one_in;
  l.kept = kept;
  return TrailStore(l);
}

TEST(TrailStore, PinsLiveCallsAndKeepsFailedPoorAndTracedOnes) {
  TrailStore s = store(0, 10);
  for (std::uint64_t i = 1; i <= 4; ++i) ASSERT_NE(s.start(CallId(i)), nullptr);
  EXPECT_EQ(s.start(CallId(1)), nullptr);
  EXPECT_TRUE(s.trace(CallId(3)));
  EXPECT_FALSE(s.trace(CallId(9)));
  s.finish(CallId(1), TrailStore::Outcome::kFailed);
  s.finish(CallId(2), TrailStore::Outcome::kPoor);
  s.finish(CallId(3), TrailStore::Outcome::kGood);
  s.finish(CallId(4), TrailStore::Outcome::kGood);
  EXPECT_NE(s.find(CallId(1)), nullptr);
  EXPECT_NE(s.find(CallId(2)), nullptr);
  EXPECT_NE(s.find(CallId(3)), nullptr);
  EXPECT_EQ(s.find(CallId(4)), nullptr);
  EXPECT_EQ(s.live(CallId(1)), nullptr);
  EXPECT_EQ(s.live_count(), 0u);
}

TEST(TrailStore, WhatComesLateIsAddedToATrailThatIsKeptAndOnce) {
  TrailStore s = store(0, 10);
  const auto late = [&](std::uint64_t id, const char* text) {
    return s.add_late(CallId(id), EventKind::kNote, WallTime{5}, 2, text, "peer");
  };
  for (std::uint64_t i = 1; i <= 2; ++i) ASSERT_NE(s.start(CallId(i)), nullptr);
  EXPECT_FALSE(late(1, "alive")) << "its call tells that by itself";
  s.finish(CallId(1), TrailStore::Outcome::kFailed);
  s.finish(CallId(2), TrailStore::Outcome::kGood);
  EXPECT_FALSE(late(2, "not kept"));
  EXPECT_TRUE(late(1, "late"));
  EXPECT_FALSE(late(1, "late"));
  EXPECT_TRUE(late(1, "later"));
  ASSERT_EQ(s.find(CallId(1))->events().size(), 2u);
  EXPECT_EQ(s.find(CallId(1))->events()[0]->text, "late");
  EXPECT_EQ(s.find(CallId(1))->events()[0]->peer, "peer");
}

TEST(TrailStore, TheOldestOfTheKeptGoesFirst) {
  TrailStore s = store(1, 3);
  for (std::uint64_t i = 1; i <= 5; ++i) {
    (void)s.start(CallId(i));
    s.finish(CallId(i), TrailStore::Outcome::kGood);
  }
  EXPECT_EQ(s.kept_count(), 3u);
  EXPECT_EQ(s.find(CallId(2)), nullptr);
  std::vector<std::uint64_t> seen;
  s.each([&](const Trail& t) {
    seen.push_back(t.id().value);
    return true;
  });
  EXPECT_THAT(seen, ::testing::ElementsAre(5, 4, 3));
}

TEST(TrailStore, OneInSoManyGoodCallsIsKeptAndAlwaysTheSame) {
  int kept = 0;
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    kept += TrailStore::sampled(CallId(i), 100) ? 1 : 0;
    EXPECT_EQ(TrailStore::sampled(CallId(i), 100), TrailStore::sampled(CallId(i), 100));
  }
  EXPECT_GT(kept, 60);
  EXPECT_LT(kept, 140);
  EXPECT_FALSE(TrailStore::sampled(CallId(1), 0));
}

TEST(Trail, PackedItTakesAQuarterAndComesBackAsItWas) {
  const Trail before = sample();
  Trail t = before;
  t.pack();
  EXPECT_TRUE(t.packed());
  EXPECT_FALSE(t.empty());
  EXPECT_EQ(t.bytes(), before.bytes());
  t.pack();  // again: nothing happens
  t.unpack();
  EXPECT_FALSE(t.packed());
  EXPECT_EQ(t, before);
  t.unpack();
  EXPECT_EQ(t, before);

  Trail full(CallId(2), 4'096);  // with a gap
  for (int i = 0; i < 200; ++i) full.add(EventKind::kNote, WallTime{i}, 0, "event");
  Trail again = full;
  again.pack();
  again.unpack();
  EXPECT_EQ(again, full);
  again.add(EventKind::kNote, WallTime{300}, 0, "later");
  EXPECT_EQ(again.events().back()->text, "later");
  EXPECT_GT(again.dropped(), full.dropped());
}

TEST(TrailStore, QuietTrailsArePackedAndWhoeverAsksFindsThemWhole) {
  TrailStore store({});
  for (std::uint64_t i = 1; i <= 3; ++i)
    store.start(CallId(i))->add(EventKind::kNote, WallTime{static_cast<std::int64_t>(i) * 100}, 0,
                                "began " + std::to_string(i));
  EXPECT_EQ(store.rest(WallTime{250}, 10), 0u);  // the third is not quiet yet
  int packed = 0, seen = 0;
  const auto whole = [&](const Trail& t) {
    ++seen;
    packed += t.packed();
    EXPECT_EQ(t.events().size(), 1u);
    return true;
  };
  store.each(whole);
  EXPECT_EQ(seen, 3);
  EXPECT_EQ(packed, 0);
  EXPECT_EQ(store.rest(WallTime{1'000}, 1), 0u);  // the third, and nothing is left to look at
  store.live(CallId(1))->add(EventKind::kNote, WallTime{2'000}, 0, "goes on");
  ASSERT_NE(store.find(CallId(1)), nullptr);
  EXPECT_EQ(store.find(CallId(1))->events().size(), 2u);
  EXPECT_EQ(store.find(CallId(2))->events().front()->text, "began 2");
  EXPECT_EQ(store.rest(WallTime{3'000}, 10), 0u);  // those that were asked for rest again
  store.finish(CallId(2), TrailStore::Outcome::kFailed);
  ASSERT_NE(store.find(CallId(2)), nullptr);
  EXPECT_EQ(store.find(CallId(2))->events().front()->text, "began 2");
  EXPECT_TRUE(store.contains(CallId(2)));
  EXPECT_FALSE(store.contains(CallId(4)));
}

TEST(TrailStore, OnlyWhatIsWorthItIsUnpackedAndOnlySoMuchIsPackedAtOnce) {
  TrailStore store({.bytes_per_call = 200'000});
  const std::string text(2'000, 'x');
  for (std::uint64_t i = 1; i <= 4; ++i) {
    Trail* t = store.start(CallId(i));
    for (int n = 0; n < 60; ++n) t->add(EventKind::kNote, WallTime{100}, 0, text);
  }
  EXPECT_EQ(store.rest(WallTime{200}, 10), 2u) << "two of them are more than a quarter of a MiB";
  EXPECT_EQ(store.rest(WallTime{200}, 10), 0u);
  std::vector<std::uint64_t> seen;
  store.each(
      [&](const Trail& t) {
        seen.push_back(t.id().value);
        return true;
      },
      [](CallId id) { return id == CallId(2); });
  EXPECT_THAT(seen, ::testing::ElementsAre(2));
}

TEST(TrailStore, TrailsThatEndAtOnceLeaveNothingToLookAt) {
  TrailStore store({});
  for (std::uint64_t i = 1; i <= 1'000; ++i) {
    ASSERT_NE(store.start(CallId(i)), nullptr);
    store.finish(CallId(i), TrailStore::Outcome::kGood);
  }
  (void)store.start(CallId(5'000));
  EXPECT_EQ(store.rest(WallTime{1}, 1), 0u);  // the live one alone stood there
}

TEST(TrailStore, LooksAtNoMoreTrailsAtOnceThanItIsTold) {
  TrailStore store({});
  for (std::uint64_t i = 1; i <= 10; ++i)
    store.start(CallId(i))->add(EventKind::kNote, WallTime{1}, 0, "began");
  EXPECT_EQ(store.rest(WallTime{100}, 4), 6u);
  EXPECT_EQ(store.rest(WallTime{100}, 4), 2u);
  EXPECT_EQ(store.rest(WallTime{100}, 4), 0u);
}

}  // namespace
}  // namespace causeway::telemetry
