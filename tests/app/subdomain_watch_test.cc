#include "app/subdomain_watch.h"

#include <gmock/gmock.h>

#include <condition_variable>
#include <future>
#include <mutex>

#include "support/proves.h"

namespace causeway::app {
namespace {

using nameserver::Said;
using nameserver::Type;
using provisioning::SubdomainStatus;

deployment::Nameserver domain() {
  deployment::Nameserver d;
  d.domain = "gw.example.net";
  d.regions = {{"north", 1, {*IpAddress::parse("192.0.2.1")}, {}}};
  return d;
}

// A name server that answers when it may, and counts the names it was asked for.
class Names {
 public:
  nameserver::Ask ask() {
    return [this](const std::string& name, Type type) -> Result<Said> {
      std::unique_lock lock(mutex_);
      if (type == Type::kTxt) {
        names_.push_back(name);
        moved_.notify_all();
        moved_.wait(lock, [&] { return open_; });
      }
      if (silent_) return fail(ErrorCode::kTimeout, "nobody");
      if (type == Type::kTxt) return Said{{}, {"token"}};
      if (type == Type::kA) return Said{{}, {"192.0.2.1"}};
      return Said{};
    };
  }
  void open(bool open, bool silent = false) {
    const std::scoped_lock lock(mutex_);
    open_ = open;
    silent_ = silent;
    moved_.notify_all();
  }
  void wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    moved_.wait(lock, [&] { return names_.size() >= count; });
  }
  std::vector<std::string> names() {
    const std::scoped_lock lock(mutex_);
    return names_;
  }

 private:
  std::vector<std::string> names_;
  std::mutex mutex_;
  std::condition_variable moved_;
  bool open_ = false, silent_ = false;
};

const store::DirectRoutingAccount kContoso{true, "Contoso", "token", "other"};

void until(SubdomainWatch& w, const store::DirectRoutingAccount& a, SubdomainStatus status) {
  while (w.status(a) != status) std::this_thread::yield();
}

TEST(SubdomainWatch, ARequestDoesNotWaitForTheNameServers) {
  PROVES("P41");
  Names names;
  SubdomainWatch watch(domain(), names.ask());
  EXPECT_EQ(watch.status(kContoso), SubdomainStatus::kNotProvisioned);
  names.wait_for(1);
  // It is being asked, and only once.
  EXPECT_EQ(watch.status(kContoso), SubdomainStatus::kNotProvisioned);
  names.open(true);
  until(watch, kContoso, SubdomainStatus::kProvisioned);
  EXPECT_EQ(names.names(), std::vector<std::string>{"contoso.1r1.gw.example.net"});
}

TEST(SubdomainWatch, NameThatIsNotThereYetIsLookedUpAgainWithoutBeingAskedFor) {
  Names names;
  names.open(true);
  SubdomainWatch watch(
      domain(), names.ask(),
      {std::chrono::seconds(60), std::chrono::milliseconds(5), std::chrono::seconds(60)});
  auto other = kContoso;
  other.region1_token = "not yet";
  EXPECT_EQ(watch.status(other), SubdomainStatus::kNotProvisioned);
  names.wait_for(3);
}

TEST(SubdomainWatch, AnotherTokenIsAnotherQuestion) {
  Names names;
  names.open(true);
  SubdomainWatch watch(domain(), names.ask());
  until(watch, kContoso, SubdomainStatus::kProvisioned);
  auto changed = kContoso;
  changed.region1_token = "new";
  EXPECT_EQ(watch.status(changed), SubdomainStatus::kNotProvisioned);
  until(watch, changed, SubdomainStatus::kInconsistent);
}

TEST(SubdomainWatch, WhatWaitsIsBoundedAndGivenUpWhenNobodyAnswers) {
  Names names;
  SubdomainWatch watch(domain(), names.ask());
  auto account = kContoso;
  for (std::size_t i = 0; i < SubdomainWatch::kWaiting + 500; ++i) {
    account.subdomain = std::to_string(i);
    EXPECT_EQ(watch.status(account), SubdomainStatus::kNotProvisioned);
  }
  names.wait_for(1);
  names.open(true, true);  // the first fails, and none of the others is asked for
  account.subdomain = "last";
  while (names.names().size() < 2) (void)watch.status(account);
  EXPECT_EQ(names.names().back(), "last.1r1.gw.example.net");
}

}  // namespace
}  // namespace causeway::app
