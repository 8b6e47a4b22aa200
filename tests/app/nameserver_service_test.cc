// Content follows what is in force. Questions are asked of the zone over the kernel's sockets.
#include "app/nameserver_service.h"

#include <gmock/gmock.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "deployment/load.h"
#include "deployment_with_domain.h"
#include "nameserver/wire.h"
#include "support/proves.h"
#include "temporary.h"

namespace causeway::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr WallTime kNow{1'700'000'000'000'000};

deployment::DeploymentPtr load(const std::string& text) {
  deployment::LoadOptions o;
  o.check_files = false;
  const auto r = deployment::load_text(text, "test", o);
  EXPECT_TRUE(r.deployment) << r.to_string();
  return r.deployment;
}

// A port that was free a moment ago, on an address that nobody else uses.
std::string free_port() {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_storage a{};
  socklen_t size = to_sockaddr(*Endpoint::parse("127.0.0.53:0"), a);
  EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&a), size), 0);
  EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&a), &size), 0);
  ::close(fd);
  return from_sockaddr(a).to_string();
}

std::vector<std::string> ask(const Endpoint& at, const char* name, nameserver::Type type) {
  sockaddr_storage address{};
  const socklen_t size = to_sockaddr(at, address);
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&address), size), 0);
  const auto query = nameserver::make_query(name, type, 9);
  EXPECT_GT(::send(fd, query->data(), query->size(), 0), 0);
  pollfd p{fd, POLLIN, 0};
  nameserver::Bytes reply(4'096);
  const ssize_t n = ::poll(&p, 1, 5'000) == 1 ? ::recv(fd, reply.data(), reply.size(), 0) : 0;
  ::close(fd);
  reply.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
  const auto said = nameserver::read_reply(reply, name, type, 9);
  return said ? said->data : std::vector<std::string>{"no answer: " + said.error().what};
}

directory::DirectoryPtr with_account(const std::string& label, const std::string& token) {
  directory::Account a;
  a.name = "contoso";
  a.subdomain = label;
  a.region1_token = token;
  directory::Builder b;
  b.add(a);
  return b.build(1);
}

class NameserverOfTheProcess : public ::testing::Test {
 protected:
  static std::string at(const std::string& where) { return "listen = [\"" + where + "\"]"; }
  [[nodiscard]] Endpoint where() const { return service->server()->local().at(0).udp; }
  std::unique_ptr<NameserverService> service;
};

TEST_F(NameserverOfTheProcess, AccountsAndTokensAreThoseOfTheDirectory) {
  PROVES("MT-05");
  const auto d = load(testing::with_domain("/tmp", at(free_port())));
  service = *NameserverService::start(*d, directory::Directory::none(), kNow);
  const char* name = "Contoso.1r1.gw.example.net";
  EXPECT_THAT(ask(where(), name, nameserver::Type::kTxt), IsEmpty());
  service->follow(*d, with_account("contoso", "first"), kNow);
  EXPECT_THAT(ask(where(), name, nameserver::Type::kTxt), ElementsAre("first"));
  EXPECT_THAT(ask(where(), name, nameserver::Type::kA), ElementsAre("192.0.2.1"));
  service->follow(*d, with_account("contoso", "second"), kNow);
  EXPECT_THAT(ask(where(), name, nameserver::Type::kTxt), ElementsAre("second"));
  service->follow(*d, directory::Directory::none(), kNow);
  EXPECT_THAT(ask(where(), name, nameserver::Type::kTxt), IsEmpty());
  // What is known at the start is in the first answer: one that says no would be remembered.
  service.reset();
  service = *NameserverService::start(*d, with_account("contoso", "first"), kNow);
  EXPECT_THAT(ask(where(), name, nameserver::Type::kTxt), ElementsAre("first"));
}

TEST_F(NameserverOfTheProcess, ChallengesAreSetAndClearedByTheNameOfTheCertificate) {
  const auto d = load(testing::with_domain("/tmp", at(free_port())));
  service = *NameserverService::start(*d, directory::Directory::none(), kNow);
  const char* name = "_acme-challenge.1r1.gw.example.net";
  EXPECT_TRUE(service->set_challenge("*.1r1.gw.example.net", "one", kNow));
  EXPECT_TRUE(service->set_challenge("_acme-challenge.1R1.gw.example.net.", "two", kNow));
  EXPECT_TRUE(service->set_challenge("1r1.gw.example.net", "two", kNow));
  EXPECT_THAT(ask(where(), name, nameserver::Type::kTxt), ElementsAre("one", "two"));
  EXPECT_EQ(*service->clear_challenge("1r1.gw.example.net", "one", kNow), 1u);
  EXPECT_THAT(ask(where(), name, nameserver::Type::kTxt), ElementsAre("two"));
  EXPECT_EQ(*service->clear_challenge("1r1.gw.example.net", "", kNow), 1u);
  EXPECT_THAT(ask(where(), name, nameserver::Type::kTxt), IsEmpty());
  EXPECT_THAT(service->set_challenge("example.com", "v", kNow).error().what,
              HasSubstr("no name below gw.example.net"));
  EXPECT_THAT(service->set_challenge("gw.example.net", "a b", kNow).error().what,
              HasSubstr("'a b' is no challenge"));
  for (std::size_t i = 0; i < nameserver::kMaxChallenges; ++i)
    EXPECT_TRUE(service->set_challenge("gw.example.net", std::to_string(i), kNow));
  EXPECT_FALSE(service->set_challenge("gw.example.net", "more", kNow));
}

TEST_F(NameserverOfTheProcess, FollowsAReloadToOtherAddressesAndTriesOneThatIsTakenAgain) {
  const std::string first = free_port(), second = free_port();
  service = *NameserverService::start(*load(testing::with_domain("/tmp", at(first))),
                                      directory::Directory::none(), kNow);
  const int holder = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_storage a{};
  const socklen_t size = to_sockaddr(*Endpoint::parse(second), a);
  ASSERT_EQ(::bind(holder, reinterpret_cast<sockaddr*>(&a), size), 0);
  const auto next = load(testing::with_domain("/tmp", at(second)));
  service->follow(*next, directory::Directory::none(), kNow);
  EXPECT_THAT(service->trouble(), HasSubstr(second));
  EXPECT_EQ(service->server(), nullptr);
  ::close(holder);
  service->follow(*next, directory::Directory::none(), WallTime{kNow.micros + 9'000'000});
  EXPECT_EQ(service->server(), nullptr);
  service->follow(*next, directory::Directory::none(), WallTime{kNow.micros + 10'000'000});
  ASSERT_NE(service->server(), nullptr);
  EXPECT_THAT(service->trouble(), IsEmpty());
  EXPECT_THAT(ask(where(), "1r2.gw.example.net", nameserver::Type::kA), ElementsAre("192.0.2.2"));
  // No section any more: nobody answers.
  const std::string whole = testing::with_domain("/tmp");
  service->follow(*load(whole.substr(0, whole.find("[nameserver]"))), directory::Directory::none(),
                  kNow);
  EXPECT_EQ(service->server(), nullptr);
}

TEST_F(NameserverOfTheProcess, AddressThatIsTakenAtTheStartIsAnError) {
  const std::string taken = free_port();
  const auto d = load(testing::with_domain("/tmp", at(taken)));
  service = *NameserverService::start(*d, directory::Directory::none(), kNow);
  const auto second = NameserverService::start(*d, directory::Directory::none(), kNow);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().what, HasSubstr(taken));
}

}  // namespace
}  // namespace causeway::app
