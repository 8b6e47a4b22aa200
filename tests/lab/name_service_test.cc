#include "lab/name_service.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace causeway::lab {
namespace {

std::string query(const std::string& name, int type, bool recursion = true) {
  std::string q("\x12\x34", 2);
  q += recursion ? '\x01' : '\0';
  q += std::string("\0\0\x01\0\0\0\0\0\0", 9);
  std::string rest = name;
  while (!rest.empty()) {
    const auto dot = rest.find('.');
    const auto label = rest.substr(0, dot);
    q += static_cast<char>(label.size());
    q += label;
    rest = dot == std::string::npos ? "" : rest.substr(dot + 1);
  }
  return q + std::string("\0\0", 2) + static_cast<char>(type) + std::string("\0\x01", 2);
}

int code_of(const std::string& a) { return a.at(3) & 15; }
int answers_of(const std::string& a) { return static_cast<unsigned char>(a.at(7)); }

TEST(NameService, answers_addresses_with_their_ttl) {
  const auto zone = parse_zone(
      "sip.example 30 A 127.0.0.11\nsip.example 30 A 127.0.0.12\nsix.example 5 AAAA ::1 # "
      "loopback\n");
  ASSERT_TRUE(zone);
  const auto a = answer_query(*zone, query("SIP.example", 1));
  EXPECT_EQ(code_of(a), 0);
  EXPECT_EQ(answers_of(a), 2);
  EXPECT_EQ(a.substr(0, 2), std::string("\x12\x34", 2));
  EXPECT_TRUE(a.ends_with(
      std::string("\0\0\0\x1e\0\x04\x7f\0\0\x0c", 10)));  // TTL 30, four bytes, 127.0.0.12
  const auto aaaa = answer_query(*zone, query("six.example", 28));
  EXPECT_EQ(answers_of(aaaa), 1);
  EXPECT_EQ(answers_of(answer_query(*zone, query("six.example", 1))), 0);
  EXPECT_EQ(code_of(answer_query(*zone, query("six.example", 1))), 0);  // exists, without that type
}

TEST(NameService, answers_service_records) {
  const auto a = answer_query(built_in_zone(), query("_sips._tcp.sip2.pstnhub.example", 33));
  EXPECT_EQ(answers_of(a), 1);
  EXPECT_NE(a.find(std::string("\0\x01\0\x01\x13\xc5\x04sip2", 11)),
            std::string::npos);  // 1 1 5061 sip2...
}

TEST(NameService, unknown_names_do_not_exist_and_empty_ones_do) {
  EXPECT_EQ(code_of(answer_query(built_in_zone(), query("nobody.example", 1))), 3);
  EXPECT_EQ(code_of(answer_query(built_in_zone(), query("pstnhub.example", 1))), 0);
}

TEST(NameService, does_not_answer_what_is_no_query) {
  const auto zone = built_in_zone();
  EXPECT_EQ(answer_query(zone, ""), "");
  EXPECT_EQ(answer_query(zone, std::string(11, 'x')), "");
  auto q = query("sip.pstnhub.example", 1);
  for (std::size_t n = 0; n < q.size(); ++n) EXPECT_EQ(answer_query(zone, q.substr(0, n)), "") << n;
  q[2] = static_cast<char>(0x80);  // a response
  EXPECT_EQ(answer_query(zone, q), "");
}

TEST(NameService, mistakes_in_a_zone_are_reported) {
  EXPECT_FALSE(parse_zone("name A 1.2.3.4"));
  EXPECT_FALSE(parse_zone("name 60 A ::1"));
  EXPECT_FALSE(parse_zone("name 60 MX 10 x"));
  EXPECT_FALSE(parse_zone("name 60 SRV 1 1 x y"));
}

TEST(NameService, answers_over_udp_and_takes_a_new_zone) {
  Loop loop;
  NameService service(loop, *parse_zone("a.example 1 A 127.0.0.1"));
  ASSERT_TRUE(service.open({IpAddress::v4(0x7f000001), 0}));
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_storage sa{};
  const auto n = to_sockaddr(service.address(), sa);
  ASSERT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&sa), n), 0);
  const auto ask = [&](const std::string& q) {
    char buf[512];
    EXPECT_EQ(send(fd, q.data(), q.size(), 0), static_cast<ssize_t>(q.size()));
    const auto before = service.queries();
    EXPECT_TRUE(loop.run_until([&] { return service.queries() > before; }, Seconds(2)));
    const auto got = recv(fd, buf, sizeof buf, 0);
    return std::string(buf, static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  };
  EXPECT_EQ(answers_of(ask(query("a.example", 1))), 1);
  EXPECT_EQ(code_of(ask(query("b.example", 1))), 3);
  service.replace(*parse_zone("b.example 1 A 127.0.0.1"));
  EXPECT_EQ(answers_of(ask(query("b.example", 1))), 1);
  close(fd);
}

}  // namespace
}  // namespace causeway::lab
