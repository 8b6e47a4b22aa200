#include "app/replay_command.h"

#include "app/atomic_file.h"
#include "app/cli.h"
#include "call/replay.h"
#include "deployment/load.h"
#include "directory/snapshot_file.h"

namespace causeway::app {

namespace {

constexpr std::size_t kMaxTrailFile = std::size_t{1} << 30;

directory::DirectoryPtr directory_of(const deployment::Deployment& d, std::ostream& err) {
  const auto read = directory::read_snapshot(d.operation.state_directory + "/directory.snap");
  if (!read) {
    err << "causeway: no number is provisioned for this: " << read.error().what << "\n";
    return directory::Directory::none();
  }
  if (!read->trouble.empty()) err << "causeway: " << read->trouble << "\n";
  return read->snapshot.directory;
}

}  // namespace

int run_replay(const CommandLine& line, WallTime now, std::ostream& out, std::ostream& err) {
  deployment::LoadOptions options;
  options.now = now;
  options.check_files = false;
  const auto loaded = deployment::load_file(line.option("config"), options);
  if (!loaded.deployment) {
    err << loaded.to_string();
    return kExitMistakes;
  }
  const auto directory = directory_of(*loaded.deployment, err);
  std::vector<call::Replayed> calls;
  for (const auto& file : line.operands) {
    const auto text = read_whole(file, kMaxTrailFile);
    const auto trails = text ? call::read_trails(*text)
                             : Result<std::vector<telemetry::Trail>>(tl::unexpected(text.error()));
    if (!trails) {
      err << "causeway: " << file << ": " << trails.error().what << "\n";
      return kExitFailed;
    }
    for (const auto& t : *trails)
      calls.push_back(call::replay(t, *loaded.deployment, directory.get()));
  }
  out << (line.options.contains("json") ? call::to_json(calls) : call::to_text(calls));
  return call::count(calls).same == calls.size() ? kExitGood : kExitFailed;
}

}  // namespace causeway::app
