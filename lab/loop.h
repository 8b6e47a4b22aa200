// The event loop of the lab: epoll and timers. One thread; everything in lab/ runs on it and
// nothing here is safe from another. Watched descriptors stay the property of whoever opened them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>

#include "base/time.h"

namespace causeway::lab {

class Loop {
 public:
  using TimerId = std::uint64_t;  // 0: none
  using Ready = std::function<void(std::uint32_t events)>;

  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  [[nodiscard]] Instant now() const;
  TimerId after(Micros delay, std::function<void()> what);
  void cancel(TimerId& id);  // harmless when it has fired or is 0; leaves 0

  void watch(int fd, std::uint32_t events, Ready ready);
  void change(int fd, std::uint32_t events);
  void unwatch(int fd);

  // Runs until done() holds, at most `limit`. Returns whether done() holds.
  bool run_until(const std::function<bool()>& done, Micros limit);

 private:
  struct Watch {
    std::uint32_t generation = 0;
    std::shared_ptr<Ready> ready;
  };
  void fire_due();
  [[nodiscard]] int wait_ms(Instant limit) const;

  int epoll_ = -1;
  std::uint32_t generation_ = 0;
  TimerId next_ = 1;
  std::map<std::pair<Instant, TimerId>, std::function<void()>> timers_;
  std::unordered_map<TimerId, Instant> due_;
  std::unordered_map<int, Watch> watches_;
};

}  // namespace causeway::lab
