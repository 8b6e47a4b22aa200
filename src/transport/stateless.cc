#include "transport/stateless.h"

#include "policy/decide.h"

namespace causeway::transport {

std::string stateless_response(const sip::Message& request, const Flow& flow, int status,
                               std::string_view why, const deployment::Profile* profile) {
  std::uint64_t h = 0xcbf29ce484222325ULL;
  const auto mix = [&](std::string_view s) {
    for (const char c : s) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  };
  mix(request.call_id());
  mix(request.value(sip::HeaderId::kFrom));
  mix(request.value(sip::HeaderId::kVia));
  char tag[24];
  const int n = std::snprintf(tag, sizeof tag, "s%016llx", static_cast<unsigned long long>(h));
  auto b = sip::begin_response(request, status, sip::reason_phrase(status),
                               {tag, static_cast<std::size_t>(n)}, flow.remote);
  if (status >= 400) {
    // What a person needs to know, without quotes and control characters of the peer in it.
    std::string text;
    for (const char c : why.substr(0, 200))
      text += (c == '"' || c == '\\' || static_cast<unsigned char>(c) < ' ') ? '\'' : c;
    b.add("Warning: 399 causeway \"").add(text).add("\"\r\n");
  }
  add_profile_lines(b, profile);
  if (profile && profile->reason_on_failure && status >= 400) {
    const auto own = profile->q850_by_status.find(status);
    const int cause = own != profile->q850_by_status.end() ? own->second
                      : status == 503                      ? 42
                                                           : policy::q850_of_status(status);
    b.begin(sip::HeaderId::kReason).add("Q.850;cause=").number(cause);
    b.add(";text=\"").add(policy::q850_text(cause)).add("\"").end_line();
  }
  if (status == 503) b.header(sip::HeaderId::kRetryAfter, 5);
  return b.finish();
}

void add_profile_lines(sip::Builder& b, const deployment::Profile* profile) {
  if (!profile) return;
  for (const auto& h : profile->add_headers) b.header(h.name, h.value);
}

}  // namespace causeway::transport
