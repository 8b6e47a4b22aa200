#include "app/name_commands.h"

#include "app/activations.h"
#include "app/cli.h"
#include "base/host_name.h"
#include "deployment/nameserver.h"

namespace causeway::app {
namespace {

class Names {
 public:
  Names(const deployment::Nameserver& domain, const std::map<std::string, Activation>& activated,
        const nameserver::Ask& ask, Table& table)
      : domain_(domain), activated_(activated), ask_(ask), table_(table) {}

  void add(const std::string& account, const store::DirectRoutingAccount& a) {
    for (const auto& r : domain_.regions) {
      const std::string name = to_lower(a.subdomain) + "." + domain_.service_domain(r);
      const std::string token = r.number == 1   ? a.region1_token
                                : r.number == 2 ? a.region2_token
                                                : std::string();
      const auto it = activated_.find(name);
      const bool active = it != activated_.end() && it->second.account == account;
      table_.row({name, account, verified({name, r.service, token}),
                  active ? format_rfc3339({it->second.since * 1'000'000}) : "no",
                  !active                 ? ""
                  : it->second.by_service ? "the service called"
                                          : "the service took a call"});
    }
  }

 private:
  std::string verified(const nameserver::Expected& name) {
    if (silent_) return "unknown";
    const auto seen = nameserver::look({name}, ask_);
    silent_ = !seen;
    if (!seen) return "unknown";
    return *seen == nameserver::Seen::kAll ? "yes" : "no";
  }

  const deployment::Nameserver& domain_;
  const std::map<std::string, Activation>& activated_;
  const nameserver::Ask& ask_;
  Table& table_;
  bool silent_ = false;  // nobody answered
};

}  // namespace

Status list_names(const deployment::Deployment& d, store::Store& store, const std::string& prefix,
                  const nameserver::Ask& ask, std::ostream& out) {
  if (!d.nameserver)
    return fail(ErrorCode::kConfiguration,
                "the configuration has no [nameserver]: no names of enterprises");
  const auto activated = Activations::read(d.operation.state_directory + "/activated.json");
  if (!activated) return tl::unexpected(activated.error());
  auto r = store.read();
  if (!r) return tl::unexpected(r.error());
  Table table;
  table.head({"name", "account", "verified", "activated", "by"});
  Names names(*d.nameserver, *activated, ask, table);
  store::Page page;
  page.limit = 1'000;
  if (!prefix.empty())
    page.where = {"substr(name, 1, $?) = $?", {static_cast<std::int64_t>(prefix.size()), prefix}};
  for (;;) {
    const auto some = (*r)->list_accounts(page);
    if (!some) return tl::unexpected(some.error());
    if (some->empty()) break;
    for (const auto& a : *some)
      if (a.direct_routing && !a.direct_routing->subdomain.empty())
        names.add(a.name, *a.direct_routing);
    page.after = some->back().name;
  }
  table.print(out);
  return {};
}

}  // namespace causeway::app
