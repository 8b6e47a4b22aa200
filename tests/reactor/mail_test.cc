// What crosses threads; also run under the thread sanitizer.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "reactor/loop.h"

namespace causeway::reactor {
namespace {

struct Number final : MailBase {
  explicit Number(int n) : value(n) {}
  int value;
};

// Sends `count` numbers to the other shard, as fast as its box takes them, and checks the order
// of what arrives.
struct Worker final : MailHandler, TimerTarget {
  Worker(MailRoom& room, std::uint16_t shard, std::uint16_t other, int total)
      : reactor(room, EpollOptions{ShardId{shard}}), to(other), count(total) {
    reactor.set_mail_handler(this);
    reactor.timers().schedule(reactor.now(), *this, 0);
  }
  void on_timer(std::uint64_t, Instant now) override {
    while (sent < count) {
      Mail mail = std::make_unique<Number>(sent);
      if (!reactor.post(to, mail)) {
        ++full;
        break;
      }
      ++sent;
    }
    if (sent < count) reactor.timers().schedule(now + Millis{1}, *this, 0);
  }
  void on_mail(ShardId from, Mail mail) override {
    const int value = static_cast<Number&>(*mail).value;
    if (from == kNoShard) {
      ++commands;
    } else {
      in_order = in_order && value == received;
      ++received;
    }
    if (received == count && commands == 100) done = true;
  }
  EpollReactor reactor;
  ShardId to;
  int count;
  int sent = 0, received = 0, full = 0, commands = 0;
  bool in_order = true;
  std::atomic<bool> done = false;
};

TEST(MailRoom, TwoThreadsExchangeMailInOrderThroughSmallBoxes) {
  constexpr int kCount = 50'000;
  MailRoom room(2, 64);
  Worker a(room, 0, 1, kCount), b(room, 1, 0, kCount);
  std::jthread one([&](std::stop_token stop) { a.reactor.run(stop); });
  std::jthread two([&](std::stop_token stop) { b.reactor.run(stop); });
  for (int i = 0; i < 100; ++i)
    for (const ShardId shard : {ShardId{0}, ShardId{1}}) {
      Mail mail = std::make_unique<Number>(i);
      while (!room.post(kNoShard, shard, mail)) std::this_thread::yield();
    }
  while (!a.done || !b.done) std::this_thread::yield();
  one.request_stop();
  two.request_stop();
  one.join();
  two.join();
  EXPECT_TRUE(a.in_order && b.in_order);
  EXPECT_EQ(a.received, kCount);
  EXPECT_EQ(b.received, kCount);
}

TEST(MailRoom, AFullBoxLeavesTheMailWithTheSender) {
  MailRoom room(1, 4);
  for (int i = 0; i < 4; ++i) {
    Mail mail = std::make_unique<Number>(i);
    EXPECT_TRUE(room.post(kNoShard, ShardId{0}, mail));
  }
  Mail extra = std::make_unique<Number>(5);
  EXPECT_FALSE(room.post(kNoShard, ShardId{0}, extra));
  EXPECT_TRUE(extra);
  EXPECT_FALSE(room.post(kNoShard, ShardId{7}, extra));
  Mailbox::Letter letter;
  EXPECT_TRUE(room.box(ShardId{0}).take(letter));
  EXPECT_TRUE(room.post(kNoShard, ShardId{0}, extra));
}

TEST(EpollReactor, WakesAndStopsFromAnotherThread) {
  MailRoom room(1);
  EpollReactor reactor(room);
  std::jthread loop([&](std::stop_token stop) { reactor.run(stop); });
  reactor.wake();
  loop.request_stop();
  loop.join();
  EXPECT_GE(reactor.stats().turns, 0U);
}

}  // namespace
}  // namespace causeway::reactor
