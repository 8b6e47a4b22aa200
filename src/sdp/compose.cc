#include "sdp/compose.h"

#include <algorithm>

#include "sdp/crypto_line.h"
#include "sdp/dtls.h"
#include "sdp/ice.h"
#include "sdp/image.h"
#include "sdp/text.h"

namespace causeway::sdp {
namespace {

// TDR-93: a peer that knows only "inactive" gets it for every form of hold.
Direction in_dialect(Direction d, const Dialect& dialect) {
  if (dialect.hold == HoldForm::kInactiveOnly && d != Direction::kSendRecv)
    return Direction::kInactive;
  return d;
}

std::string_view word(Direction d) {
  switch (d) {
    case Direction::kSendRecv: return "sendrecv";
    case Direction::kSendOnly: return "sendonly";
    case Direction::kRecvOnly: return "recvonly";
    case Direction::kInactive: return "inactive";
  }
  return "";
}

class Writer {
 public:
  Writer() { out_.reserve(1024); }
  Writer& operator<<(std::string_view s) {
    out_ += s;
    return *this;
  }
  Writer& operator<<(std::uint64_t n) {
    char digits[20];
    const auto end = std::to_chars(digits, digits + sizeof digits, n).ptr;
    out_.append(digits, end);
    return *this;
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

constexpr std::string_view kEnd = "\r\n";

void session_part(Writer& w, const Origin& o, const LocalMedia& local, const Dialect& dialect,
                  bool ice) {
  w << "v=0\r\no=" << o.username << " " << o.session_id << " " << o.version << " IN "
    << (o.address.is_v6() ? "IP6 " : "IP4 ") << o.address.to_string() << kEnd;
  w << "s=" << (dialect.session_name.empty() ? "-" : std::string_view(dialect.session_name))
    << kEnd;
  w << "c=IN " << (local.rtp.address.is_v6() ? "IP6 " : "IP4 ") << local.rtp.address.to_string()
    << kEnd;
  w << "t=0 0\r\n";
  if (ice) w << "a=ice-lite\r\n";
}

void audio_part(Writer& w, std::string_view proto, const LocalMedia& local, bool mux,
                const MediaWish& wish, const std::vector<Crypto>& crypto,
                std::optional<DtlsSetup> setup, const Dialect& dialect,
                const std::vector<std::string>& attributes, bool ice, bool mismatch = false) {
  w << "m=audio " << local.rtp.port << " " << proto;
  for (const Codec& c : wish.codecs) w << " " << std::uint64_t{c.pt.value};
  w << kEnd;
  if (dialect.bandwidth != 0) w << "b=AS:" << std::uint64_t{dialect.bandwidth} << kEnd;
  for (const Crypto& c : crypto) w << "a=crypto:" << write_crypto(c) << kEnd;
  if (setup && local.dtls) w << dtls_lines(*local.dtls, *setup);
  for (const Codec& c : wish.codecs) {
    w << "a=rtpmap:" << std::uint64_t{c.pt.value} << " " << c.name << "/" << c.clock;
    if (c.channels > 1) w << "/" << std::uint64_t{c.channels};
    w << kEnd;
    if (!c.fmtp.empty()) w << "a=fmtp:" << std::uint64_t{c.pt.value} << " " << c.fmtp << kEnd;
  }
  const std::uint16_t ptime = dialect.ptime != 0 ? dialect.ptime : wish.ptime;
  if (ptime != 0) w << "a=ptime:" << std::uint64_t{ptime} << kEnd;
  if (wish.maxptime != 0) w << "a=maxptime:" << std::uint64_t{wish.maxptime} << kEnd;
  if (local.rtcp_port != 0 && local.rtcp_port != local.rtp.port + 1)
    w << "a=rtcp:" << std::uint64_t{local.rtcp_port} << kEnd;
  if (mux) w << "a=rtcp-mux\r\n";
  if (ice) w << ice_lines(local, mux);
  if (mismatch) w << "a=ice-mismatch\r\n";  // RFC 8839 4.2.5
  w << "a=" << word(in_dialect(wish.direction, dialect)) << kEnd;
  for (const std::string& a : attributes) {
    const auto name = std::string_view(a).substr(0, a.find(':'));
    if (std::find(dialect.attributes.begin(), dialect.attributes.end(), name) !=
        dialect.attributes.end())
      w << "a=" << a << kEnd;
  }
}

// "video 5000/2 RTP/AVP 31" with port 0 (RFC 3264 6: the formats stay).
void declined_part(Writer& w, std::string_view line) {
  const auto media = text::next_word(line);
  (void)text::next_word(line);
  w << "m=" << media << " 0 " << text::trimmed(line) << kEnd;
}

// Where among the m= lines of an offer its streams stand; kNowhere: it has no such stream.
struct Slots {
  std::size_t audio, image, count;
};
constexpr auto kNowhere = std::string_view::npos;

// The first line of that media that is not declined, else the first.
std::size_t slot_of(std::string_view media, const std::vector<std::string_view>& lines) {
  std::size_t found = kNowhere;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::string_view line = lines[i];
    if (!text::same_word(text::next_word(line), media)) continue;
    if (text::next_word(line) != "0") return i;
    if (found == kNowhere) found = i;
  }
  return found;
}

// Each stays where it was. One that comes alone takes the place of the other where it had none.
Slots slots_for(const MediaWish& wish, bool image, const std::vector<std::string_view>& before) {
  const bool alone = wish.image_alone();
  std::size_t audio_at = slot_of("audio", before), image_at = slot_of("image", before);
  std::size_t count = before.size();
  if (alone && image_at == kNowhere) image_at = audio_at;
  if (!image && audio_at == kNowhere) audio_at = image_at;
  if (!alone && audio_at == kNowhere) audio_at = count++;
  if (image && image_at == kNowhere) image_at = count++;
  return {alone ? kNowhere : audio_at, image ? image_at : kNowhere, count};
}

bool is_audio_codec(const Codec& c) { return !is_telephone_event(c) && !is_comfort_noise(c); }

}  // namespace

MediaWish filter(const MediaWish& wish, const Dialect& dialect) {
  MediaWish out = wish;
  out.codecs.clear();
  if (dialect.codecs.empty()) {
    for (const Codec& c : wish.codecs)
      if (!is_telephone_event(c)) out.codecs.push_back(c);
  }
  for (const std::string& name : dialect.codecs)
    for (const Codec& c : wish.codecs)
      if (!is_telephone_event(c) && text::same_word(c.name, name)) out.codecs.push_back(c);
  const std::size_t others = out.codecs.size();
  for (const Codec& c : wish.codecs) {
    if (!is_telephone_event(c)) continue;
    for (std::size_t i = 0; i < others; ++i)
      if (out.codecs[i].clock == c.clock && is_audio_codec(out.codecs[i])) {
        out.codecs.push_back(c);
        break;
      }
  }
  return out;
}

Result<MediaWish> answer_wish(const MediaWish& offered, const MediaWish& answered,
                              HoldForm far_hold) {
  MediaWish out;
  std::vector<bool> taken(offered.codecs.size(), false);
  bool audio = false;
  for (const Codec& a : answered.codecs) {
    std::size_t best = offered.codecs.size();
    for (std::size_t i = 0; i < offered.codecs.size(); ++i) {
      if (taken[i] || !same_codec(offered.codecs[i], a)) continue;
      // Two entries of one codec differ by their parameters; the number tells which was meant.
      if (best == offered.codecs.size() || offered.codecs[i].pt == a.pt) best = i;
    }
    if (best == offered.codecs.size()) continue;
    taken[best] = true;
    Codec c = offered.codecs[best];
    c.fmtp = a.fmtp;
    audio = audio || is_audio_codec(c);
    out.codecs.push_back(std::move(c));
  }
  if (!audio)
    return fail(ErrorCode::kNotAcceptable, "the answer holds no audio codec of the offer");
  out.ptime = answered.ptime;
  out.maxptime = answered.maxptime;
  const bool one_way =
      offered.direction == Direction::kSendOnly || offered.direction == Direction::kRecvOnly;
  if (far_hold == HoldForm::kInactiveOnly && one_way && answered.direction == Direction::kInactive)
    out.direction = reversed(offered.direction);
  else
    out.direction = answer_direction(offered.direction, answered.direction);
  return out;
}

std::string write_offer(const Origin& origin, const LocalMedia& local, const MediaWish& wish,
                        const Dialect& dialect, const std::vector<std::string>& attributes,
                        const std::vector<std::string_view>& before) {
  Writer w;
  const bool ice = dialect.ice_lite && local.ice;
  session_part(w, origin, local, dialect, ice);
  const bool sdes = dialect.security == Security::kSdes, dtls = dialect.security == Security::kDtls;
  const Slots slots = slots_for(wish, wish.image && local.image, before);
  for (std::size_t i = 0; i < slots.count; ++i) {
    if (i == slots.audio)
      audio_part(w, dtls ? "UDP/TLS/RTP/SAVP" : (sdes ? "RTP/SAVP" : "RTP/AVP"), local,
                 local.rtcp_mux, wish, sdes ? local.crypto : std::vector<Crypto>{},
                 dtls ? std::optional(DtlsSetup::kActpass) : std::nullopt, dialect, attributes,
                 ice);
    else if (i == slots.image)
      w << image_lines(*wish.image, local.image->port);
    else
      declined_part(w, before[i]);
  }
  return w.take();
}

Result<std::string> write_answer(const Origin& origin, const RemoteOffer& theirs,
                                 const LocalMedia& local, const MediaWish& chosen,
                                 const Dialect& dialect,
                                 const std::vector<std::string>& attributes) {
  const bool alone = chosen.image_alone();
  if (chosen.codecs.empty() && !alone) return fail(ErrorCode::kNotAcceptable, "no codec in common");
  if (theirs.audio_index >= theirs.media_lines.size() && !alone)
    return fail(ErrorCode::kInternal, "the offer to be answered has no audio line");
  std::vector<Crypto> crypto;
  if (theirs.media.secure != is_srtp(dialect.security) && !theirs.wish.image_alone())
    return fail(ErrorCode::kNotAcceptable,
                theirs.media.secure
                    ? "SRTP offered where this peer group has RTP"
                    : "SrtpEncryptionRequired: RTP offered where this peer group has SRTP");
  std::optional<DtlsSetup> setup;
  if (dialect.security == Security::kDtls && !theirs.declined && !alone) {
    auto ours = answer_setup(theirs.media, local.dtls);
    if (!ours) return tl::unexpected(ours.error());
    setup = *ours;
  }
  if (dialect.security == Security::kSdes && !theirs.declined && !alone) {
    auto line = choose_crypto(theirs.media.crypto, dialect);
    if (!line) return tl::unexpected(line.error());
    auto ours = answer_crypto(local.crypto, *line);
    if (!ours) return tl::unexpected(ours.error());
    crypto.push_back(std::move(*ours));
  }
  MediaWish wish = chosen;
  wish.direction = answer_direction(theirs.wish.direction, chosen.direction);
  Writer w;
  const bool ice = dialect.ice_lite && local.ice && theirs.media.ice && !theirs.declined;
  session_part(w, origin, local, dialect, ice);
  for (std::size_t i = 0; i < theirs.media_lines.size(); ++i) {
    if (chosen.image && local.image && theirs.image_index == i)
      w << image_lines(*chosen.image, local.image->port);
    else if (i != theirs.audio_index || theirs.declined || alone)
      declined_part(w, theirs.media_lines[i]);
    else
      audio_part(w, theirs.proto, local, local.rtcp_mux && theirs.media.rtcp_mux, wish, crypto,
                 setup, dialect, attributes, ice, theirs.media.ice_mismatch);
  }
  return w.take();
}

}  // namespace causeway::sdp
