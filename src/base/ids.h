// Strong identifiers: two values that could be swapped have two types.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace causeway {

template <typename Tag, typename Rep = std::uint32_t>
struct StrongId {
  Rep value{};
  constexpr StrongId() = default;
  constexpr explicit StrongId(Rep v) : value(v) {}
  friend constexpr auto operator<=>(const StrongId&, const StrongId&) = default;
};

using CallId = StrongId<struct CallIdTag, std::uint64_t>;  // ours, not the SIP Call-ID header
using LegId = StrongId<struct LegIdTag, std::uint32_t>;
using ShardId = StrongId<struct ShardIdTag, std::uint16_t>;
using NodeId = StrongId<struct NodeIdTag, std::uint8_t>;
using Bucket =
    StrongId<struct BucketTag, std::uint8_t>;  // one of 256; in every tag and branch of ours
using PayloadType = StrongId<struct PayloadTypeTag, std::uint8_t>;
using Ssrc = StrongId<struct SsrcTag, std::uint32_t>;

}  // namespace causeway

template <typename Tag, typename Rep>
struct std::hash<causeway::StrongId<Tag, Rep>> {
  std::size_t operator()(const causeway::StrongId<Tag, Rep>& id) const noexcept {
    return std::hash<Rep>{}(id.value);
  }
};
