// The examples of docs/rules.md are rules that work: each is read, and passes its tests.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "../deployment/sample.h"

namespace causeway::rules {
namespace {

TEST(RulesDocument, ItsExamplesPassTheirTests) {
  std::ifstream in(std::string(std::getenv("CAUSEWAY_SOURCE_DIR")) + "/docs/rules.md");
  std::stringstream text;
  text << in.rdbuf();
  const std::string all = text.str();
  int examples = 0;
  for (std::size_t at = all.find("```toml\n"); at != std::string::npos;
       at = all.find("```toml\n", at)) {
    at += 8;
    const std::size_t end = all.find("\n```", at);
    ASSERT_NE(end, std::string::npos);
    const auto loaded = deployment::testing::load_sample(std::string(deployment::testing::kSample) +
                                                         all.substr(at, end - at) + "\n");
    EXPECT_TRUE(loaded.deployment) << all.substr(at, end - at) << "\n" << loaded.to_string();
    EXPECT_NE(all.substr(at, end - at).find("[[rule_set.test]]"), std::string::npos);
    ++examples;
  }
  EXPECT_GE(examples, 5);
}

}  // namespace
}  // namespace causeway::rules
