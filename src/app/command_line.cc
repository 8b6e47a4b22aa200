#include "app/command_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace causeway::app {
namespace {

struct OptionSpec {
  std::string_view name, value, meaning;  // no value: a flag
  bool required = false;
};
struct CommandSpec {
  std::string_view name;
  std::vector<std::string_view> operands;
  std::vector<OptionSpec> options;
  std::string_view summary, detail;
  bool remote = true;  // asks a running gateway
};

const std::vector<OptionSpec>& remote_options() {
  static const std::vector<OptionSpec> kOptions = {
      {"socket", "PATH", "control socket of the running gateway"},
      {"config", "FILE", "its configuration, from which the socket is taken"},
  };
  return kOptions;
}

constexpr std::string_view kDirectoryActions = "list|show|set|delete|import|export";
constexpr std::string_view kAccountActions = "list|show|names|set|delete|import|export";

std::vector<OptionSpec> directory_options() {
  return {{"config", "FILE", "the configuration, which names the store"},
          {"store", "PATH", "a store by its path or connection string"},
          {"account", "NAME", "numbers of this account"},
          {"prefix", "TEXT", "those that begin with it"},
          {"with-numbers", "", "deletes an account together with its numbers"}};
}

const std::vector<CommandSpec>& commands() {
  static const std::vector<CommandSpec> kCommands = {
      {"run",
       {},
       {{"config", "FILE", "the configuration", true}},
       "runs the gateway",
       "SIGTERM drains and stops it, SIGHUP reads FILE again.",
       false},
      {"provision",
       {},
       {{"config", "FILE", "the configuration", true}},
       "serves the Provisioning API alone, without a gateway",
       "SIGTERM stops it.",
       false},
      {"check",
       {"FILE"},
       {},
       "reports every mistake in a configuration",
       "Exit status 2 when there is any.",
       false},
      {"tls-check",
       {"PEER|HOST[:PORT]"},
       {{"config", "FILE", "the configuration", true}},
       "what TLS with a peer comes to, and what to change",
       "Shows both certificates with their chains, names, purposes and dates, the versions and "
       "suites "
       "agreed, and how OPTIONS is answered. Exit status 1 when a rule is broken.",
       false},
      {"account",
       {kAccountActions, "[NAME|FILE]", "[COLUMN=VALUE...]"},
       directory_options(),
       "customers in the store, without the API",
       "list, export: all, or those of --prefix. names: those in the deployment's domain, which "
       "are verified, and which the service routes to. show, delete NAME. set NAME COLUMN=VALUE... "
       "creates "
       "or "
       "changes; `COLUMN=` takes away. import FILE: CSV with the columns that export writes, '-' "
       "for "
       "standard input; each bad row is told with its line, the others are written, and the exit "
       "status is 1.",
       false},
      {"number",
       {kDirectoryActions, "[NUMBER|FILE]", "[COLUMN=VALUE...]"},
       directory_options(),
       "telephone numbers in the store",
       "As account; list and export also take --account. A new number needs accountName=NAME.",
       false},
      {"migrate",
       {"deployment|accounts|numbers", "FILE"},
       {{"config", "FILE", "accounts, numbers: the configuration, which names the store"},
        {"store", "PATH", "... or a store by its path or connection string"},
        {"out", "FILE", "deployment: the configuration to write; standard output unless said"},
        {"region", "NAME", "deployment: the service location that the gateway is for"},
        {"network", "ADDRESS", "deployment: its address towards the operator's network"},
        {"service", "ADDRESS", "deployment: its address towards the services"},
        {"domain", "NAME", "deployment: its domain, instead of the delegated one"}},
       "takes over what Azure Communications Gateway exports",
       "deployment FILE: the resource as JSON, of any api-version; becomes a configuration, and "
       "what has no counterpart is told, one line each. accounts, numbers FILE: pages of the "
       "Provisioning API (.json, either version) or CSV; written into the store, bad ones told.",
       false},
      {"replay",
       {"TRAIL", "[TRAIL...]"},
       {{"config", "FILE", "the configuration to replay them through", true},
        {"json", "", "as JSON, instead of text"}},
       "which recorded calls would go differently under a configuration, and why",
       "TRAIL is what `trace --json` wrote, one trail or several. No call is placed, and no "
       "gateway asked. Exit status 1 when a call would go differently, or cannot be replayed; 2 "
       "when the configuration has mistakes.",
       false},
      {"version", {}, {}, "prints the version", "", false},
      {"status", {}, {}, "peers, calls, refusals by reason", ""},
      {"calls",
       {},
       {{"number", "NUMBER", "from or to this number, or a part of it"},
        {"peer", "NAME", "with this peer or group"},
        {"since", "TIME", "that began within this time: 10m, 2h"},
        {"failed", "", "that did not succeed"}},
       "recent calls with their outcome",
       ""},
      {"trace",
       {"[CALL]"},
       {{"json", "", "as exported, instead of the ladder"},
        {"number", "NUMBER", "keep the trails of calls to come from or to this number"},
        {"for", "TIME", "... that begin within this time: 10m"}},
       "the ladder of one call",
       "CALL is an id from `causeway calls`, or a SIP Call-ID. The trail of a call that is up is "
       "kept after its end, whatever becomes of it. With --number there is no CALL."},
      {"explain",
       {"MESSAGE-FILE"},
       {{"from", "PEER", "the peer, or the peer group, that it would come from", true},
        {"json", "", "as JSON, instead of text"},
        {"offline", "", "by the files alone: --config, and the directory on disk"}},
       "what would happen to an INVITE, and why",
       "No call is placed. Every rule that decides is told, where it would go, and with which "
       "headers. Exit status 0 also when it would be refused."},
      {"capture",
       {"CALL|PEER|GROUP"},
       {{"out", "FILE", "pcapng file to write", true},
        {"for", "TIME", "for so long everything that a peer or group sends and is sent: 30s"},
        {"rtp", "TIME", "for so long also the RTP of a live call, decrypted: 10s"}},
       "decrypted SIP of a call or a peer as pcapng",
       "Without --for: what the trails of the call, or of the calls with that peer, hold. --rtp is "
       "refused unless the configuration says capture_media = true."},
      {"peer",
       {"drain|block|resume", "NAME"},
       {},
       "takes a peer out of service, or back",
       "drain: no new calls either way, those that exist go on. block: those end, too. OPTIONS are "
       "answered. Kept over a restart until resume."},
      {"group", {"drain|block|resume", "NAME"}, {}, "the same for a peer group", ""},
      {"region", {"drain|block|resume", "NAME"}, {}, "the same for a region", ""},
      {"apply",
       {"FILE"},
       {{"confirm", "TIME",
         "return to the configuration before, unless confirmed within TIME: 5m"}},
       "puts a configuration into force",
       "One that does not validate changes nothing."},
      {"bans", {}, {}, "sources that are not heard for a time, and why", ""},
      {"unban", {"ADDRESS"}, {}, "hears one again", ""},
      {"dns",
       {"status|export|acme", "[set|clear]", "[NAME]", "[VALUE]"},
       {},
       "the domain of the deployment",
       "status: what the name server answered. export --config FILE: the whole zone as a master "
       "file. acme set NAME VALUE: the answer to a certificate authority's challenge for NAME; "
       "acme "
       "clear NAME [VALUE] takes it away."},
      {"confirm", {}, {}, "keeps what `apply --confirm` put into force", ""},
      {"history", {}, {}, "configurations that were in force", ""},
      {"diff", {"N"}, {}, "what configuration N changed", ""},
  };
  return kCommands;
}

const CommandSpec* find(std::string_view name) {
  const auto it = std::find_if(commands().begin(), commands().end(),
                               [&](const CommandSpec& c) { return c.name == name; });
  return it == commands().end() ? nullptr : &*it;
}

std::vector<OptionSpec> options_of(const CommandSpec& c) {
  std::vector<OptionSpec> out = c.options;
  if (c.remote) out.insert(out.end(), remote_options().begin(), remote_options().end());
  return out;
}

std::string usage(const CommandSpec& c) {
  std::string out = fmt::format("causeway {}", c.name);
  for (const auto o : c.operands) out += fmt::format(" {}", o);
  for (const auto& o : options_of(c)) {
    const std::string text =
        o.value.empty() ? fmt::format("--{}", o.name) : fmt::format("--{} {}", o.name, o.value);
    out += o.required ? " " + text : " [" + text + "]";
  }
  return out;
}

tl::unexpected<Error> wrong(const std::string& what, const CommandSpec* c) {
  return fail(
      ErrorCode::kMalformed,
      what + "\n" + (c != nullptr ? "usage: " + usage(*c) : std::string("try: causeway --help")));
}

Status check_dns(const CommandSpec& c, const CommandLine& line) {
  const auto& words = line.operands;
  if (words[0] == "status" || words[0] == "export") {
    if (words.size() > 1) return wrong(fmt::format("'{}' is one word too many", words[1]), &c);
    return {};
  }
  if (words[0] != "acme")
    return wrong(fmt::format("'{}' is not status, export or acme", words[0]), &c);
  if (words.size() < 3 || (words[1] == "set" && words.size() < 4))
    return wrong("acme takes: set NAME VALUE, or clear NAME [VALUE]", &c);
  if (words[1] != "set" && words[1] != "clear")
    return wrong(fmt::format("'{}' is not set or clear", words[1]), &c);
  return {};
}

Status check_operands(const CommandSpec& c, const CommandLine& line) {
  const auto optional = static_cast<std::size_t>(std::count_if(
      c.operands.begin(), c.operands.end(), [](const auto o) { return o.starts_with('['); }));
  if (line.operands.size() < c.operands.size() - optional)
    return wrong(fmt::format("{} is missing", c.operands[line.operands.size()]), &c);
  const bool any_number = !c.operands.empty() && c.operands.back().ends_with("...]");
  if (line.operands.size() > c.operands.size() && !any_number)
    return wrong(fmt::format("'{}' is one word too many", line.operands[c.operands.size()]), &c);
  if (!c.operands.empty() && c.operands[0] == "drain|block|resume")
    if (line.operands[0] != "drain" && line.operands[0] != "block" && line.operands[0] != "resume")
      return wrong(fmt::format("'{}' is not drain, block or resume", line.operands[0]), &c);
  if (!c.operands.empty() &&
      (c.operands[0] == kDirectoryActions || c.operands[0] == kAccountActions))
    if (("|" + std::string(c.operands[0]) + "|").find("|" + line.operands[0] + "|") ==
        std::string::npos)
      return wrong(fmt::format("'{}' is none of {}", line.operands[0], c.operands[0]), &c);
  if (c.name == "migrate")
    if (const std::string& w = line.operands[0];
        w != "deployment" && w != "accounts" && w != "numbers")
      return wrong(fmt::format("'{}' is not deployment, accounts or numbers", w), &c);
  if (c.name == "dns")
    if (const Status s = check_dns(c, line); !s) return s;
  for (const auto& o : c.options)
    if (o.required && !line.options.contains(std::string(o.name)))
      return wrong(fmt::format("--{} {} is missing", o.name, o.value), &c);
  if (c.name == "trace") {
    const bool number = line.options.contains("number");
    if (number == !line.operands.empty())
      return wrong(number ? "either CALL or --number" : "CALL or --number is missing", &c);
    if (!number && line.options.contains("for")) return wrong("--for goes with --number", &c);
  }
  for (const std::string name : {"since", "confirm", "for"})
    if (const auto it = line.options.find(name); it != line.options.end())
      if (const auto t = parse_seconds(it->second); !t)
        return wrong("--" + name + ": " + t.error().what, &c);
  return {};
}

}  // namespace

Result<long> parse_seconds(std::string_view text) {
  long value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const long factor = unit == "s"   ? 1
                      : unit == "m" ? 60
                      : unit == "h" ? 3'600
                      : unit == "d" ? 86'400
                                    : 0;
  if (ec != std::errc{} || factor == 0 || value <= 0 || value > 366L * 86'400 / factor)
    return fail(ErrorCode::kMalformed, fmt::format("'{}' is no time; write 90s, 5m or 2h", text));
  return value * factor;
}

Result<CommandLine> parse_command_line(std::span<const std::string> args) {
  CommandLine out;
  const CommandSpec* spec = nullptr;
  for (std::size_t i = 0; i < args.size(); ++i) {
    const std::string& word = args[i];
    if (word == "--help" || word == "-h" || (i == 0 && word == "help")) {
      out.help = true;
    } else if (i == 0 && word == "--version") {
      out.command = "version";
      spec = find("version");
    } else if (word.starts_with("--")) {
      const std::size_t equals = word.find('=');
      const std::string name = word.substr(2, equals == std::string::npos ? equals : equals - 2);
      if (spec == nullptr) return wrong("the command comes before --" + name, nullptr);
      const auto known = options_of(*spec);
      const auto o = std::find_if(known.begin(), known.end(),
                                  [&](const OptionSpec& x) { return x.name == name; });
      if (o == known.end()) return wrong("there is no option --" + name, spec);
      if (out.options.contains(name)) return wrong("--" + name + " is given twice", spec);
      if (o->value.empty() != (equals == std::string::npos) && o->value.empty())
        return wrong("--" + name + " takes no value", spec);
      if (o->value.empty())
        out.options[name] = "true";
      else if (equals != std::string::npos)
        out.options[name] = word.substr(equals + 1);
      else if (i + 1 < args.size())
        out.options[name] = args[++i];
      else
        return wrong(fmt::format("--{} needs {}", name, o->value), spec);
    } else if (spec == nullptr) {
      spec = find(word);
      if (spec == nullptr) return wrong("there is no command '" + word + "'", nullptr);
      out.command = word;
    } else {
      out.operands.push_back(word);
    }
  }
  if (out.help) return out;
  if (spec == nullptr) return wrong("a command is missing", nullptr);
  if (const Status s = check_operands(*spec, out); !s) return tl::unexpected(s.error());
  return out;
}

std::string help_text(std::string_view command) {
  if (const CommandSpec* c = find(command); c != nullptr) {
    std::string out = fmt::format("usage: {}\n\n{} {}.\n", usage(*c), c->name, c->summary);
    if (!c->detail.empty()) out += fmt::format("{}\n", c->detail);
    const auto options = options_of(*c);
    if (!options.empty()) out += "\n";
    for (const auto& o : options)
      out += fmt::format("  {:<18} {}\n", fmt::format("--{} {}", o.name, o.value), o.meaning);
    return out;
  }
  std::string out = "causeway: a SIP and RTP gateway between operators and cloud telephony\n\n";
  for (const auto& c : commands()) {
    std::string name(c.name);
    for (const auto o : c.operands) name += fmt::format(" {}", o);
    out += fmt::format("  {:<34} {}\n", name, c.summary);
  }
  return out + "\ncauseway COMMAND --help says more about one of them.\n";
}

}  // namespace causeway::app
