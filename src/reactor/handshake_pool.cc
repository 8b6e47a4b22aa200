#include "reactor/handshake_pool.h"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace causeway::reactor {

HandshakeInbox::HandshakeInbox() : event_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

void HandshakeInbox::put(Done done) {
  {
    const std::lock_guard lock(mutex_);
    done_.push_back(std::move(done));
  }
  const std::uint64_t one = 1;
  (void)!::write(event_.get(), &one, sizeof one);
}

bool HandshakeInbox::take(std::vector<Done>& out, std::size_t most) {
  std::uint64_t count = 0;
  (void)!::read(event_.get(), &count, sizeof count);
  const std::lock_guard lock(mutex_);
  while (!done_.empty() && out.size() < most) {
    out.push_back(std::move(done_.front()));
    done_.pop_front();
  }
  return !done_.empty();
}

HandshakePool::HandshakePool(unsigned threads) {
  for (unsigned i = 0; i < threads; ++i) {
    threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
    pthread_setname_np(threads_.back().native_handle(), "handshakes");
  }
}

HandshakePool::~HandshakePool() {
  for (auto& t : threads_) t.request_stop();
  wake_.notify_all();
  threads_.clear();
}

void HandshakePool::submit(std::shared_ptr<HandshakeInbox> inbox, std::uint64_t tag,
                           std::unique_ptr<TlsSession> session, const IpAddress& source,
                           bool first) {
  {
    const std::lock_guard lock(mutex_);
    Job job{std::move(inbox), tag, std::move(session)};
    if (first) {
      first_.push_back(std::move(job));
    } else {
      auto& waiting = by_source_[source];
      if (waiting.empty()) turns_.push_back(source);
      waiting.push_back(std::move(job));
    }
  }
  wake_.notify_one();
}

HandshakePool::Job HandshakePool::next() {
  if (!first_.empty()) {
    Job job = std::move(first_.front());
    first_.pop_front();
    return job;
  }
  const IpAddress source = turns_.front();
  turns_.pop_front();
  const auto waiting = by_source_.find(source);
  Job job = std::move(waiting->second.front());
  waiting->second.pop_front();
  if (waiting->second.empty())
    by_source_.erase(waiting);
  else
    turns_.push_back(source);
  return job;
}

void HandshakePool::work(const std::stop_token& stop) {
  for (;;) {
    std::unique_lock lock(mutex_);
    if (!wake_.wait(lock, stop, [this] { return !first_.empty() || !turns_.empty(); }) ||
        stop.stop_requested())
      return;
    Job job = next();
    lock.unlock();
    const TlsSession::Step step = job.session->handshake();
    job.inbox->put({job.tag, std::move(job.session), step});
  }
}

}  // namespace causeway::reactor
