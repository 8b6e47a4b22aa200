#include "app/gateway.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "app/atomic_file.h"
#include "app/listen_probe.h"
#include "app/record_files.h"
#include "app/restart_keys.h"
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

std::string record_directory_of(const deployment::Operation& op) {
  return op.record_directory.empty() ? op.state_directory + "/records" : op.record_directory;
}

// Sizes and times of all files of all identities.
std::string stamp_of(const deployment::Deployment& d) {
  std::string out;
  const auto add = [&](const std::string& file) {
    struct ::stat s{};
    if (file.empty()) return;
    if (::stat(file.c_str(), &s) != 0) s = {};
    out += file + ' ' + std::to_string(s.st_ino) + ' ' + std::to_string(s.st_size) + ' ' +
           std::to_string(s.st_mtim.tv_sec) + '.' + std::to_string(s.st_mtim.tv_nsec) + '\n';
  };
  for (const auto& id : d.identities) {
    add(id.certificate);
    add(id.key);
    add(id.chain);
    for (const auto& root : id.trusted_roots) add(root);
  }
  return out;
}

// What load() checks of a configuration and its files: they may have become wrong since.
Status usable(const transport::Running& running, WallTime now) {
  const auto& d = *running.deployment;
  for (std::size_t i = 0; i < running.tls.size(); ++i)
    if (running.tls[i]->not_after() < now)
      return fail(ErrorCode::kConfiguration, "tls_identity '" + d.identities[i].name +
                                                 "': the certificate expired on " +
                                                 format_rfc3339(running.tls[i]->not_after()));
  for (const auto& g : d.groups) {
    const auto& listener = d.listener(g.listener);
    const std::string& host = d.profile(g.profile).contact_host;
    if (!listener.identity || host.empty()) continue;
    std::vector<std::string> names = running.tls[listener.identity->value]->names();
    for (const auto i : listener.more_identities)
      names.insert(names.end(), running.tls[i.value]->names().begin(),
                   running.tls[i.value]->names().end());
    if (!reactor::any_certificate_name_matches(names, host))
      return fail(ErrorCode::kConfiguration,
                  "tls_identity '" + d.identities[listener.identity->value].name +
                      "': the certificate is for " + reactor::describe_names(names) +
                      " and does not cover contact_host '" + host + "' of group '" + g.name + "'");
  }
  return {};
}

// Puts everybody out of service who is to be; says which of them the configuration does not have.
std::vector<std::string> kept_states(call::GatewayShard& shard, const PeerStates& states) {
  std::vector<std::string> unknown;
  for (const auto& [key, state] : states.all()) {
    const auto kind = static_cast<peers::PeerTable::Kind>(key.first);
    const auto admin =
        state == ServiceState::kBlocked ? peers::Admin::kBlock : peers::Admin::kDrain;
    if (auto ok = shard.set_admin(kind, key.second, admin); !ok)
      unknown.push_back("kept state of '" + key.second + "': " + ok.error().what);
  }
  return unknown;
}

}  // namespace

void Gateway::apply_states() {
  (void)ask<int>([states = states_](call::GatewayShard& s) {
    (void)kept_states(s, states);
    return 0;
  });
}

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

Result<std::unique_ptr<Gateway>> Gateway::start(const deployment::DeploymentPtr& deployment,
                                                PeerStates& states, Activations& activations,
                                                const directory::DirectoryPtr& directory) {
  std::unique_ptr<Gateway> g(new Gateway(states, activations));
  const auto& op = deployment->operation;
  telemetry::RecordWriter::Options options;
  options.directory = record_directory_of(op);
  std::error_code ec;
  std::filesystem::create_directories(options.directory, ec);
  auto writer = telemetry::RecordWriter::open(options);
  if (!writer) return tl::unexpected(writer.error());
  g->records_ = std::move(*writer);
  if (auto free = addresses_free(*deployment, nullptr); !free) return tl::unexpected(free.error());
  if (const auto limit = reactor::raise_file_limit(); limit) {
    const int kept = reactor::reserved_of(*limit);
    reactor::reserve_descriptors_from(static_cast<int>(std::min<unsigned long>(*limit, 1 << 30)) -
                                      kept);
    log::info("file limit is {}, the last {} are not for media ports", *limit, kept);
  } else
    log::warning("file limit could not be raised: {}", limit.error().what);

  const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
  const std::size_t count = op.shards != 0 ? op.shards : cores;
  g->mail_ = std::make_unique<reactor::MailRoom>(count);
  auto versioned = std::make_shared<deployment::Deployment>(*deployment);
  versioned->version = ++g->version_;
  auto running = g->load_tls(versioned);
  if (!running) return tl::unexpected(running.error());
  g->running_ = *running;
  g->started_with_ = versioned;
  g->seen_files_ = stamp_of(*versioned);
  if (op.handshake_threads != 0)
    g->handshakes_ = std::make_unique<reactor::HandshakePool>(op.handshake_threads);
  if (!op.kernel_relay.empty()) {
    // Calls do not depend on it.
    if (auto relay = kernel::open_relay(op.kernel_relay, op.node.value))
      g->relay_ = std::move(*relay);
    else
      log::warning("operation.kernel_relay: {}: all packets go through the shards",
                   relay.error().what);
  }
  for (std::size_t i = 0; i < count; ++i) {
    reactor::EpollOptions o;
    o.shard = ShardId{static_cast<std::uint16_t>(i)};
    if (op.pin_shards) o.cpu = static_cast<int>(i % cores);
    o.handshakes = g->handshakes_.get();
    o.handshake_steps = op.handshake_steps;
    Shard s;
    s.reactor = std::make_unique<reactor::EpollReactor>(*g->mail_, o);
    dns::CaresOptions dns;
    dns.servers = deployment->resolvers;
    auto resolver = dns::CaresResolver::create(*s.reactor, dns);
    if (!resolver) return tl::unexpected(resolver.error());
    s.resolver = std::move(*resolver);
    s.cache = std::make_unique<dns::Cache>(*s.resolver, *s.reactor);
    s.gateway = std::make_unique<call::GatewayShard>(*s.reactor, *s.cache, g->load_, *g);
    s.gateway->use_directory(directory);
    s.gateway->use_kernel(g->relay_.get());
    if (auto ok = s.gateway->apply(g->running_); !ok) return tl::unexpected(ok.error());
    for (const auto& text : kept_states(*s.gateway, states))
      if (i == 0) log::warning("{}", text);
    g->shards_.push_back(std::move(s));
  }
  g->started_ = g->shards_[0].reactor->now();
  for (Shard& s : g->shards_)
    s.thread = std::jthread([r = s.reactor.get()](const std::stop_token& stop) { r->run(stop); });
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

bool Gateway::use_directory(const directory::DirectoryPtr& directory) {
  bool all = true;
  for (std::size_t i = 0; i < shards_.size(); ++i)
    all &= post(i, [directory](call::GatewayShard& s) { s.use_directory(directory); });
  return all;
}

Status Gateway::apply(const deployment::DeploymentPtr& deployment) {
  auto versioned = std::make_shared<deployment::Deployment>(*deployment);
  versioned->version = version_ + 1;
  keep_restart_keys(*versioned, *started_with_);
  if (auto free = addresses_free(*deployment, &this->deployment()); !free) return free;
  const auto identities = identities_;
  const auto certificates = certificates_;
  auto running = load_tls(versioned);
  if (!running) return tl::unexpected(running.error());
  if (auto ok = on_all_shards(*running, [](auto& shard, const auto& r) { return shard.apply(r); });
      !ok) {
    identities_ = identities;
    certificates_ = certificates;
    return ok;
  }
  apply_states();  // a name that was away for a while comes back as it was left
  ++version_;
  running_ = std::move(*running);
  seen_files_ = stamp_of(*running_.deployment);
  certificate_trouble_.clear();
  return {};
}

// All of them, or all of them back to what they had.
Status Gateway::on_all_shards(
    const transport::Running& running,
    const std::function<Status(call::GatewayShard&, const transport::Running&)>& work) {
  const auto put = [&](std::size_t i, const transport::Running& r) -> Status {
    auto promise = std::make_shared<std::promise<Status>>();
    auto answer = promise->get_future();
    if (!post(i, [promise, r, work](call::GatewayShard& s) { promise->set_value(work(s, r)); }))
      return fail(ErrorCode::kUnavailable, "shard is busy");
    if (answer.wait_for(std::chrono::seconds(5)) != std::future_status::ready)
      return fail(ErrorCode::kTimeout, "shard did not answer");
    return answer.get();
  };
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    if (auto ok = put(i, running); !ok) {
      // That shard, too: it may only be late, and what it was sent is still in its mailbox.
      for (std::size_t j = 0; j <= i; ++j)
        if (auto back = put(j, running_); !back)
          log::error("shard {} could not return to the previous configuration: {}", j,
                     back.error().what);
      return ok;
    }
  }
  return {};
}

void Gateway::look_at_certificates(WallTime now) {
  warn_of_expiry(now);
  const std::string files = stamp_of(*running_.deployment);
  if (files == seen_files_) return;
  // Certificate and key are written one after the other: wait until they rest from look to look.
  if (files != settling_files_) {
    settling_files_ = files;
    return;
  }
  seen_files_ = files;
  if (auto ok = renew_certificates(now); !ok) {
    certificate_trouble_ = ok.error().what;
    log::error("changed certificate files are not used, the ones in force stay: {}",
               certificate_trouble_);
    return;
  }
  certificate_trouble_.clear();
}

Status Gateway::renew_certificates(WallTime now) {
  const auto before = identities_;
  const auto names_before = certificates_;
  auto running = load_tls(running_.deployment);
  if (!running) return tl::unexpected<Error>(running.error());
  if (running->tls == running_.tls) return {};
  Status ok = usable(*running, now);
  if (ok)
    ok = on_all_shards(*running, [](auto& shard, const auto& r) { return shard.renew_tls(r); });
  if (!ok) {
    identities_ = before;
    certificates_ = names_before;
    return ok;
  }
  for (std::size_t i = 0; i < running->tls.size(); ++i)
    if (running->tls[i] != running_.tls[i])
      log::info("tls_identity '{}' was renewed: good until {}",
                running->deployment->identities[i].name,
                format_rfc3339(running->tls[i]->not_after()));
  running_ = std::move(*running);
  warned_ = {};
  return {};
}

void Gateway::warn_of_expiry(WallTime now) {
  constexpr std::int64_t kDay = 86'400'000'000;
  if (now.micros - warned_.micros < kDay) return;
  warned_ = now;
  for (const auto& [name, until] : certificates_)
    if (until.micros - now.micros < kExpiryWarning.count() * kDay)
      log::warning("the certificate of tls_identity '{}' expires on {}: renew it", name,
                   format_rfc3339(until));
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

void Gateway::on_name_routed(std::string_view name, std::string_view account, bool by_service) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  activations_.saw(name, account, by_service,
                   WallTime{std::chrono::duration_cast<Micros>(now).count()});
}

void Gateway::remove_old_records(WallTime now) {
  (void)purge_records(record_directory_of(deployment().operation),
                      deployment().operation.record_days, now);
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
