// The control socket of a running gateway: a thread of its own, one poll loop, a few clients of one
// user.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "app/control_protocol.h"
#include "base/result.h"

namespace causeway::app {

namespace detail {
struct ControlChannel;
}

// The way back to one client. Copies share it; any thread; may outlive the client and the server,
// and then says nothing. When the last copy goes before done() or fail(), the client is told that
// there was no answer.
class Responder {
 public:
  explicit Responder(std::shared_ptr<detail::ControlChannel> channel);
  void text(std::string_view line) const;           // free text, printed as it is
  void head(std::vector<std::string> cells) const;  // starts a table
  void row(std::vector<std::string> cells) const;
  void bytes(std::span<const std::byte> data) const;  // of a file that the client writes
  void done() const;
  void fail(std::string_view why) const;
  // False when the client has gone: long answers may stop.
  [[nodiscard]] bool alive() const;

 private:
  struct Last;
  std::shared_ptr<Last> last_;
};

class ControlHandler {
 public:
  virtual ~ControlHandler() = default;
  // On the thread of the server; must not wait. The answer may come later, from any thread.
  virtual void on_command(const Request& request, Responder responder) = 0;
};

class ControlServer {
 public:
  static constexpr std::size_t kMaxClients = 32;
  static constexpr std::size_t kMaxOutput =
      64 << 20;  // waiting for one client; beyond it the client is dropped

  // Makes the socket with mode 0600. One that a dead process left is replaced; one that answers is
  // not.
  [[nodiscard]] static Result<std::unique_ptr<ControlServer>> open(const std::string& path,
                                                                   ControlHandler& handler);
  ~ControlServer();  // stop()
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;
  void stop();  // closes every client and removes the socket; idempotent

 private:
  struct Client;
  ControlServer(std::string path, ControlHandler& handler, int listener, int wake);
  void run();
  void accept_client();
  bool read_from(Client& c);  // false: the client has gone
  bool write_to(Client& c);

  ControlHandler& handler_;  // borrowed
  std::string path_;
  std::uint64_t inode_ = 0;
  int listener_ = -1;
  std::shared_ptr<int> wake_;  // eventfd, closed with its last user
  std::atomic<bool> stopping_{false};
  std::map<int, std::unique_ptr<Client>> clients_;  // by descriptor
  std::thread thread_;
};

}  // namespace causeway::app
