#include "rules/sdp_edit.h"

#include <algorithm>
#include <utility>

#include "sdp/description.h"
#include "sip/headers.h"

namespace causeway::rules {
namespace {

using sip::iequals;

std::string_view next_line(std::string_view& rest) {
  const std::size_t end = std::min(rest.find('\n'), rest.size());
  std::string_view line = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::string_view next_word(std::string_view& rest) {
  while (rest.starts_with(' ')) rest.remove_prefix(1);
  const std::string_view word = rest.substr(0, rest.find(' '));
  rest.remove_prefix(word.size());
  return word;
}

// "audio" of "m=audio 4000 RTP/AVP 0".
std::string_view media_of(std::string_view m_line) {
  return m_line.substr(2, m_line.find(' ') == std::string_view::npos ? std::string_view::npos
                                                                     : m_line.find(' ') - 2);
}

struct MediaLine {
  std::string_view media, port, proto;
  std::vector<std::string_view> formats;
};
MediaLine read_media(std::string_view line) {
  MediaLine out;
  line.remove_prefix(2);
  out.media = next_word(line);
  out.port = next_word(line);
  out.proto = next_word(line);
  for (auto f = next_word(line); !f.empty(); f = next_word(line)) out.formats.push_back(f);
  return out;
}
std::string write_media(const MediaLine& m) {
  std::string out = "m=";
  out.append(m.media).append(" ").append(m.port).append(" ").append(m.proto);
  for (const auto f : m.formats) out.append(" ").append(f);
  return out;
}

// RFC 3551 6: what needs no rtpmap.
std::string_view static_codec(std::string_view format) {
  constexpr std::pair<std::string_view, std::string_view> kStatic[] = {
      {"0", "PCMU"}, {"3", "GSM"}, {"4", "G723"},  {"7", "LPC"},   {"8", "PCMA"},
      {"9", "G722"}, {"13", "CN"}, {"15", "G728"}, {"18", "G729"}, {"34", "H263"}};
  for (const auto& [number, name] : kStatic)
    if (number == format) return name;
  return {};
}

// An attribute that speaks of one payload number: "rtpmap", "fmtp" and "rtcp-fb".
std::string_view format_of(std::string_view line) {
  for (const std::string_view key : {"a=rtpmap:", "a=fmtp:", "a=rtcp-fb:"})
    if (line.starts_with(key)) {
      line.remove_prefix(key.size());
      return line.substr(0, line.find(' '));
    }
  return {};
}

// What counts for nothing by itself.
bool is_beside(std::string_view codec) {
  return iequals(codec, "telephone-event") || iequals(codec, "CN") || iequals(codec, "red");
}

// "name" and "value" of "a=name:value".
std::pair<std::string_view, std::string_view> attribute_of(std::string_view line) {
  line.remove_prefix(2);
  const std::size_t colon = line.find(':');
  return {line.substr(0, colon),
          colon == std::string_view::npos ? std::string_view{} : line.substr(colon + 1)};
}

bool names(const std::vector<std::string>& codecs, std::string_view name) {
  return std::any_of(codecs.begin(), codecs.end(),
                     [&](const std::string& c) { return iequals(c, name); });
}

bool passes(const TextTest& test, std::string_view text) {
  switch (test.kind) {
    case TextTest::Kind::kPresent:
    case TextTest::Kind::kAbsent: return true;
    case TextTest::Kind::kEquals: return text == test.equals;
    case TextTest::Kind::kMatches: return test.matches.found_in(text);
  }
  return false;
}

// Of the formats of a section. Views into its lines.
class CodecNames {
 public:
  template <typename Lines, typename Range>
  CodecNames(const Lines& lines, const Range& s) {
    for (std::size_t i = s.first; i < s.end; ++i) {
      std::string_view line = lines[i];
      if (!line.starts_with("a=rtpmap:")) continue;
      line.remove_prefix(9);
      const std::size_t space = line.find(' ');
      if (space == std::string_view::npos) continue;
      const std::string_view rest = line.substr(space + 1);
      said_.emplace_back(line.substr(0, space), rest.substr(0, rest.find('/')));
    }
  }
  [[nodiscard]] std::string_view of(std::string_view format) const {
    for (const auto& [number, name] : said_)
      if (number == format) return name;
    return static_codec(format);
  }

 private:
  std::vector<std::pair<std::string_view, std::string_view>> said_;
};

bool found(const SdpTest& t, std::string_view sdp) {
  bool in_media = false, here = t.media.empty();
  std::vector<std::string_view> formats;  // of this section, those that have no rtpmap yet
  for (std::string_view rest = sdp; !rest.empty();) {
    const std::string_view line = next_line(rest);
    if (line.starts_with("m=")) {
      in_media = true;
      here = t.media.empty() || iequals(media_of(line), t.media);
      if (!here) continue;
      if (t.codec.empty() && t.attribute.empty()) return true;
      if (!t.codec.empty())
        for (const auto f : read_media(line).formats)
          if (iequals(static_codec(f), t.codec)) return true;
      continue;
    }
    if (!here || !line.starts_with("a=")) continue;
    if (!t.codec.empty()) {
      if (!in_media || !line.starts_with("a=rtpmap:")) continue;
      const std::size_t space = line.find(' ');
      if (space == std::string_view::npos) continue;
      const std::string_view name = line.substr(space + 1);
      if (iequals(name.substr(0, name.find('/')), t.codec)) return true;
    } else if (!t.attribute.empty()) {
      const auto [name, value] = attribute_of(line);
      if (iequals(name, t.attribute) && passes(t.test, value)) return true;
    }
  }
  return false;
}

}  // namespace

bool holds(const SdpTest& test, std::string_view sdp) {
  if (sdp.empty()) return test.test.kind == TextTest::Kind::kAbsent;
  return found(test, sdp) != (test.test.kind == TextTest::Kind::kAbsent);
}

SdpEdit::SdpEdit(std::string_view text) : size_(text.size()) {
  while (!text.empty()) lines_.emplace_back(next_line(text));
}

std::string SdpEdit::text() const {
  std::string out;
  for (const auto& l : lines_) out.append(l).append("\r\n");
  return out;
}

void SdpEdit::replace(std::size_t line, std::string text) {
  before_.append(before_.empty() ? "" : "; ").append(lines_[line]);
  after_.append(after_.empty() ? "" : "; ").append(text);
  lines_[line] = std::move(text);
}

void SdpEdit::erase(std::size_t line) {
  before_.append(before_.empty() ? "" : "; ").append(lines_[line]);
  lines_.erase(lines_.begin() + static_cast<std::ptrdiff_t>(line));
}

void SdpEdit::insert(std::size_t before_line, std::string text) {
  after_.append(after_.empty() ? "" : "; ").append(text);
  lines_.insert(lines_.begin() + static_cast<std::ptrdiff_t>(before_line), std::move(text));
}

SdpEdit::Section SdpEdit::session() const {
  std::size_t end = 0;
  while (end < lines_.size() && !lines_[end].starts_with("m=")) ++end;
  return {0, end};
}

// Last first, so that lines of one may come and go without moving those before it.
std::vector<SdpEdit::Section> SdpEdit::sections(std::string_view media) const {
  std::vector<Section> out;
  std::size_t end = lines_.size();
  for (std::size_t i = lines_.size(); i-- > 0;) {
    if (!lines_[i].starts_with("m=")) continue;
    if (media.empty() || iequals(media_of(lines_[i]), media)) out.push_back({i, end});
    end = i;
  }
  return out;
}

// A response is bounded by the size of a message alone, and what follows looks at lines for lines.
Status SdpEdit::bounded(const Action& a) const {
  const sip::FieldLimits limits;
  if (size_ > limits.sdp || lines_.size() > limits.sdp_lines)
    return fail(ErrorCode::kTooLarge, "the session description is too long to be changed");
  if (a.verb != Verb::kOrderCodecs && a.verb != Verb::kRemoveCodecs) return {};
  for (const Section s : sections(a.media))
    if (read_media(lines_[s.first]).formats.size() > kMaxFormats)
      return fail(ErrorCode::kTooLarge, "an m-line has more than 64 formats");
  return {};
}

Result<bool> SdpEdit::apply(const Action& a) {
  before_.clear();
  after_.clear();
  if (auto ok = bounded(a); !ok) return tl::unexpected(ok.error());
  switch (a.verb) {
    case Verb::kOrderCodecs: return order_codecs(a);
    case Verb::kRemoveCodecs: return remove_codecs(a);
    case Verb::kRemoveAttribute: return remove_attribute(a);
    case Verb::kRemoveMedia: return remove_media(a);
    case Verb::kSetPtime: return set_ptime(a);
    case Verb::kSetBandwidth: return set_bandwidth(a);
    case Verb::kSet:
    case Verb::kAdd:
    case Verb::kRemove:
    case Verb::kRename:
    case Verb::kRewrite:
    case Verb::kSetParameter:
    case Verb::kClearParameter:
    case Verb::kCapture:
    case Verb::kMapStatus:
    case Verb::kMapCause: break;
  }
  return false;
}

Result<bool> SdpEdit::remove_codecs(const Action& a) {
  bool changed = false;
  for (const Section s : sections(a.media)) {
    MediaLine m = read_media(lines_[s.first]);
    const CodecNames codecs(lines_, s);
    std::vector<std::string> gone;
    bool left = false;
    std::erase_if(m.formats, [&](std::string_view f) {
      const std::string_view name = codecs.of(f);
      if (names(a.codecs, name)) {
        gone.emplace_back(f);
        return true;
      }
      left = left || !is_beside(name);
      return false;
    });
    if (gone.empty()) continue;
    if (!left)
      return fail(ErrorCode::kMalformed, "no codec would be left of " + std::string(m.media));
    replace(s.first, write_media(m));
    for (std::size_t i = s.end; i-- > s.first + 1;)
      if (const auto f = format_of(lines_[i]); !f.empty() && names(gone, f)) erase(i);
    changed = true;
  }
  return changed;
}

Result<bool> SdpEdit::order_codecs(const Action& a) {
  bool changed = false;
  for (const Section s : sections(a.media)) {
    MediaLine m = read_media(lines_[s.first]);
    const CodecNames codecs(lines_, s);
    std::vector<std::string_view> ordered;
    for (const auto& codec : a.codecs)
      for (const auto f : m.formats)
        if (iequals(codecs.of(f), codec) &&
            std::find(ordered.begin(), ordered.end(), f) == ordered.end())
          ordered.push_back(f);
    for (const auto f : m.formats)
      if (std::find(ordered.begin(), ordered.end(), f) == ordered.end()) ordered.push_back(f);
    if (ordered == m.formats) continue;
    m.formats = std::move(ordered);
    replace(s.first, write_media(m));
    changed = true;
  }
  return changed;
}

Result<bool> SdpEdit::remove_attribute(const Action& a) {
  bool changed = false;
  const auto from = [&](Section s) {
    for (std::size_t i = s.end; i-- > s.first;) {
      if (!lines_[i].starts_with("a=")) continue;
      const auto [name, value] = attribute_of(lines_[i]);
      if (!iequals(name, a.name) || (a.pattern && !a.pattern.found_in(value))) continue;
      erase(i);
      changed = true;
    }
  };
  if (a.media != "session")
    for (const Section s : sections(a.media)) from(s);
  if (a.media.empty() || a.media == "session") from(session());
  return changed;
}

// Refused by port 0 (RFC 3264 8.2): the number of sections of a session never shrinks.
Result<bool> SdpEdit::remove_media(const Action& a) {
  bool others = false, changed = false;
  std::vector<std::size_t> mine;
  for (const Section s : sections({})) {
    const MediaLine m = read_media(lines_[s.first]);
    if (m.port == "0") continue;
    if (iequals(m.media, a.media))
      mine.push_back(s.first);
    else
      others = true;
  }
  if (mine.empty()) return false;
  if (!others) return fail(ErrorCode::kMalformed, "nothing would be left of the session");
  for (const std::size_t line : mine) {
    MediaLine m = read_media(lines_[line]);
    m.port = "0";
    replace(line, write_media(m));
    changed = true;
  }
  return changed;
}

Result<bool> SdpEdit::set_ptime(const Action& a) {
  bool changed = false;
  const std::string wanted = "a=ptime:" + std::to_string(a.to);
  for (Section s : sections(a.media)) {
    std::size_t at = s.end;
    bool said = false;
    for (std::size_t i = s.end; i-- > s.first + 1;) {
      const auto [name, value] = attribute_of(
          lines_[i].starts_with("a=") ? std::string_view(lines_[i]) : std::string_view("a=-"));
      if (iequals(name, "ptime")) {
        if (!said && lines_[i] == wanted) {
          said = true;
          continue;
        }
        at = i;
        erase(i);
        --s.end;
        changed = true;
      } else if (const auto most = sip::parse_u32(value);
                 iequals(name, "maxptime") && most && *most < static_cast<std::uint32_t>(a.to)) {
        erase(i);
        --s.end;
        if (at > i) --at;
        changed = true;
      }
    }
    if (said) continue;
    insert(std::min(at, s.end), wanted);
    changed = true;
  }
  return changed;
}

void SdpEdit::set_bandwidth_of(Section s, const Action& a) {
  const std::string type = "b=" + a.name.substr(0, a.name.find(':') + 1);
  for (std::size_t i = s.end; i-- > s.first;)
    if (lines_[i].starts_with(type)) {
      erase(i);
      --s.end;
    }
  // RFC 8866 5: behind i=, u=, e=, p= and c=, before t=, k= and a=.
  std::size_t at = s.first;
  while (at < s.end && !lines_[at].empty() &&
         std::string_view("vosiuepcmb").find(lines_[at].front()) != std::string_view::npos)
    ++at;
  insert(at, "b=" + a.name);
}

Result<bool> SdpEdit::set_bandwidth(const Action& a) {
  const std::string wanted = "b=" + a.name;
  std::vector<Section> all =
      a.media == "session" ? std::vector<Section>{session()} : sections(a.media);
  bool changed = false;
  for (const Section s : all) {
    if (std::find(lines_.begin() + static_cast<std::ptrdiff_t>(s.first),
                  lines_.begin() + static_cast<std::ptrdiff_t>(s.end),
                  wanted) != lines_.begin() + static_cast<std::ptrdiff_t>(s.end))
      continue;
    set_bandwidth_of(s, a);
    changed = true;
  }
  return changed;
}

}  // namespace causeway::rules
