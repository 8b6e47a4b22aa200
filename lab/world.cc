#include "lab/world.h"

#include <fstream>
#include <sstream>

#include "lab/certs.h"

namespace causeway::lab {

using namespace std::chrono_literals;

World::World(WorldSettings settings, Ladder::Settings ladder)
    : settings_(std::move(settings)), pump_(loop_), ladder_(loop_, ladder) {}

Result<Zone> World::read_zone() const {
  if (settings_.zone_file.empty()) return built_in_zone();
  std::ifstream in(settings_.zone_file);
  if (!in) return fail(ErrorCode::kIo, "cannot read " + settings_.zone_file);
  std::stringstream text;
  text << in.rdbuf();
  return parse_zone(text.str());
}

Status World::reload_zone() {
  auto zone = read_zone();
  if (!zone) return tl::unexpected(zone.error());
  if (names_) names_->replace(std::move(*zone));
  return {};
}

Status World::open() {
  auto zone = read_zone();
  if (!zone) return tl::unexpected(zone.error());
  if (settings_.with_names) {
    names_ = std::make_unique<NameService>(loop_, *zone);
    if (auto s = names_->open(settings_.name_service); !s) return s;
  }
  if (settings_.with_operator) {
    AgentSettings a;
    a.port = {settings_.operator_transport, {{"", settings_.operator_site}}, {}, {}};
    a.gateway = settings_.gateway_operator_side;
    a.media_address = settings_.operator_site.address;
    OperatorView view{a.gateway.address, a.gateway.address, settings_.operator_trusted};
    operator_ =
        std::make_unique<Operator>(loop_, pump_, random_, ladder_, std::move(a), std::move(view));
    if (auto s = operator_->open(); !s) return s;
  }
  if (settings_.with_phone_system) {
    AgentSettings a;
    a.port.transport = Transport::kTls;
    ServiceView view{
        {kGatewayName}, {}, {}, kServiceDomain, settings_.operator_site.address.to_string()};
    for (const char* n : {"sip", "sip2", "sip3"}) {
      const std::string name = std::string(n) + "." + kServiceDomain;
      const auto* r = find_address(*zone, name);
      if (r == nullptr)
        return fail(ErrorCode::kConfiguration, "the zone has no address for " + name);
      a.port.sites.push_back({name, {r->address, settings_.service_port}});
      view.own_names.push_back(name);
    }
    a.port.tls = tls_files(settings_.certificates, "phone-system");
    a.port.verify_name = kGatewayName;
    a.gateway = settings_.gateway_service_side;
    a.gateway_name = kGatewayName;
    a.media_address = a.port.sites[0].address.address;
    a.zone = *zone;
    a.options_interval = settings_.options_interval;
    phone_system_ = std::make_unique<PhoneSystem>(loop_, pump_, random_, ladder_, std::move(a),
                                                  std::move(view));
    if (auto s = phone_system_->open(); !s) return s;
  }
  return {};
}

bool World::wait_for_gateway(Millis limit) {
  if (!operator_) return true;
  const Instant end = loop_.now() + limit;
  const auto answered = [&] {
    for (const auto& [name, o] : operator_->options())
      if (o.answered > 0) return true;
    return false;
  };
  while (loop_.now() < end) {
    operator_->probe_gateway();
    if (loop_.run_until(answered, 250ms)) return true;
  }
  return false;
}

}  // namespace causeway::lab
