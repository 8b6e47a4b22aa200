// A directory on local disk: what a gateway starts from when the store cannot be reached. Waits for
// the disk, so never on a shard.
//
// Little-endian. A head (magic, version, change, times, counts, checksum), then sections, each its
// kind, length and checksum (CRC-32C) before its bytes: accounts, numbers, an end. A file is whole
// or refused; the one before stays beside it as NAME.old and is read when NAME is refused.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "directory/directory.h"

namespace causeway::directory {

struct Snapshot {
  DirectoryPtr directory;  // never null
  WallTime as_of;          // the store said so then
  std::string mark;        // of its last change, by which the store knows it again; at most 1 kB
};
inline constexpr std::size_t kMaxMark = 1'024;

// Beside the file, synced, renamed over it; the folder synced.
[[nodiscard]] Status write_snapshot(const std::string& path, const Snapshot& snapshot);

struct ReadSnapshot {
  Snapshot snapshot;
  std::string trouble;  // why it is the file before; empty: it is not
};
// kNotFound: there is none. Any other error says what is wrong and what to do.
[[nodiscard]] Result<ReadSnapshot> read_snapshot(const std::string& path);

// The bytes of such a file. Without checksums every other rule is still held, for tests that
// change bytes.
enum class Checksums : std::uint8_t { kHeld, kIgnored };
[[nodiscard]] Result<Snapshot> parse_snapshot(std::string_view bytes,
                                              Checksums checksums = Checksums::kHeld);

}  // namespace causeway::directory
