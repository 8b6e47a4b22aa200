// Where rules of profiles touch a call: one test of a pointer for each message of a profile that
// has none.
#include "call/ruled.h"

#include <algorithm>

#include "call/call.h"
#include "call/crossing.h"
#include "call/replay_within.h"
#include "sip/headers.h"

namespace causeway::call {

using sip::Method;
using telemetry::EventKind;

RuledInvite rule_invite(const deployment::Deployment& d, const rules::Chain& chain,
                        deployment::GroupIndex group, std::string_view peer,
                        const sip::Message& m) {
  RuledInvite out;
  if (!chain.concerns(m.method(), m.status())) return out;
  const auto& g = d.group(group);
  std::string called;
  if (const auto* uri = m.target()) {
    called = called_number(d, *uri);
    if (called.empty()) called = std::string(uri->is_service() ? uri->text : uri->user);
  }
  const std::string calling = billing_number(m, g.trusted);
  rules::Facts f;
  f.direction = rules::Direction::kIn;
  f.group = group.value;
  f.group_name = g.name;
  f.peer = peer;
  f.calling = calling;
  f.called = called;
  f.emergency = policy::emergency_service(d, called, m.request_uri()).has_value();
  auto outcome = rules::apply(chain, m, f, out.variables);
  out.changes = std::move(outcome.changes);
  out.message = std::move(outcome.message);
  return out;
}

rules::Facts facts_of_decided(const deployment::Deployment& d, const policy::Decision& decision,
                              std::string_view calling, std::string_view called,
                              deployment::GroupIndex group, std::string_view peer,
                              rules::Direction direction) {
  rules::Facts f;
  f.direction = direction;
  f.group = group.value;
  f.group_name = d.group(group).name;
  f.peer = peer;
  f.account = decision.customer.account;
  f.tenant = decision.customer.tenant;
  f.calling = calling;
  f.called = called;
  f.emergency = decision.emergency == policy::EmergencyClass::kEmergency;
  return f;
}

void remember(rules::Variables& of_call, const rules::Variables& more) {
  for (const rules::Variable& v : more) {
    const auto known = std::find_if(of_call.begin(), of_call.end(),
                                    [&](const rules::Variable& o) { return o.name == v.name; });
    if (known != of_call.end())
      known->value = v.value;
    else if (of_call.size() < rules::kMaxVariables)
      of_call.push_back(v);
  }
}

transport::Received with_message(const transport::Received& r, sip::Message m) {
  return {std::move(m), r.flow, r.group, r.at, r.bucket};
}

rules::Facts Call::rule_facts(const Leg& leg, rules::Direction direction) const {
  rules::Facts f;
  f.direction = direction;
  f.group = leg.group.value;
  f.group_name = leg.s.group;
  f.peer = leg.s.peer;
  f.account = state_.account;
  f.tenant = state_.tenant;
  f.calling = state_.calling;
  f.called = state_.called;
  f.emergency = calls_for_help();
  return f;
}

void Call::tell_changes(const Leg& leg, rules::Direction direction,
                        const std::vector<rules::Change>& changes) {
  auto* t = changes.empty() ? nullptr : trail();
  if (!t) return;
  for (const auto& c : changes) {
    telemetry::Event e;
    e.kind = EventKind::kRule;
    e.at = services_.reactor.wall();
    e.leg = leg.s.id.value;
    e.peer = leg.s.peer;
    e.text = rules::to_string(c);
    e.fields.push_back(field_of(c, direction));
    t->add(std::move(e));
  }
}

std::optional<transport::Received> Call::enter(const Leg& leg, const transport::Received& r) {
  if (!leg.profile->rules_in) return std::nullopt;
  auto done = rules::apply(*leg.profile->rules_in, r.message,
                           rule_facts(leg, rules::Direction::kIn), state_.variables);
  tell_changes(leg, rules::Direction::kIn, done.changes);
  if (!done.message) return std::nullopt;
  return with_message(r, std::move(*done.message));
}

void Call::leave(Leg& leg, std::string& bytes) {
  if (leg.profile->rules_out) rule_out(leg, bytes);
  record_message(leg, false, bytes);
}

void Call::rule_out(Leg& leg, std::string& bytes) {
  const rules::Chain& chain = *leg.profile->rules_out;
  const auto line = rules::start_line(bytes);
  if (!chain.concerns(line.method, line.status)) return;
  const auto m = sip::Message::parse(bytes);
  if (!m) return;
  rules::Facts facts = rule_facts(leg, rules::Direction::kOut);
  facts.target_fixed = is_target(leg);
  auto done = rules::apply(chain, *m, facts, state_.variables);
  tell_changes(leg, rules::Direction::kOut, done.changes);
  if (!done.message) return;
  const sip::Message& said = *done.message;
  bytes = std::string(said.bytes());
  if (m->method() != Method::kInvite || !m->is_request() || !m->to_tag().empty()) return;
  // Later requests of the dialog name the parties as this one does (RFC 3261 12.2.1.1).
  Dialog& d = leg.s.dialog;
  using sip::HeaderId;
  if (said.value(HeaderId::kFrom) != m->value(HeaderId::kFrom))
    d.local_party = party_of(said.from());
  if (said.value(HeaderId::kTo) != m->value(HeaderId::kTo)) d.remote_party = party_of(said.to());
  d.remote_target = std::string(said.request_uri());
}

const sip::Message& Call::as_it_came(transport::TxId tx, const sip::Message& request) const {
  const sip::Message* came = services_.layer.request_of(tx);
  return came ? *came : request;
}

}  // namespace causeway::call
