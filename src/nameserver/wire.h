// Messages of DNS as bytes (RFC 1035, 6891): pure, bounded by the size of what came. Any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "nameserver/zone.h"

namespace causeway::nameserver {

using Bytes = std::vector<std::byte>;

// What goes through networks without fragments (DNS flag day 2020), and our word in EDNS.
inline constexpr std::size_t kMaxDatagram = 1'232;
inline constexpr std::size_t kMaxQuery = 4'096;

enum class Over : std::uint8_t { kUdp, kTcp };

struct Reply {
  Bytes bytes;
  Rcode rcode = Rcode::kNoError;
  bool truncated = false;
};

// nullopt: no question, and what is no question gets no answer (two servers would not stop).
[[nodiscard]] std::optional<Reply> answer(std::span<const std::byte> query, Over over,
                                          const Zone& zone, const Tenants& tenants);
// As if it did not fit: whoever is a resolver asks again over TCP.
[[nodiscard]] std::optional<Bytes> truncated(std::span<const std::byte> query);

// --- the other side: what a name server says of one name ---

[[nodiscard]] Result<Bytes> make_query(std::string_view name, Type type, std::uint16_t id);
struct Said {
  Rcode rcode = Rcode::kNoError;
  std::vector<std::string> data;  // of that name (behind aliases) and type; TXT joined, unquoted
};
// kMalformed: no answer to that question; kUnavailable: one that does not say what there is.
[[nodiscard]] Result<Said> read_reply(std::span<const std::byte> reply, std::string_view name,
                                      Type type, std::uint16_t id);

}  // namespace causeway::nameserver
