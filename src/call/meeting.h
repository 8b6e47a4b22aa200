// What each side of a call is told of the other's codecs and digits, where the two need not have
// the same: pure functions over what they said and how their profiles have it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "media/leg_snapshot.h"
#include "sdp/plain.h"

namespace causeway::call {

// May one side's audio be made into another codec for the other?
[[nodiscard]] bool may_transcode(const sdp::Dialect& a, const sdp::Dialect& b);

// What the machine can still do of that, for one call.
struct CodingRoom {
  bool ever = true;  // false: `now` says no for good
  // Whether there is room for coding between these two; empty: there is.
  std::function<bool(const sdp::Codec&, const sdp::Codec&)> now;
  std::function<std::string()> why;  // ... it says no, in words
};

// What to offer to `to` of what `from` wants: what its dialect allows of that; where nothing is
// left (or always, when the profile says so), codecs that are made here. Digits in its form.
// kNotAcceptable: no audio. kUnavailable: none but what would be made here, and no room for that.
[[nodiscard]] Result<sdp::MediaWish> offer_towards(const sdp::MediaWish& wanted,
                                                   const sdp::Dialect& from, const sdp::Dialect& to,
                                                   const CodingRoom& room = {});

// What `far` said, in lines of what `near` offered, for the answer to `near`: as it is where they
// have a codec in common, else one that is made here. Digits in the form of `near`. Errors as
// above.
[[nodiscard]] Result<sdp::MediaWish> far_side_as_offered(const sdp::MediaWish& offered,
                                                         const sdp::MediaWish& far_said,
                                                         const sdp::Dialect& near,
                                                         const sdp::Dialect& far,
                                                         const CodingRoom& room = {});

// The line of `own` that is cheapest to be made into `made`, which is one of ours; null: none can.
[[nodiscard]] const sdp::Codec* cheapest_for(const sdp::Codec& made,
                                             const std::vector<sdp::Codec>& own);

// G.711 alone of what is wanted; empty: there is none.
[[nodiscard]] sdp::MediaWish only_g711(const sdp::MediaWish& wish);

// What is answered to `offered` now that `shown` was said already, in a provisional, of what
// another fork had said: the same codecs, when audio in each of them reaches this fork. nullopt: it
// does not, and the answer has to be another one.
[[nodiscard]] std::optional<sdp::MediaWish> as_shown(const sdp::MediaWish& shown,
                                                     const sdp::MediaWish& now,
                                                     const sdp::MediaWish& far_said, bool transcode,
                                                     const CodingRoom& room = {});

// Can what is sent as `c` reach a side that wants `wish`?
[[nodiscard]] bool reaches(const sdp::Codec& c, const sdp::MediaWish& wish, bool transcode);

// G.711 that `wish` has in the other law.
[[nodiscard]] bool other_law_does(const sdp::Codec& c, const sdp::MediaWish& wish);

// How digits travel on a leg on which these were agreed.
[[nodiscard]] media::DigitForm digit_form(const sdp::Dialect& dialect, const sdp::MediaWish& heard,
                                          const sdp::MediaWish& told);

}  // namespace causeway::call
