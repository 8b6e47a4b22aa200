#include "dns/cache.h"

#include <algorithm>

namespace causeway::dns {

Cache::Cache(Resolver& inner, reactor::Reactor& reactor, CacheOptions options)
    : inner_(inner), reactor_(reactor), options_(options) {}

Cache::~Cache() {
  inner_.cancel(*this);
  for (auto& [id, question] : questions_) reactor_.timers().cancel(question.stale_timer);
}

void Cache::clear() {
  entries_.clear();
  index_.clear();
}

Cache::Entry* Cache::find(const Key& key) {
  const auto found = index_.find(key);
  if (found == index_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return &*found->second;
}

bool Cache::usable_stale(const Entry& entry, Instant now) const {
  return !entry.answer.records.empty() && now < entry.expires + options_.max_stale;
}

Answer Cache::remaining(const Entry& entry, Instant now) const {
  Answer answer = entry.answer;
  // Rounded up: a record with half a second left must not look like one without a TTL.
  const auto left = std::chrono::ceil<Seconds>(entry.expires - now);
  for (Record& record : answer.records) record.ttl = std::min(record.ttl, left);
  answer.negative_ttl = std::min(answer.negative_ttl, left);
  return answer;
}

Answer Cache::stale(const Entry& entry) const {
  Answer answer = entry.answer;
  answer.from_stale = true;
  for (Record& record : answer.records) record.ttl = options_.stale_hold;
  return answer;
}

void Cache::query(std::string_view name, RecordType type, ResolverClient& client,
                  std::uint64_t token) {
  const Instant now = reactor_.now();
  const Key key{canonical_name(name), type};
  const Entry* const entry = find(key);
  if (entry && now < entry->expires) {
    ++counters_.hits;
    return client.on_answer(token, remaining(*entry, now));
  }
  const bool has_past = entry && usable_stale(*entry, now);
  if (has_past && now < entry->hold_until) {
    ++counters_.stale;
    return client.on_answer(token, stale(*entry));
  }
  if (const auto open = asking_.find(key); open != asking_.end()) {
    Question& question = questions_.at(open->second);
    if (question.waiters.size() >= options_.max_waiters)
      return client.on_answer(
          token, fail(ErrorCode::kUnavailable, "too many wait for the address of " + key.name));
    question.waiters.push_back({&client, token});
    return;
  }
  ++counters_.misses;
  const std::uint64_t id = next_question_++;
  asking_.emplace(key, id);
  Question& question = questions_[id];
  question.key = key;
  question.waiters.push_back({&client, token});
  if (has_past)
    question.stale_timer = reactor_.timers().schedule(now + options_.stale_after, *this, id);
  inner_.query(key.name, type, *this, id);
}

void Cache::cancel(ResolverClient& client) {
  const auto drop = [&](std::vector<Waiter>& waiters) {
    for (Waiter& waiter : waiters)
      if (waiter.client == &client) waiter.client = nullptr;
  };
  // The question itself goes on: its answer is worth keeping.
  for (auto& [id, question] : questions_) {
    drop(question.waiters);
    std::erase_if(question.waiters, [](const Waiter& w) { return w.client == nullptr; });
  }
  for (auto* waiters : answering_) drop(*waiters);
}

void Cache::answer_all(std::vector<Waiter>& waiters, const Result<Answer>& answer) {
  answering_.push_back(&waiters);
  for (std::size_t i = 0; i < waiters.size(); ++i)
    if (waiters[i].client) waiters[i].client->on_answer(waiters[i].token, answer);
  answering_.pop_back();
}

void Cache::on_timer(std::uint64_t id, Instant now) {
  const auto found = questions_.find(id);
  if (found == questions_.end()) return;
  Question& question = found->second;
  question.stale_timer = {};
  Entry* const entry = find(question.key);
  if (!entry || !usable_stale(*entry, now)) return;
  entry->hold_until = now + options_.stale_hold;  // others need not wait as long
  std::vector<Waiter> waiters = std::move(question.waiters);
  question.waiters.clear();
  counters_.stale += waiters.size();
  answer_all(waiters, stale(*entry));
}

void Cache::store(const Key& key, const Answer& answer) {
  if (options_.max_entries == 0) return;
  const Instant now = reactor_.now();
  Seconds ttl;
  if (answer.records.empty()) {
    ttl = std::clamp(answer.negative_ttl, options_.min_negative_ttl, options_.max_negative_ttl);
  } else {
    ttl = Seconds::max();
    for (const Record& record : answer.records) ttl = std::min(ttl, record.ttl);
    ttl = std::clamp(ttl, options_.min_ttl, options_.max_ttl);
  }
  Entry* entry = find(key);
  if (!entry) {
    if (entries_.size() >= options_.max_entries) {
      ++counters_.evicted;
      index_.erase(entries_.back().key);
      entries_.pop_back();
    }
    entries_.push_front({key, {}, {}, {}, {}});
    index_.emplace(key, entries_.begin());
    entry = &entries_.front();
  }
  entry->answer = answer;
  for (Record& record : entry->answer.records) record.ttl = std::max(record.ttl, options_.min_ttl);
  entry->answer.negative_ttl = std::max(answer.negative_ttl, options_.min_negative_ttl);
  entry->stored = now;
  entry->expires = now + ttl;
  entry->hold_until = Instant{};
}

void Cache::on_answer(std::uint64_t id, const Result<Answer>& answer) {
  const auto found = questions_.find(id);
  if (found == questions_.end()) return;
  Question question = std::move(found->second);
  asking_.erase(question.key);
  questions_.erase(found);
  reactor_.timers().cancel(question.stale_timer);
  const Instant now = reactor_.now();
  if (answer) {
    store(question.key, *answer);
    return answer_all(question.waiters, answer);
  }
  ++counters_.failures;
  Entry* const entry = find(question.key);
  if (!entry || !usable_stale(*entry, now)) return answer_all(question.waiters, answer);
  entry->hold_until = now + options_.stale_hold;
  counters_.stale += question.waiters.size();
  answer_all(question.waiters, stale(*entry));
}

}  // namespace causeway::dns
