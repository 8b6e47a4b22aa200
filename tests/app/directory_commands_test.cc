#include "app/directory_commands.h"

#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

#include "app/cli.h"
#include "temporary.h"

namespace causeway::app {
namespace {

using ::testing::HasSubstr;

class DirectoryCommands : public ::testing::Test {
 protected:
  int run(std::vector<std::string> words) {
    words.insert(words.end(), {"--store", folder_ / "store.db"});
    out_.str("");
    err_.str("");
    const auto line = parse_command_line(words);
    EXPECT_TRUE(line) << line.error().what;
    return line ? run_directory_command(*line, [] { return WallTime{1}; }, out_, err_) : -1;
  }
  const testing::Folder folder_;
  std::ostringstream out_, err_;
};

TEST_F(DirectoryCommands, SetShowListAndDelete) {
  EXPECT_EQ(run({"account", "set", "contoso", "serviceDetails_teamsTenantId=t"}), kExitGood);
  EXPECT_EQ(out_.str(), "contoso: created\n");
  EXPECT_EQ(
      run({"number", "set", "+1001", "accountName=contoso",
           "serviceDetails_zoomPhoneCloudPeering_enabled=true", "configuration_customSipHeader=h"}),
      kExitGood)
      << err_.str();
  EXPECT_EQ(run({"number", "set", "+1001", "configuration_customSipHeader="}), kExitGood);
  EXPECT_EQ(out_.str(), "+1001: changed\n");
  EXPECT_EQ(run({"number", "show", "+1001"}), kExitGood);
  EXPECT_THAT(out_.str(), HasSubstr("contoso"));
  EXPECT_THAT(out_.str(), ::testing::Not(HasSubstr("customSipHeader")));
  EXPECT_EQ(run({"account", "list"}), kExitGood);
  EXPECT_THAT(out_.str(), HasSubstr("contoso  t"));
  EXPECT_EQ(run({"number", "list", "--prefix", "+1", "--account", "contoso"}), kExitGood);
  EXPECT_THAT(out_.str(), HasSubstr("+1001"));
  EXPECT_EQ(run({"number", "list", "--prefix", "+2"}), kExitGood);
  EXPECT_THAT(out_.str(), ::testing::Not(HasSubstr("+1001")));
  EXPECT_EQ(run({"account", "delete", "contoso"}), kExitFailed);
  EXPECT_THAT(err_.str(), HasSubstr("1 numbers"));
  EXPECT_EQ(run({"account", "delete", "contoso", "--with-numbers"}), kExitGood);
  EXPECT_EQ(run({"number", "show", "+1001"}), kExitFailed);
}

TEST_F(DirectoryCommands, MistakesAreExplained) {
  EXPECT_EQ(run({"account", "set", "con toso"}), kExitFailed);
  EXPECT_THAT(err_.str(), HasSubstr("write 1 to 100"));
  EXPECT_EQ(run({"account", "set", "a", "colour=red"}), kExitFailed);
  EXPECT_THAT(err_.str(), HasSubstr("no COLUMN=VALUE"));
  EXPECT_EQ(run({"number", "set", "+1001"}), kExitFailed);
  EXPECT_EQ(run({"number", "show"}), kExitUsage);
  EXPECT_FALSE(parse_command_line(std::vector<std::string>{"account", "eat", "x"}));
  const auto nowhere = parse_command_line(std::vector<std::string>{"account", "list"});
  EXPECT_EQ(run_directory_command(*nowhere, [] { return WallTime{1}; }, out_, err_), kExitFailed);
  EXPECT_THAT(err_.str(), HasSubstr("--config FILE, or --store PATH"));
}

TEST_F(DirectoryCommands, WhatIsExportedIsImportedAsItWas) {
  run({"account", "set", "a", "correlationId=x, \"y\""});
  run({"number", "set", "+1001", "accountName=a",
       "serviceDetails_teamsOperatorConnect_enabled=true",
       "serviceDetails_teamsOperatorConnect_configuration_usage=u",
       "serviceDetails_teamsOperatorConnect_configuration_choosableCapabilities=A;B"});
  for (const char* kind : {"account", "number"}) {
    ASSERT_EQ(run({kind, "export"}), kExitGood);
    std::ofstream(folder_ / kind) << out_.str();
  }
  ASSERT_EQ(run({"account", "delete", "a", "--with-numbers"}), kExitGood);
  for (const char* kind : {"account", "number"}) {
    EXPECT_EQ(run({kind, "import", folder_ / kind}), kExitGood) << err_.str();
    EXPECT_EQ(out_.str(), "1 rows, 1 written, 0 bad\n");
  }
  for (const char* kind : {"account", "number"}) {
    std::stringstream before;
    before << std::ifstream(folder_ / kind).rdbuf();
    ASSERT_EQ(run({kind, "export"}), kExitGood);
    EXPECT_EQ(out_.str(), before.str());
  }
}

TEST_F(DirectoryCommands, ABadRowIsToldWithItsLine) {
  run({"account", "set", "a"});
  std::ofstream(folder_ / "f.csv") << "telephoneNumber,accountName\n+1001,a\nx,a\n";
  EXPECT_EQ(run({"number", "import", folder_ / "f.csv"}), kExitFailed);
  EXPECT_THAT(err_.str(), HasSubstr("f.csv:3: telephoneNumber"));
  EXPECT_EQ(out_.str(), "2 rows, 1 written, 1 bad\n");
}

}  // namespace
}  // namespace causeway::app
