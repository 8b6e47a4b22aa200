// Calls whose packets the kernel passes on by itself (relay.bpf.c): a table of flows, shared by all
// shards. Whoever asks for a flow owns what is in it; the rest is behind a lock that no packet
// takes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/net.h"
#include "base/result.h"
#include "base/time.h"
#include "kernel/flow.h"

namespace causeway::kernel {

inline constexpr std::uint32_t kMostFlows = 65'536;  // two for a call
inline constexpr Seconds kTrusted{3};                // after the last alive()

class Relay {
 public:
  virtual ~Relay() = default;
  // For what `peer` sends to `here`, all zeros. Null: not of IPv4, none is left, or somebody has
  // it already.
  [[nodiscard]] virtual Flow* add(const Endpoint& here, const Endpoint& peer) = 0;
  virtual void remove(Flow& flow) = 0;
  // The interface by which packets of `from` go to `to`, bound to the one of that name unless it is
  // empty; 0: `to` is an address of this machine. nullopt: there is no way.
  [[nodiscard]] virtual std::optional<std::uint32_t> way(const Endpoint& from, const Endpoint& to,
                                                         const std::string& interface) const = 0;
  // Of that name.
  [[nodiscard]] virtual std::optional<std::uint32_t> interface(const std::string& name) const = 0;
  // The kernel goes on for kTrusted after this: what a dead gateway leaves behind ends by itself.
  virtual void alive(Instant now) = 0;
};

// Loads the program and puts it at the entrance of these interfaces, in the place of what a gateway
// of the same number left there. kUnavailable, kPermission: why not, and what would help; then
// nothing is attached. Detached when it is destroyed.
[[nodiscard]] Result<std::unique_ptr<Relay>> open_relay(std::span<const std::string> interfaces,
                                                        std::uint8_t node);

}  // namespace causeway::kernel
