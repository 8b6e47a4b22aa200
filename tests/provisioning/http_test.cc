#include "provisioning/http.h"

#include <gmock/gmock.h>

namespace causeway::provisioning {
namespace {

using ::testing::ElementsAre;

TEST(TargetOfARequest, IsTakenApartAndDecoded) {
  const auto t = parse_target("/accounts/a%20b/numbers/+441234?x=1%2B2&y=&z");
  ASSERT_TRUE(t);
  EXPECT_THAT(t->path, ElementsAre("accounts", "a b", "numbers", "+441234"));
  EXPECT_EQ(*t->parameter("x"), "1+2");
  EXPECT_EQ(*t->parameter("y"), "");
  EXPECT_EQ(*t->parameter("z"), "");
  EXPECT_EQ(t->parameter("q"), nullptr);
}

TEST(TargetOfARequest, IsRefusedWhenItCannotBeDecoded) {
  for (const char* bad :
       {"", "a", "/%", "/%2", "/%zz", "/%00", "/%ff", "/?a=%c0%af", "*", "http://x/"})
    EXPECT_FALSE(parse_target(bad)) << bad;
}

TEST(Dates, AreReadInBothForms) {
  EXPECT_EQ(parse_date("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
  EXPECT_EQ(parse_date("1994-11-06T08:49:37Z"), 784111777);
  EXPECT_EQ(parse_date("1994-11-06T08:49:37.123456Z"), 784111777);
  EXPECT_EQ(parse_date("1994-11-06T09:49:37+01:00"), 784111777);
  EXPECT_EQ(http_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
  for (const char* bad : {"", "yesterday", "Sun, 06 Xxx 1994 08:49:37 GMT", "1994-13-06T08:49:37Z",
                          "1994-02-30T08:49:37Z", "1994-11-06T25:49:37Z", "1994-11-06T08:49:37",
                          "1994-11-06T08:49:37.Z", "Sun, 06 Nov 1994 08-49-37 GMT"})
    EXPECT_FALSE(parse_date(bad)) << bad;
}

TEST(Conditions, FollowTheOrderOfTheRfc) {
  const Existing e{"7", {784111777'000'000}};
  const auto outcome = [&](const char* method, std::vector<std::pair<std::string, std::string>> h,
                           bool there = true) {
    return failed_condition(Request{method, "/", std::move(h), "", {}},
                            there ? std::optional(e) : std::nullopt)
        .value_or(0);
  };
  EXPECT_EQ(outcome("PUT", {}), 0);
  EXPECT_EQ(outcome("PUT", {{"if-match", "\"7\""}}), 0);
  EXPECT_EQ(outcome("PUT", {{"if-match", "7"}}), 0);
  EXPECT_EQ(outcome("PUT", {{"if-match", "\"6\", \"7\""}}), 0);
  EXPECT_EQ(outcome("PUT", {{"if-match", "\"6\""}}), 412);
  EXPECT_EQ(outcome("PUT", {{"if-match", "W/\"7\""}}), 412);
  EXPECT_EQ(outcome("PUT", {{"if-match", "*"}}), 0);
  EXPECT_EQ(outcome("PUT", {{"if-match", "*"}}, false), 412);
  EXPECT_EQ(outcome("PUT", {{"if-none-match", "*"}}), 412);
  EXPECT_EQ(outcome("PUT", {{"if-none-match", "*"}}, false), 0);
  EXPECT_EQ(outcome("GET", {{"if-none-match", "\"7\""}}), 304);
  EXPECT_EQ(outcome("GET", {{"if-none-match", "W/\"7\""}}), 304);
  EXPECT_EQ(outcome("GET", {{"if-none-match", "\"8\""}}), 0);
  const char* same = "Sun, 06 Nov 1994 08:49:37 GMT";
  const char* before = "Sun, 06 Nov 1994 08:49:36 GMT";
  EXPECT_EQ(outcome("GET", {{"if-modified-since", same}}), 304);
  EXPECT_EQ(outcome("GET", {{"if-modified-since", before}}), 0);
  EXPECT_EQ(outcome("DELETE", {{"if-modified-since", same}}), 412);
  EXPECT_EQ(outcome("PUT", {{"if-unmodified-since", same}}), 0);
  EXPECT_EQ(outcome("PUT", {{"if-unmodified-since", before}}), 412);
  // An ETag goes before a date.
  EXPECT_EQ(outcome("PUT", {{"if-match", "\"7\""}, {"if-unmodified-since", before}}), 0);
  EXPECT_EQ(outcome("GET", {{"if-none-match", "\"8\""}, {"if-modified-since", same}}), 0);
}

}  // namespace
}  // namespace causeway::provisioning
