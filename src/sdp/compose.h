// From plain media to SDP in a peer's dialect. Pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/net.h"
#include "base/result.h"
#include "sdp/plain.h"
#include "sdp/read.h"

namespace causeway::sdp {

struct Origin {
  std::string username = "-";
  std::uint64_t session_id = 0;
  std::uint64_t version =
      0;  // counts up by one whenever what is sent differs from what was sent last
  IpAddress address;
  friend bool operator==(const Origin&, const Origin&) = default;
};

// Our end of the leg as it is written.
struct LocalMedia {
  Endpoint rtp;                 // already the public address
  std::uint16_t rtcp_port = 0;  // same as rtp.port under rtcp-mux
  bool rtcp_mux = false;        // offers: we ask for it. Answers: written when the offer asked, too
  std::vector<Crypto> crypto;   // our keys, one per suite; kept for the life of the dialog (TDM-07)
  // Ours, as a lite agent; written where the dialect has ICE, in answers only to an offer with it.
  std::optional<IceParameters> ice;
  // Our certificate; `setup` is the part that we play already, kActpass when we play none. Written
  // where the dialect's security is kDtls.
  std::optional<DtlsParameters> dtls;
  std::optional<Endpoint> image;  // for UDPTL, where the wish has an image
  friend bool operator==(const LocalMedia&, const LocalMedia&) = default;
};

// Codecs that the dialect allows, in its order. telephone-event always stays (when its clock fits a
// codec that stays), CN only where it is listed or nothing is.
[[nodiscard]] MediaWish filter(const MediaWish& wish, const Dialect& dialect);

// The far side answered our copy of `offered`; this is what to answer the one who offered, with the
// offer's payload type numbers (RFC 3264 6.1). `far_hold` kInactiveOnly: an "inactive" that stands
// for a held stream becomes the recvonly or sendonly that the offerer expects (TDR-93).
// kNotAcceptable when no audio codec is left.
[[nodiscard]] Result<MediaWish> answer_wish(const MediaWish& offered,
                                            const MediaWish& answered_by_other_side,
                                            HoldForm far_hold = HoldForm::kRfc3264);

// `wanted` within what an answer to `offered` may say.
[[nodiscard]] constexpr Direction answer_direction(Direction offered, Direction wanted) {
  return make_direction(sends(wanted) && receives(offered), receives(wanted) && sends(offered));
}

// `attributes`: extra a= lines of the other side (RemoteOffer::attributes); those that
// dialect.attributes names are written, no others. `before`: the m= lines of our last SDP: none
// goes and each stays in its place (RFC 3264 8), declined where nothing is wanted of it.
[[nodiscard]] std::string write_offer(const Origin& origin, const LocalMedia& local,
                                      const MediaWish& wish, const Dialect& dialect,
                                      const std::vector<std::string>& attributes = {},
                                      const std::vector<std::string_view>& before = {});

// Repeats the m= lines of the offer, declining all but the chosen one. `chosen.codecs` use the
// offer's payload types. kNotAcceptable: no codec, security that the dialect does not allow, or no
// common crypto suite.
[[nodiscard]] Result<std::string> write_answer(const Origin& origin, const RemoteOffer& theirs,
                                               const LocalMedia& local, const MediaWish& chosen,
                                               const Dialect& dialect,
                                               const std::vector<std::string>& attributes = {});

}  // namespace causeway::sdp
