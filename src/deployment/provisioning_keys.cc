// The keys of [provisioning], and what must hold within it.
#include "deployment/drafts.h"

namespace causeway::deployment {
namespace {

constexpr Key<Provisioning> kKeys[] = {
    {"store", member<&Provisioning::store>},
    {"listen",
     [](Reader& r, const At& at, Provisioning& p) {
       Endpoint e;
       r.read(at, e);
       if (e.port != 0) p.listen = e;
     }},
    {"certificate", member<&Provisioning::certificate>},
    {"key", member<&Provisioning::key>},
    {"issuer", member<&Provisioning::issuer>},
    {"audiences", member<&Provisioning::audiences>},
    {"tenant", member<&Provisioning::tenant>},
    {"allowed_sources", member<&Provisioning::sources>},
    {"requests_per_minute", number<&Provisioning::requests_per_minute, 0, 1'000'000>},
    {"public_url", member<&Provisioning::public_url>},
};

// A token that travels in the clear, or comes from there, is anybody's.
bool is_safe(std::string_view url) {
  return url.starts_with("https://") || url.starts_with("http://127.") ||
         url.starts_with("http://[::1]");
}

}  // namespace

void read_provisioning(Reader& reader, const At& at, Provisioning& out) {
  reader.table<Provisioning>(at, kKeys, out);
  if (!reader.is_table(at)) return;
  const auto given = [&](std::string_view key) { return at.node->find(key) != nullptr; };
  const auto say = [&](std::string_view key, std::string remedy) {
    const auto* m = at.node->find(key);
    reader.mistake(m != nullptr && m->line > 0 ? m->line : at.line, Reader::join(at.field, key),
                   m != nullptr ? m->value.describe() : "nothing", std::move(remedy));
  };
  if (given("listen")) {
    for (const char* key : {"certificate", "key"})
      if (!given(key)) say(key, "the API is served over HTTPS alone: name the PEM file");
    if (!given("issuer"))
      say("issuer", "who makes the tokens of the API's clients? issuer = \"https://...\"");
    if (!given("audiences"))
      say("audiences", "which `aud` do the tokens have? audiences = [\"...\"]");
  }
  if (given("audiences") && out.audiences.empty())
    say("audiences", "name at least one, or no token is good");
  if (!out.issuer.empty() && !is_safe(out.issuer))
    say("issuer", "write an https:// URL, as the tokens have it in `iss`");
  if (!out.public_url.empty() && (!out.public_url.starts_with("https://") ||
                                  out.public_url.ends_with('/') || out.public_url.size() > 255))
    say("public_url", "write https:// and the host, without a '/' at the end");
}

void list_provisioning_keys(std::vector<std::string>& out) {
  list_keys<Provisioning>("provisioning", kKeys, out);
}

}  // namespace causeway::deployment
