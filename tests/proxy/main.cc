// causeway-test-proxy --listen 127.0.0.1:5060 --target 127.0.0.1:5080 [--target ...] [--timer-c
// SECONDS] Runs until SIGTERM; says what is left then, which should be nothing.
#include <signal.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <stop_token>

#include "proxy/configuration.h"
#include "proxy/stateful_proxy.h"
#include "reactor/epoll_reactor.h"

namespace {
std::atomic<bool> stopped = false;
}

int main(int argc, char** argv) {
  using namespace causeway;
  proxy::Options options;
  std::optional<Endpoint> listen;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    if (name == "--timer-c") {
      options.timer_c = Seconds(std::atoi(argv[i + 1]));
      continue;
    }
    const auto at = Endpoint::parse(argv[i + 1]);
    if (!at) return std::fprintf(stderr, "not an address: %s\n", argv[i + 1]), 64;
    if (name == "--listen") listen = *at;
    if (name == "--target") options.targets.push_back(*at);
  }
  if (!listen || options.targets.empty())
    return std::fprintf(stderr,
                        "causeway-test-proxy --listen ADDRESS:PORT --target ADDRESS:PORT ...\n"),
           64;
  ::signal(SIGTERM, [](int) { stopped = true; });
  reactor::MailRoom mail(1);
  reactor::EpollReactor reactor(mail);
  proxy::StatefulProxy proxy(reactor, options);
  transport::Running running;
  running.deployment = proxy::deployment_at(*listen, "127.0.0.0/8");
  if (auto ok = proxy.apply(running); !ok)
    return std::fprintf(stderr, "%s\n", ok.error().what.c_str()), 1;
  while (!stopped) reactor.turn(Millis(100));
  std::printf("left: %zu contexts, %zu transactions\n", proxy.contexts(), proxy.transactions());
}
