// The lab's peers against each other, without a gateway: whole calls over loopback sockets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "lab/certs.h"
#include "lab/operator.h"
#include "lab/phone_system.h"
#include "lab/scenario.h"

namespace causeway::lab {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kA = 0x7f000b15, kB = 0x7f000b16;  // 127.0.11.21 and .22

// Ports that the kernel finds free: taken, looked at and given back.
std::uint16_t free_port(std::uint32_t address, bool stream) {
  const int fd = socket(AF_INET, stream ? SOCK_STREAM : SOCK_DGRAM, 0);
  sockaddr_storage sa{};
  socklen_t n = to_sockaddr({IpAddress::v4(address), 0}, sa);
  EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&sa), n), 0);
  n = sizeof sa;
  getsockname(fd, reinterpret_cast<sockaddr*>(&sa), &n);
  close(fd);
  return from_sockaddr(sa).port;
}

class PeersTest : public ::testing::Test {
 protected:
  PeersTest() : pump_(loop_), ladder_(loop_, {}) {}

  AgentSettings plain(std::uint32_t own, std::uint16_t port, std::uint32_t other,
                      std::uint16_t other_port) {
    AgentSettings s;
    s.port.sites = {{"", {IpAddress::v4(own), port}}};
    s.gateway = {IpAddress::v4(other), other_port};
    s.media_address = IpAddress::v4(own);
    return s;
  }

  void make_operators() {
    const auto pa = free_port(kA, false), pb = free_port(kB, false);
    a_ = std::make_unique<Operator>(loop_, pump_, random_, ladder_, plain(kA, pa, kB, pb),
                                    OperatorView{IpAddress::v4(kB), IpAddress::v4(kB)});
    b_ = std::make_unique<Operator>(loop_, pump_, random_, ladder_, plain(kB, pb, kA, pa),
                                    OperatorView{IpAddress::v4(kA), IpAddress::v4(kA)});
    ASSERT_TRUE(a_->open());
    ASSERT_TRUE(b_->open());
  }

  // The same over TLS, with certificates for their addresses, and keys in the SDP.
  void make_secure_operators(const std::string& authority_of_b) {
    directory_ = ::testing::TempDir() + "lab-peers-" + std::to_string(getpid());
    ASSERT_TRUE(make_certificates(directory_));
    const std::vector<std::string> suites{"AES_256_CM_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_80"};
    const auto pa = free_port(kA, true), pb = free_port(kB, true);
    for (const bool first : {true, false}) {
      const auto own = IpAddress::v4(first ? kA : kB);
      auto s = plain(first ? kA : kB, first ? pa : pb, first ? kB : kA, first ? pb : pa);
      const std::string name = first ? "core" : "other-core";
      ASSERT_TRUE(make_certificate_for(directory_, name, {own.to_string(), "core.example"}));
      s.port.transport = Transport::kTls;
      s.port.tls = tls_files(directory_, first || authority_of_b == "ca" ? name : authority_of_b);
      s.suites = suites;
      OperatorView view{s.gateway.address, s.gateway.address};
      view.suites = suites;
      (first ? a_ : b_) =
          std::make_unique<Operator>(loop_, pump_, random_, ladder_, std::move(s), std::move(view));
    }
    ASSERT_TRUE(a_->open());
    ASSERT_TRUE(b_->open());
  }

  AgentSettings service(std::uint32_t own, std::uint16_t port, std::uint32_t other,
                        std::uint16_t other_port, const std::string& name,
                        const std::string& other_name) {
    AgentSettings s = plain(own, port, other, other_port);
    s.port.transport = Transport::kTls;
    s.port.sites[0].name = name;
    s.port.tls = tls_files(directory_, "phone-system");
    s.port.verify_name = other_name;
    s.gateway_name = other_name;
    s.zone = *parse_zone(name + " 60 A " + IpAddress::v4(own).to_string() + "\n" + other_name +
                         " 60 A " + IpAddress::v4(other).to_string());
    return s;
  }

  void make_phone_systems() {
    directory_ = ::testing::TempDir() + "lab-peers-" + std::to_string(getpid());
    ASSERT_TRUE(make_certificates(directory_));
    const auto pa = free_port(kA, true), pb = free_port(kB, true);
    const std::string one = "sip.pstnhub.example", two = "sip2.pstnhub.example";
    // The other Phone System stands where the gateway would be: its Contact names the trunk.
    const ServiceView view{
        {"api-du-a-euwe.pstnhub.example"}, {}, {one, two}, "pstnhub.example", ""};
    a_ = std::make_unique<PhoneSystem>(loop_, pump_, random_, ladder_,
                                       service(kA, pa, kB, pb, one, two), view);
    b_ = std::make_unique<PhoneSystem>(loop_, pump_, random_, ladder_,
                                       service(kB, pb, kA, pa, two, one), view);
    ASSERT_TRUE(a_->open());
    ASSERT_TRUE(b_->open());
  }

  void TearDown() override {
    a_.reset();
    b_.reset();
    if (!directory_.empty()) std::filesystem::remove_all(directory_);
  }

  // Places one call from a_ to b_ and judges it.
  CallVerdict play(CallPlan plan) {
    plan.caller = a_->side();
    plan.calling.sound = {Content::kTone, 440};
    if (plan.called.sound.content == Content::kTone) plan.called.sound.hertz = 620;
    b_->expect("+3225550001", "test", plan.called);
    Call* calling = a_->place("test", "+3225550001", "+3225550002", plan.calling);
    (void)loop_.run_until(
        [&] { return calling->ended() && (b_->calls().empty() || b_->calls().back()->ended()); },
        plan.limit);
    (void)loop_.run_until([] { return false; }, 50ms);
    return judge_call(plan, calling, b_->calls().empty() ? nullptr : b_->calls().back().get());
  }

  // Breaches are expected where no gateway translates between the peers; the rest must be clean.
  static std::vector<std::string> without_breaches(const CallVerdict& v) {
    std::vector<std::string> out;
    for (const auto& r : v.reasons)
      if (r.find(" seen by ") == std::string::npos) out.push_back(r);
    return out;
  }

  static CallPlan talk(Millis length) {
    CallPlan p;
    p.calling.actions = {{length, Step::kHangUp}};
    return p;
  }

  Loop loop_;
  MediaPump pump_;
  SystemRandom random_;
  Ladder ladder_;
  std::string directory_;
  std::unique_ptr<Agent> a_, b_;
};

TEST_F(PeersTest, an_answered_call_is_heard_both_ways_over_udp) {
  make_operators();
  const auto v = play(talk(1'500ms));
  EXPECT_THAT(v.reasons, ::testing::IsEmpty());
  ASSERT_EQ(v.directions.size(), 2U);
  for (const auto& d : v.directions) EXPECT_GT(d.score, 0.95);
}

TEST_F(PeersTest, an_answered_call_is_heard_both_ways_over_tls_with_srtp) {
  make_phone_systems();
  const auto v = play(talk(1'500ms));
  EXPECT_THAT(without_breaches(v), ::testing::IsEmpty());
  EXPECT_EQ(v.final_status, 200);
  ASSERT_EQ(v.directions.size(), 2U);
  for (const auto& d : v.directions) EXPECT_GT(d.score, 0.95);
  EXPECT_THAT(a_->stray_violations(), ::testing::IsEmpty());
}

TEST_F(PeersTest, operators_with_tls_and_srtp_hear_each_other) {
  make_secure_operators("ca");
  const auto v = play(talk(1'500ms));
  EXPECT_THAT(v.reasons, ::testing::IsEmpty());
  ASSERT_EQ(v.directions.size(), 2U);
  for (const auto& d : v.directions) EXPECT_GT(d.score, 0.95);
}

TEST_F(PeersTest, an_operator_takes_no_certificate_of_another_authority) {
  make_secure_operators("other-ca");
  CallPlan p = talk(300ms);
  p.limit = 1'500ms;
  (void)play(p);
  ASSERT_THAT(a_->stray_violations(), ::testing::Not(::testing::IsEmpty()));
  EXPECT_EQ(a_->stray_violations().front().requirement, "GW-TLS");
}

// Nobody between these two transfers anything.
TEST_F(PeersTest, a_hand_over_that_did_not_happen_is_told_by_its_rule) {
  make_operators();
  const auto broken_by = [&](Handover how) {
    CallPlan p = talk(600ms);
    p.target = Behaviour{};
    p.handover = how;
    std::vector<std::string> ids;
    for (const auto& x : play(p).violations) ids.push_back(x.requirement);
    return ids;
  };
  EXPECT_THAT(broken_by(Handover::kBlind), ::testing::ElementsAre("TDR-99", "TDR-100"));
  EXPECT_THAT(broken_by(Handover::kAttended), ::testing::ElementsAre("TDR-99"));
  EXPECT_THAT(broken_by(Handover::kReplaced), ::testing::ElementsAre("TDR-105"));
}

TEST_F(PeersTest, hold_is_silent_and_resume_is_heard) {
  make_operators();
  CallPlan p = talk(3'600ms);
  p.calling.actions.insert(p.calling.actions.begin(),
                           {{1'000ms, Step::kHoldInactive}, {2'000ms, Step::kResume}});
  p.offers_seen_by_other = 1;
  const auto v = play(p);
  EXPECT_THAT(v.reasons, ::testing::IsEmpty());
  ASSERT_EQ(v.directions.size(), 2U);
  EXPECT_EQ(v.directions[0].heard.size(), 3U);
}

TEST_F(PeersTest, busy_and_cancelled_end_as_planned) {
  make_operators();
  CallPlan busy;
  busy.called.final_status = busy.final_status = 486;
  EXPECT_THAT(play(busy).reasons, ::testing::IsEmpty());
  CallPlan cancelled;
  cancelled.called.answers = false;
  cancelled.calling.cancel_after = 200ms;
  cancelled.cancelled = true;
  cancelled.final_status = 487;
  EXPECT_THAT(play(cancelled).reasons, ::testing::IsEmpty());
}

TEST_F(PeersTest, a_call_that_sends_the_wrong_sound_is_bad) {
  make_operators();
  CallPlan p = talk(1'500ms);
  p.called.sound.content = Content::kNothing;  // sends packets of silence
  CallPlan claimed = p;
  const auto v = play(p);
  EXPECT_FALSE(v.good);
}

TEST_F(PeersTest, forks_and_early_media_reach_the_caller) {
  make_phone_systems();
  CallPlan p = talk(1'200ms);
  p.called.rings = 3;
  p.called.early_media = true;
  p.called.answer_on_other_fork = true;
  p.called.final_after = 1'200ms;
  const auto v = play(p);
  EXPECT_THAT(without_breaches(v), ::testing::IsEmpty());
  ASSERT_TRUE(v.ringing_ms.has_value());
}

TEST_F(PeersTest, a_silent_peer_is_given_up_within_the_limit) {
  make_operators();
  CallPlan p;
  p.called.gone = true;
  p.calling.give_up_after = 300ms;
  p.limit = 3'000ms;
  const auto v = play(p);
  EXPECT_FALSE(v.good);
  EXPECT_TRUE(a_->calls().front()->ended());
}

}  // namespace
}  // namespace causeway::lab
