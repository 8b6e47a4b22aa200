#include "app/directory_follower.h"

#include <algorithm>

namespace causeway::app {
namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

directory::Account account_of(const store::AccountRecord& r) {
  directory::Account out;
  out.name = r.name;
  out.tenant_id = lower(r.tenant_id.value_or(""));
  out.enabled = r.enabled;
  if (r.direct_routing) {
    out.screening = r.direct_routing->call_screening;
    out.subdomain = lower(r.direct_routing->subdomain);
    out.region1_token = r.direct_routing->region1_token;
    out.region2_token = r.direct_routing->region2_token;
  }
  return out;
}

directory::NumberEntry entry_of(const store::NumberRecord& r) {
  return {r.account, r.enabled, r.custom_header.value_or("")};
}

directory::Changes changes_of(const store::Changes& from, std::int64_t last_change) {
  directory::Changes out;
  out.last_change = last_change;
  for (const store::Change& c : from.changes) {
    if (c.kind == store::ChangeKind::kAccount)
      out.accounts.emplace_back(c.key,
                                c.account ? std::optional(account_of(*c.account)) : std::nullopt);
    if (c.kind == store::ChangeKind::kNumber)
      out.numbers.emplace_back(
          c.key, c.phone_number ? std::optional(entry_of(*c.phone_number)) : std::nullopt);
  }
  return out;
}

}  // namespace

Status DirectoryFollower::open() {
  if (store_) return {};
  auto opened = store::Store::open(locator_, {.connections = 1});
  if (!opened) return tl::unexpected(opened.error());
  store_ = std::move(*opened);
  return {};
}

Status DirectoryFollower::look(const Watcher& watcher) {
  const auto lost = [&](const Error& e) {
    confirmed_ = false;
    return tl::unexpected(e);
  };
  if (Status s = open(); !s) return lost(s.error());
  for (;;) {
    if (!confirmed_) {
      const auto same = same_history();
      if (!same) return lost(same.error());
      if (!*same)
        if (Status s = read_all(watcher); !s) return lost(s.error());
      confirmed_ = true;
    }
    if (watcher.stopping()) return {};
    auto reader = store_->read();
    if (!reader) return lost(reader.error());
    const auto last = (*reader)->last_change();
    if (!last) return lost(last.error());
    if (*last == directory_->last_change()) return {};
    if (*last < directory_->last_change()) {
      confirmed_ = false;
      continue;
    }
    if (Status s = take_changes(**reader, watcher); !s) {
      if (s.error().code != ErrorCode::kNotFound) return lost(s.error());
      reader->reset();  // there is one connection
      if (s = read_all(watcher); !s) return lost(s.error());
    }
  }
}

Result<bool> DirectoryFollower::same_history() {
  if (directory_->last_change() == 0 || mark_.empty()) return false;
  auto reader = store_->read();
  if (!reader) return tl::unexpected(reader.error());
  const auto mark = (*reader)->mark(directory_->last_change());
  if (!mark) return tl::unexpected(mark.error());
  return *mark == mark_;
}

// Page by page, each as it is when it is read; what changed meanwhile comes with the changes after
// the one that was the last at the beginning.
Status DirectoryFollower::read_all(const Watcher& watcher) {
  std::int64_t last = 0;
  std::string mark;
  {
    auto reader = store_->read();
    if (!reader) return tl::unexpected(reader.error());
    const auto change = (*reader)->last_change();
    if (!change) return tl::unexpected(change.error());
    last = *change;
    auto m = (*reader)->mark(last);
    if (!m) return tl::unexpected(m.error());
    mark = std::move(*m);
  }
  const auto builder = std::make_unique<directory::Builder>();  // too large for a stack
  const auto pages = [&](auto list, auto key_of, auto take) -> Status {
    store::Page page;
    page.limit = kPage;
    for (;;) {
      if (watcher.stopping()) return fail(ErrorCode::kUnavailable, "the gateway is stopping");
      auto reader = store_->read();
      if (!reader) return tl::unexpected(reader.error());
      const auto rows = list(**reader, page);
      if (!rows) return tl::unexpected(rows.error());
      for (const auto& r : *rows) take(r);
      if (static_cast<std::int64_t>(rows->size()) < kPage) return {};
      page.after = key_of(rows->back());
    }
  };
  Status s = pages([](store::Reader& r, const store::Page& p) { return r.list_accounts(p); },
                   [](const store::AccountRecord& a) { return a.name; },
                   [&](const store::AccountRecord& a) { builder->add(account_of(a)); });
  if (!s) return s;
  s = pages([](store::Reader& r, const store::Page& p) { return r.list_numbers(p, std::nullopt); },
            [](const store::NumberRecord& n) { return n.number; },
            [&](const store::NumberRecord& n) { builder->add(n.number, entry_of(n)); });
  if (!s) return s;
  directory_ = builder->build(last);
  mark_ = std::move(mark);
  watcher.publish(directory_);
  return {};
}

Status DirectoryFollower::take_changes(store::Reader& reader, const Watcher& watcher) {
  const auto changes = reader.changes_since(directory_->last_change(), kAtOnce);
  if (!changes) return tl::unexpected(changes.error());
  const bool all = static_cast<std::int64_t>(changes->changes.size()) < kAtOnce;
  const std::int64_t last = all ? changes->last : changes->changes.back().number;
  auto mark = reader.mark(last);
  if (!mark) return tl::unexpected(mark.error());
  directory_ = directory::apply(*directory_, changes_of(*changes, last));
  mark_ = std::move(*mark);
  watcher.publish(directory_);
  if (directory_->overlay() < directory::Directory::kFoldAt) return {};
  std::unique_lock<std::mutex> lock;
  if (watcher.folding != nullptr) {
    lock = std::unique_lock(*watcher.folding, std::try_to_lock);
    if (!lock) return {};
  }
  for (std::size_t i = 0; i < directory::kSegments; i += kFoldAtOnce) {
    directory_ = directory::fold(*directory_, kFoldAtOnce);
    watcher.publish(directory_);
  }
  return {};
}

}  // namespace causeway::app
