// Rules as an operator writes them, compiled, and a message to apply them to.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "../deployment/sample.h"
#include "rules/engine.h"

namespace causeway::rules::testing {

// A profile that says `rules_in` and `rules_out`, and the set "s" with these rules.
inline std::string config_with(std::string_view rules) {
  return deployment::testing::sample_with("profile = \"operator\"", "profile = \"ruled\"") +
         "\n[[profile]]\nname = \"ruled\"\nextends = \"operator\"\nrules_in = [\"s\"]\n"
         "rules_out = [\"s\"]\n\n[[rule_set]]\nname = \"s\"\n" +
         std::string(rules);
}

struct Compiled {
  deployment::DeploymentPtr deployment;
  std::shared_ptr<const Chain> in, out;
};

inline Compiled compiled(std::string_view rules) {
  const auto loaded = deployment::testing::load_sample(config_with(rules));
  EXPECT_TRUE(loaded.deployment) << loaded.to_string();
  Compiled c;
  if (!loaded.deployment) return c;
  c.deployment = loaded.deployment;
  const auto& p = c.deployment->profile(c.deployment->groups[0].profile);
  c.in = p.rules_in;
  c.out = p.rules_out;
  return c;
}
// One rule that always holds, with these actions.
inline std::string always(std::string_view actions, std::string_view when = "") {
  return "[[rule_set.rule]]\nname = \"r\"\nwhen = {" + std::string(when) + "}\nactions = [" +
         std::string(actions) + "]\n";
}

inline const std::string kSdp =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    "m=audio 4000 RTP/AVP 0 8 18 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
    "a=rtpmap:18 G729/8000\r\na=fmtp:18 annexb=no\r\na=rtpmap:101 telephone-event/8000\r\n"
    "a=fmtp:101 0-16\r\na=X-vendor:1\r\na=ptime:30\r\na=maxptime:40\r\na=sendrecv\r\n";

inline std::string with_length(std::string head, const std::string& body) {
  if (!body.empty()) head += "Content-Type: application/sdp\r\n";
  return head + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}
inline std::string invite(const std::string& headers = "", const std::string& body = "",
                          const std::string& to_tag = "", const std::string& method = "INVITE") {
  return with_length(method +
                         " sip:+493022@example.net SIP/2.0\r\n"
                         "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
                         "Max-Forwards: 70\r\n"
                         "From: \"A B\" <sip:+493011@192.0.2.1>;tag=f1\r\n"
                         "To: <sip:+493022@example.net;user=phone>" +
                         (to_tag.empty() ? "" : ";tag=" + to_tag) + "\r\nCall-ID: c1\r\nCSeq: 1 " +
                         method + "\r\nContact: <sip:+493011@192.0.2.1:5060>\r\n" + headers,
                     body);
}
inline std::string response(int status, const std::string& headers = "") {
  return with_length("SIP/2.0 " + std::to_string(status) +
                         " Some Phrase\r\n"
                         "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
                         "From: <sip:+493011@192.0.2.1>;tag=f1\r\n"
                         "To: <sip:+493022@example.net>;tag=t1\r\n"
                         "Call-ID: c1\r\nCSeq: 1 INVITE\r\n" +
                         headers,
                     "");
}

struct Applied {
  std::string text;  // of the message as it is now
  bool changed = false;
  std::vector<Change> changes;
  [[nodiscard]] bool has(std::string_view line) const {
    return text.find("\r\n" + std::string(line) + "\r\n") != std::string::npos ||
           text.starts_with(std::string(line) + "\r\n");
  }
  [[nodiscard]] std::string why() const {
    for (const auto& c : changes)
      if (!c.refused.empty()) return c.refused;
    return {};
  }
};

inline Applied applied(const std::shared_ptr<const Chain>& chain, const std::string& message,
                       Facts facts = {}, Variables* variables = nullptr) {
  Applied out;
  Variables own;
  if (!chain) return out;
  const auto m = sip::Message::parse(message);
  EXPECT_TRUE(m) << message;
  if (!m) return out;
  facts.direction = chain->direction();
  auto outcome = apply(*chain, *m, facts, variables ? *variables : own);
  out.changed = outcome.message.has_value();
  out.text = outcome.message ? std::string(outcome.message->bytes()) : message;
  out.changes = std::move(outcome.changes);
  return out;
}
// As it leaves, by one rule that always holds.
inline Applied out_by(std::string_view actions, const std::string& message, Facts facts = {}) {
  return applied(compiled(always(actions, "direction = \"out\"")).out, message, facts);
}

}  // namespace causeway::rules::testing
