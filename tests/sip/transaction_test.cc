// The machines of RFC 3261 section 17 and RFC 6026 in virtual time: what their timers come to, and
// the rows that matter most. Every cell stands in transaction_tables_test.cc.
#include "sip/transaction.h"

#include <gtest/gtest.h>

#include <string>
#include <tuple>
#include <vector>

namespace causeway::sip {

std::ostream& operator<<(std::ostream& o, TxState s) {
  return o << "state " << static_cast<int>(s);
}

namespace {

using E = TxEvent;
using S = TxState;

std::string words(const TxActions& a) {
  std::string s;
  if (a.send) s += "send ";
  if (a.deliver) s += "deliver ";
  if (a.send_ack) s += "ack ";
  if (a.timed_out) s += "timed_out ";
  if (a.failed) s += "failed ";
  if (a.terminated) s += "end ";
  if (!s.empty()) s.pop_back();
  return s;
}

struct Row {
  E event;
  const char* actions;
  S next;
};

// Brings a fresh machine to a state, then checks each row from a copy of it.
struct Machine {
  Transaction tx;
  TimerConfig config;
  Instant now{};
  explicit Machine(TxKind kind, bool reliable = false, std::vector<E> path = {})
      : tx(make_transaction(kind, reliable)) {
    for (const E e : path) std::ignore = step(tx, e, now, config);
  }
  std::string operator()(E e) { return words(step(tx, e, now, config)); }
  void rows(std::initializer_list<Row> table) const {
    for (const Row& r : table) {
      Transaction copy = tx;
      const auto a = step(copy, r.event, now, config);
      EXPECT_EQ(words(a), r.actions) << tx.state << " event " << static_cast<int>(r.event);
      EXPECT_EQ(copy.state, r.next) << tx.state << " event " << static_cast<int>(r.event);
      if (copy.state == S::kTerminated) {
        EXPECT_FALSE(next_deadline(copy));
      }
    }
  }
  // Every timer as it fires, "ms:actions", until nothing is armed.
  std::string run() {
    std::string out;
    while (const auto d = next_deadline(tx)) {
      now = d->at;
      const auto a = words(step(tx, d->event, now, config));
      out += std::to_string(now.time_since_epoch() / Millis(1)) + ":" + a + " ";
      if (out.size() > 2000) return out + "endless";
    }
    if (!out.empty()) out.pop_back();
    return out;
  }
};

// --- INVITE client: figure 5, RFC 6026 figure 3 ---

TEST(InviteClient, Rows) {
  const auto k = TxKind::kInviteClient;
  Machine(k).rows({{E::kStart, "send", S::kCalling}});
  Machine(k, false, {E::kStart})
      .rows({{E::kRetransmit, "send", S::kCalling},
             {E::kTimeout, "timed_out end", S::kTerminated},
             {E::kTransportError, "failed end", S::kTerminated},
             {E::kProvisional, "deliver", S::kProceeding},
             {E::kSuccess, "deliver", S::kAccepted},
             {E::kFailure, "deliver ack", S::kCompleted}});
  Machine(k, false, {E::kStart, E::kProvisional})
      .rows({{E::kProvisional, "deliver", S::kProceeding},
             {E::kSuccess, "deliver", S::kAccepted},
             {E::kFailure, "deliver ack", S::kCompleted},
             {E::kTimeout, "", S::kProceeding},
             {E::kTransportError, "failed end", S::kTerminated}});
  Machine(k, false, {E::kStart, E::kSuccess})
      .rows({{E::kSuccess, "deliver", S::kAccepted},
             {E::kProvisional, "", S::kAccepted},
             {E::kFailure, "", S::kAccepted},
             {E::kTransportError, "", S::kAccepted},
             {E::kTimeout, "end", S::kTerminated}});
  Machine(k, false, {E::kStart, E::kFailure})
      .rows({{E::kFailure, "ack", S::kCompleted},
             {E::kProvisional, "", S::kCompleted},
             {E::kSuccess, "", S::kCompleted},
             {E::kTransportError, "failed end", S::kTerminated},
             {E::kLinger, "end", S::kTerminated}});
}

TEST(InviteClient, TimerADoublesUntilB) {
  Machine m(TxKind::kInviteClient);
  m(E::kStart);
  EXPECT_EQ(m.run(),
            "500:send 1500:send 3500:send 7500:send 15500:send 31500:send 32000:timed_out end");
}

TEST(InviteClient, ReliableTransportsWaitForBAlone) {
  Machine m(TxKind::kInviteClient, true);
  m(E::kStart);
  EXPECT_EQ(m.run(), "32000:timed_out end");
}

TEST(InviteClient, AProvisionalResponseStopsEveryTimer) {
  Machine m(TxKind::kInviteClient, false, {E::kStart, E::kProvisional});
  EXPECT_EQ(m.run(), "");
}

TEST(InviteClient, CompletedLingersForDOverUdpOnly) {
  Machine udp(TxKind::kInviteClient, false, {E::kStart, E::kFailure});
  EXPECT_EQ(udp.run(), "32000:end");
  Machine tls(TxKind::kInviteClient, true, {E::kStart});
  EXPECT_EQ(tls(E::kFailure), "deliver ack end");
}

TEST(InviteClient, AcceptedLastsForMOnEveryTransport) {
  for (const bool reliable : {false, true}) {
    Machine m(TxKind::kInviteClient, reliable, {E::kStart, E::kSuccess});
    EXPECT_EQ(m.run(), "32000:end");
  }
}

// --- non-INVITE client: figure 6 ---

TEST(NonInviteClient, Rows) {
  const auto k = TxKind::kNonInviteClient;
  Machine(k).rows({{E::kStart, "send", S::kTrying}});
  for (const bool provisional : {false, true}) {
    Machine m(k, false, {E::kStart});
    if (provisional) m(E::kProvisional);
    const S here = provisional ? S::kProceeding : S::kTrying;
    m.rows({{E::kRetransmit, "send", here},
            {E::kTimeout, "timed_out end", S::kTerminated},
            {E::kTransportError, "failed end", S::kTerminated},
            {E::kProvisional, "deliver", S::kProceeding},
            {E::kSuccess, "deliver", S::kCompleted},
            {E::kFailure, "deliver", S::kCompleted}});
  }
  Machine(k, false, {E::kStart, E::kSuccess})
      .rows({{E::kSuccess, "", S::kCompleted},
             {E::kProvisional, "", S::kCompleted},
             {E::kFailure, "", S::kCompleted},
             {E::kLinger, "end", S::kTerminated}});
}

TEST(NonInviteClient, TimerEDoublesUpToT2UntilF) {
  Machine m(TxKind::kNonInviteClient);
  m(E::kStart);
  EXPECT_EQ(m.run(),
            "500:send 1500:send 3500:send 7500:send 11500:send 15500:send 19500:send 23500:send "
            "27500:send 31500:send 32000:timed_out end");
}

TEST(NonInviteClient, InProceedingTimerEIsT2) {
  Machine m(TxKind::kNonInviteClient, false, {E::kStart, E::kProvisional});
  EXPECT_EQ(m.run(),
            "500:send 4500:send 8500:send 12500:send 16500:send 20500:send 24500:send 28500:send "
            "32000:timed_out end");
}

TEST(NonInviteClient, KIsT4OverUdpAndNothingElsewhere) {
  Machine udp(TxKind::kNonInviteClient, false, {E::kStart, E::kFailure});
  EXPECT_EQ(udp.run(), "5000:end");
  Machine tcp(TxKind::kNonInviteClient, true, {E::kStart});
  EXPECT_EQ(tcp(E::kSuccess), "deliver end");
  Machine silent(TxKind::kNonInviteClient, true, {E::kStart});
  EXPECT_EQ(silent.run(), "32000:timed_out end");
}

// --- INVITE server: figure 7, RFC 6026 figure 1 ---

TEST(InviteServer, Rows) {
  const auto k = TxKind::kInviteServer;
  Machine(k).rows({{E::kStart, "deliver", S::kProceeding}});
  Machine(k, false, {E::kStart})
      .rows({{E::kRequest, "send", S::kProceeding},
             {E::kProvisional, "send", S::kProceeding},
             {E::kSuccess, "send", S::kAccepted},
             {E::kFailure, "send", S::kCompleted},
             {E::kAck, "", S::kProceeding},
             {E::kTransportError, "failed", S::kProceeding}});
  Machine(k, false, {E::kStart, E::kSuccess})
      .rows({{E::kRequest, "", S::kAccepted},
             {E::kSuccess, "send", S::kAccepted},
             {E::kProvisional, "", S::kAccepted},
             {E::kFailure, "", S::kAccepted},
             {E::kAck, "deliver", S::kAccepted},
             {E::kTransportError, "failed", S::kAccepted},
             {E::kTimeout, "end", S::kTerminated}});
  Machine(k, false, {E::kStart, E::kFailure})
      .rows({{E::kRequest, "send", S::kCompleted},
             {E::kRetransmit, "send", S::kCompleted},
             {E::kAck, "", S::kConfirmed},
             {E::kSuccess, "", S::kCompleted},
             {E::kTransportError, "failed", S::kCompleted},
             {E::kTimeout, "timed_out end", S::kTerminated}});
  Machine(k, false, {E::kStart, E::kFailure, E::kAck})
      .rows({{E::kAck, "", S::kConfirmed},
             {E::kRequest, "", S::kConfirmed},
             {E::kLinger, "end", S::kTerminated}});
}

TEST(InviteServer, TimerGDoublesUpToT2UntilH) {
  Machine m(TxKind::kInviteServer, false, {E::kStart, E::kFailure});
  EXPECT_EQ(m.run(),
            "500:send 1500:send 3500:send 7500:send 11500:send 15500:send 19500:send 23500:send "
            "27500:send 31500:send 32000:timed_out end");
  Machine tls(TxKind::kInviteServer, true, {E::kStart, E::kFailure});
  EXPECT_EQ(tls.run(), "32000:timed_out end");
}

TEST(InviteServer, TheAckStopsGAndConfirmedLastsForI) {
  Machine udp(TxKind::kInviteServer, false, {E::kStart, E::kFailure, E::kAck});
  EXPECT_EQ(udp.run(), "5000:end");
  Machine tcp(TxKind::kInviteServer, true, {E::kStart, E::kFailure});
  EXPECT_EQ(tcp(E::kAck), "end");
}

TEST(InviteServer, AcceptedLastsForLOnEveryTransport) {
  for (const bool reliable : {false, true}) {
    Machine m(TxKind::kInviteServer, reliable, {E::kStart, E::kProvisional, E::kSuccess});
    EXPECT_EQ(m.run(), "32000:end");
  }
}

TEST(InviteServer, ProceedingHasNoTimerOfItsOwn) {
  Machine m(TxKind::kInviteServer, false, {E::kStart, E::kProvisional});
  EXPECT_EQ(m.run(), "");
}

// --- non-INVITE server: figure 8 ---

TEST(NonInviteServer, Rows) {
  const auto k = TxKind::kNonInviteServer;
  Machine(k).rows({{E::kStart, "deliver", S::kTrying}});
  Machine(k, false, {E::kStart})
      .rows({{E::kRequest, "", S::kTrying},
             {E::kProvisional, "send", S::kProceeding},
             {E::kSuccess, "send", S::kCompleted},
             {E::kFailure, "send", S::kCompleted},
             {E::kTransportError, "failed", S::kTrying}});
  Machine(k, false, {E::kStart, E::kProvisional})
      .rows({{E::kRequest, "send", S::kProceeding},
             {E::kProvisional, "send", S::kProceeding},
             {E::kSuccess, "send", S::kCompleted},
             {E::kFailure, "send", S::kCompleted},
             {E::kTransportError, "failed", S::kProceeding}});
  Machine(k, false, {E::kStart, E::kSuccess})
      .rows({{E::kRequest, "send", S::kCompleted},
             {E::kSuccess, "", S::kCompleted},
             {E::kProvisional, "", S::kCompleted},
             {E::kTransportError, "failed", S::kCompleted},
             {E::kLinger, "end", S::kTerminated}});
}

TEST(NonInviteServer, JIs64T1OverUdpAndNothingElsewhere) {
  Machine udp(TxKind::kNonInviteServer, false, {E::kStart, E::kFailure});
  EXPECT_EQ(udp.run(), "32000:end");
  Machine tls(TxKind::kNonInviteServer, true, {E::kStart});
  EXPECT_EQ(tls(E::kSuccess), "send end");
}

// --- all ---

TEST(Transactions, NothingWakesTheDead) {
  for (int k = 0; k < 4; ++k) {
    Machine m(static_cast<TxKind>(k));
    m.tx.state = S::kTerminated;
    for (int e = 0; e <= static_cast<int>(E::kTransportError); ++e) {
      EXPECT_EQ(m(static_cast<E>(e)), "");
      EXPECT_EQ(m.tx.state, S::kTerminated);
    }
  }
}

TEST(Transactions, AShorterT1ScalesEveryDeadline) {
  Machine m(TxKind::kInviteClient);
  m.config.t1 = Millis(50);
  m(E::kStart);
  EXPECT_EQ(m.run(), "50:send 150:send 350:send 750:send 1550:send 3150:send 3200:timed_out end");
}

}  // namespace
}  // namespace causeway::sip
