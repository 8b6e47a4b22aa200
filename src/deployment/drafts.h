// What the sections of the file say before names are resolved. Internal to deployment/; lives for
// one load.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "deployment/deployment.h"
#include "deployment/reader.h"

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
};
struct ListenerDraft : Listener {
  Place place;
  Ref realm_ref, identity_ref;
  std::vector<Ref> more_identity_refs;
};
struct ProfileDraft : Profile {
  Place place;
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
  Ref region_ref, realm_ref, listener_ref, profile_ref;
  std::vector<Ref> route_refs;
  std::vector<PeerDraft> peer_drafts;
  RecognitionDraft recognise;
};

struct Draft {
  Operation operation;
  std::vector<Endpoint> resolvers;
  std::vector<RegionDraft> regions;
  std::vector<RealmDraft> realms;
  std::vector<IdentityDraft> identities;
  std::vector<ListenerDraft> listeners;
  std::vector<ProfileDraft> profiles;
  std::vector<GroupDraft> groups;
  std::vector<EmergencyNumber> emergency;
  Limits limits;
  Metrics metrics;
};

// sections.cc: the whole file except profiles, which need their bases first.
void read_sections(Reader& reader, const At& root, Draft& draft);
// profile_keys.cc: `root` holds [[profile]] tables. Bases are looked up in draft.profiles and in
// the file.
void read_profiles(Reader& reader, const At& root, Draft& draft);
void list_section_keys(std::vector<std::string>& out);
void list_profile_keys(std::vector<std::string>& out);
// builtin_profiles.cc
[[nodiscard]] std::string_view builtin_profiles_text();
// resolve.cc: names to indices; check.cc: what must hold between sections.
void resolve(Reader& reader, Draft& draft);
void check(Reader& reader, const Draft& draft);
void check_certificates(Reader& reader, Draft& draft, const LoadOptions& options);

template <typename T>
void list_keys(const std::string& section, std::span<const Key<T>> keys,
               std::vector<std::string>& out) {
  for (const auto& k : keys) out.push_back(Reader::join(section, k.name));
}

}  // namespace causeway::deployment
