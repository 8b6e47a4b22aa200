#include "sdp/description.h"

#include <algorithm>
#include <bit>
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

// One line of the text: without its end, what follows, and whether it holds a control character
// that is no tab.
struct Cut {
  const char *stop, *next;
  bool control;
};

// Sixteen bytes at a time: of those that the mask flags, the lowest is below 0x20 for certain (a
// borrow into those above it can only come from it).
Cut cut_line(const char* const begin, const char* const end) {
  constexpr std::uint64_t kOnes = 0x0101010101010101U, kTops = 0x8080808080808080U;
  static_assert(std::endian::native == std::endian::little);
  bool control = false;
  for (const char* p = begin;;) {
    if (end - p >= 16) {
      std::uint64_t word = 0, next = 0;
      std::memcpy(&word, p, 8);
      std::memcpy(&next, p + 8, 8);
      std::uint64_t low = (word - kOnes * 0x20U) & ~word & kTops;
      if (low == 0) {
        low = (next - kOnes * 0x20U) & ~next & kTops;
        p += 8;
        if (low == 0) {
          p += 8;
          continue;
        }
      }
      p += std::countr_zero(low) / 8;
    } else {
      while (p != end && static_cast<unsigned char>(*p) >= 0x20) ++p;
      if (p == end) return {end, end, control};
    }
    if (*p == '\n') return {p, p + 1, control};
    if (*p == '\r' && (p + 1 == end || p[1] == '\n'))
      return {p, p + 1 == end ? end : p + 2, control};
    control = control || *p != '\t';
    ++p;
  }
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
  if (lines_.size() < 2) return o;
  const auto v = value(lines_[1]);  // parse() has read it
  o.username = v.substr(user_begin_, user_length_);
  o.session_id = session_id_;
  o.version = version_;
  o.address = v.substr(address_begin_, address_length_);
  return o;
}

bool operator==(const SessionDescription& a, const SessionDescription& b) {
  return std::equal(
      a.lines_.begin(), a.lines_.end(), b.lines_.begin(), b.lines_.end(),
      [&](const Line& x, const Line& y) { return x.type == y.type && a.value(x) == b.value(y); });
}

namespace {
Status check_size(std::string_view input) {
  if (input.size() <= kMaxBytes) return {};
  return fail(ErrorCode::kTooLarge, "SDP of " + std::to_string(input.size()) + " bytes; at most " +
                                        std::to_string(kMaxBytes));
}
}  // namespace

Result<SessionDescription> parse(std::string_view input) {
  if (auto ok = check_size(input); !ok) return tl::unexpected(ok.error());
  SessionDescription d;
  d.owned_.reserve(std::max<std::size_t>(input.size(), 64));
  d.owned_.assign(input);
  d.base_ = d.owned_.data();
  d.size_ = input.size();
  if (auto ok = d.read(); !ok) return tl::unexpected(ok.error());
  return d;
}

Result<SessionDescription> parse_borrowed(std::string_view input) {
  if (auto ok = check_size(input); !ok) return tl::unexpected(ok.error());
  Result<SessionDescription> d{SessionDescription()};
  d->base_ = input.data();
  d->size_ = input.size();
  if (auto ok = d->read(); !ok) return tl::unexpected(ok.error());
  return d;
}

Status SessionDescription::read() {
  lines_.reserve(64);
  const char* const base = base_;
  const char* const end = base + size_;
  OriginLine origin;
  bool named = false;
  std::size_t number = 0;
  for (const char* p = base; p < end;) {
    const auto [stop, next, control] = cut_line(p, end);
    const std::string_view line(p, static_cast<std::size_t>(stop - p));
    ++number;
    if (line.size() < 2 || line[1] != '=' || line[0] < 'a' || line[0] > 'z')
      return bad_line(number, "expected a lower-case letter and '='", line);
    if (number > kMaxLines)
      return fail(ErrorCode::kTooLarge, "SDP of more than " + std::to_string(kMaxLines) + " lines");
    const auto value = line.substr(2);
    if (control) return bad_line(number, "control character", line);
    if (number <= 2) {
      if (number == 1 && line != "v=0") return bad_line(number, "expected v=0", line);
      if (number == 2 && (line[0] != 'o' || !read_origin(value, origin)))
        return bad_line(number, "expected o=USER ID VERSION IN IP4|IP6 ADDRESS", line);
    } else if (line[0] == 'a') {  // most lines by far
    } else if (line[0] == 'v' || line[0] == 'o') {
      return bad_line(number, "repeated", line);
    } else if (line[0] == 's') {
      if (named || media_count_ != 0) return bad_line(number, "s= repeated or out of place", line);
      named = true;
    } else if (line[0] == 'm') {
      if (!named) return bad_line(number, "expected s= before the first m=", line);
      if (media_count_ == kMaxMedia)
        return fail(ErrorCode::kTooLarge,
                    "SDP of more than " + std::to_string(kMaxMedia) + " m= lines");
      MediaSection m;
      m.first = static_cast<std::uint16_t>(number - 1);
      if (!read_media(value, m))
        return bad_line(number, "expected m=MEDIA PORT PROTO FORMATS", line);
      if (media_count_ != 0) media_[media_count_ - 1].end = m.first;
      media_[media_count_++] = m;
    }
    lines_.push_back({line[0], static_cast<std::uint16_t>(value.data() - base),
                      static_cast<std::uint16_t>(value.size())});
    p = next;
  }
  if (number < 2 || !named)
    return fail(ErrorCode::kMalformed,
                "SDP ends at line " + std::to_string(number) + " without v=, o= and s=");
  if (media_count_ != 0) media_[media_count_ - 1].end = static_cast<std::uint16_t>(number);
  const char* const at = base + lines_[1].begin;
  user_begin_ = static_cast<std::uint16_t>(origin.username.data() - at);
  user_length_ = static_cast<std::uint16_t>(origin.username.size());
  address_begin_ = static_cast<std::uint16_t>(origin.address.data() - at);
  address_length_ = static_cast<std::uint16_t>(origin.address.size());
  session_id_ = origin.session_id;
  version_ = origin.version;
  return {};
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
