#include "call/local_media.h"

#include <gtest/gtest.h>

#include "support/proves.h"

namespace causeway::call {
namespace {

const deployment::LocalMedia kHeaders{"X-Place", "X-Path", "X-Site"};

UserPlace read(const std::string& headers, const deployment::LocalMedia& names = kHeaders) {
  const auto m = sip::Message::parse(
      "INVITE sip:1@h SIP/2.0\r\nVia: SIP/2.0/TLS a;branch=z9hG4bK1\r\nFrom: <sip:1@h>;tag=1\r\n"
      "To: <sip:1@h>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\n" +
      headers + "Content-Length: 0\r\n\r\n");
  EXPECT_TRUE(m) << m.error().what;
  return m ? place_of(*m, names) : UserPlace{};
}

TEST(UserPlace, IsReadFromTheHeadersThatTheProfileNames) {
  PROVES("LMO-01");
  const auto place = read(
      "x-place: INTERNAL\r\nX-Path: A.example.net,b.example.net\r\n"
      "X-Path: c.example.net\tD.example.net\r\nX-Site: Berlin 2\r\n");
  EXPECT_TRUE(place.internal);
  EXPECT_EQ(place.path, (std::vector<std::string>{"a.example.net", "b.example.net", "c.example.net",
                                                  "d.example.net"}));
  EXPECT_EQ(place.site, "Berlin 2");
  for (const char* outside :
       {"", "X-Place: external\r\n", "X-Place: internals\r\n", "X-Place:\r\nX-Path: , ,\r\n"}) {
    EXPECT_FALSE(read(outside).internal) << outside;
    EXPECT_TRUE(read(outside).path.empty()) << outside;
  }
  EXPECT_FALSE(read("X-Place: internal\r\n", {}).internal) << "a profile that names none";
}

TEST(UserPlace, IsBounded) {
  std::string many;
  for (int i = 0; i < 40; ++i) many += "g" + std::to_string(i) + ".example, ";
  const auto place = read("X-Path: " + many + "\r\nX-Site: " + std::string(200, 's') + "\r\n");
  EXPECT_EQ(place.path.size(), UserPlace::kMostGateways);
  EXPECT_TRUE(place.site.empty());
  EXPECT_TRUE(read("X-Path: " + std::string(300, 'a') + "\r\n").path.empty());
}

TEST(UserPlaces, RememberTheLastPlaceOfMany) {
  UserPlaces places;
  const Instant t{Seconds(1'000)};
  places.saw("teams", "+49301", true, t);
  EXPECT_EQ(places.last("teams", "49301", t), true) << "with or without plus";
  EXPECT_EQ(places.last("other", "49301", t), std::nullopt);
  places.saw("teams", "49301", false, t);
  EXPECT_EQ(places.last("teams", "+49301", t + UserPlaces::kFor), false);
  EXPECT_EQ(places.last("teams", "+49301", t + UserPlaces::kFor + Seconds(1)), std::nullopt);
  places.saw("teams", "", true, t);
  EXPECT_EQ(places.last("teams", "", t), std::nullopt) << "nobody";
  for (std::size_t i = 0; i < UserPlaces::kMost; ++i)
    places.saw("teams", "1" + std::to_string(i), true, t);
  EXPECT_EQ(places.last("teams", "49301", t), false) << "among the older ones";
  for (std::size_t i = 0; i < 2 * UserPlaces::kMost; ++i)
    places.saw("teams", "2" + std::to_string(i), true, t);
  EXPECT_EQ(places.last("teams", "49301", t), std::nullopt);
  EXPECT_EQ(places.last("teams", "2" + std::to_string(2 * UserPlaces::kMost - 1), t), true);
}

}  // namespace
}  // namespace causeway::call
