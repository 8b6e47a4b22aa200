// Keys for SRTP from a DTLS handshake over the RTP port (RFC 5763, 5764): when one is begun, whose
// datagrams are believed, what becomes of its keys. Until there are keys nothing passes in either
// direction, in clear least of all.
#include "media/handshake.h"

#include <algorithm>

#include "media/plane_impl.h"

namespace causeway::media {
namespace {

constexpr Millis kRetry{200};     // while it is not known where the peer is
constexpr Millis kAnewSoon{100};  // a server, after a try that failed: so often and no more
constexpr Seconds kAnew{1};       // a client

std::optional<rtp::SrtpSuite> in_dtls(sdp::CryptoSuite s) {
  switch (s) {
    case sdp::CryptoSuite::kAesCm128HmacSha1_80: return rtp::SrtpSuite::kAesCm128HmacSha1_80;
    case sdp::CryptoSuite::kAesCm128HmacSha1_32: return rtp::SrtpSuite::kAesCm128HmacSha1_32;
    case sdp::CryptoSuite::kAeadAes128Gcm: return rtp::SrtpSuite::kAeadAes128Gcm;
    case sdp::CryptoSuite::kAeadAes256Gcm: return rtp::SrtpSuite::kAeadAes256Gcm;
    case sdp::CryptoSuite::kAesCm256HmacSha1_80:
    case sdp::CryptoSuite::kAesCm256HmacSha1_32: break;  // RFC 5764 has no number for them
  }
  return std::nullopt;
}

sdp::Crypto as_crypto(const rtp::SrtpKey& k, const std::vector<sdp::CryptoSuite>& suites) {
  sdp::Crypto c;
  for (const sdp::CryptoSuite s : suites)
    if (in_dtls(s) == k.suite) c.suite = s;
  const auto sizes = rtp::sizes_of(k.suite);
  c.key_salt.assign(k.key_salt.begin(), k.key_salt.begin() + sizes.key + sizes.salt);
  return c;
}

rtp::DtlsTerms terms_of(const DtlsAgreed& d) {
  rtp::DtlsTerms t;
  t.client = d.client;
  for (const sdp::Fingerprint& f : d.peers) t.peers.push_back({f.hash, f.octets});
  for (const sdp::CryptoSuite s : d.suites)
    if (const auto suite = in_dtls(s)) t.suites.push_back(*suite);
  return t;
}

}  // namespace

Result<std::shared_ptr<const rtp::DtlsIdentity>> MediaPlane::Impl::dtls_identity() {
  if (!identity) {
    auto made = rtp::DtlsIdentity::make();
    if (!made) return made;
    identity = std::move(*made);
  }
  return identity;
}

void MediaPlane::Impl::end_handshake(Leg& leg) {
  if (!leg.handshake) return;
  reactor.timers().cancel(leg.handshake->timer);
  leg.handshake.reset();
}

// After leg.agreed was set. An association that goes on, or is under way, is left as it is.
void MediaPlane::Impl::agree_on_handshake(Leg& leg, Instant now) {
  leg.keyless = leg.agreed.dtls && !leg.agreed.send_key;
  if (!leg.keyless) {
    if (!leg.agreed.dtls || (leg.handshake && leg.handshake->terms != *leg.agreed.dtls))
      end_handshake(leg);  // of another fork, perhaps
    return;
  }
  if (leg.handshake && leg.handshake->done == Instant{} && leg.handshake->terms == *leg.agreed.dtls)
    return;
  end_handshake(leg);
  if (!leg.by_checks()) {  // whoever it is now may be elsewhere
    leg.source.reset();
    leg.rtcp_source.reset();
  }
  leg.handshake = std::make_unique<Handshake>();
  leg.handshake->terms = *leg.agreed.dtls;
  leg.handshake->began = now;
  begin_handshake(leg);
  leg.handshake->timer = reactor.timers().schedule(now, *this, leg.id.value | kHandshakeToken);
}

// Anew, too: what a stranger, or a fork that lost, made of the last one does not end the call.
void MediaPlane::Impl::begin_handshake(Leg& leg) {
  Handshake& h = *leg.handshake;
  rtp::DtlsTerms terms = terms_of(h.terms);
  terms.cookie = !leg.by_checks();  // a check has shown where the peer is
  const auto id = dtls_identity();
  h.dtls = id ? rtp::Dtls::create(*id, terms) : nullptr;
  h.remote = {};
  h.bound = false;
  if (!h.dtls) h.failure = "no suite of profile.sdp.suites exists in DTLS-SRTP";
}

void MediaPlane::Impl::on_dtls(Leg& leg, const Endpoint& from, std::span<const std::byte> data,
                               Instant now) {
  if (!leg.handshake || !leg.handshake->dtls) {
    ++leg.counted.dropped.malformed;
    return;
  }
  Handshake& h = *leg.handshake;
  if (!leg.admits(from, ice::Component::kRtp) || (h.bound && from != h.remote)) {
    ++leg.counted.dropped.source;
    return;
  }
  const auto step = h.dtls->feed(data, from);
  if (leg.by_checks() || h.dtls->proven()) {
    h.remote = from;
    h.bound = !leg.by_checks();
  }
  went_on(leg, step, from, now);
}

void MediaPlane::Impl::on_handshake_timer(Leg& leg, Instant now) {
  if (!leg.handshake) return;
  Handshake& h = *leg.handshake;
  h.timer = {};
  if (h.done != Instant{}) return end_handshake(leg);
  if (!h.told && now - h.began >= kHandshakeFor) {
    h.told = true;
    h.timer = reactor.timers().schedule(now + kAnew, *this, leg.id.value | kHandshakeToken);
    const std::string why = h.failure.empty() ? "the DTLS handshake had no end within 30 s"
                                              : "the DTLS handshake failed: " + h.failure;
    return observer.on_keys(leg.id, false, why);  // may close the leg
  }
  if (!h.dtls) begin_handshake(leg);
  if (!h.dtls) {
    h.timer = reactor.timers().schedule(std::max(h.began + kHandshakeFor, now + kAnew), *this,
                                        leg.id.value | kHandshakeToken);
    return;
  }
  // The path may have moved since.
  if (h.terms.client)
    if (const Endpoint to = leg.rtp_target(); to.port != 0 && !to.address.is_unspecified()) {
      h.remote = to;
      h.bound = !leg.by_checks();
    }
  // start() of one that was started repeats nothing.
  const auto step = h.remote.port != 0 ? h.dtls->start() : h.dtls->state();
  went_on(leg, step == rtp::Dtls::Step::kMore ? h.dtls->on_timer() : step, h.remote, now);
}

// Sends what has to be sent, and takes the keys when there are any.
void MediaPlane::Impl::went_on(Leg& leg, rtp::Dtls::Step step, const Endpoint& to, Instant now) {
  Handshake& h = *leg.handshake;
  for (std::string& d : h.dtls->take_output())
    if (to.port != 0) leg.ports->rtp.socket->send(to, std::as_writable_bytes(std::span(d)));
  if (h.done != Instant{}) return;
  reactor.timers().cancel(h.timer);
  const auto wake_in = [&](Micros wait) {
    Instant at = now + std::max(wait, Micros(Millis(20)));
    if (!h.told) at = std::min(at, h.began + kHandshakeFor);
    h.timer = reactor.timers().schedule(at, *this, leg.id.value | kHandshakeToken);
  };
  const std::string how = h.dtls->in_words();
  switch (step) {
    case rtp::Dtls::Step::kMore:
      return wake_in(h.remote.port == 0 ? Micros(kRetry) : h.dtls->timeout().value_or(kRetry));
    case rtp::Dtls::Step::kFailed:
      h.failure = how;
      h.dtls.reset();
      return wake_in(h.terms.client ? Micros(kAnew) : Micros(kAnewSoon));
    case rtp::Dtls::Step::kDone: break;
  }
  LegMedia with_keys = leg.agreed;
  const auto& suites = leg.agreed.dtls->suites;
  with_keys.send_key = as_crypto(h.dtls->send_key(), suites);
  with_keys.receive_key = as_crypto(h.dtls->receive_key(), suites);
  if (auto set = set_keys(leg, with_keys); !set) {
    h.failure = set.error().what;
    h.dtls.reset();
    return wake_in(kAnew);
  }
  leg.agreed = std::move(with_keys);
  leg.keyless = false;
  h.done = now;
  h.timer =
      reactor.timers().schedule(now + kHandshakeLinger, *this, leg.id.value | kHandshakeToken);
  observer.on_keys(leg.id, true, how);
}

}  // namespace causeway::media
