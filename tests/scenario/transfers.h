// What tests of transfers have in common: a REFER that is taken, and what its sender hears of it.
#pragma once

#include "scenario/fixture.h"

namespace causeway::scenario {

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
  void hang_up(Peer& by, PeerDialog& d, Peer& other) {
    by.request(d, "BYE");
    (void)by.expect("200 BYE");
    other.reply(other.expect("BYE"), 200);
  }
};

}  // namespace causeway::scenario
