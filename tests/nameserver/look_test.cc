#include "nameserver/look.h"

#include <gmock/gmock.h>

#include <map>

#include "nameserver/server.h"
#include "sample.h"
#include "support/proves.h"

namespace causeway::nameserver {
namespace {

using testing::address;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Look : public ::testing::Test {
 protected:
  [[nodiscard]] Result<Seen> now() const {
    return look({{"c.1r1.x", {address("192.0.2.1"), address("2001:db8::1")}, "one"},
                 {"c.1r2.x", {address("192.0.2.2")}, "two"}},
                [&](const std::string& name, Type type) -> Result<Said> {
                  if (silent) return fail(ErrorCode::kTimeout, "nobody");
                  const auto it = said.find(name + " " + std::string(to_string(type)));
                  if (it == said.end()) return Said{Rcode::kNoSuchName, {}};
                  return Said{Rcode::kNoError, it->second};
                });
  }
  std::map<std::string, std::vector<std::string>> said = {
      {"c.1r1.x TXT", {"one", "another"}}, {"c.1r1.x A", {"192.0.2.1"}},
      {"c.1r1.x AAAA", {"2001:db8::1"}},   {"c.1r2.x TXT", {"two"}},
      {"c.1r2.x A", {"192.0.2.2"}},
  };
  bool silent = false;
};

TEST_F(Look, TokensAndAddressesOfEveryRegionAreAsTheyOughtToBe) {
  PROVES("P41");
  EXPECT_EQ(*now(), Seen::kAll);
}

TEST_F(Look, NothingAtAllIsNotProvisioned) {
  PROVES("P41");
  said.clear();
  EXPECT_EQ(*now(), Seen::kNothing);
}

TEST_F(Look, AnythingElseIsInconsistent) {
  PROVES("P41");
  const auto good = said;
  for (const auto& [at, values] :
       std::map<std::string, std::vector<std::string>>{{"c.1r2.x TXT", {"old"}},
                                                       {"c.1r2.x TXT", {}},
                                                       {"c.1r1.x A", {"192.0.2.9"}},
                                                       {"c.1r1.x AAAA", {}},
                                                       {"c.1r2.x AAAA", {"2001:db8::9"}}}) {
    said = good;
    said[at] = values;
    EXPECT_EQ(*now(), Seen::kOther) << at;
  }
}

TEST_F(Look, WhenNobodyAnswersNothingIsSaid) {
  silent = true;
  EXPECT_FALSE(now());
}

TEST(AskServers, NextOneIsAskedWhenAServerIsSilentOrRefuses) {
  auto content = std::make_shared<const Content>(
      Content{Zone(testing::settings(), {}, 1), std::make_shared<testing::OneTenant>(), {}, 2});
  const auto server = Server::open({*Endpoint::parse("127.0.0.1:0")}, content);
  ASSERT_TRUE(server);
  const Endpoint good = (*server)->local()[0].udp;
  const auto silent = *Endpoint::parse("127.0.0.2:9");
  const auto said = ask_servers({silent, good}, "contoso.1r1.gw.example.net", Type::kTxt,
                                std::chrono::milliseconds(500));
  ASSERT_TRUE(said) << said.error().what;
  EXPECT_THAT(said->data, ElementsAre("token-1"));
  EXPECT_FALSE(ask_servers({good}, "example.com", Type::kA));
  EXPECT_THAT(ask_servers({}, "example.com", Type::kA).error().what, HasSubstr("no name server"));
}

TEST(ServersOfSystem, AreThoseOfResolvConf) {
  EXPECT_THAT(
      servers_of_system("# x\nsearch a b\nnameserver 192.0.2.1\nnameserver\t2001:db8::1 # y\n"
                        "nameserver fe80::1%eth0\noptions ndots:1\n"),
      ElementsAre(*Endpoint::parse("192.0.2.1:53"), *Endpoint::parse("[2001:db8::1]:53")));
  EXPECT_THAT(servers_of_system("nameserver"), IsEmpty());
}

}  // namespace
}  // namespace causeway::nameserver
