#include "lab/ice_agent.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace causeway::lab {

using namespace std::chrono_literals;

namespace {

constexpr Micros kTick = 20ms;
constexpr Micros kFirstWait = 100ms, kLongestWait = 800ms;  // before a check is repeated
constexpr Micros kPatience = 2'500ms;                       // stands for the service's 25 s
constexpr Micros kConsentEvery = 1s;                        // RFC 7675: 5 s
constexpr Micros kSettle = 300ms;                           // packets that are on the way
constexpr std::uint16_t kMsVersion = 0x8070;  // no attribute of RFC 8489; optional by its number

constexpr std::uint32_t priority_of(bool second, bool rtcp) {
  return 110U << 24 | (second ? 65'535U : 65'534U) << 8 | (rtcp ? 254U : 255U);
}

}  // namespace

bool on_the_internet(const IpAddress& a) {
  if (a.is_v6()) return !a.is_loopback();
  const auto v = a.v4_host_order();
  const auto within = [&](std::uint32_t network, int length) {
    return v >> (32 - length) == network >> (32 - length);
  };
  return !within(0x0a000000, 8) && !within(0xac100000, 12) && !within(0xc0a80000, 16) &&
         !within(0x64400000, 10) && !within(0xa9fe0000, 16) && !within(0x7f000000, 8);
}

IceCredentials make_ice_credentials(Random& random) {
  static constexpr std::string_view kChars =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  IceCredentials c;
  for (int i = 0; i < 4; ++i) c.ufrag += kChars[random.below(64)];
  for (int i = 0; i < 24; ++i) c.pwd += kChars[random.below(64)];
  return c;
}

IceAgent::IceAgent(Loop& loop, Random& random, const Endpoint& at, IceWires wires)
    : loop_(loop), random_(random), wires_(std::move(wires)), at_(at) {
  ours_ = make_ice_credentials(random_);
  tie_breaker_ = random_bytes(8);
}

IceAgent::~IceAgent() { stop(); }

std::string IceAgent::random_bytes(std::size_t n) {
  std::string out(n, '\0');
  random_.fill(std::as_writable_bytes(std::span(out)));
  return out;
}

Status IceAgent::open(PortRange* ports) {
  sockaddr_storage sa{};
  socklen_t n = 0;
  second_fd_ = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  bool bound = false;
  for (int i = 0; second_fd_ >= 0 && !bound && i < 50; ++i) {
    n = to_sockaddr({at_.address, ports != nullptr ? ports->take() : std::uint16_t{0}}, sa);
    bound = bind(second_fd_, reinterpret_cast<sockaddr*>(&sa), n) == 0;
  }
  if (!bound) return fail(ErrorCode::kIo, "no second port on " + at_.address.to_string());
  n = sizeof sa;
  getsockname(second_fd_, reinterpret_cast<sockaddr*>(&sa), &n);
  second_ = from_sockaddr(sa);
  loop_.watch(second_fd_, EPOLLIN, [this](std::uint32_t) { read_second(); });
  return {};
}

void IceAgent::stop() {
  stopped_ = true;
  loop_.cancel(timer_);
  if (second_fd_ < 0) return;
  loop_.unwatch(second_fd_);
  close(second_fd_);
  second_fd_ = -1;
}

void IceAgent::restart() { ours_ = make_ice_credentials(random_); }

void IceAgent::set_remote(const IceCredentials& theirs, const Endpoint& rtp,
                          const std::optional<Endpoint>& rtcp) {
  const Endpoint other = rtcp.value_or(rtp);
  if (stopped_ || (checking_as_ == ours_.ufrag && theirs_ == theirs && remote_rtp_ == rtp &&
                   remote_rtcp_ == other))
    return;
  theirs_ = theirs;
  checking_as_ = ours_.ufrag;
  remote_rtp_ = rtp;
  remote_rtcp_ = other;
  pairs_.clear();
  pairs_.push_back({Way::kRtp, at_, rtp, {}, {}, {}, {}, {}});
  if (rtcp) {
    Endpoint above = at_;
    ++above.port;
    pairs_.push_back({Way::kRtcp, above, *rtcp, {}, {}, {}, {}, {}});
  }
  pairs_.push_back({Way::kSecond, second_, rtp, {}, {}, {}, {}, {}});
  both_valid_.reset();
  nominated_.reset();
  path_told_ = false;
  unreachable_ = !inside_ && on_the_internet(at_.address) && !on_the_internet(rtp.address);
  disturb();
  if (timer_ == 0) timer_ = loop_.after(kTick, [this] { tick(); });
}

void IceAgent::may_nominate(bool yes) { may_nominate_ = yes; }

bool IceAgent::all(bool Pair::* what) const {
  return !pairs_.empty() && std::all_of(pairs_.begin(), pairs_.end(), [&](const Pair& p) {
    return p.way == Way::kSecond || p.*what;
  });
}

void IceAgent::transmit(Way way, const std::string& packet, const Endpoint& to) {
  if (unreachable_) return;  // no router of the Internet would take it there
  if (way != Way::kSecond) return wires_.send(way == Way::kRtcp, packet, to);
  sockaddr_storage sa{};
  const socklen_t n = to_sockaddr(to, sa);
  (void)!sendto(second_fd_, packet.data(), packet.size(), 0, reinterpret_cast<sockaddr*>(&sa), n);
}

StunMessage IceAgent::check_of(Way way, bool nominates, const std::string& transaction) const {
  StunMessage m;
  m.transaction = transaction;
  m.attributes = {
      {kStunUsername, theirs_->ufrag + ":" + checking_as_},
      {kStunPriority, big_endian(priority_of(way == Way::kSecond, way == Way::kRtcp), 4)},
      {kStunIceControlling, tie_breaker_},
      {kMsVersion, big_endian(3, 4)}};
  if (nominates) m.attributes.push_back({kStunUseCandidate, {}});
  return m;
}

// What changes nothing (MBP-04): half a packet, and a check of somebody who does not know the
// password.
void IceAgent::disturb() {
  wrong_ = random_bytes(12);
  transmit(Way::kRtp, write_stun(check_of(Way::kRtp, true, wrong_), "not the password at all"),
           remote_rtp_);
  broken_ = random_bytes(12);
  std::string half = write_stun(check_of(Way::kRtp, true, broken_), theirs_->pwd);
  half.replace(22, 2, big_endian(2'000, 2));
  transmit(Way::kRtp, half, remote_rtp_);
}

void IceAgent::tick() {
  timer_ = loop_.after(kTick, [this] { tick(); });
  for (auto& p : pairs_) {
    drive(p);
    if (stopped_) return;
  }
}

void IceAgent::drive(Pair& p) {
  if (p.lost) return;
  const Instant now = loop_.now();
  if (p.under_way) {
    auto& c = *p.under_way;
    if (now - c.first > kPatience) {
      p.lost = true;
      if (p.way == Way::kSecond) return;
      const std::string where = p.local.to_string() + " to " + p.remote.to_string();
      if (unreachable_)
        return wires_.failed({"MBP-01", p.remote.to_string() +
                                            " in the SDP is no address of the Internet: no check "
                                            "gets there"});
      return wires_.failed({"MBP-02", (p.valid ? "checks are no longer answered, from "
                                               : "no check was answered, "
                                                 "from ") +
                                          where});
    }
    if (now - c.last < c.wait) return;
    c.wait = std::min(c.wait * 2, kLongestWait);
    c.last = now;
    return send_check(p);
  }
  if (!p.valid) return begin_check(p, false);
  if (p.way != Way::kSecond && !p.nominated && may_nominate_ && all(&Pair::valid))
    return begin_check(p, true);
  if (now - p.answered > kConsentEvery) begin_check(p, false);
}

void IceAgent::begin_check(Pair& p, bool nominates) {
  const Instant now = loop_.now();
  p.under_way = Check{random_bytes(12), now, now, kFirstWait, nominates};
  send_check(p);
}

void IceAgent::send_check(Pair& p) {
  const auto& c = *p.under_way;
  transmit(p.way, write_stun(check_of(p.way, c.nominates, c.transaction), theirs_->pwd), p.remote);
}

void IceAgent::on_packet(std::string_view packet, bool rtcp, const Endpoint& from) {
  if (stopped_) return;
  const auto m = parse_stun(packet);
  if (!m) return wires_.broke({"MBP-02", "a STUN message that cannot be read: " + m.error().what});
  if (m->kind == StunKind::kRequest)
    return wires_.broke({"MBP-02", "the gateway sends checks of its own"});
  if (m->transaction == wrong_ || m->transaction == broken_) {
    if (m->kind == StunKind::kSuccess)
      wires_.broke(m->transaction == wrong_
                       ? Violation{"MBP-02", "a check with a wrong password was answered well"}
                       : Violation{"MBP-04", "a broken check was answered well"});
    return;
  }
  const auto mine = [&](const Pair& p) {
    return p.under_way && p.under_way->transaction == m->transaction &&
           (p.way == Way::kSecond || (p.way == Way::kRtcp) == rtcp);
  };
  const auto p = std::find_if(pairs_.begin(), pairs_.end(), mine);
  if (p != pairs_.end()) take_answer(*p, packet, *m, from);  // else one that was answered before
}

void IceAgent::take_answer(Pair& p, std::string_view packet, const StunMessage& m,
                           const Endpoint& from) {
  if (!fingerprint_holds(packet))
    return wires_.broke({"MBP-02", "FINGERPRINT of an answer is missing or wrong"});
  if (m.kind != StunKind::kSuccess)
    return wires_.broke(
        {"MBP-02", "a good check was answered with error " + std::to_string(m.error())});
  if (!integrity_holds(packet, theirs_->pwd))
    return wires_.broke({"MBP-02", "MESSAGE-INTEGRITY of an answer is missing or wrong"});
  if (const auto seen = xor_mapped_address(m); seen != p.local)
    return wires_.broke({"MBP-02", "XOR-MAPPED-ADDRESS is " +
                                       (seen ? seen->to_string() : std::string("missing")) +
                                       " in place of " + p.local.to_string()});
  if (from != p.remote)
    return wires_.broke({"MBP-02", "an answer from " + from.to_string() + ", the check went to " +
                                       p.remote.to_string()});
  ++facts_.answered;
  p.valid = true;
  p.nominated = p.nominated || p.under_way->nominates;
  p.answered = loop_.now();
  p.under_way.reset();
  if (!both_valid_ && std::all_of(pairs_.begin(), pairs_.end(), [](auto& x) { return x.valid; }))
    both_valid_ = loop_.now();
  if (!nominated_ && all(&Pair::nominated)) {
    nominated_ = loop_.now();
    facts_.nominated = true;
  }
  if (path_told_ || !all(&Pair::valid)) return;
  path_told_ = true;
  wires_.path();
}

void IceAgent::rtp_came(bool second) {
  const Instant now = loop_.now();
  if (nominated_) {
    if (second && now - *nominated_ > kSettle)
      wires_.broke({"MBP-03", "media still comes by a path that was not nominated"});
    return;
  }
  if (!theirs_ || !both_valid_) return;
  if (second) facts_.early_path = true;
  // A restart leaves media where it was until the new credentials have chosen.
  if (!second && !facts_.nominated && now - *both_valid_ > kSettle)
    wires_.broke({"MBP-08", "media before a nomination comes by the path of lower priority"});
}

void IceAgent::read_second() {
  std::array<char, 2048> buf{};
  for (int i = 0; i < 64 && second_fd_ >= 0; ++i) {
    sockaddr_storage sa{};
    socklen_t len = sizeof sa;
    const auto n =
        recvfrom(second_fd_, buf.data(), buf.size(), 0, reinterpret_cast<sockaddr*>(&sa), &len);
    if (n < 0) return;
    const std::string_view packet(buf.data(), static_cast<std::size_t>(n));
    if (is_stun(packet)) {
      on_packet(packet, false, from_sockaddr(sa));
    } else if (n >= 12 && !(static_cast<unsigned char>(packet[1]) >= 192 &&
                            static_cast<unsigned char>(packet[1]) <= 223)) {
      rtp_came(true);
    }
  }
}

}  // namespace causeway::lab
