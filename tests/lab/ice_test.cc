// The lab's ICE agent against an end that does right, and against each wrong that it is to notice.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <set>

#include "lab/checks.h"
#include "lab/ice_agent.h"

namespace causeway::lab {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::IsEmpty;

const IceCredentials kGateway{"gate", "a-password-of-the-gateway"};

// --- STUN ----------------------------------------------------------------------------------------

// RFC 5769 2.1
constexpr std::array<unsigned char, 108> kSample{
    0x00, 0x01, 0x00, 0x58, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86,
    0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x10, 0x53, 0x54, 0x55, 0x4e, 0x20, 0x74, 0x65, 0x73,
    0x74, 0x20, 0x63, 0x6c, 0x69, 0x65, 0x6e, 0x74, 0x00, 0x24, 0x00, 0x04, 0x6e, 0x00, 0x01, 0xff,
    0x80, 0x29, 0x00, 0x08, 0x93, 0x2f, 0xf9, 0xb1, 0x51, 0x26, 0x3b, 0x36, 0x00, 0x06, 0x00, 0x09,
    0x65, 0x76, 0x74, 0x6a, 0x3a, 0x68, 0x36, 0x76, 0x59, 0x20, 0x20, 0x20, 0x00, 0x08, 0x00, 0x14,
    0x9a, 0xea, 0xa7, 0x0c, 0xbf, 0xd8, 0xcb, 0x56, 0x78, 0x1e, 0xf2, 0xb5, 0xb2, 0xd3, 0xf2, 0x49,
    0xc1, 0xb5, 0x71, 0xa2, 0x80, 0x28, 0x00, 0x04, 0xe5, 0x7a, 0x3b, 0xcf};
constexpr const char* kSamplePassword = "VOkJxbRl1RmTxUk/WvJxBt";

std::string sample() { return {reinterpret_cast<const char*>(kSample.data()), kSample.size()}; }

TEST(Stun, ReadsTheSampleOfTheRfc) {
  const auto m = parse_stun(sample());
  ASSERT_TRUE(m);
  EXPECT_EQ(m->kind, StunKind::kRequest);
  EXPECT_EQ(*m->find(kStunUsername), "evtj:h6vY");
  EXPECT_EQ(*m->find(kStunPriority), big_endian(0x6e0001ff, 4));
  EXPECT_TRUE(integrity_holds(sample(), kSamplePassword));
  EXPECT_TRUE(fingerprint_holds(sample()));
  EXPECT_FALSE(integrity_holds(sample(), "VOkJxbRl1RmTxUk/WvJxBT"));
  std::string changed = sample();
  changed[30] = 'x';
  EXPECT_FALSE(integrity_holds(changed, kSamplePassword));
  EXPECT_FALSE(fingerprint_holds(changed));
}

TEST(Stun, EveryCutAndEveryByteIsTakenOrRefused) {
  for (std::size_t n = 0; n < kSample.size(); ++n)
    EXPECT_FALSE(parse_stun(sample().substr(0, n))) << n;
  for (std::size_t i = 0; i < kSample.size(); ++i) {
    std::string changed = sample();
    changed[i] = static_cast<char>(0xff);
    if (parse_stun(changed)) (void)integrity_holds(changed, kSamplePassword);
  }
}

// --- the agent -----------------------------------------------------------------------------------

// The other end, as the gateway should be: one socket, lite. What it does wrong is in `wrong`.
enum class Wrong { kNothing, kSilent, kMapped, kIntegrity, kAnyPassword, kRefuses, kChecks };

class IceAgentTest : public ::testing::Test {
 protected:
  static int bound(Endpoint& at) {
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_storage sa{};
    socklen_t n = to_sockaddr(at, sa);
    EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&sa), n), 0);
    n = sizeof sa;
    getsockname(fd, reinterpret_cast<sockaddr*>(&sa), &n);
    at = from_sockaddr(sa);
    return fd;
  }
  IceAgentTest() {
    phone_fd_ = bound(phone_);
    gateway_fd_ = bound(gateway_);
    loop_.watch(gateway_fd_, EPOLLIN, [this](std::uint32_t) { answer(); });
    loop_.watch(phone_fd_, EPOLLIN, [this](std::uint32_t) {
      each(phone_fd_, [this](const std::string& p, const Endpoint& from) {
        if (is_stun(p)) {
          agent_->on_packet(p, false, from);
        } else {
          agent_->on_rtp();
        }
      });
    });
    agent_ = std::make_unique<IceAgent>(
        loop_, random_, phone_,
        IceWires{[this](bool, const std::string& p, const Endpoint& to) { put(phone_fd_, p, to); },
                 [this] { path_ = true; },
                 [this](const Violation& v) { broke_.insert(v.requirement); },
                 [this](const Violation& v) { failed_.insert(v.requirement); }});
    EXPECT_TRUE(agent_->open());
  }
  ~IceAgentTest() override {
    agent_.reset();
    for (const int fd : {phone_fd_, gateway_fd_}) {
      loop_.unwatch(fd);
      close(fd);
    }
  }
  static void put(int fd, const std::string& p, const Endpoint& to) {
    sockaddr_storage sa{};
    const socklen_t n = to_sockaddr(to, sa);
    (void)!sendto(fd, p.data(), p.size(), 0, reinterpret_cast<sockaddr*>(&sa), n);
  }
  template <typename F>
  static void each(int fd, F&& f) {
    char buf[2048];
    for (int i = 0; i < 64; ++i) {
      sockaddr_storage sa{};
      socklen_t len = sizeof sa;
      const auto n = recvfrom(fd, buf, sizeof buf, 0, reinterpret_cast<sockaddr*>(&sa), &len);
      if (n < 0) return;
      f(std::string(buf, static_cast<std::size_t>(n)), from_sockaddr(sa));
    }
  }
  void answer() {
    each(gateway_fd_, [this](const std::string& p, const Endpoint& from) {
      const auto m = parse_stun(p);
      if (!m || wrong_ == Wrong::kSilent) return;
      if (wrong_ != Wrong::kAnyPassword && !integrity_holds(p, kGateway.pwd)) return;
      names_.insert(*m->find(kStunUsername));
      if (m->find(kStunUseCandidate) != nullptr) nominated_.insert(from);
      checked_.insert(from);
      StunMessage a;
      a.kind = wrong_ == Wrong::kChecks    ? StunKind::kRequest
               : wrong_ == Wrong::kRefuses ? StunKind::kError
                                           : StunKind::kSuccess;
      a.transaction = m->transaction;
      const auto v = from.address.v4_host_order() ^ (wrong_ == Wrong::kMapped ? 1U : 0U);
      a.attributes.push_back(
          {kStunXorMappedAddress,
           big_endian(1, 2) + big_endian(from.port ^ 0x2112U, 2) + big_endian(v ^ 0x2112a442U, 4)});
      put(gateway_fd_, write_stun(a, wrong_ == Wrong::kIntegrity ? "another" : kGateway.pwd), from);
    });
  }
  void begin() { agent_->set_remote(kGateway, gateway_, std::nullopt); }
  void run(Micros how_long) {
    (void)loop_.run_until([] { return false; }, how_long);
  }
  void rtp_to(const Endpoint& to) {
    put(gateway_fd_, std::string("\x80\x08", 2) + std::string(170, 'a'), to);
  }

  Loop loop_;
  SystemRandom random_;
  Endpoint phone_{IpAddress::v4(0x7f000c01), 0}, gateway_{IpAddress::v4(0x7f000c02), 0};
  int phone_fd_ = -1, gateway_fd_ = -1;
  Wrong wrong_ = Wrong::kNothing;
  std::unique_ptr<IceAgent> agent_;
  bool path_ = false;
  std::set<std::string> broke_, failed_, names_;
  std::set<Endpoint> checked_, nominated_;
};

TEST_F(IceAgentTest, ChecksBothWaysAndNominatesTheOneOfTheCall) {
  begin();
  run(150ms);
  EXPECT_TRUE(path_);
  EXPECT_THAT(broke_, IsEmpty());
  EXPECT_EQ(checked_.size(), 2U);
  EXPECT_EQ(nominated_, std::set<Endpoint>{phone_});
  EXPECT_EQ(*names_.begin(), "gate:" + agent_->ours().ufrag);
  rtp_to(agent_->second());  // on its way while the phone nominated
  run(10ms);
  EXPECT_THAT(broke_, IsEmpty());
  run(300ms);
  rtp_to(agent_->second());
  run(20ms);
  EXPECT_THAT(broke_, Contains("MBP-03"));
}

TEST_F(IceAgentTest, BeforeANominationTheBetterPathIsExpected) {
  agent_->may_nominate(false);
  begin();
  run(400ms);
  EXPECT_THAT(nominated_, IsEmpty());
  rtp_to(agent_->second());
  run(20ms);
  EXPECT_TRUE(agent_->facts().early_path);
  EXPECT_THAT(broke_, IsEmpty());
  rtp_to(phone_);
  run(20ms);
  EXPECT_THAT(broke_, Contains("MBP-08"));
}

TEST_F(IceAgentTest, ARestartChecksWithTheNewNameOnceItIsAnswered) {
  begin();
  run(200ms);
  const std::string before = agent_->ours().ufrag;
  agent_->restart();
  names_.clear();
  run(1'200ms);  // checks for consent go on by the old one
  EXPECT_EQ(names_, std::set<std::string>{"gate:" + before});
  begin();
  run(200ms);
  EXPECT_THAT(names_, Contains("gate:" + agent_->ours().ufrag));
  EXPECT_NE(agent_->ours().ufrag, before);
}

TEST_F(IceAgentTest, SilenceFailsTheCallByItsRule) {
  wrong_ = Wrong::kSilent;
  begin();
  run(3s);
  EXPECT_EQ(failed_, std::set<std::string>{"MBP-02"});
  EXPECT_FALSE(path_);
}

TEST_F(IceAgentTest, AnswersThatStopComingFailIt) {
  begin();
  run(200ms);
  wrong_ = Wrong::kSilent;
  run(4s);
  EXPECT_EQ(failed_, std::set<std::string>{"MBP-02"});
}

TEST_F(IceAgentTest, WrongAnswersAreNoticed) {
  for (const auto w :
       {Wrong::kMapped, Wrong::kIntegrity, Wrong::kAnyPassword, Wrong::kRefuses, Wrong::kChecks}) {
    wrong_ = w;
    broke_.clear();
    agent_->restart();
    begin();
    run(150ms);
    EXPECT_THAT(broke_, Contains("MBP-02")) << static_cast<int>(w);
  }
}

TEST(OnTheInternet, PrivateAddressesAreNot) {
  for (const char* a : {"10.1.2.3", "172.16.0.1", "172.31.255.1", "192.168.7.5", "100.64.0.1",
                        "100.127.9.9", "169.254.1.1", "127.0.0.1"})
    EXPECT_FALSE(on_the_internet(*IpAddress::parse(a))) << a;
  for (const char* a : {"52.112.0.1", "172.32.0.1", "192.167.0.1", "100.128.0.1", "203.0.113.10"})
    EXPECT_TRUE(on_the_internet(*IpAddress::parse(a))) << a;
}

// --- SDP -----------------------------------------------------------------------------------------

SdpText sdp(const std::string& ice, const std::string& session = "a=ice-lite\r\n") {
  return *parse_sdp(
      "v=0\r\no=- 1 1 IN IP4 203.0.113.10\r\ns=-\r\nc=IN IP4 203.0.113.10\r\nt=0 0\r\n" + session +
      "m=audio 30000 RTP/SAVP 8\r\n" + ice);
}
constexpr const char* kOwn = "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\n";
constexpr const char* kRtp = "a=candidate:1 1 UDP 2130706431 203.0.113.10 30000 typ host\r\n";
constexpr const char* kRtcp = "a=candidate:1 2 UDP 2130706430 203.0.113.10 30001 typ host\r\n";

std::set<std::string> ids(const Violations& v) {
  std::set<std::string> out;
  for (const auto& x : v) out.insert(x.requirement);
  return out;
}

TEST(IceSdp, GoodOnesHaveOneCandidateForEachComponent) {
  ServiceView v;
  v.bypass = true;
  v.media = {*IpAddress::parse("203.0.113.10")};
  const std::string own = kOwn, rtp = kRtp, rtcp = kRtcp, mux = "a=rtcp-mux\r\n";
  EXPECT_THAT(check_ice_sdp(sdp(own + rtp + rtcp), v), IsEmpty());
  EXPECT_THAT(check_ice_sdp(sdp(own + rtp + mux), v), IsEmpty());
  EXPECT_THAT(check_ice_sdp(sdp(""), v), Contains(Violation{"MBP-01", std::string(kNoCandidates)}));
  EXPECT_EQ(ids(check_ice_sdp(sdp(own + rtp + mux, ""), v)), std::set<std::string>{"MBP-01"});
  EXPECT_EQ(ids(check_ice_sdp(sdp(own + rtp), v)), std::set<std::string>{"MBP-10"});
  EXPECT_EQ(ids(check_ice_sdp(sdp(own + rtp + rtp + mux), v)), std::set<std::string>{"MBP-01"});
  EXPECT_EQ(ids(check_ice_sdp(sdp("a=ice-ufrag:abcd\r\na=ice-pwd:short\r\n" + rtp + mux), v)),
            std::set<std::string>{"MBP-01"});
  v.media = {*IpAddress::parse("203.0.113.11")};
  EXPECT_EQ(ids(check_ice_sdp(sdp(own + rtp + mux), v)), std::set<std::string>{"MBP-01"});
  v.bypass = false;
  EXPECT_EQ(ids(check_ice_sdp(sdp(own + rtp + mux), v)), std::set<std::string>{"TDM-25"});
  EXPECT_THAT(check_ice_sdp(sdp("", ""), v), IsEmpty());
}

TEST(IceSdp, CredentialsStayUnlessIceBeginsAnew) {
  const SdpText a = sdp(std::string(kOwn) + kRtp);
  SdpText b = a;
  EXPECT_THAT(check_ice_continuity(a, b, false), IsEmpty());
  EXPECT_EQ(ids(check_ice_continuity(a, b, true)), std::set<std::string>{"MBP-07"});
  b.ice_ufrag = "dcba";
  EXPECT_EQ(ids(check_ice_continuity(a, b, false)), std::set<std::string>{"MBP-05"});
  EXPECT_EQ(ids(check_ice_continuity(a, b, true)), std::set<std::string>{"MBP-07"});
  b.ice_pwd = "vutsrqponmlkjihgfedcba";
  EXPECT_THAT(check_ice_continuity(a, b, true), IsEmpty());
}

TEST(IceSdp, TheServiceRefusesAnOfferWithoutCandidates) {
  const auto r = service_refusal({{"MBP-01", std::string(kNoCandidates)}});
  ASSERT_TRUE(r);
  EXPECT_EQ(r->status, 488);
  EXPECT_NE(r->why.find("MBP-01"), std::string::npos);
  EXPECT_FALSE(service_refusal({{"MBP-01", "no a=ice-lite"}}));
}

}  // namespace
}  // namespace causeway::lab
