#include "rules/regex.h"

#include <gtest/gtest.h>

#include "rules/text_template.h"

namespace causeway::rules {
namespace {

TEST(Regex, FindsTheLeftmostAndItsGroups) {
  const auto r = Regex::compile("(a+)(x)?");
  ASSERT_TRUE(r);
  Captures c;
  ASSERT_TRUE(r->find("baaab", c));
  EXPECT_EQ(c[0], "aaa");
  EXPECT_EQ(c[1], "aaa");
  EXPECT_EQ(c[2], "");
  EXPECT_FALSE(r->find("b", c));
}

TEST(Regex, BytesBeyondAsciiAreBytes) {
  const auto r = Regex::compile("^...$");
  ASSERT_TRUE(r);
  EXPECT_TRUE(r->found_in("\xff\xfe\x01"));
}

TEST(Regex, WhatCannotBeCompiledIsRefusedWithItsReason) {
  for (const char* bad : {"(", "a**b)", "", "[z-a]", "(?<a>x)", "(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)"})
    EXPECT_FALSE(Regex::compile(bad)) << bad;
  EXPECT_FALSE(Regex::compile(std::string(513, 'a')));
  EXPECT_FALSE(Regex::compile("((a{100}){100}){100}")) << "its program is too large";
}

// Where a backtracking machine would need 2^n steps.
TEST(Regex, NoPatternIsCatastrophic) {
  const auto r = Regex::compile("^(a|a)*(a|a)*(a|a)*b$");
  ASSERT_TRUE(r);
  EXPECT_FALSE(r->found_in(std::string(20'000, 'a')));
}

TEST(TextTemplate, RefusesWhatItDoesNotKnow) {
  EXPECT_TRUE(TextTemplate::parse("${1}-${account}-${my_var}-$$"));
  for (const char* bad : {"$", "$1", "${", "${}", "${A}", "${10}"})
    EXPECT_FALSE(TextTemplate::parse(bad)) << bad;
  EXPECT_FALSE(is_variable_name("account"));
  EXPECT_TRUE(is_variable_name("my_var2"));
}

}  // namespace
}  // namespace causeway::rules
