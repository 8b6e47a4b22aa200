#include "call/refusals.h"

#include <algorithm>

#include "call/crossing.h"
#include "call/state.h"
#include "deployment/recognise.h"
#include "policy/decide.h"
#include "sip/headers.h"

namespace causeway::call {

using telemetry::EventKind;

namespace {

// The group that it was meant for, as far as listener, source and host say so.
std::optional<deployment::GroupIndex> group_of(const deployment::Deployment& d,
                                               const sip::Message& m, const transport::Flow& flow) {
  std::optional<std::string_view> host = "";
  if (const auto* uri = m.target()) {
    if (uri->is_service() || uri->is_tel())
      host.reset();
    else
      host = uri->host;
  }
  if (const auto found = deployment::recognise(d, flow.listener, flow.remote, {}, host))
    return found;
  for (std::size_t i = 0; i < d.groups.size(); ++i) {
    const auto& r = d.groups[i].recognition;
    if (std::find(r.listeners.begin(), r.listeners.end(), flow.listener) != r.listeners.end() &&
        std::any_of(r.sources.begin(), r.sources.end(),
                    [&](const Prefix& p) { return p.contains(flow.remote.address); }))
      return deployment::GroupIndex{static_cast<std::uint16_t>(i)};
  }
  return std::nullopt;
}

}  // namespace

bool Refusals::allowed() {
  if (reactor_.now() - second_ >= Seconds(1)) {
    second_ = reactor_.now();
    in_second_ = 0;
  }
  return ++in_second_ <= kPerSecond;
}

bool Refusals::note(CallId id, std::string_view text, const Endpoint& from) {
  if (!allowed()) return false;
  if (auto* t = trails_.start(id))
    t->add(EventKind::kRefusal, reactor_.wall(), 0, text, {}, from.to_string());
  trails_.finish(id, telemetry::TrailStore::Outcome::kFailed);
  return true;
}

std::optional<telemetry::CallRecord> Refusals::invite(CallId id, const deployment::Deployment& d,
                                                      const sip::Message& m,
                                                      const transport::Flow& flow, int status,
                                                      std::string_view why) {
  const std::string key =
      std::string(m.call_id()) + ' ' + std::string(m.value(sip::HeaderId::kCSeq));
  if (std::find(latest_.begin(), latest_.end(), key) != latest_.end() || !allowed())
    return std::nullopt;
  latest_.push_back(key);
  if (latest_.size() > kRepeated) latest_.pop_front();

  const auto group = group_of(d, m, flow);
  telemetry::CallRecord r;
  r.call = id.value;
  r.node = d.operation.node.value;
  r.started = r.ended = reactor_.wall();
  if (group) {
    r.ingress_group = d.group(*group).name;
    r.region = d.regions[d.group(*group).region.value].name;
  }
  r.from = billing_number(m, group && d.group(*group).trusted);
  if (const auto* uri = m.target()) {
    r.to = called_number(d, *uri);
    if (r.to.empty()) r.to = std::string(uri->is_service() ? uri->text : uri->user);
  }
  r.ingress_call_id = std::string(m.call_id());
  r.termination = std::string(to_string(TerminationClass::kRefused));
  r.reason = std::string(why);
  r.sip_status = status;
  r.q850_cause = policy::q850_of_status(status);
  r.released_by = telemetry::Released::kGateway;
  if (auto* t = trails_.start(id)) {
    t->message(true, reactor_.wall(), 1, r.ingress_group, flow.transport, flow.local, flow.remote,
               m.bytes());
    t->add(EventKind::kRefusal, reactor_.wall(), 1,
           "answered " + std::to_string(status) + " before it was a call: " + r.reason, {},
           r.ingress_group);
  }
  trails_.finish(id, telemetry::TrailStore::Outcome::kFailed);
  return r;
}

}  // namespace causeway::call
