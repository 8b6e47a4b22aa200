// Calls of a service that says where its users are, and which gateway media may go straight to.
#pragma once

#include <algorithm>

#include "rtp/packet.h"
#include "scenario/fixture.h"

namespace causeway::scenario {

inline constexpr const char* kInside = "X-Place: internal\r\n";
inline constexpr const char* kOutside = "X-Place: external\r\n";
inline constexpr const char* kBranch = "branch.enterprise.example";
inline const std::string kByBranch = kInside + std::string("X-Path: ") + kBranch + "\r\n";
inline const std::string kByUs =
    kInside + std::string("X-Path: sbc.operator.example, ") + kBranch + "\r\nX-Site: 12\r\n";

struct LocalMediaWant {
  std::string group = "internal_media_realm = \"lan\"\n";
  std::string sdp = "security = \"rtp\"\n";
  std::string core_profile = "operator";
  bool gateway = true;  // core-1 is a gateway that the service knows
};

inline std::string local_media_config(const LocalMediaWant& w = {}) {
  ConfigOptions o;
  o.top =
      "[[realm]]\nname = \"lan\"\nmedia_addresses = [\"10.9.0.1\"]\n"
      "media_port_min = 40000\nmedia_port_max = 40999\n"
      "[[profile]]\nname = \"branch\"\nextends = \"operator\"\n[profile.sdp]\nsecurity = "
      "\"sdes\"\n";
  o.core_profile = w.core_profile;
  o.service =
      "[profile.local_media]\nlocation = \"X-Place\"\npath = \"X-Path\"\nsite = \"X-Site\"\n";
  o.service_sdp = w.sdp;
  o.cloud = w.group;
  std::string text = make_config(o);
  const std::string first = "host = \"10.1.0.1\"\n";
  if (w.gateway) text.insert(text.find(first), "known_as = \"" + std::string(kBranch) + "\"\n");
  return text;
}

inline std::string offer(int version = 1, const std::string& direction = "sendrecv",
                         int port = 50000) {
  return sdp("10.2.0.1", port, direction, "8 PCMA/8000,101 telephone-event/8000", version);
}

class LocalMediaTest : public CallTest {
 protected:
  explicit LocalMediaTest(const std::string& c = local_media_config(), Mode mode = GetParam())
      : CallTest(c, mode) {
    core.open_rtp(40000);
    cloud.open_rtp(50000);
  }
  // The service's user calls somebody behind the core, who answers.
  Up user_calls(const std::string& headers, const std::string& sdp_of_core = sdp("10.1.0.1", 40000),
                const std::string& text = offer()) {
    PeerDialog d = cloud.invite("+4930111", headers, text, "+4989123");
    Up up{{}, d, {}, {}, core.expect("INVITE")};
    up.to_core = std::string(up.invite.body());
    core.reply(up.invite, 200, "", sdp_of_core);
    answered = std::string(cloud.expect("200 INVITE").bytes());
    const auto ok = *sip::Message::parse(answered);
    up.to_cloud = std::string(ok.body());
    cloud.learn(up.cloud, ok);
    core.expect("ACK");
    cloud.ack(up.cloud);
    up.core = core.answered(up.invite);
    rig.run(Millis(100));
    keep_trails();
    return up;
  }
  // Somebody behind the core calls the user.
  Up user_is_called(const std::string& sdp_of_user = offer()) {
    PeerDialog d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
    Up up{d, {}, {}, {}, cloud.expect("INVITE")};
    up.to_cloud = std::string(up.invite.body());
    cloud.reply(up.invite, 200, "", sdp_of_user);
    const auto ok = core.expect("200 INVITE");
    up.to_core = std::string(ok.body());
    core.learn(up.core, ok);
    cloud.expect("ACK");
    core.ack(up.core);
    up.cloud = cloud.answered(up.invite);
    rig.run(Millis(100));
    keep_trails();
    return up;
  }
  // A re-INVITE of the service that concerns us alone.
  std::string reinvite(Up& up, const std::string& headers, const std::string& text) {
    cloud.request(up.cloud, "INVITE", headers, text);
    const auto ok = cloud.expect("200 INVITE");
    cloud.ack(up.cloud);
    rig.run(Millis(100));
    up.to_cloud = std::string(ok.body());
    return up.to_cloud;
  }
  void keep_trails() {
    rig.each([&](call::GatewayShard& shard) {
      for (const auto& c : shard.call_reports()) EXPECT_TRUE(shard.trails().trace(c.id));
    });
  }
  // Name and number of the session in o=, without its version.
  static std::string session_of(std::string_view text) {
    const std::string o = line_of(text, "o=");
    return o.substr(0, o.find(' ', o.find(' ') + 1));
  }
  static std::string address_in(std::string_view text) {
    return media_of(text).address.to_string();
  }
  static int audio(Peer& p) {
    const auto n = std::count_if(p.rtp.begin(), p.rtp.end(), [](const auto& r) {
      return rtp::classify(std::as_bytes(std::span(r.bytes))) == rtp::Kind::kRtp &&
             r.bytes.size() == 172 && r.bytes[100] == 0x55;
    });
    p.rtp.clear();
    return static_cast<int>(n);
  }
  // Both hear ten packets of the other by way of us, from the address that the SDP named.
  void expect_talk(const Up& up, std::uint32_t ssrc) {
    core.rtp.clear();
    cloud.rtp.clear();
    core.send_rtp(media_of(up.to_core), 10, ssrc);
    cloud.send_rtp(media_of(up.to_cloud), 10, ssrc + 1);
    rig.run(Millis(60));
    ASSERT_FALSE(cloud.rtp.empty());
    EXPECT_EQ(cloud.rtp.back().from, media_of(up.to_cloud));
    EXPECT_EQ(audio(core), 10);
    EXPECT_EQ(audio(cloud), 10);
  }
  std::string answered;  // the 200 to the service
};
class DirectMediaTest : public LocalMediaTest {
 protected:
  explicit DirectMediaTest(const std::string& c = local_media_config()) : LocalMediaTest(c) {
    cloud.request_host = kBranch;
  }
  // What one side said is what the other is told, under an o= line of ours.
  static void expect_same_but_origin(const std::string& told, const std::string& said) {
    const auto rest = [](const std::string& text) {
      const auto at = text.find("o=");
      return text.substr(0, at) + text.substr(text.find('\n', at));
    };
    EXPECT_EQ(rest(told), rest(said));
    EXPECT_NE(session_of(told), session_of(said));
  }
  // A re-INVITE of the service that the gateway behind us hears of, too.
  std::string reinvite_through(Up& up, const std::string& headers, const std::string& text,
                               const std::string& answer) {
    cloud.request(up.cloud, "INVITE", headers, text);
    const auto there = core.expect("INVITE");
    up.to_core = std::string(there.body());
    core.reply(there, 200, "", answer);
    core.expect("ACK");
    const auto ok = cloud.expect("200 INVITE");
    cloud.ack(up.cloud);
    rig.run(Millis(100));
    up.to_cloud = std::string(ok.body());
    return up.to_cloud;
  }
};

}  // namespace causeway::scenario
