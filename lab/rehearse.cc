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
#include <sstream>

#include "base/random.h"
#include "lab/certs.h"
#include "lab/operator.h"
#include "lab/phone_system.h"
#include "lab/quiet_room.h"
#include "lab/rehearsal_cast.h"
#include "lab/rehearsal_findings.h"
#include "lab/rehearsal_rules.h"
#include "lab/scenario.h"
#include "lab/zoom_phone.h"

namespace causeway::lab {
namespace {

using namespace std::chrono_literals;

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
    {"teams-media-bypass", "teamsDirectRouting", false},
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
  if (c->key == "teamsDirectRouting") {
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

// The lab's authority, the machine's, the operator's own and `more`, as one bundle.
Status make_trust(const RehearsalWish& wish, const std::string& to, std::vector<std::string> more) {
  std::ofstream out(to, std::ios::trunc);
  more.insert(more.begin(),
              {wish.directory + "/tls/ca.crt", std::string(kSystemRoots), wish.trust});
  for (const std::string& from : more) {
    if (from.empty()) continue;
    std::ifstream in(from);
    if (!in && from == kSystemRoots) continue;  // --trust will have to do
    if (!in) return fail(ErrorCode::kIo, "cannot read " + from);
    out << in.rdbuf() << "\n";
  }
  out.close();
  return out ? Status{} : fail(ErrorCode::kIo, "cannot write " + to);
}

class Stage {
 public:
  Stage(const RehearsalWish& wish, const Cast& cast)
      : pump_(loop_),
        ladder_(loop_, ladder_settings(wish)),
        names_(loop_, cast.zone),
        service_(make_service(wish, cast)),
        core_(loop_, pump_, random_, ladder_, core_settings(wish, cast),
              {cast.gateway_core.address, cast.gateway_core_media, cast.core_trusted, cast.domain,
               cast.gateway_core_name, cast.core_suites}) {
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
    v.bypass = cast.bypass;
    v.media = {cast.gateway_service_media};
    if (cast.inside_media) v.media.push_back(*cast.inside_media);
    v.on_internet = on_the_internet(cast.service_media);
    v.inside = cast.inside_media;
    v.beside = cast.beside;
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
    a.ice = cast.bypass;
    if (cast.inside_media)
      a.local = LocalMediaTrunk{cast.gateway_service_media, *cast.inside_media, cast.first_inside,
                                cast.contact_names.back(), cast.beside};
    return a;
  }
  static AgentSettings core_settings(const RehearsalWish& wish, const Cast& cast) {
    AgentSettings a;
    a.port.transport = cast.core_transport;
    a.port.sites = cast.core;
    a.gateway = cast.gateway_core;
    a.port.tls = tls_files(wish.directory + "/tls", "core");
    a.port.tls.ca = wish.directory + "/tls/core-trusted.pem";
    a.port.verify_name = cast.gateway_core_name;
    a.media_address = cast.core_media;
    a.suites = cast.core_suites;
    a.zone = cast.core_zone;
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

// --- the calls
// ---------------------------------------------------------------------------------------

ScenarioPlan plan_of_rehearsal(const Cast& cast) {
  auto plan = find_plan("demo").value_or(ScenarioPlan{});
  plan.name = "rehearsal";
  plan.wait_for_options = false;
  plan.strict_numbers = false;
  if (cast.bypass) add_media_bypass(plan);
  if (cast.inside_media) add_local_media(plan, cast.first_inside);
  if (!cast.beside.empty()) add_gateway_behind(plan);
  return plan;
}

// Of the call that ended because of its path; alarms are in the gateway's log (MBP-14).
void look_for_alarm(Stage& stage, const std::string& log, Findings& f) {
  const auto& calls = stage.service().calls();
  if (std::none_of(calls.begin(), calls.end(), [](const auto& c) {
        return c->facts().label == "ps-ice-lost" && c->facts().hung_up_by_us;
      }))
    return;
  f.saw(Seen::kIceLost);
  std::ifstream in(log);
  for (std::string line; std::getline(in, line);)
    if (line.find("alarm: media of peer") != std::string::npos) return;
  f.broke("MBP-14", "a BYE for IceConnectivityChecksFailed raised no alarm");
}

// Which calls were one transfer is for whoever reads the records (TDR-110).
void look_at_records(Stage& stage, const std::string& directory, Findings& f) {
  std::error_code ec;
  std::string all;
  for (const auto& file : std::filesystem::directory_iterator(directory, ec)) {
    std::ifstream in(file.path());
    std::stringstream text;
    text << in.rdbuf();
    all += text.str();
  }
  for (const auto& c : stage.service().calls()) {
    const auto& x = c->facts();
    if (x.refer_status != 202) continue;
    f.saw(Seen::kRecords);
    if (all.find("\"transfer_id\":\"" + c->contact_token() + "\"") == std::string::npos)
      f.broke("TDR-110", x.label + ": no record with transfer_id " + c->contact_token());
  }
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
  const std::string tls = wish.directory + "/tls";
  if (auto s = make_trust(wish, tls + "/trusted.pem", {}); !s) return tl::unexpected(s.error());
  if (cast->core_transport == Transport::kTls) {
    if (auto s = make_certificate_for(tls, "core", cast->core_names); !s)
      return tl::unexpected(s.error());
    if (auto s = make_trust(wish, tls + "/core-trusted.pem", cast->core_roots); !s)
      return tl::unexpected(s.error());
  }
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

  Findings findings(wish, *cast);
  look_at_options(stage.sides(), *cast, findings);
  const ScenarioVerdict verdict = run_scenario(stage.sides(), plan_of_rehearsal(*cast));
  if (gateway.ended())
    return fail(ErrorCode::kInternal, "the gateway ended in the middle:\n" + tail_of(log));
  for (const auto& c : verdict.calls)
    for (const auto& x : c.violations) findings.broke(x.requirement, c.name + ": " + x.what);
  for (const Agent* a :
       {static_cast<const Agent*>(&stage.service()), static_cast<const Agent*>(&stage.core())})
    for (const auto& x : a->stray_violations()) findings.broke(x.requirement, x.what);
  look_at_calls(stage.sides(), verdict, findings);
  look_for_alarm(stage, log, findings);
  gateway.ask_to_end();
  (void)stage.loop().run_until([&] { return gateway.ended(); }, 5s);
  if (wish.service != "zoom-provider-exchange")
    look_at_records(stage, wish.directory + "/records", findings);

  Rehearsal out;
  out.service = wish.service;
  out.service_group = cast->service_group;
  out.core_group = cast->core_group;
  out.directory = wish.directory;
  out.rules = findings.rows();
  out.troubles = troubles_of(verdict);
  return out;
}

}  // namespace causeway::lab
