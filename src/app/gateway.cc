#include "app/gateway.h"

#include <filesystem>

#include "app/atomic_file.h"
#include "base/log.h"
#include "reactor/file_descriptor.h"
#include "reactor/tls_context.h"

namespace causeway::app {

namespace {

// Of all that an identity is made of; 0 when a file cannot be read.
std::size_t content_of(const deployment::TlsIdentity& id) {
  std::vector<std::string> files = {id.certificate, id.key};
  if (!id.chain.empty()) files.push_back(id.chain);
  files.insert(files.end(), id.trusted_roots.begin(), id.trusted_roots.end());
  std::string all;
  for (const auto& f : files) {
    const auto bytes = read_whole(f);
    if (!bytes) return 0;
    all += f + '\0' + *bytes + '\0';
  }
  return std::hash<std::string>{}(all);
}

}  // namespace

// An identity whose files say what they said keeps its context, and so its connections: only a
// renewed certificate closes them (TDR-18).
Result<transport::Running> Gateway::load_tls(deployment::DeploymentPtr deployment) {
  transport::Running running;
  std::vector<std::pair<std::string, WallTime>> certificates;
  std::map<std::string, Identity> identities;
  for (const auto& id : deployment->identities) {
    const std::size_t content = content_of(id);
    if (const auto known = identities_.find(id.name);
        known != identities_.end() && content != 0 && known->second.content == content) {
      identities.insert(*known);
      certificates.emplace_back(id.name, known->second.context->not_after());
      running.tls.push_back(known->second.context);
      continue;
    }
    auto context = reactor::TlsContext::load({id.certificate, id.key, id.chain, id.trusted_roots});
    if (!context)
      return fail(context.error().code, "tls_identity '" + id.name + "': " + context.error().what);
    certificates.emplace_back(id.name, (*context)->not_after());
    identities[id.name] = {content, *context};
    running.tls.push_back(std::move(*context));
  }
  running.deployment = std::move(deployment);
  certificates_ = std::move(certificates);
  identities_ = std::move(identities);
  return running;
}

Result<std::unique_ptr<Gateway>> Gateway::start(deployment::DeploymentPtr deployment,
                                                PeerStates& states) {
  std::unique_ptr<Gateway> g(new Gateway);
  const auto& op = deployment->operation;
  telemetry::RecordWriter::Options options;
  options.directory =
      op.record_directory.empty() ? op.state_directory + "/records" : op.record_directory;
  std::error_code ec;
  std::filesystem::create_directories(options.directory, ec);
  auto writer = telemetry::RecordWriter::open(options);
  if (!writer) return tl::unexpected(writer.error());
  g->records_ = std::move(*writer);
  if (const auto limit = reactor::raise_file_limit(); limit)
    log::info("file limit is {}", *limit);
  else
    log::warning("file limit could not be raised: {}", limit.error().what);

  const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
  const std::size_t count = op.shards != 0 ? op.shards : cores;
  g->mail_ = std::make_unique<reactor::MailRoom>(count);
  auto versioned = std::make_shared<deployment::Deployment>(*deployment);
  versioned->version = ++g->version_;
  auto running = g->load_tls(versioned);
  if (!running) return tl::unexpected(running.error());
  g->running_ = *running;
  for (std::size_t i = 0; i < count; ++i) {
    reactor::EpollOptions o;
    o.shard = ShardId{static_cast<std::uint16_t>(i)};
    if (op.pin_shards) o.cpu = static_cast<int>(i % cores);
    Shard s;
    s.reactor = std::make_unique<reactor::EpollReactor>(*g->mail_, o);
    dns::CaresOptions dns;
    dns.servers = deployment->resolvers;
    auto resolver = dns::CaresResolver::create(*s.reactor, dns);
    if (!resolver) return tl::unexpected(resolver.error());
    s.resolver = std::move(*resolver);
    s.cache = std::make_unique<dns::Cache>(*s.resolver, *s.reactor);
    s.gateway = std::make_unique<call::GatewayShard>(*s.reactor, *s.cache, g->load_, *g);
    if (auto ok = s.gateway->apply(g->running_); !ok) return tl::unexpected(ok.error());
    for (const auto& [key, state] : states.all()) {
      const auto kind = static_cast<peers::PeerTable::Kind>(key.first);
      const auto admin =
          state == ServiceState::kBlocked ? peers::Admin::kBlock : peers::Admin::kDrain;
      if (auto ok = s.gateway->set_admin(kind, key.second, admin); !ok && i == 0)
        log::warning("kept state of '{}': {}", key.second, ok.error().what);
    }
    g->shards_.push_back(std::move(s));
  }
  g->started_ = g->shards_[0].reactor->now();
  for (Shard& s : g->shards_)
    s.thread = std::jthread([r = s.reactor.get()](std::stop_token stop) { r->run(stop); });
  return g;
}

Gateway::~Gateway() {
  for (Shard& s : shards_) {
    s.thread.request_stop();
    if (s.reactor) s.reactor->wake();
  }
  for (Shard& s : shards_)
    if (s.thread.joinable()) s.thread.join();
  // Within a shard: calls before resolvers before the reactor.
  for (Shard& s : shards_) {
    s.gateway.reset();
    s.cache.reset();
    s.resolver.reset();
  }
  shards_.clear();
  if (records_) records_->stop();
}

bool Gateway::post(std::size_t shard, std::function<void(call::GatewayShard&)> work) {
  reactor::Mail mail = std::make_unique<call::ShardCommand>(std::move(work));
  // A full mailbox empties within milliseconds, or the shard is stuck.
  for (int i = 0; i < 200; ++i) {
    if (mail_->post(reactor::kNoShard, ShardId{static_cast<std::uint16_t>(shard)}, mail))
      return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  log::error("shard {} takes no commands: its mailbox is full", shard);
  return false;
}

Status Gateway::apply(deployment::DeploymentPtr deployment) {
  auto versioned = std::make_shared<deployment::Deployment>(*deployment);
  versioned->version = version_ + 1;
  auto running = load_tls(versioned);
  if (!running) return tl::unexpected(running.error());
  const auto put = [this](std::size_t i, const transport::Running& r) -> Status {
    auto promise = std::make_shared<std::promise<Status>>();
    auto answer = promise->get_future();
    if (!post(i, [promise, r](call::GatewayShard& s) { promise->set_value(s.apply(r)); }))
      return fail(ErrorCode::kUnavailable, "shard is busy");
    if (answer.wait_for(std::chrono::seconds(5)) != std::future_status::ready)
      return fail(ErrorCode::kTimeout, "shard did not answer");
    return answer.get();
  };
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    if (auto ok = put(i, *running); !ok) {
      // That shard, too: it may only be late, and what it was sent is still in its mailbox.
      for (std::size_t j = 0; j <= i; ++j)
        if (auto back = put(j, running_); !back)
          log::error("shard {} could not return to the previous configuration: {}", j,
                     back.error().what);
      return ok;
    }
  }
  ++version_;
  running_ = std::move(*running);
  return {};
}

void Gateway::refuse_new_calls() {
  (void)ask<int>([](call::GatewayShard& s) { return s.refuse_new_calls(true), 0; });
}

std::size_t Gateway::calls_now() {
  std::size_t n = 0;
  for (const auto c : ask<std::size_t>([](call::GatewayShard& s) { return s.calls_now(); })) n += c;
  return n;
}

void Gateway::end_all_calls(const std::string& why) {
  (void)ask<int>([why](call::GatewayShard& s) { return s.end_all_calls(why), 0; });
}

Status Gateway::set_admin(peers::PeerTable::Kind kind, const std::string& name,
                          peers::Admin admin) {
  const auto answers =
      ask<Status>([=](call::GatewayShard& s) { return s.set_admin(kind, name, admin); });
  for (const auto& ok : answers)
    if (!ok) return ok;
  if (answers.size() < shards_.size())
    return fail(ErrorCode::kTimeout, std::to_string(shards_.size() - answers.size()) +
                                         " shards did not answer within 5 s; say it again");
  return {};
}

std::vector<reactor::ReactorStats> Gateway::reactor_stats() {
  std::vector<reactor::ReactorStats> out;
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    auto promise = std::make_shared<std::promise<reactor::ReactorStats>>();
    auto answer = promise->get_future();
    auto* r = shards_[i].reactor.get();
    if (post(i, [promise, r](call::GatewayShard&) { promise->set_value(r->stats()); }) &&
        answer.wait_for(std::chrono::seconds(5)) == std::future_status::ready)
      out.push_back(answer.get());
  }
  return out;
}

}  // namespace causeway::app
