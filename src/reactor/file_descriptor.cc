#include "reactor/file_descriptor.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <limits>
#include <system_error>

namespace causeway::reactor {

void FileDescriptor::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Error io_error(std::string_view what, int error_number) {
  std::string text = error_number == EADDRINUSE ? "address already in use"
                                                : std::generic_category().message(error_number);
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] + 32);
  if (!what.empty()) text.insert(0, std::string(what) + ": ");
  return {ErrorCode::kIo, std::move(text)};
}

Result<unsigned long> raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return tl::unexpected<Error>(io_error("limit of open files", errno));
  if (limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
      return tl::unexpected<Error>(io_error("limit of open files", errno));
  }
  return limit.rlim_cur;
}

namespace {
std::atomic<int> first_reserved{std::numeric_limits<int>::max()};
}

void reserve_descriptors_from(int first) { first_reserved = first; }
int first_reserved_descriptor() { return first_reserved; }
int reserved_of(unsigned long limit) {
  return static_cast<int>(std::min(std::clamp<unsigned long>(limit / 16, 64, 1024), limit / 4));
}

}  // namespace causeway::reactor
