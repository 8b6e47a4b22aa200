// Targets that are called at once: phones in the core's network beside the service.
#pragma once

#include <gmock/gmock.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "scenario/fixture.h"

namespace causeway::scenario {

using ::testing::HasSubstr;
using ::testing::Not;

inline constexpr const char* kElsewhere = "SIP;cause=200;text=\"Call completed elsewhere\"";

// A group of the core's network beside the service.
inline std::string group(const std::string& name, const std::string& address,
                         const std::string& more = "") {
  return "[[peer_group]]\nname = \"" + name +
         "\"\nregion = \"west\"\nrealm = \"core\"\nlistener = \"core-udp\"\nprofile = "
         "\"operator\"\noptions_interval = \"0s\"\ntrusted = true\nroutes_to = [\"core\"]\n" +
         more + "[peer_group.recognise]\nsources = [\"" + address + "/32\"]\n" +
         "[[peer_group.peer]]\nname = \"" + name + "-1\"\nhost = \"" + address +
         "\"\nport = 5060\n";
}

inline std::string parallel(ConfigOptions o = {}, const std::string& desk = "") {
  o.top = "[limits]\nkeep_one_in = 1\nmax_trail_bytes = 65536\n" + o.top;
  o.core = "forking = \"parallel\"\n" + o.core;
  o.third_cloud += group("desk", "10.4.0.1", desk);
  std::string text = make_config(o);
  const std::string routes = "routes_to = [\"cloud\"]";
  text.replace(text.find(routes), routes.size(), "routes_to = [\"cloud\", \"desk\"]");
  return text;
}

class ForkingTest : public CallTest {
 protected:
  explicit ForkingTest(const std::string& config = parallel())
      : CallTest(config), desk(rig, "desk", "10.4.0.1:5060", Transport::kUdp) {
    desk.gateway = "10.0.0.1:5060";
    core.open_rtp(40000);
    desk.open_rtp(45000);
  }
  void call(const std::string& headers = "", const std::string& offer = sdp("10.1.0.1", 40000)) {
    d = core.invite("+4989123", headers, offer);
    at_cloud = cloud.expect("INVITE");
    at_desk = desk.expect("INVITE");
  }
  void desk_says(int status, const std::string& body = "", const std::string& headers = "") {
    desk.reply(*at_desk, status, headers, body, "desk");
  }
  void cloud_says(int status, const std::string& body = "", const std::string& headers = "") {
    cloud.reply(*at_cloud, status, headers, body, "cloud");
  }
  static std::string desk_sdp(const std::string& codecs = "8 PCMA/8000,101 telephone-event/8000") {
    return sdp("10.4.0.1", 45000, "sendrecv", codecs);
  }
  static std::string cloud_sdp() { return secure_sdp("10.2.0.1", 50000); }
  sip::Message caller_is_answered() {
    auto ok = core.expect("200 INVITE");
    core.learn(d, ok);
    core.ack(d);
    rig.run(Millis(100));
    return ok;
  }
  sip::Message cancelled(Peer& p, const sip::Message& inv, bool answer = true) {
    auto cancel = p.expect("CANCEL");
    p.reply(cancel, 200);
    if (answer) {
      p.reply(inv, 487);
      p.expect("ACK");
    }
    return cancel;
  }
  void caller_hangs_up(Peer& at) {
    core.request(d, "BYE");
    core.expect("200 BYE");
    at.reply(at.expect("BYE"), 200);
  }
  // Packets of that fill that the caller heard since it was asked last.
  std::size_t heard(std::uint8_t fill) {
    const auto n = std::count_if(core.rtp.begin(), core.rtp.end(), [&](const auto& r) {
      return r.bytes.size() == 172 && r.bytes[100] == fill;
    });
    core.rtp.clear();
    return static_cast<std::size_t>(n);
  }
  // A phone there speaks in plain RTP; how much of it the caller hears.
  std::size_t is_heard(Peer& who, const sip::Message& invite, std::uint8_t fill) {
    core.rtp.clear();
    who.send_rtp(media_of(invite.body()), 5, fill, fill);
    rig.run(Millis(150));
    return heard(fill);
  }
  std::size_t desk_is_heard() { return is_heard(desk, *at_desk, 0x11); }
  Peer desk;
  PeerDialog d;
  std::optional<sip::Message> at_cloud, at_desk;
};
// Desk and floor are phones in the core's network, the service rings beside them.
class HeardTest : public ForkingTest {
 protected:
  static std::string config(const std::string& core_profile) {
    ConfigOptions o;
    o.top = "[[profile]]\nname = \"core-gate\"\nextends = \"operator\"\n" + core_profile +
            "[[profile]]\nname = \"reliable\"\nextends = \"operator\"\nreliable_provisionals = "
            "\"supported\"\n";
    o.core_profile = "core-gate";
    o.third_cloud = group("floor", "10.4.0.2");
    const std::string plain = "profile = \"operator\"";
    o.third_cloud.replace(o.third_cloud.find(plain), plain.size(), "profile = \"reliable\"");
    std::string text = parallel(o);
    const std::string routes = "\"cloud\", \"desk\"";
    text.replace(text.find(routes), routes.size(), "\"cloud\", \"desk\", \"floor\"");
    return text;
  }
  explicit HeardTest(const std::string& config)
      : ForkingTest(config), floor(rig, "floor", "10.4.0.2:5060", Transport::kUdp) {
    floor.gateway = "10.0.0.1:5060";
    floor.open_rtp(45000);
  }
  void all_called(const std::string& headers = "") {
    call(headers);
    at_floor = floor.expect("INVITE");
  }
  void floor_says(int status, const std::string& body = "", const std::string& headers = "") {
    floor.reply(*at_floor, status, headers, body, "floor");
  }
  static std::string floor_sdp(const std::string& codecs = "8 PCMA/8000,101 telephone-event/8000") {
    return sdp("10.4.0.2", 45000, "sendrecv", codecs);
  }
  std::size_t floor_is_heard() { return is_heard(floor, *at_floor, 0x33); }
  void all_end() {
    cloud_says(180);
    core.expect("180");
    core.request(d, "CANCEL", "", "", 1);
    core.expect("200 CANCEL");
    (void)failure(core, d, 487);
    (void)cancelled(cloud, *at_cloud);
    (void)cancelled(desk, *at_desk);
    (void)cancelled(floor, *at_floor);
    expect_clean(1);
  }
  Peer floor;
  std::optional<sip::Message> at_floor;
};

}  // namespace causeway::scenario
