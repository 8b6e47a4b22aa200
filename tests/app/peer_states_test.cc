#include "app/peer_states.h"

#include <gmock/gmock.h>

#include <fstream>

#include "support/proves.h"
#include "temporary.h"

namespace causeway::app {
namespace {

using Kind = PeerStates::Kind;

TEST(PeerStates, AreKeptOverARestart) {
  const testing::Folder f;
  {
    auto s = PeerStates::open(f / "deep/states.json");
    ASSERT_TRUE(s) << s.error().what;
    ASSERT_TRUE(s->set(Kind::kPeer, "site-a", ServiceState::kDraining));
    ASSERT_TRUE(s->set(Kind::kRegion, "north", ServiceState::kBlocked));
    ASSERT_TRUE(s->set(Kind::kGroup, "site-a", ServiceState::kBlocked));
    ASSERT_TRUE(s->set(Kind::kGroup, "site-a", ServiceState::kInService));
  }
  const auto s = PeerStates::open(f / "deep/states.json");
  ASSERT_TRUE(s);
  EXPECT_EQ(s->get(Kind::kPeer, "site-a"), ServiceState::kDraining);
  EXPECT_EQ(s->get(Kind::kRegion, "north"), ServiceState::kBlocked);
  EXPECT_EQ(s->get(Kind::kGroup, "site-a"), ServiceState::kInService);
  EXPECT_EQ(s->all().size(), 2u);
}

TEST(PeerStates, ADamagedFileBringsNobodyBack) {
  const testing::Folder f;
  for (const char* bad :
       {"", "{}", "[1]", "[{\"kind\":\"peer\",\"name\":\"a\",\"state\":\"odd\"}]"}) {
    std::ofstream(f / "states.json", std::ios::trunc) << bad;
    const auto s = PeerStates::open(f / "states.json");
    ASSERT_FALSE(s) << bad;
    EXPECT_THAT(s.error().what, ::testing::HasSubstr("is damaged"));
  }
}

TEST(PeerStates, WhatCannotBeWrittenDoesNotChange) {
  auto s = PeerStates::open("/proc/nowhere/states.json");
  ASSERT_TRUE(s);
  EXPECT_FALSE(s->set(Kind::kPeer, "a", ServiceState::kBlocked));
  EXPECT_EQ(s->get(Kind::kPeer, "a"), ServiceState::kInService);
}

}  // namespace
}  // namespace causeway::app
