// The connections of a shard against peers that close, dribble, fall silent or never read.
#include "transport/connection_table.h"

#include <gtest/gtest.h>

#include <deque>
#include <set>

#include "reactor/tls_context.h"
#include "support/proves.h"
#include "world/sim_reactor.h"
#include "world/world.h"

namespace causeway::transport {
namespace {

constexpr deployment::ListenerIndex kListener{0};

std::string options(int n) {
  return "OPTIONS sip:a@h SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK" + std::to_string(n) +
         "\r\nContent-Length: 0\r\n\r\n";
}
const std::string kOk = "SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n";
const std::string kTrying = "SIP/2.0 100 Trying\r\nContent-Length: 0\r\n\r\n";

// The far side: every connection that it accepted or opened, with what came on it.
struct Far final : reactor::StreamListener, reactor::AcceptListener {
  struct Conn {
    std::unique_ptr<reactor::Stream> stream;
    std::string got;
    bool closed = false;
  };
  void on_connected(reactor::Stream&) override {}
  void on_bytes(reactor::Stream& s, std::span<const std::byte> data) override {
    const std::string_view text(reinterpret_cast<const char*>(data.data()), data.size());
    of(s).got.append(text);
    if (text.find_first_not_of("\r\n") != std::string_view::npos)
      line_ends = 0;
    else if (line_ends += text.size(); line_ends == 4 && pong)
      s.write("\r\n");
    line_ends %= 4;
  }
  void on_closed(reactor::Stream& s, const Error&) override { of(s).closed = true; }
  reactor::StreamListener* on_accepted(std::unique_ptr<reactor::Stream> s) override {
    conns.push_back({std::move(s), {}, false});
    return this;
  }
  void on_refused(const Endpoint&, const Error&) override {}
  Conn& of(reactor::Stream& s) {
    for (auto& c : conns)
      if (c.stream.get() == &s) return c;
    throw std::runtime_error("not a connection of ours");
  }
  std::deque<Conn> conns;
  std::unique_ptr<reactor::Acceptor> acceptor;
  bool pong = false;
  std::size_t line_ends = 0;
};

class Connections : public ::testing::Test, public ConnectionUser, public reactor::AcceptListener {
 protected:
  Connections() : host(world.host("peer")) {
    far.acceptor = *host.listen(kPeer, {}, nullptr, far);
    acceptor = *world.shard(0).listen(kOurs, {}, nullptr, *this);
    to.remote = kPeer;
    to.transport = Transport::kTcp;
    to.listener = kListener;
  }

  std::string on_unframed(std::string_view, const Flow&, const Error& why) override {
    return why.code == ErrorCode::kTooLarge ? "SIP/2.0 513 Message Too Large\r\n\r\n" : "";
  }
  bool on_frame(std::string_view bytes, const Flow& flow, const reactor::TlsPeer&) override {
    frames.emplace_back(bytes);
    flows.push_back(flow);
    return read_on;
  }
  void on_request_lost(std::uint64_t token, bool crossed, const Error& reason) override {
    lost.push_back({token, crossed, reason.what});
  }
  bool still_waits(std::uint64_t token) const override { return !answered.contains(token); }
  void on_connection_trouble(std::string_view label, const Endpoint&, deployment::ListenerIndex,
                             std::string_view) override {
    troubles.emplace_back(label);
  }
  reactor::StreamListener* on_accepted(std::unique_ptr<reactor::Stream> s) override {
    return table.adopt(std::move(s), kListener, Transport::kTcp, nullptr);
  }
  void on_refused(const Endpoint&, const Error&) override {}

  // As SipTransport does it.
  void request(std::uint64_t token, const std::string& bytes = options(1)) {
    std::uint64_t id = table.outgoing(to);
    if (id == 0) id = *table.open(to, {Endpoint{kOurs.address, 0}, {}, nullptr});
    ASSERT_TRUE(table.send(id, bytes, token));
  }
  reactor::Stream& peer_connects() {
    far.conns.push_back(
        {*host.connect(Endpoint{kPeer.address, 0}, kOurs, {}, nullptr, far), {}, false});
    world.run_for(Millis{50});
    return *far.conns.back().stream;
  }
  // Every kept-alive minute an answer, so that nothing is idle.
  void talk_for(Seconds time, Seconds step = Seconds{60}) {
    for (Seconds t{0}; t < time; t += step) {
      request(0);
      world.run_for(step);
    }
  }

  const Endpoint kPeer = *Endpoint::parse("10.1.0.1:5060");
  const Endpoint kOurs = *Endpoint::parse("10.0.0.1:5060");
  world::World world{1};
  world::SimReactor& host;
  Far far;
  ConnectionTable table{world.shard(0), *this};
  std::unique_ptr<reactor::Acceptor> acceptor;
  Destination to;
  struct Lost {
    std::uint64_t token;
    bool crossed;
    std::string why;
  };
  std::vector<Lost> lost;
  std::set<std::uint64_t> answered;
  std::vector<std::string> frames, troubles;
  std::vector<Flow> flows;
  bool read_on = true;
};

TEST_F(Connections, AllRequestsToADestinationShareOneConnection) {
  PROVES("TDR-21");
  for (std::uint64_t i = 1; i <= 5; ++i) request(i, options(static_cast<int>(i)));
  world.run_for(Seconds{1});
  for (std::uint64_t i = 6; i <= 9; ++i) request(i, options(static_cast<int>(i)));
  world.run_for(Seconds{1});
  ASSERT_EQ(far.conns.size(), 1U);
  std::string all;
  for (int i = 1; i <= 9; ++i) all += options(i);
  EXPECT_EQ(far.conns[0].got, all) << "whole and in order";
  to.tls_name = "another.example";  // another certificate is expected there: not the same
  request(10);
  world.run_for(Seconds{1});
  EXPECT_EQ(far.conns.size(), 2U);
  EXPECT_EQ(table.counts().outgoing, 2U);
}

TEST_F(Connections, APeerMayHaveManyConnectionsToUsAtOneTime) {
  PROVES("TDR-19");
  constexpr std::size_t kMany = 300;  // many proxies, two of each
  std::vector<reactor::Stream*> streams;
  for (std::size_t i = 0; i < kMany; ++i) streams.push_back(&peer_connects());
  EXPECT_EQ(table.counts().incoming, kMany);
  for (std::size_t i = 0; i < kMany; ++i) streams[i]->write(options(static_cast<int>(i)));
  world.run_for(Seconds{1});
  EXPECT_EQ(frames.size(), kMany);
  EXPECT_TRUE(troubles.empty());
}

TEST_F(Connections, ARequestNeverUsesAConnectionThatThePeerOpened) {
  PROVES("TDR-20");
  reactor::Stream& theirs = peer_connects();
  to.remote = theirs.local();  // the very address and port that it came from
  far.acceptor = *host.listen(to.remote, {}, nullptr, far);
  request(1);
  world.run_for(Seconds{1});
  EXPECT_EQ(far.conns[0].got, "");
  EXPECT_EQ(table.counts().outgoing, 1U);
  theirs.write(options(2));
  world.run_for(Millis{50});
  ASSERT_EQ(flows.size(), 1U);
  EXPECT_TRUE(table.respond(flows[0].connection, kOk));
  world.run_for(Millis{50});
  EXPECT_EQ(far.conns[0].got, kOk) << "its response goes back the same way";
}

TEST_F(Connections, OursAreRenewedWithinTheHourWithoutLosingAnAnswer) {
  PROVES("TDR-21");
  request(1);
  talk_for(std::chrono::minutes{50});
  ASSERT_EQ(far.conns.size(), 1U);
  request(2);  // on a new one; the answer to the first is still to come on the old one
  world.run_for(Seconds{30});
  ASSERT_EQ(far.conns.size(), 2U);
  EXPECT_EQ(far.conns[1].got, options(1));
  EXPECT_FALSE(far.conns[0].closed);
  far.conns[0].stream->write(kOk);
  world.run_for(Millis{50});
  EXPECT_EQ(frames.size(), 1U);
  answered.insert(1);
  world.run_for(ConnectionTable::kRetireLook + Seconds{2});
  EXPECT_TRUE(far.conns[0].closed);
  EXPECT_FALSE(far.conns[1].closed);
  EXPECT_TRUE(lost.empty());
}

// A request that left before the peer heard that we close is read; its answer goes another way.
TEST_F(Connections, WhatCrossesTheEndOfAnIdleOneIsRead) {
  PROVES("TDR-22");
  reactor::Stream& theirs = peer_connects();
  theirs.write(options(1));
  world.run_for(Millis{50});
  ASSERT_EQ(flows.size(), 1U);
  ASSERT_TRUE(table.respond(flows[0].connection, kOk));
  const ConnectionLimits limits;
  // The peer speaks, in several pieces, in the last moments before and after our end.
  const auto idle = limits.idle + ConnectionTable::kRetireLook;
  world.run_for(idle - Millis{20});
  int sent = 1;
  for (; !far.conns[0].closed && sent < 100'000; ++sent) {
    theirs.write(options(sent + 1));
    world.run_for(Micros{200});
    if (flows.size() > 1)
      for (std::size_t i = 1; i < flows.size(); ++i) (void)table.respond(flows[i].connection, kOk);
  }
  world.run_for(Seconds{1});
  EXPECT_EQ(frames.size(), static_cast<std::size_t>(sent)) << "each that was sent";
  EXPECT_FALSE(table.respond(flows.back().connection, kOk)) << "we have said that nothing follows";
  world.run_for(ConnectionTable::kReadOn + Seconds{1});
  EXPECT_EQ(table.counts().incoming, 0U);
  EXPECT_TRUE(troubles.empty());
}

// A peer that does not close its half is not waited for without end.
TEST_F(Connections, APeerThatGoesOnAfterOurEndIsClosed) {
  reactor::Stream& theirs = peer_connects();
  theirs.write(options(1));
  world.run_for(Millis{50});
  ASSERT_TRUE(table.respond(flows[0].connection, kOk));
  world.network().partition(kOurs.address, kPeer.address);  // it does not hear of it
  world.run_for(ConnectionLimits{}.idle + ConnectionTable::kRetireLook * 2 +
                ConnectionTable::kReadOn);
  EXPECT_EQ(table.counts().incoming, 0U);
}

TEST_F(Connections, ARenewedOneIsClosedWithinTheHourWhateverWaitsOnIt) {
  PROVES("TDR-21");
  request(1);
  talk_for(std::chrono::minutes{56});
  EXPECT_TRUE(far.conns[0].closed);
  ASSERT_EQ(lost.size(), 1U);
  EXPECT_EQ(lost[0].token, 1U);
  EXPECT_TRUE(troubles.empty());
}

TEST_F(Connections, WhoWaitsHearsOfAClosedConnectionAtOnce) {
  request(1);
  world.run_for(Seconds{1});
  request(2);
  request(3);
  answered.insert(3);
  world.run_for(Seconds{1});
  far.conns[0].stream->close_gracefully();
  world.run_for(Millis{50});
  ASSERT_EQ(lost.size(), 3U);
  EXPECT_FALSE(lost[0].crossed) << "it opened the connection: nothing can have crossed it";
  EXPECT_TRUE(lost[1].crossed);
  EXPECT_EQ(table.counts().outgoing, 0U);
  EXPECT_TRUE(troubles.empty()) << "that a peer closes is no trouble";
}

TEST_F(Connections, ClosingByThePeerAfterTwoMinutesIsNothingSpecial) {
  PROVES("TDR-22");
  request(1);
  world.run_for(Seconds{1});
  far.conns[0].stream->write(kOk);
  answered.insert(1);
  world.run_for(Seconds{120});
  far.conns[0].stream->close_gracefully();
  world.run_for(Seconds{1});
  EXPECT_TRUE(troubles.empty());
  request(2);
  world.run_for(Seconds{1});
  ASSERT_EQ(far.conns.size(), 2U) << "connected again on demand";
  EXPECT_EQ(far.conns[1].got, options(1));
}

TEST_F(Connections, ARefusedOrSilentAddressIsTold) {
  far.acceptor.reset();
  request(1);
  world.run_for(Millis{100});
  ASSERT_EQ(lost.size(), 1U);
  EXPECT_FALSE(lost[0].crossed);
  world.network().isolate(kPeer.address);
  to.connect_time = Millis{1'500};
  request(2);
  world.run_for(Millis{1'400});
  EXPECT_EQ(lost.size(), 1U);
  world.run_for(Millis{200});
  ASSERT_EQ(lost.size(), 2U);
  EXPECT_NE(lost[1].why.find("1500 ms"), std::string::npos) << lost[1].why;
  EXPECT_EQ(troubles, (std::vector<std::string>{"connect_failed", "connect_timeout"}));
}

TEST_F(Connections, OnlySoMuchWaitsForAConnection) {
  world.network().isolate(kPeer.address);
  const auto id = table.open(to, {Endpoint{kOurs.address, 0}, {}, nullptr});
  ASSERT_TRUE(id);
  const std::string big(100'000, 'x');
  EXPECT_TRUE(table.send(*id, big, 1));
  EXPECT_TRUE(table.send(*id, big, 2));
  EXPECT_FALSE(table.send(*id, big, 3));
  world.run_for(Seconds{3});
  EXPECT_EQ(lost.size(), 2U);
}

// --- keep-alive --------------------------------------------------------------------------------

TEST_F(Connections, ADoubleLineEndIsAnsweredByASingleOneHoweverItIsCut) {
  PROVES("TDR-23");
  reactor::Stream& theirs = peer_connects();
  for (const char* piece : {"\r", "\n\r", "\n"}) {
    EXPECT_EQ(far.conns[0].got, "");
    theirs.write(piece);
    world.run_for(Millis{50});
  }
  EXPECT_EQ(far.conns[0].got, "\r\n");
  theirs.write("\r\n\r\n" + options(1));
  world.run_for(Millis{50});
  EXPECT_EQ(far.conns[0].got, "\r\n\r\n");
  EXPECT_EQ(frames, std::vector<std::string>{options(1)});
  theirs.write("\r\n" + options(2) + "\r\n");  // stray line ends around messages are no ping
  world.run_for(Millis{50});
  EXPECT_EQ(far.conns[0].got, "\r\n\r\n");
}

TEST_F(Connections, WePingWhereItIsQuietAndNoticeWhoStopsAnswering) {
  PROVES("TDR-23");
  far.pong = true;
  request(1);
  world.run_for(Seconds{1});
  far.conns[0].got.clear();
  world.run_for(Seconds{88});
  EXPECT_EQ(far.conns[0].got, "");
  world.run_for(Seconds{3});
  EXPECT_EQ(far.conns[0].got, "\r\n\r\n");
  EXPECT_EQ(table.counts().outgoing, 1U);
  far.pong = false;  // half-open, as far as we can see: it takes bytes and says nothing
  world.run_for(Seconds{92});
  EXPECT_EQ(table.counts().outgoing, 1U);
  world.run_for(ConnectionTable::kPongTime);
  EXPECT_EQ(table.counts().outgoing, 0U);
  EXPECT_EQ(troubles, std::vector<std::string>{"peer_is_gone"});
  EXPECT_EQ(lost.size(), 1U);
}

TEST_F(Connections, APeerThatNeverAnsweredAPingIsNotExpectedTo) {
  request(1);
  talk_for(Seconds{600}, Seconds{200});
  EXPECT_EQ(table.counts().outgoing, 1U);
  EXPECT_EQ(far.conns.size(), 1U);
  EXPECT_TRUE(troubles.empty());
}

TEST_F(Connections, AHalfOpenConnectionEndsByItsPing) {
  request(1);
  world.run_for(Seconds{1});
  world.network().isolate(kPeer.address);  // it is gone and nobody says so
  world.run_for(Seconds{90 + 31});         // the ping, and TCP's patience with it
  EXPECT_EQ(table.counts().outgoing, 0U);
  EXPECT_EQ(lost.size(), 1U);
  EXPECT_EQ(troubles, std::vector<std::string>{"peer_is_gone"});
}

// --- those that cost without being of use ------------------------------------------------------

TEST_F(Connections, AnIdleOneIsClosed) {
  table.set_limits({10, Seconds{120}, Seconds{0}});
  reactor::Stream& theirs = peer_connects();
  theirs.write(options(1));
  world.run_for(Seconds{110});
  theirs.write("\r\n\r\n");  // it wants to keep it
  world.run_for(Seconds{110});
  EXPECT_EQ(table.counts().incoming, 1U);
  world.run_for(Seconds{20});
  EXPECT_EQ(table.counts().incoming, 0U);
  EXPECT_TRUE(far.conns[0].closed);
  request(1);
  answered.insert(1);
  world.run_for(Seconds{130});
  EXPECT_EQ(table.counts().outgoing, 0U);
  EXPECT_TRUE(troubles.empty());
}

TEST_F(Connections, AnIdleOneThatOwesAnAnswerIsKeptForIt) {
  table.set_limits({10, Seconds{60}, Seconds{0}});
  reactor::Stream& theirs = peer_connects();
  theirs.write(options(1));
  world.run_for(Millis{50});
  table.expect_answer(flows.at(0).connection);
  EXPECT_TRUE(table.respond(flows[0].connection, kTrying));
  world.run_for(Seconds{120});
  EXPECT_EQ(table.counts().incoming, 1U) << "a phone may ring for minutes";
  EXPECT_TRUE(table.respond(flows[0].connection, kOk));
  world.run_for(Seconds{5});
  EXPECT_EQ(far.conns[0].got, kTrying + kOk);
  EXPECT_EQ(table.counts().incoming, 0U);
}

TEST_F(Connections, ADribblingPeerHasSoLongForEachMessage) {
  reactor::Stream& theirs = peer_connects();
  const std::string whole = options(1) + options(2);
  std::size_t at = 0;
  for (; at < options(1).size() + 10; ++at) {  // slow, but each message within its time
    theirs.write(whole.substr(at, 1));
    world.run_for(Millis{100});
  }
  EXPECT_EQ(frames.size(), 1U);
  EXPECT_EQ(table.counts().incoming, 1U);
  for (int i = 0; i < 40 && table.counts().incoming == 1; ++i) {
    theirs.write("x");
    world.run_for(Seconds{1});
  }
  EXPECT_EQ(table.counts().incoming, 0U);
  EXPECT_EQ(troubles, std::vector<std::string>{"slow_message"});
}

TEST_F(Connections, AMessageWithoutAnEndIsBounded) {
  reactor::Stream& theirs = peer_connects();
  theirs.write("INVITE sip:a@h SIP/2.0\r\n");
  for (int i = 0; i < 200 && !far.conns[0].closed; ++i) {
    theirs.write("X-Pad: " + std::string(1'000, 'x') + "\r\n");
    world.run_for(Millis{20});
  }
  EXPECT_EQ(table.counts().incoming, 0U);
  EXPECT_EQ(troubles, std::vector<std::string>{"framing"});
}

TEST_F(Connections, APeerThatNeverReadsIsClosedWhenItsQueueIsFull) {
  reactor::Stream& theirs = peer_connects();
  theirs.write(options(1));
  world.run_for(Millis{50});
  theirs.pause_reading(true);
  const std::string response = "SIP/2.0 200 OK\r\nX: " + std::string(10'000, 'x') + "\r\n\r\n";
  std::size_t written = 0;
  while (table.respond(flows.at(0).connection, response) && written < 4U << 20) {
    written += response.size();
    world.run_for(Millis{1});
  }
  EXPECT_LE(written, reactor::Stream::kMaxQueued + response.size());
  EXPECT_EQ(table.counts().incoming, 0U);
  EXPECT_EQ(troubles, std::vector<std::string>{"peer_does_not_read"});
}

TEST_F(Connections, OnlySoManyAreTakenAndOpened) {
  table.set_limits({2, Seconds{600}, Seconds{90}});
  for (int i = 0; i < 3; ++i) (void)peer_connects();
  EXPECT_EQ(table.counts().incoming, 2U);
  EXPECT_TRUE(far.conns[2].closed);
  EXPECT_EQ(troubles, std::vector<std::string>{"too_many_connections"});
  for (const char* name : {"a", "b"}) {
    to.tls_name = name;
    EXPECT_TRUE(table.open(to, {Endpoint{kOurs.address, 0}, {}, nullptr}));
  }
  to.tls_name = "c";
  const auto third = table.open(to, {Endpoint{kOurs.address, 0}, {}, nullptr});
  ASSERT_FALSE(third);
  EXPECT_NE(third.error().what.find("max_connections"), std::string::npos);
}

TEST_F(Connections, APausedOneKeepsWhatCameAndReadsOn) {
  reactor::Stream& theirs = peer_connects();
  read_on = false;
  theirs.write(options(1) + options(2));
  world.run_for(Seconds{1});
  EXPECT_EQ(frames.size(), 1U);
  theirs.write(options(3));
  world.run_for(Seconds{40});
  EXPECT_EQ(frames.size(), 1U);
  EXPECT_EQ(table.counts().incoming, 1U) << "what we do not read is not the peer's slowness";
  read_on = true;
  table.resume();
  world.run_for(Seconds{1});
  EXPECT_EQ(frames, (std::vector<std::string>{options(1), options(2), options(3)}));
}

TEST_F(Connections, ThoseOfARemovedListenerAreClosed) {
  (void)peer_connects();
  request(1);
  world.run_for(Seconds{1});
  table.move_listeners([](deployment::ListenerIndex) { return std::nullopt; });
  EXPECT_EQ(lost.size(), 0U) << "nobody hears of it while the indices change";
  table.end_without_listener();
  EXPECT_EQ(table.counts().incoming + table.counts().outgoing, 0U);
  EXPECT_EQ(lost.size(), 1U);
}

TEST_F(Connections, OneOnWhichNothingComesIsClosed) {
  reactor::Stream& silent = peer_connects();
  reactor::Stream& pinging = peer_connects();
  pinging.write("\r\n\r\n");
  reactor::Stream& talking = peer_connects();
  talking.write(options(1));
  (void)silent;
  world.run_for(Seconds{40});
  EXPECT_TRUE(far.conns[0].closed);
  EXPECT_FALSE(far.conns[1].closed);
  EXPECT_FALSE(far.conns[2].closed);
  EXPECT_EQ(troubles, std::vector<std::string>{"no_message"});
}

TEST_F(Connections, WhatWaitsOnAllOfThemIsBoundedAndTheLargestGoesFirst) {
  table.set_limits({100, Seconds{600}, Seconds{90}, Seconds{30}, 100'000});
  const std::string begin = "INVITE sip:a@h SIP/2.0\r\nContent-Length: 60000\r\nX: ";
  std::vector<reactor::Stream*> peers;
  for (std::size_t i = 0; i < 4; ++i) {
    peers.push_back(&peer_connects());
    peers.back()->write(begin + std::string(20'000 + (i == 2 ? 5'000U : 0U), 'x'));
    world.run_for(Millis{200});
  }
  EXPECT_TRUE(troubles.empty());
  EXPECT_GT(table.buffered(), 80'000U);
  peers[0]->write(std::string(30'000, 'x'));
  world.run_for(Seconds{1});
  EXPECT_EQ(troubles, std::vector<std::string>{"buffers_full"});
  EXPECT_TRUE(far.conns[0].closed);
  for (std::size_t i = 1; i < 4; ++i) EXPECT_FALSE(far.conns[i].closed) << i;
  EXPECT_LE(table.buffered(), 100'000U);
}

TEST_F(Connections, WhatCannotBeFramedForItsSizeIsAnsweredAndClosed) {
  reactor::Stream& theirs = peer_connects();
  theirs.write("INVITE sip:a@h SIP/2.0\r\nContent-Length: 99999\r\n\r\n");
  world.run_for(Seconds{2});
  EXPECT_TRUE(far.conns[0].got.starts_with("SIP/2.0 513"));
  EXPECT_TRUE(far.conns[0].closed);
  EXPECT_EQ(table.counts().incoming, 0U);
}

}  // namespace
}  // namespace causeway::transport
