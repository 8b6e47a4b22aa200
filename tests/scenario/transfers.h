// What tests of transfers have in common: a REFER that is taken, and what its sender hears of it.
#pragma once

#include "scenario/fixture.h"

namespace causeway::scenario {

// Replaces for that dialog, as its peer names it.
inline std::string replaces(const PeerDialog& d, const std::string& more = "") {
  const auto tag = [](const std::string& party) { return party.substr(party.find("tag=") + 4); };
  return "Replaces: " + d.call_id + ";to-tag=" + tag(d.remote) + ";from-tag=" + tag(d.local) +
         more + "\r\n";
}

class TransferFixture : public CallTest {
 protected:
  using CallTest::CallTest;

  // REFER within `d`, answered with 202; the first NOTIFY has come.
  void refer(Peer& by, PeerDialog& d, const std::string& to, const std::string& headers = "") {
    by.request(d, "REFER", "Refer-To: " + to + "\r\n" + headers);
    (void)by.expect("202 REFER");
    hears(by, "SIP/2.0 100 Trying", "active;expires=");
  }
  // The next NOTIFY says this.
  sip::Message hears(Peer& by, const std::string& line, const std::string& state) {
    auto m = by.expect("NOTIFY");
    EXPECT_EQ(m.body(), line + "\r\n");
    EXPECT_TRUE(m.value(HeaderId::kSubscriptionState).starts_with(state))
        << m.value(HeaderId::kSubscriptionState);
    EXPECT_TRUE(m.value(HeaderId::kEvent).starts_with("refer")) << m.value(HeaderId::kEvent);
    EXPECT_EQ(m.value(HeaderId::kContentType), "message/sipfrag;version=2.0");
    EXPECT_TRUE(m.has(HeaderId::kContact));
    by.reply(m, 200);
    return m;
  }
  // The target's phone in the cloud rings and is picked up; the dialog with it.
  PeerDialog cloud_answers(const sip::Message& invite, int port, const std::string& tag) {
    cloud.reply(invite, 200, "", secure_sdp("10.2.0.1", port), tag);
    (void)cloud.expect("ACK");
    return cloud.answered(invite, tag);
  }
  // A call of the cloud that another phone of the core answers.
  Up consults(const std::string& number) {
    PeerDialog d = cloud.invite(number, "", secure_sdp("10.2.0.1", 50020), "+4989123");
    Up up{{}, d, {}, {}, core.expect("INVITE")};
    up.to_core = std::string(up.invite.body());
    core.reply(up.invite, 200, "", sdp("10.1.0.1", 40020), "third");
    const auto ok = cloud.expect("200 INVITE");
    up.to_cloud = std::string(ok.body());
    cloud.learn(up.cloud, ok);
    (void)core.expect("ACK");
    cloud.ack(up.cloud);
    up.core = core.answered(up.invite, "third");
    rig.run(Millis(100));
    return up;
  }
  // Refer-To that names the dialog `d` of its sender with us.
  static std::string naming(const PeerDialog& d) {
    const auto tag = [](const std::string& party) { return party.substr(party.find("tag=") + 4); };
    return "<sip:+4930555@10.1.0.1?Replaces=" + d.call_id + "%3Bto-tag%3D" + tag(d.remote) +
           "%3Bfrom-tag%3D" + tag(d.local) + ">";
  }
  void hang_up(Peer& by, PeerDialog& d, Peer& other) {
    by.request(d, "BYE");
    (void)by.expect("200 BYE");
    other.reply(other.expect("BYE"), 200);
  }
};

}  // namespace causeway::scenario
