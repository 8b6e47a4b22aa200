#include "app/activations.h"

#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

#include "app/name_commands.h"
#include "deployment/load.h"
#include "deployment_with_domain.h"
#include "provisioning/editor.h"
#include "support/proves.h"
#include "temporary.h"

namespace causeway::app {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr WallTime kOnce{1'700'000'000'000'000};

TEST(Activations, AreKeptOverARestartWithTheFirstTime) {
  const testing::Folder f;
  const std::string path = f / "deep/activated.json";
  {
    auto a = Activations::open(path);
    ASSERT_TRUE(a) << a.error().what;
    ASSERT_TRUE((*a)->keep(nullptr));
    EXPECT_FALSE(std::ifstream(path).good()) << "nothing to keep, nothing written";
    (*a)->saw("Contoso.1r1.gw.example.net", "contoso", true, kOnce);
    (*a)->saw("contoso.1r1.gw.example.net", "contoso", false, {kOnce.micros + 60'000'000});
    EXPECT_EQ((*a)->size(), 0U) << "not before it is on disk";
    ASSERT_TRUE((*a)->keep(nullptr));
    EXPECT_EQ((*a)->size(), 1U);
  }
  auto a = Activations::open(path);
  ASSERT_TRUE(a);
  EXPECT_EQ((*a)->size(), 1U);
  auto known = Activations::read(path);
  ASSERT_TRUE(known);
  EXPECT_EQ(known->at("contoso.1r1.gw.example.net"), (Activation{"contoso", 1'700'000'000, true}));
  // The name is another account's now.
  (*a)->saw("contoso.1r1.gw.example.net", "fabrikam", false, {kOnce.micros + 120'000'000});
  ASSERT_TRUE((*a)->keep(nullptr));
  known = Activations::read(path);
  ASSERT_TRUE(known);
  EXPECT_EQ(known->at("contoso.1r1.gw.example.net"),
            (Activation{"fabrikam", 1'700'000'120, false}));
}

directory::DirectoryPtr directory_of(const std::vector<std::string>& accounts,
                                     std::int64_t last_change) {
  const auto b = std::make_unique<directory::Builder>();
  for (const auto& name : accounts) {
    directory::Account a;
    a.name = name;
    b->add(a);
  }
  return b->build(last_change);
}

TEST(Activations, ThoseOfAccountsThatAreGoneAreForgotten) {
  const testing::Folder f;
  const std::string path = f / "activated.json";
  auto a = Activations::open(path);
  ASSERT_TRUE(a);
  (*a)->saw("contoso.1r1.gw.example.net", "contoso", true, kOnce);
  (*a)->saw("fabrikam.1r1.gw.example.net", "fabrikam", true, kOnce);
  ASSERT_TRUE((*a)->keep(directory_of({"contoso", "fabrikam"}, 4).get()));
  EXPECT_EQ((*a)->size(), 2U);
  // A directory that nobody has read yet, or that cannot be, says nothing.
  ASSERT_TRUE((*a)->keep(directory::Directory::none().get()));
  ASSERT_TRUE((*a)->keep(nullptr));
  EXPECT_EQ((*a)->size(), 2U);
  ASSERT_TRUE((*a)->keep(directory_of({"contoso"}, 5).get()));
  EXPECT_EQ((*a)->size(), 1U);
  auto known = Activations::read(path);
  ASSERT_TRUE(known);
  EXPECT_TRUE(known->contains("contoso.1r1.gw.example.net"));
  EXPECT_FALSE(known->contains("fabrikam.1r1.gw.example.net"));
  // A call that was up when its account went.
  (*a)->saw("fabrikam.1r1.gw.example.net", "fabrikam", true, kOnce);
  ASSERT_TRUE((*a)->keep(directory_of({"contoso"}, 5).get()));
  EXPECT_EQ((*a)->size(), 1U);
  // All of them, after a restart.
  a = Activations::open(path);
  ASSERT_TRUE(a);
  ASSERT_TRUE((*a)->keep(directory_of({}, 6).get()));
  EXPECT_EQ((*a)->size(), 0U);
  known = Activations::read(path);
  ASSERT_TRUE(known);
  EXPECT_TRUE(known->empty());
}

TEST(Activations, ADamagedFileIsNotOverwritten) {
  const testing::Folder f;
  for (const char* bad :
       {"", "{}", "[1]", "[{\"name\":\"a\",\"account\":\"b\",\"since\":\"c\"}]"}) {
    std::ofstream(f / "activated.json", std::ios::trunc) << bad;
    const auto a = Activations::open(f / "activated.json");
    ASSERT_FALSE(a) << bad;
    EXPECT_THAT(a.error().what, HasSubstr("is damaged"));
  }
}

TEST(Activations, WhatIsToldIsBounded) {
  const testing::Folder f;
  auto a = Activations::open(f / "activated.json");
  ASSERT_TRUE(a);
  for (std::size_t i = 0; i < Activations::kWaiting + 5; ++i)
    (*a)->saw(std::to_string(i) + ".example", "x", true, kOnce);
  ASSERT_TRUE((*a)->keep(nullptr));
  EXPECT_EQ((*a)->size(), Activations::kWaiting);
}

// One name whose token stands in the DNS and that the service routes to, one that is only verified,
// one that is neither, and one of another account before.
TEST(Names, AreVerifiedAndActivatedEachForItself) {
  PROVES("TDR-27");
  const testing::Folder f;
  const auto loaded = deployment::load_text(testing::with_domain(f.path()), "x.toml", [] {
    deployment::LoadOptions o;
    o.check_files = false;
    return o;
  }());
  ASSERT_TRUE(loaded.deployment) << loaded.to_string();
  auto store = store::Store::open(f / "store.db");
  ASSERT_TRUE(store) << store.error().what;
  {
    auto writer = (*store)->write("test", kOnce);
    ASSERT_TRUE(writer);
    const provisioning::Rules rules;
    provisioning::Editor editor(**writer, rules);
    for (const char* name : {"contoso", "fabrikam"}) {
      store::AccountRecord a;
      a.name = name;
      a.has_details = true;
      a.present = a.enabled = store::kDirectRouting;
      a.direct_routing = store::DirectRoutingAccount{true, name, "MS=1", "MS=2"};
      ASSERT_TRUE(editor.put_account(a));
    }
    ASSERT_TRUE((*writer)->commit());
  }
  {
    auto a = Activations::open(f / "activated.json");
    ASSERT_TRUE(a);
    (*a)->saw("contoso.1r1.gw.example.net", "contoso", true, kOnce);
    (*a)->saw("fabrikam.1r1.gw.example.net", "somebody else", true, kOnce);
    ASSERT_TRUE((*a)->keep(nullptr));
  }
  std::size_t asked = 0;
  const nameserver::Ask ask = [&](const std::string& name, nameserver::Type type) {
    ++asked;
    nameserver::Said said;
    const bool north = name.find(".1r1.") != std::string::npos;
    if (name.starts_with("contoso") || north) {
      if (type == nameserver::Type::kTxt) said.data.emplace_back(north ? "MS=1" : "MS=2");
      if (type == nameserver::Type::kA) said.data.emplace_back(north ? "192.0.2.1" : "192.0.2.2");
    }
    return Result<nameserver::Said>(said);
  };
  std::ostringstream out;
  ASSERT_TRUE(list_names(*loaded.deployment, **store, "", ask, out));
  std::istringstream lines(out.str());
  std::map<std::string, std::string> row;
  for (std::string line; std::getline(lines, line);) row[line.substr(0, line.find(' '))] = line;
  EXPECT_THAT(row["contoso.1r1.gw.example.net"],
              ::testing::ContainsRegex("contoso +yes +2023-11-14T22:13:20.*the service called"));
  EXPECT_THAT(row["contoso.1r2.gw.example.net"], ::testing::ContainsRegex("contoso +yes +no"));
  EXPECT_THAT(row["fabrikam.1r1.gw.example.net"], ::testing::ContainsRegex("fabrikam +yes +no"));
  EXPECT_THAT(row["fabrikam.1r2.gw.example.net"], ::testing::ContainsRegex("fabrikam +no +no"));
  // When nobody answers, one name is asked for and no more.
  asked = 0;
  out.str("");
  ASSERT_TRUE(list_names(
      *loaded.deployment, **store, "contoso",
      [&](const std::string&, nameserver::Type) -> Result<nameserver::Said> {
        ++asked;
        return fail(ErrorCode::kUnavailable, "nobody answers");
      },
      out));
  EXPECT_EQ(asked, 1U);
  EXPECT_THAT(out.str(), HasSubstr("unknown"));
  EXPECT_THAT(out.str(), Not(HasSubstr("fabrikam")));
}

}  // namespace
}  // namespace causeway::app
