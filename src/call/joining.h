// What shards say to each other when two calls become one (RFC 3891 within the gateway).
#pragma once

#include <memory>

#include "base/ids.h"
#include "call/transfer.h"
#include "reactor/reactor.h"

namespace causeway::call {

struct JoinMail final : reactor::MailBase {
  enum class Kind : std::uint8_t { kQuestion, kAnswer, kOrder, kDone };
  Kind kind = Kind::kQuestion;
  ShardId from;  // of the call that asks
  JoinQuestion question;
  JoinAnswer answer;
  std::unique_ptr<JoinOrder> order;  // kOrder; kDone: the leg comes back
};

}  // namespace causeway::call
