#include "call/serialise.h"

#include "base/archive.h"

namespace causeway::call {
namespace {

constexpr std::uint32_t kMagic = 0x57594343;  // "CCYW"

// --- Building blocks ---------------------------------------------------------------------------
template <typename A, typename T>
void put(A& a, T& v);

// An enumeration whose last value is `last`: what is read must be one of its values.
template <typename A, typename E>
void put_enum(A& a, E& v, E last) {
  a.field(v);
  if constexpr (A::kReading) {
    if (v > last) {
      a.spoil();
      v = E{};
    }
  }
}

template <typename A, typename T>
void put_list(A& a, std::vector<T>& v) {
  auto n = static_cast<std::uint32_t>(v.size());
  a.field(n);
  if constexpr (A::kReading) {
    v.clear();
    for (std::uint32_t i = 0; i < n && a.ok(); ++i) {  // grows with what is really there
      T x{};
      put(a, x);
      if (a.ok()) v.push_back(std::move(x));
    }
    return;
  }
  for (auto& x : v) {
    put(a, x);
    if (!a.ok()) return;
  }
}

// An optional or a Boxed value: is it there, and what it is.
template <typename A, typename V>
void put_present(A& a, V& v) {
  bool there = v.has_value();
  a.field(there);
  if constexpr (A::kReading) {
    if (there)
      v.emplace();
    else
      v.reset();
  }
  if (there) put(a, *v);
}

template <typename A, typename T>
void put_kept(A& a, Kept<T>& v) {
  bool there = v.has_value();
  a.field(there);
  T value = v ? *v : T{};
  if (there) put(a, value);
  if constexpr (A::kReading) v = there ? Kept<T>(std::move(value)) : Kept<T>();
}

template <typename A>
void put_text(A& a, KeptText& v) {
  std::string text(v.view());
  a.field(text);
  if constexpr (A::kReading) v = std::move(text);
}

template <typename A>
void put_direction(A& a, std::optional<sdp::Direction>& v) {
  bool there = v.has_value();
  a.field(there);
  sdp::Direction d = v.value_or(sdp::Direction::kSendRecv);
  put_enum(a, d, sdp::Direction::kInactive);
  if constexpr (A::kReading) v = there ? std::optional(d) : std::nullopt;
}

template <typename A>
void describe(A& a, IpAddress& x) {
  bool v6 = x.is_v6();
  auto bytes = x.bytes();
  a.field(v6);
  for (auto& b : bytes) a.field(b);
  if constexpr (A::kReading) {
    if (v6) {
      x = IpAddress::v6(bytes);
    } else {
      x = IpAddress::v4((std::uint32_t{bytes[0]} << 24) | (std::uint32_t{bytes[1]} << 16) |
                        (std::uint32_t{bytes[2]} << 8) | bytes[3]);
    }
  }
}
template <typename A>
void describe(A& a, Endpoint& x) {
  put(a, x.address);
  a.field(x.port);
}
template <typename A>
void describe(A& a, Prefix& x) {
  std::string text = x.to_string();
  a.field(text);
  if constexpr (A::kReading) {
    if (auto p = Prefix::parse(text))
      x = *p;
    else
      a.spoil();
  }
}
template <typename A>
void describe(A& a, WallTime& x) {
  a.field(x.micros);
}
template <typename A, typename Tag, typename Rep>
void describe(A& a, StrongId<Tag, Rep>& x) {
  a.field(x.value);
}

// --- sdp ---------------------------------------------------------------------------------------
template <typename A>
void describe(A& a, sdp::Codec& x) {
  put(a, x.pt), a.field(x.name), a.field(x.clock), a.field(x.channels), a.field(x.fmtp);
}
template <typename A>
void describe(A& a, sdp::Image& x) {
  put(a, x.attributes), a.field(x.alone);
}
template <typename A>
void describe(A& a, sdp::MediaWish& x) {
  put(a, x.codecs), put_enum(a, x.direction, sdp::Direction::kInactive), a.field(x.ptime),
      a.field(x.maxptime), put(a, x.image);
}
template <typename A>
void describe(A& a, sdp::Crypto& x) {
  a.field(x.tag), put_enum(a, x.suite, sdp::CryptoSuite::kAeadAes256Gcm), put(a, x.key_salt),
      a.field(x.lifetime), a.field(x.mki), a.field(x.mki_length);
}
template <typename A>
void describe(A& a, sdp::CryptoSuite& x) {
  put_enum(a, x, sdp::CryptoSuite::kAeadAes256Gcm);
}
template <typename A>
void describe(A& a, sdp::Fingerprint& x) {
  a.field(x.hash), put(a, x.octets);
}
template <typename A>
void describe(A& a, sdp::Bandwidth& x) {
  put(a, x.as_kbps), put(a, x.tias), put(a, x.rs), put(a, x.rr);
}
template <typename A>
void describe(A& a, sdp::RemoteMedia& x) {
  put(a, x.rtp), put(a, x.rtcp), a.field(x.rtcp_mux), a.field(x.secure), put(a, x.crypto);
  put(a, x.bandwidth);
}
template <typename A>
void describe(A& a, sdp::Origin& x) {
  a.field(x.username), a.field(x.session_id), a.field(x.version), put(a, x.address);
}
template <typename A>
void describe(A& a, sdp::OfferAnswer& x) {
  put_enum(a, x.state, sdp::OfferState::kStable), a.field(x.agreed),
      put_enum(a, x.offered_in, sdp::Carrier::kUpdateFailure), a.field(x.owed), put(a, x.origin),
      put_text(a, x.last_local), put_text(a, x.last_remote), put_text(a, x.agreed_remote),
      put_text(a, x.agreed_local), a.field(x.remote_offered), a.field(x.agreed_offered);
  if constexpr (A::kReading) {
    x.agreed_remote.share(x.last_remote);
    x.agreed_local.share(x.last_local);
  }
}

// --- media -------------------------------------------------------------------------------------
template <typename A>
void describe(A& a, media::DtlsAgreed& x) {
  a.field(x.client), put(a, x.ours), put(a, x.peers), a.field(x.tls_id), a.field(x.fork),
      put(a, x.suites);
}
template <typename A>
void describe(A& a, ice::Credentials& x) {
  a.field(x.ufrag), a.field(x.pwd);
}
template <typename A>
void describe(A& a, media::IceAgreed& x) {
  put(a, x.peer), a.field(x.lite);
}
template <typename A>
void put_instant(A& a, Instant& x) {
  std::int64_t us = x.time_since_epoch().count();
  a.field(us);
  if constexpr (A::kReading) x = Instant(Micros(us));
}
template <typename A>
void describe(A& a, ice::Agent::Way& x) {
  a.field(x.set);
  if (x.set) put(a, x.remote), put_instant(a, x.checked), a.field(x.priority);
}
template <typename A>
void describe(A& a, ice::Agent::Peer& x) {
  a.field(x.key);
  if (x.key == 0) return;
  put_instant(a, x.checked);
  for (auto& w : x.best) put(a, w);
  for (auto& w : x.nominated) put(a, w);
}
template <typename A>
void describe(A& a, ice::Agent::Address& x) {
  a.field(x.peer);
  if (x.peer == 0) return;
  put(a, x.remote), put_instant(a, x.checked), a.field(x.generation),
      put_enum(a, x.component, ice::Component::kRtcp);
}
template <typename A>
void describe(A& a, ice::Agent::State& x) {
  put(a, x.ours), put(a, x.before), a.field(x.chosen), a.field(x.generation), a.field(x.lite);
  for (auto& p : x.peers) put(a, p);
  for (auto& e : x.addresses) put(a, e);
  for (auto& e : x.defaults) put(a, e);
  for (auto& e : x.before_restart) put(a, e);
}
template <typename A>
void describe(A& a, media::LegMedia& x) {
  put(a, x.remote), a.field(x.rtcp_mux), put(a, x.send_key), put(a, x.receive_key);
  put(a, x.send_codecs), put(a, x.receive_codecs),
      put_enum(a, x.direction, sdp::Direction::kInactive), put(a, x.allowed_sources);
  a.field(x.send_ptime), a.field(x.send_maxptime),
      put_enum(a, x.digits, media::DigitForm::kSignalled);
  put_present(a, x.dtls), put_present(a, x.ice);
  put_enum(a, x.fax, sdp::FaxAs::kIgnore), a.field(x.plain), a.field(x.voip_metrics),
      a.field(x.no_rtcp);
}
template <typename A>
void describe(A& a, rtp::IndexWindow& x) {
  a.field(x.highest), a.field(x.bits[0]), a.field(x.bits[1]), a.field(x.started);
}
template <typename A>
void describe(A& a, rtp::SrtpStreamState& x) {
  a.field(x.ssrc), put(a, x.rtp), put(a, x.rtcp);
}
template <typename A>
void describe(A& a, media::DropCounts& x) {
  a.field(x.source), a.field(x.authentication), a.field(x.replay), a.field(x.malformed);
  a.field(x.not_joined), a.field(x.direction), a.field(x.codec), a.field(x.fork);
  a.field(x.untried);
}
template <typename A>
void describe(A& a, media::OutStream& x) {
  a.field(x.ssrc), a.field(x.input_ssrc), a.field(x.has_input), a.field(x.started);
  a.field(x.seq_offset), a.field(x.ts_offset), a.field(x.highest), a.field(x.floor);
  a.field(x.last_ts), a.field(x.last_ts_us), a.field(x.clock), a.field(x.packets),
      a.field(x.octets);
}
template <typename A>
void describe(A& a, media::InStream& x) {
  a.field(x.ssrc), a.field(x.started), a.field(x.base), a.field(x.highest), a.field(x.received);
  a.field(x.expected_prior), a.field(x.received_prior), a.field(x.lost_before), a.field(x.transit);
  a.field(x.has_transit), a.field(x.jitter_q4), a.field(x.max_jitter_q4), a.field(x.clock);
  a.field(x.last_sr_ntp), a.field(x.last_sr_us);
}
template <typename A>
void describe(A& a, rtp::QualityMonitor& x) {
  auto counts = x.counts();
  std::apply([&](auto&... each) { (a.field(each), ...); }, counts);
  if constexpr (A::kReading)
    if (!x.sane()) a.spoil();
}
template <typename A>
void describe(A& a, media::ImageAgreed& x) {
  put(a, x.remote), a.field(x.alone);
}
template <typename A>
void describe(A& a, media::ImageSnapshot& x) {
  put(a, x.bound), put(a, x.agreed);
}
template <typename A>
void describe(A& a, media::LegSnapshot& x) {
  put(a, x.rtp), a.field(x.rtcp_mux_offered), put(a, x.local_crypto), put(a, x.retired_keys);
  a.field(x.applied), put(a, x.agreed), put(a, x.remote_rtp), put(a, x.remote_rtcp);
  put(a, x.source), put(a, x.rtcp_source), a.field(x.source_ssrc), a.field(x.may_relatch);
  put(a, x.out), put(a, x.in), a.field(x.cname), put(a, x.srtp_out), put(a, x.srtp_in);
  a.field(x.packets_in), a.field(x.bytes_in), a.field(x.packets_out), a.field(x.bytes_out);
  a.field(x.rtcp_in), a.field(x.rtcp_out), put(a, x.first_in_us), put(a, x.last_in_us);
  put(a, x.last_rtcp_in_us), put(a, x.expected_us);
  a.field(x.lost), put(a, x.dropped), put(a, x.quality), a.field(x.one_way), a.field(x.one_way_now);
  put(a, x.ice), put(a, x.image);
}

// --- call --------------------------------------------------------------------------------------
template <typename A>
void describe(A& a, Dialog& x) {
  a.field(x.call_id), a.field(x.local_tag), a.field(x.remote_tag), a.field(x.local_party),
      a.field(x.remote_party);
  a.field(x.remote_target), put(a, x.routes), a.field(x.local_cseq), a.field(x.remote_cseq),
      a.field(x.ours), a.field(x.allow);
}
template <typename A>
void describe(A& a, NextHop& x) {
  put(a, x.remote), put_enum(a, x.transport, Transport::kTls), a.field(x.name), put(a, x.expires);
}
template <typename A>
void describe(A& a, Termination& x) {
  put_enum(a, x.what, TerminationClass::kLast), put_enum(a, x.by, ReleasedBy::kGateway),
      a.field(x.status), a.field(x.q850), a.field(x.text);
}
template <typename A>
void describe(A& a, SessionState& x) {
  a.field(x.interval), a.field(x.least), a.field(x.ours), put(a, x.refreshed), put(a, x.tried);
}
template <typename A>
void describe(A& a, LegState& x) {
  put(a, x.id), a.field(x.ingress), a.field(x.group), a.field(x.peer), a.field(x.listener),
      put_enum(a, x.phase, LegPhase::kEnded), put(a, x.dialog);
  put(a, x.next_hop), a.field(x.number), a.field(x.host), put(a, x.offer_answer),
      put_kept(a, x.heard), put_kept(a, x.told), put_enum(a, x.own, sdp::Direction::kInactive),
      put_direction(a, x.refused);
  put(a, x.attributes), a.field(x.last_refused), put(a, x.signalled), put(a, x.session),
      a.field(x.refers), a.field(x.session_id), a.field(x.internal), a.field(x.for_gateway),
      a.field(x.passed_on), a.field(x.has_media), put(a, x.media);
}
template <typename A>
void describe(A& a, rules::Variable& x) {
  a.field(x.name), a.field(x.value);
}
template <typename A>
void describe(A& a, Transferred& x) {
  a.field(x.by), a.field(x.to), a.field(x.call_id), a.field(x.id);
}
template <typename A>
void describe(A& a, CallState& x) {
  put(a, x.id), put(a, x.bucket), put_enum(a, x.emergency, policy::EmergencyClass::kEmergency),
      a.field(x.emergency_service), a.field(x.calling), a.field(x.called), a.field(x.ingress_group);
  a.field(x.service), a.field(x.account), a.field(x.tenant);
  put(a, x.began), put(a, x.rang), put(a, x.answered), put(a, x.legs), put(a, x.ingress),
      put(a, x.egress);
  a.field(x.progressed), a.field(x.direct), a.field(x.fax), a.field(x.transfers),
      put(a, x.first_ingress), put(a, x.first_egress);
  put(a, x.transferred), put_present(a, x.termination), put(a, x.variables);
  if constexpr (A::kReading)
    if (*x.transferred == Transferred{}) x.transferred.reset();
}

// What a box holds, present or not, is written as the value that it would be.
template <typename T>
void describe(Writer& a, Boxed<T>& x) {
  T value = x ? *x : T{};
  put(a, value);
}
template <typename T>
void describe(Reader& a, Boxed<T>& x) {
  put(a, x.emplace());
}

template <typename T>
struct IsVector : std::false_type {};
template <typename T>
struct IsVector<std::vector<T>> : std::true_type {};
template <typename T>
struct IsOptional : std::false_type {};
template <typename T>
struct IsOptional<std::optional<T>> : std::true_type {};

template <typename A, typename T>
void put(A& a, T& v) {
  if constexpr (IsVector<T>::value)
    put_list(a, v);
  else if constexpr (IsOptional<T>::value)
    put_present(a, v);
  else if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T> || std::is_same_v<T, std::string>)
    a.field(v);
  else
    describe(a, v);
}

}  // namespace

std::string serialise(const CallState& state) {
  Writer w;
  w.field(kMagic);
  w.field(kStateVersion);
  CallState copy = state;
  describe(w, copy);
  return w.take();
}

Result<CallState> deserialise(std::string_view bytes) {
  Reader r(bytes);
  std::uint32_t magic = 0;
  std::uint16_t version = 0;
  r.field(magic);
  r.field(version);
  if (!r.ok() || magic != kMagic) return fail(ErrorCode::kMalformed, "not a written call");
  if (version != kStateVersion)
    return fail(ErrorCode::kUnsupported, "call state of version " + std::to_string(version) +
                                             ", this program reads " +
                                             std::to_string(kStateVersion));
  CallState s;
  describe(r, s);
  if (!r.ok() || r.left() != 0)
    return fail(ErrorCode::kMalformed, "call state is cut short or has bytes left over");
  return s;
}

}  // namespace causeway::call
