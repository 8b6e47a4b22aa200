#include "scenario/agents.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "sip/fields.h"

namespace causeway::scenario {

using sip::HeaderId;

namespace {

constexpr Micros kPatience{32'000'000};
constexpr Micros kT2{4'000'000};

std::string branch_of(const sip::Message& m) {
  return std::string(sip::parse_via(m.value(HeaderId::kVia))->branch);
}
std::string tag_in(std::string_view name_addr) {
  return std::string(sip::parse_name_addr(name_addr)->tag());
}
std::string key_of(std::string_view call_id, std::string_view our_tag) {
  return std::string(call_id) + "|" + std::string(our_tag);
}
std::string answer_direction(std::string_view offered) {
  const std::string d = direction_of(offered);
  return d == "sendonly" ? "recvonly" : d == "recvonly" ? "sendonly" : d;
}

}  // namespace

Instant Agent::in(std::uint64_t most_ms) {
  return rig_.world.now() + Millis(static_cast<long>(roll(most_ms + 1)));
}

std::string Agent::sdp_of(Dialog& d, const std::string& direction) {
  return sdp(peer_.address().substr(0, peer_.address().find(':')), port_, direction,
             "8 PCMA/8000,101 telephone-event/8000", ++d.version);
}
std::string Agent::any_sdp() {
  static constexpr const char* kCodecs[] = {"8 PCMA/8000", "8 PCMA/8000,0 PCMU/8000",
                                            "0 PCMU/8000,8 PCMA/8000,101 telephone-event/8000",
                                            "9 G722/8000,8 PCMA/8000"};
  return sdp(peer_.address().substr(0, peer_.address().find(':')), port_, "sendrecv",
             kCodecs[roll(std::size(kCodecs))]);
}

std::size_t Agent::dialogs_up() const {
  return static_cast<std::size_t>(
      std::count_if(dialogs_.begin(), dialogs_.end(),
                    [](const auto& x) { return x.second.up && !x.second.over; }));
}
std::size_t Agent::calls_open() const {
  return static_cast<std::size_t>(std::count_if(dialogs_.begin(), dialogs_.end(),
                                                [](const auto& x) { return x.second.initial; }));
}
std::string Agent::state() const {
  std::string out = peer_.address() + "\n";
  for (const auto& [key, d] : dialogs_)
    out += "  " + key + (d.up ? " up" : "") + (d.over ? " over" : "") +
           (d.initial ? " initial" : "") + "\n";
  for (const auto& t : peer_.transcript) out += "  " + t + "\n";
  return out;
}

// --- What is repeated ----------------------------------------------------------------------------

void Agent::call(const std::string& number) {
  std::string headers = roll(3) == 0   ? "Require: 100rel\r\n"
                        : roll(2) == 0 ? "Supported: 100rel\r\n"
                                       : "";
  if (chance(30)) headers += "P-Early-Media: supported\r\n";
  const bool offerless = chance(15);
  PeerDialog d =
      peer_.invite(number, headers + "Allow: INVITE, ACK, BYE, CANCEL, UPDATE, PRACK\r\n",
                   offerless ? "" : any_sdp(), "+4930111");
  const std::string key = key_of(d.call_id, tag_in(d.local));
  Dialog& dialog = dialogs_[key];
  dialog.d = d;
  dialog.initial = true;
  const Instant now = rig_.world.now();
  open_[d.via_branch + "INVITE"] = {peer_.last_request, "INVITE", key,   d,
                                    offerless,          false,    false, now + Millis(500),
                                    now + kPatience};
  if (!chance(25)) return;
  const std::string branch = d.via_branch;
  later(4'000, [this, branch] {
    const auto it = open_.find(branch + "INVITE");
    if (it == open_.end() || !it->second.heard) return;
    it->second.cancelled = true;
    PeerDialog at = it->second.at;
    peer_.request(at, "CANCEL");
    const Instant t = rig_.world.now();
    open_[branch + "CANCEL"] = {
        peer_.last_request, "CANCEL",     it->second.dialog, at, false, false, false,
        t + Millis(500),    t + kPatience};
  });
}

std::string& Agent::ask(Dialog& d, const std::string& key, const std::string& method,
                        const std::string& headers, const std::string& body) {
  peer_.request(d.d, method, headers, body);
  const Instant now = rig_.world.now();
  Open& o = open_[d.d.via_branch + method];
  o = {peer_.last_request, method,         key, d.d, body.empty(), false, false,
       now + Millis(500),  now + kPatience};
  return o.bytes;
}

void Agent::answer(const Shared& m, int status, const std::string& headers, const std::string& body,
                   const std::string& tag) {
  const auto say = [this, m, status, headers, body, tag] {
    peer_.reply(*m, status, headers, body, tag.empty() ? "x" : tag);
  };
  if (status > 100) answered_[branch_of(*m) + std::string(m->method_text())] = say;
  say();
}

void Agent::repeat(const std::string& until, std::function<void()> say,
                   std::function<void()> gave_up) {
  const Instant now = rig_.world.now();
  repeats_[until] = {std::move(say), std::move(gave_up), now + Millis(500), now + kPatience};
}

void Agent::turn() {
  while (read_ < peer_.received.size()) {
    auto m = sip::Message::parse(peer_.received[read_++]);
    take(std::make_shared<sip::Message>(std::move(*m)));
  }
  const Instant now = rig_.world.now();
  while (!agenda_.empty() && agenda_.begin()->first <= now) {
    const auto what = std::move(agenda_.begin()->second);
    agenda_.erase(agenda_.begin());
    what();
  }
  for (auto it = open_.begin(); it != open_.end();) {
    Open& o = it->second;
    if (now >= o.deadline) {
      const Open gone = o;
      it = open_.erase(it);
      timed_out(gone);
      continue;
    }
    if (now >= o.next && !(o.method == "INVITE" && o.heard)) {
      peer_.send(o.bytes);
      o.interval = o.method == "INVITE" ? o.interval * 2 : std::min(o.interval * 2, kT2);
      o.next = now + o.interval;
    }
    ++it;
  }
  std::vector<std::function<void()>> given_up;
  for (auto it = repeats_.begin(); it != repeats_.end();) {
    Repeat& r = it->second;
    if (now >= r.deadline) {
      given_up.push_back(std::move(r.gave_up));
      it = repeats_.erase(it);
      continue;
    }
    if (now >= r.next) {
      r.say();
      r.interval = std::min(r.interval * 2, kT2);
      r.next = now + r.interval;
    }
    ++it;
  }
  for (const auto& f : given_up) f();
  for (auto& [key, d] : dialogs_) act(key, d);
}

void Agent::timed_out(const Open& o) {
  const auto it = dialogs_.find(o.dialog);
  if (it == dialogs_.end()) return;
  Dialog& d = it->second;
  if (o.method == "INVITE" || o.method == "UPDATE") {
    d.inviting = false;
    if (std::exchange(d.initial, false)) {
      d.over = true;
      return;
    }
  }
  if (d.up && !d.over && o.method != "BYE") hang_up(o.dialog, d);  // RFC 5057
}

// --- Who is called -------------------------------------------------------------------------------

void Agent::take(const Shared& m) {
  if (!m->is_request()) {
    on_response(m);
    return;
  }
  if (m->method() == sip::Method::kAck) {
    const std::string cseq = std::to_string(m->cseq());
    repeats_.erase("ack:" + std::string(m->call_id()) + ":" + cseq + ":" +
                   std::string(m->to_tag()));
    repeats_.erase("no:" + std::string(m->call_id()) + ":" + cseq);
    const auto d = dialogs_.find(key_of(m->call_id(), m->to_tag()));
    if (d != dialogs_.end()) d->second.invited = false;
    return;
  }
  const auto again = answered_.find(branch_of(*m) + std::string(m->method_text()));
  if (again != answered_.end()) {
    again->second();
    return;
  }
  if (m->method() == sip::Method::kCancel)
    on_cancel(m);
  else if (m->method() == sip::Method::kInvite && m->to_tag().empty())
    on_invite(m);
  else
    on_request(m);
}

void Agent::on_invite(const Shared& m) {
  const std::string call(m->call_id());
  if (ringing_.count(call)) return;  // again, before anything was said
  Ringing& r = ringing_[call];
  r.invite = m;
  if (chance(5)) {
    r.final = true;
    answer(m, 486, "", "", "busy");
    repeat("no:" + call + ":1", [this, m] { peer_.reply(*m, 486, "", "", "busy"); }, [] {});
    return;
  }
  peer_.reply(*m, 100);
  const auto phones = 1 + roll(3);
  for (std::uint64_t i = 0; i < phones; ++i) {
    const std::string tag = "p" + std::to_string(++serial_);
    r.phones[tag] = false;
    for (auto n = roll(4); n > 0; --n) later(2'000, [this, call, tag] { ring(call, tag); });
  }
  if (!chance(15)) later(5'000, [this, call] { finish(call); });
}

void Agent::ring(const std::string& call, const std::string& tag) {
  Ringing& r = ringing_[call];
  if (r.final || r.unacknowledged[tag] != 0 || r.ended.contains(tag)) return;
  const Shared m = r.invite;
  // RFC 6228: this one will not answer; now and then it does all the same.
  const bool ends = chance(10) && r.phones.contains(tag);
  if (ends) r.ended.insert(tag);
  const int status = ends ? 199 : chance(50) ? 180 : 183;
  std::string headers = "Allow: INVITE, ACK, BYE, CANCEL, UPDATE, PRACK\r\n";
  static constexpr const char* kEarly[] = {"sendrecv", "sendonly", "recvonly", "inactive", "gated"};
  if (chance(30)) headers += std::string("P-Early-Media: ") + kEarly[roll(5)] + "\r\n";
  const bool reliable =
      chance(50) && m->value(HeaderId::kSupported).find("100rel") != std::string_view::npos;
  const std::string body = !ends && chance(50) && !r.phones[tag] ? any_sdp() : "";
  if (!reliable) {
    peer_.reply(*m, status, headers, body, tag);
    return;
  }
  int& rseq = r.rseq[tag];
  rseq = rseq == 0 ? 1 + static_cast<int>(roll(1'000)) : rseq + 1;
  headers += "Require: 100rel\r\nRSeq: " + std::to_string(rseq) + "\r\n";
  r.unacknowledged[tag] = rseq;
  if (!body.empty()) r.phones[tag] = true;
  const auto say = [this, m, status, headers, body, tag] {
    peer_.reply(*m, status, headers, body, tag);
  };
  repeat("prack:" + call + ":" + tag + ":" + std::to_string(rseq), say, [] {});
  say();
}

void Agent::finish(const std::string& call) {
  Ringing& r = ringing_[call];
  if (r.final) return;
  const Shared m = r.invite;
  if (chance(15)) {
    r.final = true;
    const int status = chance(50) ? 486 : 480;
    answer(m, status, "", "", r.phones.begin()->first);
    repeat(
        "no:" + call + ":1",
        [this, m, status, tag = r.phones.begin()->first] { peer_.reply(*m, status, "", "", tag); },
        [] {});
    return;
  }
  auto who = r.phones.begin();
  std::advance(who, static_cast<long>(roll(r.phones.size())));
  const std::string tag = chance(10) ? "late" + std::to_string(++serial_) : who->first;
  // RFC 3262 3: what was said with SDP must be acknowledged first.
  if (r.phones[tag] && r.unacknowledged[tag] != 0) {
    later(500, [this, call] { finish(call); });
    return;
  }
  r.final = true;
  std::erase_if(repeats_,
                [&](const auto& x) { return x.first.starts_with("prack:" + call + ":"); });
  pick_up(r, tag);
  if (chance(20) && r.phones.size() > 1)
    for (const auto& [other, said] : r.phones)
      if (other != tag) {
        later(800, [this, call, t = other] { pick_up(ringing_[call], t); });
        break;
      }
}

void Agent::pick_up(Ringing& r, const std::string& tag) {
  const Shared m = r.invite;
  const std::string key = key_of(m->call_id(), tag);
  Dialog& d = dialogs_[key];
  if (d.up) return;
  d.d = peer_.answered(*m, tag);
  d.up = d.invited = true;
  d.act = in(4'000);
  d.hang_up = rig_.world.now() + Millis(1'000 + static_cast<long>(roll(14'000)));
  const std::string body = r.phones[tag] ? "" : any_sdp();
  const auto say = [this, m, body, tag] {
    peer_.reply(*m, 200, "Allow: INVITE, ACK, BYE, CANCEL, UPDATE, PRACK\r\n", body, tag);
  };
  answered_[branch_of(*m) + "INVITE"] = say;
  repeat("ack:" + std::string(m->call_id()) + ":" + std::to_string(m->cseq()) + ":" + tag, say,
         [this, key] { hang_up(key, dialogs_[key]); });
  say();
}

void Agent::on_cancel(const Shared& m) {
  peer_.reply(*m, 200);
  const auto it = ringing_.find(std::string(m->call_id()));
  if (it == ringing_.end() || it->second.final || it->second.invite->cseq() != m->cseq()) return;
  it->second.final = true;
  const Shared invite = it->second.invite;
  std::erase_if(repeats_,
                [&](const auto& x) { return x.first.starts_with("prack:" + it->first + ":"); });
  answer(invite, 487, "", "", it->second.phones.begin()->first);
  repeat(
      "no:" + it->first + ":" + std::to_string(invite->cseq()),
      [this, invite, tag = it->second.phones.begin()->first] {
        peer_.reply(*invite, 487, "", "", tag);
      },
      [] {});
}

// --- Within a dialog -----------------------------------------------------------------------------

void Agent::on_request(const Shared& m) {
  const std::string key = key_of(m->call_id(), m->to_tag());
  if (m->method() == sip::Method::kPrack) {
    const auto rack = sip::parse_rack(m->value(HeaderId::kRAck));
    const auto r = ringing_.find(std::string(m->call_id()));
    const std::string tag(m->to_tag());
    if (rack && r != ringing_.end() &&
        r->second.unacknowledged[tag] == static_cast<int>(rack->rseq)) {
      r->second.unacknowledged[tag] = 0;
      repeats_.erase("prack:" + r->first + ":" + tag + ":" + std::to_string(rack->rseq));
      answer(m, 200);
    } else {
      answer(m, 481);
    }
    return;
  }
  const auto it = dialogs_.find(key);
  if (it == dialogs_.end() || it->second.over) {
    answer(m, m->method() == sip::Method::kBye && it != dialogs_.end() ? 200 : 481);
    return;
  }
  Dialog& d = it->second;
  switch (m->method()) {
    case sip::Method::kBye:
      d.over = true;
      d.initial = false;
      answer(m, 200);
      if (d.asked) answer(std::exchange(d.asked, nullptr), 487);
      return;
    case sip::Method::kInvite:
    case sip::Method::kUpdate: on_reinvite(d, key, m); return;
    default: answer(m, 200); return;
  }
}

void Agent::on_reinvite(Dialog& d, const std::string& key, const Shared& m) {
  const bool invite = m->method() == sip::Method::kInvite;
  const std::string no = "no:" + std::string(m->call_id()) + ":" + std::to_string(m->cseq());
  if (d.inviting || d.invited || d.asked || chance(5)) {
    const int status = d.inviting ? 491 : d.asked ? 500 : d.invited ? 491 : 488;
    answer(m, status);
    if (invite) repeat(no, [this, m, status] { peer_.reply(*m, status); }, [] {});
    return;
  }
  d.asked = m;
  later(300, [this, key, m, invite] {
    Dialog& now = dialogs_[key];
    if (now.asked != m) return;
    now.asked.reset();
    const std::string body =
        sdp_of(now, m->body().empty() ? "sendrecv" : answer_direction(m->body()));
    answer(m, 200, "", body);
    if (!invite) return;
    now.invited = true;
    repeat(
        "ack:" + std::string(m->call_id()) + ":" + std::to_string(m->cseq()) + ":" +
            std::string(m->to_tag()),
        [this, m, body] { peer_.reply(*m, 200, "", body); },
        [this, key] { hang_up(key, dialogs_[key]); });
  });
}

void Agent::hang_up(const std::string& key, Dialog& d) {
  if (!d.up || d.over) return;
  d.over = true;
  if (d.asked) answer(std::exchange(d.asked, nullptr), 487);
  (void)ask(d, key, "BYE", "", "");
}

void Agent::act(const std::string& key, Dialog& d) {
  const Instant now = rig_.world.now();
  if (!d.up || d.over) return;
  if (now >= d.hang_up) {
    hang_up(key, d);
    return;
  }
  if (now < d.act) return;
  d.act = in(4'000);
  const auto what = roll(10);
  if (what == 0) {
    (void)ask(d, key, "OPTIONS", "", "");
    return;
  }
  if (d.inviting || d.invited || d.asked) return;
  static constexpr const char* kWays[] = {"sendonly", "sendrecv", "inactive", "sendrecv"};
  d.inviting = true;
  if (what == 1)
    (void)ask(d, key, "INVITE", "", "");
  else
    (void)ask(d, key, what < 4 ? "UPDATE" : "INVITE", "", sdp_of(d, kWays[roll(4)]));
}

// --- Responses -----------------------------------------------------------------------------------

void Agent::on_response(const Shared& m) {
  const std::string id = branch_of(*m) + std::string(m->method_text());
  const auto it = open_.find(id);
  if (it == open_.end()) {
    // A final answer to INVITE that comes again wants its ACK again.
    const auto d = dialogs_.find(key_of(m->call_id(), m->from_tag()));
    if (m->method() != sip::Method::kInvite || m->status() < 200 || d == dialogs_.end()) return;
    const auto ack =
        d->second.acks.find(std::to_string(m->cseq()) + ":" + std::string(m->to_tag()));
    if (ack != d->second.acks.end()) peer_.send(ack->second);
    return;
  }
  Open& o = it->second;
  if (o.method == "INVITE") {
    on_invite_response(o, m);
    if (m->status() >= 200) open_.erase(id);
    return;
  }
  if (m->status() < 200) return;
  const auto d = dialogs_.find(o.dialog);
  const std::string method = o.method;
  open_.erase(it);
  if (d == dialogs_.end()) return;
  if (method == "UPDATE") d->second.inviting = false;
  if (m->status() == 481 && method != "CANCEL" && method != "PRACK") d->second.over = true;
}

void Agent::on_invite_response(Open& o, const Shared& m) {
  Dialog& d = dialogs_[o.dialog];
  const int status = m->status();
  if (status < 200) {
    o.heard = true;
    o.deadline = rig_.world.now() + Seconds(240);
    const auto rseq = sip::parse_rseq(m->value(HeaderId::kRSeq));
    if (!d.initial || status == 100 || !rseq || !m->has(HeaderId::kRequire)) return;
    if (d.rseq != 0 && *rseq != d.rseq + 1) return;
    d.rseq = *rseq;
    PeerDialog before = d.d;
    peer_.learn(d.d, *m);
    const bool offered = o.offerless && !m->body().empty();
    (void)ask(d, o.dialog, "PRACK",
              "RAck: " + std::to_string(*rseq) + " " + std::to_string(m->cseq()) + " INVITE\r\n",
              offered ? any_sdp() : "");
    if (offered) o.offerless = false;
    return;
  }
  d.inviting = false;
  const bool initial = std::exchange(d.initial, false);
  if (status >= 300) {
    PeerDialog at = o.at;
    peer_.ack_failure(at, *m);
    const std::string cseq = std::to_string(m->cseq()) + ":" + std::string(m->to_tag());
    // The same bytes once more whenever the failure comes again.
    d.acks[cseq] = "ACK " + at.target + " SIP/2.0\r\nVia: SIP/2.0/UDP " + peer_.address() +
                   ";branch=" + at.via_branch + "\r\nMax-Forwards: 70\r\nFrom: " + at.local +
                   "\r\nTo: " + std::string(m->value(HeaderId::kTo)) +
                   "\r\nCall-ID: " + at.call_id + "\r\nCSeq: " + std::to_string(at.cseq) +
                   " ACK\r\nContent-Length: 0\r\n\r\n";
    if (initial || status == 481) d.over = true;
    return;
  }
  if (initial) {
    const int cseq = d.d.cseq;
    peer_.learn(d.d, *m);
    d.d.cseq = cseq;
    d.up = true;
    d.act = in(4'000);
    d.hang_up = rig_.world.now() + Millis(1'000 + static_cast<long>(roll(14'000)));
  }
  acknowledge(d, o, *m);
  if (o.cancelled) hang_up(o.dialog, d);  // the answer crossed the CANCEL
}

void Agent::acknowledge(Dialog& d, const Open& o, const sip::Message& m) {
  PeerDialog at = d.d;
  const bool wants_answer = o.offerless && !m.body().empty();
  peer_.request(at, "ACK", "", wants_answer ? sdp_of(d, answer_direction(m.body())) : std::string(),
                static_cast<int>(m.cseq()));
  d.acks[std::to_string(m.cseq()) + ":" + std::string(m.to_tag())] = peer_.last_request;
}

}  // namespace causeway::scenario
