// c-ares against a name server of the test's own, on loopback.
#include "dns/cares_resolver.h"

#include <gtest/gtest.h>

#include "dns/message.h"

namespace causeway::dns {
namespace {

using testing::DnsMessage;

// Answers by the first label of the name that it is asked for.
struct NameServer final : reactor::UdpListener {
  explicit NameServer(reactor::EpollReactor& reactor) {
    socket = *reactor.open_udp(*Endpoint::parse("127.0.0.1:0"), {}, *this);
  }
  void on_datagram(reactor::UdpSocket& s, const Endpoint& from, std::span<std::byte> data,
                   Instant) override {
    ++asked;
    const auto octet = [&](std::size_t i) { return std::to_integer<std::uint8_t>(data[i]); };
    std::string name;
    std::size_t at = 12;
    while (at < data.size() && octet(at) != 0) {
      if (!name.empty()) name += '.';
      for (std::size_t n = octet(at++); n > 0; --n) name += static_cast<char>(octet(at++));
    }
    const auto id = static_cast<std::uint16_t>(octet(0) << 8 | octet(1));
    const auto type = static_cast<std::uint16_t>(octet(at + 1) << 8 | octet(at + 2));
    if (name.starts_with("silent")) return;
    DnsMessage m(id,
                 name.starts_with("nobody")   ? 3
                 : name.starts_with("broken") ? 2
                                              : 0,
                 name, type);
    if (name.starts_with("nobody")) m.record("example", 6, 900, DnsMessage::soa(77), 1);
    if (name.starts_with("host") && type == 1)
      m.record("@12", 1, 123, std::string("\xc0\x00\x02\x01", 4));
    if (name.starts_with("_sip") && type == 33)
      m.record("@12", 33, 45, DnsMessage::srv(1, 2, 5062, "host.example"));
    s.send(from, std::as_bytes(std::span(m.bytes)));
  }
  std::unique_ptr<reactor::UdpSocket> socket;
  int asked = 0;
};

class CaresTest : public ::testing::Test, public ResolverClient {
 protected:
  CaresTest() {
    CaresOptions options;
    options.servers = {server.socket->local()};
    options.timeout = Millis{50};
    auto made = CaresResolver::create(reactor, options);
    if (made) resolver = std::move(*made);
  }
  void on_answer(std::uint64_t token, const Result<Answer>& answer) override {
    ++answers;
    last_token = token;
    last = answer;
  }
  bool ask(std::string_view name, RecordType type) {
    const int before = answers;
    resolver->query(name, type, *this, 42);
    const Instant limit = reactor.now() + Seconds{10};
    while (answers == before && reactor.now() < limit) reactor.turn(Millis{20});
    return answers == before + 1 && last_token == 42;
  }
  reactor::MailRoom room{1};
  reactor::EpollReactor reactor{room};
  NameServer server{reactor};
  std::unique_ptr<CaresResolver> resolver;
  int answers = 0;
  std::uint64_t last_token = 0;
  Result<Answer> last;
};

TEST_F(CaresTest, AsksTheServerThatIsConfiguredAndKeepsTheTtl) {
  ASSERT_TRUE(resolver);
  ASSERT_TRUE(ask("host.example", RecordType::kA));
  ASSERT_TRUE(last) << last.error().what;
  EXPECT_EQ(last->records.at(0).address.to_string(), "192.0.2.1");
  EXPECT_EQ(last->records.at(0).ttl, Seconds{123});
  ASSERT_TRUE(ask("_sip._udp.example", RecordType::kSrv));
  ASSERT_TRUE(last);
  EXPECT_EQ(last->records.at(0).srv, (Srv{1, 2, 5062, "host.example"}));
  EXPECT_EQ(last->records.at(0).ttl, Seconds{45});
  EXPECT_EQ(server.asked, 2);
}

TEST_F(CaresTest, TellsNothingThereFromNoAnswer) {
  ASSERT_TRUE(resolver);
  ASSERT_TRUE(ask("nobody.example", RecordType::kA));
  ASSERT_TRUE(last) << last.error().what;
  EXPECT_FALSE(last->name_exists);
  EXPECT_EQ(last->negative_ttl, Seconds{77});
  ASSERT_TRUE(ask("host.example", RecordType::kAaaa));
  ASSERT_TRUE(last);
  EXPECT_TRUE(last->name_exists);
  EXPECT_TRUE(last->records.empty());
  ASSERT_TRUE(ask("silent.example", RecordType::kA));
  ASSERT_FALSE(last);
  EXPECT_EQ(last.error().code, ErrorCode::kTimeout);
  ASSERT_TRUE(ask("broken.example", RecordType::kA));
  ASSERT_FALSE(last);
  EXPECT_EQ(last.error().code, ErrorCode::kUnavailable);
}

TEST_F(CaresTest, ACancelledClientAndADestroyedResolverStaySilent) {
  ASSERT_TRUE(resolver);
  resolver->query("host.example", RecordType::kA, *this, 1);
  resolver->cancel(*this);
  for (int i = 0; i < 5; ++i) reactor.turn(Millis{5});
  resolver->query("host.example", RecordType::kA, *this, 2);
  resolver.reset();
  for (int i = 0; i < 5; ++i) reactor.turn(Millis{5});
  EXPECT_EQ(answers, 0);
}

}  // namespace
}  // namespace causeway::dns
