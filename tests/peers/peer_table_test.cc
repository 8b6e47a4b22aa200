#include "peers/peer_table.h"

#include <gtest/gtest.h>

#include "support/proves.h"

namespace causeway::peers {
namespace {

using deployment::GroupIndex;
using deployment::PeerIndex;

deployment::DeploymentPtr make(const std::vector<std::string>& names) {
  auto d = std::make_shared<deployment::Deployment>();
  d->regions = {{"west"}};
  d->groups.resize(1);
  d->groups[0].name = "g";
  for (const auto& n : names) {
    deployment::Peer p;
    p.name = n;
    p.group = GroupIndex{0};
    d->groups[0].peers.push_back(PeerIndex{static_cast<std::uint16_t>(d->peers.size())});
    d->peers.push_back(p);
  }
  return d;
}

std::string order(const PeerTable& t) {
  std::string s;
  for (const auto p : t.candidates(GroupIndex{0})) s += t.deployment()->peer(p).name;
  return s;
}

TEST(PeerTable, DownPeersComeLastAndAreNeverLeftOut) {
  PROVES("TDR-36");
  PeerTable t;
  t.apply(make({"a", "b", "c"}));
  EXPECT_EQ(order(t), "abc") << "not yet probed counts as up";
  t.state(PeerIndex{0}).up = false;
  EXPECT_EQ(order(t), "bca");
  t.state(PeerIndex{1}).up = t.state(PeerIndex{2}).up = false;
  EXPECT_EQ(order(t), "abc");
}

TEST(PeerTable, DrainAndBlockByPeerGroupAndRegion) {
  PROVES("TDR-91");
  PeerTable t;
  t.apply(make({"a", "b"}));
  ASSERT_TRUE(t.set_admin(PeerTable::Kind::kPeer, "a", Admin::kDrain));
  EXPECT_EQ(order(t), "b");
  ASSERT_TRUE(t.set_admin(PeerTable::Kind::kGroup, "g", Admin::kDrain));
  EXPECT_EQ(order(t), "");
  ASSERT_TRUE(t.set_admin(PeerTable::Kind::kRegion, "west", Admin::kBlock));
  EXPECT_EQ(t.admin_of(GroupIndex{0}), Admin::kBlock);
  ASSERT_TRUE(t.set_admin(PeerTable::Kind::kRegion, "west", Admin::kActive));
  ASSERT_TRUE(t.set_admin(PeerTable::Kind::kGroup, "g", Admin::kActive));
  EXPECT_EQ(order(t), "b");
  const auto no = t.set_admin(PeerTable::Kind::kPeer, "x", Admin::kDrain);
  ASSERT_FALSE(no);
  EXPECT_NE(no.error().what.find("a, b"), std::string::npos);
}

TEST(PeerTable, ReloadKeepsWhatIsKnownByName) {
  PeerTable t;
  t.apply(make({"a", "b"}));
  t.state(PeerIndex{0}).up = false;
  ASSERT_TRUE(t.set_admin(PeerTable::Kind::kPeer, "b", Admin::kDrain));
  t.apply(make({"new", "b", "a"}));
  EXPECT_EQ(order(t), "newa");
}

}  // namespace
}  // namespace causeway::peers
