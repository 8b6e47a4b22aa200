// The key tables of every section but [[profile]]. A key that is not in a table here does not
// exist.
#include <algorithm>
#include <cctype>
#include <charconv>
#include <set>

#include "base/host_name.h"
#include "deployment/drafts.h"

namespace causeway::deployment {
namespace {

constexpr std::int64_t kMaxPort = 65'535;

constexpr std::pair<std::string_view, Transport> kTransports[] = {
    {"udp", Transport::kUdp}, {"tcp", Transport::kTcp}, {"tls", Transport::kTls}};

template <auto Member, typename T>
void transport(Reader& r, const At& at, T& out) {
  r.word<Transport>(at, out.*Member, kTransports);
}

constexpr std::pair<std::string_view, bool> kFirstAddresses[] = {{"external", false},
                                                                 {"internal", true}};

constexpr std::pair<std::string_view, bool> kForkings[] = {{"sequential", false},
                                                           {"parallel", true}};

// A name that an operator types on the command line.
template <auto Member, typename T>
void name(Reader& r, const At& at, T& out) {
  if (!r.is_text(at)) return;
  const std::string& text = at.node->text;
  const bool good =
      !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.';
      });
  if (!good) return r.mistake(at, "write 1 to 64 letters, digits, '-', '_' or '.'");
  out.*Member = text;
}

// At most one address of each family.
template <auto V4, auto V6, typename T>
void addresses(Reader& r, const At& at, T& out) {
  if (!r.is_array(at, 2)) return;
  for (std::size_t i = 0; i < at.node->items.size(); ++i) {
    const At item = at.item(i);
    if (!r.is_text(item)) continue;
    const auto a = IpAddress::parse(item.node->text);
    if (!a || a->is_unspecified()) {
      r.mistake(item,
                "write one address of this machine, such as \"192.0.2.1\" or \"2001:db8::1\"");
      continue;
    }
    auto& slot = a->is_v6() ? out.*V6 : out.*V4;
    if (slot) {
      r.mistake(item, "write at most one IPv4 and one IPv6 address");
      continue;
    }
    slot = *a;
  }
}

void hosts(Reader& r, const At& at, std::vector<std::string>& out, bool address_allowed) {
  if (!r.is_array(at)) return;
  for (std::size_t i = 0; i < at.node->items.size(); ++i) {
    const At item = at.item(i);
    if (!r.is_text(item)) continue;
    const std::string& text = item.node->text;
    const bool wildcard = text.starts_with("*.") && text.find('.', 2) != std::string::npos;
    const auto address = IpAddress::parse(text);
    if (address_allowed && address)
      out.push_back(address->to_string());
    else if (is_host_name(wildcard ? text.substr(2) : text))
      out.push_back(to_lower(text));
    else
      r.mistake(item, "write a host name, or \"*.example.com\" for one label");
  }
}

void ports(Reader& r, const At& at, RecognitionDraft& d) {
  if (!r.is_array(at)) return;
  for (std::size_t i = 0; i < at.node->items.size(); ++i) {
    std::uint16_t port = 0;
    r.integer(at.item(i), port, 1, kMaxPort);
    if (port != 0) d.source_ports.push_back(port);
  }
}

// Names of network interfaces, as the kernel takes them.
void kernel_relay(Reader& r, const At& at, Operation& o) {
  if (!r.is_array(at, 16)) return;
  r.read(at, o.kernel_relay);
  std::set<std::string> seen;
  for (const std::string& name : o.kernel_relay)
    if (!seen.insert(name).second || name.empty() || name.size() > 15 ||
        name.find('/') != std::string::npos)
      return r.mistake(at,
                       "must be names of network interfaces, as `ip link` shows them, each once");
}

constexpr Key<Operation> kOperationKeys[] = {
    {"node", [](Reader& r, const At& at, Operation& o) { r.integer(at, o.node.value, 0, 255); }},
    {"shards", number<&Operation::shards, 0, 256>},
    {"pin_shards", member<&Operation::pin_shards>},
    {"control_socket", member<&Operation::control_socket>},
    {"state_directory", member<&Operation::state_directory>},
    {"record_directory", member<&Operation::record_directory>},
    {"codec_plugins", member<&Operation::codec_plugins>},
    {"record_days", number<&Operation::record_days, 0, 36'500>},
    {"kernel_relay", kernel_relay},
    {"capture_media", member<&Operation::capture_media>},
    {"drain", member<&Operation::drain>},
    {"handshake_threads", number<&Operation::handshake_threads, 0, 64>},
    {"handshake_steps", number<&Operation::handshake_steps, 1, 1'000>},
};

template <auto Field, std::int64_t Min, std::int64_t Max>
void field_limit(Reader& r, const At& at, Limits& l) {
  r.integer(at, l.fields.*Field, Min, Max);
}

// A number with or without a point.
void transcoding(Reader& r, const At& at, Limits& l) {
  double share = -1;
  const std::string& text = at.node->text;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), share);
  const bool number =
      at.node->kind == TomlNode::Kind::kInteger || at.node->kind == TomlNode::Kind::kOther;
  if (!number || ec != std::errc{} || end != text.data() + text.size() || share < 0 || share > 1)
    return r.mistake(at, "write a share of one core from 0 to 1, such as 0.7; 0: no transcoding");
  l.transcoding = share;
}

constexpr Key<Limits> kLimitKeys[] = {
    {"max_calls", number<&Limits::max_calls, 1, 1'000'000>},
    {"max_calls_per_second", number<&Limits::max_calls_per_second, 0, 100'000>},
    {"calls_burst", number<&Limits::calls_burst, 0, 100'000>},
    {"requests_per_second", number<&Limits::requests_per_second, 0, 1'000'000>},
    {"requests_burst", number<&Limits::requests_burst, 0, 1'000'000>},
    {"max_transactions", number<&Limits::max_transactions, 100, 10'000'000>},
    {"max_connections", number<&Limits::max_connections, 1, 100'000>},
    {"connections_per_source", number<&Limits::connections_per_source, 1, 100'000>},
    {"handshakes_per_source", number<&Limits::handshakes_per_source, 1, 10'000>},
    {"first_message", member<&Limits::first_message>},
    {"connection_buffers", number<&Limits::connection_buffers, 1, 65'536>},
    {"overload_target", member<&Limits::overload_target>},
    {"offences_per_minute", number<&Limits::offences_per_minute, 0, 1'000'000>},
    {"ban", member<&Limits::ban>},
    {"ban_peers", member<&Limits::ban_peers>},
    {"scanners", member<&Limits::scanners>},
    {"connection_idle", member<&Limits::connection_idle>},
    {"keep_alive", member<&Limits::keep_alive>},
    {"max_trail_bytes", number<&Limits::max_trail_bytes, 4'096, 1'048'576>},
    {"keep_one_in", number<&Limits::keep_one_in, 0, 1'000'000>},
    {"transfers", number<&Limits::transfers, 0, 50>},
    {"kept_trails", number<&Limits::kept_trails, 0, 1'000'000>},
    {"media_timeout",
     [](Reader& r, const At& at, Limits& l) {
       const std::size_t before = r.mistake_count();
       r.read(at, l.media_timeout);
       // A peer that is silent on purpose still sends RTCP, every five seconds or so.
       if (r.mistake_count() == before && l.media_timeout != Seconds(0) &&
           l.media_timeout < Seconds(15))
         r.mistake(at, "write at least \"15s\", or \"0s\" for never");
     }},
    {"transcoding", transcoding},
    {"emergency_reserve_percent", number<&Limits::emergency_reserve_percent, 0, 90>},
    {"max_request_uri", field_limit<&sip::FieldLimits::request_uri, 64, 8'192>},
    {"max_contact_uri", field_limit<&sip::FieldLimits::contact_uri, 64, 8'192>},
    {"max_userinfo", field_limit<&sip::FieldLimits::userinfo, 16, 8'192>},
    {"max_from_domain", field_limit<&sip::FieldLimits::from_domain, 16, 8'192>},
    {"max_header_name", field_limit<&sip::FieldLimits::header_name, 32, 1'024>},
    {"max_body_name", field_limit<&sip::FieldLimits::body_name, 16, 1'024>},
    {"max_option_list", field_limit<&sip::FieldLimits::option_list, 32, 8'192>},
    {"max_option_tag", field_limit<&sip::FieldLimits::option_tag, 8, 1'024>},
    {"max_headers", field_limit<&sip::FieldLimits::headers, 16, 256>},
    {"max_header_value", field_limit<&sip::FieldLimits::header_value, 256, 65'535>},
    {"max_body", field_limit<&sip::FieldLimits::body, 1'024, 65'535>},
    {"max_sdp", field_limit<&sip::FieldLimits::sdp, 512, 65'535>},
    {"max_sdp_lines", field_limit<&sip::FieldLimits::sdp_lines, 16, 10'000>},
    {"max_sdp_media", field_limit<&sip::FieldLimits::sdp_media, 1, 256>},
};

constexpr Key<Metrics> kMetricsKeys[] = {
    {"listen",
     [](Reader& r, const At& at, Metrics& m) {
       Endpoint e;
       r.read(at, e);
       if (e.port != 0) m.listen = e;
     }},
};

constexpr Key<RegionDraft> kRegionKeys[] = {{"name", name<&RegionDraft::name>, true}};

constexpr Key<RealmDraft> kRealmKeys[] = {
    {"name", name<&RealmDraft::name>, true},
    {"interface", member<&RealmDraft::interface>},
    {"media_addresses", addresses<&RealmDraft::media_v4, &RealmDraft::media_v6, RealmDraft>, true},
    {"media_port_min", number<&RealmDraft::media_port_min, 1024, kMaxPort>, true},
    {"media_port_max", number<&RealmDraft::media_port_max, 1024, kMaxPort>, true},
    {"public_addresses", addresses<&RealmDraft::public_v4, &RealmDraft::public_v6, RealmDraft>},
    {"signalling_dscp", number<&RealmDraft::signalling_dscp, 0, 63>},
    {"media_dscp", number<&RealmDraft::media_dscp, 0, 63>},
};

constexpr Key<ListenerDraft> kListenerKeys[] = {
    {"name", name<&ListenerDraft::name>, true},
    {"realm", member<&ListenerDraft::realm_ref>, true},
    {"transport", transport<&ListenerDraft::transport, ListenerDraft>, true},
    {"address", [](Reader& r, const At& at, ListenerDraft& d) { r.read(at, d.address); }, true},
    {"tls_identity", member<&ListenerDraft::identity_ref>},
    {"more_tls_identities", member<&ListenerDraft::more_identity_refs>},
};

constexpr Key<IdentityDraft> kIdentityKeys[] = {
    {"name", name<&IdentityDraft::name>, true},
    {"certificate", member<&IdentityDraft::certificate>, true},
    {"key", member<&IdentityDraft::key>, true},
    {"chain", member<&IdentityDraft::chain>},
    {"trusted_roots", member<&IdentityDraft::trusted_roots>, true},
};

constexpr Key<PeerDraft> kPeerKeys[] = {
    {"name", name<&PeerDraft::name>, true},
    {"host", member<&PeerDraft::host>, true},
    {"port", number<&PeerDraft::port, 1, kMaxPort>},
    {"transport",
     [](Reader& r, const At& at, PeerDraft& d) {
       d.transport_given = true;
       transport<&PeerDraft::transport>(r, at, d);
     }},
    {"also_tcp", member<&PeerDraft::also_tcp>},
    {"priority", number<&PeerDraft::priority, 0, 65'535>},
    {"known_as",
     [](Reader& r, const At& at, PeerDraft& d) {
       if (!r.is_text(at)) return;
       const std::string& text = at.node->text;
       if (!is_host_name(text) || text.find('.') == std::string::npos)
         return r.mistake(at, "write the full host name that the service has for this gateway");
       d.known_as = to_lower(text);
     }},
    {"max_calls", number<&PeerDraft::max_calls, 0, 1'000'000>},
    {"max_calls_per_second", number<&PeerDraft::max_calls_per_second, 0, 100'000>},
    {"calls_burst", number<&PeerDraft::calls_burst, 0, 100'000>},
};

constexpr Key<RecognitionDraft> kRecogniseKeys[] = {
    {"listeners", member<&RecognitionDraft::listener_refs>},
    {"sources", member<&RecognitionDraft::sources>},
    {"source_ports", ports},
    {"certificate_names", [](Reader& r, const At& at,
                             RecognitionDraft& d) { hosts(r, at, d.certificate_names, false); }},
    {"request_hosts",
     [](Reader& r, const At& at, RecognitionDraft& d) { hosts(r, at, d.request_hosts, true); }},
};

constexpr Key<GroupTimers> kTimerKeys[] = {
    {"silence", member<&GroupTimers::silence>},
    {"connect", member<&GroupTimers::connect>},
    {"no_progress", member<&GroupTimers::no_progress>},
    {"ring", member<&GroupTimers::ring>},
    {"hunt", member<&GroupTimers::hunt>},
};

constexpr Key<GroupDraft> kGroupKeys[] = {
    {"name", name<&GroupDraft::name>, true},
    {"region", member<&GroupDraft::region_ref>, true},
    {"realm", member<&GroupDraft::realm_ref>, true},
    {"internal_media_realm", member<&GroupDraft::internal_realm_ref>},
    {"first_media_address",
     [](Reader& r, const At& at, GroupDraft& d) {
       r.word<bool>(at, d.expect_internal, kFirstAddresses);
     }},
    {"listener", member<&GroupDraft::listener_ref>, true},
    {"profile", member<&GroupDraft::profile_ref>, true},
    {"routes_to", member<&GroupDraft::route_refs>},
    {"forking",
     [](Reader& r, const At& at, GroupDraft& d) { r.word<bool>(at, d.rings_all, kForkings); }},
    {"media_sources", member<&GroupDraft::media_sources>},
    {"trusted", member<&GroupDraft::trusted>},
    {"any_number", member<&GroupDraft::any_number>},
    {"service", read_group_service},
    {"trunk", read_group_trunk},
    {"numbers", [](Reader& r, const At& at, GroupDraft& d) { read_number_plan(r, at, d.numbers); }},
    {"options_interval", member<&GroupDraft::options_interval>},
    {"max_calls", number<&GroupDraft::max_calls, 0, 1'000'000>},
    {"max_calls_per_second", number<&GroupDraft::max_calls_per_second, 0, 100'000>},
    {"calls_burst", number<&GroupDraft::calls_burst, 0, 100'000>},
    {"tcp_above", number<&GroupDraft::tcp_above, 200, 65'535>},
    {"timers", [](Reader& r, const At& at,
                  GroupDraft& d) { r.table<GroupTimers>(at, kTimerKeys, d.timers); }},
    {"recognise",
     [](Reader& r, const At& at, GroupDraft& d) {
       r.table<RecognitionDraft>(at, kRecogniseKeys, d.recognise);
     }},
    {"peer",
     [](Reader& r, const At& at, GroupDraft& d) {
       r.tables(at, [&](const At& item) {
         auto& peer = d.peer_drafts.emplace_back();
         peer.place = {item.node, item.line, item.field};
         r.table<PeerDraft>(item, kPeerKeys, peer);
       });
     },
     true},
};

// A person writes a dial string with or without "+"; it means the same.
void read_emergency(Reader& r, const At& at, Draft& d) {
  if (!r.is_table(at)) return;
  for (const auto& m : at.node->members) {
    const At service{&m.value, m.line, Reader::join(at.field, m.key)};
    if (m.key != "sos" && !m.key.starts_with("sos.")) {
      r.mistake(service.line, service.field, "service \"" + m.key + "\"",
                "name an emergency service of RFC 5031: sos, or \"sos.police\" in quotes");
      continue;
    }
    if (m.value.kind == TomlNode::Kind::kTable) {
      r.mistake(service, "put quotes around a service with a dot: \"sos.police\" = [\"110\"]");
      continue;
    }
    if (!r.is_array(service, 256)) continue;
    for (std::size_t i = 0; i < m.value.items.size(); ++i) {
      const At item = service.item(i);
      if (!r.is_text(item)) continue;
      const std::string& text = item.node->text;
      std::string digits = text.starts_with('+') ? text.substr(1) : text;
      const bool good = !digits.empty() && digits.size() <= 15 &&
                        digits.find_first_not_of("0123456789*#") == std::string::npos;
      const auto same = std::find_if(d.emergency.begin(), d.emergency.end(),
                                     [&](const EmergencyNumber& e) { return e.digits == digits; });
      if (!good)
        r.mistake(item, "write a dial string of up to 15 digits, such as \"112\"");
      else if (same != d.emergency.end())
        r.mistake(item, "this dial string is already that of service \"" + same->service +
                            "\" (it is matched with and without +); name it once");
      else
        d.emergency.push_back({std::move(digits), m.key});
    }
  }
}

template <typename T>
void read_repeated(Reader& r, const At& at, std::span<const Key<T>> keys, std::vector<T>& out) {
  r.tables(at, [&](const At& item) {
    auto& draft = out.emplace_back();
    draft.place = {item.node, item.line, item.field};
    r.table<T>(item, keys, draft);
  });
}

constexpr Key<Draft> kRootKeys[] = {
    {"operation", [](Reader& r, const At& at,
                     Draft& d) { r.table<Operation>(at, kOperationKeys, d.operation); }},
    {"resolvers", member<&Draft::resolvers>},
    {"region",
     [](Reader& r, const At& at, Draft& d) {
       read_repeated<RegionDraft>(r, at, kRegionKeys, d.regions);
     },
     true},
    {"realm",
     [](Reader& r, const At& at, Draft& d) {
       read_repeated<RealmDraft>(r, at, kRealmKeys, d.realms);
     },
     true},
    {"tls_identity",
     [](Reader& r, const At& at, Draft& d) {
       read_repeated<IdentityDraft>(r, at, kIdentityKeys, d.identities);
     }},
    {"listener",
     [](Reader& r, const At& at, Draft& d) {
       read_repeated<ListenerDraft>(r, at, kListenerKeys, d.listeners);
     },
     true},
    {"cadence", [](Reader&, const At&, Draft&) {}},   // read_cadences() reads it
    {"profile", [](Reader&, const At&, Draft&) {}},   // read_profiles() has read it
    {"rule_set", [](Reader&, const At&, Draft&) {}},  // read_rule_sets() will read it
    {"peer_group",
     [](Reader& r, const At& at, Draft& d) {
       read_repeated<GroupDraft>(r, at, kGroupKeys, d.groups);
     },
     true},
    {"emergency", read_emergency},
    {"limits",
     [](Reader& r, const At& at, Draft& d) { r.table<Limits>(at, kLimitKeys, d.limits); }},
    {"metrics",
     [](Reader& r, const At& at, Draft& d) { r.table<Metrics>(at, kMetricsKeys, d.metrics); }},
    {"provisioning",
     [](Reader& r, const At& at, Draft& d) { read_provisioning(r, at, d.provisioning); }},
    {"routing", [](Reader& r, const At& at, Draft& d) { read_routing(r, at, d.routing); }},
    {"nameserver", [](Reader& r, const At& at, Draft& d) { read_nameserver(r, at, d.nameserver); }},
};

}  // namespace

void read_sections(Reader& reader, const At& root, Draft& draft) {
  reader.table<Draft>(root, kRootKeys, draft);
}

void list_section_keys(std::vector<std::string>& out) {
  out.emplace_back("resolvers");
  list_keys<Operation>("operation", kOperationKeys, out);
  list_keys<RegionDraft>("region", kRegionKeys, out);
  list_keys<RealmDraft>("realm", kRealmKeys, out);
  list_keys<IdentityDraft>("tls_identity", kIdentityKeys, out);
  list_keys<ListenerDraft>("listener", kListenerKeys, out);
  list_keys<GroupDraft>("peer_group", kGroupKeys, out);
  // A nested table is documented by its keys.
  std::erase_if(out, [](const std::string& k) {
    return k == "peer_group.peer" || k == "peer_group.recognise" || k == "peer_group.timers" ||
           k == "peer_group.numbers";
  });
  list_keys<PeerDraft>("peer_group.peer", kPeerKeys, out);
  list_keys<RecognitionDraft>("peer_group.recognise", kRecogniseKeys, out);
  list_keys<GroupTimers>("peer_group.timers", kTimerKeys, out);
  list_cadence_keys(out);
  out.emplace_back("emergency.*");
  list_keys<Limits>("limits", kLimitKeys, out);
  list_keys<Metrics>("metrics", kMetricsKeys, out);
  list_provisioning_keys(out);
  list_routing_keys(out);
  list_nameserver_keys(out);
}

}  // namespace causeway::deployment
