// RTP of many endpoints in real time, for bench/media.py: a packet each 20 ms from each of them, no
// two at once, and an account of what came back. One thread; prints one JSON object.
//
// usage: media_load FILE SECONDS WARM_UP [GRAIN]
// With a GRAIN it sleeps so many us at a time and sends what became due meanwhile in a row: waking
// for each packet costs more than the packet.
// FILE has a line for each endpoint: LOCAL_IP:PORT REMOTE_IP:PORT PT [opus|pcmu]. Without the last
// word the payload (160 bytes, as PCMU) says whose it is, its number and when it was sent: such
// packets are followed one by one. With it the payload is speech of that codec, because something
// on the way decodes it: those are counted.
//
// A delay ends where the kernel stamps the arrival (SO_TIMESTAMPNS), so that this program's own
// lateness in reading is not in it. That of sending is: packets sent more than kOnTime after their
// turn came in a burst, and are in the figures `all` alone. Delays of the warm-up are left out, its
// packets are not.
#include <arpa/inet.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <opus/opus.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace {

constexpr std::int64_t kPacketNs = 20'000'000, kSecond = 1'000'000'000;
constexpr std::int64_t kOnTime = 100'000;  // ns
constexpr std::int64_t kNap = 8'000;       // ns to the next turn from which sleeping pays
constexpr std::int64_t kDrain = kSecond / 2, kPatience = 10 * kSecond;  // while some are missing
// What came is stamped and can wait: fewer calls of the system, and time for who else runs here.
constexpr std::int64_t kReadEvery = 500'000;
constexpr int kSendsInARow = 8, kReadsInARow = 16;
constexpr int kReceiveBuffer = 1 << 20;
constexpr std::size_t kHeader = 12, kPayload = 160;
constexpr std::size_t kSpeech = 50;  // packets, one second that is repeated

enum class Kind : std::uint8_t { kPlain, kOpus, kPcmu };

// At the start of a plain payload; written and read on the same machine.
struct Stamp {
  std::uint32_t run, endpoint, number, late;  // late: in ns, at most 2^32 - 1
  std::int64_t sent;                          // CLOCK_REALTIME, as the kernel's stamps
};
static_assert(sizeof(Stamp) <= kPayload);

struct Endpoint {
  int fd = -1, rtcp_fd = -1;
  sockaddr_in remote{};
  Kind kind = Kind::kPlain;
  std::uint8_t payload_type = 0;
  std::uint32_t sent = 0, received = 0;
  std::uint32_t next = 0;     // number expected
  std::int64_t partner = -1;  // whose packets come here
  std::int64_t ssrc = -1;     // in what comes
  std::vector<bool> seen;     // by number
};

struct Totals {
  std::uint64_t send_errors = 0, repeated = 0, reordered = 0, wrong_source = 0, wrong_type = 0,
                ssrc_changes = 0, crossed = 0, rtcp = 0, foreign = 0, unstamped = 0;
};

[[noreturn]] void give_up(const std::string& what) {
  std::fprintf(stderr, "media_load: %s: %s\n", what.c_str(), std::strerror(errno));
  std::exit(2);
}

std::int64_t now(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return t.tv_sec * kSecond + t.tv_nsec;
}

sockaddr_in address(const std::string& text) {
  sockaddr_in a{};
  const auto colon = text.rfind(':');
  if (colon == std::string::npos ||
      inet_pton(AF_INET, text.substr(0, colon).c_str(), &a.sin_addr) != 1) {
    errno = EINVAL;
    give_up("no address and port: " + text);
  }
  a.sin_family = AF_INET;
  a.sin_port = htons(static_cast<std::uint16_t>(std::stoi(text.substr(colon + 1))));
  return a;
}

int open_port(sockaddr_in local, int above) {
  local.sin_port = htons(static_cast<std::uint16_t>(ntohs(local.sin_port) + above));
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  if (fd < 0) give_up("socket");
  const int on = 1;
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBuffer, sizeof kReceiveBuffer) != 0)
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer, sizeof kReceiveBuffer);
  if (above == 0) setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&local), sizeof local) != 0)
    give_up("bind to port " + std::to_string(ntohs(local.sin_port)));
  return fd;
}

std::uint32_t drops_of(int fd) {
  std::array<std::uint32_t, SK_MEMINFO_VARS> memory{};
  socklen_t length = sizeof memory;
  if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory.data(), &length) != 0) give_up("SO_MEMINFO");
  return memory[SK_MEMINFO_DROPS];
}

// A voice, as far as an encoder can tell: harmonics of 120 Hz that come and go like syllables.
std::vector<std::int16_t> voice(int rate) {
  std::vector<std::int16_t> out(static_cast<std::size_t>(rate));
  for (std::size_t i = 0; i < out.size(); ++i) {
    const double t = static_cast<double>(i) / rate, turn = 2 * M_PI * t;
    double sum = 0;
    for (int h = 1; h <= 20; ++h) sum += std::sin(turn * 120 * h + h * h) / h;
    out[i] = static_cast<std::int16_t>(5000 * sum * (0.55 - 0.45 * std::cos(turn * 4)));
  }
  return out;
}

std::uint8_t mu_law(int sample) {  // ITU-T G.711
  const int sign = sample < 0 ? 0x80 : 0;
  const int magnitude = std::min(std::abs(sample), 32'635) + 132;
  int exponent = 7;
  while (exponent > 0 && (magnitude & (128 << exponent)) == 0) --exponent;
  return static_cast<std::uint8_t>(~(sign | exponent << 4 | ((magnitude >> (exponent + 3)) & 15)));
}

using Payloads = std::vector<std::vector<std::uint8_t>>;

Payloads pcmu_speech() {
  const auto pcm = voice(8'000);
  Payloads out(kSpeech);
  for (std::size_t i = 0; i < kSpeech * kPayload; ++i) out[i / kPayload].push_back(mu_law(pcm[i]));
  return out;
}

Payloads opus_speech() {
  constexpr int kRate = 16'000, kFrame = kRate / 50;
  const auto pcm = voice(kRate);
  OpusEncoder* const encoder = opus_encoder_create(kRate, 1, OPUS_APPLICATION_VOIP, nullptr);
  Payloads out(kSpeech, std::vector<std::uint8_t>(400));
  for (std::size_t i = 0; i < kSpeech; ++i) {
    const int size = opus_encode(encoder, pcm.data() + i * kFrame, kFrame, out[i].data(), 400);
    if (size <= 0) give_up("opus_encode");
    out[i].resize(static_cast<std::size_t>(size));
  }
  opus_encoder_destroy(encoder);
  return out;
}

class Load {
 public:
  Load(const char* file, std::int64_t seconds, std::int64_t warm_up, std::int64_t grain);
  void run();
  void report();

 private:
  void send(std::size_t index, std::int64_t late);
  void receive(std::size_t tag);
  [[nodiscard]] bool missing() const { return followed_sent_ > followed_; }
  void account(Endpoint& e, const Stamp& stamp, std::int64_t came);

  std::int64_t length_, warm_up_, grain_;
  std::vector<Endpoint> endpoints_;
  Payloads pcmu_ = pcmu_speech(), opus_ = opus_speech();
  int epoll_ = epoll_create1(0);
  const std::uint32_t run_ = static_cast<std::uint32_t>(now(CLOCK_REALTIME));
  Totals totals_;
  std::uint64_t followed_sent_ = 0, followed_ = 0;      // packets, without those that came again
  bool counts_ = false;                                 // the warm-up is over
  std::vector<std::uint32_t> delays_, on_time_, late_;  // ns
};

Load::Load(const char* file, std::int64_t seconds, std::int64_t warm_up, std::int64_t grain)
    : length_((seconds + warm_up) * kSecond), warm_up_(warm_up * kSecond), grain_(grain * 1'000) {
  std::ifstream in(file);
  std::string line;
  while (std::getline(in, line)) {
    std::istringstream words(line);
    std::string local, remote, kind;
    int type = 0;
    words >> local >> remote >> type >> kind;
    Endpoint e;
    e.fd = open_port(address(local), 0);
    e.rtcp_fd = open_port(address(local), 1);
    e.remote = address(remote);
    e.kind = kind == "opus" ? Kind::kOpus : kind == "pcmu" ? Kind::kPcmu : Kind::kPlain;
    e.payload_type = static_cast<std::uint8_t>(type);
    e.seen.resize(static_cast<std::size_t>(length_ / kPacketNs) + 2);
    epoll_event event{.events = EPOLLIN, .data = {.u64 = endpoints_.size() * 2}};
    epoll_ctl(epoll_, EPOLL_CTL_ADD, e.fd, &event);
    event.data.u64 |= 1;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, e.rtcp_fd, &event);
    endpoints_.push_back(std::move(e));
  }
  errno = EINVAL;
  if (endpoints_.empty()) give_up(file);
  const auto packets =
      endpoints_.size() * static_cast<std::size_t>(seconds * kSecond / kPacketNs + 50);
  for (auto* v : {&delays_, &on_time_, &late_}) v->reserve(packets);
}

void Load::send(std::size_t index, std::int64_t late) {
  Endpoint& e = endpoints_[index];
  std::array<std::uint8_t, kHeader + 400> packet{};
  const auto put = [&](std::size_t at, std::uint32_t value) {
    value = htonl(value);
    std::memcpy(packet.data() + at, &value, sizeof value);
  };
  const std::uint32_t clock = e.kind == Kind::kOpus ? 960 : 160;
  put(0, 0x80000000U | (e.sent == 0 ? 0x800000U : 0U) |
             static_cast<std::uint32_t>(e.payload_type) << 16 | (e.sent & 0xffff));
  put(4, e.sent * clock);
  put(8, 0x10000000U + static_cast<std::uint32_t>(index));
  std::size_t size = kHeader + kPayload;
  if (e.kind == Kind::kPlain) {
    const Stamp stamp{run_, static_cast<std::uint32_t>(index), e.sent,
                      static_cast<std::uint32_t>(std::min<std::int64_t>(late, UINT32_MAX)),
                      now(CLOCK_REALTIME)};
    std::memcpy(packet.data() + kHeader, &stamp, sizeof stamp);
    ++followed_sent_;
  } else {
    const auto& speech = (e.kind == Kind::kOpus ? opus_ : pcmu_)[e.sent % kSpeech];
    std::copy(speech.begin(), speech.end(), packet.begin() + kHeader);
    size = kHeader + speech.size();
  }
  ++e.sent;
  if (sendto(e.fd, packet.data(), size, 0, reinterpret_cast<const sockaddr*>(&e.remote),
             sizeof e.remote) < 0)
    ++totals_.send_errors;
  if (counts_)
    late_.push_back(static_cast<std::uint32_t>(std::min<std::int64_t>(late, UINT32_MAX)));
}

void Load::account(Endpoint& e, const Stamp& stamp, std::int64_t came) {
  if (stamp.run != run_ || stamp.number >= e.seen.size()) {
    ++totals_.foreign;
    return;
  }
  if (e.partner < 0) e.partner = stamp.endpoint;
  if (e.partner != stamp.endpoint) {
    ++totals_.crossed;
    return;
  }
  if (e.seen[stamp.number]) {
    ++totals_.repeated;
    return;
  }
  e.seen[stamp.number] = true;
  ++followed_;
  if (stamp.number < e.next) ++totals_.reordered;
  e.next = std::max(e.next, stamp.number + 1);
  if (!counts_) return;
  const auto delay =
      static_cast<std::uint32_t>(std::clamp<std::int64_t>(came - stamp.sent, 0, UINT32_MAX));
  delays_.push_back(delay);
  if (stamp.late <= kOnTime + grain_) on_time_.push_back(delay);
}

void Load::receive(std::size_t tag) {
  Endpoint& e = endpoints_[tag / 2];
  std::array<std::uint8_t, 2048> packet{};
  if ((tag & 1) != 0) {
    if (recv(e.rtcp_fd, packet.data(), packet.size(), 0) >= 0) ++totals_.rtcp;
    return;
  }
  sockaddr_in from{};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(timespec))> control{};
  iovec vector{packet.data(), packet.size()};
  msghdr message{.msg_name = &from,
                 .msg_namelen = sizeof from,
                 .msg_iov = &vector,
                 .msg_iovlen = 1,
                 .msg_control = control.data(),
                 .msg_controllen = control.size(),
                 .msg_flags = 0};
  const auto size = recvmsg(e.fd, &message, 0);
  if (size < static_cast<ssize_t>(kHeader)) return;
  ++e.received;
  if (from.sin_addr.s_addr != e.remote.sin_addr.s_addr || from.sin_port != e.remote.sin_port)
    ++totals_.wrong_source;
  if ((packet[1] & 0x7f) != e.payload_type) ++totals_.wrong_type;
  std::uint32_t ssrc = 0;
  std::memcpy(&ssrc, packet.data() + 8, sizeof ssrc);
  if (e.ssrc >= 0 && e.ssrc != ssrc) ++totals_.ssrc_changes;
  e.ssrc = ssrc;
  if (e.kind != Kind::kPlain) return;
  const cmsghdr* const c = CMSG_FIRSTHDR(&message);
  if (c == nullptr || c->cmsg_type != SCM_TIMESTAMPNS) {
    ++totals_.unstamped;
    return;
  }
  timespec came{};
  std::memcpy(&came, CMSG_DATA(c), sizeof came);
  Stamp stamp{};
  if (size >= static_cast<ssize_t>(kHeader + sizeof stamp))
    std::memcpy(&stamp, packet.data() + kHeader, sizeof stamp);
  account(e, stamp, came.tv_sec * kSecond + came.tv_nsec);
}

void Load::run() {
  const std::int64_t begin = now(CLOCK_MONOTONIC) + kSecond / 10;
  const auto count = static_cast<std::int64_t>(endpoints_.size());
  const std::int64_t turns = length_ / kPacketNs * count;
  std::array<epoll_event, kReadsInARow> events{};
  const auto due = [&](std::int64_t turn) {
    return begin + turn / count * kPacketNs + turn % count * kPacketNs / count;
  };
  std::int64_t read_at = 0;
  for (std::int64_t turn = 0, t = now(CLOCK_MONOTONIC);
       turn < turns || t < begin + length_ + kDrain ||
       (missing() && t < begin + length_ + kPatience);
       t = now(CLOCK_MONOTONIC)) {
    for (int i = 0; i < kSendsInARow && turn < turns && due(turn) <= t; ++i, ++turn) {
      counts_ = counts_ || due(turn) >= begin + warm_up_;
      send(static_cast<std::size_t>(turn % count), t - due(turn));
      t = now(CLOCK_MONOTONIC);
    }
    if (t >= read_at) {
      const int n = epoll_wait(epoll_, events.data(), kReadsInARow, 0);
      for (int i = 0; i < n; ++i) receive(events[static_cast<std::size_t>(i)].data.u64);
      if (n < kReadsInARow) read_at = t + kReadEvery;
    }
    const std::int64_t next = turn < turns ? due(turn) : t + kReadEvery;
    if (t < read_at && next - now(CLOCK_MONOTONIC) > kNap) {
      const std::int64_t wake = std::max(next, t + grain_);
      const timespec until{wake / kSecond, wake % kSecond};
      clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
    }
  }
}

// "p50": ... in us.
void print_times(const char* name, std::vector<std::uint32_t>& ns) {
  std::sort(ns.begin(), ns.end());
  const auto at = [&](double share) {
    if (ns.empty()) return 0.0;
    return ns[static_cast<std::size_t>(share * static_cast<double>(ns.size() - 1))] / 1e3;
  };
  std::printf(
      ",\n \"%s\": {\"packets\": %zu, \"p50\": %.1f, \"p90\": %.1f, \"p99\": %.1f, \"p99.9\": "
      "%.1f, "
      "\"max\": %.1f}",
      name, ns.size(), at(0.5), at(0.9), at(0.99), at(0.999), at(1));
}

void Load::report() {
  std::uint64_t own_drops = 0, never = 0;
  std::uint64_t coded_sent = 0, coded_received = 0;
  std::array<double, 2> least{1, 1};  // share that an endpoint with speech received of what it sent
  for (const Endpoint& e : endpoints_) {
    own_drops += drops_of(e.fd);
    if (e.kind != Kind::kPlain) {
      coded_sent += e.sent;
      coded_received += e.received;
      double& share = least[e.kind == Kind::kOpus ? 1 : 0];
      share = std::min(share, static_cast<double>(e.received) / e.sent);
      continue;
    }
    if (e.partner < 0) ++never;
  }
  std::printf(
      "{\"endpoints\": %zu, \"sent\": %lu, \"received\": %lu, \"lost\": %lu, "
      "\"heard_nothing\": %lu, \"own_drops\": %lu,\n",
      endpoints_.size(), followed_sent_, followed_, followed_sent_ - followed_, never, own_drops);
  std::printf(
      " \"send_errors\": %lu, \"repeated\": %lu, \"reordered\": %lu, \"wrong_source\": %lu, "
      "\"wrong_type\": %lu, \"ssrc_changes\": %lu, \"crossed\": %lu, \"foreign\": %lu, "
      "\"unstamped\": %lu, \"rtcp\": %lu,\n",
      totals_.send_errors, totals_.repeated, totals_.reordered, totals_.wrong_source,
      totals_.wrong_type, totals_.ssrc_changes, totals_.crossed, totals_.foreign, totals_.unstamped,
      totals_.rtcp);
  std::printf(
      " \"coded_sent\": %lu, \"coded_received\": %lu, \"least_pcmu\": %.3f, "
      "\"least_opus\": %.3f, \"cpu\": %.2f",
      coded_sent, coded_received, least[0], least[1],
      static_cast<double>(now(CLOCK_PROCESS_CPUTIME_ID)) / 1e9);
  print_times("delay", on_time_);
  print_times("delay_all", delays_);
  print_times("late", late_);
  std::printf("}\n");
}

}  // namespace

int main(int argc, char** argv) {
  const auto number = [&](int index) { return index < argc ? std::atoi(argv[index]) : 0; };
  if (number(2) < 1 || number(3) < 0 || number(4) < 0) {
    std::fprintf(stderr, "usage: media_load FILE SECONDS WARM_UP [GRAIN]\n");
    return 2;
  }
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);  // ns; 50 us otherwise
  Load load(argv[1], number(2), number(3), number(4));
  load.run();
  load.report();
  return 0;
}
