// The name server: a thread of its own with one poll loop over UDP and TCP, beside the shards and
// apart from store and management. What it answers from is a snapshot that any thread may replace.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/net.h"
#include "base/result.h"
#include "nameserver/rate_limit.h"
#include "nameserver/wire.h"

namespace causeway::nameserver {

// All of it immutable.
struct Content {
  Zone zone;
  std::shared_ptr<const Tenants> tenants;  // never null
  Rate rate;                               // of answers to one source prefix over UDP
  std::uint32_t slip = 2;
};
using ContentPtr = std::shared_ptr<const Content>;

struct Counts {
  std::array<std::uint64_t, 6> answers{};  // by Rcode
  std::uint64_t truncated = 0;
  std::uint64_t limited = 0;  // of those beyond the rate: not answered, or truncated
  std::uint64_t ignored = 0;  // no questions
  std::uint64_t tcp = 0;      // of the answers
};

class Server {
 public:
  static constexpr std::size_t kConnections = 128, kConnectionsPerSource = 16;
  static constexpr std::chrono::seconds kIdle{10};  // of a connection

  struct Local {
    Endpoint udp, tcp;
  };
  // Port 0 takes free ones, which may differ.
  [[nodiscard]] static Result<std::unique_ptr<Server>> open(const std::vector<Endpoint>& listen,
                                                            ContentPtr content,
                                                            std::chrono::milliseconds idle = kIdle);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  void replace(ContentPtr content);  // any thread
  [[nodiscard]] Counts counts() const;
  [[nodiscard]] const std::vector<Local>& local() const { return local_; }

 private:
  struct Socket {
    int fd = -1;
    bool stream = false;
  };
  struct Connection;
  Server(int wake, ContentPtr content, std::chrono::milliseconds idle);
  [[nodiscard]] Status listen_at(const Endpoint& at);
  void run();
  [[nodiscard]] int wait_ms() const;
  void read_datagrams(int fd);
  void accept_one(int fd);
  [[nodiscard]] bool serve(Connection& c, short events);  // false: it is over
  [[nodiscard]] bool answer_next(Connection& c);
  [[nodiscard]] ContentPtr content() const;
  void count(const Reply& reply, Over over);

  const std::chrono::milliseconds idle_;
  int wake_ = -1;
  std::vector<Socket> sockets_;
  std::vector<Local> local_;
  std::vector<std::unique_ptr<Connection>> connections_;  // at most kConnections
  RateLimit limit_;
  mutable std::mutex mutex_;
  ContentPtr content_;  // guarded by mutex_
  std::array<std::atomic<std::uint64_t>, 6> answers_{};
  std::atomic<std::uint64_t> truncated_{0}, limited_{0}, ignored_{0}, tcp_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace causeway::nameserver
