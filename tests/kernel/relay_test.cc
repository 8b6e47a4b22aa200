// The program in the kernel itself, on the loopback interface of a network namespace of this
// test's.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <vector>

#include "kernel/relay.h"
#include "kernel/way.h"
#include "rtp/packet.h"

namespace causeway {
namespace {

IpAddress ip(const char* text) { return *IpAddress::parse(text); }

Instant now() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return Instant{Seconds{t.tv_sec} + Micros{t.tv_nsec / 1000}};
}

class Socket {
 public:
  explicit Socket(const Endpoint& at) : fd_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_storage a{};
    const auto size = to_sockaddr(at, a);
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&a), size), 0) << at.to_string();
  }
  ~Socket() { close(fd_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  void send(const Endpoint& to, std::span<const std::byte> data) const {
    sockaddr_storage a{};
    const auto size = to_sockaddr(to, a);
    EXPECT_EQ(sendto(fd_, data.data(), data.size(), 0, reinterpret_cast<sockaddr*>(&a), size),
              static_cast<ssize_t>(data.size()));
  }
  struct Got {
    Endpoint from;
    std::vector<std::byte> data;
  };
  // What is there, or comes within the time: loopback delivers before send() returns.
  [[nodiscard]] std::optional<Got> receive() const {
    std::vector<std::byte> data(2048);
    sockaddr_storage a{};
    socklen_t size = sizeof a;
    const ssize_t n = recvfrom(fd_, data.data(), data.size(), MSG_DONTWAIT,
                               reinterpret_cast<sockaddr*>(&a), &size);
    if (n < 0) return std::nullopt;
    data.resize(static_cast<std::size_t>(n));
    return Got{from_sockaddr(a), data};
  }

 private:
  int fd_;
};

std::uint16_t checksum(std::span<const std::byte> data, std::uint32_t sum = 0) {
  for (std::size_t i = 0; i + 1 < data.size(); i += 2)
    sum +=
        std::to_integer<std::uint32_t>(data[i]) << 8 | std::to_integer<std::uint32_t>(data[i + 1]);
  if (data.size() % 2 != 0) sum += std::to_integer<std::uint32_t>(data.back()) << 8;
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

class Relayed : public ::testing::Test {
 protected:
  void SetUp() override {
    if (unshare(CLONE_NEWNET) != 0)
      GTEST_SKIP() << "no network namespace can be made here: " << std::strerror(errno);
    const int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ifreq lo{};
    std::strcpy(lo.ifr_name, "lo");
    lo.ifr_flags = IFF_UP | IFF_RUNNING;
    ASSERT_EQ(ioctl(s, SIOCSIFFLAGS, &lo), 0);
    close(s);
    const std::vector<std::string> names{"lo"};
    auto made = kernel::open_relay(names, 7);
    if (!made) GTEST_SKIP() << "the kernel takes no program here: " << made.error().what;
    relay = std::move(*made);
    alice = std::make_unique<Socket>(at_alice);
    bob = std::make_unique<Socket>(at_bob);
    here = std::make_unique<Socket>(at_here);
    there = std::make_unique<Socket>(at_there);
    relay->alive(now());
    flow = relay->add(at_here, at_alice);
    ASSERT_NE(flow, nullptr);
  }

  // The packet after those that were `sent`.
  std::vector<std::byte> packet(int ahead = 0, std::size_t payload = 160) {
    std::vector<std::byte> p(rtp::kMinHeader + payload);
    rtp::write_header(std::span<std::byte, rtp::kMinHeader>(p.data(), rtp::kMinHeader),
                      {.ssrc = 0xa11ce,
                       .timestamp = 1000 + static_cast<std::uint32_t>(sent + ahead) * 160,
                       .sequence = static_cast<std::uint16_t>(65'530 + sent + ahead),
                       .payload_type = 0});
    for (std::size_t i = 0; i < payload; ++i)
      p[rtp::kMinHeader + i] = static_cast<std::byte>(i * 3);
    return p;
  }
  void arm() {
    kernel::Flow& f = *flow;
    f.in_ssrc = 0xa11ce;
    f.in_type = 0;
    f.next_sequence = static_cast<std::uint16_t>(65'530 + sent);
    f.next_timestamp = 1000 + static_cast<std::uint32_t>(sent) * 160;
    f.step = 160;
    f.step_us = 20'000;
    f.clock = 8'000;
    f.out_type = 96;
    f.out_ssrc = 0xb0b;
    f.sequence_offset = 100;
    f.timestamp_offset = 5'000;
    f.tos = 46 << 2;
    f.interface = 0;
    std::memcpy(&f.from_address, at_there.address.bytes().data(), 4);
    std::memcpy(&f.to_address, at_bob.address.bytes().data(), 4);
    f.from_port = htons(at_there.port);
    f.to_port = htons(at_bob.port);
    f.last_us = static_cast<std::uint64_t>((now() - Millis(20)).time_since_epoch().count());
    f.report_transit = static_cast<std::uint32_t>(f.last_us * 8 / 1'000) - (f.next_timestamp - 160);
    f.packets = f.bytes = f.octets = 0;
    std::atomic_ref(f.armed).store(1);
  }
  void expect_up(std::span<const std::byte> data) {
    EXPECT_FALSE(bob->receive());
    const auto got = here->receive();
    ASSERT_TRUE(got);
    EXPECT_EQ(got->from, at_alice);
    EXPECT_TRUE(std::equal(data.begin(), data.end(), got->data.begin(), got->data.end()));
  }
  void expect_passed() {
    EXPECT_FALSE(here->receive());
    const auto got = bob->receive();
    ASSERT_TRUE(got);
    EXPECT_EQ(got->from, at_there);
    const auto h = rtp::parse_header(got->data);
    ASSERT_TRUE(h);
    EXPECT_EQ(h->ssrc, 0xb0bu);
    EXPECT_EQ(h->payload_type, 96);
    EXPECT_EQ(h->sequence, static_cast<std::uint16_t>(65'530 + sent + 100));
    EXPECT_EQ(h->timestamp, 1000u + static_cast<std::uint32_t>(sent) * 160 + 5'000);
    const auto original = packet();
    EXPECT_TRUE(std::equal(original.begin() + rtp::kMinHeader, original.end(),
                           got->data.begin() + rtp::kMinHeader, got->data.end()));
  }

  const Endpoint at_alice{ip("127.0.0.2"), 5000}, at_here{ip("127.0.0.1"), 40'000},
      at_there{ip("127.0.0.4"), 40'002}, at_bob{ip("127.0.0.3"), 6000};
  std::unique_ptr<kernel::Relay> relay;
  std::unique_ptr<Socket> alice, bob, here, there;
  kernel::Flow* flow = nullptr;
  int sent = 0;
};

TEST_F(Relayed, WhatIsDueOverTheWrapOfItsNumbers) {
  arm();
  for (; sent < 12; ++sent) {
    alice->send(at_here, packet());
    expect_passed();
  }
  EXPECT_EQ(flow->packets, 12u);
  EXPECT_EQ(flow->bytes, 12u * 172);
  EXPECT_EQ(flow->octets, 12u * 160);
  EXPECT_EQ(flow->next_sequence, static_cast<std::uint16_t>(65'530 + 12));
}

TEST_F(Relayed, AllElseGoesUpAsItCame) {
  arm();
  const auto up = [&](std::vector<std::byte> p) {
    alice->send(at_here, p);
    expect_up(p);
  };
  up(packet(1));  // a gap
  auto p = packet();
  rtp::set_marker(p, true);
  up(p);
  p = packet();
  rtp::set_ssrc(p, 1);
  up(p);
  p = packet();
  rtp::set_payload_type(p, 101);
  up(p);
  p = packet();
  rtp::set_timestamp(p, 7);
  up(p);
  for (const unsigned first : {0x00u, 0x81u, 0x90u, 0xa0u, 0xc0u}) {  // version, CSRC, X, P
    p = packet();
    p[0] = static_cast<std::byte>(first);
    up(p);
  }
  up(std::vector<std::byte>(3));
  up(packet(0, 0));
  EXPECT_EQ(flow->packets, 0u);
  alice->send(at_here, packet());
  expect_passed();
}

TEST_F(Relayed, StrangersAreTheGateways) {
  arm();
  const Socket mallory({ip("127.0.0.5"), 5000});
  mallory.send(at_here, packet());
  EXPECT_FALSE(bob->receive());
  EXPECT_TRUE(here->receive());
  EXPECT_EQ(flow->packets, 0u);
}

TEST_F(Relayed, TooLateToBePlayedIsForTheGatewayToJudge) {
  arm();
  flow->last_us -= 300'000;
  flow->report_transit -= 300 * 8;
  alice->send(at_here, packet());
  expect_up(packet());
}

TEST_F(Relayed, NothingForAGatewayThatIsGone) {
  arm();
  relay->alive(now() - kernel::kTrusted - Millis(1));
  alice->send(at_here, packet());
  expect_up(packet());
  relay->alive(now());
  arm();
  alice->send(at_here, packet());
  expect_passed();
  std::atomic_ref(flow->armed).store(0);
  ++sent;
  alice->send(at_here, packet());
  expect_up(packet());
}

TEST_F(Relayed, OneFlowForOnePairOfAddressesAndNoneOnceItIsRemoved) {
  EXPECT_EQ(relay->add(at_here, at_alice), nullptr);
  EXPECT_EQ(relay->add(at_here, {ip("::1"), 5000}), nullptr);
  arm();
  relay->remove(*flow);
  alice->send(at_here, packet());
  expect_up(packet());
  kernel::Flow* again = relay->add(at_here, at_alice);
  ASSERT_NE(again, nullptr);
  EXPECT_EQ(again->armed, 0u);
}

TEST_F(Relayed, DetachedWithItsGateway) {
  arm();
  relay.reset();
  alice->send(at_here, packet());
  expect_up(packet());
}

// A datagram as a network card brings it, whose checksum the receiver looks at: ours must be right.
TEST_F(Relayed, ChecksumsAreRight) {
  arm();
  const int raw = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
  ASSERT_GE(raw, 0);
  for (int i = 0; i < 40; ++i, ++sent) {
    const auto data = packet();
    std::vector<std::byte> p(sizeof(iphdr) + sizeof(udphdr) + data.size());
    iphdr h{};
    h.version = 4;
    h.ihl = 5;
    h.tot_len = htons(static_cast<std::uint16_t>(p.size()));
    h.ttl = 9;
    h.protocol = IPPROTO_UDP;
    std::memcpy(&h.saddr, at_alice.address.bytes().data(), 4);
    std::memcpy(&h.daddr, at_here.address.bytes().data(), 4);
    udphdr u{};
    u.source = htons(at_alice.port);
    u.dest = htons(at_here.port);
    u.len = htons(static_cast<std::uint16_t>(sizeof u + data.size()));
    std::memcpy(p.data(), &h, sizeof h);
    std::memcpy(p.data() + sizeof h, &u, sizeof u);
    std::memcpy(p.data() + sizeof h + sizeof u, data.data(), data.size());
    std::uint32_t pseudo = IPPROTO_UDP + static_cast<std::uint32_t>(sizeof u + data.size());
    for (const auto* a : {&h.saddr, &h.daddr}) {
      const std::uint32_t v = ntohl(*a);
      pseudo += (v >> 16) + (v & 0xffff);
    }
    u.check = htons(checksum(std::span(p).subspan(sizeof h), pseudo));
    std::memcpy(p.data() + sizeof h, &u, sizeof u);
    sockaddr_storage to{};
    const auto size = to_sockaddr({at_here.address, 0}, to);
    ASSERT_EQ(sendto(raw, p.data(), p.size(), 0, reinterpret_cast<sockaddr*>(&to), size),
              static_cast<ssize_t>(p.size()))
        << std::strerror(errno);
    expect_passed();
  }
  close(raw);
}

TEST_F(Relayed, TheWayToAnAddress) {
  EXPECT_EQ(kernel::way_of(ip("127.0.0.1"), ip("127.0.0.9"), ""), 0u);
  EXPECT_FALSE(kernel::way_of(ip("127.0.0.1"), ip("192.0.2.1"), ""));  // no route here
  EXPECT_FALSE(kernel::way_of(ip("127.0.0.1"), ip("127.0.0.9"), "no-such"));
  EXPECT_FALSE(kernel::way_of(ip("::1"), ip("::1"), ""));
}

TEST(OpenRelay, SaysWhichInterfaceIsMissing) {
  const std::vector<std::string> names{"no-such"};
  const auto made = kernel::open_relay(names, 1);
  ASSERT_FALSE(made);
  EXPECT_TRUE(made.error().what.find("no-such") != std::string::npos ||
              made.error().what.find("CAP_BPF") != std::string::npos)
      << made.error().what;
}

}  // namespace
}  // namespace causeway
