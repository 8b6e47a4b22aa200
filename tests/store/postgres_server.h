// A real PostgreSQL server of a test's own: made in a folder under /tmp, heard on a socket there,
// gone with the process. One per test binary.
#pragma once

#include <sys/types.h>

#include <string>

namespace causeway::testing {

class PostgresServer {
 public:
  // The server of this process, started at first use.
  static PostgresServer& instance();
  ~PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  // Empty: it runs. Otherwise why not; `installed` tells whether that is a reason to skip.
  [[nodiscard]] const std::string& problem() const { return problem_; }
  [[nodiscard]] bool installed() const { return installed_; }
  [[nodiscard]] std::string connection(const std::string& database) const;

 private:
  PostgresServer();
  std::string folder_, problem_;
  bool installed_ = false;
  pid_t server_ = -1;
};

// A fresh folder, removed with the object.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace causeway::testing
