// The transaction layer under a stateful proxy: what RFC 3261 16 and RFC 6026 ask of one.
#include <gtest/gtest.h>

#include <deque>

#include "proxy/configuration.h"
#include "proxy/stateful_proxy.h"
#include "sip/build.h"
#include "sip/headers.h"
#include "world/sim_reactor.h"
#include "world/world.h"

namespace causeway::proxy {
namespace {

using sip::HeaderId;

const Endpoint kProxy = *Endpoint::parse("10.0.0.1:5060");

// Whoever sends and gets SIP over UDP, with the bytes of all that came.
class Agent final : public reactor::UdpListener {
 public:
  Agent(world::World& world, const std::string& name, const std::string& address)
      : world_(world),
        address_(address),
        socket_(std::move(*world.host(name).open_udp(*Endpoint::parse(address), {}, *this))) {}

  void send(const std::string& bytes) {
    socket_->send(kProxy, std::as_bytes(std::span(bytes.data(), bytes.size())));
    world_.run_for(Millis(5));
  }
  void reply(const sip::Message& request, int status, const std::string& tag,
             const std::string& more = "") {
    std::string out = "SIP/2.0 " + std::to_string(status) + " X\r\n";
    for (const auto& f : request.headers())
      if (f.id == HeaderId::kVia || f.id == HeaderId::kRecordRoute || f.id == HeaderId::kFrom ||
          f.id == HeaderId::kCallId || f.id == HeaderId::kCSeq)
        out += std::string(f.name) + ": " + std::string(f.value) + "\r\n";
    out += "To: " + std::string(request.value(HeaderId::kTo)) + ";tag=" + tag +
           "\r\nContact: <sip:" + address_ + ">\r\n" + more + "Content-Length: 0\r\n\r\n";
    send(out);
  }
  // The first message of that method or status; it is taken away.
  sip::Message expect(const std::string& what) {
    for (int i = 0; i < 100; ++i) {
      for (auto it = got.begin(); it != got.end(); ++it) {
        auto m = sip::Message::parse(*it);
        const std::string is =
            m->is_request() ? std::string(m->method_text()) : std::to_string(m->status());
        if (is != what) continue;
        got.erase(it);
        return std::move(*m);
      }
      world_.run_for(Millis(50));
    }
    throw std::runtime_error(address_ + " got no " + what);
  }
  int count(const std::string& what) const {
    int n = 0;
    for (const auto& bytes : got)
      n += bytes.starts_with(what) || bytes.starts_with("SIP/2.0 " + what);
    return n;
  }
  std::deque<std::string> got;

 private:
  void on_datagram(reactor::UdpSocket&, const Endpoint&, std::span<std::byte> data,
                   Instant) override {
    got.emplace_back(reinterpret_cast<const char*>(data.data()), data.size());
  }
  world::World& world_;
  std::string address_;
  std::unique_ptr<reactor::UdpSocket> socket_;
};

class Proxy : public ::testing::Test {
 protected:
  void SetUp() override {
    transport::Running running;
    running.deployment = deployment_at(kProxy, "10.0.0.0/8");
    ASSERT_TRUE(proxy_.apply(running));
  }
  void TearDown() override {
    world_.run_for(Seconds(300));
    EXPECT_EQ(proxy_.contexts(), 0U);
    EXPECT_EQ(proxy_.transactions(), 0U);
  }
  static std::string invite(const std::string& branch = "z9hG4bKu1",
                            const std::string& hops = "Max-Forwards: 20\r\n") {
    return "INVITE sip:b@example.net SIP/2.0\r\nVia: SIP/2.0/UDP 10.1.0.1:5060;branch=" + branch +
           "\r\n" + hops +
           "From:   \"A\"<sip:a@example.net>;tag=a\r\nTo: <sip:b@example.net>\r\nCall-ID: "
           "c1\r\nCSeq: 7 INVITE\r\n"
           "Contact: <sip:10.1.0.1:5060>\r\nX-Odd :  \xff\tkept \r\nContent-Length: 3\r\n\r\nabc";
  }
  void ack(const sip::Message& ok) {
    uac_.send(
        "ACK sip:10.2.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP "
        "10.1.0.1:5060;branch=z9hG4bKack\r\nRoute: " +
        std::string(ok.value(HeaderId::kRecordRoute)) +
        "\r\nFrom: \"A\"<sip:a@example.net>;tag=a\r\nTo: " + std::string(ok.value(HeaderId::kTo)) +
        "\r\nCall-ID: c1\r\nCSeq: 7 ACK\r\nContent-Length: 0\r\n\r\n");
  }
  void ack_failure(int) {
    uac_.send(
        "ACK sip:b@example.net SIP/2.0\r\nVia: SIP/2.0/UDP 10.1.0.1:5060;branch=z9hG4bKu1\r\nFrom: "
        "\"A\"<sip:a@example.net>;tag=a\r\nTo: <sip:b@example.net>;tag=x\r\nCall-ID: c1\r\nCSeq: 7 "
        "ACK\r\nContent-Length: 0\r\n\r\n");
  }

  world::World world_{7};
  StatefulProxy proxy_{
      world_.shard(0),
      {.targets = {*Endpoint::parse("10.2.0.1:5060"), *Endpoint::parse("10.3.0.1:5060")},
       .timer_c = Seconds(181)}};
  Agent uac_{world_, "uac", "10.1.0.1:5060"}, one_{world_, "one", "10.2.0.1:5060"},
      two_{world_, "two", "10.3.0.1:5060"};
};

TEST_F(Proxy, NothingChangesButViaRouteAndHops) {
  uac_.send(invite());
  const auto m = one_.expect("INVITE");
  std::string want = invite();
  const std::string out(m.bytes());
  const std::size_t line = out.find("\r\n") + 2;
  const std::size_t old = out.find("Via: SIP/2.0/UDP 10.1.0.1");
  want.insert(want.find("\r\n") + 2, out.substr(line, old - line));
  want.replace(want.find("Forwards: 20"), 12, "Forwards: 19");
  EXPECT_EQ(out, want);
  EXPECT_EQ(m.value(HeaderId::kRecordRoute), "<sip:10.0.0.1:5060;lr>");
  two_.expect("INVITE");
  one_.reply(m, 404, "1");
  two_.reply(*sip::Message::parse(out), 404, "2");  // of no transaction: answers nothing
  uac_.got.clear();
}

TEST_F(Proxy, EveryForked2xxGoesOnAndIsRepeatedByNobodyButItsSender) {
  uac_.send(invite());
  const auto a = one_.expect("INVITE"), b = two_.expect("INVITE");
  one_.reply(a, 180, "1");
  two_.reply(b, 183, "2");
  uac_.expect("180");
  uac_.expect("183");
  one_.reply(a, 200, "1", "X-From: one\r\n");
  const auto first = uac_.expect("200");
  EXPECT_EQ(first.headers().back().id, HeaderId::kContentLength);
  two_.expect("CANCEL");
  two_.reply(b, 200, "2");  // the CANCEL came too late
  const auto second = uac_.expect("200");
  EXPECT_EQ(second.to_tag(), "2");
  world_.run_for(Seconds(20));
  EXPECT_EQ(uac_.count("200"), 0);  // a proxy does not repeat (RFC 6026 7.2)
  one_.reply(a, 200, "1");          // nobody acknowledged it: its sender repeats it
  EXPECT_EQ(uac_.expect("200").to_tag(), "1");
  ack(first);
  EXPECT_EQ(one_.expect("ACK").count(HeaderId::kRoute), 0U);
  EXPECT_EQ(one_.count("INVITE"), 0);
}

TEST_F(Proxy, A2xxBeyondItsTransactionStillGoesOn) {
  uac_.send(invite());
  const auto a = one_.expect("INVITE"), b = two_.expect("INVITE");
  one_.reply(a, 200, "1");
  uac_.expect("200");
  two_.reply(b, 487, "2");
  world_.run_for(Seconds(100));
  one_.reply(a, 200, "1");
  EXPECT_EQ(uac_.expect("200").to_tag(), "1");
}

TEST_F(Proxy, TheBestFailureIsChosenWhenAllHaveAnsweredAndIsAcknowledgedHopByHop) {
  uac_.send(invite());
  const auto a = one_.expect("INVITE"), b = two_.expect("INVITE");
  one_.reply(a, 486, "1");
  EXPECT_EQ(one_.expect("ACK").to_tag(), "1");
  EXPECT_EQ(uac_.count("486"), 0);
  two_.reply(b, 302, "2");
  EXPECT_EQ(uac_.expect("302").to_tag(), "2");
  world_.run_for(Millis(600));
  EXPECT_GE(uac_.count("302"), 1);  // until it is acknowledged, by the proxy
  ack_failure(302);
  uac_.got.clear();
  world_.run_for(Seconds(5));
  EXPECT_EQ(uac_.count("302"), 0);
  EXPECT_EQ(two_.count("ACK"), 1);  // the proxy's own, not the caller's
}

TEST_F(Proxy, A6xxEndsAllOtherBranches) {
  uac_.send(invite());
  const auto a = one_.expect("INVITE"), b = two_.expect("INVITE");
  two_.reply(b, 180, "2");
  one_.reply(a, 603, "1");
  two_.expect("CANCEL");
  two_.reply(b, 487, "2");
  EXPECT_EQ(uac_.expect("603").to_tag(), "1");
  ack_failure(603);
}

TEST_F(Proxy, CancelReachesEveryBranchThatRings) {
  uac_.send(invite());
  const auto a = one_.expect("INVITE"), b = two_.expect("INVITE");
  one_.reply(a, 180, "1");
  two_.reply(b, 180, "2");
  std::string cancel = invite();
  cancel.replace(0, 6, "CANCEL");
  cancel.replace(cancel.find("7 INVITE"), 8, "7 CANCEL");
  uac_.send(cancel);
  EXPECT_EQ(uac_.expect("200").method(), sip::Method::kCancel);
  for (auto* who : {&one_, &two_}) {
    const auto c = who->expect("CANCEL");
    who->reply(c, 200, "c");
    who->reply(who == &one_ ? a : b, 487, "x");
  }
  uac_.expect("487");
  ack_failure(487);
}

TEST_F(Proxy, ACancelOfNothingIsPassedOnWithoutState) {
  std::string cancel = invite("z9hG4bKunknown");
  cancel.replace(0, 6, "CANCEL");
  cancel.replace(cancel.find("7 INVITE"), 8, "7 CANCEL");
  uac_.send(cancel);
  const auto c = one_.expect("CANCEL");
  EXPECT_EQ(proxy_.transactions(), 0U);
  EXPECT_EQ(uac_.count("481"), 0);
  one_.reply(c, 481, "1");  // its answer finds its way by the Via alone
  EXPECT_EQ(uac_.expect("481").to_tag(), "1");
}

TEST_F(Proxy, TimerCCancelsWhatRingsForEverAndEndsWhatSaysNothing) {
  uac_.send(invite());
  const auto a = one_.expect("INVITE");
  one_.reply(a, 180, "1");
  world_.run_for(Seconds(100));
  one_.reply(a, 180, "1");  // starts it anew (RFC 3261 16.7 step 2)
  world_.run_for(Seconds(100));
  EXPECT_EQ(one_.count("CANCEL"), 0);
  world_.run_for(Seconds(90));
  one_.expect("CANCEL");
  one_.reply(a, 487, "1");
  // The other branch timed out long ago (Timer B): 408 against 487.
  EXPECT_EQ(uac_.expect("408").cseq(), 7U);
  ack_failure(408);
}

TEST_F(Proxy, RepeatedRequestsGetTheLatestAnswerAndNoSecondFork) {
  uac_.send(invite());
  const auto a = one_.expect("INVITE"), b = two_.expect("INVITE");
  one_.reply(a, 180, "1");
  uac_.expect("180");
  uac_.send(invite());
  uac_.expect("180");
  EXPECT_EQ(one_.count("INVITE"), 0);
  two_.reply(b, 404, "2");
  one_.reply(a, 200, "1");
  uac_.expect("200");
  uac_.send(invite());  // absorbed (RFC 6026 7.1)
  EXPECT_EQ(uac_.count("200"), 0);
  EXPECT_EQ(one_.count("INVITE"), 0);
}

TEST_F(Proxy, LoopsEndAndHopsRunOut) {
  uac_.send(invite());
  const auto a = one_.expect("INVITE"), b = two_.expect("INVITE");
  one_.send(std::string(a.bytes()));  // back to where it came from
  EXPECT_EQ(one_.expect("482").cseq(), 7U);
  one_.reply(a, 404, "1");
  two_.reply(b, 404, "2");
  uac_.expect("404");
  ack_failure(404);
  uac_.send(invite("z9hG4bKhops", "Max-Forwards: 0\r\n"));
  uac_.expect("483");
}

TEST_F(Proxy, ByeWithinTheDialogFollowsTheRecordedRoute) {
  uac_.send(
      "BYE sip:10.3.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 10.1.0.1:5060;branch=z9hG4bKbye\r\nRoute: "
      "<sip:10.0.0.1:5060;lr>\r\n"
      "From: <sip:a@b>;tag=a\r\nTo: <sip:b@b>;tag=2\r\nCall-ID: c1\r\nCSeq: 8 "
      "BYE\r\nContent-Length: 0\r\n\r\n");
  const auto bye = two_.expect("BYE");
  EXPECT_EQ(bye.count(HeaderId::kRoute), 0U);
  EXPECT_EQ(bye.count(HeaderId::kRecordRoute), 0U);
  EXPECT_EQ(bye.value(HeaderId::kMaxForwards), "70");
  two_.reply(bye, 200, "2");
  uac_.expect("200");
  EXPECT_EQ(one_.got.size(), 0U);
}

}  // namespace
}  // namespace causeway::proxy
