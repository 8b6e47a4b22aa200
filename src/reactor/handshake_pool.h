// Threads that compute TLS handshakes, so that no private-key operation and no check of a chain
// ever holds up a shard. A session is handed over whole, and handed back when its step is done; in
// between nobody else touches it. One pool serves all shards.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/net.h"
#include "reactor/file_descriptor.h"
#include "reactor/tls_session.h"
#include "reactor/turn_queue.h"

namespace causeway::reactor {

// Steps that are done, on their way back to one reactor. Any thread puts, the reactor's takes. It
// may outlive the reactor: what is in it then is destroyed with it.
class HandshakeInbox {
 public:
  struct Done {
    std::uint64_t tag;
    std::unique_ptr<TlsSession> session;
    TlsSession::Step step;
  };
  HandshakeInbox();
  [[nodiscard]] int event_fd() const { return event_.get(); }
  void put(Done done);
  // At most `most`; true when there are more.
  [[nodiscard]] bool take(std::vector<Done>& out, std::size_t most);

 private:
  FileDescriptor event_;
  std::mutex mutex_;
  std::deque<Done> done_;  // guarded by mutex_; as many as there are handshakes in flight
};

class HandshakePool {
 public:
  explicit HandshakePool(unsigned threads);
  ~HandshakePool();  // what was not begun is dropped
  HandshakePool(const HandshakePool&) = delete;
  HandshakePool& operator=(const HandshakePool&) = delete;

  // One step of `session`'s handshake; it comes back to `inbox` with `tag`. Any thread. Those that
  // are to be `first` are computed before all others, of which each source has its turn
  // (turn_queue.h).
  void submit(std::shared_ptr<HandshakeInbox> inbox, std::uint64_t tag,
              std::unique_ptr<TlsSession> session, const IpAddress& source, bool first);

 private:
  struct Job {
    std::shared_ptr<HandshakeInbox> inbox;
    std::uint64_t tag;
    std::unique_ptr<TlsSession> session;
  };
  void work(const std::stop_token& stop);

  std::mutex mutex_;
  std::condition_variable_any wake_;
  TurnQueue<Job> jobs_;  // guarded by mutex_; bounded by the handshakes in flight of all listeners
  std::vector<std::jthread> threads_;
};

}  // namespace causeway::reactor
