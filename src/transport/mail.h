// What travels from one shard to another.
#pragma once

#include <string>
#include <utility>

#include "transport/flow.h"
#include "transport/source_guard.h"

namespace causeway::transport {

struct MessageMail final : reactor::MailBase {
  MessageMail(Received r, deployment::DeploymentPtr d)
      : received(std::move(r)), made_under(std::move(d)) {}
  Received received;
  deployment::DeploymentPtr made_under;  // what the indices in it belong to
};
struct ResponseMail final : reactor::MailBase {
  ResponseMail(Flow f, std::string b) : flow(f), bytes(std::move(b)) {}
  Flow flow;
  std::string bytes;
};

// An INVITE lives elsewhere than its Call-ID says (Detours).
struct DetourMail final : reactor::MailBase {
  DetourMail(std::string c, Bucket b) : call_id(std::move(c)), bucket(b) {}
  std::string call_id;
  Bucket bucket;
};

// A dialog lives on the shard that says so, not where its tag leads (MovedDialogs); or no longer.
struct MovedMail final : reactor::MailBase {
  MovedMail(std::uint64_t t, bool h) : tag(t), here(h) {}
  std::uint64_t tag;
  bool here;
};

// A source that one shard has banned, and all shall.
struct BanMail final : reactor::MailBase {
  explicit BanMail(Ban b) : ban(std::move(b)) {}
  Ban ban;
};

}  // namespace causeway::transport
