// Whatever changes come in whatever batches, folded whenever: the directory says what a std::map
// of the same changes says.
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "directory/directory.h"

namespace causeway::directory {
namespace {

struct Model {
  std::map<std::string, Account> accounts;
  std::map<std::string, NumberEntry> numbers;

  void take(const Changes& c) {
    for (const auto& [name, a] : c.accounts) {
      if (a)
        accounts[name] = *a;
      else
        accounts.erase(name);
    }
    for (const auto& [number, n] : c.numbers) {
      if (n)
        numbers[number] = *n;
      else
        numbers.erase(number);
    }
  }
  [[nodiscard]] Account account(const std::string& name) const {
    Account a = accounts.at(name);
    a.numbers = {};
    for (const auto& [number, n] : numbers)
      if (n.account == name)
        for (const Service s : kEveryService)
          a.numbers[index_of(s)] += (n.services & s) != 0 ? 1 : 0;
    return a;
  }
};

void expect_same(const Directory& d, const Model& m, const std::vector<std::string>& numbers,
                 const std::vector<std::string>& names) {
  ASSERT_EQ(d.numbers(), m.numbers.size());
  ASSERT_EQ(d.accounts(), m.accounts.size());
  for (const auto& number : numbers) {
    const auto found = d.find(number);
    const auto known = m.numbers.find(number);
    const bool there = known != m.numbers.end() && m.accounts.contains(known->second.account);
    ASSERT_EQ(found.has_value(), there) << number;
    if (!there) continue;
    ASSERT_EQ(found->account, d.account(known->second.account));
    ASSERT_EQ(found->services,
              known->second.services & m.accounts.at(known->second.account).enabled);
    ASSERT_EQ(found->custom_header, known->second.custom_header);
  }
  for (const auto& name : names) {
    const Account* a = d.account(name);
    ASSERT_EQ(a != nullptr, m.accounts.contains(name)) << name;
    if (a == nullptr) continue;
    ASSERT_EQ(*a, m.account(name)) << name;
    if (!a->subdomain.empty()) {
      const Account* by_label = d.account_of_subdomain(a->subdomain);
      ASSERT_NE(by_label, nullptr);
      ASSERT_EQ(by_label->subdomain, a->subdomain);
    }
  }
}

class RandomChanges {
 public:
  explicit RandomChanges(unsigned seed) : random_(seed) {
    for (int i = 0; i < 600; ++i) {
      std::string n = "+";
      for (int digits = 1 + pick(15); digits > 0; --digits) n += static_cast<char>('0' + pick(10));
      numbers.push_back(std::move(n));
    }
    for (int i = 0; i < 90; ++i) names.push_back("account-" + std::to_string(i));
  }
  Changes next() {
    Changes out;
    out.last_change = ++last_;
    for (int i = pick(4); i > 0; --i) {
      const auto& name = names[static_cast<std::size_t>(pick(90))];
      Account a{.name = name, .enabled = static_cast<ServiceSet>(pick(32))};
      if (pick(2) != 0) a.subdomain = "label-" + std::to_string(pick(40));
      out.accounts.emplace_back(name, pick(4) == 0 ? std::nullopt : std::optional(a));
    }
    for (int i = pick(60); i > 0; --i) {
      NumberEntry n{names[static_cast<std::size_t>(pick(90))], static_cast<ServiceSet>(pick(32)),
                    pick(3) == 0 ? "value " + std::to_string(pick(9)) : ""};
      out.numbers.emplace_back(numbers[static_cast<std::size_t>(pick(600))],
                               pick(3) == 0 ? std::nullopt : std::optional(std::move(n)));
    }
    return out;
  }
  int pick(int below) { return static_cast<int>(random_() % static_cast<unsigned>(below)); }

  std::vector<std::string> numbers, names;

 private:
  std::mt19937 random_;
  std::int64_t last_ = 0;
};

class DirectoryProperty : public ::testing::TestWithParam<unsigned> {};

TEST_P(DirectoryProperty, SaysWhatAMapSays) {
  RandomChanges random(GetParam());
  Model model;
  DirectoryPtr d = std::make_shared<const Directory>();
  for (int step = 0; step < 120; ++step) {
    const Changes c = random.next();
    model.take(c);
    d = apply(*d, c);
    if (random.pick(3) == 0) d = fold(*d, static_cast<std::size_t>(random.pick(700)));
    ASSERT_EQ(d->last_change(), c.last_change);
    ASSERT_NO_FATAL_FAILURE(expect_same(*d, model, random.numbers, random.names)) << step;
  }
  // The whole of it folded, twice around whatever was begun.
  d = fold(*fold(*d, kSegments), kSegments);
  EXPECT_EQ(d->overlay(), 0u);
  expect_same(*d, model, random.numbers, random.names);
}

TEST_P(DirectoryProperty, ABuiltOneIsAnAppliedOne) {
  RandomChanges random(GetParam());
  Model model;
  for (int step = 0; step < 60; ++step) model.take(random.next());
  Builder b;
  for (const auto& [number, n] : model.numbers) b.add(number, n);
  for (const auto& [name, a] : model.accounts) b.add(a);
  expect_same(*b.build(1), model, random.numbers, random.names);
}

INSTANTIATE_TEST_SUITE_P(Seeds, DirectoryProperty, ::testing::Range(1U, 9U));

}  // namespace
}  // namespace causeway::directory
