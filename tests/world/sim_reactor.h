// One shard, or one host, of the simulated world. See world.h for who owns it.
//
// Differences from a machine: sockets are bound to one address each, never to 0.0.0.0 or ::; TLS
// compares names and issuers and encrypts nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/random.h"
#include "reactor/reactor.h"
#include "reactor/timer_wheel.h"

namespace causeway::world {

class Engine;

class SimReactor final : public reactor::Reactor {
 public:
  // Made by World.
  SimReactor(Engine& engine, std::uint32_t index, std::string name, ShardId shard, bool gateway,
             std::uint64_t seed);
  ~SimReactor() override;

  [[nodiscard]] Instant now() const override;
  [[nodiscard]] WallTime wall() const override;
  [[nodiscard]] ShardId shard() const override { return shard_; }
  [[nodiscard]] std::size_t shard_count() const override;
  [[nodiscard]] Micros last_turn() const override { return turn; }
  Micros turn{0};  // what a test pretends that the latest one took
  [[nodiscard]] reactor::Timers& timers() override { return timers_; }
  [[nodiscard]] Random& random() override { return random_; }
  [[nodiscard]] Result<std::unique_ptr<reactor::UdpSocket>> open_udp(
      const Endpoint& local, const reactor::SocketOptions& options,
      reactor::UdpListener& listener) override;
  [[nodiscard]] Result<std::unique_ptr<reactor::Acceptor>> listen(
      const Endpoint& local, const reactor::SocketOptions& options,
      std::shared_ptr<const reactor::TlsContext> tls, reactor::AcceptListener& listener) override;
  [[nodiscard]] Result<std::unique_ptr<reactor::Stream>> connect(
      const Endpoint& local, const Endpoint& remote, const reactor::SocketOptions& options,
      const reactor::TlsClient* tls, reactor::StreamListener& listener) override;
  [[nodiscard]] bool post(ShardId to, reactor::Mail& mail) override;
  void set_mail_handler(reactor::MailHandler* handler) override { mail_handler_ = handler; }

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::uint32_t index() const { return index_; }
  [[nodiscard]] bool is_gateway() const { return gateway_; }
  void set_mailbox_full(bool full) { mailbox_full_ = full; }
  [[nodiscard]] std::size_t timers_waiting() const { return timers_.waiting(); }

 private:
  friend class Engine;
  class SimTimers final : public reactor::Timers {
   public:
    SimTimers(SimReactor& owner, Instant start) : owner_(owner), wheel_(start) {}
    reactor::TimerId schedule(Instant at, reactor::TimerTarget& target,
                              std::uint64_t token) override;
    void cancel(reactor::TimerId id) override { wheel_.cancel(id); }
    [[nodiscard]] std::size_t waiting() const { return wheel_.size(); }
    void wake(Instant armed, Instant now);
    void arm();

   private:
    SimReactor& owner_;
    reactor::TimerWheel wheel_;
    Instant armed_ = Instant::max();  // time of the wake-up that counts; others are void
  };

  Engine& engine_;
  const std::uint32_t index_;
  const std::string name_;
  const ShardId shard_;
  const bool gateway_;
  SeededRandom random_;
  SimTimers timers_;
  reactor::MailHandler* mail_handler_ = nullptr;
  std::size_t mail_waiting_ = 0;
  bool mailbox_full_ = false;
  Instant last_mail_{};  // mail to one shard stays in order
};

}  // namespace causeway::world
