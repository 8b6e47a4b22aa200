#include "base/flat_map.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "base/hash.h"
#include "base/random.h"

namespace causeway {
namespace {

struct Crowded {  // many keys share a home
  std::size_t operator()(std::uint64_t k) const { return static_cast<std::size_t>(k % 7); }
};

TEST(FlatMap, DoesWhatAMapDoes) {
  FlatMap<std::uint64_t, std::string, Crowded> flat;
  std::map<std::uint64_t, std::string> model;
  SeededRandom random(7);
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t key = random.below(200);
    if (random.below(5) < 3) {
      std::string value = std::to_string(i);
      flat.insert(key, value);
      model[key] = value;
    } else {
      ASSERT_EQ(flat.erase(key), model.erase(key) == 1);
    }
    ASSERT_EQ(flat.size(), model.size());
    const std::uint64_t asked = random.below(200);
    const std::string* found = flat.find(asked);
    const auto expected = model.find(asked);
    ASSERT_EQ(found != nullptr, expected != model.end());
    if (found) {
      ASSERT_EQ(*found, expected->second);
    }
  }
}

TEST(FlatMap, HasNothingBeforeTheFirst) {
  FlatMap<std::uint64_t, int, RandomBits> flat;
  EXPECT_EQ(flat.find(1), nullptr);
  EXPECT_FALSE(flat.erase(1));
}

TEST(KeyedHasher, TellsBoundariesKeysAndContentsApart) {
  const HashKey key{1, 2};
  const auto of = [](HashKey k, std::string_view a, std::string_view b) {
    return KeyedHasher(k).add(a).add(b).finish();
  };
  EXPECT_EQ(of(key, "z9hG4bK-1", "INVITE"), of(key, "z9hG4bK-1", "INVITE"));
  EXPECT_NE(of(key, "ab", "c"), of(key, "a", "bc"));
  EXPECT_NE(of(key, "12345678", ""), of(key, "", "12345678"));
  EXPECT_NE(of(key, "a", ""), of(key, std::string_view("a\0", 2), ""));
  EXPECT_NE(of(key, "a", "b"), of({1, 3}, "a", "b"));
  EXPECT_NE(of(key, "a", "b").low, of(key, "a", "b").high);
}

}  // namespace
}  // namespace causeway
