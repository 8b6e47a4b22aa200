// Which peer group a request comes from, by what the transport knows and by its Request-URI. Pure
// reads of an immutable snapshot: any thread, no allocation.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "deployment/deployment.h"

namespace causeway::deployment {

// Every condition that the group gives must hold. `certificate_names` are those of the peer's
// verified certificate and empty without TLS; `request_host` is the host of the Request-URI,
// without port, and an IPv6 address with or without brackets; nullopt when it is a service (RFC
// 5031), which names no host and fits every group: the first of the file is taken. load() makes
// sure that at most one group fits, except for a certificate that carries the names of two: then
// the first of the file is taken.
[[nodiscard]] std::optional<GroupIndex> recognise(const Deployment& d, ListenerIndex listener,
                                                  const Endpoint& source,
                                                  std::span<const std::string> certificate_names,
                                                  std::optional<std::string_view> request_host);

// Whether anything from `source` can be of any group on this listener: asked before a byte is
// parsed.
[[nodiscard]] bool allowed_source(const Deployment& d, ListenerIndex listener,
                                  const Endpoint& source);

// The one group of this listener that has `source`; nullopt when none or several have, and only
// more of the message would tell which.
[[nodiscard]] std::optional<GroupIndex> group_of_source(const Deployment& d, ListenerIndex listener,
                                                        const Endpoint& source);

// Whether `source` is one group's alone on this listener, by a prefix that is no wider than a
// network that somebody owns (/8; IPv6: /16).
[[nodiscard]] bool owned_source(const Deployment& d, ListenerIndex listener,
                                const Endpoint& source);

// For load(), and for deployments that tests make by hand.
[[nodiscard]] std::vector<RecognitionTable> make_recognition_tables(const Deployment& d);

}  // namespace causeway::deployment
