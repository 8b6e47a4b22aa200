#include "world/sim_resolver.h"

#include <stdexcept>

namespace causeway::world {
namespace {

std::vector<dns::Record> address_records(const std::vector<std::string>& addresses, Seconds ttl,
                                         dns::RecordType type) {
  std::vector<dns::Record> records;
  for (const std::string& text : addresses) {
    const auto address = IpAddress::parse(text);
    if (!address) throw std::invalid_argument("not an address: " + text);  // a mistake in the test
    records.push_back({type, ttl, *address, {}});
  }
  return records;
}

}  // namespace

void Zone::set_a(std::string_view name, const std::vector<std::string>& addresses, Seconds ttl) {
  records_[{dns::canonical_name(name), dns::RecordType::kA}] =
      address_records(addresses, ttl, dns::RecordType::kA);
}

void Zone::set_aaaa(std::string_view name, const std::vector<std::string>& addresses, Seconds ttl) {
  records_[{dns::canonical_name(name), dns::RecordType::kAaaa}] =
      address_records(addresses, ttl, dns::RecordType::kAaaa);
}

void Zone::set_srv(std::string_view name, const std::vector<dns::Srv>& services, Seconds ttl) {
  auto& records = records_[{dns::canonical_name(name), dns::RecordType::kSrv}];
  records.clear();
  for (const dns::Srv& srv : services) records.push_back({dns::RecordType::kSrv, ttl, {}, srv});
}

void Zone::set_naptr(std::string_view name, const std::vector<dns::Naptr>& services, Seconds ttl) {
  auto& records = records_[{dns::canonical_name(name), dns::RecordType::kNaptr}];
  records.clear();
  for (const dns::Naptr& naptr : services)
    records.push_back({dns::RecordType::kNaptr, ttl, {}, {}, naptr});
}

void Zone::remove(std::string_view name) {
  const std::string key = dns::canonical_name(name);
  std::erase_if(records_, [&](const auto& e) { return e.first.first == key; });
}

void Zone::set_fault(std::string_view name, DnsFault fault) {
  faults_[dns::canonical_name(name)] = fault;
}

DnsFault Zone::fault(const std::string& name) const {
  if (everywhere_ != DnsFault::kNone) return everywhere_;
  const auto found = faults_.find(name);
  return found == faults_.end() ? DnsFault::kNone : found->second;
}

std::uint64_t Zone::queries(std::string_view name, dns::RecordType type) const {
  const auto found = asked_.find({dns::canonical_name(name), type});
  return found == asked_.end() ? 0 : found->second;
}

dns::Answer Zone::answer(const std::string& name, dns::RecordType type) {
  dns::Answer answer;
  ++total_;
  ++asked_[{name, type}];
  if (const auto found = records_.find({name, type}); found != records_.end())
    answer.records = found->second;
  if (!answer.records.empty()) return answer;
  const auto any = records_.lower_bound({name, dns::RecordType{0}});
  answer.name_exists = any != records_.end() && any->first.first == name;
  answer.negative_ttl = negative_ttl;
  return answer;
}

SimResolver::~SimResolver() {
  for (auto& [id, question] : open_) reactor_.timers().cancel(question.timer);
}

void SimResolver::query(std::string_view name, dns::RecordType type, dns::ResolverClient& client,
                        std::uint64_t token) {
  const std::uint64_t id = next_++;
  Question question{dns::canonical_name(name), type, &client, token, {}};
  const bool silent = zone_.fault(question.name) == DnsFault::kTimeout;
  question.timer = reactor_.timers().schedule(
      reactor_.now() + (silent ? zone_.timeout : zone_.latency), *this, id);
  open_.emplace(id, std::move(question));
}

void SimResolver::cancel(dns::ResolverClient& client) {
  std::erase_if(open_, [&](const auto& e) {
    if (e.second.client != &client) return false;
    reactor_.timers().cancel(e.second.timer);
    return true;
  });
}

void SimResolver::on_timer(std::uint64_t id, Instant) {
  const auto found = open_.find(id);
  if (found == open_.end()) return;
  const Question question = std::move(found->second);
  open_.erase(found);
  // What the zone says when the question arrives counts, not when it was asked.
  dns::Answer answer = zone_.answer(question.name, question.type);
  switch (zone_.fault(question.name)) {
    case DnsFault::kNone: return question.client->on_answer(question.token, std::move(answer));
    case DnsFault::kServfail:
      return question.client->on_answer(
          question.token, fail(ErrorCode::kUnavailable, question.name + ": server failure"));
    case DnsFault::kTimeout:
      return question.client->on_answer(
          question.token, fail(ErrorCode::kTimeout, question.name + ": no name server answers"));
  }
}

}  // namespace causeway::world
