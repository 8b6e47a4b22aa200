// The keys of [nameserver], and what must hold within it and towards [[region]].
#include "deployment/nameserver.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/host_name.h"
#include "deployment/drafts.h"

namespace causeway::deployment {
namespace {

constexpr std::size_t kMaxAddresses = 16, kMaxRegions = 64, kMaxHosts = 256;

void addresses(Reader& r, const At& at, std::vector<IpAddress>& out) {
  if (!r.is_array(at, kMaxAddresses)) return;
  for (std::size_t i = 0; i < at.node->items.size(); ++i) {
    const At item = at.item(i);
    if (!r.is_text(item)) continue;
    const auto a = IpAddress::literal(item.node->text);
    if (!a || a->is_unspecified())
      r.mistake(item, "write an address, such as \"192.0.2.1\" or \"2001:db8::1\"");
    else
      out.push_back(*a);
  }
  if (out.empty() && at.node->items.empty()) r.mistake(at, "name at least one address");
}

template <auto Member, typename T>
void address_list(Reader& r, const At& at, T& out) {
  addresses(r, at, out.*Member);
}

// Letters, digits, '-' and '_' in labels: what a master file takes without quoting.
bool is_name(std::string_view text) {
  if (text.empty() || text.size() > 200) return false;
  std::size_t label = 0;
  for (const char c : text) {
    if (c == '.') {
      if (label == 0) return false;
      label = 0;
      continue;
    }
    const bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (!good || ++label > 63) return false;
  }
  return label > 0;
}

void host_name(Reader& r, const At& at, std::string& out) {
  if (!r.is_text(at)) return;
  std::string text = to_lower(at.node->text);
  if (text.ends_with('.')) text.pop_back();
  if (!is_host_name(text)) return r.mistake(at, "write a host name, such as \"gw.example.net\"");
  out = std::move(text);
}

template <auto Member>
void pattern(Reader& r, const At& at, Nameserver& out) {
  if (!r.is_text(at)) return;
  const std::string text = to_lower(at.node->text);
  const auto n = text.find("{n}");
  const std::string sample =
      n == std::string::npos ? "" : text.substr(0, n) + "1" + text.substr(n + 3);
  if (!is_name(sample) || sample.find('.') != std::string::npos || sample.size() > 60)
    return r.mistake(at, "write one label with {n} for the number of the region: \"1r{n}\"");
  out.*Member = text;
}

// 0 issue "ca.example.net": no character that would mean more in a master file.
void caa(Reader& r, const At& at, Nameserver& out) {
  if (!r.is_array(at, 32)) return;
  for (std::size_t i = 0; i < at.node->items.size(); ++i) {
    const At item = at.item(i);
    if (!r.is_text(item)) continue;
    const std::string& t = item.node->text;
    const auto tag = t.find(' '), value = t.find(" \"");
    const bool good =
        (t.starts_with("0 ") || t.starts_with("128 ")) && value != std::string::npos &&
        value > tag + 1 && t.size() > value + 2 && t.size() <= 255 && t.back() == '"' &&
        std::all_of(t.begin() + static_cast<std::ptrdiff_t>(tag) + 1,
                    t.begin() + static_cast<std::ptrdiff_t>(value),
                    [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }) &&
        std::all_of(t.begin() + static_cast<std::ptrdiff_t>(value) + 2, t.end() - 1,
                    [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; });
    if (good)
      out.caa.push_back(t);
    else
      r.mistake(item, "write flags, tag and value, such as '0 issue \"ca.example.net\"'");
  }
}

void contact(Reader& r, const At& at, Nameserver& out) {
  if (!r.is_text(at)) return;
  const std::string text = to_lower(at.node->text);
  const auto sign = text.find('@');
  if (sign == std::string::npos || !is_name(text.substr(0, sign)) || text.find('.') < sign ||
      !is_host_name(text.substr(sign + 1)))
    return r.mistake(at,
                     "write a mailbox without a '.' before its '@', such as "
                     "\"hostmaster@example.net\"");
  out.contact = text;
}

// TDR-07: a service that looks the name up takes one address, and refuses a trunk with several.
void service_addresses(Reader& r, const At& at, Nameserver::RegionNames& out) {
  addresses(r, at, out.service);
  for (const bool v6 : {false, true})
    if (std::count_if(out.service.begin(), out.service.end(),
                      [&](const IpAddress& a) { return a.is_v6() == v6; }) > 1)
      r.mistake(at, "services refuse a name with several addresses: write one of each family");
}

constexpr Key<Nameserver::RegionNames> kRegionKeys[] = {
    {"region", member<&Nameserver::RegionNames::region>, true},
    {"number", number<&Nameserver::RegionNames::number, 1, 99>},
    {"service_addresses", service_addresses, true},
    {"network_addresses", address_list<&Nameserver::RegionNames::network, Nameserver::RegionNames>},
};

void texts(Reader& r, const At& at, Nameserver::Host& out) {
  if (!r.is_array(at, 16)) return;
  for (std::size_t i = 0; i < at.node->items.size(); ++i) {
    const At item = at.item(i);
    if (!r.is_text(item)) continue;
    const std::string& t = item.node->text;
    if (!t.empty() && t.size() <= 255 && std::all_of(t.begin(), t.end(), [](char c) {
          return c >= ' ' && c <= '~' && c != '"' && c != '\\';
        }))
      out.texts.push_back(t);
    else
      r.mistake(item, "write 1 to 255 printable characters without '\"' and '\\', as \"MS=ms1\"");
  }
}

constexpr Key<Nameserver::Host> kHostKeys[] = {
    {"name",
     [](Reader& r, const At& at, Nameserver::Host& h) {
       if (!r.is_text(at)) return;
       const std::string text = to_lower(at.node->text);
       if (text != "@" && !is_name(text))
         return r.mistake(at, "write a name below the domain, such as \"provapi\", or \"@\"");
       h.name = text;
     },
     true},
    {"addresses", address_list<&Nameserver::Host::addresses, Nameserver::Host>},
    {"texts", texts},
};

constexpr Key<Nameserver::Service> kServiceKeys[] = {
    {"name",
     [](Reader& r, const At& at, Nameserver::Service& s) {
       if (!r.is_text(at)) return;
       const std::string text = to_lower(at.node->text);
       const auto dot = text.find('.');
       if (!is_name(text) || !text.starts_with('_') || dot == std::string::npos ||
           text[dot + 1] != '_')
         return r.mistake(at, "write service and protocol (RFC 2782), such as \"_sips._tcp\"");
       s.name = text;
     },
     true},
    {"port", number<&Nameserver::Service::port, 1, 65'535>, true},
    {"network", member<&Nameserver::Service::network>},
};

template <typename T>
void repeated(Reader& r, const At& at, std::size_t most, std::span<const Key<T>> keys,
              std::vector<T>& out) {
  if (!r.is_array(at, most)) return;
  r.tables(at, [&](const At& item) { r.table<T>(item, keys, out.emplace_back()); });
}

constexpr Key<Nameserver> kKeys[] = {
    {"domain", [](Reader& r, const At& at, Nameserver& n) { host_name(r, at, n.domain); }, true},
    {"listen", member<&Nameserver::listen>},
    {"servers",
     [](Reader& r, const At& at, Nameserver& n) {
       if (!r.is_array(at, 16)) return;
       for (std::size_t i = 0; i < at.node->items.size(); ++i) {
         std::string name;
         host_name(r, at.item(i), name);
         if (!name.empty()) n.servers.push_back(std::move(name));
       }
     },
     true},
    {"contact", contact, true},
    {"ttl", member<&Nameserver::ttl>},
    {"negative_ttl", member<&Nameserver::negative_ttl>},
    {"service_pattern", pattern<&Nameserver::service_pattern>},
    {"network_pattern", pattern<&Nameserver::network_pattern>},
    {"caa", caa},
    {"answers_per_second", number<&Nameserver::answers_per_second, 0, 1'000'000>},
    {"slip", number<&Nameserver::slip, 0, 100>},
    {"ask", member<&Nameserver::ask>},
    {"region",
     [](Reader& r, const At& at, Nameserver& n) {
       repeated<Nameserver::RegionNames>(r, at, kMaxRegions, kRegionKeys, n.regions);
     },
     true},
    {"host",
     [](Reader& r, const At& at, Nameserver& n) {
       repeated<Nameserver::Host>(r, at, kMaxHosts, kHostKeys, n.hosts);
     }},
    {"service",
     [](Reader& r, const At& at, Nameserver& n) {
       repeated<Nameserver::Service>(r, at, 64, kServiceKeys, n.services);
     }},
};

std::string replaced(const std::string& pattern, std::uint16_t n) {
  const auto at = pattern.find("{n}");
  return pattern.substr(0, at) + std::to_string(n) + pattern.substr(at + 3);
}

// Below the domain: it must have an address here, or nobody finds it.
bool has_host(const Nameserver& n, const std::string& name) {
  return std::any_of(n.hosts.begin(), n.hosts.end(), [&](const Nameserver::Host& h) {
    return !h.addresses.empty() && (h.name == "@" ? n.domain : h.name + "." + n.domain) == name;
  });
}

void check_regions(Reader& reader, const Place& place, Nameserver& n,
                   const std::vector<RegionDraft>& regions) {
  std::set<std::string> seen;
  std::set<std::uint16_t> numbers;
  for (std::size_t i = 0; i < n.regions.size(); ++i) {
    auto& r = n.regions[i];
    const std::string field = place.field_of("region") + "[" + std::to_string(i + 1) + "]";
    const int line = place.node->find("region")->value.items[i].line;
    const auto say = [&](std::string_view key, std::string found, std::string remedy) {
      const auto* m = place.node->find("region")->value.items[i].find(key);
      reader.mistake(m != nullptr ? m->line : line, Reader::join(field, key), std::move(found),
                     std::move(remedy));
    };
    if (r.number == 0) r.number = static_cast<std::uint16_t>(i + 1);
    if (std::none_of(regions.begin(), regions.end(),
                     [&](const RegionDraft& d) { return d.name == r.region; }))
      say("region", "\"" + r.region + "\"", "name one of [[region]]");
    if (!seen.insert(r.region).second)
      say("region", "\"" + r.region + "\" twice", "say everything of a region in one table");
    if (!numbers.insert(r.number).second)
      say("number", std::to_string(r.number), "give each region a number of its own");
  }
}

}  // namespace

std::string Nameserver::service_label(const RegionNames& r) const {
  return replaced(service_pattern, r.number);
}
std::string Nameserver::network_label(const RegionNames& r) const {
  return replaced(network_pattern, r.number);
}
std::string Nameserver::service_domain(const RegionNames& r) const {
  return service_label(r) + "." + domain;
}

void read_nameserver(Reader& reader, const At& at, std::optional<NameserverDraft>& out) {
  out.emplace();
  out->place = {at.node, at.line, at.field};
  reader.table<Nameserver>(at, kKeys, *out);
}

void check_nameserver(Reader& reader, Draft& draft) {
  if (!draft.nameserver) return;
  auto& n = *draft.nameserver;
  const Place& place = n.place;
  if (place.node->kind != TomlNode::Kind::kTable) return;
  const auto say = [&](std::string_view key, std::string found, std::string remedy) {
    reader.mistake(place.line_of(key), place.field_of(key), std::move(found), std::move(remedy));
  };
  check_regions(reader, place, n, draft.regions);
  for (const auto& e : n.listen)
    if (e.port != 0 && e.address.is_unspecified())
      say("listen", e.to_string(),
          "write one address of this machine: an answer leaves from where it was asked");
  if (place.has("servers") && n.servers.empty() && place.node->find("servers")->value.items.empty())
    say("servers", "an empty array", "name at least one name server of the domain");
  for (const auto& s : n.servers)
    if (s.ends_with("." + n.domain) && !has_host(n, s))
      say("servers", "\"" + s + "\"",
          fmt::format("it lies within the domain: give its addresses in a [[nameserver.host]] "
                      "named \"{}\"",
                      s.substr(0, s.size() - n.domain.size() - 1)));
  if (n.service_pattern == n.network_pattern)
    say("network_pattern", "\"" + n.network_pattern + "\"",
        "services and the operator's network have names of their own: write another");
  // Even a label of one character would be too long.
  for (const auto& r : n.regions)
    if (const auto name = n.service_domain(r);
        !n.domain.empty() && name.size() + 2 > kMaxEnterpriseName)
      say("domain", "\"" + n.domain + "\"",
          fmt::format("the name of an enterprise below {} would pass {} characters: choose a "
                      "shorter domain",
                      name, kMaxEnterpriseName));
}

void list_nameserver_keys(std::vector<std::string>& out) {
  list_keys<Nameserver>("nameserver", kKeys, out);
  std::erase_if(out, [](const std::string& k) {
    return k == "nameserver.region" || k == "nameserver.host" || k == "nameserver.service";
  });
  list_keys<Nameserver::RegionNames>("nameserver.region", kRegionKeys, out);
  list_keys<Nameserver::Host>("nameserver.host", kHostKeys, out);
  list_keys<Nameserver::Service>("nameserver.service", kServiceKeys, out);
}

}  // namespace causeway::deployment
