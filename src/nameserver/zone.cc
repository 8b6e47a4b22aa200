#include "nameserver/zone.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/host_name.h"

namespace causeway::nameserver {
namespace {

constexpr std::uint32_t kChallengeTtl = 10;  // an authority asks again within seconds
constexpr std::size_t kMaxAdditional = 16;

std::string below(const std::string& label, const std::string& domain) {
  return label.empty() || label == "@" ? domain : label + "." + domain;
}

// Whether `name` is `domain` or below it.
bool within(std::string_view name, std::string_view domain) {
  if (!name.ends_with(domain)) return false;
  return name.size() == domain.size() || name[name.size() - domain.size() - 1] == '.';
}

// "hostmaster@example.net" as the SOA has it (RFC 1035 8).
std::string mailbox(std::string contact) {
  if (const auto sign = contact.find('@'); sign != std::string::npos) contact[sign] = '.';
  return contact + ".";
}

std::string quoted(std::string_view text) { return fmt::format("\"{}\"", text); }

}  // namespace

std::string_view to_string(Type t) {
  switch (t) {
    case Type::kA: return "A";
    case Type::kNs: return "NS";
    case Type::kSoa: return "SOA";
    case Type::kHinfo: return "HINFO";
    case Type::kTxt: return "TXT";
    case Type::kAaaa: return "AAAA";
    case Type::kSrv: return "SRV";
    case Type::kCaa: return "CAA";
    case Type::kIxfr: return "IXFR";
    case Type::kAxfr: return "AXFR";
    case Type::kAny: return "ANY";
  }
  return "?";
}

bool is_challenge(std::string_view value) {
  return !value.empty() && value.size() <= 128 &&
         std::all_of(value.begin(), value.end(), [](char c) {
           return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' ||
                  c == '=';
         });
}

Zone::Zone(const deployment::Nameserver& s, const Challenges& challenges, std::uint32_t serial)
    : domain_(s.domain), ttl_(static_cast<std::uint32_t>(s.ttl.count())) {
  const auto negative = static_cast<std::uint32_t>(s.negative_ttl.count());
  // Refresh, retry and expire are for secondaries that transfer, which none does here: it is the
  // exported file that they see.
  soa_ = {domain_, Type::kSoa, ttl_,
          fmt::format("{}. {} {} 3600 600 1209600 {}", s.servers.front(), mailbox(s.contact),
                      serial, negative)};
  negative_ = soa_;
  negative_.ttl = std::min(ttl_, negative);  // RFC 2308 5
  names_[domain_].push_back(soa_);
  for (const auto& server : s.servers) add(domain_, Type::kNs, server + ".");
  for (const auto& c : s.caa) add(domain_, Type::kCaa, c);
  for (const auto& h : s.hosts) {
    add_addresses(below(h.name, domain_), h.addresses);
    for (const auto& t : h.texts) add(below(h.name, domain_), Type::kTxt, quoted(t));
  }
  for (const auto& r : s.regions) {
    regions_.push_back({s.service_domain(r), r.number, r.service});
    add_addresses(regions_.back().domain, r.service);
    if (!r.network.empty()) add_addresses(below(s.network_label(r), domain_), r.network);
  }
  add_services(s);
  add_challenges(challenges);
}

// Of each region's name its own addresses first, and those of the others when they fail.
void Zone::add_services(const deployment::Nameserver& s) {
  for (const auto& service : s.services)
    for (const auto& own : s.regions)
      for (const auto& r : s.regions) {
        if (service.network && (own.network.empty() || r.network.empty())) continue;
        const auto name = [&](const deployment::Nameserver::RegionNames& x) {
          return service.network ? below(s.network_label(x), domain_) : s.service_domain(x);
        };
        add(service.name + "." + name(own), Type::kSrv,
            fmt::format("{} 100 {} {}.", &own == &r ? 10 : 20, service.port, name(r)));
      }
}

void Zone::add_challenges(const Challenges& challenges) {
  for (const auto& [name, value] : challenges) {
    const std::string owner = below("_acme-challenge", below(name, domain_));
    add(owner, Type::kTxt, quoted(value));
    names_[owner].back().ttl = std::min(ttl_, kChallengeTtl);
  }
}

void Zone::add(std::string name, Type type, std::string data) {
  Record record{name, type, ttl_, std::move(data)};
  auto& here = names_[name];
  if (std::find(here.begin(), here.end(), record) == here.end()) here.push_back(std::move(record));
  while (name.size() > domain_.size()) {
    name.erase(0, name.find('.') + 1);
    names_.try_emplace(name);
  }
}

void Zone::add_addresses(const std::string& name, const std::vector<IpAddress>& addresses) {
  for (const auto& a : addresses) add(name, a.is_v6() ? Type::kAaaa : Type::kA, a.to_string());
}

void Zone::add_tenant(const Region& region, const Tenant& tenant, std::vector<Record>& out) const {
  const std::string name = to_lower(tenant.label) + "." + region.domain;
  for (const auto& a : region.addresses)
    out.push_back({name, a.is_v6() ? Type::kAaaa : Type::kA, ttl_, a.to_string()});
  const std::string& token = region.number == 1   ? tenant.region1_token
                             : region.number == 2 ? tenant.region2_token
                                                  : std::string();
  if (!token.empty()) out.push_back({name, Type::kTxt, ttl_, quoted(token)});
}

std::vector<Record> Zone::of_tenant(const Tenant& tenant) const {
  std::vector<Record> out;
  for (const auto& r : regions_) add_tenant(r, tenant, out);
  return out;
}

std::vector<Record> Zone::records() const {
  std::vector<Record> out = names_.at(domain_);
  for (const auto& [name, here] : names_)
    if (name != domain_) out.insert(out.end(), here.begin(), here.end());
  return out;
}

std::vector<Record> Zone::at(const std::string& name, const Tenants& tenants, bool& exists) const {
  std::vector<Record> out;
  if (const auto it = names_.find(name); it != names_.end()) {
    out = it->second;
    exists = true;
  }
  for (const auto& r : regions_) {
    if (!within(name, r.domain) || name.size() == r.domain.size()) continue;
    const std::string_view label(name.data(), name.size() - r.domain.size() - 1);
    if (label.find('.') != std::string_view::npos) continue;
    if (const auto tenant = tenants.of_label(label)) {
      add_tenant(r, *tenant, out);
      exists = true;
    }
  }
  return out;
}

// Addresses of the names in an answer, as far as they are of this zone.
void Zone::add_targets(Answer& a) const {
  for (const auto* section : {&a.answer, &a.authority})
    for (const auto& r : *section) {
      if (r.type != Type::kSrv && r.type != Type::kNs) continue;
      const auto from = r.data.rfind(' ');
      std::string target = r.data.substr(from == std::string::npos ? 0 : from + 1);
      target.pop_back();
      const auto it = names_.find(target);
      if (it == names_.end()) continue;
      for (const auto& x : it->second)
        if ((x.type == Type::kA || x.type == Type::kAaaa) && a.additional.size() < kMaxAdditional &&
            std::find(a.additional.begin(), a.additional.end(), x) == a.additional.end())
          a.additional.push_back(x);
    }
}

Answer Zone::answer(std::string_view asked, std::uint16_t type, const Tenants& tenants) const {
  Answer out;
  const std::string name = to_lower(asked);
  if (!within(name, domain_)) {
    out.rcode = Rcode::kRefused;
    out.authoritative = false;
    return out;
  }
  // Transfers, and the other types that are no data (RFC 6895 3.1): there is the exported file.
  if (type == 0 || (type >= 128 && type < 255) || type == 41) {
    out.rcode = Rcode::kRefused;
    out.authoritative = false;
    return out;
  }
  bool exists = false;
  std::vector<Record> here = at(name, tenants, exists);
  if (type == static_cast<std::uint16_t>(Type::kAny)) {
    // RFC 8482 4.2: short whatever there is, so that nobody is flooded with it.
    if (!here.empty()) out.answer.push_back({name, Type::kHinfo, ttl_, "\"RFC8482\" \"\""});
  } else {
    for (auto& r : here)
      if (static_cast<std::uint16_t>(r.type) == type) out.answer.push_back(std::move(r));
  }
  if (out.answer.empty()) {
    if (!exists) out.rcode = Rcode::kNoSuchName;
    out.authority.push_back(negative_);
    return out;
  }
  add_targets(out);
  return out;
}

std::string master_file_head(const Zone& zone) { return "$ORIGIN " + zone.domain() + ".\n"; }

std::string master_file_line(const Record& r) {
  return fmt::format("{}. {} IN {} {}\n", r.name, r.ttl, to_string(r.type), r.data);
}

}  // namespace causeway::nameserver
