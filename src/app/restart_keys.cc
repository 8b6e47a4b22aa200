#include "app/restart_keys.h"

namespace causeway::app {
namespace {

// One list for both: visit(name, member of `a`, member of `b`).
template <typename A, typename B, typename F>
void each_key(A& a, B& b, F visit) {
  visit("resolvers", a.resolvers, b.resolvers);
  visit("operation.node", a.operation.node, b.operation.node);
  visit("operation.shards", a.operation.shards, b.operation.shards);
  visit("operation.pin_shards", a.operation.pin_shards, b.operation.pin_shards);
  visit("operation.control_socket", a.operation.control_socket, b.operation.control_socket);
  visit("operation.state_directory", a.operation.state_directory, b.operation.state_directory);
  visit("operation.record_directory", a.operation.record_directory, b.operation.record_directory);
  visit("operation.codec_plugins", a.operation.codec_plugins, b.operation.codec_plugins);
  visit("operation.kernel_relay", a.operation.kernel_relay, b.operation.kernel_relay);
  visit("operation.handshake_threads", a.operation.handshake_threads,
        b.operation.handshake_threads);
  visit("operation.handshake_steps", a.operation.handshake_steps, b.operation.handshake_steps);
  visit("metrics.listen", a.metrics.listen, b.metrics.listen);
}

}  // namespace

std::vector<std::string> changed_restart_keys(const deployment::Deployment& started,
                                              const deployment::Deployment& next) {
  std::vector<std::string> out;
  each_key(started, next, [&](const char* name, const auto& a, const auto& b) {
    if (!(a == b)) out.emplace_back(name);
  });
  return out;
}

void keep_restart_keys(deployment::Deployment& next, const deployment::Deployment& started) {
  each_key(next, started, [](const char*, auto& a, const auto& b) { a = b; });
}

}  // namespace causeway::app
