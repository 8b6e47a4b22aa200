#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/archive.h"
#include "directory/crc32c.h"
#include "directory/snapshot_file.h"
#include "directory/snapshot_format.h"

namespace causeway::directory {
namespace {

class Source {
 public:
  virtual ~Source() = default;
  // False when there are not that many bytes.
  [[nodiscard]] virtual bool read(std::size_t n, std::string& into) = 0;
  [[nodiscard]] virtual std::uint64_t left() const = 0;
};

class Bytes final : public Source {
 public:
  explicit Bytes(std::string_view bytes) : bytes_(bytes) {}
  bool read(std::size_t n, std::string& into) override {
    if (n > bytes_.size()) return false;
    into.assign(bytes_.substr(0, n));
    bytes_.remove_prefix(n);
    return true;
  }
  std::uint64_t left() const override { return bytes_.size(); }

 private:
  std::string_view bytes_;
};

class File final : public Source {
 public:
  explicit File(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    struct ::stat s{};
    if (fd_ >= 0 && ::fstat(fd_, &s) == 0 && S_ISREG(s.st_mode))
      left_ = static_cast<std::uint64_t>(s.st_size);
  }
  ~File() override {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] bool opened() const { return fd_ >= 0; }

  bool read(std::size_t n, std::string& into) override {
    if (n > left_) return false;
    into.resize(n);
    for (std::size_t have = 0; have < n;) {
      const ssize_t r = ::read(fd_, into.data() + have, n - have);
      if (r < 0 && errno == EINTR) continue;
      if (r <= 0) return false;
      have += static_cast<std::size_t>(r);
    }
    left_ -= n;
    return true;
  }
  std::uint64_t left() const override { return left_; }

 private:
  int fd_;
  std::uint64_t left_ = 0;
};

tl::unexpected<Error> damaged(std::string what) {
  return fail(ErrorCode::kMalformed, std::move(what));
}

class Parser {
 public:
  Parser(Source& in, Checksums checksums) : in_(in), checked_(checksums == Checksums::kHeld) {}

  [[nodiscard]] Result<Snapshot> run() {
    if (Status s = head(); !s) return tl::unexpected(s.error());
    for (int section = 1;; ++section) {
      const auto kind = next_section();
      Status s = kind ? Status{} : tl::unexpected(kind.error());
      if (s && *kind == format::Kind::kEnd) break;
      if (s) s = *kind == format::Kind::kAccounts ? accounts() : numbers();
      if (!s) return damaged(fmt::format("section {}: {}", section, s.error().what));
    }
    if (in_.left() != 0) return damaged("there is something behind its end");
    if (slots_.size() != slot_count_) return damaged("accounts are missing");
    out_.directory = builder_.build(last_change_);
    if (out_.directory->numbers() != number_count_)
      return damaged("numbers are missing or doubled");
    return std::move(out_);
  }

 private:
  Status head() {
    if (!in_.read(format::kFileHead, bytes_) || !bytes_.starts_with(format::kMagic))
      return damaged("it is no directory of ours");
    Reader fixed(std::string_view(bytes_).substr(format::kMagic.size()));
    std::uint32_t version = 0, length = 0, sum = 0;
    fixed.field(version);
    fixed.field(length);
    fixed.field(sum);
    if (version != format::kVersion)
      return fail(ErrorCode::kVersion,
                  fmt::format("it is of version {}, and {} is read", version, format::kVersion));
    if (length > format::kMaxHead || !in_.read(length, bytes_))
      return damaged("its head is cut off");
    if (checked_ && crc32c(bytes_) != sum) return damaged("the checksum of its head is wrong");
    Reader r(bytes_);
    r.field(last_change_);
    r.field(out_.as_of.micros);
    r.field(slot_count_);
    r.field(number_count_);
    r.field(out_.mark);
    if (!r.ok() || r.left() != 0 || last_change_ < 0 || out_.mark.size() > kMaxMark)
      return damaged("its head makes no sense");
    return {};
  }

  Result<format::Kind> next_section() {
    if (!in_.read(format::kSectionHead, bytes_)) return damaged("it ends too early");
    Reader r(bytes_);
    format::SectionHead h;
    r.field(h.kind);
    r.field(h.length);
    r.field(h.checksum);
    if (h.kind < 1 || h.kind > 3) return damaged(fmt::format("its kind is {}", h.kind));
    const auto kind = static_cast<format::Kind>(h.kind);
    if (h.length > format::kMaxSection || (kind == format::Kind::kEnd && h.length != 0))
      return damaged(fmt::format("its length is {}", h.length));
    if (!in_.read(h.length, bytes_)) return damaged("it ends too early");
    if (checked_ && crc32c(bytes_) != h.checksum) return damaged("its checksum is wrong");
    return kind;
  }

  Status accounts() {
    Reader r(bytes_);
    while (r.left() != 0) {
      Account a;
      std::uint8_t present = 0;
      format::account_fields(r, a, present);
      if (!r.ok() || a.name.empty() || present > 1 || (a.enabled & ~kAllServices) != 0 ||
          slots_.size() >= slot_count_)
        return damaged("an account makes no sense");
      const std::uint32_t slot = builder_.slot_of(a.name);
      if (slot != slots_.size()) return damaged("an account is there twice");
      slots_.push_back(slot);
      if (present == 1) builder_.add(a);
    }
    return {};
  }

  Status numbers() {
    Reader r(bytes_);
    std::uint32_t count = 0;
    r.field(count);
    if (!r.ok() || count > format::kNumbersAtOnce || r.left() / sizeof(PackedEntry) < count)
      return damaged("it has fewer numbers than it says");
    const auto headers =
        std::string_view(bytes_).substr(sizeof count + std::size_t{count} * sizeof(PackedEntry));
    for (std::uint32_t i = 0; i < count; ++i) {
      PackedEntry e;
      r.field(e.word);
      r.field(e.account);
      r.field(e.header);
      const auto header = header_of(headers, e.header);
      if (!header || e.account >= slots_.size() || e.word >> kPackedBits != e.services() ||
          !builder_.add_packed(e.number(), e.services(), slots_[e.account], *header))
        return damaged("a number makes no sense");
    }
    return {};
  }

  static std::optional<std::string_view> header_of(std::string_view headers, std::uint32_t place) {
    if (place == 0) return std::string_view{};
    std::uint32_t length = 0;
    const std::size_t at = place - 1;
    if (at > headers.size() || headers.size() - at < sizeof length) return {};
    headers.remove_prefix(at);
    headers.copy(reinterpret_cast<char*>(&length), sizeof length);
    headers.remove_prefix(sizeof length);
    if (length == 0 || length > kMaxHeaderValue || length > headers.size()) return {};
    return headers.substr(0, length);
  }

  Source& in_;
  const bool checked_;
  std::string bytes_;  // of the section that is read
  Snapshot out_;
  Builder builder_;
  std::vector<std::uint32_t> slots_;  // of the accounts of the file, in their order
  std::int64_t last_change_ = 0;
  std::uint64_t slot_count_ = 0, number_count_ = 0;
};

Result<Snapshot> read_file(const std::string& path) {
  File file(path);
  if (!file.opened())
    return fail(errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo,
                fmt::format("cannot read '{}': {}", path, std::strerror(errno)));
  auto out = std::make_unique<Parser>(file, Checksums::kHeld)->run();
  if (!out)
    return fail(out.error().code,
                fmt::format("the directory file '{}' is not used, {}; a good one is written when "
                            "the store can be reached, and this one may be deleted",
                            path, out.error().what));
  return out;
}

}  // namespace

Result<Snapshot> parse_snapshot(std::string_view bytes, Checksums checksums) {
  Bytes in(bytes);
  return std::make_unique<Parser>(in, checksums)->run();  // too large for a stack
}

Result<ReadSnapshot> read_snapshot(const std::string& path) {
  auto newest = read_file(path);
  if (newest) return ReadSnapshot{std::move(*newest), {}};
  auto before = read_file(path + ".old");
  if (before) return ReadSnapshot{std::move(*before), newest.error().what};
  return tl::unexpected(newest.error().code == ErrorCode::kNotFound ? before.error()
                                                                    : newest.error());
}

}  // namespace causeway::directory
