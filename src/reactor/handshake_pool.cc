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
    jobs_.put(Job{std::move(inbox), tag, std::move(session)}, source, first);
  }
  wake_.notify_one();
}

void HandshakePool::work(const std::stop_token& stop) {
  for (;;) {
    std::unique_lock lock(mutex_);
    if (!wake_.wait(lock, stop, [this] { return !jobs_.empty(); }) || stop.stop_requested()) return;
    Job job = jobs_.next();
    lock.unlock();
    const TlsSession::Step step = job.session->handshake();
    job.inbox->put({job.tag, std::move(job.session), step});
  }
}

}  // namespace causeway::reactor
