#include "dns/answer_decoder.h"

#include <algorithm>
#include <array>
#include <optional>

namespace causeway::dns {
namespace {

constexpr std::uint16_t kSoa = 6;
constexpr std::uint16_t kInternet = 1;
constexpr std::size_t kMaxEntries = 256;  // resource records looked at
constexpr int kMaxAliases = 8;
constexpr int kMaxPointers = 16;
constexpr std::size_t kMaxNames = 255;  // octets of a name on the wire (RFC 1035 2.3.4)
constexpr std::size_t kMaxLabel = 63;

class Reader {
 public:
  explicit Reader(std::span<const std::byte> message) : message_(message) {}

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::size_t at() const { return at_; }
  void go_to(std::size_t at) {
    ok_ = ok_ && at <= message_.size();
    at_ = at;
  }
  std::uint8_t u8() {
    if (!has(1)) return 0;
    return std::to_integer<std::uint8_t>(message_[at_++]);
  }
  std::uint16_t u16() {
    const unsigned high = u8();
    return static_cast<std::uint16_t>(high << 8 | u8());
  }
  std::uint32_t u32() {
    const std::uint32_t high = u16();
    return high << 16 | u16();
  }
  template <std::size_t N>
  std::array<std::uint8_t, N> octets() {
    std::array<std::uint8_t, N> out{};
    for (auto& o : out) o = u8();
    return out;
  }

  // A <character-string> (RFC 1035 3.3), in lower case; it must be printable.
  std::string text() {
    std::string out;
    const std::size_t length = u8();
    if (!has(length)) return {};
    for (std::size_t i = 0; i < length; ++i) {
      const char c = static_cast<char>(u8());
      if (c < ' ' || c >= 0x7f) return bad();
      out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return out;
  }

  // Lower case, labels joined by dots, empty for the root. Compression pointers lead backwards
  // only, so that no loop is possible (RFC 1035 4.1.4).
  std::string name() {
    std::string out;
    std::size_t resume = 0;  // where to go on after the first pointer
    std::size_t earliest = at_;
    for (int pointers = 0; ok_;) {
      const std::size_t length = u8();
      if (!ok_ || length == 0) break;
      if (length <= kMaxLabel) {
        add_label(out, length);
        continue;
      }
      if (length < 0xc0) return bad();  // reserved forms
      const std::size_t target = (length & 0x3f) << 8 | u8();
      if (!ok_ || target >= earliest || ++pointers > kMaxPointers) return bad();
      if (resume == 0) resume = at_;
      earliest = target;
      at_ = target;
    }
    if (resume != 0) at_ = resume;
    return ok_ ? out : std::string();
  }

 private:
  bool has(std::size_t n) {
    ok_ = ok_ && message_.size() - at_ >= n;
    return ok_;
  }
  std::string bad() {
    ok_ = false;
    return {};
  }
  void add_label(std::string& out, std::size_t length) {
    if (!has(length) || out.size() + length + 1 > kMaxNames) {
      ok_ = false;
      return;
    }
    if (!out.empty()) out += '.';
    for (std::size_t i = 0; i < length; ++i) {
      const char c = static_cast<char>(u8());
      // Host and service names are printable; a dot within a label would read as two labels.
      if (c <= ' ' || c >= 0x7f || c == '.') ok_ = false;
      out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
  }

  std::span<const std::byte> message_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

struct Entry {
  std::string owner;
  std::uint16_t type = 0;
  Seconds ttl{0};
  Record record;        // of the types that we look for
  std::string alias;    // of kCname
  Seconds negative{0};  // of SOA: the least of its TTL and its MINIMUM (RFC 2308 5)
};

Seconds to_ttl(std::uint32_t value) {
  return Seconds{value > 0x7fffffff ? 0 : value};  // RFC 2181 8
}

tl::unexpected<Error> malformed(std::string_view name, const char* what) {
  return fail(ErrorCode::kMalformed, "answer about " + std::string(name) + ": " + what);
}

void read_data(Reader& in, std::size_t length, Entry& entry) {
  switch (entry.type) {
    case static_cast<std::uint16_t>(RecordType::kA): {
      if (length != 4) return in.go_to(SIZE_MAX);
      entry.record.address = IpAddress::v4(in.u32());
      return;
    }
    case static_cast<std::uint16_t>(RecordType::kAaaa): {
      if (length != 16) return in.go_to(SIZE_MAX);
      entry.record.address = IpAddress::v6(in.octets<16>());
      return;
    }
    case static_cast<std::uint16_t>(RecordType::kSrv):
      entry.record.srv.priority = in.u16();
      entry.record.srv.weight = in.u16();
      entry.record.srv.port = in.u16();
      entry.record.srv.target = in.name();
      return;
    case static_cast<std::uint16_t>(RecordType::kNaptr):
      entry.record.naptr.order = in.u16();
      entry.record.naptr.preference = in.u16();
      entry.record.naptr.flags = in.text();
      entry.record.naptr.service = in.text();
      (void)in.text();  // a regular expression: with flag "s" there is none
      entry.record.naptr.replacement = in.name();
      return;
    case static_cast<std::uint16_t>(RecordType::kCname): entry.alias = in.name(); return;
    case kSoa:
      (void)in.name();
      (void)in.name();
      for (int i = 0; i < 4; ++i) (void)in.u32();
      entry.negative = std::min(entry.ttl, to_ttl(in.u32()));
      return;
    default: return;
  }
}

std::optional<Entry> read_entry(Reader& in) {
  Entry entry;
  entry.owner = in.name();
  entry.type = in.u16();
  const std::uint16_t network = in.u16();
  entry.ttl = to_ttl(in.u32());
  const std::size_t length = in.u16();
  const std::size_t end = in.at() + length;
  if (!in.ok()) return std::nullopt;
  if (network != kInternet) entry.type = 0;
  entry.record.type = static_cast<RecordType>(entry.type);
  entry.record.ttl = entry.ttl;
  read_data(in, length, entry);
  if (!in.ok() || in.at() > end) return std::nullopt;
  in.go_to(end);
  return in.ok() ? std::optional(std::move(entry)) : std::nullopt;
}

// The records of `wanted`, through the aliases found on the way.
void collect(const std::vector<Entry>& entries, std::string name, RecordType wanted,
             Answer& answer) {
  Seconds least = Seconds::max();
  for (int aliases = 0; aliases <= kMaxAliases; ++aliases) {
    const Entry* alias = nullptr;
    for (const Entry& entry : entries) {
      if (entry.owner != name) continue;
      if (entry.type == static_cast<std::uint16_t>(RecordType::kCname)) alias = &entry;
      if (entry.type != static_cast<std::uint16_t>(wanted)) continue;
      if (answer.records.size() == kMaxRecords) return;
      answer.records.push_back(entry.record);
      answer.records.back().ttl = std::min(entry.ttl, least);
    }
    if (!answer.records.empty() || !alias) return;
    least = std::min(least, alias->ttl);
    name = alias->alias;
  }
}

}  // namespace

Result<Answer> decode_answer(std::span<const std::byte> message, std::string_view name,
                             RecordType type) {
  constexpr int kNoError = 0, kNameError = 3;
  Reader in(message);
  (void)in.u16();  // the id was matched by who received it
  const std::uint16_t flags = in.u16();
  const std::uint16_t questions = in.u16(), answers = in.u16(), authorities = in.u16();
  (void)in.u16();
  if (!in.ok() || (flags & 0x8000) == 0) return malformed(name, "not a DNS answer");
  const int rcode = flags & 0xf;
  if (rcode != kNoError && rcode != kNameError)
    return fail(ErrorCode::kUnavailable,
                std::string(name) + ": the name server failed with code " + std::to_string(rcode));
  const std::string asked = canonical_name(name);
  if (questions != 1 || in.name() != asked || in.u16() != static_cast<std::uint16_t>(type) ||
      in.u16() != kInternet || !in.ok())
    return malformed(name, "answers another question");
  if (std::size_t{answers} + authorities > kMaxEntries) return malformed(name, "too many records");
  std::vector<Entry> entries;
  Answer answer;
  answer.name_exists = rcode == kNoError;
  for (int i = 0; i < answers + authorities; ++i) {
    auto entry = read_entry(in);
    if (!entry) return malformed(name, "a broken record");
    if (i < answers)
      entries.push_back(std::move(*entry));
    else if (entry->type == kSoa)
      answer.negative_ttl = entry->negative;
  }
  collect(entries, asked, type, answer);
  return answer;
}

}  // namespace causeway::dns
