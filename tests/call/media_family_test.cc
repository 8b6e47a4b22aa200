#include "call/media_family.h"

#include <gtest/gtest.h>

namespace causeway::call {
namespace {

using media::Family;

TEST(MediaFamily, IsThatOfTheOfferThenOfTheSignallingAsFarAsThereIsAnAddress) {
  const auto v4 = *IpAddress::parse("192.0.2.1"), v6 = *IpAddress::parse("2001:db8::1");
  const auto sources4 = std::vector{*Prefix::parse("198.51.100.0/24")};
  const auto sources6 = std::vector{*Prefix::parse("2001:db8:1::/48")};
  struct Case {
    bool has4, has6, signalled6;
    std::optional<IpAddress> offered;
    std::vector<Prefix> sources;
    Family want;
  };
  const Case cases[] = {
      {true, true, false, {}, {}, Family::kV4},
      {true, true, true, {}, {}, Family::kV6},
      {true, false, true, {}, {}, Family::kV4},
      {false, true, false, {}, {}, Family::kV6},
      // what the peer offers
      {true, true, true, v4, {}, Family::kV4},
      {true, true, false, v6, {}, Family::kV6},
      {true, false, true, v6, {}, Family::kV4},  // refused later: the realm has none
      {true, true, true, *IpAddress::parse("0.0.0.0"), {}, Family::kV6},
      // where its media comes from
      {true, true, true, {}, sources4, Family::kV4},
      {true, true, false, {}, sources6, Family::kV6},
      {true, false, false, {}, sources6, Family::kV4},
      {true, true, true, v6, sources4, Family::kV6},  // it says so itself
  };
  for (const Case& c : cases) {
    deployment::Realm realm;
    if (c.has4) realm.media_v4 = v4;
    if (c.has6) realm.media_v6 = v6;
    deployment::PeerGroup group;
    group.media_sources = c.sources;
    EXPECT_EQ(media_family(realm, group, c.signalled6, c.offered), c.want) << &c - cases;
  }
}

}  // namespace
}  // namespace causeway::call
