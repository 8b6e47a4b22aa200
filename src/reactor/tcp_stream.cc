#include "reactor/tcp_stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "reactor/udp_socket.h"

namespace causeway::reactor {
namespace {

constexpr std::size_t kReadSize = 16'384;
constexpr int kReadsPerTurn = 4;
constexpr Millis kLingerTime{1'000};
constexpr int kUserTimeout = 30'000;  // ms without an acknowledgement of what we sent
constexpr int kKeepIdle = 30, kKeepInterval = 10, kKeepCount = 3;  // seconds, seconds, probes

void set_stream_options(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &kKeepIdle, sizeof kKeepIdle);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &kKeepInterval, sizeof kKeepInterval);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &kKeepCount, sizeof kKeepCount);
  setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &kUserTimeout, sizeof kUserTimeout);
}

Error stream_error(int error_number) {
  Error error = io_error("", error_number);
  if (error_number == ETIMEDOUT) error = {ErrorCode::kTimeout, "connection timed out"};
  return error;
}

}  // namespace

// --- StreamCore: its life ----------------------------------------------------------------------

StreamCore::StreamCore(EpollReactor& reactor, FileDescriptor fd, const Endpoint& remote,
                       std::unique_ptr<TlsSession> tls)
    : reactor_(reactor), fd_(std::move(fd)), tls_(std::move(tls)), remote_(remote) {}

StreamCore::~StreamCore() {
  reactor_.timers().cancel(timer_);
  reactor_.unwatch_fd(watch_);
}

bool StreamCore::start_connecting(TcpStream& owner, StreamListener& listener) {
  owner_ = &owner;
  listener_ = &listener;
  interest_ = EPOLLOUT;
  watch_ = reactor_.watch_fd(fd_.get(), interest_, *this);
  return watch_ != WatchId{};
}

bool StreamCore::start_accepted(TcpStream& owner, TcpAcceptor& acceptor) {
  owner_ = &owner;
  acceptor_ = &acceptor;
  interest_ = EPOLLIN;
  watch_ = reactor_.watch_fd(fd_.get(), interest_, *this);
  if (watch_ == WatchId{}) return false;
  if (tls_)
    begin_handshake();
  else
    established();
  return true;
}

void StreamCore::fall_silent() {
  state_ = State::kDead;
  reactor_.timers().cancel(timer_);
  timer_ = {};
  reactor_.unwatch_fd(watch_);
  watch_ = {};
  fd_.close();
}

void StreamCore::die(const Error& reason) {
  if (state_ == State::kDead) return;
  const bool lingering = state_ == State::kLingering;
  fall_silent();
  if (lingering) return reactor_.end_linger(*this);
  // Nothing of ours may be touched after these: the owner may destroy us.
  if (acceptor_) return acceptor_->refuse(*owner_, reason);
  if (listener_ && owner_) listener_->on_closed(*owner_, reason);
}

void StreamCore::on_timer(std::uint64_t, Instant) {
  timer_ = {};
  if (state_ == State::kHandshake)
    die({ErrorCode::kTls, "TLS with " + remote_.to_string() + ": handshake not finished in " +
                              std::to_string(reactor_.options().handshake_time.count() / 1000) +
                              " s"});
  else
    die({ErrorCode::kTimeout, "closing took too long"});
}

void StreamCore::on_ready(std::uint32_t events) {
  switch (state_) {
    case State::kConnecting: return finish_connecting();
    case State::kHandshake:
    case State::kOpen:
    case State::kLingering: break;
    case State::kDead: return;
  }
  const Pulse pulse(reactor_, watch_);
  if (events & EPOLLOUT) send_queue();
  if (!pulse) return;
  if (events & EPOLLIN) return read_socket();
  if ((events & (EPOLLERR | EPOLLHUP)) == 0) return;
  // Paused: nothing is read, but a reset connection must not keep epoll busy.
  int error = 0;
  socklen_t length = sizeof error;
  getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &length);
  die(error ? stream_error(error) : Error{ErrorCode::kIo, "closed by peer"});
}

void StreamCore::finish_connecting() {
  int error = 0;
  socklen_t length = sizeof error;
  getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &length);
  if (error != 0) return die(stream_error(error));
  owner_->set_local(local_endpoint(fd_.get()));
  if (tls_) return begin_handshake();
  established();
}

void StreamCore::begin_handshake() {
  state_ = State::kHandshake;
  timer_ = reactor_.timers().schedule(reactor_.now() + reactor_.options().handshake_time, *this, 0);
  want_step();
}

void StreamCore::want_step() {
  stepping_ = true;
  update_interest();
  reactor_.want_handshake_step(watch_);
}

void StreamCore::on_handshake_turn() {
  if (state_ != State::kHandshake ||
      reactor_.start_handshake_step(watch_, tls_, remote_.address, first_))
    return;
  after_step(tls_->handshake());
}

void StreamCore::on_handshake_step(std::unique_ptr<TlsSession> session, TlsSession::Step step) {
  if (state_ != State::kHandshake) return;
  tls_ = std::move(session);
  after_step(step);
}

void StreamCore::after_step(TlsSession::Step step) {
  stepping_ = false;
  tls_->take_output(queue_);
  if (step == TlsSession::Step::kFailed) {
    // The alert tells the far side why; one attempt is enough.
    (void)::send(fd_.get(), queue_.data() + sent_, queue_.size() - sent_,
                 MSG_NOSIGNAL | MSG_DONTWAIT);
    return die(tls_->failure());
  }
  const Pulse pulse(reactor_, watch_);
  send_queue();
  if (!pulse || step == TlsSession::Step::kMore) return;
  reactor_.timers().cancel(timer_);
  timer_ = {};
  peer_ = tls_->peer();
  owner_->set_tls(peer_);
  established();
}

void StreamCore::established() {
  state_ = State::kOpen;
  if (!plain_.empty()) schedule_flush();
  // Bytes that came with the last flight of the handshake are already in the session.
  if (tls_) {
    late_read_ = true;
    schedule_flush();
  }
  update_interest();
  if (!acceptor_) {
    ++reactor_.counters().streams_opened;
    return listener_->on_connected(*owner_);
  }
  TcpAcceptor* const acceptor = acceptor_;
  acceptor_ = nullptr;
  const Pulse pulse(reactor_, watch_);
  StreamListener* const listener = acceptor->hand_over(*owner_);
  if (!pulse || state_ != State::kOpen) return;  // destroyed, or already closing gracefully
  listener_ = listener;
  if (!listener_) fall_silent();
}

// --- StreamCore: reading -----------------------------------------------------------------------

bool StreamCore::give(std::span<const std::byte> data) {
  if (state_ == State::kLingering || !listener_) return true;  // nobody listens any more
  const Pulse pulse(reactor_, watch_);
  listener_->on_bytes(*owner_, data);
  return static_cast<bool>(pulse);
}

void StreamCore::read_socket() {
  std::array<std::byte, kReadSize> buffer;
  for (int i = 0; i < kReadsPerTurn; ++i) {
    if (stepping_) return;
    if (paused_ && state_ == State::kOpen) return;
    const ssize_t n = recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n < 0) {
      if (errno == EAGAIN || errno == EINTR) return;
      return die(stream_error(errno));
    }
    if (n == 0) return die({ErrorCode::kIo, "closed by peer"});
    const std::span<const std::byte> data(buffer.data(), static_cast<std::size_t>(n));
    if (tls_) {
      tls_->feed(data);
      if (state_ == State::kHandshake) return want_step();
      if (!read_tls()) return;
    } else if (!give(data)) {
      return;
    }
    if (static_cast<std::size_t>(n) < buffer.size()) return;
  }
}

bool StreamCore::read_tls() {
  std::array<std::byte, kReadSize> buffer;
  while (!(paused_ && state_ == State::kOpen)) {
    const int n = tls_->read(buffer);
    if (n < 0) {
      const Error reason =
          tls_->finished() ? Error{ErrorCode::kIo, "closed by peer"} : tls_->failure();
      tls_->take_output(queue_);
      die(reason);
      return false;
    }
    if (n == 0) break;
    if (!give({buffer.data(), static_cast<std::size_t>(n)})) return false;
  }
  tls_->take_output(queue_);  // an answer of the session itself: key update, ticket
  if (sent_ < queue_.size()) schedule_flush();
  return true;
}

void StreamCore::pause_reading(bool paused) {
  if (paused_ == paused || state_ == State::kDead) return;
  paused_ = paused;
  if (!paused && tls_) late_read_ = true;
  if (!paused) schedule_flush();
  update_interest();
}

// --- StreamCore: writing -----------------------------------------------------------------------

void StreamCore::write(std::string_view bytes) {
  if (state_ == State::kDead || state_ == State::kLingering || finishing_ || !overflow_.empty())
    return;
  if (plain_.size() + queue_.size() - sent_ + bytes.size() > Stream::kMaxQueued) {
    overflow_ = remote_.to_string() + " does not read: " + std::to_string(Stream::kMaxQueued) +
                " bytes are waiting";
    return schedule_flush();
  }
  plain_.append(bytes);
  if (state_ == State::kOpen) schedule_flush();
}

void StreamCore::finish_writing() {
  if (state_ != State::kOpen || finishing_) return;
  finishing_ = true;
  schedule_flush();
}

void StreamCore::on_end_of_turn() {
  if (!overflow_.empty()) return die({ErrorCode::kTooLarge, overflow_});
  if (late_read_ && state_ == State::kOpen) {
    late_read_ = false;
    if (!read_tls()) return;
  }
  flush();
}

void StreamCore::flush() {
  if (state_ != State::kOpen && state_ != State::kLingering) return;
  if (tls_) {
    if (!plain_.empty() && !tls_->write(plain_)) return die(tls_->failure());
    if (finishing_ && !shut_down_) tls_->close_notify();
    tls_->take_output(queue_);
  } else if (queue_.size() == sent_) {
    queue_.swap(plain_);
    sent_ = 0;
  } else {
    queue_.append(plain_);
  }
  plain_.clear();
  send_queue();
}

void StreamCore::send_queue() {
  if (shut_down_) queue_.clear(), sent_ = 0;  // the session's own answers come too late
  while (sent_ < queue_.size()) {
    const ssize_t n = ::send(fd_.get(), queue_.data() + sent_, queue_.size() - sent_,
                             MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) break;
    if (n < 0) return die(stream_error(errno));
    sent_ += static_cast<std::size_t>(n);
  }
  if (sent_ == queue_.size()) {
    queue_.clear();
    sent_ = 0;
  } else if (sent_ > kReadSize * 4) {
    queue_.erase(0, sent_);
    sent_ = 0;
  }
  update_interest();
  if (state_ == State::kLingering || finishing_) linger_step();
}

void StreamCore::update_interest() {
  if (state_ == State::kConnecting || state_ == State::kDead) return;
  std::uint32_t wanted = stepping_ || (paused_ && state_ == State::kOpen) ? 0U : EPOLLIN;
  if (sent_ < queue_.size()) wanted |= EPOLLOUT;
  if (wanted == interest_) return;
  interest_ = wanted;
  reactor_.modify_fd(watch_, interest_);
}

// --- StreamCore: closing -----------------------------------------------------------------------

bool StreamCore::start_lingering() {
  owner_ = nullptr;
  listener_ = nullptr;
  acceptor_ = nullptr;
  if (state_ != State::kOpen || !overflow_.empty()) {
    fall_silent();
    return false;
  }
  state_ = State::kLingering;
  paused_ = false;
  update_interest();
  timer_ = reactor_.timers().schedule(reactor_.now() + kLingerTime, *this, 0);
  if (tls_) {
    if (!plain_.empty() && !tls_->write(plain_)) {
      fall_silent();
      return false;
    }
    plain_.clear();
    tls_->close_notify();
  }
  schedule_flush();
  return true;
}

void StreamCore::linger_step() {
  if (shut_down_ || sent_ < queue_.size() || !plain_.empty()) return;
  // Closing with unread bytes would make the kernel send a reset that overtakes our last bytes:
  // wait until the far side closes too, or the second is over.
  shut_down_ = true;
  shutdown(fd_.get(), SHUT_WR);
}

// --- TcpStream ---------------------------------------------------------------------------------

Result<std::unique_ptr<Stream>> TcpStream::connect(EpollReactor& reactor, const Endpoint& local,
                                                   const Endpoint& remote,
                                                   const SocketOptions& options,
                                                   const TlsClient* tls, StreamListener& listener) {
  std::unique_ptr<TlsSession> session;
  if (tls) {
    if (tls->context) session = TlsSession::client(*tls, remote);
    if (!session) return fail(ErrorCode::kConfiguration, "TLS without a usable identity");
  }
  SocketOptions own = options;
  own.reuse_port = false;
  auto fd = open_socket(SOCK_STREAM, local, own);
  if (!fd) return tl::unexpected<Error>(fd.error());
  set_stream_options(fd->get());
  sockaddr_storage address{};
  const socklen_t length = to_sockaddr(remote, address);
  // A refusal that is known at once is reported by epoll all the same.
  if (::connect(fd->get(), reinterpret_cast<const sockaddr*>(&address), length) != 0 &&
      errno != EINPROGRESS && errno != ECONNREFUSED)
    return tl::unexpected<Error>(io_error("connect to " + remote.to_string(), errno));
  const Endpoint bound = local_endpoint(fd->get());
  auto core = std::make_unique<StreamCore>(reactor, std::move(*fd), remote, std::move(session));
  auto stream = std::make_unique<TcpStream>(reactor, std::move(core), bound, remote);
  if (!stream->core().start_connecting(*stream, listener))
    return tl::unexpected<Error>(io_error("epoll", errno));
  return stream;
}

void TcpStream::close_gracefully() {
  if (!core_) return;
  auto core = std::move(core_);
  StreamCore& kept = *core;
  if (kept.start_lingering())
    reactor_.linger(std::move(core));
  else
    reactor_.discard(std::move(core));
}

// --- TcpAcceptor -------------------------------------------------------------------------------

TcpAcceptor::TcpAcceptor(EpollReactor& reactor, FileDescriptor fd,
                         std::shared_ptr<const TlsContext> tls, AcceptListener& listener)
    : reactor_(reactor),
      listener_(listener),
      fd_(std::move(fd)),
      tls_(std::move(tls)),
      local_(local_endpoint(fd_.get())) {}

Result<std::unique_ptr<Acceptor>> TcpAcceptor::open(EpollReactor& reactor, const Endpoint& local,
                                                    const SocketOptions& options,
                                                    std::shared_ptr<const TlsContext> tls,
                                                    AcceptListener& listener) {
  if (tls && !tls->server())
    return fail(ErrorCode::kConfiguration, "TLS without a usable identity");
  auto fd = open_socket(SOCK_STREAM, local, options);
  if (!fd) return tl::unexpected<Error>(fd.error());
  if (::listen(fd->get(), SOMAXCONN) != 0)
    return tl::unexpected<Error>(io_error("listen on " + local.to_string(), errno));
  std::unique_ptr<TcpAcceptor> self(
      new TcpAcceptor(reactor, std::move(*fd), std::move(tls), listener));
  self->watch_ = reactor.watch_fd(self->fd_.get(), EPOLLIN, *self);
  if (self->watch_ == WatchId{}) return tl::unexpected<Error>(io_error("epoll", errno));
  return self;
}

TcpAcceptor::~TcpAcceptor() {
  reactor_.timers().cancel(resting_);
  reactor_.unwatch_fd(watch_);
  for (auto& [key, stream] : pending_) stream->core().forget_acceptor();
}

void TcpAcceptor::on_ready(std::uint32_t) {
  constexpr int kAcceptsPerTurn = 32;
  for (int i = 0; i < kAcceptsPerTurn && accept_one(); ++i) {
  }
}

bool TcpAcceptor::accept_one() {
  if (pending_.size() >= reactor_.options().max_handshakes) {
    update_interest();
    return false;
  }
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  FileDescriptor fd(accept4(fd_.get(), reinterpret_cast<sockaddr*>(&address), &length,
                            SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!fd.valid()) {
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
      out_of_descriptors();
    return false;
  }
  const Pulse pulse(reactor_, watch_);
  take(std::move(fd), from_sockaddr(address));
  return static_cast<bool>(pulse);
}

void TcpAcceptor::take(FileDescriptor fd, const Endpoint& remote) {
  const auto same = pending_from_.find(remote.address);
  const auto welcome =
      listener_.welcome(local_, remote, same == pending_from_.end() ? 0 : same->second);
  if (welcome == AcceptListener::Welcome::kNo) {
    ++reactor_.counters().streams_refused;
    return;
  }
  set_stream_options(fd.get());
  std::unique_ptr<TlsSession> session;
  if (tls_) {
    session = TlsSession::server(tls_, remote);
    if (!session)
      return listener_.on_refused(remote, {ErrorCode::kUnavailable, "no memory for TLS"});
  }
  const Endpoint local = local_endpoint(fd.get());
  auto core = std::make_unique<StreamCore>(reactor_, std::move(fd), remote, std::move(session));
  auto stream = std::make_unique<TcpStream>(reactor_, std::move(core), local, remote);
  TcpStream& taken = *stream;
  taken.core().come_first(welcome == AcceptListener::Welcome::kFirst);
  pending_.emplace(&taken, std::move(stream));
  ++pending_from_[remote.address];
  if (!taken.core().start_accepted(taken, *this))
    refuse(taken, {ErrorCode::kUnavailable, "the reactor cannot watch another socket"});
}

std::unique_ptr<TcpStream> TcpAcceptor::no_longer_pending(TcpStream& stream) {
  const auto found = pending_.find(&stream);
  std::unique_ptr<TcpStream> owned = std::move(found->second);
  pending_.erase(found);
  const auto from = pending_from_.find(owned->remote().address);
  if (--from->second == 0) pending_from_.erase(from);
  update_interest();
  return owned;
}

StreamListener* TcpAcceptor::hand_over(TcpStream& stream) {
  std::unique_ptr<TcpStream> owned = no_longer_pending(stream);
  ++reactor_.counters().streams_accepted;
  return listener_.on_accepted(std::move(owned));
}

void TcpAcceptor::refuse(TcpStream& stream, const Error& reason) {
  const Endpoint from = stream.remote();
  (void)no_longer_pending(stream);
  ++reactor_.counters().streams_refused;
  listener_.on_refused(from, reason);
}

void TcpAcceptor::out_of_descriptors() {
  constexpr Millis kRest{100};
  resting_ = reactor_.timers().schedule(reactor_.now() + kRest, *this, 0);
  update_interest();
  ++reactor_.counters().streams_refused;
  listener_.on_refused({}, {ErrorCode::kUnavailable, "no file descriptor left for a connection"});
}

void TcpAcceptor::on_timer(std::uint64_t, Instant) {
  resting_ = {};
  update_interest();
}

void TcpAcceptor::update_interest() {
  const bool listening =
      resting_ == TimerId{} && pending_.size() < reactor_.options().max_handshakes;
  if (listening == listening_) return;
  listening_ = listening;
  reactor_.modify_fd(watch_, listening ? EPOLLIN : 0U);
}

}  // namespace causeway::reactor
