#include "app/explain_command.h"

#include "app/atomic_file.h"
#include "app/cli.h"
#include "call/explain.h"
#include "deployment/load.h"
#include "directory/snapshot_file.h"

namespace causeway::app {

int run_explain_offline(const CommandLine& line, WallTime now, std::ostream& out,
                        std::ostream& err) {
  const std::string file = line.option("config");
  if (file.empty()) {
    err << "causeway: --offline needs --config FILE\n";
    return kExitUsage;
  }
  deployment::LoadOptions options;
  options.now = now;
  options.check_files = false;
  const auto loaded = deployment::load_file(file, options);
  if (!loaded.deployment) {
    err << loaded.to_string();
    return kExitMistakes;
  }
  const auto text = read_whole(line.operands.at(0), 256 << 10);
  if (!text) {
    err << "causeway: " << text.error().what << "\n";
    return kExitFailed;
  }
  const std::string path = loaded.deployment->operation.state_directory + "/directory.snap";
  auto directory = directory::Directory::none();
  if (const auto read = directory::read_snapshot(path)) {
    directory = read->snapshot.directory;
    if (!read->trouble.empty()) err << "causeway: " << read->trouble << "\n";
  } else {
    err << "causeway: no number is provisioned for this: " << read.error().what << "\n";
  }
  const auto e = call::explain(*loaded.deployment, directory.get(), line.option("from"), *text);
  if (!e) {
    err << "causeway: " << e.error().what << "\n";
    return kExitFailed;
  }
  out << (line.options.contains("json") ? call::to_json(*e) : call::to_text(*e));
  return kExitGood;
}

}  // namespace causeway::app
