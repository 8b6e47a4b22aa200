// The mailboxes of all shards. post() on any thread; each shard empties its own box. Made before
// the reactors and destroyed after them.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "reactor/file_descriptor.h"
#include "reactor/reactor.h"

namespace causeway::reactor {

// Who a letter comes from when it is not a shard (management threads).
inline constexpr ShardId kNoShard{0xffff};

// A bounded queue for many writers and one reader, without locks: each cell carries the number of
// the turn in which it may be written or read next.
class Mailbox {
 public:
  struct Letter {
    ShardId from;
    Mail mail;
  };

  explicit Mailbox(std::size_t capacity);  // rounded up to a power of two
  // False when full; the mail stays with the caller.
  [[nodiscard]] bool put(ShardId from, Mail& mail);
  // False when empty. The owner's thread alone.
  [[nodiscard]] bool take(Letter& out);
  // Readable when there may be letters.
  [[nodiscard]] int event_fd() const { return event_.get(); }
  // The owner calls this before it empties the box.
  void acknowledge();
  void ring();

 private:
  struct Cell {
    std::atomic<std::uint64_t> turn{0};
    Letter letter;
  };
  const std::uint64_t mask_;
  std::unique_ptr<Cell[]> cells_;
  alignas(64) std::atomic<std::uint64_t> tail_{0};
  alignas(64) std::uint64_t head_ = 0;
  alignas(64) std::atomic<bool> rung_{false};
  FileDescriptor event_;
};

class MailRoom {
 public:
  explicit MailRoom(std::size_t shards, std::size_t capacity = 8192);
  [[nodiscard]] std::size_t shard_count() const { return boxes_.size(); }
  // False when the box is full, or there is no such shard.
  [[nodiscard]] bool post(ShardId from, ShardId to, Mail& mail);
  [[nodiscard]] Mailbox& box(ShardId shard) { return *boxes_[shard.value]; }

 private:
  std::vector<std::unique_ptr<Mailbox>> boxes_;
};

}  // namespace causeway::reactor
