// Causeway's one binary. `run` is the gateway; every other command checks a file or talks to a
// running gateway over its control socket.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <chrono>
#include <ctime>
#include <filesystem>
#include <iostream>

#include "app/cli.h"
#include "app/commands.h"
#include "app/directory_commands.h"
#include "app/directory_service.h"
#include "app/dns_export.h"
#include "app/explain_command.h"
#include "app/gateway.h"
#include "app/listen_probe.h"
#include "app/metrics.h"
#include "app/migrate.h"
#include "app/nameserver_service.h"
#include "app/provisioning_service.h"
#include "app/replay_command.h"
#include "app/stopping.h"
#include "app/store_locator.h"
#include "app/tls_check.h"
#include "base/log.h"
#include "codec/plugin.h"
#include "deployment/load.h"

namespace causeway::app {
namespace {

WallTime wall_now() {
  std::timespec ts{};
  std::timespec_get(&ts, TIME_UTC);
  return {ts.tv_sec * 1'000'000LL + ts.tv_nsec / 1'000};
}

int complain(const Error& e) {
  std::cerr << "causeway: " << e.what << "\n";
  return kExitFailed;
}

// What the main loop does after each signal and now and then, on the way to the end.
void go_on_stopping(Gateway& gateway, const Stopping& stopping, Stopping::Action action) {
  switch (action) {
    case Stopping::Action::kNone: return;
    case Stopping::Action::kRefuseNewCalls:
      gateway.refuse_new_calls();
      log::info(
          "stopping: new calls are refused, {} calls may end by themselves within {} s; another "
          "SIGTERM ends them at once",
          gateway.calls_now(), stopping.left(std::chrono::steady_clock::now()).count());
      return;
    case Stopping::Action::kEndCalls:
      log::info("stopping: {} calls are ended", gateway.calls_now());
      gateway.end_all_calls("the gateway is shutting down");
      return;
  }
}

// Signals, commands and what is due, until the process is to end. `file` is the one given to `run`.
void serve(Gateway& gateway, Commands& commands, Metrics& metrics, Activations& activations,
           const DirectoryService& directory, NameserverService& nameserver, int signal_fd,
           int wake_fd, const std::string& file) {
  Stopping stopping;
  std::chrono::steady_clock::time_point look_at_records{}, look_at_certificates{};  // at once
  while (stopping.stage() != Stopping::Stage::kOver) {
    pollfd fds[2] = {{signal_fd, POLLIN, 0}, {wake_fd, POLLIN, 0}};
    (void)::poll(fds, 2, stopping.begun() ? 100 : 500);
    if (fds[1].revents & POLLIN) {
      std::uint64_t n = 0;
      (void)!::read(wake_fd, &n, sizeof n);
    }
    commands.run_queued(stopping);
    metrics.run_queued();
    nameserver.follow(gateway.deployment(), directory.current(), wall_now());
    if (!stopping.begun()) commands.revert_if_due();
    commands.finish_captures();
    if (const auto now = std::chrono::steady_clock::now(); now >= look_at_certificates) {
      look_at_certificates = now + std::chrono::seconds(2);
      if (const auto kept = activations.keep(directory.current().get()); !kept)
        log::error("names that are activated are not kept: {}", kept.error().what);
      gateway.look_at_certificates(wall_now());
    }
    if (const auto now = std::chrono::steady_clock::now(); now >= look_at_records) {
      look_at_records = now + std::chrono::hours(1);
      gateway.remove_old_records(wall_now());
    }
    if (signalfd_siginfo info{};
        (fds[0].revents & POLLIN) && ::read(signal_fd, &info, sizeof info) == sizeof info) {
      if (info.ssi_signo != SIGHUP)
        go_on_stopping(gateway, stopping,
                       stopping.on_signal(std::chrono::steady_clock::now(),
                                          gateway.deployment().operation.drain));
      else if (stopping.begun())
        log::warning("reload: the gateway is stopping, its configuration stays");
      else
        commands.reload(file);
    }
    if (stopping.begun())
      go_on_stopping(gateway, stopping,
                     stopping.on_tick(std::chrono::steady_clock::now(), gateway.calls_now()));
  }
}

int run(const std::string& file) {
  // Handled by one descriptor on this thread; every other thread inherits the mask.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int s : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, s);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  const int signal_fd = ::signalfd(-1, &signals, SFD_CLOEXEC);
  const int wake_fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

  const log::Background background;  // before any shard: none waits for standard error
  deployment::LoadOptions options;
  options.now = wall_now();
  auto loaded = deployment::load_file(file, options);
  if (!loaded.deployment) {
    std::cerr << loaded.to_string() << "\n";
    return kExitMistakes;
  }
  // Before anything is written: the state may be that of a gateway that runs.
  if (auto free = addresses_free(*loaded.deployment, nullptr); !free) return complain(free.error());
  codec::set_plugin_folder(loaded.deployment->operation.codec_plugins);
  const std::string state = loaded.deployment->operation.state_directory;
  std::error_code ec;
  std::filesystem::create_directories(state, ec);
  const auto socket = std::filesystem::path(loaded.deployment->operation.control_socket);
  std::filesystem::create_directories(socket.parent_path(), ec);
  auto history = ConfigHistory::open(state);
  if (!history) return complain(history.error());
  const std::string absolute = std::filesystem::absolute(file, ec).string();
  auto text = history->at_start(loaded.deployment->source, absolute, wall_now());
  if (!text) return complain(text.error());
  if (*text != loaded.deployment->source) {
    // A configuration was applied since this file was written: that one is in force.
    const auto& entry = history->entries()[static_cast<std::size_t>(
        std::max(0, static_cast<int>(history->entries().size()) - 1))];
    deployment::LoadOptions o;
    o.now = wall_now();
    o.base_directory =
        std::filesystem::path(entry.file.empty() ? absolute : entry.file).parent_path().string();
    auto applied = deployment::load_text(*text, entry.file, o);
    if (applied.deployment)
      loaded = std::move(applied);
    else {
      log::error("the applied configuration does not validate any more, {} is used:\n{}", file,
                 applied.to_string());
      if (auto recorded = history->record(loaded.deployment->source, absolute, "start",
                                          "the applied one does not validate any more", wall_now());
          !recorded)
        log::error("not recorded: {}", recorded.error().what);
    }
  }
  auto states = PeerStates::open(state + "/peers.json");
  if (!states) return complain(states.error());
  auto activations = Activations::open(state + "/activated.json");
  if (!activations) return complain(activations.error());
  // Calls find the directory that is there; a store that is away or large does not keep them
  // waiting.
  DirectoryService directory(
      {followed_store(*loaded.deployment), state + "/directory.snap", wall_now});
  directory.wait_for_first(std::chrono::seconds(10));
  const auto begin_with = directory.current();
  auto gateway = Gateway::start(loaded.deployment, *states, **activations, begin_with);
  if (!gateway) return complain(gateway.error());
  Commands commands(**gateway, *history, *states, directory, wake_fd);
  auto nameserver = NameserverService::start(*loaded.deployment, begin_with, wall_now());
  if (!nameserver) return complain(nameserver.error());
  commands.use(**nameserver);
  auto control = ControlServer::open(loaded.deployment->operation.control_socket, commands);
  if (!control) return complain(control.error());
  Metrics metrics(**gateway, *history, directory, wake_fd);
  std::unique_ptr<MetricsServer> metrics_server;
  if (const auto& at = loaded.deployment->metrics.listen) {
    auto opened = MetricsServer::open(*at, metrics);
    if (!opened) return complain(opened.error());
    metrics_server = std::move(*opened);
  }
  auto provisioning =
      ProvisioningService::start(*loaded.deployment, ProvisioningService::Store::kMayBeAway);
  if (!provisioning) return complain(provisioning.error());
  // Behind all that may fail: it must not outlive the gateway.
  directory.deliver_to([g = gateway->get()](const auto& d) { return g->use_directory(d); },
                       begin_with);
  log::info("causeway {} is running: {} peer groups, configuration {}, control socket {}",
            deployment::software_version(), loaded.deployment->groups.size(), history->current(),
            loaded.deployment->operation.control_socket);

  metrics.use(**nameserver);
  serve(**gateway, commands, metrics, **activations, directory, **nameserver, signal_fd, wake_fd,
        absolute);
  provisioning->reset();
  metrics_server.reset();
  (*control)->stop();
  nameserver->reset();
  directory.stop();
  gateway->reset();
  if (const auto kept = (*activations)->keep(nullptr); !kept)
    log::error("names that are activated are not kept: {}", kept.error().what);
  log::info("stopped");
  return kExitGood;
}

int provision(const std::string& file) {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int s : {SIGTERM, SIGINT}) sigaddset(&signals, s);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  deployment::LoadOptions options;
  options.now = wall_now();
  const auto loaded = deployment::load_file(file, options);
  if (!loaded.deployment) {
    std::cerr << loaded.to_string() << "\n";
    return kExitMistakes;
  }
  if (!loaded.deployment->provisioning.listen)
    return complain({ErrorCode::kConfiguration,
                     file + ": [provisioning] listen is missing: say where the API is served"});
  const auto service =
      ProvisioningService::start(*loaded.deployment, ProvisioningService::Store::kMustBeThere);
  if (!service) return complain(service.error());
  int which = 0;
  sigwait(&signals, &which);
  log::info("provisioning: stopped");
  return kExitGood;
}

}  // namespace
}  // namespace causeway::app

int main(int argc, char** argv) {
  using namespace causeway::app;
  const std::vector<std::string> args(argv + 1, argv + argc);
  const auto line = parse_command_line(args);
  if (!line) {
    std::cerr << "causeway: " << line.error().what << "\n";
    return kExitUsage;
  }
  if (line->help) {
    std::cout << help_text(line->command);
    return kExitGood;
  }
  if (line->command == "version") {
    std::cout << "causeway " << causeway::deployment::software_version() << "\n";
    return kExitGood;
  }
  if (line->command == "check") return run_check(line->operands.at(0), wall_now(), std::cout);
  if (line->command == "tls-check") return run_tls_check(*line, wall_now(), std::cout, std::cerr);
  if (line->command == "account" || line->command == "number")
    return run_directory_command(*line, wall_now, std::cout, std::cerr);
  if (line->command == "dns" && line->operands.at(0) == "export")
    return run_dns_export(*line, wall_now(), std::cout, std::cerr);
  if (line->command == "explain" && line->options.contains("offline"))
    return run_explain_offline(*line, wall_now(), std::cout, std::cerr);
  if (line->command == "replay") return run_replay(*line, wall_now(), std::cout, std::cerr);
  if (line->command == "migrate") return run_migrate(*line, wall_now, std::cout, std::cerr);
  if (line->command == "provision") return provision(line->option("config"));
  if (line->command == "run") return run(line->option("config"));
  return run_remote(*line, std::cout, std::cerr);
}
