#include "deployment/recognise.h"

#include <gmock/gmock.h>

#include "sample.h"
#include "support/proves.h"

namespace causeway::deployment {
namespace {

using testing::load_sample;

std::string group(const std::string& name, const std::string& listener,
                  const std::string& recognise) {
  return "[[peer_group]]\nname = \"" + name + "\"\nregion = \"r\"\nrealm = \"w\"\nlistener = \"" +
         listener + "\"\nprofile = \"operator\"\n[peer_group.recognise]\n" + recognise +
         "\n[[peer_group.peer]]\nname = \"" + name + "-1\"\nhost = \"sip." + name +
         ".example.com\"\n";
}

constexpr std::string_view kBase = R"([[region]]
name = "r"
[[realm]]
name = "w"
media_addresses = ["127.0.0.1", "::1"]
media_port_min = 20000
media_port_max = 29999
[[tls_identity]]
name = "id"
certificate = "c"
key = "k"
trusted_roots = ["r"]
[[listener]]
name = "tls"
realm = "w"
transport = "tls"
address = "127.0.0.1:5061"
tls_identity = "id"
[[listener]]
name = "udp"
realm = "w"
transport = "udp"
address = "127.0.0.1:5060"
[[listener]]
name = "udp6"
realm = "w"
transport = "udp"
address = "[::1]:5060"
)";

DeploymentPtr deployment() {
  const std::string shared = "sources = [\"52.112.0.0/14\", \"52.120.0.0/14\"]\n";
  const auto r =
      load_sample(std::string(kBase) +
                  group("direct", "tls",
                        shared + "certificate_names = [\"sip.pstnhub.example.com\"]\nrequest_hosts "
                                 "= [\"dr.example.com\"]") +
                  group("connect", "tls",
                        shared + "certificate_names = [\"sip.pstnhub.example.com\"]\nrequest_hosts "
                                 "= [\"oc.example.com\"]") +
                  group("phone", "tls", shared + "certificate_names = [\"*.other.example.com\"]") +
                  group("caller", "udp", "sources = [\"10.0.0.1\"]\nsource_ports = [5070]") +
                  group("callee", "udp", "sources = [\"10.0.0.1\"]\nsource_ports = [5080, 5081]") +
                  group("wide", "udp", "sources = [\"10.1.0.0/16\"]") +
                  group("six", "udp6", "sources = [\"2001:db8::/32\"]"));
  EXPECT_TRUE(r.deployment) << r.to_string();
  return r.deployment;
}

struct Row {
  int listener;
  const char* source;
  std::vector<std::string> names;
  const char* host;
  const char* group;  // "" for none
};

TEST(Recognise, ServiceThatNamesNoHostIsOfTheFirstGroupThatFitsOtherwise) {
  const auto d = deployment();
  ASSERT_TRUE(d);
  const std::vector<std::string> hub{"sip.pstnhub.example.com"};
  const auto source = *Endpoint::parse("52.113.1.1:40000");
  const auto g = recognise(*d, ListenerIndex(0), source, hub, std::nullopt);
  ASSERT_TRUE(g);
  EXPECT_EQ(d->group(*g).name, "direct");
  EXPECT_FALSE(recognise(*d, ListenerIndex(0), source, {}, std::nullopt));
}

TEST(Recognise, Table) {
  const auto d = deployment();
  ASSERT_TRUE(d);
  const std::vector<std::string> hub{"sip.pstnhub.example.com"};
  const Row rows[] = {
      {0, "52.113.1.1:40000", hub, "dr.example.com", "direct"},
      {0, "52.123.1.1:40000", hub, "DR.Example.com", "direct"},
      {0, "52.113.1.1:40000", hub, "oc.example.com", "connect"},
      {0, "52.113.1.1:40000", {"*.pstnhub.example.com"}, "oc.example.com", "connect"},
      {0, "52.113.1.1:40000", hub, "zz.example.com", ""},
      {0, "52.113.1.1:40000", {"sbc.other.example.com"}, "oc.example.com", "phone"},
      {0, "52.113.1.1:40000", {"a.sbc.other.example.com"}, "oc.example.com", ""},
      {0, "52.113.1.1:40000", {}, "dr.example.com", ""},
      {0, "52.116.1.1:40000", hub, "dr.example.com", ""},
      {1, "10.0.0.1:5070", {}, "anything", "caller"},
      {1, "10.0.0.1:5081", {}, "anything", "callee"},
      {1, "10.0.0.1:5090", {}, "anything", ""},
      {1, "10.1.200.3:1", {}, "127.0.0.1", "wide"},
      {1, "10.2.0.1:5060", {}, "127.0.0.1", ""},
      {1, "52.113.1.1:40000", hub, "dr.example.com", ""},
      {2, "[2001:db8::9]:5060", {}, "[::1]", "six"},
      {2, "[2001:db9::9]:5060", {}, "[::1]", ""},
  };
  for (const auto& row : rows) {
    const auto g = recognise(*d, ListenerIndex(static_cast<std::uint16_t>(row.listener)),
                             *Endpoint::parse(row.source), row.names, row.host);
    EXPECT_EQ(g ? d->group(*g).name : "", row.group) << row.source << " " << row.host;
  }
}

TEST(Recognise, SeveralServicesBehindTheSameAddressesAndCertificateAreToldApartByRequestHost) {
  const auto d = deployment();
  const std::vector<std::string> names{"sip.pstnhub.example.com"};
  const auto from = *Endpoint::parse("52.112.0.9:2000");
  EXPECT_NE(recognise(*d, ListenerIndex(0), from, names, "dr.example.com"),
            recognise(*d, ListenerIndex(0), from, names, "oc.example.com"));
}

TEST(Recognise, EverySourceOfBothPrefixesIsAccepted) {
  PROVES("TDR-05");
  const auto d = deployment();
  for (const char* source :
       {"52.112.0.0:1", "52.115.255.255:65535", "52.120.0.1:1024", "52.123.255.255:5061"})
    EXPECT_TRUE(allowed_source(*d, ListenerIndex(0), *Endpoint::parse(source))) << source;
  for (const char* source : {"52.111.255.255:1", "52.116.0.0:1", "52.124.0.0:1", "[::1]:1"})
    EXPECT_FALSE(allowed_source(*d, ListenerIndex(0), *Endpoint::parse(source))) << source;
}

TEST(Recognise, UnknownSourcesAreKnownAsSuchBeforeParsing) {
  const auto d = deployment();
  EXPECT_TRUE(allowed_source(*d, ListenerIndex(1), *Endpoint::parse("10.0.0.1:5070")));
  EXPECT_FALSE(allowed_source(*d, ListenerIndex(1), *Endpoint::parse("10.0.0.1:5071")));
  EXPECT_FALSE(allowed_source(*d, ListenerIndex(9), *Endpoint::parse("10.0.0.1:5070")));
}

TEST(Recognise, ACertificateWithTheNamesOfTwoGroupsTakesTheFirst) {
  const auto d = deployment();
  const std::vector<std::string> both{"x.other.example.com", "sip.pstnhub.example.com"};
  const auto g =
      recognise(*d, ListenerIndex(0), *Endpoint::parse("52.112.0.9:1"), both, "oc.example.com");
  ASSERT_TRUE(g);
  EXPECT_EQ(d->group(*g).name, "connect");
}

TEST(Recognise, GroupsThatOnlyAWildcardWouldSeparateCannotBeToldApart) {
  const std::string sources = "sources = [\"10.0.0.0/8\"]\n";
  const auto r =
      load_sample(std::string(kBase) +
                  group("one", "tls", sources + "certificate_names = [\"*.example.com\"]") +
                  group("two", "tls", sources + "certificate_names = [\"sip.example.com\"]"));
  ASSERT_EQ(r.mistakes.size(), 1u) << r.to_string();
  EXPECT_THAT(r.mistakes[0].remedy,
              ::testing::HasSubstr("\"one\" and \"two\" cannot be told apart"));
}

}  // namespace
}  // namespace causeway::deployment
