#include "sdp/offer_answer.h"

#include "sdp/dtls.h"
#include "sdp/ice.h"
#include "sdp/image.h"

namespace causeway::sdp {
namespace {

// The text without its o= line, in two parts.
struct Rest {
  std::string_view before, after;
  friend bool operator==(const Rest&, const Rest&) = default;
};
Rest without_origin(std::string_view t) {
  const auto o = t.find("\no=");
  if (o == std::string_view::npos) return {t, {}};
  const auto end = t.find('\n', o + 1);
  return {t.substr(0, o), end == std::string_view::npos ? std::string_view{} : t.substr(end)};
}

tl::unexpected<Error> outstanding(const OfferAnswer& s) {
  return fail(ErrorCode::kConflict, s.state == OfferState::kLocalOffer
                                        ? "an offer of ours waits for its answer"
                                        : "an offer of the peer waits for our answer");
}

// `write(origin)` composes with the version it is given; a version is spent only on a change.
template <typename Write>
Result<std::string> with_version(OfferAnswer& s, const Write& write) {
  Origin o = s.origin;
  if (!s.last_local.empty()) {
    Result<std::string> same = write(o);
    if (!same || *same == s.last_local.view()) return same;
  }
  o.version += 1;
  Result<std::string> text = write(o);
  if (!text) return text;
  s.origin = o;
  s.last_local = *text;
  return text;
}

// With what is read only for peers whose dialect has it.
Result<RemoteOffer> read(std::string_view body, const Dialect& dialect, bool image_alone) {
  const auto d = parse_borrowed(body);  // what comes of it keeps no view
  if (!d) return tl::unexpected(d.error());
  auto read = read_audio(*d, dialect.security);
  if (dialect.image == ImageAs::kPass) add_image(*d, image_alone, read);
  if (!read || !dialect.ice_lite || read->declined) return read;
  RemoteMedia& m = read->media;
  m.ice = read_ice(*d, read->audio_index);
  // On hold there may be no address to compare.
  if (!m.ice || m.rtp.address.is_unspecified() || default_is_candidate(*m.ice, m.rtp)) return read;
  m.ice.reset();
  m.ice_mismatch = true;
  return read;
}

Result<Received> take(OfferAnswer& s, std::string_view body, const Dialect& dialect, bool offer) {
  auto read = sdp::read(body, dialect, s.agreed);  // a call does not begin with a fax alone
  if (!read) return tl::unexpected(read.error());
  Received r{std::move(*read),
             !s.last_remote.empty() && without_origin(s.last_remote) == without_origin(body)};
  s.last_remote = std::string(body);
  s.remote_offered = offer;
  return r;
}

void agree(OfferAnswer& s) {
  s.state = OfferState::kStable;
  s.agreed = true;
  s.agreed_remote = s.last_remote;
  s.agreed_local = s.last_local;
  s.agreed_offered = s.remote_offered;
}

std::size_t media_lines(std::string_view text) {
  std::size_t n = 0;
  for (auto at = text.find("\nm="); at != std::string_view::npos; at = text.find("\nm=", at + 1))
    ++n;
  return n;
}

// Every attribute of direction that is alone on its line says sendrecv.
std::string both_ways(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end == std::string_view::npos ? end : end + 1);
    text.remove_prefix(line.size());
    const std::string_view said = line.substr(0, line.find_first_of("\r\n"));
    if (said == "a=inactive" || said == "a=sendonly" || said == "a=recvonly")
      out.append("a=sendrecv").append(line.substr(said.size()));
    else
      out.append(line);
  }
  return out;
}

Result<std::string> pass_on(OfferAnswer& s, std::string_view theirs) {
  const auto [before, after] = without_origin(theirs);
  if (after.empty()) return fail(ErrorCode::kNotAcceptable, "the other side's SDP has no o= line");
  if (media_lines(theirs) < media_lines(s.last_local))
    return fail(ErrorCode::kNotAcceptable,
                "the other side's SDP has fewer streams than were offered here");
  return with_version(s, [&](const Origin& o) -> Result<std::string> {
    std::string text(before);
    text.append("\no=").append(o.username).append(" ").append(std::to_string(o.session_id));
    text.append(" ").append(std::to_string(o.version));
    text.append(o.address.is_v6() ? " IN IP6 " : " IN IP4 ").append(o.address.to_string());
    if (before.ends_with('\r')) text += '\r';
    return text.append(after);
  });
}

}  // namespace

void start_offer_answer(OfferAnswer& s, std::uint64_t session_id, const IpAddress& address) {
  s.origin.session_id = session_id;
  s.origin.address = address;
}

OfferAnswer start_offer_answer(std::uint64_t session_id, const IpAddress& address) {
  OfferAnswer s;
  start_offer_answer(s, session_id, address);
  return s;
}

Result<std::string> local_offer(OfferAnswer& s, const LocalMedia& local, const MediaWish& wish,
                                const Dialect& dialect,
                                const std::vector<std::string>& attributes) {
  if (s.state == OfferState::kLocalOffer || s.state == OfferState::kRemoteOffer)
    return outstanding(s);
  if (wish.codecs.empty() && !wish.image_alone())
    return fail(ErrorCode::kNotAcceptable, "no codec to offer");
  auto text = with_version(s, [&](const Origin& o) -> Result<std::string> {
    return write_offer(o, local, wish, dialect, attributes,
                       media_lines_of(s.agreed ? s.agreed_local : s.last_local));
  });
  if (text) s.state = OfferState::kLocalOffer;
  return text;
}

Result<std::string> local_answer(OfferAnswer& s, const RemoteOffer& theirs, const LocalMedia& local,
                                 const MediaWish& chosen, const Dialect& dialect, AnswerKind kind,
                                 const std::vector<std::string>& attributes) {
  if (s.state != OfferState::kRemoteOffer)
    return fail(ErrorCode::kConflict, "there is no offer to answer");
  auto text = with_version(s, [&](const Origin& o) {
    return write_answer(o, theirs, local, chosen, dialect, attributes);
  });
  if (text && kind == AnswerKind::kFinal) agree(s);
  return text;
}

Result<std::string> pass_offer(OfferAnswer& s, std::string_view theirs, bool again) {
  if (s.state == OfferState::kLocalOffer || s.state == OfferState::kRemoteOffer)
    return outstanding(s);
  auto text = pass_on(s, again ? both_ways(theirs) : std::string(theirs));
  if (text) s.state = OfferState::kLocalOffer;
  return text;
}

Result<std::string> pass_answer(OfferAnswer& s, std::string_view theirs, AnswerKind kind) {
  if (s.state != OfferState::kRemoteOffer)
    return fail(ErrorCode::kConflict, "there is no offer to answer");
  auto text = pass_on(s, theirs);
  if (text && kind == AnswerKind::kFinal) agree(s);
  return text;
}

bool same_media(std::string_view a, std::string_view b) {
  return without_origin(a) == without_origin(b);
}

Result<Received> remote_offer(OfferAnswer& s, std::string_view body, const Dialect& dialect) {
  if (s.state == OfferState::kLocalOffer || s.state == OfferState::kRemoteOffer)
    return outstanding(s);
  auto r = take(s, body, dialect, true);
  if (r) s.state = OfferState::kRemoteOffer;
  return r;
}

Result<Received> remote_answer(OfferAnswer& s, std::string_view body, const Dialect& dialect,
                               AnswerKind kind) {
  if (s.state != OfferState::kLocalOffer)
    return fail(ErrorCode::kConflict, "there is no offer of ours to be answered");
  auto r = take(s, body, dialect, false);
  if (r && kind == AnswerKind::kFinal) agree(s);
  return r;
}

std::optional<DtlsSetup> setup_said(const OfferAnswer& s) {
  constexpr std::string_view kLine = "\na=setup:";
  const std::string_view text = s.agreed_local;
  const auto at = text.find(kLine);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view value = text.substr(at + kLine.size());
  return read_setup(value.substr(0, value.find_first_of("\r\n")));
}

Status rollback(OfferAnswer& s) {
  s.owed = false;
  if (s.state != OfferState::kLocalOffer && s.state != OfferState::kRemoteOffer)
    return fail(ErrorCode::kConflict, "no offer is outstanding");
  s.state = s.agreed ? OfferState::kStable : OfferState::kIdle;
  s.last_remote = s.agreed_remote;
  s.remote_offered = s.agreed_offered;
  return {};
}

Result<RemoteOffer> accept_preview(OfferAnswer& s, const Dialect& dialect) {
  if (s.state != OfferState::kLocalOffer || s.last_remote.empty() ||
      s.last_remote == s.agreed_remote)
    return fail(ErrorCode::kNotFound, "there was no preview of the answer");
  auto read = sdp::read(s.last_remote, dialect, s.agreed);
  if (read) agree(s);
  return read;
}

Result<RemoteOffer> last_remote(const OfferAnswer& s, const Dialect& dialect) {
  if (s.last_remote.empty()) return fail(ErrorCode::kNotFound, "the peer has sent no SDP yet");
  return read(s.last_remote, dialect, s.agreed);
}

}  // namespace causeway::sdp
