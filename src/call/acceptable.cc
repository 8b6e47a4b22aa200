#include "call/acceptable.h"

#include <algorithm>

#include "sip/fields.h"

namespace causeway::call {

using sip::HeaderId;

std::optional<Unacceptable> unacceptable_extensions(const sip::Message& request,
                                                    const deployment::Profile& profile) {
  if (!request.has(HeaderId::kRequire)) return std::nullopt;
  std::string unsupported;
  for (const auto& f : request.headers()) {
    if (f.id != HeaderId::kRequire) continue;
    std::string_view list = f.value;
    while (!list.empty()) {
      const std::string_view tag = sip::next_value(list);
      const auto& known = profile.supported;
      if (tag.empty() || std::any_of(known.begin(), known.end(),
                                     [&](const std::string& k) { return sip::iequals(k, tag); }))
        continue;
      unsupported.append(unsupported.empty() ? "" : ", ").append(tag);
    }
  }
  if (unsupported.empty()) return std::nullopt;
  std::string text = "extensions that are not supported: " + unsupported;
  return Unacceptable{420, "Unsupported", std::move(unsupported), std::move(text),
                      "extension_required"};
}

std::optional<Unacceptable> unacceptable_body(const sip::Message& invite,
                                              const std::vector<BodyPart>& parts,
                                              const deployment::Profile& profile) {
  const std::string_view encoding = invite.value(HeaderId::kContentEncoding);
  if (!invite.body().empty() && !encoding.empty() && !sip::iequals(encoding, "identity"))
    return Unacceptable{415, "Accept-Encoding", "identity",
                        "body encoded as '" + std::string(encoding.substr(0, 60)) + "'",
                        "content_encoding"};
  // Parts of a multipart body that nobody knows are left out; a body that is nothing else is not.
  if (parts.size() == 1 && parts[0].headers.empty() && sdp_of(parts).empty()) {
    const auto disposition = sip::parse_disposition(invite.value(HeaderId::kContentDisposition));
    const bool optional = disposition && disposition->optional;
    const bool known = std::any_of(profile.pass_bodies.begin(), profile.pass_bodies.end(),
                                   [&](const auto& t) { return sip::iequals(t, parts[0].type); });
    if (!optional && !known && !parts[0].content.empty() &&
        !sip::iequals(parts[0].type, "application/sdp"))
      return Unacceptable{
          415, "Accept", "application/sdp",
          "body of type '" + std::string(parts[0].type.substr(0, 60)) + "' where SDP is understood",
          "content_type"};
  }
  if (!sip::accepts(invite, "application", "sdp"))
    return Unacceptable{
        406, "Accept", "application/sdp",
        "Accept '" + std::string(invite.value(HeaderId::kAccept).substr(0, 60)) + "' without SDP",
        "accept"};
  return std::nullopt;
}

}  // namespace causeway::call
