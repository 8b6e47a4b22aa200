// The real server on loopback: sockets of the kernel, threads that share something.
#include "nameserver/server.h"

#include <gmock/gmock.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sample.h"

namespace causeway::nameserver {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::OneTenant;
using testing::settings;

ContentPtr content(Rate rate = {}, const Challenges& challenges = {}) {
  return std::make_shared<const Content>(
      Content{Zone(settings(), challenges, 1), std::make_shared<OneTenant>(), rate, 2});
}

class Client {
 public:
  Client(const Endpoint& to, int type) {
    sockaddr_storage address{};
    const socklen_t size = to_sockaddr(to, address);
    fd_ = ::socket(address.ss_family, type | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<const sockaddr*>(&address), size), 0);
  }
  ~Client() { ::close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  void send(const Bytes& b) const {
    EXPECT_EQ(::send(fd_, b.data(), b.size(), MSG_NOSIGNAL), static_cast<ssize_t>(b.size()));
  }
  // What comes within `wait`; nothing when nothing does, or when the connection is closed.
  [[nodiscard]] Bytes receive(std::size_t most = 65'536, int wait = 5'000) const {
    pollfd p{fd_, POLLIN, 0};
    if (::poll(&p, 1, wait) <= 0) return {};
    Bytes out(most);
    const ssize_t n = ::recv(fd_, out.data(), out.size(), 0);
    out.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
    return out;
  }
  [[nodiscard]] Bytes receive_framed() const {
    Bytes all;
    while (all.size() < 2 || all.size() < 2 + length(all)) {
      const Bytes more = receive(all.size() < 2 ? 2 - all.size() : 2 + length(all) - all.size());
      if (more.empty()) return {};
      all.insert(all.end(), more.begin(), more.end());
    }
    return {all.begin() + 2, all.end()};
  }

 private:
  static std::size_t length(const Bytes& b) {
    return std::to_integer<std::size_t>(b[0]) << 8U | std::to_integer<std::size_t>(b[1]);
  }
  int fd_ = -1;
};

Bytes framed(const Bytes& b) {
  Bytes out{static_cast<std::byte>(b.size() >> 8U), static_cast<std::byte>(b.size() & 255U)};
  out.insert(out.end(), b.begin(), b.end());
  return out;
}

std::vector<std::string> said(const Bytes& reply, const char* name, Type type, std::uint16_t id) {
  const auto r = read_reply(reply, name, type, id);
  return r ? r->data : std::vector<std::string>{"no answer"};
}

constexpr const char* kName = "contoso.1r1.gw.example.net";

class NameServer : public ::testing::Test {
 protected:
  void open(ContentPtr c, std::chrono::milliseconds idle = Server::kIdle) {
    auto s = Server::open({*Endpoint::parse("127.0.0.1:0")}, std::move(c), idle);
    ASSERT_TRUE(s) << s.error().what;
    server = std::move(*s);
  }
  std::unique_ptr<Server> server;
};

TEST_F(NameServer, AnswersOverUdpAndTcpAndCounts) {
  open(content());
  const Client udp(server->local()[0].udp, SOCK_DGRAM);
  udp.send(*make_query(kName, Type::kTxt, 1));
  EXPECT_THAT(said(udp.receive(), kName, Type::kTxt, 1), ElementsAre("token-1"));
  const Client tcp(server->local()[0].tcp, SOCK_STREAM);
  // Two in one piece and one in two (RFC 7766 6.2.1.1, 8).
  Bytes both = framed(*make_query(kName, Type::kTxt, 2));
  const Bytes second = framed(*make_query(kName, Type::kA, 3));
  both.insert(both.end(), second.begin(), second.end());
  tcp.send(both);
  EXPECT_THAT(said(tcp.receive_framed(), kName, Type::kTxt, 2), ElementsAre("token-1"));
  EXPECT_THAT(said(tcp.receive_framed(), kName, Type::kA, 3), ElementsAre("192.0.2.1"));
  const Bytes third = framed(*make_query("x.gw.example.net", Type::kA, 4));
  tcp.send({third.begin(), third.begin() + 5});
  tcp.send({third.begin() + 5, third.end()});
  EXPECT_THAT(said(tcp.receive_framed(), "x.gw.example.net", Type::kA, 4), IsEmpty());
  const Counts c = server->counts();
  EXPECT_EQ(c.answers[0], 3u);
  EXPECT_EQ(c.answers[3], 1u);
  EXPECT_EQ(c.tcp, 3u);
}

TEST_F(NameServer, SourceBeyondItsRateIsSentToTcp) {
  open(content({1, 3}));
  const Client udp(server->local()[0].udp, SOCK_DGRAM);
  for (std::uint16_t i = 0; i < 5; ++i) udp.send(*make_query(kName, Type::kA, i));
  for (std::uint16_t i = 0; i < 3; ++i)
    EXPECT_THAT(said(udp.receive(), kName, Type::kA, i), ElementsAre("192.0.2.1"));
  const Bytes fifth = udp.receive();  // the fourth has no answer
  ASSERT_GE(fifth.size(), 12u);
  EXPECT_EQ(fifth[1], std::byte{4});
  EXPECT_NE(fifth[2] & std::byte{2}, std::byte{0});
  const Client tcp(server->local()[0].tcp, SOCK_STREAM);
  for (std::uint16_t i = 0; i < 5; ++i) {
    tcp.send(framed(*make_query(kName, Type::kA, i)));
    EXPECT_THAT(said(tcp.receive_framed(), kName, Type::kA, i), ElementsAre("192.0.2.1"));
  }
  EXPECT_EQ(server->counts().limited, 2u);
}

TEST_F(NameServer, NewContentIsInTheNextAnswer) {
  open(content());
  const char* name = "_acme-challenge.gw.example.net";
  const Client udp(server->local()[0].udp, SOCK_DGRAM);
  udp.send(*make_query(name, Type::kTxt, 1));
  EXPECT_THAT(said(udp.receive(), name, Type::kTxt, 1), IsEmpty());
  server->replace(content({}, {{"", "value"}}));
  udp.send(*make_query(name, Type::kTxt, 2));
  EXPECT_THAT(said(udp.receive(), name, Type::kTxt, 2), ElementsAre("value"));
}

TEST_F(NameServer, SilentAndBabblingConnectionsAreClosedAndOneSourceHasFew) {
  open(content(), std::chrono::milliseconds(200));
  const Client silent(server->local()[0].tcp, SOCK_STREAM);
  EXPECT_THAT(silent.receive(), IsEmpty());  // closed by the server, not by a timeout of ours
  const Client babbling(server->local()[0].tcp, SOCK_STREAM);
  babbling.send({std::byte{0xff}, std::byte{0xff}, std::byte{1}});
  EXPECT_THAT(babbling.receive_framed(), IsEmpty());
  std::vector<std::unique_ptr<Client>> many;
  for (std::size_t i = 0; i < Server::kConnectionsPerSource; ++i) {
    many.push_back(std::make_unique<Client>(server->local()[0].tcp, SOCK_STREAM));
    many.back()->send(framed(*make_query(kName, Type::kA, 1)));
    EXPECT_FALSE(many.back()->receive_framed().empty());
  }
  const Client last(server->local()[0].tcp, SOCK_STREAM);
  EXPECT_THAT(last.receive(1, 5'000), IsEmpty());
}

TEST_F(NameServer, AddressThatIsTakenIsAnErrorThatNamesIt) {
  open(content());
  const auto again = Server::open({server->local()[0].udp}, content());
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().what, ::testing::HasSubstr("nameserver.listen 127.0.0.1:"));
}

}  // namespace
}  // namespace causeway::nameserver
