#include "scenario/soak_party.h"

#include <algorithm>
#include <utility>

#include "ice/agent.h"
#include "ice/stun.h"
#include "rtp/packet.h"
#include "rtp/rtcp.h"
#include "sdp/crypto_line.h"
#include "sip/fields.h"
#include "sip/headers.h"

namespace causeway::scenario {

using sip::HeaderId;

namespace {

constexpr const char* kSuite = "AES_CM_128_HMAC_SHA1_80";  // every service has it
const ice::Credentials kIce{"phone", "passwordofthephoneitself"};

bool is_service(const std::string& profile) {
  return profile.starts_with("teams") || profile.starts_with("zoom");
}
std::string address_of(int side) { return "10." + std::to_string(side) + ".0.1"; }
std::uint16_t media_port(int side) { return static_cast<std::uint16_t>(30'000 + side * 10'000); }
std::string host_of(int side) { return "side" + std::to_string(side) + ".example"; }

std::string our_name(int side) { return "sbc" + std::to_string(side) + ".operator.example"; }

std::string reversed(const std::string& direction) {
  return direction == "sendonly" ? "recvonly" : direction == "recvonly" ? "sendonly" : direction;
}

std::string number_of(std::string_view text, std::string_view codec, const std::string& otherwise) {
  while (!text.empty()) {
    const auto eol = text.find("\r\n");
    const auto line = text.substr(0, eol);
    if (line.starts_with("a=rtpmap:") && line.find(codec) != std::string_view::npos)
      return std::string(line.substr(9, line.find(' ') - 9));
    text.remove_prefix(eol == std::string_view::npos ? text.size() : eol + 2);
  }
  return otherwise;
}

// The gateway's line of that suite; nullopt: there is none.
std::optional<sdp::Crypto> crypto_in(std::string_view text) {
  for (std::size_t at = text.find("a=crypto:"); at != std::string_view::npos;
       at = text.find("a=crypto:", at + 1)) {
    const auto value = text.substr(at + 9, text.find("\r\n", at) - at - 9);
    const auto c = sdp::read_crypto(value);
    if (c && *c && (*c)->suite == sdp::CryptoSuite::kAesCm128HmacSha1_80) return *c;
  }
  return std::nullopt;
}

rtp::Srtp srtp_of(std::span<const std::uint8_t> key_salt) {
  rtp::SrtpKey k;
  std::copy(key_salt.begin(), key_salt.end(), k.key_salt.begin());
  return std::move(*rtp::Srtp::create(k));
}

}  // namespace

SoakParty::SoakParty(Rig& rig, int side, const std::string& profile, SoakPlan plan,
                     std::uint64_t seed, SoakTally& tally)
    : peer(rig, "side" + std::to_string(side),
           address_of(side) + (is_service(profile) ? ":5061" : ":5060"),
           is_service(profile) ? Transport::kTls : Transport::kUdp, {host_of(side)}),
      rig_(rig),
      side_(side),
      profile_(profile),
      plan_(plan),
      secure_(is_service(profile)),
      ice_(profile == "teams-media-bypass"),
      mux_(profile.starts_with("teams")),
      tones_(profile == "legacy-core"),
      dice_(seed),
      tally_(tally) {
  peer.gateway = "10.0.0." + std::to_string(side) + (secure_ ? ":5061" : ":5060");
  if (secure_) {
    peer.request_host = our_name(side);
    peer.contact = "<sip:" + host_of(side) + ":5061;transport=tls>";
  }
  rig.zone.set_a(host_of(side), {address_of(side)});
  peer.open_rtp(media_port(side));
  if (!mux_) {
    rtcp_ = std::make_unique<Peer>(rig, "rtcp" + std::to_string(side), address_of(side) + ":5070",
                                   Transport::kUdp);
    rtcp_->open_rtp(static_cast<std::uint16_t>(media_port(side) + 1));
  }
  if (secure_) out_ = srtp_of(std::vector<std::uint8_t>(30));
}

std::string SoakParty::config(int side, const std::string& profile, const SoakPlan& plan,
                              const std::string& expires) {
  const std::string n = std::to_string(side), other = std::to_string(3 - side);
  const bool tls = is_service(profile);
  std::string text = "[[realm]]\nname = \"net" + n + "\"\nmedia_addresses = [\"10.0.0." + n +
                     "\"]\nmedia_port_min = " + n + "0000\nmedia_port_max = " + n + "0011\n";
  text += "[[listener]]\nname = \"l" + n + "\"\nrealm = \"net" + n + "\"\ntransport = \"" +
          (tls ? "tls" : "udp") + "\"\naddress = \"10.0.0." + n + (tls ? ":5061" : ":5060") +
          "\"\n";
  if (tls) text += "tls_identity = \"id\"\n";
  text += "[[profile]]\nname = \"p" + n + "\"\nextends = \"" + profile + "\"\ncontact_host = \"" +
          our_name(side) + "\"\n";
  if (plan.asked) text += "session_timer = \"request\"\nsession_expires = \"" + expires + "\"\n";
  text += "[[peer_group]]\nname = \"side" + n + "\"\nregion = \"r\"\nrealm = \"net" + n +
          "\"\nlistener = \"l" + n + "\"\nprofile = \"p" + n +
          "\"\ntrusted = true\noptions_interval = \"120s\"\nroutes_to = [\"side" + other +
          "\"]\n[peer_group.recognise]\nsources = [\"" + address_of(side) + "/32\"]\n";
  if (tls) text += "certificate_names = [\"" + host_of(side) + "\"]\n";
  text += "[[peer_group.peer]]\nname = \"side" + n + "-1\"\nhost = \"" +
          (tls ? host_of(side) : address_of(side)) + "\"\nport = " + (tls ? "5061" : "5060") + "\n";
  if (tls) text += "transport = \"tls\"\n";
  return text;
}

// --- What it says --------------------------------------------------------------------------------

void SoakParty::compose(const std::string& direction, std::string_view offer) {
  std::string codecs = "8 PCMA/8000";
  if (!tones_ && (offer.empty() || offer.find("telephone-event") != std::string_view::npos))
    codecs += "," +
              number_of(offer.empty() ? std::string_view(sdp_) : offer, "telephone-event", "101") +
              " telephone-event/8000";
  if (const auto c = crypto_in(offer)) tag_ = std::to_string(c->tag);
  std::string extra;
  if (secure_)
    extra = "a=crypto:" + tag_ + " " + kSuite + " inline:" + std::string(40, 'A') + "|2^31\r\n";
  if (mux_) extra += "a=rtcp-mux\r\n";
  if (ice_)
    extra += "a=ice-ufrag:" + kIce.ufrag + "\r\na=ice-pwd:" + kIce.pwd +
             "\r\na=candidate:1 1 UDP 2130706431 " + address_of(side_) + " " +
             std::to_string(media_port(side_)) + " typ host\r\n";
  said_ = direction;
  sdp_ = sdp(address_of(side_), media_port(side_), direction, codecs, ++version_, extra,
             secure_ ? "RTP/SAVP" : "RTP/AVP");
}

std::string SoakParty::headers(bool initial) const {
  std::string out = std::string("Allow: INVITE, ACK, BYE, CANCEL, OPTIONS") +
                    (plan_.updates ? ", UPDATE" : "") + "\r\n";
  if (plan_.timers == Timers::kUnable) return out;
  out += "Supported: timer\r\n";
  if (!initial) {
    if (interval_ != 0)
      out += "Session-Expires: " + std::to_string(interval_) +
             ";refresher=" + (refresher_ == Who::kWe ? "uac" : "uas") + "\r\n";
    return out;
  }
  out += "Session-Expires: " + std::to_string(plan_.interval);
  if (plan_.timers == Timers::kRefreshes) out += ";refresher=uac";
  if (plan_.timers == Timers::kLetsUs) out += ";refresher=uas";
  return out + "\r\nMin-SE: 90\r\n";
}

// What a 2xx of ours says of the session.
std::string SoakParty::session_answer(const sip::Message& m) const {
  if (plan_.timers == Timers::kUnable) return "";
  const auto asked = sip::parse_session_expires(m.value(HeaderId::kSessionExpires));
  const bool knows = sip::has_token(m, HeaderId::kSupported, "timer");
  std::uint32_t interval = 0;
  bool gateway = plan_.timers == Timers::kLetsUs && knows;
  if (asked) {
    interval = asked->seconds;
    if (asked->refresher != sip::Refresher::kNone)
      gateway = asked->refresher == sip::Refresher::kUac;
  } else if (m.to_tag().empty()) {
    interval = plan_.interval;  // RFC 4028 9: begun by who answers
  }
  if (interval == 0) return "";
  return "Session-Expires: " + std::to_string(interval) +
         (gateway ? ";refresher=uac\r\nRequire: timer\r\n" : ";refresher=uas\r\n");
}

void SoakParty::ask(const std::string& method, const std::string& body) {
  pending_ = method;
  asked_ = now();
  const bool session = method == "INVITE" || method == "UPDATE";
  std::string more = session ? headers(false) : "";
  if (method == "UPDATE") more += "Contact: " + peer.contact + "\r\n";
  peer.request(dialog_, method, more, body);
}

void SoakParty::offer(const std::string& direction) {
  compose(direction);
  ++changes;
  ask("INVITE", sdp_);
}

void SoakParty::introduces_itself() {
  PeerDialog d;
  d.call_id = peer.address() + "-options";
  d.local = "<sip:" + peer.address() + ">;tag=o";
  d.target = "sip:" + (peer.request_host.empty() ? peer.gateway : peer.request_host);
  d.remote = "<" + d.target + ">";
  peer.request(d, "OPTIONS", "Contact: " + peer.contact + "\r\n");
  (void)peer.expect("200 OPTIONS");
  read_ = peer.received.size();
}

void SoakParty::says_the_same() { ask("INVITE", sdp_); }

// --- A call --------------------------------------------------------------------------------------

void SoakParty::calls(const std::string& number, SoakParty& other) {
  compose("sendrecv");
  dialog_ = peer.invite(number, headers(true), sdp_);
  auto invite = other.peer.expect("INVITE");
  const auto asked = sip::parse_session_expires(invite.value(HeaderId::kSessionExpires));
  EXPECT_EQ(asked.has_value(), other.plan_.asked) << "a session is asked for by its profile alone";
  if (asked && other.plan_.timers == Timers::kWantsMore) {
    const std::string least = std::to_string(asked->seconds * 2);
    other.peer.reply(invite, 422, "Min-SE: " + least + "\r\n");
    (void)other.peer.expect("ACK");
    invite = other.peer.expect("INVITE");
    EXPECT_EQ(invite.value(HeaderId::kSessionExpires), least);
    ++tally_["asked again"];
  }
  other.peer.reply(invite, 180);
  other.compose("sendrecv", invite.body());
  other.peer.reply(invite, 200, other.headers_of_answer(invite), other.sdp_, "callee");
  other.dialog_ = other.peer.answered(invite, "callee");
  other.heard_sdp(invite.body());
  other.agree_as_answered(invite);
  const auto ok = peer.expect("200 INVITE");
  peer.learn(dialog_, ok);
  peer.ack(dialog_);
  heard_sdp(ok.body());
  agree_as_told(ok);
  (void)other.peer.expect("ACK");
  gateway_updates_ = sip::has_token(ok, HeaderId::kAllow, "UPDATE");
  other.gateway_updates_ = sip::has_token(invite, HeaderId::kAllow, "UPDATE");
  for (SoakParty* p : {this, &other}) {
    p->read_ = p->peer.received.size();
    if (p->ice_) p->check_path();
  }
}

std::string SoakParty::headers_of_answer(const sip::Message& m) const {
  return std::string("Allow: INVITE, ACK, BYE, CANCEL, OPTIONS") +
         (plan_.updates ? ", UPDATE" : "") + "\r\n" + session_answer(m);
}

// A 2xx of ours was sent.
void SoakParty::agree_as_answered(const sip::Message& m) {
  last_ = now();
  collisions_ = 0;
  const auto asked = sip::parse_session_expires(m.value(HeaderId::kSessionExpires));
  if (plan_.timers == Timers::kUnable) {  // RFC 4028 7.2: the gateway does it for both
    interval_ = asked ? asked->seconds : 0;
    refresher_ = Who::kGateway;
    return;
  }
  const std::string said = session_answer(m);
  const auto at = said.find(": ");
  const auto agreed = sip::parse_session_expires(
      at == std::string::npos ? ""
                              : std::string_view(said).substr(at + 2, said.find('\r') - at - 2));
  interval_ = agreed ? agreed->seconds : 0;
  refresher_ = agreed && agreed->refresher == sip::Refresher::kUac ? Who::kGateway : Who::kWe;
}

// A 2xx came to an INVITE or UPDATE of ours.
void SoakParty::agree_as_told(const sip::Message& success) {
  last_ = now();
  collisions_ = 0;
  const auto agreed = sip::parse_session_expires(success.value(HeaderId::kSessionExpires));
  interval_ = agreed ? agreed->seconds : 0;
  refresher_ = agreed && agreed->refresher == sip::Refresher::kUas ? Who::kGateway : Who::kWe;
  if (plan_.timers == Timers::kUnable && interval_ != 0) {
    EXPECT_EQ(refresher_, Who::kGateway) << who() << " cannot";
  }
}

bool SoakParty::talks() const {
  return said_ == "sendrecv" && direction_of(gateway_sdp_) == "sendrecv";
}

void SoakParty::turn() {
  while (read_ < peer.received.size()) {
    const auto m = sip::Message::parse(peer.received[read_++]);
    if (m->is_request())
      on_request(*m);
    else
      on_response(*m);
  }
  hear();
  if (over_) return;
  if (!pending_.empty()) {
    // It went into a connection that was being closed as idle: again, over another one.
    if (now() - asked_ < kPatience) return;
    again_method_ = std::exchange(pending_, {});
    again_ = now();
    ++collisions_;
    disturbed = true;
  }
  if (again_ <= now()) {
    again_ = Instant::max();
    ask(again_method_, again_method_ == "INVITE" ? sdp_ : "");
    return;
  }
  if (again_ != Instant::max() || interval_ == 0 || refresher_ != Who::kWe) return;
  if (now() - last_ < Micros(Seconds(interval_)) / 2) return;
  by_update_ = plan_.updates && gateway_updates_ && !by_update_;
  ++tally_[by_update_ ? "they refresh by UPDATE" : "they refresh by INVITE"];
  if (by_update_)
    ask("UPDATE", "");
  else
    says_the_same();
}

void SoakParty::on_request(const sip::Message& m) {
  const auto method = m.method();
  if (method == sip::Method::kAck) return;
  if (method == sip::Method::kOptions) {
    if (m.to_tag().empty()) peer.reply(m, 200);
    ++tally_["OPTIONS"];
    return;
  }
  if (method == sip::Method::kBye) {
    peer.reply(m, 200);
    EXPECT_FALSE(over_) << who() << " is hung up on twice";
    over_ = true;
    return;
  }
  if (method != sip::Method::kInvite && method != sip::Method::kUpdate) {
    ADD_FAILURE() << who() << " was sent " << m.method_text();
    return;
  }
  if (collide_ && method == sip::Method::kInvite && pending_.empty()) {
    collide_ = false;
    says_the_same();
    ++tally_["collided"];
    disturbed = true;
  }
  if (!pending_.empty()) {
    peer.reply(m, 491);
    ++collisions_;
    disturbed = true;
    return;
  }
  const bool same = m.body().empty() || line_of(m.body(), "o=") == line_of(gateway_sdp_, "o=");
  if (same)
    look_at_refresh(m);
  else
    on_change(m);
  peer.reply(m, 200, headers_of_answer(m), m.body().empty() ? "" : sdp_);
  agree_as_answered(m);
}

void SoakParty::look_at_refresh(const sip::Message& m) {
  ++refreshed;
  ++tally_[m.method() == sip::Method::kUpdate ? "we refresh by UPDATE" : "we refresh by INVITE"];
  EXPECT_EQ(refresher_, Who::kGateway) << who() << " was refreshed, and is to do it itself";
  EXPECT_TRUE(m.has(HeaderId::kSessionExpires)) << m.bytes();
  const Micros age = now() - last_, half = Micros(Seconds(interval_)) / 2;
  EXPECT_GE(age, half - Millis(5)) << who() << ", " << interval_ << " s";
  EXPECT_LE(age, half + slack()) << who() << ", " << interval_ << " s";
}

void SoakParty::on_change(const sip::Message& m) {
  EXPECT_TRUE(may_be_told) << who() << " was told of a change that nobody made\n" << m.body();
  EXPECT_FALSE(m.body().empty());
  ++told;
  heard_sdp(m.body());
  compose(reversed(direction_of(m.body())), m.body());
}

void SoakParty::on_response(const sip::Message& m) {
  if (m.status() < 200) return;
  const std::string method(m.method_text());
  EXPECT_EQ(method, pending_) << m.bytes();
  pending_.clear();
  if (m.status() == 491) {
    if (method == "INVITE") peer.ack_failure(dialog_, m);
    again_ = now() + Millis(static_cast<long>(2'100 + dice_.below(1'900)));
    again_method_ = method;
    ++tally_["491"];
    ++collisions_;
    disturbed = true;
    return;
  }
  if (ending && m.status() == 481) {  // BYE crossed it
    if (method == "INVITE") peer.ack_failure(dialog_, m);
    return;
  }
  EXPECT_LT(m.status(), 300) << who() << "\n" << m.bytes();
  if (method == "BYE") over_ = true;
  if (method != "INVITE" && method != "UPDATE") return;
  if (method == "INVITE") peer.ack(dialog_);
  agree_as_told(m);
  if (!m.body().empty()) heard_sdp(m.body());
}

void SoakParty::expect_refreshed() const {
  if (over_ || interval_ == 0) return;
  const Micros half = Micros(Seconds(interval_)) / 2;
  EXPECT_LE(now() - last_, half + slack())
      << who() << " with " << interval_ << " s, "
      << (refresher_ == Who::kWe ? "its own fault" : "the gateway's");
}

// --- What is heard -------------------------------------------------------------------------------

// Ports and keys of the gateway stay what they were.
void SoakParty::heard_sdp(std::string_view text) {
  if (!gateway_sdp_.empty()) {
    EXPECT_EQ(media_of(text).port, media_of(gateway_sdp_).port) << who() << " has another port";
  }
  gateway_sdp_ = text;
  if (!secure_) return;
  const auto c = crypto_in(text);
  ASSERT_TRUE(c) << text;
  if (gateway_key_.empty()) in_ = srtp_of(c->key_salt);
  if (!gateway_key_.empty()) {
    EXPECT_EQ(c->key_salt, gateway_key_) << who() << " has another key";
  }
  gateway_key_ = c->key_salt;
}

void SoakParty::speak() {
  const std::string theirs = direction_of(gateway_sdp_);
  if (over_ || (said_ != "sendrecv" && said_ != "sendonly") ||
      (theirs != "sendrecv" && theirs != "recvonly"))
    return;
  std::vector<std::byte> p(172 + rtp::Srtp::kMaxExpansion, std::byte{0x55});
  const auto at = std::chrono::duration_cast<Millis>(now().time_since_epoch()).count();
  rtp::write_header(std::span<std::byte, rtp::kMinHeader>(p.data(), rtp::kMinHeader),
                    {.ssrc = static_cast<std::uint32_t>(side_),
                     .timestamp = static_cast<std::uint32_t>(at * 8),
                     .sequence = ++sequence_,
                     .payload_type = 8});
  std::size_t size = 172;
  if (out_) size = out_->protect_rtp(std::span(p).first(size)).size;
  peer.send_packet(media_of(gateway_sdp_), std::span(p).first(size));
  spoken += said_ == "sendrecv" && theirs == "sendrecv";
}

void SoakParty::report() {
  if (over_) return;
  if (ice_) check_path();
  std::vector<std::byte> p(256);
  rtp::RtcpWriter w(p);
  rtp::SenderInfo info;
  info.ntp = rtp::ntp_time(rig_.world.wall().micros);
  info.packets = static_cast<std::uint32_t>(spoken);
  w.sender_report(static_cast<std::uint32_t>(side_), info, {});
  w.sdes(static_cast<std::uint32_t>(side_), "soak");
  std::size_t size = w.size();
  if (out_) size = out_->protect_rtcp(std::span(p).first(size)).size;
  Endpoint to = media_of(gateway_sdp_);
  if (!mux_) ++to.port;
  (mux_ ? peer : *rtcp_).send_packet(to, std::span(p).first(size));
}

void SoakParty::hear() {
  const auto take = [&](std::vector<std::uint8_t>& bytes) {
    auto data = std::as_writable_bytes(std::span(bytes));
    const auto kind = rtp::classify(data);
    if (kind == rtp::Kind::kRtp) {
      std::size_t size = data.size();
      if (in_) {
        const auto r = in_->unprotect_rtp(data);
        EXPECT_EQ(r.outcome, rtp::SrtpOutcome::kOk) << who();
        size = r.size;
      }
      heard += size == 172 && bytes[100] == 0x55;
    } else if (kind == rtp::Kind::kRtcp) {
      std::size_t size = data.size();
      if (in_) {
        const auto r = in_->unprotect_rtcp(data);
        EXPECT_EQ(r.outcome, rtp::SrtpOutcome::kOk) << who();
        size = r.size;
      }
      EXPECT_TRUE(rtp::valid_compound(data.first(size))) << who();
      ++reports;
    }
  };
  for (Peer* p : {&peer, rtcp_.get()}) {
    if (p == nullptr) continue;
    for (auto& r : p->rtp) take(r.bytes);
    p->rtp.clear();
  }
}

// A Binding request, as a full agent in control makes it.
void SoakParty::check_path() {
  const auto after = [&](const std::string& start) {
    const std::string line = line_of(gateway_sdp_, start);
    return line.empty() ? line : line.substr(start.size());
  };
  const std::string ufrag = after("a=ice-ufrag:"), pwd = after("a=ice-pwd:");
  std::vector<std::byte> b(600);
  ice::StunWriter w(b, ice::StunClass::kRequest,
                    {std::byte{1}, static_cast<std::byte>(dice_.below(256))});
  w.username(ufrag + ":" + kIce.ufrag);
  w.priority(1'000);
  w.role(true, 77);
  w.use_candidate();
  w.integrity(rtp::HmacSha1({reinterpret_cast<const std::uint8_t*>(pwd.data()), pwd.size()},
                            rtp::HmacVariant::kPortable));
  w.fingerprint();
  peer.send_packet(media_of(gateway_sdp_), std::span(b).first(w.size()));
}

std::string SoakParty::state() const {
  std::string out = who() + ", " + profile_ + ", timers " +
                    std::to_string(static_cast<int>(plan_.timers)) +
                    (plan_.asked ? ", asked" : "") + (plan_.updates ? ", UPDATE" : "") + "\n";
  for (const auto& t : peer.transcript) out += "  " + t + "\n";
  return out;
}

}  // namespace causeway::scenario
