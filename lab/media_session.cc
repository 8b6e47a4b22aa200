#include "lab/media_session.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "lab/g711.h"
#include "lab/stun.h"

namespace causeway::lab {
namespace {

constexpr Micros kFrameTime{20'000};
constexpr unsigned kRtcpEveryTicks = 50;
constexpr std::size_t kRtpHeader = 12;

void put16(std::string& s, unsigned v) {
  s += static_cast<char>(v >> 8);
  s += static_cast<char>(v);
}
void put32(std::string& s, std::uint32_t v) {
  put16(s, v >> 16);
  put16(s, v & 0xffff);
}
std::uint32_t get(const std::string& s, std::size_t at, int bytes) {
  std::uint32_t v = 0;
  for (int i = 0; i < bytes; ++i)
    v = v << 8 | static_cast<unsigned char>(s[at + static_cast<std::size_t>(i)]);
  return v;
}

int bind_udp(const Endpoint& at) {
  sockaddr_storage sa{};
  const socklen_t n = to_sockaddr(at, sa);
  const int fd =
      socket(at.address.is_v6() ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (bind(fd, reinterpret_cast<sockaddr*>(&sa), n) == 0) return fd;
  close(fd);
  return -1;
}

}  // namespace

void MediaPump::add(MediaSession& s) {
  sessions_.insert(&s);
  if (timer_ != 0) return;
  due_ = loop_.now() + kFrameTime;
  timer_ = loop_.after(kFrameTime, [this] { tick(); });
}

void MediaPump::remove(MediaSession& s) {
  sessions_.erase(&s);
  if (sessions_.empty()) loop_.cancel(timer_);
}

void MediaPump::tick() {
  // Late ticks are made up for, so that the rate is right on a busy machine.
  for (int i = 0; i < 10 && due_ <= loop_.now(); ++i, due_ += kFrameTime)
    for (auto* s : sessions_) s->send_due();
  if (due_ <= loop_.now()) due_ = loop_.now() + kFrameTime;
  timer_ = loop_.after(due_ - loop_.now(), [this] { tick(); });
}

MediaSession::MediaSession(Loop& loop, MediaPump& pump, Random& random, Sound sound)
    : loop_(loop), pump_(pump), random_(random), sound_(sound), source_(sound) {
  restart_stream();
}

MediaSession::~MediaSession() { stop(); }

void MediaSession::restart_stream() {
  ssrc_ = static_cast<std::uint32_t>(random_.u64());
  timestamp_ = static_cast<std::uint32_t>(random_.u64());
  sequence_ = static_cast<std::uint16_t>(random_.u64());
  mark_ = true;
}

Status MediaSession::open(const IpAddress& at, PortRange& ports) {
  for (int i = 0; i < 200; ++i) {
    const std::uint16_t port = ports.take();
    rtp_fd_ = bind_udp({at, port});
    if (rtp_fd_ < 0) continue;
    rtcp_fd_ = bind_udp({at, static_cast<std::uint16_t>(port + 1)});
    if (rtcp_fd_ < 0) {
      close(rtp_fd_);
      rtp_fd_ = -1;
      continue;
    }
    local_ = {at, port};
    loop_.watch(rtp_fd_, EPOLLIN, [this](std::uint32_t) { read(rtp_fd_, false); });
    loop_.watch(rtcp_fd_, EPOLLIN, [this](std::uint32_t) { read(rtcp_fd_, true); });
    return {};
  }
  return fail(ErrorCode::kUnavailable, "no free media port on " + at.to_string());
}

void MediaSession::stop() {
  if (pumped_) pump_.remove(*this);
  pumped_ = false;
  for (int* fd : {&rtp_fd_, &rtcp_fd_}) {
    if (*fd < 0) continue;
    loop_.unwatch(*fd);
    close(*fd);
    *fd = -1;
  }
}

void MediaSession::continue_from(const MediaSession& before) {
  frames_ = before.frames_;
  first_packet_ = before.first_packet_;
  counters_ = before.counters_;
}

void MediaSession::set_remote(const Endpoint& rtp, const Endpoint& rtcp, int payload_type) {
  remote_rtp_ = rtp;
  remote_rtcp_ = rtcp;
  payload_type_ = payload_type;
  if (!pumped_ && rtp_fd_ >= 0) {
    pumped_ = true;
    pump_.add(*this);
  }
}

void MediaSession::set_ears(
    std::function<void(std::string_view, bool rtcp, const Endpoint& from)> stun,
    std::function<void()> rtp) {
  stun_ear_ = std::move(stun);
  rtp_ear_ = std::move(rtp);
}

void MediaSession::set_sending(bool on) {
  if (on && !sending_) mark_ = true;
  sending_ = on;
}

Status MediaSession::set_outbound_key(const std::string& suite, const std::string& key) {
  if (out_ && out_->suite == suite && out_->key == key) return {};
  auto s = SrtpSession::make(suite, key, true);
  if (!s) return tl::unexpected(s.error());
  out_ = Keyed{suite, key, std::move(*s)};
  return {};
}

Status MediaSession::set_inbound_key(const std::string& suite, const std::string& key) {
  if (in_ && in_->suite == suite && in_->key == key) return {};
  auto s = SrtpSession::make(suite, key, false);
  if (!s) return tl::unexpected(s.error());
  in_ = Keyed{suite, key, std::move(*s)};
  return {};
}

void MediaSession::transmit(int fd, const std::string& packet, const Endpoint& to) {
  sockaddr_storage sa{};
  const socklen_t n = to_sockaddr(to, sa);
  (void)!sendto(fd, packet.data(), packet.size(), 0, reinterpret_cast<sockaddr*>(&sa), n);
}

void MediaSession::send_due() {
  if (rtp_fd_ < 0 || !remote_rtp_) return;
  // RTCP goes on during hold (TDM-12).
  if (++ticks_ % kRtcpEveryTicks == 10) send_rtcp();
  timestamp_ += kFrameSamples;
  if (!sending_ || remote_rtp_->address.is_unspecified() || remote_rtp_->port == 0) {
    source_.skip(kFrameSamples);
    return;
  }
  std::array<std::int16_t, kFrameSamples> pcm{};
  source_.fill(pcm);
  std::string p;
  p += static_cast<char>(0x80);
  p += static_cast<char>((mark_ ? 0x80 : 0) | payload_type_);
  mark_ = false;
  put16(p, sequence_++);
  put32(p, timestamp_);
  put32(p, ssrc_);
  for (const auto s : pcm)
    p += static_cast<char>(payload_type_ == 0 ? encode_ulaw(s) : encode_alaw(s));
  if (out_ && !out_->session.protect(p, false)) return;
  ++counters_.sent;
  transmit(rtp_fd_, p, *remote_rtp_);
}

void MediaSession::send_rtcp() {
  if (remote_rtcp_->address.is_unspecified() || remote_rtcp_->port == 0) return;
  std::string p;  // sender report without report blocks (RFC 3550 6.4.1), then CNAME
  p += static_cast<char>(0x80);
  p += static_cast<char>(200);
  put16(p, 6);
  put32(p, ssrc_);
  const auto t = static_cast<std::uint64_t>(loop_.now().time_since_epoch().count());
  put32(p, static_cast<std::uint32_t>(t / 1'000'000 + 2'208'988'800U));
  put32(p, static_cast<std::uint32_t>((t % 1'000'000) * 4294));
  put32(p, timestamp_);
  put32(p, static_cast<std::uint32_t>(counters_.sent));
  put32(p, static_cast<std::uint32_t>(counters_.sent * kFrameSamples));
  p += static_cast<char>(0x81);
  p += static_cast<char>(202);
  put16(p, 3);
  put32(p, ssrc_);
  p += std::string("\x01\x03lab\0\0\0", 8);
  if (out_ && !out_->session.protect(p, true)) return;
  ++counters_.rtcp_sent;
  transmit(rtcp_fd_, p, *remote_rtcp_);
}

void MediaSession::read(int fd, bool rtcp) {
  char buf[2048];
  for (int i = 0; i < 64; ++i) {
    sockaddr_storage sa{};
    socklen_t len = sizeof sa;
    const auto n = recvfrom(fd, buf, sizeof buf, 0, reinterpret_cast<sockaddr*>(&sa), &len);
    if (n < 0) return;
    std::string packet(buf, static_cast<std::size_t>(n));
    if (stun_ear_ && is_stun(packet)) {
      stun_ear_(packet, rtcp, from_sockaddr(sa));
      if (rtp_fd_ < 0) return;  // the call has ended of it
      continue;
    }
    // With rtcp-mux both come to the one port (RFC 5761 4).
    const bool is_rtcp = rtcp || (n >= 2 && static_cast<unsigned char>(buf[1]) >= 192 &&
                                  static_cast<unsigned char>(buf[1]) <= 223);
    if (!is_rtcp) {
      if (rtp_ear_) rtp_ear_();
      take_rtp(std::move(packet), from_sockaddr(sa));
      continue;
    }
    if (in_ && !in_->session.unprotect(packet, true)) {
      ++counters_.refused_by_srtp;
      continue;
    }
    ++counters_.rtcp_received;
  }
}

void MediaSession::take_rtp(std::string p, const Endpoint& from) {
  if (remote_rtp_ && from != *remote_rtp_ && !remote_rtp_->address.is_unspecified() &&
      loop_.now() >= tolerant_) {
    ++counters_.wrong_source;
  }
  if (in_ && !in_->session.unprotect(p, false)) {
    ++counters_.refused_by_srtp;
    return;
  }
  if (p.size() < kRtpHeader || (static_cast<unsigned char>(p[0]) & 0xc0) != 0x80) {
    ++counters_.malformed;
    return;
  }
  std::size_t at = kRtpHeader + 4U * (static_cast<unsigned char>(p[0]) & 15U);
  if ((static_cast<unsigned char>(p[0]) & 0x10) != 0 && p.size() >= at + 4)
    at += 4 + 4 * get(p, at + 2, 2);
  if (p.size() <= at) {
    ++counters_.malformed;
    return;
  }
  const int pt = static_cast<unsigned char>(p[1]) & 0x7f;
  ++counters_.received;
  if (!first_packet_) first_packet_ = loop_.now();
  if (pt != 0 && pt != 8) {
    if (pt < 96 && pt != 13) ++counters_.wrong_payload;
    return;
  }
  // One frame per 20 ms of payload, whatever the packet time is.
  for (std::size_t off = 0; at + off < p.size() && frames_.size() < kMaxFrames;
       off += kFrameSamples) {
    Frame f;
    f.at = loop_.now();
    f.sequence = static_cast<std::uint16_t>(get(p, 2, 2));
    f.timestamp = get(p, 4, 4) + static_cast<std::uint32_t>(off);
    f.ssrc = get(p, 8, 4);
    for (std::size_t i = 0; i < kFrameSamples && at + off + i < p.size(); ++i) {
      const auto code = static_cast<std::uint8_t>(p[at + off + i]);
      f.pcm[i] = pt == 0 ? decode_ulaw(code) : decode_alaw(code);
    }
    frames_.push_back(f);
  }
}

}  // namespace causeway::lab
