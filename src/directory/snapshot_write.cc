#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <unordered_map>

#include "base/archive.h"
#include "directory/crc32c.h"
#include "directory/snapshot_file.h"
#include "directory/snapshot_format.h"

namespace causeway::directory {
namespace {

tl::unexpected<Error> io(std::string_view what, const std::string& path) {
  return fail(ErrorCode::kIo, fmt::format("{} '{}': {}", what, path, std::strerror(errno)));
}

// A file under another name until finish(); gone when that is not reached.
class Draft {
 public:
  explicit Draft(std::string path)
      : path_(std::move(path)),
        draft_(path_ + ".new." + std::to_string(::getpid())),
        fd_(::open(draft_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600)) {}
  ~Draft() {
    if (fd_ < 0) return;
    ::close(fd_);
    if (!finished_) ::unlink(draft_.c_str());
  }
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  void add(std::string_view bytes) {
    buffer_ += bytes;
    if (buffer_.size() >= kBuffer) flush();
  }
  void section(format::Kind kind, std::string_view bytes) {
    Writer head;
    head.field(kind);
    head.field(static_cast<std::uint32_t>(bytes.size()));
    head.field(crc32c(bytes));
    add(head.take());
    add(bytes);
  }
  [[nodiscard]] Status finish() {
    if (fd_ >= 0) flush();
    if (fd_ < 0 || error_ != 0) {
      if (error_ != 0) errno = error_;
      return io("cannot write", draft_);
    }
    if (::fsync(fd_) != 0) return io("cannot sync", draft_);
    const std::string old = path_ + ".old";
    if (::rename(path_.c_str(), old.c_str()) != 0 && errno != ENOENT)
      return io("cannot replace", old);
    if (::rename(draft_.c_str(), path_.c_str()) != 0) return io("cannot replace", path_);
    finished_ = true;
    const std::string folder = std::filesystem::path(path_).parent_path().string();
    const int dir =
        ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool synced = dir >= 0 && ::fsync(dir) == 0;
    const int why = errno;
    if (dir >= 0) ::close(dir);
    errno = why;
    return synced ? Status{} : io("cannot sync", folder);
  }

 private:
  static constexpr std::size_t kBuffer = 1 << 20;
  void flush() {
    std::string_view left = buffer_;
    while (!left.empty() && error_ == 0) {
      const ssize_t n = ::write(fd_, left.data(), left.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) error_ = errno;
      left.remove_prefix(n <= 0 ? left.size() : static_cast<std::size_t>(n));
    }
    buffer_.clear();
  }

  const std::string path_, draft_;
  int fd_;
  int error_ = 0;
  bool finished_ = false;
  std::string buffer_;
};

// Accounts get the numbers of their order in the file.
std::unordered_map<std::uint32_t, std::uint32_t> write_accounts(Draft& out, const Directory& d) {
  std::unordered_map<std::uint32_t, std::uint32_t> places;
  Writer section;
  std::size_t bytes = 0;
  const auto end_section = [&] {
    if (bytes != 0) out.section(format::Kind::kAccounts, section.take());
    section = {};
    bytes = 0;
  };
  d.account_table().for_each([&](std::uint32_t slot, const AccountNode& node) {
    places.emplace(slot, static_cast<std::uint32_t>(places.size()));
    std::uint8_t present = node.present ? 1 : 0;
    format::account_fields(section, node.account, present);
    bytes += node.account.name.size() + node.account.tenant_id.size() +
             node.account.subdomain.size() + node.account.region1_token.size() +
             node.account.region2_token.size() + 32;
    if (bytes >= format::kAccountBytesAtOnce) end_section();
  });
  end_section();
  return places;
}

void write_numbers(Draft& out, std::span<const Item> items,
                   const std::unordered_map<std::uint32_t, std::uint32_t>& places) {
  Writer section;
  section.field(static_cast<std::uint32_t>(items.size()));
  std::string headers;
  std::unordered_map<std::string_view, std::uint32_t> known;
  for (const Item& item : items) {
    std::uint32_t header = 0;
    if (!item.header.empty()) {
      const auto [at, is_new] =
          known.emplace(item.header, static_cast<std::uint32_t>(headers.size()) + 1);
      header = at->second;
      if (is_new) {
        const auto length = static_cast<std::uint32_t>(item.header.size());
        headers.append(reinterpret_cast<const char*>(&length), sizeof length);
        headers += item.header;
      }
    }
    section.field(item.word);
    section.field(places.at(item.account));
    section.field(header);
  }
  out.section(format::Kind::kNumbers, section.take() + headers);
}

std::string head_of(const Snapshot& s, std::size_t slots) {
  Writer fields;
  fields.field(s.directory->last_change());
  fields.field(s.as_of.micros);
  fields.field(static_cast<std::uint64_t>(slots));
  fields.field(static_cast<std::uint64_t>(s.directory->numbers()));
  fields.field(s.mark.substr(0, kMaxMark));
  const std::string body = fields.take();
  Writer head;
  head.field(format::kVersion);
  head.field(static_cast<std::uint32_t>(body.size()));
  head.field(crc32c(body));
  return std::string(format::kMagic) + head.take() + body;
}

}  // namespace

Status write_snapshot(const std::string& path, const Snapshot& s) {
  const Directory& d = *s.directory;
  Draft out(path);
  std::size_t slots = 0;
  d.account_table().for_each([&](std::uint32_t, const AccountNode&) { ++slots; });
  out.add(head_of(s, slots));
  const auto places = write_accounts(out, d);
  const auto changed = d.changed();
  auto from = changed.begin();
  for (std::size_t i = 0; i < kSegments; ++i) {
    const auto to = std::find_if(from, changed.end(), [&](const Overlay::Entry* e) {
      return segment_of(spread(e->word & kPackedMask)) != i;
    });
    std::vector<Item> items;
    std::size_t bytes = 0;
    const auto end_section = [&] {
      if (!items.empty()) write_numbers(out, items, places);
      items.clear();
      bytes = 0;
    };
    d.for_each_item(i, {from, to}, [&](const Item& item) {
      items.push_back(item);
      bytes += item.header.size();
      // 1,000 bytes of header each would be too much for one section.
      if (items.size() == format::kNumbersAtOnce || bytes >= format::kMaxSection / 2) end_section();
    });
    end_section();
    from = to;
  }
  out.section(format::Kind::kEnd, {});
  return out.finish();
}

}  // namespace causeway::directory
