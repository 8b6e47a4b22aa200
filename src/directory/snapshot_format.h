// The layout of the file of a directory, for its writer and its reader alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace causeway::directory::format {

inline constexpr std::string_view kMagic = "CWDIRSNP";
inline constexpr std::uint32_t kVersion = 1;

enum class Kind : std::uint32_t { kAccounts = 1, kNumbers = 2, kEnd = 3 };

struct SectionHead {
  std::uint32_t kind = 0, length = 0, checksum = 0;
};
inline constexpr std::size_t kSectionHead = 12;

// The head: magic, version, length of what follows, its checksum; then, by base/archive.h, the last
// change, as_of, the numbers of account slots and of phone numbers, and the mark.
inline constexpr std::size_t kFileHead = 20;
inline constexpr std::size_t kMaxHead = 4'096;

// Numbers: their count, that many words of 16 bytes (as PackedEntry; `account` counts the accounts
// of the file from 0), then the header values, each behind its length.
inline constexpr std::size_t kMaxSection = 4 << 20;
inline constexpr std::size_t kNumbersAtOnce = 16'384;
inline constexpr std::size_t kAccountBytesAtOnce = 256 << 10;

template <typename Archive, typename Account>
void account_fields(Archive& a, Account& account, std::uint8_t& present) {
  a.field(present);
  a.field(account.name);
  a.field(account.tenant_id);
  a.field(account.enabled);
  a.field(account.screening);
  a.field(account.subdomain);
  a.field(account.region1_token);
  a.field(account.region2_token);
}

}  // namespace causeway::directory::format
