#include "app/dns_export.h"

#include "app/cli.h"
#include "app/store_locator.h"
#include "deployment/load.h"
#include "nameserver/zone.h"
#include "store/store.h"

namespace causeway::app {
namespace {

Status write_zone(const deployment::Deployment& d, WallTime now, std::ostream& out) {
  // Challenges live for minutes and in the running gateway alone.
  const nameserver::Zone zone(*d.nameserver, {},
                              static_cast<std::uint32_t>(now.micros / 1'000'000));
  auto store = store::Store::open(store_locator(d));
  if (!store) return tl::unexpected(store.error());
  auto reader = (*store)->read();
  if (!reader) return tl::unexpected(reader.error());
  out << nameserver::master_file_head(zone);
  for (const auto& r : zone.records()) out << nameserver::master_file_line(r);
  store::Page page;
  page.limit = 1'000;
  for (;;) {
    const auto some = (*reader)->list_accounts(page);
    if (!some) return tl::unexpected(some.error());
    if (some->empty()) return {};
    for (const auto& a : *some) {
      if (!a.direct_routing) continue;
      const auto& t = *a.direct_routing;
      for (const auto& r : zone.of_tenant({t.subdomain, t.region1_token, t.region2_token}))
        out << nameserver::master_file_line(r);
    }
    page.after = some->back().name;
  }
}

}  // namespace

int run_dns_export(const CommandLine& line, WallTime now, std::ostream& out, std::ostream& err) {
  const std::string file = line.option("config");
  if (file.empty()) {
    err << "causeway: --config FILE is missing: it names the domain and the store\n";
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
  if (!loaded.deployment->nameserver) {
    err << "causeway: " << file << ": there is no [nameserver], and so no domain\n";
    return kExitFailed;
  }
  if (auto ok = write_zone(*loaded.deployment, now, out); !ok) {
    err << "causeway: " << ok.error().what << "\n";
    return kExitFailed;
  }
  return kExitGood;
}

}  // namespace causeway::app
