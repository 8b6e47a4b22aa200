// A network of our own, in which every address is this machine's and nothing leads outside: a
// configuration made for another machine runs in it unchanged, and what it sends reaches the lab
// alone. Before any thread is started.
#pragma once

#include "base/result.h"

namespace causeway::lab {

// This process, and what it starts, are in the room from here on. Needs unprivileged user
// namespaces or root, and Debian's iproute2.
[[nodiscard]] Status enter_quiet_room();

}  // namespace causeway::lab
