// Between every pair of built-in profiles: of all the headers of one side, the other sees those
// that its profile lists and no others, with no address of the inside in them.
#include <gmock/gmock.h>

#include <map>
#include <set>

#include "call/outgoing.h"
#include "deployment/load.h"
#include "sip/headers.h"
#include "support/proves.h"

namespace causeway::call {
namespace {

constexpr const char* kProfiles[] = {"operator",
                                     "ims-core",
                                     "sip-trunk",
                                     "legacy-core",
                                     "teams-direct-routing",
                                     "teams-operator-connect",
                                     "teams-phone-mobile",
                                     "zoom-provider-exchange",
                                     "teams-media-bypass"};

// What networks tell themselves: charging and access (RFC 7315), services (RFC 5502, 6050), proxies
// and devices, and the private headers of vendors and services.
constexpr const char* kPrivate[] = {"P-Charging-Vector",
                                    "P-Charging-Function-Addresses",
                                    "P-Access-Network-Info",
                                    "P-Visited-Network-ID",
                                    "P-Associated-URI",
                                    "P-Called-Party-ID",
                                    "P-Served-User",
                                    "P-Asserted-Service",
                                    "P-Preferred-Service",
                                    "P-Early-Media",
                                    "P-Profile-Key",
                                    "P-User-Database",
                                    "P-Private-Network-Indication",
                                    "P-Com.Siemens.Location",
                                    "P-Station-Name",
                                    "Feature-Caps",
                                    "Service-Route",
                                    "Path",
                                    "Security-Verify",
                                    "Proxy-Authorization",
                                    "X-MS-FMC",
                                    "X-MS-TenantID",
                                    "X-MS-UserLocation",
                                    "X-MS-MediaPath",
                                    "X-MS-UserSite",
                                    "X-MS-Operator-Content",
                                    "MS-Conversation-ID",
                                    "X-Trace-ID",
                                    "X-Zoom-Account",
                                    "Cisco-Guid",
                                    "X-AudioCodes-Action",
                                    "X-Genesys-CallUUID",
                                    "X-Asterisk-HangupCause",
                                    "Organization",
                                    "Call-Info",
                                    "Accept-Contact",
                                    "Reject-Contact",
                                    "Request-Disposition",
                                    "Identity-Info",
                                    "In-Reply-To",
                                    "Target-Dialog",
                                    "X-Internal-Route"};
// What some profile lists.
constexpr const char* kListed[] = {"P-Asserted-Identity",
                                   "P-Preferred-Identity",
                                   "Remote-Party-ID",
                                   "Identity",
                                   "Privacy",
                                   "Diversion",
                                   "History-Info",
                                   "Referred-By",
                                   "User-to-User",
                                   "Session-ID",
                                   "Resource-Priority",
                                   "Geolocation",
                                   "Geolocation-Routing",
                                   "Priority",
                                   "Subject",
                                   "Alert-Info"};

std::string value_of(const std::string& name) {
  static const std::map<std::string, std::string> kValues{
      {"P-Asserted-Identity", "\"x\" <sip:+49301@10.9.9.9>"},
      {"P-Preferred-Identity", "<sip:+49302@10.9.9.9>"},
      {"Remote-Party-ID", "<sip:+49303@10.9.9.9>;party=calling"},
      {"Diversion", "<sip:+49304@10.9.9.9>;reason=user-busy"},
      {"History-Info", "<sip:+49305@10.9.9.9?Reason=SIP%3Bcause%3D302>;index=1"},
      {"Referred-By", "<sip:+49306@10.9.9.9>"},
      {"Privacy", "none"},
      {"Geolocation", "<https://lis.example/1>"},
      {"Alert-Info", "<http://ring.example/a>"}};
  const auto it = kValues.find(name);
  return it != kValues.end() ? it->second : "<sip:secret@10.9.9.9>";
}

sip::Message invite(bool every) {
  std::string text =
      "INVITE sip:+4989@gw.example SIP/2.0\r\nVia: SIP/2.0/UDP 10.9.9.9;branch=z9hG4bK1\r\n"
      "Max-Forwards: 70\r\nFrom: <sip:+49301@10.9.9.9>;tag=1\r\nTo: <sip:+4989@gw.example>\r\n"
      "Call-ID: secret@10.9.9.9\r\nCSeq: 1 INVITE\r\nContact: <sip:secret@10.9.9.9>\r\n"
      "User-Agent: secret\r\nRoute: <sip:10.9.9.9;lr>\r\nRecord-Route: <sip:10.9.9.9;lr>\r\n"
      "Warning: 399 10.9.9.9 \"secret\"\r\nReason: Q.850;cause=16;text=\"secret\"\r\n";
  if (every)
    for (const char* name : kListed) text += std::string(name) + ": " + value_of(name) + "\r\n";
  for (const char* name : kPrivate) text += std::string(name) + ": " + value_of(name) + "\r\n";
  auto m = sip::Message::parse(text + "Content-Length: 0\r\n\r\n");
  EXPECT_TRUE(m);
  return std::move(*m);
}

// A group for each profile.
deployment::Deployment every_profile() {
  std::string text =
      "[[region]]\nname = \"r\"\n[[realm]]\nname = \"w\"\nmedia_addresses = [\"127.0.0.1\"]\n"
      "media_port_min = 20000\nmedia_port_max = 29999\n";
  int n = 0;
  for (const char* p : kProfiles) {
    const std::string name = p, i = std::to_string(++n);
    text += "[[listener]]\nname = \"l" + i +
            "\"\nrealm = \"w\"\ntransport = \"udp\"\naddress = " + "\"127.0.0.1:506" + i +
            "\"\n[[profile]]\nname = \"p" + i + "\"\nextends = \"" + name +
            "\"\ncontact_host = \"sbc" + i + ".example.com\"\n[[peer_group]]\nname = \"" + name +
            "\"\nregion = \"r\"\nrealm = \"w\"\nlistener = \"l" + i + "\"\nprofile = \"p" + i +
            "\"\n[[peer_group.peer]]\nname = \"" + name + "-1\"\nhost = \"192.0.2." + i + "\"\n";
  }
  deployment::LoadOptions o;
  o.check_files = false;
  const auto r = deployment::load_text(text, "test.toml", o);
  EXPECT_TRUE(r.deployment) << r.to_string();
  return *r.deployment;
}

struct Written {
  std::set<std::string> names;
  std::string text;
};

Written written(const deployment::Deployment& d, const std::string& from, const std::string& to,
                const sip::Message& m) {
  const auto peer = *d.find_peer(to + "-1");
  const auto& group = d.group(d.peer(peer).group);
  policy::Decision decision;
  const peers::LocalSide us{&d.profile(group.profile), d.listener(group.listener).address,
                            Transport::kUdp};
  const Onward on{m, d, decision, "+4989", *d.find_group(from), peer, us};
  sip::Builder b(4096);
  b.request_line("INVITE", addressing_of(on).request_uri);
  write_headers(b, on, {});
  Written w{{}, std::string(b.text())};
  for (std::size_t at = w.text.find("\r\n") + 2; at < w.text.size();
       at = w.text.find("\r\n", at) + 2) {
    const auto colon = w.text.find(':', at);
    if (colon == std::string::npos) break;
    w.names.insert(w.text.substr(at, colon - at));
  }
  return w;
}

// What the profile says may be there, with every listed header sent.
std::set<std::string> allowed(const deployment::Profile& p, bool both_trusted) {
  using deployment::DiversionForm;
  using deployment::IdentityForm;
  std::set<std::string> out(p.pass_headers.begin(), p.pass_headers.end());
  if (both_trusted) out.insert(p.trusted_headers.begin(), p.trusted_headers.end());
  out.insert({"Max-Forwards", "Allow"});
  if (!p.supported.empty()) out.insert("Supported");
  for (const auto& h : p.add_headers) out.insert(h.name);
  if (both_trusted && p.identity != IdentityForm::kAsReceived) {
    for (const char* n : {"P-Asserted-Identity", "P-Preferred-Identity", "Remote-Party-ID"})
      out.erase(n);
    out.insert(p.identity == IdentityForm::kAsserted      ? "P-Asserted-Identity"
               : p.identity == IdentityForm::kRemoteParty ? "Remote-Party-ID"
                                                          : "P-Preferred-Identity");
  }
  if (p.diversion != DiversionForm::kAsReceived) {
    out.erase("Diversion");
    out.erase("History-Info");
    if (p.diversion != DiversionForm::kDiversion) out.insert("History-Info");
    if (p.diversion != DiversionForm::kHistoryInfo) out.insert("Diversion");
  }
  return out;
}

// It is written anew: "supported", and nothing of what came.
bool speaks_of_early_media(const deployment::Profile& p) {
  return p.early_media_header == deployment::EarlyMediaHeader::kSupported;
}

TEST(Leaks, EveryPairOfProfilesSeesWhatTheReceivingOneListsAndNothingElse) {
  PROVES("TDR-63", "TDR-71");
  auto d = every_profile();
  const auto m = invite(true);
  for (const char* from : kProfiles)
    for (const char* to : kProfiles)
      for (const bool from_trusted : {true, false})
        for (const bool to_trusted : {true, false}) {
          if (std::string(from) == to) continue;
          d.groups[d.find_group(from)->value].trusted = from_trusted;
          d.groups[d.find_group(to)->value].trusted = to_trusted;
          const auto& profile = d.profile(d.group(*d.find_group(to)).profile);
          const auto w = written(d, from, to, m);
          const std::string pair = std::string(from) + (from_trusted ? "" : " (untrusted)") +
                                   " -> " + to + (to_trusted ? "" : " (untrusted)");
          auto expected = allowed(profile, from_trusted && to_trusted);
          if (speaks_of_early_media(profile) && to_trusted) expected.insert("P-Early-Media");
          // Sent with every family that a profile may list, so that each of them is there.
          EXPECT_THAT(w.names, ::testing::ContainerEq(expected)) << pair;
          EXPECT_EQ(w.text.find("10.9.9.9"), std::string::npos) << pair << "\n" << w.text;
        }
}

TEST(Leaks, PrivateHeadersAloneLeaveNothingBehind) {
  auto d = every_profile();
  const auto m = invite(false);
  for (const char* from : kProfiles)
    for (const char* to : kProfiles) {
      if (std::string(from) == to) continue;
      const auto w = written(d, from, to, m);
      EXPECT_EQ(w.text.find("secret"), std::string::npos) << from << " -> " << to << w.text;
      const auto& profile = d.profile(d.group(*d.find_group(to)).profile);
      for (const char* name : kPrivate) {
        const bool ours = name == std::string("P-Early-Media") && speaks_of_early_media(profile) &&
                          d.group(*d.find_group(to)).trusted;
        EXPECT_EQ(w.names.contains(name), ours) << from << " -> " << to << ": " << name;
      }
    }
}

}  // namespace
}  // namespace causeway::call
