// What must hold between sections once names are resolved. Indices beyond their table belong to
// names that led nowhere; they were reported by resolve() and are passed over here.
#include <algorithm>
#include <span>

#include <fmt/format.h>

#include "base/host_name.h"
#include "deployment/drafts.h"

namespace causeway::deployment {
namespace {

template <typename D, typename Index>
const D* at(const std::vector<D>& all, Index i) {
  return i.value < all.size() ? &all[i.value] : nullptr;
}

// Both ends were read; a wrong one was reported and says nothing about others.
bool has_ports(const Realm& r) { return r.media_port_min != 0 && r.media_port_max != 0; }

bool same_media_address(const Realm& a, const Realm& b) {
  return (a.media_v4 && a.media_v4 == b.media_v4) || (a.media_v6 && a.media_v6 == b.media_v6);
}

void check_realms(Reader& r, const Draft& d) {
  for (std::size_t i = 0; i < d.realms.size(); ++i) {
    const auto& a = d.realms[i];
    const auto say = [&](std::string_view key, std::string found, std::string remedy) {
      r.mistake(a.place.line_of(key), a.place.field_of(key), std::move(found), std::move(remedy));
    };
    if (a.place.has("media_addresses") && !a.media_v4 && !a.media_v6 &&
        a.place.node->find("media_addresses")->value.items.empty())
      say("media_addresses", "an empty array",
          "name at least one address that media sockets are bound to");
    if (a.media_port_min % 2 != 0)
      say("media_port_min", std::to_string(a.media_port_min),
          "RTP takes the even port of a pair: write an even number");
    if (has_ports(a) && a.media_port_max <= a.media_port_min)
      say("media_port_max", std::to_string(a.media_port_max),
          fmt::format("it must be larger than media_port_min, which is {}", a.media_port_min));
    if ((a.public_v4 && !a.media_v4) || (a.public_v6 && !a.media_v6))
      say("public_addresses", (a.public_v4 && !a.media_v4 ? a.public_v4 : a.public_v6)->to_string(),
          "media_addresses has no address of this family that it could stand for");
    if (a.interface.size() > 15)
      say("interface", "\"" + a.interface + "\"",
          "the name of an interface has at most 15 characters");
    for (std::size_t j = 0; j < i; ++j) {
      const auto& b = d.realms[j];
      if (has_ports(a) && has_ports(b) && same_media_address(a, b) &&
          a.media_port_min <= b.media_port_max && b.media_port_min <= a.media_port_max)
        say("media_port_min", fmt::format("ports {}-{}", a.media_port_min, a.media_port_max),
            fmt::format(
                "realm \"{}\" (line {}) uses {}-{} of the same address; let the ranges not overlap",
                b.name, b.place.line, b.media_port_min, b.media_port_max));
    }
  }
}

void check_listener_sockets(Reader& r, const Draft& d, std::size_t i) {
  const auto& a = d.listeners[i];
  for (std::size_t j = 0; j < i; ++j) {
    const auto& b = d.listeners[j];
    const bool stream = a.transport != Transport::kUdp;
    if (a.address.port != 0 && a.address == b.address && stream == (b.transport != Transport::kUdp))
      r.mistake(a.place.line_of("address"), a.place.field_of("address"), a.address.to_string(),
                fmt::format("listener \"{}\" (line {}) has this {} port already", b.name,
                            b.place.line, stream ? "TCP" : "UDP"));
  }
  if (a.transport != Transport::kUdp) return;
  for (const auto& realm : d.realms)
    if (has_ports(realm) &&
        (realm.media_v4 == a.address.address || realm.media_v6 == a.address.address) &&
        a.address.port >= realm.media_port_min && a.address.port <= realm.media_port_max + 1)
      r.mistake(a.place.line_of("address"), a.place.field_of("address"), a.address.to_string(),
                fmt::format("the port lies within the media ports {}-{} of realm \"{}\"",
                            realm.media_port_min, realm.media_port_max, realm.name));
}

void check_listeners(Reader& r, const Draft& d) {
  for (std::size_t i = 0; i < d.listeners.size(); ++i) {
    const auto& l = d.listeners[i];
    const auto say = [&](std::string_view key, std::string found, std::string remedy) {
      r.mistake(l.place.line_of(key), l.place.field_of(key), std::move(found), std::move(remedy));
    };
    if (l.address.port != 0 && l.address.address.is_unspecified())
      say("address", l.address.to_string(),
          "write one address of this machine: it is put into Via and Contact");
    const auto* realm = at(d.realms, l.realm);
    if (realm != nullptr && l.address.port != 0 && (realm->media_v4 || realm->media_v6) &&
        !(l.address.address.is_v6() ? realm->media_v6 : realm->media_v4))
      say("address", l.address.to_string(),
          fmt::format("realm \"{}\" has no media address of this family: add one or listen on {}",
                      realm->name, realm->media_v4 ? "IPv4" : "IPv6"));
    if (l.transport == Transport::kTls && l.identity_ref.name.empty() &&
        !l.place.has("tls_identity"))
      say("tls_identity", "nothing", "a TLS listener needs one: tls_identity = \"NAME\"");
    if (l.transport != Transport::kTls && l.place.has("tls_identity") && l.place.has("transport"))
      say("tls_identity", "\"" + l.identity_ref.name + "\"",
          fmt::format(
              "a {} listener shows no certificate; remove the key or write transport = \"tls\"",
              to_string(l.transport)));
    if (l.transport != Transport::kTls && l.place.has("more_tls_identities") &&
        l.place.has("transport"))
      say("more_tls_identities", "an array",
          fmt::format("a {} listener shows no certificate; remove the key",
                      to_string(l.transport)));
    check_listener_sockets(r, d, i);
  }
}

// What the profile says of its peers.
void check_dialect_of(Reader& r, const Draft& d, const GroupDraft& g, const PeerDraft& p) {
  const auto* profile = at(d.profiles, g.profile);
  if (profile == nullptr) return;
  if (profile->udp_only && (p.transport != Transport::kUdp || p.also_tcp))
    r.mistake(p.place.line_of(p.also_tcp ? "also_tcp" : "transport"),
              p.place.field_of(p.also_tcp ? "also_tcp" : "transport"),
              p.also_tcp ? "true" : "\"" + std::string(to_string(p.transport)) + "\"",
              fmt::format("profile \"{}\" is for peers that speak UDP alone; set udp_only = false "
                          "in one that extends it",
                          profile->name));
  for (const auto& host : profile->retired_hosts)
    if (equal_ignoring_case(host, p.host))
      r.mistake(p.place.line_of("host"), p.place.field_of("host"), "\"" + p.host + "\"",
                "the service has given this name up; name its regions one by one");
}

void check_peers(Reader& r, const Draft& d, const GroupDraft& g, const ListenerDraft* listener) {
  if (g.place.has("peer") && g.peer_drafts.empty())
    r.mistake(g.place.line_of("peer"), g.place.field_of("peer"), "no peer",
              "add a [[peer_group.peer]]");
  for (const auto& p : g.peer_drafts) {
    const auto say = [&](std::string_view key, std::string found, std::string remedy) {
      r.mistake(p.place.line_of(key), p.place.field_of(key), std::move(found), std::move(remedy));
    };
    if (p.place.has("host") && !p.address && !is_host_name(p.host))
      say("host", "\"" + p.host + "\"", "write an address or a host name, without port");
    check_dialect_of(r, d, g, p);
    if (listener == nullptr) continue;
    const bool has_tcp =
        std::any_of(d.listeners.begin(), d.listeners.end(), [&](const ListenerDraft& l) {
          return l.realm == listener->realm && l.transport == Transport::kTcp &&
                 (!p.address || p.address->is_v6() == l.address.address.is_v6());
        });
    if (p.also_tcp && (p.transport != Transport::kUdp || !has_tcp))
      say("also_tcp", "true",
          p.transport != Transport::kUdp
              ? "it is for peers reached over UDP; remove the key"
              : "the realm has no TCP listener to send from: add one of the peer's family");
    if (p.transport != listener->transport)
      say("transport", "\"" + std::string(to_string(p.transport)) + "\"",
          fmt::format("requests of this group leave from listener \"{}\", which speaks {}",
                      listener->name, to_string(listener->transport)));
    const bool reached =
        std::any_of(d.listeners.begin(), d.listeners.end(), [&](const ListenerDraft& l) {
          return l.realm == listener->realm && l.transport == listener->transport && p.address &&
                 p.address->is_v6() == l.address.address.is_v6();
        });
    if (p.address && listener->address.port != 0 && !reached)
      say("host", p.host,
          fmt::format("listener \"{}\" is {} and cannot reach it, and its realm has no {} "
                      "listener of the other family: add one",
                      listener->name, listener->address.address.is_v6() ? "IPv6" : "IPv4",
                      to_string(listener->transport)));
  }
}

void check_routes(Reader& r, const Draft& d, const GroupDraft& g, GroupIndex self) {
  const int line = g.place.line_of("routes_to");
  const std::string field = g.place.field_of("routes_to");
  if (!g.routes_to.empty() &&
      std::all_of(g.routes_to.begin(), g.routes_to.end(), [&](auto i) { return i == self; }))
    r.mistake(line, field, "\"" + g.name + "\"",
              "calls would only go back to where they came from; name another group");
  for (std::size_t i = 0; i < g.routes_to.size(); ++i)
    if (std::find(g.routes_to.begin(), g.routes_to.begin() + static_cast<std::ptrdiff_t>(i),
                  g.routes_to[i]) != g.routes_to.begin() + static_cast<std::ptrdiff_t>(i))
      r.mistake(line, field, "\"" + d.groups[g.routes_to[i].value].name + "\" twice",
                "name each group once");
  constexpr std::size_t kMostAtOnce = 8;
  if (g.rings_all && (g.routes_to.size() < 2 || g.routes_to.size() > kMostAtOnce))
    r.mistake(g.place.line_of("forking"), g.place.field_of("forking"),
              "\"parallel\" with " + std::to_string(g.routes_to.size()) + " groups in routes_to",
              "name 2 to " + std::to_string(kMostAtOnce) + " groups there, or leave forking out");
}

// Two places for one group's media, and the words that choose between them.
void check_local_media(Reader& r, const Draft& d, const GroupDraft& g) {
  const auto say = [&](std::string_view key, std::string found, std::string remedy) {
    r.mistake(g.place.line_of(key), g.place.field_of(key), std::move(found), std::move(remedy));
  };
  const auto* profile = at(d.profiles, g.profile);
  for (const auto& p : g.peer_drafts) {
    if (p.known_as.empty()) continue;
    for (const auto& other : d.groups)
      for (const auto& o : other.peer_drafts)
        if (o.place.line < p.place.line && o.known_as == p.known_as)
          r.mistake(p.place.line_of("known_as"), p.place.field_of("known_as"),
                    "\"" + p.known_as + "\"",
                    "peer \"" + o.name + "\" is known by this name already");
    for (const auto& other : d.profiles)
      if (equal_ignoring_case(other.contact_host, p.known_as))
        r.mistake(p.place.line_of("known_as"), p.place.field_of("known_as"),
                  "\"" + p.known_as + "\"",
                  "profile \"" + other.name + "\" has it as contact_host: that is us");
  }
  if (!g.internal_realm) {
    if (g.place.has("first_media_address"))
      say("first_media_address", "no internal_media_realm",
          "name the realm of the internal address beside it, or remove the key");
    return;
  }
  if (*g.internal_realm == g.realm)
    say("internal_media_realm", "the group's own realm",
        "name the realm of the address inside the enterprise's network, or remove the key");
  if (profile != nullptr && profile->local_media.location.empty())
    say("internal_media_realm", "profile \"" + profile->name + "\"",
        "give the profile local_media.location: the header in which its peers say where a user is");
}

void check_group(Reader& r, const Draft& d, const GroupDraft& g) {
  const auto say = [&](std::string_view key, std::string found, std::string remedy) {
    r.mistake(g.place.line_of(key), g.place.field_of(key), std::move(found), std::move(remedy));
  };
  const auto* listener = at(d.listeners, g.listener);
  const auto* realm = at(d.realms, g.realm);
  check_peers(r, d, g, listener);
  if (listener != nullptr && realm != nullptr && listener->realm != g.realm &&
      at(d.realms, listener->realm) != nullptr)
    say("listener", "\"" + listener->name + "\"",
        fmt::format("this listener is of realm \"{}\" and the group of realm \"{}\"; a packet "
                    "never leaves by "
                    "another realm",
                    d.realms[listener->realm.value].name, realm->name));
  for (const auto i : g.recognise.listeners) {
    const auto* l = at(d.listeners, i);
    if (l == nullptr) continue;
    if (l != listener && realm != nullptr && l->realm != g.realm)
      say("recognise", "listener \"" + l->name + "\"",
          "name listeners of realm \"" + realm->name + "\" alone");
    if (!g.recognise.certificate_names.empty() && l->transport != Transport::kTls)
      say("recognise", "certificate_names",
          fmt::format("nothing on listener \"{}\" shows a certificate; remove the key or use TLS",
                      l->name));
  }
  const auto* profile = at(d.profiles, g.profile);
  if (profile != nullptr && profile->contact_host_required && profile->contact_host.empty())
    say("profile", "\"" + profile->name + "\"",
        fmt::format("this profile needs contact_host: write a [[profile]] that extends \"{}\" and "
                    "sets it to the "
                    "name of this gateway",
                    profile->name));
  if (profile != nullptr && profile->sdp.security == sdp::Security::kDtls && !profile->sdp.rtcp_mux)
    say("profile", "\"" + profile->name + "\"",
        "security = \"dtls\" needs rtcp_mux = true beside it in [profile.sdp]: RTP and RTCP share "
        "one handshake");
  check_local_media(r, d, g);
  if (g.timers.silence > g.timers.hunt)
    say("timers", fmt::format("silence of {} ms", g.timers.silence.count()),
        fmt::format("it must not be longer than hunt, which is {} ms", g.timers.hunt.count()));
  for (const Millis t :
       {g.timers.silence, g.timers.connect, g.timers.no_progress, g.timers.ring, g.timers.hunt})
    if (t.count() == 0) {
      say("timers", "a time of 0", "every time must be longer than that");
      break;
    }
}

// ---- can two groups be told apart?
// ---------------------------------------------------------------

bool share(const std::vector<ListenerIndex>& a, const std::vector<ListenerIndex>& b) {
  return std::any_of(a.begin(), a.end(),
                     [&](auto x) { return std::find(b.begin(), b.end(), x) != b.end(); });
}

bool may_overlap(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  if (a.empty() || b.empty()) return true;
  return std::any_of(a.begin(), a.end(), [&](const std::string& x) {
    return std::any_of(b.begin(), b.end(), [&](const std::string& y) {
      return host_matches(x, y) || host_matches(y, x);
    });
  });
}

bool indistinguishable(const Recognition& a, const Recognition& b) {
  if (!share(a.listeners, b.listeners)) return false;
  if (!may_overlap(a.request_hosts, b.request_hosts)) return false;
  if (!may_overlap(a.certificate_names, b.certificate_names)) return false;
  const auto common_port = [&](std::uint16_t p) {
    return std::find(b.source_ports.begin(), b.source_ports.end(), p) != b.source_ports.end();
  };
  if (!a.source_ports.empty() && !b.source_ports.empty() &&
      std::none_of(a.source_ports.begin(), a.source_ports.end(), common_port))
    return false;
  return std::any_of(a.sources.begin(), a.sources.end(), [&](const Prefix& x) {
    return std::any_of(b.sources.begin(), b.sources.end(),
                       [&](const Prefix& y) { return x.overlaps(y); });
  });
}

// TDR-28, MBP-13: a service knows a trunk by the name in Contact. It cannot be that of a trunk to
// something that is none of our services, too, nor of one that media reaches in another way; with
// media bypass the listener differs as well.
void check_trunk_names(Reader& r, const Draft& d) {
  for (std::size_t i = 0; i < d.groups.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      const auto& a = d.groups[j];
      const auto& b = d.groups[i];
      const auto* x = at(d.profiles, a.profile);
      const auto* y = at(d.profiles, b.profile);
      if (x == nullptr || y == nullptr || !x->contact_host_required || !y->contact_host_required)
        continue;
      const bool differ = x->sdp.ice_lite != y->sdp.ice_lite;
      if (!differ && a.service.has_value() == b.service.has_value()) continue;
      if (!x->contact_host.empty() && equal_ignoring_case(x->contact_host, y->contact_host))
        r.mistake(b.place.line_of("profile"), b.place.field_of("profile"),
                  "contact_host \"" + y->contact_host + "\"",
                  fmt::format("group \"{}\" (line {}) is known elsewhere, or as another "
                              "kind of trunk, under this name: give each a name of its own",
                              a.name, a.place.line));
      else if (differ && a.listener == b.listener && at(d.listeners, a.listener) != nullptr)
        r.mistake(b.place.line_of("listener"), b.place.field_of("listener"),
                  "\"" + d.listeners[a.listener.value].name + "\"",
                  fmt::format("group \"{}\" (line {}) has it too: trunks with and without ICE need "
                              "ports of their own",
                              a.name, a.place.line));
    }
}

void check_recognition(Reader& r, const Draft& d) {
  for (std::size_t i = 0; i < d.groups.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      const auto& a = d.groups[j];
      const auto& b = d.groups[i];
      if (indistinguishable(a.recognise, b.recognise))
        r.mistake(b.place.line_of("recognise"), b.place.field_of("recognise"),
                  fmt::format("the same requests as \"{}\" (line {})", a.name, a.place.line),
                  fmt::format("\"{}\" and \"{}\" cannot be told apart: give both different "
                              "sources, source_ports, "
                              "certificate_names or request_hosts",
                              a.name, b.name));
    }
}

}  // namespace

void check(Reader& r, const Draft& d) {
  check_realms(r, d);
  check_listeners(r, d);
  for (std::size_t i = 0; i < d.groups.size(); ++i) {
    check_group(r, d, d.groups[i]);
    check_routes(r, d, d.groups[i], GroupIndex(static_cast<std::uint16_t>(i)));
  }
  check_recognition(r, d);
  check_trunk_names(r, d);
  check_routing(r, d);
}

}  // namespace causeway::deployment
