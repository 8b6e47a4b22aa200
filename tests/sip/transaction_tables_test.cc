// Figures 5 to 8 of RFC 3261 as RFC 6026 amends them, cell by cell: every state of the four
// machines against every event, over unreliable and reliable transports. kStart makes a machine
// what it is and comes once: each row begins behind it.
//
// A cell says what is done, the next state, and which timers are armed in it: r retransmission (A,
// E, G), t time-out (B, F, H, L, M), l lingering (D, K, I, J). "." is: nothing happens.
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <tuple>
#include <vector>

#include "sip/transaction.h"

namespace causeway::sip {
namespace {

using E = TxEvent;
using S = TxState;

constexpr std::array kEvents = {E::kRetransmit,  E::kTimeout, E::kLinger,
                                E::kProvisional, E::kSuccess, E::kFailure,
                                E::kRequest,     E::kAck,     E::kTransportError};
constexpr std::array kEventNames = {"retransmission timer",
                                    "time-out timer",
                                    "linger timer",
                                    "1xx",
                                    "2xx",
                                    "300-699",
                                    "request again",
                                    "ACK",
                                    "transport error"};

std::string name(S s) {
  switch (s) {
    case S::kCalling: return "Calling";
    case S::kTrying: return "Trying";
    case S::kProceeding: return "Proceeding";
    case S::kAccepted: return "Accepted";
    case S::kCompleted: return "Completed";
    case S::kConfirmed: return "Confirmed";
    case S::kTerminated: return "Terminated";
  }
  return "?";
}

std::string timers(const Transaction& tx) {
  std::string s;
  if (tx.retransmit_at) s += 'r';
  if (tx.timeout_at) s += 't';
  if (tx.linger_at) s += 'l';
  return s.empty() ? s : " " + s;
}

std::string cell(Transaction tx, E event) {
  const std::string before = name(tx.state) + timers(tx);
  const TxActions a = step(tx, event, Instant{} + Seconds(1), TimerConfig{});
  std::string s;
  if (a.send) s += "send ";
  if (a.deliver) s += "deliver ";
  if (a.send_ack) s += "ack ";
  if (a.timed_out) s += "timed_out ";
  if (a.failed) s += "failed ";
  if (a.terminated) s += "end ";
  const std::string after = name(tx.state) + timers(tx);
  if (s.empty() && before == after) return ".";
  return s + ">" + after;
}

struct Row {
  S state;
  std::vector<E> path;  // behind kStart
  std::array<const char*, kEvents.size()> cells;
};

void check(TxKind kind, bool reliable, const std::vector<Row>& table) {
  for (const Row& row : table) {
    Transaction tx = make_transaction(kind, reliable);
    std::ignore = step(tx, E::kStart, Instant{}, TimerConfig{});
    for (const E e : row.path) std::ignore = step(tx, e, Instant{}, TimerConfig{});
    ASSERT_EQ(name(tx.state), name(row.state));
    for (std::size_t i = 0; i < kEvents.size(); ++i)
      EXPECT_EQ(cell(tx, kEvents[i]), row.cells[i])
          << name(row.state) << timers(tx) << " and " << kEventNames[i];
  }
}

constexpr std::array<const char*, kEvents.size()> kNothing = {".", ".", ".", ".", ".",
                                                              ".", ".", ".", "."};

// clang-format off

// Figure 5; RFC 6026 8.4: Accepted. Beyond the figure, an error in Proceeding counts, too: over a
// stream it says that the connection that the answer would come on is gone.
TEST(TransactionTables, InviteClientOverUdp) {
  //                                    r                t                           l                  1xx                    2xx                       300-699                     request ACK  error
  check(TxKind::kInviteClient, false, {
    {S::kCalling, {},                  {"send >Calling rt", "timed_out end >Terminated", ".",            "deliver >Proceeding", "deliver >Accepted t",    "deliver ack >Completed l", ".", ".", "failed end >Terminated"}},
    {S::kProceeding, {E::kProvisional},{".",             ".",                        ".",               "deliver >Proceeding", "deliver >Accepted t",    "deliver ack >Completed l", ".", ".", "failed end >Terminated"}},
    {S::kAccepted, {E::kSuccess},      {".",             "end >Terminated",          ".",               ".",                   "deliver >Accepted t",    ".",                        ".", ".", "."}},
    {S::kCompleted, {E::kFailure},     {".",             ".",                        "end >Terminated", ".",                   ".",                      "ack >Completed l",         ".", ".", "failed end >Terminated"}},
    {S::kTerminated, {E::kTimeout},    kNothing},
  });
}

TEST(TransactionTables, InviteClientOverStreams) {
  check(TxKind::kInviteClient, true, {
    {S::kCalling, {},                  {".",             "timed_out end >Terminated", ".",              "deliver >Proceeding", "deliver >Accepted t",    "deliver ack end >Terminated", ".", ".", "failed end >Terminated"}},
    {S::kProceeding, {E::kProvisional},{".",             ".",                        ".",               "deliver >Proceeding", "deliver >Accepted t",    "deliver ack end >Terminated", ".", ".", "failed end >Terminated"}},
    {S::kAccepted, {E::kSuccess},      {".",             "end >Terminated",          ".",               ".",                   "deliver >Accepted t",    ".",                           ".", ".", "."}},
    {S::kTerminated, {E::kFailure},    kNothing},  // Timer D is 0
  });
}

// Figure 6.
TEST(TransactionTables, NonInviteClientOverUdp) {
  check(TxKind::kNonInviteClient, false, {
    {S::kTrying, {},                   {"send >Trying rt",     "timed_out end >Terminated", ".",         "deliver >Proceeding rt", "deliver >Completed l", "deliver >Completed l",    ".", ".", "failed end >Terminated"}},
    {S::kProceeding, {E::kProvisional},{"send >Proceeding rt", "timed_out end >Terminated", ".",         "deliver >Proceeding rt", "deliver >Completed l", "deliver >Completed l",    ".", ".", "failed end >Terminated"}},
    {S::kCompleted, {E::kSuccess},     {".",             ".",                        "end >Terminated", ".",                   ".",                      ".",                        ".", ".", "."}},
    {S::kCompleted, {E::kFailure},     {".",             ".",                        "end >Terminated", ".",                   ".",                      ".",                        ".", ".", "."}},
    {S::kTerminated, {E::kTimeout},    kNothing},
  });
}

TEST(TransactionTables, NonInviteClientOverStreams) {
  check(TxKind::kNonInviteClient, true, {
    {S::kTrying, {},                   {".",             "timed_out end >Terminated", ".",              "deliver >Proceeding t", "deliver end >Terminated", "deliver end >Terminated", ".", ".", "failed end >Terminated"}},
    {S::kProceeding, {E::kProvisional},{".",             "timed_out end >Terminated", ".",              "deliver >Proceeding t", "deliver end >Terminated", "deliver end >Terminated", ".", ".", "failed end >Terminated"}},
    {S::kTerminated, {E::kSuccess},    kNothing},  // Timer K is 0
  });
}

// Figure 7; RFC 6026 8.5: Accepted; its 17.2.4: what cannot be sent is told and ends nothing.
TEST(TransactionTables, InviteServerOverUdp) {
  check(TxKind::kInviteServer, false, {
    {S::kProceeding, {},               {".",             ".",                        ".",               "send >Proceeding",    "send >Accepted t",       "send >Completed rt",       "send >Proceeding", ".", "failed >Proceeding"}},
    {S::kProceeding, {E::kProvisional},{".",             ".",                        ".",               "send >Proceeding",    "send >Accepted t",       "send >Completed rt",       "send >Proceeding", ".", "failed >Proceeding"}},
    {S::kAccepted, {E::kSuccess},      {".",             "end >Terminated",          ".",               ".",                   "send >Accepted t",       ".",                        ".", "deliver >Accepted t", "failed >Accepted t"}},
    {S::kCompleted, {E::kFailure},     {"send >Completed rt", "timed_out end >Terminated", ".",          ".",                   ".",                      ".",                        "send >Completed rt", ">Confirmed l", "failed >Completed rt"}},
    {S::kConfirmed, {E::kFailure, E::kAck}, {".",        ".",                        "end >Terminated", ".",                   ".",                      ".",                        ".", ".", "."}},
    {S::kTerminated, {E::kSuccess, E::kTimeout}, kNothing},
  });
}

TEST(TransactionTables, InviteServerOverStreams) {
  check(TxKind::kInviteServer, true, {
    {S::kProceeding, {},               {".",             ".",                        ".",               "send >Proceeding",    "send >Accepted t",       "send >Completed t",        "send >Proceeding", ".", "failed >Proceeding"}},
    {S::kAccepted, {E::kSuccess},      {".",             "end >Terminated",          ".",               ".",                   "send >Accepted t",       ".",                        ".", "deliver >Accepted t", "failed >Accepted t"}},
    {S::kCompleted, {E::kFailure},     {".",             "timed_out end >Terminated", ".",              ".",                   ".",                      ".",                        "send >Completed t", "end >Terminated", "failed >Completed t"}},
    {S::kTerminated, {E::kFailure, E::kAck}, kNothing},  // Timer I is 0
  });
}

// Figure 8, with 17.2.4 as above.
TEST(TransactionTables, NonInviteServerOverUdp) {
  check(TxKind::kNonInviteServer, false, {
    {S::kTrying, {},                   {".",             ".",                        ".",               "send >Proceeding",    "send >Completed l",      "send >Completed l",        ".", ".", "failed >Trying"}},
    {S::kProceeding, {E::kProvisional},{".",             ".",                        ".",               "send >Proceeding",    "send >Completed l",      "send >Completed l",        "send >Proceeding", ".", "failed >Proceeding"}},
    {S::kCompleted, {E::kSuccess},     {".",             ".",                        "end >Terminated", ".",                   ".",                      ".",                        "send >Completed l", ".", "failed >Completed l"}},
    {S::kCompleted, {E::kFailure},     {".",             ".",                        "end >Terminated", ".",                   ".",                      ".",                        "send >Completed l", ".", "failed >Completed l"}},
    {S::kTerminated, {E::kSuccess, E::kLinger}, kNothing},
  });
}

TEST(TransactionTables, NonInviteServerOverStreams) {
  check(TxKind::kNonInviteServer, true, {
    {S::kTrying, {},                   {".",             ".",                        ".",               "send >Proceeding",    "send end >Terminated",   "send end >Terminated",     ".", ".", "failed >Trying"}},
    {S::kProceeding, {E::kProvisional},{".",             ".",                        ".",               "send >Proceeding",    "send end >Terminated",   "send end >Terminated",     "send >Proceeding", ".", "failed >Proceeding"}},
    {S::kTerminated, {E::kSuccess},    kNothing},  // Timer J is 0
  });
}

// clang-format on

// The tables above have a row for every state that a machine can be in.
TEST(TransactionTables, NoOtherStateIsReached) {
  for (const bool reliable : {false, true})
    for (int k = 0; k < 4; ++k) {
      const auto kind = static_cast<TxKind>(k);
      std::vector<Transaction> open{make_transaction(kind, reliable)};
      std::ignore = step(open[0], E::kStart, Instant{}, TimerConfig{});
      std::string seen;
      while (!open.empty()) {
        const Transaction tx = open.back();
        open.pop_back();
        const std::string here = name(tx.state) + timers(tx) + ";";
        if (seen.find(";" + here) != std::string::npos) continue;
        seen += (seen.empty() ? ";" : "") + here;
        for (const E e : kEvents) {
          Transaction next = tx;
          std::ignore = step(next, e, Instant{}, TimerConfig{});
          open.push_back(next);
        }
      }
      const auto has = [&](const char* s) { return seen.find(s) != std::string::npos; };
      const bool invite = kind == TxKind::kInviteClient || kind == TxKind::kInviteServer;
      const bool server = kind == TxKind::kInviteServer || kind == TxKind::kNonInviteServer;
      EXPECT_EQ(has("Calling"), kind == TxKind::kInviteClient) << seen;
      EXPECT_EQ(has("Trying"), !invite) << seen;
      EXPECT_EQ(has("Accepted"), invite) << seen;
      EXPECT_EQ(has("Completed"), !reliable || kind == TxKind::kInviteServer) << seen;
      EXPECT_EQ(has("Confirmed"), kind == TxKind::kInviteServer && !reliable) << seen;
      EXPECT_TRUE(has("Proceeding") && has("Terminated;")) << seen << server;
    }
}

// RFC 3261 9.1: behind a CANCEL an INVITE waits 64*T1 in Proceeding, and no longer.
TEST(TransactionTables, ACancelledInviteHasATimeOutInProceeding) {
  Transaction tx = make_transaction(TxKind::kInviteClient, false);
  std::ignore = step(tx, E::kStart, Instant{}, TimerConfig{});
  std::ignore = step(tx, E::kProvisional, Instant{}, TimerConfig{});
  tx.timeout_at = Instant{} + Seconds(32);
  EXPECT_EQ(cell(tx, E::kProvisional), "deliver >Proceeding t") << "a later one changes nothing";
  EXPECT_EQ(cell(tx, E::kTimeout), "timed_out end >Terminated");
}

}  // namespace
}  // namespace causeway::sip
