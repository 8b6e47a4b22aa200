// From a store to a directory, change by change. On one thread, which waits for the store.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "base/result.h"
#include "directory/directory.h"
#include "store/store.h"

namespace causeway::app {

class DirectoryFollower {
 public:
  // `from` with the mark of its last change in its store: what a file kept, or Directory::none().
  DirectoryFollower(std::string locator, directory::DirectoryPtr from, std::string mark)
      : locator_(std::move(locator)), directory_(std::move(from)), mark_(std::move(mark)) {}

  struct Watcher {
    std::function<void(const directory::DirectoryPtr&)> publish;  // each step on the way
    std::function<bool()> stopping;  // look() ends early when it says so
    // Around folding, which is put off while it does not lock: whoever holds a directory for long
    // would hold a second copy of all that is folded meanwhile.
    std::mutex* folding = nullptr;
  };
  // Takes over all that changed. The whole store is read again when it has another history than
  // what is known (restored, exchanged) or has trimmed its changes. An error leaves what is known.
  [[nodiscard]] Status look(const Watcher& watcher);

  [[nodiscard]] const directory::DirectoryPtr& directory() const { return directory_; }
  [[nodiscard]] const std::string& mark() const { return mark_; }

  // Changes that are read and applied at a time, and rows of a page of the whole.
  static constexpr std::int64_t kAtOnce = 2'000, kPage = 5'000;
  // Parts of the index that are folded before the result is published: only those are there twice
  // for a moment.
  static constexpr std::size_t kFoldAtOnce = 1;

 private:
  [[nodiscard]] Status open();
  [[nodiscard]] Result<bool> same_history();
  [[nodiscard]] Status read_all(const Watcher& watcher);
  [[nodiscard]] Status take_changes(store::Reader& reader, const Watcher& watcher);

  const std::string locator_;
  directory::DirectoryPtr directory_;
  std::string mark_;
  std::unique_ptr<store::Store> store_;
  bool confirmed_ = false;  // what is known is of this store, since it was last lost
};

}  // namespace causeway::app
