#include "app/migrate.h"

#include <fmt/format.h>

#include <fstream>

#include "app/atomic_file.h"
#include "app/cli.h"
#include "app/directory_commands.h"
#include "app/migrate_resource.h"
#include "base/host_name.h"
#include "provisioning/columns.h"
#include "provisioning/json.h"
#include "store/store.h"

namespace causeway::app {
namespace {

using provisioning::Json;

constexpr std::size_t kMaxResource = 16 << 20, kMaxRecords = 1 << 30;

struct Streams {
  std::ostream& out;
  std::ostream& err;
  int complain(const Error& e) const {
    err << "causeway: " << e.what << "\n";
    return kExitFailed;
  }
};

int deployment_of(const CommandLine& line, const Streams& s) {
  const std::string& file = line.operands.at(1);
  const auto text = read_whole(file, kMaxResource);
  if (!text) return s.complain(text.error());
  migrate::Notes notes;
  const auto resource = migrate::read_resource(*text, notes);
  if (!resource) return s.complain({resource.error().code, file + ": " + resource.error().what});
  const auto toml = migrate::configuration_of(*resource,
                                              {line.option("region"), line.option("network"),
                                               line.option("service"), line.option("domain")},
                                              notes);
  if (!toml) return s.complain(toml.error());
  for (const auto& n : notes) s.err << n << "\n";
  const std::string to = line.option("out");
  if (to.empty()) {
    s.out << *toml;
    return kExitGood;
  }
  // A configuration that somebody wrote is not written over.
  if (std::ifstream(to)) return s.complain({ErrorCode::kConflict, "'" + to + "' exists"});
  std::ofstream written(to);
  written << *toml;
  written.close();
  if (!written) return s.complain({ErrorCode::kIo, "cannot write '" + to + "'"});
  s.out << to << ": written, " << notes.size() << " notes\n";
  return kExitGood;
}

// A resource of 2023-10-01 as 2024-02-29-preview has it; any other as it is.
Json as_2024(const Json& j) {
  const Json* details = j.find("details");
  if (details == nullptr) return j;
  Json out = Json::object();
  const auto move = [&](const char* from, const char* to) {
    if (const Json* v = j.find(from)) out[to] = *v;
  };
  move("name", "name");
  move("accountName", "accountName");
  move("phoneNumber", "telephoneNumber");
  if (const Json* c = details->find("configuration")) out["configuration"] = *c;
  const auto enabled = [&](const char* service, bool on) {
    out["serviceDetails"][service]["enabled"] = on;
  };
  if (const Json* services = details->find("services"))
    for (const auto& [member, service] : {std::pair{"teamsDrEnabled", "teamsDirectRouting"},
                                          std::pair{"teamsOcEnabled", "teamsOperatorConnect"},
                                          std::pair{"zoomEnabled", "zoomPhoneCloudPeering"}})
      if (const Json* on = services->find(member); on != nullptr && on->boolean() != nullptr)
        enabled(service, *on->boolean());
  if (const Json* d = details->find("directRouting")) {
    enabled("teamsDirectRouting", true);
    out["serviceDetails"]["teamsDirectRouting"]["syncEnabled"] = false;
    out["serviceDetails"]["teamsDirectRouting"]["configuration"] = *d;
  }
  return out;
}

// A page of a list, a bare list, or one resource.
std::vector<Json> resources_of(const Json& j, const std::string& file, const Streams& s) {
  std::vector<Json> out;
  const Json* list = j.items() != nullptr ? &j : j.find("value");
  if (list == nullptr || list->items() == nullptr) return {as_2024(j)};
  for (const auto& item : *list->items()) out.push_back(as_2024(item));
  if (j.find("nextLink") != nullptr)
    s.err << file << ": the list goes on at its nextLink: export that page, too\n";
  return out;
}

int records_of(const CommandLine& line, const std::function<WallTime()>& now, const Streams& s) {
  const bool accounts = line.operands.at(0) == "accounts";
  const std::string& file = line.operands.at(1);
  if (!to_lower(file).ends_with(".json")) {
    CommandLine as_import = line;
    as_import.command = accounts ? "account" : "number";
    as_import.operands = {"import", file};
    return run_directory_command(as_import, now, s.out, s.err);
  }
  const auto text = read_whole(file, kMaxRecords);
  if (!text) return s.complain(text.error());
  const auto j = provisioning::parse_json(*text);
  if (!j) return s.complain({j.error().code, file + ": " + j.error().what});
  const auto bodies = resources_of(*j, file, s);
  const auto at = store_of(line);
  if (!at) return s.complain(at.error());
  auto store = store::Store::open(at->locator);
  if (!store) return s.complain(store.error());
  provisioning::ImportListener listener;
  listener.bad_row = [&](std::size_t i, const std::string& why) {
    const Json* key = bodies[i - 1].find(accounts ? "name" : "telephoneNumber");
    s.err << fmt::format("{}: {} of {}{}: {}\n", file, i, bodies.size(),
                         key != nullptr && key->text() != nullptr ? " (" + *key->text() + ")" : "",
                         why);
  };
  const auto done = provisioning::import_bodies(
      bodies, accounts ? provisioning::RowKind::kAccount : provisioning::RowKind::kNumber, **store,
      "cli:migrate", now, at->rules, listener);
  if (!done) return s.complain(done.error());
  s.out << fmt::format("{} {}, {} written, {} bad\n", done->rows, line.operands.at(0),
                       done->written, done->bad);
  return done->bad == 0 ? kExitGood : kExitFailed;
}

}  // namespace

int run_migrate(const CommandLine& line, const std::function<WallTime()>& now, std::ostream& out,
                std::ostream& err) {
  const Streams s{out, err};
  return line.operands.at(0) == "deployment" ? deployment_of(line, s) : records_of(line, now, s);
}

}  // namespace causeway::app
