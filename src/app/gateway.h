// The process: shards on their threads, the configuration in force, records on their way to disk.
// All members are used from one management thread, but for use_directory(); the shards are reached
// by mail.
#pragma once

#include <chrono>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "app/activations.h"
#include "app/peer_states.h"
#include "base/log.h"
#include "call/gateway_shard.h"
#include "dns/cache.h"
#include "dns/cares_resolver.h"
#include "kernel/relay.h"
#include "reactor/epoll_reactor.h"
#include "telemetry/record.h"

namespace causeway::app {

class Gateway final : public call::RecordSink {
 public:
  // Opens sockets and starts the shards; an error says what could not be had.
  [[nodiscard]] static Result<std::unique_ptr<Gateway>> start(
      const deployment::DeploymentPtr& deployment, PeerStates& states, Activations& activations,
      const directory::DirectoryPtr& directory);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  // All shards or none. Certificates are read again, also when the text is the same (SIGHUP).
  [[nodiscard]] Status apply(const deployment::DeploymentPtr& deployment);
  [[nodiscard]] const deployment::Deployment& deployment() const { return *running_.deployment; }
  // What the process was started with: its restart_keys.h hold until it ends.
  [[nodiscard]] const deployment::Deployment& started_with() const { return *started_with_; }
  // Looks whether the files of an identity changed, and puts what they hold into force; calls go
  // on. What cannot be used changes nothing and is said here and in certificate_trouble(). Also
  // warns once a day of what expires within kExpiryWarning.
  void look_at_certificates(WallTime now);
  [[nodiscard]] const std::string& certificate_trouble() const { return certificate_trouble_; }
  static constexpr std::chrono::days kExpiryWarning{30};

  // To every shard; false when one takes no mail, and then it is to be said again. The caller keeps
  // the directory until no shard has it. Any thread, one at a time.
  [[nodiscard]] bool use_directory(const directory::DirectoryPtr& directory);

  void refuse_new_calls();
  [[nodiscard]] std::size_t calls_now();
  void end_all_calls(const std::string& why);
  [[nodiscard]] Status set_admin(peers::PeerTable::Kind kind, const std::string& name,
                                 peers::Admin admin);

  // Runs `work` on every shard and waits for all answers; a shard that does not answer within 5 s
  // is left out and said so in the log.
  template <typename T>
  [[nodiscard]] std::vector<T> ask(const std::function<T(call::GatewayShard&)>& work);
  [[nodiscard]] std::vector<reactor::ReactorStats> reactor_stats();
  [[nodiscard]] const telemetry::RecordWriter& records() const { return *records_; }
  // Call records that are older than the configuration in force keeps them.
  void remove_old_records(WallTime now);
  [[nodiscard]] const Activations& activations() const { return activations_; }
  [[nodiscard]] Instant started() const { return started_; }
  [[nodiscard]] const peers::SharedLoad& load() const { return load_; }
  [[nodiscard]] const std::vector<std::pair<std::string, WallTime>>& certificates() const {
    return certificates_;
  }

 private:
  struct Shard {
    std::unique_ptr<reactor::EpollReactor> reactor;
    std::unique_ptr<dns::CaresResolver> resolver;
    std::unique_ptr<dns::Cache> cache;
    std::unique_ptr<call::GatewayShard> gateway;
    std::jthread thread;
  };
  Gateway(const PeerStates& states, Activations& activations)
      : states_(states), activations_(activations) {}
  void apply_states();
  void on_call_record(const telemetry::CallRecord& record) override {
    (void)records_->post(record);
  }
  void on_name_routed(std::string_view name, std::string_view account, bool by_service) override;
  [[nodiscard]] Result<transport::Running> load_tls(deployment::DeploymentPtr deployment);
  [[nodiscard]] Status on_all_shards(
      const transport::Running& running,
      const std::function<Status(call::GatewayShard&, const transport::Running&)>& work);
  [[nodiscard]] Status renew_certificates(WallTime now);
  void warn_of_expiry(WallTime now);
  [[nodiscard]] bool post(std::size_t shard, std::function<void(call::GatewayShard&)> work);

  const PeerStates& states_;  // borrowed
  Activations& activations_;  // borrowed
  transport::Running running_;
  deployment::DeploymentPtr started_with_;
  std::unique_ptr<telemetry::RecordWriter> records_;
  peers::SharedLoad load_;
  std::unique_ptr<reactor::MailRoom> mail_;
  std::unique_ptr<reactor::HandshakePool> handshakes_;
  std::unique_ptr<kernel::Relay> relay_;  // null: no interface is named, or the kernel refused
  std::vector<Shard> shards_;
  std::vector<std::pair<std::string, WallTime>> certificates_;  // identity, not after
  struct Identity {
    std::size_t content = 0;  // of its files
    std::shared_ptr<const reactor::TlsContext> context;
  };
  std::map<std::string, Identity> identities_;
  std::string seen_files_, settling_files_;  // sizes and times of the files of all identities
  std::string certificate_trouble_;
  WallTime warned_{};  // of expiry
  std::uint64_t version_ = 0;
  Instant started_{};
};

template <typename T>
std::vector<T> Gateway::ask(const std::function<T(call::GatewayShard&)>& work) {
  std::vector<std::future<T>> answers;
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    auto promise = std::make_shared<std::promise<T>>();
    answers.push_back(promise->get_future());
    if (!post(i, [promise, work](call::GatewayShard& s) { promise->set_value(work(s)); }))
      answers.pop_back();
  }
  std::vector<T> out;
  for (auto& a : answers)
    if (a.wait_for(std::chrono::seconds(5)) == std::future_status::ready) out.push_back(a.get());
  if (out.size() < shards_.size())
    log::error("{} of {} shards gave no answer", shards_.size() - out.size(), shards_.size());
  return out;
}

}  // namespace causeway::app
