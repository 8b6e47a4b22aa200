// The directory as the call side reads it: what is found, and what is not.
#include "directory/directory.h"

#include <gtest/gtest.h>

#include "directory/packed_number.h"

namespace causeway::directory {
namespace {

Account contoso(ServiceSet enabled = kOperatorConnect | kDirectRouting) {
  Account a;
  a.name = "contoso";
  a.tenant_id = "aaaabbbb-0000-cccc-1111-dddd2222eeee";
  a.enabled = enabled;
  a.subdomain = "contoso";
  return a;
}

Changes change(std::string number, std::optional<NumberEntry> entry) {
  return {{}, {{std::move(number), std::move(entry)}}, 2};
}

DirectoryPtr with(const Account& account, const std::string& number, const NumberEntry& entry) {
  return apply(Directory{}, {{{account.name, account}}, {{number, entry}}, 1});
}

TEST(Directory, FindsANumberWithItsAccountServicesAndHeader) {
  const auto d = with(contoso(), "+15105850321", {"contoso", kOperatorConnect, "blue"});
  const auto n = d->find("+15105850321");
  ASSERT_TRUE(n);
  EXPECT_EQ(n->account->tenant_id, "aaaabbbb-0000-cccc-1111-dddd2222eeee");
  EXPECT_EQ(n->services, kOperatorConnect);
  EXPECT_EQ(n->custom_header, "blue");
  EXPECT_EQ(d->last_change(), 1);
  EXPECT_EQ(d->numbers(), 1u);
  EXPECT_EQ(d->accounts(), 1u);
}

TEST(Directory, AnEmptyOneFindsNothing) {
  const Directory d;
  EXPECT_FALSE(d.find("+15105850321"));
  EXPECT_EQ(d.account("contoso"), nullptr);
  EXPECT_EQ(d.account_of_subdomain("contoso"), nullptr);
  EXPECT_EQ(d.last_change(), 0);
}

TEST(Directory, WhatIsNoE164NumberIsFoundNowhere) {
  const auto d = with(contoso(), "+123", {"contoso", kOperatorConnect, ""});
  ASSERT_TRUE(d->find("+123"));
  for (const char* text : {"", "+", "123", "++123", "+12a", "+12 3", "123+", "+123;x", "+0123",
                           "+00123", "+1230", "+\xd9\xa1\xd9\xa2\xd9\xa3", "tel:+123"})
    EXPECT_FALSE(d->find(text)) << text;
  EXPECT_FALSE(d->find(std::string_view("+123\0", 5)));
}

TEST(Directory, FifteenDigitsAreANumberAndSixteenAreNone) {
  for (const char* text : {"+999999999999999", "+100000000000000", "+000000000000000"}) {
    const auto d = with(contoso(), text, {"contoso", kDirectRouting, ""});
    ASSERT_TRUE(d->find(text)) << text;
    EXPECT_FALSE(d->find(std::string(text) + "0"));
    EXPECT_FALSE(d->find(std::string(text).substr(0, 15)));
  }
  const auto d = with(contoso(), "+1234567890123456", {"contoso", kDirectRouting, ""});
  EXPECT_FALSE(d->find("+1234567890123456"));
  EXPECT_EQ(d->numbers(), 0u);
}

TEST(Directory, LeadingZerosAndLengthsAreToldApart) {
  Changes c{{{"contoso", contoso()}}, {}, 1};
  for (const char* n : {"+1", "+01", "+001", "+10", "+0", "+00"})
    c.numbers.push_back({n, NumberEntry{"contoso", kOperatorConnect, n}});
  const auto d = apply(Directory{}, c);
  EXPECT_EQ(d->numbers(), 6u);
  for (const char* n : {"+1", "+01", "+001", "+10", "+0", "+00"})
    EXPECT_EQ(d->find(n)->custom_header, n);
}

TEST(Directory, ANumberPacksAndUnpacksToItself) {
  for (const char* n :
       {"+0", "+00", "+1", "+15105850321", "+999999999999999", "+000000000000001"}) {
    const auto packed = pack_number(n);
    ASSERT_TRUE(packed) << n;
    EXPECT_LE(*packed, kPackedMask);
    EXPECT_EQ(unpack_number(*packed), n);
  }
  for (const std::uint64_t none : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{9},
                                   std::uint64_t{25}, std::uint64_t{2'000'000'000'000'000},
                                   std::uint64_t{10'000'000'000'000'000}, ~std::uint64_t{0}})
    EXPECT_EQ(unpack_number(none), "") << none;
}

TEST(Directory, AServiceIsOnOnlyWhenNumberAndAccountHaveIt) {
  const auto on = with(contoso(), "+123", {"contoso", kOperatorConnect | kZoom, ""});
  EXPECT_EQ(on->find("+123")->services, kOperatorConnect);
  const auto off = apply(*on, {{{"contoso", contoso(kDirectRouting)}}, {}, 2});
  EXPECT_EQ(off->find("+123")->services, 0);
  // What the number has comes back with the account's.
  const auto again = apply(*off, {{{"contoso", contoso(kZoom)}}, {}, 3});
  EXPECT_EQ(again->find("+123")->services, kZoom);
}

TEST(Directory, ANumberWhoseAccountIsGoneOrNotYetThereIsFoundNowhere) {
  const auto early = apply(Directory{}, change("+123", NumberEntry{"contoso", kZoom, ""}));
  EXPECT_FALSE(early->find("+123"));
  EXPECT_EQ(early->account("contoso"), nullptr);
  EXPECT_EQ(early->accounts(), 0u);
  const auto there = apply(*early, {{{"contoso", contoso(kZoom)}}, {}, 2});
  ASSERT_TRUE(there->find("+123"));
  EXPECT_EQ(there->account("contoso")->numbers[index_of(kZoom)], 1);
  const auto gone = apply(*there, {{{"contoso", std::nullopt}}, {}, 3});
  EXPECT_FALSE(gone->find("+123"));
  EXPECT_EQ(gone->account("contoso"), nullptr);
  EXPECT_EQ(gone->account_of_subdomain("contoso"), nullptr);
}

TEST(Directory, ASnapshotStaysAsItWasWhateverIsMadeOfIt) {
  const auto before = with(contoso(), "+123", {"contoso", kOperatorConnect, "one"});
  const auto found = before->find("+123");
  const auto after = apply(*before, change("+123", NumberEntry{"contoso", 0, "two"}));
  const auto gone = apply(*after, change("+123", std::nullopt));
  EXPECT_EQ(found->custom_header, "one");
  EXPECT_EQ(before->find("+123")->services, kOperatorConnect);
  EXPECT_EQ(after->find("+123")->custom_header, "two");
  EXPECT_FALSE(gone->find("+123"));
  EXPECT_EQ(before->account("contoso")->numbers[index_of(kOperatorConnect)], 1);
  EXPECT_EQ(after->account("contoso")->numbers[index_of(kOperatorConnect)], 0);
}

TEST(Directory, ASubdomainIsFoundInAnyCaseAndFollowsItsAccount) {
  const auto d = with(contoso(), "+123", {"contoso", kDirectRouting, ""});
  for (const char* label : {"contoso", "Contoso", "CONTOSO"})
    EXPECT_EQ(d->account_of_subdomain(label), d->account("contoso")) << label;
  for (const char* label : {"", "contos", "contoso2", "contoso.", "k\xc3\xb6ln"})
    EXPECT_EQ(d->account_of_subdomain(label), nullptr) << label;
  EXPECT_EQ(d->account_of_subdomain(std::string(64, 'c')), nullptr);

  // Two accounts swap labels within one batch, in either order.
  Account a = contoso(), b = contoso();
  b.name = "fabrikam";
  b.subdomain = "fabrikam";
  const auto both = apply(*d, {{{"fabrikam", b}}, {}, 2});
  std::swap(a.subdomain, b.subdomain);
  for (const bool first : {true, false}) {
    Changes c{{{"contoso", a}, {"fabrikam", b}}, {}, 3};
    if (!first) std::swap(c.accounts[0], c.accounts[1]);
    const auto swapped = apply(*both, c);
    EXPECT_EQ(swapped->account_of_subdomain("contoso"), swapped->account("fabrikam"));
    EXPECT_EQ(swapped->account_of_subdomain("fabrikam"), swapped->account("contoso"));
  }
}

TEST(Directory, ApplyingAChangeTwiceDoesNoHarm) {
  const auto c = change("+123", NumberEntry{"contoso", kOperatorConnect, "blue"});
  const auto once = apply(*with(contoso(), "+124", {"contoso", kOperatorConnect, ""}), c);
  const auto twice = apply(*once, c);
  EXPECT_EQ(twice->numbers(), 2u);
  EXPECT_EQ(*twice->account("contoso"), *once->account("contoso"));
  const auto none =
      apply(*apply(*twice, change("+123", std::nullopt)), change("+123", std::nullopt));
  EXPECT_EQ(none->numbers(), 1u);
  EXPECT_EQ(none->account("contoso")->numbers[index_of(kOperatorConnect)], 1);
}

TEST(Directory, TheOverlayIsBoundedWhateverComesAtOnce) {
  Changes c{{{"contoso", contoso()}}, {}, 1};
  for (int i = 0; i < 50'000; ++i)
    c.numbers.push_back(
        {"+4930" + std::to_string(i), NumberEntry{"contoso", kOperatorConnect, ""}});
  const auto d = apply(Directory{}, c);
  EXPECT_EQ(d->numbers(), 50'000u);
  EXPECT_LT(d->overlay(), Directory::kMaxOverlay);
  for (int i = 0; i < 50'000; ++i) ASSERT_TRUE(d->find("+4930" + std::to_string(i))) << i;
}

TEST(Directory, ANumberTakesAtMost48BytesAndItsHeaderValueIsKeptOnce) {
  Builder b;
  b.add(contoso());
  constexpr int kNumbers = 200'000;
  const std::string value(100, 'x');
  for (int i = 0; i < kNumbers; ++i)
    b.add("+1510" + std::to_string(1'000'000 + i), {"contoso", kOperatorConnect, value});
  const auto d = b.build(7);
  EXPECT_EQ(d->numbers(), static_cast<std::size_t>(kNumbers));
  EXPECT_EQ(d->account("contoso")->numbers[index_of(kOperatorConnect)], kNumbers);
  EXPECT_LT(d->footprint().numbers, kNumbers * 24u);
  EXPECT_LT(d->footprint().headers, kSegments * 150u);
  EXPECT_EQ(d->find("+15101000000")->custom_header, value);
}

}  // namespace
}  // namespace causeway::directory
