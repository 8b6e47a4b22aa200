#include "lab/certs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "lab/gateway_config.h"
#include "lab/sip_port.h"
#ifdef CAUSEWAY_LAB_TESTS_DEPLOYMENT
#include "deployment/load.h"
#endif

namespace causeway::lab {
namespace {

std::string contents(const std::string& path) {
  std::ifstream in(path);
  std::stringstream s;
  s << in.rdbuf();
  return s.str();
}

class CertsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = ::testing::TempDir() + "lab-certs-" + std::to_string(getpid());
    ASSERT_TRUE(make_certificates(directory_));
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::string directory_;
};

class Quiet final : public SipPort::Listener {
 public:
  void on_message(SipMessage m, const Flow& f) override {
    messages.push_back(std::move(m));
    flow = f;
  }
  void on_bad_message(const std::string& why, const Flow&) override { lost.push_back(why); }
  void on_connection_lost(const Flow&, const std::string& why) override { lost.push_back(why); }
  std::vector<SipMessage> messages;
  std::vector<std::string> lost;
  Flow flow;
};

TEST_F(CertsTest, making_them_again_changes_nothing) {
  const auto before = contents(directory_ + "/gateway.crt");
  EXPECT_THAT(before, ::testing::HasSubstr("BEGIN CERTIFICATE"));
  ASSERT_TRUE(make_certificates(directory_));
  EXPECT_EQ(contents(directory_ + "/gateway.crt"), before);
}

TEST_F(CertsTest, both_sides_check_the_other_and_see_its_names) {
  Loop loop;
  Quiet server_events, client_events;
  const auto at = [](std::uint16_t port) { return Endpoint{IpAddress::v4(0x7f000c01), port}; };
  for (const std::string name : {"gateway", "expired", "wrong-name", "other-ca"}) {
    server_events = {};
    client_events = {};
    const auto probe = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_storage sa{};
    socklen_t n = to_sockaddr(at(0), sa);
    ASSERT_EQ(bind(probe, reinterpret_cast<sockaddr*>(&sa), n), 0);
    n = sizeof sa;
    getsockname(probe, reinterpret_cast<sockaddr*>(&sa), &n);
    const auto port = from_sockaddr(sa).port;
    close(probe);
    SipPort server(loop, server_events,
                   {Transport::kTls, {{"x", at(port)}}, tls_files(directory_, name), ""});
    SipPort client(
        loop, client_events,
        {Transport::kTls, {{"y", at(0)}}, tls_files(directory_, "phone-system"), kGatewayName});
    ASSERT_TRUE(server.open());
    ASSERT_TRUE(client.open());
    const auto flow = client.flow_to(0, at(port));
    ASSERT_TRUE(flow);
    client.send(*flow,
                "OPTIONS sip:x SIP/2.0\r\nVia: v\r\nFrom: f\r\nTo: t\r\nCall-ID: i\r\nCSeq: 1 "
                "OPTIONS\r\n\r\n");
    (void)loop.run_until(
        [&] { return !server_events.messages.empty() || !client_events.lost.empty(); }, Seconds(5));
    EXPECT_EQ(server_events.messages.size(), name == "gateway" ? 1U : 0U) << name;
    if (name == "gateway") {
      EXPECT_THAT(server.peer_names(server_events.flow),
                  ::testing::Contains("sip2.pstnhub.example"));
      EXPECT_THAT(client.peer_names(*flow), ::testing::Contains(kGatewayName));
      EXPECT_TRUE(server_events.flow.opened_by_them);
    }
  }
}

TEST(CertificateNames, a_wildcard_covers_one_label) {
  EXPECT_TRUE(certificate_covers({"*.operator.example"}, "sbc.operator.example"));
  EXPECT_FALSE(certificate_covers({"*.operator.example"}, "a.sbc.operator.example"));
  EXPECT_FALSE(certificate_covers({"*.operator.example"}, "operator.example"));
}

TEST_F(CertsTest, the_configuration_of_the_demo_is_written_for_a_directory) {
  const auto path = write_gateway_config(directory_ + "/run", Transport::kUdp);
  ASSERT_TRUE(path);
  const auto text = contents(*path);
  EXPECT_THAT(text, ::testing::HasSubstr(directory_));
  EXPECT_THAT(text, ::testing::Not(::testing::ContainsRegex("@[A-Z]+@")));
#ifdef CAUSEWAY_LAB_TESTS_DEPLOYMENT
  const auto loaded = deployment::load_file(*path);
  EXPECT_TRUE(loaded.deployment) << loaded.to_string();
#endif
}

}  // namespace
}  // namespace causeway::lab
