#include "lab/quiet_room.h"

#include <fmt/core.h>
#include <sched.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

extern char** environ;

namespace causeway::lab {
namespace {

Status run_ip(std::initializer_list<const char*> words) {
  std::array<char*, 12> arguments{};
  std::string shown = "ip";
  arguments[0] = const_cast<char*>("ip");
  std::size_t n = 1;
  for (const char* w : words) {
    arguments.at(n++) = const_cast<char*>(w);
    shown += std::string(" ") + w;
  }
  pid_t child = 0;
  if (const int e = posix_spawnp(&child, "ip", nullptr, nullptr, arguments.data(), environ); e != 0)
    return fail(ErrorCode::kIo,
                fmt::format("cannot run ip (Debian package iproute2): {}", std::strerror(e)));
  int status = 0;
  if (waitpid(child, &status, 0) != child || status != 0)
    return fail(ErrorCode::kIo, "'" + shown + "' failed");
  return {};
}

bool write_file(const char* path, const std::string& text) {
  std::ofstream out(path);
  out << text;
  out.close();
  return !out.fail();
}

}  // namespace

Status enter_quiet_room() {
  const auto user = geteuid();
  const auto group = getegid();
  const bool root = user == 0;
  if (unshare(root ? CLONE_NEWNET : CLONE_NEWUSER | CLONE_NEWNET) != 0)
    return fail(
        ErrorCode::kIo,
        fmt::format("no network namespace of our own ({}): run as root, or allow "
                    "unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone)",
                    std::strerror(errno)));
  if (!root && !(write_file("/proc/self/setgroups", "deny") &&
                 write_file("/proc/self/uid_map", fmt::format("0 {} 1", user)) &&
                 write_file("/proc/self/gid_map", fmt::format("0 {} 1", group))))
    return fail(ErrorCode::kIo, "cannot become root of the user namespace");
  if (auto s = run_ip({"link", "set", "lo", "up"}); !s) return s;
  if (auto s = run_ip({"route", "add", "local", "0.0.0.0/0", "dev", "lo"}); !s) return s;
  if (access("/proc/net/if_inet6", F_OK) != 0) return {};  // a kernel without IPv6
  return run_ip({"-6", "route", "add", "local", "::/0", "dev", "lo"});
}

}  // namespace causeway::lab
