// Any bytes as the value of every header that has an accessor; what is written is read back as the
// same.
#include <cstdlib>

#include "sip/fields.h"

using namespace causeway;
using namespace causeway::sip;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

template <typename Parse>
void round_trip(std::string_view text, Parse&& parse) {
  const auto x = parse(text);
  if (!x) {
    require(x.error().what.size() < 400);
    return;
  }
  std::string out;
  write(out, *x);
  const auto again = parse(out);
  require(again.has_value() && *again == *x);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view list(reinterpret_cast<const char*>(data), size);
  const std::string_view whole = list;
  int n = 0;
  for (auto v = next_value(list); !v.empty() && n < 16; v = next_value(list), ++n) {
    round_trip(v, parse_session_expires);
    round_trip(v, parse_rack);
    round_trip(v, parse_reason);
    round_trip(v, parse_event);
    round_trip(v, parse_subscription_state);
    round_trip(v, parse_retry_after);
    round_trip(v, parse_warning);
    (void)parse_seconds(v);
    (void)parse_rseq(v);
    (void)parse_refer_to(v);
    (void)parse_referred_by(v);
    (void)parse_diversion(v);
    (void)parse_history_entry(v);
    (void)parse_timestamp(v);
    (void)parse_media_type(v);
    (void)parse_disposition(v);
    (void)parse_target_dialog(v);
    if (const auto x = parse_replaces(v)) {
      std::string out;
      write_replaces(out, *x);
      require(*parse_replaces(out) == *x);
    }
    if (const auto bits = parse_privacy(v); bits && (*bits & kPrivacyOther) == 0) {
      std::string out;
      write_privacy(out, *bits);
      require(*parse_privacy(out) == *bits);
    }
  }
  // As headers of a message, where several of one kind stand together.
  std::string text = "OPTIONS sip:a@h SIP/2.0\r\nAccept: ";
  text.append(whole).append("\r\nSupported: ").append(whole);
  text.append("\r\nP-Early-Media: ").append(whole);
  text.append("\r\nP-Asserted-Identity: ").append(whole).append("\r\n\r\n");
  if (const auto m = Message::parse(text)) {
    (void)accepts(*m, "application", "sdp");
    (void)has_token(*m, HeaderId::kSupported, "timer");
    (void)parse_identities(*m, HeaderId::kPAssertedIdentity);
    const auto early = early_media_of(*m);  // none where the text before it ended the headers
    require(!early || early->says_direction || (!early->backward && !early->forward));
  }
  return 0;
}
