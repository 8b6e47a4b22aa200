// Two peers with a media plane between them.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fake_reactor.h"
#include "media/media_plane.h"
#include "rtp/packet.h"
#include "rtp/rtcp.h"
#include "rtp/srtp.h"
#include "sdp/crypto_line.h"

namespace causeway::testing_support {

inline IpAddress ip(const char* s) { return *IpAddress::parse(s); }

struct Heard {
  rtp::Header header;
  std::vector<std::byte> payload;
  Endpoint from;
};

inline rtp::Srtp srtp(const sdp::Crypto& c) {
  rtp::SrtpKey k;
  std::copy(c.key_salt.begin(), c.key_salt.end(), k.key_salt.begin());
  // Both name the suites in the same order.
  k.suite = static_cast<rtp::SrtpSuite>(c.suite);
  return std::move(*rtp::Srtp::create(k));
}

// A far end: sends RTP and RTCP from its two sockets and keeps what it hears, decrypted.
class Peer final : public reactor::UdpListener {
 public:
  Peer(FakeReactor& net, const char* address, std::uint16_t port, std::uint32_t source)
      : ssrc(source), at_{ip(address), port} {
    rtp_ = std::move(*net.open_udp(at_, {}, *this));
    rtcp_ =
        std::move(*net.open_udp({at_.address, static_cast<std::uint16_t>(port + 1)}, {}, *this));
  }

  void secure(const sdp::Crypto& ours, const sdp::Crypto& theirs) {
    out = srtp(ours);
    in = srtp(theirs);
  }

  std::vector<std::byte> make(std::uint8_t pt = 8, std::size_t payload = 160) {
    std::vector<std::byte> p(rtp::kMinHeader + payload + 64);
    rtp::write_header(
        std::span<std::byte, rtp::kMinHeader>(p.data(), rtp::kMinHeader),
        {.ssrc = ssrc, .timestamp = timestamp, .sequence = sequence, .payload_type = pt});
    for (std::size_t i = 0; i < payload; ++i)
      p[rtp::kMinHeader + i] = static_cast<std::byte>(i + sequence);
    std::size_t size = rtp::kMinHeader + payload;
    if (out) size = out->protect_rtp(std::span(p).first(size)).size;
    p.resize(size);
    return p;
  }
  // One packet to where the peer was told to send; 20 ms of audio further on.
  void speak(std::uint8_t pt = 8) {
    rtp_->send(target, make(pt));
    ++sequence;
    timestamp += 160;
  }
  // A packet with this content, `units` of the clock after the one before.
  void say(std::uint8_t pt, std::span<const std::byte> content, std::uint32_t units,
           bool marker = false) {
    std::vector<std::byte> p(rtp::kMinHeader + content.size() + 64);
    rtp::write_header(std::span<std::byte, rtp::kMinHeader>(p.data(), rtp::kMinHeader),
                      {.ssrc = ssrc,
                       .timestamp = timestamp,
                       .sequence = sequence,
                       .payload_type = pt,
                       .marker = marker});
    std::copy(content.begin(), content.end(), p.begin() + rtp::kMinHeader);
    std::size_t size = rtp::kMinHeader + content.size();
    if (out) size = out->protect_rtp(std::span(p).first(size)).size;
    rtp_->send(target, std::span(p).first(size));
    ++sequence;
    timestamp += units;
  }
  void report(std::span<const rtp::ReportBlock> blocks = {}, bool sender = true) {
    std::vector<std::byte> p(512);
    rtp::RtcpWriter w(p);
    if (sender)
      w.sender_report(ssrc, {0x1111222233334444, timestamp, 7, 8}, blocks);
    else
      w.receiver_report(ssrc, blocks);
    w.sdes(ssrc, "secret@10.0.0.1");
    w.bye(ssrc);
    std::size_t size = w.size();
    if (out) size = out->protect_rtcp(std::span(p).first(size)).size;
    rtcp_->send({target.address, static_cast<std::uint16_t>(target.port + 1)},
                std::span(p).first(size));
  }
  void raw(std::span<const std::byte> p) { rtp_->send(target, p); }

  void on_datagram(reactor::UdpSocket& socket, const Endpoint& from, std::span<std::byte> data,
                   Instant) override {
    if (&socket == rtcp_.get() || rtp::classify(data) == rtp::Kind::kRtcp) {
      if (in) {
        const auto r = in->unprotect_rtcp(data);
        if (r.outcome != rtp::SrtpOutcome::kOk) {
          ++broken;
          return;
        }
        data = data.first(r.size);
      }
      reports.emplace_back(data.begin(), data.end());
      return;
    }
    if (in) {
      const auto r = in->unprotect_rtp(data);
      if (r.outcome != rtp::SrtpOutcome::kOk) {
        ++broken;
        return;
      }
      data = data.first(r.size);
    }
    const auto h = rtp::parse_header(data);
    ASSERT_TRUE(h);
    heard.push_back({*h, {data.begin() + h->bytes, data.end()}, from});
  }

  sdp::RemoteMedia sdp() const {
    sdp::RemoteMedia m;
    m.rtp = at_;
    m.rtcp = {at_.address, static_cast<std::uint16_t>(at_.port + 1)};
    return m;
  }

  std::uint32_t ssrc;
  std::uint16_t sequence = 1000;
  std::uint32_t timestamp = 50'000;
  Endpoint target;
  std::optional<rtp::Srtp> out, in;
  std::vector<Heard> heard;
  std::vector<std::vector<std::byte>> reports;
  int broken = 0;

 private:
  Endpoint at_;
  std::unique_ptr<reactor::UdpSocket> rtp_, rtcp_;
};

struct Events final : media::MediaObserver {
  void on_media_started(media::MediaLegId id) override {
    log.push_back("started " + std::to_string(id.value & 0xffff));
  }
  void on_media_lost(media::MediaLegId id) override {
    log.push_back("lost " + std::to_string(id.value & 0xffff));
  }
  void on_media_alarm(std::string_view text) override { log.emplace_back(text); }
  void on_one_way(media::MediaLegId id) override {
    log.push_back("one-way " + std::to_string(id.value & 0xffff));
  }
  void on_digit(media::MediaLegId id, std::uint8_t event, Micros duration) override {
    log.push_back("digit " + std::to_string(event) + " for " + std::to_string(id.value & 0xffff) +
                  ", " + std::to_string(duration.count() / 1'000) + " ms");
  }
  void on_digit_lost(media::MediaLegId id) override {
    log.push_back("digit lost to " + std::to_string(id.value & 0xffff));
  }
  void on_fax(media::MediaLegId id, tone::FaxTone t) override {
    log.push_back(std::string(tone::to_string(t)) + " of " + std::to_string(id.value & 0xffff));
  }
  void on_fork_heard(media::MediaLegId id, std::string_view tag) override {
    log.push_back("fork " + std::string(tag) + " of " + std::to_string(id.value & 0xffff));
  }
  std::vector<std::string> log;
};

inline sdp::Codec line(std::uint8_t pt, const char* name, std::uint32_t clock = 8000) {
  return {PayloadType(pt), name, clock, 1, ""};
}

struct TwoPeers : ::testing::Test {
  TwoPeers() {
    realm.name = "core";
    realm.v4 = ip("127.0.0.1");
    realm.public_v4 = ip("198.51.100.1");
    realm.port_min = 40000;
    realm.port_max = 40099;
    a = *plane->open(realm, media::Family::kV4, false);
    b = *plane->open(realm, media::Family::kV4, false);
    agree_a.remote = alice.sdp();
    agree_b.remote = bob.sdp();
    agree_a.send_codecs = agree_a.receive_codecs = {line(8, "PCMA"), line(101, "telephone-event")};
    agree_b.send_codecs = agree_b.receive_codecs = {line(8, "PCMA"), line(96, "telephone-event")};
    alice.target = plane->local(a)->rtp;
    bob.target = plane->local(b)->rtp;
  }
  void up() {
    ASSERT_TRUE(plane->apply(a, agree_a));
    ASSERT_TRUE(plane->apply(b, agree_b));
    ASSERT_TRUE(plane->join(a, b));
  }
  sdp::Crypto key(std::uint64_t seed,
                  sdp::CryptoSuite suite = sdp::CryptoSuite::kAesCm128HmacSha1_80) {
    SeededRandom random(seed);
    sdp::Dialect d;
    d.suites = {suite};
    return sdp::make_crypto(random, d)[0];
  }
  // SRTP between the plane and Bob.
  void secure_bob(std::uint64_t ours = 1, std::uint64_t his = 2) {
    agree_b.send_key = key(ours);
    agree_b.receive_key = key(his);
    bob.secure(key(his), key(ours));
  }
  void talk(int n) {
    for (int i = 0; i < n; ++i) {
      alice.speak();
      bob.speak();
      net.pass(Millis(20));
    }
  }

  FakeReactor net;
  Events events;
  std::unique_ptr<media::MediaPlane> plane = std::make_unique<media::MediaPlane>(net, events);
  Peer alice{net, "127.0.0.2", 5000, 0xaaaa}, bob{net, "127.0.0.3", 6000, 0xbbbb};
  media::RealmMedia realm;
  media::MediaLegId a, b;
  media::LegMedia agree_a, agree_b;
};

}  // namespace causeway::testing_support
