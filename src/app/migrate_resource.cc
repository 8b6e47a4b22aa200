#include "app/migrate_resource.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/host_name.h"
#include "provisioning/json.h"

namespace causeway::app::migrate {
namespace {

using provisioning::Json;

constexpr std::string_view kType = "microsoft.voiceservices/communicationsgateways";
constexpr std::array kVersions{"2022-12-01-preview", "2023-01-31",         "2023-03-01-preview",
                               "2023-04-03",         "2023-07-13-preview", "2023-09-01",
                               "2023-09-21",         "2024-02-05-preview", "2024-02-16-preview"};

// The members of one object: whoever takes one has answered for it, the rest is told.
class Members {
 public:
  Members(const Json& object, std::string path, Notes& notes)
      : object_(object), path_(std::move(path)), notes_(notes) {}
  const Json* take(std::string_view name) {
    seen_.insert(std::string(name));
    const Json* j = object_.find(name);
    return j == nullptr || j->is_null() ? nullptr : j;
  }
  std::string text(std::string_view name) {
    const Json* j = take(name);
    if (j == nullptr) return {};
    if (j->text() != nullptr) return *j->text();
    wrong(name, *j, "a text");
    return {};
  }
  bool flag(std::string_view name) {
    const Json* j = take(name);
    if (j == nullptr) return false;
    if (j->boolean() != nullptr) return *j->boolean();
    wrong(name, *j, "true or false");
    return false;
  }
  std::int64_t number(std::string_view name) {
    const Json* j = take(name);
    if (j == nullptr) return 0;
    if (j->integer() != nullptr) return *j->integer();
    wrong(name, *j, "a number");
    return 0;
  }
  std::vector<std::string> texts(std::string_view name) {
    std::vector<std::string> out;
    each(name, [&](const Json& item, const std::string& path) {
      if (item.text() != nullptr)
        out.push_back(*item.text());
      else
        notes_.push_back(path + ": found " + item.describe() + ", left out");
    });
    return out;
  }
  template <typename F>
  void each(std::string_view name, F&& f) {
    const Json* j = take(name);
    if (j == nullptr) return;
    if (j->items() == nullptr) return wrong(name, *j, "a list");
    for (std::size_t i = 0; i < j->items()->size(); ++i)
      f((*j->items())[i], fmt::format("{}{}[{}]", path_, name, i));
  }
  template <typename F>
  void object(std::string_view name, F&& f) {
    const Json* j = take(name);
    if (j == nullptr) return;
    if (j->members() == nullptr) return wrong(name, *j, "an object");
    Members inner(*j, fmt::format("{}{}.", path_, name), notes_);
    f(inner);
    inner.rest();
  }
  // `why` it is left out, when there is one that is not empty.
  void none(std::string_view name, std::string_view why) {
    const Json* j = take(name);
    if (j == nullptr || (j->items() != nullptr && j->items()->empty())) return;
    const std::string value = j->write();
    notes_.push_back(fmt::format("{}{} = {}: {}", path_, name,
                                 value.size() > 120 ? value.substr(0, 117) + "..." : value, why));
  }
  void rest() {
    if (object_.members() == nullptr) return;
    for (const auto& [name, value] : *object_.members())
      if (!seen_.contains(name))
        notes_.push_back(fmt::format("{}{}: is not known, left out", path_, name));
  }
  void note(std::string text) { notes_.push_back(std::move(text)); }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] Notes& notes() { return notes_; }

 private:
  void wrong(std::string_view name, const Json& found, const char* wanted) {
    notes_.push_back(
        fmt::format("{}{}: found {} and not {}, left out", path_, name, found.describe(), wanted));
  }
  const Json& object_;
  std::string path_;
  Notes& notes_;
  std::set<std::string, std::less<>> seen_;
};

void read_location(const Json& j, const std::string& path, Resource& out, Notes& notes) {
  Members m(j, path + ".", notes);
  Region r;
  r.name = m.text("name");
  m.object("primaryRegionProperties", [&](Members& p) {
    r.operators = p.texts("operatorAddresses");
    p.none("esrpAddresses", "emergency calls to a routing provider have no counterpart yet");
    r.signalling = p.texts("allowedSignalingSourceAddressPrefixes");
    r.media = p.texts("allowedMediaSourceAddressPrefixes");
    p.none("acgAddressRanges", "addresses of the old gateway: tell your firewalls the new ones");
    p.object("acgContactInfo", [&](Members& c) {
      c.each("peerGroups", [&](const Json& g, const std::string& at) {
        Members info(g, at + ".", notes);
        const std::string name = info.text("peerGroupName");
        const auto port = info.number("port");
        for (auto& group : out.groups)
          if (group.name == name && port > 0 && port < 65'536)
            group.port = static_cast<std::uint16_t>(port);
        info.none("srvRecord", "a name of the old gateway");
        info.none("ipAddresses", "addresses of the old gateway");
        info.rest();
      });
      c.none("backendServices", "names and addresses of the old gateway");
    });
  });
  m.rest();
  if (r.name.empty())
    notes.push_back(path + ": it has no name, left out");
  else
    out.regions.push_back(std::move(r));
}

// "_sip._tls.example.net" is looked up by its transport, with the name alone.
std::string without_service(std::string name) {
  while (name.starts_with('_') && name.find('.') != std::string::npos)
    name.erase(0, name.find('.') + 1);
  return name;
}

Peer read_peer(const Json& j, const std::string& path, Notes& notes) {
  Members m(j, path + ".", notes);
  Peer p;
  p.name = m.text("peerName");
  (void)m.text("peerType");  // what is there says it
  for (const auto& [list, host] :
       {std::pair{"ipsAndPorts", "ipAddress"}, std::pair{"aRecordsAndPorts", "aRecord"}})
    m.each(list, [&, name = host](const Json& item, const std::string& at) {
      Members h(item, at + ".", notes);
      const auto port = h.number("port");
      p.hosts.push_back(
          {h.text(name), static_cast<std::uint16_t>(port > 0 && port < 65'536 ? port : 0)});
      h.rest();
    });
  if (const std::string srv = m.text("srvRecord"); !srv.empty())
    p.hosts.push_back({without_service(srv), 0});
  p.signalling = m.texts("allowedSignalingSourceAddressPrefixes");
  p.media = m.texts("allowedMediaSourceAddressPrefixes");
  m.rest();
  return p;
}

void read_group(const Json& j, const std::string& path, Resource& out, Notes& notes) {
  Members m(j, path + ".", notes);
  PeerGroup g;
  g.name = m.text("peerGroupName");
  if (const std::string p = to_lower(m.text("signalingProtocol")); p == "tcp" || p == "udp")
    g.protocol = p;
  g.srtp = m.text("mediaProtocol") != "RTP";
  g.codecs = m.texts("codecs");
  m.each("peers", [&](const Json& peer, const std::string& at) {
    g.peers.push_back(read_peer(peer, at, notes));
  });
  m.rest();
  out.groups.push_back(std::move(g));
}

void read_policy(Members& m, Resource& out) {
  m.object("defaultMappings", [&](Members& d) {
    d.each("serviceToPeerGroup", [&](const Json& item, const std::string& at) {
      Members x(item, at + ".", d.notes());
      std::string service = x.text("service");
      out.default_group.emplace_back(std::move(service), x.text("defaultPeerGroup"));
      x.rest();
    });
    d.each("peerGroupToService", [&](const Json& item, const std::string& at) {
      Members x(item, at + ".", d.notes());
      const std::string group = x.text("peerGroup"), service = x.text("defaultService");
      for (auto& g : out.groups)
        if (g.name == group) g.service = service;
      x.rest();
    });
  });
  m.each("peerGroupRoutings", [&](const Json& item, const std::string& at) {
    Members x(item, at + ".", m.notes());
    const std::string group = x.text("peerGroupName");
    x.each("routings", [&](const Json& routing, const std::string& where) {
      Members y(routing, where + ".", m.notes());
      std::string peer = y.text("peerName"), region = y.text("serviceLocation");
      out.priorities.push_back(
          {group, std::move(peer), std::move(region), static_cast<int>(y.number("priority"))});
      y.rest();
    });
    x.rest();
  });
}

void read_services(Members& p, Resource& out) {
  out.platforms = p.texts("platforms");
  out.custom_header.clear();
  p.object("customSipHeaders", [&](Members& c) {
    c.each("headers", [&](const Json& item, const std::string& at) {
      Members h(item, at + ".", c.notes());
      const std::string name = h.text("name");
      if (out.custom_header.empty())
        out.custom_header = name;
      else
        c.note(fmt::format("{}.name = \"{}\": there is one custom header, left out", at, name));
      h.rest();
    });
  });
  p.object("zoomConfig", [&](Members& z) {
    z.none("region", "say which addresses of the service are meant in its [[peer_group]]");
    z.each("testLines", [&](const Json& item, const std::string& at) {
      Members l(item, at + ".", z.notes());
      if (const std::string n = l.text("phoneNumber"); !n.empty()) out.zoom_lines.push_back(n);
      l.rest();
    });
  });
  p.none("aiVoiceServices", "call protection has no counterpart");
}

void read_properties(Members& p, Resource& out) {
  for (const char* state : {"provisioningState", "status"}) (void)p.take(state);
  p.object("apiBridge", [&](Members& a) {
    out.api = to_lower(a.text("configureApiBridge")) == "enabled";
    out.api_sources = a.texts("allowedAddressPrefixes");
    (void)a.take("endpointFqdns");
  });
  // Before the locations, which say the ports of its groups.
  p.none("operatorPeerGroupConfigScheme", "which scheme was used shows in peerGroups");
  p.each("peerGroups",
         [&](const Json& item, const std::string& at) { read_group(item, at, out, p.notes()); });
  p.each("serviceLocations",
         [&](const Json& item, const std::string& at) { read_location(item, at, out, p.notes()); });
  p.object("callPolicy", [&](Members& c) { read_policy(c, out); });
  (void)p.take("connectivity");
  out.codecs = p.texts("codecs");
  if (const std::string e911 = p.text("e911Type"); e911 == "DirectToEsrp")
    p.note("properties.e911Type = \"DirectToEsrp\": emergency calls go to your own network");
  // Since 2023-01-31, with this default; before, there was none.
  out.dial_strings = p.take("emergencyDialStrings") != nullptr
                         ? p.texts("emergencyDialStrings")
                         : std::vector<std::string>{"911", "933"};
  p.none("autoGeneratedDomainNameLabelScope", "names are not generated");
  out.generated = p.text("autoGeneratedDomainNameLabel");
  out.voicemail = p.text("teamsVoicemailPilotNumber");
  out.on_premises_mcp = p.flag("onPremMcpEnabled");
  if (p.flag("integratedMcpEnabled"))
    p.note(
        "properties.integratedMcpEnabled = true: there is no mobile control point in the "
        "gateway yet");
  p.none("signalingProtocolForMcp", "there is no mobile control point in the gateway yet");
  p.object("dnsDelegations", [&](Members& d) {
    d.each("delegations", [&](const Json& item, const std::string& at) {
      Members x(item, at + ".", d.notes());
      const std::string domain = x.text("domain");
      if (out.domain.empty())
        out.domain = to_lower(domain);
      else
        d.note(fmt::format("{}.domain = \"{}\": there is one domain, left out", at, domain));
      x.none("nameServers", "delegate the domain to the new name servers");
      x.rest();
    });
  });
  p.none("allocatedSignalingAddressPrefixes",
         "addresses of the old gateway: tell your firewalls the new ones");
  p.none("allocatedMediaAddressPrefixes",
         "addresses of the old gateway: tell your firewalls the new ones");
  read_services(p, out);
}

// The command line client shows what is in `properties` beside the name; a template has a version.
void read_gateway(const Json& j, Resource& out, Notes& notes) {
  const Json* inner = j.find("properties");
  const bool flat = inner == nullptr || inner->members() == nullptr;
  Members m(j, "", notes);
  out.name = m.text("name");
  out.api_version = m.text("apiVersion");
  for (const char* n :
       {"id", "type", "properties", "dependsOn", "comments", "resources", "etag", "resourceGroup"})
    (void)m.take(n);
  m.none("location", "where the old one was managed; there is no such place");
  m.none("tags", "resources have no tags");
  m.none("identity", "a cloud's identity; backend clients have credentials of their own");
  m.none("sku", "there is no licence to choose");
  m.none("systemData", "history of the old resource");
  if (flat) {
    read_properties(m, out);
    m.rest();
    return;
  }
  m.rest();
  Members p(*inner, "properties.", notes);
  read_properties(p, out);
  p.rest();
}

void read_test_line(const Json& j, Resource& out, Notes& notes) {
  const Json* inner = j.find("properties");
  Members m(inner != nullptr && inner->members() != nullptr ? *inner : j, "testLine.", notes);
  Line l;
  if (const Json* name = j.find("name"); name != nullptr && name->text() != nullptr)
    l.name = *name->text();
  l.number = m.text("phoneNumber");
  if (const std::string purpose = m.text("purpose"); purpose == "Manual")
    notes.push_back(
        fmt::format("test line {} ({}): for calls by hand, provision its number like "
                    "any other",
                    l.name, l.number));
  else if (!l.number.empty())
    out.test_lines.push_back(std::move(l));
}

std::string type_of(const Json& j) {
  const Json* t = j.find("type");
  return t != nullptr && t->text() != nullptr ? to_lower(*t->text()) : std::string();
}

}  // namespace

Result<Resource> read_resource(std::string_view text, Notes& notes) {
  const auto j = provisioning::parse_json(text);
  if (!j) return tl::unexpected(j.error());
  std::vector<const Json*> all;
  for (const char* list : {"resources", "value"})
    if (const Json* l = j->find(list); l != nullptr && l->items() != nullptr)
      for (const auto& item : *l->items()) all.push_back(&item);
  if (j->items() != nullptr)
    for (const auto& item : *j->items()) all.push_back(&item);
  if (all.empty()) all.push_back(&*j);
  Resource out;
  std::size_t gateways = 0;
  for (const Json* r : all) {
    const std::string type = type_of(*r);
    const bool gateway =
        type == kType ||
        (type.empty() && (r->find("properties") != nullptr || r->find("serviceLocations")));
    if (type.ends_with("/testlines")) {
      read_test_line(*r, out, notes);
    } else if (gateway && gateways++ == 0) {
      Resource found;
      read_gateway(*r, found, notes);
      found.test_lines = std::move(out.test_lines);
      out = std::move(found);
    } else {
      notes.push_back(fmt::format("a resource of type {}: left out{}",
                                  type.empty() ? "unknown" : type,
                                  gateway ? ", for it is a second gateway" : ""));
    }
  }
  if (gateways == 0)
    return fail(ErrorCode::kMalformed,
                "there is no Microsoft.VoiceServices/communicationsGateways in it");
  if (out.regions.empty())
    return fail(ErrorCode::kMalformed, "the gateway has no serviceLocations");
  if (!out.api_version.empty() &&
      std::find(kVersions.begin(), kVersions.end(), out.api_version) == kVersions.end())
    notes.push_back("apiVersion " + out.api_version + ": is not known, read like the latest");
  return out;
}

}  // namespace causeway::app::migrate
