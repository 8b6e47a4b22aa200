#include "call/meeting.h"

#include <algorithm>

#include "codec/choice.h"
#include "codec/codec.h"
#include "sdp/compose.h"

namespace causeway::call {
namespace {

bool is_audio(const sdp::Codec& c) {
  return !sdp::is_telephone_event(c) && !sdp::is_comfort_noise(c);
}

bool any_audio(const std::vector<sdp::Codec>& codecs) {
  return std::any_of(codecs.begin(), codecs.end(), is_audio);
}

bool has(const std::vector<sdp::Codec>& codecs, const sdp::Codec& c) {
  return std::any_of(codecs.begin(), codecs.end(),
                     [&](const sdp::Codec& o) { return sdp::same_codec(o, c); });
}

bool events_at(const std::vector<sdp::Codec>& codecs, std::uint32_t clock) {
  return std::any_of(codecs.begin(), codecs.end(), [&](const sdp::Codec& c) {
    return sdp::is_telephone_event(c) && c.clock == clock;
  });
}

bool audio_at(const std::vector<sdp::Codec>& codecs, std::uint32_t clock) {
  return std::any_of(codecs.begin(), codecs.end(),
                     [&](const sdp::Codec& c) { return is_audio(c) && c.clock == clock; });
}

// A number that no line has, from 101 on, where most look for telephone events.
std::uint8_t free_number(const std::vector<sdp::Codec>& codecs) {
  for (std::uint8_t n = 101; n != 100; n = n == 127 ? 96 : static_cast<std::uint8_t>(n + 1))
    if (std::none_of(codecs.begin(), codecs.end(),
                     [&](const sdp::Codec& c) { return c.pt.value == n; }))
      return n;
  return 0;
}

tl::unexpected<Error> no_room(const CodingRoom& room) {
  return fail(room.ever ? ErrorCode::kUnavailable : ErrorCode::kNotAcceptable,
              room.why ? room.why() : "no room to transcode");
}

bool takes_events(const sdp::Dialect& d) {
  return d.digits == sdp::DigitsAs::kAuto || d.digits == sdp::DigitsAs::kEvents;
}

void digits_in_form_of(const sdp::Dialect& to, std::vector<sdp::Codec>& codecs) {
  if (!takes_events(to)) std::erase_if(codecs, sdp::is_telephone_event);
  if (to.digits != sdp::DigitsAs::kEvents) return;
  std::vector<std::uint32_t> clocks;
  for (const sdp::Codec& c : codecs)
    if (is_audio(c) && std::find(clocks.begin(), clocks.end(), c.clock) == clocks.end())
      clocks.push_back(c.clock);
  for (const std::uint32_t clock : clocks)
    if (!events_at(codecs, clock))
      if (const std::uint8_t number = free_number(codecs))
        codecs.push_back({PayloadType{number}, "telephone-event", clock, 1, "0-16"});
}

}  // namespace

bool may_transcode(const sdp::Dialect& a, const sdp::Dialect& b) {
  return a.transcoding != sdp::Transcoding::kNever && b.transcoding != sdp::Transcoding::kNever;
}

const sdp::Codec* cheapest_for(const sdp::Codec& made, const std::vector<sdp::Codec>& own) {
  const sdp::Codec* found = nullptr;
  double least = 0;
  for (const sdp::Codec& c : own) {
    if (!is_audio(c) || !codec::known(c)) continue;
    const double cost = codec::transcoding_cost_us(c, made);
    if (!found || cost < least) found = &c, least = cost;
  }
  return found;
}

Result<sdp::MediaWish> offer_towards(const sdp::MediaWish& wanted, const sdp::Dialect& from,
                                     const sdp::Dialect& to, const CodingRoom& room) {
  const sdp::MediaWish own = sdp::filter(wanted, from);
  sdp::MediaWish w = sdp::filter(own, to);
  const bool common = any_audio(w.codecs);
  const bool always = to.transcoding == sdp::Transcoding::kAlwaysOffered;
  if (may_transcode(from, to) && (!common || always)) {
    std::vector<std::string> names;
    for (const std::string& n : to.codecs)
      if (n != "telephone-event" && n != "CN") names.push_back(n);
    w.codecs = codec::offer_for(own.codecs, names, true);
    // What is spoken of beside audio stays, where its clock does.
    for (const sdp::Codec& c : own.codecs)
      if (sdp::is_comfort_noise(c) && audio_at(w.codecs, c.clock) &&
          std::find(to.codecs.begin(), to.codecs.end(), "CN") != to.codecs.end())
        w.codecs.push_back(c);
    if (room.now) {
      const bool any = any_audio(w.codecs);
      std::erase_if(w.codecs, [&](const sdp::Codec& c) {
        if (!is_audio(c) || has(own.codecs, c)) return false;
        const sdp::Codec* as = cheapest_for(c, own.codecs);
        return !as || !room.now(*as, c);
      });
      if (any && !any_audio(w.codecs)) return no_room(room);
    }
  }
  if (!any_audio(w.codecs))
    return fail(ErrorCode::kNotAcceptable, "no codec of the offer is allowed");
  digits_in_form_of(to, w.codecs);
  if (to.ptime != 0) w.ptime = to.ptime;
  return w;
}

Result<sdp::MediaWish> far_side_as_offered(const sdp::MediaWish& offered,
                                           const sdp::MediaWish& far_said, const sdp::Dialect& near,
                                           const sdp::Dialect& far, const CodingRoom& room) {
  sdp::MediaWish w = far_said;
  const bool common =
      std::any_of(offered.codecs.begin(), offered.codecs.end(),
                  [&](const sdp::Codec& c) { return is_audio(c) && has(far_said.codecs, c); });
  const bool made = !common && may_transcode(near, far);
  if (made) {
    auto m = codec::meet(sdp::filter(offered, near).codecs, far_said.codecs, true);
    if (!m) return tl::unexpected(m.error());
    if (room.now && !room.now(m->near.front(), m->far)) return no_room(room);
    w.codecs = std::move(m->near);
    w.ptime = w.maxptime = 0;  // packets are made anew
    for (const sdp::Codec& c : offered.codecs)
      if (sdp::is_comfort_noise(c) && audio_at(w.codecs, c.clock)) w.codecs.push_back(c);
  }
  if (!takes_events(near)) {
    std::erase_if(w.codecs, sdp::is_telephone_event);
    return w;
  }
  // Events that the near side can send and the far side has in another form are made into that.
  if (!made && near.digits != sdp::DigitsAs::kEvents && far.digits == sdp::DigitsAs::kAuto)
    return w;
  std::vector<sdp::Codec> in_use;
  for (const sdp::Codec& c : offered.codecs)
    if (has(w.codecs, c)) in_use.push_back(c);
  for (const sdp::Codec& c : offered.codecs)
    if (sdp::is_telephone_event(c) && !has(w.codecs, c) && audio_at(in_use, c.clock))
      w.codecs.push_back(c);
  return w;
}

sdp::MediaWish only_g711(const sdp::MediaWish& wish) {
  sdp::MediaWish w = wish;
  std::erase_if(w.codecs, [](const sdp::Codec& c) {
    const auto kind = codec::known(c);
    return kind != codec::Kind::kPcmu && kind != codec::Kind::kPcma;
  });
  return w;
}

bool reaches(const sdp::Codec& c, const sdp::MediaWish& wish, bool transcode) {
  if (has(wish.codecs, c)) return true;
  return transcode && codec::known(c) &&
         std::any_of(wish.codecs.begin(), wish.codecs.end(), [](const sdp::Codec& o) {
           return is_audio(o) && codec::known(o).has_value();
         });
}

bool other_law_does(const sdp::Codec& c, const sdp::MediaWish& wish) {
  const sdp::Codec u{PayloadType{0}, "PCMU", 8000, 1, ""}, a{PayloadType{8}, "PCMA", 8000, 1, ""};
  return (sdp::same_codec(c, u) && has(wish.codecs, a)) ||
         (sdp::same_codec(c, a) && has(wish.codecs, u));
}

std::optional<sdp::MediaWish> as_shown(const sdp::MediaWish& shown, const sdp::MediaWish& now,
                                       const sdp::MediaWish& far_said, bool transcode,
                                       const CodingRoom& room) {
  const auto carried = [&](const sdp::Codec& c) {
    if (has(far_said.codecs, c) || (transcode && other_law_does(c, far_said))) return true;
    if (!transcode || !room.ever || !reaches(c, far_said, true)) return false;
    const sdp::Codec* theirs = cheapest_for(c, far_said.codecs);
    return theirs && (!room.now || room.now(c, *theirs));
  };
  if (!std::all_of(shown.codecs.begin(), shown.codecs.end(),
                   [&](const sdp::Codec& c) { return !is_audio(c) || carried(c); }))
    return std::nullopt;
  sdp::MediaWish w = shown;
  w.direction = now.direction;
  return w;
}

media::DigitForm digit_form(const sdp::Dialect& dialect, const sdp::MediaWish& heard,
                            const sdp::MediaWish& told) {
  switch (dialect.digits) {
    case sdp::DigitsAs::kInfoRelay:
    case sdp::DigitsAs::kInfo:
    case sdp::DigitsAs::kNotify: return media::DigitForm::kSignalled;
    case sdp::DigitsAs::kInBand: return media::DigitForm::kInBand;
    case sdp::DigitsAs::kAuto:
    case sdp::DigitsAs::kEvents: break;
  }
  const bool both = std::any_of(heard.codecs.begin(), heard.codecs.end(), [&](const sdp::Codec& c) {
    return sdp::is_telephone_event(c) && has(told.codecs, c);
  });
  return both ? media::DigitForm::kEvents : media::DigitForm::kInBand;
}

}  // namespace causeway::call
