#include "scenario/rig.h"

#include <gtest/gtest.h>

#include <exception>
#include <regex>
#include <sstream>

#include "sip/headers.h"
#include "telemetry/ladder.h"

namespace causeway::scenario {

using sip::HeaderId;

namespace {

std::string kind_of(const sip::Message& m) {
  return m.is_request() ? std::string(m.method_text())
                        : std::to_string(m.status()) + " " + std::string(m.method_text());
}

bool fits(const sip::Message& m, const std::string& what) {
  if (m.is_request()) return what == m.method_text();
  return what == std::to_string(m.status()) || what == kind_of(m);
}

std::string all_of(const sip::Message& m, HeaderId id) {
  std::string out;
  for (const auto& f : m.headers())
    if (f.id == id) out += std::string(f.name) + ": " + std::string(f.value) + "\r\n";
  return out;
}

std::string uri_of(std::string_view name_addr) {
  const auto a = sip::parse_name_addr(name_addr);
  return a ? std::string(a->uri) : "";
}

}  // namespace

// --- Peer --------------------------------------------------------------------------------------

Peer::Peer(Rig& rig, std::string name, const std::string& address, Transport transport,
           std::vector<std::string> certificate_names)
    : rig_(rig),
      host_(rig.world.host(name)),
      name_(name),
      address_(address),
      at_(*Endpoint::parse(address)),
      transport_(transport) {
  contact =
      "<sip:" + name + "@" + address +
      (transport == Transport::kUdp ? "" : ";transport=" + std::string(to_string(transport))) + ">";
  if (transport == Transport::kUdp) {
    socket_ = std::move(*host_.open_udp(at_, {}, *this));
  } else {
    if (transport == Transport::kTls) tls_ = reactor::TlsContext::simulated(certificate_names);
    acceptor_ = std::move(*host_.listen(at_, {}, tls_, *this));
  }
}

Peer::~Peer() = default;

void Peer::on_datagram(reactor::UdpSocket& s, const Endpoint& from, std::span<std::byte> data,
                       Instant) {
  if (&s == rtp_socket_.get()) {
    const auto* p = reinterpret_cast<const std::uint8_t*>(data.data());
    rtp.push_back({from, {p, p + data.size()}});
    return;
  }
  take({reinterpret_cast<const char*>(data.data()), data.size()}, from, nullptr);
}

void Peer::take(std::string_view bytes, const Endpoint& from, reactor::Stream* via) {
  if (silent) return;
  auto m = sip::Message::parse(bytes);
  if (broken && (!m || !m->is_request())) {
    if (!m || !sip::validate(*m)) return;
  }
  ASSERT_TRUE(m) << "the gateway sent what does not parse: " << m.error().what << "\n" << bytes;
  const auto ok = sip::validate(*m);
  EXPECT_TRUE(ok) << (ok ? "" : ok.error().what) << "\n" << bytes;
  transcript.push_back("< " + kind_of(*m));
  received.emplace_back(bytes);
  rig_.saw(name_, bytes);
  ++counts_[kind_of(*m)];
  if (m->is_request())
    came_from_[std::string(sip::parse_via(m->value(HeaderId::kVia))->branch)] = {from, via};
  if (m->is_request() && m->method() == sip::Method::kOptions && !m->to_tag().empty()) {
    if (alive != 0) reply(*m, alive);
    return;
  }
  inbox_.push_back({std::move(*m), from, via});
}

void Peer::on_connected(reactor::Stream& s) {
  if (!queued_.empty()) s.write(queued_);
  queued_.clear();
}

void Peer::on_bytes(reactor::Stream& s, std::span<const std::byte> data) {
  for (auto& c : conns_) {
    if (c->stream.get() != &s) continue;
    c->inbox.append(reinterpret_cast<const char*>(data.data()), data.size());
    for (;;) {
      const auto f = sip::find_frame(c->inbox);
      if (!f || !*f) break;
      const std::size_t end = (*f)->skip + (*f)->length;
      if ((*f)->length)
        take(std::string_view(c->inbox).substr((*f)->skip, (*f)->length), s.remote(), &s);
      c->inbox.erase(0, end);
    }
    return;
  }
}

void Peer::on_closed(reactor::Stream& s, const Error&) {
  for (auto& [branch, from] : came_from_)
    if (from.second == &s) from.second = nullptr;
  std::erase_if(conns_, [&](const auto& c) { return c->stream.get() == &s; });
}

reactor::StreamListener* Peer::on_accepted(std::unique_ptr<reactor::Stream> s) {
  conns_.push_back(std::make_unique<Conn>());
  conns_.back()->stream = std::move(s);
  return this;
}

void Peer::transmit(const std::string& bytes, reactor::Stream* via, const Endpoint& to) {
  if (const auto m = sip::Message::parse(bytes)) transcript.push_back("> " + kind_of(*m));
  if (transport_ == Transport::kUdp) {
    socket_->send(to, std::as_bytes(std::span(bytes.data(), bytes.size())));
    return;
  }
  if (via) {
    via->write(bytes);
    return;
  }
  for (auto& c : conns_)
    if (c->ours) {
      if (queued_.empty())
        c->stream->write(bytes);
      else
        queued_ += bytes;
      return;
    }
  // The gateway listens there; the port that a closed connection came from is nobody's.
  const Endpoint listener = *Endpoint::parse(gateway);
  reactor::TlsClient client{tls_, "sbc.operator.example"};
  conns_.push_back(std::make_unique<Conn>());
  conns_.back()->ours = true;
  queued_ += bytes;
  conns_.back()->stream = std::move(
      *host_.connect(Endpoint{at_.address, 0}, listener, {}, tls_ ? &client : nullptr, *this));
}

void Peer::send(const std::string& bytes) { transmit(bytes, nullptr, *Endpoint::parse(gateway)); }

sip::Message Peer::expect(const std::string& what, Micros limit) {
  const auto find = [&] {
    return std::find_if(inbox_.begin(), inbox_.end(),
                        [&](const Got& g) { return fits(g.message, what); });
  };
  const bool came = rig_.run_until([&] { return find() != inbox_.end(); }, limit);
  if (!came) {
    std::string seen;
    for (const auto& t : transcript) seen += t + "\n";
    throw std::runtime_error("expected " + what + ", seen:\n" + seen + "trails:\n" +
                             rig_.trail_of_all());
  }
  auto it = find();
  sip::Message m = std::move(it->message);
  inbox_.erase(it);
  return m;
}

std::string Peer::asked_for(const sip::Message& request) const {
  const auto it =
      came_from_.find(std::string(sip::parse_via(request.value(HeaderId::kVia))->branch));
  return it == came_from_.end() || !it->second.second ? "" : it->second.second->tls().sni;
}

bool Peer::came_on_ours(const sip::Message& request) const {
  const auto it =
      came_from_.find(std::string(sip::parse_via(request.value(HeaderId::kVia))->branch));
  return it != came_from_.end() && std::any_of(conns_.begin(), conns_.end(), [&](const auto& c) {
           return c->stream.get() == it->second.second && c->ours;
         });
}

bool Peer::has(const std::string& what) const {
  return std::any_of(inbox_.begin(), inbox_.end(),
                     [&](const Got& g) { return fits(g.message, what); });
}

std::size_t Peer::count(const std::string& what) const {
  const auto it = counts_.find(what);
  return it == counts_.end() ? 0 : it->second;
}

void Peer::reply(const sip::Message& request, int status, const std::string& headers,
                 const std::string& body, const std::string& to_tag) {
  std::string b = "SIP/2.0 " + std::to_string(status) + " Test\r\n" +
                  all_of(request, HeaderId::kVia) + all_of(request, HeaderId::kRecordRoute);
  b += "From: " + std::string(request.value(HeaderId::kFrom)) +
       "\r\nTo: " + std::string(request.value(HeaderId::kTo));
  if (status > 100 && !to_tag.empty() &&
      sip::parse_name_addr(request.value(HeaderId::kTo))->tag().empty())
    b += ";tag=" + to_tag;
  b += "\r\nCall-ID: " + std::string(request.call_id()) +
       "\r\nCSeq: " + std::string(request.value(HeaderId::kCSeq)) + "\r\n";
  if (status > 100 && status < 300 && headers.find("Contact:") == std::string::npos)
    b += "Contact: " + contact + "\r\n";
  b += headers;
  if (!body.empty()) b += "Content-Type: application/sdp\r\n";
  b += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  const auto it =
      came_from_.find(std::string(sip::parse_via(request.value(HeaderId::kVia))->branch));
  transmit(b, it == came_from_.end() ? nullptr : it->second.second,
           it == came_from_.end() ? *Endpoint::parse(gateway) : it->second.first);
}

PeerDialog Peer::invite(const std::string& user, const std::string& headers,
                        const std::string& body, const std::string& from) {
  PeerDialog d;
  ++serial_;
  const std::string n = std::to_string(serial_);
  d.call_id = address_ + "-call-" + n;
  d.local = "<sip:" + from + "@" + address_ + ">;tag=t" + n;
  d.target = user.starts_with("urn:") || user.starts_with("tel:")
                 ? user
                 : "sip:" + user + "@" + (request_host.empty() ? gateway : request_host);
  d.remote = "<" + d.target + ">";
  d.cseq = 0;
  request(d, "INVITE", headers, body);
  return d;
}

void Peer::request(PeerDialog& d, const std::string& method, const std::string& headers,
                   const std::string& body, int cseq) {
  last_request = compose(d, method, headers, body, cseq);
  send(last_request);
}

std::string Peer::compose(PeerDialog& d, const std::string& method, const std::string& headers,
                          const std::string& body, int cseq) {
  if (method != "ACK" && method != "CANCEL" && cseq == 0) ++d.cseq;
  if (method != "CANCEL")
    d.via_branch = "z9hG4bKp" + std::to_string(++serial_) + std::to_string(at_.port);
  std::string b = method + " " + d.target + " SIP/2.0\r\nVia: SIP/2.0/" +
                  std::string(to_via_token(transport_)) + " " + address_ +
                  ";branch=" + d.via_branch + "\r\n";
  for (const auto& r : d.routes) b += "Route: " + r + "\r\n";
  if (headers.find("Max-Forwards:") == std::string::npos) b += "Max-Forwards: 70\r\n";
  if (headers.find("From:") != 0 && headers.find("\nFrom:") == std::string::npos)
    b += "From: " + d.local + "\r\n";
  b += "To: " + d.remote + "\r\nCall-ID: " + d.call_id +
       "\r\nCSeq: " + std::to_string(cseq ? cseq : d.cseq) + " " + method + "\r\n";
  if (method == "INVITE" && headers.find("Contact:") == std::string::npos)
    b += "Contact: " + contact + "\r\n";
  b += headers;
  if (!body.empty() && headers.find("Content-Type:") == std::string::npos)
    b += "Content-Type: application/sdp\r\n";
  return b + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

void Peer::ack(PeerDialog& d, const std::string& body) { request(d, "ACK", "", body); }

void Peer::ack_failure(PeerDialog& d, const sip::Message& response) {
  send("ACK " + d.target + " SIP/2.0\r\nVia: SIP/2.0/" + std::string(to_via_token(transport_)) +
       " " + address_ + ";branch=" + d.via_branch + "\r\nMax-Forwards: 70\r\nFrom: " + d.local +
       "\r\nTo: " + std::string(response.value(HeaderId::kTo)) + "\r\nCall-ID: " + d.call_id +
       "\r\nCSeq: " + std::to_string(d.cseq) + " ACK\r\nContent-Length: 0\r\n\r\n");
}

void Peer::learn(PeerDialog& d, const sip::Message& response) {
  d.remote = std::string(response.value(HeaderId::kTo));
  if (response.has(HeaderId::kContact)) d.target = uri_of(response.value(HeaderId::kContact));
}

PeerDialog Peer::answered(const sip::Message& invite, const std::string& to_tag) {
  PeerDialog d;
  d.call_id = std::string(invite.call_id());
  d.local = std::string(invite.value(HeaderId::kTo)) + ";tag=" + to_tag;
  d.remote = std::string(invite.value(HeaderId::kFrom));
  d.target = uri_of(invite.value(HeaderId::kContact));
  d.cseq = 100;
  return d;
}

void Peer::open_rtp(std::uint16_t port) {
  rtp_socket_ = std::move(*host_.open_udp(Endpoint{at_.address, port}, {}, *this));
}

void Peer::send_packet(const Endpoint& to, std::span<const std::byte> bytes) {
  rtp_socket_->send(to, bytes);
}

void Peer::send_rtp(const Endpoint& to, int packets, std::uint32_t ssrc, std::uint8_t fill) {
  for (int i = 0; i < packets; ++i) {
    std::vector<std::uint8_t> p(172, fill);
    p[0] = 0x80;
    p[1] = 8;
    const auto seq = static_cast<std::uint16_t>(1000 + serial_++);
    p[2] = static_cast<std::uint8_t>(seq >> 8), p[3] = static_cast<std::uint8_t>(seq);
    const std::uint32_t ts = seq * 160U;
    for (int k = 0; k < 4; ++k)
      p[4 + static_cast<std::size_t>(k)] = static_cast<std::uint8_t>(ts >> (24 - 8 * k));
    for (int k = 0; k < 4; ++k)
      p[8 + static_cast<std::size_t>(k)] = static_cast<std::uint8_t>(ssrc >> (24 - 8 * k));
    rtp_socket_->send(to, std::as_bytes(std::span(p)));
    rig_.run(Millis(20));
  }
}

// --- Rig ---------------------------------------------------------------------------------------

Rig::Rig(Mode mode, const std::string& config, std::vector<std::string> gateway_names)
    : world(mode.seed, mode.shards), mode_(mode), names_(std::move(gateway_names)) {
  for (std::size_t i = 0; i < mode.shards; ++i) {
    resolvers_.push_back(std::make_unique<world::SimResolver>(world.shard(i), zone));
    shards_.push_back(std::make_unique<call::GatewayShard>(
        world.shard(i), *resolvers_.back(), load_, static_cast<call::RecordSink&>(*this)));
  }
  tls_ = reactor::TlsContext::simulated(names_);  // the same certificate after every reload
  if (const auto ok = apply(config); !ok) throw std::runtime_error(ok.error().what);
}

Rig::~Rig() { compare_with_plain_run(); }

void Rig::saw(const std::string& peer, std::string_view bytes) { seen_[peer].emplace_back(bytes); }

std::string without_random_parts(std::string_view message) {
  static const std::regex kRandom(
      "tag=[^;>\\s]+|branch=[^;\\s]+|Call-ID: \\S+|inline:[^|\\s]+|sha-256 "
      "[0-9A-F:]+|ice-ufrag:\\S+|ice-pwd:\\S+|(UDP \\d+ \\S+) \\d+ typ|o=\\S+ "
      "\\d+|m=audio "
      "\\d+|a=rtcp:\\d+|Retry-After: \\d+|RSeq: \\d+|Content-Length: \\d\\d+");  // of numbers of
                                                                                 // some length
  return std::regex_replace(std::string(message), kRandom, "*");
}

// Runs of one test differ in nothing but `rebuild`, if they have the same shards and seed: the one
// without it comes first and says what the peers are to see.
void Rig::compare_with_plain_run() {
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  if (!test || !test->value_param() || std::uncaught_exceptions() > 0) return;
  std::string name = std::string(test->test_suite_name()) + "." + test->name();
  name.resize(name.rfind('/'));
  static std::map<std::string, std::map<std::string, std::vector<std::string>>> plain;
  static std::map<std::string, std::size_t> rigs;  // of one test
  const std::string run = name + "/" + test->name() + std::to_string(mode_.rebuild);
  name += "/" + std::to_string(mode_.shards) + "/" + std::to_string(mode_.seed) + "/" +
          std::to_string(rigs[run]++);
  for (auto& [peer, messages] : seen_)
    for (auto& m : messages) m = without_random_parts(m);
  if (!mode_.rebuild) {
    plain[name] = std::move(seen_);
    return;
  }
  const auto before = plain.find(name);
  if (before == plain.end()) {
    EXPECT_NE(::testing::GTEST_FLAG(filter), "*") << "no run without rebuilding to compare with";
    return;
  }
  for (const auto& [peer, messages] : before->second) {
    const auto& now = seen_[peer];
    for (std::size_t i = 0; i < std::max(now.size(), messages.size()); ++i) {
      const std::string a = i < messages.size() ? messages[i] : "(nothing)";
      const std::string b = i < now.size() ? now[i] : "(nothing)";
      if (a == b) continue;
      // A NOTIFY that follows an answer at once comes over a connection of its own: either may be
      // first.
      if ((a.starts_with("NOTIFY ") || b.starts_with("NOTIFY ")) && i + 1 < messages.size() &&
          i + 1 < now.size() && messages[i + 1] == b && now[i + 1] == a) {
        ++i;
        continue;
      }
      ADD_FAILURE() << "message " << i << " to " << peer << " without rebuilding:\n"
                    << a << "\nand with it:\n"
                    << b;
      return;
    }
  }
  EXPECT_EQ(before->second.size(), seen_.size());
}

Status Rig::apply(const std::string& config) {
  deployment::LoadOptions options;
  options.check_files = false;
  auto loaded = deployment::load_text(config, "test.toml", options);
  if (!loaded.deployment) return fail(ErrorCode::kConfiguration, loaded.to_string());
  auto d = std::make_shared<deployment::Deployment>(*loaded.deployment);
  d->version = ++version_;
  transport::Running running;
  running.deployment = d;
  for (std::size_t i = 0; i < d->identities.size(); ++i) running.tls.push_back(tls_);
  for (auto& s : shards_)
    if (auto ok = s->apply(running); !ok) return ok;
  return {};
}

void Rig::rebuild_if_wanted() {
  if (!mode_.rebuild) return;
  for (auto& s : shards_) rebuilt += s->rebuild_stable_calls();
}

void Rig::run(Micros d) {
  world.run_for(d);
  rebuild_if_wanted();
}

bool Rig::run_until(const std::function<bool()>& done, Micros limit) {
  const bool ok = world.run_until(done, limit);
  rebuild_if_wanted();
  return ok;
}

std::size_t Rig::calls() const {
  std::size_t n = 0;
  for (const auto& s : shards_) n += s->calls_now();
  return n;
}
std::size_t Rig::transactions() const {
  std::size_t n = 0;
  for (const auto& s : shards_) n += s->transactions();
  return n;
}
std::size_t Rig::media_legs() const {
  std::size_t n = 0;
  for (const auto& s : shards_) n += s->media_stats().legs;
  return n;
}
std::uint64_t Rig::failed() const {
  std::uint64_t n = 0;
  for (const auto& s : shards_) n += s->counters().calls_failed;
  return n;
}
std::uint64_t Rig::dropped(std::string_view reason) const {
  std::uint64_t n = 0;
  for (const auto& s : shards_) n += s->counters().dropped.get(reason);
  return n;
}

std::string Rig::trail_of_all() const {
  std::string out;
  const auto add = [&](const telemetry::Trail& t) {
    for (const auto* e : t.events())
      out += std::string(telemetry::to_string(e->kind)) + " leg " + std::to_string(e->leg) + " " +
             e->text + e->message.substr(0, e->message.find('\r')) + "\n";
    return true;
  };
  for (const auto& s : shards_) {
    s->trails().each(add);
    s->refused().each(add);
  }
  return out;
}

std::string Rig::trail_of(std::size_t record) {
  for (auto& s : shards_)
    for (auto* store : {&s->refused(), &s->trails()})
      if (const auto* t = store->find(CallId{records.at(record).call}))
        return telemetry::export_json(*t);
  return "";
}

// --- SDP ---------------------------------------------------------------------------------------

std::string sdp(const std::string& address, int port, const std::string& direction,
                const std::string& codecs, int version, const std::string& extra,
                const std::string& proto) {
  std::string pts, maps;
  std::stringstream list(codecs);
  for (std::string one; std::getline(list, one, ',');) {
    const auto space = one.find(' ');
    pts += " " + one.substr(0, space);
    maps += "a=rtpmap:" + one + "\r\n";
  }
  return "v=0\r\no=- 42 " + std::to_string(version) + " IN IP4 " + address +
         "\r\ns=-\r\nc=IN IP4 " + address + "\r\nt=0 0\r\nm=audio " + std::to_string(port) + " " +
         proto + pts + "\r\n" + maps + "a=ptime:20\r\n" + extra +
         (direction.empty() ? "" : "a=" + direction + "\r\n");
}

std::string line_of(std::string_view text, std::string_view start) {
  while (!text.empty()) {
    const auto eol = text.find("\r\n");
    const auto line = text.substr(0, eol);
    if (line.starts_with(start)) return std::string(line);
    text.remove_prefix(eol == std::string_view::npos ? text.size() : eol + 2);
  }
  return "";
}

Endpoint media_of(std::string_view text) {
  const std::string c = line_of(text, "c=");
  std::stringstream m(line_of(text, "m=audio ").substr(8));
  unsigned port = 0;
  m >> port;
  return {*IpAddress::parse(std::string_view(c).substr(9)), static_cast<std::uint16_t>(port)};
}

std::string direction_of(std::string_view text) {
  for (const char* d : {"a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive"})
    if (!line_of(text, d).empty()) return d + 2;
  return "sendrecv";
}

}  // namespace causeway::scenario
