// What the sections of the file say before names are resolved. Internal to deployment/; lives for
// one load.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "deployment/deployment.h"
#include "deployment/nameserver.h"
#include "deployment/reader.h"
#include "deployment/rule_drafts.h"

namespace causeway::deployment {

// Where a table stands, so that a mistake found later can still point at one of its keys.
struct Place {
  const TomlNode* node = nullptr;
  int line = 0;
  std::string field;
  [[nodiscard]] int line_of(std::string_view key) const {
    const auto* m = node->find(key);
    return m != nullptr ? m->line : line;
  }
  [[nodiscard]] std::string field_of(std::string_view key) const {
    return Reader::join(field, key);
  }
  [[nodiscard]] bool has(std::string_view key) const { return node->find(key) != nullptr; }
};

struct RegionDraft : Region {
  Place place;
};
struct RealmDraft : Realm {
  Place place;
};
struct IdentityDraft : TlsIdentity {
  Place place;
  std::vector<std::string> names;  // of the leaf; filled by the check of the files
  bool self_signed = false;        // likewise
};
struct ListenerDraft : Listener {
  Place place;
  Ref realm_ref, identity_ref;
  std::vector<Ref> more_identity_refs;
};
struct CadenceDraft {
  Place place;
  std::string name;
  std::optional<tone::Cadence> cadence;
  std::optional<double> level;
};
struct ProfileDraft : Profile {
  Place place;
  std::optional<Ref> ringback_ref;  // a name or a cadence; line 0: taken from the base
  std::vector<Ref> rules_in_refs, rules_out_refs;
  std::string extends;
};
struct PeerDraft : Peer {
  Place place;
  bool transport_given = false;
};
struct RecognitionDraft : Recognition {
  std::vector<Ref> listener_refs;
};
struct GroupDraft : PeerGroup {
  Place place;
  Ref region_ref, realm_ref, internal_realm_ref, listener_ref, profile_ref;
  std::vector<Ref> route_refs;
  std::vector<PeerDraft> peer_drafts;
  RecognitionDraft recognise;
};

struct VerificationDraft : VerificationNumbers {
  Place place;
  Ref group_ref;
};
struct RoutingDraft : NumberRouting {
  Place place;
  std::vector<VerificationDraft> verification_drafts;
};
struct NameserverDraft : Nameserver {
  Place place;
};

struct Draft {
  Operation operation;
  std::vector<Endpoint> resolvers;
  std::vector<RegionDraft> regions;
  std::vector<RealmDraft> realms;
  std::vector<IdentityDraft> identities;
  std::vector<ListenerDraft> listeners;
  std::vector<CadenceDraft> cadences;
  std::vector<ProfileDraft> profiles;
  std::vector<RuleSetDraft> rule_sets;
  std::vector<GroupDraft> groups;
  std::vector<EmergencyNumber> emergency;
  Limits limits;
  Metrics metrics;
  Provisioning provisioning;
  RoutingDraft routing;
  std::optional<NameserverDraft> nameserver;
};

// sections.cc: the whole file except profiles, which need their bases first.
void read_sections(Reader& reader, const At& root, Draft& draft);
// profile_keys.cc: `root` holds [[profile]] tables. Bases are looked up in draft.profiles and in
// the file.
void read_profiles(Reader& reader, const At& root, Draft& draft);
void list_section_keys(std::vector<std::string>& out);
// provisioning_keys.cc: that section, with what must hold within it.
void read_provisioning(Reader& reader, const At& at, Provisioning& out);
void list_provisioning_keys(std::vector<std::string>& out);
// routing_keys.cc: that section, and what a group says of it.
void read_routing(Reader& reader, const At& at, RoutingDraft& out);
void read_group_service(Reader& reader, const At& at, GroupDraft& out);
void read_group_trunk(Reader& reader, const At& at, GroupDraft& out);
void read_number_plan(Reader& reader, const At& at, NumberPlan& out);
void list_routing_keys(std::vector<std::string>& out);
// profile_keys.cc: a header that the gateway writes itself on each side.
[[nodiscard]] bool is_own_header(std::string_view name);
// nameserver_keys.cc: the same; the check also looks at the regions.
void read_nameserver(Reader& reader, const At& at, std::optional<NameserverDraft>& out);
void check_nameserver(Reader& reader, Draft& draft);
void list_nameserver_keys(std::vector<std::string>& out);
void list_profile_keys(std::vector<std::string>& out);
// cadences.cc
void read_cadences(Reader& reader, const At& root, Draft& draft);
void resolve_cadences(Reader& reader, Draft& draft);
void list_cadence_keys(std::vector<std::string>& out);
// rule_keys.cc; rule_sets.cc, once groups have their places
void read_rule_sets(Reader& reader, const At& root, Draft& draft);
void list_rule_keys(std::vector<std::string>& out);
void resolve_rules(Reader& reader, Draft& draft);
// builtin_profiles.cc
[[nodiscard]] std::string_view builtin_profiles_text();
// resolve.cc: names to indices; check.cc: what must hold between sections.
void resolve(Reader& reader, Draft& draft);
void check(Reader& reader, const Draft& draft);
void check_routing(Reader& reader, const Draft& draft);  // check_routing.cc
// sounds.cc: WAV files of profiles.
void load_sounds(Reader& reader, Draft& draft, const LoadOptions& options);
void check_certificates(Reader& reader, Draft& draft, const LoadOptions& options);

template <typename T>
void list_keys(const std::string& section, std::span<const Key<T>> keys,
               std::vector<std::string>& out) {
  for (const auto& k : keys) out.push_back(Reader::join(section, k.name));
}

}  // namespace causeway::deployment
