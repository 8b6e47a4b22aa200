#include "reactor/mail_room.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <bit>

namespace causeway::reactor {

Mailbox::Mailbox(std::size_t capacity)
    : mask_(std::bit_ceil(std::max<std::size_t>(capacity, 2)) - 1),
      cells_(new Cell[mask_ + 1]),
      event_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  for (std::uint64_t i = 0; i <= mask_; ++i) cells_[i].turn.store(i, std::memory_order_relaxed);
}

bool Mailbox::put(ShardId from, Mail& mail) {
  std::uint64_t position = tail_.load(std::memory_order_relaxed);
  Cell* cell = nullptr;
  while (true) {
    cell = &cells_[position & mask_];
    const std::uint64_t turn = cell->turn.load(std::memory_order_acquire);
    if (turn == position) {
      if (tail_.compare_exchange_weak(position, position + 1, std::memory_order_relaxed)) break;
    } else if (turn < position) {
      return false;  // not read yet since the last round
    } else {
      position = tail_.load(std::memory_order_relaxed);
    }
  }
  cell->letter = {from, std::move(mail)};
  cell->turn.store(position + 1, std::memory_order_release);
  if (!rung_.exchange(true)) ring();
  return true;
}

bool Mailbox::take(Letter& out) {
  Cell& cell = cells_[head_ & mask_];
  if (cell.turn.load(std::memory_order_acquire) != head_ + 1) return false;
  out = std::move(cell.letter);
  cell.turn.store(head_ + mask_ + 1, std::memory_order_release);
  ++head_;
  return true;
}

void Mailbox::ring() {
  const std::uint64_t one = 1;
  // Fails only when the counter is full, and then the reader will wake up anyway.
  [[maybe_unused]] const auto n = ::write(event_.get(), &one, sizeof one);
}

void Mailbox::acknowledge() {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto n = ::read(event_.get(), &count, sizeof count);
  // From here on a writer rings again; what it wrote before is seen by the reads that follow.
  rung_.store(false);
}

MailRoom::MailRoom(std::size_t shards, std::size_t capacity) {
  for (std::size_t i = 0; i < shards; ++i) boxes_.push_back(std::make_unique<Mailbox>(capacity));
}

bool MailRoom::post(ShardId from, ShardId to, Mail& mail) {
  return to.value < boxes_.size() && boxes_[to.value]->put(from, mail);
}

}  // namespace causeway::reactor
