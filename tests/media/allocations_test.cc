// The packet path does not allocate.
#include <cstdlib>
#include <new>

#include "fake_reactor.h"
#include "media/media_plane.h"
#include "rtp/packet.h"
#include "rtp/srtp.h"
#include "sdp/crypto_line.h"

#include <gtest/gtest.h>

namespace {
std::size_t allocations = 0;
}

// Not inline: g++ would see free() of what new gave and take it for a mistake.
[[gnu::noinline]] void* operator new(std::size_t n) {
  ++allocations;
  if (void* p = std::malloc(n)) return p;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept { std::free(p); }

namespace causeway::media {
namespace {

struct Nobody final : MediaObserver {
  void on_media_started(MediaLegId) override {}
  void on_media_lost(MediaLegId) override {}
  void on_media_alarm(std::string_view) override {}
};

struct Sink final : reactor::UdpListener {
  std::size_t packets = 0;
  void on_datagram(reactor::UdpSocket&, const Endpoint&, std::span<std::byte>, Instant) override {
    ++packets;
  }
};

// A kernel that has flows and takes nothing: every packet is armed for, and taken back.
class Idle final : public kernel::Relay {
 public:
  kernel::Flow* add(const Endpoint&, const Endpoint&) override { return &flows.at(used++); }
  void remove(kernel::Flow&) override {}
  std::optional<std::uint32_t> way(const Endpoint&, const Endpoint&,
                                   const std::string&) const override {
    return 0;
  }
  std::optional<std::uint32_t> interface(const std::string&) const override { return 0; }
  void alive(Instant) override {}
  std::array<kernel::Flow, 2> flows{};
  std::size_t used = 0;
};

// A plane with two legs, and a socket on the far side of each.
class TwoLegs : public ::testing::Test {
 protected:
  static RealmMedia core() {
    RealmMedia realm;
    realm.name = "core";
    realm.v4 = *IpAddress::parse("127.0.0.1");
    realm.port_min = 40000;
    realm.port_max = 40009;
    return realm;
  }
  void open() {
    a = *plane.open(core(), Family::kV4, false);
    b = *plane.open(core(), Family::kV4, false);
  }

  testing_support::FakeReactor net;
  Nobody nobody;
  Idle idle;
  MediaPlane plane{net, nobody};
  MediaLegId a, b;
  Sink sink;
  const Endpoint at_a{*IpAddress::parse("127.0.0.2"), 5000},
      at_b{*IpAddress::parse("127.0.0.3"), 6000};
  std::unique_ptr<reactor::UdpSocket> socket_a = std::move(*net.open_udp(at_a, {}, sink)),
                                      socket_b = std::move(*net.open_udp(at_b, {}, sink));
};

TEST_F(TwoLegs, DoesNotAllocateOver10000Packets) {
  open();
  LegMedia plain, secure;
  plain.remote.rtp = at_a;
  secure.remote.rtp = at_b;
  SeededRandom random(1);
  plain.fax = secure.fax = sdp::FaxAs::kPassthrough;
  secure.send_key = secure.receive_key = sdp::make_crypto(random, {})[0];
  ASSERT_TRUE(plane.apply(a, plain));
  ASSERT_TRUE(plane.apply(b, secure));
  ASSERT_TRUE(plane.join(a, b));
  rtp::SrtpKey key;
  std::copy(secure.send_key->key_salt.begin(), secure.send_key->key_salt.end(),
            key.key_salt.begin());
  auto far = std::move(*rtp::Srtp::create(key));
  const Endpoint to_a = plane.local(a)->rtp, to_b = plane.local(b)->rtp;
  const auto one = [&](std::uint16_t n) {
    std::array<std::byte, 256> p{};
    rtp::write_header(std::span<std::byte, rtp::kMinHeader>(p.data(), rtp::kMinHeader),
                      {.ssrc = 7, .timestamp = n * 160u, .sequence = n, .payload_type = 8});
    socket_a->send(to_a, std::span(p).first(172));
    const auto r = far.protect_rtp(std::span(p).first(172));
    socket_b->send(to_b, std::span(p).first(r.size));
  };
  one(0);
  const std::size_t before = allocations;
  for (std::uint16_t n = 1; n <= 10'000; ++n) one(n);
  EXPECT_EQ(allocations, before);
  EXPECT_EQ(sink.packets, 20'002u);
}

TEST_F(TwoLegs, ArmingTheKernelDoesNotAllocate) {
  plane.use_kernel(&idle);
  open();
  LegMedia of_a, of_b;
  of_a.remote.rtp = at_a;
  of_b.remote.rtp = at_b;
  ASSERT_TRUE(plane.apply(a, of_a));
  ASSERT_TRUE(plane.apply(b, of_b));
  ASSERT_TRUE(plane.join(a, b));
  const Endpoint to_a = plane.local(a)->rtp, to_b = plane.local(b)->rtp;
  const auto one = [&](std::uint16_t n) {
    std::array<std::byte, 172> p{};
    rtp::write_header(std::span<std::byte, rtp::kMinHeader>(p.data(), rtp::kMinHeader),
                      {.ssrc = 7, .timestamp = n * 160u, .sequence = n, .payload_type = 8});
    socket_a->send(to_a, p);
    socket_b->send(to_b, p);
  };
  for (std::uint16_t n = 0; n < 300; ++n) {
    one(n);
    net.pass(Millis(20));
  }
  ASSERT_EQ(idle.used, 2u);
  const std::size_t before = allocations;
  for (std::uint16_t n = 300; n < 10'300; ++n) {
    one(n);
    ASSERT_EQ(idle.flows[0].armed + idle.flows[1].armed, 2u);
    ASSERT_EQ(idle.flows[0].next_sequence, n + 1);
  }
  EXPECT_EQ(allocations, before);
}

// Checks answered, media by where they lead.
TEST(PacketPath, ChecksDoNotAllocate) {
  testing_support::FakeReactor net;
  Nobody nobody;
  MediaPlane plane(net, nobody);
  RealmMedia realm;
  realm.name = "core";
  realm.v4 = *IpAddress::parse("127.0.0.1");
  realm.port_min = 40000;
  realm.port_max = 40009;
  const auto a = *plane.open(realm, Family::kV4, false), b = *plane.open(realm, Family::kV4, false);
  Sink sink_a, sink_b;
  const Endpoint at_a{*IpAddress::parse("127.0.0.2"), 5000},
      at_b{*IpAddress::parse("127.0.0.3"), 6000};
  auto socket_a = std::move(*net.open_udp(at_a, {}, sink_a));
  auto socket_b = std::move(*net.open_udp(at_b, {}, sink_b));
  const ice::Credentials ours{"gate", "gatewaypasswordof24chars"};
  plane.set_local_ice(a, ours);
  LegMedia by_checks, plain;
  by_checks.remote.rtp = at_a;
  by_checks.ice = IceAgreed{{"peer", "passwordofthepeeritself0"}, false};
  plain.remote.rtp = at_b;
  ASSERT_TRUE(plane.apply(a, by_checks));
  ASSERT_TRUE(plane.apply(b, plain));
  ASSERT_TRUE(plane.join(a, b));
  std::array<std::byte, 256> check{};
  ice::StunWriter w(check, ice::StunClass::kRequest, {});
  w.username("gate:peer");
  w.priority(9);
  w.use_candidate();
  w.integrity(
      rtp::HmacSha1({reinterpret_cast<const std::uint8_t*>(ours.pwd.data()), ours.pwd.size()},
                    rtp::HmacVariant::kPortable));
  w.fingerprint();
  const Endpoint to_a = plane.local(a)->rtp, to_b = plane.local(b)->rtp;
  const auto one = [&](std::uint16_t n) {
    std::array<std::byte, 172> p{};
    rtp::write_header(std::span<std::byte, rtp::kMinHeader>(p.data(), rtp::kMinHeader),
                      {.ssrc = 7, .timestamp = n * 160u, .sequence = n, .payload_type = 8});
    socket_a->send(to_a, std::span(check).first(w.size()));
    socket_a->send(to_a, p);
    socket_b->send(to_b, p);
  };
  one(0);
  const std::size_t before = allocations;
  for (std::uint16_t n = 1; n <= 1'000; ++n) one(n);
  EXPECT_EQ(allocations, before);
  EXPECT_EQ(sink_a.packets, 2'002u);
  EXPECT_EQ(sink_b.packets, 1'001u);
}

// Decoded, looked through for tones, coded anew, encrypted; and digits on the way back.
TEST(PacketPath, WhatIsMadeHereDoesNotAllocate) {
  testing_support::FakeReactor net;
  Nobody nobody;
  MediaPlane plane(net, nobody);
  RealmMedia realm;
  realm.name = "core";
  realm.v4 = *IpAddress::parse("127.0.0.1");
  realm.port_min = 40000;
  realm.port_max = 40009;
  const auto a = *plane.open(realm, Family::kV4, false), b = *plane.open(realm, Family::kV4, false);
  Sink sink_a, sink_b;
  const Endpoint at_a{*IpAddress::parse("127.0.0.2"), 5000},
      at_b{*IpAddress::parse("127.0.0.3"), 6000};
  auto socket_a = std::move(*net.open_udp(at_a, {}, sink_a));
  auto socket_b = std::move(*net.open_udp(at_b, {}, sink_b));
  LegMedia plain, secure;
  plain.remote.rtp = at_a;
  plain.send_codecs = plain.receive_codecs = {{PayloadType{0}, "PCMU", 8000, 1, ""}};
  plain.digits = DigitForm::kInBand;
  plain.fax = sdp::FaxAs::kWhereDecoded;
  secure.remote.rtp = at_b;
  secure.send_codecs =
      secure.receive_codecs = {{PayloadType{111}, "opus", 48000, 2, ""},
                               {PayloadType{110}, "telephone-event", 48000, 1, ""}};
  SeededRandom random(1);
  secure.send_key = secure.receive_key = sdp::make_crypto(random, {})[0];
  ASSERT_TRUE(plane.apply(a, plain));
  ASSERT_TRUE(plane.apply(b, secure));
  ASSERT_TRUE(plane.join(a, b));
  const Endpoint to_a = plane.local(a)->rtp;
  const auto one = [&](std::uint16_t n) {
    std::array<std::byte, 172> p{};
    for (std::size_t i = 12; i < p.size(); ++i) p[i] = static_cast<std::byte>(i * n);
    rtp::write_header(std::span<std::byte, rtp::kMinHeader>(p.data(), rtp::kMinHeader),
                      {.ssrc = 7, .timestamp = n * 160u, .sequence = n, .payload_type = 0});
    socket_a->send(to_a, p);
    net.pass(Millis(20));
  };
  for (std::uint16_t n = 0; n < 10; ++n) one(n);
  const std::size_t packets = sink_b.packets, before = allocations;
  for (std::uint16_t n = 10; n < 10'010; ++n) one(n);
  EXPECT_NEAR(static_cast<double>(sink_b.packets - packets), 10'000, 200);
  // A timer is a node of this world's map: one for each packet that goes out, and for the second.
  EXPECT_LE(allocations - before, sink_b.packets - packets + 250);
}

TEST(PacketPath, SilenceOfOursDoesNotAllocate) {
  testing_support::FakeReactor net;
  Nobody nobody;
  MediaPlane plane(net, nobody);
  RealmMedia realm;
  realm.name = "core";
  realm.v4 = *IpAddress::parse("127.0.0.1");
  realm.port_min = 40000;
  realm.port_max = 40009;
  const auto a = *plane.open(realm, Family::kV4, false);
  Sink sink;
  const Endpoint at{*IpAddress::parse("127.0.0.2"), 5000};
  auto socket = std::move(*net.open_udp(at, {}, sink));
  LegMedia secure;
  secure.remote.rtp = at;
  secure.send_codecs = {{PayloadType{0}, "PCMU", 8000, 1, ""}};
  SeededRandom random(1);
  secure.send_key = secure.receive_key = sdp::make_crypto(random, {})[0];
  ASSERT_TRUE(plane.apply(a, secure));
  plane.fill_silence(a);
  net.pass(Millis(900));  // the first look after a leg sends a report, and timers of this world
  const std::size_t packets = sink.packets, before = allocations;
  net.pass(Millis(100));
  // A timer is a node of this world's map; a packet is nothing.
  EXPECT_LE(allocations - before, sink.packets - packets + 1);
  EXPECT_GE(sink.packets - packets, 5U);
}

}  // namespace
}  // namespace causeway::media
