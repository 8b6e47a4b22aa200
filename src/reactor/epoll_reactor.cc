#include "reactor/epoll_reactor.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>

#include "base/log.h"
#include "reactor/tcp_stream.h"
#include "reactor/udp_socket.h"

namespace causeway::reactor {
namespace {

constexpr int kEventsPerTurn = 256;
constexpr std::size_t kLettersPerTurn = 512;
constexpr std::uint64_t kMailboxEvent = 0, kHandshakeEvent = 1;  // no WatchId is so small

// Monotonic time is the same for all shards of the machine: an Instant may cross in mail.
Instant monotonic() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return Instant{Seconds{t.tv_sec} + Micros{t.tv_nsec / 1000}};
}

void pin_to(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (pthread_setaffinity_np(pthread_self(), sizeof set, &set) != 0)
    log::warning("cannot pin a shard to processor {}", cpu);
}

}  // namespace

EpollReactor::EpollReactor(MailRoom& mail_room, EpollOptions options)
    : mail_room_(mail_room),
      mailbox_(mail_room.box(options.shard)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      batch_(std::make_unique<DatagramBatch>()),
      options_(options),
      timers_(monotonic()) {
  read_clock();
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kMailboxEvent;
  epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, mailbox_.event_fd(), &event);
  if (!options_.handshakes) return;
  handshake_inbox_ = std::make_shared<HandshakeInbox>();
  event.data.u64 = kHandshakeEvent;
  epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, handshake_inbox_->event_fd(), &event);
}

EpollReactor::~EpollReactor() {
  lingering_.clear();
  trash_.clear();
}

void EpollReactor::read_clock() {
  now_ = monotonic();
  timespec t{};
  clock_gettime(CLOCK_REALTIME, &t);
  wall_ = {t.tv_sec * 1'000'000LL + t.tv_nsec / 1000};
}

void EpollReactor::run(const std::stop_token& stop) {
  if (options_.cpu) pin_to(*options_.cpu);
  const std::stop_callback on_stop(stop, [this] { wake(); });
  while (!stop.stop_requested()) turn(Millis{60'000});
}

int EpollReactor::wait_time(Millis longest) const {
  if (more_mail_ || more_steps_ || !end_of_turn_.empty() || !handshake_turns_.empty()) return 0;
  const auto deadline = timers_.next_deadline();
  if (!deadline) return static_cast<int>(longest.count());
  const auto left = std::chrono::ceil<Millis>(*deadline - monotonic());
  return static_cast<int>(std::clamp(left, Millis{0}, longest).count());
}

void EpollReactor::turn(Millis longest_wait) {
  std::array<epoll_event, kEventsPerTurn> events;
  const int n = epoll_wait(epoll_.get(), events.data(), kEventsPerTurn, wait_time(longest_wait));
  read_clock();
  for (int i = 0; i < n; ++i) dispatch(events[static_cast<std::size_t>(i)]);
  if (more_mail_) empty_mailbox();
  timers_.advance(now_);
  // Handshakes come last: what established calls and their media had to say was heard before, and
  // what was answered is under way.
  if (more_steps_ || !handshake_turns_.empty()) run_end_of_turn();
  if (more_steps_) take_handshake_steps();
  give_handshake_turns();
  run_end_of_turn();
  const Micros took = monotonic() - now_;
  last_turn_ = took;
  ++stats_.turns;
  if (took > options_.stall) ++stats_.stalls;
  stats_.longest_turn = std::max(stats_.longest_turn, took);
}

void EpollReactor::dispatch(const epoll_event& event) {
  if (event.data.u64 == kMailboxEvent) {
    mailbox_.acknowledge();
    more_mail_ = true;
    return;
  }
  if (event.data.u64 == kHandshakeEvent) {
    more_steps_ = true;
    return;
  }
  if (Slot* const s = slot(WatchId{event.data.u64})) s->handler->on_ready(event.events);
}

void EpollReactor::empty_mailbox() {
  Mailbox::Letter letter;
  for (std::size_t i = 0; i < kLettersPerTurn; ++i) {
    if (!mailbox_.take(letter)) {
      more_mail_ = false;
      return;
    }
    ++stats_.mail_in;
    if (mail_handler_) mail_handler_->on_mail(letter.from, std::move(letter.mail));
  }
}

void EpollReactor::take_handshake_steps() {
  std::vector<HandshakeInbox::Done> done;
  more_steps_ = handshake_inbox_->take(done, options_.handshake_steps);
  for (auto& d : done)  // whose stream is gone is destroyed here
    if (Slot* const s = slot(WatchId{d.tag}))
      s->handler->on_handshake_step(std::move(d.session), d.step);
}

void EpollReactor::give_handshake_turns() {
  for (std::size_t taken = 0; taken < options_.handshake_steps && !handshake_turns_.empty();) {
    const WatchId id = handshake_turns_.front();
    handshake_turns_.pop_front();
    Slot* const s = slot(id);
    if (!s) continue;  // gone meanwhile: costs nobody a turn
    ++taken;
    s->handler->on_handshake_turn();
  }
}

bool EpollReactor::start_handshake_step(WatchId id, std::unique_ptr<TlsSession>& session,
                                        const IpAddress& source, bool first) {
  if (!handshake_inbox_) return false;
  options_.handshakes->submit(handshake_inbox_, id.value, std::move(session), source, first);
  return true;
}

void EpollReactor::run_end_of_turn() {
  // What is put on the list meanwhile waits for the next turn, which then does not wait.
  ending_.swap(end_of_turn_);
  for (const WatchId id : ending_) {
    Slot* const s = slot(id);
    if (!s) continue;
    s->at_end = false;
    s->handler->on_end_of_turn();
  }
  ending_.clear();
  trash_.clear();
}

bool EpollReactor::post(ShardId to, Mail& mail) {
  return mail_room_.post(options_.shard, to, mail);
}

// --- file descriptors --------------------------------------------------------------------------

EpollReactor::Slot* EpollReactor::slot(WatchId id) {
  return watching(id) ? &slots_[static_cast<std::uint32_t>(id.value)] : nullptr;
}

bool EpollReactor::watching(WatchId id) const {
  const auto index = static_cast<std::uint32_t>(id.value);
  return index < slots_.size() && slots_[index].handler &&
         slots_[index].generation == id.value >> 32;
}

WatchId EpollReactor::watch_fd(int fd, std::uint32_t epoll_events, FdHandler& handler) {
  if (free_slots_.empty()) {
    free_slots_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  const std::uint32_t index = free_slots_.back();
  Slot& s = slots_[index];
  const WatchId id{static_cast<std::uint64_t>(s.generation) << 32 | index};
  epoll_event event{};
  event.events = epoll_events;
  event.data.u64 = id.value;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return {};
  free_slots_.pop_back();
  s.handler = &handler;
  s.fd = fd;
  s.at_end = false;
  return id;
}

void EpollReactor::modify_fd(WatchId id, std::uint32_t epoll_events) {
  const Slot* const s = slot(id);
  if (!s) return;
  epoll_event event{};
  event.events = epoll_events;
  event.data.u64 = id.value;
  epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, s->fd, &event);
}

void EpollReactor::unwatch_fd(WatchId id) {
  Slot* const s = slot(id);
  if (!s) return;
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, s->fd, nullptr);
  s->handler = nullptr;
  s->fd = -1;
  if (++s->generation == 0) s->generation = 1;
  free_slots_.push_back(static_cast<std::uint32_t>(id.value));
}

void EpollReactor::at_end_of_turn(WatchId id) {
  Slot* const s = slot(id);
  if (!s || s->at_end) return;
  s->at_end = true;
  end_of_turn_.push_back(id);
}

// --- sockets -----------------------------------------------------------------------------------

Result<std::unique_ptr<UdpSocket>> EpollReactor::open_udp(const Endpoint& local,
                                                          const SocketOptions& options,
                                                          UdpListener& listener) {
  return KernelUdpSocket::open(*this, local, options, listener);
}

Result<std::unique_ptr<Acceptor>> EpollReactor::listen(const Endpoint& local,
                                                       const SocketOptions& options,
                                                       std::shared_ptr<const TlsContext> tls,
                                                       AcceptListener& listener) {
  return TcpAcceptor::open(*this, local, options, std::move(tls), listener);
}

Result<std::unique_ptr<Stream>> EpollReactor::connect(const Endpoint& local, const Endpoint& remote,
                                                      const SocketOptions& options,
                                                      const TlsClient* tls,
                                                      StreamListener& listener) {
  return TcpStream::connect(*this, local, remote, options, tls, listener);
}

void EpollReactor::linger(std::unique_ptr<StreamCore> stream) {
  if (lingering_.size() >= kMaxLingering) return discard(std::move(stream));
  StreamCore* const key = stream.get();
  lingering_.emplace(key, std::move(stream));
}

void EpollReactor::end_linger(StreamCore& stream) {
  const auto found = lingering_.find(&stream);
  if (found == lingering_.end()) return;
  trash_.push_back(std::move(found->second));
  lingering_.erase(found);
}

void EpollReactor::discard(std::unique_ptr<StreamCore> stream) {
  trash_.push_back(std::move(stream));
}

}  // namespace causeway::reactor
