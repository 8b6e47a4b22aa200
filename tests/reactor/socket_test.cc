// The thin layer over real sockets, on loopback with free ports.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <limits>
#include <thread>

#include "reactor/loop.h"
#include "reactor/udp_socket.h"

namespace causeway::reactor {
namespace {

using ::testing::ElementsAre;
using testing::endpoint;
using ::testing::HasSubstr;
using testing::Peer;
using testing::to_bytes;
using testing::to_text;
using testing::turn_until;

struct Inbox final : UdpListener {
  void on_datagram(UdpSocket& socket, const Endpoint& from, std::span<std::byte> data,
                   Instant) override {
    got.push_back(to_text(data));
    for (std::size_t i = 0; i < kTailroom; ++i) data.data()[data.size() + i] = std::byte{0xee};
    if (echo) socket.send(from, data);
    if (victim) victim->reset();
  }
  std::vector<std::string> got;
  bool echo = false;
  std::unique_ptr<UdpSocket>* victim = nullptr;
};

class Sockets : public ::testing::Test {
 protected:
  MailRoom room{1};
  EpollReactor reactor{room};
};

class SocketsOfFamily : public Sockets, public ::testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(Families, SocketsOfFamily, ::testing::Values("127.0.0.1:0", "[::1]:0"));

TEST_P(SocketsOfFamily, DatagramsComeBack) {
  Inbox a, b;
  SocketOptions options;
  options.dscp = 46;
  options.receive_buffer = 100'000;
  auto opened = reactor.open_udp(endpoint(GetParam()), options, a);
  ASSERT_TRUE(opened) << opened.error().what;
  auto sa = std::move(*opened);
  auto sb = *reactor.open_udp(endpoint(GetParam()), {}, b);
  b.echo = true;
  for (int i = 0; i < 40; ++i) sa->send(sb->local(), to_bytes("packet " + std::to_string(i)));
  sa->send(sb->local(), {});
  EXPECT_TRUE(turn_until(reactor, [&] { return a.got.size() == 41; }));
  EXPECT_EQ(a.got.front(), "packet 0");
  EXPECT_EQ(a.got.back(), "");
  EXPECT_EQ(reactor.stats().datagrams_in, 82U);
}

TEST_P(SocketsOfFamily, WhatATurnSendsIsGatheredAndLeavesInOrder) {
  Inbox in, far;
  SocketOptions gathers;
  gathers.gather = true;
  auto s = *reactor.open_udp(endpoint(GetParam()), gathers, in);
  SocketOptions hears;
  hears.receive_buffer = 1 << 20;
  auto to = *reactor.open_udp(endpoint(GetParam()), hears, far);
  std::vector<std::string> sent;
  // More than one batch by number and by size, with one that no datagram can hold among them.
  for (int i = 0; i < 100; ++i) {
    sent.push_back(std::to_string(i) + std::string(i % 25 == 0 ? 20'000 : 10, 'x'));
    s->send(to->local(), to_bytes(sent.back()));
    if (i == 50) s->send(to->local(), to_bytes(std::string(70'000, 'y')));
  }
  sent.emplace_back();
  s->send(to->local(), {});
  ASSERT_TRUE(turn_until(reactor, [&] { return far.got.size() >= sent.size(); }));
  EXPECT_EQ(far.got, sent);
  EXPECT_EQ(reactor.stats().datagrams_out, 102U);
  EXPECT_EQ(reactor.stats().datagrams_dropped, 1U);
  s->send(to->local(), to_bytes("the last word"));
  s.reset();  // says what it still had to say
  ASSERT_TRUE(turn_until(reactor, [&] { return far.got.size() > sent.size(); }));
  EXPECT_EQ(far.got.back(), "the last word");
}

TEST_P(SocketsOfFamily, AnAnswerFromWithinATurnLeavesWithThatTurn) {
  Inbox in;
  SocketOptions gathers;
  gathers.gather = true;
  auto s = *reactor.open_udp(endpoint(GetParam()), gathers, in);
  in.echo = true;
  auto peer = *open_socket(SOCK_DGRAM, endpoint(GetParam()), {});
  sockaddr_storage to{};
  const socklen_t length = to_sockaddr(s->local(), to);
  ASSERT_EQ(sendto(peer.get(), "ask", 3, 0, reinterpret_cast<const sockaddr*>(&to), length), 3);
  while (in.got.empty()) reactor.turn(Millis{50});
  std::array<char, 16> answer{};
  EXPECT_EQ(recv(peer.get(), answer.data(), answer.size(), MSG_DONTWAIT), 3);
}

// What an OutgoingBatch sends, as a socket sees it that takes what came in one piece as it came.
class InPieces {
 public:
  explicit InPieces(const char* address)
      : in_(*open_socket(SOCK_DGRAM, endpoint(address), {})),
        out_(*open_socket(SOCK_DGRAM, endpoint(address), {})) {
    const int on = 1;
    whole_ = setsockopt(in_.get(), SOL_UDP, UDP_GRO, &on, sizeof on) == 0;
  }
  int out() const { return out_.get(); }
  bool whole() const { return whole_; }
  Endpoint at() const { return local_endpoint(in_.get()); }
  std::vector<std::string> take() {
    std::vector<std::string> all;
    std::array<char, 4'096> room{};
    for (ssize_t n = 0; (n = recv(in_.get(), room.data(), room.size(), MSG_DONTWAIT)) >= 0;)
      all.emplace_back(room.data(), static_cast<std::size_t>(n));
    return all;
  }

 private:
  FileDescriptor in_, out_;
  bool whole_ = false;
};

TEST_P(SocketsOfFamily, NeighboursOfOneSizeToOnePeerGoInOnePiece) {
  InPieces pair(GetParam()), other(GetParam());
  OutgoingBatch batch(pair.out());
  if (!pair.whole() || !batch.in_pieces()) GTEST_SKIP() << "this kernel has no UDP_SEGMENT";
  for (const char* text : {"one", "two", "six", "three", "seven"})
    batch.add(pair.at(), to_bytes(text));
  batch.add(other.at(), to_bytes("eight"));
  batch.add(pair.at(), to_bytes("forty"));
  EXPECT_EQ(batch.send(), 0U);
  EXPECT_THAT(pair.take(), ElementsAre("onetwosix", "threeseven", "forty"));
  EXPECT_THAT(other.take(), ElementsAre("eight"));
  EXPECT_TRUE(batch.empty());
}

TEST_F(Sockets, WhatIsTooLargeForOnePieceGoesOneByOne) {
  std::thread([] {  // in a network of its own, whose packets are small
    if (unshare(CLONE_NEWNET) != 0)
      GTEST_SKIP() << "no network namespace can be made here: " << std::strerror(errno);
    const FileDescriptor s(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq lo{};
    std::strcpy(lo.ifr_name, "lo");
    lo.ifr_mtu = 576;
    ASSERT_EQ(ioctl(s.get(), SIOCSIFMTU, &lo), 0);
    lo.ifr_flags = IFF_UP | IFF_RUNNING;
    ASSERT_EQ(ioctl(s.get(), SIOCSIFFLAGS, &lo), 0);
    InPieces pair("127.0.0.1:0");
    OutgoingBatch batch(pair.out());
    const std::vector<std::string> sent{std::string(700, 'a'), std::string(700, 'b'),
                                        std::string(700, 'c'), "d", "e"};
    for (int i = 0; i < 20; ++i) {
      for (const auto& text : sent) batch.add(pair.at(), to_bytes(text));
      EXPECT_EQ(batch.send(), 0U);
      auto got = pair.take();
      if (!got.empty() && got.back() == "de") {  // small enough, while it was tried
        got.back() = "d";
        got.emplace_back("e");
      }
      EXPECT_EQ(got, sent) << i;
    }
  })
      .join();
}

TEST_P(SocketsOfFamily, AConnectedSocketHearsItsRemoteAloneAndMayMove) {
  Inbox in, none;
  auto s = *reactor.open_udp(endpoint(GetParam()), {}, in);
  if (GetParam()[0] == '1') {  // one family with a port of the kernel's choice, one with ours
    const Endpoint chosen = s->local();
    s.reset();
    s = *reactor.open_udp(chosen, {}, in);
  }
  auto one = *reactor.open_udp(endpoint(GetParam()), {}, none);
  auto two = *reactor.open_udp(endpoint(GetParam()), {}, none);
  two->send(s->local(), to_bytes("before"));  // in the queue when connect() happens
  s->connect(one->local());
  two->send(s->local(), to_bytes("stranger"));
  one->send(s->local(), to_bytes("friend"));
  EXPECT_TRUE(turn_until(reactor, [&] { return !in.got.empty(); }));
  EXPECT_THAT(in.got, ElementsAre("friend"));
  s->send(one->local(), to_bytes("to the friend"));
  s->send(two->local(), to_bytes("to another"));
  EXPECT_TRUE(turn_until(reactor, [&] { return none.got.size() == 2; }));
  s->connect(Endpoint{});
  two->send(s->local(), to_bytes("welcome"));
  EXPECT_TRUE(turn_until(reactor, [&] { return in.got.size() == 2; }));
  EXPECT_EQ(in.got.back(), "welcome");
}

TEST_P(SocketsOfFamily, AStreamCarriesMegabytesBothWays) {
  Peer server, client;
  server.acceptor = *reactor.listen(endpoint(GetParam()), {}, nullptr, server);
  server.echo = true;
  client.stream =
      *reactor.connect(endpoint(GetParam()), server.acceptor->local(), {}, nullptr, client);
  std::string sent;
  client.stream->write("early ");
  sent = "early ";
  ASSERT_TRUE(turn_until(reactor, [&] { return client.connected && server.connected; }));
  EXPECT_EQ(server.stream->remote(), client.stream->local());
  for (int i = 0; i < 40; ++i) {
    const std::string block(100'000 + i, static_cast<char>('a' + i % 26));
    sent += block;
    client.stream->write(block);
    ASSERT_TRUE(turn_until(reactor, [&] { return client.got.size() == sent.size(); }));
  }
  EXPECT_EQ(server.got, sent);
  EXPECT_EQ(client.got, sent);
}

TEST_F(Sockets, ATakenPortSaysSo) {
  Inbox in;
  auto s = *reactor.open_udp(endpoint("127.0.0.1:0"), {}, in);
  const auto again = reactor.open_udp(s->local(), {}, in);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kIo);
  EXPECT_THAT(again.error().what, HasSubstr("address already in use"));
}

TEST_F(Sockets, ASocketMayDieInItsOwnCallback) {
  Inbox in, none;
  auto s = *reactor.open_udp(endpoint("127.0.0.1:0"), {}, in);
  auto from = *reactor.open_udp(endpoint("127.0.0.1:0"), {}, none);
  in.victim = &s;
  for (int i = 0; i < 5; ++i) from->send(s->local(), to_bytes("x"));
  EXPECT_TRUE(turn_until(reactor, [&] { return !in.got.empty(); }));
  EXPECT_EQ(in.got.size(), 1U);
}

TEST_F(Sockets, SendingWhereNobodyListensDoesNotLoseTheNextDatagram) {
  Inbox in, none;
  auto gone = *reactor.open_udp(endpoint("127.0.0.1:0"), {}, none);
  const Endpoint address = gone->local();
  gone.reset();
  const Endpoint own = (*reactor.open_udp(endpoint("127.0.0.1:0"), {}, none))->local();
  auto s = *reactor.open_udp(own, {}, none);
  s->connect(address);
  s->send(address, to_bytes("lost"));
  auto back = *reactor.open_udp(address, {}, in);
  s->send(address, to_bytes("found"));
  EXPECT_TRUE(turn_until(reactor, [&] { return !in.got.empty(); }));
  EXPECT_THAT(in.got, ElementsAre("found"));
}

TEST_F(Sockets, ConnectingToAClosedPortIsRefused) {
  Peer server, client;
  server.acceptor = *reactor.listen(endpoint("127.0.0.1:0"), {}, nullptr, server);
  const Endpoint address = server.acceptor->local();
  server.acceptor.reset();
  auto opened = reactor.connect(endpoint("127.0.0.1:0"), address, {}, nullptr, client);
  ASSERT_TRUE(opened);
  client.stream = std::move(*opened);
  EXPECT_TRUE(client.closed.empty());
  ASSERT_TRUE(turn_until(reactor, [&] { return !client.closed.empty(); }));
  EXPECT_EQ(client.closed[0].code, ErrorCode::kIo);
  EXPECT_THAT(client.closed[0].what, HasSubstr("connection refused"));
}

TEST_F(Sockets, ClosingGracefullyDeliversEverything) {
  Peer server, client;
  server.acceptor = *reactor.listen(endpoint("127.0.0.1:0"), {}, nullptr, server);
  client.stream =
      *reactor.connect(endpoint("127.0.0.1:0"), server.acceptor->local(), {}, nullptr, client);
  ASSERT_TRUE(turn_until(reactor, [&] { return client.connected && server.connected; }));
  client.stream->write(std::string(500'000, 'x'));
  client.stream->close_gracefully();
  client.stream.reset();
  ASSERT_TRUE(turn_until(reactor, [&] { return !server.closed.empty(); }));
  EXPECT_EQ(server.got.size(), 500'000U);
  EXPECT_EQ(server.closed[0].what, "closed by peer");
  EXPECT_TRUE(client.closed.empty());
}

TEST_F(Sockets, WhoHasFinishedWritingStillReads) {
  Peer server, client;
  server.acceptor = *reactor.listen(endpoint("127.0.0.1:0"), {}, nullptr, server);
  client.stream =
      *reactor.connect(endpoint("127.0.0.1:0"), server.acceptor->local(), {}, nullptr, client);
  ASSERT_TRUE(turn_until(reactor, [&] { return client.connected && server.connected; }));
  client.stream->write("crosses");
  server.stream->write("last");
  server.stream->finish_writing();
  server.stream->write("too late");
  ASSERT_TRUE(turn_until(reactor, [&] { return !client.closed.empty() && !server.got.empty(); }));
  EXPECT_EQ(client.got, "last");
  EXPECT_EQ(client.closed[0].what, "closed by peer");
  EXPECT_EQ(server.got, "crosses");
  EXPECT_TRUE(server.closed.empty());
  client.stream.reset();
  ASSERT_TRUE(turn_until(reactor, [&] { return !server.closed.empty(); }));
  EXPECT_EQ(server.closed[0].what, "closed by peer");
}

TEST_F(Sockets, AFarSideThatNeverReadsFillsTheQueue) {
  Peer server, client;
  server.acceptor = *reactor.listen(endpoint("127.0.0.1:0"), {}, nullptr, server);
  client.stream =
      *reactor.connect(endpoint("127.0.0.1:0"), server.acceptor->local(), {}, nullptr, client);
  ASSERT_TRUE(turn_until(reactor, [&] { return client.connected && server.connected; }));
  server.stream->pause_reading(true);
  ASSERT_TRUE(turn_until(reactor, [&] {
    if (client.stream) client.stream->write(std::string(100'000, 'x'));
    return !client.closed.empty();
  }));
  EXPECT_EQ(client.closed[0].code, ErrorCode::kTooLarge);
  server.stream->pause_reading(false);
  EXPECT_TRUE(turn_until(reactor, [&] { return !server.closed.empty(); }));
}

TEST_F(Sockets, AStreamMayBeRefusedAndMayDieInItsOwnCallback) {
  Peer server, client;
  server.refuse = true;
  server.acceptor = *reactor.listen(endpoint("127.0.0.1:0"), {}, nullptr, server);
  client.stream =
      *reactor.connect(endpoint("127.0.0.1:0"), server.acceptor->local(), {}, nullptr, client);
  ASSERT_TRUE(turn_until(reactor, [&] { return !client.closed.empty(); }));
  server.refuse = false;
  server.destroy_on_bytes = true;
  client.stream =
      *reactor.connect(endpoint("127.0.0.1:0"), server.acceptor->local(), {}, nullptr, client);
  client.stream->write("die");
  ASSERT_TRUE(turn_until(reactor, [&] { return client.closed.size() == 2; }));
  EXPECT_EQ(server.got, "die");
}

TEST_F(Sockets, TimersFireAndStallsAreCounted) {
  struct Slow final : TimerTarget {
    void on_timer(std::uint64_t, Instant now) override {
      fired = true;
      timespec t{};
      do clock_gettime(CLOCK_MONOTONIC, &t);
      while (Seconds{t.tv_sec} + Micros{t.tv_nsec / 1000} < now.time_since_epoch() + Millis{60});
    }
    bool fired = false;
  } slow;
  reactor.timers().schedule(reactor.now() + Millis{5}, slow, 0);
  ASSERT_TRUE(turn_until(reactor, [&] { return slow.fired; }));
  EXPECT_EQ(reactor.stats().stalls, 1U);
  EXPECT_GE(reactor.stats().longest_turn, Millis{50});
}

TEST_F(Sockets, MediaPortsLeaveTheLastDescriptorsToOthers) {
  Inbox in;
  SocketOptions media;
  media.leave_reserve = true;
  auto first = *reactor.open_udp(endpoint("127.0.0.1:0"), media, in);
  const int next = open("/dev/null", O_RDONLY);  // the lowest number that is free
  ASSERT_GE(next, 0);
  close(next);
  reserve_descriptors_from(next + 1);
  auto last = reactor.open_udp(endpoint("127.0.0.1:0"), media, in);
  auto none = reactor.open_udp(endpoint("127.0.0.1:0"), media, in);
  auto listener = reactor.open_udp(endpoint("127.0.0.1:0"), {}, in);
  reserve_descriptors_from(std::numeric_limits<int>::max());
  EXPECT_TRUE(last);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(none.error().what.find("LimitNOFILE"), std::string::npos) << none.error().what;
  EXPECT_TRUE(listener);
}

TEST(FileLimit, ASixteenthOfItIsKept) {
  EXPECT_EQ(reserved_of(1'024), 64);
  EXPECT_EQ(reserved_of(8'192), 512);
  EXPECT_EQ(reserved_of(100), 25);
  EXPECT_EQ(reserved_of(1'048'576), 1'024);
}

TEST(FileLimit, IsRaisedToTheHardOne) {
  const auto limit = raise_file_limit();
  ASSERT_TRUE(limit);
  EXPECT_GE(*limit, 1024U);
}

}  // namespace
}  // namespace causeway::reactor
