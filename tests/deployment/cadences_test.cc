// [[cadence]]: ringing tones of the file beside those of countries.
#include <gtest/gtest.h>

#include "deployment/load.h"
#include "sample.h"

namespace causeway::deployment {
namespace {

LoadResult load(const std::string& more) {
  return load_text(std::string(testing::kSample) + more, "c.toml", {.check_files = false});
}
std::string ringback(const LoadResult& r, std::string_view profile) {
  for (const auto& p : r.deployment->profiles)
    if (p.name == profile && p.ringback) return tone::to_string(*p.ringback);
  return "";
}

constexpr const char* kCadence =
    "[[cadence]]\nname = \"old\"\ntones = \"350+440/1500,0/3000\"\nlevel = -19\n";

TEST(Cadences, OfTheFileAndOfCountriesAreNamedByProfiles) {
  const auto r = load(std::string(kCadence) +
                      "[[cadence]]\nname = \"FR\"\ntones = \"440/100,0/200\"\n"
                      "[[profile]]\nname = \"a\"\nringback = \"old\"\n"
                      "[[profile]]\nname = \"b\"\nextends = \"a\"\n"
                      "[[profile]]\nname = \"c\"\nextends = \"a\"\nringback = \"uk\"\n"
                      "[[profile]]\nname = \"d\"\nringback = \"FR\"\n"
                      "[[profile]]\nname = \"e\"\nextends = \"a\"\nringback = \"\"\n");
  ASSERT_TRUE(r.deployment) << r.to_string();
  EXPECT_EQ(ringback(r, "a"), "350+440/1500,0/3000");
  EXPECT_EQ(ringback(r, "b"), "350+440/1500,0/3000");
  EXPECT_EQ(ringback(r, "c"), "400+450/400,0/200,400+450/400,0/2000");
  EXPECT_EQ(ringback(r, "d"), "440/100,0/200") << "that of the file";
  EXPECT_EQ(ringback(r, "e"), "");
  for (const auto& p : r.deployment->profiles) {
    if (p.name == "a") {
      EXPECT_EQ(p.ringback->level, -19);
    } else if (p.name == "d") {
      EXPECT_EQ(p.ringback->level, -10);
    }
  }
}

TEST(Cadences, EveryCountryOfTheListRings) {
  for (const char* country : {"UK", "US", "DE", "FR", "IT", "ES", "NL", "SE", "CH", "AT", "BE"}) {
    const auto r = load(std::string("[[profile]]\nname = \"x\"\nringback = \"") + country + "\"\n");
    ASSERT_TRUE(r.deployment) << r.to_string();
    EXPECT_NE(ringback(r, "x"), "") << country;
  }
}

TEST(Cadences, MistakesNameTheKeyAndTheRemedy) {
  const auto one = [](const std::string& more) {
    const auto r = load(more);
    EXPECT_FALSE(r.deployment) << more;
    EXPECT_EQ(r.mistakes.size(), 1u) << r.to_string();
    return r.mistakes.empty() ? std::string() : r.mistakes[0].to_string();
  };
  const auto has = [](const std::string& text, const char* part) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  has(one("[[cadence]]\nname = \"x\"\ntones = \"425\"\n"), "cadence[1].tones");
  has(one("[[cadence]]\nname = \"x\"\ntones = \"425/1000,0/4000\"\nlevel = 3\n"),
      "cadence[1].level");
  has(one("[[cadence]]\nname = \"x\"\ntones = \"0/1000\"\n"), "give one step a frequency");
  has(one("[[cadence]]\nname = \"x\"\n"), "tones");
  has(one(std::string(kCadence) + kCadence), "cadence[2].name");
  has(one("[[cadence]]\nname = \"a/b\"\ntones = \"425/1000\"\n"), "cadence[1].name");
  has(one(std::string(kCadence) + "[[profile]]\nname = \"x\"\nringback = \"olf\"\n"
                                  "[[profile]]\nname = \"y\"\nextends = \"x\"\n"),
      "did you mean \"old\"");
}

}  // namespace
}  // namespace causeway::deployment
