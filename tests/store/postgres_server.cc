#include "postgres_server.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

namespace causeway::testing {
namespace {

constexpr const char* kBin = "/usr/lib/postgresql/15/bin/";

// As a user without privileges: the server refuses to run as root.
pid_t start(const std::vector<std::string>& words, const std::string& log) {
  const passwd* user = ::geteuid() == 0 ? ::getpwnam("postgres") : nullptr;
  if (::geteuid() == 0 && user == nullptr) user = ::getpwnam("nobody");
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
  const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0666);
  ::dup2(out, 1);
  ::dup2(out, 2);
  if (user != nullptr)
    if (::setgroups(0, nullptr) != 0 || ::setgid(user->pw_gid) != 0 || ::setuid(user->pw_uid) != 0)
      ::_exit(126);
  ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
  std::vector<char*> argv;
  for (const auto& w : words) argv.push_back(const_cast<char*>(w.c_str()));
  argv.push_back(nullptr);
  ::execv(argv[0], argv.data());
  ::_exit(127);
}

std::string tail(const std::string& log) {
  std::ifstream in(log);
  std::stringstream s;
  s << in.rdbuf();
  return s.str();
}

}  // namespace

PostgresServer& PostgresServer::instance() {
  static PostgresServer server;
  return server;
}

PostgresServer::PostgresServer() {
  installed_ = std::filesystem::exists(std::string(kBin) + "initdb");
  if (!installed_) {
    problem_ = "PostgreSQL 15 is not installed (Debian package postgresql-15)";
    return;
  }
  char pattern[] = "/tmp/causeway-pg-XXXXXX";
  folder_ = ::mkdtemp(pattern);
  ::chmod(folder_.c_str(), 0777);  // the log of ours and the data of another user
  const std::string data = folder_ + "/data", log = folder_ + "/log";
  int status = 0;
  const pid_t made = start({std::string(kBin) + "initdb", "-D", data, "-U", "causeway", "-A",
                            "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"},
                           log);
  if (::waitpid(made, &status, 0) != made || status != 0) {
    problem_ = "initdb failed:\n" + tail(log);
    return;
  }
  // The disk of the server is not what is tested: it need not wait for it.
  server_ = start(
      {std::string(kBin) + "postgres", "-D", data, "-k", folder_, "-c", "listen_addresses=", "-c",
       "fsync=off", "-c", "max_connections=60", "-c", "shared_buffers=32MB"},
      log);
  for (int i = 0; i < 300; ++i) {
    if (std::ifstream pid(data + "/postmaster.pid"); pid) {
      std::stringstream s;
      s << pid.rdbuf();
      if (s.str().find("ready") != std::string::npos) return;
    }
    if (::waitpid(server_, &status, WNOHANG) == server_) {
      server_ = -1;
      break;
    }
    ::usleep(50'000);
  }
  problem_ = "the server did not start:\n" + tail(log);
}

PostgresServer::~PostgresServer() {
  if (server_ > 0) {
    ::kill(server_, SIGQUIT);
    int status = 0;
    ::waitpid(server_, &status, 0);
  }
  std::error_code ec;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ec);
}

std::string PostgresServer::connection(const std::string& database) const {
  return "host=" + folder_ + " user=causeway dbname=" + database;
}

TemporaryFolder::TemporaryFolder() {
  char pattern[] = "/tmp/causeway-store-XXXXXX";
  path_ = ::mkdtemp(pattern);
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ec;
  std::filesystem::remove_all(path_, ec);
}

}  // namespace causeway::testing
