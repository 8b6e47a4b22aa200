// Configurations that were in force, numbered from 1, and the one that waits to be confirmed. Lives
// in STATE/configurations and is whole after a kill at any moment. One management thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace causeway::app {

class ConfigHistory {
 public:
  struct Entry {
    int number = 0;
    WallTime when;
    std::string who;  // user name of who applied it, or "start", "reload", "gateway"
    std::string why;
    std::string file;        // path that it came from
    std::uint64_t base = 0;  // hash of the file that the gateway was started with, as it was then
  };
  struct Pending {
    int number = 0, previous = 0;
    WallTime deadline;
  };
  static constexpr std::size_t kKept = 100;  // entries; the oldest is removed

  [[nodiscard]] static Result<ConfigHistory> open(const std::string& state_directory);

  // What to run: the text of FILE, unless a configuration was applied since and FILE has not been
  // edited; an unconfirmed one whose deadline has passed is taken back first. Records what it chose
  // when that is new.
  [[nodiscard]] Result<std::string> at_start(std::string_view file_text, const std::string& file,
                                             WallTime now);
  // Puts a text into force. With `confirm` over 0 it stays pending for that long. Refused while
  // another is pending.
  [[nodiscard]] Result<Entry> record(std::string_view text, const std::string& file,
                                     const std::string& who, const std::string& why, WallTime now,
                                     Seconds confirm = Seconds(0));
  // After FILE was read again (SIGHUP): like record(), and FILE counts as edited at this moment.
  [[nodiscard]] Result<Entry> record_reload(std::string_view text, const std::string& file,
                                            WallTime now);
  [[nodiscard]] Status confirm();
  [[nodiscard]] const std::optional<Pending>& pending() const { return pending_; }
  // Nobody confirmed in time: text(pending()->previous) is to be put into force, and then said to
  // record_return(). Until then nothing changes here.
  [[nodiscard]] bool due(WallTime now) const { return pending_ && now >= pending_->deadline; }
  [[nodiscard]] Result<Entry> record_return(WallTime now);

  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }  // oldest first
  [[nodiscard]] int current() const { return current_; }                        // 0: none yet
  [[nodiscard]] Result<std::string> text(int number) const;
  // The path that it came from; empty when it is not known.
  [[nodiscard]] std::string file_of(int number) const;
  [[nodiscard]] Result<std::string> diff(int number) const;  // against the entry before it

 private:
  explicit ConfigHistory(std::string directory) : directory_(std::move(directory)) {}
  [[nodiscard]] Result<Entry> add(std::string_view text, Entry entry,
                                  std::optional<Pending> pending);
  [[nodiscard]] Status save_state() const;
  [[nodiscard]] std::string path_of(int number, std::string_view suffix) const;
  void prune();

  std::string directory_;
  std::vector<Entry> entries_;
  std::optional<Pending> pending_;
  int current_ = 0;
  std::uint64_t base_ = 0;
};

}  // namespace causeway::app
