// Who owns which number, as the call side sees it: an immutable snapshot that any thread may read.
// An index of numbers (a large base that is shared by many snapshots, and a small overlay of what
// changed since) beside the accounts. Nothing here knows a database.
//
// A snapshot of ten million numbers is 200 MB: give its last reference back to a thread that may
// spend the time to free it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "directory/account.h"
#include "directory/account_table.h"
#include "directory/overlay.h"
#include "directory/segment.h"
#include "directory/service.h"

namespace causeway::directory {

// Borrowed from the Directory that it was found in.
struct Number {
  const Account* account = nullptr;  // never null
  ServiceSet services = 0;           // enabled for the number and for its account
  std::string_view custom_header;    // its value; empty: none
};

// What is provisioned for a number.
struct NumberEntry {
  std::string account;        // by name; while there is none of it, the number is found nowhere
  ServiceSet services = 0;    // enabled for the number
  std::string custom_header;  // longer than kMaxHeaderValue: as if there were none
};
inline constexpr std::size_t kMaxHeaderValue = 1'000;  // bytes

// How keys are now, in any order; nothing: gone. Of one key that is there twice the last counts.
// Applying a change twice does no harm. What is no E.164 number is left out.
struct Changes {
  std::vector<std::pair<std::string, std::optional<Account>>> accounts;  // counts are not taken
  std::vector<std::pair<std::string, std::optional<NumberEntry>>> numbers;
  std::int64_t last_change = 0;
};

struct Footprint {
  std::size_t numbers = 0;  // bytes of the index: segments and overlay
  std::size_t headers = 0;  // ... of values of headers
};

class Directory {
 public:
  // Without a number; one for all.
  [[nodiscard]] static const std::shared_ptr<const Directory>& none();

  // E.164 with "+"; whatever is none is found nowhere.
  [[nodiscard]] std::optional<Number> find(std::string_view number) const;
  [[nodiscard]] const Account* account(std::string_view name) const;
  [[nodiscard]] const Account* account_of_subdomain(std::string_view label) const;  // any case
  // Of the store, that this has seen; 0: none.
  [[nodiscard]] std::int64_t last_change() const { return last_change_; }

  [[nodiscard]] std::size_t numbers() const { return numbers_; }
  [[nodiscard]] std::size_t accounts() const { return accounts_.present(); }
  template <typename F>  // f(const Account&), of those that there are
  void for_each_account(F&& f) const {
    accounts_.for_each([&](std::uint32_t, const AccountNode& n) {
      if (n.present) f(n.account);
    });
  }
  [[nodiscard]] Footprint footprint() const;

  // What changed since the base was made. Applying a change copies that much, so fold() it away
  // before it is more than kFoldAt; at kMaxOverlay apply() folds all of it by itself.
  [[nodiscard]] std::size_t overlay() const { return overlay_.size(); }
  static constexpr std::size_t kFoldAt = 4'096, kMaxOverlay = 16'384;

  // For the file of a directory: slots of accounts, gone ones too, and the numbers by segment.
  [[nodiscard]] const AccountTable& account_table() const { return accounts_; }
  // Of `changed` those of this segment. f(const Item&); its view lives as long as the directory.
  template <typename F>
  void for_each_item(std::size_t segment, std::span<const Overlay::Entry* const> of_it,
                     F&& f) const {
    if (const Segment* base = segments_[segment].get())
      base->for_each([&](const PackedEntry& e) {
        if (of_it.empty() || overlay_.find(e.number(), spread(e.number())) == nullptr)
          f(Item{e.word, e.account, base->header(e)});
      });
    for (const Overlay::Entry* e : of_it)
      if (!e->gone)
        f(Item{e->word, e->account, e->header ? std::string_view(*e->header) : std::string_view{}});
  }
  [[nodiscard]] std::size_t base_size(std::size_t segment) const {
    return segments_[segment] ? segments_[segment]->size() : 0;
  }
  [[nodiscard]] std::vector<const Overlay::Entry*> changed() const { return overlay_.by_segment(); }

 private:
  friend class Builder;
  friend std::shared_ptr<const Directory> apply(const Directory&, const Changes&);
  friend std::shared_ptr<const Directory> fold(const Directory&, std::size_t);
  struct Raw {
    std::uint32_t account = 0;
    ServiceSet services = 0;
    std::string_view header;
  };
  [[nodiscard]] std::optional<Raw> find_raw(std::uint64_t number) const;
  void set(std::uint64_t number, const std::optional<NumberEntry>& to, AccountEditor& accounts);
  void fold_some(std::size_t segments);

  std::array<std::shared_ptr<const Segment>, kSegments> segments_;  // null: empty
  Overlay overlay_;
  AccountTable accounts_;
  std::size_t numbers_ = 0;
  std::size_t fold_next_ = 0;  // segment
  std::int64_t last_change_ = 0;
};
using DirectoryPtr = std::shared_ptr<const Directory>;

// `from` with the changes. Costs what the changes cost and a copy of the overlay, never the base.
[[nodiscard]] DirectoryPtr apply(const Directory& from, const Changes& changes);
// The same numbers with the overlay of the next `segments` (of kSegments) in the base. Only those
// are copied: a caller that lets go of each result's predecessor needs little memory for the whole.
[[nodiscard]] DirectoryPtr fold(const Directory& from, std::size_t segments);

// A directory from nothing.
class Builder {
 public:
  void add(const Account& account);
  // Of one number the last counts.
  void add(std::string_view number, const NumberEntry& entry);
  // For the file of a directory. False: this is no number, or has services that there are not.
  [[nodiscard]] bool add_packed(std::uint64_t number, ServiceSet services, std::uint32_t slot,
                                std::string_view header);
  // The slot of this name for add_packed(); `add` the account or it is one that is gone.
  [[nodiscard]] std::uint32_t slot_of(std::string_view name) { return accounts_.slot_of(name); }
  // Not to be used afterwards.
  [[nodiscard]] DirectoryPtr build(std::int64_t last_change);

 private:
  struct Part {
    std::vector<Pages> blocks;  // of kBlock entries; `header` counts in `headers` from 1
    std::size_t size = 0;
    std::vector<std::string> headers;
  };
  static constexpr std::size_t kBlock = 16'384;
  AccountEditor accounts_{AccountTable{}};
  std::array<Part, kSegments> parts_;
};

}  // namespace causeway::directory
