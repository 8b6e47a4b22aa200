// Port pairs of one realm and address family, on one shard's thread. Pairs of a finished call stay
// open for a while and serve the next one: opening two sockets costs more than relaying a second of
// audio. Before that they rest (kQuarantine), so that the last packets of an old call do not meet a
// new one, unless all others are in use; until then what arrives is read, counted as stray and
// dropped.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/net.h"
#include "base/result.h"
#include "base/time.h"
#include "reactor/reactor.h"

namespace causeway::media {

struct Leg;
struct PortPair;

class PortListener {
 public:
  virtual void on_packet(PortPair& ports, bool rtcp_port, const Endpoint& from,
                         std::span<std::byte> data, Instant received) = 0;

 protected:
  ~PortListener() = default;
};

struct PortPair {
  struct Channel final : reactor::UdpListener {
    PortPair* pair = nullptr;
    bool rtcp = false;
    std::unique_ptr<reactor::UdpSocket> socket;
    void on_datagram(reactor::UdpSocket&, const Endpoint& from, std::span<std::byte> data,
                     Instant received) override {
      pair->listener->on_packet(*pair, rtcp, from, data, received);
    }
  };
  PortListener* listener = nullptr;
  Leg* leg = nullptr;  // whose packets these are; null: stray
  std::uint16_t port = 0;
  bool connected = false;  // the RTP socket hears one far address only
  Channel rtp, rtcp;
};

struct PortRange {
  IpAddress address;
  std::uint16_t min = 0, max = 0;
  std::string interface;
  int dscp = 0;
  friend bool operator==(const PortRange&, const PortRange&) = default;
};

inline constexpr Millis kQuarantine{1'000};
inline constexpr Seconds kIdleFor{30};  // then the sockets are closed
// A second of calls at eight thousand a second, and at most half of the sockets that the shard
// may have in all.
inline constexpr std::size_t kMaxIdlePairs = 16'384;
inline constexpr int kOpenTries = 32;  // ports that other programs hold

class PortPool {
 public:
  PortPool(reactor::Reactor& reactor, PortListener& listener, PortRange range);
  // One that has rested, else one that was closed, else the one that rests for longest.
  // kUnavailable: every port of this shard's share is in use.
  [[nodiscard]] Result<std::unique_ptr<PortPair>> take();
  // That very pair; kUnavailable when it is in use.
  [[nodiscard]] Result<std::unique_ptr<PortPair>> take(std::uint16_t port);
  void give_back(std::unique_ptr<PortPair> pair);
  void shut(std::uint16_t port);  // one that was given back: closed at once
  void close_idle(Instant now);   // called about once a second
  // At most so many that rest, the oldest first; how many there were.
  std::size_t close_resting(std::size_t most);
  [[nodiscard]] const PortRange& range() const { return range_; }
  [[nodiscard]] std::size_t idle() const { return idle_.size(); }
  // The latest take() failed because the process has too few descriptors, not for want of a port.
  [[nodiscard]] bool starved() const { return starved_; }
  // Has sockets at that port, in use or at rest.
  [[nodiscard]] bool holds(std::uint16_t port) const { return held_[port]; }
  // Of an earlier configuration: what comes back is closed at once.
  void retire();
  [[nodiscard]] bool done() const { return retired_ && open_ == 0; }
  // Of the same address, earlier than this one: their ports are not tried.
  std::vector<const PortPool*> elders;

  Instant last_alarm{};
  std::string realm;

 private:
  struct Idle {
    std::unique_ptr<PortPair> pair;
    Instant since;
  };
  [[nodiscard]] Result<std::unique_ptr<PortPair>> open(std::uint16_t port);
  void close(std::unique_ptr<PortPair> pair);
  [[nodiscard]] std::unique_ptr<PortPair> refreshed(std::unique_ptr<PortPair> pair);

  reactor::Reactor& reactor_;
  PortListener& listener_;
  PortRange range_;
  std::size_t most_idle_;
  std::deque<std::uint16_t> closed_;  // even ports without sockets, reused last
  std::deque<Idle> idle_;             // open, in order of `since`
  std::vector<bool> held_;            // by port: has sockets
  std::size_t open_ = 0;              // pairs that have
  bool retired_ = false;
  bool starved_ = false;
};

}  // namespace causeway::media
