// Who calls and who sent the call on, in the words of the receiving peer (RFC 3325, 3323, 5806,
// 7044, 7544, 4458). Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "call/crossing.h"
#include "deployment/deployment.h"
#include "sip/fields.h"
#include "sip/message.h"

namespace causeway::call {

// One hop of a diverted call: who sent it on, and why.
struct DivertedBy {
  std::string number;         // of the user part; empty: `uri` is no telephone number
  std::string uri;            // as it came, without headers and without its cause
  std::string display;        // quoted where it has to be
  int cause = 404;            // RFC 4458: 302 unconditional, 486 busy ...
  std::uint32_t counter = 1;  // of RFC 5806: this one stands for so many
  bool hidden = false;        // who it was is not for everybody
};
// No more than this many are read and written: what stands further back says nothing to a caller.
inline constexpr std::size_t kMaxDiversions = 10;

// The entries of History-Info that can be read, in their order. A URI with a Reason that was not
// escaped as it has to be (RFC 3261 19.1.1) is read without its headers; `reason` is what it said.
void each_history_entry(
    const sip::Message& m,
    const std::function<void(const sip::HistoryEntry&, const std::string& reason)>& f);

// Oldest first. Diversion where there is one, else the entries of History-Info that say why the
// call went on: by the `cause` of the next entry (RFC 7544 3.1) or by a Reason of their own,
// escaped or not (TDR-66). A `cause` in the Request-URI (RFC 4458, TDR-67) stands in for a reason
// that the newest one does not give.
[[nodiscard]] std::vector<DivertedBy> diversions_of(const sip::Message& invite);

// RFC 7544 3.2, 3.3
[[nodiscard]] int cause_of_reason(std::string_view diversion_reason);
[[nodiscard]] std::string_view reason_of_cause(int cause);

// Why the call was sent on, for `;cause=`; 0: it was not.
[[nodiscard]] int diversion_cause(const sip::Message& invite);

// A Remote-Party-ID of the caller asks for privacy, in a parameter of its own; one that cannot be
// read may have asked for it.
[[nodiscard]] bool hides_remote_party(const sip::Message& m);

// Does anybody sit behind that address? "anonymous", "unavailable", a host of RFC 2606's "invalid".
[[nodiscard]] bool is_anonymous(const sip::Uri& uri);

struct IdentityCrossing {
  const deployment::Profile& receiver;
  bool both_trusted = false, receiver_trusted = false;
  std::string_view own_host;
  const Caller& caller;  // as From has it
  const NumberForms& forms;
  std::string_view request_uri;  // that the INVITE leaves with
};
// The identity headers that the profile wants written otherwise than they came. A line without a
// value keeps back what came under that name.
[[nodiscard]] std::vector<deployment::HeaderLine> identity_headers(const sip::Message& invite,
                                                                   const IdentityCrossing& way);

}  // namespace causeway::call
