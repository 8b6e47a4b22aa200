// SIP of one peer or group as it passes one shard, masked and bounded. Lives on the shard's thread
// while it is the shard's sink.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "call/gateway_shard.h"

namespace causeway::app {

class WireCapture final : public call::WireSink {
 public:
  static constexpr std::size_t kMaxBytes = 8 << 20;  // of one shard

  struct Message {
    WallTime at;
    bool outgoing = false;
    Endpoint local, remote;
    Transport transport = Transport::kUdp;
    std::string bytes;
  };
  struct Part {
    std::vector<Message> messages;
    std::size_t left_out = 0;  // after it was full
  };

  explicit WireCapture(std::string name) : name_(std::move(name)) {}  // of a peer or a group

  void on_wire(const peers::PeerTable& peers, WallTime at, bool outgoing, const Endpoint& local,
               const Endpoint& remote, Transport transport, std::string_view bytes) override;
  [[nodiscard]] Part take() { return std::exchange(part_, {}); }
  // Ends the capture of that shard, on its thread.
  [[nodiscard]] static Part take_from(call::GatewayShard& shard,
                                      const std::vector<std::shared_ptr<WireCapture>>& sinks);

 private:
  [[nodiscard]] bool wanted(const peers::PeerTable& peers, const Endpoint& remote,
                            Transport transport) const;
  std::string name_;
  Part part_;
  std::size_t bytes_ = 0;
};

}  // namespace causeway::app
