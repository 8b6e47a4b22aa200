// What the Phone System checks of ICE in an SDP of the gateway's.
#include <algorithm>

#include "lab/checks.h"
#include "lab/ice_agent.h"

namespace causeway::lab {
namespace {

bool begins(const std::string& attribute, std::string_view name) {
  return attribute.starts_with(name);
}

// RFC 8839 5.4
bool ice_chars(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return (std::isalnum(c) != 0) || c == '+' || c == '/';
  });
}

}  // namespace

Violations check_ice_sdp(const SdpText& s, const ServiceView& v) {
  Violations out;
  const auto expect = [&](bool ok, const char* id, std::string what) {
    if (!ok) out.push_back({id, std::move(what)});
  };
  const auto line = std::find_if(s.attributes.begin(), s.attributes.end(), [](const auto& a) {
    return begins(a, "ice-") || begins(a, "candidate") || begins(a, "x-candidate") ||
           begins(a, "remote-candidates");
  });
  if (!v.bypass) {
    expect(line == s.attributes.end(), "TDM-25",
           "a trunk without media bypass is sent ICE: " +
               (line == s.attributes.end() ? std::string() : *line));
    return out;
  }
  if (!s.has_ice()) return {{"MBP-01", std::string(kNoCandidates)}};
  expect(s.ice_lite, "MBP-01", "no a=ice-lite");
  expect(s.ice_ufrag.size() >= 4 && s.ice_ufrag.size() <= 256 && ice_chars(s.ice_ufrag), "MBP-01",
         "a=ice-ufrag:" + s.ice_ufrag);
  expect(s.ice_pwd.size() >= 22 && s.ice_pwd.size() <= 256 && ice_chars(s.ice_pwd), "MBP-01",
         "a=ice-pwd has " + std::to_string(s.ice_pwd.size()) + " characters");
  int of_rtp = 0, of_rtcp = 0;
  for (const auto& c : s.candidates) {
    ++(c.component == 1 ? of_rtp : of_rtcp);
    const std::string at = c.address.to_string();
    expect(c.type == "host", "MBP-01", "a candidate of type " + c.type);
    expect(!c.address.address.is_v6(), "TDR-30", "an IPv6 candidate " + at);
    expect(v.media.empty() ||
               std::find(v.media.begin(), v.media.end(), c.address.address) != v.media.end(),
           "MBP-01", "the candidate " + at + " is not the realm's public address");
    const bool wanted = (c.component == 1 && c.address.port == s.port) ||
                        (c.component == 2 && c.address.port == s.rtcp_port);
    expect(wanted && c.address.address == s.address, "MBP-01",
           "the candidate " + at + " of component " + std::to_string(c.component) +
               " is not what c=, m= and a=rtcp say");
  }
  expect(of_rtp == 1, "MBP-01", std::to_string(of_rtp) + " candidates for RTP");
  // An offer of rtcp-mux has both, for a peer without it.
  expect(s.rtcp_mux ? of_rtcp <= 1 : of_rtcp == 1, "MBP-10",
         std::to_string(of_rtcp) + " candidates for RTCP, " + (s.rtcp_mux ? "with" : "without") +
             " a=rtcp-mux");
  return out;
}

Violations check_ice_continuity(const SdpText& before, const SdpText& now, bool restarted) {
  if (!before.has_ice() || !now.has_ice()) return {};
  const bool ufrag = before.ice_ufrag == now.ice_ufrag, pwd = before.ice_pwd == now.ice_pwd;
  if (restarted) {
    if (!ufrag && !pwd) return {};
    return {{"MBP-07", "an ICE restart is answered with the same credentials"}};
  }
  Violations out;
  if (!ufrag || !pwd) out.push_back({"MBP-05", "ICE credentials changed without a restart"});
  if (before.candidates != now.candidates)
    out.push_back({"MBP-05", "ICE candidates changed without a restart"});
  return out;
}

}  // namespace causeway::lab
