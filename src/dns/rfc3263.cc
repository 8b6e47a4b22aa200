#include "dns/rfc3263.h"

#include <algorithm>

namespace causeway::dns {
namespace {
// Questions are numbered: 0 is SRV, the last possible one NAPTR, host i is 1 + 2 * i for A and 2 +
// 2 * i for AAAA.
constexpr std::uint64_t kSrvQuestion = 0, kNaptrQuestion = ~std::uint64_t{0};
}  // namespace

std::uint16_t default_port(Transport transport) {
  return transport == Transport::kTls ? 5061 : 5060;
}

std::string srv_name(std::string_view host, Transport transport) {
  std::string name;
  switch (transport) {
    case Transport::kUdp: name = "_sip._udp."; break;
    case Transport::kTcp: name = "_sip._tcp."; break;
    case Transport::kTls: name = "_sips._tcp."; break;
  }
  return name.append(host);
}

std::string_view naptr_service(Transport transport) {
  switch (transport) {
    case Transport::kUdp: return "sip+d2u";
    case Transport::kTcp: return "sip+d2t";
    case Transport::kTls: return "sips+d2t";
  }
  return {};
}

void order_srv(std::vector<Record>& records, Random& random) {
  // Records of weight 0 stand first, so that they are drawn only when the draw is 0.
  const auto before = [](const Record& a, const Record& b) {
    if (a.srv.priority != b.srv.priority) return a.srv.priority < b.srv.priority;
    return a.srv.weight == 0 && b.srv.weight != 0;
  };
  for (auto it = records.begin(); it != records.end(); ++it)
    std::rotate(std::upper_bound(records.begin(), it, *it, before), it, it + 1);
  for (auto first = records.begin(); first != records.end();) {
    const auto last = std::find_if(first, records.end(), [&](const Record& r) {
      return r.srv.priority != first->srv.priority;
    });
    for (; first != last; ++first) {
      std::uint64_t total = 0;
      for (auto it = first; it != last; ++it) total += it->srv.weight;
      const std::uint64_t draw = random.below(total + 1);
      std::uint64_t sum = 0;
      auto chosen = first;
      for (; chosen != last; ++chosen) {
        sum += chosen->srv.weight;
        if (sum >= draw) break;
      }
      std::rotate(first, chosen, chosen + 1);
    }
  }
}

TargetSelection::~TargetSelection() {
  if (!done_) resolver_.cancel(*this);
}

bool TargetSelection::start(TargetRequest request, TargetListener& listener, std::uint64_t token) {
  if (!done_) resolver_.cancel(*this);
  request_ = std::move(request);
  listener_ = &listener;
  token_ = token;
  hosts_.clear();
  naptr_.reset();
  srv_.reset();
  following_ = false;
  services_.clear();
  services_ttl_ = Seconds::max();
  open_ = 0;
  done_ = false;
  last_error_ = {};
  starting_ = true;
  const bool has_port = request_.port != 0;
  if (const auto literal = IpAddress::parse(request_.host)) {
    const std::uint16_t port = has_port ? request_.port : default_port(request_.transport);
    deliver(
        std::vector<Target>{{{*literal, port}, request_.transport, request_.host, Instant::max()}});
  } else if (has_port) {
    hosts_.push_back({request_.host, request_.port, Seconds::max(), {}, {}});
    ask_hosts();
  } else {
    // Both at once: most names have no NAPTR, and their callers need not wait twice.
    asking_ = true;
    ask(request_.host, RecordType::kNaptr, kNaptrQuestion);
    ask(srv_name(request_.host, request_.transport), RecordType::kSrv, kSrvQuestion);
    asking_ = false;
    if (naptr_ && srv_) take_services();
  }
  starting_ = false;
  return done_;
}

void TargetSelection::ask(std::string_view name, RecordType type, std::uint64_t question) {
  ++open_;
  resolver_.query(name, type, *this, question);
}

void TargetSelection::on_answer(std::uint64_t question, const Result<Answer>& answer) {
  --open_;
  if (question == kSrvQuestion && following_) {
    const bool found =
        answer && std::any_of(answer->records.begin(), answer->records.end(),
                              [](const Record& r) { return r.type == RecordType::kSrv; });
    return found ? take_srv(answer) : next_service();
  }
  if (question == kNaptrQuestion) naptr_ = answer;
  if (question == kSrvQuestion) srv_ = answer;
  if (question == kNaptrQuestion || question == kSrvQuestion) {
    if (naptr_ && srv_ && !asking_) take_services();
    return;
  }
  Host& host = hosts_[(question - 1) / 2];
  if (answer) {
    auto& list = question % 2 == 1 ? host.v4 : host.v6;
    const RecordType wanted = question % 2 == 1 ? RecordType::kA : RecordType::kAaaa;
    for (const Record& record : answer->records)
      if (record.type == wanted) list.push_back(record);
  } else {
    last_error_ = answer.error();
  }
  if (open_ == 0 && !asking_) finish();
}

void TargetSelection::hurry() {
  if (done_ || !srv_ || naptr_) return;
  resolver_.cancel(*this);  // the NAPTR question is the only one that is open
  open_ = 0;
  naptr_ = Answer{};
  take_services();
}

// The SRV names that NAPTR gives for our transport.
void TargetSelection::take_services() {
  std::vector<const Naptr*> ours;
  if (*naptr_)
    for (const Record& record : (*naptr_)->records) {
      if (record.type != RecordType::kNaptr) continue;
      services_ttl_ = std::min(services_ttl_, record.ttl);  // one for us may come instead
      const Naptr& n = record.naptr;
      if (n.flags == "s" && !n.replacement.empty() &&
          n.service == naptr_service(request_.transport))
        ours.push_back(&n);
    }
  std::stable_sort(ours.begin(), ours.end(), [](const Naptr* a, const Naptr* b) {
    return std::pair(a->order, a->preference) < std::pair(b->order, b->preference);
  });
  if (ours.size() > kMaxServices) ours.resize(kMaxServices);
  for (auto n = ours.rbegin(); n != ours.rend(); ++n) services_.push_back((*n)->replacement);
  following_ = true;
  next_service();
}

void TargetSelection::next_service() {
  const std::string usual = canonical_name(srv_name(request_.host, request_.transport));
  if (!services_.empty()) {
    const std::string name = std::move(services_.back());
    services_.pop_back();
    if (name != usual) return ask(name, RecordType::kSrv, kSrvQuestion);
    services_.clear();  // asked already, and the last that there is
  }
  const Result<Answer> srv = std::move(*srv_);
  take_srv(srv);
}

void TargetSelection::take_srv(const Result<Answer>& answer) {
  std::vector<Record> records;
  if (answer)
    for (const Record& record : answer->records)
      if (record.type == RecordType::kSrv) records.push_back(record);
  if (records.size() == 1 && records[0].srv.target.empty())
    return deliver(fail(ErrorCode::kUnavailable,
                        srv_name(request_.host, request_.transport) + " says: not offered here"));
  order_srv(records, random_);
  for (const Record& record : records) {
    if (record.srv.target.empty() || hosts_.size() == kMaxSrv) continue;
    hosts_.push_back(
        {record.srv.target, record.srv.port, std::min(record.ttl, services_ttl_), {}, {}});
  }
  // No SRV, or no answer about it: the name itself on the default port (RFC 3263 4.2). For the
  // latter the address questions decide whether the name servers are there at all.
  if (hosts_.empty())
    hosts_.push_back({request_.host, default_port(request_.transport), services_ttl_, {}, {}});
  ask_hosts();
}

void TargetSelection::ask_hosts() {
  asking_ = true;
  for (std::size_t i = 0; i < hosts_.size(); ++i) {
    // A copy: on_answer() does not touch the list of hosts, but the resolver keeps no reference.
    const std::string name = hosts_[i].name;
    if (request_.want_v4) ask(name, RecordType::kA, 1 + 2 * i);
    if (request_.want_v6) ask(name, RecordType::kAaaa, 2 + 2 * i);
  }
  asking_ = false;
  if (open_ == 0) finish();
}

void TargetSelection::finish() {
  const Instant now = clock_.now();
  std::vector<Target> targets;
  const auto add = [&](const Host& host, const std::vector<Record>& records) {
    for (const Record& record : records) {
      const Endpoint endpoint{record.address, host.port};
      const bool known = std::any_of(targets.begin(), targets.end(),
                                     [&](const Target& t) { return t.endpoint == endpoint; });
      if (known || targets.size() == kMaxTargets) continue;
      const Seconds ttl = std::min(host.ttl, record.ttl);
      targets.push_back({endpoint, request_.transport, request_.host, now + ttl});
    }
  };
  for (const Host& host : hosts_) {
    add(host, request_.prefer_v6 ? host.v6 : host.v4);
    add(host, request_.prefer_v6 ? host.v4 : host.v6);
  }
  if (!targets.empty()) return deliver(std::move(targets));
  if (!last_error_.what.empty()) return deliver(tl::unexpected<Error>(last_error_));
  deliver(fail(ErrorCode::kNotFound, request_.host + " has no address"));
}

void TargetSelection::deliver(Result<std::vector<Target>> result) {
  done_ = true;
  if (starting_) {
    result_ = std::move(result);
    return;
  }
  listener_->on_targets(token_, std::move(result));  // may destroy us
}

}  // namespace causeway::dns
