// Owner of a file descriptor. Any thread. Internal to this room and to dns/.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace causeway::reactor {

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& o) noexcept : fd_(std::exchange(o.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& o) noexcept {
    std::swap(fd_, o.fd_);
    return *this;
  }
  ~FileDescriptor() { close(); }
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }
  void close();

 private:
  int fd_ = -1;
};

// kIo with the text of errno: "bind 127.0.0.1:5060: address already in use".
[[nodiscard]] Error io_error(std::string_view what, int error_number);

// The soft limit on open files becomes the hard one; the new limit.
[[nodiscard]] Result<unsigned long> raise_file_limit();

// The last descriptors are not for media ports, of which a busy gateway takes most: connections,
// files, names and the operator's commands need some then more than ever. The kernel gives the
// lowest number that is free, so a socket with this number or a higher one is one of the last.
void reserve_descriptors_from(int first);
[[nodiscard]] int first_reserved_descriptor();
// A sixteenth of the limit, from 64 to 1024, and no more than a quarter.
[[nodiscard]] int reserved_of(unsigned long limit);

}  // namespace causeway::reactor
