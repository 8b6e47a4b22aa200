// causeway-lab: the world around the gateway, simulated.
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "lab/certs.h"
#include "lab/flood.h"
#include "lab/gateway_config.h"
#include "lab/issuer.h"
#include "lab/load.h"
#include "lab/rehearse.h"
#include "lab/scenario.h"

namespace causeway::lab {
namespace {

using namespace std::chrono_literals;

constexpr const char* kUsage = R"(causeway-lab COMMAND

  certs DIR                  make the test authority and its certificates, good and bad
  config DIR                 the same in DIR/tls, and DIR/causeway.toml for the gateway
  scenario NAME|FILE...      place calls on both sides of the gateway and judge them
                             (demo, basic, hold, service, or a JSON file); exit 0 when all are good
  load                       many calls at a steady rate
  flood                      garbage datagrams at a steady rate from one address
  serve                      both peers and the name service, answering by the number dialled, until SIGINT
  operator | phone-system    one peer alone, as serve
  names                      the name service alone
  issuer                     an issuer of tokens for the Provisioning API, until SIGINT; serve has one, too
  numbers                    what each dialled number does
  rehearse                   an operator's configuration played through before it is live: every rule of the
                             service, passed or failed, and the remedy; exit 0 when all are passed

  --certs DIR                certificates (default: lab-certs, made when missing)
  --zone FILE                zone of the name service; read again on SIGHUP
  --wait SECONDS             wait for the gateway to answer OPTIONS (default 0)
  --operator-transport udp|tcp
  --operator ADDRESS:PORT    default 127.0.0.21:5060
  --gateway-operator-side ADDRESS:PORT    default 127.0.0.31:5060
  --gateway-service-side ADDRESS:PORT     default 127.0.0.31:5061
  --names ADDRESS:PORT       default 127.0.0.11:5353
  --issuer ADDRESS:PORT      default 127.0.0.11:8081
  --untrusted                the operator is no member of the trust domain
  --quiet                    no ladder        --options-too   OPTIONS in the ladder
  --messages FILE            every message, whole
  --json                     the verdict as JSON on stdout (the ladder goes to stderr)
  --then-serve               scenario: keep serving afterwards
  --rate R --calls N --hold MS --transport tls|udp|tcp     load: tls lets the Phone System call
  --from ADDRESS:PORT --to ADDRESS:PORT --rate R --seconds S    flood
  --config FILE --service NAME    rehearse; teams-direct-routing, teams-media-bypass, teams-operator-connect,
                             teams-phone-mobile, zoom-provider-exchange
  --group NAME               rehearse: the peer_group of the service, when its profile does not tell
  --trust FILE               rehearse: roots that the service trusts besides the public ones
  --keep DIR                 rehearse: where messages, log and the copy stay (default: below /tmp)
  --causeway FILE            rehearse: the gateway's program (default: causeway beside this one)
)";

volatile std::sig_atomic_t g_stop = 0, g_reload = 0;

struct Options {
  std::vector<std::string> words;
  std::map<std::string, std::string> values;
  [[nodiscard]] bool has(const std::string& k) const { return values.contains(k); }
  [[nodiscard]] std::string get(const std::string& k, const std::string& otherwise) const {
    const auto it = values.find(k);
    return it == values.end() ? otherwise : it->second;
  }
};

bool takes_value(std::string_view k) {
  return k != "quiet" && k != "options-too" && k != "json" && k != "then-serve" && k != "untrusted";
}

Result<Options> parse(int argc, char** argv) {
  static const std::vector<std::string> kKnown{"certs",
                                               "zone",
                                               "wait",
                                               "operator-transport",
                                               "operator",
                                               "gateway-operator-side",
                                               "gateway-service-side",
                                               "names",
                                               "issuer",
                                               "untrusted",
                                               "quiet",
                                               "options-too",
                                               "messages",
                                               "json",
                                               "then-serve",
                                               "rate",
                                               "calls",
                                               "hold",
                                               "from",
                                               "to",
                                               "seconds",
                                               "transport",
                                               "config",
                                               "service",
                                               "group",
                                               "trust",
                                               "keep",
                                               "causeway"};
  Options o;
  for (int i = 1; i < argc; ++i) {
    const std::string a = argv[i];
    if (!a.starts_with("--")) {
      o.words.push_back(a);
      continue;
    }
    std::string key = a.substr(2), value;
    if (std::find(kKnown.begin(), kKnown.end(), key) == kKnown.end())
      return fail(ErrorCode::kConfiguration, "unknown option " + a);
    if (takes_value(key)) {
      if (i + 1 == argc) return fail(ErrorCode::kConfiguration, a + " needs a value");
      value = argv[++i];
    }
    o.values[key] = value;
  }
  return o;
}

double number(const std::string& text, double least, double most) {
  double v = least;
  std::from_chars(text.data(), text.data() + text.size(), v);
  return std::min(std::max(v, least), most);
}

int complain(const Error& e) {
  fmt::print(stderr, "causeway-lab: {}\n", e.what);
  return 2;
}

Result<WorldSettings> world_settings(const Options& o) {
  WorldSettings w;
  w.certificates = o.get("certs", "lab-certs");
  w.zone_file = o.get("zone", "");
  w.operator_trusted = !o.has("untrusted");
  if (o.get("operator-transport", "udp") == "tcp") w.operator_transport = Transport::kTcp;
  const std::pair<const char*, Endpoint*> endpoints[] = {
      {"operator", &w.operator_site},
      {"gateway-operator-side", &w.gateway_operator_side},
      {"gateway-service-side", &w.gateway_service_side},
      {"names", &w.name_service}};
  for (const auto& [key, where] : endpoints) {
    if (!o.has(key)) continue;
    auto e = Endpoint::parse(o.get(key, ""));
    if (!e) return tl::unexpected(e.error());
    *where = *e;
  }
  if (auto s = make_certificates(w.certificates); !s) return tl::unexpected(s.error());
  return w;
}

Ladder::Settings ladder_settings(const Options& o, bool show) {
  Ladder::Settings l;
  l.show = show && !o.has("quiet");
  l.options = o.has("options-too");
  if (o.has("json")) l.out = stderr;
  if (o.has("messages")) l.messages = std::fopen(o.get("messages", "").c_str(), "we");
  return l;
}

void serve_until_signal(World& world) {
  std::size_t turns = 0;
  while (g_stop == 0) {
    (void)world.loop().run_until([] { return g_stop != 0 || g_reload != 0; }, 200ms);
    if (g_reload != 0) {
      g_reload = 0;
      if (auto s = world.reload_zone(); !s)
        fmt::print(stderr, "zone not read: {}\n", s.error().what);
    }
    // Ended calls are forgotten after their transactions have ended.
    if (++turns % 100 != 0) continue;
    for (const Side s : {Side::kOperator, Side::kPhoneSystem})
      if (auto* a = world.sides().agent(s)) a->forget_ended();
  }
}

Result<Endpoint> issuer_address(const Options& o) {
  auto e = Endpoint::parse(o.get("issuer", "127.0.0.11:8081"));
  if (e && !e->address.is_loopback())
    return fail(ErrorCode::kConfiguration, "--issuer: its secrets are known: loopback alone");
  return e;
}

int issuer(const Options& o) {
  const auto at = issuer_address(o);
  if (!at) return complain(at.error());
  Loop loop;
  Issuer tokens(loop);
  if (auto s = tokens.open(*at); !s) return complain(s.error());
  fmt::print("issuer {}, clients {}, their secret {}\n", tokens.url(), issuer_clients(),
             kIssuerSecret);
  std::fflush(stdout);
  while (g_stop == 0) (void)loop.run_until([] { return g_stop != 0; }, 200ms);
  return 0;
}

int serve(const Options& o, bool with_operator, bool with_phone_system, bool with_names) {
  auto w = world_settings(o);
  if (!w) return complain(w.error());
  w->with_operator = with_operator;
  w->with_phone_system = with_phone_system;
  w->with_names = with_names;
  World world(*w, ladder_settings(o, true));
  if (auto s = world.open(); !s) return complain(s.error());
  Issuer tokens(world.loop());
  if (with_operator && with_phone_system) {
    const auto at = issuer_address(o);
    if (!at) return complain(at.error());
    if (auto s = tokens.open(*at); !s) return complain(s.error());
  }
  world.ladder().heading();
  serve_until_signal(world);
  return 0;
}

int scenario(const Options& o) {
  if (o.words.size() < 2)
    return complain({ErrorCode::kConfiguration, "scenario needs a name or a file"});
  std::vector<ScenarioPlan> plans;
  for (std::size_t i = 1; i < o.words.size(); ++i) {
    auto p = find_plan(o.words[i]);
    if (!p) return complain(p.error());
    plans.push_back(std::move(*p));
  }
  auto w = world_settings(o);
  if (!w) return complain(w.error());
  World world(*w, ladder_settings(o, true));
  if (auto s = world.open(); !s) return complain(s.error());
  const auto wait = Millis(static_cast<long>(1000 * number(o.get("wait", "0"), 0, 120)));
  if (wait > 0ms && !world.wait_for_gateway(wait))
    return complain({ErrorCode::kTimeout, "the gateway does not answer OPTIONS"});
  bool good = true;
  for (const auto& p : plans) {
    const ScenarioVerdict v = run_scenario(world.sides(), p);
    good = good && v.good;
    const bool json = o.has("json");
    fmt::print("{}\n", json ? to_json(v) : to_text(v, isatty(STDOUT_FILENO) == 1));
    std::fflush(stdout);
  }
  if (o.has("then-serve")) {
    const auto at = issuer_address(o);
    if (!at) return complain(at.error());
    Issuer tokens(world.loop());
    if (auto s = tokens.open(*at); !s) return complain(s.error());
    serve_until_signal(world);
  }
  return good ? 0 : 1;
}

int load(const Options& o) {
  auto w = world_settings(o);
  if (!w) return complain(w.error());
  LoadSettings l;
  l.rate = number(o.get("rate", "10"), 0.1, 5'000);
  l.calls = static_cast<std::uint64_t>(number(o.get("calls", "100"), 1, 10'000'000));
  l.hold = Millis(static_cast<long>(number(o.get("hold", "1000"), 0, 600'000)));
  const std::string transport = o.get("transport", "tls");
  if (transport != "tls" && transport != "udp" && transport != "tcp")
    return complain({ErrorCode::kConfiguration, "--transport is tls, udp or tcp"});
  l.caller = transport == "tls" ? Side::kPhoneSystem : Side::kOperator;
  if (transport == "tcp") w->operator_transport = Transport::kTcp;
  World world(*w, ladder_settings(o, false));
  if (auto s = world.open(); !s) return complain(s.error());
  const auto wait = Millis(static_cast<long>(1000 * number(o.get("wait", "0"), 0, 120)));
  if (wait > 0ms && !world.wait_for_gateway(wait))
    return complain({ErrorCode::kTimeout, "the gateway does not answer OPTIONS"});
  const LoadReport r = run_load(world.sides(), l);
  fmt::print("{}\n", o.has("json") ? to_json(r) : to_text(r));
  return r.failed == 0 && r.good == l.calls ? 0 : 1;
}

int flood(const Options& o) {
  FloodSettings f;
  for (const auto& [key, where] :
       {std::pair<const char*, Endpoint*>{"from", &f.from}, {"to", &f.to}}) {
    auto e = Endpoint::parse(o.get(key, ""));
    if (!e) return complain({e.error().code, std::string("--") + key + ": " + e.error().what});
    *where = *e;
  }
  f.rate = number(o.get("rate", "1000"), 1, 1'000'000);
  f.length = Millis(static_cast<long>(1000 * number(o.get("seconds", "1"), 0.1, 3'600)));
  const auto r = run_flood(f, g_stop);
  if (!r) return complain(r.error());
  fmt::print("{} datagrams in {:.1f} s, {} more for which there was no room\n", r->sent, r->seconds,
             r->unsent);
  return 0;
}

int rehearse(const Options& o) {
  RehearsalWish w;
  w.config = o.get("config", "");
  w.service = o.get("service", "");
  w.group = o.get("group", "");
  w.trust = o.get("trust", "");
  if (w.config.empty() || w.service.empty())
    return complain({ErrorCode::kConfiguration, "rehearse needs --config FILE and --service NAME"});
  std::error_code ec;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", ec);
  w.causeway = o.get("causeway", (self.parent_path() / "causeway").string());
  char made[] = "/tmp/causeway-rehearsal.XXXXXX";
  if (o.has("keep")) {
    w.directory = std::filesystem::absolute(o.get("keep", ""), ec).string();
    std::filesystem::create_directories(w.directory, ec);
  } else if (mkdtemp(made) != nullptr) {
    w.directory = made;
  }
  if (ec || w.directory.empty())
    return complain({ErrorCode::kIo, "cannot make a directory for the rehearsal"});
  const auto r = rehearse(w);
  if (!r) return complain(r.error());
  const std::string text = o.has("json") ? to_json(*r) : to_text(*r, isatty(STDOUT_FILENO) == 1);
  fmt::print("{}\n", text);
  return r->good() ? 0 : 1;
}

int numbers() {
  for (const auto& r : number_rules()) fmt::print("...{}  {}\n", r.suffix, r.meaning);
  fmt::print("others  as 001\n");
  return 0;
}

int run(int argc, char** argv) {
  auto o = parse(argc, argv);
  if (!o) return complain(o.error());
  const std::string command = o->words.empty() ? "" : o->words[0];
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGINT, [](int) { g_stop = 1; });
  std::signal(SIGTERM, [](int) { g_stop = 1; });
  std::signal(SIGHUP, [](int) { g_reload = 1; });
  if (command == "certs" && o->words.size() == 2) {
    const auto s = make_certificates(o->words[1]);
    return s ? 0 : complain(s.error());
  }
  if (command == "config" && o->words.size() == 2) {
    const bool tcp = o->get("operator-transport", "udp") == "tcp";
    const auto path = write_gateway_config(o->words[1], tcp ? Transport::kTcp : Transport::kUdp);
    if (!path) return complain(path.error());
    fmt::print("{}\n", *path);
    return 0;
  }
  if (command == "scenario") return scenario(*o);
  if (command == "load") return load(*o);
  if (command == "flood") return flood(*o);
  if (command == "serve") return serve(*o, true, true, true);
  if (command == "operator") return serve(*o, true, false, false);
  if (command == "phone-system") return serve(*o, false, true, true);
  if (command == "issuer") return issuer(*o);
  if (command == "names") return serve(*o, false, false, true);
  if (command == "numbers") return numbers();
  if (command == "rehearse") return rehearse(*o);
  fmt::print(stderr, "{}", kUsage);
  return 2;
}

}  // namespace
}  // namespace causeway::lab

int main(int argc, char** argv) { return causeway::lab::run(argc, argv); }
