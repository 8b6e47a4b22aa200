// Any text as the filter of a list: refused with a message, or a condition whose text is ours alone
// and which has a place for each of its values.
#include <algorithm>
#include <string_view>

#include "provisioning/filter.h"

using namespace causeway::provisioning;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto fields : {account_filter_fields(), number_filter_fields(),
                            request_filter_fields(), address_filter_fields()}) {
    const auto condition = parse_filter(text, fields);
    if (!condition) continue;
    const auto& sql = condition->sql;
    const auto places = std::count(sql.begin(), sql.end(), '?');
    if (static_cast<std::size_t>(places) != condition->values.size()) __builtin_trap();
    if (sql.find(';') != sql.npos || sql.find("--") != sql.npos || sql.find('\0') != sql.npos)
      __builtin_trap();
  }
  return 0;
}
