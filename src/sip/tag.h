// Our tags and Via branches carry node and bucket, so that every later message of a call finds the
// shard (and node) that owns it: "NNBB" + 64 random bits, all in hexadecimal.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/random.h"
#include "sip/message.h"

namespace causeway::sip {

inline constexpr std::string_view kMagicCookie = "z9hG4bK";  // RFC 3261 8.1.1.7

struct Owner {
  NodeId node;
  Bucket bucket;
  friend bool operator==(const Owner&, const Owner&) = default;
};

[[nodiscard]] std::string make_tag(Owner owner, Random& random);
[[nodiscard]] std::string make_branch(Owner owner, Random& random);
// nullopt: not one of ours.
[[nodiscard]] std::optional<Owner> owner_of_tag(std::string_view tag);
[[nodiscard]] std::optional<Owner> owner_of_branch(std::string_view branch);
// The 64 random bits of one of our tags.
[[nodiscard]] std::optional<std::uint64_t> random_of_tag(std::string_view tag);

[[nodiscard]] Bucket bucket_of_call_id(std::string_view call_id);

// Where a message belongs (architecture, "Routing key"): a response by our Via branch; a request
// with our To-tag by it; an INVITE with Replaces by the tag that names; everything else by Call-ID.
// nullopt: a response to nothing of ours. The node is that of the tag: where there is one node
// alone, whoever delivers within it needs the bucket only, and what bears another node's number
// finds no dialog there, for the 64 random bits are nobody's.
[[nodiscard]] std::optional<Owner> owner_of(const Message& m, NodeId self);

}  // namespace causeway::sip
