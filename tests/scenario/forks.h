// Phones of one call that ring side by side and send to one port, each under keys of its own.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "rtp/packet.h"
#include "rtp/srtp.h"
#include "scenario/fixture.h"
#include "sdp/crypto_line.h"

namespace causeway::scenario {

struct Phone {
  std::string sdp;
  std::uint32_t ssrc;
  std::uint8_t fill;
  std::uint16_t sequence;
  std::optional<rtp::Srtp> out;
};

class ForkMediaTest : public CallTest {
 protected:
  static ConfigOptions options() {
    ConfigOptions o;
    o.cloud = "media_sources = [\"10.2.0.0/16\"]\n";
    o.service_sdp = "suites = [\"AES_CM_128_HMAC_SHA1_80\", \"AES_CM_128_HMAC_SHA1_32\"]\n";
    return o;
  }
  explicit ForkMediaTest(const std::string& config = make_config(options())) : CallTest(config) {
    core.open_rtp(40000);
    cloud.open_rtp(50000);
  }
  static Phone phone(char letter, int port, std::uint8_t fill, const std::string& suite = "") {
    Phone p{secure_sdp("10.2.0.1", port), static_cast<std::uint32_t>(letter), fill,
            static_cast<std::uint16_t>(65'500 + letter - 'A'), std::nullopt};
    p.sdp.replace(p.sdp.find("inline:A"), 8, std::string("inline:") + letter);
    if (!suite.empty()) {
      const auto at = p.sdp.find("AES_CM_128_HMAC_SHA1_80");
      p.sdp.replace(at, suite.size(), suite);
    }
    const auto c = sdp::read_crypto(line_of(p.sdp, "a=crypto:").substr(9));
    rtp::SrtpKey k;
    std::copy((*c)->key_salt.begin(), (*c)->key_salt.end(), k.key_salt.begin());
    k.suite = static_cast<rtp::SrtpSuite>((*c)->suite);
    p.out = std::move(*rtp::Srtp::create(k));
    return p;
  }
  void ring(const Phone& p, const std::string& tag, int status = 183,
            const std::string& more = "") {
    cloud.reply(inv, status,
                "Contact: <sip:" + tag + "@sip.pstnhub.example:5061;transport=tls>\r\n" + more,
                status == 180 ? "" : p.sdp, tag);
  }
  // All from the one port that the far side has opened last.
  void speak(Phone& p, int packets = 5) {
    for (int i = 0; i < packets; ++i) {
      std::vector<std::byte> b(172 + rtp::Srtp::kMaxExpansion, std::byte{p.fill});
      rtp::write_header(std::span<std::byte, rtp::kMinHeader>(b.data(), rtp::kMinHeader),
                        {.ssrc = p.ssrc,
                         .timestamp = p.sequence * 160u,
                         .sequence = p.sequence,
                         .payload_type = 8});
      ++p.sequence;
      const auto r = p.out->protect_rtp(std::span(b).first(172));
      cloud.send_packet(media_of(inv.body()), std::span(b).first(r.size));
      rig.run(Millis(20));
    }
  }
  // How many packets of each phone the core heard since it was asked last. It hears one stream.
  std::map<int, int> heard() {
    std::map<int, int> n;
    for (; !core.rtp.empty(); core.rtp.pop_front()) {
      const auto& b = core.rtp.front().bytes;
      if (b.size() != 172 || rtp::classify(std::as_bytes(std::span(b))) != rtp::Kind::kRtp)
        continue;
      const auto h = rtp::parse_header(std::as_bytes(std::span(b)));
      if (last_) {
        EXPECT_EQ(h->ssrc, last_->ssrc);
        EXPECT_EQ(h->sequence, static_cast<std::uint16_t>(last_->sequence + 1));
      }
      last_ = *h;
      ++n[b[100]];
    }
    return n;
  }
  // How much of what the core says comes to that port; phones speak from there from now on.
  int told_at(std::uint16_t port, const Endpoint& gateway) {
    if (port != std::exchange(open_, port)) cloud.open_rtp(port);
    cloud.rtp.clear();
    core.send_rtp(gateway, 5);
    rig.run(Millis(50));
    return static_cast<int>(std::count_if(cloud.rtp.begin(), cloud.rtp.end(), [](auto& r) {
      return rtp::classify(std::as_bytes(std::span(r.bytes))) == rtp::Kind::kRtp;
    }));
  }
  void gives_up() {
    core.request(d, "CANCEL", "", "", 1);
    cloud.reply(cloud.expect("CANCEL"), 200);
    cloud.reply(inv, 487);
    expect_clean(1);
  }
  // The phone of that tag answers; its dialog is the call's.
  sip::Message picks_up(const Phone& p, const std::string& tag, bool with_sdp = true) {
    cloud.reply(inv, 200, "Contact: <sip:" + tag + "@sip.pstnhub.example:5061;transport=tls>\r\n",
                with_sdp ? p.sdp : "", tag);
    auto ok = core.expect("200 INVITE");
    core.learn(d, ok);
    core.ack(d);
    cloud.expect("ACK");
    rig.run(Millis(100));
    core.rtp.clear();
    last_.reset();
    return ok;
  }
  void hangs_up() {
    core.request(d, "BYE");
    core.expect("200 BYE");
    cloud.reply(cloud.expect("BYE"), 200);
    expect_clean(1);
    EXPECT_EQ(rig.records[0].termination, "completed");
  }
  using Fills = std::map<int, int>;
  PeerDialog d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  sip::Message inv = cloud.expect("INVITE");
  std::optional<rtp::Header> last_;
  std::string shown_;
  std::uint16_t open_ = 50000;
};

}  // namespace causeway::scenario
