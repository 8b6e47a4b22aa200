// The load generator between two lab peers, without a gateway.
#include "lab/load.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lab/operator.h"

namespace causeway::lab {
namespace {

Endpoint free_endpoint(std::uint32_t address) {
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_storage sa{};
  socklen_t n = to_sockaddr({IpAddress::v4(address), 0}, sa);
  EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&sa), n), 0);
  n = sizeof sa;
  getsockname(fd, reinterpret_cast<sockaddr*>(&sa), &n);
  close(fd);
  return from_sockaddr(sa);
}

class LoadTest : public ::testing::TestWithParam<Transport> {};

TEST_P(LoadTest, every_call_is_counted_once) {
  Loop loop;
  MediaPump pump(loop);
  SystemRandom random;
  Ladder ladder(loop, {});
  const auto a = free_endpoint(0x7f000d01), b = free_endpoint(0x7f000d02);
  const auto settings = [&](const Endpoint& own, const Endpoint& other) {
    AgentSettings s;
    s.port = {GetParam(), {{"", own}}, {}, {}};
    s.gateway = other;
    s.media_address = own.address;
    return s;
  };
  Operator calling(loop, pump, random, ladder, settings(a, b), {b.address, b.address});
  Operator called(loop, pump, random, ladder, settings(b, a), {a.address, a.address});
  ASSERT_TRUE(calling.open());
  ASSERT_TRUE(called.open());
  LoadSettings load;
  load.rate = 400;
  load.calls = 200;
  load.hold = Millis(50);
  load.caller = Side::kOperator;
  const auto r = run_load({loop, ladder, &calling, &called}, load);
  EXPECT_EQ(r.placed, 200U);
  EXPECT_EQ(r.good, 200U) << to_text(r);
  EXPECT_EQ(r.failed, 0U);
  EXPECT_EQ(r.answer_ms.size(), 200U);
  EXPECT_GE(r.percentile(50), 20);
  EXPECT_LE(r.percentile(50), r.percentile(99));
}

INSTANTIATE_TEST_SUITE_P(Transports, LoadTest, ::testing::Values(Transport::kUdp, Transport::kTcp),
                         [](const auto& i) { return std::string(to_string(i.param)); });

}  // namespace
}  // namespace causeway::lab
