#include "app/directory_commands.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <fstream>
#include <iostream>

#include "app/cli.h"
#include "app/name_commands.h"
#include "app/provisioning_rules.h"
#include "app/store_locator.h"
#include "app/subdomain_watch.h"
#include "deployment/load.h"
#include "provisioning/columns.h"
#include "provisioning/editor.h"
#include "provisioning/fields.h"
#include "store/store.h"

namespace causeway::app {
namespace {

using provisioning::Cells;

std::string who() {
  const char* sudo = std::getenv("SUDO_USER");
  const passwd* user = ::getpwuid(::getuid());
  return fmt::format("cli:{}", sudo != nullptr   ? std::string(sudo)
                               : user != nullptr ? std::string(user->pw_name)
                                                 : std::to_string(::getuid()));
}

struct Work {
  const CommandLine& line;
  const std::function<WallTime()>& now;
  std::ostream& out;
  std::ostream& err;
  store::Store& store;
  const provisioning::Rules& rules;
  bool accounts;  // else numbers
  [[nodiscard]] std::string operand(std::size_t i) const {
    return i < line.operands.size() ? line.operands[i] : std::string();
  }
};

std::string services_of(store::ServiceSet set) {
  std::string out;
  for (const auto s : store::kEveryService)
    if ((set & s) != 0)
      out += (out.empty() ? "" : " ") + std::string(provisioning::service_name(s));
  return out;
}

// Every record in order of its key, page by page.
template <typename F>
Status each_record(const Work& w, const F& f) {
  auto r = w.store.read();
  if (!r) return tl::unexpected(r.error());
  store::Page page;
  page.limit = 1'000;
  const std::string prefix = w.line.option("prefix"), account = w.line.option("account");
  if (!prefix.empty())
    page.where = {w.accounts ? "substr(name, 1, $?) = $?" : "substr(number, 1, $?) = $?",
                  {static_cast<std::int64_t>(prefix.size()), prefix}};
  for (;;) {
    if (w.accounts) {
      const auto some = (*r)->list_accounts(page);
      if (!some) return tl::unexpected(some.error());
      if (some->empty()) return {};
      for (const auto& a : *some) f(a);
      page.after = some->back().name;
    } else {
      const auto some = (*r)->list_numbers(
          page, account.empty() ? std::nullopt : std::optional<std::string>(account));
      if (!some) return tl::unexpected(some.error());
      if (some->empty()) return {};
      for (const auto& n : *some) f(n);
      page.after = some->back().number;
    }
  }
}

Status list(const Work& w) {
  Table table;
  if (w.accounts)
    table.head({"account", "tenant", "services", "numbers"});
  else
    table.head({"number", "account", "services", "header"});
  const Status s = each_record(w, [&](const auto& x) {
    if constexpr (std::is_same_v<std::decay_t<decltype(x)>, store::AccountRecord>)
      table.row(
          {x.name, x.tenant_id.value_or(""), services_of(x.enabled), std::to_string(x.numbers)});
    else
      table.row({x.number, x.account, services_of(x.enabled), x.custom_header.value_or("")});
  });
  table.print(w.out);
  return s;
}

Status export_all(const Work& w) {
  const auto& columns =
      w.accounts ? provisioning::account_columns() : provisioning::number_columns();
  for (std::size_t i = 0; i < columns.size(); ++i) w.out << (i == 0 ? "" : ",") << columns[i];
  w.out << "\n";
  return each_record(w, [&](const auto& x) {
    Cells cells = provisioning::cells_of(x);
    for (std::size_t i = 0; i < columns.size(); ++i)
      w.out << (i == 0 ? "" : ",") << provisioning::csv_cell(cells[columns[i]]);
    w.out << "\n";
  });
}

Result<Cells> cells_now(const Work& w, const std::string& key) {
  auto r = w.store.read();
  if (!r) return tl::unexpected(r.error());
  if (w.accounts) {
    const auto a = (*r)->account(key);
    if (!a) return tl::unexpected(a.error());
    return provisioning::cells_of(*a);
  }
  const auto n = (*r)->number(key);
  if (!n) return tl::unexpected(n.error());
  return provisioning::cells_of(*n);
}

Status show(const Work& w) {
  const auto cells = cells_now(w, w.operand(1));
  if (!cells) return tl::unexpected(cells.error());
  Table table;
  for (const auto& [column, value] : *cells) table.row({column, value});
  table.print(w.out);
  return {};
}

Status refused(const provisioning::Problem& p) {
  std::string what = p.message;
  for (const auto& f : p.details) what += "\n  " + f.message;
  return fail(ErrorCode::kMalformed, what);
}

Status set(const Work& w) {
  const std::string key = w.operand(1);
  auto cells = cells_now(w, key);
  if (!cells && cells.error().code != ErrorCode::kNotFound) return tl::unexpected(cells.error());
  Cells wanted = cells ? *cells : Cells{};
  const auto& known = w.accounts ? provisioning::account_columns() : provisioning::number_columns();
  for (std::size_t i = 2; i < w.line.operands.size(); ++i) {
    const std::string& word = w.line.operands[i];
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos ||
        std::find(known.begin(), known.end(), word.substr(0, equals)) == known.end())
      return fail(ErrorCode::kMalformed,
                  fmt::format("'{}' is no COLUMN=VALUE; `causeway {} export` shows the columns",
                              word, w.line.command));
    wanted[word.substr(0, equals)] = word.substr(equals + 1);
  }
  wanted[w.accounts ? "name" : "telephoneNumber"] = key;
  provisioning::Json body = provisioning::json_of(wanted);
  auto writer = w.store.write(who(), w.now());
  if (!writer) return tl::unexpected(writer.error());
  provisioning::Editor editor(**writer, w.rules);
  std::vector<provisioning::Fault> faults;
  if (w.accounts) {
    if (const auto remedy = provisioning::broken_rule(key, provisioning::kAccountName);
        !remedy.empty())
      return fail(ErrorCode::kMalformed, fmt::format("'{}': {}", key, remedy));
    auto a = provisioning::read_account_2024(body, key, faults);
    if (!faults.empty()) return refused(provisioning::problem_of(std::move(faults)));
    if (const auto done = editor.put_account(a); !done) return refused(done.error());
  } else {
    if (body.find("serviceDetails") == nullptr)
      body["serviceDetails"] = provisioning::Json::object();
    std::vector<store::NumberRecord> one{
        provisioning::read_number_2024(body, wanted["accountName"], std::nullopt, "", faults)};
    if (!faults.empty()) return refused(provisioning::problem_of(std::move(faults)));
    if (const auto done = editor.put_numbers(wanted["accountName"], one); !done)
      return refused(done.error());
  }
  if (const Status s = (*writer)->commit(); !s) return s;
  w.out << key << (cells ? ": changed\n" : ": created\n");
  return {};
}

Status remove(const Work& w) {
  const std::string key = w.operand(1);
  auto writer = w.store.write(who(), w.now());
  if (!writer) return tl::unexpected(writer.error());
  provisioning::Editor editor(**writer, w.rules);
  if (w.accounts) {
    if (const auto done = editor.delete_account(key, w.line.options.contains("with-numbers"));
        !done)
      return refused(done.error());
  } else {
    const auto n = (*writer)->number(key);
    if (!n) return tl::unexpected(n.error());
    if (const auto done = editor.delete_numbers(n->account, {key}); !done)
      return refused(done.error());
  }
  if (const Status s = (*writer)->commit(); !s) return s;
  w.out << key << ": deleted\n";
  return {};
}

// True: every row was good.
Result<bool> import(const Work& w) {
  const std::string name = w.operand(1);
  std::ifstream file;
  if (name != "-") {
    file.open(name, std::ios::binary);
    if (!file) return fail(ErrorCode::kIo, fmt::format("cannot read '{}'", name));
  }
  std::size_t told = 0;
  provisioning::ImportListener listener;
  listener.bad_row = [&](std::size_t at, const std::string& why) {
    w.err << name << ":" << at << ": " << why << "\n";
  };
  listener.progress = [&](const provisioning::Imported& i) {
    if (i.rows / 10'000 == told) return;
    told = i.rows / 10'000;
    w.err << i.rows << " rows, " << i.written << " written, " << i.bad << " bad\n";
  };
  const auto done = provisioning::import_rows(
      name == "-" ? std::cin : file,
      w.accounts ? provisioning::RowKind::kAccount : provisioning::RowKind::kNumber, w.store, who(),
      w.now, w.rules, listener);
  if (!done) return tl::unexpected(done.error());
  w.out << done->rows << " rows, " << done->written << " written, " << done->bad << " bad\n";
  return done->bad == 0;
}

}  // namespace

Result<StoreAt> store_of(const CommandLine& line) {
  if (const std::string s = line.option("store"); !s.empty()) return StoreAt{s, {}};
  if (line.option("config").empty())
    return fail(ErrorCode::kMalformed, "say where: --config FILE, or --store PATH");
  deployment::LoadOptions options;
  options.check_files = false;
  const auto r = deployment::load_file(line.option("config"), options);
  if (!r.deployment) return fail(ErrorCode::kConfiguration, r.to_string());
  return StoreAt{store_locator(*r.deployment), rules_of(*r.deployment)};
}

int run_directory_command(const CommandLine& line, const std::function<WallTime()>& now,
                          std::ostream& out, std::ostream& err) {
  const auto say = [&](const Error& e) {
    err << "causeway: " << e.what << "\n";
    return kExitFailed;
  };
  const std::string action = line.operands.at(0);
  if (action != "list" && action != "export" && action != "names" && line.operands.size() < 2) {
    err << "causeway: " << line.command << " " << action << " needs one more word\n";
    return kExitUsage;
  }
  const auto at = store_of(line);
  if (!at) return say(at.error());
  auto store = store::Store::open(at->locator);
  if (!store) return say(store.error());
  if (action == "names") {
    if (line.option("config").empty())
      return say({ErrorCode::kMalformed, "names needs --config FILE: it has the domain"});
    deployment::LoadOptions options;
    options.check_files = false;
    const auto r = deployment::load_file(line.option("config"), options);
    if (!r.deployment) return say({ErrorCode::kConfiguration, r.to_string()});
    const auto servers = r.deployment->nameserver
                             ? servers_to_ask(*r.deployment->nameserver, r.deployment->resolvers)
                             : std::vector<Endpoint>{};
    const Status s = list_names(
        *r.deployment, **store, line.option("prefix"),
        [&](const std::string& name, nameserver::Type type) {
          return nameserver::ask_servers(servers, name, type);
        },
        out);
    return s ? kExitGood : say(s.error());
  }
  const Work w{line, now, out, err, **store, at->rules, line.command == "account"};
  if (action == "import") {
    const auto good = import(w);
    if (!good) return say(good.error());
    return *good ? kExitGood : kExitFailed;
  }
  const Status s = action == "list"     ? list(w)
                   : action == "export" ? export_all(w)
                   : action == "show"   ? show(w)
                   : action == "set"    ? set(w)
                                        : remove(w);
  return s ? kExitGood : say(s.error());
}

}  // namespace causeway::app
