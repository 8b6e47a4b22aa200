// `causeway dns status` and `causeway dns acme`, on the management thread.
#include <fmt/format.h>

#include <ctime>

#include "app/commands.h"
#include "base/log.h"

namespace causeway::app {
namespace {

WallTime wall_now() {
  std::timespec ts{};
  std::timespec_get(&ts, TIME_UTC);
  return {ts.tv_sec * 1'000'000LL + ts.tv_nsec / 1'000};
}

constexpr const char* kRcodes[] = {"noerror",  "formerr", "servfail",
                                   "nxdomain", "notimp",  "refused"};

}  // namespace

void Commands::dns(const Request& r, const Responder& out) {
  if (nameserver_ == nullptr || nameserver_->domain().empty())
    return out.fail("there is no [nameserver] in the configuration");
  const std::string action = r.arg("action"), name = r.arg("name"), value = r.arg("value");
  if (action == "set") {
    if (auto ok = nameserver_->set_challenge(name, value, wall_now()); !ok)
      return out.fail(ok.error().what);
    log::info("name server: a challenge for {} is set", name);
    out.text("set");
  } else if (action == "clear") {
    const auto gone = nameserver_->clear_challenge(name, value, wall_now());
    if (!gone) return out.fail(gone.error().what);
    out.text(fmt::format("{} cleared", *gone));
  } else {
    out.text("domain " + nameserver_->domain());
    if (!nameserver_->trouble().empty()) out.text("ALARM: " + nameserver_->trouble());
    for (const auto& [at, text] : nameserver_->challenges())
      out.text(fmt::format("_acme-challenge.{}{}{} {}", at, at.empty() ? "" : ".",
                           nameserver_->domain(), text));
    if (const auto* server = nameserver_->server()) {
      const auto c = server->counts();
      out.head({"ANSWERS", "COUNT"});
      for (std::size_t i = 0; i < c.answers.size(); ++i)
        out.row({kRcodes[i], std::to_string(c.answers[i])});
      out.row({"of these over TCP", std::to_string(c.tcp)});
      out.row({"of these truncated", std::to_string(c.truncated)});
      out.row({"beyond the rate", std::to_string(c.limited)});
      out.row({"no questions", std::to_string(c.ignored)});
    } else {
      out.text("no `listen`: nothing is answered here");
    }
  }
  out.done();
}

}  // namespace causeway::app
