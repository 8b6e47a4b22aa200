#include "lab/rehearse.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "base/random.h"
#include "lab/certs.h"
#include "lab/operator.h"
#include "lab/phone_system.h"
#include "lab/quiet_room.h"
#include "lab/rehearsal_cast.h"
#include "lab/rehearsal_rules.h"
#include "lab/scenario.h"
#include "lab/zoom_phone.h"

namespace causeway::lab {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMaxSeen = 3;  // examples of one rule
constexpr const char* kSystemRoots = "/etc/ssl/certs/ca-certificates.crt";

// --- programs ------------------------------------------------------------------------------------

// Ends with this process. Its output goes to `log`.
class Program {
 public:
  Program(const std::vector<std::string>& command, const std::string& log) {
    std::vector<char*> arguments;
    for (const auto& c : command) arguments.push_back(const_cast<char*>(c.c_str()));
    arguments.push_back(nullptr);
    const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    pid_ = fork();
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      dup2(out, STDOUT_FILENO);
      dup2(out, STDERR_FILENO);
      execvp(arguments[0], arguments.data());
      _exit(127);
    }
    if (out >= 0) close(out);
  }
  ~Program() {
    if (!ended()) kill(pid_, SIGKILL);
    (void)wait();
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  void ask_to_end() const {
    if (pid_ > 0) kill(pid_, SIGTERM);
  }
  [[nodiscard]] bool ended() {
    if (pid_ <= 0) return true;
    if (waitpid(pid_, &status_, WNOHANG) != pid_) return false;
    pid_ = 0;
    return true;
  }
  // The exit status; 128 and more when it did not end by itself.
  int wait() {
    if (pid_ > 0) waitpid(pid_, &status_, 0);
    pid_ = 0;
    return WIFEXITED(status_) ? WEXITSTATUS(status_) : 128;
  }

 private:
  pid_t pid_ = 0;
  int status_ = 0;
};

std::string tail_of(const std::string& path) {
  std::ifstream in(path);
  std::vector<std::string> lines;
  for (std::string l; std::getline(in, l);) {
    lines.push_back(l);
    if (lines.size() > 12) lines.erase(lines.begin());
  }
  std::string out;
  for (const auto& l : lines) out += "  " + l + "\n";
  return out;
}

// --- numbers -------------------------------------------------------------------------------------

struct Columns {
  std::string_view service, key;
  bool assigned;
};
constexpr auto kColumns = std::to_array<Columns>({
    {"teams-direct-routing", "teamsDirectRouting", false},
    {"teams-operator-connect", "teamsOperatorConnect", true},
    {"teams-phone-mobile", "teamsPhoneMobile", true},
    {"zoom-provider-exchange", "zoomPhoneCloudPeering", false},
});

// One enterprise with the numbers that the calls of run_scenario() go between.
Status provision(const RehearsalWish& wish, const Cast& cast) {
  const auto* c = std::find_if(kColumns.begin(), kColumns.end(),
                               [&](const Columns& x) { return x.service == wish.service; });
  const std::string details = "serviceDetails_" + std::string(c->key);
  std::string head =
      "name,serviceDetails_teamsTenantId," + details + "_enabled," + details + "_syncEnabled";
  std::string row = "rehearsal,00000000-0000-4000-8000-000000000001,true,false";
  if (wish.service == "teams-direct-routing") {
    const std::string more = details + "_configuration_subdomain";
    head += "," + more + "," + more + "Tokens_region1Token," + more + "Tokens_region2Token";
    row += ",rehearsal,MS=ms1,MS=ms2";
  }
  std::ofstream(wish.directory + "/accounts.csv") << head << "\n" << row << "\n";
  std::ofstream numbers(wish.directory + "/numbers.csv");
  numbers << "telephoneNumber,accountName," << details << "_enabled";
  if (c->assigned)
    numbers << "," << details << "_assignmentStatus," << details << "_configuration_usage,"
            << details << "_configuration_choosableCapabilities";
  numbers << "\n";
  for (const int block : {0, 5000})
    for (int i = 0; i < 100; ++i) {  // enough that the account may have all calls at one time
      numbers << fmt::format("+32255570{:04},rehearsal,true", block + i);
      if (c->assigned) numbers << ",assigned,CallingUserAssignment,InboundCalling;OutboundCalling";
      numbers << "\n";
    }
  numbers.close();
  const std::string log = wish.directory + "/provision.log";
  for (const char* what : {"account", "number"}) {
    Program p({wish.causeway, what, "import", wish.directory + "/" + what + "s.csv", "--store",
               cast.store},
              log);
    if (p.wait() != 0)
      return fail(ErrorCode::kIo, fmt::format("the {}s of the rehearsal could not be stored:\n{}",
                                              what, tail_of(log)));
  }
  return {};
}

// --- the stage -----------------------------------------------------------------------------------

Status make_trust(const RehearsalWish& wish) {
  std::ofstream out(wish.directory + "/tls/trusted.pem", std::ios::trunc);
  for (const std::string& from :
       {wish.directory + "/tls/ca.crt", std::string(kSystemRoots), wish.trust}) {
    if (from.empty()) continue;
    std::ifstream in(from);
    if (!in && from == kSystemRoots) continue;  // --trust will have to do
    if (!in) return fail(ErrorCode::kIo, "cannot read " + from);
    out << in.rdbuf() << "\n";
  }
  out.close();
  return out ? Status{}
             : fail(ErrorCode::kIo, "cannot write " + wish.directory + "/tls/trusted.pem");
}

class Stage {
 public:
  Stage(const RehearsalWish& wish, const Cast& cast)
      : pump_(loop_),
        ladder_(loop_, ladder_settings(wish)),
        names_(loop_, cast.zone),
        service_(make_service(wish, cast)),
        core_(loop_, pump_, random_, ladder_, core_settings(cast),
              {cast.gateway_core.address, cast.gateway_core_media, cast.core_trusted, cast.domain,
               cast.gateway_core_name}) {
    core_.take_any_form();
  }
  [[nodiscard]] Status open() {
    const auto at = Endpoint::parse(kRoomResolver);
    if (!at) return tl::unexpected(at.error());
    if (auto s = names_.open(*at); !s) return s;
    if (auto s = service_->open(); !s) return s;
    return core_.open();
  }
  [[nodiscard]] Loop& loop() { return loop_; }
  [[nodiscard]] Agent& service() { return *service_; }
  [[nodiscard]] Operator& core() { return core_; }
  [[nodiscard]] Sides sides() { return {loop_, ladder_, &core_, service_.get()}; }

 private:
  static Ladder::Settings ladder_settings(const RehearsalWish& wish) {
    Ladder::Settings l;
    l.show = false;
    l.messages = std::fopen((wish.directory + "/messages.txt").c_str(), "we");
    return l;
  }
  std::unique_ptr<Agent> make_service(const RehearsalWish& wish, const Cast& cast) {
    auto settings = service_settings(wish, cast);
    if (wish.service == "zoom-provider-exchange")
      return std::make_unique<ZoomPhone>(loop_, pump_, random_, ladder_, std::move(settings),
                                         view_of(cast));
    return std::make_unique<PhoneSystem>(loop_, pump_, random_, ladder_, std::move(settings),
                                         view_of(cast));
  }
  static ServiceView view_of(const Cast& cast) {
    ServiceView v;
    v.gateway_names = cast.contact_names;
    for (const auto& s : cast.service) v.own_names.push_back(s.name);
    v.domain = cast.domain;
    v.operator_address = cast.core.front().address.address.to_string();
    return v;
  }
  static AgentSettings service_settings(const RehearsalWish& wish, const Cast& cast) {
    AgentSettings a;
    a.port.transport = Transport::kTls;
    a.port.sites = cast.service;
    a.port.tls = tls_files(wish.directory + "/tls", "service");
    a.port.tls.ca = wish.directory + "/tls/trusted.pem";
    a.port.verify_name = cast.gateway_name;
    a.gateway = cast.gateway_service;
    a.gateway_name = cast.contact_names.back();
    a.media_address = cast.service_media;
    a.zone = cast.zone;
    a.options_interval = 3s;
    return a;
  }
  static AgentSettings core_settings(const Cast& cast) {
    AgentSettings a;
    a.port.transport = cast.core_transport;
    a.port.sites = cast.core;
    a.gateway = cast.gateway_core;
    a.media_address = cast.core_media;
    a.zone = cast.zone;
    return a;
  }

  Loop loop_;
  MediaPump pump_;
  SystemRandom random_;
  Ladder ladder_;
  NameService names_;
  std::unique_ptr<Agent> service_;
  Operator core_;
};

// --- what was seen -------------------------------------------------------------------------------

class Findings {
 public:
  explicit Findings(const RehearsalWish& wish) : service_(wish.service) {
    for (const auto& r : rules_of_service(wish.service)) {
      RuleVerdict v;
      v.id = r.id;
      v.rule = r.rule;
      v.remedy = r.remedy;
      rows_.push_back(std::move(v));
      when_.push_back(r.seen);
    }
  }
  void saw(Seen s) { seen_.insert(s); }
  void broke(std::string_view by, const std::string& what) {
    const std::string id(rule_of_service(service_, by));
    auto i = std::find_if(rows_.begin(), rows_.end(), [&](const auto& r) { return r.id == id; });
    if (i == rows_.end()) {
      RuleVerdict v;
      v.id = id;
      v.rule = "what no rule of the list names";
      v.remedy = "see messages.txt and gateway.log";
      rows_.push_back(std::move(v));
      when_.push_back(Seen::kCount);
      i = std::prev(rows_.end());
    }
    i->state = RuleVerdict::State::kFailed;
    const bool known = std::find(i->seen.begin(), i->seen.end(), what) != i->seen.end();
    if (!known && i->seen.size() < kMaxSeen) i->seen.push_back(what);
  }
  std::vector<RuleVerdict> rows() {
    for (std::size_t i = 0; i < rows_.size(); ++i)
      if (rows_[i].state == RuleVerdict::State::kUntried && seen_.contains(when_[i]))
        rows_[i].state = RuleVerdict::State::kPassed;
    return std::move(rows_);
  }

 private:
  std::string service_;
  std::vector<RuleVerdict> rows_;
  std::vector<Seen> when_;
  std::set<Seen> seen_;
};

void look_at_options(Stage& stage, const Cast& cast, Findings& f) {
  const auto& all = stage.service().options();
  const auto healthy = [&] {
    return all.size() == cast.service.size() &&
           std::all_of(all.begin(), all.end(), [](const auto& o) {
             return o.second.received > o.second.refused && o.second.answered > 0;
           });
  };
  (void)stage.loop().run_until(healthy, 8s);
  bool any_answered = false, any_sent = false;
  for (const auto& site : cast.service) {
    const auto it = all.find(site.name);
    if (it == all.end() || it->second.received == 0) {
      f.broke("TDR-34", "no OPTIONS came to " + site.name);
      continue;
    }
    f.saw(Seen::kTls);
    f.saw(Seen::kOptions);
    any_sent = any_sent || it->second.sent > 0;
    any_answered = any_answered || it->second.answered > 0;
    if (it->second.sent > 0 && it->second.answered == 0)
      f.broke("TDR-37", "our OPTIONS from " + site.name + " were not answered with 200");
  }
  for (const char* label : {"sip", "sip2", "sip3"})
    if (cast.domain == "pstnhub.microsoft.com" &&
        std::none_of(cast.service.begin(), cast.service.end(),
                     [&](const Site& s) { return s.name == label + ("." + cast.domain); }))
      f.broke("TDR-01", fmt::format("no peer is called {}.{}", label, cast.domain));
  f.saw(Seen::kPeers);
  if (cast.options_interval_s == 0 || cast.options_interval_s > 60)
    f.broke("TDR-34", fmt::format("options_interval is {} s", cast.options_interval_s));
  if (any_answered) f.saw(Seen::kOptionsAnswer);
}

const Call* find_call(const Agent& agent, const std::string& label, bool caller) {
  for (const auto& c : agent.calls())
    if (c->facts().label == label && c->facts().caller == caller) return c.get();
  return nullptr;
}

void look_at_calls(Stage& stage, const ScenarioVerdict& v, Findings& f) {
  const auto& service = stage.service();
  const auto& core = stage.core();
  const auto here = [](const Call* c) { return c != nullptr; };
  const Call* to = find_call(service, "op-answered", false);
  const Call* from = find_call(service, "ps-answered", true);
  if (here(to)) {
    f.saw(Seen::kTls);
    f.saw(Seen::kInvite);
    f.saw(Seen::kOffer);
    if (to->facts().hung_up_by_them) f.saw(Seen::kInDialog);
  }
  if (here(from) && from->facts().final_status == 200) {
    f.saw(Seen::kAnswer);
    f.saw(Seen::kSdpAnswer);
  }
  if (here(find_call(core, "ps-answered", false))) f.saw(Seen::kCore);
  if (const Call* c = find_call(service, "op-hold", false); here(c) && c->facts().holds_taken > 0)
    f.saw(Seen::kHold);
  if (const Call* c = find_call(core, "ps-hold", false); here(c) && c->facts().holds_taken > 0)
    f.saw(Seen::kServiceHold);
  if (const Call* c = find_call(service, "ps-refresh", true);
      here(c) && c->facts().offers_made > 0 && c->facts().final_status == 200)
    f.saw(Seen::kRefresh);
  if (const Call* c = find_call(service, "ps-busy", true);
      here(c) && c->facts().final_status >= 400)
    f.saw(Seen::kFailure);
  if (const Call* c = find_call(core, "op-busy", true); here(c) && c->facts().final_status >= 400)
    f.saw(Seen::kCoreFailure);
  if (const Call* c = find_call(core, "op-forked-other", true);
      here(c) && c->facts().final_status == 200)
    f.saw(Seen::kFork);
  if (const Call* c = find_call(service, "op-transferred", false);
      here(c) && c->facts().refer_status)
    f.saw(Seen::kTransfer);
  for (const auto& c : v.calls)
    for (const auto& d : c.directions) {
      f.saw(Seen::kAudio);
      if (d.good) continue;
      for (const auto& h : d.heard)
        f.broke("AUDIO", fmt::format("{}: {} heard by {} of {}", c.name, h, to_string(d.to),
                                     to_string(d.from)));
    }
}

// A call's reasons that are no rule's: those stand by their rules.
std::vector<std::string> troubles_of(const ScenarioVerdict& v) {
  std::vector<std::string> out;
  for (const auto& c : v.calls) {
    for (const auto& r : c.reasons) {
      const bool ruled = std::any_of(c.violations.begin(), c.violations.end(), [&](const auto& x) {
        return r.starts_with(x.requirement + " seen by ");
      });
      if (!ruled && out.size() < 40) out.push_back(c.name + ": " + r);
    }
  }
  return out;
}

ScenarioPlan plan_of_rehearsal() {
  auto plan = find_plan("demo").value_or(ScenarioPlan{});
  plan.name = "rehearsal";
  plan.wait_for_options = false;
  plan.strict_numbers = false;
  return plan;
}

}  // namespace

bool Rehearsal::good() const {
  return troubles.empty() && std::all_of(rules.begin(), rules.end(), [](const RuleVerdict& r) {
           return r.state == RuleVerdict::State::kPassed;
         });
}

Result<Rehearsal> rehearse(const RehearsalWish& wish) {
  if (rules_of_service(wish.service).empty()) {
    std::string known;
    for (const auto s : rehearsed_services()) known += (known.empty() ? "" : ", ") + std::string(s);
    return fail(ErrorCode::kConfiguration,
                fmt::format("--service '{}': there are {}", wish.service, known));
  }
  if (auto s = make_certificates(wish.directory + "/tls"); !s) return tl::unexpected(s.error());
  auto cast = cast_of({wish.config, wish.service, wish.group, wish.directory});
  if (!cast) return tl::unexpected(cast.error());
  std::vector<std::string> hosts;
  for (const auto& s : cast->service) hosts.push_back(s.name);
  hosts.push_back("*." + cast->domain);
  if (auto s = make_certificate_for(wish.directory + "/tls", "service", hosts); !s)
    return tl::unexpected(s.error());
  if (auto s = make_trust(wish); !s) return tl::unexpected(s.error());
  if (auto s = enter_quiet_room(); !s) return tl::unexpected(s.error());
  if (cast->by_number)
    if (auto s = provision(wish, *cast); !s) return tl::unexpected(s.error());

  Stage stage(wish, *cast);
  if (auto s = stage.open(); !s) return tl::unexpected(s.error());
  std::error_code ec;
  std::filesystem::remove(wish.directory + "/control.sock", ec);  // of one that was killed
  const std::string log = wish.directory + "/gateway.log";
  Program gateway({wish.causeway, "run", "--config", cast->config}, log);
  const auto up = [&] {
    return gateway.ended() || std::filesystem::exists(wish.directory + "/control.sock");
  };
  (void)stage.loop().run_until(up, 20s);
  if (gateway.ended() || !up())
    return fail(ErrorCode::kConfiguration, "the gateway does not start:\n" + tail_of(log));

  Findings findings(wish);
  look_at_options(stage, *cast, findings);
  const ScenarioVerdict verdict = run_scenario(stage.sides(), plan_of_rehearsal());
  if (gateway.ended())
    return fail(ErrorCode::kInternal, "the gateway ended in the middle:\n" + tail_of(log));
  look_at_calls(stage, verdict, findings);
  for (const auto& c : verdict.calls)
    for (const auto& x : c.violations) findings.broke(x.requirement, c.name + ": " + x.what);
  for (const Agent* a :
       {static_cast<const Agent*>(&stage.service()), static_cast<const Agent*>(&stage.core())})
    for (const auto& x : a->stray_violations()) findings.broke(x.requirement, x.what);
  gateway.ask_to_end();
  (void)stage.loop().run_until([&] { return gateway.ended(); }, 5s);

  Rehearsal out;
  out.service = wish.service;
  out.service_group = cast->service_group;
  out.core_group = cast->core_group;
  out.directory = wish.directory;
  out.rules = findings.rows();
  out.troubles = troubles_of(verdict);
  return out;
}

namespace {

constexpr std::string_view word(RuleVerdict::State s) {
  switch (s) {
    case RuleVerdict::State::kPassed: return "passed";
    case RuleVerdict::State::kFailed: return "FAILED";
    case RuleVerdict::State::kUntried: break;
  }
  return "untried";
}

std::array<std::size_t, 3> counted(const Rehearsal& r) {
  std::array<std::size_t, 3> n{};
  for (const auto& v : r.rules) ++n.at(static_cast<std::size_t>(v.state));
  return n;
}

}  // namespace

std::string to_text(const Rehearsal& r, bool colour) {
  std::string out = fmt::format("{}: peer_group '{}', with '{}' as the core\n\n", r.service,
                                r.service_group, r.core_group);
  for (const auto& v : r.rules) {
    const bool failed = v.state == RuleVerdict::State::kFailed;
    const char* paint = failed                                   ? "\x1b[31m"
                        : v.state == RuleVerdict::State::kPassed ? "\x1b[32m"
                                                                 : "\x1b[33m";
    out += fmt::format("{}{:<8}{} {:<12} {}\n", colour ? paint : "", word(v.state),
                       colour ? "\x1b[0m" : "", v.id, v.rule);
    for (const auto& s : v.seen) out += fmt::format("{:21} seen    {}\n", "", s);
    if (failed) out += fmt::format("{:21} remedy  {}\n", "", v.remedy);
  }
  if (!r.troubles.empty()) out += "\nCalls that went otherwise wrong:\n";
  for (const auto& t : r.troubles) out += "  " + t + "\n";
  const auto n = counted(r);
  return out + fmt::format(
                   "\n{} passed, {} failed, {} not tried. Messages, log and the copy of the "
                   "configuration: {}\n",
                   n[0], n[1], n[2], r.directory);
}

std::string to_json(const Rehearsal& r) {
  using Json = nlohmann::ordered_json;
  const auto n = counted(r);
  Json j{{"service", r.service},  {"group", r.service_group}, {"core", r.core_group},
         {"good", r.good()},      {"passed", n[0]},           {"failed", n[1]},
         {"untried", n[2]},       {"directory", r.directory}, {"rules", Json::array()},
         {"troubles", r.troubles}};
  for (const auto& v : r.rules) {
    std::string state(word(v.state));
    std::transform(state.begin(), state.end(), state.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    j["rules"].push_back(
        {{"id", v.id}, {"state", state}, {"rule", v.rule}, {"seen", v.seen}, {"remedy", v.remedy}});
  }
  return j.dump(2);
}

}  // namespace causeway::lab
