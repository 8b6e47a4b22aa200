// Files that are whole or absent, whenever the process is killed. Management threads only: they
// wait for the disk.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace causeway::app {

// Writes beside the file, fsyncs, renames over it and fsyncs the folder.
[[nodiscard]] Status write_atomically(const std::string& path, std::string_view content);
[[nodiscard]] Result<std::string> read_whole(const std::string& path,
                                             std::size_t max_bytes = 16 << 20);

}  // namespace causeway::app
