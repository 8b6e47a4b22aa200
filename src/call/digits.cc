// Digits that come and go in messages of a call: INFO and NOTIFY. What they are on the other side
// is the media's business (media/plan.h), or that of another message.
#include <fmt/format.h>

#include "call/body.h"
#include "call/call.h"
#include "sip/digits.h"
#include "sip/headers.h"
#include "sip/multipart.h"
#include "sip/tag.h"

namespace causeway::call {

using sip::HeaderId;
using sip::Method;
using telemetry::EventKind;

namespace {

constexpr std::size_t kMostDigits = 32;  // that wait to be sent to a peer that does not answer

bool signals(sdp::DigitsAs as) {
  return as == sdp::DigitsAs::kInfoRelay || as == sdp::DigitsAs::kInfo ||
         as == sdp::DigitsAs::kNotify;
}

}  // namespace

void Call::on_digit_message(Leg& leg, transport::TxId tx, const transport::Received& r) {
  const sip::Message& m = r.message;
  const bool notify = m.method() == Method::kNotify;
  std::string_view body = m.body();
  const std::string_view type = sip::media_type(m.value(HeaderId::kContentType));
  if (body.empty() && !notify) {  // asks whether we are there
    simple_response(leg, tx, m, 200, {});
    return;
  }
  const auto d = sip::read_digit(type, body);
  if (!d) {
    if (d.error().code == ErrorCode::kUnsupported)
      refuse_naming(leg, tx, m,
                    {415, "Accept",
                     notify ? std::string(sip::kTelephoneEvent)
                            : fmt::format("{}, {}", sip::kDtmfRelay, sip::kDtmf),
                     d.error().what, "content_type"});
    else
      simple_response(leg, tx, m, 400, d.error().what);
    return;
  }
  simple_response(leg, tx, m, 200, {});
  Leg* far = other(leg);
  if (!d->over || !far || !far->s.has_media || was_terminated_) return;
  if (signals(far->profile->sdp.digits)) {
    send_digit(*far, d->event, d->milliseconds);
    return;
  }
  const Micros length = Millis(d->milliseconds != 0 ? d->milliseconds : 160);
  if (!services_.media.play_digit(far->media, d->event, length))
    tell(EventKind::kNote, far, "a digit was lost: the peer takes none now, or too many wait");
}

void Call::on_digit(LegId id, std::uint8_t event, Micros duration) {
  Leg* leg = find_leg(id);
  if (!leg || was_terminated_) return;
  const auto ms = std::chrono::duration_cast<Millis>(duration).count();
  send_digit(*leg, event, static_cast<std::uint16_t>(std::clamp<std::int64_t>(ms, 40, 8'000)));
}

// Told once for each leg; the rest is counted.
void Call::on_digit_lost(LegId id) {
  if (const Leg* leg = find_leg(id))
    tell(EventKind::kNote, leg,
         "a digit was lost: more wait to be sent to this peer than are kept");
}

// One after the other: requests that overtake each other on the way would be refused.
void Call::send_digit(Leg& leg, std::uint8_t event, std::uint16_t milliseconds) {
  if (!signals(leg.profile->sdp.digits) || (!leg.confirmed() && leg.s.phase != LegPhase::kEarly))
    return;
  if (leg.digits.size() >= kMostDigits) {
    tell(EventKind::kNote, &leg, "a digit was lost: the peer does not answer those before it");
    return;
  }
  leg.digits.push_back({event, milliseconds});
  if (leg.digit_tx.value == 0) send_next_digit(leg);
}

void Call::send_next_digit(Leg& leg) {
  leg.digit_tx = {};
  if (leg.digits.empty() || was_terminated_ || leg.s.phase == LegPhase::kEnded) return;
  const auto [event, ms] = leg.digits.front();
  leg.digits.erase(leg.digits.begin());
  const auto as = leg.profile->sdp.digits;
  const bool notify = as == sdp::DigitsAs::kNotify;
  const Method method = notify ? Method::kNotify : Method::kInfo;
  const std::string_view type = notify                            ? sip::kTelephoneEvent
                                : as == sdp::DigitsAs::kInfoRelay ? sip::kDtmfRelay
                                                                  : sip::kDtmf;
  const std::string branch = sip::make_branch(owner(), services_.reactor.random());
  auto b = in_dialog(leg, method, branch, ++leg.s.dialog.local_cseq);
  if (notify) {
    b.header(HeaderId::kEvent, "telephone-event;rate=1000");
    b.header(HeaderId::kSubscriptionState, "active");
  }
  leg.digit_tx =
      send_in_dialog(leg, method, b.finish(sip::write_digit(type, {event, ms}), type), branch);
}

}  // namespace causeway::call
