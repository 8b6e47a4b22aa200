// What arrives at SipTransport, and what travels between shards: recognition of the sender, answers
// that leave no state, and delivery to the shard that owns a message.
#include <algorithm>

#include "base/host_name.h"
#include "deployment/recognise.h"
#include "sip/build.h"
#include "sip/fields.h"
#include "sip/headers.h"
#include "sip/limits.h"
#include "sip/tag.h"
#include "transport/certificate_mismatch.h"
#include "transport/emergency.h"
#include "transport/lenient.h"
#include "transport/mail.h"
#include "transport/reply_address.h"
#include "transport/sip_transport.h"
#include "transport/stateless.h"

namespace causeway::transport {
namespace {

std::string_view as_text(std::span<const std::byte> d) {
  return {reinterpret_cast<const char*>(d.data()), d.size()};
}

// The names that groups of this listener with that source and Request-URI host want to see.
std::vector<std::string> certificate_names_for(const deployment::Deployment& d,
                                               deployment::ListenerIndex listener,
                                               const Endpoint& source, const std::string& host) {
  std::vector<std::string> names;
  for (const auto& g : d.groups) {
    const auto& r = g.recognition;
    if (r.certificate_names.empty() ||
        std::find(r.listeners.begin(), r.listeners.end(), listener) == r.listeners.end() ||
        std::none_of(r.sources.begin(), r.sources.end(),
                     [&](const Prefix& p) { return p.contains(source.address); }))
      continue;
    if (!r.request_hosts.empty() &&
        std::none_of(r.request_hosts.begin(), r.request_hosts.end(),
                     [&](const std::string& h) { return host_matches(h, host); }))
      continue;
    names.insert(names.end(), r.certificate_names.begin(), r.certificate_names.end());
  }
  return names;
}

// The least that lets a sender find its transaction. What else a response repeats (RFC 3261
// 8.2.6.2) is left out when the request had none (RFC 4475 3.3.1).
bool answerable(const sip::Message& m) {
  return m.has(sip::HeaderId::kVia) && m.has(sip::HeaderId::kCSeq);
}

// A start line of a request or a response, as far as one can see without reading on.
bool looks_like_sip(std::string_view s) {
  if (s.starts_with("SIP/2.0 ")) return true;
  constexpr std::size_t kLine = 512;
  s = s.substr(0, std::min(s.find('\r'), kLine));
  return !s.empty() && s[0] >= 'A' && s[0] <= 'Z' && s.ends_with(" SIP/2.0");
}

bool is_keep_alive(std::string_view s) {
  return s.find_first_not_of("\r\n") == std::string_view::npos ||
         s == std::string_view("\0\0\0\0", 4);
}

}  // namespace

void SipTransport::on_datagram(reactor::UdpSocket& socket, const Endpoint& from,
                               std::span<std::byte> data, Instant came) {
  const Instant now = reactor_.now();
  const auto verdict = guard_.arriving(from.address, now);
  if (verdict == SourceGuard::Verdict::kBanned) {
    observer_.on_dropped("banned", from, deployment::ListenerIndex{}, "see `causeway bans`");
    return;
  }
  const auto it = std::find_if(listeners_.begin(), listeners_.end(),
                               [&](const ListenerSocket& s) { return s.udp.get() == &socket; });
  if (it == listeners_.end()) return;
  if (!deployment::allowed_source(*running_.deployment, it->index, from)) {
    observer_.on_dropped("unknown_source", from, it->index,
                         "no peer group of this listener has that source");
    return;
  }
  const std::string_view text = as_text(data);
  if (is_keep_alive(text)) return;
  if (verdict == SourceGuard::Verdict::kLook && !looks_like_sip(text)) {
    observer_.on_dropped("limited", from, it->index,
                         "its source has sent too much that is malformed or of no group");
    return;
  }
  Flow flow{reactor_.shard(), it->index, Transport::kUdp, it->config.address, from, 0, from};
  (void)step(overload_, {reactor_.last_turn(), now - came, now, it->index.value},
             running_.deployment->limits.overload_target);
  if (shed(text, flow)) return;
  (void)take(text, flow, nullptr);
}

void SipTransport::offend(const Flow& flow, std::string_view what) {
  const auto& limits = running_.deployment->limits;
  if (!guard_.offence(flow.remote.address, reactor_.now())) return;
  const std::string reason = "more than " + std::to_string(limits.offences_per_minute) +
                             " messages in a minute that are malformed or of no peer group; the "
                             "latest: " +
                             std::string(what.substr(0, 100));
  if (limits.ban_peers ||
      !deployment::owned_source(*running_.deployment, flow.listener, flow.remote))
    return ban(flow, reason);
  observer_.on_dropped("limited_source", flow.remote, flow.listener, reason);
}

void SipTransport::on_connection_trouble(std::string_view label, const Endpoint& remote,
                                         deployment::ListenerIndex listener,
                                         std::string_view what) {
  observer_.on_dropped(label, remote, listener, what);
  if (label != "framing") return;
  Flow flow;
  flow.listener = listener;
  flow.remote = remote;
  offend(flow, what);
}

void SipTransport::ban(const Flow& flow, const std::string& reason) {
  const Instant now = reactor_.now();
  const Ban b{flow.remote.address, reason, guard_.ban(flow.remote.address, reason, now)};
  observer_.on_dropped("ban", flow.remote, flow.listener, reason);
  for (std::size_t i = 0; i < reactor_.shard_count(); ++i)
    if (i != reactor_.shard().value)
      (void)post(ShardId{static_cast<std::uint16_t>(i)}, std::make_unique<BanMail>(b));
  connections_.end_from(b.source);
}

bool SipTransport::is_scanner(const sip::Message& m) const {
  const auto says = [](std::string_view text, std::string_view word) {
    const auto folded = [](char c) { return static_cast<unsigned char>(c) | 0x20U; };
    for (std::size_t i = 0; !word.empty() && i + word.size() <= text.size(); ++i)
      if (folded(text[i]) == folded(word.front()) &&
          sip::iequals(text.substr(i, word.size()), word))
        return true;
    return false;
  };
  const std::string_view agent = m.value(sip::HeaderId::kUserAgent);
  const std::string_view from = m.value(sip::HeaderId::kFrom);
  const auto& words = running_.deployment->limits.scanners;
  return std::any_of(words.begin(), words.end(),
                     [&](const auto& w) { return says(agent, w) || says(from, w); });
}

bool SipTransport::take(std::string_view bytes, const Flow& came, const reactor::TlsPeer* tls) {
  Flow flow = came;
  wire(false, flow.local, flow.remote, flow.transport, bytes);
  auto parsed = sip::Message::parse(bytes);
  if (!parsed) {
    observer_.on_dropped(error_info(parsed.error().code).label, flow.remote, flow.listener,
                         parsed.error().what);
    if (parsed.error().code == ErrorCode::kTooLarge)
      if (const auto m = essence_of(bytes))
        answer_stranger(*m, flow, status_for_oversize(bytes), parsed.error().what);
    offend(flow, parsed.error().what);
    return true;
  }
  sip::Message& m = *parsed;
  Status ok = sip::validate(m);
  // What an operator allows is no reason to refuse a call for help; the parser's own bounds are.
  if (ok && m.is_request() && !names_emergency(*running_.deployment, m.request_uri()))
    ok = sip::check_limits(m, running_.deployment->limits.fields);
  if (!ok) {
    observer_.on_dropped(error_info(ok.error().code).label, flow.remote, flow.listener,
                         ok.error().what);
    if (m.is_request() && m.method() != sip::Method::kAck && answerable(m)) {
      const int status =
          ok.error().code == ErrorCode::kUnsupported ? 505 : error_info(ok.error().code).sip_status;
      answer_stranger(m, flow, status, ok.error().what);
    }
    offend(flow, ok.error().what);
    return true;
  }
  const NodeId self = running_.deployment->operation.node;
  if (!m.is_request() && !is_for_us(m)) {
    observer_.on_dropped("misdirected_response", flow.remote, flow.listener,
                         "the host in its Via is not one of ours");
    return true;
  }
  const auto owner = sip::owner_of(m, self);
  if (!owner) {
    observer_.on_dropped("stray_response", flow.remote, flow.listener,
                         "the Via branch is not one of ours");
    return true;
  }
  deployment::GroupIndex group;
  if (m.is_request() && m.to_tag().empty() && is_scanner(m)) {
    if (running_.deployment->limits.ban_peers ||
        !deployment::owned_source(*running_.deployment, flow.listener, flow.remote)) {
      ban(flow, "a scanner by its User-Agent or From");
      return true;
    }
    observer_.on_dropped("scanner", flow.remote, flow.listener,
                         "a scanner by its User-Agent or From, but a peer's address");
    offend(flow, "a scanner by its User-Agent or From");
  }
  if (m.is_request()) {
    std::optional<std::string> host = "";
    if (const auto* uri = m.target()) {
      if (uri->is_service() || uri->is_tel())
        host.reset();  // names no host
      else
        host = std::string(uri->host);
    }
    const auto found = deployment::recognise(
        *running_.deployment, flow.listener, flow.remote,
        tls ? std::span<const std::string>(tls->names) : std::span<const std::string>(), host);
    if (!found) {
      std::string detail = "no peer group matches this source, certificate and Request-URI host '" +
                           host.value_or("") + "'";
      // A certificate of one group, and a request for another's host: both names are of use.
      std::vector<std::string> expected;
      if (tls && host)
        expected = certificate_names_for(*running_.deployment, flow.listener, flow.remote, *host);
      if (!expected.empty()) detail += mismatch(expected, tls->names);
      observer_.on_dropped(expected.empty() ? "unrecognised" : "certificate_name", flow.remote,
                           flow.listener, detail);
      if (m.method() != sip::Method::kAck)
        answer_stranger(m, flow, 403, "No peer group matches this request", detail);
      offend(flow, "no peer group matches");
      return true;
    }
    group = *found;
    flow.reply_to = reply_address(*m.top_via(), flow.remote, &group_at(group), &profile_of(group));
    // Of requests alone: an answer that is not taken helps nobody.
    const auto quirks = static_cast<std::uint8_t>(m.quirks() & ~profile_of(group).tolerate);
    if (const auto what = sip::describe_quirk(quirks); !what.empty()) {
      observer_.on_dropped("quirk", flow.remote, flow.listener,
                           std::string(what) + " (profile.tolerate does not name it)");
      if (m.method() != sip::Method::kAck)
        answer_statelessly(m, flow, &profile_of(group), 400, what);
      return true;
    }
    const auto limit = profile_of(group).max_message_bytes;
    if (bytes.size() > limit) {
      observer_.on_dropped("too_large", flow.remote, flow.listener,
                           "message of " + std::to_string(bytes.size()) + " bytes");
      if (m.method() != sip::Method::kAck)
        answer_statelessly(m, flow, &profile_of(group), 513,
                           "Message over " + std::to_string(limit) + " bytes");
      return true;
    }
  }
  if (m.is_request() && m.method() != sip::Method::kAck && flow.connection != 0)
    connections_.expect_answer(flow.connection);
  if (m.is_request() && m.method() == sip::Method::kInvite && m.to_tag().empty()) {
    if (!has_room(m, flow, group)) return true;
    note_detour(m, owner->bucket);
  }
  Received r{std::move(m), flow, group, reactor_.now(), owner->bucket};
  return deliver(shard_of(owner->bucket), std::move(r));
}

bool SipTransport::deliver(ShardId to, Received&& received) {
  if (to == reactor_.shard()) {
    hand_over(std::move(received));
    return true;
  }
  const bool stream = received.flow.connection != 0;
  const bool new_call = received.message.is_request() &&
                        received.message.method() == sip::Method::kInvite &&
                        received.message.to_tag().empty() &&
                        !names_emergency(*running_.deployment, received.message.request_uri());
  auto mail = std::make_unique<MessageMail>(std::move(received), running_.deployment);
  auto& box = outboxes_[to.value];
  if (box.empty()) {
    reactor::Mail m = std::move(mail);
    if (reactor_.post(to, m)) return true;
    mail.reset(static_cast<MessageMail*>(m.release()));
  }
  const Flow flow = mail->received.flow;
  if (new_call) {
    observer_.on_dropped("mailbox_full", flow.remote, flow.listener,
                         "new call refused: the owning shard is behind");
    answer_statelessly(mail->received.message, flow, &profile_of(mail->received.group), 503,
                       "Overloaded");
    return true;
  }
  // New calls make room for what belongs to those in progress.
  if (!stream && box.size() >= kMaxOutbox) {  // the peer sends a datagram again
    observer_.on_dropped("mailbox_full", flow.remote, flow.listener,
                         "datagram dropped: the owning shard is behind");
    return true;
  }
  // Kept, and the connection is not read until the mailbox has room: its order and content survive.
  box.push_back(std::move(mail));
  if (!outbox_timer_) {
    outbox_timer_ = true;
    reactor_.timers().schedule(reactor_.now() + kOutboxRetry, *this, kOutboxTimer);
  }
  return !stream;
}

// RFC 3261 18.1.2: the top Via says that we sent the request.
bool SipTransport::is_for_us(const sip::Message& response) const {
  const sip::Via* via = response.top_via();
  return via && std::any_of(own_hosts_.begin(), own_hosts_.end(),
                            [&](const auto& host) { return sip::iequals(host, via->host); });
}

void SipTransport::note_detour(const sip::Message& invite, Bucket bucket) {
  if (shard_of(sip::bucket_of_call_id(invite.call_id())) != shard_of(bucket))
    tell_detour(invite, bucket);
}

void SipTransport::tell_detour(const sip::Message& invite, Bucket bucket) {
  const ShardId asked = shard_of(sip::bucket_of_call_id(invite.call_id()));
  if (asked == reactor_.shard()) return detours_.add(invite.call_id(), bucket);
  (void)post(asked, std::make_unique<DetourMail>(std::string(invite.call_id()), bucket));
}

Bucket SipTransport::bucket_on(ShardId shard, Bucket like) const {
  const std::size_t shards = reactor_.shard_count();
  std::size_t b = like.value - like.value % shards + shard.value;
  if (b > 0xff) b -= shards;
  return Bucket{static_cast<std::uint8_t>(b)};
}

// Where the dialog is that a message belongs to or names, when it is not on this shard, to which
// its tags or its Call-ID lead.
std::optional<Bucket> SipTransport::elsewhere(const sip::Message& m, Bucket bucket) {
  const auto other = [&](std::optional<Bucket> b) -> std::optional<Bucket> {
    return b && shard_of(*b) != reactor_.shard() ? b : std::nullopt;
  };
  const auto moved = [&](std::string_view tag) -> std::optional<Bucket> {
    const auto key = sip::random_of_tag(tag);
    const auto at = key && !moved_.empty() ? moved_.find(*key) : std::nullopt;
    return at ? other(bucket_on(*at, bucket)) : std::nullopt;
  };
  if (!m.is_request())  // a 2xx comes again until it is acknowledged
    return m.method() == sip::Method::kInvite && m.status() >= 200 && m.status() < 300
               ? moved(m.from_tag())
               : std::nullopt;
  if (!m.to_tag().empty()) return moved(m.to_tag());
  if (m.method() == sip::Method::kCancel) return other(detours_.find(m.call_id()));
  if (m.method() != sip::Method::kInvite || !m.has(sip::HeaderId::kReplaces)) return std::nullopt;
  // The dialog that it names may be over when it comes again: its branch is remembered.
  const std::string again = std::string(m.call_id()) + ' ' + std::string(m.top_via()->branch);
  if (const auto b = other(detours_.find(again))) return b;
  const auto named = sip::parse_replaces(m.value(sip::HeaderId::kReplaces));
  const auto at = named ? moved(named->to_tag) : std::nullopt;
  if (at) {
    detours_.add(again, *at);
    tell_detour(m, *at);
  }
  return at;
}

void SipTransport::hand_over(Received&& r) {
  if (const auto at = r.sent_on ? std::nullopt : elsewhere(r.message, r.bucket)) {
    r.sent_on = true;
    r.bucket = *at;
    (void)deliver(shard_of(*at), std::move(r));
    return;
  }
  sink_.on_message(std::move(r));
}

void SipTransport::dialog_lives_here(std::string_view tag, bool here) {
  const auto owner = sip::owner_of_tag(tag);
  const auto key = sip::random_of_tag(tag);
  if (!owner || !key || !running()) return;
  const ShardId home = shard_of(owner->bucket);
  if (home == reactor_.shard()) {
    if (here) moved_.forget_any(*key);
    return;
  }
  (void)post(home, std::make_unique<MovedMail>(*key, here));
}

ShardId SipTransport::dialog_shard(std::string_view tag, Bucket bucket) const {
  const ShardId home = shard_of(bucket);
  const auto key = sip::random_of_tag(tag);
  if (home != reactor_.shard() || !key) return home;
  return moved_.find(*key).value_or(home);
}

bool SipTransport::post(ShardId to, reactor::Mail mail) {
  auto& box = outboxes_[to.value];
  if (box.empty() && reactor_.post(to, mail)) return true;
  if (box.size() >= kMaxOutbox) return false;
  box.push_back(std::move(mail));
  if (!outbox_timer_) {
    outbox_timer_ = true;
    reactor_.timers().schedule(reactor_.now() + kOutboxRetry, *this, kOutboxTimer);
  }
  return true;
}

void SipTransport::flush_outboxes() {
  outbox_timer_ = false;
  bool waiting = false;
  for (std::size_t i = 0; i < outboxes_.size(); ++i) {
    auto& box = outboxes_[i];
    while (!box.empty() && reactor_.post(ShardId{static_cast<std::uint16_t>(i)}, box.front()))
      box.pop_front();
    waiting = waiting || !box.empty();
  }
  if (waiting) {
    outbox_timer_ = true;
    reactor_.timers().schedule(reactor_.now() + kOutboxRetry, *this, kOutboxTimer);
    return;
  }
  connections_.resume();
}

// By name, from one configuration to the one in force; false when it has no such listener or group.
bool SipTransport::translate(Received& r, const deployment::Deployment& then) const {
  const deployment::Deployment& now = *running_.deployment;
  const std::string& name = then.listener(r.flow.listener).name;
  const auto listener = std::find_if(now.listeners.begin(), now.listeners.end(),
                                     [&](const deployment::Listener& l) { return l.name == name; });
  const auto group = now.find_group(then.group(r.group).name);
  if (listener == now.listeners.end() || (r.message.is_request() && !group)) return false;
  r.flow.listener =
      deployment::ListenerIndex{static_cast<std::uint16_t>(listener - now.listeners.begin())};
  r.group = group.value_or(deployment::GroupIndex{});
  return true;
}

void SipTransport::on_mail(ShardId from, reactor::Mail mail) {
  if (auto* m = dynamic_cast<MessageMail*>(mail.get())) {
    // The configuration changed while the message was under way: indices mean something else.
    if (m->made_under != running_.deployment && !translate(m->received, *m->made_under)) {
      const sip::Message& message = m->received.message;
      observer_.on_dropped("reload_race", m->received.flow.remote, deployment::ListenerIndex{},
                           "its listener or peer group is gone from the configuration");
      if (message.is_request() && message.method() != sip::Method::kAck)
        answer_statelessly(message, m->received.flow, nullptr, 503, "Configuration changing");
      return;
    }
    hand_over(std::move(m->received));
    return;
  }
  if (auto* b = dynamic_cast<BanMail*>(mail.get())) {
    (void)guard_.ban_until(b->ban.source, b->ban.reason, b->ban.until, reactor_.now());
    connections_.end_from(b->ban.source);
    return;
  }
  if (auto* d = dynamic_cast<DetourMail*>(mail.get())) {
    detours_.add(d->call_id, d->bucket);
    return;
  }
  if (auto* moved = dynamic_cast<MovedMail*>(mail.get())) {
    if (moved->here)
      moved_.set(moved->tag, from);
    else
      moved_.forget(moved->tag, from);
    return;
  }
  if (auto* r = dynamic_cast<ResponseMail*>(mail.get())) {
    send_response(r->flow, r->bytes);
    return;
  }
  sink_.on_other_mail(from, std::move(mail));
}

void SipTransport::answer_stranger(const sip::Message& m, Flow flow, int status,
                                   std::string_view why, std::string_view detail) {
  const auto sender = deployment::group_of_source(*running_.deployment, flow.listener, flow.remote);
  const auto* profile = sender ? &profile_of(*sender) : nullptr;
  if (const sip::Via* via = m.top_via())
    flow.reply_to =
        reply_address(*via, flow.remote, sender ? &group_at(*sender) : nullptr, profile);
  answer_statelessly(m, flow, profile, status, why, detail);
}

void SipTransport::answer_statelessly(const sip::Message& m, const Flow& flow,
                                      const deployment::Profile* profile, int status,
                                      std::string_view why, std::string_view detail) {
  if (m.method() == sip::Method::kInvite && m.to_tag().empty())
    observer_.on_refused_call(m, flow, status, detail.empty() ? why : detail);
  observer_.on_answer(true,
                      deployment::group_of_source(*running_.deployment, flow.listener, flow.remote),
                      m.method(), status);
  send_response(flow, stateless_response(m, flow, status, why, profile));
}

}  // namespace causeway::transport
