// What would happen to an INVITE, and why, without a call being placed. Pure: configuration,
// directory and message in, words out.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "deployment/deployment.h"
#include "directory/directory.h"
#include "peers/admission.h"
#include "policy/decide.h"
#include "rules/engine.h"

namespace causeway::call {

struct Explanation {
  std::string group, peer, behind;  // whom it comes from; "trunk fixed", "service direct-routing"
  policy::Decision decision;
  // One for each peer that would be tried, in the order of the configuration.
  struct Way {
    std::string group, peer, address;  // "sip.example.com:5061 over tls"
    bool other_region = false;         // after those of the caller's own (GW-02)
    std::string request_uri, from, to, contact;
    std::vector<std::string> headers;    // further lines, without Via, tags and SDP
    std::vector<std::string> session;    // lines of the SDP that say what is offered
    std::vector<rules::Change> changes;  // by the rules of its profile
  };
  std::vector<Way> ways;
  std::vector<rules::Change> changes;  // of the INVITE that came
  rules::Variables variables;          // what rules remember of it
  // Towards the first of them.
  std::vector<std::string> written;    // header lines of the INVITE, without Via, tags and SDP
  std::vector<std::string> kept_back;  // "X-Private: the profile 'operator' does not list it"
};

// What a call that came now would find: limits that are reached, a gateway that drains.
struct Present {
  const peers::Admission& admission;
  bool stopping = false, ending = false;
};

// `from`: a peer or a peer group by name. kNotFound: there is none; kMalformed: no INVITE. Lines of
// the message may end without a carriage return, as in a file.
[[nodiscard]] Result<Explanation> explain(const deployment::Deployment& d,
                                          const directory::Directory* directory,
                                          std::string_view from, std::string_view message,
                                          const Present* present = nullptr);

[[nodiscard]] std::string to_text(const Explanation& e);
[[nodiscard]] std::string to_json(const Explanation& e);

}  // namespace causeway::call
