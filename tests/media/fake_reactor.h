// A reactor of one shard with a virtual clock, and a network without delay: what is sent to an open
// socket arrives at once. Nothing allocates while a datagram travels.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <map>
#include <set>

#include "reactor/reactor.h"

namespace causeway::testing_support {

class FakeReactor final : public reactor::Reactor, public reactor::Timers {
  struct Socket final : reactor::UdpSocket {
    FakeReactor* net = nullptr;
    Endpoint at, only;
    reactor::UdpListener* listener = nullptr;
    ~Socket() override { net->sockets_.erase(at); }
    Endpoint local() const override { return at; }
    void send(const Endpoint& to, std::span<const std::byte> data) override {
      net->deliver(at, to, data);
    }
    void connect(const Endpoint& remote) override { only = remote; }
  };

 public:
  Instant now() const override { return now_; }
  WallTime wall() const override {
    return {1'700'000'000'000'000 + now_.time_since_epoch().count()};
  }
  ShardId shard() const override { return ShardId(0); }
  std::size_t shard_count() const override { return 1; }
  reactor::Timers& timers() override { return *this; }
  Random& random() override { return random_; }

  Result<std::unique_ptr<reactor::UdpSocket>> open_udp(const Endpoint& local,
                                                       const reactor::SocketOptions& options,
                                                       reactor::UdpListener& listener) override {
    if (sockets_.count(local) || taken.count(local.port))
      return fail(ErrorCode::kIo, "address already in use");
    if (options.leave_reserve && sockets_.size() >= descriptors)
      return fail(ErrorCode::kUnavailable, "too few file descriptors");
    auto s = std::make_unique<Socket>();
    s->net = this;
    s->at = local;
    s->listener = &listener;
    sockets_[local] = s.get();
    last_options = options;
    ++opened;
    return s;
  }
  Result<std::unique_ptr<reactor::Acceptor>> listen(const Endpoint&, const reactor::SocketOptions&,
                                                    std::shared_ptr<const reactor::TlsContext>,
                                                    reactor::AcceptListener&) override {
    return fail(ErrorCode::kUnsupported, "no streams here");
  }
  Result<std::unique_ptr<reactor::Stream>> connect(const Endpoint&, const Endpoint&,
                                                   const reactor::SocketOptions&,
                                                   const reactor::TlsClient*,
                                                   reactor::StreamListener&) override {
    return fail(ErrorCode::kUnsupported, "no streams here");
  }
  bool post(ShardId, reactor::Mail&) override { return false; }
  void set_mail_handler(reactor::MailHandler*) override {}

  reactor::TimerId schedule(Instant at, reactor::TimerTarget& target,
                            std::uint64_t token) override {
    const reactor::TimerId id(++next_timer_);
    timers_[{at, id.value}] = {&target, token};
    return id;
  }
  void cancel(reactor::TimerId id) override {
    for (auto i = timers_.begin(); i != timers_.end(); ++i)
      if (i->first.second == id.value) {
        timers_.erase(i);
        return;
      }
  }

  void pass(Micros d) {
    const Instant end = now_ + d;
    while (!timers_.empty() && timers_.begin()->first.first <= end) {
      const auto [key, value] = *timers_.begin();
      timers_.erase(timers_.begin());
      now_ = std::max(now_, key.first);
      value.first->on_timer(value.second, now_);
    }
    now_ = end;
  }

  // What stands at the entrance of the machine. True: it has dealt with the datagram.
  std::function<bool(const Endpoint& from, const Endpoint& to, std::span<const std::byte> data)>
      entrance;

  void deliver(const Endpoint& from, const Endpoint& to, std::span<const std::byte> data) {
    if (!entrance || !entrance(from, to, data)) arrive(from, to, data);
  }
  void arrive(const Endpoint& from, const Endpoint& to, std::span<const std::byte> data) {
    const auto i = sockets_.find(to);
    if (i == sockets_.end()) {
      ++unheard;
      return;
    }
    Socket& s = *i->second;
    if (s.only.port != 0 && s.only != from) return;
    std::array<std::byte, 2'048 + reactor::UdpListener::kTailroom> buffer;
    std::copy(data.begin(), data.end(), buffer.begin());
    s.listener->on_datagram(s, from, std::span(buffer).first(data.size()), now_);
  }

  std::set<std::uint16_t> taken;       // ports that another program holds
  std::size_t descriptors = SIZE_MAX;  // that media ports may have
  reactor::SocketOptions last_options;
  std::size_t opened = 0;
  std::size_t unheard = 0;

 private:
  Instant now_{Seconds(1)};
  SeededRandom random_{42};
  std::map<Endpoint, Socket*> sockets_;
  std::map<std::pair<Instant, std::uint64_t>, std::pair<reactor::TimerTarget*, std::uint64_t>>
      timers_;
  std::uint64_t next_timer_ = 0;
};

}  // namespace causeway::testing_support
