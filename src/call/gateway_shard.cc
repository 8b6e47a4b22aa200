#include "call/gateway_shard.h"

#include <algorithm>

#include "base/log.h"
#include "call/call.h"
#include "call/crossing.h"
#include "call/explain.h"
#include "call/facts.h"
#include "call/joining.h"
#include "call/serialise.h"
#include "call/trunk_watch.h"
#include "sip/headers.h"
#include "sip/tag.h"
#include "sip/telephone.h"
#include "transport/emergency.h"

namespace causeway::call {

using sip::HeaderId;
using sip::Method;

namespace {

// News of a peer for the shards that do not probe it. By name: indices may differ during a reload.
struct PeerNews final : reactor::MailBase {
  std::string peer;
  peers::PeerState state;
};

// An address failed, or works again.
struct AddressNews final : reactor::MailBase {
  Endpoint remote;
  Transport transport = Transport::kUdp;
  bool failed = false;
};

telemetry::TrailStore::Outcome outcome_of(const Termination& t, const telemetry::CallRecord& r) {
  using Outcome = telemetry::TrailStore::Outcome;
  if (is_failure(t.what)) return Outcome::kFailed;
  if (t.what != TerminationClass::kCompleted) return Outcome::kGood;
  // One way without a packet, or more than 3 % lost, is a poor call.
  const auto poor = [](const telemetry::MediaSide& m) {
    return m.lost * 100 > (m.packets + m.lost) * 3;
  };
  const bool silent =
      r.duration_ms() > 5'000 && (r.from_caller.packets == 0) != (r.from_callee.packets == 0);
  return silent || poor(r.from_caller) || poor(r.from_callee) ? Outcome::kPoor : Outcome::kGood;
}

// The facts of a decision for the trail. What has its usual value is left out.
std::vector<telemetry::Field> inputs_of(const deployment::Deployment& d, const policy::CallFacts& f,
                                        const transport::Received& r,
                                        const policy::Decision& decision, peers::Admin admin) {
  std::vector<telemetry::Field> out;
  out.reserve(4);
  const auto number = [](std::int64_t n) { return std::to_string(n); };
  out.push_back({"listener", d.listener(r.flow.listener).name});
  out.push_back({"configuration", number(static_cast<std::int64_t>(d.version))});
  out.push_back({"calls", number(f.calls_now) + ", of group " + number(f.group_calls_now)});
  if (f.max_forwards != 70) out.push_back({"max-forwards", number(f.max_forwards)});
  if (f.own_vias != 0) out.push_back({"own vias", number(f.own_vias)});
  if (f.resource_priority) out.push_back({"priority", "yes"});
  if (f.stopping) out.push_back({"stopping", f.ending ? "ending" : "draining"});
  if (admin != peers::Admin::kActive) out.push_back({"state", std::string(to_string(admin))});
  if (decision.emergency == policy::EmergencyClass::kEmergency)
    out.push_back({"emergency", decision.service});
  return out;
}

}  // namespace

GatewayShard::GatewayShard(reactor::Reactor& reactor, dns::Resolver& resolver,
                           peers::SharedLoad& load, RecordSink& records)
    : reactor_(reactor),
      records_(records),
      trails_({}),
      refusals_(reactor),
      layer_(reactor, *this, *this),
      media_(reactor, *this),
      admission_(load),
      locator_(resolver, reactor),
      prober_(reactor, layer_, locator_, peers_, *this, kProberTag),
      services_{reactor,    layer_,  media_,  peers_,    locator_,
                admission_, places_, trails_, counters_, *this} {
  locator_.set_observer(this);
}

// Calls give up their tags and media legs, which must still be there.
GatewayShard::~GatewayShard() { calls_.clear(); }

Status GatewayShard::apply(transport::Running running) {
  auto deployment = running.deployment;
  if (auto ok = layer_.apply(std::move(running)); !ok) return ok;
  peers_.apply(deployment);
  admission_.apply(deployment);
  telemetry::TrailStore::Limits limits;
  limits.bytes_per_call = deployment->limits.max_trail_bytes;
  limits.keep_one_in = deployment->limits.keep_one_in;
  limits.kept = std::max<std::size_t>(1, deployment->limits.kept_trails / reactor_.shard_count());
  trails_.set_limits(limits);
  std::vector<media::RealmMedia> realms;
  for (const auto& r : deployment->realms) realms.push_back(realm_media(r));
  media_.keep_realms(realms);
  media_.set_quiet_limit(deployment->limits.media_timeout);
  media_.set_transcoding_cap(deployment->limits.transcoding);
  prober_.apply();
  constexpr const char* kRemoved = "its peer group or listener was removed from the configuration";
  std::vector<Call*> orphans;
  for (Call* c : all_calls())
    if (!c->adopt(deployment)) orphans.push_back(c);
  for (Call* c : orphans) c->stop(TerminationClass::kStopped, kRemoved);
  // Of targets that ring side by side some may be left.
  for (Call* c : all_calls())
    if (c->forked())
      c->stop_at([&](const std::string& group,
                     const std::string&) { return !deployment->find_group(group); },
                 TerminationClass::kStopped, kRemoved);
  return {};
}

// --- Requests ----------------------------------------------------------------------------------

const GatewayShard::TagOwner* GatewayShard::owner_of_tag(std::string_view tag) const {
  const auto key = sip::random_of_tag(tag);
  return key ? tags_.find(*key) : nullptr;
}

void GatewayShard::on_request(transport::TxId tx, const transport::Received& r) {
  ++counters_.messages_in;
  const sip::Message& m = r.message;
  if (!m.to_tag().empty()) {
    if (const auto* who = owner_of_tag(m.to_tag())) {
      who->call->on_request(who->leg, tx, r);
    } else if (m.method() == Method::kOptions) {
      answer_options(tx, r);
    } else {
      counters_.dropped.add("no_dialog");
      answer(tx, r, 481, "no such dialog");
    }
    return;
  }
  switch (m.method()) {
    case Method::kInvite: on_new_call(tx, r); return;
    case Method::kOptions: answer_options(tx, r); return;
    case Method::kBye:
    case Method::kPrack:
    case Method::kUpdate:
    case Method::kInfo:
    case Method::kNotify:
      counters_.dropped.add("no_dialog");
      answer(tx, r, 481, "no such dialog");
      return;
    case Method::kRefer:
      counters_.dropped.add("refer_outside");
      answer(tx, r, 403, "REFER outside of a call");
      return;
    case Method::kAck:
    case Method::kCancel:
    case Method::kRegister:
    case Method::kSubscribe:
    case Method::kMessage:
    case Method::kPublish:
      counters_.dropped.add("method_not_offered");
      answer(tx, r, 405, "not offered here");
      return;
    case Method::kOther:
      counters_.dropped.add("method_unknown");
      answer(tx, r, 501, "unknown method");
      return;
  }
}

void GatewayShard::answer(transport::TxId tx, const transport::Received& r, int status,
                          std::string_view why, const Unacceptable* naming) {
  const auto& d = layer_.transport().deployment();
  const sip::Message* came = layer_.request_of(tx);  // before rules changed it
  auto b = sip::begin_response(came ? *came : r.message, status, sip::reason_phrase(status),
                               sip::make_tag({d.operation.node, r.bucket}, reactor_.random()),
                               r.flow.remote);
  const auto& profile = d.profile(d.group(r.group).profile);
  if (naming) b.header(naming->header, naming->value);
  peers::add_common(b, profile, false);
  if (status >= 400 && profile.reason_on_failure)
    b.header(HeaderId::kReason, reason_value(policy::q850_of_status(status), why));
  layer_.respond(tx, status, b.finish());
}

void GatewayShard::answer_options(transport::TxId tx, const transport::Received& r) {
  const auto& d = layer_.transport().deployment();
  const auto& group = d.group(r.group);
  const auto& profile = d.profile(group.profile);
  if (const auto why = unacceptable_extensions(r.message, profile)) {
    counters_.dropped.add(why->label);
    answer(tx, r, why->status, why->text, &*why);
    return;
  }
  const peers::LocalSide us{&profile, layer_.transport().advertised(r.flow.listener),
                            d.listener(r.flow.listener).transport};
  auto b = sip::begin_response(r.message, 200, "OK",
                               sip::make_tag({d.operation.node, r.bucket}, reactor_.random()),
                               r.flow.remote);
  b.header(HeaderId::kContact, peers::contact_value(us, {}));
  peers::add_common(b, profile, false);
  b.header(HeaderId::kAccept, "application/sdp");
  ++counters_.options_answered;
  for (const auto p : group.peers) {
    auto& s = peers_.state(p);
    const auto& peer = d.peer(p);
    if (peer.address == r.flow.remote.address || group.peers.size() == 1 ||
        std::find(s.targets.begin(), s.targets.end(), r.flow.remote.address) != s.targets.end())
      s.options_in = reactor_.now();
  }
  layer_.respond(tx, 200, b.finish());
}

CallId GatewayShard::new_call_id() {
  // 47 bits: a shard number in front, then random; survives restarts without a clash worth a
  // thought.
  for (;;) {
    const CallId id{(std::uint64_t{reactor_.shard().value} << 40) |
                    (reactor_.random().u64() & 0xffffffffffULL)};
    if (id.value != 0 && !calls_.find(id) && !trails_.contains(id) && !refused().contains(id))
      return id;
  }
}

void GatewayShard::on_new_call(transport::TxId tx, const transport::Received& r) {
  const auto deployment = layer_.transport().deployment_ptr();
  const auto& d = *deployment;
  const auto& profile = d.profile(d.group(r.group).profile);
  if (!profile.rules_in) return on_ruled_call(tx, r, deployment, {});
  const auto peer = peers_.peer_at(r.group, r.flow.remote);
  auto ruled =
      rule_invite(d, *profile.rules_in, r.group,
                  peer ? std::string_view(d.peer(*peer).name) : std::string_view{}, r.message);
  if (!ruled.message) return on_ruled_call(tx, r, deployment, std::move(ruled));
  const auto changed = with_message(r, std::move(*ruled.message));
  on_ruled_call(tx, changed, deployment, std::move(ruled));
}

void GatewayShard::on_ruled_call(transport::TxId tx, const transport::Received& r,
                                 const deployment::DeploymentPtr& deployment, RuledInvite ruled) {
  const auto& d = *deployment;
  const sip::Message& m = r.message;
  if (m.has(HeaderId::kReplaces) && take_replaces(tx, r, ruled)) return;
  policy::CallFacts f = facts_of(m, d, r.group);
  f.calls_now = admission_.calls();
  f.group_calls_now = admission_.calls_of(r.group);
  f.peer = peers_.peer_at(r.group, r.flow.remote);
  if (f.peer) f.peer_calls_now = admission_.calls_of(*f.peer);
  f.stopping = stopping_;
  f.ending = ending_;
  policy::Decision decision = policy::decide(d, f, directory_.get());
  if (const auto name = name_towards(d, r.group, decision.customer.account);
      !name.empty() && (f.request_host == name || f.to_host == name))
    tell_routed(name, decision.customer.account, true);
  peers::Admin admin = peers_.admin_of(r.group);
  if (f.peer) admin = std::max(admin, peers_.state(*f.peer).admin);
  if (!decision.refusal && admin != peers::Admin::kActive &&
      (decision.emergency == policy::EmergencyClass::kNone || admin == peers::Admin::kBlock)) {
    decision.refusal = policy::Refusal{503, 41,
                                       "group '" + d.group(r.group).name + "' or its peer is " +
                                           std::string(peers::to_string(admin)),
                                       "drained"};
  }
  peers::Counted customer;
  if (f.resource_priority && d.group(r.group).trusted)  // counted, and refused for nothing
    decision.customer.account_calls = decision.customer.service_calls = 0;
  if (!decision.refusal) decision.refusal = admission_.of_customer(decision.customer, customer);
  if (decision.alarm) alarm(decision.refusal->text + " (Call-ID " + std::string(m.call_id()) + ")");
  if (!decision.refusal) ++counters_.calls_now;
  ++counters_.calls_started;
  const CallId id = new_call_id();
  auto call = std::make_unique<Call>(services_, deployment, id, r.bucket);
  Call& ref = *call;
  calls_.insert(id, std::move(call));
  if (!resting_) rest_trails();
  ref.counted = !decision.refusal;
  if (ref.counted && decision.emergency == policy::EmergencyClass::kEmergency)
    ++counters_.emergency_now;
  auto inputs = inputs_of(d, f, r, decision, admin);
  ref.start(tx, r, std::move(decision), std::move(customer), std::move(inputs), std::move(ruled));
  if (!watches_.empty()) trace_if_watched(ref.state());
}

Result<Explanation> GatewayShard::explain(std::string_view from, std::string_view message) const {
  const Present now{admission_, stopping_, ending_};
  return call::explain(layer_.transport().deployment(), directory_.get(), from, message, &now);
}

// One line a second: the fault that brings one of these brings many.
void GatewayShard::alarm(std::string_view text) {
  if (reactor_.now() - last_alarm_ < Seconds(1)) return;
  last_alarm_ = reactor_.now();
  log::error("{}", text);
}

bool GatewayShard::watch_number(std::string digits, Instant until) {
  std::erase_if(watches_, [&](const Watch& w) { return w.until <= reactor_.now(); });
  for (Watch& w : watches_)
    if (w.digits == digits) return w.until = until, true;
  if (watches_.size() >= kMaxWatches) return false;
  watches_.push_back({std::move(digits), until});
  return true;
}

void GatewayShard::trace_if_watched(const CallState& call) {
  std::erase_if(watches_, [&](const Watch& w) { return w.until <= reactor_.now(); });
  for (const Watch& w : watches_)
    if (call.calling.find(w.digits) != std::string::npos ||
        call.called.find(w.digits) != std::string::npos)
      (void)trails_.trace(call.id);
}

void GatewayShard::on_ack(const transport::Received& r) {
  ++counters_.messages_in;
  if (const auto* who = owner_of_tag(r.message.to_tag())) who->call->on_ack(who->leg, r);
}

Call* GatewayShard::call_of(std::uint64_t user) {
  const auto* found = calls_.find(CallId{user >> 8});
  return found ? found->get() : nullptr;
}

void GatewayShard::on_cancel(transport::TxId invite, const sip::Message& cancel) {
  ++counters_.messages_in;
  const std::uint64_t user = layer_.user_of(invite);
  if (Call* c = call_of(user)) c->on_cancel(LegId{static_cast<std::uint32_t>(user & 0xff)}, cancel);
}

std::string GatewayShard::answer_to_cancel(const transport::Received& cancel,
                                           std::uint64_t invite_user) {
  const auto& d = layer_.transport().deployment();
  // RFC 3261 9.2: the tag of the answer to the INVITE.
  std::string tag;
  if (Call* c = call_of(invite_user))
    tag = c->local_tag(LegId{static_cast<std::uint32_t>(invite_user & 0xff)});
  if (tag.empty()) tag = sip::make_tag({d.operation.node, cancel.bucket}, reactor_.random());
  auto b =
      sip::begin_response(cancel.message, 200, sip::reason_phrase(200), tag, cancel.flow.remote);
  peers::add_common(b, d.profile(d.group(cancel.group).profile), false);
  return b.finish();
}

const deployment::Profile* GatewayShard::profile_of(std::uint64_t user) const {
  if (user & kProberTag) return nullptr;
  const auto* found = calls_.find(CallId{user >> 8});
  return found ? (*found)->profile_of(LegId{static_cast<std::uint32_t>(user & 0xff)}) : nullptr;
}

void GatewayShard::on_response(transport::TxId tx, std::uint64_t user,
                               const transport::Received& r) {
  ++counters_.messages_in;
  if (user & kProberTag) {
    prober_.on_response(user, r.message);
    return;
  }
  if (Call* c = call_of(user))
    c->on_response(LegId{static_cast<std::uint32_t>(user & 0xff)}, tx, r);
}

void GatewayShard::on_stray_response(const transport::Received& r) {
  // A 2xx that outlived its transaction; the dialog knows its tag in From.
  if (r.message.method() != Method::kInvite || !r.message.has_one_via()) return;
  if (const auto* who = owner_of_tag(r.message.from_tag()))
    who->call->on_response(who->leg, transport::TxId{}, r);
  else if (r.message.status() / 100 == 2 &&
           late_.answered(r.message.from_tag(), trails_, reactor_.wall()))
    counters_.dropped.add("late_answer");
}

void GatewayShard::on_request_failed(transport::TxId tx, std::uint64_t user, const Error& reason) {
  if (user & kProberTag) {
    prober_.on_failed(user, reason);
    return;
  }
  if (Call* c = call_of(user))
    c->on_request_failed(LegId{static_cast<std::uint32_t>(user & 0xff)}, tx, reason);
}

void GatewayShard::on_no_ack(transport::TxId tx, std::uint64_t user) {
  if (Call* c = call_of(user)) c->on_no_ack(LegId{static_cast<std::uint32_t>(user & 0xff)}, tx);
}

void GatewayShard::on_layer_message(std::uint64_t user, bool outgoing, std::string_view bytes) {
  if (user & kProberTag) return;
  const LegId leg{static_cast<std::uint32_t>(user & 0xff)};
  if (Call* c = call_of(user)) {
    c->on_layer_message(leg, outgoing, bytes);
  } else if (!outgoing && is_late_answer(bytes)) {
    counters_.dropped.add("late_answer");
    (void)LateAnswers::answered(CallId{user >> 8}, leg, trails_, reactor_.wall());
  }
}

void GatewayShard::on_other_mail(ShardId, reactor::Mail mail) {
  if (auto* command = dynamic_cast<ShardCommand*>(mail.get())) {
    command->run(*this);
  } else if (auto* join = dynamic_cast<JoinMail*>(mail.get())) {
    on_join_mail(*join);
  } else if (auto* address = dynamic_cast<AddressNews*>(mail.get())) {
    locator_.heard(address->remote, address->transport, address->failed);
  } else if (auto* news = dynamic_cast<PeerNews*>(mail.get())) {
    if (const auto p = peers_.deployment()->find_peer(news->peer)) {
      auto& s = peers_.state(*p);
      const auto admin = s.admin;
      const auto heard = std::max(s.options_in, news->state.options_in);  // arrives anywhere
      s = news->state;
      s.admin = admin;
      s.options_in = heard;
    }
  }
}

// --- What is not a call ------------------------------------------------------------------------

void GatewayShard::on_dropped(std::string_view reason, const Endpoint& from,
                              deployment::ListenerIndex, std::string_view detail) {
  counters_.dropped.add(reason);
  // A flood must not cost more than it has to: so many a second are put into words, the rest
  // counted.
  if (reactor_.now() - drops_second_ >= Seconds(1)) {
    drops_second_ = reactor_.now();
    drops_in_second_ = 0;
  }
  if (++drops_in_second_ > kDropsInWords) return;
  std::string line = format_rfc3339(reactor_.wall()) + " " + std::string(reason) + " from " +
                     from.to_string() + ": " + std::string(detail.substr(0, 400));
  if (drops_in_second_ == 1)
    log::info("dropped: {} from {}: {}", reason, from.to_string(), detail.substr(0, 400));
  // A neighbour that was turned away because of its certificate or handshake has a trail to ask
  // for.
  if (reason == "certificate_name" || reason == "tls" || reason == "tls_handshake") {
    if (const CallId id = new_call_id(); refusals_.note(id, detail, from))
      line += fmt::format("  (trail {:013x})", id.value);
  }
  drops_.push_back(std::move(line));
  if (drops_.size() > kRecentDrops) drops_.pop_front();
}

void GatewayShard::on_answer(bool sent, std::optional<deployment::GroupIndex> group,
                             sip::Method method, int status) {
  using telemetry::AnswerCounts;
  const auto& d = layer_.transport().deployment();
  // Of a client transaction that outlived its group: of no region.
  const bool known = group && group->value < d.groups.size();
  counters_.answer(known ? d.regions[d.group(*group).region.value].name : std::string_view("none"),
                   sent,
                   method == sip::Method::kInvite    ? AnswerCounts::kInvite
                   : method == sip::Method::kOptions ? AnswerCounts::kOptions
                                                     : AnswerCounts::kOtherMethod,
                   status);
}

// Limited like what is put into words; in a flood the rest is counted, by on_dropped().
void GatewayShard::on_refused_call(const sip::Message& invite, const transport::Flow& flow,
                                   int status, std::string_view why) {
  auto record =
      refusals_.invite(new_call_id(), layer_.transport().deployment(), invite, flow, status, why);
  if (!record) return;
  records_.on_call_record(*record);
  recent_.push_back(std::move(*record));
  if (recent_.size() > kRecent) recent_.pop_front();
}

std::optional<std::string> GatewayShard::no_room_for(const transport::Flow& flow,
                                                     deployment::GroupIndex group, bool emergency) {
  const auto why =
      admission_.arriving(group, peers_.peer_at(group, flow.remote), emergency, reactor_.now());
  if (!why) return std::nullopt;
  counters_.refused.add(why->label);
  return why->text;
}

void GatewayShard::on_wire(bool outgoing, const Endpoint& local, const Endpoint& remote,
                           Transport transport, std::string_view bytes) {
  if (wire_) wire_->on_wire(peers_, reactor_.wall(), outgoing, local, remote, transport, bytes);
}

const CallState* GatewayShard::find_call(CallId id) const {
  const auto* found = calls_.find(id);
  return found ? &(*found)->state() : nullptr;
}

void GatewayShard::on_peer_news(deployment::PeerIndex peer) {
  for (std::size_t i = 0; i < reactor_.shard_count(); ++i) {
    if (i == reactor_.shard().value) continue;
    auto news = std::make_unique<PeerNews>();
    news->peer = peers_.deployment()->peer(peer).name;
    news->state = peers_.state(peer);
    reactor::Mail mail = std::move(news);
    (void)reactor_.post(ShardId{static_cast<std::uint16_t>(i)},
                        mail);  // the next round says it again
  }
}

void GatewayShard::on_address_news(const Endpoint& remote, Transport transport, bool failed) {
  for (std::size_t i = 0; i < reactor_.shard_count(); ++i) {
    if (i == reactor_.shard().value) continue;
    auto news = std::make_unique<AddressNews>();
    news->remote = remote;
    news->transport = transport;
    news->failed = failed;
    reactor::Mail mail = std::move(news);
    (void)reactor_.post(ShardId{static_cast<std::uint16_t>(i)}, mail);  // without it, it finds out
  }
}

// --- Calls -------------------------------------------------------------------------------------

void GatewayShard::on_terminated(Call& call, telemetry::CallRecord record) {
  const Termination& t = *call.state().termination;
  if (call.counted) {
    --counters_.calls_now;
    if (call.state().emergency == policy::EmergencyClass::kEmergency) --counters_.emergency_now;
    call.counted = false;
  }
  if (is_failure(t.what)) ++counters_.calls_failed;
  counters_.ended.add(to_string(t.what));
  counters_.media_packets += record.from_caller.packets + record.from_callee.packets;
  counters_.media_lost += record.from_caller.lost + record.from_callee.lost;
  // Refused ones too, once a way was tried or not: whoever sent it got no call.
  watch_trunk(admission_.trunk(record.ingress_group), t.what, record);
  if (!record.egress_group.empty() && record.egress_group != record.ingress_group)
    watch_trunk(admission_.trunk(record.egress_group), t.what, record);
  call.outcome = static_cast<int>(outcome_of(t, record));
  look_for_routed_name(call.state(), record);
  records_.on_call_record(record);
  recent_.push_back(std::move(record));
  if (recent_.size() > kRecent) recent_.pop_front();
}

void GatewayShard::on_finished(Call& call) {
  finished_.push_back(call.state().id);
  if (sweep_) return;
  sweep_ = true;
  reactor_.timers().schedule(reactor_.now(), *this, kSweep);
}

// The trails of calls that were set up and talk. So few at a time that no packet waits for it.
void GatewayShard::rest_trails() {
  constexpr Seconds kQuiet{2};
  constexpr std::size_t kAtOnce = 32;
  const WallTime before{reactor_.wall().micros - Micros(kQuiet).count()};
  const bool more = trails_.rest(before, kAtOnce) != 0;
  resting_ = calls_.size() != 0;
  if (resting_)
    reactor_.timers().schedule(reactor_.now() + (more ? Millis{5} : Millis{1'000}), *this, kRest);
}

void GatewayShard::on_timer(std::uint64_t token, Instant) {
  if (token == kRest) return rest_trails();
  if (token == kJoin) return send_join_mail();
  sweep_ = false;
  const std::vector<CallId> done = std::move(finished_);
  finished_.clear();
  for (const CallId id : done) {
    auto* found = calls_.find(id);
    if (!found) continue;
    const std::unique_ptr<Call> call = std::move(*found);
    calls_.erase(id);
    call->leave_refused(late_);
    trails_.finish(id, static_cast<telemetry::TrailStore::Outcome>(call->outcome));
  }
}

std::vector<Call*> GatewayShard::all_calls() const {
  std::vector<Call*> all;
  calls_.for_each([&](CallId, const std::unique_ptr<Call>& c) { all.push_back(c.get()); });
  return all;
}

void GatewayShard::end_all_calls(const std::string& why) {
  ending_ = true;
  for (Call* c : all_calls()) c->stop(TerminationClass::kStopped, why);
}

Status GatewayShard::set_admin(peers::PeerTable::Kind kind, const std::string& name,
                               peers::Admin admin) {
  if (auto ok = peers_.set_admin(kind, name, admin); !ok) return ok;
  if (admin != peers::Admin::kBlock) return {};
  // Blocked: what is in progress there ends, too.
  const auto& d = *peers_.deployment();
  const auto blocked = [&](const std::string& group, const std::string& peer) {
    if (kind == peers::PeerTable::Kind::kPeer) return peer == name;
    if (kind == peers::PeerTable::Kind::kGroup) return group == name;
    const auto g = d.find_group(group);
    return g && d.regions[d.group(*g).region.value].name == name;
  };
  for (Call* c : all_calls())
    c->stop_at(blocked, TerminationClass::kStopped, "'" + name + "' was blocked by an operator");
  return {};
}

std::size_t GatewayShard::rebuild_stable_calls() {
  std::vector<CallId> stable;
  for (const Call* c : all_calls())
    if (c->stable()) stable.push_back(c->state().id);
  for (const CallId id : stable) {
    auto& slot = *calls_.find(id);
    CallState written = slot->write_down();
    const std::string bytes = serialise(written);
    const bool counted = slot->counted;
    slot->let_go();
    slot.reset();
    auto state = deserialise(bytes);
    Status ok = state ? Status{} : tl::unexpected(state.error());
    slot =
        std::make_unique<Call>(services_, layer_.transport().deployment_ptr(), id, written.bucket);
    slot->counted = counted;
    if (auto restored = slot->restore(state ? std::move(*state) : std::move(written)); !restored)
      ok = std::move(restored);
    if (ok) continue;
    // What came back of it is enough to hang up, and to say why.
    log::error("call {:013x} could not be rebuilt: {}", id.value, ok.error().what);
    slot->stop(TerminationClass::kDropped, "could not be rebuilt: " + ok.error().what);
  }
  return stable.size();
}

}  // namespace causeway::call
