// What SipTransport does with new calls and other requests outside of dialogs before they become
// anything: shed for load, held to rates, or let in.
#include "deployment/recognise.h"
#include "sip/headers.h"
#include "transport/emergency.h"
#include "transport/first_look.h"
#include "transport/reply_address.h"
#include "transport/sip_transport.h"

namespace causeway::transport {
namespace {

// A request that may begin something, by its first bytes: no response, ACK or CANCEL.
bool may_begin(std::string_view bytes) {
  return !bytes.empty() && bytes[0] >= 'A' && bytes[0] <= 'Z' && !bytes.starts_with("SIP/2.0 ") &&
         !bytes.starts_with("ACK ") && !bytes.starts_with("CANCEL ");
}

}  // namespace

bool SipTransport::shed(std::string_view bytes, const Flow& flow) {
  constexpr std::size_t kHead = 2'048;
  // The ACK of an answer that left nothing behind.
  if ((overload_.admitted < 1.0 || rates_.on()) && bytes.starts_with("ACK ") &&
      bytes.substr(0, kHead).find(kShedTag) != std::string_view::npos)
    return true;
  const bool invite = bytes.starts_with("INVITE ");
  if (!invite && !(rates_.on() && may_begin(bytes))) return false;
  const auto look = first_look(bytes);
  if (!look || look->to_tag) return false;
  if (!invite) {
    if (rates_.take(flow.remote.address, reactor_.now(), false)) return false;
    refuse_unseen(*look, flow, "source_rate", kSourceRate);
    return true;
  }
  const deployment::Deployment& d = *running_.deployment;
  const auto key = recent_.key_of(look->call_id, look->cseq, look->vias[0]);
  auto fate = recent_.find(key);
  if (!fate) {
    const auto trusted = [&] {
      const auto sender = deployment::group_of_source(d, flow.listener, flow.remote);
      return sender && group_at(*sender).trusted;
    };
    const bool help = names_emergency(d, look->uri) || (look->priority && trusted());
    if (!help && !admit(overload_))
      fate = Fate::kShed;
    else
      fate =
          rates_.take(flow.remote.address, reactor_.now(), help) ? Fate::kPassed : Fate::kTooMany;
    recent_.set(key, *fate);
  }
  switch (*fate) {
    case Fate::kPassed:
    case Fate::kLetIn: return false;
    case Fate::kShed:
      refuse_unseen(*look, flow, "overload",
                    "new call refused: messages wait longer than limits.overload_target");
      return true;
    case Fate::kTooMany: refuse_unseen(*look, flow, "source_rate", kSourceRate); return true;
    case Fate::kNoRoom:
      refuse_unseen(*look, flow, "repeated", "an INVITE that was refused before, for its rate");
      return true;
  }
  return false;
}

// 503 from the raw lines.
void SipTransport::refuse_unseen(const FirstLook& look, const Flow& flow, std::string_view label,
                                 std::string_view why) {
  const deployment::Deployment& d = *running_.deployment;
  const auto group = deployment::group_of_source(d, flow.listener, flow.remote);
  const auto* sender = group ? &group_at(*group) : nullptr;
  observer_.on_dropped(label, flow.remote, flow.listener, why);
  std::string lines;
  Flow back = flow;
  const auto* profile = sender ? &d.profile(sender->profile) : nullptr;
  if (profile) {
    for (const auto& h : profile->add_headers) lines += h.name + ": " + h.value + "\r\n";
    if (profile->reason_on_failure) lines += "Reason: Q.850;cause=42;text=\"congestion\"\r\n";
  }
  if (const auto via = sip::parse_via(look.vias[0]))
    back.reply_to = reply_address(*via, flow.remote, sender, profile);
  // Those who were refused together do not come back together.
  const auto wait = static_cast<unsigned>(2 + reactor_.random().below(8));
  if (flow.connection != 0) connections_.expect_answer(flow.connection);
  observer_.on_answer(true, group, sip::Method::kInvite, 503);
  send_response(back, shed_response(look, flow.remote, wait, lines));
}

// Of an INVITE that would begin a call of that group: false when there is no room for it, and it
// was told.
bool SipTransport::has_room(const sip::Message& m, const Flow& flow, deployment::GroupIndex group) {
  const auto key =
      recent_.key_of(m.call_id(), m.value(sip::HeaderId::kCSeq), m.value(sip::HeaderId::kVia));
  if (recent_.find(key) == Fate::kLetIn) return true;
  const bool help = names_emergency(*running_.deployment, m.request_uri()) ||
                    (group_at(group).trusted && has_esnet_priority(m));
  const auto why = observer_.no_room_for(flow, group, help);
  recent_.set(key, why ? Fate::kNoRoom : Fate::kLetIn);
  if (!why) return true;
  answer_statelessly(m, flow, &profile_of(group), 503, "Too many calls", *why);
  return false;
}

}  // namespace causeway::transport
