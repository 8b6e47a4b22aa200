// Offer/answer of one dialog (RFC 3264, the patterns of RFC 6337) as a plain value and functions
// over it. Pure, any thread. Whoever holds the value may write it down and go on later.
//
// At most one offer is outstanding. A second one is refused with kConflict; whether that becomes
// 491, 500 or waiting is decided by the leg. After any error the value is as it was.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/kept.h"
#include "base/result.h"
#include "sdp/compose.h"
#include "sdp/exchange.h"
#include "sdp/read.h"

namespace causeway::sdp {

// Which message may carry what is Exchange's part (exchange.h): who sends or reads one asks judge()
// first and tells commit() afterwards.
struct OfferAnswer : Exchange {
  Origin origin;           // what our last SDP said; version 0 when none was sent
  KeptText last_local;     // text of our last SDP
  KeptText last_remote;    // text of the last SDP of the peer that was taken
  KeptText agreed_remote;  // the peer's part of the last completed exchange
  KeptText agreed_local;   // ... and ours
  // The peer offered what stands there, and we answered: of its keys and its part in DTLS we chose.
  bool remote_offered = false, agreed_offered = false;
  friend bool operator==(const OfferAnswer&, const OfferAnswer&) = default;
};

// An answer in an unreliable 18x is a preview of the one in the 2xx: the offer stays outstanding.
enum class AnswerKind : std::uint8_t { kPreliminary, kFinal };

struct Received {
  RemoteOffer sdp;
  // The peer's last SDP said the same, o= line aside: a session refresh, or the answer of the 18x
  // again in the 200.
  bool unchanged = false;
};

// What we are called in o=, before our first SDP. `session_id`: random, below 2^63.
void start_offer_answer(OfferAnswer& s, std::uint64_t session_id, const IpAddress& address);
[[nodiscard]] OfferAnswer start_offer_answer(std::uint64_t session_id, const IpAddress& address);

// The text to send. The o= version goes up only when the rest differs from what was sent last
// (TDR-86).
[[nodiscard]] Result<std::string> local_offer(OfferAnswer& s, const LocalMedia& local,
                                              const MediaWish& wish, const Dialect& dialect,
                                              const std::vector<std::string>& attributes = {});
[[nodiscard]] Result<std::string> local_answer(OfferAnswer& s, const RemoteOffer& theirs,
                                               const LocalMedia& local, const MediaWish& chosen,
                                               const Dialect& dialect,
                                               AnswerKind kind = AnswerKind::kFinal,
                                               const std::vector<std::string>& attributes = {});
[[nodiscard]] Result<Received> remote_offer(OfferAnswer& s, std::string_view body,
                                            const Dialect& dialect);
[[nodiscard]] Result<Received> remote_answer(OfferAnswer& s, std::string_view body,
                                             const Dialect& dialect,
                                             AnswerKind kind = AnswerKind::kFinal);
// The outstanding offer was refused (or the request that carried it failed): as before it. An
// offer that is taken back leaves its version used up.
[[nodiscard]] Status rollback(OfferAnswer& s);

// The 2xx came without an SDP after a provisional that had one: the preview is the answer, as many
// a peer means it. kNotFound when there was none.
[[nodiscard]] Result<RemoteOffer> accept_preview(OfferAnswer& s, const Dialect& dialect);

// The SDP of the other side's peer as it came, under our o= line: media goes past us. Who offers,
// and who is answered, is as with local_offer() and local_answer(). kNotAcceptable: it has fewer m=
// lines than our last one (RFC 3264 8). `again`: its first stream is offered both ways, whatever
// was held there.
[[nodiscard]] Result<std::string> pass_offer(OfferAnswer& s, std::string_view theirs, bool again);
[[nodiscard]] Result<std::string> pass_answer(OfferAnswer& s, std::string_view theirs,
                                              AnswerKind kind = AnswerKind::kFinal);
// The same but for the o= line.
[[nodiscard]] bool same_media(std::string_view a, std::string_view b);

// The part in DTLS that our SDP of the last completed exchange says; nullopt: none.
[[nodiscard]] std::optional<DtlsSetup> setup_said(const OfferAnswer& s);

// The outstanding or last SDP of the peer, read again (after the value was restored).
[[nodiscard]] Result<RemoteOffer> last_remote(const OfferAnswer& s, const Dialect& dialect);

}  // namespace causeway::sdp
