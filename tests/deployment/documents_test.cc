// docs/configuration.md and the loader know the same keys.
#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <set>

#include "deployment/load.h"

namespace causeway::deployment {
namespace {

std::set<std::string> documented() {
  std::ifstream in(std::string(std::getenv("CAUSEWAY_SOURCE_DIR")) + "/docs/configuration.md");
  std::set<std::string> out;
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("| `")) out.insert(line.substr(3, line.find('`', 3) - 3));
  return out;
}

TEST(ConfigurationDocument, NamesEveryKeyOfTheLoader) {
  const auto doc = documented();
  for (const auto& key : known_keys())
    EXPECT_TRUE(doc.contains(key)) << key << " is not in docs/configuration.md";
}

TEST(ConfigurationDocument, NamesNoKeyThatTheLoaderDoesNotRead) {
  const auto keys = known_keys();
  const std::set<std::string> known(keys.begin(), keys.end());
  for (const auto& key : documented())
    EXPECT_TRUE(known.contains(key)) << key << " is not read by the loader";
  EXPECT_GT(known.size(), 80u);
}

}  // namespace
}  // namespace causeway::deployment
