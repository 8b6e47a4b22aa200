#include "lab/loop.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

namespace causeway::lab {

Loop::Loop() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {}

Loop::~Loop() {
  if (epoll_ >= 0) close(epoll_);
}

Instant Loop::now() const {
  const auto t = std::chrono::steady_clock::now().time_since_epoch();
  return Instant(std::chrono::duration_cast<Micros>(t));
}

Loop::TimerId Loop::after(Micros delay, std::function<void()> what) {
  const Instant at = now() + delay;
  const TimerId id = next_++;
  timers_.emplace(std::pair(at, id), std::move(what));
  due_.emplace(id, at);
  return id;
}

void Loop::cancel(TimerId& id) {
  if (const auto it = due_.find(id); it != due_.end()) {
    timers_.erase({it->second, id});
    due_.erase(it);
  }
  id = 0;
}

void Loop::watch(int fd, std::uint32_t events, Ready ready) {
  const std::uint32_t generation = ++generation_;
  watches_[fd] = Watch{generation, std::make_shared<Ready>(std::move(ready))};
  epoll_event e{};
  e.events = events;
  e.data.u64 = (std::uint64_t{generation} << 32) | static_cast<std::uint32_t>(fd);
  epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &e);
}

void Loop::change(int fd, std::uint32_t events) {
  const auto it = watches_.find(fd);
  if (it == watches_.end()) return;
  epoll_event e{};
  e.events = events;
  e.data.u64 = (std::uint64_t{it->second.generation} << 32) | static_cast<std::uint32_t>(fd);
  epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &e);
}

void Loop::unwatch(int fd) {
  if (watches_.erase(fd) == 0) return;
  epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
}

void Loop::fire_due() {
  // A timer set by a timer fires in the next turn, so that sockets are never starved.
  const Instant t = now();
  const TimerId newest = next_;
  while (!timers_.empty() && timers_.begin()->first.first <= t &&
         timers_.begin()->first.second < newest) {
    auto node = timers_.extract(timers_.begin());
    due_.erase(node.key().second);
    node.mapped()();
  }
}

int Loop::wait_ms(Instant limit) const {
  Instant until = limit;
  if (!timers_.empty()) until = std::min(until, timers_.begin()->first.first);
  const auto left = until - now();
  if (left <= Micros(0)) return 0;
  return static_cast<int>((left.count() + 999) / 1000);
}

bool Loop::run_until(const std::function<bool()>& done, Micros limit) {
  const Instant end = now() + limit;
  while (!done()) {
    if (now() >= end) return false;
    epoll_event events[64];
    const int n = epoll_wait(epoll_, events, 64, wait_ms(end));
    for (int i = 0; i < n; ++i) {
      const auto& e = events[i];
      const int fd = static_cast<int>(e.data.u64 & 0xffffffffU);
      const auto it = watches_.find(fd);
      // The descriptor may have been closed, and its number used again, by an earlier event.
      if (it == watches_.end() || it->second.generation != e.data.u64 >> 32) continue;
      const auto ready = it->second.ready;
      (*ready)(e.events);
    }
    fire_due();
  }
  return true;
}

}  // namespace causeway::lab
