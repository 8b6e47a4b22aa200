#include "app/directory_service.h"

#include <algorithm>
#include <iterator>

#include "base/log.h"

namespace causeway::app {

using directory::DirectoryPtr;
using Source = DirectoryStatus::Source;

DirectoryService::DirectoryService(Options options) : options_(std::move(options)) {
  if (options_.store.empty()) return;
  read_file();
  follower_ = std::make_unique<DirectoryFollower>(options_.store, current_, mark_);
  following_ = std::thread([this] { follow(); });
  filing_ = std::thread([this] { keep_file(); });
}

void DirectoryService::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  news_.notify_all();
  if (following_.joinable()) following_.join();
  if (filing_.joinable()) filing_.join();
  std::unique_lock lock(mutex_);
  if (changed_ && source_ == Source::kStore) write_file(lock);
}

void DirectoryService::read_file() {
  auto read = directory::read_snapshot(options_.file);
  if (!read) {
    if (read.error().code == ErrorCode::kNotFound) return;
    file_trouble_ = read.error().what;
    log::error("directory: {}", file_trouble_);
    return;
  }
  if (!read->trouble.empty()) {
    file_trouble_ = read->trouble;
    log::error("directory: {}; the file before it is used", file_trouble_);
  }
  current_ = std::move(read->snapshot.directory);
  mark_ = std::move(read->snapshot.mark);
  agreed_ = read->snapshot.as_of;
  source_ = Source::kFile;
  if (read->trouble.empty()) written_ = Steady::now();
  log::info("directory: begins with the local file: {} numbers of {} accounts, change {}, of {}",
            current_->numbers(), current_->accounts(), current_->last_change(),
            format_rfc3339(agreed_));
}

void DirectoryService::wait_for_first(std::chrono::milliseconds at_most) {
  if (!follower_) return;
  std::unique_lock lock(mutex_);
  news_.wait_for(lock, at_most, [&] { return looked_ || source_ != Source::kNothing; });
}

DirectoryPtr DirectoryService::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

void DirectoryService::deliver_to(Deliver deliver, const DirectoryPtr& begun_with) {
  const std::lock_guard lock(mutex_);
  deliver_ = std::move(deliver);
  if (begun_with == current_) delivered_ = version_;
  held_.push_back(begun_with);
}

DirectoryStatus DirectoryService::status() const {
  DirectoryStatus out;
  std::unique_lock lock(mutex_);
  const DirectoryPtr directory = current_;
  out.follows = follower_ != nullptr;
  out.source = source_;
  if (agreed_.micros != 0)
    out.age = std::max(0.0, static_cast<double>(options_.wall().micros - agreed_.micros) / 1e6);
  if (seen_) out.store_seen = std::chrono::duration<double>(Steady::now() - *seen_).count();
  out.trouble = trouble_;
  out.file_trouble = file_trouble_;
  lock.unlock();
  const auto bytes = directory->footprint();
  out.bytes = bytes.numbers + bytes.headers;
  out.numbers = directory->numbers();
  out.accounts = directory->accounts();
  out.last_change = directory->last_change();
  return out;
}

// --- following ----------------------------------------------------------------------------------

void DirectoryService::follow() {
  const DirectoryFollower::Watcher watcher{[this](const DirectoryPtr& d) { publish(d); },
                                           [this] {
                                             const std::lock_guard lock(mutex_);
                                             return stopping_;
                                           },
                                           &folding_};
  auto retry = options_.retry_least;
  while (!watcher.stopping()) {
    const Status looked = follower_->look(watcher);
    if (watcher.stopping()) break;
    say(looked);
    deliver();
    auto pause = options_.poll;
    if (!looked) {
      pause = retry;
      retry = std::min(retry * 2, options_.retry_most);
    } else {
      retry = options_.retry_least;
    }
    std::unique_lock lock(mutex_);
    news_.wait_for(lock, pause, [&] { return stopping_; });
  }
}

// What a person sees of it: once when the store is lost, and once when it is back.
void DirectoryService::say(const Status& looked) {
  const std::lock_guard lock(mutex_);
  if (looked) {
    if (!looked_ || !trouble_.empty())
      log::info("directory: follows the store: {} numbers of {} accounts, change {}",
                current_->numbers(), current_->accounts(), current_->last_change());
    trouble_.clear();
    source_ = Source::kStore;
    agreed_ = options_.wall();
    seen_ = Steady::now();
  } else {
    if (trouble_.empty()) {
      if (source_ == Source::kNothing)
        log::error(
            "directory: the store is not followed and there is no local file, so no number "
            "is known: {}; tried again",
            looked.error().what);
      else
        log::error(
            "directory: the store is not followed, calls go on by change {} of {}: {}; tried "
            "again",
            current_->last_change(), format_rfc3339(agreed_), looked.error().what);
    }
    trouble_ = looked.error().what;
  }
  looked_ = true;
  news_.notify_all();
}

void DirectoryService::publish(const DirectoryPtr& directory) {
  {
    const std::lock_guard lock(mutex_);
    current_ = directory;
    ++version_;
    mark_ = follower_->mark();
    agreed_ = options_.wall();
    seen_ = Steady::now();
    source_ = Source::kStore;
    if (!changed_) changed_ = Steady::now();
  }
  news_.notify_all();
  deliver();
}

void DirectoryService::deliver() {
  std::vector<DirectoryPtr> dropped;  // freed behind the lock
  DirectoryPtr next;
  Deliver to;
  std::uint64_t version = 0;
  {
    const std::lock_guard lock(mutex_);
    // One reference left is ours: no shard has it, and none can get it.
    const auto dead = std::partition(held_.begin(), held_.end(),
                                     [](const DirectoryPtr& d) { return d.use_count() > 1; });
    dropped.assign(std::make_move_iterator(dead), std::make_move_iterator(held_.end()));
    held_.erase(dead, held_.end());
    if (!deliver_ || delivered_ == version_ || held_.size() >= kMaxHeld) return;
    next = current_;
    to = deliver_;
    version = version_;
    if (std::find(held_.begin(), held_.end(), next) == held_.end()) held_.push_back(next);
  }
  if (!to(next)) return;  // some shards may have it: it is held, and tried again
  const std::lock_guard lock(mutex_);
  delivered_ = version;
}

// --- the file -----------------------------------------------------------------------------------

void DirectoryService::keep_file() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const auto due = file_due();
    if (!due)
      news_.wait(lock);
    else if (Steady::now() < *due)
      news_.wait_until(lock, *due);
    else
      write_file(lock);
  }
}

std::optional<DirectoryService::Steady::time_point> DirectoryService::file_due() const {
  if (source_ != Source::kStore) return {};
  const auto at = changed_   ? *changed_ + options_.settle
                  : written_ ? *written_ + kRefresh
                             : Steady::time_point{};
  return std::max(at, not_before_);
}

void DirectoryService::write_file(std::unique_lock<std::mutex>& lock) {
  lock.unlock();
  const std::lock_guard folding(folding_);
  lock.lock();
  const directory::Snapshot snapshot{current_, agreed_, mark_};
  changed_.reset();
  lock.unlock();
  const auto begun = Steady::now();
  const Status written = directory::write_snapshot(options_.file, snapshot);
  const auto now = Steady::now();
  lock.lock();
  not_before_ = now + std::max<Steady::duration>(options_.settle, (now - begun) * 20);
  if (written) {
    written_ = now;
    file_trouble_.clear();
    return;
  }
  if (!changed_) changed_ = now;
  if (file_trouble_ != written.error().what)
    log::error(
        "directory: the local file is not written, a restart without the store would begin "
        "with an older one: {}",
        written.error().what);
  file_trouble_ = written.error().what;
}

}  // namespace causeway::app
