// Any bytes as the file of a directory, whatever their checksums: refused with a reason, or a
// directory in which every account and number that it counts is found.
#include <cstdlib>
#include <string_view>

#include "directory/snapshot_file.h"

using namespace causeway::directory;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto read = parse_snapshot(bytes, Checksums::kIgnored);
  if (!read) {
    if (read.error().what.empty()) std::abort();
    return 0;
  }
  const Directory& d = *read->directory;
  std::size_t accounts = 0, numbers = 0;
  d.for_each_account([&](const Account& a) {
    ++accounts;
    const Account* found = d.account(a.name);
    if (found == nullptr || found->name != a.name) std::abort();
    (void)d.account_of_subdomain(a.subdomain);
  });
  for (std::size_t i = 0; i < kSegments; ++i)
    d.for_each_item(i, {}, [&](const Item& item) {
      ++numbers;
      const auto n = d.find(unpack_number(item.word & kPackedMask));
      if (n && n->custom_header != item.header) std::abort();
      if (!n && d.account_table().at(item.account)->present) std::abort();
    });
  if (accounts != d.accounts() || numbers != d.numbers()) std::abort();
  return 0;
}
