#include "sdp/description.h"

#include <algorithm>
#include <cstring>

#include "sdp/text.h"

namespace causeway::sdp {
namespace {

tl::unexpected<Error> bad_line(std::size_t number, const char* what, std::string_view found) {
  return fail(ErrorCode::kMalformed, "SDP line " + std::to_string(number) + ": " + what +
                                         ", found " + text::excerpt(found));
}

bool read_origin(std::string_view v, OriginLine& out) {
  out.username = text::next_word(v);
  const auto id = text::next_word(v);
  const auto version = text::next_word(v);
  const auto net = text::next_word(v);
  const auto family = text::next_word(v);
  out.address = text::next_word(v);
  return text::number(id, out.session_id) && text::number(version, out.version) && net == "IN" &&
         (family == "IP4" || family == "IP6") && !out.address.empty() && text::trimmed(v).empty();
}

// "audio 49170 RTP/AVP 0 8", "audio 49170/2 RTP/AVP 31"
bool read_media(std::string_view v, MediaSection& m) {
  std::string_view rest = v;
  const auto media = text::next_word(rest);
  auto port = text::next_word(rest);
  const auto proto = text::next_word(rest);
  if (media.empty() || proto.empty() || v.front() == ' ') return false;
  if (const auto slash = port.find('/'); slash != std::string_view::npos) {
    unsigned count = 0;
    if (!text::number(port.substr(slash + 1), count)) return false;
    port = port.substr(0, slash);
  }
  const auto formats = text::trimmed(rest);
  if (!text::number(port, m.port) || formats.empty()) return false;
  m.media_length = static_cast<std::uint16_t>(media.size());
  m.proto_begin = static_cast<std::uint16_t>(proto.data() - v.data());
  m.proto_length = static_cast<std::uint16_t>(proto.size());
  m.formats_begin = static_cast<std::uint16_t>(formats.data() - v.data());
  return true;
}

bool has_control_character(std::string_view v) {
  return std::any_of(v.begin(), v.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\t'; });
}

}  // namespace

std::string_view MediaSection::media(const SessionDescription& of) const {
  return of.value(of.lines()[first]).substr(0, media_length);
}
std::string_view MediaSection::proto(const SessionDescription& of) const {
  return of.value(of.lines()[first]).substr(proto_begin, proto_length);
}
std::string_view MediaSection::formats(const SessionDescription& of) const {
  return text::trimmed(of.value(of.lines()[first]).substr(formats_begin));
}

OriginLine SessionDescription::origin() const {
  OriginLine o;
  if (lines_.size() > 1) (void)read_origin(value(lines_[1]), o);  // parse() has checked it
  return o;
}

bool operator==(const SessionDescription& a, const SessionDescription& b) {
  return std::equal(
      a.lines_.begin(), a.lines_.end(), b.lines_.begin(), b.lines_.end(),
      [&](const Line& x, const Line& y) { return x.type == y.type && a.value(x) == b.value(y); });
}

Result<SessionDescription> parse(std::string_view input) {
  if (input.size() > kMaxBytes)
    return fail(ErrorCode::kTooLarge, "SDP of " + std::to_string(input.size()) +
                                          " bytes; at most " + std::to_string(kMaxBytes));
  SessionDescription d;
  d.text_.assign(input);
  d.lines_.reserve(64);
  const char* const base = d.text_.data();
  const char* const end = base + d.text_.size();
  OriginLine origin;
  bool named = false;
  for (const char* p = base; p < end;) {
    const auto* newline =
        static_cast<const char*>(std::memchr(p, '\n', static_cast<std::size_t>(end - p)));
    const char* stop = newline ? newline : end;
    const char* const next = newline ? newline + 1 : end;
    if (stop > p && stop[-1] == '\r') --stop;
    const std::string_view line(p, static_cast<std::size_t>(stop - p));
    const std::size_t number = d.lines_.size() + 1;
    if (line.size() < 2 || line[1] != '=' || line[0] < 'a' || line[0] > 'z')
      return bad_line(number, "expected a lower-case letter and '='", line);
    if (number > kMaxLines)
      return fail(ErrorCode::kTooLarge, "SDP of more than " + std::to_string(kMaxLines) + " lines");
    const auto value = line.substr(2);
    if (has_control_character(value)) return bad_line(number, "control character", line);
    if (number == 1 && line != "v=0") return bad_line(number, "expected v=0", line);
    if (number == 2 && (line[0] != 'o' || !read_origin(value, origin)))
      return bad_line(number, "expected o=USER ID VERSION IN IP4|IP6 ADDRESS", line);
    if (line[0] == 's') {
      if (named || !d.media_.empty()) return bad_line(number, "s= repeated or out of place", line);
      named = true;
    }
    if (number > 2 && (line[0] == 'v' || line[0] == 'o')) return bad_line(number, "repeated", line);
    d.lines_.push_back({line[0], static_cast<std::uint16_t>(value.data() - base),
                        static_cast<std::uint16_t>(value.size())});
    if (line[0] == 'm') {
      if (!named) return bad_line(number, "expected s= before the first m=", line);
      if (d.media_.size() == kMaxMedia)
        return fail(ErrorCode::kTooLarge,
                    "SDP of more than " + std::to_string(kMaxMedia) + " m= lines");
      MediaSection m;
      m.first = static_cast<std::uint16_t>(number - 1);
      if (!read_media(value, m))
        return bad_line(number, "expected m=MEDIA PORT PROTO FORMATS", line);
      if (!d.media_.empty()) d.media_.back().end = m.first;
      d.media_.push_back(m);
    }
    p = next;
  }
  if (d.lines_.size() < 2 || !named)
    return fail(ErrorCode::kMalformed,
                "SDP ends at line " + std::to_string(d.lines_.size()) + " without v=, o= and s=");
  if (!d.media_.empty()) d.media_.back().end = static_cast<std::uint16_t>(d.lines_.size());
  return d;
}

std::string write(const SessionDescription& d) {
  std::string out;
  out.reserve(d.text().size() + d.lines().size());
  for (const Line& l : d.lines()) {
    out += l.type;
    out += '=';
    out += d.value(l);
    out += "\r\n";
  }
  return out;
}

}  // namespace causeway::sdp
