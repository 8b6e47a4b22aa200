#include "base/kept.h"

#include <gtest/gtest.h>

namespace causeway {
namespace {

TEST(Kept, CopiesAreOneAndEqualityIsThatOfTheValues) {
  const Kept<std::string> none;
  EXPECT_FALSE(none);
  EXPECT_EQ(none, Kept<std::string>(std::nullopt));
  const Kept<std::string> a = std::string("x");
  Kept<std::string> copy = a;
  EXPECT_EQ(&*copy, &*a);
  Kept<std::string> other = std::string("x");
  EXPECT_EQ(other, a);
  EXPECT_NE(&*other, &*a);
  EXPECT_NE(other, none);
  other.share(a);
  EXPECT_EQ(&*other, &*a);
  other = std::string("y");
  other.share(a);
  EXPECT_EQ(*other, "y") << "what differs is not shared";
  copy.reset();
  EXPECT_EQ(*a, "x");
}

TEST(KeptText, IsEmptyWhenNothingWasSaid) {
  const KeptText none, said = "v=0", empty = "";
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(none, empty);
  EXPECT_EQ(none.view(), "");
  EXPECT_EQ(std::string_view(said), "v=0");
  KeptText again = std::string("v=0");
  EXPECT_EQ(again, said);
  again.share(said);
  EXPECT_EQ(again.view().data(), said.view().data());
}

}  // namespace
}  // namespace causeway
