// The four transaction machines of RFC 3261 section 17 with the Accepted state of RFC 6026: plain
// state and step(state, event, now) -> actions. No clock, no socket; timers come back as data.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"

namespace causeway::sip {

struct TimerConfig {
  Millis t1{500};
  Millis t2{4'000};
  Millis t4{5'000};
  [[nodiscard]] Millis b() const { return 64 * t1; }  // B, F, H, L, M, J
  Millis d{32'000};                                   // at least 32 s over UDP
};

enum class TxKind : std::uint8_t {
  kInviteClient,
  kNonInviteClient,
  kInviteServer,
  kNonInviteServer
};
enum class TxState : std::uint8_t {
  kCalling,
  kTrying,
  kProceeding,
  kAccepted,
  kCompleted,
  kConfirmed,
  kTerminated
};

enum class TxEvent : std::uint8_t {
  kStart,        // client: the request leaves; server: the request came
  kRetransmit,   // the retransmission timer (A, E, G) fired
  kTimeout,      // the deadline (B, F, H, and in Accepted L, M) fired
  kLinger,       // the wait timer (D, K, I, J) fired
  kProvisional,  // client: 1xx came; server: the user sends one
  kSuccess,      // 2xx
  kFailure,      // 300-699
  kRequest,      // server: the request came again
  kAck,          // INVITE server: an ACK of this branch came
  kTransportError,
};

struct TxActions {
  bool send =
      false;  // (re)send the stored message: request of a client, latest response of a server
  bool deliver = false;     // hand what came to the user
  bool send_ack = false;    // INVITE client: ACK of a failure
  bool timed_out = false;   // tell the user: nothing came
  bool failed = false;      // tell the user: the transport gave up
  bool terminated = false;  // forget the transaction
};

struct Transaction {
  TxKind kind = TxKind::kInviteClient;
  TxState state = TxState::kCalling;
  bool reliable = false;                 // TCP, TLS
  Millis interval{0};                    // of the next retransmission
  std::optional<Instant> retransmit_at;  // A, E, G
  std::optional<Instant> timeout_at;     // B, F, H, L, M
  std::optional<Instant> linger_at;      // D, K, I, J
};

[[nodiscard]] Transaction make_transaction(TxKind kind, bool reliable);
[[nodiscard]] TxActions step(Transaction& tx, TxEvent event, Instant now,
                             const TimerConfig& config);
// The earliest of the three timers and the event that it stands for.
struct TxDeadline {
  Instant at;
  TxEvent event;
};
[[nodiscard]] std::optional<TxDeadline> next_deadline(const Transaction& tx);

}  // namespace causeway::sip
