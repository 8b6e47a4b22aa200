// What an operator asks of a running gateway over the control socket. on_command() only queues;
// run_queued() does the work on the management thread.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "app/config_history.h"
#include "app/control_server.h"
#include "app/directory_service.h"
#include "app/gateway.h"
#include "app/nameserver_service.h"
#include "app/peer_states.h"
#include "app/stopping.h"
#include "app/wire_capture.h"

namespace causeway::app {

class Commands final : public ControlHandler {
 public:
  // `wake` is written to when something was queued. All are borrowed.
  Commands(Gateway& gateway, ConfigHistory& history, PeerStates& states,
           const DirectoryService& directory, int wake)
      : gateway_(gateway), history_(history), states_(states), directory_(directory), wake_(wake) {}

  // Borrowed.
  void use(NameserverService& nameserver) { nameserver_ = &nameserver; }

  void on_command(const Request& request, Responder responder) override;
  // `stopping`: the configuration is not changed any more, and `status` says so.
  void run_queued(const Stopping& stopping);
  // The file given to `run` is read again; a bad one leaves everything as it is.
  void reload(const std::string& file);
  // Ends captures whose time is up.
  void finish_captures();
  // Takes back a configuration that nobody confirmed.
  void revert_if_due();

 private:
  void run(const Request& r, const Responder& out, const Stopping& stopping);
  void status(const Responder& out, const Stopping& stopping);
  void calls(const Request& r, const Responder& out);
  void trace(const Request& r, const Responder& out);
  void explain(const Request& r, const Responder& out);
  void watch(const Request& r, const Responder& out);
  // capture.cc
  void capture(const Request& r, const Responder& out);
  void capture_wire(const std::string& name, const std::string& seconds, const Responder& out);
  void capture_media(const std::string& name, const std::string& seconds,
                     std::vector<telemetry::Trail> found, const Responder& out);
  void finish_wire();
  [[nodiscard]] bool is_live(CallId id);
  void write_capture(const std::vector<telemetry::Trail>& trails,
                     const std::vector<call::TappedPacket>& rtp, const Responder& out);
  void service(const Request& r, const Responder& out, peers::PeerTable::Kind kind);
  void apply(const Request& r, const Responder& out);
  void dns(const Request& r, const Responder& out);  // dns_commands.cc
  void bans(const Responder& out);
  void unban(const Request& r, const Responder& out);
  void history(const Responder& out);
  // The names of changed keys that take effect at a restart.
  [[nodiscard]] Result<std::vector<std::string>> put_in_force(const std::string& text,
                                                              const std::string& file);
  // At most kMaxTrails of each shard; the rest are counted in trails_left_out_.
  struct Wanted {
    std::function<bool(const telemetry::Trail&)> trail;
    // Of calls that are up: asked before their trails are unpacked. One of the two.
    std::function<bool(CallId)> id;
    std::function<bool(const call::CallState&)> call;
  };
  [[nodiscard]] std::vector<telemetry::Trail> trails(const Wanted& wanted);
  static constexpr std::size_t kMaxTrails = 500;
  [[nodiscard]] std::vector<telemetry::Trail> trails_of(const std::string& call);
  [[nodiscard]] std::string realm_of(const Endpoint& local) const;

  Gateway& gateway_;
  ConfigHistory& history_;
  PeerStates& states_;
  NameserverService* nameserver_ = nullptr;
  const DirectoryService& directory_;
  int wake_;
  std::string reload_trouble_;  // why the last SIGHUP changed nothing
  struct Capture {
    CallId call;
    std::chrono::steady_clock::time_point until;
    std::vector<telemetry::Trail> found;  // as it was when the capture began
    Responder out;
  };
  // A return to the configuration before that did not work is tried again after this.
  static constexpr std::chrono::seconds kRevertAgain{30};
  std::chrono::steady_clock::time_point revert_not_before_{};
  std::string revert_failure_;
  std::vector<Capture> captures_;  // at most one
  struct LiveCapture {
    std::chrono::steady_clock::time_point until;
    std::vector<std::shared_ptr<WireCapture>> sinks;  // of each shard
    Responder out;
  };
  std::optional<LiveCapture> live_;
  std::size_t trails_left_out_ = 0;  // of the latest trails()
  std::mutex mutex_;
  std::deque<std::pair<Request, Responder>> queue_;  // guarded by mutex_
  static constexpr std::size_t kMaxQueue = 64;
};

}  // namespace causeway::app
