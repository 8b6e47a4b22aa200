// The network's name servers, asked through c-ares; answers are read by our own decoder, because
// those of c-ares lose the TTL of SRV records. On the shard's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "dns/resolver.h"
#include "reactor/epoll_reactor.h"

struct ares_channeldata;

namespace causeway::dns {

struct CaresOptions {
  std::vector<Endpoint> servers;     // empty: those of /etc/resolv.conf
  Millis timeout{1'500};             // of the first attempt at each server; later ones wait longer
  int tries = 2;                     // at each server
  std::size_t max_questions = 1024;  // open at once; more get kUnavailable
};

class CaresResolver final : public Resolver, private reactor::TimerTarget {
 public:
  // kConfiguration when c-ares does not take the options. Reads /etc/resolv.conf, so: at start-up.
  [[nodiscard]] static Result<std::unique_ptr<CaresResolver>> create(reactor::EpollReactor& reactor,
                                                                     const CaresOptions& options);
  ~CaresResolver() override;
  CaresResolver(const CaresResolver&) = delete;
  CaresResolver& operator=(const CaresResolver&) = delete;

  void query(std::string_view name, RecordType type, ResolverClient& client,
             std::uint64_t token) override;
  void cancel(ResolverClient& client) override;

 private:
  struct Question {
    CaresResolver* resolver;
    std::uint64_t id;
    std::string name;
    RecordType type;
    ResolverClient* client;  // null: cancelled
    std::uint64_t token;
  };
  class Socket;

  CaresResolver(reactor::EpollReactor& reactor, std::size_t max_questions);
  static void socket_state(void* self, int fd, int readable, int writable);
  static void answered(void* question, int status, int timeouts, unsigned char* data, int length);
  void watch(int fd, bool readable, bool writable);
  void process(int read_fd, int write_fd);
  void finish(std::uint64_t id, int status, std::span<const std::byte> message);
  void arm_timer();
  void on_timer(std::uint64_t token, Instant now) override;

  // borrowed
  reactor::EpollReactor& reactor_;
  // owned
  ares_channeldata* channel_ = nullptr;
  std::unordered_map<int, std::unique_ptr<Socket>> sockets_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Question>> questions_;
  // state
  const std::size_t max_questions_;
  std::uint64_t next_ = 1;
  reactor::TimerId timer_;
  bool closing_ = false;
};

}  // namespace causeway::dns
