#include "app/command_line.h"

#include <gmock/gmock.h>

#include <fstream>

#include "app/cli.h"
#include "temporary.h"

namespace causeway::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Result<CommandLine> parse(std::vector<std::string> args) { return parse_command_line(args); }

TEST(CommandLine, EveryCommandIsUnderstood) {
  EXPECT_EQ(parse({"run", "--config", "a.toml"})->option("config"), "a.toml");
  EXPECT_THAT(parse({"check", "a.toml"})->operands, ElementsAre("a.toml"));
  EXPECT_EQ(parse({"version"})->command, "version");
  EXPECT_EQ(parse({"--version"})->command, "version");
  EXPECT_EQ(parse({"status", "--socket=/s"})->option("socket"), "/s");
  const auto calls =
      parse({"calls", "--number", "+44", "--peer", "a", "--since", "10m", "--failed"});
  ASSERT_TRUE(calls);
  EXPECT_EQ(calls->option("failed"), "true");
  EXPECT_EQ(request_of(*calls)->arg("since"), "600");
  EXPECT_EQ(request_of(*parse({"trace", "abc"}))->arg("name"), "abc");
  EXPECT_TRUE(parse({"capture", "abc", "--out", "f"}));
  const auto replay = parse({"replay", "a", "b", "c", "--config", "new.toml", "--json"});
  ASSERT_TRUE(replay);
  EXPECT_THAT(replay->operands, ElementsAre("a", "b", "c"));
  EXPECT_FALSE(parse({"replay", "--config", "new.toml"}));
  EXPECT_FALSE(parse({"replay", "a"}));
  EXPECT_EQ(request_of(*parse({"capture", "a", "--out", "f", "--for", "1m"}))->arg("for"), "60");
  const auto watch = request_of(*parse({"trace", "--number", "200100", "--for", "10m"}));
  EXPECT_EQ(watch->arg("number"), "200100");
  EXPECT_EQ(watch->arg("for"), "600");
  for (const char* kind : {"peer", "group", "region"})
    for (const char* action : {"drain", "block", "resume"}) {
      const auto r = request_of(*parse({kind, action, "x"}));
      EXPECT_EQ(r->command, kind);
      EXPECT_EQ(r->arg("action"), action);
      EXPECT_EQ(r->arg("name"), "x");
    }
  EXPECT_TRUE(parse({"confirm"}));
  EXPECT_TRUE(parse({"history"}));
  EXPECT_EQ(request_of(*parse({"diff", "3"}))->arg("number"), "3");
}

TEST(CommandLine, DnsTakesStatusExportAndChallenges) {
  EXPECT_EQ(request_of(*parse({"dns", "status"}))->arg("action"), "status");
  EXPECT_EQ(parse({"dns", "export", "--config", "a"})->option("config"), "a");
  const auto set = request_of(*parse({"dns", "acme", "set", "gw.example.net", "v"}));
  EXPECT_EQ(set->arg("action"), "set");
  EXPECT_EQ(set->arg("name"), "gw.example.net");
  EXPECT_EQ(set->arg("value"), "v");
  EXPECT_TRUE(parse({"dns", "acme", "clear", "gw.example.net"}));
  for (const std::vector<std::string>& bad : {std::vector<std::string>{"dns"},
                                              {"dns", "acme"},
                                              {"dns", "acme", "set", "n"},
                                              {"dns", "acme", "put", "n", "v"},
                                              {"dns", "export", "set"},
                                              {"dns", "import"}})
    EXPECT_FALSE(parse(bad)) << bad.size();
}

TEST(CommandLine, ApplyCarriesTheTextAndTheTime) {
  const testing::Folder f;
  std::ofstream(f / "c.toml") << "text";
  const auto r = request_of(*parse({"apply", f / "c.toml", "--confirm", "5m"}));
  ASSERT_TRUE(r);
  EXPECT_EQ(r->arg("text"), "text");
  EXPECT_EQ(r->arg("file"), f / "c.toml");
  EXPECT_EQ(r->arg("confirm"), "300");
  EXPECT_FALSE(request_of(*parse({"apply", f / "missing.toml"})));
}

TEST(CommandLine, MistakesAreExplained) {
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{}, "a command is missing"},
      {{"stauts"}, "there is no command 'stauts'"},
      {{"run"}, "--config FILE is missing"},
      {{"check"}, "FILE is missing"},
      {{"check", "a", "b"}, "'b' is one word too many"},
      {{"status", "--colour"}, "there is no option --colour"},
      {{"run", "--config"}, "--config needs FILE"},
      {{"calls", "--failed=yes"}, "--failed takes no value"},
      {{"calls", "--since", "soon"}, "write 90s, 5m or 2h"},
      {{"peer", "stop", "x"}, "'stop' is not drain, block or resume"},
      {{"peer", "drain"}, "NAME is missing"},
      {{"trace"}, "CALL or --number is missing"},
      {{"trace", "abc", "--number", "200"}, "either CALL or --number"},
      {{"trace", "abc", "--for", "10m"}, "--for goes with --number"},
      {{"capture", "core", "--out", "f", "--for", "soon"}, "write 90s, 5m or 2h"},
      {{"--socket", "x", "status"}, "the command comes before --socket"},
      {{"status", "--socket", "a", "--socket", "b"}, "given twice"},
  };
  for (const auto& [args, says] : cases) {
    const auto r = parse(args);
    ASSERT_FALSE(r) << says;
    EXPECT_THAT(r.error().what, HasSubstr(says));
  }
  EXPECT_THAT(parse({"run"}).error().what, HasSubstr("usage: causeway run --config FILE"));
}

TEST(CommandLine, HelpSaysWhatThereIs) {
  EXPECT_TRUE(parse({"--help"})->help);
  const auto peer = parse({"peer", "--help"});
  ASSERT_TRUE(peer);
  EXPECT_EQ(peer->command, "peer");
  EXPECT_THAT(help_text("peer"), HasSubstr("causeway peer drain|block|resume NAME"));
  EXPECT_THAT(help_text(), HasSubstr("trace [CALL]"));
}

TEST(CommandLine, TheSocketComesFromTheConfigurationWhenNotGiven) {
  const std::string bench =
      std::string(std::getenv("CAUSEWAY_SOURCE_DIR")) + "/examples/bench.toml";
  EXPECT_EQ(*socket_of(*parse({"status", "--config", bench})), "/tmp/causeway-bench/control.sock");
  EXPECT_EQ(*socket_of(*parse({"status", "--config", bench, "--socket", "/x"})), "/x");
  EXPECT_EQ(*socket_of(*parse({"status"})), "/run/causeway/control.sock");
}

}  // namespace
}  // namespace causeway::app
