#include "codec/choice.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "codec/fmtp.h"

namespace causeway::codec {

namespace {

bool same_word(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

bool is_speech(const sdp::Codec& c) {
  return !sdp::is_telephone_event(c) && !sdp::is_comfort_noise(c);
}

constexpr std::uint8_t kFirstDynamic = 96;  // RFC 3551 6
constexpr std::uint8_t kLastDynamic = 127;

struct OwnLine {
  std::string_view name;
  std::uint8_t pt;  // 0 and not PCMU: dynamic
  std::uint32_t clock;
  std::uint8_t channels;
  std::string_view fmtp;
};
constexpr std::array kOwnLines{
    OwnLine{"PCMU", 0, 8000, 1, ""},
    OwnLine{"PCMA", 8, 8000, 1, ""},
    OwnLine{"G722", 9, 8000, 1, ""},
    OwnLine{"opus", kFirstDynamic, 48000, 2, "useinbandfec=1"},
    OwnLine{"G726-32", kFirstDynamic, 8000, 1, ""},
    OwnLine{"AAL2-G726-32", kFirstDynamic, 8000, 1, ""},
    OwnLine{"L16", kFirstDynamic, 16000, 1, ""},
    // 3GPP TS 26.114: bandwidth-efficient unless said otherwise.
    OwnLine{"AMR-WB", kFirstDynamic, 16000, 1, "mode-change-capability=2"},
    OwnLine{"AMR", kFirstDynamic, 8000, 1, "mode-change-capability=2"},
    OwnLine{"G729", 18, 8000, 1, "annexb=no"},
};

// Numbers that no line has yet.
class Numbers {
 public:
  void take(std::uint8_t pt) { used_[pt & 127U] = true; }
  // `wanted` when it is free; else a dynamic one, or nothing when all are taken.
  std::optional<PayloadType> one(std::uint8_t wanted) {
    for (unsigned pt = wanted; pt <= kLastDynamic; ++pt) {
      if (pt != wanted && pt < kFirstDynamic) continue;
      if (!used_[pt]) {
        used_[pt] = true;
        return PayloadType{static_cast<std::uint8_t>(pt)};
      }
    }
    return std::nullopt;
  }

 private:
  std::array<bool, 128> used_{};
};

bool listed(const std::vector<sdp::Codec>& codecs, const sdp::Codec& c) {
  return std::ranges::any_of(codecs, [&](const sdp::Codec& o) { return sdp::same_codec(o, c); });
}

void add_common(std::vector<sdp::Codec>& to, const std::vector<sdp::Codec>& offered,
                const std::vector<std::string>& allowed) {
  if (allowed.empty()) {
    std::ranges::copy_if(offered, std::back_inserter(to),
                         [](const sdp::Codec& c) { return !sdp::is_telephone_event(c); });
  }
  for (const std::string& name : allowed) {
    std::ranges::copy_if(offered, std::back_inserter(to), [&](const sdp::Codec& c) {
      return !sdp::is_telephone_event(c) && same_word(c.name, name);
    });
  }
}

void add_transcodable(std::vector<sdp::Codec>& to, const std::vector<std::string>& allowed,
                      Numbers& numbers) {
  static const std::vector<std::string> everybody_has{"PCMA", "PCMU"};
  for (const std::string& name : allowed.empty() ? everybody_has : allowed) {
    auto line = own_line(name);
    if (!line || listed(to, *line)) continue;
    const auto pt = numbers.one(line->pt.value);
    if (!pt) continue;
    line->pt = *pt;
    to.push_back(std::move(*line));
  }
}

// RFC 4733 2.1: events run on the clock of the speech that they interrupt.
void add_events(std::vector<sdp::Codec>& to, const std::vector<sdp::Codec>& offered,
                Numbers& numbers) {
  const auto any = std::ranges::find_if(offered, sdp::is_telephone_event);
  if (any == offered.end()) return;
  const std::size_t others = to.size();
  const auto written = [&](std::uint32_t clock) {
    return std::any_of(to.begin() + static_cast<std::ptrdiff_t>(others), to.end(),
                       [&](const sdp::Codec& c) { return c.clock == clock; });
  };
  for (std::size_t i = 0; i < others; ++i) {
    const std::uint32_t clock = to[i].clock;
    if (!is_speech(to[i]) || written(clock)) continue;
    const auto as_offered = std::ranges::find_if(offered, [&](const sdp::Codec& c) {
      return sdp::is_telephone_event(c) && c.clock == clock;
    });
    if (as_offered != offered.end()) {
      to.push_back(*as_offered);
      continue;
    }
    const auto pt = numbers.one(kFirstDynamic);
    if (!pt) continue;
    sdp::Codec events = *any;
    events.pt = *pt;
    events.clock = clock;
    to.push_back(std::move(events));
  }
}

}  // namespace

bool same_payloads(const sdp::Codec& a, const sdp::Codec& b) {
  if (!sdp::same_codec(a, b)) return false;
  if (!same_word(a.name, "AMR") && !same_word(a.name, "AMR-WB")) return true;
  const auto differs = [&](std::string_view name) {
    return fmtp::number(a.fmtp, name).value_or(0) != fmtp::number(b.fmtp, name).value_or(0);
  };
  return !differs("octet-align") && !differs("crc") && !differs("robust-sorting") &&
         !differs("interleaving");
}

std::optional<sdp::Codec> own_line(std::string_view name) {
  const auto own = std::ranges::find_if(
      kOwnLines, [&](const OwnLine& line) { return same_word(line.name, name); });
  if (own == kOwnLines.end()) return std::nullopt;
  sdp::Codec c{PayloadType{own->pt}, std::string(own->name), own->clock, own->channels,
               std::string(own->fmtp)};
  if (!known(c)) return std::nullopt;
  return c;
}

std::string answer_fmtp(const sdp::Codec& offered) {
  const auto kind = known(offered);
  if (!kind) return offered.fmtp;
  switch (*kind) {
    case Kind::kOpus: return "useinbandfec=1";
    case Kind::kG729: return "annexb=no";
    // RFC 4867 8.3.1: the format of the payload and the modes are the offer's or nothing.
    case Kind::kAmr:
    case Kind::kAmrWb: return offered.fmtp;
    case Kind::kPcmu:
    case Kind::kPcma:
    case Kind::kG722:
    case Kind::kG726_32:
    case Kind::kL16: return {};
  }
  return {};
}

std::vector<sdp::Codec> offer_for(const std::vector<sdp::Codec>& offered,
                                  const std::vector<std::string>& allowed, bool transcode) {
  Numbers numbers;
  for (const sdp::Codec& c : offered) numbers.take(c.pt.value);
  std::vector<sdp::Codec> offer;
  add_common(offer, offered, allowed);
  const bool can_decode =
      std::ranges::any_of(offered, [](const sdp::Codec& c) { return known(c).has_value(); });
  if (transcode && can_decode) add_transcodable(offer, allowed, numbers);
  add_events(offer, offered, numbers);
  return offer;
}

Result<Meeting> meet(const std::vector<sdp::Codec>& offered,
                     const std::vector<sdp::Codec>& answered, bool transcode) {
  Meeting m;
  std::vector<bool> taken(offered.size(), false);
  for (const sdp::Codec& theirs : answered) {
    if (!is_speech(theirs)) continue;
    std::size_t same = offered.size();
    for (std::size_t i = 0; i < offered.size(); ++i) {
      if (taken[i] || !same_payloads(offered[i], theirs)) continue;
      // Two lines of one codec differ by their parameters; the number tells which was meant.
      if (same == offered.size() || offered[i].pt == theirs.pt) same = i;
    }
    if (same == offered.size()) continue;
    taken[same] = true;
    if (m.near.empty()) m.far = theirs;
    m.near.push_back(offered[same]);
  }
  if (!m.near.empty()) return m;
  if (!transcode) {
    return fail(ErrorCode::kNotAcceptable,
                "the two sides have no codec in common, and transcoding is not allowed");
  }
  // What the far side prefers of what we can do; towards it the near side's cheapest.
  const auto far = std::ranges::find_if(
      answered, [](const sdp::Codec& c) { return is_speech(c) && known(c).has_value(); });
  m.cost_us = std::numeric_limits<double>::max();
  const sdp::Codec* near = nullptr;
  for (const sdp::Codec& c : offered) {
    if (far == answered.end() || !is_speech(c) || !known(c)) continue;
    const double cost = transcoding_cost_us(c, *far);
    if (cost >= m.cost_us) continue;
    m.cost_us = cost;
    near = &c;
  }
  if (near == nullptr) {
    return fail(ErrorCode::kNotAcceptable,
                "the two sides have no codec in common, and theirs cannot be transcoded here");
  }
  m.near = {*near};
  m.far = *far;
  m.transcode = true;
  return m;
}

}  // namespace causeway::codec
