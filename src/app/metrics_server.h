// GET /metrics over HTTP/1.1, and nothing else: a thread of its own, one poll loop, a few clients,
// each with a bound on time and bytes. It runs on no shard; the text is made on the management
// thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "base/net.h"
#include "base/result.h"

namespace causeway::app {

// What the bytes of a client ask for, as far as they have come.
enum class HttpAsks : std::uint8_t { kNotYet, kMetrics, kElsewhere, kOtherMethod, kNonsense };
inline constexpr std::size_t kMaxHttpRequest = 8'192;
[[nodiscard]] HttpAsks http_asks(std::string_view bytes);

namespace detail {
struct ScrapeChannel;
}

// The way back to one client. Any thread; may outlive client and server, and then says nothing.
class Scrape {
 public:
  explicit Scrape(std::shared_ptr<detail::ScrapeChannel> channel) : channel_(std::move(channel)) {}
  void answer(std::string_view text) const;  // 200
  void fail(std::string_view why) const;     // 503

 private:
  std::shared_ptr<detail::ScrapeChannel> channel_;
};

class ScrapeHandler {
 public:
  virtual ~ScrapeHandler() = default;
  // On the thread of the server; must not wait. The answer may come later, from any thread.
  virtual void on_scrape(Scrape scrape) = 0;
};

class MetricsServer {
 public:
  static constexpr std::size_t kMaxClients = 16;
  static constexpr std::chrono::seconds kTime{10};  // of one client, from connect to close

  // Port 0 takes any free one.
  [[nodiscard]] static Result<std::unique_ptr<MetricsServer>> open(
      const Endpoint& at, ScrapeHandler& handler, std::chrono::milliseconds time = kTime);
  ~MetricsServer();
  MetricsServer(const MetricsServer&) = delete;
  MetricsServer& operator=(const MetricsServer&) = delete;
  [[nodiscard]] const Endpoint& local() const { return local_; }

 private:
  struct Client;
  MetricsServer(ScrapeHandler& handler, int listener, int wake, std::chrono::milliseconds time);
  void run();
  void accept_client();
  bool read_from(Client& c);  // false: it is over
  bool write_to(Client& c);

  ScrapeHandler& handler_;  // borrowed
  const std::chrono::milliseconds time_;
  Endpoint local_;
  int listener_ = -1;
  std::shared_ptr<int> wake_;  // eventfd, closed with its last user
  std::atomic<bool> stopping_{false};
  std::map<int, std::unique_ptr<Client>> clients_;  // by descriptor
  std::thread thread_;
};

}  // namespace causeway::app
