#include "media/plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "codec/choice.h"
#include "codec/codec.h"

namespace causeway::media {
namespace {

constexpr std::uint16_t kUsualMs = 20;

bool is_audio(const sdp::Codec& c) {
  return !sdp::is_telephone_event(c) && !sdp::is_comfort_noise(c);
}

bool numbered(const sdp::Codec& c) { return c.pt.value < 128; }

const sdp::Codec* same_at(const sdp::Codec& c, const std::vector<sdp::Codec>& theirs) {
  const sdp::Codec* found = nullptr;
  for (const sdp::Codec& t : theirs) {
    if (!codec::same_payloads(c, t) || !numbered(t)) continue;
    if (t.fmtp == c.fmtp) return &t;
    if (!found) found = &t;
  }
  return found;
}

bool is_law(codec::Kind k) { return k == codec::Kind::kPcmu || k == codec::Kind::kPcma; }

// Bits each second of a codec that has one rate alone; 0: it has several.
std::uint32_t fixed_rate(const sdp::Codec& c) {
  const auto kind = codec::known(c);
  if (!kind) return 0;
  switch (*kind) {
    case codec::Kind::kPcmu:
    case codec::Kind::kPcma:
    case codec::Kind::kG722: return 64'000;
    case codec::Kind::kG726_32: return 32'000;
    case codec::Kind::kL16: return c.clock * 16 * c.channels;
    case codec::Kind::kG729: return 8'000;
    case codec::Kind::kOpus:
    case codec::Kind::kAmr:
    case codec::Kind::kAmrWb: return 0;
  }
  return 0;
}

constexpr std::uint32_t kMostBits = 10'000'000;  // of any audio

// What the peer takes of encoded audio in packets of `ms`, bit/s; 0: it did not say. b=TIAS is
// without headers (RFC 3890), b=AS with those of IP, UDP and RTP.
std::uint32_t most_bits(const LegMedia& to, std::uint16_t ms) {
  const sdp::Bandwidth& b = to.remote.bandwidth;
  if (b.tias && *b.tias != 0) return std::min(*b.tias, kMostBits);
  if (!b.as_kbps || *b.as_kbps == 0) return 0;
  const std::uint32_t headers =
      (to.remote.rtp.address.is_v6() ? 60 : 40) * 8 * 1'000 / std::max<std::uint16_t>(ms, 1);
  const std::uint64_t all = std::uint64_t{*b.as_kbps} * 1'000;
  if (all <= headers) return 1;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(all - headers, kMostBits));
}

bool fits(const LegMedia& to, const sdp::Codec& c, std::uint16_t ms) {
  const std::uint32_t most = most_bits(to, ms);
  return most == 0 || fixed_rate(c) <= most;
}

// Many count no headers in b=AS.
bool too_much(const LegMedia& to, const sdp::Codec& c) {
  const sdp::Bandwidth& b = to.remote.bandwidth;
  const std::uint64_t most =
      b.tias && *b.tias != 0 ? *b.tias : std::uint64_t{b.as_kbps.value_or(0)} * 1'000;
  return most != 0 && fixed_rate(c) > most;
}

constexpr std::uint16_t kLongestMs = 60;

std::uint16_t packet_ms(const LegMedia& to, const sdp::Codec& c) {
  const auto traits = codec::traits_of(c);
  std::uint16_t ms = to.send_ptime != 0 ? to.send_ptime : kUsualMs;
  if (to.send_maxptime != 0) ms = std::min(ms, to.send_maxptime);
  ms = std::min(ms, traits.max_ms);
  const std::uint16_t frame = std::max<std::uint16_t>(traits.frame_ms, 1);
  // Longer packets have less of headers: where that makes it fit what the peer takes.
  const std::uint16_t longest =
      std::min({traits.max_ms, kLongestMs, to.send_maxptime != 0 ? to.send_maxptime : kLongestMs});
  if (!fits(to, c, ms))
    for (std::uint16_t longer = 30; longer <= longest; longer += 10)
      if (longer > ms && fits(to, c, longer)) {
        ms = longer;
        break;
      }
  return std::max<std::uint16_t>(static_cast<std::uint16_t>(ms / frame * frame), frame);
}

// Of what the peer takes the first that we can make; rather one that it may send, too, as most
// peers change what they send with what they hear.
const sdp::Codec* spoken(const LegMedia& to) {
  const sdp::Codec* found = nullptr;
  for (const bool fitting : {true, false}) {  // rather one that is not more than it takes
    for (const sdp::Codec& c : to.send_codecs) {
      if (!is_audio(c) || !numbered(c) || !codec::known(c)) continue;
      if (fitting && too_much(to, c)) continue;
      if (same_at(c, to.receive_codecs)) return &c;
      if (!found) found = &c;
    }
    if (found) return found;
  }
  return found;
}

Coding coding_as(const LegMedia& to, const sdp::Codec& c, std::uint32_t rate) {
  Coding coding{c, rate, packet_ms(to, c)};
  if (fixed_rate(c) == 0) coding.bit_rate = static_cast<int>(most_bits(to, coding.packet_ms));
  const auto noise = [&](const std::vector<sdp::Codec>& codecs) {
    return std::find_if(codecs.begin(), codecs.end(), [&](const sdp::Codec& n) {
      return sdp::is_comfort_noise(n) && n.clock == c.clock && numbered(n);
    });
  };
  // Both said that they have it (TDM-11).
  if (const auto theirs = noise(to.send_codecs);
      !to.plain && theirs != to.send_codecs.end() &&
      noise(to.receive_codecs) != to.receive_codecs.end())
    coding.noise_type = theirs->pt.value;
  return coding;
}

// Digits as they come and as they are wanted.
struct Digits {
  bool found_in_audio = false;  // looked for in what is decoded
  bool converted = false;       // events are not passed on as they are
};

Digits digits_between(const LegMedia& from, const LegMedia& to) {
  if (from.digits == DigitForm::kInBand) return {to.digits != DigitForm::kInBand, false};
  return {false, to.digits != DigitForm::kEvents};
}

}  // namespace

std::optional<Coding> coding_towards(const LegMedia& to) {
  const sdp::Codec* c = spoken(to);
  if (!c) return std::nullopt;
  return coding_as(to, *c, codec::meeting_rate(*c, *c));
}

std::optional<EventCoding> events_towards(const LegMedia& to) {
  if (to.digits != DigitForm::kEvents) return std::nullopt;
  const sdp::Codec* audio = spoken(to);
  const sdp::Codec* found = nullptr;
  for (const sdp::Codec& c : to.send_codecs)
    if (sdp::is_telephone_event(c) && numbered(c) &&
        (!found || (audio && c.clock == audio->clock && found->clock != c.clock)))
      found = &c;
  if (!found) return std::nullopt;
  return EventCoding{found->pt.value, found->clock};
}

Plan plan(const LegMedia& from, const LegMedia& to, std::uint16_t arriving_ms) {
  Plan p;
  p.types.fill(kNoType);
  const sdp::Codec* out = spoken(to);
  // RFC 4734: what a modem says is neither changed nor listened to.
  const bool plain = from.plain || to.plain;
  const Digits digits = plain ? Digits{} : digits_between(from, to);
  const bool too_long = to.send_maxptime != 0 && arriving_ms > to.send_maxptime;
  const bool other_time = !plain && arriving_ms != 0 && out &&
                          ((to.send_ptime != 0 && arriving_ms != packet_ms(to, *out)) || too_long);
  std::vector<sdp::Codec> decoded;
  bool all_decoded = digits.found_in_audio || other_time;
  const auto can_decode = [&](const sdp::Codec& c) { return out && codec::known(c).has_value(); };
  // What we offered and its answer left out it does not send (RFC 3264 7): passed on where that
  // costs nothing, and no decoder waits for it. By name alone: parameters are written carelessly. A
  // peer that named nothing of ours has said nothing about it.
  const auto named = [&](const sdp::Codec& c) {
    return std::any_of(from.send_codecs.begin(), from.send_codecs.end(),
                       [&](const sdp::Codec& t) { return sdp::same_codec(c, t); });
  };
  const bool answered =
      std::any_of(from.receive_codecs.begin(), from.receive_codecs.end(),
                  [&](const sdp::Codec& c) { return is_audio(c) && numbered(c) && named(c); });
  // One that we cannot decode leaves its digits and its packet times as they are.
  for (const sdp::Codec& c : from.receive_codecs) {
    if (!numbered(c) || !is_audio(c)) continue;
    std::uint8_t& type = p.types[c.pt.value];
    const sdp::Codec* same = same_at(c, to.send_codecs);
    const bool agreed = !answered || named(c);
    if (same && !(all_decoded && agreed && can_decode(c))) {
      type = same->pt.value;
      continue;
    }
    if (!can_decode(c)) continue;
    const auto in_kind = *codec::known(c), out_kind = *codec::known(*out);
    if (!all_decoded && is_law(in_kind) && is_law(out_kind)) {
      type = kOtherLaw;
      p.other_law = out->pt.value;
      p.to_a_law = out_kind == codec::Kind::kPcma;
      continue;
    }
    if (!agreed) continue;
    type = kDecode;
    decoded.push_back(c);
  }
  const bool relayed = decoded.empty();
  for (const sdp::Codec& c : from.receive_codecs) {
    if (!numbered(c) || is_audio(c)) continue;
    std::uint8_t& type = p.types[c.pt.value];
    const sdp::Codec* same = same_at(c, to.send_codecs);
    if (sdp::is_comfort_noise(c)) {
      type = plain ? kNoType : !relayed ? kNoise : same ? same->pt.value : kNoType;
      continue;
    }
    // Events among relayed audio go on with its numbers; among audio of ours they are ours.
    if (same && relayed && !digits.converted) {
      type = same->pt.value;
    } else if (from.digits == DigitForm::kEvents &&
               (events_towards(to) || to.digits != DigitForm::kEvents)) {
      type = kDigit;
      p.digits = true;
    }
  }
  if (!decoded.empty()) {
    std::uint32_t rate = 0;
    for (const sdp::Codec& c : decoded) rate = std::max(rate, codec::meeting_rate(c, *out));
    p.decoding = Decoding{std::move(decoded), rate, digits.found_in_audio};
    p.coding = coding_as(to, *out, rate);
    p.digits = p.digits || digits.found_in_audio;
  } else if (p.digits && to.digits == DigitForm::kInBand) {
    p.coding = coding_towards(to);  // while a digit is heard, the audio is ours
  }
  // What is signalled to us on that side comes as digits, too.
  if (p.digits || from.digits == DigitForm::kSignalled) p.events = events_towards(to);
  if (from.digits == DigitForm::kSignalled && to.digits == DigitForm::kInBand && !p.coding)
    p.coding = coding_towards(to);
  return p;
}

std::string in_words(const Plan& p, const LegMedia& from, const LegMedia& to) {
  const sdp::Codec* in = nullptr;
  for (const sdp::Codec& c : from.receive_codecs)
    if (is_audio(c) && numbered(c) && p.types[c.pt.value] != kNoType &&
        (!in || (p.decoding && p.types[in->pt.value] != kDecode && p.types[c.pt.value] == kDecode)))
      in = &c;
  if (!in) return "nothing passes";
  std::string text;
  const std::uint8_t type = p.types[in->pt.value];
  if (type == kDecode)
    text = fmt::format("{} -> {}, decoded at {} kHz, packets of {} ms", in->name,
                       p.coding->codec.name, p.coding->rate / 1000, p.coding->packet_ms);
  else if (type == kOtherLaw)
    text = fmt::format("{} -> {}, by table", in->name, p.to_a_law ? "PCMA" : "PCMU");
  else
    text = fmt::format("{}, relayed", in->name);
  if (from.plain || to.plain) text += ", for a fax or modem";
  if (p.decoding && p.decoding->find_digits) text += ", tones found";
  if (p.digits) {
    text += ", digits as ";
    text += to.digits == DigitForm::kEvents   ? "events"
            : to.digits == DigitForm::kInBand ? "tones"
                                              : "messages";
  }
  return text;
}

}  // namespace causeway::media
