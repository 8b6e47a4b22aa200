#include "peers/locator.h"

namespace causeway::peers {
namespace {
Result<std::vector<transport::Destination>> to_destinations(
    const Result<std::vector<dns::Target>>& targets, deployment::ListenerIndex listener) {
  if (!targets) return tl::unexpected(targets.error());
  std::vector<transport::Destination> out;
  out.reserve(targets->size());
  for (const auto& t : *targets) out.push_back({t.endpoint, t.transport, listener, t.name});
  return out;
}
}  // namespace

dns::TargetRequest request_for(const deployment::Deployment& d, const deployment::Peer& peer) {
  const auto& group = d.group(peer.group);
  dns::TargetRequest r;
  r.host = peer.host;
  r.port = peer.port;
  r.transport = peer.transport;
  // Requests leave from the group's listener: its address family is the only one that can be
  // reached.
  const bool v6 = d.listener(group.listener).address.address.is_v6();
  r.want_v4 = !v6;
  r.want_v6 = v6;
  return r;
}

std::optional<Result<std::vector<transport::Destination>>> Locator::locate(
    const dns::TargetRequest& request, deployment::ListenerIndex listener, LocatorClient& client,
    std::uint64_t token) {
  if (questions_.size() >= kMaxQuestions)
    return fail(ErrorCode::kUnavailable, "too many name look-ups at once");
  const std::uint64_t id = next_++;
  auto selection = std::make_unique<dns::TargetSelection>(resolver_, reactor_, reactor_.random());
  if (selection->start(request, *this, id)) return to_destinations(selection->result(), listener);
  questions_[id] = Question{std::move(selection), &client, token, listener};
  return std::nullopt;
}

void Locator::cancel(LocatorClient& client) {
  std::erase_if(questions_, [&](const auto& q) { return q.second.client == &client; });
}

void Locator::on_targets(std::uint64_t token, Result<std::vector<dns::Target>> targets) {
  const auto it = questions_.find(token);
  if (it == questions_.end()) return;
  Question q = std::move(it->second);
  questions_.erase(it);
  q.client->on_located(q.token, to_destinations(targets, q.listener));
}

}  // namespace causeway::peers
