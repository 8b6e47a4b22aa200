#include "codec/amr_payload.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "codec/fmtp.h"

namespace causeway::codec::amr {

namespace {

// 3GPP TS 26.101 and 26.201, as RFC 4867 4.3.2 counts them; SID last.
constexpr std::array<std::uint16_t, 9> kNarrowBits{95, 103, 118, 134, 148, 159, 204, 244, 39};
constexpr std::array<std::uint16_t, 10> kWideBits{132, 177, 253, 285, 317, 365, 397, 461, 477, 40};

// Bits of a payload, from the top of each octet.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> from) : from_(from) {}
  [[nodiscard]] std::size_t left() const { return from_.size() * 8 - at_; }
  // At most 8; the caller has looked whether they are there.
  std::uint8_t take(std::size_t bits) {
    unsigned two = std::to_integer<unsigned>(from_[at_ / 8]) << 8;
    if (at_ / 8 + 1 < from_.size()) two |= std::to_integer<unsigned>(from_[at_ / 8 + 1]);
    const unsigned v = two >> (16 - at_ % 8 - bits) & ((1U << bits) - 1);
    at_ += bits;
    return static_cast<std::uint8_t>(v);
  }
  void align() { at_ = (at_ + 7) / 8 * 8; }

 private:
  std::span<const std::byte> from_;
  std::size_t at_ = 0;
};

class Writer {
 public:
  explicit Writer(std::span<std::byte> to) : to_(to) {}
  [[nodiscard]] bool fits(std::size_t bits) const { return at_ + bits <= to_.size() * 8; }
  void put(unsigned value, std::size_t bits) {
    if (!fits(bits)) {
      full_ = true;
      return;
    }
    for (std::size_t done = 0; done < bits;) {
      const std::size_t room = 8 - at_ % 8;
      const std::size_t n = std::min(room, bits - done);
      std::byte& octet = to_[at_ / 8];
      if (at_ % 8 == 0) octet = std::byte{0};
      const unsigned piece = value >> (bits - done - n) & ((1U << n) - 1);
      octet |= static_cast<std::byte>(piece << (room - n));
      at_ += n;
      done += n;
    }
  }
  void align() { at_ = (at_ + 7) / 8 * 8; }
  [[nodiscard]] std::size_t bytes() const { return full_ ? 0 : (at_ + 7) / 8; }

 private:
  std::span<std::byte> to_;
  std::size_t at_ = 0;
  bool full_ = false;
};

// "0,2,5" to bits; nothing when it is no list of modes.
std::optional<std::uint16_t> mode_set(std::string_view text, bool wide) {
  std::uint16_t modes = 0;
  while (!text.empty()) {
    const std::size_t end = text.find(',');
    std::string_view one = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    while (!one.empty() && one.front() == ' ') one.remove_prefix(1);
    while (!one.empty() && one.back() == ' ') one.remove_suffix(1);
    unsigned mode = 0;
    const auto [rest, error] = std::from_chars(one.data(), one.data() + one.size(), mode);
    if (error != std::errc() || rest != one.data() + one.size() || mode >= mode_count(wide)) {
      return std::nullopt;
    }
    modes = static_cast<std::uint16_t>(modes | 1U << mode);
  }
  if (modes == 0) return std::nullopt;
  return modes;
}

bool take_bits(Reader& from, std::size_t bits, Frame& to) {
  if (from.left() < bits) return false;
  to.bits.fill(0);
  for (std::size_t done = 0; done < bits; done += 8) {
    const std::size_t n = std::min<std::size_t>(8, bits - done);
    to.bits[done / 8] = static_cast<std::uint8_t>(from.take(n) << (8 - n));
  }
  return true;
}

}  // namespace

std::optional<std::size_t> bits_of(bool wide, std::uint8_t type) {
  if (type == kNoData || (wide && type == kSpeechLost)) return 0;
  if (wide) {
    if (type < kWideBits.size()) return kWideBits[type];
    return std::nullopt;
  }
  if (type < kNarrowBits.size()) return kNarrowBits[type];
  return std::nullopt;
}

std::optional<Format> format_of(const sdp::Codec& c) {
  const std::string_view line = c.fmtp;
  Format f;
  f.wide = c.clock == 16000;
  if (fmtp::number(line, "crc").value_or(0) != 0 ||
      fmtp::number(line, "robust-sorting").value_or(0) != 0 || fmtp::find(line, "interleaving") ||
      fmtp::number(line, "channels").value_or(1) != 1 || c.channels != 1) {
    return std::nullopt;
  }
  f.octet_align = fmtp::is_set(line, "octet-align");
  f.modes = static_cast<std::uint16_t>((1U << mode_count(f.wide)) - 1);
  if (const auto set = fmtp::find(line, "mode-set"); set && !set->empty()) {
    const auto modes = mode_set(*set, f.wide);
    if (!modes) return std::nullopt;
    f.modes = *modes;
  }
  f.change_period = fmtp::number(line, "mode-change-period") == 2U ? 2 : 1;
  f.change_to_neighbour = fmtp::is_set(line, "mode-change-neighbor");
  return f;
}

bool unpack(const Format& format, std::span<const std::byte> payload, Payload& out) {
  Reader from(payload);
  out.count = 0;
  if (from.left() < 8) return false;
  out.request = from.take(4);
  if (format.octet_align) from.align();
  // The table of contents (4.3.2, 4.4.2): F, FT, Q, and two bits of padding when aligned.
  bool more = true;
  while (more) {
    if (out.count == kMaxFrames || from.left() < (format.octet_align ? 8U : 6U)) return false;
    Frame& frame = out.frames[out.count++];
    more = from.take(1) != 0;
    frame.type = from.take(4);
    frame.good = from.take(1) != 0;
    if (format.octet_align) from.align();
    if (!bits_of(format.wide, frame.type)) return false;
  }
  for (std::size_t i = 0; i < out.count; ++i) {
    Frame& frame = out.frames[i];
    if (!take_bits(from, *bits_of(format.wide, frame.type), frame)) return false;
    if (format.octet_align) from.align();
  }
  return from.left() < 8;
}

std::size_t pack(const Format& format, const Payload& payload, std::span<std::byte> out) {
  if (payload.count == 0 || payload.count > kMaxFrames) return 0;
  Writer to(out);
  to.put(payload.request, 4);
  if (format.octet_align) to.align();
  for (std::size_t i = 0; i < payload.count; ++i) {
    const Frame& frame = payload.frames[i];
    const unsigned follows = i + 1 < payload.count ? 1 : 0;
    to.put(follows << 5 | (frame.type & 15U) << 1 | (frame.good ? 1U : 0U), 6);
    if (format.octet_align) to.align();
  }
  for (std::size_t i = 0; i < payload.count; ++i) {
    const Frame& frame = payload.frames[i];
    const auto bits = bits_of(format.wide, frame.type);
    if (!bits) return 0;
    for (std::size_t done = 0; done < *bits; done += 8) {
      const std::size_t n = std::min<std::size_t>(8, *bits - done);
      to.put(static_cast<unsigned>(frame.bits[done / 8]) >> (8 - n), n);
    }
    if (format.octet_align) to.align();
  }
  return to.bytes();
}

}  // namespace causeway::codec::amr
