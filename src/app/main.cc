// Causeway's one binary. `run` is the gateway; every other command checks a file or talks to a
// running gateway over its control socket.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <iostream>

#include "app/cli.h"
#include "app/commands.h"
#include "app/gateway.h"
#include "base/log.h"
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

// Drains for as long as the configuration allows, then ends what is left with BYE.
void stop_gracefully(Gateway& gateway) {
  const auto limit = gateway.deployment().operation.drain;
  log::info("stopping: new calls are refused, {} calls may end by themselves within {} s",
            gateway.calls_now(), limit.count());
  gateway.refuse_new_calls();
  const auto wait_empty = [&](Millis most) {
    for (Millis waited{0}; waited < most; waited += Millis(100)) {
      if (gateway.calls_now() == 0) return true;
      ::poll(nullptr, 0, 100);
    }
    return gateway.calls_now() == 0;
  };
  if (!wait_empty(limit)) {
    log::info("stopping: {} calls are ended", gateway.calls_now());
    gateway.end_all_calls("the gateway is shutting down");
    (void)wait_empty(Millis(3'000));  // for the answers to BYE
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

  deployment::LoadOptions options;
  options.now = wall_now();
  auto loaded = deployment::load_file(file, options);
  if (!loaded.deployment) {
    std::cerr << loaded.to_string() << "\n";
    return kExitMistakes;
  }
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
    else
      log::error("the applied configuration does not validate any more, {} is used:\n{}", file,
                 applied.to_string());
  }
  auto states = PeerStates::open(state + "/peers.json");
  if (!states) return complain(states.error());
  auto gateway = Gateway::start(loaded.deployment, *states);
  if (!gateway) return complain(gateway.error());
  Commands commands(**gateway, *history, *states, wake_fd);
  auto control = ControlServer::open(loaded.deployment->operation.control_socket, commands);
  if (!control) return complain(control.error());
  log::info("causeway {} is running: {} peer groups, configuration {}, control socket {}",
            deployment::software_version(), loaded.deployment->groups.size(), history->current(),
            loaded.deployment->operation.control_socket);

  for (;;) {
    pollfd fds[2] = {{signal_fd, POLLIN, 0}, {wake_fd, POLLIN, 0}};
    (void)::poll(fds, 2, 500);
    if (fds[1].revents & POLLIN) {
      std::uint64_t n = 0;
      (void)!::read(wake_fd, &n, sizeof n);
    }
    commands.run_queued();
    commands.revert_if_due();
    commands.finish_captures();
    if (!(fds[0].revents & POLLIN)) continue;
    signalfd_siginfo info{};
    if (::read(signal_fd, &info, sizeof info) != sizeof info) continue;
    if (info.ssi_signo == SIGHUP)
      commands.reload(absolute);
    else
      break;
  }
  (*control)->stop();
  stop_gracefully(**gateway);
  gateway->reset();
  log::info("stopped");
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
  if (line->command == "run") return run(line->option("config"));
  return run_remote(*line, std::cout, std::cerr);
}
