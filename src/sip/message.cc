#include "sip/message.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

#include "sip/headers.h"

namespace causeway::sip {
namespace {

constexpr std::array<std::string_view, 14> kMethods{
    "INVITE", "ACK",  "CANCEL", "BYE",    "OPTIONS",   "REGISTER", "PRACK",
    "UPDATE", "INFO", "REFER",  "NOTIFY", "SUBSCRIBE", "MESSAGE",  "PUBLISH"};

bool is_ws(char c) { return c == ' ' || c == '\t'; }

std::string_view trim(std::string_view s) {
  while (!s.empty() && is_lws(s.front())) s.remove_prefix(1);
  while (!s.empty() && is_lws(s.back())) s.remove_suffix(1);
  return s;
}

// Past the last line of the header that starts at `at` (continuation lines start with white space);
// npos when no line ends.
std::size_t end_of_field(std::string_view all, std::size_t at, bool* bare_feed = nullptr) {
  std::size_t end = at;
  do {
    const void* nl = std::memchr(all.data() + end, '\n', all.size() - end);
    if (!nl) return std::string_view::npos;
    end = static_cast<std::size_t>(static_cast<const char*>(nl) - all.data()) + 1;
    if (bare_feed && (end < 2 || all[end - 2] != '\r')) *bare_feed = true;
  } while (end < all.size() && is_ws(all[end]));
  return end;
}

// Past the empty line that ends the headers, exactly where Message::parse() finds it; 0: not yet,
// and `from` is moved to where the search has to go on when there is more.
std::size_t end_of_headers(std::string_view s, std::size_t& from) {
  for (std::size_t nl = s.find('\n', from); nl != std::string_view::npos;
       nl = s.find('\n', nl + 1)) {
    from = nl;
    if (nl + 1 >= s.size()) return 0;
    if (s[nl + 1] == '\n') return nl + 2;
    if (s[nl + 1] != '\r') continue;
    if (nl + 2 >= s.size()) return 0;
    if (s[nl + 2] == '\n') return nl + 3;
  }
  from = s.size();
  return 0;
}

// A CR that ends no line: some peers take it for a line end, so it must not be carried to them.
bool has_bare_cr(std::string_view s) {
  for (std::size_t cr = s.find('\r'); cr != std::string_view::npos; cr = s.find('\r', cr + 1))
    if (cr + 1 >= s.size() || s[cr + 1] != '\n') return true;
  return false;
}

bool is_token(std::string_view s) {
  for (const char c : s)
    if (!is_token_char(c)) return false;
  return !s.empty();
}

// RFC 3261 20: what a message has at most once, of what we rely on.
constexpr bool stands_once(HeaderId id) {
  return id == HeaderId::kFrom || id == HeaderId::kTo || id == HeaderId::kCallId ||
         id == HeaderId::kCSeq || id == HeaderId::kContentLength || id == HeaderId::kMaxForwards;
}

std::optional<std::size_t> parse_length(std::string_view v) {
  std::size_t n = 0;
  const auto [end, ec] = std::from_chars(v.data(), v.data() + v.size(), n);
  if (ec != std::errc{} || end != v.data() + v.size() || v.empty()) return std::nullopt;
  return n;
}

}  // namespace

Method method_of(std::string_view token) noexcept {
  for (std::size_t i = 0; i < kMethods.size(); ++i)
    if (kMethods[i] == token) return static_cast<Method>(i);
  return Method::kOther;
}

std::string_view to_string(Method m) noexcept {
  return m == Method::kOther ? std::string_view{"OTHER"} : kMethods[static_cast<std::size_t>(m)];
}

Result<Message> Message::parse(std::string_view bytes, const ParseLimits& limits) {
  while (!bytes.empty() && (bytes.front() == '\r' || bytes.front() == '\n')) bytes.remove_prefix(1);
  if (bytes.empty()) return fail(ErrorCode::kMalformed, "empty message");
  if (bytes.size() > limits.max_message)
    return fail(ErrorCode::kTooLarge, "message of " + std::to_string(bytes.size()) +
                                          " bytes, at most " + std::to_string(limits.max_message) +
                                          " are taken");
  Message m;
  m.buffer_ = std::make_unique_for_overwrite<char[]>(bytes.size());
  std::memcpy(m.buffer_.get(), bytes.data(), bytes.size());
  m.size_ = bytes.size();
  const std::string_view all = m.bytes();
  const std::size_t eol = all.find('\n');
  if (eol == std::string_view::npos)
    return fail(ErrorCode::kMalformed, "no line end after the start line");
  if (eol > limits.max_start_line)
    return fail(ErrorCode::kTooLarge,
                "start line longer than " + std::to_string(limits.max_start_line));
  std::string_view line = all.substr(0, eol);
  if (!line.empty() && line.back() == '\r')
    line.remove_suffix(1);
  else
    m.quirks_ |= kBareLineFeed;
  if (auto s = m.parse_start_line(line); !s) return tl::unexpected(s.error());
  if (auto s = m.parse_headers(eol + 1, limits); !s) return tl::unexpected(s.error());
  m.decode_cseq();
  return m;
}

Status Message::parse_start_line(std::string_view line) {
  if (has_bare_cr(line)) return fail(ErrorCode::kMalformed, "bare CR in the start line");
  if (iequals(line.substr(0, 8), "SIP/2.0 ")) {
    if (line.size() < 11) return fail(ErrorCode::kMalformed, "status line too short");
    const std::string_view code = line.substr(8, 3);
    for (const char c : code)
      if (c < '0' || c > '9') return fail(ErrorCode::kMalformed, "status code is not a number");
    status_ = (code[0] - '0') * 100 + (code[1] - '0') * 10 + (code[2] - '0');
    if (status_ < 100 || status_ > 699 || (line.size() > 11 && line[11] != ' ')) {
      return fail(ErrorCode::kMalformed, "status code is not between 100 and 699");
    }
    reason_ = line.size() > 12 ? line.substr(12) : std::string_view{};
    return {};
  }
  // Method SP Request-URI SP SIP-Version. A raw space inside the URI is malformed (RFC
  // 4475 3.1.2.10).
  while (!line.empty() && is_ws(line.back())) {  // RFC 4475 3.1.2.10: wrong, but can be answered
    line.remove_suffix(1);
    start_ok_ = false;
  }
  const std::size_t a = line.find(' ');
  const std::size_t b = line.rfind(' ');
  if (a == std::string_view::npos || a == b || a == 0)
    return fail(ErrorCode::kMalformed, "start line is neither a request nor a response");
  method_text_ = line.substr(0, a);
  if (!is_token(method_text_)) return fail(ErrorCode::kMalformed, "method is not a token");
  request_uri_ = line.substr(a + 1, b - a - 1);
  const std::string_view version = line.substr(b + 1);
  if (!iequals(version.substr(0, 4), "SIP/"))
    return fail(ErrorCode::kMalformed, "start line does not end in a SIP version");
  if (!iequals(version, "SIP/2.0")) version_ok_ = false;
  method_ = method_of(method_text_);
  return {};
}

[[gnu::always_inline]] inline void Message::keep(const HeaderField& f) {
  headers_.push_back(f);
  auto& slot = slot_[static_cast<std::size_t>(f.id)];
  if (slot == 0)
    slot = static_cast<std::uint16_t>(headers_.size());
  else if (repeated_ == HeaderId::kOther && stands_once(f.id))
    repeated_ = f.id;
}

Status Message::parse_headers(std::size_t at, const ParseLimits& limits) {
  const std::string_view all = bytes();
  headers_.reserve(24);
  bool bare_feed = false;
  for (;;) {
    if (at >= all.size()) return fail(ErrorCode::kMalformed, "headers do not end in an empty line");
    if (all[at] == '\n' || (all[at] == '\r' && at + 1 < all.size() && all[at + 1] == '\n')) {
      if (bare_feed || all[at] == '\n') quirks_ |= kBareLineFeed;
      take_body(at + (all[at] == '\r' ? 2 : 1));
      return {};
    }
    const std::size_t end = end_of_field(all, at, &bare_feed);
    if (end == std::string_view::npos)
      return fail(ErrorCode::kMalformed, "headers do not end in an empty line");
    const std::string_view line = all.substr(at, end - at);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos)
      return fail(ErrorCode::kMalformed, "header line without a colon");
    std::string_view name = line.substr(0, colon);
    while (!name.empty() && is_ws(name.back())) name.remove_suffix(1);
    if (name.empty()) return fail(ErrorCode::kMalformed, "header without a name");
    if (name.size() > limits.max_header_name)
      return fail(ErrorCode::kTooLarge,
                  "header name longer than " + std::to_string(limits.max_header_name));
    if (headers_.size() >= limits.max_headers)
      return fail(ErrorCode::kTooLarge,
                  "more than " + std::to_string(limits.max_headers) + " headers");
    const HeaderId id = header_id(name);  // the names that it knows are tokens
    if (id == HeaderId::kOther && !is_token(name))
      return fail(ErrorCode::kMalformed, "header name is not a token");
    const std::string_view value = trim(line.substr(colon + 1));
    if (has_bare_cr(value)) return fail(ErrorCode::kMalformed, "bare CR in a header");
    keep({id, name, value});
    at = end;
  }
}

Result<Message> Message::of_lines(std::string_view start_line, std::span<const HeaderField> lines,
                                  std::string_view body, const ParseLimits& limits) {
  constexpr std::string_view kEnd = "\r\n", kColon = ": ";
  std::size_t size = start_line.size() + 2 * kEnd.size() + body.size();
  for (const HeaderField& f : lines)
    size += f.name.size() + kColon.size() + f.value.size() + kEnd.size();
  if (size > limits.max_message || lines.size() > limits.max_headers ||
      start_line.size() > limits.max_start_line)
    return fail(ErrorCode::kTooLarge, "message of " + std::to_string(size) + " bytes and " +
                                          std::to_string(lines.size()) +
                                          " headers, longer than is taken");
  Message m;
  m.buffer_ = std::make_unique_for_overwrite<char[]>(size);
  m.size_ = size;
  char* at = m.buffer_.get();
  const auto put = [&at](std::string_view text) {
    const std::string_view here(at, text.size());
    if (!text.empty()) std::memcpy(at, text.data(), text.size());
    at += text.size();
    return here;
  };
  const std::string_view line = put(start_line);
  put(kEnd);
  m.headers_.reserve(lines.size());
  for (const HeaderField& f : lines) {
    const std::string_view name = put(f.name);
    put(kColon);
    m.keep({f.id, name, put(f.value)});
    put(kEnd);
  }
  put(kEnd);
  const auto head = static_cast<std::size_t>(at - m.buffer_.get());
  put(body);
  if (auto s = m.parse_start_line(line); !s) return tl::unexpected(s.error());
  m.take_body(head);
  m.decode_cseq();
  return m;
}

void Message::take_body(std::size_t at) {
  body_ = bytes().substr(at);
  const HeaderField* f = find(HeaderId::kContentLength);
  if (!f) return;
  const auto n = parse_length(f->value);
  if (!n || *n > body_.size()) {
    length_ok_ = false;
    return;
  }
  body_ = body_.substr(0, *n);  // RFC 3261 18.3: what follows in a datagram is discarded
}

void Message::decode_cseq() {
  const std::string_view v = value(HeaderId::kCSeq);
  std::uint32_t n = 0;
  const auto [end, ec] = std::from_chars(v.data(), v.data() + v.size(), n);
  if (ec != std::errc{} || end == v.data() + v.size() || !is_lws(*end)) return;
  const std::string_view token = trim(v.substr(static_cast<std::size_t>(end - v.data())));
  if (!is_token(token)) return;
  cseq_ = n;
  if (is_request()) {
    cseq_ok_ = token == method_text_;
  } else {
    method_text_ = token;
    method_ = method_of(token);
    cseq_ok_ = true;
  }
}

const HeaderField* Message::find(std::string_view name) const {
  for (const HeaderField& f : headers_)
    if (iequals(f.name, name)) return &f;
  return nullptr;
}

std::size_t Message::count(HeaderId id) const {
  std::size_t n = 0;
  for (const HeaderField& f : headers_) n += f.id == id;
  return n;
}

bool Message::has_one_via() const {
  if (count(HeaderId::kVia) != 1) return false;
  std::string_view list = value(HeaderId::kVia);
  (void)next_value(list);
  return list.empty();
}

const Via* Message::top_via() const {
  if (!via_.asked) {
    via_.asked = true;
    if (auto via = parse_via(value(HeaderId::kVia))) {
      via_.value = *via;
      via_.good = true;
    }
  }
  return via_.good ? &via_.value : nullptr;
}

const Message::Party* Message::party(Once<Party>& kept, HeaderId id) const {
  if (!kept.asked) {
    kept.asked = true;
    if (auto address = parse_name_addr(value(id))) {
      kept.value = {*address, address->tag()};
      kept.good = true;
    }
  }
  return kept.good ? &kept.value : nullptr;
}

const NameAddr* Message::from() const {
  const Party* p = party(from_, HeaderId::kFrom);
  return p ? &p->address : nullptr;
}
const NameAddr* Message::to() const {
  const Party* p = party(to_, HeaderId::kTo);
  return p ? &p->address : nullptr;
}
std::string_view Message::from_tag() const {
  const Party* p = party(from_, HeaderId::kFrom);
  return p ? p->tag : std::string_view{};
}
std::string_view Message::to_tag() const {
  const Party* p = party(to_, HeaderId::kTo);
  return p ? p->tag : std::string_view{};
}

const Uri* Message::target() const {
  if (!target_.asked) {
    target_.asked = true;
    if (auto uri = parse_uri(request_uri_)) {
      target_.value = *uri;
      target_.good = true;
    }
  }
  return target_.good ? &target_.value : nullptr;
}

namespace {

// Every value of every Via: a response must carry all of them back.
Status validate_vias(const Message& m) {
  if (!m.has(HeaderId::kVia)) return fail(ErrorCode::kMalformed, "no Via header");
  bool top = true;
  for (const HeaderField& f : m.headers()) {
    if (f.id != HeaderId::kVia) continue;
    std::string_view list = f.value;
    if (std::exchange(top, false)) {
      if (!m.top_via()) return tl::unexpected(parse_via(list).error());
      (void)next_value(list);
      if (list.empty()) continue;
    }
    do {
      if (auto via = parse_via(next_value(list)); !via) return tl::unexpected(via.error());
    } while (!list.empty());
  }
  return {};
}

// What the far side would take as the place to send to, or to register.
Status validate_contacts(const Message& m, std::uint8_t& quirks) {
  if (!m.has(HeaderId::kContact)) return {};
  for (const HeaderField& f : m.headers()) {
    if (f.id != HeaderId::kContact) continue;
    std::string_view list = f.value;
    for (auto one = next_value(list); !one.empty(); one = next_value(list))
      if (auto contact = parse_name_addr(one))
        quirks |= contact->quirks;
      else
        return tl::unexpected(contact.error());
  }
  return {};
}

// What we would follow, or send back (RFC 3261 12.1.1): addresses in angle brackets, each a SIP
// URI.
Status validate_routes(const Message& m, HeaderId id) {
  if (!m.has(id)) return {};
  for (const HeaderField& f : m.headers()) {
    if (f.id != id) continue;
    std::string_view list = f.value;
    for (auto one = next_value(list); !one.empty(); one = next_value(list)) {
      const auto route = parse_name_addr(one);
      if (!route) return tl::unexpected(route.error());
      if (!route->target.is_sip() || one.find('<') == std::string_view::npos)
        return fail(ErrorCode::kMalformed, std::string(header_name(id)) +
                                               " is not a list of <sip:...>: '" +
                                               std::string(one.substr(0, 120)) + "'");
    }
  }
  return {};
}

// RFC 3261 25.1: tag-param = "tag" EQUAL token.
Status validate_tag(const NameAddr& a, HeaderId id) {
  const auto tag = a.param("tag");
  if (!tag || is_token(*tag)) return {};
  return fail(ErrorCode::kMalformed, "tag of " + std::string(header_name(id)) +
                                         " is not a token: '" + std::string(tag->substr(0, 120)) +
                                         "'");
}

Status validate_request_uri(const Message& m) {
  const Uri* uri = m.target();
  if (!uri) return tl::unexpected(parse_uri(m.request_uri()).error());
  // A service is let through: whether it is one that we route is for policy to say.
  if (!uri->is_sip() && !uri->is_tel() && !uri->is_service())
    return fail(ErrorCode::kUriScheme, "Request-URI scheme '" +
                                           std::string(uri->scheme.substr(0, 32)) +
                                           "' is none of sip, sips, tel, urn:service");
  return {};
}

// Has `was` the same values of that kind? False where there is none.
bool stands_in(const Message* was, const Message& m, HeaderId id) {
  if (!was || !was->has(id)) return false;
  auto old = was->headers().begin();
  const auto end = was->headers().end();
  const auto next = [&] {
    while (old != end && old->id != id) ++old;
  };
  for (const HeaderField& f : m.headers()) {
    if (f.id != id) continue;
    next();
    if (old == end || old++->value != f.value) return false;
  }
  next();
  return old == end;
}

}  // namespace

Status validate(const Message& m, const Message* was) {
  static constexpr HeaderId kMust[] = {HeaderId::kFrom, HeaderId::kTo, HeaderId::kCallId,
                                       HeaderId::kCSeq};
  for (const HeaderId id : kMust)
    if (!m.has(id))
      return fail(ErrorCode::kMalformed, "no " + std::string(header_name(id)) + " header");
  if (m.repeated_ != HeaderId::kOther)
    return fail(ErrorCode::kMalformed,
                "more than one " + std::string(header_name(m.repeated_)) + " header");
  // First: nothing else of another version can be judged.
  if (m.is_request() && !m.version_ok_)
    return fail(ErrorCode::kVersion, "SIP version is not SIP/2.0");
  if (was) m.quirks_ |= static_cast<std::uint8_t>(was->quirks_ & ~kBareLineFeed);
  if (!stands_in(was, m, HeaderId::kVia))
    if (auto s = validate_vias(m); !s) return s;
  if (!m.start_ok_) return fail(ErrorCode::kMalformed, "white space after the SIP version");
  // RFC 3261 8.1.1.5
  if (!m.cseq_ok_ || m.cseq() >= 0x8000'0000U)
    return fail(ErrorCode::kMalformed,
                "CSeq is not a number below 2^31 and the method of the request");
  if (!m.length_ok_)
    return fail(ErrorCode::kMalformed, "Content-Length is not a number or longer than the body");
  if (const HeaderField* f = m.find(HeaderId::kMaxForwards)) {
    const auto n = parse_length(f->value);
    if (!n || *n > 255) return fail(ErrorCode::kMalformed, "Max-Forwards is not between 0 and 255");
  }
  if (!is_call_id(m.call_id()))
    return fail(ErrorCode::kMalformed, "Call-ID is not WORD or WORD@WORD: '" +
                                           std::string(m.call_id().substr(0, 120)) + "'");
  if (!stands_in(was, m, HeaderId::kFrom)) {
    if (!m.from()) return tl::unexpected(parse_name_addr(m.value(HeaderId::kFrom)).error());
    if (auto s = validate_tag(*m.from(), HeaderId::kFrom); !s) return s;
    m.quirks_ |= m.from()->quirks;
  }
  if (!stands_in(was, m, HeaderId::kTo)) {
    if (!m.to()) return tl::unexpected(parse_name_addr(m.value(HeaderId::kTo)).error());
    if (auto s = validate_tag(*m.to(), HeaderId::kTo); !s) return s;
    m.quirks_ |= m.to()->quirks;
  }
  if (m.is_request() && headers_of_uri(m.request_uri()) != std::string_view::npos)
    return fail(ErrorCode::kMalformed, "Request-URI with headers ('?')");
  if (!m.is_request()) return {};
  std::uint8_t of_contacts = 0;
  if (!stands_in(was, m, HeaderId::kContact))
    if (auto s = validate_contacts(m, of_contacts); !s) return s;
  m.quirks_ |= of_contacts;
  for (const HeaderId id : {HeaderId::kRoute, HeaderId::kRecordRoute})
    if (!stands_in(was, m, id))
      if (auto s = validate_routes(m, id); !s) return s;
  if (was && was->request_uri() == m.request_uri()) return {};
  if (auto s = validate_request_uri(m); !s) return s;
  m.quirks_ |= m.target()->quirks;
  return {};
}

std::string_view describe_quirk(std::uint8_t quirks) noexcept {
  if (quirks & kBareLineFeed) return "a line ends in LF alone, not in CRLF";
  if (quirks & kUnderscoreInHost) return "a host name with '_'";
  if (quirks & kFreeDisplayName) return "a display name that is neither tokens nor a quoted string";
  if (quirks & kBrokenEscape) return "'%' without two hexadecimal digits in the user part of a URI";
  return {};
}

Result<std::optional<Frame>> find_frame(std::string_view stream, const ParseLimits& limits) {
  return FrameFinder(limits).find(stream);
}

// Content-Length is mandatory on streams (RFC 3261 18.3).
Status FrameFinder::read_head(std::string_view s) {
  std::optional<std::size_t> length;
  for (std::size_t at = s.find('\n') + 1; at < head_;) {
    const std::size_t end = std::min(end_of_field(s, at), head_);
    const std::string_view line = s.substr(at, end - at);
    at = end;
    if (line[0] != 'C' && line[0] != 'c' && line[0] != 'l' && line[0] != 'L') continue;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos ||
        header_id(trim(line.substr(0, colon))) != HeaderId::kContentLength)
      continue;
    const auto n = parse_length(trim(line.substr(colon + 1)));
    if (!n) return fail(ErrorCode::kMalformed, "Content-Length is not a number");
    if (length && *length != *n)
      return fail(ErrorCode::kMalformed, "two different Content-Length headers");
    length = n;
  }
  if (!length) return fail(ErrorCode::kMalformed, "no Content-Length on a stream");
  if (*length > limits_.max_message || head_ + *length > limits_.max_message)
    return fail(ErrorCode::kTooLarge,
                "message longer than " + std::to_string(limits_.max_message) + " bytes");
  length_ = *length;
  return {};
}

Result<std::optional<Frame>> FrameFinder::find(std::string_view stream) {
  Frame f;
  while (f.skip < stream.size() && (stream[f.skip] == '\r' || stream[f.skip] == '\n')) ++f.skip;
  const std::string_view s = stream.substr(f.skip);
  if (s.empty()) return f.skip ? std::optional<Frame>(f) : std::nullopt;
  const std::size_t longest = limits_.max_start_line + 2;
  if (!line_ended_ && s.size() > scanned_) {
    const std::size_t nl = s.find('\n', scanned_);
    if (s.size() > longest && nl >= longest)
      return fail(ErrorCode::kTooLarge,
                  "start line longer than " + std::to_string(limits_.max_start_line));
    line_ended_ = nl != std::string_view::npos && nl < longest;
  }
  if (head_ == 0) {
    head_ = end_of_headers(s, scanned_);
    if (head_ == 0) {
      if (s.size() > limits_.max_message)
        return fail(ErrorCode::kTooLarge,
                    "no end of headers within " + std::to_string(limits_.max_message) + " bytes");
      return std::optional<Frame>();
    }
    if (auto ok = read_head(s); !ok) return tl::unexpected(ok.error());
  }
  if (s.size() < head_ + length_) return std::optional<Frame>();
  f.length = head_ + length_;
  *this = FrameFinder(limits_);
  return std::optional<Frame>(f);
}

}  // namespace causeway::sip
