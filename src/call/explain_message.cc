#include "call/explain_message.h"

#include "call/body.h"
#include "call/call.h"
#include "call/crossing.h"
#include "call/meeting.h"
#include "sdp/compose.h"
#include "sdp/offer_answer.h"

namespace causeway::call {

using sip::HeaderId;

namespace {

// The address that media of the group would have, and the first port of its realm.
sdp::LocalMedia local_media(const Onward& on) {
  const auto& group = on.deployment.group(on.deployment.peer(on.to).group);
  const auto& realm = on.deployment.realm(
      group.expect_internal ? group.internal_realm.value_or(group.realm) : group.realm);
  const bool v6 = on.us.advertised.address.is_v6();
  auto address = v6 ? realm.public_v6 : realm.public_v4;
  if (!address) address = v6 ? realm.media_v6 : realm.media_v4;
  sdp::LocalMedia m;
  m.rtp = {address ? *address : on.us.advertised.address, realm.media_port_min};
  m.rtcp_port = static_cast<std::uint16_t>(realm.media_port_min + 1);
  m.rtcp_mux = on.us.profile->sdp.rtcp_mux;
  return m;
}

// Empty where the caller offers nothing that could be read or passed on.
std::string offer_for(const Onward& on, const deployment::Profile& from, std::string_view sdp) {
  sdp::OfferAnswer scratch;
  if (sdp.empty()) return {};
  const auto offer = sdp::remote_offer(scratch, sdp, from.sdp);
  if (!offer) return {};
  auto wish = offer_towards(offer->sdp.wish, from.sdp, on.us.profile->sdp);
  if (!wish) return {};
  wish->image.reset();
  const sdp::LocalMedia local = local_media(on);
  sdp::Origin origin;
  origin.address = local.rtp.address;
  return sdp::write_offer(origin, local, *wish, on.us.profile->sdp, offer->sdp.attributes);
}

std::string compose(const Onward& on, const deployment::Profile& from) {
  const Addressing a = addressing_of(on);
  const auto parts = body_parts(on.invite);
  const std::vector<BodyPart> none;
  const auto& kept = parts ? *parts : none;
  sip::Builder b(2048);
  b.request_line("INVITE", a.request_uri);
  b.header(HeaderId::kVia, peers::via_value(on.us, "z9hG4bK0"));
  b.begin(HeaderId::kFrom).add(a.from).add(";tag=0").end_line();
  b.header(HeaderId::kTo, a.to);
  b.header(HeaderId::kCallId, "0");
  b.header(HeaderId::kCSeq, "1 INVITE");
  b.header(HeaderId::kContact, peers::contact_value(on.us, a.contact_user));
  write_headers(
      b, on, [&](std::string_view cid) { return carries(kept, on.us.profile->pass_bodies, cid); });
  const std::string sdp = offer_for(on, from, sdp_of(kept));
  const Body body = join_body(sdp, kept, on.us.profile->pass_bodies, "0");
  return b.finish(body.content, body.content_type);
}

bool says_what_is_offered(std::string_view line) {
  for (const std::string_view start :
       {"m=", "b=", "a=rtpmap:", "a=fmtp:", "a=ptime:", "a=maxptime:"})
    if (line.starts_with(start)) return true;
  return false;
}

// "m=audio 4000 RTP/AVP 0" without its port.
std::string without_port(std::string_view line) {
  if (!line.starts_with("m=")) return std::string(line);
  const std::size_t port = line.find(' ');
  const std::size_t proto = port == std::string_view::npos ? port : line.find(' ', port + 1);
  if (proto == std::string_view::npos || line.substr(port, proto - port) == " 0")
    return std::string(line);
  return std::string(line.substr(0, port)) + " *" + std::string(line.substr(proto));
}

bool is_of_the_call(HeaderId id) {
  switch (id) {
    case HeaderId::kVia:
    case HeaderId::kFrom:
    case HeaderId::kTo:
    case HeaderId::kCallId:
    case HeaderId::kCSeq:
    case HeaderId::kContact:
    case HeaderId::kContentLength:
    case HeaderId::kContentType:
    case HeaderId::kSessionExpires:
    case HeaderId::kMinSe: return true;
    default: return false;
  }
}

}  // namespace

ShownInvite shown(const sip::Message& m) {
  ShownInvite out;
  out.request_uri = std::string(m.request_uri());
  out.from = party_of(m.from());
  out.to = party_of(m.to());
  out.contact = std::string(m.value(HeaderId::kContact));
  for (const auto& f : m.headers())
    if (!is_of_the_call(f.id))
      out.headers.push_back(std::string(f.name) + ": " + std::string(f.value));
  const auto parts = body_parts(m);
  std::string_view sdp = parts ? sdp_of(*parts) : std::string_view{};
  while (!sdp.empty()) {
    const std::size_t end = std::min(sdp.find('\n'), sdp.size());
    std::string_view line = sdp.substr(0, end);
    sdp.remove_prefix(std::min(end + 1, sdp.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (says_what_is_offered(line)) out.session.push_back(without_port(line));
  }
  return out;
}

ShownInvite shown_invite(const Onward& on, const deployment::Profile& from,
                         rules::Variables variables) {
  auto m = sip::Message::parse(compose(on, from));
  if (!m) return {};
  std::vector<rules::Change> changes;
  if (const auto& chain = on.us.profile->rules_out) {
    const auto& d = on.deployment;
    const auto& peer = d.peer(on.to);
    const std::string calling = billing_number(on.invite, d.group(on.from).trusted);
    const rules::Facts f = facts_of_decided(d, on.decision, calling, on.called, peer.group,
                                            peer.name, rules::Direction::kOut);
    auto outcome = rules::apply(*chain, *m, f, variables);
    changes = std::move(outcome.changes);
    if (outcome.message) m = std::move(*outcome.message);
  }
  ShownInvite out = shown(*m);
  out.changes = std::move(changes);
  return out;
}

}  // namespace causeway::call
