// The hunt for a peer that answers: which are tried, in what order, and what comes of a failure
// (GW-02, TDR-78, TDR-79). Several hunts of one call at once: forking.cc.
#include "call/hunt.h"

#include <algorithm>

#include "call/call.h"
#include "call/outgoing.h"
#include "sip/headers.h"
#include "sip/tag.h"
#include "transport/emergency.h"

namespace causeway::call {

using sip::HeaderId;
using sip::Method;
using telemetry::EventKind;

std::unique_ptr<sip::Message> copy_of(const sip::Message& m) {
  return std::make_unique<sip::Message>(*sip::Message::parse(m.bytes()));
}

// The peers of those groups, in order; drained ones last, and only where that is better than
// nothing.
void Call::collect_ways(Hunt& h, const std::vector<deployment::GroupIndex>& targets) {
  const policy::Decision& decision = *decision_;
  const bool emergency = calls_for_help();
  std::vector<Way> drained;
  for (const auto g : targets)
    for (const auto p : services_.peers.candidates(g, emergency))
      if (!decision.gateway || p == *decision.gateway)
        (services_.peers.is_drained(g, p) ? drained : h.ways).push_back({g, p});
  // GW-02: another region only when every peer of the caller's own has failed.
  const auto home = deployment_->group(find_leg(state_.ingress)->group).region;
  const auto bring_forward = [&](auto&& good) {
    std::vector<Way> sorted;
    for (const bool wanted : {true, false})
      for (const Way& w : h.ways)
        if (good(w) == wanted) sorted.push_back(w);
    h.ways = std::move(sorted);
  };
  bring_forward([&](const Way& w) { return deployment_->group(w.group).region == home; });
  if (decision.first) bring_forward([&](const Way& w) { return w.group == *decision.first; });
  h.ways.insert(h.ways.end(), drained.begin(), drained.end());
  std::reverse(h.ways.begin(), h.ways.end());
  if (h.ways.empty()) {
    h.last_why = "every peer of the target groups is drained or blocked";
    h.last_status = 503;
  }
}

void Call::start_hunt() {
  const policy::Decision& decision = *decision_;
  const auto& from = deployment_->group(find_leg(state_.ingress)->group);
  hunt_deadline_ = services_.reactor.now() + from.timers.hunt;
  if (decision.at_once) return start_fork();
  hunts_.push_back(std::make_unique<Hunt>());
  collect_ways(*hunts_.front(), decision.targets);
  next_way(*hunts_.front());
}

Hunt* Call::hunt_of(const Leg& leg) {
  for (const auto& h : hunts_)
    if (h->leg == leg.s.id) return h.get();
  return nullptr;
}

void Call::next_way(Hunt& h) {
  if (was_terminated_) return;
  if (services_.reactor.now() >= hunt_deadline_) {
    h.last_why += h.last_why.empty() ? "" : "; ";
    h.last_why += "no time left to try another peer";
    h.clear();
  }
  if (!h.destinations.empty()) {
    try_destination(h);
    return;
  }
  take_redirect(h);
  if (!choose_way(h)) {
    if (h.full && h.attempts == 0) {
      return hunt_over(
          h, {h.full->status, h.full->q850, h.full->text, nullptr, {}, true, h.full->label});
    }
    if (h.said) return hunt_failed(h, h.said->status(), h.said_by, h.said.get());
    return hunt_failed(h, h.last_status, h.last_why.empty() ? "no peer answered" : h.last_why,
                       nullptr);
  }
  const auto& peer = deployment_->peer(h.way.peer);
  if (h.redirect && h.redirect->at) {
    const auto out = deployment_->way_out(h.way.group, h.redirect->at->address.is_v6());
    if (!out) return next_way(h);
    transport::Destination d;
    d.remote = *h.redirect->at;
    d.transport = deployment_->listener(*out).transport;
    d.listener = *out;
    d.tls_name = peer.host;
    d.own_name = deployment_->own_name(h.way.group, *out);
    d.connect_time = deployment_->group(h.way.group).timers.connect;
    h.destinations.push_back(std::move(d));
    return try_destination(h);
  }
  // A name that nobody resolves costs no more than a peer that does not answer (TDR-78).
  const auto left = std::chrono::ceil<Millis>(hunt_deadline_ - services_.reactor.now());
  auto where = services_.locator.locate(
      peers::request_for(*deployment_, peer), peers::ways_of(*deployment_, h.way.group),
      peers::Locator::Origin::kConfigured,
      std::min(left, deployment_->group(h.way.group).timers.silence), *this, h.number);
  if (where) on_located(h.number, std::move(*where));
}

// The next peer that may have another call.
bool Call::choose_way(Hunt& h) {
  h.towards.reset();
  const bool emergency =
      state_.emergency == policy::EmergencyClass::kEmergency ||
      (invite_ && trusted(*find_leg(state_.ingress)) && transport::has_esnet_priority(*invite_));
  while (!h.ways.empty() && attempts_ < kMaxAttempts) {
    h.way = h.ways.back();
    h.ways.pop_back();
    auto full = services_.admission.towards(h.way.group, h.way.peer, emergency,
                                            services_.reactor.now(), h.towards);
    h.full.reset();
    if (!full) return true;
    h.full = std::move(*full);
    tell(EventKind::kRouteAttempt, nullptr,
         "passed over " + deployment_->peer(h.way.peer).name + ": " + h.full->text);
    if (!h.last_why.ends_with(h.full->text))
      h.last_why += (h.last_why.empty() ? "" : "; ") + h.full->text;
  }
  return false;
}

void Call::try_destination(Hunt& h) {
  if (legs_.size() >= kMaxLegs) {
    h.clear();
    h.last_why = "the call has had more legs than it may";
    h.last_status = 503;
    return next_way(h);
  }
  const transport::Destination to = std::move(h.destinations.back());
  h.destinations.pop_back();
  ++attempts_;
  ++h.attempts;
  Leg& leg = add_leg(false, h.way.group);
  const auto& peer = deployment_->peer(h.way.peer);
  leg.s.peer = peer.name;
  leg.s.host = customer_host(*leg.profile, decision_->customer);
  h.leg = leg.s.id;
  h.spoke_first = h.spoke_last = h.heard = 0;
  if (!forked() || !still_tried(find_leg(state_.egress))) state_.egress = leg.s.id;
  if (auto gateway = gateway_beside(leg); !gateway.empty()) {
    leg.s.host = std::move(gateway);
    leg.s.for_gateway = true;
  }
  if (to.listener != leg.listener) use_listener(leg, to.listener);
  peers::allow_tcp(*deployment_, h.way.peer, leg.attempt.emplace(to));
  leg.s.next_hop = {to.remote, to.transport, to.tls_name, wall_of(to.expires)};
  leg.attempt_began = services_.reactor.now();
  tell(EventKind::kRouteAttempt, &leg,
       "trying " + peer.name + " at " + to.remote.to_string() + " over " +
           std::string(to_string(to.transport)));
  if (auto ok = send_initial_invite(h, leg); !ok) {
    const int status = ok.error().code == ErrorCode::kNotAcceptable ? 488 : 503;
    // What is wrong is wrong here: no other peer would mend it, and this one is not to blame.
    const std::string_view label = status == 488     ? "media"
                                   : leg.s.has_media ? "transcoding"
                                                     : "media_ports";
    close_media(leg);
    leg_ended(leg);
    h.last_status = status;
    tell(EventKind::kError, &leg, ok.error().what);
    if (calls_for_help() && (!h.ways.empty() || !h.destinations.empty())) {
      h.last_why = ok.error().what;
      return next_way(h);
    }
    hunt_over(h,
              {status, status == 488 ? 88 : 47, ok.error().what, nullptr, leg.s.id, true, label});
  }
}

Status Call::send_initial_invite(const Hunt& h, Leg& leg) {
  Leg& in = *find_leg(state_.ingress);
  choose_place(leg, nullptr);
  if (auto ok = begin_media(leg); !ok) return ok;
  use_gate(leg, in);
  Result<sdp::MediaWish> wish = !in.s.heard     ? Result<sdp::MediaWish>(default_wish(leg))
                                : state_.direct ? *in.s.heard
                                                : wish_for(leg, *in.s.heard, in);
  if (!wish) return tl::unexpected(wish.error());
  if (auto sdp = make_offer(leg, *wish); !sdp) return tl::unexpected(sdp.error());

  const peers::LocalSide us = side(leg);
  Dialog& d = leg.s.dialog;
  d.ours = true;
  d.call_id = sip::make_tag(owner(), services_.reactor.random()) + "@" + peers::own_host(us);
  leave_initial_invite(h, leg);
  return {};
}

// Also once more, when its answer asked for that: the dialog that it would make stays the same but
// for CSeq, and so does what was offered (RFC 3261 8.1.3.5).
void Call::leave_initial_invite(const Hunt& h, Leg& leg) {
  const peers::LocalSide us = side(leg);
  const Onward on{*invite_,
                  *deployment_,
                  *decision_,
                  state_.called,
                  find_leg(state_.ingress)->group,
                  h.way.peer,
                  us};
  // What our rules made of the parties is in the dialog: they begin with what they were given.
  Addressing a = addressing_of(on);
  Dialog& d = leg.s.dialog;
  d.local_party = std::move(a.from);
  d.remote_target = std::move(a.request_uri);
  if (h.redirect) d.remote_target = h.redirect->uri;
  d.remote_party = std::move(a.to);
  leg.s.number = std::move(a.contact_user);
  ++d.local_cseq;
  leg.refused_invite = false;
  const std::string branch = sip::make_branch(owner(), services_.reactor.random());
  sip::Builder b(2048);
  b.request_line("INVITE", d.remote_target);
  b.header(HeaderId::kVia, peers::via_value(us, branch));
  b.begin(HeaderId::kFrom).add(d.local_party).add(";tag=").add(d.local_tag).end_line();
  b.header(HeaderId::kTo, d.remote_party);
  b.header(HeaderId::kCallId, d.call_id);
  b.begin(HeaderId::kCSeq).number(d.local_cseq).add(" INVITE").end_line();
  b.header(HeaderId::kContact, peers::contact_value(us, leg.s.number));
  if (const auto route = record_route(leg); !route.empty()) b.header(HeaderId::kRecordRoute, route);
  ask_for_session(b, leg, true);
  write_headers(b, on, [&](std::string_view cid) {
    return carries(invite_parts_, leg.profile->pass_bodies, cid);
  });
  const Body body = join_body(leg.s.offer_answer.last_local, invite_parts_,
                              leg.profile->pass_bodies, d.local_tag);
  std::string invite = b.finish(body.content, body.content_type);

  // EM-06: what a peer cannot take is not withheld in silence.
  if (const auto types = left_out(invite_parts_, leg.profile->pass_bodies); !types.empty())
    tell(EventKind::kNote, &leg,
         types + " left out: not in pass_bodies of profile '" + leg.profile->name + "'");
  leave(leg, invite);
  leg.client_invite = services_.layer.send_request(std::move(invite), branch, Method::kInvite,
                                                   *leg.attempt, user(leg));
  const Micros left = hunt_deadline_ - services_.reactor.now();
  start_timer(leg.silence,
              std::clamp<Micros>(left, Millis(100), deployment_->group(leg.group).timers.silence),
              TimerKind::kSilence, leg);
}

void Call::attempt_failed(Leg& leg, int status, const std::string& why,
                          const sip::Message* response) {
  stop_timer(leg.silence);
  stop_timer(leg.progress);
  stop_timer(leg.ring);
  close_media(leg);
  if (leg.cancelled && leg.client_invite.value != 0) {
    // Whatever still comes is taken and hung up.
    start_timer(leg.cancel_wait, kCancelWait, TimerKind::kCancelWait, leg);
  } else {
    leg.client_invite = {};
    leg_ended(leg);
  }
  if (is_target(leg)) {
    if ((status == 0 || status == 503) && leg.attempt) services_.locator.failed(*leg.attempt);
    return target_failed(status, why);
  }
  Hunt* const mine = hunt_of(leg);
  if (!mine || mine->over) return;
  Hunt& h = *mine;
  h.last_status = status;
  h.last_why = why;
  if ((status == 0 || status == 503) && leg.attempt) services_.locator.failed(*leg.attempt);
  tell(EventKind::kRouteAttempt, &leg, why);
  // Of the Contacts of a 3xx the next one, whatever the one before said but that nobody will.
  const bool elsewhere = !h.redirects.empty() && status < 600 && status != 487;
  // GW-02: only silence, 408, 503 and 504 go to the next peer, and only while the caller has heard
  // nothing that an answer elsewhere would contradict (TDR-79). A call for help is never given up
  // while there is another way (EM-15).
  const bool for_help = calls_for_help() && status != 487;
  // Nor is there an end to the time for it but that of its ways (kMaxAttempts).
  if (for_help)
    hunt_deadline_ =
        services_.reactor.now() + deployment_->group(find_leg(state_.ingress)->group).timers.hunt;
  const bool progressed = forked() ? h.rang : state_.progressed;
  if ((status == 0 || policy::may_retry(status) || for_help || elsewhere) &&
      (!progressed || for_help) && h.more() && services_.reactor.now() < hunt_deadline_) {
    tell(EventKind::kDecision, nullptr, "may be retried on the next peer");
    if (response && !policy::may_retry(status)) {
      h.said = copy_of(*response);
      h.said_by = why;
    }
    choose_branch();
    next_way(h);
    return;
  }
  if (response && status / 100 == 3 && !forked() && pass_redirect(leg, *response)) return;
  if (h.said && (status == 0 || policy::may_retry(status))) {
    // What was said tells the caller more than that the others were silent (RFC 3261 16.7).
    return hunt_failed(h, h.said->status(), h.said_by, h.said.get());
  }
  hunt_failed(h, status, why, response);
}

// `status`: of the far side; 0: silence.
void Call::hunt_failed(Hunt& h, int status, const std::string& why, const sip::Message* response) {
  const auto mapped = policy::map_failure(status);
  if (!forked()) return fail_ingress(mapped.status, mapped.q850, why, response);
  hunt_over(h, {mapped.status, mapped.q850, why, response ? copy_of(*response) : nullptr, h.leg});
}

// Nothing more comes of it.
void Call::hunt_over(Hunt& h, HuntEnd end) {
  if (forked()) return branch_over(h, std::move(end));
  tell_caller(end);
}

void Call::tell_caller(const HuntEnd& end) {
  if (!end.label.empty()) services_.counters.refused.add(end.label);
  fail_ingress(end.status, end.q850, end.text, end.response.get(),
               end.refused ? std::optional(TerminationClass::kRefused) : std::nullopt);
}

}  // namespace causeway::call
