// The resource as a configuration. What the resource does not say gets a placeholder that
// `causeway check` takes, and a note.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "app/migrate_resource.h"
#include "base/host_name.h"
#include "base/net.h"

namespace causeway::app::migrate {
namespace {

constexpr const char* kPlaceholderSource = "192.0.2.0/24";  // RFC 5737

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20)
      out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
    else
      out += c;
  }
  return out + "\"";
}

std::string list_of(const std::vector<std::string>& items) {
  std::string out = "[";
  for (const auto& i : items) out += (out.size() > 1 ? ", " : "") + quoted(i);
  return out + "]";
}

// What a name of the configuration may have.
std::string named(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 60))
    out += std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.'
               ? c
               : '-';
  return out.empty() ? "unnamed" : out;
}

struct Service {
  const char* platform;  // of the resource
  const char* name;      // of the configuration
  const char* profile;
  std::uint16_t port;
};
constexpr Service kServices[] = {
    {"OperatorConnect", "operator-connect", "teams-operator-connect", 5061},
    {"TeamsPhoneMobile", "teams-phone-mobile", "teams-phone-mobile", 5065},
    {"TeamsDirectRouting", "direct-routing", "teams-direct-routing", 5063},
    {"Zoom", "zoom-phone", "zoom-provider-exchange", 5067},
};

const Service* service_of(std::string_view platform) {
  for (const auto& s : kServices)
    if (s.platform == platform) return &s;
  return nullptr;
}

class Writer {
 public:
  Writer(const Resource& r, const Addresses& a, Notes& notes) : r_(r), notes_(notes) {
    region_ = named(a.region.empty() ? r.regions.front().name : a.region);
    network_ = placed(a.network, "192.0.2.1", "--network", "towards the operator's network");
    service_ = placed(a.service, "198.51.100.1", "--service", "towards the services");
    domain_ = !a.domain.empty() ? a.domain : r.domain;
    if (domain_.empty()) {
      domain_ = "gateway.example.net";
      note(fmt::format(
          "domain gateway.example.net is a placeholder{}: say --domain",
          r.generated.empty() ? "" : " for the generated one of '" + r.generated + "'"));
    }
    const auto at = std::find_if(r.regions.begin(), r.regions.end(),
                                 [&](const Region& x) { return named(x.name) == region_; });
    number_ = 1 + static_cast<int>(at - r.regions.begin());
    for (const auto& p : r.platforms)
      if (const Service* s = service_of(p))
        services_.push_back(s);
      else
        note("properties.platforms: " + p + " has no counterpart, left out");
    groups_ = r.groups;
    if (groups_.empty()) groups_.push_back(static_group());
  }

  [[nodiscard]] std::string write() {
    out_ = fmt::format(
        "# Made by `causeway migrate` from {}, for the gateway in {}.\n"
        "# What it could not say stands in the notes that came with it.\n",
        r_.name.empty() ? "a deployment" : named(r_.name), region_);
    head();
    domain();
    for (const auto& r : r_.regions)
      out_ += fmt::format("\n[[region]]\nname = {}\n", quoted(named(r.name)));
    sides();
    for (std::size_t i = 0; i < groups_.size(); ++i) trunk(groups_[i], i);
    for (const Service* s : services_) service(*s);
    return out_;
  }

 private:
  void note(std::string text) { notes_.push_back(std::move(text)); }

  std::string placed(const std::string& given, const char* placeholder, const char* option,
                     const char* what) {
    if (!given.empty()) return given;
    note(fmt::format("address {} {} is a placeholder: say {}", placeholder, what, option));
    return placeholder;
  }

  // Before peer groups could be configured there was one, and it was the same everywhere.
  PeerGroup static_group() {
    PeerGroup g;
    g.name = "network";
    g.codecs = r_.codecs;
    for (const auto& region : r_.regions) {
      Peer p;
      p.name = region.name;
      for (const auto& host : region.operators)
        p.hosts.push_back({host, static_cast<std::uint16_t>(IpAddress::literal(host) ? 5061 : 0)});
      p.signalling = region.signalling;
      p.media = region.media;
      g.peers.push_back(std::move(p));
    }
    note(
        "group network: TLS and SRTP are assumed towards the operator's network; the resource "
        "does not say");
    return g;
  }

  void head() {
    if (!r_.dial_strings.empty())
      out_ += fmt::format("\n[emergency]\nsos = {}\n", list_of(r_.dial_strings));
    out_ += "\n[routing]\n";
    if (!r_.voicemail.empty()) out_ += fmt::format("voicemail_pilot = {}\n", quoted(r_.voicemail));
    if (r_.on_premises_mcp) out_ += "mobile_control_point = \"on_premises\"\n";
    if (!r_.custom_header.empty())
      out_ += fmt::format("custom_header = {}\n", quoted(r_.custom_header));
    verification();
    if (!r_.api) return;
    if (!r_.api_sources.empty())
      out_ += fmt::format("\n[provisioning]\nallowed_sources = {}\n", list_of(r_.api_sources));
    note(
        "properties.apiBridge: say in [provisioning] where the API listens, its certificate, and "
        "whose tokens it takes");
  }

  bool has(std::string_view service) const {
    return std::any_of(services_.begin(), services_.end(),
                       [&](const Service* s) { return s->name == service; });
  }

  void verification() {
    std::vector<std::string> fixed, mobile;
    for (const auto& l : r_.test_lines) {
      // Suggested names are OC1, OC2, TPM1 and TPM2; nothing else says whose they are.
      const bool tpm = to_lower(l.name).find("tpm") != std::string::npos;
      ((tpm || !has("operator-connect")) && has("teams-phone-mobile") ? mobile : fixed)
          .push_back(l.number);
    }
    const auto add = [&](const char* service, const std::vector<std::string>& numbers, bool loop) {
      if (numbers.empty() || !has(service)) return;
      out_ += fmt::format("\n[[routing.verification]]\nservice = \"{}\"\nnumbers = {}\n{}", service,
                          list_of(numbers), loop ? "loop_back = true\n" : "");
    };
    add("operator-connect", fixed, true);
    add("teams-phone-mobile", mobile, true);
    add("zoom-phone", r_.zoom_lines, false);
  }

  void domain() {
    out_ += fmt::format(
        "\n[nameserver]\ndomain = {0}\nlisten = [\"{1}:53\"]\nservers = [\"ns{2}.{3}\"]\n"
        "contact = \"hostmaster@{3}\"\n"
        "[[nameserver.host]]\nname = \"ns{2}\"\naddresses = [\"{1}\"]\n"
        "[[nameserver.host]]\nname = \"provapi\"\naddresses = [\"{1}\"]\n",
        quoted(domain_), bare(service_), number_, domain_);
    for (std::size_t i = 0; i < r_.regions.size(); ++i) {
      const std::string name = named(r_.regions[i].name);
      const bool own = static_cast<int>(i) + 1 == number_;
      out_ += fmt::format(
          "[[nameserver.region]]\nregion = {}\nservice_addresses = [\"{}\"]\n"
          "network_addresses = [\"{}\"]\n",
          quoted(name), own ? service_ : "198.51.100.2", own ? network_ : "192.0.2.2");
      if (!own)
        note(
            fmt::format("region {}: its addresses 198.51.100.2 and 192.0.2.2 in [nameserver] are "
                        "placeholders",
                        name));
    }
    out_ += "[[nameserver.service]]\nname = \"_sip._tls\"\nport = 5061\nnetwork = true\n";
  }

  static std::string bare(const std::string& address) {
    return address.find(':') == std::string::npos ? address : "[" + address + "]";
  }

  void sides() {
    for (const auto& [realm, address] :
         {std::pair{"network", network_}, std::pair{"services", service_}})
      out_ += fmt::format(
          "\n[[realm]]\nname = \"{}\"\nmedia_addresses = [\"{}\"]\nmedia_port_min = 16384\n"
          "media_port_max = 23983\n",
          realm, address);
    out_ +=
        "\n[[tls_identity]]\nname = \"gateway\"\ncertificate = \"tls/gateway.crt\"\n"
        "key = \"tls/gateway.key\"\ntrusted_roots = [\"tls/roots.crt\"]\n";
    note(
        fmt::format("certificate: put tls/gateway.crt, .key and tls/roots.crt beside the "
                    "configuration; the names are {0} and *.{0}",
                    host()));
    for (const Service* s : services_)
      out_ += fmt::format(
          "\n[[listener]]\nname = \"{}\"\nrealm = \"services\"\ntransport = \"tls\"\n"
          "address = \"{}:{}\"\ntls_identity = \"gateway\"\n",
          s->name, bare(service_), s->port);
  }

  [[nodiscard]] std::string host() const { return fmt::format("1r{}.{}", number_, domain_); }

  // Names of codecs here; the comfort of both worlds: digits travel as events.
  std::vector<std::string> codecs_of(const std::vector<std::string>& given, const std::string& at) {
    std::vector<std::string> out;
    const auto add = [&](const char* name) {
      if (std::find(out.begin(), out.end(), name) == out.end()) out.emplace_back(name);
    };
    for (const auto& c : given) {
      if (c == "PCMA" || c == "PCMU" || c == "G722") {
        add(c.c_str());
      } else if (c == "G722_2") {
        add("AMR-WB");
      } else if (c == "SILK_8" || c == "SILK_16") {
        add("SILK");
        note(fmt::format("{}: codec {} is relayed where both sides have it, and never converted",
                         at, c));
      } else {
        note(fmt::format("{}: codec {} is not known, left out", at, c));
      }
    }
    if (!out.empty()) add("telephone-event");
    return out;
  }

  static std::string trunk_of(const PeerGroup& g) {
    return g.service == "TeamsPhoneMobile" ? "mobile" : "fixed";
  }

  // The trunk that calls of a service go to first, and the others behind it.
  std::vector<std::string> trunks_of(const Service& s) const {
    std::vector<std::string> out;
    for (const auto& [service, group] : r_.default_group)
      if (service == s.platform)
        for (const auto& g : groups_)
          if (g.name == group) out.push_back(named(g.name));
    for (const auto& g : groups_)
      if (std::find(out.begin(), out.end(), named(g.name)) == out.end())
        out.push_back(named(g.name));
    return out;
  }

  int priority_of(const PeerGroup& g, const Peer& p) const {
    for (const auto& x : r_.priorities)
      if (x.group == g.name && x.peer == p.name && named(x.region) == region_) return x.value;
    // Without routings: the own region's first, the other one behind it.
    return r_.groups.empty() && named(p.name) != region_ ? 1 : 0;
  }

  void trunk(const PeerGroup& g, std::size_t i) {
    const std::string name = named(g.name);
    const bool tls = g.protocol == "tls";
    const auto port =
        g.port != 0 ? g.port : static_cast<std::uint16_t>((tls ? 5061 : 5060) + 2 * i);
    out_ += fmt::format(
        "\n[[listener]]\nname = {}\nrealm = \"network\"\ntransport = \"{}\"\naddress = "
        "\"{}:{}\"\n{}",
        quoted(name), g.protocol, bare(network_), port, tls ? "tls_identity = \"gateway\"\n" : "");
    out_ += fmt::format(
        "\n[[profile]]\nname = {}\nextends = \"operator\"\n[profile.sdp]\nsecurity = \"{}\"\n",
        quoted("network-" + name), g.srtp ? "sdes" : "rtp");
    if (const auto codecs = codecs_of(g.codecs, "group " + name); !codecs.empty())
      out_ += fmt::format("codecs = {}\n", list_of(codecs));
    std::vector<std::string> routes;
    for (const Service* s : services_) routes.emplace_back(s->name);
    out_ += fmt::format(
        "\n[[peer_group]]\nname = {0}\nregion = {1}\nrealm = \"network\"\nlistener = {0}\n"
        "profile = {2}\ntrusted = true\n",
        quoted(name), quoted(region_), quoted("network-" + name));
    if (!routes.empty())
      out_ += fmt::format("trunk = \"{}\"\nroutes_to = {}\n", trunk_of(g), list_of(routes));
    if (!g.service.empty() && g.service != "OperatorConnect" && g.service != "TeamsPhoneMobile")
      note(fmt::format("group {}: its default service {} needs every number provisioned", name,
                       g.service));
    sources_and_peers(g, name);
  }

  void sources_and_peers(const PeerGroup& g, const std::string& name) {
    std::vector<std::string> sources, media;
    const auto add = [](std::vector<std::string>& to, const std::string& what) {
      if (Prefix::parse(what) && std::find(to.begin(), to.end(), what) == to.end())
        to.push_back(what);
    };
    for (const auto& p : g.peers) {
      for (const auto& s : p.signalling) add(sources, s);
      for (const auto& h : p.hosts)
        if (IpAddress::literal(h.host)) add(sources, h.host);
      for (const auto& m : p.media) add(media, m);
    }
    if (sources.empty()) {
      sources.emplace_back(kPlaceholderSource);
      note(fmt::format("group {}: nothing says where its requests come from; {} is a placeholder",
                       name, kPlaceholderSource));
    }
    if (!media.empty()) out_ += fmt::format("media_sources = {}\n", list_of(media));
    out_ += fmt::format("[peer_group.recognise]\nsources = {}\n", list_of(sources));
    std::size_t count = 0;
    for (const auto& p : g.peers)
      for (std::size_t i = 0; i < p.hosts.size(); ++i) {
        const auto& h = p.hosts[i];
        if (!IpAddress::literal(h.host) && !is_host_name(h.host)) {
          note(fmt::format("group {}: '{}' is neither an address nor a host name, left out", name,
                           h.host));
          continue;
        }
        const std::string at = name + "-" + named(p.name);  // one name for each peer of all groups
        peer(p.hosts.size() > 1 ? fmt::format("{}-{}", at, i + 1) : at, h, priority_of(g, p));
        ++count;
      }
    if (count == 0) {
      note(fmt::format("group {}: it has no peer; {} is a placeholder", name, "peer.example.net"));
      peer(name, {"peer.example.net", 5061}, 0);
    }
  }

  void peer(const std::string& name, const Host& h, int priority) {
    out_ +=
        fmt::format("[[peer_group.peer]]\nname = {}\nhost = {}\n", quoted(name), quoted(h.host));
    if (h.port != 0) out_ += fmt::format("port = {}\n", h.port);
    if (priority != 0) out_ += fmt::format("priority = {}\n", priority);
  }

  void service(const Service& s) {
    const bool zoom = std::string_view(s.name) == "zoom-phone";
    const bool direct = std::string_view(s.name) == "direct-routing";
    out_ += fmt::format(
        "\n[[profile]]\nname = \"to-{0}\"\nextends = \"{1}\"\ncontact_host = \"{2}\"\n"
        "via_host = \"{2}\"\n{3}"
        "\n[[peer_group]]\nname = \"{0}\"\nregion = {4}\nrealm = \"services\"\nlistener = \"{0}\"\n"
        "profile = \"to-{0}\"\ntrusted = true\nservice = \"{0}\"\nroutes_to = {5}\n",
        s.name, s.profile, host(), direct ? "customer_in_contact = true\n" : "", quoted(region_),
        list_of(trunks_of(s)));
    if (zoom) {
      note(
          "group zoom-phone: its peers and sources are placeholders; the service gives them with "
          "the contract");
      out_ += fmt::format("[peer_group.recognise]\nsources = [\"{}\"]\n", kPlaceholderSource);
      peer("zoom", {"zoom.example.net", 5061}, 0);
      return;
    }
    if (!direct)
      note(
          fmt::format("group {}: the names of Direct Routing are assumed; take those of your "
                      "contract",
                      s.name));
    const std::vector<std::string> ranges{"52.112.0.0/14", "52.120.0.0/14"};
    out_ += fmt::format(
        "media_sources = {0}\n[peer_group.recognise]\nsources = {0}\n"
        "certificate_names = [\"sip.pstnhub.microsoft.com\"]\n",
        list_of(ranges));
    int priority = 0;
    for (const char* name : {"sip", "sip2", "sip3"})
      peer(fmt::format("{}-{}", s.name, name),
           {fmt::format("{}.pstnhub.microsoft.com", name), 5061}, priority++);
  }

  const Resource& r_;
  Notes& notes_;
  std::string region_, network_, service_, domain_;
  int number_ = 1;
  std::vector<const Service*> services_;
  std::vector<PeerGroup> groups_;
  std::string out_;
};

}  // namespace

Result<std::string> configuration_of(const Resource& r, const Addresses& a, Notes& notes) {
  if (!a.region.empty() && std::none_of(r.regions.begin(), r.regions.end(),
                                        [&](const Region& x) { return x.name == a.region; })) {
    std::string names;
    for (const auto& x : r.regions) names += (names.empty() ? "" : ", ") + x.name;
    return fail(ErrorCode::kNotFound,
                fmt::format("--region {}: the service locations are {}", a.region, names));
  }
  for (const auto& text : {a.network, a.service})
    if (!text.empty() && !IpAddress::literal(text))
      return fail(ErrorCode::kMalformed, fmt::format("'{}' is no address", text));
  if (!a.domain.empty() && !is_host_name(a.domain))
    return fail(ErrorCode::kMalformed, fmt::format("'{}' is no host name", a.domain));
  for (const auto& x : r.regions)
    if (a.region.empty() ? &x != &r.regions.front() : x.name != a.region)
      notes.push_back(
          fmt::format("region {}: its gateway has a configuration of its own; say "
                      "--region {}",
                      x.name, x.name));
  return Writer(r, a, notes).write();
}

}  // namespace causeway::app::migrate
