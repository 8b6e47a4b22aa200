// A datagram socket of the simulated world.
#pragma once

#include <optional>

#include "reactor/reactor.h"

namespace causeway::world {

class Engine;

class SimUdpSocket final : public reactor::UdpSocket {
 public:
  SimUdpSocket(Engine& engine, std::uint32_t reactor, reactor::SocketOptions options,
               reactor::UdpListener& listener)
      : engine_(engine), reactor_(reactor), options_(std::move(options)), listener_(listener) {}
  ~SimUdpSocket() override;

  [[nodiscard]] Endpoint local() const override { return local_; }
  void send(const Endpoint& to, std::span<const std::byte> data) override;
  void connect(const Endpoint& remote) override { remote_ = remote; }

  void set_local(const Endpoint& local) { local_ = local; }
  [[nodiscard]] bool connected() const { return remote_.port != 0; }
  [[nodiscard]] const Endpoint& remote() const { return remote_; }
  [[nodiscard]] std::uint32_t reactor() const { return reactor_; }
  [[nodiscard]] reactor::UdpListener& listener() const { return listener_; }
  [[nodiscard]] const reactor::SocketOptions& options() const { return options_; }

 private:
  Engine& engine_;
  const std::uint32_t reactor_;
  const reactor::SocketOptions options_;
  reactor::UdpListener& listener_;
  Endpoint local_, remote_;
};

}  // namespace causeway::world
