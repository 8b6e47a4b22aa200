// The ICE half of Call: what its SDP says of it, and what becomes of the checks.
#include "lab/agent.h"
#include "lab/call.h"

namespace causeway::lab {
namespace {

// Of a phone behind NAT: what stands in its SDP as the address that only its own network knows.
constexpr const char* kBehindNat = " raddr 192.168.1.20 rport 50000";
// Of no handshake: the gateway answers with SDES (MBP-09).
constexpr const char* kDtls =
    "a=fingerprint:sha-256 "
    "4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB:3A:4B:65:2E:7D:46:3F:54:42:CD:54:"
    "F1\r\na=setup:actpass\r\n";

std::string candidate(const char* foundation, int component, std::uint32_t priority,
                      const Endpoint& at, const std::string& type) {
  return std::string("a=candidate:") + foundation + " " + std::to_string(component) + " UDP " +
         std::to_string(priority) + " " + at.address.to_string() + " " + std::to_string(at.port) +
         " typ " + type + "\r\n";
}

}  // namespace

bool Call::open_ice(PortRange* ports) {
  if (!agent_.settings().ice) return true;
  const Endpoint at = media_->local();
  ice_ = std::make_unique<IceAgent>(
      agent_.loop(), agent_.random(), at,
      IceWires{[this](bool rtcp, const std::string& packet, const Endpoint& to) {
                 media_->send_raw(rtcp, packet, to);
               },
               [this] { ice_path(); }, [this](const Violation& v) { violation({v}); },
               [this](const Violation& v) { ice_failed(v); }});
  // A phone that plays before it answers chooses its path after the answer.
  ice_->may_nominate(facts_.caller || !behaviour_.early_media);
  media_->set_ears([this](std::string_view packet, bool rtcp,
                          const Endpoint& from) { ice_->on_packet(packet, rtcp, from); },
                   [this] { ice_->on_rtp(); });
  auto s = ice_->open(ports);
  if (!s) trouble(s.error().what);
  return s.has_value();
}

void Call::ice_into(SdpToWrite& s) {
  const bool lite = behaviour_.ice == IceKind::kLite;
  const Endpoint rtp = media_->local();
  const Endpoint rtcp{rtp.address, static_cast<std::uint16_t>(rtp.port + 1)};
  if (lite) s.session_lines = "a=ice-lite\r\n";
  std::string& out = s.media_lines;
  out = "a=ice-ufrag:" + ice_->ours().ufrag + "\r\na=ice-pwd:" + ice_->ours().pwd + "\r\n";
  const std::string type = lite ? "host" : std::string("srflx") + kBehindNat;
  if (!lite && !ice_final_) {
    out += candidate("1", 1, 2'130'706'431, ice_->second(), "host");
    out += "a=candidate:3 1 TCP-ACT 1684798975 " + rtp.address.to_string() + " 9 typ host\r\n";
    out += "a=x-candidate-ipv6:4 1 UDP 33552639 2001:db8::1 50000 typ host\r\n";  // TDM-25
  }
  out += candidate("2", 1, 1'694'498'815, rtp, type);
  // An offer of both must still serve a peer without rtcp-mux (RFC 8035).
  const bool mux = behaviour_.mux_offered && (!theirs_ || theirs_->rtcp_mux);
  out += candidate("2", 2, 1'694'498'814, rtcp, type);
  if (mux) out += "a=rtcp-mux\r\n";
  if (ice_final_) {
    const Endpoint a = ice_->remote_rtp(), b = ice_->remote_rtcp();
    out += "a=remote-candidates:1 " + a.address.to_string() + " " + std::to_string(a.port);
    if (b != a) out += " 2 " + b.address.to_string() + " " + std::to_string(b.port);
    out += "\r\n";
  }
  if (!facts_.caller) return;
  out += kDtls;
  if (behaviour_.dtls_offered) s.protocol = "UDP/TLS/RTP/SAVP";
}

bool Call::muxed(const SdpText& theirs) const {
  return ice_ && theirs.rtcp_mux && behaviour_.mux_offered;
}

bool Call::take_ice(const SdpText& s) {
  if (!ice_) return false;
  if (facts_.caller && !s.crypto.empty()) facts_.dtls_answered = true;
  if (!s.has_ice()) {
    if (facts_.caller) ice_failed({"MBP-01", "an answer without ICE candidates"});
    return false;
  }
  facts_.ice_agreed = true;
  if (behaviour_.ice == IceKind::kLite) return false;
  Endpoint rtp{s.address, s.port};
  std::optional<Endpoint> rtcp;
  for (const auto& c : s.candidates) {
    if (c.component == 1) rtp = c.address;
    if (c.component == 2 && !muxed(s)) rtcp = c.address;
  }
  ice_->set_inside(inside_);
  ice_->set_remote({s.ice_ufrag, s.ice_pwd}, rtp, rtcp);
  return true;
}

void Call::check_place(const SdpText& s, const char* rule) {
  const auto& local = agent_.settings().local;
  if (!local) return;
  const bool ours = s.address == local->inside || s.address == local->outside;
  if (s.address == (inside_ ? local->inside : local->outside)) return;
  violation({{ours ? rule : "LMO-02", "a user " + std::string(inside_ ? "inside" : "outside") +
                                          " the enterprise's network is given " +
                                          s.address.to_string()}});
}

void Call::check_way_back(const SipMessage& m) {
  const auto& local = agent_.settings().local;
  if (!local || local->beside.empty()) return;
  const auto contact = parse_sip_uri(parse_name_addr(m.get("Contact")).uri);
  if (!contact || !same_text(contact->host, local->beside)) return;
  facts_.beside = true;
  if (routes_.empty())
    violation({{"LMO-05", "Contact names " + contact->host + ", and no Record-Route the gateway"}});
}

void Call::ice_path() {
  facts_.ice_path = true;
  media_->set_remote(ice_->remote_rtp(), ice_->remote_rtcp(), payload_type_);
}

// As the service ends such a call (MBP-14), and the rule for whoever reads the trail.
void Call::ice_failed(Violation why) {
  // Checks of most places are answered: it is this one that is shut out.
  if (why.requirement == "MBP-02" && (behaviour_.from || facts_.escalated > 0))
    why = {facts_.escalated > 0 ? "MBP-12" : "MBP-11",
           "media of the service at " + media_->local().to_string() + ": " + why.what};
  violation({why});
  const std::string text = "IceConnectivityChecksFailed, " + why.requirement + ": " + why.what;
  const std::string reason = "Q.850;cause=47;text=\"" + text + "\"";
  if (state_ == State::kCalled) {
    behaviour_.final_status = 480;
    refused_because_ = text;
    return give_final();
  }
  if (state_ == State::kCalling && !facts_.answered) return send_cancel();
  // Not from within the message that told us.
  later(Millis(0), [this, reason] { hang_up(reason); });
}

}  // namespace causeway::lab
