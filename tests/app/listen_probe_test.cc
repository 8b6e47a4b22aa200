#include "app/listen_probe.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace causeway::app {
namespace {

// A socket on a free port of loopback, opened as a shard opens its own.
class Held {
 public:
  explicit Held(Transport t)
      : fd_(::socket(AF_INET, t == Transport::kUdp ? SOCK_DGRAM : SOCK_STREAM, 0)) {
    const int one = 1;
    ::setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    ::setsockopt(fd_, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    sockaddr_storage a{};
    socklen_t size = to_sockaddr(*Endpoint::parse("127.0.0.1:0"), a);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&a), size), 0);
    if (t != Transport::kUdp) {
      EXPECT_EQ(::listen(fd_, 1), 0);
    }
    size = sizeof a;
    EXPECT_EQ(::getsockname(fd_, reinterpret_cast<sockaddr*>(&a), &size), 0);
    at = from_sockaddr(a);
  }
  ~Held() { let_go(); }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  void let_go() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  Endpoint at;

 private:
  int fd_;
};

deployment::Deployment with_listener(Transport t, const Endpoint& at) {
  deployment::Deployment d;
  d.realms.emplace_back();
  deployment::Listener l;
  l.name = "edge";
  l.transport = t;
  l.address = at;
  l.realm = deployment::RealmIndex{0};
  d.listeners.push_back(l);
  return d;
}

TEST(ListenProbe, AddressOfAnotherProcessIsNamedThoughItWouldBeShared) {
  for (const Transport t : {Transport::kUdp, Transport::kTcp, Transport::kTls}) {
    Held other(t);
    const auto d = with_listener(t, other.at);
    const auto s = addresses_free(d, nullptr);
    ASSERT_FALSE(s) << to_string(t);
    EXPECT_EQ(s.error().code, ErrorCode::kConflict);
    EXPECT_NE(s.error().what.find("'edge': " + other.at.to_string()), std::string::npos)
        << s.error().what;
    EXPECT_NE(s.error().what.find("stop it"), std::string::npos);
    other.let_go();
    EXPECT_TRUE(addresses_free(d, nullptr)) << to_string(t);
  }
}

TEST(ListenProbe, AddressesOfTheConfigurationInForceAreOurOwn) {
  Held ours(Transport::kUdp);
  const auto d = with_listener(Transport::kUdp, ours.at);
  EXPECT_TRUE(addresses_free(d, &d));
  const auto tcp = with_listener(Transport::kTcp, ours.at);
  EXPECT_FALSE(addresses_free(d, &tcp)) << "the same address, another transport";
}

}  // namespace
}  // namespace causeway::app
