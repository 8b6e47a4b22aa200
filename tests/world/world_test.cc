#include "world/world.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "reactor/tls_context.h"
#include "world/sim_reactor.h"

namespace causeway::world {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Endpoint ep(const char* text) { return *Endpoint::parse(text); }
IpAddress ip(const char* text) { return *IpAddress::parse(text); }
std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }
std::string text(std::span<const std::byte> data) {
  return {reinterpret_cast<const char*>(data.data()), data.size()};
}

struct Inbox final : reactor::UdpListener {
  void on_datagram(reactor::UdpSocket& socket, const Endpoint& from, std::span<std::byte> data,
                   Instant received) override {
    got.push_back(text(data));
    times.push_back(received);
    senders.push_back(from);
    if (echo) socket.send(from, data);
  }
  std::vector<std::string> got;
  std::vector<Instant> times;
  std::vector<Endpoint> senders;
  bool echo = false;
};

struct Peer final : reactor::StreamListener, reactor::AcceptListener {
  void on_connected(reactor::Stream&) override { connected = true; }
  void on_bytes(reactor::Stream& s, std::span<const std::byte> data) override {
    got += text(data);
    ++reads;
    if (echo) s.write(text(data));
  }
  void on_closed(reactor::Stream& s, const Error& reason) override {
    closed.push_back(reason);
    if (stream.get() == &s) stream.reset();
  }
  reactor::StreamListener* on_accepted(std::unique_ptr<reactor::Stream> s) override {
    stream = std::move(s);
    connected = true;
    return refuse ? nullptr : this;
  }
  void on_refused(const Endpoint&, const Error& reason) override { refused.push_back(reason); }
  std::unique_ptr<reactor::Stream> stream;
  std::unique_ptr<reactor::Acceptor> acceptor;
  bool connected = false, echo = false, refuse = false;
  std::string got;
  int reads = 0;
  std::vector<Error> closed, refused;
};

struct Letter final : reactor::MailBase {
  explicit Letter(int n) : number(n) {}
  int number;
};
struct Mailbox final : reactor::MailHandler {
  void on_mail(ShardId from, reactor::Mail mail) override {
    got.emplace_back(from.value, static_cast<Letter&>(*mail).number);
  }
  std::vector<std::pair<int, int>> got;
};

// --- datagrams ---------------------------------------------------------------------------------

TEST(World, ADatagramTakesTheLatencyOfItsLink) {
  World w(1);
  Inbox a, b;
  auto sa = *w.shard(0).open_udp(ep("10.0.0.1:5060"), {}, a);
  auto sb = *w.host("peer").open_udp(ep("10.0.0.2:5060"), {}, b);
  const Instant start = w.now();
  Link slow;
  slow.latency = Millis{30};
  w.network().set_link(ip("10.0.0.2"), ip("10.0.0.1"), slow);
  b.echo = true;
  sa->send(sb->local(), bytes("hello"));
  w.run_for(Seconds{1});
  ASSERT_THAT(b.got, ElementsAre("hello"));
  EXPECT_EQ(b.times[0] - start, Millis{1});
  ASSERT_THAT(a.got, ElementsAre("hello"));
  EXPECT_EQ(a.times[0] - start, Millis{31});
  EXPECT_EQ(w.now() - start, Seconds{1});
}

TEST(World, AnAddressIsTakenOnce) {
  World w(1, 2);
  Inbox in;
  reactor::SocketOptions shared;
  shared.reuse_port = true;
  auto one = w.shard(0).open_udp(ep("10.0.0.1:5060"), {}, in);
  ASSERT_TRUE(one);
  const auto two = w.shard(1).open_udp(ep("10.0.0.1:5060"), shared, in);
  ASSERT_FALSE(two);
  EXPECT_EQ(two.error().code, ErrorCode::kIo);
  EXPECT_THAT(two.error().what, HasSubstr("address already in use"));
  one->reset();
  EXPECT_TRUE(w.shard(1).open_udp(ep("10.0.0.1:5060"), shared, in));
}

TEST(World, ReusePortKeepsOneSenderOnOneShard) {
  World w(1, 3);
  Inbox in[3];
  reactor::SocketOptions shared;
  shared.reuse_port = true;
  std::vector<std::unique_ptr<reactor::UdpSocket>> sockets;
  for (int i = 0; i < 3; ++i)
    sockets.push_back(*w.shard(i).open_udp(ep("10.0.0.1:5060"), shared, in[i]));
  Inbox none;
  for (int i = 0; i < 60; ++i) {
    auto s = *w.host("peer").open_udp(ep("10.0.0.2:0"), {}, none);
    s->send(ep("10.0.0.1:5060"), bytes("1"));
    s->send(ep("10.0.0.1:5060"), bytes("2"));
    sockets.push_back(std::move(s));
  }
  w.run_for(Millis{10});
  for (auto& inbox : in) {
    EXPECT_GT(inbox.got.size(), 10U);
    std::map<std::uint16_t, int> per_port;
    for (auto& s : inbox.senders) ++per_port[s.port];
    for (auto& [port, n] : per_port) EXPECT_EQ(n, 2) << port;
  }
}

TEST(World, AConnectedSocketHearsItsRemoteAlone) {
  World w(1);
  Inbox in, none;
  auto s = *w.shard(0).open_udp(ep("10.0.0.1:4000"), {}, in);
  auto friend_ = *w.host("peer").open_udp(ep("10.0.0.2:1"), {}, none);
  auto stranger = *w.host("peer").open_udp(ep("10.0.0.3:1"), {}, none);
  s->connect(friend_->local());
  friend_->send(s->local(), bytes("yes"));
  stranger->send(s->local(), bytes("no"));
  w.run_for(Millis{5});
  EXPECT_THAT(in.got, ElementsAre("yes"));
  s->connect({});
  stranger->send(s->local(), bytes("now"));
  w.run_for(Millis{5});
  EXPECT_THAT(in.got, ElementsAre("yes", "now"));
}

TEST(World, LossDuplicationReorderingAndPartition) {
  World w(7);
  Inbox in, none;
  auto to = *w.shard(0).open_udp(ep("10.0.0.1:4000"), {}, in);
  auto from = *w.host("peer").open_udp(ep("10.0.0.2:1"), {}, none);
  const auto send = [&](int n) {
    in.got.clear();
    for (int i = 0; i < n; ++i) {
      from->send(to->local(), bytes(std::to_string(10'000 + i)));
      w.run_for(Millis{1});
    }
    w.run_for(Seconds{1});
  };
  Link link;
  link.loss = 0.2;
  w.network().set_default(link);
  send(1000);
  EXPECT_NEAR(static_cast<double>(in.got.size()), 800, 60);
  link = {};
  link.duplicate = 0.1;
  w.network().set_default(link);
  send(1000);
  EXPECT_NEAR(static_cast<double>(in.got.size()), 1100, 40);
  link = {};
  link.reorder = 0.1;
  w.network().set_default(link);
  send(1000);
  EXPECT_EQ(in.got.size(), 1000U);
  EXPECT_FALSE(std::is_sorted(in.got.begin(), in.got.end()));
  w.network().set_default({});
  w.network().partition(ip("10.0.0.1"), ip("10.0.0.2"));
  send(10);
  EXPECT_EQ(in.got.size(), 0U);
  w.network().heal(ip("10.0.0.1"), ip("10.0.0.2"));
  send(10);
  EXPECT_EQ(in.got.size(), 10U);
}

TEST(World, ASocketMayDieInItsOwnCallback) {
  World w(1);
  struct Suicidal final : reactor::UdpListener {
    void on_datagram(reactor::UdpSocket&, const Endpoint&, std::span<std::byte>, Instant) override {
      ++count;
      socket.reset();
    }
    std::unique_ptr<reactor::UdpSocket> socket;
    int count = 0;
  } victim;
  Inbox none;
  victim.socket = *w.shard(0).open_udp(ep("10.0.0.1:4000"), {}, victim);
  auto from = *w.host("peer").open_udp(ep("10.0.0.2:1"), {}, none);
  for (int i = 0; i < 3; ++i) from->send(ep("10.0.0.1:4000"), bytes("x"));
  w.run_for(Millis{5});
  EXPECT_EQ(victim.count, 1);
  EXPECT_EQ(w.network().counters().datagrams_without_socket, 2U);
}

// --- streams -----------------------------------------------------------------------------------

class WorldStreams : public ::testing::Test {
 protected:
  void listen(std::shared_ptr<const reactor::TlsContext> tls = nullptr) {
    server.acceptor = *w.host("server").listen(ep("10.0.0.9:5061"), {}, std::move(tls), server);
  }
  void connect(const reactor::TlsClient* tls = nullptr) {
    client.stream = *w.shard(0).connect(ep("10.0.0.1:0"), ep("10.0.0.9:5061"), {}, tls, client);
  }
  World w{3};
  Peer server, client;
};

TEST_F(WorldStreams, BytesArriveInOrderHoweverTheyAreCut) {
  listen();
  connect();
  server.echo = true;
  std::string sent;
  for (int i = 0; i < 200; ++i) {
    const std::string piece = "message " + std::to_string(i) + "\r\n";
    sent += piece;
    client.stream->write(piece);
    if (i % 7 == 0) w.run_for(Micros{300});
  }
  w.run_for(Seconds{1});
  EXPECT_TRUE(client.connected);
  EXPECT_EQ(server.got, sent);
  EXPECT_EQ(client.got, sent);
  EXPECT_GT(server.reads, 20);
}

TEST_F(WorldStreams, NobodyListens) {
  connect();
  w.run_for(Seconds{1});
  ASSERT_EQ(client.closed.size(), 1U);
  EXPECT_EQ(client.closed[0].code, ErrorCode::kIo);
  EXPECT_EQ(client.closed[0].what, "connection refused");
}

TEST_F(WorldStreams, ABlackHoleIsSilentForTwoMinutes) {
  listen();
  w.network().isolate(ip("10.0.0.9"));
  connect();
  w.run_for(Seconds{100});
  EXPECT_TRUE(client.closed.empty());
  w.run_for(Seconds{60});
  ASSERT_EQ(client.closed.size(), 1U);
  EXPECT_EQ(client.closed[0].code, ErrorCode::kTimeout);
}

TEST_F(WorldStreams, AShortPartitionDelaysAndALongOneKills) {
  listen();
  connect();
  w.run_for(Seconds{1});
  w.network().partition(ip("10.0.0.1"), ip("10.0.0.9"));
  client.stream->write("late");
  w.run_for(Seconds{10});
  EXPECT_EQ(server.got, "");
  w.network().heal_all();
  w.run_for(Seconds{3});
  EXPECT_EQ(server.got, "late");
  w.network().partition(ip("10.0.0.1"), ip("10.0.0.9"));
  client.stream->write("lost");
  w.run_for(Seconds{40});
  ASSERT_EQ(client.closed.size(), 1U);
  EXPECT_EQ(client.closed[0].code, ErrorCode::kTimeout);
  EXPECT_TRUE(server.closed.empty());  // half-open
  w.network().heal_all();
  server.stream->write("anyone?");
  w.run_for(Seconds{1});
  ASSERT_EQ(server.closed.size(), 1U);
  EXPECT_EQ(server.closed[0].what, "connection reset by peer");
}

TEST_F(WorldStreams, ClosingGracefullyDeliversAndDestroyingDoesNot) {
  listen();
  connect();
  w.run_for(Seconds{1});
  client.stream->write("goodbye");
  client.stream->close_gracefully();
  client.stream.reset();
  w.run_for(Seconds{1});
  EXPECT_EQ(server.got, "goodbye");
  ASSERT_EQ(server.closed.size(), 1U);
  EXPECT_EQ(server.closed[0].what, "closed by peer");
  EXPECT_TRUE(client.closed.empty());
  server.got.clear();
  connect();
  w.run_for(Seconds{1});
  client.stream->write("never");
  client.stream.reset();
  w.run_for(Seconds{1});
  EXPECT_EQ(server.got, "");
  EXPECT_EQ(server.closed.size(), 2U);
}

TEST_F(WorldStreams, AFarSideThatNeverReadsFillsTheQueue) {
  listen();
  connect();
  w.run_for(Seconds{1});
  server.stream->pause_reading(true);
  const std::string block(100'000, 'x');
  for (int i = 0; i < 11; ++i) {
    client.stream->write(block);
    w.run_for(Millis{10});
    if (!client.stream) break;
  }
  ASSERT_EQ(client.closed.size(), 1U);
  EXPECT_EQ(client.closed[0].code, ErrorCode::kTooLarge);
}

TEST_F(WorldStreams, AResetReachesBothEnds) {
  listen();
  connect();
  w.run_for(Seconds{1});
  w.reset_streams(ip("10.0.0.1"), ip("10.0.0.9"));
  EXPECT_TRUE(client.closed.empty());
  w.run_for(Millis{1});
  EXPECT_EQ(client.closed.size(), 1U);
  EXPECT_EQ(server.closed.size(), 1U);
}

TEST_F(WorldStreams, AnAcceptorMayRefuse) {
  listen();
  server.refuse = true;
  connect();
  w.run_for(Seconds{1});
  ASSERT_EQ(client.closed.size(), 1U);
  EXPECT_EQ(client.closed[0].what, "connection reset by peer");
}

TEST_F(WorldStreams, MutualTlsTellsEachTheNamesOfTheOther) {
  listen(reactor::TlsContext::simulated({"sip.example", "*.pool.example"}));
  const reactor::TlsClient tls{reactor::TlsContext::simulated({"sbc.example"}), "a.pool.example"};
  connect(&tls);
  w.run_for(Seconds{1});
  ASSERT_TRUE(client.connected);
  EXPECT_THAT(client.stream->tls().names, ElementsAre("sip.example", "*.pool.example"));
  EXPECT_TRUE(client.stream->tls().verified);
  ASSERT_TRUE(server.connected);
  EXPECT_THAT(server.stream->tls().names, ElementsAre("sbc.example"));
  EXPECT_EQ(server.stream->tls().sni, "a.pool.example");
}

TEST_F(WorldStreams, AWrongServerNameIsToldWithBothNames) {
  listen(reactor::TlsContext::simulated({"other.example"}));
  const reactor::TlsClient tls{reactor::TlsContext::simulated({"sbc.example"}), "sip.example"};
  connect(&tls);
  w.run_for(Seconds{1});
  EXPECT_FALSE(client.connected);
  ASSERT_EQ(client.closed.size(), 1U);
  EXPECT_EQ(client.closed[0].code, ErrorCode::kTls);
  EXPECT_THAT(client.closed[0].what, HasSubstr("expected sip.example, found other.example"));
  ASSERT_EQ(server.refused.size(), 1U);
  EXPECT_EQ(server.refused[0].code, ErrorCode::kTls);
}

TEST_F(WorldStreams, AnUntrustedClientIsRefusedAfterItBelievesToBeConnected) {
  listen(reactor::TlsContext::simulated({"sip.example"}));
  reactor::SimulatedIdentity stranger;
  stranger.names = {"evil.example"};
  stranger.issuer = "another root";
  const reactor::TlsClient tls{reactor::TlsContext::simulated(stranger), "sip.example"};
  connect(&tls);
  w.run_for(Seconds{1});
  EXPECT_TRUE(client.connected);  // TLS 1.3: the client is done first
  ASSERT_EQ(server.refused.size(), 1U);
  EXPECT_THAT(server.refused[0].what, HasSubstr("evil.example"));
  EXPECT_THAT(server.refused[0].what, HasSubstr("another root"));
  ASSERT_EQ(client.closed.size(), 1U);
  EXPECT_EQ(client.closed[0].code, ErrorCode::kTls);
}

TEST_F(WorldStreams, PlainTextForATlsServerIsRefused) {
  listen(reactor::TlsContext::simulated({"sip.example"}));
  connect();
  client.stream->write("OPTIONS sip:x SIP/2.0\r\n");
  w.run_for(Seconds{1});
  ASSERT_EQ(server.refused.size(), 1U);
  EXPECT_EQ(client.closed.size(), 1U);
}

TEST_F(WorldStreams, AHandshakeThatStallsIsRefusedAfterTenSeconds) {
  listen(reactor::TlsContext::simulated({"sip.example"}));
  connect();
  w.run_for(Seconds{9});
  EXPECT_TRUE(server.refused.empty());
  w.run_for(Seconds{2});
  ASSERT_EQ(server.refused.size(), 1U);
}

// --- mail, timers, determinism -----------------------------------------------------------------

TEST(World, MailArrivesInOrderAndAFullMailboxLeavesItWithTheSender) {
  World w(5, 3);
  Mailbox box;
  w.shard(2).set_mail_handler(&box);
  w.set_mailbox_capacity(10);
  for (int i = 0; i < 10; ++i) {
    reactor::Mail mail = std::make_unique<Letter>(i);
    EXPECT_TRUE(w.shard(i % 3).post(ShardId{2}, mail));
    EXPECT_FALSE(mail);
  }
  reactor::Mail extra = std::make_unique<Letter>(10);
  EXPECT_FALSE(w.shard(0).post(ShardId{2}, extra));
  EXPECT_TRUE(extra);
  w.run_for(Millis{1});
  ASSERT_EQ(box.got.size(), 10U);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(box.got[static_cast<std::size_t>(i)], std::pair(i % 3, i));
  EXPECT_TRUE(w.shard(0).post(ShardId{2}, extra));
  w.set_mailbox_full(ShardId{2}, true);
  extra = std::make_unique<Letter>(11);
  EXPECT_FALSE(w.shard(0).post(ShardId{2}, extra));
}

// Three shards and two hosts that talk all the time, over a bad network.
struct Chatter final : reactor::UdpListener, reactor::TimerTarget {
  Chatter(SimReactor& r, const char* local) : reactor(r) {
    socket = *r.open_udp(ep(local), {}, *this);
    r.timers().schedule(r.now() + Millis{1}, *this, 0);
  }
  void on_timer(std::uint64_t, Instant now) override {
    const std::uint64_t word = reactor.random().u64();
    for (const Endpoint& to : others) socket->send(to, std::as_bytes(std::span(&word, 1)));
    reactor.timers().schedule(now + Micros{500 + static_cast<std::int64_t>(word % 3000)}, *this, 0);
  }
  void on_datagram(reactor::UdpSocket&, const Endpoint&, std::span<std::byte>, Instant) override {
    ++heard;
  }
  SimReactor& reactor;
  std::unique_ptr<reactor::UdpSocket> socket;
  std::vector<Endpoint> others;
  int heard = 0;
};

std::pair<std::uint64_t, std::uint64_t> chat(std::uint64_t seed, double loss, Micros duration) {
  World w(seed, 3);
  Link link;
  link.loss = loss;
  link.duplicate = loss;
  link.jitter = Millis{3};
  w.network().set_default(link);
  Chatter a(w.shard(0), "10.0.0.1:1"), b(w.shard(1), "10.0.0.2:1"), c(w.shard(2), "10.0.0.3:1"),
      d(w.host("d"), "10.0.0.4:1"), e(w.host("e"), "10.0.0.5:1");
  for (Chatter* x : {&a, &b, &c, &d, &e})
    for (Chatter* y : {&a, &b, &c, &d, &e})
      if (x != y) x->others.push_back(y->socket->local());
  w.run_for(duration);
  EXPECT_GT(a.heard, 0);
  return {w.digest(), w.events()};
}

TEST(World, TheSameSeedGivesTheSameEventsAndAnotherSeedOthers) {
  std::set<std::uint64_t> digests;
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    const auto first = chat(seed, 0.1, Seconds{2});
    EXPECT_EQ(first, chat(seed, 0.1, Seconds{2}));
    digests.insert(first.first);
  }
  EXPECT_EQ(digests.size(), 8U);
}

TEST(World, TimersWorkAfterALongSilence) {
  World w(1);
  struct Count final : reactor::TimerTarget {
    void on_timer(std::uint64_t, Instant now) override { at = now; }
    Instant at{};
  } count;
  for (int i = 0; i < 50; ++i) {
    w.run_for(Micros{977'777'777});
    const Instant due = w.now() + Millis{5};
    w.shard(0).timers().schedule(due, count, 0);
    w.run_for(Millis{7});
    ASSERT_GE(count.at, due);
    ASSERT_LT(count.at, due + Millis{1});
  }
}

TEST(World, RunUntilStopsAtTheEventOrAtTheLimit) {
  World w(1);
  bool done = false;
  const Instant start = w.now();
  w.after(Seconds{3}, [&] { done = true; });
  EXPECT_TRUE(w.run_until([&] { return done; }, Seconds{10}));
  EXPECT_EQ(w.now() - start, Seconds{3});
  EXPECT_FALSE(w.run_until([] { return false; }, Seconds{10}));
  EXPECT_EQ(w.now() - start, Seconds{13});
}

}  // namespace
}  // namespace causeway::world
