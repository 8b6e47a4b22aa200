#include "base/log.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <ctime>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

namespace causeway::log {
namespace {
std::atomic<Level> g_level{Level::kInfo};
std::atomic<Sink> g_sink{nullptr};

const char* name(Level l) {
  switch (l) {
    case Level::kDebug: return "debug";
    case Level::kInfo: return "info";
    case Level::kWarning: return "warning";
    case Level::kError: return "error";
  }
  return "?";
}

std::string line_of(Level level, std::string_view text) {
  std::timespec ts{};
  std::timespec_get(&ts, TIME_UTC);
  std::tm tm{};
  gmtime_r(&ts.tv_sec, &tm);
  char when[32];
  std::strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
  return fmt::format("{}.{:03}Z {} {}\n", when, ts.tv_nsec / 1'000'000, name(level), text);
}

// One write per line: lines of several threads never interleave.
void put(std::string_view line) { (void)!std::fwrite(line.data(), 1, line.size(), stderr); }

// Lines on their way to stderr. Never destroyed: its thread may still hang in a write when the
// process ends.
struct Queue {
  std::mutex mutex;  // held to add or take lines, never while one is written
  std::condition_variable wake, written;
  std::string lines;            // guarded by mutex
  std::size_t dropped = 0;      // guarded by mutex
  bool busy = false;            // guarded by mutex: the writer is in a write
  std::atomic<bool> on{false};  // a Background exists

  void run() {
    std::unique_lock lock(mutex);
    for (;;) {
      wake.wait(lock, [&] { return !lines.empty() || dropped != 0; });
      std::string batch = std::exchange(lines, {});
      if (const std::size_t n = std::exchange(dropped, 0); n != 0)
        batch += line_of(Level::kWarning, fmt::format("{} lines of log were dropped: whoever reads "
                                                      "standard error was too slow",
                                                      n));
      busy = true;
      lock.unlock();
      put(batch);
      lock.lock();
      busy = false;
      written.notify_all();
    }
  }
  void add(std::string line) {
    {
      const std::lock_guard lock(mutex);
      if (lines.size() + line.size() > Background::kMaxBytes)
        ++dropped;
      else
        lines += line;
    }
    wake.notify_one();
  }
};
Queue& queue() {
  static auto* q = new Queue;
  return *q;
}
}  // namespace

Background::Background() {
  static const bool started = [] {
    std::thread([] { queue().run(); }).detach();
    return true;
  }();
  queue().on = started;
}

Background::~Background() {
  Queue& q = queue();
  q.on = false;
  std::unique_lock lock(q.mutex);
  q.wake.notify_one();
  (void)q.written.wait_for(lock, std::chrono::seconds(2),
                           [&] { return q.lines.empty() && q.dropped == 0 && !q.busy; });
}

void set_level(Level level) { g_level = level; }
void set_sink(Sink sink) { g_sink = sink; }
bool enabled(Level level) { return level >= g_level.load(std::memory_order_relaxed); }

void write(Level level, std::string_view text) {
  if (const Sink sink = g_sink.load()) {
    sink(level, text);
    return;
  }
  if (queue().on.load(std::memory_order_relaxed))
    queue().add(line_of(level, text));
  else
    put(line_of(level, text));
}

}  // namespace causeway::log
