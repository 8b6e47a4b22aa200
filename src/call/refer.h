// A REFER as a value (RFC 3515, 3892, 4488): what it asks for, what of it is refused and why; and
// what its sender is told of the outcome. Pure.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "deployment/deployment.h"
#include "sip/message.h"

namespace causeway::call {

// A dialog as a peer names it to us (RFC 3891): to_tag is the tag of whoever is to hear of it.
struct NamedDialog {
  std::string call_id, to_tag, from_tag;
  bool early_only = false;
  friend bool operator==(const NamedDialog&, const NamedDialog&) = default;
};

struct Refer {
  std::string target;       // Refer-To byte for byte, without what follows its '?'
  std::string referred_by;  // header value as it came; empty: none
  std::string by;           // who, for the record: the URI of Referred-By, else of From
  std::string id;           // of the transfer, as the profile finds it; empty: none
  std::optional<NamedDialog> replaces;
  std::vector<deployment::HeaderLine> headers;  // of Refer-To, for the request that it asks for
  std::vector<std::string> left_out;            // names of those that do not go on
  bool tells = true;                            // RFC 4488: it wants to hear of the outcome
};

struct ReferRefusal {
  int status = 0;
  std::string why;  // for a person: what its sender did wrong
};

// False: `refusal` says with what to answer it. `secure`: the request will go over TLS.
[[nodiscard]] bool read_refer(const sip::Message& m, const deployment::Profile& profile,
                              bool secure, Refer& out, ReferRefusal& refusal);

// The value of a Replaces header. nullopt: it is none.
[[nodiscard]] std::optional<NamedDialog> named_dialog(std::string_view value);
[[nodiscard]] std::string to_header(const NamedDialog& d);

// The value of parameter `name` of a URI in a header value; empty: there is none, or no name.
[[nodiscard]] std::string transfer_id_of(std::string_view value, std::string_view name);

// What the sender of a REFER hears (RFC 3515 2.4): one NOTIFY at a time, each status once, the
// newest provisional in place of older ones that have not left, the final one last.
class ReferSubscription {
 public:
  struct Said {
    std::string fragment;  // "SIP/2.0 180 Ringing\r\n"
    std::string state;     // of Subscription-State
  };
  ReferSubscription() = default;
  // `event`: with the id that tells it from others of the dialog; `until`: when it would expire.
  ReferSubscription(std::string event, Instant until) : event_(std::move(event)), until_(until) {}

  void say(int status, std::string_view reason);
  // The next to leave: none while one is under way.
  [[nodiscard]] std::optional<Said> next(Instant now);
  void sent_one_was_answered() { under_way_ = false; }
  // Its other end does not know of it any more.
  void gone();
  [[nodiscard]] bool over() const { return over_ && !under_way_; }
  [[nodiscard]] bool final_said() const { return final_; }
  [[nodiscard]] const std::string& event() const { return event_; }

 private:
  std::string event_;
  Instant until_{};
  std::string waiting_;
  int last_ = 0;
  bool final_ = false, under_way_ = false, over_ = false;
};

}  // namespace causeway::call
