// docs/profiles.md against the built-in profiles, and what they promise by themselves.
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <regex>

#include "deployment/drafts.h"
#include "deployment/load.h"
#include "deployment/toml_tree.h"
#include "sample.h"
#include "support/proves.h"

namespace causeway::deployment {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Rows = std::map<std::string, std::map<std::string, std::string>>;  // profile, key, value

std::string shown(const TomlNode& n) {
  std::string out;
  switch (n.kind) {
    case TomlNode::Kind::kString: return "\"" + n.text + "\"";
    case TomlNode::Kind::kArray:
      for (const auto& i : n.items) out += (out.empty() ? "" : ", ") + shown(i);
      return "[" + out + "]";
    case TomlNode::Kind::kTable:
      for (const auto& m : n.members)
        out += (out.empty() ? "" : ", ") + m.key + " = " + shown(m.value);
      return "{ " + out + " }";
    default: return n.text;
  }
}

Rows built_in() {
  const auto tree = parse_toml(builtin_profiles_text());
  EXPECT_TRUE(tree);
  Rows out;
  for (const auto& p : tree->find("profile")->value.items) {
    auto& rows = out[p.find("name")->value.text];
    for (const auto& m : p.members) {
      if (m.key == "name") continue;
      if (m.key != "sdp")
        rows[m.key] = shown(m.value);
      else
        for (const auto& s : m.value.members) rows["sdp." + s.key] = shown(s.value);
    }
  }
  return out;
}

std::string source_dir() { return std::getenv("CAUSEWAY_SOURCE_DIR"); }

TEST(ProfilesDocument, HasEverySwitchOfEveryBuiltInProfile) {
  std::ifstream in(source_dir() + "/docs/profiles.md");
  Rows written;
  std::string profile;
  static const std::regex kRow("\\| `([^`]+)` \\| `([^`]*)` \\| (\\S.*) \\|");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("## `")) profile = line.substr(4, line.size() - 5), written[profile];
    std::smatch m;
    if (std::regex_match(line, m, kRow)) written[profile][m[1]] = m[2];
  }
  EXPECT_EQ(written, built_in());
  EXPECT_GE(written.size(), 9u);
}

TEST(ProfilesDocument, NamesRequirementsThatThereAre) {
  const auto text_of = [](const std::string& name) {
    std::ifstream in(source_dir() + name);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  const std::string rules = text_of("/docs/conformance.md");
  const std::string text = text_of("/docs/profiles.md");
  static const std::regex kId("\\b[A-Z]{2,3}-[0-9]{2,3}\\b");
  int n = 0;
  for (std::sregex_iterator i(text.begin(), text.end(), kId), end; i != end; ++i, ++n)
    EXPECT_NE(rules.find("| " + i->str() + " |"), std::string::npos) << i->str();
  EXPECT_GT(n, 40);
}

// A group of the sample speaks that profile, with one line more in a profile that extends it.
LoadResult with_profile(const std::string& base, const std::string& more = "") {
  std::string text = testing::sample_with("profile = \"operator\"", "profile = \"mine\"");
  return testing::load_sample(text + "[[profile]]\nname = \"mine\"\nextends = \"" + base +
                              "\"\ncontact_host = \"sbc.example.com\"\n" + more);
}
Profile profile_of(const std::string& base, const std::string& more = "") {
  const auto r = with_profile(base, more);
  EXPECT_TRUE(r.deployment) << r.to_string();
  return r.deployment ? r.deployment->profile(r.deployment->groups[0].profile) : Profile{};
}

TEST(BuiltInProfiles, AnOperatorsOwnStartsFromOneAndOverridesSingleFields) {
  for (const auto& [name, rows] : built_in()) {
    const auto plain = profile_of(name);
    const auto mine = profile_of(name, "user_agent = \"mine\"\n[profile.sdp]\nptime = 40\n");
    EXPECT_EQ(mine.user_agent, "mine");
    EXPECT_EQ(mine.sdp.ptime, 40);
    EXPECT_EQ(mine.sdp.security, plain.sdp.security) << name;
    EXPECT_EQ(mine.sdp.codecs, plain.sdp.codecs) << name;
    EXPECT_EQ(mine.pass_headers, plain.pass_headers) << name;
    EXPECT_EQ(mine.allow, plain.allow) << name;
  }
}

TEST(BuiltInProfiles, TheServicesHaveTheirCodecsAndSuites) {
  PROVES("TDM-05", "TDM-08", "ZM-04");
  for (const char* name : {"teams-direct-routing", "teams-operator-connect", "teams-phone-mobile",
                           "teams-media-bypass"}) {
    const auto p = profile_of(name);
    EXPECT_THAT(p.sdp.suites, ElementsAre(sdp::CryptoSuite::kAesCm128HmacSha1_80)) << name;
    EXPECT_THAT(p.sdp.codecs, ElementsAre("PCMU", "PCMA", "G722", "telephone-event", "CN"));
  }
  const auto zoom = profile_of("zoom-provider-exchange");
  EXPECT_THAT(zoom.sdp.codecs, ElementsAre("opus", "G722", "PCMU", "PCMA", "telephone-event"));
  EXPECT_EQ(zoom.sdp.ptime, 20);
}

TEST(BuiltInProfiles, ALegacyCoreSpeaksUdpAlone) {
  EXPECT_TRUE(with_profile("legacy-core").deployment);
  std::string text = testing::sample_with("profile = \"operator\"", "profile = \"legacy-core\"");
  text =
      testing::with(text, "host = \"192.0.2.1\"\n", "host = \"192.0.2.1\"\ntransport = \"tcp\"\n");
  EXPECT_THAT(testing::load_sample(text).to_string(), HasSubstr("speak UDP alone"));
  text = testing::sample_with("profile = \"operator\"", "profile = \"legacy-core\"");
  text = testing::with(text, "host = \"192.0.2.1\"\n", "host = \"192.0.2.1\"\nalso_tcp = true\n");
  EXPECT_THAT(testing::load_sample(text).to_string(), HasSubstr("speak UDP alone"));
}

TEST(BuiltInProfiles, ANameThatTheServiceGaveUpIsNoPeer) {
  PROVES("TDR-03");
  const auto with_host = [](const std::string& host) {
    std::string text = testing::sample_with("profile = \"operator\"", "profile = \"mine\"");
    text = testing::with(text, "host = \"192.0.2.1\"\n", "host = \"" + host + "\"\n");
    return testing::load_sample(text +
                                "[[profile]]\nname = \"mine\"\nextends = \"teams-direct-routing\"\n"
                                "contact_host = \"sbc.example.com\"\n");
  };
  EXPECT_THAT(with_host("sip-all.pstnhub.microsoft.com").to_string(),
              HasSubstr("given this name up"));
  EXPECT_THAT(with_host("SIP-ALL.pstnhub.microsoft.com").to_string(),
              HasSubstr("given this name up"));
  EXPECT_EQ(with_host("sip.pstnhub.microsoft.com").to_string().find("given this name up"),
            std::string::npos);
}

TEST(BuiltInProfiles, NamesOfOursHave63CharactersAtMost) {
  PROVES("TDR-29");
  const auto with_name = [](std::size_t length) {
    return with_profile("teams-direct-routing",
                        "via_host = \"" + std::string(length - 12, 'a') + ".example.com\"\n");
  };
  EXPECT_TRUE(with_name(63).deployment) << with_name(63).to_string();
  EXPECT_THAT(with_name(64).to_string(), HasSubstr("longer than 63"));
}

// Two trunks of a service on TLS, each with its name, listener, kind and profile.
std::string two_trunks(const std::string& name, const std::string& listener,
                       const std::string& service, const std::string& base) {
  const auto group = [](const std::string& n, const std::string& source, const std::string& l,
                        const std::string& s, const std::string& p) {
    return "[[peer_group]]\nname = \"" + n +
           "\"\nregion = \"north\"\nrealm = \"core\"\nlistener = \"" + l + "\"\nprofile = \"" + p +
           "\"\nservice = \"" + s + "\"\nroutes_to = [\"a\"]\n[[peer_group.peer]]\nname = \"" + n +
           "1\"\nhost = \"" + source + "\"\ntransport = \"tls\"\n";
  };
  const auto profile = [](const std::string& n, const std::string& b, const std::string& host) {
    return "[[profile]]\nname = \"" + n + "\"\nextends = \"" + b + "\"\ncontact_host = \"" + host +
           "\"\n";
  };
  return std::string(testing::kSample) +
         "[[tls_identity]]\nname = \"id\"\ncertificate = \"c.pem\"\nkey = \"k.pem\"\n"
         "trusted_roots = [\"r.pem\"]\n"
         "[[listener]]\nname = \"tls\"\nrealm = \"core\"\ntransport = \"tls\"\n"
         "address = \"127.0.0.1:5061\"\ntls_identity = \"id\"\n"
         "[[listener]]\nname = \"tls2\"\nrealm = \"core\"\ntransport = \"tls\"\n"
         "address = \"127.0.0.1:5067\"\ntls_identity = \"id\"\n" +
         profile("one", "teams-direct-routing", "sbc.example.com") + profile("two", base, name) +
         group("first", "192.0.2.10", "tls", "direct-routing", "one") +
         group("second", "192.0.2.11", listener, service, "two");
}

TEST(Trunks, ANameIsNotPairedWithAServiceAndSomethingElse) {
  PROVES("TDR-28");
  // The second trunk speaks the same dialect and is none of the services: a communications platform
  // that would be paired with the name of the first.
  const auto with = [](const std::string& name) {
    std::string text = two_trunks(name, "tls2", "direct-routing", "teams-direct-routing");
    const auto at = text.rfind("service = \"direct-routing\"\n");
    return testing::load_sample(text.erase(at, 27));
  };
  EXPECT_THAT(with("sbc.example.com").to_string(), HasSubstr("is known elsewhere"));
  const auto apart = with("acs.example.com");
  EXPECT_TRUE(apart.deployment) << apart.to_string();
}

TEST(Trunks, MediaBypassHasANameAndAListenerOfItsOwn) {
  PROVES("MBP-13");
  const auto with = [](const std::string& name, const std::string& listener) {
    return testing::load_sample(two_trunks(name, listener, "direct-routing", "teams-media-bypass"));
  };
  EXPECT_THAT(with("SBC.example.com", "tls2").to_string(), HasSubstr("another kind of trunk"));
  EXPECT_THAT(with("bypass.example.com", "tls").to_string(), HasSubstr("ports of their own"));
  const auto good = with("bypass.example.com", "tls2");
  ASSERT_TRUE(good.deployment) << good.to_string();
  EXPECT_EQ(good.deployment->groups[2].realm, good.deployment->groups[3].realm)
      << "media ports may be shared";
}

}  // namespace
}  // namespace causeway::deployment
