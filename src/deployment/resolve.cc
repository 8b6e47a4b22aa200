// Names to indices. A name that leads nowhere is a mistake that suggests the nearest one.
#include <algorithm>
#include <limits>
#include <unordered_map>

#include "deployment/drafts.h"

namespace causeway::deployment {
namespace {

template <typename Index>
class Names {
 public:
  Names(Reader& reader, std::string kind) : reader_(reader), kind_(std::move(kind)) {}

  template <typename D>
  void add_all(const std::vector<D>& drafts) {
    for (std::size_t i = 0; i < drafts.size(); ++i) add(drafts[i].name, i, drafts[i].place);
  }

  void add(const std::string& name, std::size_t index, const Place& place) {
    if (name.empty()) return;  // said already
    const auto [it, fresh] = index_.try_emplace(name, index, place.line);
    if (!fresh && place.line > 0)
      reader_.mistake(place.line_of("name"), place.field_of("name"), "\"" + name + "\"",
                      "the " + kind_ + " of line " + std::to_string(it->second.second) +
                          " has this name already");
  }

  [[nodiscard]] std::optional<Index> find(const Ref& ref) const {
    if (ref.name.empty()) return std::nullopt;  // missing, and said already
    const auto it = index_.find(ref.name);
    if (it != index_.end()) return Index(static_cast<std::uint16_t>(it->second.first));
    std::vector<std::string_view> known;
    for (const auto& [name, where] : index_) known.push_back(name);
    std::sort(known.begin(), known.end());
    const auto near = nearest(ref.name, known);
    std::string list;
    for (std::size_t i = 0; i < std::min<std::size_t>(known.size(), 8); ++i)
      list += (i == 0 ? "" : ", ") + std::string(known[i]);
    reader_.mistake(ref.line, ref.field, "\"" + ref.name + "\"",
                    "no " + kind_ + " has this name; " +
                        (!near.empty()  ? "did you mean \"" + std::string(near) + "\"?"
                         : list.empty() ? "there is none in this file"
                                        : "there are: " + list));
    return std::nullopt;
  }

 private:
  Reader& reader_;
  std::string kind_;
  std::unordered_map<std::string, std::pair<std::size_t, int>> index_;
};

constexpr std::size_t kMaxPeers = 65'000;  // indices have 16 bits

// An index that cannot be used as one; load() returns no deployment when any is left.
template <typename Index>
constexpr Index kNone{std::numeric_limits<std::uint16_t>::max()};

void resolve_recognition(GroupDraft& g, const Names<ListenerIndex>& listeners, Reader& reader) {
  for (const auto& ref : g.recognise.listener_refs)
    if (const auto i = listeners.find(ref)) g.recognise.listeners.push_back(*i);
  if (g.recognise.listener_refs.empty() && g.listener != kNone<ListenerIndex>)
    g.recognise.listeners.push_back(g.listener);

  const auto* given = g.place.node->find("recognise");
  const auto* sources = given != nullptr ? given->value.find("sources") : nullptr;
  if (sources == nullptr) {
    // Left out: the addresses of the peers, when all of them are addresses.
    for (const auto& p : g.peer_drafts)
      if (p.address) g.recognise.sources.push_back(*Prefix::parse(p.address->to_string()));
    if (g.recognise.sources.size() == g.peer_drafts.size()) return;
    reader.mistake(given != nullptr ? given->line : g.place.line,
                   g.place.field_of("recognise.sources"), "nothing",
                   "a peer is given by name, so say which addresses its requests come from: "
                   "sources = [\"192.0.2.0/24\"]");
  } else if (g.recognise.sources.empty() && sources->value.items.empty()) {
    reader.mistake(
        sources->line, g.place.field_of("recognise.sources"), "an empty array",
        "name at least one address or prefix, or leave the key out to use the peers' addresses");
  }
}

}  // namespace

void resolve(Reader& reader, Draft& d) {
  Names<RegionIndex> regions(reader, "region");
  Names<RealmIndex> realms(reader, "realm");
  Names<IdentityIndex> identities(reader, "tls_identity");
  Names<ListenerIndex> listeners(reader, "listener");
  Names<ProfileIndex> profiles(reader, "profile");
  Names<GroupIndex> groups(reader, "peer_group");
  Names<PeerIndex> peers(reader, "peer");
  regions.add_all(d.regions);
  realms.add_all(d.realms);
  identities.add_all(d.identities);
  listeners.add_all(d.listeners);
  for (std::size_t i = 0; i < d.profiles.size(); ++i) profiles.add(d.profiles[i].name, i, Place{});
  groups.add_all(d.groups);
  std::size_t next_peer = 0;
  for (auto& g : d.groups)
    for (auto& p : g.peer_drafts) peers.add(p.name, next_peer++, p.place);

  if (next_peer >= kMaxPeers)
    reader.mistake(0, "peer_group.peer", std::to_string(next_peer) + " peers",
                   "at most " + std::to_string(kMaxPeers) + " are allowed in all");

  for (auto& l : d.listeners) {
    l.realm = realms.find(l.realm_ref).value_or(kNone<RealmIndex>);
    l.identity = identities.find(l.identity_ref);
    for (const Ref& ref : l.more_identity_refs)
      if (const auto more = identities.find(ref)) l.more_identities.push_back(*more);
  }
  for (auto& v : d.routing.verification_drafts)
    if (!v.group_ref.name.empty()) v.group = groups.find(v.group_ref);
  next_peer = 0;
  for (std::size_t i = 0; i < d.groups.size(); ++i) {
    auto& g = d.groups[i];
    g.region = regions.find(g.region_ref).value_or(kNone<RegionIndex>);
    g.realm = realms.find(g.realm_ref).value_or(kNone<RealmIndex>);
    g.internal_realm = realms.find(g.internal_realm_ref);
    g.listener = listeners.find(g.listener_ref).value_or(kNone<ListenerIndex>);
    g.profile = profiles.find(g.profile_ref).value_or(kNone<ProfileIndex>);
    for (const auto& ref : g.route_refs)
      if (const auto to = groups.find(ref)) g.routes_to.push_back(*to);
    for (auto& p : g.peer_drafts) {
      p.group = GroupIndex(static_cast<std::uint16_t>(i));
      if (const auto a = IpAddress::parse(p.host)) p.address = *a;
      if (!p.transport_given && g.listener != kNone<ListenerIndex>)
        p.transport = d.listeners[g.listener.value].transport;
      g.peers.emplace_back(static_cast<std::uint16_t>(next_peer++));
    }
    // In order of priority, and of the file within one.
    std::size_t first = next_peer - g.peer_drafts.size();
    std::stable_sort(g.peers.begin(), g.peers.end(), [&](PeerIndex a, PeerIndex b) {
      return g.peer_drafts[a.value - first].priority < g.peer_drafts[b.value - first].priority;
    });
    resolve_recognition(g, listeners, reader);
  }
}

}  // namespace causeway::deployment
