#include "sip/transaction.h"

#include <algorithm>

namespace causeway::sip {
namespace {

void stop_all(Transaction& tx) {
  tx.retransmit_at.reset();
  tx.timeout_at.reset();
  tx.linger_at.reset();
}

TxActions terminate(Transaction& tx, TxActions a = {}) {
  stop_all(tx);
  tx.state = TxState::kTerminated;
  a.terminated = true;
  return a;
}

// Completed: wait for what is still on its way. Reliable transports have nothing to wait for.
TxActions complete(Transaction& tx, Instant now, Millis wait, TxActions a) {
  stop_all(tx);
  if (tx.reliable) return terminate(tx, a);
  tx.state = TxState::kCompleted;
  tx.linger_at = now + wait;
  return a;
}

// Figure 5 with RFC 6026 figure 7-2.
TxActions invite_client(Transaction& tx, TxEvent e, Instant now, const TimerConfig& c) {
  switch (tx.state) {
    case TxState::kCalling:
    case TxState::kTrying:
      if (e == TxEvent::kStart) {
        tx.timeout_at = now + c.b();
        tx.interval = c.t1;
        if (!tx.reliable) tx.retransmit_at = now + tx.interval;
        return {.send = true};
      }
      if (e == TxEvent::kRetransmit) {
        tx.interval *= 2;
        tx.retransmit_at = now + tx.interval;
        return {.send = true};
      }
      [[fallthrough]];
    case TxState::kProceeding:
      // In Proceeding: 64*T1 after a CANCEL, which may change nothing (RFC 3261 9.1).
      if (e == TxEvent::kTimeout) return terminate(tx, {.timed_out = true});
      if (e == TxEvent::kProvisional) {
        // From the first one on the user decides how long to wait; a later one changes nothing.
        if (tx.state != TxState::kProceeding) stop_all(tx);
        tx.state = TxState::kProceeding;
        return {.deliver = true};
      }
      if (e == TxEvent::kSuccess) {
        stop_all(tx);
        tx.state = TxState::kAccepted;
        tx.timeout_at = now + c.b();  // M
        return {.deliver = true};
      }
      if (e == TxEvent::kFailure) {
        TxActions a{.deliver = true, .send_ack = true};
        return complete(tx, now, c.d, a);
      }
      if (e == TxEvent::kTransportError) return terminate(tx, {.failed = true});
      return {};
    case TxState::kAccepted:
      if (e == TxEvent::kSuccess) return {.deliver = true};
      if (e == TxEvent::kTimeout) return terminate(tx);
      return {};
    case TxState::kCompleted:
      if (e == TxEvent::kFailure) return {.send_ack = true};
      if (e == TxEvent::kTransportError) return terminate(tx, {.failed = true});
      if (e == TxEvent::kLinger) return terminate(tx);
      return {};
    case TxState::kConfirmed:
    case TxState::kTerminated: return {};
  }
  return {};
}

// Figure 6.
TxActions non_invite_client(Transaction& tx, TxEvent e, Instant now, const TimerConfig& c) {
  switch (tx.state) {
    case TxState::kCalling:
    case TxState::kTrying:
    case TxState::kProceeding:
      switch (e) {
        case TxEvent::kStart:
          tx.state = TxState::kTrying;
          tx.timeout_at = now + c.b();
          tx.interval = c.t1;
          if (!tx.reliable) tx.retransmit_at = now + tx.interval;
          return {.send = true};
        case TxEvent::kRetransmit:
          tx.interval = tx.state == TxState::kProceeding ? c.t2 : std::min(tx.interval * 2, c.t2);
          tx.retransmit_at = now + tx.interval;
          return {.send = true};
        case TxEvent::kTimeout: return terminate(tx, {.timed_out = true});
        case TxEvent::kProvisional: tx.state = TxState::kProceeding; return {.deliver = true};
        case TxEvent::kSuccess:
        case TxEvent::kFailure: return complete(tx, now, c.t4, {.deliver = true});
        case TxEvent::kTransportError: return terminate(tx, {.failed = true});
        case TxEvent::kLinger:
        case TxEvent::kRequest:
        case TxEvent::kAck: return {};
      }
      return {};
    case TxState::kCompleted:  // nothing is sent any more
      if (e == TxEvent::kLinger) return terminate(tx);
      return {};
    case TxState::kAccepted:
    case TxState::kConfirmed:
    case TxState::kTerminated: return {};
  }
  return {};
}

// Figure 7 with RFC 6026: a response that cannot be sent is told to the user but ends nothing,
// since the peer's retransmission may bring a way that works (17.2.4 as RFC 6026 rewrites it).
TxActions invite_server(Transaction& tx, TxEvent e, Instant now, const TimerConfig& c) {
  switch (tx.state) {
    case TxState::kCalling:
    case TxState::kTrying:
    case TxState::kProceeding:
      switch (e) {
        case TxEvent::kStart: tx.state = TxState::kProceeding; return {.deliver = true};
        case TxEvent::kRequest: return {.send = true};
        case TxEvent::kProvisional: return {.send = true};
        case TxEvent::kSuccess:
          tx.state = TxState::kAccepted;
          tx.timeout_at = now + c.b();  // L
          return {.send = true};
        case TxEvent::kFailure:
          tx.state = TxState::kCompleted;
          tx.timeout_at = now + c.b();  // H
          tx.interval = c.t1;
          if (!tx.reliable) tx.retransmit_at = now + tx.interval;
          return {.send = true};
        case TxEvent::kTransportError: return {.failed = true};
        case TxEvent::kRetransmit:
        case TxEvent::kTimeout:
        case TxEvent::kLinger:
        case TxEvent::kAck: return {};
      }
      return {};
    case TxState::kAccepted:
      // Retransmitted requests are absorbed; the 2xx is sent again by its user (RFC 6026 7.1).
      if (e == TxEvent::kSuccess) return {.send = true};
      // A peer that reuses the INVITE's branch for the ACK of a 2xx: the user wants to know.
      if (e == TxEvent::kAck) return {.deliver = true};
      if (e == TxEvent::kTimeout) return terminate(tx);
      if (e == TxEvent::kTransportError) return {.failed = true};
      return {};
    case TxState::kCompleted:
      if (e == TxEvent::kRequest) return {.send = true};
      if (e == TxEvent::kRetransmit) {
        tx.interval = std::min(tx.interval * 2, c.t2);
        tx.retransmit_at = now + tx.interval;
        return {.send = true};
      }
      if (e == TxEvent::kAck) {
        stop_all(tx);
        if (tx.reliable) return terminate(tx);
        tx.state = TxState::kConfirmed;
        tx.linger_at = now + c.t4;  // I
        return {};
      }
      if (e == TxEvent::kTimeout) return terminate(tx, {.timed_out = true});
      if (e == TxEvent::kTransportError) return {.failed = true};
      return {};
    case TxState::kConfirmed:
      if (e == TxEvent::kLinger) return terminate(tx);
      return {};
    case TxState::kTerminated: return {};
  }
  return {};
}

// Figure 8.
TxActions non_invite_server(Transaction& tx, TxEvent e, Instant now, const TimerConfig& c) {
  switch (tx.state) {
    case TxState::kCalling:
    case TxState::kTrying:
    case TxState::kProceeding:
      if (e == TxEvent::kStart) {
        tx.state = TxState::kTrying;
        return {.deliver = true};
      }
      if (e == TxEvent::kRequest) return {.send = tx.state == TxState::kProceeding};
      if (e == TxEvent::kProvisional) {
        tx.state = TxState::kProceeding;
        return {.send = true};
      }
      if (e == TxEvent::kSuccess || e == TxEvent::kFailure)
        return complete(tx, now, c.b(), {.send = true});
      if (e == TxEvent::kTransportError) return {.failed = true};
      return {};
    case TxState::kCompleted:
      if (e == TxEvent::kRequest) return {.send = true};
      if (e == TxEvent::kTransportError) return {.failed = true};
      if (e == TxEvent::kLinger) return terminate(tx);
      return {};
    case TxState::kAccepted:
    case TxState::kConfirmed:
    case TxState::kTerminated: return {};
  }
  return {};
}

}  // namespace

Transaction make_transaction(TxKind kind, bool reliable) {
  Transaction tx;
  tx.kind = kind;
  tx.reliable = reliable;
  tx.state = kind == TxKind::kInviteClient ? TxState::kCalling : TxState::kTrying;
  return tx;
}

TxActions step(Transaction& tx, TxEvent event, Instant now, const TimerConfig& config) {
  // A timer that is not armed does not fire.
  const auto fires = [](std::optional<Instant>& timer) {
    const bool armed = timer.has_value();
    timer.reset();
    return armed;
  };
  if (event == TxEvent::kRetransmit && !fires(tx.retransmit_at)) return {};
  if (event == TxEvent::kTimeout && !fires(tx.timeout_at)) return {};
  if (event == TxEvent::kLinger && !fires(tx.linger_at)) return {};
  switch (tx.kind) {
    case TxKind::kInviteClient: return invite_client(tx, event, now, config);
    case TxKind::kNonInviteClient: return non_invite_client(tx, event, now, config);
    case TxKind::kInviteServer: return invite_server(tx, event, now, config);
    case TxKind::kNonInviteServer: return non_invite_server(tx, event, now, config);
  }
  return {};
}

std::optional<TxDeadline> next_deadline(const Transaction& tx) {
  std::optional<TxDeadline> best;
  const auto consider = [&](const std::optional<Instant>& at, TxEvent e) {
    if (at && (!best || *at < best->at)) best = TxDeadline{*at, e};
  };
  consider(tx.timeout_at, TxEvent::kTimeout);
  consider(tx.linger_at, TxEvent::kLinger);
  consider(tx.retransmit_at, TxEvent::kRetransmit);
  return best;
}

}  // namespace causeway::sip
