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

std::vector<std::string> understood_types(const deployment::Deployment& d, const sip::Message& m) {
  std::vector<std::string> types;
  if (sip::iequals(m.value(HeaderId::kContentType), "application/sdp")) return types;
  for (const auto& profile : d.profiles)
    for (const auto& t : profile.pass_bodies)
      if (std::none_of(types.begin(), types.end(),
                       [&](const std::string& have) { return sip::iequals(have, t); }))
        types.push_back(t);
  return types;
}

std::optional<Unacceptable> unacceptable_body(const sip::Message& invite,
                                              const std::vector<BodyPart>& parts,
                                              const deployment::Profile& profile,
                                              std::span<const std::string> known) {
  const auto text_of = [](std::string_view what, std::string_view value, std::string_view rest) {
    return std::string(what).append(" '").append(value.substr(0, 60)).append("'").append(rest);
  };
  for (const BodyPart& p : parts) {
    if (p.content.empty() || p.is_sdp() || !p.required) continue;
    if (p.in_multipart && !p.labelled && (profile.tolerate & sip::kUnlabelledBodyPart)) continue;
    if (!p.encoding.empty())
      return Unacceptable{415, "Accept-Encoding", "identity",
                          text_of("body encoded as", p.encoding, ""), "content_encoding"};
    const bool is_known = std::any_of(
        known.begin(), known.end(), [&](const std::string& t) { return sip::iequals(t, p.type); });
    // An SDP that is not this session's is understood and of no use.
    if (is_known || sip::iequals(p.type, "application/sdp")) continue;
    std::string accept = "application/sdp";
    for (const std::string& t : known) accept.append(", ").append(t);
    return Unacceptable{
        415, "Accept", accept + ", multipart/alternative, multipart/mixed, multipart/related",
        text_of("body of type", p.type, " where SDP is understood"), "content_type"};
  }
  if (!sip::accepts(invite, "application", "sdp"))
    return Unacceptable{406, "Accept", "application/sdp",
                        text_of("Accept", invite.value(HeaderId::kAccept), " without SDP"),
                        "accept"};
  return std::nullopt;
}

}  // namespace causeway::call
