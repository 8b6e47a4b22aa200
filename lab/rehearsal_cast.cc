#include "lab/rehearsal_cast.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>

#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#include <toml++/toml.h>

#include "deployment/load.h"
#include "lab/srtp_session.h"

namespace causeway::lab {
namespace {

namespace fs = std::filesystem;
using deployment::Deployment;

std::string text_at(const toml::table& t, std::string_view key) {
  return t[key].value_or(std::string());
}

template <typename F>
void each_table(toml::table& root, std::string_view key, F&& f) {
  if (auto* array = root[key].as_array())
    for (auto& node : *array)
      if (auto* table = node.as_table()) f(*table);
}

// Whether a profile is the built-in one of that name, or comes from it.
bool comes_from(toml::table& root, std::string name, std::string_view built_in) {
  for (int depth = 0; depth < 16 && name != built_in; ++depth) {
    std::string base;
    each_table(root, "profile", [&](toml::table& p) {
      if (text_at(p, "name") == name) base = text_at(p, "extends");
    });
    if (base.empty() && name == "teams-media-bypass") base = "teams-direct-routing";
    if (base.empty()) return false;
    name = base;
  }
  return name == built_in;
}

// An address of these networks that nobody has yet.
Result<IpAddress> take_address(const std::vector<Prefix>& networks, std::vector<IpAddress>& taken) {
  for (const auto& p : networks) {
    if (p.address().is_v6()) continue;
    const std::uint32_t first = p.address().v4_host_order();
    const std::uint32_t step = p.length() == 32 ? 0 : 1;
    for (std::uint32_t i = 0; i < 200; ++i) {
      const auto a = IpAddress::v4(first + step * (i + 1));
      if (!p.contains(a)) break;
      if (std::find(taken.begin(), taken.end(), a) != taken.end()) continue;
      taken.push_back(a);
      return a;
    }
    if (step == 0 && std::find(taken.begin(), taken.end(), p.address()) == taken.end()) {
      taken.push_back(p.address());
      return p.address();
    }
  }
  return fail(ErrorCode::kConfiguration, "no IPv4 address is left in recognise.sources");
}

std::uint16_t port_of(const deployment::Peer& p) {
  if (p.port != 0) return p.port;
  return p.transport == Transport::kTls ? 5061 : 5060;
}

std::string_view suite_name(sdp::CryptoSuite s) {
  switch (s) {
    case sdp::CryptoSuite::kAesCm128HmacSha1_80: return "AES_CM_128_HMAC_SHA1_80";
    case sdp::CryptoSuite::kAesCm128HmacSha1_32: return "AES_CM_128_HMAC_SHA1_32";
    case sdp::CryptoSuite::kAesCm256HmacSha1_80: return "AES_256_CM_HMAC_SHA1_80";
    case sdp::CryptoSuite::kAesCm256HmacSha1_32: return "AES_256_CM_HMAC_SHA1_32";
    case sdp::CryptoSuite::kAeadAes128Gcm: return "AEAD_AES_128_GCM";
    case sdp::CryptoSuite::kAeadAes256Gcm: return "AEAD_AES_256_GCM";
  }
  return "";
}

// --- the copy ------------------------------------------------------------------------------------

// Paths that a configuration writes relative to itself.
void make_absolute(toml::node& node, const fs::path& base, std::string_view key) {
  static constexpr auto kFiles = std::to_array<std::string_view>(
      {"certificate", "key", "chain", "trusted_roots", "codec_plugins"});
  if (auto* table = node.as_table()) {
    for (auto&& [k, v] : *table) make_absolute(v, base, k.str());
  } else if (auto* array = node.as_array()) {
    for (auto& v : *array) make_absolute(v, base, key);
  } else if (auto* text = node.as_string()) {
    const bool file = std::find(kFiles.begin(), kFiles.end(), key) != kFiles.end() ||
                      text->get().ends_with(".wav");
    if (file && !text->get().empty() && !text->get().starts_with('/'))
      *text = (base / text->get()).lexically_normal().string();
  }
}

// Behind NAT the room has no translator: sockets lie at the public address itself.
void without_nat(toml::table& root) {
  each_table(root, "realm", [&](toml::table& realm) {
    realm.erase("interface");
    auto* open = realm["public_addresses"].as_array();
    if (open == nullptr) return;
    const std::string name = text_at(realm, "name");
    std::string v4, v6;
    for (auto& a : *open) {
      const std::string text = a.value_or(std::string());
      (text.find(':') == std::string::npos ? v4 : v6) = text;
    }
    if (auto* media = realm["media_addresses"].as_array())
      for (auto& a : *media) {
        const bool six = a.value_or(std::string()).find(':') != std::string::npos;
        const std::string& to = six ? v6 : v4;
        if (!to.empty()) *a.as_string() = to;
      }
    each_table(root, "listener", [&](toml::table& l) {
      auto* text = l["address"].as_string();
      if (text == nullptr || text_at(l, "realm") != name) return;
      const auto at = Endpoint::parse(text->get());
      if (!at) return;
      const std::string& to = at->address.is_v6() ? v6 : v4;
      if (const auto a = IpAddress::literal(to)) *text = Endpoint{*a, at->port}.to_string();
    });
    realm.erase("public_addresses");
  });
}

Result<std::string> write_copy(toml::table root, const CastWish& wish, const Cast& cast) {
  std::error_code ec;
  const fs::path base = fs::absolute(wish.config, ec).parent_path();
  const std::string directory = fs::absolute(wish.directory, ec).string();
  make_absolute(root, base, "");
  without_nat(root);
  for (const char* key : {"metrics", "nameserver", "provisioning"}) root.erase(key);
  root.insert_or_assign("resolvers", toml::array{kRoomResolver});
  if (!root["operation"].is_table()) root.insert_or_assign("operation", toml::table{});
  auto& operation = *root["operation"].as_table();
  operation.insert_or_assign("shards", 1);
  operation.insert_or_assign("control_socket", directory + "/control.sock");
  operation.insert_or_assign("state_directory", directory + "/state");
  operation.insert_or_assign("record_directory", directory + "/records");
  operation.insert_or_assign("drain", "1s");
  for (const char* key : {"node", "pin_shards"}) operation.erase(key);
  if (cast.by_number) root.insert_or_assign("provisioning", toml::table{{"store", cast.store}});
  each_table(root, "tls_identity", [&](toml::table& t) {
    if (auto* roots = t["trusted_roots"].as_array()) roots->push_back(directory + "/tls/ca.crt");
  });
  each_table(root, "peer_group", [&](toml::table& g) {
    const std::string name = text_at(g, "name");
    if (name == cast.service_group) {
      g.insert_or_assign("options_interval", "3s");
    } else if (name == cast.core_group) {  // its calls take this trunk
      g.insert_or_assign("routes_to", toml::array{cast.service_group});
    } else {  // other trunks may be of the same service, by the same names
      g.insert_or_assign("options_interval", "0s");
    }
  });
  std::string path = directory + "/causeway.toml";
  std::ofstream out(path, std::ios::trunc);
  out << root << "\n";
  out.close();
  if (!out) return fail(ErrorCode::kIo, "cannot write " + path);
  fs::create_directories(directory + "/state", ec);
  return path;
}

// --- who is who ----------------------------------------------------------------------------------

Result<const deployment::PeerGroup*> service_group(const Deployment& d, toml::table& root,
                                                   const CastWish& wish) {
  for (const auto& g : d.groups) {
    const std::string& profile = d.profile(g.profile).name;
    if (wish.group.empty() ? comes_from(root, profile, wish.service) : g.name == wish.group)
      return &g;
  }
  if (!wish.group.empty())
    return fail(ErrorCode::kNotFound, "no peer_group is called '" + wish.group + "'");
  return fail(ErrorCode::kNotFound,
              fmt::format("no peer_group has a profile that is or extends \"{}\": name one with "
                          "--group",
                          wish.service));
}

const deployment::PeerGroup* core_of(const Deployment& d, const deployment::PeerGroup& service) {
  for (const auto to : service.routes_to) return &d.group(to);
  for (const auto& g : d.groups)
    if (&g != &service && !g.service && g.trunk != deployment::Trunk::kNone) return &g;
  return nullptr;
}

Result<std::vector<Site>> sites_of(const Deployment& d, const deployment::PeerGroup& g,
                                   std::vector<IpAddress>& taken, Zone& zone) {
  std::vector<Site> out;
  for (const auto i : g.peers) {
    const auto& p = d.peer(i);
    Site s{"", {{}, port_of(p)}};
    if (p.address) {
      s.address.address = *p.address;
    } else {
      auto a = take_address(g.recognition.sources, taken);
      if (!a)
        return fail(ErrorCode::kConfiguration,
                    fmt::format("peer_group '{}': {}", g.name, a.error().what));
      s.name = p.host;
      s.address.address = *a;
      ZoneRecord r;
      r.name = p.host;
      r.address = *a;
      r.ttl = 60;
      zone.push_back(std::move(r));
    }
    out.push_back(std::move(s));
  }
  if (out.empty())
    return fail(ErrorCode::kConfiguration, "peer_group '" + g.name + "' has no peer");
  return out;
}

IpAddress media_of(const deployment::PeerGroup& g, const IpAddress& otherwise,
                   std::vector<IpAddress>& taken) {
  const auto& from = g.media_sources;
  const bool listed =
      std::any_of(from.begin(), from.end(), [&](const Prefix& p) { return p.contains(otherwise); });
  if (from.empty() || listed) return otherwise;
  return take_address(from, taken).value_or(otherwise);
}

// Where a listener lies in the copy.
Endpoint reached_at(const Deployment& d, deployment::ListenerIndex i) {
  const auto& l = d.listener(i);
  const auto& r = d.realm(l.realm);
  const auto& open = l.address.address.is_v6() ? r.public_v6 : r.public_v4;
  return {open.value_or(l.address.address), l.address.port};
}

Status cast_service(const Deployment& d, const deployment::PeerGroup& g,
                    std::vector<IpAddress>& taken, Cast& out) {
  if (d.listener(g.listener).transport != Transport::kTls)
    return fail(ErrorCode::kConfiguration,
                fmt::format("peer_group '{}': its listener is {}; the service speaks TLS alone "
                            "(TDR-04)",
                            g.name, to_string(d.listener(g.listener).transport)));
  auto sites = sites_of(d, g, taken, out.zone);
  if (!sites) return tl::unexpected(sites.error());
  out.service = std::move(*sites);
  for (const auto& s : out.service)
    if (s.name.empty())
      return fail(ErrorCode::kConfiguration,
                  fmt::format("peer_group '{}': {} is an address; write the service's names "
                              "(TDR-01)",
                              g.name, s.address.address.to_string()));
  const std::string& first = out.service[0].name;
  out.domain = first.substr(std::min(first.find('.') + 1, first.size()));
  out.service_media = media_of(g, out.service[0].address.address, taken);
  out.gateway_service = reached_at(d, g.listener);
  const auto& profile = d.profile(g.profile);
  const auto& realm = d.realm(g.realm);
  out.gateway_service_media = realm.public_v4.value_or(realm.media_v4.value_or(IpAddress{}));
  if (g.internal_realm) {
    const auto& inside = d.realm(*g.internal_realm);
    out.inside_media = inside.public_v4.value_or(inside.media_v4.value_or(IpAddress{}));
    out.first_inside = g.expect_internal;
  }
  out.gateway_name = profile.contact_host;
  out.label = profile.customer_in_contact ? "rehearsal" : "";
  out.contact_names = {profile.contact_host};
  if (profile.customer_in_contact)
    out.contact_names.push_back(out.label + "." + profile.contact_host);
  for (const auto& name : out.contact_names) {
    ZoneRecord r;
    r.name = name;
    r.address = out.gateway_service.address;
    out.zone.push_back(std::move(r));
  }
  out.options_interval_s = g.options_interval.count();
  return {};
}

Status cast_core(const Deployment& d, const deployment::PeerGroup& g, std::vector<IpAddress>& taken,
                 Cast& out) {
  auto sites = sites_of(d, g, taken, out.zone);
  if (!sites) return tl::unexpected(sites.error());
  out.core = std::move(*sites);
  out.core_transport = d.peer(g.peers.front()).transport;
  const auto listener =
      std::find_if(g.recognition.listeners.begin(), g.recognition.listeners.end(),
                   [&](auto i) { return d.listener(i).transport == out.core_transport; });
  if (listener == g.recognition.listeners.end())
    return fail(ErrorCode::kConfiguration,
                fmt::format("peer_group '{}' has no {} listener for calls from it", g.name,
                            to_string(out.core_transport)));
  out.gateway_core = reached_at(d, *listener);
  const auto& profile = d.profile(g.profile);
  out.gateway_core_name = profile.contact_host;
  if (profile.sdp.security == sdp::Security::kDtls)
    return fail(ErrorCode::kConfiguration,
                fmt::format("peer_group '{}' has security = \"dtls\": the rehearsal plays a core "
                            "with RTP or SDES; put such a group first in routes_to of a copy",
                            g.name));
  if (profile.sdp.security == sdp::Security::kSdes)
    for (const auto s : profile.sdp.suites)
      if (const std::string name(suite_name(s)); SrtpSession::key_length(name) > 0)
        out.core_suites.push_back(name);
  if (profile.sdp.security == sdp::Security::kSdes && out.core_suites.empty())
    return fail(ErrorCode::kConfiguration,
                fmt::format("peer_group '{}': the rehearsal knows none of its sdp.suites", g.name));
  for (const auto& s : out.core)
    out.core_names.push_back(s.name.empty() ? s.address.address.to_string() : s.name);
  for (const auto& n : g.recognition.certificate_names) out.core_names.push_back(n);
  if (const auto identity = d.listener(*listener).identity)
    out.core_roots = d.identities[identity->value].trusted_roots;
  out.core_zone = out.zone;
  std::erase_if(out.core_zone, [&](const ZoneRecord& r) { return r.name == profile.contact_host; });
  if (!profile.contact_host.empty()) {
    ZoneRecord r;
    r.name = profile.contact_host;
    r.address = out.gateway_core.address;
    out.core_zone.push_back(std::move(r));
  }
  const auto& realm = d.realm(g.realm);
  out.gateway_core_media = realm.public_v4.value_or(realm.media_v4.value_or(IpAddress{}));
  out.core_media = media_of(g, out.core[0].address.address, taken);
  out.core_trusted = g.trusted;
  out.core_group = g.name;
  return {};
}

// Of a core whose gateways the service knows: the names that its requests then have.
void cast_behind(const Deployment& d, const deployment::PeerGroup& core, Cast& out) {
  if (!out.inside_media) return;
  for (std::size_t i = 0; i < core.peers.size() && out.beside.empty(); ++i) {
    out.beside = d.peer(core.peers[i]).known_as;
    if (out.beside.empty()) continue;
    ZoneRecord r;
    r.name = out.beside;
    r.address = out.core[i].address.address;
    out.zone.push_back(std::move(r));
  }
}

void cast_other_trunks(const Deployment& d, toml::table& root, const deployment::PeerGroup& service,
                       Cast& out) {
  for (const auto& g : d.groups) {
    const auto& profile = d.profile(g.profile);
    if (&g != &service && comes_from(root, profile.name, "teams-direct-routing") &&
        profile.sdp.ice_lite != out.bypass)
      out.other_trunks.push_back(
          {g.name, profile.contact_host, d.listener(g.listener).address.port});
  }
}

}  // namespace

Result<Cast> cast_of(const CastWish& wish) {
  const auto loaded = deployment::load_file(wish.config);
  if (!loaded.deployment)
    return fail(ErrorCode::kConfiguration,
                "the configuration has mistakes:\n" + loaded.to_string());
  const Deployment& d = *loaded.deployment;
  auto parsed = toml::parse(d.source);
  if (!parsed) return fail(ErrorCode::kConfiguration, std::string(parsed.error().description()));
  toml::table root = std::move(parsed).table();
  const auto service = service_group(d, root, wish);
  if (!service) return tl::unexpected(service.error());
  const auto* core = core_of(d, **service);
  if (core == nullptr)
    return fail(ErrorCode::kConfiguration,
                "peer_group '" + (*service)->name + "' has no routes_to: no core to call");
  Cast out;
  out.service_group = (*service)->name;
  std::vector<IpAddress> taken;
  for (const auto& l : d.listeners) taken.push_back(l.address.address);
  for (const auto& p : d.peers)
    if (p.address) taken.push_back(*p.address);
  if (auto s = cast_service(d, **service, taken, out); !s) return tl::unexpected(s.error());
  if (auto s = cast_core(d, *core, taken, out); !s) return tl::unexpected(s.error());
  if (wish.service == "zoom-provider-exchange") out.inside_media.reset();
  // Zoom has no bypass; a trunk that was made with it has it whatever the profile says.
  out.bypass =
      wish.service == "teams-media-bypass" ||
      (wish.service != "zoom-provider-exchange" && d.profile((*service)->profile).sdp.ice_lite);
  cast_behind(d, *core, out);
  if (wish.service != "zoom-provider-exchange") cast_other_trunks(d, root, **service, out);
  out.by_number = (*service)->service.has_value() || core->trunk != deployment::Trunk::kNone;
  if (out.by_number) out.store = wish.directory + "/store.db";
  auto copy = write_copy(std::move(root), wish, out);
  if (!copy) return tl::unexpected(copy.error());
  out.config = *copy;
  return out;
}

}  // namespace causeway::lab
