#include "dns/cares_resolver.h"

#include <ares.h>
#include <sys/time.h>

#include <mutex>

#include "dns/answer_decoder.h"

namespace causeway::dns {
namespace {

constexpr int kInternet = 1;

void start_library() {
  static std::once_flag once;
  std::call_once(once, [] { ares_library_init(ARES_LIB_INIT_ALL); });
}

Error error_of(const std::string& name, int status) {
  switch (status) {
    case ARES_ETIMEOUT: return {ErrorCode::kTimeout, name + ": no name server answers"};
    case ARES_EBADNAME: return {ErrorCode::kMalformed, name + " is not a name"};
    case ARES_EBADRESP:
    case ARES_EFORMERR:
      return {ErrorCode::kMalformed, name + ": the name server's answer makes no sense"};
    default: return {ErrorCode::kUnavailable, name + ": " + ares_strerror(status)};
  }
}

}  // namespace

// One socket of c-ares in the reactor's epoll.
class CaresResolver::Socket final : private reactor::FdHandler {
 public:
  Socket(CaresResolver& owner, int fd) : owner_(owner), fd_(fd) {}
  ~Socket() { owner_.reactor_.unwatch_fd(watch_); }
  void want(std::uint32_t events) {
    if (watch_ == reactor::WatchId{})
      watch_ = owner_.reactor_.watch_fd(fd_, events, *this);
    else
      owner_.reactor_.modify_fd(watch_, events);
  }

 private:
  void on_ready(std::uint32_t events) override {
    const bool broken = (events & (EPOLLERR | EPOLLHUP)) != 0;
    const bool readable = broken || (events & EPOLLIN) != 0;
    const bool writable = (events & EPOLLOUT) != 0;
    // c-ares may close the socket, which destroys this object.
    owner_.process(readable ? fd_ : ARES_SOCKET_BAD, writable ? fd_ : ARES_SOCKET_BAD);
  }
  CaresResolver& owner_;
  const int fd_;
  reactor::WatchId watch_;
};

CaresResolver::CaresResolver(reactor::EpollReactor& reactor, std::size_t max_questions)
    : reactor_(reactor), max_questions_(max_questions) {}

Result<std::unique_ptr<CaresResolver>> CaresResolver::create(reactor::EpollReactor& reactor,
                                                             const CaresOptions& options) {
  start_library();
  std::unique_ptr<CaresResolver> self(new CaresResolver(reactor, options.max_questions));
  ares_options given{};
  given.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES;
  given.timeout = static_cast<int>(options.timeout.count());
  given.tries = options.tries;
  given.sock_state_cb = &CaresResolver::socket_state;
  given.sock_state_cb_data = self.get();
  const int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
  if (const int status = ares_init_options(&self->channel_, &given, mask); status != ARES_SUCCESS) {
    self->channel_ = nullptr;
    return fail(ErrorCode::kConfiguration, std::string("name service: ") + ares_strerror(status));
  }
  if (options.servers.empty()) return self;
  std::string servers;
  for (const Endpoint& server : options.servers) {
    if (!servers.empty()) servers += ',';
    servers += Endpoint{server.address, server.port ? server.port : std::uint16_t{53}}.to_string();
  }
  if (const int status = ares_set_servers_ports_csv(self->channel_, servers.c_str());
      status != ARES_SUCCESS)
    return fail(ErrorCode::kConfiguration, "resolvers " + servers + ": " + ares_strerror(status));
  return self;
}

CaresResolver::~CaresResolver() {
  closing_ = true;
  reactor_.timers().cancel(timer_);
  if (channel_) ares_destroy(channel_);
}

void CaresResolver::query(std::string_view name, RecordType type, ResolverClient& client,
                          std::uint64_t token) {
  if (name.empty() || name.size() > kMaxNameLength)
    return client.on_answer(
        token,
        fail(ErrorCode::kMalformed, "a name of " + std::to_string(name.size()) + " characters"));
  if (questions_.size() >= max_questions_)
    return client.on_answer(
        token, fail(ErrorCode::kUnavailable, "too many open questions to the name servers"));
  const std::uint64_t id = next_++;
  auto question =
      std::make_unique<Question>(Question{this, id, canonical_name(name), type, &client, token});
  Question* const q = question.get();
  questions_.emplace(id, std::move(question));
  ares_query(channel_, q->name.c_str(), kInternet, static_cast<int>(type), &CaresResolver::answered,
             q);
  arm_timer();
}

void CaresResolver::cancel(ResolverClient& client) {
  // c-ares cannot withdraw one question: its answer will find nobody.
  for (auto& [id, question] : questions_)
    if (question->client == &client) question->client = nullptr;
}

void CaresResolver::answered(void* argument, int status, int, unsigned char* data, int length) {
  const auto* const question = static_cast<Question*>(argument);
  std::span<const std::byte> message;
  if (data && length > 0)
    message = std::as_bytes(std::span(data, static_cast<std::size_t>(length)));
  question->resolver->finish(question->id, status, message);
}

void CaresResolver::finish(std::uint64_t id, int status, std::span<const std::byte> message) {
  const auto found = questions_.find(id);
  const std::unique_ptr<Question> question = std::move(found->second);
  questions_.erase(found);
  if (closing_ || !question->client) return;
  const bool has_answer =
      status == ARES_SUCCESS || status == ARES_ENODATA || status == ARES_ENOTFOUND;
  if (has_answer && !message.empty())
    return question->client->on_answer(question->token,
                                       decode_answer(message, question->name, question->type));
  question->client->on_answer(question->token,
                              tl::unexpected<Error>(error_of(question->name, status)));
}

void CaresResolver::socket_state(void* self, int fd, int readable, int writable) {
  static_cast<CaresResolver*>(self)->watch(fd, readable != 0, writable != 0);
}

void CaresResolver::watch(int fd, bool readable, bool writable) {
  if (!readable && !writable) {
    sockets_.erase(fd);
    return;
  }
  auto& socket = sockets_[fd];
  if (!socket) socket = std::make_unique<Socket>(*this, fd);
  socket->want((readable ? EPOLLIN : 0U) | (writable ? EPOLLOUT : 0U));
}

void CaresResolver::process(int read_fd, int write_fd) {
  ares_process_fd(channel_, read_fd, write_fd);
  arm_timer();
}

void CaresResolver::arm_timer() {
  reactor_.timers().cancel(timer_);
  timer_ = {};
  timeval wait{};
  if (!ares_timeout(channel_, nullptr, &wait)) return;
  const Micros left = Seconds{wait.tv_sec} + Micros{wait.tv_usec};
  timer_ = reactor_.timers().schedule(reactor_.now() + left + Millis{1}, *this, 0);
}

void CaresResolver::on_timer(std::uint64_t, Instant) {
  timer_ = {};
  process(ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

}  // namespace causeway::dns
