// What each side of a call is told of the other's codecs and digits, where the two need not have
// the same: pure functions over what they said and how their profiles have it.
#pragma once

#include "base/result.h"
#include "media/leg_snapshot.h"
#include "sdp/plain.h"

namespace causeway::call {

// May one side's audio be made into another codec for the other?
[[nodiscard]] bool may_transcode(const sdp::Dialect& a, const sdp::Dialect& b);

// What to offer to `to` of what `from` wants: what its dialect allows of that; where nothing is
// left (or always, when the profile says so), codecs that are made here. Digits in its form.
// kNotAcceptable: no audio.
[[nodiscard]] Result<sdp::MediaWish> offer_towards(const sdp::MediaWish& wanted,
                                                   const sdp::Dialect& from,
                                                   const sdp::Dialect& to);

// What `far` said, in lines of what `near` offered, for the answer to `near`: as it is where they
// have a codec in common, else one that is made here. Digits in the form of `near`.
[[nodiscard]] Result<sdp::MediaWish> far_side_as_offered(const sdp::MediaWish& offered,
                                                         const sdp::MediaWish& far_said,
                                                         const sdp::Dialect& near,
                                                         const sdp::Dialect& far);

// Can what is sent as `c` reach a side that wants `wish`?
[[nodiscard]] bool reaches(const sdp::Codec& c, const sdp::MediaWish& wish, bool transcode);

// How digits travel on a leg on which these were agreed.
[[nodiscard]] media::DigitForm digit_form(const sdp::Dialect& dialect, const sdp::MediaWish& heard,
                                          const sdp::MediaWish& told);

}  // namespace causeway::call
