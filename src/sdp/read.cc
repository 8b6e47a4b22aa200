#include "sdp/read.h"

#include <algorithm>
#include <array>
#include <utility>

#include "sdp/crypto_line.h"
#include "sdp/dtls.h"
#include "sdp/text.h"

namespace causeway::sdp {
namespace {

using text::same_word;

tl::unexpected<Error> at_line(const SessionDescription& d, const Line& l, ErrorCode code,
                              std::string_view what) {
  return fail(code, "SDP line " + std::to_string(d.line_number(l)) + ": " + std::string(what));
}

bool is_plain(std::string_view proto) { return proto == "RTP/AVP" || proto == "RTP/AVPF"; }
constexpr std::string_view kOverTls = "UDP/TLS/";
// With DTLS in its name also when the peer would take a=crypto as well (MBP-09): what counts is
// what the dialect needs, and that is looked for by who answers.
bool is_secure(std::string_view proto) {
  if (proto.starts_with(kOverTls)) proto.remove_prefix(kOverTls.size());
  return proto == "RTP/SAVP" || proto == "RTP/SAVPF";
}

// RFC 3551 table 4: what needs no rtpmap.
struct StaticType {
  std::uint8_t pt;
  const char* name;
  std::uint32_t clock;
};
constexpr std::array<StaticType, 7> kStaticTypes{{{0, "PCMU", 8000},
                                                  {3, "GSM", 8000},
                                                  {4, "G723", 8000},
                                                  {8, "PCMA", 8000},
                                                  {9, "G722", 8000},
                                                  {13, "CN", 8000},
                                                  {18, "G729", 8000}}};

const MediaSection* choose_line(const SessionDescription& d, std::optional<Security> prefer) {
  const MediaSection* best = nullptr;
  int best_rank = 0;
  for (const MediaSection& m : d.media()) {
    if (!same_word(m.media(d), "audio")) continue;
    const auto proto = m.proto(d);
    if (!is_plain(proto) && !is_secure(proto)) continue;
    int rank = 1;
    if (m.port != 0) rank += 2;
    if (prefer && is_srtp(*prefer) == is_secure(proto)) rank += 1;
    if (rank > best_rank) {
      best = &m;
      best_rank = rank;
    }
  }
  return best;
}

// "IN IP4 192.0.2.1", "IN IP6 2001:db8::1"; a multicast suffix "/ttl" is refused with the address.
Result<IpAddress> read_connection(const SessionDescription& d, const Line& l) {
  std::string_view v = d.value(l);
  const auto net = text::next_word(v);
  const auto family = text::next_word(v);
  const auto address = text::next_word(v);
  if (net != "IN" || (family != "IP4" && family != "IP6"))
    return at_line(d, l, ErrorCode::kMalformed,
                   "expected c=IN IP4|IP6 ADDRESS, found " + text::excerpt(d.value(l)));
  auto parsed = IpAddress::parse(address);
  if (!parsed || parsed->is_v6() != (family == "IP6"))
    return at_line(d, l, ErrorCode::kNotAcceptable,
                   "the media address is no unicast " + std::string(family) +
                       " literal: " + text::excerpt(address));
  return *parsed;
}

// What rtpmap and fmtp say of one payload type, as views: most types of an offer are never used.
// Without default values: there is room for many.
struct Described {
  const char *name, *fmtp;
  std::uint32_t name_size, fmtp_size;  // 0: no rtpmap, no fmtp
  std::uint32_t clock;
  std::uint8_t channels;
};

// By payload type, in order of first mention; without an allocation.
class PayloadTypes {
 public:
  // Its own constructor, lest the room be cleared for every offer.
  PayloadTypes() {}  // NOLINT(modernize-use-equals-default)
  // nullptr: no room.
  Described* at(unsigned pt) {
    if (index_[pt] != 0) return &all_[index_[pt] - 1U];
    if (size_ == all_.size()) return nullptr;
    Described& d = all_[size_++];
    d.name_size = d.fmtp_size = 0;
    index_[pt] = static_cast<std::uint8_t>(size_);
    return &d;
  }
  [[nodiscard]] const Described* find(unsigned pt) const {
    return index_[pt] == 0 ? nullptr : &all_[index_[pt] - 1U];
  }
  // The first one of a type counts.
  void map(unsigned pt, std::string_view name, std::uint32_t clock, std::uint8_t channels) {
    Described* d = at(pt);
    if (!d || d->name_size != 0) return;
    d->name = name.data();
    d->name_size = static_cast<std::uint32_t>(name.size());
    d->clock = clock;
    d->channels = channels;
  }
  void describe(unsigned pt, std::string_view fmtp) {
    Described* d = at(pt);
    if (!d || d->fmtp_size != 0) return;
    d->fmtp = fmtp.data();
    d->fmtp_size = static_cast<std::uint32_t>(fmtp.size());
  }

 private:
  std::array<std::uint8_t, 128> index_{};  // 0: not mentioned
  std::array<Described, kMaxCodecs> all_;
  std::size_t size_ = 0;
};

// "8 PCMA/8000", as nearly all of them are written. False: something else, and not yet wrong.
bool plain_rtpmap(std::string_view value, PayloadTypes& types) {
  const char* p = value.data();
  const char* const end = p + value.size();
  const auto digits = [&](unsigned& n) {  // at most nine, which cannot overflow
    const char* const from = p;
    const char* const stop = end - p < 9 ? end : p + 9;
    n = 0;
    for (; p != stop; ++p) {
      const unsigned digit = static_cast<unsigned char>(*p) - unsigned{'0'};
      if (digit > 9) break;
      n = n * 10 + digit;
    }
    return p != from;
  };
  const auto take = [&](char c) {
    if (p == end || *p != c) return false;
    ++p;
    return true;
  };
  unsigned pt = 0, clock = 0, channels = 1;
  if (!digits(pt) || pt > 127 || !take(' ')) return false;
  const char* const name = p;
  if (p == end || *p == ' ') return false;
  while (p != end && *p != '/') ++p;
  const char* const name_end = p;
  if (name_end == name || !take('/') || !digits(clock) || clock == 0) return false;
  if (p != end && (!take('/') || !digits(channels) || channels == 0 || channels > 255))
    return false;
  if (p != end) return false;
  types.map(pt, {name, static_cast<std::size_t>(name_end - name)}, clock,
            static_cast<std::uint8_t>(channels));
  return true;
}

// "101 0-16".
bool plain_fmtp(std::string_view value, PayloadTypes& types) {
  const char* p = value.data();
  const char* const end = p + value.size();
  unsigned pt = 0;
  for (; p != end && *p != ' ' && pt < 128; ++p) {
    const unsigned digit = static_cast<unsigned char>(*p) - unsigned{'0'};
    pt = digit > 9 ? 128 : pt * 10 + digit;
  }
  if (p == value.data() || p == end || pt > 127) return false;
  types.describe(pt, text::trimmed({p, static_cast<std::size_t>(end - p)}));
  return true;
}

struct Reader {
  Reader(const SessionDescription& of, RemoteOffer& to) : d(of), out(to) {}
  const SessionDescription& d;
  RemoteOffer& out;
  bool direction_given = false;
  PayloadTypes types;
  std::optional<Endpoint> rtcp;
  bool fingerprint_at_media = false;  // those of the session do not count then (RFC 8122 5)

  Status attribute(const Line& l, bool session);
  Status media_attribute(const Line& l, std::string_view name, std::string_view value, bool& used);
  Status rtpmap(const Line& l, std::string_view value);
  Status rtcp_port(const Line& l, std::string_view value);
  Status crypto(const Line& l, std::string_view value);
  void dtls(std::string_view name, std::string_view value, bool session);
  void bandwidth(std::string_view value);
  void leave_what_fits();
  Status codecs(const MediaSection& m);
};

std::optional<Direction> direction_of(std::string_view name) {
  if (name == "sendrecv") return Direction::kSendRecv;
  if (name == "sendonly") return Direction::kSendOnly;
  if (name == "recvonly") return Direction::kRecvOnly;
  if (name == "inactive") return Direction::kInactive;
  return std::nullopt;
}

// Says where packets go or who speaks there: true of the peer's leg alone, so it never crosses.
bool describes_transport(std::string_view name) {
  switch (name.empty() ? '\0' : name.front()) {
    case 'c': return name == "candidate" || name == "connection";
    case 'e': return name == "end-of-candidates";
    case 'f': return name == "fingerprint";
    case 'g': return name == "group";
    case 'i': return name.substr(0, 4) == "ice-";
    case 'm': return name == "mid" || name == "msid";
    case 'r': return name == "remote-candidates" || name == "rtcp-rsize";
    case 's': return name == "setup" || name == "ssrc" || name == "ssrc-group";
    case 't': return name == "tls-id";
    case 'x': return name.substr(0, 11) == "x-candidate";
    default: return false;
  }
}

Status Reader::rtpmap(const Line& l, std::string_view value) {
  const auto bad = [&] {
    return at_line(d, l, ErrorCode::kMalformed,
                   "expected a=rtpmap:PT NAME/CLOCK[/CHANNELS], found " + text::excerpt(value));
  };
  std::string_view rest = value;
  unsigned pt = 0;
  if (!text::number(text::next_word(rest), pt) || pt > 127) return bad();
  const auto encoding = text::trimmed(rest);
  const auto slash = encoding.find('/');
  if (slash == std::string_view::npos || slash == 0) return bad();
  auto clock = encoding.substr(slash + 1);
  std::uint32_t rate = 0;
  std::uint8_t channels = 1;
  if (const auto second = clock.find('/'); second != std::string_view::npos) {
    if (!text::number(clock.substr(second + 1), channels) || channels == 0) return bad();
    clock = clock.substr(0, second);
  }
  if (!text::number(clock, rate) || rate == 0) return bad();
  types.map(pt, encoding.substr(0, slash), rate, channels);
  return {};
}

Status Reader::rtcp_port(const Line& l, std::string_view value) {
  std::string_view rest = value;
  Endpoint e;
  if (!text::number(text::next_word(rest), e.port))
    return at_line(d, l, ErrorCode::kMalformed,
                   "expected a=rtcp:PORT, found " + text::excerpt(value));
  e.address = out.media.rtp.address;
  if (!text::trimmed(rest).empty()) {
    (void)text::next_word(rest);  // IN
    (void)text::next_word(rest);  // IP4
    auto a = IpAddress::parse(text::next_word(rest));
    if (!a) return at_line(d, l, ErrorCode::kMalformed, "a=rtcp with an address that is none");
    e.address = *a;
  }
  rtcp = e;
  return {};
}

// "AS:80". What is no number says nothing; other modifiers are not ours (RFC 4566 5.8).
void Reader::bandwidth(std::string_view value) {
  const auto colon = value.find(':');
  std::uint32_t n = 0;
  if (colon == std::string_view::npos || !text::number(text::trimmed(value.substr(colon + 1)), n))
    return;
  Bandwidth& b = out.media.bandwidth;
  const auto name = text::trimmed(value.substr(0, colon));
  if (name == "AS") b.as_kbps = n;
  if (name == "TIAS") b.tias = n;
  if (name == "RS") b.rs = n;
  if (name == "RR") b.rr = n;
}

// What takes more than the side allows is not its wish, where anything else is left. Codecs of one
// rate alone are judged, without headers: many count none in b=AS either.
void Reader::leave_what_fits() {
  const Bandwidth& b = out.media.bandwidth;
  const std::uint64_t most =
      b.tias && *b.tias != 0 ? *b.tias : std::uint64_t{b.as_kbps.value_or(0)} * 1'000;
  if (most == 0) return;
  const auto too_much = [&](const Codec& c) {
    if (same_word(c.name, "L16")) return std::uint64_t{c.clock} * 16 * c.channels > most;
    const bool full =
        same_word(c.name, "PCMU") || same_word(c.name, "PCMA") || same_word(c.name, "G722");
    return full && most < 64'000;
  };
  auto& codecs = out.wish.codecs;
  if (std::any_of(codecs.begin(), codecs.end(), [&](const Codec& c) {
        return !is_telephone_event(c) && !is_comfort_noise(c) && !too_much(c);
      }))
    std::erase_if(codecs, too_much);
}

Status Reader::crypto(const Line& l, std::string_view value) {
  auto c = read_crypto(value);
  if (!c) return at_line(d, l, c.error().code, c.error().what);
  if (!*c || out.media.crypto.size() == kMaxCryptoLines) return {};
  for (const Crypto& have : out.media.crypto)
    if (have.tag == (*c)->tag)
      return at_line(d, l, ErrorCode::kMalformed, "two a=crypto lines with one tag");
  out.media.crypto.push_back(std::move(**c));
  return {};
}

// Never an error: to a peer without DTLS it says nothing, and one that needs it is told what is
// missing.
void Reader::dtls(std::string_view name, std::string_view value, bool session) {
  auto& found = out.media.dtls;
  if (!found) found.emplace();
  if (name == "setup") {
    if (const auto setup = read_setup(value)) found->setup = setup;
  } else if (name == "tls-id") {
    if (value.size() <= 255) found->tls_id = value;  // RFC 8842 4
  } else if (auto f = read_fingerprint(value)) {
    if (!session && !std::exchange(fingerprint_at_media, true)) found->fingerprints.clear();
    if (found->fingerprints.size() < kMaxFingerprints) found->fingerprints.push_back(std::move(*f));
  }
}

Status Reader::media_attribute(const Line& l, std::string_view name, std::string_view value,
                               bool& used) {
  used = true;
  if (name == "rtpmap") return rtpmap(l, value);
  if (name == "fmtp") {
    std::string_view rest = value;
    unsigned pt = 0;
    if (!text::number(text::next_word(rest), pt) || pt > 127)
      return at_line(d, l, ErrorCode::kMalformed,
                     "expected a=fmtp:PT PARAMETERS, found " + text::excerpt(value));
    types.describe(pt, text::trimmed(rest));
    return {};
  }
  if (name == "rtcp") return rtcp_port(l, value);
  if (name == "rtcp-mux") {
    out.media.rtcp_mux = true;
    return {};
  }
  if (name == "ptime" || name == "maxptime") {
    // "20", and "20.0" as some write it. What is no number says nothing.
    std::uint16_t ms = 0;
    if (text::number(value.substr(0, value.find('.')), ms))
      (name == "ptime" ? out.wish.ptime : out.wish.maxptime) = ms;
    return {};
  }
  used = false;
  return {};
}

Status Reader::attribute(const Line& l, bool session) {
  const auto whole = d.value(l);
  const auto colon = std::min(whole.find(':'), whole.size());
  const auto name = text::trimmed(whole.substr(0, colon));
  const auto value = text::trimmed(whole.substr(std::min(colon + 1, whole.size())));
  if (name == "crypto") return crypto(l, value);  // at either level
  // The bulk of an offer: what is neither read nor kept.
  if (describes_transport(name)) {
    if (name == "fingerprint" || name == "setup" || name == "tls-id") dtls(name, value, session);
    return {};
  }
  if (const auto direction = direction_of(name)) {
    if (!session || !direction_given) out.wish.direction = *direction;
    direction_given = true;
    return {};
  }
  bool used = false;
  // At session level the names of the media level mean nothing (RFC 8866 6); only what may stand
  // there is looked at.
  if (!session || name == "ptime" || name == "maxptime")
    if (auto s = media_attribute(l, name, value, used); !s) return s;
  if (!used && out.attributes.size() < kMaxExtraAttributes) {
    if (out.attributes.empty()) out.attributes.reserve(4);  // rarely more
    out.attributes.emplace_back(whole);
  }
  return {};
}

Status Reader::codecs(const MediaSection& m) {
  const auto formats = m.formats(d);
  const char* p = formats.data();
  const char* const end = p + formats.size();
  std::array<bool, 128> seen{};
  out.wish.codecs.reserve(16);
  for (;;) {
    while (p != end && *p == ' ') ++p;
    if (p == end) break;
    const char* const word = p;
    unsigned pt = 0;
    for (; p != end && *p != ' ' && pt < 128; ++p) {
      const unsigned digit = static_cast<unsigned char>(*p) - unsigned{'0'};
      pt = digit > 9 ? 128 : pt * 10 + digit;
    }
    if (pt > 127) {
      std::string_view rest(word, static_cast<std::size_t>(end - word));
      return at_line(
          d, d.lines()[m.first], ErrorCode::kMalformed,
          "a payload type is no number below 128: " + text::excerpt(text::next_word(rest)));
    }
    if (out.wish.codecs.size() == kMaxCodecs) break;
    if (std::exchange(seen[pt], true)) continue;
    const Described* said = types.find(pt);
    std::string_view name;
    std::uint32_t clock = 0;
    std::uint8_t channels = 1;
    if (said && said->name_size != 0) {
      name = {said->name, said->name_size};
      clock = said->clock;
      channels = said->channels;
    } else {
      const auto known = std::find_if(kStaticTypes.begin(), kStaticTypes.end(),
                                      [&](const StaticType& t) { return t.pt == pt; });
      if (known == kStaticTypes.end()) continue;  // a dynamic type that nobody explains
      name = known->name;
      clock = known->clock;
    }
    Codec& c = out.wish.codecs.emplace_back();
    c.pt = PayloadType(static_cast<std::uint8_t>(pt));
    c.name.append(name.data(), name.size());
    c.clock = clock;
    c.channels = channels;
    if (said && said->fmtp_size != 0) c.fmtp.append(said->fmtp, said->fmtp_size);
  }
  return {};
}

}  // namespace

static Status read_into(const SessionDescription& d, std::optional<Security> prefer,
                        RemoteOffer& out) {
  const MediaSection* m = choose_line(d, prefer);
  if (!m)
    return fail(ErrorCode::kNotAcceptable, "no audio line over RTP/AVP or RTP/SAVP in the SDP");
  Reader r(d, out);
  out.media_lines.reserve(d.media().size());
  for (const MediaSection& each : d.media())
    out.media_lines.emplace_back(d.value(d.lines()[each.first]));
  out.audio_index = static_cast<std::size_t>(m - d.media().data());
  out.proto.append(m->proto(d));
  out.media.secure = is_secure(out.proto);
  out.declined = m->port == 0;
  const OriginLine origin = d.origin();
  out.origin_user.append(origin.username);
  out.session_id = origin.session_id;
  out.version = origin.version;

  // The address first: a=rtcp without one means the same host.
  const Line* connection = nullptr;
  for (const Line& l : d.session_lines())
    if (l.type == 'c') connection = &l;
  for (const Line& l : d.lines_of(*m))
    if (l.type == 'c') {
      connection = &l;
      break;
    }
  if (connection) {
    auto address = read_connection(d, *connection);
    if (!address) return tl::unexpected(address.error());
    out.media.rtp = Endpoint{*address, m->port};
  } else if (!out.declined) {
    return at_line(d, d.lines()[m->first], ErrorCode::kMalformed, "audio without a c= line");
  }
  for (const Line& l : d.session_lines()) {
    if (l.type == 'b') r.bandwidth(d.value(l));
    if (l.type != 'a') continue;
    if (auto s = r.attribute(l, true); !s) return tl::unexpected(s.error());
  }
  for (const Line& l : d.lines_of(*m)) {
    if (l.type != 'a') {
      if (l.type == 'b') r.bandwidth(d.value(l));
      continue;
    }
    // Most lines by far are of these kinds, written so.
    const std::string_view v = d.value(l);
    switch (v.empty() ? '\0' : v.front()) {
      case 'c':
        if (v.starts_with("candidate:")) continue;
        break;
      case 'i':
        if (v.starts_with("ice-")) continue;
        break;
      case 'r':
        if (v.starts_with("rtpmap:") && plain_rtpmap(v.substr(7), r.types)) continue;
        if (v != "rtcp-mux") break;
        r.out.media.rtcp_mux = true;
        continue;
      case 'm':
        if (v.starts_with("mid:")) continue;
        break;
      case 's':
        if (v != "sendrecv") break;
        r.out.wish.direction = Direction::kSendRecv;
        r.direction_given = true;
        continue;
      case 'f':
        if (v.starts_with("fmtp:") && plain_fmtp(v.substr(5), r.types)) continue;
        break;
      default: break;
    }
    if (auto s = r.attribute(l, false); !s) return tl::unexpected(s.error());
  }
  if (auto s = r.codecs(*m); !s) return tl::unexpected(s.error());
  r.leave_what_fits();
  if (!out.media.secure)
    out.media.crypto.clear();  // "best effort" lines under RTP/AVP: not ours to take
  if (out.media.dtls && (out.media.dtls->fingerprints.empty() || !out.proto.starts_with(kOverTls)))
    out.media.dtls.reset();
  const auto next = static_cast<std::uint16_t>(m->port == 65'535 || m->port == 0 ? 0 : m->port + 1);
  out.media.rtcp = r.rtcp.value_or(Endpoint{out.media.rtp.address, next});
  if (!out.declined && out.media.rtp.address.is_unspecified())
    out.wish.direction = make_direction(sends(out.wish.direction), false);
  return {};
}

// Made where it is wanted: it is large.
Result<RemoteOffer> read_audio(const SessionDescription& d, std::optional<Security> prefer) {
  Result<RemoteOffer> result;
  if (auto ok = read_into(d, prefer, *result); !ok) result = tl::unexpected(std::move(ok).error());
  return result;
}

Result<RemoteOffer> read_audio(std::string_view input, std::optional<Security> prefer) {
  const auto d = parse_borrowed(input);  // what comes of it keeps no view
  if (!d) return tl::unexpected(d.error());
  return read_audio(*d, prefer);
}

}  // namespace causeway::sdp
